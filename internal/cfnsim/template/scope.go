package template

import (
	"fmt"
	"slices"
)

// Resolver knows the resources that a template refers to.
type Resolver interface {
	// Reference is what Ref of a resource yields.
	Reference(logicalID string) (any, error)
	// Attribute is what Fn::GetAtt of a resource yields.
	Attribute(logicalID, name string) (any, error)
}

// Environment is what a template sees of the world besides its resources.
type Environment struct {
	AccountID, Region, Partition, URLSuffix string
	StackID, StackName                      string
	NotificationARNs                        []string
	// Export looks up an export of the account and region by name.
	Export func(name string) (string, bool)
}

// Scope evaluates the expressions of one template with one set of parameter values.
type Scope struct {
	Template    *Template
	Parameters  map[string]Value
	Environment Environment
	Resources   Resolver
	conditions  map[string]bool
}

// Bind evaluates the conditions and checks that every reference of an active resource or output leads somewhere and
// that resources do not depend on each other in a circle. Errors are of type *Error.
func (t *Template) Bind(parameters map[string]Value, environment Environment) (*Scope, error) {
	s := &Scope{Template: t, Parameters: parameters, Environment: environment, conditions: map[string]bool{}}
	if err := t.checkConditionNames(); err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(t.Conditions) {
		if _, err := s.condition(name, nil); err != nil {
			return nil, err
		}
	}
	if err := s.checkReferences(); err != nil {
		return nil, err
	}
	if cycle := s.cycle(); len(cycle) > 0 {
		return nil, &Error{fmt.Sprintf("Circular dependency between resources: %s", bracketed(cycle))}
	}
	return s, nil
}

func (t *Template) checkConditionNames() error {
	for _, id := range sortedKeys(t.Resources) {
		if name := t.Resources[id].Condition; name != "" && t.Conditions[name] == nil {
			return &Error{fmt.Sprintf("Template format error: Condition %s is not defined.", name)}
		}
	}
	for _, key := range sortedKeys(t.Outputs) {
		if name := t.Outputs[key].Condition; name != "" && t.Conditions[name] == nil {
			return &Error{fmt.Sprintf("Template format error: Condition %s is not defined.", name)}
		}
	}
	return nil
}

// condition evaluates a named condition; visiting guards against conditions that refer to each other in a circle.
func (s *Scope) condition(name string, visiting []string) (bool, error) {
	if value, known := s.conditions[name]; known {
		return value, nil
	}
	expression, defined := s.Template.Conditions[name]
	if !defined {
		return false, &Error{fmt.Sprintf("Template format error: Unresolved condition dependencies [%s] in the Conditions block of the template", name)}
	}
	if slices.Contains(visiting, name) {
		return false, &Error{fmt.Sprintf("Template format error: Circular dependency between conditions: %s", bracketed(visiting))}
	}
	value, err := s.boolean(expression, append(visiting, name))
	if err != nil {
		return false, err
	}
	s.conditions[name] = value
	return value, nil
}

func (s *Scope) boolean(expression any, visiting []string) (bool, error) {
	m, _ := expression.(map[string]any)
	if name, ok := m["Condition"].(string); ok && len(m) == 1 {
		return s.condition(name, visiting)
	}
	name, argument, ok := function(expression)
	if !ok {
		return false, &Error{"Template format error: Conditions can only be boolean operations on parameters and other conditions"}
	}
	items, _ := argument.([]any)
	switch name {
	case "Fn::Equals":
		left, err := s.conditionOperand(items[0])
		if err != nil {
			return false, err
		}
		right, err := s.conditionOperand(items[1])
		return err == nil && EqualValues(left, right), err
	case "Fn::Not":
		value, err := s.boolean(items[0], visiting)
		return !value, err
	case "Fn::And", "Fn::Or":
		result := name == "Fn::And"
		for _, item := range items {
			value, err := s.boolean(item, visiting)
			if err != nil {
				return false, err
			}
			if name == "Fn::And" {
				result = result && value
			} else {
				result = result || value
			}
		}
		return result, nil
	default:
		return false, &Error{"Template format error: Conditions can only be boolean operations on parameters and other conditions"}
	}
}

func (s *Scope) conditionOperand(v any) (any, error) {
	for _, r := range s.References(v) {
		if r.Kind != ParameterReference {
			return nil, &Error{fmt.Sprintf("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", r.Name)}
		}
	}
	return s.Evaluate(v)
}

// Holds says whether the named condition is true; an empty name holds.
func (s *Scope) Holds(condition string) bool { return condition == "" || s.conditions[condition] }

// Active returns the logical ids of the resources whose condition holds, sorted.
func (s *Scope) Active() []string {
	var ids []string
	for _, id := range sortedKeys(s.Template.Resources) {
		if s.Holds(s.Template.Resources[id].Condition) {
			ids = append(ids, id)
		}
	}
	return ids
}

// IsActive says whether the template declares the resource and its condition holds.
func (s *Scope) IsActive(id string) bool {
	r, declared := s.Template.Resources[id]
	return declared && s.Holds(r.Condition)
}
