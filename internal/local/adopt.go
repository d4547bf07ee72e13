package local

import (
	"context"
	"errors"
	"fmt"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/store"
	"stackgate/tasks/changeset"
	"stackgate/tasks/events"
	"stackgate/tasks/record"
)

// Adopt finishes the deployments whose process has died, so that none holds a lock for ever: what was not executed is
// discarded, what was executed is concluded once its stack is at rest. It returns those that it finished.
func (h *Host) Adopt(ctx context.Context) ([]store.Record, error) {
	unfinished, err := h.options.Store.Records(ctx, store.Filter{Unfinished: true, Limit: 1000})
	if err != nil {
		return nil, fmt.Errorf("list the unfinished deployments: %w", err)
	}
	var (
		adopted  []store.Record
		failures []error
	)
	for _, r := range unfinished {
		if r.Runner.Name == "" || h.options.Clock.Now().Before(r.Runner.AliveUntil) {
			continue
		}
		done, err := h.finishFromOutside(ctx, r, "the process that ran the flow ended ("+r.Runner.Name+")")
		if err != nil {
			failures = append(failures, fmt.Errorf("finish %s: %w", r.ID, err))
			continue
		}
		if done.Stage == deployment.StageFinished {
			newNarrator(h, r.ID).result(ctx, done)
			adopted = append(adopted, done)
		}
	}
	if err := h.freeKeptLocks(ctx); err != nil {
		failures = append(failures, err)
	}
	return adopted, errors.Join(failures...)
}

// recent bounds how far back kept locks are looked for.
const recent = 1000

// freeKeptLocks passes on the locks of deployments that finished while their stack was still moving, once it is at rest.
// Their outcome stands: somebody has been told that a person must look.
func (h *Host) freeKeptLocks(ctx context.Context) error {
	records, err := h.options.Store.Records(ctx, store.Filter{Limit: recent})
	if err != nil {
		return fmt.Errorf("list the recent deployments: %w", err)
	}
	var failures []error
	for _, r := range records {
		if r.LockKept {
			failures = append(failures, h.freeKeptLock(ctx, r))
		}
	}
	return errors.Join(failures...)
}

func (h *Host) freeKeptLock(ctx context.Context, r store.Record) error {
	atRest, err := h.settle(ctx, r)
	if err != nil {
		return fmt.Errorf("look after the stack of %s: %w", r.ID, err)
	}
	if !atRest {
		return nil
	}
	if err := record.PassLock(ctx, h.options.Store, h.parts.Sender, r); err != nil {
		return err
	}
	_, err = h.options.Store.UpdateRecord(ctx, r.ID, func(r *store.Record) error {
		r.LockKept = false
		return nil
	})
	return err
}

// finishFromOutside finishes a deployment as its flow would have. While its stack still moves it leaves the record, and
// thereby the lock, as it is.
func (h *Host) finishFromOutside(ctx context.Context, r store.Record, why string) (store.Record, error) {
	flow := record.Flow{Fault: &record.ErrorOutput{Error: string(deployment.InternalError), Cause: why}}
	if r.CancelledBy != "" && r.Stage.Cancellable() {
		flow.Fault = &record.ErrorOutput{Error: string(deployment.Cancelled), Cause: r.Heed().Error()}
	}
	executed := !r.Times.Executed.IsZero() && r.Settlement != deployment.SettlementNotStarted
	if executed {
		atRest, err := h.settle(ctx, r)
		if err != nil || !atRest {
			return r, err
		}
	} else if r.ChangeSet.Type != "" {
		if _, err := functions.Discard(h.parts).Run(ctx, changeset.In{DeploymentID: r.ID}); err != nil {
			flow.DiscardFault = &record.ErrorOutput{Error: string(deployment.FaultOf(err)), Cause: err.Error()}
		}
	}
	if _, err := functions.Finish(h.parts).Run(ctx, record.FinishIn{DeploymentID: r.ID, Flow: flow}); err != nil {
		return r, err
	}
	return h.options.Store.Record(ctx, r.ID)
}

// settle records where an execution has come to, with its tail where it failed or left something behind.
func (h *Host) settle(ctx context.Context, r store.Record) (atRest bool, err error) {
	client, err := h.options.CloudFormation(ctx, r)
	if err != nil {
		return false, err
	}
	settlement, status, err := cfn.Settlement(ctx, client, r.StackID, r.ChangeSet.ARN)
	if err != nil || settlement == deployment.SettlementMoving {
		return false, err
	}
	if _, err := h.options.Store.UpdateRecord(ctx, r.ID, func(r *store.Record) error {
		r.Settlement, r.StackStatus, r.Times.Settled = settlement, string(status), h.options.Clock.Now()
		return nil
	}); err != nil {
		return false, err
	}
	if settlement != deployment.SettlementNotStarted {
		// A tail that cannot be read must not keep the deployment open.
		if _, err := functions.Collect(h.parts).Run(ctx, events.In{DeploymentID: r.ID}); err != nil {
			h.options.Log.WarnContext(ctx, "collect the tail of an adopted deployment", "deploymentId", string(r.ID), "error", err.Error())
		}
	}
	return true, nil
}
