package installed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/installed"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

// answered is Step Functions: it writes down which tokens were answered.
type answered struct {
	tokens []string
	// statuses are the executions that there are; failing is what asking for any of them gives.
	statuses map[string]sfntypes.ExecutionStatus
	failing  error
}

func (a *answered) DescribeExecution(_ context.Context, in *sfn.DescribeExecutionInput, _ ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	if a.failing != nil {
		return nil, a.failing
	}
	status, found := a.statuses[*in.ExecutionArn]
	if !found {
		return nil, &sfntypes.ExecutionDoesNotExist{Message: in.ExecutionArn}
	}
	return &sfn.DescribeExecutionOutput{Status: status, Error: aws.String("States.Runtime"), Cause: aws.String("no such path")}, nil
}

func (a *answered) GetExecutionHistory(context.Context, *sfn.GetExecutionHistoryInput, ...func(*sfn.Options)) (*sfn.GetExecutionHistoryOutput, error) {
	return nil, errors.New("the history is out of reach")
}

func (a *answered) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	a.tokens = append(a.tokens, *in.TaskToken)
	return &sfn.SendTaskSuccessOutput{}, nil
}

type chance struct{ *rand.ChaCha8 }

func (c chance) Float64() float64 { return rand.New(c.ChaCha8).Float64() }

// world is a function beside a stack that a deployment has executed and waits for.
type world struct {
	handler  installed.Handler
	store    *sqlite.Store
	answered *answered
	client   *cfnsim.Client
	log      *bytes.Buffer
	stackID  string
	// broken makes CloudFormation panic.
	broken bool
}

func inWorld(t *testing.T, function installed.Function, run func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, system := t.Context(), clock.System{}
		kept, err := sqlite.Open(ctx, t.TempDir(), system)
		if err != nil {
			t.Fatal(err)
		}
		defer kept.Close()
		simulator, err := cfnsim.New(cfnsim.Options{Clock: system, Random: chance{rand.NewChaCha8([32]byte{1})}})
		if err != nil {
			t.Fatal(err)
		}
		r := record()
		client := simulator.Client(r.Account, r.Region)
		r.ChangeSet.ARN, r.StackID = execute(t, client, r)
		r.Stage, r.Times.Requested, r.Times.Executed = deployment.StageExecuting, system.Now(), system.Now()
		if r.Definition, err = service.KeepDefinition(ctx, kept, service.Definition{Timeouts: service.Timeouts{Execution: time.Hour}}); err != nil {
			t.Fatal(err)
		}
		if _, err := kept.Enqueue(ctx, r.Target.Key(), store.Ticket{DeploymentID: r.ID}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(kept.CreateRecord(ctx, r), kept.PutWaiter(ctx, store.Waiter{
			DeploymentID: r.ID, Purpose: store.AwaitStack, Target: r.Target, StackID: r.StackID, Token: "the token", Since: system.Now(),
		})); err != nil {
			t.Fatal(err)
		}
		w := &world{store: kept, answered: &answered{}, client: client, log: &bytes.Buffer{}, stackID: r.StackID}
		pattern, err := installed.ParseMachinePattern(machines)
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.NewJSONHandler(w.log, nil))
		w.handler, err = installed.New(function, installed.Components{
			Parts: functions.Parts{
				Store: kept, Sender: w.answered, Clock: system, Reporter: installed.Reporter{History: w.answered, Log: log},
				CloudFormation: func(context.Context, store.Record) (functions.Client, error) {
					if w.broken {
						panic("CloudFormation is broken")
					}
					return client, nil
				},
			},
			Records: kept, Executions: w.answered, Machines: pattern, Log: log,
		})
		if err != nil {
			t.Fatal(err)
		}
		run(t, w)
	})
}

