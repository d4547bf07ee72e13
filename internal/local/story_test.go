package local

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/internal/approval"
	"stackgate/internal/asl"
	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/taskrun"
)

// chance is a seeded source for everything random.
type chance struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func newChance() *chance { return &chance{source: rand.NewChaCha8([32]byte{1})} }

func (c *chance) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source.Read(p)
}

func (c *chance) Float64() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return rand.New(c.source).Float64()
}

// definitions is a registry of one project.
type definitions map[string]service.Definition

func (d definitions) Definition(name, environment string) (service.Definition, error) {
	definition, found := d[deployment.Key(name, environment)]
	if !found {
		return service.Definition{}, service.ErrUnknownService{Name: name}
	}
	return definition, nil
}

// world is a host on the simulator, on the time of a synctest bubble.
type world struct {
	t         *testing.T
	host      *Host
	store     *sqlite.Store
	mortal    *mortal
	simulator *cfnsim.Simulator
	registry  definitions
	// dir is the store's folder; log and tracker take in what is logged and tracked.
	dir          string
	log, tracker *lines
	// wrap may put something between the tasks and CloudFormation.
	wrap func(functions.Client) functions.Client
	// bucket is where CloudFormation finds the store's documents; empty where it finds none.
	bucket string

	mu     sync.Mutex
	states map[deployment.ID][]string
}

const (
	account = "111111111111"
	region  = "eu-west-1"
	name    = "orders"
	where   = "prod"
	stackOf = "shop-orders-prod"
)

// story runs a test in a bubble of its own, with orders in prod as the one definition.
func story(t *testing.T, run func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		system := clock.System{}
		dir := t.TempDir()
		kept, err := sqlite.Open(t.Context(), dir, system)
		if err != nil {
			t.Fatal(err)
		}
		defer kept.Close()
		random := newChance()
		simulator, err := cfnsim.New(cfnsim.Options{Clock: system, Random: random, StaleReads: 1})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, store: kept, mortal: &mortal{Store: kept}, simulator: simulator, states: map[deployment.ID][]string{}, dir: dir, log: &lines{}, tracker: &lines{}}
		w.registry = definitions{deployment.Key(name, where): {
			Project: "shop", Service: name, Environment: where, Account: account, Region: region, StackName: stackOf,
			Template: []byte(table("orders", "")), OnFailure: service.Rollback, OnFailedCreate: service.RemoveEmpty,
			Approval: approval.Policy{When: approval.Always, Count: 1, ExpiresAfter: 2 * time.Hour, Self: approval.SelfForbidden}, Parameters: map[string]string{}, Tags: map[string]string{"project": "shop"},
			Timeouts: service.Timeouts{Queue: time.Hour, ChangeSet: 15 * time.Minute, Execution: 2 * time.Hour},
		}}
		w.host, err = New(Options{
			Store: w.mortal, Registry: w.registry, Clock: system, Random: random, Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Tracker: w,
			Runner: "test", PollEvery: 5 * time.Second, Templates: w,
			CloudFormation: func(context.Context, store.Record) (functions.Client, error) {
				var client functions.Client = simulator.Client(account, region)
				if w.wrap != nil {
					client = w.wrap(client)
				}
				return client, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.host.options.Observe = func(e asl.Event) {
			if e.IsStateEntered() && e.Input != nil {
				w.mu.Lock()
				defer w.mu.Unlock()
				id := deployment.ID(idIn(e.Input))
				w.states[id] = append(w.states[id], e.State)
			}
		}
		run(w)
	})
}

// TemplateURL is where CloudFormation finds a template.
func (w *world) TemplateURL(key string) (string, bool) { return w.bucket + key, w.bucket != "" }

// Capture takes in what the exception tracker is told.
func (w *world) Capture(_ context.Context, e taskrun.Exception) { fmt.Fprintf(w.tracker, "%+v\n", e) }

