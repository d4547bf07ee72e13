package interop_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/asl"
	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/functions"
	"stackgate/internal/identity"
	"stackgate/internal/installed"
	"stackgate/internal/local"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/web"
)

const (
	account     = "111111111111"
	environment = "prod"
	// pace makes stacks and change sets, which take minutes, take a second.
	pace = 0.01
)

// chance is randomness that the engine's jitter and everybody's ids come from.
type chance struct{}

func (chance) Read(p []byte) (int, error) { return rand.Read(p) }
func (chance) Float64() float64           { return 0 }

// definitions is a registry of one service, which stories change.
type definitions struct {
	mu         sync.Mutex
	definition service.Definition
}

// Services lists the one service.
func (d *definitions) Services() []service.Service {
	d.mu.Lock()
	defer d.mu.Unlock()
	return []service.Service{{Name: d.definition.Service, Environments: []string{environment}}}
}

// Identities are those of the engineers.
func (d *definitions) Identities() identity.Rules { return people }

func (d *definitions) Definition(name, _ string) (service.Definition, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name != d.definition.Service {
		return service.Definition{}, service.ErrUnknownService{Name: name}
	}
	return d.definition, nil
}

// kept is a store as the stories see it.
type kept interface {
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	Queue(ctx context.Context, stackKey string) ([]store.Ticket, error)
}

// side is one of the two interpreters with everything that a story needs.
type side struct {
	t     *testing.T
	store kept
	// api is the address of the front door, behind which requests start executions.
	api       string
	registry  *definitions
	simulator *cfnsim.Simulator
	// end waits for the end of a deployment's execution.
	end func(r store.Record) ended
	// handlers are the installed functions; none where the embedded engine runs.
	handlers map[installed.Function]installed.Handler
}

func (s *side) define(change func(*service.Definition)) {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	change(&s.registry.definition)
}

func (s *side) template(text string) {
	s.define(func(d *service.Definition) { d.Template = []byte(text) })
}

// request is ana's, and starts an execution.
func (s *side) request(intent deployment.Intent) store.Record {
	s.t.Helper()
	return s.ask(frontdoor.Ask{Intent: intent})
}

func (s *side) ask(ask frontdoor.Ask) store.Record {
	s.t.Helper()
	ask.Service, ask.Environment, ask.Reason, ask.CorrelationID = s.registry.definition.Service, environment, "a story", "story/42"
	record, err := caller(s.api, "ana").Request(s.t.Context(), ask)
	if err != nil {
		s.t.Fatal(err)
	}
	if want := engineer("ana"); record.RequestedBy != "ana" || !record.Verified || record.Source.Principal != want.ARN {
		s.t.Errorf("requested by %q, verified %v, as %+v", record.RequestedBy, record.Verified, record.Source)
	}
	if s.handlers != nil {
		go s.deliver(s.t.Context(), s.handlers[installed.Events], record.ID)
	}
	return record
}

// reach waits until a deployment has reached a stage.
func (s *side) reach(id deployment.ID, stage deployment.Stage) store.Record {
	s.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		record, err := s.store.Record(s.t.Context(), id)
		if err != nil {
			s.t.Fatal(err)
		}
		if record.Stage == stage && (stage != deployment.StageAwaiting || !record.Times.ApprovalRequested.IsZero()) {
			return record
		}
		if record.Stage == deployment.StageFinished {
			s.t.Fatalf("%s finished as %s (%s) before it was %s", id, record.Outcome, record.Cause, stage)
		}
	}
	s.t.Fatalf("%s never was %s", id, stage)
	return store.Record{}
}

// decide answers the review that the person is shown.
func (s *side) decide(by string, verdict approval.Verdict, id deployment.ID) error {
	door := caller(s.api, by)
	shown, err := door.Deployment(s.t.Context(), id.String())
	if err != nil {
		return err
	}
	// A recovery has a proposal, which is shown in the record.
	if shown.Intent != deployment.IntentRecover {
		review, err := door.Review(s.t.Context(), id)
		if err != nil {
			return err
		}
		if review.Digest != shown.Review.Digest {
			return fmt.Errorf("the review %s of %s is another than %s", review.Digest, id, shown.Review.Digest)
		}
	}
	decided, err := door.Decide(s.t.Context(), id, frontdoor.Answer{
		Verdict: verdict, Digest: shown.Review.Digest, Acknowledgements: shown.Review.Acknowledge, Comment: "because",
	})
	if err != nil {
		return err
	}
	if d := decided.Decision; d.By != by || d.Source.Principal != engineer(by).ARN || d.Source.Channel != approval.API {
		return fmt.Errorf("the decision of %s is kept as that of %q, %+v", by, d.By, d.Source)
	}
	return nil
}

