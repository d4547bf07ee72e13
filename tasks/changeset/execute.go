package changeset

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Executor executes change sets.
type Executor interface {
	cfn.ChangeSetDescriber
	ExecuteChangeSet(ctx context.Context, in *cloudformation.ExecuteChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.ExecuteChangeSetOutput, error)
}

// ExecuteStore is the store as ExecuteChangeSet needs it.
type ExecuteStore interface {
	DecisionStore
	PutWaiter(ctx context.Context, w store.Waiter) error
}

// Execute executes the approved change set. Repeating it finds the execution under way and only renews the token.
type Execute struct {
	Store    ExecuteStore
	Policies store.Policies
	Clock    Clock
	Connect  func(ctx context.Context, r store.Record) (Executor, error)
}

// ExecuteIn is the input of ExecuteChangeSet.
type ExecuteIn struct {
	DeploymentID deployment.ID `json:"deploymentId"`
	TaskToken    string        `json:"taskToken"`
}

// ExecuteOut is the output of ExecuteChangeSet. The state machine does not read it; logs do.
type ExecuteOut struct {
	// Adopted says that an earlier try had executed already.
	Adopted bool `json:"adopted"`
}

// Run counts the decisions once more, writes down who is to be woken, and executes by ARN.
func (t Execute) Run(ctx context.Context, in ExecuteIn) (ExecuteOut, error) {
	record, definition, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return ExecuteOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return ExecuteOut{}, err
	}
	executed, err := t.executed(ctx, client, record)
	if err != nil {
		return ExecuteOut{}, err
	}
	if !executed {
		if record, err = store.BeginExecuting(ctx, t.Store, t.Policies, record.ID, t.Clock.Now()); err != nil {
			return ExecuteOut{}, err
		}
	}
	// The waiter goes before the execution: an event can come before ExecuteChangeSet has answered.
	if err := t.Store.PutWaiter(ctx, store.Waiter{
		DeploymentID: record.ID, Purpose: store.AwaitStack, Target: record.Target, StackID: record.StackID, Token: in.TaskToken, Since: t.Clock.Now(),
	}); err != nil {
		return ExecuteOut{}, fmt.Errorf("write the stack waiter of %s: %w", record.ID, err)
	}
	if executed {
		return ExecuteOut{Adopted: true}, nil
	}
	return ExecuteOut{}, t.execute(ctx, client, record, definition)
}

// executed says whether an earlier try has executed the change set. One that can no longer be executed is stale.
func (t Execute) executed(ctx context.Context, client Executor, r store.Record) (bool, error) {
	set, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(r.ChangeSet.ARN)})
	if err != nil {
		return false, cfn.Fault(err, "describe change set %s for stack %s", r.ID, r.StackName)
	}
	if !cfn.Executed(set.ExecutionStatus) {
		if set.ExecutionStatus != types.ExecutionStatusAvailable {
			return false, stale("change set %s can no longer be executed (%s): the stack was changed after the review", r.ID, set.ExecutionStatus)
		}
		return false, nil
	}
	if r.Times.Executed.IsZero() {
		return false, stale("change set %s was executed by somebody else (%s)", r.ID, set.ExecutionStatus)
	}
	return true, nil
}

func (t Execute) execute(ctx context.Context, client Executor, r store.Record, d service.Definition) error {
	_, failure := client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName:      aws.String(r.ChangeSet.ARN),
		ClientRequestToken: aws.String(r.ClientRequestToken),
		// Always said: the API's text gives a default that contradicts its behaviour (reference 2.6).
		DisableRollback: aws.Bool(d.OnFailure == service.Keep),
	})
	if failure == nil {
		return nil
	}
	// What a failed call did is told by the change set alone; the answer may have been lost after the execution began.
	set, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(r.ChangeSet.ARN)})
	if err != nil {
		return cfn.Fault(failure, "execute change set %s for stack %s", r.ID, r.StackName)
	}
	if cfn.Executed(set.ExecutionStatus) {
		return nil
	}
	if _, err := t.Store.UpdateRecord(ctx, r.ID, func(r *store.Record) error {
		r.Settlement = deployment.SettlementNotStarted
		return nil
	}); err != nil {
		return fmt.Errorf("record that %s was not executed: %w", r.ID, err)
	}
	if cfn.IsInvalidChangeSetStatus(failure) {
		return stale("change set %s can no longer be executed (%s): the stack was changed after the review", r.ID, set.ExecutionStatus)
	}
	return cfn.Fault(failure, "execute change set %s for stack %s", r.ID, r.StackName)
}
