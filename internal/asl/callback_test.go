package asl

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// submit notes the tokens that the function of a callback task is given.
func (r *rig) submit(name string, then func(token string) error) {
	r.functions[name] = func(_ context.Context, payload any) (any, error) {
		return map[string]any{"queued": true}, then(payload.(map[string]any)["token"].(string))
	}
}

// later answers after a time.
func later(d time.Duration, answer func() error, t *testing.T) {
	go func() {
		time.Sleep(d)
		if err := answer(); err != nil {
			t.Errorf("answer after %s: %v", d, err)
		}
	}()
}

var callbackEvents = []string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted"}

func TestCallbackWaitsForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t)
		r.submit("ask", func(token string) error {
			later(time.Hour, func() error { return r.tokens.answer(token, `{"by": "Ada"}`) }, t)
			return nil
		})
		result := r.run(machine(callback("Ask", end+`, "ResultPath": "$.answer"`)), `{"a": 1}`)
		wantResult(t, result, StatusSucceeded, `{"a": 1, "answer": {"by": "Ada"}}`)
		wantList(t, "events", r.types(), append(callbackEvents, "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded")...)
		if took := time.Since(start); took != time.Hour {
			t.Errorf("took %s", took)
		}
		if got := r.event(TaskSubmitted); !sameJSON(got.Output, `{"ExecutedVersion": "$LATEST", "Payload": {"queued": true}, "StatusCode": 200}`) || got.Resource != "invoke.waitForTaskToken" {
			t.Errorf("submitted %+v", got)
		}
	})
}

func TestCallbackAnsweredBeforeTheFunctionReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.submit("ask", func(token string) error {
			err := r.tokens.answer(token, `1`)
			time.Sleep(time.Minute)
			return err
		})
		wantResult(t, r.run(machine(callback("Ask", end+`, "TimeoutSeconds": 61`)), `{}`), StatusSucceeded, `1`)
		wantList(t, "events", r.types(), append(callbackEvents, "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded")...)
	})
}

func TestCallbackAnsweredWithAFailure(t *testing.T) {
	r := newRig(t)
	r.submit("ask", func(token string) error { return r.tokens.fail(token, "Cancelled", "by Ada") })
	result := r.run(machine(callback("Ask", end+`, "Catch": [{"ErrorEquals": ["Cancelled"], "Next": "Other"}]`), other), `{}`)
	wantResult(t, result, StatusSucceeded, `{"Error": "Cancelled", "Cause": "by Ada"}`)
	wantList(t, "events", r.types(), append(callbackEvents, "TaskFailed", "TaskStateExited", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded")...)
	if got := r.event(TaskFailed); got.Error != "Cancelled" || got.Cause != "by Ada" || got.Resource != "invoke.waitForTaskToken" || got.ResourceType != "lambda" {
		t.Errorf("failed %+v", got)
	}
}

func TestCallbackWhoseFunctionFails(t *testing.T) {
	for name, before := range map[string]func(r *rig, token string) error{
		"unanswered": func(*rig, string) error { return nil },
		"answered":   func(r *rig, token string) error { return r.tokens.answer(token, `"lost"`) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.submit("ask", func(token string) error {
				return errors.Join(before(r, token), &FunctionError{Name: "InternalError", Cause: "boom"})
			})
			wantFailure(t, r.run(machine(callback("Ask", end)), `{}`), "InternalError", "boom")
			wantList(t, "events", r.types(), "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed", "ExecutionFailed")
			if err := r.tokens.answer("token-1", `1`); !errors.Is(err, errDeadToken) {
				t.Errorf("the token still works: %v", err)
			}
		})
	}
}

func TestCallbackTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t)
		r.submit("ask", func(string) error { return nil })
		result := r.run(machine(callback("Ask", end+`, "TimeoutSecondsPath": "$.limit"`)), `{"limit": 90}`)
		wantFailure(t, result, ErrorTimeout, "")
		wantList(t, "events", r.types(), append(callbackEvents, "TaskTimedOut", "ExecutionFailed")...)
		if took := time.Since(start); took != 90*time.Second {
			t.Errorf("took %s", took)
		}
		if got := r.event(TaskScheduled); got.TimeoutSeconds != 90 {
			t.Errorf("scheduled %+v", got)
		}
		if err := r.tokens.answer("token-1", `1`); !errors.Is(err, errDeadToken) {
			t.Errorf("a late answer is accepted: %v", err)
		}
	})
}

