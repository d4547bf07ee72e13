package asl

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMachineTimeout(t *testing.T) {
	hang := func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() }
	withTimeout := func(states ...string) string {
		return strings.Replace(machine(states...), "{", `{"TimeoutSeconds": 100,`, 1)
	}
	for name, c := range map[string]struct {
		definition string
		events     []string
	}{
		"in a wait":     {withTimeout(`"W": {"Type": "Wait", "Seconds": 1000, "End": true}`), []string{"ExecutionStarted", "WaitStateEntered", "ExecutionTimedOut"}},
		"in a function": {withTimeout(task("F", end+`, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Other"}]`), other), []string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "ExecutionTimedOut"}},
		"in a callback": {withTimeout(callback("Ask", end+`, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Other"}]`), other), append(callbackEvents, "ExecutionTimedOut")},
		"in a retry": {withTimeout(task("G", end+`, "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 1000}]`)),
			[]string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed", "ExecutionTimedOut"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				r := newRig(t)
				r.functions["f"] = hang
				r.functions["g"] = newFailing("E", "E").call
				r.submit("ask", func(string) error { return nil })
				result := r.run(c.definition, `{}`)
				if result.Status != StatusTimedOut || result.Error != "" || result.Output != nil {
					t.Errorf("result %+v", result)
				}
				wantList(t, "events", r.types(), c.events...)
				if took := time.Since(start); took != 100*time.Second {
					t.Errorf("took %s", took)
				}
				if len(r.tokens.issued) > 0 && !r.tokens.dead("token-1") {
					t.Error("the token still works")
				}
			})
		})
	}
}

// A loop of states that never wait must still heed the timeout.
func TestMachineTimeoutStopsALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.functions["f"] = func(ctx context.Context, _ any) (any, error) { return nil, r.Sleep(ctx, time.Second) }
		definition := strings.Replace(machine(task("F", `"Next": "C"`), `"C": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "Other"}], "Default": "F"}`, other),
			"{", `{"TimeoutSeconds": 10,`, 1)
		if result := r.run(definition, `{}`); result.Status != StatusTimedOut {
			t.Errorf("result %+v", result)
		}
	})
}

func TestMachineThatEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		definition := `{"TimeoutSeconds": 100, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 99, "End": true}}}`
		wantResult(t, newRig(t).run(definition, `{}`), StatusSucceeded, `{}`)
	})
}

func TestAbort(t *testing.T) {
	for name, definition := range map[string]string{
		"wait":     machine(`"W": {"Type": "Wait", "Seconds": 1000, "End": true}`),
		"task":     machine(task("F", end+`, "Retry": [{"ErrorEquals": ["States.ALL"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Other"}]`), other),
		"callback": machine(callback("Ask", end+`, "Retry": [{"ErrorEquals": ["States.ALL"]}], "TimeoutSeconds": 5000`)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.functions["f"] = func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() }
				r.submit("ask", func(string) error { return nil })
				ctx, cancel := context.WithCancelCause(t.Context())
				go func() {
					time.Sleep(time.Minute)
					cancel(&StopError{Name: "Cancelled", Cause: "by Ada"})
				}()
				result := r.runContext(ctx, definition, `{}`)
				if result.Status != StatusAborted || result.Error != "Cancelled" || result.Cause != "by Ada" {
					t.Errorf("result %+v", result)
				}
				last := r.events[len(r.events)-1]
				if last.Type != ExecutionAborted || last.PreviousID != 0 || last.Error != "Cancelled" {
					t.Errorf("last event %+v", last)
				}
				if len(r.tokens.issued) > 0 && !r.tokens.dead("token-1") {
					t.Error("the token still works")
				}
			})
		})
	}
}

func TestAbortBeforeItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := newRig(t)
	if result := r.runContext(ctx, one(minimal[Pass]), `{}`); result.Status != StatusAborted || result.Error != "" {
		t.Errorf("result %+v", result)
	}
	wantList(t, "events", r.types(), "ExecutionStarted", "ExecutionAborted")
}

