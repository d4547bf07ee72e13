// Package recovery leads a stack out of a status that takes no deployment: it says what is the matter, proposes what to
// do, and does exactly that once it is approved. It makes and executes no change sets, and decides nothing about who may
// approve.
package recovery

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"stackgate/internal/approval"
	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Store is the store as the tasks of this package need it.
type Store interface {
	store.Queues
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	Document(ctx context.Context, key string) ([]byte, error)
}

// DecisionStore is the store as the tasks that count decisions need it.
type DecisionStore interface {
	Store
	Decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error)
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// In is the input of the tasks of this package: the id alone, because facts come from the store.
type In struct {
	DeploymentID deployment.ID `json:"deploymentId"`
}

// held reads the record and the definition of a recovery that may act on its stack.
func held(ctx context.Context, s Store, id deployment.ID) (store.Record, service.Definition, error) {
	record, err := s.Record(ctx, id)
	if err != nil {
		return store.Record{}, service.Definition{}, err
	}
	if record.Intent != deployment.IntentRecover {
		return store.Record{}, service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "%s was requested to %s, not to recover its stack", id, record.Intent)
	}
	if err := store.CheckHolder(ctx, s, record); err != nil {
		return store.Record{}, service.Definition{}, err
	}
	definition, err := service.KeptDefinition(ctx, s, record.Definition)
	return record, definition, err
}

// diagnose reads the stack: by its ARN once that is known, so that a stack that is deleted and made again under the same
// name is not mistaken for it.
func diagnose(ctx context.Context, client cfn.RecoveryReader, r store.Record) (cfn.Diagnosis, error) {
	stack := r.StackName
	if r.StackID != "" {
		stack = r.StackID
	}
	return cfn.Diagnose(ctx, client, stack, cfn.Whose{Service: r.Service, Environment: r.Environment, StackName: r.StackName}, r.Recovery.Recovery)
}

// propose makes the proposal. WriteRecoveryProposal, VerifyRecoveryProposal and PerformRecovery call it with the same
// record, so that a stack that nobody touched has the same digest.
func propose(d cfn.Diagnosis, r store.Record, definition service.Definition) (plan.Review, error) {
	made, err := d.Proposal(cfn.RecoveryInput{
		Deployment: &plan.Deployment{
			ID: r.ID.String(), CorrelationID: r.CorrelationID, Service: r.Service, Environment: r.Environment,
			RequestedBy: r.RequestedBy, RequesterVerified: r.Verified, Commit: r.Commit, Reason: r.Reason,
			CreatedAt: r.Times.Requested, ExpiresAt: r.Review.ExpiresAt,
		},
		Account: r.Account, Region: r.Region, ExecutionRole: definition.ExecutionRole, Stateful: definition.Stateful,
	})
	if err != nil {
		return plan.Review{}, fmt.Errorf("propose the recovery %s: %w", r.ID, err)
	}
	return made, nil
}

// unmoved returns the diagnosis where it still makes the proposal that was decided upon.
func unmoved(ctx context.Context, client cfn.RecoveryReader, r store.Record, definition service.Definition) (cfn.Diagnosis, error) {
	d, err := diagnose(ctx, client, r)
	switch deployment.FaultOf(err) {
	case deployment.NothingToRecover, deployment.StackBusy, deployment.StackNeedsHuman, deployment.InvalidRequest:
		return cfn.Diagnosis{}, stale("stack %s moved after its recovery was proposed: %w", r.StackName, err)
	}
	if err != nil {
		return cfn.Diagnosis{}, err
	}
	made, err := propose(d, r, definition)
	if err != nil {
		return cfn.Diagnosis{}, err
	}
	if made.Digest != r.Review.Digest {
		return cfn.Diagnosis{}, stale("stack %s is not what it was when its recovery was proposed: the digest is %s now, approved was %s", r.StackName, made.Digest, r.Review.Digest)
	}
	return d, nil
}

func stale(format string, args ...any) error {
	return deployment.Faultf(deployment.ReviewStale, format, args...).Advise("recover again to see what holds now")
}

// Diagnose says what is the matter with the stack. It only reads CloudFormation, so repeating it is safe.
type Diagnose struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (cfn.RecoveryReader, error)
}

// DiagnoseOut is the output of DiagnoseStack.
type DiagnoseOut struct {
	Action deployment.RecoveryAction `json:"action"`
	// Status is CloudFormation's own word.
	Status string `json:"status"`
}

// Run reads the stack and what it holds. While another operation runs it raises StackBusy, which the state machine
// retries.
func (t Diagnose) Run(ctx context.Context, in In) (DiagnoseOut, error) {
	record, _, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return DiagnoseOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return DiagnoseOut{}, err
	}
	d, err := diagnose(ctx, client, record)
	if err != nil {
		return DiagnoseOut{}, err
	}
	status := string(d.Stack.StackStatus)
	if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Stage, r.StackID, r.StackStatus = deployment.StagePlanning, aws.ToString(d.Stack.StackId), status
		r.Recovery.Action, r.Recovery.From = d.Action, status
		if r.Times.Locked.IsZero() {
			r.Times.Locked = t.Clock.Now()
		}
		return nil
	}); err != nil {
		return DiagnoseOut{}, fmt.Errorf("record what is the matter with %s: %w", record.StackName, err)
	}
	return DiagnoseOut{Action: d.Action, Status: status}, nil
}
