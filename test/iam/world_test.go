// Package iam_test proves that the synthesized policies allow what the installed functions call, and nothing else.
package iam_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"stackgate/internal/asl"
	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/installed"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
	"stackgate/internal/store/dynamo/dynamotest"
	"stackgate/services"
	"stackgate/statemachines"
	"stackgate/test/iam/calls"
)

// The hub, as the synthesis is told.
const (
	hubAccount = "333333333333"
	hubRegion  = "eu-west-1"
	// version is the number of the functions' published version.
	version = "7"
	// machine is who invokes the functions.
	machine = "machine"
	review  = "review"
)

// world is the installed functions, composed as in AWS of what the templates tell them, whose calls end in memory.
type world struct {
	t         *testing.T
	recorder  *calls.Recorder
	simulator *cfnsim.Simulator
	table     *dynamotest.Table
	bucket    *dynamotest.Bucket
	catalog   *service.Catalog
	functions map[installed.Function]installed.Handler
	door      installed.Door
	// store is a look at the rows that is nobody's call.
	store *dynamo.Store
	// requests counts what was asked for.
	requests int

	steps *stepFunctions
	mu    sync.Mutex
	// sessions are the assumed roles, by access key.
	sessions map[string]*calls.Session
}

// lines is where calls go that are made without the SDK: to the recorder of the story that runs.
type lines struct{ recorder *calls.Recorder }

func (l *lines) RoundTrip(request *http.Request) (*http.Response, error) {
	return l.recorder.RoundTrip(request)
}

var (
	network     lines
	systemClock = clock.System{}
)

// TestMain cuts the network off.
func TestMain(m *testing.M) {
	http.DefaultTransport = &network
	m.Run()
}

// story runs a test in a bubble of time, and keeps what it called.
func story(t *testing.T, recorder *calls.Recorder, run func(w *world)) {
	t.Helper()
	environment := installation(t).Functions
	synctest.Test(t, func(t *testing.T) {
		bucket := &dynamotest.Bucket{}
		simulator, err := cfnsim.New(cfnsim.Options{Clock: systemClock, StaleReads: 1, Templates: fetcher{bucket}})
		if err != nil {
			t.Fatal(err)
		}
		catalog, err := service.Load(services.Files, "services")
		if err != nil {
			t.Fatal(err)
		}
		w := &world{
			t: t, recorder: recorder, simulator: simulator, table: &dynamotest.Table{}, bucket: bucket, catalog: catalog,
			functions: map[installed.Function]installed.Handler{}, sessions: map[string]*calls.Session{},
			steps: &stepFunctions{tokens: map[string]chan string{}, ended: map[string]sfntypes.ExecutionStatus{}},
		}
		recorder.Who, recorder.Answers = w.who, w.answers
		network.recorder = recorder
		for _, f := range installed.Functions() {
			variables := environment["stackgate-"+string(f)]
			settings, err := installed.ReadSettings(func(name string) string { return variables[name] }, f)
			if err != nil {
				t.Fatalf("the environment of %s: %v", f, err)
			}
			if w.functions[f], err = installed.Compose(t.Context(), settings, w.configuration(string(f)), discard()); err != nil {
				t.Fatal(err)
			}
		}
		w.store = dynamo.New(dynamo.Options{Table: w.table, TableName: "stackgate", Bucket: w.bucket, BucketName: "stackgate", Clock: systemClock, Random: rand.Reader})
		w.door = w.openDoor(environment["stackgate-review"])
		run(w)
	})
}

// fetcher is how CloudFormation reads templates; that it may, is among what CreateChangeSet needs.
type fetcher struct{ bucket *dynamotest.Bucket }

func (f fetcher) Template(ctx context.Context, address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	name, _, _ := strings.Cut(parsed.Host, ".")
	out, err := f.bucket.GetObject(ctx, &s3.GetObjectInput{Bucket: &name, Key: aws.String(strings.TrimPrefix(parsed.Path, "/"))})
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(out.Body)
	return string(content), errors.Join(err, out.Body.Close())
}

