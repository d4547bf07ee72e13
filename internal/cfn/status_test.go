package cfn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
)

const invented = "INVENTED_BY_AWS_TOMORROW"

func TestEveryStackStatusHasItsPhaseAndSettlement(t *testing.T) {
	type both struct {
		phase      deployment.Phase
		settlement deployment.Settlement
	}
	want := map[types.StackStatus]both{
		"REVIEW_IN_PROGRESS":                           {deployment.PhaseReviewShell, deployment.SettlementMoving},
		"CREATE_IN_PROGRESS":                           {deployment.PhaseBusy, deployment.SettlementMoving},
		"CREATE_FAILED":                                {deployment.PhasePaused, deployment.SettlementPaused},
		"CREATE_COMPLETE":                              {deployment.PhaseReady, deployment.SettlementSucceeded},
		"ROLLBACK_IN_PROGRESS":                         {deployment.PhaseBusy, deployment.SettlementMoving},
		"ROLLBACK_FAILED":                              {deployment.PhaseStuck, deployment.SettlementStuck},
		"ROLLBACK_COMPLETE":                            {deployment.PhaseFailedCreateEmpty, deployment.SettlementRolledBack},
		"DELETE_IN_PROGRESS":                           {deployment.PhaseBusy, deployment.SettlementMoving},
		"DELETE_FAILED":                                {deployment.PhaseStuck, deployment.SettlementStuck},
		"DELETE_COMPLETE":                              {deployment.PhaseAbsent, deployment.SettlementRolledBack},
		"UPDATE_IN_PROGRESS":                           {deployment.PhaseBusy, deployment.SettlementMoving},
		"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":          {deployment.PhaseBusy, deployment.SettlementSucceeded},
		"UPDATE_COMPLETE":                              {deployment.PhaseReady, deployment.SettlementSucceeded},
		"UPDATE_FAILED":                                {deployment.PhasePaused, deployment.SettlementPaused},
		"UPDATE_ROLLBACK_IN_PROGRESS":                  {deployment.PhaseBusy, deployment.SettlementMoving},
		"UPDATE_ROLLBACK_FAILED":                       {deployment.PhaseStuck, deployment.SettlementStuck},
		"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": {deployment.PhaseBusy, deployment.SettlementMoving},
		"UPDATE_ROLLBACK_COMPLETE":                     {deployment.PhaseReady, deployment.SettlementRolledBack},
		"IMPORT_IN_PROGRESS":                           {deployment.PhaseBusy, deployment.SettlementMoving},
		"IMPORT_COMPLETE":                              {deployment.PhaseReady, deployment.SettlementSucceeded},
		"IMPORT_ROLLBACK_IN_PROGRESS":                  {deployment.PhaseBusy, deployment.SettlementMoving},
		"IMPORT_ROLLBACK_FAILED":                       {deployment.PhaseStuck, deployment.SettlementStuck},
		"IMPORT_ROLLBACK_COMPLETE":                     {deployment.PhaseReady, deployment.SettlementRolledBack},
	}
	values := types.StackStatus("").Values()
	for _, status := range values {
		expected, listed := want[status]
		got := both{cfn.PhaseOf(status), cfn.SettlementOf(status)}
		if !listed || got != expected {
			t.Errorf("%s is %v, want %v (listed: %t)", status, got, expected, listed)
		}
		if moving := strings.HasSuffix(string(status), "_IN_PROGRESS"); !moving && got.phase == deployment.PhaseBusy || !moving && !got.settlement.AtRest() {
			t.Errorf("%s is at rest, not %v", status, got)
		}
	}
	if len(values) != len(want) {
		t.Errorf("the SDK knows %d statuses, the table %d", len(values), len(want))
	}
	for _, status := range []types.StackStatus{"", invented, "create_complete"} {
		if cfn.PhaseOf(status) != deployment.PhaseUnknown || cfn.SettlementOf(status) != deployment.SettlementUnknown {
			t.Errorf("%q is %s and %s", status, cfn.PhaseOf(status), cfn.SettlementOf(status))
		}
	}
}

func TestChangeSetStateOverEveryStatus(t *testing.T) {
	const (
		empty      = "The submitted information didn't contain changes. Submit different information to create a change set."
		emptyMacro = "No updates are to be performed."
		broken     = "Transform AWS::Serverless-2016-10-31 failed"
	)
	want := func(status types.ChangeSetStatus, execution types.ExecutionStatus, reason string) deployment.ChangeSetState {
		switch status {
		case "CREATE_PENDING", "CREATE_IN_PROGRESS":
			return deployment.ChangeSetMaking
		case "CREATE_COMPLETE":
			switch execution {
			case "AVAILABLE":
				return deployment.ChangeSetReady
			case "UNAVAILABLE":
				return deployment.ChangeSetMaking
			}
			return deployment.ChangeSetBroken
		case "FAILED":
			if reason == empty || reason == emptyMacro {
				return deployment.ChangeSetEmpty
			}
			return deployment.ChangeSetBroken
		case "DELETE_PENDING", "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED":
			return deployment.ChangeSetBroken
		}
		return deployment.ChangeSetUnknown
	}
	statuses := types.ChangeSetStatus("").Values()
	for _, status := range append(statuses, "", invented) {
		for _, execution := range append(types.ExecutionStatus("").Values(), "", invented) {
			for _, reason := range []string{"", empty, emptyMacro, broken} {
				got := cfn.ChangeSetStateOf(status, execution, reason)
				if got != want(status, execution, reason) {
					t.Errorf("%s, %s, %q is %s, want %s", status, execution, reason, got, want(status, execution, reason))
				}
				if (got == deployment.ChangeSetUnknown) == slices.Contains(statuses, status) {
					t.Errorf("%s is %s", status, got)
				}
			}
		}
	}
}

func TestExecuted(t *testing.T) {
	not := []types.ExecutionStatus{"UNAVAILABLE", "AVAILABLE", "OBSOLETE"}
	values := types.ExecutionStatus("").Values()
	if len(values) != 6 {
		t.Errorf("the SDK knows %d execution statuses: %v", len(values), values)
	}
	for _, status := range append(values, "", invented) {
		if cfn.Executed(status) == slices.Contains(not, status) {
			t.Errorf("%q executed: %t", status, cfn.Executed(status))
		}
	}
}
