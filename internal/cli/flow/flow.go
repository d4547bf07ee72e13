// Package flow requests a deployment, runs it in this process where no front door is installed, and shows it until its end.
// It is what deploy, plan and demo share, and knows no flags.
package flow

import (
	"context"
	"errors"
	"time"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/feed"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/store"
)

// Runner runs one deployment.
type Runner struct {
	App     *app.App
	Session *door.Session
	Person  string
	// Timeout ends the run; 0 means never.
	Timeout time.Duration
	// Every is how often the journal is looked at.
	Every time.Duration
	// Started is told of the deployment before its flow begins; it may be nil.
	Started func(store.Record)
	// Observe is told of every event in its order.
	Observe func(ctx context.Context, e store.JournalEvent) error
}

// detachTime is how long a called-off deployment may take to clean up after an interruption.
const detachTime = 60 * time.Second

type ended struct {
	record store.Record
	err    error
}

// Run runs the deployment to its end and returns its record. When ctx ends before the change set is executed the
// deployment is called off; after that the stack goes on at CloudFormation, and the next command concludes it. In team mode
// the flow runs elsewhere, and an interruption only ends the looking on.
func (r Runner) Run(ctx context.Context, ask frontdoor.Ask) (store.Record, error) {
	if r.Session.Embedded == nil {
		return r.remote(ctx, ask)
	}
	definition, err := r.Session.Embedded.Definition(ask.Service, ask.Environment)
	if err != nil {
		return store.Record{}, r.configuration(err)
	}
	if err := r.Session.Embedded.Check(ctx, deployment.Target{Account: definition.Account, Region: definition.Region, StackName: definition.StackName}); err != nil {
		return store.Record{}, err
	}
	record, err := r.Session.RequestAs(ctx, r.Person, ask)
	if err != nil {
		return store.Record{}, err
	}
	if r.Started != nil {
		r.Started(record)
	}
	return r.follow(ctx, record)
}

// configuration makes what is unknown or disabled an error of usage.
func (r Runner) configuration(err error) error {
	return deployment.Faultf(deployment.InvalidRequest, "%w", err)
}

func (r Runner) follow(ctx context.Context, record store.Record) (store.Record, error) {
	// The flow outlives an interruption: it is told to stop, and cleans up.
	engine, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	finished := make(chan ended, 1)
	go func() {
		record, err := r.Session.Embedded.Host.Run(engine, record.ID)
		finished <- ended{record, err}
	}()
	ticks := r.ticks(engine)
	var limit <-chan struct{}
	if r.Timeout > 0 {
		limit = r.alarm(engine, r.Timeout)
	}
	journal := &feed.Reader{Journal: journal{r.Session}, ID: record.ID}
	show := func() error { return r.show(engine, journal) }
	interrupted := ctx.Done()
	var why error
	for {
		select {
		case <-ticks:
			if err := show(); err != nil {
				return record, err
			}
		case <-interrupted:
			interrupted, limit, why = nil, r.alarm(engine, detachTime), exit.ErrInterrupted
			if r.detached(engine, stop, finished, record.ID) {
				return record, errors.Join(why, show())
			}
		case <-limit:
			if why != nil {
				stop()
				return record, why
			}
			interrupted, limit, why = nil, r.alarm(engine, detachTime), exit.ErrTimedOut
			if r.detached(engine, stop, finished, record.ID) {
				return record, errors.Join(why, show())
			}
		case end := <-finished:
			if end.err != nil {
				return record, end.err
			}
			if err := show(); err != nil {
				return end.record, err
			}
			if end.record.Outcome == deployment.OutcomeCancelled && why != nil {
				return end.record, why
			}
			return end.record, nil
		}
	}
}

func (r Runner) show(ctx context.Context, journal *feed.Reader) error {
	events, err := journal.Next(ctx)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := r.Observe(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// detached calls the deployment off or, where its change set is being executed, lets go of it and returns true.
func (r Runner) detached(ctx context.Context, stop func(), finished <-chan ended, id deployment.ID) bool {
	called, err := r.Session.CancelAs(ctx, r.Person, id, "interrupted at the terminal of the requester")
	if err == nil && called.Intent == deployment.IntentRecover {
		r.App.Say("\nCalled off %s: the stack is left as it is.", id)
		return false
	}
	if err == nil {
		r.App.Say("\nCalled off %s: its change set is being discarded.", id)
		return false
	}
	found, readErr := r.Session.Deployment(ctx, id.String())
	if readErr == nil && found.Stage == deployment.StageFinished {
		return false
	}
	stop()
	<-finished
	if err := r.Session.Embedded.LetGo(context.WithoutCancel(ctx), id); err != nil {
		r.App.Warn("warning: %v", err)
	}
	what := "The change set of %s is being executed"
	if found.Intent == deployment.IntentRecover {
		what = "The recovery %s is being performed"
	}
	r.App.Say("\n"+what+", and CloudFormation goes on with that. Attach again with: %s",
		id, r.App.Pen().Cyan("stackgate watch "+id.Short()))
	return true
}

func (r Runner) ticks(ctx context.Context) <-chan struct{} {
	ticks := make(chan struct{})
	go func() {
		for r.App.Clock.Sleep(ctx, r.Every) == nil {
			select {
			case ticks <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	return ticks
}

func (r Runner) alarm(ctx context.Context, after time.Duration) <-chan struct{} {
	rung := make(chan struct{})
	go func() {
		if r.App.Clock.Sleep(ctx, after) == nil {
			close(rung)
		}
	}()
	return rung
}

// LookEvery is how often a journal is looked at.
const LookEvery = 100 * time.Millisecond
