package template

import (
	"fmt"
	"slices"
	"strings"
)

// ReferenceKind says what an expression refers to.
type ReferenceKind string

// The kinds of reference. Pseudo parameters are not among them: they never change between deployments of one stack.
const (
	ParameterReference ReferenceKind = "parameter"
	ResourceReference  ReferenceKind = "resource"
	AttributeReference ReferenceKind = "attribute"
)

// Reference is one mention of a parameter, a resource or a resource's attribute.
type Reference struct {
	Kind      ReferenceKind
	Name      string
	Attribute string
}

// References lists what v mentions, in a stable order and each once. Of Fn::If only the branch counts that its
// condition chooses.
func (s *Scope) References(v any) []Reference {
	var found []Reference
	s.collect(v, nil, func(r Reference) {
		if !slices.Contains(found, r) {
			found = append(found, r)
		}
	})
	return found
}

func (s *Scope) collect(v any, bound map[string]any, add func(Reference)) {
	if name, argument, ok := function(v); ok {
		s.collectCall(name, argument, bound, add)
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			s.collect(v[key], bound, add)
		}
	case []any:
		for _, item := range v {
			s.collect(item, bound, add)
		}
	}
}

func (s *Scope) collectCall(name string, argument any, bound map[string]any, add func(Reference)) {
	items, _ := argument.([]any)
	switch name {
	case "Ref":
		s.addName(argument, bound, add)
	case "Fn::GetAtt":
		id, _ := items[0].(string)
		attribute, _ := items[1].(string)
		add(Reference{AttributeReference, id, attribute})
		s.collect(items[1], bound, add)
	case "Fn::If":
		condition, _ := items[0].(string)
		if s.conditions[condition] {
			s.collect(items[1], bound, add)
		} else {
			s.collect(items[2], bound, add)
		}
	case "Fn::Sub":
		text, variables := subArguments(argument)
		for _, part := range splitSub(text) {
			if part.name != "" {
				s.addName(part.name, variables, add)
			}
		}
		for _, key := range sortedKeys(variables) {
			s.collect(variables[key], nil, add)
		}
	default:
		s.collect(argument, bound, add)
	}
}

// addName classifies what Ref or a ${variable} names. Names bound by Fn::Sub's second argument are not references.
func (s *Scope) addName(v any, bound map[string]any, add func(Reference)) {
	name, _ := v.(string)
	if _, isVariable := bound[name]; isVariable || strings.HasPrefix(name, "AWS::") {
		return
	}
	if id, attribute, dotted := strings.Cut(name, "."); dotted {
		add(Reference{AttributeReference, id, attribute})
		return
	}
	if _, declared := s.Template.Parameters[name]; declared {
		add(Reference{Kind: ParameterReference, Name: name})
		return
	}
	add(Reference{Kind: ResourceReference, Name: name})
}

// parts are the places of a resource where CloudFormation evaluates functions.
func (r Resource) parts() []any {
	return []any{r.Properties, r.Metadata, r.CreationPolicy, r.UpdatePolicy, r.DeletionPolicy, r.UpdateReplacePolicy}
}

func (s *Scope) checkReferences() error {
	var unresolved []string
	for _, id := range s.Active() {
		r := s.Template.Resources[id]
		for _, ref := range s.References(r.parts()) {
			if ref.Kind == ParameterReference || s.IsActive(ref.Name) {
				continue
			}
			if _, declared := s.Template.Resources[ref.Name]; !declared && ref.Kind == AttributeReference {
				return &Error{fmt.Sprintf("Template error: instance of Fn::GetAtt references undefined resource %s", ref.Name)}
			}
			unresolved = append(unresolved, ref.Name)
		}
		for _, name := range r.DependsOn {
			if _, declared := s.Template.Resources[name]; !declared {
				unresolved = append(unresolved, name)
			}
		}
	}
	if len(unresolved) > 0 {
		slices.Sort(unresolved)
		return &Error{fmt.Sprintf("Template format error: Unresolved resource dependencies %s in the Resources block of the template", bracketed(slices.Compact(unresolved)))}
	}
	return s.checkOutputReferences()
}

func (s *Scope) checkOutputReferences() error {
	var unresolved []string
	undeclared := false
	for _, name := range sortedKeys(s.Template.Outputs) {
		output := s.Template.Outputs[name]
		if !s.Holds(output.Condition) {
			continue
		}
		for _, ref := range s.References([]any{output.Value, output.ExportName}) {
			if ref.Kind == ParameterReference || s.IsActive(ref.Name) {
				continue
			}
			_, declared := s.Template.Resources[ref.Name]
			undeclared = undeclared || !declared
			unresolved = append(unresolved, ref.Name)
		}
	}
	if len(unresolved) == 0 {
		return nil
	}
	slices.Sort(unresolved)
	// Recorded on AWS: the prefix is missing when the resource exists but its condition does not hold.
	prefix := ""
	if undeclared {
		prefix = "Template format error: "
	}
	return &Error{fmt.Sprintf("%sUnresolved resource dependencies %s in the Outputs block of the template", prefix, bracketed(slices.Compact(unresolved)))}
}

// Dependencies returns the active resources that id must wait for, by reference or DependsOn, sorted.
func (s *Scope) Dependencies(id string) []string {
	r := s.Template.Resources[id]
	var on []string
	add := func(name string) {
		if name != id && s.IsActive(name) && !slices.Contains(on, name) {
			on = append(on, name)
		}
	}
	for _, ref := range s.References(r.parts()) {
		if ref.Kind != ParameterReference {
			add(ref.Name)
		}
	}
	for _, name := range r.DependsOn {
		add(name)
	}
	slices.Sort(on)
	return on
}

// Ordered returns the active resources so that each comes after everything it depends on. Bind has refused cycles.
func (s *Scope) Ordered() []string {
	var order []string
	done := map[string]bool{}
	var visit func(string)
	visit = func(id string) {
		if done[id] {
			return
		}
		done[id] = true
		for _, dependency := range s.Dependencies(id) {
			visit(dependency)
		}
		order = append(order, id)
	}
	for _, id := range s.Active() {
		visit(id)
	}
	return order
}

// cycle returns the members of a dependency circle, sorted, or nil. A resource that refers to itself is one.
func (s *Scope) cycle() []string {
	edges := map[string][]string{}
	for _, id := range s.Active() {
		edges[id] = s.Dependencies(id)
		r := s.Template.Resources[id]
		for _, ref := range s.References(r.parts()) {
			if ref.Kind != ParameterReference && ref.Name == id {
				return []string{id}
			}
		}
	}
	// What remains after resources without open dependencies are taken away again and again is, or hangs on, a circle.
	for changed := true; changed; {
		changed = false
		for id, on := range edges {
			open := slices.ContainsFunc(on, func(name string) bool { _, left := edges[name]; return left })
			if !open {
				delete(edges, id)
				changed = true
			}
		}
	}
	// The same from the other side drops what merely hangs on the circle.
	for changed := true; changed; {
		changed = false
		for id := range edges {
			needed := false
			for _, on := range edges {
				needed = needed || slices.Contains(on, id)
			}
			if !needed {
				delete(edges, id)
				changed = true
			}
		}
	}
	return sortedKeys(edges)
}
