package service_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/service"
)

// exampleProject is the example of SERVICES.md, less the keys that are not implemented yet.
var exampleProject = fstest.MapFS{
	"project.yaml": text(`
version: 1
project: shop
environments:
  staging:
    account: "111111111111"
    region: eu-west-1
    rank: 1
    policy:
      approval: { when: dangerous }
      allowParameterOverrides: true
    defaults:
      parameters: { LogRetentionDays: 14 }
      tags: { environment: staging }
  prod:
    account: "222222222222"
    region: eu-west-1
    rank: 2
    policy:
      approval: { when: always, count: 1, expiresAfter: 24h }
      allowParameterOverrides: false
    defaults:
      parameters: { LogRetentionDays: 365 }
      tags: { environment: prod }
defaults:
  template: templates/http-service.yaml
  stackName: ${project}-${service}-${environment}
  executionRole: arn:aws:iam::${account}:role/cfn-exec-${project}
  capabilities: [CAPABILITY_IAM]
  onFailure: rollback
  timeouts: { changeSet: 15m, execution: 2h }
  parameters:
    Cpu: 256
    Memory: 512
    Ingress: internal
  tags:
    project: shop
    managed-by: stackgate
`),
	"orders.yaml": text(`
version: 1
service: orders
owner: team-orders
parameters:
  Cpu: 512
  TableName: ${project}-orders-${environment}
secrets:
  ApiKey: { secretsManager: shop/orders/api-key, versionStage: AWSCURRENT }
tags: { cost-centre: "4711" }
environments:
  prod:
    parameters: { Cpu: 1024, Memory: 2048, Ingress: public }
    policy:
      approval: { count: 2 }
`),
	"invoices.yaml": text(`
version: 1
service: invoices
owner: team-billing
parameters:
  Memory: 1024
  Schedule: null
environments:
  staging:
    enabled: true
  prod:
    parameters: { Memory: 4096 }
    drift: ignore
`),
	"templates/http-service.yaml": text(`
Parameters:
  Cpu: { Type: Number }
  Memory: { Type: Number }
  Ingress: { Type: String }
  LogRetentionDays: { Type: Number }
  TableName: { Type: String, Default: "" }
  ApiKey: { Type: String, NoEcho: true, Default: "" }
Resources:
  Topic: { Type: AWS::SNS::Topic }
`),
}

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func mustLoad(t testing.TB, files fstest.MapFS) *service.Catalog {
	t.Helper()
	catalog, err := service.Load(files, "services")
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

func definitionOf(t testing.TB, c *service.Catalog, name, environment string) service.Definition {
	t.Helper()
	d, err := c.Definition(name, environment)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestExampleOfTheDesignResolves(t *testing.T) {
	catalog := mustLoad(t, exampleProject)
	const reference = "{{resolve:secretsmanager:shop/orders/api-key:SecretString::AWSCURRENT}}"
	cases := []struct {
		service, environment string
		parameters           map[string]string
		when                 approval.When
		count                int
	}{
		{"orders", "staging", map[string]string{"Cpu": "512", "Memory": "512", "Ingress": "internal", "LogRetentionDays": "14",
			"TableName": "shop-orders-staging", "ApiKey": reference}, approval.Dangerous, 1},
		{"orders", "prod", map[string]string{"Cpu": "1024", "Memory": "2048", "Ingress": "public", "LogRetentionDays": "365",
			"TableName": "shop-orders-prod", "ApiKey": reference}, approval.Always, 2},
		{"invoices", "staging", map[string]string{"Cpu": "256", "Memory": "1024", "Ingress": "internal", "LogRetentionDays": "14"},
			approval.Dangerous, 1},
		{"invoices", "prod", map[string]string{"Cpu": "256", "Memory": "4096", "Ingress": "internal", "LogRetentionDays": "365"},
			approval.Always, 1},
	}
	for _, c := range cases {
		t.Run(c.service+"/"+c.environment, func(t *testing.T) {
			d := definitionOf(t, catalog, c.service, c.environment)
			if diff := cmp.Diff(c.parameters, d.Parameters); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			if d.Approval.When != c.when || d.Approval.Count != c.count {
				t.Errorf("policy %+v", d.Approval)
			}
			if d.Tags["environment"] != c.environment || d.Tags["managed-by"] != "stackgate" {
				t.Errorf("tags %v", d.Tags)
			}
			if want := "arn:aws:iam::" + d.Account + ":role/cfn-exec-shop"; d.ExecutionRole != want {
				t.Errorf("execution role %s", d.ExecutionRole)
			}
		})
	}
}

func TestOriginsNameTheLayerThatWon(t *testing.T) {
	catalog := mustLoad(t, exampleProject)
	d := definitionOf(t, catalog, "orders", "prod")
	for key, want := range map[string]string{
		"parameters.Cpu":              "services/orders.yaml:13:24",
		"parameters.LogRetentionDays": "services/project.yaml:23:39",
		"parameters.ApiKey":           "services/orders.yaml:9:11",
		"tags.project":                "services/project.yaml:37:14",
		"timeouts.execution":          "services/project.yaml:31:42",
		"timeouts.queue":              "(built-in)",
		"policy.approval.count":       "services/orders.yaml:15:26",
		"policy.approval.when":        "services/project.yaml:20:25",
		"account":                     "services/project.yaml:16:14",
		"owner":                       "services/orders.yaml:4:8",
	} {
		if got := d.Origins[key].String(); got != want {
			t.Errorf("%s comes from %s, want %s", key, got, want)
		}
	}
}
