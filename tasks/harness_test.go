package tasks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/approval"
	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/taskrun"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
	stackOf = "shop-orders-prod"
	id      = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	// older and next stand before and behind it in the queue.
	older = deployment.ID("orders-prod-20261122T130203Z-aaaaaaaa")
	next  = deployment.ID("orders-prod-20261122T150203Z-bbbbbbbb")
)

var errDead = errors.New("the process is dead")

// life is that of one process: it may end before or after the n-th thing that it does to the world.
type life struct {
	doomed, done int
	after        bool
	dead         bool
}

func do[T any](l *life, effect func() (T, error)) (T, error) {
	var nothing T
	if l.dead {
		return nothing, errDead
	}
	l.done++
	l.dead = l.done == l.doomed
	if l.dead && !l.after {
		return nothing, errDead
	}
	got, err := effect()
	if l.dead {
		return nothing, errDead
	}
	return got, err
}

func do0(l *life, effect func() error) error {
	_, err := do(l, func() (struct{}, error) { return struct{}{}, effect() })
	return err
}

type mortalStore struct {
	*sqlite.Store
	life *life
}

func (s mortalStore) UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error) {
	return do(s.life, func() (store.Record, error) { return s.Store.UpdateRecord(ctx, id, change) })
}

func (s mortalStore) PutDocument(ctx context.Context, kind string, content []byte) (string, error) {
	return do(s.life, func() (string, error) { return s.Store.PutDocument(ctx, kind, content) })
}

func (s mortalStore) Enqueue(ctx context.Context, key string, ticket store.Ticket) ([]store.Ticket, error) {
	return do(s.life, func() ([]store.Ticket, error) { return s.Store.Enqueue(ctx, key, ticket) })
}

func (s mortalStore) Leave(ctx context.Context, key string, id deployment.ID) ([]store.Ticket, error) {
	return do(s.life, func() ([]store.Ticket, error) { return s.Store.Leave(ctx, key, id) })
}

func (s mortalStore) PutWaiter(ctx context.Context, waiter store.Waiter) error {
	return do0(s.life, func() error { return s.Store.PutWaiter(ctx, waiter) })
}

func (s mortalStore) DeleteWaiter(ctx context.Context, id deployment.ID, purpose store.Purpose, token string) error {
	return do0(s.life, func() error { return s.Store.DeleteWaiter(ctx, id, purpose, token) })
}

type mortalClient struct {
	functions.Client
	life *life
}

func (c mortalClient) CreateChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	return do(c.life, func() (*cloudformation.CreateChangeSetOutput, error) {
		return c.Client.CreateChangeSet(ctx, in, opts...)
	})
}

func (c mortalClient) ExecuteChangeSet(ctx context.Context, in *cloudformation.ExecuteChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.ExecuteChangeSetOutput, error) {
	return do(c.life, func() (*cloudformation.ExecuteChangeSetOutput, error) {
		return c.Client.ExecuteChangeSet(ctx, in, opts...)
	})
}

func (c mortalClient) DeleteChangeSet(ctx context.Context, in *cloudformation.DeleteChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error) {
	return do(c.life, func() (*cloudformation.DeleteChangeSetOutput, error) {
		return c.Client.DeleteChangeSet(ctx, in, opts...)
	})
}

func (c mortalClient) DeleteStack(ctx context.Context, in *cloudformation.DeleteStackInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	return do(c.life, func() (*cloudformation.DeleteStackOutput, error) { return c.Client.DeleteStack(ctx, in, opts...) })
}

func (c mortalClient) ContinueUpdateRollback(ctx context.Context, in *cloudformation.ContinueUpdateRollbackInput, opts ...func(*cloudformation.Options)) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	return do(c.life, func() (*cloudformation.ContinueUpdateRollbackOutput, error) {
		return c.Client.ContinueUpdateRollback(ctx, in, opts...)
	})
}