// An execution that is interrupted anywhere and taken up at its last position ends as if nothing had happened.
func TestTakingUpAtEveryPosition(t *testing.T) {
	definition := machine(`"A": {"Type": "Pass", "Result": 1, "ResultPath": "$.a", "Next": "Ask"}`,
		callback("Ask", `"ResultPath": "$.answer", "Next": "C"`),
		`"C": {"Type": "Choice", "Choices": [{"Variable": "$.answer", "NumericEquals": 5, "Next": "Done"}], "Default": "Bad"}`,
		`"Done": {"Type": "Succeed"}`, `"Bad": {"Type": "Fail"}`)
	run := func(x Execution) (Result, *rig) {
		r := newRig(t)
		r.submit("ask", func(token string) error { return r.tokens.answer(token, `5`) })
		return r.execute(t.Context(), definition, x), r
	}
	whole, r := run(Execution{Input: json.RawMessage(`{"in": true}`)})
	wantResult(t, whole, StatusSucceeded, `{"in": true, "a": 1, "answer": 5}`)
	path := r.path()
	var positions []Position
	for _, event := range r.events {
		if position, ok := event.Position(); ok {
			positions = append(positions, position)
		}
	}
	wantList(t, "path", path, "A", "Ask", "C", "Done")
	for i, position := range positions {
		stored, err := json.Marshal(position)
		if err != nil {
			t.Fatal(err)
		}
		var read Position
		if err := json.Unmarshal(stored, &read); err != nil {
			t.Fatal(err)
		}
		result, r := run(Execution{Input: json.RawMessage(`{"in": true}`), From: &read, RedriveCount: 1})
		wantResult(t, result, StatusSucceeded, string(whole.Output))
		wantList(t, "path", r.path(), path[i:]...)
		first, entered := r.events[0], r.events[1]
		if first.Type != ExecutionRedriven || first.ID != position.Events+1 || first.PreviousID != position.Events || first.RedriveCount != 1 || entered.PreviousID != first.ID {
			t.Errorf("taken up with %+v, then %+v", first, entered)
		}
	}
}

func TestTakingUpKeepsTheExecutionsInput(t *testing.T) {
	r := newRig(t)
	result := r.execute(t.Context(), one(minimal[Pass]+`, "Parameters": {"x.$": "$$.Execution.Input.a", "n.$": "$$.Execution.RedriveCount", "t.$": "$$.Execution.StartTime"}`), Execution{
		Input: json.RawMessage(`{"a": 1}`), From: &Position{State: "S"}, RedriveCount: 2, StartTime: time.Date(2026, 11, 22, 14, 2, 3, 4e6, time.UTC),
	})
	wantResult(t, result, StatusSucceeded, `{"x": 1, "n": 2, "t": "2026-11-22T14:02:03.004Z"}`)
}

func TestRunRefuses(t *testing.T) {
	r := newRig(t)
	plain, withTask, withCallback := mustParse(t, one(minimal[Pass])), mustParse(t, machine(task("F", end))), mustParse(t, machine(callback("F", end)))
	for name, c := range map[string]struct {
		change  func(*Engine)
		machine *Machine
		x       Execution
		want    string
	}{
		"no machine":      {machine: nil, want: "no state machine"},
		"no clock":        {change: func(e *Engine) { e.Clock = nil }, machine: plain, want: "no Clock"},
		"no random":       {change: func(e *Engine) { e.Random = nil }, machine: plain, want: "no Random"},
		"no functions":    {change: func(e *Engine) { e.Functions = nil }, machine: withTask, want: "no Functions, which state F invokes"},
		"no callbacks":    {change: func(e *Engine) { e.Callbacks = nil }, machine: withCallback, want: "no Callbacks, on which state F waits"},
		"broken input":    {machine: plain, x: Execution{Input: json.RawMessage(`{`)}, want: "read its input"},
		"large input":     {machine: plain, x: Execution{Input: json.RawMessage(`"` + strings.Repeat("x", maxDataBytes-1) + `"`)}, want: "at most 262144"},
		"unknown state":   {machine: plain, x: Execution{From: &Position{State: "T"}}, want: `no such state`},
		"broken position": {machine: plain, x: Execution{From: &Position{State: "S", Input: json.RawMessage(`x`)}}, want: `read the input of state "S"`},
		"full history":    {machine: plain, x: Execution{From: &Position{State: "S", Events: maxEvents - 1}}, want: "less than 24999 events"},
		"negative":        {machine: plain, x: Execution{From: &Position{State: "S", Events: -1}}, want: "less than 24999 events"},
	} {
		t.Run(name, func(t *testing.T) {
			engine := r.engine()
			if c.change != nil {
				c.change(engine)
			}
			r.events = nil
			c.x.Name = "run-1"
			_, err := engine.Run(t.Context(), c.machine, c.x)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "run execution run-1: ") {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if len(r.events) > 0 {
				t.Errorf("events %v", r.types())
			}
		})
	}
	engine := r.engine()
	engine.Functions, engine.Callbacks, engine.Observe = nil, nil, nil
	if result, err := engine.Run(t.Context(), plain, Execution{}); err != nil || result.Status != StatusSucceeded || result.Events != 4 {
		t.Errorf("a machine without tasks: %+v, %v", result, err)
	}
}

