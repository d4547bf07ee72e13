package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/callback"
	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// WakeStore is the store as waking needs it.
type WakeStore interface {
	callback.Waiters
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	Waiters(ctx context.Context, purpose store.Purpose) ([]store.Waiter, error)
	WaitersOfStack(ctx context.Context, stackID string) ([]store.Waiter, error)
	Queue(ctx context.Context, stackKey string) ([]store.Ticket, error)
	Decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error)
	Document(ctx context.Context, key string) ([]byte, error)
}

// Wake wakes deployments whose stack has come to rest. Events may come twice, late or not at all: the stack is always
// read, and what is not at rest sleeps on.
type Wake struct {
	Store   WakeStore
	Sender  callback.Sender
	Clock   interface{ Now() time.Time }
	Connect func(ctx context.Context, r store.Record) (cfn.OperationReader, error)
}

// ForStack handles a stack event: it looks at those who wait for this very stack.
func (t Wake) ForStack(ctx context.Context, stackID string) (int, error) {
	waiters, err := t.Store.WaitersOfStack(ctx, stackID)
	if err != nil {
		return 0, fmt.Errorf("read the waiters of stack %s: %w", stackID, err)
	}
	woken := 0
	var failures []error
	// It goes on after a failure: one stack that cannot be read must not let the others wait.
	for _, waiter := range waiters {
		done, err := t.wakeOne(ctx, waiter)
		if err != nil {
			failures = append(failures, fmt.Errorf("look after %s: %w", waiter.DeploymentID, err))
		}
		if done {
			woken++
		}
	}
	return woken, errors.Join(failures...)
}

func (t Wake) wakeOne(ctx context.Context, waiter store.Waiter) (bool, error) {
	record, err := t.Store.Record(ctx, waiter.DeploymentID)
	if err != nil {
		return false, err
	}
	due, err := t.due(ctx, record, waiter.Purpose)
	if err != nil || !due {
		return false, err
	}
	return callback.Wake(ctx, t.Sender, t.Store, waiter.DeploymentID, waiter.Purpose)
}

// atRest says whether the stack of a deployment has come to rest.
func (t Wake) atRest(ctx context.Context, record store.Record) (bool, error) {
	client, err := t.Connect(ctx, record)
	if err != nil {
		return false, err
	}
	settlement, status, err := cfn.OperationSettlement(ctx, client, record.Operation(), t.Clock.Now())
	if err != nil && deployment.FaultOf(err) != deployment.StackNotFound {
		return false, err
	}
	if err != nil {
		return true, nil
	}
	if settlement == deployment.SettlementSucceeded && cfn.CleaningUp(status) {
		// What the update leaves behind is known once it has cleaned up.
		return false, nil
	}
	// A waiter is written before the execution begins, so that "not started" is no news yet; the execution's own
	// timeout ends it if it never begins.
	return settlement.AtRest() && settlement != deployment.SettlementNotStarted, nil
}
