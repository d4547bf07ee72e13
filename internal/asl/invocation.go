package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// invocation is the work of one try: a function call, and for callback tasks the wait for an answer to the token.
type invocation struct {
	visit        *visit
	state        *taskState
	functionName string
	payload      any
	parameters   any
	seconds      int64         // 0 without timeout
	timedOut     chan struct{} // closed at the timeout
}

// prepare computes what the invocation needs.
func (s *taskState) prepare(v *visit, data any) (*invocation, error) {
	parameters, err := v.render(s.parameters, data)
	if err != nil {
		return nil, err
	}
	if err := v.limit(parameters); err != nil {
		return nil, err
	}
	object, _ := parameters.(map[string]any) // Parse takes nothing else
	name, ok := object["FunctionName"].(string)
	if !ok || name == "" {
		return nil, v.failed(ErrorRuntime, fmt.Sprintf("The Parameters '%s' could not be used to start the Task: [The value of the field 'FunctionName' has an invalid format]", encodeValue(parameters)))
	}
	seconds, err := s.timeout.of(v, data)
	if err != nil {
		return nil, err
	}
	return &invocation{visit: v, state: s, functionName: name, payload: object["Payload"], parameters: parameters, seconds: seconds}, nil
}

func (t timeout) of(v *visit, data any) (int64, error) {
	if t.path == nil {
		return t.seconds, nil
	}
	value, err := t.path.find(v.scope(data))
	if err != nil {
		return 0, v.pathFailure(err)
	}
	seconds, ok := integer(value)
	if !ok || seconds < 1 || seconds > maxSeconds {
		return 0, v.failed(ErrorRuntime, fmt.Sprintf("The TimeoutSecondsPath parameter must reference a whole number from 1 to %d: %s == %s", maxSeconds, t.path.source, display(value)))
	}
	return seconds, nil
}

// startTimer lets the timeout run and returns how to stop it.
func (i *invocation) startTimer() context.CancelFunc {
	if i.seconds == 0 {
		return func() {}
	}
	ctx, stop := context.WithCancel(i.visit.ctx)
	i.timedOut = make(chan struct{})
	go func() {
		if i.visit.run.engine.Clock.Sleep(ctx, time.Duration(i.seconds)*time.Second) == nil {
			close(i.timedOut)
		}
	}()
	return stop
}

func (i *invocation) schedule() error {
	scheduled := i.event(TaskScheduled)
	scheduled.Parameters, scheduled.TimeoutSeconds = encodeValue(mask(i.parameters, i.visit.token)), i.seconds
	return errors.Join(i.visit.record(scheduled), i.visit.record(i.event(TaskStarted)))
}

// tokenMask stands in the history where a task token was.
const tokenMask = "[task token]"

// mask hides the task token.
func mask(value any, token string) any {
	if token == "" {
		return value
	}
	switch value := value.(type) {
	case string:
		return strings.ReplaceAll(value, token, tokenMask)
	case []any:
		masked := make([]any, len(value))
		for at, item := range value {
			masked[at] = mask(item, token)
		}
		return masked
	case map[string]any:
		masked := make(map[string]any, len(value))
		for key, field := range value {
			masked[key] = mask(field, token)
		}
		return masked
	default:
		return value
	}
}

// event is an event of the task, with the names that Step Functions gives its resource.
func (i *invocation) event(typ EventType) Event {
	resource := "invoke"
	if i.state.callback {
		resource += ".waitForTaskToken"
	}
	return Event{Type: typ, ResourceType: "lambda", Resource: resource}
}

// call takes the function's answer as the result.
func (i *invocation) call() (any, error) {
	response, err := i.function()
	if err != nil {
		return nil, err
	}
	return response, i.succeeded(response)
}

// callBack waits for an answer to the token, which may come before the function returns.
func (i *invocation) callBack() (any, error) {
	response, err := i.function()
	if err != nil {
		return nil, err
	}
	submitted := i.event(TaskSubmitted)
	submitted.Output = encodeValue(mask(response, i.visit.token))
	if err := i.visit.record(submitted); err != nil {
		return nil, err
	}
	answer, err := i.answer()
	if err != nil {
		return nil, err
	}
	return answer, i.succeeded(answer)
}

