package installed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/deployment"
	"stackgate/internal/installed"
	"stackgate/internal/store"
)

const execution = "arn:aws:states:eu-west-1:999999999999:execution:stackgate-orders-prod:orders-prod-20261122T140203Z-7q4k2mxa"

// executionEvent is an event of Step Functions as EventBridge delivers it.
func executionEvent(executionARN, name string) string {
	return `{"version": "0", "id": "event-2", "detail-type": "Step Functions Execution Status Change", "source": "aws.states",
		"account": "999999999999", "time": "2026-11-22T14:02:03Z", "region": "eu-west-1", "resources": ["` + executionARN + `"],
		"detail": {"executionArn": "` + executionARN + `", "stateMachineArn": "arn:aws:states:eu-west-1:999999999999:stateMachine:stackgate-orders-prod",
			"name": "` + name + `", "status": "ABORTED", "startDate": 1, "stopDate": 2, "input": "{}", "output": null}}`
}

// measured are the log lines that are measurements, by the message.
func (w *world) measured(t *testing.T, message string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range bytes.Lines(w.log.Bytes()) {
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == message && line["_aws"] != nil {
			lines = append(lines, line)
		}
	}
	return lines
}

func (w *world) holder(t *testing.T) deployment.ID {
	t.Helper()
	queue, err := w.store.Queue(t.Context(), record().Target.Key())
	if err != nil {
		t.Fatal(err)
	}
	if len(queue) == 0 {
		return ""
	}
	return queue[0].DeploymentID
}

func TestEndedExecutions(t *testing.T) {
	id := string(record().ID)
	for name, row := range map[string]struct {
		payload string
		status  types.ExecutionStatus
		// moving leaves the stack on its way, soon that the request is minutes old.
		moving, soon bool
		failing      error
		closed       bool
		fault        deployment.Fault
		says         string
	}{
		"stopped":                       {payload: executionEvent(execution, id), status: types.ExecutionStatusAborted, closed: true},
		"out of time":                   {payload: executionEvent(execution, id), status: types.ExecutionStatusTimedOut, closed: true},
		"failed":                        {payload: executionEvent(execution, id), status: types.ExecutionStatusFailed, closed: true},
		"succeeded, which cannot be":    {payload: executionEvent(execution, id), status: types.ExecutionStatusSucceeded, closed: true},
		"the event is not believed":     {payload: executionEvent(execution, id), status: types.ExecutionStatusRunning},
		"the stack moves":               {payload: executionEvent(execution, id), status: types.ExecutionStatusAborted, moving: true},
		"swept":                         {payload: `{"sweep": true}`, status: types.ExecutionStatusAborted, closed: true},
		"swept while it runs":           {payload: `{"sweep": true}`, status: types.ExecutionStatusRunning},
		"swept in an unknown status":    {payload: `{"sweep": true}`, status: "ASLEEP"},
		"swept while the stack moves":   {payload: `{"sweep": true}`, status: types.ExecutionStatusFailed, moving: true},
		"never began":                   {payload: `{"sweep": true}`, closed: true},
		"may still begin":               {payload: `{"sweep": true}`, moving: true, soon: true},
		"Step Functions is out":         {payload: `{"sweep": true}`, failing: errors.New("out of order"), fault: deployment.InternalError, says: "look after " + id},
		"another execution of the name": {payload: executionEvent(strings.Replace(execution, "orders-prod:", "billing-prod:", 1), id), fault: deployment.InvalidRequest, says: "another execution"},
		"an execution without a record": {payload: executionEvent(execution, strings.Replace(id, "7q4k2mxa", "aaaaaaaa", 1))},
		"a name that is no deployment":  {payload: executionEvent(execution, "by-hand"), fault: deployment.InvalidRequest, says: "no execution of a deployment"},
		"an event of a stack":           {payload: stackEvent("arn:aws:cloudformation:eu-west-1:111122223333:stack/other/1"), fault: deployment.InvalidRequest, says: "not of execution status"},
		"a task of another function":    {payload: `{"task": "ConfirmStackStatus"}`, fault: deployment.InvalidRequest, says: "no task"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, installed.Plan, func(t *testing.T, w *world) {
				if row.status != "" {
					w.answered.statuses = map[string]types.ExecutionStatus{execution: row.status}
				}
				w.answered.failing = row.failing
				if !row.moving {
					time.Sleep(time.Hour / 2)
				}
				answer, err := w.handler.Handle(t.Context(), json.RawMessage(row.payload))
				if row.fault != "" {
					wantFault(t, err, row.fault, row.says)
				} else if err != nil || strings.Contains(string(answer), id) != row.closed {
					t.Errorf("answer %s, error %v", answer, err)
				}
				kept, err := w.store.Record(t.Context(), record().ID)
				if err != nil {
					t.Fatal(err)
				}
				if (kept.Outcome == deployment.OutcomeDeployed) != row.closed || kept.Open() == row.closed || (w.holder(t) == "") != row.closed {
					t.Errorf("outcome %q, open: %v, lock of %q; want closed: %v", kept.Outcome, kept.Open(), w.holder(t), row.closed)
				}
				// The same again changes and reports nothing more.
				if row.fault == "" {
					if answer, err := w.handler.Handle(t.Context(), json.RawMessage(row.payload)); err != nil || strings.Contains(string(answer), id) {
						t.Errorf("again: answer %s, error %v", answer, err)
					}
				}
				if reports := len(w.measured(t, "deployment ended")); (reports == 1) != row.closed || reports > 1 {
					t.Errorf("the end was reported %d times", reports)
				}
			})
		})
	}
}

