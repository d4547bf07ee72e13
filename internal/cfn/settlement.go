package cfn

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
)

// ExecutionDescriber reads what became of an executed change set.
type ExecutionDescriber interface {
	StackDescriber
	DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error)
}

// Settlement reads where an executed change set has come to, and the stack's status. A terminal status counts
// only when it is ours: right after an execution DescribeStacks may still answer with the status from before it
// (reference 2.3), so the stack must name our change set as its last, or the change set itself must be executed.
func Settlement(ctx context.Context, client ExecutionDescriber, stackID, changeSetARN string) (deployment.Settlement, types.StackStatus, error) {
	found, exists, err := DescribeStack(ctx, client, stackID)
	if err != nil {
		return "", "", err
	}
	if !exists {
		return "", "", deployment.Faultf(deployment.StackNotFound, "stack %s is gone", stackID)
	}
	set, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(changeSetARN)})
	if err != nil && !IsChangeSetNotFound(err) {
		return "", "", Fault(err, "describe change set %s", changeSetARN)
	}
	ours := aws.ToString(found.ChangeSetId) == changeSetARN
	shell := found.StackStatus == types.StackStatusReviewInProgress
	if set != nil && !Executed(set.ExecutionStatus) && (!ours || shell) {
		return deployment.SettlementNotStarted, found.StackStatus, nil
	}
	if !ours && set == nil {
		return deployment.SettlementUnknown, found.StackStatus, nil
	}
	if !ours && shell {
		// The set is executed, so that this status is from before it: a stale read, to be read again.
		return deployment.SettlementMoving, found.StackStatus, nil
	}
	if !ours {
		// Either a stale read, or somebody's later operation ran on the stack: our change set alone tells.
		return settlementOfSet(set.ExecutionStatus), found.StackStatus, nil
	}
	return SettlementOf(found.StackStatus), found.StackStatus, nil
}

func settlementOfSet(status types.ExecutionStatus) deployment.Settlement {
	switch status {
	case types.ExecutionStatusExecuteInProgress:
		return deployment.SettlementMoving
	case types.ExecutionStatusExecuteComplete:
		return deployment.SettlementSucceeded
	case types.ExecutionStatusExecuteFailed, types.ExecutionStatusUnavailable, types.ExecutionStatusAvailable, types.ExecutionStatusObsolete:
		return deployment.SettlementUnknown
	}
	return deployment.SettlementUnknown
}
