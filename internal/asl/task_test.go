package asl

import (
	"context"
	"testing"
)

func TestTaskTakesTheFunctionsAnswer(t *testing.T) {
	r := newRig(t)
	r.functions["greet"] = func(_ context.Context, payload any) (any, error) {
		return map[string]any{"hello": payload.(map[string]any)["name"]}, nil
	}
	result := r.run(machine(task("Greet", end)), `{"name": "Ada"}`)
	wantResult(t, result, StatusSucceeded, `{"ExecutedVersion": "$LATEST", "Payload": {"hello": "Ada"}, "StatusCode": 200}`)
	wantList(t, "events", r.types(), "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded")
}

func TestCallbackResultIsTheAnswer(t *testing.T) {
	r := newRig(t)
	r.functions["ask"] = func(_ context.Context, payload any) (any, error) {
		return nil, r.tokens.answer(payload.(map[string]any)["token"].(string), `{"approved": true}`)
	}
	result := r.run(machine(callback("Ask", end)), `{}`)
	wantResult(t, result, StatusSucceeded, `{"approved": true}`)
	wantList(t, "events", r.types(), "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded")
}