func idIn(input []byte) string {
	_, rest, _ := strings.Cut(string(input), `"deploymentId":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// table is a template with a table of a name, and a queue that fails to be made where failing says how.
func table(tableName, failing string) string {
	queue := ""
	if failing != "" {
		queue = `
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Table
    Metadata: {"Stackgate::Simulate": {FailOn: ` + failing + `, Reason: the queue is out of order}}`
	}
	return `
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: ` + tableName + `
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]` + queue + "\n"
}

func (w *world) define(change func(*service.Definition)) {
	d := w.registry[deployment.Key(name, where)]
	change(&d)
	w.registry[deployment.Key(name, where)] = d
}

func (w *world) template(text string) {
	w.define(func(d *service.Definition) { d.Template = []byte(text) })
}

func (w *world) request(intent deployment.Intent) store.Record {
	w.t.Helper()
	record, err := w.host.FrontDoor.Request(w.t.Context(), frontdoor.Caller{Name: "ana"}, frontdoor.Ask{
		Service: name, Environment: where, Intent: intent, Reason: "a story",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return record
}

// start runs the flow beside the test; the function returned waits for its end.
func (w *world) start(id deployment.ID) (wait func() store.Record) {
	var (
		record store.Record
		err    error
		done   = make(chan struct{})
	)
	go func() {
		defer close(done)
		record, err = w.host.Run(w.t.Context(), id)
	}()
	return func() store.Record {
		w.t.Helper()
		<-done
		if err != nil {
			w.t.Fatal(err)
		}
		return record
	}
}

// reach waits until a deployment has reached a stage.
func (w *world) reach(id deployment.ID, stage deployment.Stage) store.Record {
	w.t.Helper()
	record := w.until(id, stage)
	if record.Stage != stage {
		w.t.Fatalf("%s finished as %s (%s) before it was %s", id, record.Outcome, record.Cause, stage)
	}
	return record
}

// until waits until a deployment has reached a stage or its end.
func (w *world) until(id deployment.ID, stage deployment.Stage) store.Record {
	w.t.Helper()
	for range 10_000 {
		record, err := w.store.Record(w.t.Context(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		if record.Stage == stage || record.Stage == deployment.StageFinished {
			return record
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("%s never was %s", id, stage)
	return store.Record{}
}

func (w *world) decide(by string, verdict approval.Verdict, r store.Record) error {
	_, err := w.host.FrontDoor.Decide(w.t.Context(), frontdoor.Caller{Name: by}, r.ID, frontdoor.Answer{
		Verdict: verdict, Digest: r.Review.Digest, Acknowledgements: r.Review.Acknowledge, Comment: "because",
	})
	return err
}

// deployed deploys what is defined, approved by bo.
func (w *world) deployed() store.Record {
	w.t.Helper()
	record := w.request(deployment.IntentDeploy)
	wait := w.start(record.ID)
	if err := w.decide("bo", approval.Approve, w.reach(record.ID, deployment.StageAwaiting)); err != nil {
		w.t.Fatal(err)
	}
	return wait()
}

func (w *world) walked(id deployment.ID, want string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := strings.Join(w.states[id], " "); got != want {
		w.t.Errorf("states walked:\n got %s\nwant %s", got, want)
	}
}

func (w *world) ended(r store.Record, outcome deployment.Outcome, cause string) {
	w.t.Helper()
	if r.Outcome != outcome || !strings.Contains(r.Cause, cause) {
		w.t.Errorf("ended as %s because %q (fault %s), want %s because …%s…", r.Outcome, r.Cause, r.Fault, outcome, cause)
	}
	w.clean(r)
}

// clean is what holds after every story: no ticket, no waiter, no token, no change set of ours that was not executed.
func (w *world) clean(r store.Record) {
	w.t.Helper()
	ctx := w.t.Context()
	queue, err := w.store.Queue(ctx, r.Target.Key())
	if err != nil {
		w.t.Fatal(err)
	}
	if slices.ContainsFunc(queue, func(t store.Ticket) bool { return t.DeploymentID == r.ID }) && !r.LockKept {
		w.t.Errorf("%s is over and still holds a place in the queue", r.ID)
	}
	for _, purpose := range store.Purposes() {
		if _, err := w.store.Waiter(ctx, r.ID, purpose); err == nil {
			w.t.Errorf("%s is over and a %s waiter is left", r.ID, purpose)
		}
	}
	if r.Outcome == deployment.OutcomeDeployed || r.Settlement == deployment.SettlementStuck {
		return
	}
	client := w.simulator.Client(account, region)
	sets, err := client.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: new(stackOf)})
	if err != nil {
		return
	}
	for _, set := range sets.Summaries {
		// A set with nested ones is deleted over a while.
		deleted := strings.HasPrefix(string(set.Status), "DELETE_") && set.Status != "DELETE_FAILED"
		if *set.ChangeSetName == r.ID.String() && set.ExecutionStatus != "EXECUTE_FAILED" && !deleted {
			w.t.Errorf("%s is over and its change set is left, %s %s", r.ID, set.Status, set.ExecutionStatus)
		}
	}
}

func (w *world) stackStatus() string {
	answer, err := w.simulator.Client(account, region).DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: new(stackOf)})
	if err != nil {
		return "absent"
	}
	return string(answer.Stacks[0].StackStatus)
}