// function invokes and returns the response as the optimised integration of Step Functions shapes it.
func (i *invocation) function() (any, error) {
	payload := encodeValue(i.payload)
	calling := start(i.visit.ctx, func(ctx context.Context) (json.RawMessage, error) {
		return i.visit.run.engine.Functions.Invoke(ctx, i.functionName, payload)
	})
	defer calling.cancel()
	raw, err := calling.wait(i.visit.ctx, i.timedOut)
	var named *FunctionError
	switch {
	case i.visit.ctx.Err() != nil:
		return nil, i.visit.ctx.Err()
	case errors.Is(err, errTaskTimedOut):
		return nil, i.timeOut()
	case errors.As(err, &named) && named.Name != "":
		return nil, i.failed(named.Name, named.Cause)
	case err != nil:
		return nil, i.failed(ErrorLambdaUnknown, err.Error())
	}
	answer, err := decodeAnswer(raw)
	if err != nil {
		return nil, i.failed(ErrorLambdaUnknown, fmt.Sprintf("function %s answered with what is not JSON: %v", i.functionName, err))
	}
	response := map[string]any{"ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": integerValue(200)}
	return response, i.limit(response)
}

// answer waits for the answer to the token. When the timeout comes first the token is revoked; when that finds an answer
// accepted before, the answer counts.
func (i *invocation) answer() (any, error) {
	callbacks, token := i.visit.run.engine.Callbacks, i.visit.token
	waiting := start(i.visit.ctx, func(ctx context.Context) (json.RawMessage, error) { return callbacks.Await(ctx, token) })
	defer waiting.cancel()
	raw, err := waiting.wait(i.visit.ctx, i.timedOut)
	if errors.Is(err, errTaskTimedOut) {
		switch revoked := callbacks.Revoke(context.WithoutCancel(i.visit.ctx), token); {
		case errors.Is(revoked, ErrAnswered):
			raw, err = waiting.wait(i.visit.ctx, nil)
		case revoked != nil:
			return nil, fmt.Errorf("revoke the task token of state %s: %w", i.visit.state.name, revoked)
		default:
			return nil, i.timeOut()
		}
	}
	var reported *CallbackError
	switch {
	case i.visit.ctx.Err() != nil:
		return nil, i.visit.ctx.Err()
	case errors.As(err, &reported):
		return nil, i.failed(reported.Name, reported.Cause)
	case err != nil:
		return nil, fmt.Errorf("wait for an answer to the task token of state %s: %w", i.visit.state.name, err)
	}
	answer, err := decodeAnswer(raw)
	if err != nil {
		return nil, fmt.Errorf("read the answer to the task token of state %s: %w", i.visit.state.name, err)
	}
	return answer, i.limit(answer)
}

// decodeAnswer reads an answer; nothing at all counts as null.
func decodeAnswer(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	return decodeValue(raw)
}

func (i *invocation) limit(result any) error {
	if len(encodeValue(result)) > maxDataBytes {
		return i.failed(ErrorDataLimitExceeded, tooLarge("lambda"))
	}
	return nil
}

func (i *invocation) succeeded(result any) error {
	succeeded := i.event(TaskSucceeded)
	succeeded.Output = encodeValue(result)
	return i.visit.record(succeeded)
}

func (i *invocation) failed(name, cause string) error {
	failed := newFailure(name, cause)
	event := i.event(TaskFailed)
	event.Error, event.Cause = failed.name, failed.cause
	if err := i.visit.record(event); err != nil {
		return err
	}
	return failed
}

// timeOut reports the timeout, which has no cause on AWS.
func (i *invocation) timeOut() error {
	event := i.event(TaskTimedOut)
	event.Error = ErrorTimeout
	if err := i.visit.record(event); err != nil {
		return err
	}
	return newFailure(ErrorTimeout, "")
}
