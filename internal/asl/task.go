package asl

import (
	"context"
	"errors"
	"fmt"
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
