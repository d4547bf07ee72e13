package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/feed"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/store"
)

// journal is the events of a front door as feed reads them.
type journal struct{ session *door.Session }

func (j journal) Events(ctx context.Context, id deployment.ID, after int64, _ int) ([]store.JournalEvent, error) {
	events, _, err := j.session.Events(ctx, id, after)
	return events, err
}

const (
	watchEvery = 200 * time.Millisecond
	// remoteEvery is how often an installed front door is asked: its Lambda is paid by the call, and people read no faster.
	remoteEvery = 2 * time.Second
	// adoptRounds is how often, in looks at the journal, it is seen to it that a process that died is replaced.
	adoptRounds = 15
)

// Watch shows a deployment, whoever runs it, from its beginning until its result, and returns its record.
func Watch(ctx context.Context, a *app.App, s *door.Session, id deployment.ID, observe func(context.Context, store.JournalEvent) error) (store.Record, error) {
	every := watchEvery
	if s.Embedded == nil {
		every = remoteEvery
	}
	var after int64
	for round := 0; ; round++ {
		events, over, err := s.Events(ctx, id, after)
		if err != nil {
			return store.Record{}, err
		}
		for _, e := range events {
			after = e.Seq
			if err := observe(ctx, e); err != nil {
				return store.Record{}, err
			}
			_, ended := feed.EndedOf(e)
			over = over || ended
		}
		if over {
			found, err := s.Deployment(ctx, id.String())
			return found.Record, err
		}
		if s.Embedded != nil && round%adoptRounds == adoptRounds-1 {
			if _, err := s.Embedded.Host.Adopt(ctx); err != nil {
				a.Warn("warning: %v", err)
			}
		}
		if err := a.Clock.Sleep(ctx, every); err != nil {
			return store.Record{}, fmt.Errorf("watch %s: %w", id, err)
		}
	}
}

// remote requests a deployment that runs elsewhere, and looks on.
func (r Runner) remote(ctx context.Context, ask frontdoor.Ask) (store.Record, error) {
	// A request that was sent is worth waiting for: without its answer nobody knows what to call off.
	record, err := r.Session.RequestAs(context.WithoutCancel(ctx), r.Person, ask)
	if err != nil {
		return store.Record{}, err
	}
	if r.Started != nil {
		r.Started(record)
	}
	looking := ctx
	if r.Timeout > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, r.Timeout, exit.ErrTimedOut)
		defer cancel()
		looking = limited
	}
	ended, err := Watch(looking, r.App, r.Session, record.ID, r.Observe)
	if looking.Err() == nil {
		return ended, err
	}
	return record, r.leave(ctx, looking, record)
}

// leave ends the looking on. A plan that nobody waits for is called off; a deployment goes on.
func (r Runner) leave(ctx, looking context.Context, record store.Record) error {
	why := exit.ErrInterrupted
	if ctx.Err() == nil && errors.Is(context.Cause(looking), exit.ErrTimedOut) {
		why = exit.ErrTimedOut
	}
	p := r.App.Pen()
	if record.Intent == deployment.IntentPlan {
		called, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
		defer cancel()
		if _, err := r.Session.CancelAs(called, r.Person, record.ID, "nobody waits for the plan any more"); err == nil {
			r.App.Warn("\nCalled off %s: its change set is being discarded.", record.ID)
			return why
		}
	}
	r.App.Warn("\n%s goes on without this terminal.", record.ID)
	r.App.Warn("  attach again   %s", p.Cyan("stackgate watch "+record.ID.Short()))
	r.App.Warn("  call it off    %s", p.Cyan("stackgate cancel "+record.ID.Short()))
	return why
}

// cancelTime is how long calling a plan off may take.
const cancelTime = 10 * time.Second