// execute makes and executes a change set, and leaves the stack on its way.
func execute(t *testing.T, client *cfnsim.Client, r store.Record) (changeSetARN, stackID string) {
	t.Helper()
	ctx := t.Context()
	made, err := client.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: &r.StackName, ChangeSetName: aws.String(string(r.ID)), ChangeSetType: types.ChangeSetTypeCreate,
		TemplateBody: aws.String(`{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if _, err := client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: made.Id}); err != nil {
		t.Fatal(err)
	}
	return *made.Id, *made.StackId
}

// stackEvent is an event as EventBridge delivers it.
func stackEvent(stackID string) string {
	return `{"version": "0", "id": "event-1", "detail-type": "CloudFormation Stack Status Change", "source": "aws.cloudformation",
		"account": "111122223333", "time": "2026-11-22T14:02:03Z", "region": "eu-west-1", "resources": ["` + stackID + `"],
		"detail": {"stack-id": "` + stackID + `", "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""}, "client-request-token": ""}}`
}

func TestEvents(t *testing.T) {
	const other = "arn:aws:cloudformation:eu-west-1:111122223333:stack/other/1"
	for name, row := range map[string]struct {
		payload string
		// moving leaves the stack on its way.
		moving bool
		woken  bool
		answer string
		// fault and says are what the error is and says.
		fault deployment.Fault
		says  string
	}{
		"its stack is at rest":         {payload: stackEvent("STACK"), woken: true, answer: `{"woken":1}`},
		"its stack still moves":        {payload: stackEvent("STACK"), moving: true, answer: `{"woken":0}`},
		"another stack":                {payload: stackEvent(other), answer: `{"woken":0}`},
		"sweep":                        {payload: `{"sweep": true}`, woken: true, answer: `{"woken":1,"stuck":0}`},
		"sweep, while it moves":        {payload: `{"sweep": true}`, moving: true, answer: `{"woken":0,"stuck":0}`},
		"task":                         {payload: `{"task": "ConfirmStackStatus", "deploymentId": "ID"}`, answer: `{"settlement":"succeeded","status":"CREATE_COMPLETE"}`},
		"task, while it moves":         {payload: `{"task": "ConfirmStackStatus", "deploymentId": "ID"}`, moving: true, fault: deployment.StackMoving, says: "CREATE_IN_PROGRESS"},
		"task of another function":     {payload: `{"task": "ExecuteChangeSet", "deploymentId": "ID"}`, fault: deployment.InvalidRequest, says: `no task \"ExecuteChangeSet\"`},
		"the task behind events":       {payload: `{"task": "HandleEvent", "event": {"sweep": true}}`, fault: deployment.InvalidRequest, says: "no task"},
		"task and sweep":               {payload: `{"task": "ConfirmStackStatus", "sweep": true}`, fault: deployment.InvalidRequest, says: "in one"},
		"event and sweep":              {payload: `{"sweep": true,` + stackEvent("STACK")[1:], fault: deployment.InvalidRequest, says: "in one"},
		"sweep that is off":            {payload: `{"sweep": false}`, fault: deployment.InvalidRequest, says: "not understood"},
		"sweep that is text":           {payload: `{"sweep": "true"}`, fault: deployment.InvalidRequest, says: "decode"},
		"nothing":                      {payload: `{}`, fault: deployment.InvalidRequest, says: "not understood"},
		"null":                         {payload: `null`, fault: deployment.InvalidRequest, says: "no task"},
		"text":                         {payload: `"sweep"`, fault: deployment.InvalidRequest, says: "decode the payload"},
		"list":                         {payload: `[{"sweep": true}]`, fault: deployment.InvalidRequest, says: "decode the payload"},
		"event of a resource":          {payload: strings.Replace(stackEvent("STACK"), "Stack Status", "Resource Status", 1), fault: deployment.InvalidRequest, says: "not of stack status"},
		"event of somebody else":       {payload: strings.Replace(stackEvent("STACK"), "aws.cloudformation", "my.app", 1), fault: deployment.InvalidRequest, says: "not of stack status"},
		"event without detail":         {payload: `{"source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change"}`, fault: deployment.InvalidRequest, says: "names no stack"},
		"event whose detail is a list": {payload: `{"source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change", "detail": []}`, fault: deployment.InvalidRequest, says: "decode"},
		"event of a stack by its name": {payload: stackEvent("shop-orders-prod"), fault: deployment.InvalidRequest, says: "names no stack"},
		"event whose id is a number":   {payload: strings.Replace(stackEvent("STACK"), `"event-1"`, `7`, 1), fault: deployment.InvalidRequest, says: "decode"},
		"an alarm":                     {payload: `{"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": {}}`, fault: deployment.InvalidRequest, says: "not of stack status"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, installed.Events, func(t *testing.T, w *world) {
				if !row.moving {
					time.Sleep(time.Hour / 2)
				}
				payload := strings.NewReplacer("STACK", w.stackID, `"ID"`, `"`+string(record().ID)+`"`).Replace(row.payload)
				// As Lambda calls it, so that what reaches Step Functions is seen.
				answer, err := lambda.NewHandler(w.handler.Handle).Invoke(t.Context(), []byte(payload))
				if row.fault == "" {
					if err != nil || string(answer) != row.answer {
						t.Fatalf("answer %s, error %v; want %s", answer, err, row.answer)
					}
				} else {
					wantFault(t, err, row.fault, row.says)
				}
				w.check(t, row.woken)
			})
		})
	}
}

func wantFault(t *testing.T, err error, fault deployment.Fault, says string) {
	t.Helper()
	var named messages.InvokeResponse_Error
	if !errors.As(err, &named) {
		t.Fatalf("error %v (%T) is none that Lambda passes on", err, err)
	}
	if named.Type != string(fault) || !strings.Contains(named.Message, strings.ReplaceAll(says, `\"`, `"`)) {
		t.Errorf("fault %s: %s; want %s that says %q", named.Type, named.Message, fault, says)
	}
}

// check is whether the deployment was woken and its waiter is gone, and whether nothing secret was logged.
func (w *world) check(t *testing.T, woken bool) {
	t.Helper()
	_, err := w.store.Waiter(t.Context(), record().ID, store.AwaitStack)
	if gone := errors.Is(err, store.ErrNotFound); gone != woken || (len(w.answered.tokens) == 1) != woken {
		t.Errorf("answered %v, waiter gone: %v; want woken: %v", w.answered.tokens, gone, woken)
	}
	if strings.Contains(w.log.String(), "the token") {
		t.Errorf("the token is in the log:\n%s", w.log)
	}
}

func TestEventsAreLoggedAsTasksAre(t *testing.T) {
	inWorld(t, installed.Events, func(t *testing.T, w *world) {
		if _, err := w.handler.Handle(t.Context(), json.RawMessage(stackEvent(w.stackID))); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
		for i, message := range []string{"task started", "task ended"} {
			var line struct{ Msg, CorrelationID, Task string }
			if err := json.Unmarshal([]byte(lines[i]), &line); err != nil || line.Msg != message || line.CorrelationID != "event-1" || line.Task != "HandleEvent" {
				t.Errorf("line %d is %s (%v), want %q of event-1", i, lines[i], err, message)
			}
		}
	})
}

func TestAPanicIsAFault(t *testing.T) {
	inWorld(t, installed.Events, func(t *testing.T, w *world) {
		w.broken = true
		_, err := w.handler.Handle(t.Context(), json.RawMessage(`{"sweep": true}`))
		wantFault(t, err, deployment.InternalError, "panicked")
		w.check(t, false)
	})
}

// TestTheExecuteFunctionTakesNoEvents: what executes is woken by nobody but the state machine.
func TestTheExecuteFunctionTakesNoEvents(t *testing.T) {
	inWorld(t, installed.Execute, func(t *testing.T, w *world) {
		time.Sleep(time.Hour / 2)
		for _, payload := range []string{`{"sweep": true}`, stackEvent(w.stackID), executionEvent(execution, string(record().ID)), `{"task": "ConfirmStackStatus"}`, `{}`} {
			_, err := w.handler.Handle(t.Context(), json.RawMessage(payload))
			wantFault(t, err, deployment.InvalidRequest, "no task")
		}
		w.check(t, false)
	})
}

// TestEachTaskHasOneFunction asks every function for every task by a payload that no task takes.
func TestEachTaskHasOneFunction(t *testing.T) {
	homes := map[string]installed.Function{"ExecuteChangeSet": installed.Execute}
	for _, task := range functions.Plan(functions.Parts{}) {
		homes[task.Name()] = installed.Plan
	}
	for _, task := range functions.Events(functions.Parts{}) {
		homes[task.Name()] = installed.Events
	}
	for _, function := range installed.Functions() {
		inWorld(t, function, func(t *testing.T, w *world) {
			for task, home := range homes {
				_, err := w.handler.Handle(t.Context(), json.RawMessage(`{"task": "`+task+`", "deploymentId": "nobody"}`))
				unknown := err != nil && strings.Contains(err.Error(), "there is no task")
				if known := !unknown; known != (home == function) {
					t.Errorf("%s knows %s: %v; it is %s's", function, task, known, home)
				}
			}
		})
	}
	if _, err := installed.New("deploy", installed.Components{Log: slog.Default()}); err == nil {
		t.Error("a function that does not exist was made")
	}
}
