package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/installed"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
	"stackgate/internal/web/wire"
)

// The service of this repository's example that is deployed.
const (
	serviceName = "customers"
	stageName   = "prod"
)

// ways are the two ways to the same functions.
type way struct {
	t         *testing.T
	simulator *cfnsim.Simulator
	store     *dynamo.Store
	prefix    string
	machines  *sfn.Client
	requested []deployment.ID
	invoke    map[installed.Function]func(payload string) result
	answers   []string
	invoked   map[string]bool
	serial    int
}

// parameters are those that the service's definition gives.
const parameters = `
Parameters:
  LogRetentionDays: {Type: Number}
  Memory: {Type: Number}
  Protection: {Type: String}
  TableName: {Type: String}
  AlarmTopicArn: {Type: String}
`

// newWay makes a table, a bucket and a simulator of its own, and returns the environment that leads functions there.
func newWay(t *testing.T, e *emulator, name string) (*way, map[string]string) {
	t.Helper()
	if _, err := dynamodb.NewFromConfig(e.configuration()).CreateTable(t.Context(), dynamo.Schema(name)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.bucket().CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String(name), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	}); err != nil {
		t.Fatal(err)
	}
	simulator, err := cfnsim.New(cfnsim.Options{Clock: clock.System{}, Random: chance{}, Pace: pace})
	if err != nil {
		t.Fatal(err)
	}
	w := &way{t: t, simulator: simulator, prefix: name, machines: sfn.NewFromConfig(e.configuration()), invoke: map[installed.Function]func(string) result{}, invoked: map[string]bool{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s answered:\n%s", name, strings.Join(w.answers, "\n"))
		}
	})
	w.store = dynamo.New(dynamo.Options{
		Table: dynamodb.NewFromConfig(e.configuration()), TableName: name, Bucket: e.bucket(), BucketName: name, Clock: clock.System{}, Random: chance{},
	})
	// The front door starts it, and it does nothing: the test invokes what the state machine would.
	e.machine(t, name+"-"+serviceName+"-"+stageName, []byte(`{"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}}`), nil)
	cloudFormation := served(t, simulator)
	return w, map[string]string{
		installed.TableVariable: name, installed.BucketVariable: name,
		installed.RolePatternVariable:    "arn:aws:iam::${account}:role/stackgate-${function}-${service}-${environment}",
		installed.MachinePatternVariable: "arn:aws:states:" + region + ":" + hub + ":stateMachine:" + name + "-${service}-${environment}",
		installed.VersionVariable:        "interop",
		"AWS_REGION":                     region, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_ENDPOINT_URL_DYNAMODB": e.url, "AWS_ENDPOINT_URL_S3": e.url, "AWS_ENDPOINT_URL_SFN": e.url,
		"AWS_ENDPOINT_URL_CLOUDFORMATION": cloudFormation, "AWS_ENDPOINT_URL_STS": cloudFormation,
	}
}

// TestCompiledFunctions: what is uploaded to Lambda answers as the handlers in this process do, through every task, with every
// kind of failure.
func TestCompiledFunctions(t *testing.T) {
	e := moto(t)
	compiled, environment := newWay(t, e, "compiled")
	changeset := build(t, "stackgate/lambdas/changeset")
	logs := map[installed.Function]*lockedLog{}
	for function, bootstrap := range map[installed.Function]string{
		installed.Plan: changeset, installed.Execute: changeset,
		installed.Events: build(t, "stackgate/lambdas/events"), installed.Review: build(t, "stackgate/lambdas/review"),
	} {
		variables := maps.Clone(environment)
		variables[installed.FunctionVariable] = string(function)
		started, cold := run(t, "stackgate-"+string(function), bootstrap, variables)
		t.Logf("%s: %s from its start until it takes its first invocation", function, cold.Round(time.Millisecond))
		logs[function] = started.log
		compiled.invoke[function] = func(payload string) result {
			compiled.serial++
			return started.invoke(t, fmt.Sprintf("request-%d", compiled.serial), payload)
		}
	}
	compiled.walk()

	here, environment := newWay(t, e, "inprocess")
	for name, value := range environment {
		t.Setenv(name, value)
	}
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	for _, function := range append(installed.Functions(), installed.Review) {
		getenv := func(name string) string {
			if name == installed.FunctionVariable {
				return string(function)
			}
			return environment[name]
		}
		handler, err := opened(t.Context(), function, getenv, log)
		if err != nil {
			t.Fatal(err)
		}
		here.invoke[function] = func(payload string) result {
			out, err := handler.Invoke(t.Context(), []byte(payload))
			if err != nil {
				return result{body: string(faultBody(err)), failed: true}
			}
			return result{body: string(out)}
		}
	}
	here.walk()
	if difference := cmp.Diff(here.answers, compiled.answers); difference != "" {
		t.Errorf("-in this process +compiled:\n%s", difference)
	}
	parts := functions.Parts{}
	for _, task := range slices.Concat(functions.Plan(parts), functions.Execute(parts), functions.Events(parts)) {
		if !compiled.invoked[task.Name()] {
			t.Errorf("task %s was never invoked", task.Name())
		}
	}
	for _, function := range installed.Functions() {
		logs[function].has(t, string(function), 1, `"traceId":"1-5759e988-bd862e3fe1be46a994272793"`)
	}
	logs[installed.Plan].has(t, "plan", 4, `"msg":"deployment ended"`)
	logs[installed.Review].has(t, "review", 4, `"event":"requested"`)
	logs[installed.Review].has(t, "review", 2, `"event":"decided"`)
	logs[installed.Review].has(t, "review", 1, `"event":"cancelled"`)
}

