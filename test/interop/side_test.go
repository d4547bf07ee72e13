package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/rand"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/approval"
	"stackgate/internal/asl"
	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/functions"
	"stackgate/internal/installed"
	"stackgate/internal/local"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
	"stackgate/internal/store/sqlite"
	"stackgate/statemachines"
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

func (d *definitions) Definition(name, _ string) (service.Definition, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name != d.definition.Service {
		return service.Definition{}, service.ErrUnknownService{Name: name}
	}
	return d.definition, nil
}

// ended is what is compared of an execution.
type ended struct {
	Status, Output, Error, Cause string
	// History is the event types in their order, those of states with the state's name.
	History []string
}

// kept is a store as the front door and the stories see it.
type kept interface {
	frontdoor.Store
	functions.Store
}

// side is one of the two interpreters with everything that a story needs.
type side struct {
	t         *testing.T
	store     kept
	door      frontdoor.FrontDoor
	registry  *definitions
	simulator *cfnsim.Simulator
	// begin starts an execution; the function returned waits for its end.
	begin func(r store.Record) func() ended
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

func (s *side) request(intent deployment.Intent) store.Record {
	s.t.Helper()
	record, err := s.door.Request(s.t.Context(), frontdoor.Caller{Name: "ana", Verified: true}, frontdoor.Ask{
		Service: s.registry.definition.Service, Environment: environment, Intent: intent, Reason: "a story", CorrelationID: "story/42",
	})
	if err != nil {
		s.t.Fatal(err)
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

func (s *side) decide(by string, verdict approval.Verdict, r store.Record) error {
	_, err := s.door.Decide(s.t.Context(), frontdoor.Caller{Name: by, Verified: true}, r.ID, frontdoor.Answer{
		Verdict: verdict, Digest: r.Review.Digest, Acknowledgements: r.Review.Acknowledge, Comment: "because",
	})
	return err
}

// decided takes a decision by somebody else, after the requester has tried in vain.
func (s *side) decided(verdict approval.Verdict, r store.Record) {
	s.t.Helper()
	if err := s.decide("ana", approval.Approve, r); err == nil || !strings.Contains(err.Error(), "refused") {
		s.t.Errorf("the requester approved: %v", err)
	}
	if err := s.decide("bo", verdict, r); err != nil {
		s.t.Fatal(err)
	}
}

// deployed deploys what is defined, requested by ana and approved by bo.
func (s *side) deployed() ended {
	s.t.Helper()
	record := s.request(deployment.IntentDeploy)
	wait := s.begin(record)
	s.decided(approval.Approve, s.reach(record.ID, deployment.StageAwaiting))
	return wait()
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
	var mu sync.Mutex
	events := map[deployment.ID][]asl.Event{}
	s.store = opened
	s.begin = func(r store.Record) func() ended {
		// A host for each execution, because observers do not learn whose event they see.
		host, err := local.New(local.Options{
			Store: opened, Registry: s.registry, CloudFormation: s.cloudFormation, Clock: clock.System{}, Random: chance{},
			Log: slog.New(slog.DiscardHandler), Runner: "interop", PollEvery: 100 * time.Millisecond,
			Observe: func(e asl.Event) {
				mu.Lock()
				defer mu.Unlock()
				events[r.ID] = append(events[r.ID], e)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := host.Run(t.Context(), r.ID)
			done <- err
		}()
		return func() ended {
			t.Helper()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			return endOf(events[r.ID], r.ID)
		}
	}
	host, err := local.New(local.Options{Store: opened, Registry: s.registry, CloudFormation: s.cloudFormation, Clock: clock.System{}, Random: chance{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.door = host.FrontDoor
	return s
}

func endOf(events []asl.Event, id deployment.ID) ended {
	var e ended
	for _, event := range events {
		e.History = append(e.History, strings.TrimSpace(string(event.Type)+" "+entered(string(event.Type), event.State)))
		switch event.Type {
		case asl.ExecutionSucceeded:
			e.Status, e.Output = "SUCCEEDED", string(event.Output)
		case asl.ExecutionFailed:
			e.Status, e.Error, e.Cause = "FAILED", event.Error, event.Cause
		}
	}
	return e.comparable(id)
}

// entered names the state in the events that have one on AWS: where a state begins and ends.
func entered(kind, state string) string {
	if strings.HasSuffix(kind, "StateEntered") || strings.HasSuffix(kind, "StateExited") {
		return state
	}
	return ""
}

var (
	digests = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	uuids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	others  = regexp.MustCompile(`[a-z0-9-]+-prod-[0-9]{8}T[0-9]{6}Z-[0-9a-z]{8}`)
)

// comparable leaves out what differs between any two runs: ids, the digests of reviews, which name the change set, and how
// JSON is written.
func (e ended) comparable(id deployment.ID) ended {
	same := func(text string) string {
		text = digests.ReplaceAllString(text, "DIGEST")
		return others.ReplaceAllString(uuids.ReplaceAllString(strings.ReplaceAll(text, id.String(), "ID"), "UUID"), "OTHER")
	}
	var value any
	if err := json.Unmarshal([]byte(e.Output), &value); err == nil {
		if text, err := json.Marshal(value); err == nil {
			e.Output = string(text)
		}
	}
	e.Output, e.Cause = same(e.Output), same(e.Cause)
	return e
}

// installation is the table and bucket that all stories on moto share.
var installation sync.Once

const (
	tableName  = "stackgate"
	bucketName = "stackgate-documents"
)

func (e *emulator) install(t *testing.T) {
	t.Helper()
	installation.Do(func() {
		if _, err := dynamodb.NewFromConfig(e.configuration()).CreateTable(t.Context(), dynamo.Schema(tableName)); err != nil {
			t.Fatal(err)
		}
		if _, err := e.bucket().CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: aws.String(bucketName), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func (e *emulator) bucket() *s3.Client {
	return s3.NewFromConfig(e.configuration(), func(o *s3.Options) { o.UsePathStyle = true })
}

// emulated is the side of moto's interpreter, with our functions as they are installed.
func emulated(t *testing.T, name string) *side {
	t.Helper()
	e := moto(t)
	e.install(t)
	s := newSide(t, name)
	machines := sfn.NewFromConfig(e.configuration())
	opened := dynamo.New(dynamo.Options{
		Table: dynamodb.NewFromConfig(e.configuration()), TableName: tableName, Bucket: e.bucket(), BucketName: bucketName,
		Clock: clock.System{}, Random: chance{},
	})
	s.store = opened
	s.door = frontdoor.FrontDoor{Store: opened, Registry: s.registry, Sender: machines, Clock: clock.System{}, Random: chance{}}
	pattern, err := installed.ParseMachinePattern("arn:aws:states:" + region + ":" + hub + ":stateMachine:stackgate-${service}-${environment}")
	if err != nil {
		t.Fatal(err)
	}
	arns := map[string]string{}
	s.handlers = map[installed.Function]installed.Handler{}
	for function, placeholder := range map[installed.Function]string{
		installed.Plan: statemachines.PlanFunction, installed.Execute: statemachines.ExecuteFunction, installed.Events: statemachines.EventsFunction,
	} {
		handler, err := installed.New(function, installed.Components{
			Parts: functions.Parts{
				Store: opened, Registry: s.registry, Sender: machines, Clock: clock.System{}, CloudFormation: s.cloudFormation,
				Reporter: installed.Reporter{History: machines, Log: slog.New(slog.DiscardHandler)},
			},
			Records: opened, Executions: machines, Machines: pattern, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		s.handlers[function] = handler
		arns[placeholder] = e.function("stackgate-"+string(function)+"-"+name, lambda.NewHandler(handler.Handle))
	}
	definition := statemachines.Deploy
	if name == "timed-out" {
		definition = machineTimeout.ReplaceAll(definition, []byte(`"TimeoutSeconds": 45,`))
	}
	deploys := e.machine(t, "stackgate-"+name+"-"+environment, definition, arns)
	recovers := e.machine(t, "stackgate-recover-"+name, statemachines.Recover, arns)
	s.begin = func(r store.Record) func() ended {
		input, err := json.Marshal(map[string]string{"deploymentId": r.ID.String(), "correlationId": r.CorrelationID})
		if err != nil {
			t.Fatal(err)
		}
		machine := deploys
		if r.Intent == deployment.IntentRecover {
			machine = recovers
		}
		execution, err := machines.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine, Name: aws.String(r.ID.String()), Input: aws.String(string(input))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go s.deliver(ctx, s.handlers[installed.Events], r.ID)
		return func() ended {
			t.Helper()
			defer stop()
			return awaitEnd(t, machines, *execution.ExecutionArn, r.ID)
		}
	}
	return s
}

// machineTimeout is the limit of the whole machine, which stands before its states.
var machineTimeout = regexp.MustCompile(`(?m)^  "TimeoutSeconds": [0-9]+,`)

// machine makes a state machine of a definition and returns its ARN.
func (e *emulator) machine(t *testing.T, name string, definition []byte, functions map[string]string) string {
	t.Helper()
	filled, err := asl.Substitute(definition, functions)
	if err != nil {
		t.Fatal(err)
	}
	made, err := sfn.NewFromConfig(e.configuration()).CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: &name, Definition: aws.String(string(filled)), RoleArn: aws.String("arn:aws:iam::" + hub + ":role/stackgate-machines"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *made.StateMachineArn
}

// deliver does what EventBridge does: it tells the events function of a stack's status, and tells it more than once.
func (s *side) deliver(ctx context.Context, events installed.Handler, id deployment.ID) {
	for (clock.System{}).Sleep(ctx, 200*time.Millisecond) == nil {
		r, err := s.store.Record(ctx, id)
		if err != nil || r.Stage != deployment.StageExecuting || r.StackID == "" {
			continue
		}
		_, _ = events.Handle(ctx, json.RawMessage(`{"id": "event", "source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change", "detail": {"stack-id": "`+r.StackID+`"}}`))
	}
}

func awaitEnd(t *testing.T, machines *sfn.Client, execution string, id deployment.ID) ended {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		found, err := machines.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &execution})
		if err != nil {
			t.Fatal(err)
		}
		if found.Status == types.ExecutionStatusRunning {
			continue
		}
		e := ended{Status: string(found.Status), Output: aws.ToString(found.Output), Error: aws.ToString(found.Error), Cause: aws.ToString(found.Cause)}
		pages := sfn.NewGetExecutionHistoryPaginator(machines, &sfn.GetExecutionHistoryInput{ExecutionArn: &execution})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range page.Events {
				state := ""
				if d := event.StateEnteredEventDetails; d != nil {
					state = aws.ToString(d.Name)
				}
				if d := event.StateExitedEventDetails; d != nil {
					state = aws.ToString(d.Name)
				}
				e.History = append(e.History, strings.TrimSpace(string(event.Type)+" "+state))
			}
		}
		return e.comparable(id)
	}
	t.Fatal(fmt.Errorf("execution %s does not end", execution))
	return ended{}
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

// stuck updates the table, then fails to make the queue, and then fails to return the table to what it was.
const stuck = `
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Metadata: {"Stackgate::Simulate": {FailOn: rollback, Reason: the table cannot go back}}
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Table
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: the queue is out of order}}
`