// brokenTokens fails one of its methods.
type brokenTokens struct {
	*tokens
	issue, await, revoke error
}

func (b *brokenTokens) Issue(ctx context.Context) (string, error) {
	if b.issue != nil {
		return "", b.issue
	}
	return b.tokens.Issue(ctx)
}

func (b *brokenTokens) Await(ctx context.Context, token string) (json.RawMessage, error) {
	if b.await != nil {
		return nil, b.await
	}
	return b.tokens.Await(ctx, token)
}

func (b *brokenTokens) Revoke(ctx context.Context, token string) error {
	if b.revoke != nil {
		return b.revoke
	}
	return b.tokens.Revoke(ctx, token)
}

// A broken store of tokens is no failure of the execution: no retry, no catcher, no end.
func TestBrokenCallbacksInterruptTheRun(t *testing.T) {
	broken := errors.New("disk full")
	for name, c := range map[string]struct {
		callbacks brokenTokens
		function  function
		want      string
	}{
		"issue":               {brokenTokens{issue: broken}, nil, "issue a task token for state Ask"},
		"await":               {brokenTokens{await: broken}, nil, "wait for an answer to the task token of state Ask"},
		"revoke on timeout":   {brokenTokens{revoke: broken}, nil, "revoke the task token of state Ask"},
		"revoke on a failure": {brokenTokens{revoke: broken}, func(context.Context, any) (any, error) { return nil, &FunctionError{Name: "E"} }, "revoke the task token of state Ask"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.submit("ask", func(string) error { return nil })
				if c.function != nil {
					r.functions["ask"] = c.function
				}
				engine := r.engine()
				c.callbacks.tokens = r.tokens
				engine.Callbacks = &c.callbacks
				m := mustParse(t, machine(callback("Ask", end+`, "TimeoutSeconds": 5, "Retry": [{"ErrorEquals": ["States.ALL"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Other"}]`), other))
				_, err := engine.Run(t.Context(), m, Execution{})
				if !errors.Is(err, broken) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want one with %q", err, c.want)
				}
				wantList(t, "path", r.path(), "Ask")
				if last := r.types()[len(r.types())-1]; strings.HasPrefix(last, "Execution") {
					t.Errorf("the execution ended with %s", last)
				}
			})
		})
	}
}

func TestAnswerThatIsNotJSONInterruptsTheRun(t *testing.T) {
	r := newRig(t)
	r.submit("ask", func(token string) error { return r.tokens.answer(token, `{`) })
	_, err := r.engine().Run(t.Context(), mustParse(t, machine(callback("Ask", end))), Execution{})
	if err == nil || !strings.Contains(err.Error(), "read the answer to the task token of state Ask") {
		t.Errorf("error %v", err)
	}
}

// A machine is read by many executions at once (run with -race).
func TestExecutionsShareAMachine(t *testing.T) {
	m := mustParse(t, machine(task("F", `"Next": "C", "ResultPath": "$.f"`), `"C": {"Type": "Choice", "Choices": [{"Variable": "$.f.Payload", "IsString": true, "Next": "P"}]}`,
		`"P": {"Type": "Pass", "Parameters": {"x.$": "States.Format('{}', $.f.Payload)"}, "End": true}`))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r := newRig(t)
			r.functions["f"] = func(context.Context, any) (any, error) { return "ok", nil }
			result, err := r.engine().Run(t.Context(), m, Execution{})
			if err != nil || !sameJSON(result.Output, `{"x": "ok"}`) {
				t.Errorf("result %+v, %v", result, err)
			}
		})
	}
	all.Wait()
}