func (c mortalClient) RollbackStack(ctx context.Context, in *cloudformation.RollbackStackInput, opts ...func(*cloudformation.Options)) (*cloudformation.RollbackStackOutput, error) {
	return do(c.life, func() (*cloudformation.RollbackStackOutput, error) { return c.Client.RollbackStack(ctx, in, opts...) })
}

func (c mortalClient) DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	if c.life.dead {
		return nil, errDead
	}
	return c.Client.DescribeChangeSet(ctx, in, opts...)
}

func (c mortalClient) DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	if c.life.dead {
		return nil, errDead
	}
	return c.Client.DescribeStackEvents(ctx, in, opts...)
}

func (c mortalClient) DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if c.life.dead {
		return nil, errDead
	}
	return c.Client.DescribeStacks(ctx, in, opts...)
}

// world is one AWS and one store; processes come and go in it.
type world struct {
	t         *testing.T
	store     *sqlite.Store
	simulator *cfnsim.Simulator
	template  string
	// answered counts the wakes that a token took: Step Functions takes one.
	answered  map[string]int
	announced int
	tries     int
	// intent is what id was requested for, asked what its recovery is to do.
	intent deployment.Intent
	asked  deployment.Recovery
}

// sender is Step Functions as a process reaches it.
type sender struct {
	*world
	life *life
}

func (s sender) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	return do(s.life, func() (*sfn.SendTaskSuccessOutput, error) {
		if s.answered[aws.ToString(in.TaskToken)] > 0 {
			return nil, &sfntypes.TaskTimedOut{}
		}
		s.answered[aws.ToString(in.TaskToken)]++
		return &sfn.SendTaskSuccessOutput{}, nil
	})
}

// ApprovalRequested is the one effect that no store can make happen exactly once; it is not mortal.
func (w *world) ApprovalRequested(context.Context, store.Record) error {
	w.announced++
	return nil
}

func (w *world) Definition(string, string) (service.Definition, error) {
	return service.Definition{
		Project: "shop", Service: "orders", Environment: "prod", Account: account, Region: region, StackName: stackOf,
		OnFailure: service.Rollback, OnFailedCreate: service.RemoveEmpty,
		Approval: approval.Policy{When: approval.Always, Count: 1, ExpiresAfter: 2 * time.Hour, Self: approval.SelfForbidden},
		Timeouts: service.Timeouts{Queue: time.Hour, ChangeSet: 15 * time.Minute, Execution: 2 * time.Hour},
	}, nil
}

func must[T any](w *world) func(T, error) T {
	return func(got T, err error) T {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
		return got
	}
}

// newWorld holds a request that nothing has been done for yet. It must be made in a synctest bubble.
func newWorld(t *testing.T, template string, intent deployment.Intent, asked deployment.Recovery) *world {
	w := &world{t: t, template: template, answered: map[string]int{}, intent: intent, asked: asked}
	w.store = must[*sqlite.Store](w)(sqlite.Open(t.Context(), t.TempDir(), clock.System{}))
	t.Cleanup(func() { _ = w.store.Close() })
	w.simulator = must[*cfnsim.Simulator](w)(cfnsim.New(cfnsim.Options{Clock: clock.System{}, Random: rand.NewChaCha8([32]byte{1})}))
	w.request(id)
	return w
}

