package service_test

import (
	"testing"

	"stackgate/internal/approval"
	"stackgate/internal/service"
	"stackgate/services"
)

// The example project is documentation, so what it resolves to is pinned here.
func TestExampleProjectResolves(t *testing.T) {
	catalog, err := service.Load(services.Files, "services")
	if err != nil {
		t.Fatal(err)
	}
	if got := len(catalog.Services()); got < 8 {
		t.Errorf("the example has %d services, too few to show what it is for", got)
	}
	orders, err := catalog.Definition("orders", "prod")
	if err != nil {
		t.Fatal(err)
	}
	if orders.StackName != "shop-orders-prod" || orders.Account != "222222222222" || orders.Region != "eu-west-1" {
		t.Errorf("orders/prod is %s in %s %s", orders.StackName, orders.Account, orders.Region)
	}
	if orders.Parameters["Memory"] != "1024" || orders.Parameters["TableName"] != "shop-orders-prod" {
		t.Errorf("parameters of orders/prod: %v", orders.Parameters)
	}
	if orders.Approval.When != approval.Always || orders.Approval.Count != 2 || orders.Approval.Self != approval.SelfForbidden {
		t.Errorf("policy of orders/prod: %+v", orders.Approval)
	}
	staging, err := catalog.Definition("orders", "staging")
	if err != nil {
		t.Fatal(err)
	}
	if staging.Approval.When != approval.Dangerous || staging.Parameters["Memory"] != "512" {
		t.Errorf("orders/staging: %+v %v", staging.Approval, staging.Parameters)
	}
}
