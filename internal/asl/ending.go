package asl

import (
	"errors"
	"fmt"
)

// succeedState ends the execution well.
type succeedState struct{}

func (succeedState) describe(d *State) { d.End = true }

func (succeedState) run(v *visit) (any, string, error) {
	output, err := v.passThrough()
	return output, "", err
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
		err = &templatePathError{field: t.field, missing: missing}
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
