package asl

import (
	"errors"
	"fmt"
)

// template is a payload template: the value of Parameters or ResultSelector. Fields whose names end in ".$" are
// computed; the rest is constant.
type template interface {
	render(env evaluation) (any, error)
	paths() []path
}

// expressionSuffix ends the names of computed fields.
const expressionSuffix = ".$"

// constantTemplate is a part without computed fields.
type constantTemplate struct{ value any }

func (t constantTemplate) render(evaluation) (any, error) { return t.value, nil }
func (t constantTemplate) paths() []path                  { return nil }

// objectTemplate computes fields. Order is the file's, so that the first failing field is always the same one.
type objectTemplate []templateField

type templateField struct {
	name string
	// computed is set for a ".$" field, nested for every other.
	computed expression
	nested   template
}

func (t objectTemplate) paths() []path {
	var all []path
	for _, field := range t {
		if field.computed != nil {
			all = append(all, field.computed.paths()...)
		} else {
			all = append(all, field.nested.paths()...)
		}
	}
	return all
}

func (t objectTemplate) render(env evaluation) (any, error) {
	object := make(map[string]any, len(t))
	for _, field := range t {
		value, err := field.render(env)
		if err != nil {
			return nil, err
		}
		object[field.name] = value
	}
	return object, nil
}

func (f templateField) render(env evaluation) (any, error) {
	if f.computed == nil {
		return f.nested.render(env)
	}
	value, err := f.computed.evaluate(env)
	var missing *missingPathError
	if errors.As(err, &missing) {
		return nil, &templatePathError{field: f.name + expressionSuffix, missing: missing}
	}
	return value, err
}

// templatePathError says which field's path found nothing.
type templatePathError struct {
	field   string
	missing *missingPathError
}

func (e *templatePathError) Error() string {
	return fmt.Sprintf("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'",
		e.missing.path.source, e.field, encodeValue(e.missing.data))
}

type arrayTemplate []template

func (t arrayTemplate) paths() []path {
	var all []path
	for _, item := range t {
		all = append(all, item.paths()...)
	}
	return all
}

func (t arrayTemplate) render(env evaluation) (any, error) {
	array := make([]any, len(t))
	for i, item := range t {
		value, err := item.render(env)
		if err != nil {
			return nil, err
		}
		array[i] = value
	}
	return array, nil
}
