package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Swept is what a sweep found.
type Swept struct {
	// Woken is how many deployments were woken.
	Woken int `json:"woken"`
	// Stuck is how many callbacks wait on although the limit of their wait passed StuckAfter ago: Step Functions should
	// have ended them, and their flow should have removed them.
	Stuck int `json:"stuck"`
}

// StuckAfter is how long after the limit of its wait a callback counts as stuck. The flow's own clean-up, retries
// included, takes minutes.
const StuckAfter = 30 * time.Minute

// Sweep looks at everybody who waits, for a lock, for people or for a stack, and wakes those whose wait is over, so that
// a lost event, or a process that died between its deed and the wake-up, costs time and nothing else.
func (t Wake) Sweep(ctx context.Context) (Swept, error) {
	var (
		swept    Swept
		failures []error
	)
	for _, purpose := range store.Purposes() {
		waiters, err := t.Store.Waiters(ctx, purpose)
		if err != nil {
			failures = append(failures, fmt.Errorf("read the %s waiters: %w", purpose, err))
		}
		for _, waiter := range waiters {
			woken, stuck, err := t.sweepOne(ctx, waiter)
			if err != nil {
				failures = append(failures, fmt.Errorf("look after %s: %w", waiter.DeploymentID, err))
			}
			if woken {
				swept.Woken++
			}
			if stuck {
				swept.Stuck++
			}
		}
	}
	return swept, errors.Join(failures...)
}

// sweepOne counts what cannot be looked at as stuck once it is old enough, rather than not at all.
func (t Wake) sweepOne(ctx context.Context, waiter store.Waiter) (woken, stuck bool, err error) {
	woken, err = t.wakeOne(ctx, waiter)
	if woken {
		return true, false, err
	}
	age := t.Clock.Now().Sub(waiter.Since)
	if age < StuckAfter {
		return false, false, err
	}
	limit, unknown := t.limit(ctx, waiter)
	return false, age > limit+StuckAfter, errors.Join(err, unknown)
}

// limit is how long a callback may wait; nothing where that cannot be found out.
func (t Wake) limit(ctx context.Context, waiter store.Waiter) (time.Duration, error) {
	record, err := t.Store.Record(ctx, waiter.DeploymentID)
	if err != nil {
		return 0, err
	}
	definition, err := service.KeptDefinition(ctx, t.Store, record.Definition)
	if err != nil {
		return 0, err
	}
	switch waiter.Purpose {
	case store.AwaitLock:
		return definition.Timeouts.Queue, nil
	case store.AwaitApproval:
		return record.Policy.ExpiresAfter, nil
	case store.AwaitStack:
		return definition.Timeouts.Execution, nil
	}
	return 0, nil
}

// due says whether a wait is over. Whoever is woken looks for itself, so that one wake-up too many does no harm.
func (t Wake) due(ctx context.Context, record store.Record, purpose store.Purpose) (bool, error) {
	switch purpose {
	case store.AwaitLock:
		queue, err := t.Store.Queue(ctx, record.Target.Key())
		if err != nil {
			return false, fmt.Errorf("read the queue for %s: %w", record.StackName, err)
		}
		return record.Heed() != nil || len(queue) > 0 && queue[0].DeploymentID == record.ID, nil
	case store.AwaitApproval:
		decisions, err := t.Store.Decisions(ctx, record.ID)
		if err != nil {
			return false, fmt.Errorf("read the decisions upon %s: %w", record.ID, err)
		}
		return record.Heed() != nil || approval.Count(record.Policy, record.ReviewToDecide(), decisions).State != approval.Waiting, nil
	case store.AwaitStack:
		return t.atRest(ctx, record)
	}
	return false, deployment.Faultf(deployment.InternalError, "%s waits for %q, which nobody knows", record.ID, purpose)
}