func discard() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// configuration is a function's: its own credentials, and calls that end here.
func (w *world) configuration(function string) aws.Config {
	c := aws.Config{
		Region: hubRegion, Credentials: credentials.NewStaticCredentialsProvider("HUB-"+function, "secret", ""), Retryer: installed.Retryer,
	}
	c.APIOptions = append(c.APIOptions, w.recorder.Option)
	return c
}

func (w *world) who(accessKey string) calls.Caller {
	if function, own := strings.CutPrefix(accessKey, "HUB-"); own {
		return calls.Caller{Function: function, Account: hubAccount}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	session := w.sessions[accessKey]
	role := strings.Split(session.Role, ":")
	function := strings.SplitN(strings.TrimPrefix(role[5], "role/stackgate-"), "-", 2)[0]
	return calls.Caller{Function: function, Session: session, Account: role[4]}
}

func (w *world) answers(c calls.Call) any {
	switch c.Service {
	case "cloudformation":
		return w.simulator.Client(c.Account, c.Region)
	case "dynamodb":
		return w.table
	case "s3":
		return w.bucket
	case "states":
		return w.steps
	}
	return w
}

// AssumeRole gives a session; whether it may be had is what the proof is about.
func (w *world) AssumeRole(_ context.Context, in *sts.AssumeRoleInput, _ ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := fmt.Sprintf("SESSION%d", len(w.sessions)+1)
	w.sessions[key] = &calls.Session{
		Role: aws.ToString(in.RoleArn), Name: aws.ToString(in.RoleSessionName), ExternalID: aws.ToString(in.ExternalId), Policy: aws.ToString(in.Policy),
	}
	return &sts.AssumeRoleOutput{Credentials: &ststypes.Credentials{
		AccessKeyId: &key, SecretAccessKey: aws.String("secret"), SessionToken: aws.String("token"), Expiration: aws.Time(time.Now().Add(time.Hour)),
	}}, nil
}

// Publish takes announcements.
func (w *world) Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error) {
	return &sns.PublishOutput{MessageId: aws.String("1")}, nil
}

// stepFunctions keeps tokens and executions.
type stepFunctions struct {
	mu     sync.Mutex
	tokens map[string]chan string
	// ended are executions by their ARNs; the others run.
	ended map[string]sfntypes.ExecutionStatus
	// started are the executions that were started, by their machines' ARNs and their names; missing says that no machine is
	// installed.
	started map[string]bool
	missing bool
}

// StartExecution starts nothing: the stories run the flows.
func (s *stepFunctions) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := aws.ToString(in.StateMachineArn) + " " + aws.ToString(in.Name)
	switch {
	case s.missing:
		return nil, &sfntypes.StateMachineDoesNotExist{}
	case s.started[name]:
		return nil, &sfntypes.ExecutionAlreadyExists{}
	case s.started == nil:
		s.started = map[string]bool{}
	}
	s.started[name] = true
	return &sfn.StartExecutionOutput{ExecutionArn: in.StateMachineArn}, nil
}

// begun are the executions that were started.
func (s *stepFunctions) begun() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.started))
}

func (s *stepFunctions) Issue(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := fmt.Sprintf("token-%d", len(s.tokens)+1)
	s.tokens[token] = make(chan string, 1)
	return token, nil
}

func (s *stepFunctions) Await(ctx context.Context, token string) (json.RawMessage, error) {
	s.mu.Lock()
	answer := s.tokens[token]
	s.mu.Unlock()
	select {
	case output := <-answer:
		return json.RawMessage(output), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *stepFunctions) Revoke(_ context.Context, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens[token]) > 0 {
		return asl.ErrAnswered
	}
	s.tokens[token] = nil
	return nil
}

