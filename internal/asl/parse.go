package asl

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxSeconds is the largest number of seconds that the States Language takes anywhere.
	maxSeconds = 99999999
	// maxStateNameCharacters is the States Language's limit.
	maxStateNameCharacters = 80
	queryLanguage          = "JSONPath"
	languageVersion        = "1.0"
)

// Parse reads a state machine definition. Everything that this interpreter does not implement, and everything that the
// States Language forbids, is refused with its place; the error is a *DefinitionError that lists all of it.
func Parse(definition []byte) (*Machine, error) {
	root, twice, err := readDocument(definition)
	if err != nil {
		return nil, fmt.Errorf("read state machine definition: %w", err)
	}
	p := &parser{problems: twice}
	machine := p.machine(root)
	if len(p.problems) > 0 {
		slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &DefinitionError{Problems: p.problems}
	}
	return machine, nil
}

// parser collects problems instead of stopping at the first one. Its methods return zero values for what they refused.
type parser struct {
	problems []Problem
	// tokenVisible is set inside the Parameters of a callback task, the only place that knows $$.Task.Token.
	tokenVisible bool
}

func (p *parser) refuse(at *node, format string, arguments ...any) {
	p.problems = append(p.problems, Problem{Place: at.place, Line: at.line, Text: fmt.Sprintf(format, arguments...)})
}

// machineFields is what may stand at the top of a definition.
func machineFields() []string {
	return []string{"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"}
}

func (p *parser) machine(root *node) *Machine {
	if !p.object(root, "a state machine", machineFields(), "StartAt", "States") {
		return nil
	}
	m := &Machine{
		comment: p.text(root, "Comment"),
		startAt: p.text(root, "StartAt"),
		timeout: time.Duration(p.integer(root, "TimeoutSeconds", 1, maxSeconds, 0)) * time.Second,
		byName:  map[string]*state{},
	}
	p.oneOf(root, "Version", languageVersion)
	p.oneOf(root, "QueryLanguage", queryLanguage)
	states := root.fields["States"]
	if states == nil || !p.isObject(states, "States") {
		return nil
	}
	if len(states.keys) == 0 {
		p.refuse(states, "a state machine needs at least one state")
	}
	for _, name := range states.keys {
		at := states.fields[name]
		if length := utf8.RuneCountInString(name); length == 0 || length > maxStateNameCharacters {
			p.refuse(at, "a state's name has 1 to %d characters, this one has %d", maxStateNameCharacters, length)
		}
		if parsed := p.state(name, at); parsed != nil {
			m.states = append(m.states, parsed)
			m.byName[name] = parsed
		}
	}
	p.graph(root, m)
	return m
}

// graph checks where the transitions lead. It needs every state, so it is silent while states are refused: their
// missing transitions would only produce follow-up problems.
func (p *parser) graph(root *node, m *Machine) {
	states := root.fields["States"]
	exists := func(name string) bool { return states.fields[name] != nil }
	if start := root.fields["StartAt"]; start != nil && m.startAt != "" && !exists(m.startAt) {
		p.refuse(start, "state %s does not exist", quoted(m.startAt))
	}
	for _, s := range m.states {
		for _, transition := range s.describe().Transitions {
			if !exists(transition.To) {
				p.refuse(states.fields[s.name], "the %s transition leads to state %s, which does not exist", transition.Kind, quoted(transition.To))
			}
		}
	}
	if len(p.problems) > 0 {
		return
	}
	reached := m.reachable()
	ends := false
	for _, s := range m.states {
		if !reached[s.name] {
			p.refuse(states.fields[s.name], "no transition leads from StartAt to state %s; Step Functions refuses such definitions", quoted(s.name))
		}
		ends = ends || reached[s.name] && s.describe().End
	}
	if !ends {
		p.refuse(states, "no execution can ever end: no state that can be reached has \"End\": true or is a Succeed or Fail state")
	}
}

// reachable holds the states to which transitions lead from StartAt.
func (m *Machine) reachable() map[string]bool {
	reached := map[string]bool{}
	waiting := []string{m.startAt}
	for len(waiting) > 0 {
		name := waiting[0]
		waiting = waiting[1:]
		if reached[name] || m.byName[name] == nil {
			continue
		}
		reached[name] = true
		for _, transition := range m.byName[name].describe().Transitions {
			waiting = append(waiting, transition.To)
		}
	}
	return reached
}

// object refuses anything but an object with known fields, and names required fields that are missing.
func (p *parser) object(n *node, what string, known []string, required ...string) bool {
	if !p.isObject(n, what) {
		return false
	}
	for _, key := range n.keys {
		if !slices.Contains(known, key) {
			p.refuse(n.fields[key], "%s", unknownField(key, what, known))
		}
	}
	for _, key := range required {
		if n.fields[key] == nil {
			p.refuse(n, "%s needs the field %s", what, quoted(key))
		}
	}
	return true
}

func (p *parser) isObject(n *node, what string) bool {
	if !n.isObject() {
		p.refuse(n, "%s must be an object, not %s", what, n.kind())
		return false
	}
	return true
}

// unknownField tells a field that the States Language knows from a mistyped one.
func unknownField(key, what string, known []string) string {
	if why, notImplemented := refusedFields()[key]; notImplemented {
		return fmt.Sprintf("field %s of %s is not implemented: %s", quoted(key), what, why)
	}
	return fmt.Sprintf("field %s is unknown or not implemented in %s, which may have %s", quoted(key), what, strings.Join(known, ", "))
}

