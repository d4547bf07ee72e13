// Package approval waits for people. It neither takes decisions in nor judges them: it opens the deployment for them and
// leaves the counting to who executes.
package approval

import (
	"context"
	"fmt"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/callback"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Store is the store as WaitForApproval needs it.
type Store interface {
	callback.Waiters
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	PutWaiter(ctx context.Context, w store.Waiter) error
	Decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error)
}

// Announcer tells people that a review waits for them. The announcement carries the deployment's id, never its token.
type Announcer interface {
	ApprovalRequested(ctx context.Context, r store.Record) error
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Wait opens a deployment for decisions. Repeating it renews the token; an announcement that was
// made is not made again, one that failed is.
type Wait struct {
	Store  Store
	Sender callback.Sender
	Clock  Clock
	// Announcer may be nil where people look for themselves.
	Announcer Announcer
}

// WaitIn is the input of WaitForApproval.
type WaitIn struct {
	DeploymentID deployment.ID `json:"deploymentId"`
	TaskToken    string        `json:"taskToken"`
}

// WaitOut is the output of WaitForApproval. The state machine does not read it; logs do.
type WaitOut struct {
	ExpiresAt time.Time `json:"expiresAt"`
}

// Run stores the token, opens the deployment for decisions and announces it. Where the decisions are complete already,
// because an earlier try had opened it, it wakes its own callback.
func (t Wait) Run(ctx context.Context, in WaitIn) (WaitOut, error) {
	now := t.Clock.Now()
	first := false
	record, err := t.Store.UpdateRecord(ctx, in.DeploymentID, func(r *store.Record) error {
		if err := r.Heed(); err != nil {
			return err
		}
		first = r.Times.ApprovalRequested.IsZero()
		r.Stage = deployment.StageAwaiting
		return nil
	})
	if err != nil {
		return WaitOut{}, err
	}
	if err := t.Store.PutWaiter(ctx, store.Waiter{
		DeploymentID: record.ID, Purpose: store.AwaitApproval, Target: record.Target, Token: in.TaskToken, Since: now,
	}); err != nil {
		return WaitOut{}, fmt.Errorf("write the approval waiter of %s: %w", record.ID, err)
	}
	if first && t.Announcer != nil {
		if err := t.Announcer.ApprovalRequested(ctx, record); err != nil {
			return WaitOut{}, fmt.Errorf("announce the review of %s: %w", record.ID, err)
		}
	}
	if first {
		// Noted after the announcement: a task that dies between the two announces again, which beats never.
		if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
			r.Times.ApprovalRequested = now
			return nil
		}); err != nil {
			return WaitOut{}, fmt.Errorf("record the announcement of %s: %w", record.ID, err)
		}
	}
	return WaitOut{ExpiresAt: record.Review.ExpiresAt}, t.wakeIfDecided(ctx, record)
}

// wakeIfDecided also catches the decision, or the wish to end, that came between the stage and the waiter.
func (t Wait) wakeIfDecided(ctx context.Context, record store.Record) error {
	decisions, err := t.Store.Decisions(ctx, record.ID)
	if err != nil {
		return fmt.Errorf("read the decisions upon %s: %w", record.ID, err)
	}
	latest, err := t.Store.Record(ctx, record.ID)
	if err != nil {
		return err
	}
	decided := approval.Count(record.Policy, record.ReviewToDecide(), decisions).State != approval.Waiting
	if !decided && latest.Heed() == nil {
		return nil
	}
	_, err = callback.Wake(ctx, t.Sender, t.Store, record.ID, store.AwaitApproval)
	return err
}