// opened is a function as its program opens it.
func opened(ctx context.Context, function installed.Function, getenv func(string) string, log *slog.Logger) (lambda.Handler, error) {
	if function == installed.Review {
		door, err := installed.OpenDoor(ctx, getenv, log)
		return lambda.NewHandler(door.Handle), err
	}
	handler, err := installed.Open(ctx, getenv, log, function)
	return lambda.NewHandler(handler.Handle), err
}

var (
	moments = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`)
	ids     = regexp.MustCompile(serviceName + `-` + stageName + `-[0-9]{8}T[0-9]{6}Z-[0-9a-z]{8}`)
)

// send invokes a function and keeps what it answered.
func (w *way) send(function installed.Function, payload string) result {
	w.t.Helper()
	return w.sendAs(function, payload, payload)
}

// sendAs keeps the payload as a label, without what differs between any two runs.
func (w *way) sendAs(function installed.Function, label, payload string) result {
	w.t.Helper()
	out := w.invoke[function](payload)
	var fault struct {
		ErrorMessage, ErrorType string
		StackTrace              any
	}
	body := out.body
	if out.failed {
		if err := json.Unmarshal([]byte(body), &fault); err != nil {
			w.t.Fatal(err)
		}
		body = fault.ErrorType + ": " + fault.ErrorMessage
	}
	w.answers = append(w.answers, fmt.Sprintf("%s(%s) → failed %v: %s", function, w.same(label), out.failed, w.same(body)))
	return out
}

// brief is the form in which a digest is shown.
var brief = regexp.MustCompile(`\b[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}\b`)

var keys = regexp.MustCompile(`(documents|tail|review|definition|template)/[0-9a-f]{64}`)

func (w *way) same(text string) string {
	for _, pattern := range []struct {
		of *regexp.Regexp
		as string
	}{{ids, "ID"}, {uuids, "UUID"}, {digests, "DIGEST"}, {brief, "BRIEF"}, {keys, "KEY"}, {moments, "TIME"}, {regexp.MustCompile(`[0-9a-f]{64}`), "HASH"}} {
		text = pattern.of.ReplaceAllString(text, pattern.as)
	}
	for _, id := range w.requested {
		text = strings.ReplaceAll(text, id.Short(), "SHORT")
	}
	return strings.ReplaceAll(text, w.prefix+"-", "")
}

func (w *way) task(function installed.Function, name string, id deployment.ID, more string) result {
	w.t.Helper()
	w.invoked[name] = true
	return w.send(function, `{"task": "`+name+`", "deploymentId": "`+id.String()+`", "correlationId": "story/42", "attempt": 0,
		"executionArn": "arn:aws:states:`+region+`:`+hub+`:execution:stackgate:`+id.String()+`"`+more+`}`)
}

// walk sends the functions through a deployment, a rejected one, one that cannot be made, and what nobody should send.
func (w *way) walk() {
	w.t.Helper()
	const token = `, "taskToken": "the-token"`
	prepared := func(template string) store.Record {
		r := w.request(template)
		w.task(installed.Plan, "PrepareDeployment", r.ID, "")
		w.task(installed.Plan, "AcquireStackLock", r.ID, token)
		w.task(installed.Plan, "InspectStack", r.ID, "")
		w.task(installed.Plan, "CreateChangeSet", r.ID, "")
		return r
	}
	reviewed := func(template string, verdict approval.Verdict) store.Record {
		r := prepared(template)
		w.task(installed.Plan, "DescribeChangeSet", r.ID, "")
		w.task(installed.Plan, "WriteReview", r.ID, "")
		w.task(installed.Plan, "WaitForApproval", r.ID, token)
		w.decide(r.ID, verdict)
		w.task(installed.Plan, "VerifyReview", r.ID, "")
		return r
	}
	finish := func(r store.Record, flow string) { w.task(installed.Plan, "FinishDeployment", r.ID, `, "flow": `+flow) }

	deployed := reviewed(parameters+table("one", ""), approval.Approve)
	w.task(installed.Plan, "RemoveEmptyStack", deployed.ID, "")
	w.task(installed.Execute, "ExecuteChangeSet", deployed.ID, token)
	w.atRest(deployed)
	w.task(installed.Events, "ConfirmStackStatus", deployed.ID, "")
	w.task(installed.Events, "CollectEventTail", deployed.ID, "")
	finish(deployed, `{}`)
	finish(deployed, `{}`)

	rejected := reviewed(parameters+table("two", ""), approval.Reject)
	w.task(installed.Execute, "ExecuteChangeSet", rejected.ID, token)
	w.task(installed.Plan, "DiscardChangeSet", rejected.ID, "")
	finish(rejected, `{"fault": {"Error": "Rejected", "Cause": "{\"errorMessage\": \"bo said no\", \"errorType\": \"Rejected\"}"}}`)

	broken := prepared(parameters + "Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref Nothing}}}")
	w.task(installed.Plan, "DescribeChangeSet", broken.ID, "")
	w.task(installed.Events, "ExplainFailedChangeSet", broken.ID, "")
	w.task(installed.Plan, "DiscardChangeSet", broken.ID, "")
	finish(broken, `{"fault": {"Error": "InvalidRequest", "Cause": "no"}}`)

	called := w.request(parameters + table("three", ""))
	w.cancelled(called.ID)
	w.task(installed.Plan, "PrepareDeployment", called.ID, "")
	finish(called, `{"fault": {"Error": "Cancelled", "Cause": "{\"errorMessage\": \"bo cancelled\", \"errorType\": \"Cancelled\"}"}}`)
	w.look(deployed.ID)
	w.mistaken(deployed.ID)
	w.started()

	// What recovers is asked to recover what needs no recovery.
	for _, name := range []string{"PrepareRecovery", "DiagnoseStack", "WriteRecoveryProposal", "VerifyRecoveryProposal", "FinishRecovery"} {
		w.task(installed.Plan, name, deployed.ID, "")
	}
	w.task(installed.Execute, "PerformRecovery", deployed.ID, token)
	w.task(installed.Events, "ConfirmRecoveredStack", deployed.ID, "")

	for _, function := range installed.Functions() {
		for _, payload := range []string{
			`{"sweep": true}`, `{"sweep": "yes"}`, `{}`, `null`, `[]`, `"text"`, `{"task": "MakeCoffee"}`, `{"task": 7}`,
			`{"task": "InspectStack", "deploymentId": "nobody"}`, `{"task": "ExecuteChangeSet", "deploymentId": ["x"]}`,
			`{"task": "ConfirmStackStatus", "deploymentId": "` + serviceName + `-` + stageName + `-20261122T140203Z-7q4k2mxa"}`,
			`{"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": {"name": "by-hand"}}`,
			`{"source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change", "detail": {"stack-id": "arn:aws:cloudformation:eu-west-1:1:stack/x/1"}}`,
		} {
			w.send(function, payload)
		}
	}
}

// atRest waits until the stack has come to rest.
func (w *way) atRest(r store.Record) {
	w.t.Helper()
	for range 300 {
		out, err := w.simulator.Client(r.Account, r.Region).DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &r.StackName})
		if err != nil {
			w.t.Fatal(err)
		}
		if !strings.HasSuffix(string(out.Stacks[0].StackStatus), "IN_PROGRESS") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.t.Fatal("the stack does not come to rest")
}

// TestCompiledPanic: a function that breaks answers with a fault that the state machine knows, or with a problem that a client
// knows, and lives on.
func TestCompiledPanic(t *testing.T) {
	e := moto(t)
	w, environment := newWay(t, e, "panicking")
	bootstrap := build(t, "stackgate/test/interop/testdata/panicking")
	logs := map[installed.Function]*lockedLog{}
	for _, function := range []installed.Function{installed.Plan, installed.Review} {
		variables := maps.Clone(environment)
		variables[installed.FunctionVariable] = string(function)
		started, _ := run(t, "stackgate-"+string(function), bootstrap, variables)
		logs[function] = started.log
		w.invoke[function] = func(payload string) result { return started.invoke(t, "request", payload) }
	}
	for range 2 {
		failed := w.call("ana", http.StatusInternalServerError, http.MethodGet, "/services", "")
		var problem wire.Problem
		if err := json.Unmarshal([]byte(failed), &problem); err != nil || problem.Reason != wire.Internal || strings.Contains(failed, "broken") {
			t.Errorf("answered %s (%v)", failed, err)
		}
	}
	logs[installed.Review].has(t, "review", 2, `"error":"panic: the catalog is broken"`)
	r := w.request(table("one", ""))
	w.task(installed.Plan, "PrepareDeployment", r.ID, "")
	w.task(installed.Plan, "AcquireStackLock", r.ID, `, "taskToken": "the-token"`)
	for range 2 {
		out := w.task(installed.Plan, "InspectStack", r.ID, "")
		var fault struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal([]byte(out.body), &fault); err != nil || !out.failed || fault.ErrorType != string(deployment.InternalError) || !strings.Contains(fault.ErrorMessage, "panicked: CloudFormation is broken") {
			t.Errorf("answered %+v (%v)", out, err)
		}
	}
	logs[installed.Plan].has(t, "plan", 2, `"UnexpectedFault":1`)
}