// SendTaskSuccess answers a token once.
func (s *stepFunctions) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.tokens[aws.ToString(in.TaskToken)]
	if waiting == nil || len(waiting) > 0 {
		return nil, &sfntypes.TaskTimedOut{}
	}
	waiting <- aws.ToString(in.Output)
	return &sfn.SendTaskSuccessOutput{}, nil
}

// DescribeExecution tells whether an execution has ended.
func (s *stepFunctions) DescribeExecution(_ context.Context, in *sfn.DescribeExecutionInput, _ ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, ended := s.ended[aws.ToString(in.ExecutionArn)]
	if !ended {
		status = sfntypes.ExecutionStatusRunning
	}
	return &sfn.DescribeExecutionOutput{ExecutionArn: in.ExecutionArn, Status: status, Error: aws.String("Stopped")}, nil
}

// GetExecutionHistory has no events: how many transitions there were is of no matter here.
func (s *stepFunctions) GetExecutionHistory(context.Context, *sfn.GetExecutionHistoryInput, ...func(*sfn.Options)) (*sfn.GetExecutionHistoryOutput, error) {
	return &sfn.GetExecutionHistoryOutput{}, nil
}

// Invoke is how the state machine calls a version of a function.
func (w *world) Invoke(ctx context.Context, function string, payload json.RawMessage) (json.RawMessage, error) {
	w.recorder.Add(calls.Call{
		Caller: calls.Caller{Function: machine, Account: hubAccount}, Service: "lambda", Operation: "Invoke", Region: hubRegion,
		Input: &struct{ FunctionName *string }{aws.String("arn:aws:lambda:" + hubRegion + ":" + hubAccount + ":function:stackgate-" + function + ":" + version)},
	})
	return w.handle(ctx, installed.Function(function), payload)
}

func (w *world) handle(ctx context.Context, function installed.Function, payload json.RawMessage) (json.RawMessage, error) {
	result, err := w.functions[function].Handle(ctx, payload)
	var named messages.InvokeResponse_Error
	if errors.As(err, &named) {
		return nil, &asl.FunctionError{Name: named.Type, Cause: named.Message}
	}
	return result, err
}

// chance is randomness for the engine.
type chance struct{}

func (chance) Read(p []byte) (int, error) { return rand.Read(p) }
func (chance) Float64() float64           { return 0.5 }

// run runs the flow of a deployment to its end.
func (w *world) run(record store.Record) (wait func() store.Record) {
	w.t.Helper()
	wait, _ = w.start(record)
	return wait
}

// start runs the flow of a deployment, with the sweeps that wake it. stop ends its execution where it is.
func (w *world) start(record store.Record) (wait func() store.Record, stop func()) {
	w.t.Helper()
	flow := statemachines.Deploy
	if record.Intent == deployment.IntentRecover {
		flow = statemachines.Recover
	}
	definition, err := asl.Substitute(flow, map[string]string{
		statemachines.PlanFunction: "plan", statemachines.ExecuteFunction: "execute", statemachines.EventsFunction: "events",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	parsed, err := asl.Parse(definition)
	if err != nil {
		w.t.Fatal(err)
	}
	input, err := json.Marshal(map[string]string{"deploymentId": record.ID.String(), "correlationId": record.CorrelationID})
	if err != nil {
		w.t.Fatal(err)
	}
	name := machineOf(record)
	engine := &asl.Engine{Functions: w, Callbacks: w.steps, Clock: systemClock, Random: chance{}}
	ctx, cancel := context.WithCancel(w.t.Context())
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		for systemClock.Sleep(ctx, 5*time.Minute) == nil {
			w.sweep(ctx)
		}
	})
	done := make(chan error, 1)
	go func() {
		_, err := engine.Run(ctx, parsed, asl.Execution{
			ID: w.execution(record), Name: record.ID.String(), MachineName: name,
			MachineID: "arn:aws:states:" + hubRegion + ":" + hubAccount + ":stateMachine:" + name, Input: input,
		})
		cancel()
		sweeping.Wait()
		done <- err
	}()
	wait = func() store.Record {
		w.t.Helper()
		if err := <-done; err != nil {
			w.t.Fatal(err)
		}
		return w.record(record.ID)
	}
	stop = func() {
		cancel()
		wait()
		w.steps.mu.Lock()
		defer w.steps.mu.Unlock()
		w.steps.ended[w.execution(record)] = sfntypes.ExecutionStatusAborted
	}
	return wait, stop
}

