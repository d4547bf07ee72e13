package cfn_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
)

// stand is CloudFormation with one stack and one change set, either of which may be missing.
type stand struct {
	status    types.StackStatus
	last      string
	execution types.ExecutionStatus
	// noStack and noSet are what is answered instead.
	noStack, noSet error
}

func (s stand) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if s.noStack != nil {
		return nil, s.noStack
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{StackStatus: s.status, ChangeSetId: aws.String(s.last)}}}, nil
}

func (s stand) DescribeChangeSet(context.Context, *cloudformation.DescribeChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	if s.noSet != nil {
		return nil, s.noSet
	}
	return &cloudformation.DescribeChangeSetOutput{ExecutionStatus: s.execution}, nil
}

const (
	ours   = "arn:ours"
	theirs = "arn:theirs"
)

func TestSettlement(t *testing.T) {
	gone := &types.ChangeSetNotFoundException{}
	for name, c := range map[string]struct {
		stand stand
		want  deployment.Settlement
	}{
		"complete and ours":                  {stand{status: "UPDATE_COMPLETE", last: ours, execution: "EXECUTE_COMPLETE"}, deployment.SettlementSucceeded},
		"ours, its set deleted with success": {stand{status: "CREATE_COMPLETE", last: ours, noSet: gone}, deployment.SettlementSucceeded},
		"rolled back and ours":               {stand{status: "UPDATE_ROLLBACK_COMPLETE", last: ours, execution: "EXECUTE_FAILED"}, deployment.SettlementRolledBack},
		"stuck and ours":                     {stand{status: "UPDATE_ROLLBACK_FAILED", last: ours, execution: "EXECUTE_FAILED"}, deployment.SettlementStuck},
		"moving and ours":                    {stand{status: "UPDATE_IN_PROGRESS", last: ours, execution: "EXECUTE_IN_PROGRESS"}, deployment.SettlementMoving},
		"never begun":                        {stand{status: "UPDATE_COMPLETE", last: theirs, execution: "AVAILABLE"}, deployment.SettlementNotStarted},
		"never begun, a shell":               {stand{status: "REVIEW_IN_PROGRESS", last: ours, execution: "AVAILABLE"}, deployment.SettlementNotStarted},
		"the stack lags behind":              {stand{status: "UPDATE_COMPLETE", last: theirs, execution: "EXECUTE_IN_PROGRESS"}, deployment.SettlementMoving},
		"somebody's later operation":         {stand{status: "UPDATE_ROLLBACK_FAILED", last: theirs, execution: "EXECUTE_COMPLETE"}, deployment.SettlementSucceeded},
		"failed, then somebody's":            {stand{status: "UPDATE_COMPLETE", last: theirs, execution: "EXECUTE_FAILED"}, deployment.SettlementUnknown},
		"not ours, no set":                   {stand{status: "UPDATE_COMPLETE", last: theirs, noSet: gone}, deployment.SettlementUnknown},
		"no last set, no set":                {stand{status: "UPDATE_COMPLETE", noSet: gone}, deployment.SettlementUnknown},
		"an unknown status of ours":          {stand{status: invented, last: ours, execution: "EXECUTE_COMPLETE"}, deployment.SettlementUnknown},
		"an unknown execution status":        {stand{status: "UPDATE_COMPLETE", last: theirs, execution: invented}, deployment.SettlementUnknown},
	} {
		got, status, err := cfn.Settlement(t.Context(), c.stand, "arn:stack", ours)
		if err != nil || got != c.want || status != c.stand.status {
			t.Errorf("%s: %s (%s), %v; want %s", name, got, status, err, c.want)
		}
	}
}

// A terminal status that is not ours must never pass for our success.
func TestSettlementNeverTakesAnothersSuccessForOurs(t *testing.T) {
	for _, status := range append(types.StackStatus("").Values(), invented) {
		for _, execution := range append(types.ExecutionStatus("").Values(), "", invented) {
			got, _, err := cfn.Settlement(t.Context(), stand{status: status, last: theirs, execution: execution}, "arn:stack", ours)
			if err != nil {
				t.Fatal(err)
			}
			if got == deployment.SettlementSucceeded && execution != types.ExecutionStatusExecuteComplete {
				t.Errorf("%s, %s: %s", status, execution, got)
			}
		}
	}
}

func TestSettlementFails(t *testing.T) {
	for name, c := range map[string]struct {
		stand stand
		want  deployment.Fault
	}{
		"the stack is gone":         {stand{noStack: said("ValidationError", "Stack with id a does not exist")}, deployment.StackNotFound},
		"the stack is not readable": {stand{noStack: said("AccessDenied", "no")}, deployment.NotPermitted},
		"the set is not readable":   {stand{status: "UPDATE_COMPLETE", last: ours, noSet: said("Throttling", "slow")}, deployment.Throttled},
	} {
		got, status, err := cfn.Settlement(t.Context(), c.stand, "arn:stack", ours)
		if err == nil || deployment.FaultOf(err) != c.want || got != "" || status != "" {
			t.Errorf("%s: %s (%s), %v", name, got, status, err)
		}
	}
}
