package recovery

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Confirm reads from CloudFormation where the recovery has come to. It only reads, so repeating it is safe.
type Confirm struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (cfn.OperationReader, error)
}

// ConfirmOut is the output of ConfirmRecoveredStack.
type ConfirmOut struct {
	Settlement deployment.Settlement `json:"settlement"`
	Status     string                `json:"status"`
}

// Run answers once the stack is at rest. While it moves it raises StackMoving, and StackTimedOut once the execution
// limit of the definition has passed.
func (t Confirm) Run(ctx context.Context, in In) (ConfirmOut, error) {
	record, err := t.Store.Record(ctx, in.DeploymentID)
	if err != nil {
		return ConfirmOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return ConfirmOut{}, err
	}
	settlement, status, err := cfn.OperationSettlement(ctx, client, record.Operation(), t.Clock.Now())
	if err != nil {
		return ConfirmOut{}, err
	}
	if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Settlement, r.StackStatus = settlement, string(status)
		if settlement.AtRest() && r.Times.Settled.IsZero() {
			r.Times.Settled = t.Clock.Now()
		}
		return nil
	}); err != nil {
		return ConfirmOut{}, fmt.Errorf("record the status of %s: %w", record.StackName, err)
	}
	if settlement == deployment.SettlementMoving {
		return ConfirmOut{}, t.moving(ctx, record, status)
	}
	return ConfirmOut{Settlement: settlement, Status: string(status)}, nil
}

func (t Confirm) moving(ctx context.Context, record store.Record, status types.StackStatus) error {
	definition, err := service.KeptDefinition(ctx, t.Store, record.Definition)
	if err != nil {
		return err
	}
	if limit := definition.Timeouts.Execution; !t.Clock.Now().Before(record.Times.Executed.Add(limit)) {
		return deployment.Faultf(deployment.StackTimedOut, "stack %s is still in %s, %s after its recovery began", record.StackName, status, limit).
			Advise("CloudFormation goes on; follow it with: aws cloudformation describe-stack-events --stack-name %s", record.StackName)
	}
	return deployment.Faultf(deployment.StackMoving, "stack %s is in %s", record.StackName, status)
}
