package deployment_test

import (
	"strings"
	"testing"

	"stackgate/internal/deployment"
)

func TestEveryRecoveryActionHasItsOperation(t *testing.T) {
	want := map[deployment.RecoveryAction]string{
		deployment.RecoverNothing: "", deployment.RecoverRemoveEmpty: "DeleteStack", deployment.RecoverDelete: "DeleteStack",
		deployment.RecoverContinueRollback: "ContinueUpdateRollback", deployment.RecoverRollBack: "RollbackStack", invented: "",
	}
	unique(t, deployment.RecoveryActions(), 5)
	for _, action := range append(deployment.RecoveryActions(), invented) {
		if got, listed := want[action]; !listed || action.Operation() != got {
			t.Errorf("%s calls %q, want %q (listed: %t)", action, action.Operation(), got, listed)
		}
	}
}

func TestRecoveryIsRefusedForItsForm(t *testing.T) {
	for name, c := range map[string]struct {
		asked deployment.Recovery
		says  string
	}{
		"nothing":          {deployment.Recovery{}, ""},
		"a nested one":     {deployment.Recovery{Skip: []string{"Table", "Network.Table", "Network/Table", "shop-orders-Network-1A2B3.Table"}}, ""},
		"retained":         {deployment.Recovery{Retain: []string{"Bucket"}}, ""},
		"forced":           {deployment.Recovery{Force: true}, ""},
		"an empty name":    {deployment.Recovery{Skip: []string{""}}, "cannot name a resource"},
		"an option":        {deployment.Recovery{Skip: []string{"-Table"}}, "cannot name a resource"},
		"twice":            {deployment.Recovery{Skip: []string{"Table", "Table"}}, "named twice"},
		"skip and retain":  {deployment.Recovery{Skip: []string{"A"}, Retain: []string{"B"}}, "not both"},
		"skip and force":   {deployment.Recovery{Skip: []string{"A"}, Force: true}, "not both"},
		"retain and force": {deployment.Recovery{Retain: []string{"A"}, Force: true}, "not both"},
		"too many":         {deployment.Recovery{Skip: make([]string, 2501)}, "at most 2500"},
	} {
		err := c.asked.Validate()
		switch {
		case (err == nil) != (c.says == ""):
			t.Errorf("%s: %v", name, err)
		case err != nil && (deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want …%s…", name, err, c.says)
		}
	}
}
