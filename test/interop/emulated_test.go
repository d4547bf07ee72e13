package interop_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"stackgate/internal/asl"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/installed"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
	"stackgate/statemachines"
)

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
	// Each story is an installation of its own, with its machine for recoveries.
	pattern, err := installed.ParseMachinePattern("arn:aws:states:" + region + ":" + hub + ":stateMachine:" + name + "-${service}-${environment}")
	if err != nil {
		t.Fatal(err)
	}
	s.api = gateway(t, installed.DoorTo(s.registry, installed.Settings{
		Function: installed.Review, Table: tableName, Bucket: bucketName, Machines: pattern,
	}, e.configuration(), slog.New(slog.DiscardHandler), nil))
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
	for intent, definition := range map[deployment.Intent][]byte{deployment.IntentDeploy: definition, deployment.IntentRecover: statemachines.Recover} {
		arn, err := pattern.Machine(store.Record{Service: name, Environment: environment, Intent: intent})
		if err != nil {
			t.Fatal(err)
		}
		if made := e.machine(t, arn[strings.LastIndexByte(arn, ':')+1:], definition, arns); made != arn {
			t.Fatalf("%s is made as %s", arn, made)
		}
	}
	s.end = func(r store.Record) ended {
		t.Helper()
		execution, err := pattern.Execution(r)
		if err != nil {
			t.Fatal(err)
		}
		return awaitEnd(t, machines, execution, r.ID)
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
		if err == nil && r.Stage == deployment.StageFinished {
			return
		}
		if err != nil || r.Stage != deployment.StageExecuting || r.StackID == "" {
			continue
		}
		_, _ = events.Handle(ctx, json.RawMessage(`{"id": "event", "source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change", "detail": {"stack-id": "`+r.StackID+`"}}`))
	}
}
