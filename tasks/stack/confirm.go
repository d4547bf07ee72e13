package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Confirm reads from CloudFormation where our own operation has come to. It only reads, so repeating it is safe.
type Confirm struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (cfn.ExecutionDescriber, error)
}

// ConfirmIn is the input of ConfirmStackStatus.
type ConfirmIn struct {
	DeploymentID deployment.ID `json:"deploymentId"`
}

// ConfirmOut is the output of ConfirmStackStatus.
type ConfirmOut struct {
	Settlement deployment.Settlement `json:"settlement"`
	Status     string                `json:"status"`
}

// Run answers once the stack is at rest. While it moves it raises StackMoving, and StackTimedOut once the execution
// limit of the definition has passed. An update that has succeeded is waited for until it has cleaned up as well, and
// no longer than the limit: nothing that the clean-up does can make it fail.
func (t Confirm) Run(ctx context.Context, in ConfirmIn) (ConfirmOut, error) {
	record, err := t.Store.Record(ctx, in.DeploymentID)
	if err != nil {
		return ConfirmOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return ConfirmOut{}, err
	}
	settlement, status, err := cfn.Settlement(ctx, client, record.StackID, record.ChangeSet.ARN)
	if err != nil {
		return ConfirmOut{}, err
	}
	if err := t.remember(ctx, record, settlement, status); err != nil {
		return ConfirmOut{}, err
	}
	cleaning := settlement == deployment.SettlementSucceeded && cfn.CleaningUp(status)
	if settlement != deployment.SettlementMoving && !cleaning {
		return ConfirmOut{Settlement: settlement, Status: string(status)}, nil
	}
	limit, passed, err := t.limit(ctx, record)
	switch {
	case err != nil:
		return ConfirmOut{}, err
	case cleaning && passed:
		return ConfirmOut{Settlement: settlement, Status: string(status)}, nil
	case cleaning:
		return ConfirmOut{}, deployment.Faultf(deployment.StackMoving, "stack %s is updated and still deletes what the update replaced", record.StackName)
	case passed:
		return ConfirmOut{}, deployment.Faultf(deployment.StackTimedOut, "stack %s is still in %s, %s after its change set was executed", record.StackName, status, limit).
			Advise("CloudFormation goes on; follow it with: aws cloudformation describe-stack-events --stack-name %s", record.StackName)
	}
	return ConfirmOut{}, deployment.Faultf(deployment.StackMoving, "stack %s is in %s", record.StackName, status)
}

func (t Confirm) remember(ctx context.Context, record store.Record, settlement deployment.Settlement, status types.StackStatus) error {
	_, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Settlement, r.StackStatus = settlement, string(status)
		if settlement.AtRest() && r.Times.Settled.IsZero() {
			r.Times.Settled = t.Clock.Now()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record the status of %s: %w", record.StackName, err)
	}
	return nil
}

// limit is how long the definition gives an execution, and whether that has passed.
func (t Confirm) limit(ctx context.Context, record store.Record) (limit time.Duration, passed bool, err error) {
	definition, err := service.KeptDefinition(ctx, t.Store, record.Definition)
	if err != nil {
		return 0, false, err
	}
	limit = definition.Timeouts.Execution
	return limit, !t.Clock.Now().Before(record.Times.Executed.Add(limit)), nil
}
