package cfn

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
)

// OperationReader reads what became of an operation of ours.
type OperationReader interface {
	ExecutionDescriber
	DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error)
}

// eventsLate is how long the first event of a call may be late. That there is none is proof only after that.
const eventsLate = 2 * time.Minute

// OperationSettlement reads where an operation has come to by now, and the stack's status.
func OperationSettlement(ctx context.Context, client OperationReader, o deployment.Operation, now time.Time) (deployment.Settlement, types.StackStatus, error) {
	if o.Recovery == "" {
		return Settlement(ctx, client, o.StackID, o.ChangeSetARN)
	}
	stack, found, err := DescribeStack(ctx, client, o.StackID)
	if err != nil {
		return "", "", err
	}
	// By ARN a deleted stack is described for 90 days, and after that not at all.
	if !found {
		return settlementOfRecovery(o.Recovery, types.StackStatusDeleteComplete), types.StackStatusDeleteComplete, nil
	}
	if stack.StackStatus == types.StackStatusDeleteComplete {
		return settlementOfRecovery(o.Recovery, stack.StackStatus), stack.StackStatus, nil
	}
	// A failed status proves nothing by itself: it may be the one from before the call. The events of our own call do.
	status, begun, err := newestOf(ctx, client, o.StackID, o.Token)
	if err != nil {
		return "", "", err
	}
	if !begun && now.Before(o.At.Add(eventsLate)) {
		return deployment.SettlementMoving, stack.StackStatus, nil
	}
	if !begun {
		return deployment.SettlementNotStarted, stack.StackStatus, nil
	}
	return settlementOfRecovery(o.Recovery, status), status, nil
}

// Begun says whether a call with the token has begun an operation on the stack.
func Begun(ctx context.Context, client OperationReader, stackID, token string) (bool, error) {
	_, begun, err := newestOf(ctx, client, stackID, token)
	return begun, err
}

// newestOf returns the newest status of the stack among the events of one call.
func newestOf(ctx context.Context, client OperationReader, stackID, token string) (types.StackStatus, bool, error) {
	pages := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: aws.String(stackID)})
	for n := 0; pages.HasMorePages() && n < maxHistory; n++ {
		page, err := pages.NextPage(ctx)
		if IsStackNotFound(err) {
			return "", false, nil
		}
		if err != nil {
			return "", false, Fault(err, "read the events of stack %s", stackID)
		}
		for _, event := range page.StackEvents {
			if aws.ToString(event.ClientRequestToken) == token && isStackRow(event, stackID) {
				return types.StackStatus(event.ResourceStatus), true, nil
			}
		}
	}
	return "", false, nil
}

// settlementOfRecovery says where a recovery has come to, given the newest status that its own call brought about.
func settlementOfRecovery(action deployment.RecoveryAction, status types.StackStatus) deployment.Settlement {
	switch way := WayOf(status); way.Phase {
	case deployment.PhaseBusy:
		return deployment.SettlementMoving
	case deployment.PhaseAbsent:
		if action == deployment.RecoverContinueRollback {
			return deployment.SettlementUnknown
		}
		return deployment.SettlementSucceeded
	case deployment.PhaseReady, deployment.PhaseFailedCreateEmpty:
		if action == deployment.RecoverContinueRollback || action == deployment.RecoverRollBack {
			return deployment.SettlementSucceeded
		}
		return deployment.SettlementUnknown
	case deployment.PhasePaused, deployment.PhaseStuck:
		return deployment.SettlementStuck
	case deployment.PhaseReviewShell, deployment.PhaseUnknown:
		return deployment.SettlementUnknown
	}
	return deployment.SettlementUnknown
}
