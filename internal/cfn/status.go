// Package cfn knows the facts of CloudFormation: what its statuses and errors mean, and how a change set is described
// completely. It decides nothing about a deployment and keeps nothing.
package cfn

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
)

// SettlementOf says where an executed operation has come to, given the stack's status. It does not prove that the
// operation was ours; who asks must. REVIEW_IN_PROGRESS after an execution is a stale read or an execution that never
// began: SettlementMoving, and the change set's own execution status tells which.
func SettlementOf(status types.StackStatus) deployment.Settlement {
	switch status {
	case types.StackStatusCreateComplete,
		types.StackStatusUpdateComplete,
		types.StackStatusUpdateCompleteCleanupInProgress,
		types.StackStatusImportComplete:
		return deployment.SettlementSucceeded

	case types.StackStatusRollbackComplete,
		types.StackStatusUpdateRollbackComplete,
		types.StackStatusImportRollbackComplete,
		// OnStackFailure DELETE ends here; the stack is described by its ARN for 90 days.
		types.StackStatusDeleteComplete:
		return deployment.SettlementRolledBack

	case types.StackStatusCreateFailed,
		types.StackStatusUpdateFailed:
		return deployment.SettlementPaused

	case types.StackStatusRollbackFailed,
		types.StackStatusUpdateRollbackFailed,
		types.StackStatusDeleteFailed,
		types.StackStatusImportRollbackFailed:
		return deployment.SettlementStuck

	case types.StackStatusReviewInProgress,
		types.StackStatusCreateInProgress,
		types.StackStatusRollbackInProgress,
		types.StackStatusDeleteInProgress,
		types.StackStatusUpdateInProgress,
		types.StackStatusUpdateRollbackInProgress,
		// The rollback is over, but events of its clean-up, failures among them, are still to come.
		types.StackStatusUpdateRollbackCompleteCleanupInProgress,
		types.StackStatusImportInProgress,
		types.StackStatusImportRollbackInProgress:
		return deployment.SettlementMoving
	}
	return deployment.SettlementUnknown
}

// CleaningUp says whether a stack whose update succeeded still deletes what the update replaced or removed. It serves
// already, but what it leaves behind is not known yet, and no other operation may begin.
func CleaningUp(status types.StackStatus) bool {
	return status == types.StackStatusUpdateCompleteCleanupInProgress
}

// The reasons with which a change set FAILED because there was nothing to change. The second comes where a transform or
// macro is involved. Evidence: recorded answers; the AWS CDK and the AWS CLI match the same texts.
var emptyReasons = []string{
	"The submitted information didn't contain changes.",
	"No updates are to be performed",
}

// ChangeSetStateOf says what became of a change set's making. An empty list of changes proves nothing: sets that change
// outputs only list none and can be executed (recorded answers), so the status and its reason decide.
func ChangeSetStateOf(status types.ChangeSetStatus, execution types.ExecutionStatus, reason string) deployment.ChangeSetState {
	switch status {
	case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
		return deployment.ChangeSetMaking
	case types.ChangeSetStatusCreateComplete:
		if execution == types.ExecutionStatusAvailable {
			return deployment.ChangeSetReady
		}
		if execution == types.ExecutionStatusUnavailable {
			// A set is complete a moment before it becomes available.
			return deployment.ChangeSetMaking
		}
		return deployment.ChangeSetBroken
	case types.ChangeSetStatusFailed:
		for _, text := range emptyReasons {
			if strings.Contains(reason, text) {
				return deployment.ChangeSetEmpty
			}
		}
		return deployment.ChangeSetBroken
	case types.ChangeSetStatusDeletePending, types.ChangeSetStatusDeleteInProgress, types.ChangeSetStatusDeleteComplete,
		types.ChangeSetStatusDeleteFailed:
		return deployment.ChangeSetBroken
	}
	return deployment.ChangeSetUnknown
}

// Executed says whether a change set's execution has begun. An unknown execution status counts as begun, because to
// execute twice is worse than to look twice.
func Executed(status types.ExecutionStatus) bool {
	switch status {
	case types.ExecutionStatusUnavailable, types.ExecutionStatusAvailable, types.ExecutionStatusObsolete:
		return false
	case types.ExecutionStatusExecuteInProgress, types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
		return true
	}
	return true
}
