// Package local runs the flows in this process: the embedded engine on the same definitions and tasks that are
// installed in AWS. It is no deployment target of its own and knows nothing of terminals.
package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"stackgate/internal/asl"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/functions"
	"stackgate/internal/store"
	"stackgate/internal/taskrun"
	"stackgate/statemachines"
	"stackgate/tasks/changeset"
)

// Clock tells the time and waits.
type Clock = functions.Clock

// Store is the store as the embedded modes use it.
type Store interface {
	functions.Store
	frontdoor.Store
	Tokens
	Journal
}

// Journal keeps the events that a deployment emits.
type Journal interface {
	AppendEvent(ctx context.Context, id deployment.ID, kind string, body json.RawMessage) (int64, error)
	Events(ctx context.Context, id deployment.ID, afterSeq int64, limit int) ([]store.JournalEvent, error)
}

// Options are what a host is made of.
type Options struct {
	Store          Store
	Registry       functions.Registry
	CloudFormation func(ctx context.Context, r store.Record) (functions.Client, error)
	// Templates says where CloudFormation finds templates too large for a call; nil where it can read none, so that they are
	// refused when they are requested.
	Templates changeset.TemplateLocator
	Clock     Clock
	Random    asl.Random
	Log       *slog.Logger
	// Tracker may be nil.
	Tracker taskrun.Tracker
	// Runner names this process in records: host and process id.
	Runner string
	// PollEvery is how often a stack is looked at that is being changed: seconds on AWS, less where it costs nothing.
	PollEvery time.Duration
	// Observe is told of every event of the engine's history; it may be nil.
	Observe func(asl.Event)
}

// Host runs deployments.
type Host struct {
	options Options
	parts   functions.Parts
	deploy  *asl.Machine
	recover *asl.Machine
	engine  map[string]*taskrun.Runner
	// FrontDoor takes in requests, decisions and cancellations.
	FrontDoor frontdoor.FrontDoor
}

// The machines' names stand in the ARNs of the embedded engine, which name no AWS resource.
const (
	deployName  = "stackgate-deploy"
	recoverName = "stackgate-recover"
)

