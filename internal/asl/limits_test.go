package asl

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// jsonOf makes a JSON string of exactly so many bytes, quotes included.
func jsonOf(bytes int) string { return `"` + strings.Repeat("x", bytes-2) + `"` }

func TestDataLimit(t *testing.T) {
	const merged = `"Type": "Pass", "Result": 1, "ResultPath": "$.b", "End": true` // {"a":…,"b":1} adds 12 bytes
	for name, c := range map[string]struct{ definition, input string }{
		"state output": {one(merged), `{"a":` + jsonOf(maxDataBytes-12) + `}`},
		"parameters": {one(`"Type": "Task", "Resource": "` + ResourceInvoke + `", "End": true, "ResultPath": null,
			"Parameters": {"FunctionName": "f", "Payload.$": "$"}`), jsonOf(maxDataBytes - len(`{"FunctionName":"f","Payload":}`))},
		"characters": {one(merged), `{"a":"` + strings.Repeat("é", (maxDataBytes-14)/2) + `"}`}, // two bytes each
		"escapes":    {one(merged), `{"a":"` + strings.Repeat("<", maxDataBytes-14) + `"}`},     // one byte each, as on AWS
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.functions["f"] = func(context.Context, any) (any, error) { return nil, nil }
			if result := r.run(c.definition, c.input); result.Status != StatusSucceeded {
				t.Errorf("at the limit: %s %s", result.Error, result.Cause)
			}
			wider := strings.Replace(c.input, `"a":"`, `"a":"x`, 1)
			if wider == c.input {
				wider = jsonOf(len(c.input) + 1)
			}
			wantFailure(t, r.run(c.definition, wider), ErrorDataLimitExceeded, "The state/task 'S' returned a result with a size exceeding the maximum number of bytes service limit.")
		})
	}
}

func TestDataLimitOfResults(t *testing.T) {
	overhead := len(`{"ExecutedVersion":"$LATEST","Payload":,"StatusCode":200}`)
	for _, c := range []struct {
		bytes int
		fits  bool
	}{{maxDataBytes, true}, {maxDataBytes + 1, false}} {
		r := newRig(t)
		r.functions["f"] = func(context.Context, any) (any, error) { return strings.Repeat("x", c.bytes-overhead-2), nil }
		result := r.run(machine(task("F", end+`, "ResultPath": null`)), `{}`)
		if c.fits {
			wantResult(t, result, StatusSucceeded, `{}`)
		} else {
			wantFailure(t, result, ErrorDataLimitExceeded, "The state/task 'lambda' returned a result")
			wantList(t, "events", r.types(), "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed", "ExecutionFailed")
		}
		r.submit("ask", func(token string) error { return r.tokens.answer(token, jsonOf(c.bytes)) })
		result = r.run(machine(callback("Ask", end+`, "ResultPath": null`)), `{}`)
		if c.fits {
			wantResult(t, result, StatusSucceeded, `{}`)
		} else {
			wantFailure(t, result, ErrorDataLimitExceeded, "The state/task 'lambda' returned a result")
		}
	}
}

func TestDataLimitOfCaughtErrors(t *testing.T) {
	r := newRig(t)
	r.functions["f"] = newFailing("E").call
	definition := machine(task("F", end+`, "InputPath": "$.small", "Catch": [{"ErrorEquals": ["E"], "ResultPath": "$.fault", "Next": "Other"}]`), other)
	wantFailure(t, r.run(definition, `{"small": 1, "a": `+jsonOf(maxDataBytes-20)+`}`), ErrorDataLimitExceeded, "'F'")
}

func TestHistoryLimit(t *testing.T) {
	// Each turn makes four events: 24,999 are reached in the middle of one, and event 25,000 is the failure.
	definition := machine(`"A": {"Type": "Pass", "Next": "B"}`,
		`"B": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "Other"}], "Default": "A"}`, other)
	r := newRig(t)
	result := r.run(definition, `{}`)
	wantFailure(t, result, ErrorRuntime, "")
	if result.Cause != "The execution reached the maximum number of history events (25000)." || result.Events != 25000 {
		t.Errorf("result %+v", result)
	}
	last, before := r.events[len(r.events)-1], r.events[len(r.events)-2]
	if len(r.events) != 25000 || last.ID != 25000 || last.PreviousID != 24999 || before.Type == ExecutionFailed {
		t.Errorf("%d events, the last %+v", len(r.events), last)
	}
}

func TestHistoryLimitIsNeitherRetriedNorCaught(t *testing.T) {
	for events := int64(maxEvents - 9); events < maxEvents-1; events++ {
		for _, kind := range []func(string, string) string{task, callback} {
			r := newRig(t)
			r.functions["f"] = newFailing("E", "E", "E", "E", "E", "E", "E").call
			definition := machine(kind("F", end+`, "Retry": [{"ErrorEquals": ["Nothing"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}]`))
			result := r.execute(t.Context(), definition, Execution{From: &Position{State: "F", Events: events}})
			wantFailure(t, result, ErrorRuntime, "history events (25000)")
			if last := r.events[len(r.events)-1]; last.ID != 25000 {
				t.Errorf("from %d: last event %+v", events, last)
			}
			for _, token := range r.tokens.issued {
				if !r.tokens.dead(token) {
					t.Errorf("from %d: %s still works", events, token)
				}
			}
		}
	}
}

func TestHistoryLimitInASuccessfulCallback(t *testing.T) {
	for events := int64(maxEvents - 9); events < maxEvents-2; events++ {
		r := newRig(t)
		r.submit("ask", func(token string) error { return r.tokens.answer(token, `1`) })
		result := r.execute(t.Context(), machine(callback("Ask", end)), Execution{From: &Position{State: "Ask", Events: events}})
		// ExecutionRedriven, six events of the state, one of the end.
		if fits := events+8 <= maxEvents; fits != (result.Status == StatusSucceeded) || !fits && result.Events != maxEvents {
			t.Errorf("from %d: %+v", events, result)
		}
	}
}

// The end of an execution always has room, whatever it is.
func TestLastEventMayBeTheSuccess(t *testing.T) {
	r := newRig(t)
	result := r.execute(t.Context(), one(minimal[Pass]), Execution{From: &Position{State: "S", Events: maxEvents - 4}})
	wantResult(t, result, StatusSucceeded, `{}`)
	if result.Events != 25000 {
		t.Errorf("%d events", result.Events)
	}
}

func TestErrorsAndCausesAreShortened(t *testing.T) {
	name, cause := strings.Repeat("é", 300), strings.Repeat("ü", 40000)
	r := newRig(t)
	r.functions["f"] = func(context.Context, any) (any, error) { return nil, &FunctionError{Name: name, Cause: cause} }
	for _, definition := range []string{
		machine(task("F", end)),
		one(`"Type": "Fail", "ErrorPath": "$.name", "CausePath": "$.cause"`),
	} {
		result := r.run(definition, fmt.Sprintf(`{"name": %q, "cause": %q}`, name, cause))
		if utf8.RuneCountInString(result.Error) != 256 || utf8.RuneCountInString(result.Cause) != 32768 {
			t.Errorf("error of %d, cause of %d characters", utf8.RuneCountInString(result.Error), utf8.RuneCountInString(result.Cause))
		}
	}
}
