package events

import (
	"testing"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/tail"
)

func TestWhatTheNextRecoveryCanLeave(t *testing.T) {
	failed := func(path, kind, status string) tail.Failure {
		return tail.Failure{Path: path, Type: kind, Status: status}
	}
	const stack, table = "AWS::CloudFormation::Stack", "AWS::DynamoDB::Table"
	problems := []tail.Failure{
		failed("Network", stack, "UPDATE_FAILED"), failed("Network/Table", table, "UPDATE_FAILED"), failed("Table", table, "UPDATE_FAILED"),
		failed("Table", table, "UPDATE_FAILED"), failed("Bucket", table, "DELETE_FAILED"), failed("Network/Bucket", table, "DELETE_FAILED"),
	}
	cause := failed("Queue", table, "UPDATE_FAILED")
	for name, c := range map[string]struct {
		status string
		intent deployment.Intent
		want   string
	}{
		"a rollback that stopped": {"UPDATE_ROLLBACK_FAILED", deployment.IntentDeploy, "Or leave what could not go back as it is, and bring it in line with the template afterwards: `stackgate recover orders -e prod --skip Network.Table,Table`."},
		// What stops a recovery is its root cause.
		"and stopped again":         {"UPDATE_ROLLBACK_FAILED", deployment.IntentRecover, "Or leave what could not go back as it is, and bring it in line with the template afterwards: `stackgate recover orders -e prod --skip Network.Table,Table,Queue`."},
		"a deletion that stopped":   {"DELETE_FAILED", deployment.IntentRecover, "Or leave behind what could not be deleted: `stackgate recover orders -e prod --retain Bucket`."},
		"a creation that stopped":   {"ROLLBACK_FAILED", deployment.IntentDeploy, ""},
		"a rollback that succeeded": {"UPDATE_ROLLBACK_COMPLETE", deployment.IntentDeploy, ""},
		"an unknown status":         {"SOMETHING_NEW", deployment.IntentDeploy, ""},
	} {
		r := store.Record{Service: "orders", Environment: "prod", Intent: c.intent, StackStatus: c.status}
		if got := leaving(r, tail.Document{RootCause: &cause, RollbackProblems: problems}); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
		if got := leaving(r, tail.Document{}); got != "" {
			t.Errorf("%s, and nothing failed: %q", name, got)
		}
	}
}