func (w *world) request(id deployment.ID) {
	w.t.Helper()
	key := must[string](w)(w.store.PutDocument(w.t.Context(), "template", []byte(w.template)))
	request := store.Request{
		DeploymentID: id, CorrelationID: "sg-0000000000000000000000", Service: "orders", Environment: "prod",
		Intent: w.intent, RequestedBy: "ana", Template: key, Recovery: w.asked, CreatedAt: time.Now(),
	}
	if err := w.store.PutRequest(w.t.Context(), request); err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.CreateRecord(w.t.Context(), store.Record{
		Schema: store.RecordSchema, ID: id, CorrelationID: request.CorrelationID, Service: "orders", Environment: "prod",
		Intent: w.intent, RequestedBy: "ana", Template: key, Stage: deployment.StageRequested, Leftovers: []string{},
		Recovery: store.Recovery{Recovery: w.asked},
		Target:   deployment.Target{Account: account, Region: region, StackName: stackOf},
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) record() store.Record {
	w.t.Helper()
	return must[store.Record](w)(w.store.Record(w.t.Context(), id))
}

func (w *world) client() *cfnsim.Client { return w.simulator.Client(account, region) }

func tasks(p functions.Parts) []taskrun.Task {
	return append(append(functions.Plan(p), functions.Execute(p)...), functions.Events(p)...)
}

// try runs a task in a process of its own, as the function that owns it would, with a token of its own.
func (w *world) try(l *life, task, flow string) (json.RawMessage, error) {
	w.t.Helper()
	w.tries++
	runner := must[*taskrun.Runner](w)(taskrun.New(slog.New(slog.NewJSONHandler(io.Discard, nil)), clock.System{}, w.store, nil, tasks(functions.Parts{
		Store: mortalStore{w.store, l}, Registry: w, Sender: sender{w, l}, Clock: clock.System{}, Announcer: w,
		CloudFormation: func(context.Context, store.Record) (functions.Client, error) { return mortalClient{w.client(), l}, nil },
	})...))
	payload := map[string]any{
		"task": task, "deploymentId": id, "correlationId": "sg-0000000000000000000000", "executionArn": "execution",
		"attempt": 0, "flow": json.RawMessage(flow),
	}
	switch task {
	case "AcquireStackLock", "WaitForApproval", "ExecuteChangeSet", "PerformRecovery":
		payload["taskToken"] = w.token()
	}
	return runner.Handle(w.t.Context(), must[[]byte](w)(json.Marshal(payload)))
}

func (w *world) token() string { return "try-" + string(rune('A'+w.tries)) }

func (w *world) run(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if answer, err := w.try(&life{}, name, "{}"); err != nil {
			w.t.Fatalf("%s: %s %v", name, answer, err)
		}
	}
}

// seen is all that a deployment left in the world, with what may differ between tries made equal.
func (w *world) seen() string {
	w.t.Helper()
	ctx := w.t.Context()
	// Whatever began comes to rest.
	time.Sleep(time.Hour)
	var out bytes.Buffer
	show := func(what string, v any) {
		text := must[[]byte](w)(json.Marshal(v))
		text = bytes.ReplaceAll(text, []byte(w.token()), []byte("the last token"))
		out.WriteString(what + " " + string(text) + "\n")
	}
	for _, of := range must[[]store.Record](w)(w.store.Records(ctx, store.Filter{})) {
		of.Version = 0
		show("record", of)
	}
	show("queue", must[[]store.Ticket](w)(w.store.Queue(ctx, w.record().Target.Key())))
	for _, purpose := range store.Purposes() {
		for _, waiter := range must[[]store.Waiter](w)(w.store.Waiters(ctx, purpose)) {
			show("waiter", waiter)
		}
	}
	for token, times := range w.answered {
		if times != 1 {
			w.t.Errorf("token %s was answered %d times", token, times)
		}
	}
	show("last token answered", w.answered[w.token()])
	show("next answered", w.answered["next"])
	stacks := cloudformation.NewListStacksPaginator(w.client(), &cloudformation.ListStacksInput{})
	for stacks.HasMorePages() {
		for _, stack := range must[*cloudformation.ListStacksOutput](w)(stacks.NextPage(ctx)).StackSummaries {
			events := cloudformation.NewDescribeStackEventsPaginator(w.client(), &cloudformation.DescribeStackEventsInput{StackName: stack.StackId})
			count := 0
			for events.HasMorePages() {
				count += len(must[*cloudformation.DescribeStackEventsOutput](w)(events.NextPage(ctx)).StackEvents)
			}
			show("stack", []any{stack.StackName, stack.StackStatus, count})
		}
	}
	if sets, err := w.client().ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: aws.String(stackOf)}); err == nil {
		for _, set := range sets.Summaries {
			show("change set", []any{set.ChangeSetName, set.Status, set.ExecutionStatus})
		}
	}
	return out.String()
}
