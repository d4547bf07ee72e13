// Package adoption finishes deployments from outside their flow, where the flow ended without doing it: a process that
// died, an execution that was stopped or ran out of time. It does not find out that a flow has ended; its callers do.
package adoption

import (
	"context"
	"fmt"
	"log/slog"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/store"
	"stackgate/tasks/changeset"
	"stackgate/tasks/events"
	"stackgate/tasks/record"
)

// Adoption finishes deployments with the tasks that their flow would have used.
type Adoption struct {
	Parts functions.Parts
	Log   *slog.Logger
}

// Close does what is still to be done for a deployment whose flow has ended, and returns its record: it finishes it, frees
// the lock that it kept while its stack was moving, and reports its end. While the stack still moves it changes nothing, so
// that the lock stays where it is; who asks again later finds the stack at rest. Doing it twice changes nothing.
func (a Adoption) Close(ctx context.Context, r store.Record, why string) (store.Record, error) {
	var err error
	if r.Stage != deployment.StageFinished {
		if r, err = a.finish(ctx, r, why); err != nil {
			return r, fmt.Errorf("finish %s: %w", r.ID, err)
		}
	}
	if r.Stage == deployment.StageFinished && r.LockKept {
		if r, err = a.freeKeptLock(ctx, r); err != nil {
			return r, fmt.Errorf("free the lock of %s: %w", r.ID, err)
		}
	}
	if r.Stage == deployment.StageFinished && r.Unreported {
		if r, err = a.conclude(ctx, r, record.Flow{}); err != nil {
			return r, fmt.Errorf("report the end of %s: %w", r.ID, err)
		}
	}
	return r, nil
}

// finish finishes a deployment as its flow would have: what was not executed is discarded, what was executed is concluded
// once its stack is at rest.
func (a Adoption) finish(ctx context.Context, r store.Record, why string) (store.Record, error) {
	flow := record.Flow{Fault: errorOutput(deployment.Faultf(deployment.InternalError, "%s", why))}
	if wish := r.Heed(); wish != nil {
		flow.Fault = errorOutput(wish)
	}
	executed := !r.Times.Executed.IsZero() && r.Settlement != deployment.SettlementNotStarted
	if executed {
		settlement, err := a.settle(ctx, r)
		if err != nil && deployment.FaultOf(err) == deployment.StackNotFound {
			flow.Fault, err = errorOutput(err), nil
		}
		if err != nil || settlement == deployment.SettlementMoving {
			return r, err
		}
		executed = settlement != deployment.SettlementNotStarted
	}
	if !executed && r.ChangeSet.Type != "" {
		if _, err := functions.Discard(a.Parts).Run(ctx, changeset.In{DeploymentID: r.ID}); err != nil {
			if passes(deployment.FaultOf(err)) {
				return r, err
			}
			flow.DiscardFault = errorOutput(err)
		}
	}
	return a.conclude(ctx, r, flow)
}

func errorOutput(err error) *record.ErrorOutput {
	return &record.ErrorOutput{Error: string(deployment.FaultOf(err)), Cause: err.Error()}
}

// passes says whether a change set that could not be discarded is worth another try later: CloudFormation is still at it,
// or answers nobody. Whatever else is wrong must not keep the deployment open, and is told as a leftover.
func passes(fault deployment.Fault) bool {
	switch fault {
	case deployment.StackMoving, deployment.StackBusy, deployment.Throttled, deployment.ChangeSetPending:
		return true
	default:
		return false
	}
}

func (a Adoption) conclude(ctx context.Context, r store.Record, flow record.Flow) (store.Record, error) {
	if _, err := functions.Finish(a.Parts).Run(ctx, record.FinishIn{DeploymentID: r.ID, Flow: flow}); err != nil {
		return r, err
	}
	return a.Parts.Store.Record(ctx, r.ID)
}

// freeKeptLock passes on the lock of a deployment that finished while its stack was still moving, once it is at rest or
// gone. Its outcome stands: somebody has been told that a person must look.
func (a Adoption) freeKeptLock(ctx context.Context, r store.Record) (store.Record, error) {
	settlement, err := a.settle(ctx, r)
	if err != nil && deployment.FaultOf(err) != deployment.StackNotFound {
		return r, err
	}
	if settlement == deployment.SettlementMoving {
		return r, nil
	}
	if err := record.PassLock(ctx, a.Parts.Store, a.Parts.Sender, r); err != nil {
		return r, err
	}
	return a.Parts.Store.UpdateRecord(ctx, r.ID, func(r *store.Record) error {
		r.LockKept = false
		return nil
	})
}

// settle records where an execution has come to, with its tail where it failed or left something behind. What still moves is not recorded.
func (a Adoption) settle(ctx context.Context, r store.Record) (deployment.Settlement, error) {
	client, err := a.Parts.CloudFormation(ctx, r)
	if err != nil {
		return "", err
	}
	settlement, status, err := cfn.OperationSettlement(ctx, client, r.Operation(), a.Parts.Clock.Now())
	if err != nil || settlement == deployment.SettlementMoving {
		return settlement, err
	}
	if _, err := a.Parts.Store.UpdateRecord(ctx, r.ID, func(r *store.Record) error {
		r.Settlement, r.StackStatus, r.Times.Settled = settlement, string(status), a.Parts.Clock.Now()
		return nil
	}); err != nil {
		return "", err
	}
	if settlement != deployment.SettlementNotStarted {
		// A tail that cannot be read must not keep the deployment open.
		if _, err := functions.Collect(a.Parts).Run(ctx, events.In{DeploymentID: r.ID}); err != nil {
			a.Log.WarnContext(ctx, "collect the tail of a deployment that is finished from outside", "deploymentId", string(r.ID), "error", err.Error())
		}
	}
	return settlement, nil
}