// A deployment that was finished while its stack still moved keeps its lock until the sweep finds it at rest.
func TestTheSweepFreesKeptLocks(t *testing.T) {
	inWorld(t, installed.Plan, func(t *testing.T, w *world) {
		w.answered.statuses = map[string]types.ExecutionStatus{execution: types.ExecutionStatusFailed}
		if _, err := w.store.UpdateRecord(t.Context(), record().ID, func(r *store.Record) error {
			r.Stage, r.Outcome, r.LockKept = deployment.StageFinished, deployment.OutcomeFailedNeedsHuman, true
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []deployment.ID{record().ID, ""} {
			if _, err := w.handler.Handle(t.Context(), json.RawMessage(`{"sweep": true}`)); err != nil {
				t.Fatal(err)
			}
			if got := w.holder(t); got != want {
				t.Errorf("the lock is of %q, want %q", got, want)
			}
			time.Sleep(time.Hour / 2)
		}
		kept, err := w.store.Record(t.Context(), record().ID)
		if err != nil || kept.Outcome != deployment.OutcomeFailedNeedsHuman || kept.LockKept {
			t.Errorf("outcome %s, kept: %v (%v)", kept.Outcome, kept.LockKept, err)
		}
	})
}

// A stack that somebody deleted does not come to rest: it is gone, and so must be the lock.
func TestAStackThatIsGoneHoldsNoLock(t *testing.T) {
	inWorld(t, installed.Plan, func(t *testing.T, w *world) {
		w.answered.statuses = map[string]types.ExecutionStatus{execution: types.ExecutionStatusAborted}
		time.Sleep(time.Hour / 2)
		if _, err := w.client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &w.stackID}); err != nil {
			t.Fatal(err)
		}
		// Descriptions of deleted stacks are kept for 90 days.
		time.Sleep(100 * 24 * time.Hour)
		for range 2 {
			if _, err := w.handler.Handle(t.Context(), json.RawMessage(`{"sweep": true}`)); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := w.store.Record(t.Context(), record().ID)
		if err != nil || !kept.Outcome.Failed() || kept.Open() || w.holder(t) != "" {
			t.Errorf("outcome %s, open: %v, lock of %q (%v)", kept.Outcome, kept.Open(), w.holder(t), err)
		}
	})
}