// refusedFields are fields of the States Language that are implemented nowhere, with what to do instead.
func refusedFields() map[string]string {
	const (
		jsonata  = "only the query language JSONPath is; use Parameters, ResultSelector and ResultPath"
		fanOut   = "the state types Map and Parallel are not"
		noAssign = "variables are not; keep data in the state's output"
	)
	return map[string]string{
		"Arguments": jsonata, "Output": jsonata, "Condition": jsonata, "Items": jsonata,
		"Assign":      noAssign,
		"Credentials": "tasks assume their roles themselves",
		"Branches":    fanOut, "ItemProcessor": fanOut, "Iterator": fanOut, "ItemsPath": fanOut, "ItemSelector": fanOut,
		"ItemReader": fanOut, "ItemBatcher": fanOut, "ResultWriter": fanOut, "MaxConcurrency": fanOut,
		"MaxConcurrencyPath": fanOut, "ToleratedFailureCount": fanOut, "ToleratedFailureCountPath": fanOut,
		"ToleratedFailurePercentage": fanOut, "ToleratedFailurePercentagePath": fanOut, "Label": fanOut, "ProcessorConfig": fanOut,
		"HeartbeatSeconds":     "use TimeoutSeconds",
		"HeartbeatSecondsPath": "use TimeoutSecondsPath",
	}
}

// text reads an optional string field.
func (p *parser) text(n *node, key string) string {
	field := n.fields[key]
	if field == nil {
		return ""
	}
	text, ok := field.scalar.(string)
	if !ok {
		p.refuse(field, "%s must be a string, not %s", key, field.kind())
	}
	return text
}

// oneOf reads an optional string field that has few values, and returns the first of them where it is absent.
func (p *parser) oneOf(n *node, key string, values ...string) string {
	field := n.fields[key]
	if field == nil {
		return values[0]
	}
	text, _ := field.scalar.(string)
	if !slices.Contains(values, text) {
		p.refuse(field, "%s must be %s; nothing else is implemented", key, strings.Join(values, " or "))
	}
	return text
}

// integer reads an optional whole number between two bounds.
func (p *parser) integer(n *node, key string, least, most, absent int64) int64 {
	field := n.fields[key]
	if field == nil {
		return absent
	}
	value, ok := integer(field.scalar)
	if !ok || value < least || value > most {
		p.refuse(field, "%s must be a whole number from %d to %d", key, least, most)
		return absent
	}
	return value
}

// path reads an optional path field, or reports that it is absent.
func (p *parser) path(n *node, key string) (path, bool) {
	field := n.fields[key]
	if field == nil {
		return path{}, false
	}
	text, ok := field.scalar.(string)
	if !ok {
		p.refuse(field, "%s must be a string that holds a path, not %s", key, field.kind())
		return path{}, false
	}
	parsed, err := parsePath(text)
	if err != nil {
		p.refuse(field, "%s: %v", key, err)
	}
	p.checkToken(field, parsed)
	return parsed, true
}

// checkToken refuses the task token where none exists.
func (p *parser) checkToken(field *node, paths ...path) {
	if p.tokenVisible {
		return
	}
	for _, each := range paths {
		if each.context && each.startsWith("Task") {
			p.refuse(field, "only the Parameters of a task with .waitForTaskToken know $$.Task.Token")
		}
	}
}

// selector reads InputPath or OutputPath: a path, null, or absent for everything.
func (p *parser) selector(n *node, key string) selector {
	if field := n.fields[key]; field != nil && field.kind() == "null" {
		return selector{empty: true}
	}
	selected, _ := p.path(n, key)
	return selector{path: selected}
}

// resultPath reads a ResultPath, which is written to and so must not begin with $$.
func (p *parser) resultPath(n *node) resultPath {
	const key = "ResultPath"
	field := n.fields[key]
	if field == nil {
		return resultPath{path: path{source: "$"}}
	}
	if field.kind() == "null" {
		return resultPath{discard: true}
	}
	parsed, _ := p.path(n, key)
	if parsed.context {
		p.refuse(field, "%s must not lead into the context object", key)
	}
	return resultPath{path: parsed}
}

// template reads a payload template, which must be an object at its top.
func (p *parser) template(n *node, key string) template {
	field := n.fields[key]
	if field == nil || !p.isObject(field, key) {
		return nil
	}
	return p.payload(field)
}

func (p *parser) payload(n *node) template {
	switch {
	case n.isArray():
		array := make(arrayTemplate, len(n.items))
		for i, item := range n.items {
			array[i] = p.payload(item)
		}
		return array
	case n.isObject():
		return p.payloadObject(n)
	default:
		return constantTemplate{n.scalar}
	}
}

func (p *parser) payloadObject(n *node) template {
	object := make(objectTemplate, 0, len(n.keys))
	for _, key := range n.keys {
		field := n.fields[key]
		name, computed := strings.CutSuffix(key, expressionSuffix)
		if !computed {
			object = append(object, templateField{name: key, nested: p.payload(field)})
			continue
		}
		if n.fields[name] != nil {
			p.refuse(field, "the fields %s and %s both make a field %s", quoted(key), quoted(name), quoted(name))
		}
		object = append(object, templateField{name: name, computed: p.expression(field)})
	}
	return object
}

// expression reads a path or a call of an intrinsic function.
func (p *parser) expression(field *node) expression {
	text, ok := field.scalar.(string)
	if !ok {
		p.refuse(field, "it must be a string that holds a path or a call of an intrinsic function, not %s", field.kind())
		return literal{}
	}
	parsed, err := parseExpression(text)
	if err != nil {
		p.refuse(field, "%v", err)
		return literal{}
	}
	p.checkToken(field, parsed.paths()...)
	return parsed
}