func machineOf(r store.Record) string {
	if r.Intent == deployment.IntentRecover {
		return "stackgate-recover"
	}
	return "stackgate-" + r.Service + "-" + r.Environment
}

func (w *world) execution(r store.Record) string {
	return "arn:aws:states:" + hubRegion + ":" + hubAccount + ":execution:" + machineOf(r) + ":" + r.ID.String()
}

// byHand makes and executes a change set past stackgate, as somebody at the console would.
func (w *world) byHand(kind types.ChangeSetType, template string, disableRollback bool) {
	w.t.Helper()
	d, err := w.catalog.Definition("orders", "prod")
	if err != nil {
		w.t.Fatal(err)
	}
	client, ctx := w.simulator.Client(d.Account, d.Region), w.t.Context()
	in := &cloudformation.CreateChangeSetInput{StackName: &d.StackName, ChangeSetName: aws.String("by-hand"), TemplateBody: &template, ChangeSetType: kind}
	for key, value := range d.Parameters {
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	made, err := client.CreateChangeSet(ctx, in)
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if _, err := client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: made.Id, DisableRollback: &disableRollback}); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
	// The first answer after an execution is an old one.
	if _, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &d.StackName}); err != nil {
		w.t.Fatal(err)
	}
}

// object stores a template where a nested stack leads to it.
func (w *world) object(address, body string) {
	w.t.Helper()
	if err := w.simulator.PutObject(w.t.Context(), address, body); err != nil {
		w.t.Fatal(err)
	}
}

// recover leads the stack of orders in prod out.
func (w *world) recover(asked deployment.Recovery) store.Record {
	w.t.Helper()
	record := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentRecover, Recovery: asked})
	wait := w.run(record)
	w.approve(w.reach(record.ID, deployment.StageAwaiting))
	return wait()
}

// sweep is the schedule's event, to both functions that take it.
func (w *world) sweep(ctx context.Context) {
	for _, f := range []installed.Function{installed.Plan, installed.Events} {
		if _, err := w.handle(ctx, f, json.RawMessage(`{"sweep": true}`)); err != nil && ctx.Err() == nil {
			w.t.Errorf("the sweep of %s: %v", f, err)
		}
	}
}

func (w *world) record(id deployment.ID) store.Record {
	w.t.Helper()
	record, err := w.store.Record(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return record
}

// reach waits until a deployment has reached a stage.
func (w *world) reach(id deployment.ID, stage deployment.Stage) store.Record {
	w.t.Helper()
	for range 10_000 {
		record := w.record(id)
		if record.Stage == stage {
			return record
		}
		if record.Stage == deployment.StageFinished {
			w.t.Fatalf("%s finished as %s (%s) before it was %s", id, record.Outcome, record.Cause, stage)
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("%s never was %s", id, stage)
	return store.Record{}
}

// deploy deploys a template to its end, approved.
func (w *world) deploy(name, environment, template string) store.Record {
	w.t.Helper()
	record := w.request(frontdoor.Ask{Service: name, Environment: environment, Template: []byte(template)})
	wait := w.run(record)
	w.approve(w.reach(record.ID, deployment.StageAwaiting))
	return wait()
}

func (w *world) ended(r store.Record, outcome deployment.Outcome) {
	w.t.Helper()
	if r.Outcome != outcome {
		w.t.Fatalf("%s ended as %s (%s: %s), want %s", r.ID, r.Outcome, r.Fault, r.Cause, outcome)
	}
}
