package asl

import (
	"errors"
	"fmt"
	"time"
)

// passState hands its input on, reshaped by Parameters or replaced by Result.
type passState struct {
	parameters template
	result     *constantTemplate
	resultPath resultPath
}

func (s passState) describe(d *State) {}

func (s passState) run(v *visit) (any, string, error) {
	result, err := v.effectiveInput()
	if err != nil {
		return nil, "", err
	}
	if s.parameters != nil {
		if result, err = v.render(s.parameters, result); err != nil {
			return nil, "", err
		}
	}
	if s.result != nil {
		result = s.result.value
	}
	combined, err := v.combine(s.resultPath, result)
	if err != nil {
		return nil, "", err
	}
	output, err := v.outputFrom(combined)
	return output, v.state.next, err
}

// succeedState ends the execution well.
type succeedState struct{}

func (succeedState) describe(d *State) { d.End = true }

func (succeedState) run(v *visit) (any, string, error) {
	output, err := v.passThrough()
	return output, "", err
}

// passThrough applies InputPath and OutputPath, which is all that happens to the data of states that do not make any.
func (v *visit) passThrough() (any, error) {
	selected, err := v.effectiveInput()
	if err != nil {
		return nil, err
	}
	return v.outputFrom(selected)
}

// choiceState goes on where the first rule that holds leads.
type choiceState struct {
	rules    []choiceRule
	fallback string // "Default", "" where there is none
}

func (s choiceState) describe(d *State) {
	for _, rule := range s.rules {
		d.Transitions = append(d.Transitions, Transition{Kind: TransitionChoice, To: rule.next, Condition: rule.condition.String()})
	}
	if s.fallback != "" {
		d.Transitions = append(d.Transitions, Transition{Kind: TransitionDefault, To: s.fallback})
	}
}

func (s choiceState) run(v *visit) (any, string, error) {
	data, err := v.effectiveInput()
	if err != nil {
		return nil, "", err
	}
	next, err := s.choose(v, data)
	if err != nil {
		return nil, "", err
	}
	output, err := v.outputFrom(data)
	return output, next, err
}

func (s choiceState) choose(v *visit, data any) (string, error) {
	for _, rule := range s.rules {
		holds, err := rule.condition.holds(v.scope(data))
		switch {
		case err != nil:
			return "", v.failed(ErrorRuntime, err.Error())
		case holds:
			return rule.next, nil
		}
	}
	if s.fallback == "" {
		return "", v.failed(ErrorNoChoiceMatched, "Failed to transition out of the state. The state does not point to a next state.")
	}
	return s.fallback, nil
}

// waitState lets time pass. Without a path it waits for the seconds, or until the time where that is set.
type waitState struct {
	seconds     time.Duration
	secondsPath *path
	until       time.Time
	untilPath   *path
}

func (s waitState) describe(d *State) {}

func (s waitState) run(v *visit) (any, string, error) {
	data, err := v.effectiveInput()
	if err != nil {
		return nil, "", err
	}
	wait, err := s.duration(v, data)
	if err != nil {
		return nil, "", err
	}
	if err := v.sleep(wait); err != nil {
		return nil, "", err
	}
	output, err := v.outputFrom(data)
	return output, v.state.next, err
}

func (v *visit) sleep(d time.Duration) error {
	if d <= 0 {
		return v.ctx.Err()
	}
	if err := v.run.engine.Clock.Sleep(v.ctx, d); err != nil {
		return fmt.Errorf("sleep in state %s: %w", v.state.name, err)
	}
	return nil
}

func (s waitState) duration(v *visit, data any) (time.Duration, error) {
	switch {
	case s.secondsPath != nil:
		return secondsAt(v, *s.secondsPath, data)
	case s.untilPath != nil:
		until, err := timestampAt(v, *s.untilPath, data)
		return until.Sub(v.enteredAt), err
	case !s.until.IsZero():
		return s.until.Sub(v.enteredAt), nil
	}
	return s.seconds, nil
}

// The causes are worded as recorded on AWS.

func secondsAt(v *visit, p path, data any) (time.Duration, error) {
	value, err := p.find(v.scope(data))
	if err != nil {
		return 0, v.failed(ErrorRuntime, "The SecondsPath parameter does not reference an input value: "+p.source)
	}
	seconds, ok := integer(value)
	switch {
	case !ok:
		return 0, v.failed(ErrorRuntime, fmt.Sprintf("The SecondsPath parameter cannot be parsed as a long value: %s == %s", p.source, display(value)))
	case seconds < 0:
		return 0, v.failed(ErrorRuntime, fmt.Sprintf("The SecondsPath parameter references a negative value: %s == %d", p.source, seconds))
	case seconds > maxSeconds:
		return 0, v.failed(ErrorRuntime, fmt.Sprintf("The SecondsPath parameter references a value above %d: %s == %d", maxSeconds, p.source, seconds))
	}
	return time.Duration(seconds) * time.Second, nil
}

func timestampAt(v *visit, p path, data any) (time.Time, error) {
	value, err := p.find(v.scope(data))
	if err != nil {
		return time.Time{}, v.failed(ErrorRuntime, "The TimestampPath parameter does not reference an input value: "+p.source)
	}
	until, ok := timestamp(value)
	if !ok {
		return time.Time{}, v.failed(ErrorRuntime,
			fmt.Sprintf("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", p.source, display(value)))
	}
	return until, nil
}

// display writes a value for a cause: strings without quotes.
func display(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return string(encodeValue(value))
}

// failState ends the execution badly.
type failState struct{ errorName, cause failText }

// failText is Error or Cause: constant, or computed by ErrorPath or CausePath.
type failText struct {
	constant string
	field    string
	computed expression
}

func (s failState) describe(d *State) {
	d.End = true
	d.Error, d.Cause = s.errorName.constant, s.cause.constant
}

func (s failState) run(v *visit) (any, string, error) {
	name, err := s.errorName.text(v)
	if err != nil {
		return nil, "", err
	}
	cause, err := s.cause.text(v)
	if err != nil {
		return nil, "", err
	}
	return nil, "", newFailure(name, cause)
}

func (t failText) text(v *visit) (string, error) {
	if t.computed == nil {
		return t.constant, nil
	}
	value, err := t.computed.evaluate(v.evaluation(v.input))
	var missing *missingPathError
	if errors.As(err, &missing) {
		return "", v.pathFailure(err)
	}
	if err != nil {
		return "", v.expressionFailure(err)
	}
	text, ok := value.(string)
	if !ok {
		return "", v.failed(ErrorRuntime, fmt.Sprintf("The %s parameter does not reference a string: %s", t.field, display(value)))
	}
	return text, nil
}
