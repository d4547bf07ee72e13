package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackgate/internal/golden"
)

// allEventTypes are the types that are recorded, to keep the tests complete.
var allEventTypes = []EventType{
	ExecutionStarted, ExecutionRedriven, ExecutionSucceeded, ExecutionFailed, ExecutionTimedOut, ExecutionAborted,
	TaskStateEntered, TaskStateExited, ChoiceStateEntered, ChoiceStateExited, WaitStateEntered, WaitStateExited, PassStateEntered, PassStateExited,
	SucceedStateEntered, SucceedStateExited, FailStateEntered,
	TaskScheduled, TaskStarted, TaskSubmitted, TaskSucceeded, TaskFailed, TaskTimedOut,
}

func TestEntriesCarryAPosition(t *testing.T) {
	for _, typ := range allEventTypes {
		event := Event{ID: 7, Type: typ, State: "S", Input: json.RawMessage(`{"a":1}`)}
		position, ok := event.Position()
		if ok != strings.HasSuffix(string(typ), "StateEntered") || ok != event.IsStateEntered() {
			t.Errorf("%s carries a position: %v", typ, ok)
		}
		if ok && (position.State != "S" || string(position.Input) != `{"a":1}` || position.Events != 7) {
			t.Errorf("%s: position %+v", typ, position)
		}
	}
}

func TestStateTypesNameTheirEvents(t *testing.T) {
	for _, typ := range StateTypes() {
		var found int
		for _, event := range allEventTypes {
			if event == EventType(typ+"StateEntered") || event == EventType(typ+"StateExited") {
				found++
			}
		}
		if want := 2; typ == Fail && found != 1 || typ != Fail && found != want {
			t.Errorf("%s has %d events", typ, found)
		}
	}
}

// Whole histories, event by event, with the details, ids and order that Step Functions records.
func TestHistories(t *testing.T) {
	for name, c := range map[string]struct {
		definition, input string
		setUp             func(r *rig)
		abort             time.Duration
		from              *Position
	}{
		"pass-wait-choice-succeed": {
			definition: machine(`"P": {"Type": "Pass", "Result": 1, "ResultPath": "$.n", "Next": "W"}`, `"W": {"Type": "Wait", "SecondsPath": "$.n", "Next": "C"}`,
				`"C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "S"}]}`, `"S": {"Type": "Succeed", "OutputPath": "$.n"}`),
			input: `{"b": 1, "a": "<é>"}`,
		},
		"task-retried-then-caught": {
			definition: machine(task("F", end+`, "TimeoutSeconds": 60, "Retry": [{"ErrorEquals": ["Throttled"], "MaxAttempts": 1}],
				"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.fault", "Next": "Bad"}]`), `"Bad": {"Type": "Fail", "Error": "FailedBeforeChange", "CausePath": "$.fault.Cause"}`),
			input: `{"a": 1}`, setUp: func(r *rig) { r.functions["f"] = newFailing("Throttled", "InvalidRequest").call },
		},
		"callback-timed-out-then-answered": {
			definition: machine(callback("Ask", end+`, "TimeoutSecondsPath": "$.limit", "ResultPath": "$.answer", "Retry": [{"ErrorEquals": ["States.Timeout"]}]`)),
			input:      `{"limit": 30}`,
			setUp: func(r *rig) {
				r.submit("ask", func(token string) error {
					if token == "token-1" {
						return nil
					}
					return r.tokens.answer(token, `{"ok": true}`)
				})
			},
		},
		"callback-failed": {
			definition: machine(callback("Ask", end)), input: `{}`,
			setUp: func(r *rig) {
				r.submit("ask", func(token string) error { return r.tokens.fail(token, "Cancelled", "by Ada") })
			},
		},
		"timed-out": {definition: `{"TimeoutSeconds": 5, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 10, "End": true}}}`, input: `{}`},
		"aborted":   {definition: machine(`"W": {"Type": "Wait", "Seconds": 10, "End": true}`), input: `{}`, abort: 3 * time.Second},
		"redriven": {
			definition: machine(`"P": {"Type": "Pass", "Next": "Q"}`, `"Q": {"Type": "Pass", "End": true}`), input: `{}`,
			from: &Position{State: "Q", Input: json.RawMessage(`{"at": "Q"}`), Events: 4},
		},
		"runtime-error": {definition: one(minimal[Pass] + `, "OutputPath": "$.gone"`), input: `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				if c.setUp != nil {
					c.setUp(r)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if c.abort > 0 {
					time.AfterFunc(c.abort, func() { cancel(&StopError{Name: "Cancelled", Cause: "by Ada"}) })
				}
				result := r.execute(ctx, c.definition, Execution{Name: "run-1", RoleARN: "arn:aws:iam::123456789012:role/machine", Input: json.RawMessage(c.input), From: c.from, RedriveCount: 1})
				var text strings.Builder
				for _, event := range r.events {
					line, err := json.Marshal(event)
					if err != nil {
						t.Fatal(err)
					}
					text.Write(line)
					text.WriteByte('\n')
				}
				fmt.Fprintf(&text, "%s output=%s error=%q cause=%q events=%d\n", result.Status, result.Output, result.Error, result.Cause, result.Events)
				golden.Assert(t, "history/"+name+".golden", []byte(text.String()))
			})
		})
	}
}

func TestIDsHaveNoGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.functions["f"] = newFailing("E", "E").call
		r.run(machine(task("F", `"Next": "P", "Retry": [{"ErrorEquals": ["E"]}]`), `"P": {"Type": "Pass", "End": true}`), `{}`)
		for i, event := range r.events {
			want := int64(i)
			if i == 1 {
				want = 0 // the first state follows from no event, as recorded on AWS
			}
			if event.ID != int64(i+1) || event.PreviousID != want {
				t.Errorf("event %d: id %d after %d, want after %d", i+1, event.ID, event.PreviousID, want)
			}
		}
	})
}

func TestObserverSeesEventsBeforeTheExecutionGoesOn(t *testing.T) {
	r := newRig(t)
	var scheduled bool
	r.observe = func(event Event) { scheduled = scheduled || event.Type == TaskScheduled }
	r.functions["f"] = func(context.Context, any) (any, error) {
		if !scheduled {
			return nil, errors.New("called before TaskScheduled was observed")
		}
		return nil, nil
	}
	wantResult(t, r.run(machine(task("F", end)), `{}`), StatusSucceeded, "")
}
