// Package lock gives one deployment at a time a stack to itself. It does not look at the stack.
package lock

import (
	"context"
	"fmt"
	"time"

	"stackgate/internal/callback"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Store is the store as AcquireStackLock needs it.
type Store interface {
	callback.Waiters
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	PutWaiter(ctx context.Context, w store.Waiter) error
	Enqueue(ctx context.Context, stackKey string, t store.Ticket) ([]store.Ticket, error)
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Acquire queues for a stack's lock. Repeating it keeps the place in the queue and renews the token.
type Acquire struct {
	Store  Store
	Sender callback.Sender
	Clock  Clock
}

// AcquireIn is the input of AcquireStackLock.
type AcquireIn struct {
	DeploymentID deployment.ID `json:"deploymentId"`
	ExecutionARN string        `json:"executionArn"`
	TaskToken    string        `json:"taskToken"`
}

// AcquireOut says who stood before the deployment when it queued. The state machine does not read it; logs do.
type AcquireOut struct {
	Ahead []deployment.ID `json:"ahead"`
}

// Run queues, supersedes older deployments of the same service that nobody has begun to approve, and wakes its own
// callback when the lock is free.
func (a Acquire) Run(ctx context.Context, in AcquireIn) (AcquireOut, error) {
	now := a.Clock.Now()
	record, err := a.Store.UpdateRecord(ctx, in.DeploymentID, func(r *store.Record) error {
		if err := r.Heed(); err != nil {
			return err
		}
		r.Stage = deployment.StageQueued
		if r.Times.Queued.IsZero() {
			r.Times.Queued = now
		}
		return nil
	})
	if err != nil {
		return AcquireOut{}, err
	}
	// The waiter goes first: whoever leaves the queue between the two lines finds it.
	if err := a.Store.PutWaiter(ctx, store.Waiter{
		DeploymentID: record.ID, Purpose: store.AwaitLock, Target: record.Target, Token: in.TaskToken, Since: now,
	}); err != nil {
		return AcquireOut{}, fmt.Errorf("write the lock waiter of %s: %w", record.ID, err)
	}
	queue, err := a.Store.Enqueue(ctx, record.Target.Key(), store.Ticket{
		DeploymentID: record.ID, Service: record.Service, Environment: record.Environment, Reason: record.Reason,
		ExecutionARN: in.ExecutionARN, EnqueuedAt: now,
	})
	if err != nil {
		return AcquireOut{}, fmt.Errorf("queue %s for %s: %w", record.ID, record.StackName, err)
	}
	out := AcquireOut{Ahead: []deployment.ID{}}
	for _, ticket := range queue {
		if ticket.DeploymentID == record.ID {
			break
		}
		out.Ahead = append(out.Ahead, ticket.DeploymentID)
		if err := a.supersede(ctx, record, ticket); err != nil {
			return AcquireOut{}, err
		}
	}
	if len(out.Ahead) == 0 {
		if _, err := callback.Wake(ctx, a.Sender, a.Store, record.ID, store.AwaitLock); err != nil {
			return AcquireOut{}, err
		}
	}
	return out, nil
}

// supersede asks an older deployment of the same service, or an older recovery where this is one, to end, unless somebody
// has begun to approve it: a decision that a person has given is not thrown away. A plan supersedes nothing.
func (a Acquire) supersede(ctx context.Context, newer store.Record, ticket store.Ticket) error {
	if newer.Intent == deployment.IntentPlan || ticket.Service != newer.Service || ticket.Environment != newer.Environment {
		return nil
	}
	older, err := a.Store.UpdateRecord(ctx, ticket.DeploymentID, func(r *store.Record) error {
		if r.Intent == newer.Intent && r.Stage.Cancellable() && r.DecisionCount == 0 && r.SupersededBy == "" {
			r.SupersededBy = newer.ID
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("supersede %s: %w", ticket.DeploymentID, err)
	}
	if older.SupersededBy == "" || !older.Stage.Cancellable() {
		return nil
	}
	for _, purpose := range []store.Purpose{store.AwaitLock, store.AwaitApproval} {
		if _, err := callback.Wake(ctx, a.Sender, a.Store, older.ID, purpose); err != nil {
			return err
		}
	}
	return nil
}
