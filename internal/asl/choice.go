package asl

import (
	"fmt"
	"strings"
)

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

// choiceRule is an entry of Choices: a condition and where it leads.
type choiceRule struct {
	condition condition
	next      string
}

// condition is a test of the input, or a combination of tests.
type condition interface {
	holds(in scope) (bool, error)
	// String describes the condition for pictures and messages.
	String() string
}

type andCondition []condition

// holds stops at the first test that fails: `And [IsPresent, …]` is how definitions guard a path that may find nothing.
func (c andCondition) holds(in scope) (bool, error) {
	for _, each := range c {
		if ok, err := each.holds(in); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (c andCondition) String() string { return joinConditions(c, " and ") }

type orCondition []condition

func (c orCondition) holds(in scope) (bool, error) {
	for _, each := range c {
		if ok, err := each.holds(in); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (c orCondition) String() string { return joinConditions(c, " or ") }

func joinConditions(all []condition, word string) string {
	texts := make([]string, len(all))
	for i, each := range all {
		texts[i] = each.String()
	}
	return "(" + strings.Join(texts, word) + ")"
}

type notCondition struct{ condition condition }

func (c notCondition) holds(in scope) (bool, error) {
	ok, err := c.condition.holds(in)
	return !ok && err == nil, err
}

func (c notCondition) String() string { return "not " + c.condition.String() }

// comparison is one test of one variable.
type comparison struct {
	variable path
	operator operator
	constant any   // what to compare with, for operators without Path
	other    *path // where to find it, for operators that end in Path
}

func (c comparison) String() string {
	operand := string(encodeValue(c.constant))
	if c.other != nil {
		operand = c.other.source
	}
	return c.variable.source + " " + c.operator.name + " " + operand
}

func (c comparison) holds(in scope) (bool, error) {
	value, err := c.variable.find(in)
	switch {
	case err != nil && c.operator.name == operatorIsPresent:
		return c.constant == false, nil
	case err != nil:
		return false, &choicePathError{path: c.variable}
	}
	operand := c.constant
	if c.other != nil {
		if operand, err = c.other.find(in); err != nil {
			return false, &choicePathError{path: *c.other}
		}
	}
	return c.operator.holds(value, operand), nil
}

// choicePathError words a path that found nothing as Step Functions does.
type choicePathError struct{ path path }

func (e *choicePathError) Error() string {
	return fmt.Sprintf("Invalid path '%s': The choice state's condition path references an invalid value.", e.path.source)
}