// decided takes a decision by somebody else, after the requester, and a stranger, have tried in vain.
func (s *side) decided(verdict approval.Verdict, id deployment.ID) {
	s.t.Helper()
	s.refused(s.decide("ana", approval.Approve, id), frontdoor.RefusedPerson)
	s.refused(s.decide(stranger, verdict, id), frontdoor.RefusedIdentity)
	if err := s.decide("bo", verdict, id); err != nil {
		s.t.Fatal(err)
	}
}

func (s *side) refused(err error, refusal frontdoor.Refusal) {
	s.t.Helper()
	var refused *frontdoor.RefusedError
	if !errors.As(err, &refused) || refused.Refusal != refusal {
		s.t.Errorf("not refused as %s: %v", refusal, err)
	}
}

// deployed deploys what is defined, requested by ana and approved by bo.
func (s *side) deployed() ended {
	s.t.Helper()
	record := s.request(deployment.IntentDeploy)
	s.decided(approval.Approve, s.awaiting(record))
	return s.end(record)
}

// awaiting waits until a deployment waits for its approval.
func (s *side) awaiting(r store.Record) deployment.ID {
	s.t.Helper()
	return s.reach(r.ID, deployment.StageAwaiting).ID
}

func (s *side) client() *cfnsim.Client { return s.simulator.Client(account, region) }

func (s *side) cloudFormation(context.Context, store.Record) (functions.Client, error) {
	return s.client(), nil
}

func newSide(t *testing.T, name string) *side {
	t.Helper()
	simulator, err := cfnsim.New(cfnsim.Options{Clock: clock.System{}, Random: chance{}, Pace: pace})
	if err != nil {
		t.Fatal(err)
	}
	return &side{t: t, simulator: simulator, registry: &definitions{definition: service.Definition{
		Project: "shop", Service: name, Environment: environment, Account: account, Region: region, StackName: "shop-" + name,
		Template: []byte(table("orders", "")), OnFailure: service.Rollback, OnFailedCreate: service.RemoveEmpty,
		Approval: approval.Policy{When: approval.Always, Count: 1, ExpiresAfter: time.Hour, Self: approval.SelfForbidden}, Parameters: map[string]string{}, Tags: map[string]string{"project": "shop"},
		Timeouts: service.Timeouts{Queue: time.Hour, ChangeSet: 15 * time.Minute, Execution: 2 * time.Hour},
	}}}
}

// embedded is the side of our own engine, with SQLite.
func embedded(t *testing.T, name string) *side {
	t.Helper()
	s := newSide(t, name)
	opened, err := sqlite.Open(t.Context(), t.TempDir(), clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	options := local.Options{
		Store: opened, Registry: s.registry, CloudFormation: s.cloudFormation, Clock: clock.System{}, Random: chance{},
		Log: slog.New(slog.DiscardHandler), Runner: "interop", PollEvery: 100 * time.Millisecond,
	}
	runs := &runs{ctx: t.Context(), options: options, of: map[deployment.ID]*execution{}}
	host, err := local.New(options)
	if err != nil {
		t.Fatal(err)
	}
	s.store = opened
	s.api = gateway(t, installed.NewDoor(people, web.New(web.Options{
		Door: host.FrontDoor, Store: opened, Catalog: func() (web.Catalog, error) { return s.registry, nil }, Starter: runs,
		Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
	})))
	s.end = func(r store.Record) ended {
		t.Helper()
		run := runs.find(r.ID)
		if run == nil {
			t.Fatalf("%s was never started", r.ID)
		}
		<-run.over
		if run.err != nil {
			t.Fatal(run.err)
		}
		return endOf(run.events, r.ID)
	}
	return s
}

// runs starts executions on the embedded engine.
type runs struct {
	ctx     context.Context
	options local.Options

	mu sync.Mutex
	of map[deployment.ID]*execution
}

// execution is one of the embedded engine; what became of it is there when it is over.
type execution struct {
	over   chan struct{}
	events []asl.Event
	err    error
}

func (r *runs) find(id deployment.ID) *execution {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[id]
}

// Start starts an execution, once. Each has a host of its own, because observers do not learn whose event they see.
func (r *runs) Start(_ context.Context, record store.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[record.ID] != nil {
		return nil
	}
	run := &execution{over: make(chan struct{})}
	options := r.options
	var seen sync.Mutex
	options.Observe = func(e asl.Event) {
		seen.Lock()
		defer seen.Unlock()
		run.events = append(run.events, e)
	}
	host, err := local.New(options)
	if err != nil {
		return err
	}
	r.of[record.ID] = run
	go func() {
		defer close(run.over)
		_, run.err = host.Run(r.ctx, record.ID)
	}()
	return nil
}