// The timeout covers the function and the wait together.
func TestCallbackTimeoutIncludesTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t)
		r.submit("ask", func(string) error { time.Sleep(50 * time.Second); return nil })
		wantFailure(t, r.run(machine(callback("Ask", end+`, "TimeoutSeconds": 60`)), `{}`), ErrorTimeout, "")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

func TestFunctionTimesOut(t *testing.T) {
	for _, resource := range []func(string, string) string{task, callback} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			r := newRig(t)
			var cancelled time.Duration
			r.functions["slow"] = func(ctx context.Context, _ any) (any, error) {
				<-ctx.Done()
				cancelled = time.Since(start)
				return nil, ctx.Err()
			}
			result := r.run(machine(resource("Slow", end+`, "TimeoutSeconds": 5, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Other"}]`), other), `{}`)
			wantResult(t, result, StatusSucceeded, `{"Error": "States.Timeout", "Cause": ""}`)
			wantList(t, "events", r.types(), "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskTimedOut",
				"TaskStateExited", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded")
			synctest.Wait()
			if cancelled != 5*time.Second {
				t.Errorf("the function's context ended after %s", cancelled)
			}
		})
	}
}

// Answers just before, at and just after the timeout: an answer that was accepted is never lost, one that was not is
// never used.
func TestAnswersRaceWithTheTimeout(t *testing.T) {
	for _, offset := range []time.Duration{-time.Nanosecond, 0, time.Nanosecond} {
		for range 50 {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				accepted := make(chan bool, 1)
				r.submit("ask", func(token string) error {
					go func() {
						time.Sleep(time.Minute + offset)
						accepted <- r.tokens.answer(token, `"answer"`) == nil
					}()
					return nil
				})
				result := r.run(machine(callback("Ask", end+`, "TimeoutSeconds": 60`)), `{}`)
				if <-accepted != (result.Status == StatusSucceeded) {
					t.Fatalf("offset %s: accepted and timed out, or neither: %+v", offset, result)
				}
				if offset != 0 && (result.Status == StatusSucceeded) != (offset < 0) {
					t.Fatalf("offset %s: %+v", offset, result)
				}
			})
		}
	}
}

// slowTokens accepts an answer at the moment of the timeout and tells Await about it only later, as a store that is
// polled does.
type slowTokens struct {
	*tokens
	delay time.Duration
}

func (s *slowTokens) Await(ctx context.Context, token string) (json.RawMessage, error) {
	raw, err := s.tokens.Await(ctx, token)
	if err == nil {
		select {
		case <-time.After(s.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return raw, err
}

func TestAnswerAcceptedBeforeTheTimeoutCountsWhenItIsSeenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.submit("ask", func(token string) error {
			later(59*time.Second, func() error { return r.tokens.answer(token, `"seen late"`) }, t)
			return nil
		})
		engine := r.engine()
		engine.Callbacks = &slowTokens{tokens: r.tokens, delay: 5 * time.Second}
		result, err := engine.Run(t.Context(), mustParse(t, machine(callback("Ask", end+`, "TimeoutSeconds": 60`))), Execution{})
		if err != nil {
			t.Fatal(err)
		}
		wantResult(t, result, StatusSucceeded, `"seen late"`)
	})
}

func TestEveryTryHasItsOwnToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var given []string
		r.submit("ask", func(token string) error {
			given = append(given, token)
			if len(given) == 3 {
				return r.tokens.answer(token, `"third"`)
			}
			return nil
		})
		definition := machine(callback("Ask", end+`, "TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 2}]`))
		wantResult(t, r.run(definition, `{}`), StatusSucceeded, `"third"`)
		wantList(t, "tokens", given, "token-1", "token-2", "token-3")
		for _, token := range given[:2] {
			if !r.tokens.dead(token) {
				t.Errorf("%s still works", token)
			}
		}
	})
}

