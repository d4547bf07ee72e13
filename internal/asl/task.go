package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// taskState invokes a function, with retries, timeouts and fallbacks.
type taskState struct {
	resource       string
	callback       bool   // .waitForTaskToken
	functionName   string // "" where it is computed
	parameters     template
	resultSelector template
	resultPath     resultPath
	next           string
	timeout        timeout
	retry          []retrier
	catch          []catcher
}

// timeout of one try of a task. Without seconds and path there is none: the default of Step Functions, 99,999,999 s, is
// longer than an execution may live.
type timeout struct {
	seconds int64
	path    *path
}

func (s *taskState) describe(d *State) {
	d.Resource, d.FunctionName = s.resource, s.functionName
	d.TimeoutSeconds = s.timeout.seconds
	if s.timeout.path != nil {
		d.TimeoutSecondsPath = s.timeout.path.source
	}
	d.Retry, d.Catch = describeRetriers(s.retry), describeCatchers(s.catch)
	for _, c := range d.Catch {
		d.Transitions = append(d.Transitions, Transition{Kind: TransitionCatch, To: c.Next, ErrorEquals: c.ErrorEquals})
	}
}

// run tries until a try succeeds, is not retried any more, or the execution stops.
func (s *taskState) run(v *visit) (any, string, error) {
	counts := newRetries(s.retry)
	for {
		output, err := s.try(v)
		if err == nil {
			return output, s.next, nil
		}
		var failed *failure
		if v.ctx.Err() != nil || !errors.As(err, &failed) {
			return nil, "", err
		}
		delay, again := counts.next(failed.name, v.run.engine.Random)
		if !again {
			return s.caught(v, failed)
		}
		if err := v.sleep(delay); err != nil {
			return nil, "", err
		}
		v.retries++
	}
}

// caught goes on where the first catcher that names the failure leads. OutputPath does not apply to its output.
func (s *taskState) caught(v *visit, failed *failure) (any, string, error) {
	for _, c := range s.catch {
		if !c.errorEquals.match(failed.name) {
			continue
		}
		output, err := v.combine(c.resultPath, map[string]any{"Error": failed.name, "Cause": failed.cause})
		if err == nil {
			err = v.limit(output)
		}
		return output, c.next, err
	}
	return nil, "", failed
}

// try is one attempt, from the input to the output of the state.
func (s *taskState) try(v *visit) (any, error) {
	data, err := v.effectiveInput()
	if err != nil {
		return nil, err
	}
	result, err := s.invoke(v, data)
	if err != nil {
		return nil, err
	}
	if s.resultSelector != nil {
		if result, err = v.render(s.resultSelector, result); err != nil {
			return nil, err
		}
	}
	combined, err := v.combine(s.resultPath, result)
	if err != nil {
		return nil, err
	}
	return v.outputFrom(combined)
}

// invoke is the work of one attempt, from the effective input to the task's result.
func (s *taskState) invoke(v *visit, data any) (result any, err error) {
	if s.callback {
		if v.token, err = v.run.engine.Callbacks.Issue(v.ctx); err != nil {
			return nil, fmt.Errorf("issue a task token for state %s: %w", v.state.name, err)
		}
		defer func() { err = s.retireToken(v, err) }()
	}
	work, err := s.prepare(v, data)
	if err != nil {
		return nil, err
	}
	stopTimer := work.startTimer()
	defer stopTimer()
	if err := work.schedule(); err != nil {
		return nil, err
	}
	if s.callback {
		return work.callBack()
	}
	return work.call()
}

// retireToken takes the token from a try that is over. A try that failed must not leave a token that still works; that
// somebody answered it meanwhile changes nothing any more.
func (s *taskState) retireToken(v *visit, outcome error) error {
	token := v.token
	v.token = ""
	if outcome == nil {
		return nil // the answer has used it up
	}
	// The context may have ended, but the token must not outlive the try.
	err := v.run.engine.Callbacks.Revoke(context.WithoutCancel(v.ctx), token)
	if err == nil || errors.Is(err, ErrAnswered) || v.ctx.Err() != nil {
		return outcome
	}
	return fmt.Errorf("revoke the task token of state %s: %w", v.state.name, err)
}

// taskWork is one invocation.
type taskWork struct {
	visit        *visit
	state        *taskState
	functionName string
	payload      any
	parameters   any
	seconds      int64         // 0 without timeout
	timedOut     chan struct{} // closed at the timeout
}