// New makes a host.
func New(o Options) (*Host, error) {
	deploy, err := parse(statemachines.Deploy)
	if err != nil {
		return nil, fmt.Errorf("read the deployment flow: %w", err)
	}
	recovery, err := parse(statemachines.Recover)
	if err != nil {
		return nil, fmt.Errorf("read the recovery flow: %w", err)
	}
	h := &Host{options: o, deploy: deploy, recover: recovery, engine: map[string]*taskrun.Runner{}}
	h.parts = functions.Parts{
		Store: o.Store, Registry: o.Registry, Sender: Sender{o.Store}, Clock: o.Clock, CloudFormation: o.CloudFormation, Templates: o.Templates,
	}
	h.FrontDoor = frontdoor.FrontDoor{Store: o.Store, Registry: o.Registry, Sender: Sender{o.Store}, Clock: o.Clock, Random: o.Random, Announcer: announcer{h}, InlineTemplates: o.Templates == nil}
	for name, tasks := range map[string][]taskrun.Task{
		statemachines.PlanFunction:    functions.Plan(h.parts),
		statemachines.ExecuteFunction: functions.Execute(h.parts),
		statemachines.EventsFunction:  functions.Events(h.parts),
	} {
		if h.engine[name], err = taskrun.New(o.Log, o.Clock, o.Store, o.Tracker, tasks...); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// parse reads a definition, whose placeholders here stand for themselves.
func parse(definition []byte) (*asl.Machine, error) {
	filled, err := asl.Substitute(definition, map[string]string{
		statemachines.PlanFunction:    statemachines.PlanFunction,
		statemachines.ExecuteFunction: statemachines.ExecuteFunction,
		statemachines.EventsFunction:  statemachines.EventsFunction,
	})
	if err != nil {
		return nil, err
	}
	return asl.Parse(filled)
}

// machineFor returns the state machine that runs what was requested with an intent.
func (h *Host) machineFor(intent deployment.Intent) (*asl.Machine, string) {
	if intent == deployment.IntentRecover {
		return h.recover, recoverName
	}
	return h.deploy, deployName
}

// Invoke runs a function of the state machine in this process.
func (h *Host) Invoke(ctx context.Context, function string, payload json.RawMessage) (json.RawMessage, error) {
	runner, known := h.engine[function]
	if !known {
		return nil, fmt.Errorf("there is no function %q", function)
	}
	result, err := runner.Handle(ctx, payload)
	var named messages.InvokeResponse_Error
	if errors.As(err, &named) {
		// As Lambda puts it on the wire.
		cause, encoding := json.Marshal(map[string]string{"errorMessage": named.Message, "errorType": named.Type})
		if encoding != nil {
			return nil, encoding
		}
		return nil, &asl.FunctionError{Name: named.Type, Cause: string(cause)}
	}
	return result, err
}

// lease is how long a record stays this process's without a sign of life.
const lease = 30 * time.Second

// Run runs the flow of a requested deployment to its end, and returns its record. Cancelling the context stops the
// engine where it is; the stack is left as it is, and Adopt finishes the deployment later.
func (h *Host) Run(ctx context.Context, id deployment.ID) (store.Record, error) {
	record, err := h.alive(ctx, id)
	if err != nil {
		return store.Record{}, err
	}
	input, err := json.Marshal(map[string]string{"deploymentId": id.String(), "correlationId": record.CorrelationID})
	if err != nil {
		return store.Record{}, fmt.Errorf("encode the input of %s: %w", id, err)
	}
	aside, stop := context.WithCancel(ctx)
	var companions sync.WaitGroup
	companions.Go(func() { h.keepAlive(aside, id) })
	narrator := newNarrator(h, id)
	companions.Go(func() { h.lookAfterStack(aside, id, narrator) })
	transitions := 0
	engine := &asl.Engine{
		Functions: h, Callbacks: callbacks{tokens: h.options.Store, clock: h.options.Clock, every: wakeEvery},
		Clock: h.options.Clock, Random: h.options.Random,
		Observe: func(e asl.Event) {
			if e.IsStateEntered() {
				transitions++
			}
			narrator.observe(ctx, e)
			if h.options.Observe != nil {
				h.options.Observe(e)
			}
		},
	}
	machine, machineName := h.machineFor(record.Intent)
	_, err = engine.Run(ctx, machine, asl.Execution{
		ID:   "arn:aws:states:" + record.Region + ":" + record.Account + ":execution:" + machineName + ":" + id.String(),
		Name: id.String(), MachineID: "arn:aws:states:" + record.Region + ":" + record.Account + ":stateMachine:" + machineName,
		MachineName: machineName, Input: input,
	})
	stop()
	companions.Wait()
	if err != nil {
		return store.Record{}, fmt.Errorf("run the flow of %s: %w", id, err)
	}
	return h.conclude(context.WithoutCancel(ctx), id, transitions, narrator)
}

// conclude finishes from outside what ended without FinishDeployment.
func (h *Host) conclude(ctx context.Context, id deployment.ID, transitions int, narrator *narrator) (store.Record, error) {
	record, err := h.options.Store.Record(ctx, id)
	if err != nil {
		return store.Record{}, err
	}
	if record.Stage != deployment.StageFinished {
		if record, err = h.adoption().Close(ctx, record, "the flow was stopped before it was finished"); err != nil {
			return store.Record{}, err
		}
	}
	if record, err = h.options.Store.UpdateRecord(ctx, id, func(r *store.Record) error {
		r.Transitions = transitions
		if r.Stage == deployment.StageFinished {
			r.Runner = store.Runner{}
		} else {
			// Its stack still moves. The name stays, for only what some process ran is taken up by the next one.
			r.Runner.AliveUntil = h.options.Clock.Now()
		}
		return nil
	}); err != nil {
		return store.Record{}, err
	}
	if record.Stage == deployment.StageFinished {
		narrator.result(ctx, record)
	}
	return record, nil
}

// wakeEvery is how often a waiting flow looks for the answer to its token, which another process may give.
const wakeEvery = 200 * time.Millisecond

func (h *Host) alive(ctx context.Context, id deployment.ID) (store.Record, error) {
	return h.options.Store.UpdateRecord(ctx, id, func(r *store.Record) error {
		r.Runner = store.Runner{Name: h.options.Runner, AliveUntil: h.options.Clock.Now().Add(lease)}
		return nil
	})
}

func (h *Host) keepAlive(ctx context.Context, id deployment.ID) {
	for h.options.Clock.Sleep(ctx, lease/3) == nil {
		if _, err := h.alive(ctx, id); err != nil && ctx.Err() == nil {
			h.options.Log.WarnContext(ctx, "renew the lease of a deployment", "deploymentId", string(id), "error", err.Error())
		}
	}
}

// lookAfterStack does what stack events and the sweep do in AWS: it wakes the flow once its stack has come to rest.
func (h *Host) lookAfterStack(ctx context.Context, id deployment.ID, narrator *narrator) {
	wake := functions.Wake(h.parts)
	for h.options.Clock.Sleep(ctx, h.options.PollEvery) == nil {
		record, err := h.options.Store.Record(ctx, id)
		if err == nil && record.Stage == deployment.StageExecuting {
			narrator.stackEvents(ctx, record)
			_, err = wake.ForStack(ctx, record.StackID)
		}
		if err != nil && ctx.Err() == nil {
			h.options.Log.WarnContext(ctx, "look after a stack", "deploymentId", string(id), "error", err.Error())
		}
	}
}