func TestTokenIsDeadWhenTheTryEndsBeforeTheFunctionIsCalled(t *testing.T) {
	r := newRig(t)
	definition := one(`"Type": "Task", "Resource": "` + ResourceInvokeCallback + `", "End": true,
		"Parameters": {"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token", "x.$": "$.gone"}}`)
	wantFailure(t, r.run(definition, `{}`), ErrorRuntime, "$.gone")
	if !r.tokens.dead("token-1") {
		t.Error("the token still works")
	}
}

// The history never shows a token: not in what the function is given, nor in what it returns.
func TestHistoryMasksTokens(t *testing.T) {
	r := newRig(t)
	r.functions["ask"] = func(_ context.Context, payload any) (any, error) {
		token := payload.(map[string]any)["token"].(string)
		return map[string]any{"echo": []string{"got " + token}}, r.tokens.answer(token, `{}`)
	}
	wantResult(t, r.run(machine(callback("Ask", end)), `{"a": [1]}`), StatusSucceeded, `{}`)
	for _, event := range r.events {
		encoded, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(encoded), "token-1") {
			t.Errorf("event %s shows the token", encoded)
		}
	}
	if got := r.event(TaskScheduled).Parameters; !sameJSON(got, `{"FunctionName": "ask", "Payload": {"token": "[task token]", "input": {"a": [1]}}}`) {
		t.Errorf("parameters %s", got)
	}
}

func TestFunctionThatAnswersWithoutJSON(t *testing.T) {
	for answer, want := range map[string]string{`{`: "not JSON", `1 2`: "not JSON"} {
		r := newRig(t)
		engine := r.engine()
		engine.Functions = rawFunctions(answer)
		result, err := engine.Run(t.Context(), mustParse(t, machine(task("F", end))), Execution{})
		if err != nil {
			t.Fatal(err)
		}
		wantFailure(t, result, ErrorLambdaUnknown, want)
	}
	r := newRig(t)
	engine := r.engine()
	engine.Functions = rawFunctions("")
	result, err := engine.Run(t.Context(), mustParse(t, machine(task("F", end+`, "OutputPath": "$.Payload"`))), Execution{})
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, result, StatusSucceeded, `null`)
}

type rawFunctions string

func (f rawFunctions) Invoke(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(f), nil
}

func TestFunctionErrorWithoutAName(t *testing.T) {
	r := newRig(t)
	r.functions["f"] = func(context.Context, any) (any, error) { return nil, &FunctionError{Cause: "no name"} }
	wantFailure(t, r.run(machine(task("F", end)), `{}`), ErrorLambdaUnknown, "no name")
}

// The token may stand anywhere in Parameters.
func TestTokenInsideAnArrayAndAFunction(t *testing.T) {
	r := newRig(t)
	r.functions["f"] = func(_ context.Context, payload any) (any, error) {
		item := payload.([]any)[1].(map[string]any)["t"].(string)
		return nil, r.tokens.answer(strings.TrimPrefix(item, "token is "), `1`)
	}
	definition := one(`"Type": "Task", "Resource": "` + ResourceInvokeCallback + `", "End": true,
		"Parameters": {"FunctionName": "f", "Payload": [0, {"t.$": "States.Format('token is {}', $$.Task.Token)"}]}`)
	wantResult(t, r.run(definition, `{}`), StatusSucceeded, `1`)
}

// A call that returns at the very moment of the timeout counts.
func TestWaitPrefersTheAnswerToTheTimeout(t *testing.T) {
	timedOut := make(chan struct{})
	close(timedOut)
	for range 100 {
		p := &pending{done: make(chan answer, 1)}
		p.done <- answer{raw: json.RawMessage(`1`)}
		if raw, err := p.wait(t.Context(), timedOut); err != nil || string(raw) != `1` {
			t.Fatalf("%s, %v", raw, err)
		}
	}
}