// prepare computes what the invocation needs.
func (s *taskState) prepare(v *visit, data any) (*taskWork, error) {
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
	return &taskWork{visit: v, state: s, functionName: name, payload: object["Payload"], parameters: parameters, seconds: seconds}, nil
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
func (w *taskWork) startTimer() context.CancelFunc {
	if w.seconds == 0 {
		return func() {}
	}
	ctx, stop := context.WithCancel(w.visit.ctx)
	w.timedOut = make(chan struct{})
	go func() {
		if w.visit.run.engine.Clock.Sleep(ctx, time.Duration(w.seconds)*time.Second) == nil {
			close(w.timedOut)
		}
	}()
	return stop
}

func (w *taskWork) schedule() error {
	scheduled := w.event(TaskScheduled)
	scheduled.Parameters, scheduled.TimeoutSeconds = encodeValue(mask(w.parameters, w.visit.token)), w.seconds
	return errors.Join(w.visit.record(scheduled), w.visit.record(w.event(TaskStarted)))
}

// tokenMask stands in the history where a task token was.
const tokenMask = "<task token>"

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
		for i, item := range value {
			masked[i] = mask(item, token)
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
func (w *taskWork) event(typ EventType) Event {
	resource := "invoke"
	if w.state.callback {
		resource += ".waitForTaskToken"
	}
	return Event{Type: typ, ResourceType: "lambda", Resource: resource}
}

// call takes the function's answer as the result.
func (w *taskWork) call() (any, error) {
	response, err := w.function()
	if err != nil {
		return nil, err
	}
	return response, w.succeeded(response)
}

// callBack waits for an answer to the token, which may come before the function returns.
func (w *taskWork) callBack() (any, error) {
	response, err := w.function()
	if err != nil {
		return nil, err
	}
	submitted := w.event(TaskSubmitted)
	submitted.Output = encodeValue(mask(response, w.visit.token))
	if err := w.visit.record(submitted); err != nil {
		return nil, err
	}
	answer, err := w.answer()
	if err != nil {
		return nil, err
	}
	return answer, w.succeeded(answer)
}

// function invokes and returns the response as the optimised integration of Step Functions shapes it.
func (w *taskWork) function() (any, error) {
	payload := encodeValue(w.payload)
	invocation := start(w.visit.ctx, func(ctx context.Context) (json.RawMessage, error) {
		return w.visit.run.engine.Functions.Invoke(ctx, w.functionName, payload)
	})
	defer invocation.cancel()
	raw, err := invocation.wait(w.visit.ctx, w.timedOut)
	var named *FunctionError
	switch {
	case w.visit.ctx.Err() != nil:
		return nil, w.visit.ctx.Err()
	case errors.Is(err, errTaskTimedOut):
		return nil, w.timeOut()
	case errors.As(err, &named) && named.Name != "":
		return nil, w.failed(named.Name, named.Cause)
	case err != nil:
		return nil, w.failed(ErrorLambdaUnknown, err.Error())
	}
	answer, err := decodeAnswer(raw)
	if err != nil {
		return nil, w.failed(ErrorLambdaUnknown, fmt.Sprintf("function %s answered with what is not JSON: %v", w.functionName, err))
	}
	response := map[string]any{"ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": integerValue(200)}
	return response, w.limit(response)
}

// answer waits for the answer to the token. When the timeout comes first the token is revoked; when that finds an answer
// accepted before, the answer counts.
func (w *taskWork) answer() (any, error) {
	callbacks, token := w.visit.run.engine.Callbacks, w.visit.token
	waiting := start(w.visit.ctx, func(ctx context.Context) (json.RawMessage, error) { return callbacks.Await(ctx, token) })
	defer waiting.cancel()
	raw, err := waiting.wait(w.visit.ctx, w.timedOut)
	if errors.Is(err, errTaskTimedOut) {
		switch revoked := callbacks.Revoke(context.WithoutCancel(w.visit.ctx), token); {
		case errors.Is(revoked, ErrAnswered):
			raw, err = waiting.wait(w.visit.ctx, nil)
		case revoked != nil:
			return nil, fmt.Errorf("revoke the task token of state %s: %w", w.visit.state.name, revoked)
		default:
			return nil, w.timeOut()
		}
	}
	var reported *CallbackError
	switch {
	case w.visit.ctx.Err() != nil:
		return nil, w.visit.ctx.Err()
	case errors.As(err, &reported):
		return nil, w.failed(reported.Name, reported.Cause)
	case err != nil:
		return nil, fmt.Errorf("wait for an answer to the task token of state %s: %w", w.visit.state.name, err)
	}
	answer, err := decodeAnswer(raw)
	if err != nil {
		return nil, fmt.Errorf("read the answer to the task token of state %s: %w", w.visit.state.name, err)
	}
	return answer, w.limit(answer)
}

// decodeAnswer reads an answer; nothing at all counts as null.
func decodeAnswer(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	return decodeValue(raw)
}

func (w *taskWork) limit(result any) error {
	if len(encodeValue(result)) > maxDataBytes {
		return w.failed(ErrorDataLimitExceeded, tooLarge("lambda"))
	}
	return nil
}

func (w *taskWork) succeeded(result any) error {
	succeeded := w.event(TaskSucceeded)
	succeeded.Output = encodeValue(result)
	return w.visit.record(succeeded)
}

func (w *taskWork) failed(name, cause string) error {
	failed := newFailure(name, cause)
	event := w.event(TaskFailed)
	event.Error, event.Cause = failed.name, failed.cause
	if err := w.visit.record(event); err != nil {
		return err
	}
	return failed
}

// timeOut reports the timeout, which has no cause on AWS.
func (w *taskWork) timeOut() error {
	event := w.event(TaskTimedOut)
	event.Error = ErrorTimeout
	if err := w.visit.record(event); err != nil {
		return err
	}
	return newFailure(ErrorTimeout, "")
}
