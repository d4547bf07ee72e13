package recovery

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Performer recovers stacks.
type Performer interface {
	cfn.RecoveryReader
	cfn.ExecutionDescriber
	Caller
}

// Caller makes the calls that recover.
type Caller interface {
	ContinueUpdateRollback(ctx context.Context, in *cloudformation.ContinueUpdateRollbackInput, opts ...func(*cloudformation.Options)) (*cloudformation.ContinueUpdateRollbackOutput, error)
	RollbackStack(ctx context.Context, in *cloudformation.RollbackStackInput, opts ...func(*cloudformation.Options)) (*cloudformation.RollbackStackOutput, error)
	DeleteStack(ctx context.Context, in *cloudformation.DeleteStackInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
}

// PerformStore is the store as PerformRecovery needs it.
type PerformStore interface {
	DecisionStore
	PutWaiter(ctx context.Context, w store.Waiter) error
}

// Perform makes the approved call. Repeating it finds the operation under way by its token and only renews the waiter.
type Perform struct {
	Store    PerformStore
	Policies store.Policies
	Clock    Clock
	Connect  func(ctx context.Context, r store.Record) (Performer, error)
}

// PerformIn is the input of PerformRecovery.
type PerformIn struct {
	DeploymentID deployment.ID `json:"deploymentId"`
	TaskToken    string        `json:"taskToken"`
}

// PerformOut is the output of PerformRecovery. The state machine does not read it; logs do.
type PerformOut struct {
	// Adopted says that an earlier try had made the call already.
	Adopted bool `json:"adopted"`
}

// Run counts the decisions once more, makes sure that the stack is still what the proposal was made from, writes down who
// is to be woken, and makes the call. No call of CloudFormation's refuses a stack that moved as ExecuteChangeSet refuses
// an obsolete set, so the comparison comes as late as it can.
func (t Perform) Run(ctx context.Context, in PerformIn) (PerformOut, error) {
	record, definition, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return PerformOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return PerformOut{}, err
	}
	begun, err := t.begun(ctx, client, record)
	if err != nil {
		return PerformOut{}, err
	}
	var d cfn.Diagnosis
	if !begun {
		if d, err = unmoved(ctx, client, record, definition); err != nil {
			return PerformOut{}, t.notStarted(ctx, record, err)
		}
		if record, err = store.BeginExecuting(ctx, t.Store, t.Policies, record.ID, t.Clock.Now()); err != nil {
			return PerformOut{}, err
		}
	}
	// The waiter goes before the call: an event can come before the call has answered.
	if err := t.Store.PutWaiter(ctx, store.Waiter{
		DeploymentID: record.ID, Purpose: store.AwaitStack, Target: record.Target, StackID: record.StackID, Token: in.TaskToken, Since: t.Clock.Now(),
	}); err != nil {
		return PerformOut{}, fmt.Errorf("write the stack waiter of %s: %w", record.ID, err)
	}
	if begun {
		return PerformOut{Adopted: true}, nil
	}
	failure := call(ctx, client, d, record, definition)
	if failure == nil || cfn.IsTokenUsed(failure) {
		return PerformOut{}, nil
	}
	// The answer may have been lost after the operation began; its events tell.
	if begun, err := t.begun(ctx, client, record); err != nil || begun {
		return PerformOut{Adopted: begun}, err
	}
	return PerformOut{}, t.notStarted(ctx, record, refused(failure, d, record))
}

// refused says why CloudFormation did not take the call. That it does not take it in the stack's present state means that
// the stack moved since it was read.
func refused(failure error, d cfn.Diagnosis, r store.Record) error {
	err := cfn.Fault(failure, "recover stack %s (%s)", r.StackName, d.Action.Operation())
	var named *deployment.FaultError
	if !errors.As(err, &named) {
		return err
	}
	switch named.Fault {
	case deployment.StackNotFound, deployment.StackNeedsHuman:
		return stale("the stack moved before its recovery was performed: %s", named.Message)
	case deployment.InvalidRequest:
		return named.Advise("mend what CloudFormation objects to, and recover again")
	default:
		return err
	}
}

// begun says whether an earlier try has made the call. A stack that is gone after such a try is gone by it.
func (t Perform) begun(ctx context.Context, client Performer, r store.Record) (bool, error) {
	if r.Times.Executed.IsZero() {
		return false, nil
	}
	stack, found, err := cfn.DescribeStack(ctx, client, r.StackID)
	if err != nil {
		return false, err
	}
	if !found || stack.StackStatus == types.StackStatusDeleteComplete {
		return true, nil
	}
	return cfn.Begun(ctx, client, r.StackID, r.ClientRequestToken)
}

// notStarted notes that nothing was done, where an earlier line or try noted that something may have been.
func (t Perform) notStarted(ctx context.Context, record store.Record, why error) error {
	if record.Times.Executed.IsZero() {
		return why
	}
	if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Settlement = deployment.SettlementNotStarted
		return nil
	}); err != nil {
		return fmt.Errorf("record that %s was not performed: %w", record.ID, err)
	}
	return why
}

// call makes the call that was approved. By ARN, so that a stack of the same name is never meant.
func call(ctx context.Context, client Caller, d cfn.Diagnosis, r store.Record, definition service.Definition) error {
	var role *string
	if definition.ExecutionRole != "" {
		role = aws.String(definition.ExecutionRole)
	}
	var err error
	switch d.Action {
	case deployment.RecoverContinueRollback:
		_, err = client.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{
			StackName: aws.String(r.StackID), ClientRequestToken: aws.String(r.ClientRequestToken), ResourcesToSkip: d.Skip, RoleARN: role,
		})
	case deployment.RecoverRollBack:
		_, err = client.RollbackStack(ctx, &cloudformation.RollbackStackInput{
			StackName: aws.String(r.StackID), ClientRequestToken: aws.String(r.ClientRequestToken), RoleARN: role,
		})
	case deployment.RecoverRemoveEmpty, deployment.RecoverDelete:
		in := &cloudformation.DeleteStackInput{
			StackName: aws.String(r.StackID), ClientRequestToken: aws.String(r.ClientRequestToken), RoleARN: role, RetainResources: d.Asked.Retain,
		}
		if d.Asked.Force {
			in.DeletionMode = types.DeletionModeForceDeleteStack
		}
		_, err = client.DeleteStack(ctx, in)
	case deployment.RecoverNothing:
		err = deployment.Faultf(deployment.InternalError, "recovery %s has nothing to do", r.ID)
	default:
		err = deployment.Faultf(deployment.InternalError, "recovery %s has the unknown action %q", r.ID, d.Action)
	}
	return err
}
