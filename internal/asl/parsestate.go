package asl

import (
	"slices"
	"strings"
	"time"
)

// stateFields is what a state of each type may have.
func stateFields(of StateType) []string {
	common := []string{"Type", "Comment", "QueryLanguage"}
	flow := append(slices.Clone(common), "InputPath", "OutputPath", "Next", "End")
	switch of {
	case Task:
		return append(flow, "Resource", "Parameters", "ResultSelector", "ResultPath", "TimeoutSeconds", "TimeoutSecondsPath", "Retry", "Catch")
	case Choice:
		return append(common, "InputPath", "OutputPath", "Choices", "Default")
	case Wait:
		return append(flow, waitFields()...)
	case Pass:
		return append(flow, "Result", "Parameters", "ResultPath")
	case Succeed:
		return append(common, "InputPath", "OutputPath")
	case Fail:
		return append(common, "Error", "ErrorPath", "Cause", "CausePath")
	}
	return nil
}

func waitFields() []string { return []string{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} }

// state compiles one state, or returns nil when it cannot even tell its type.
func (p *parser) state(name string, n *node) *state {
	if !p.isObject(n, "a state") {
		return nil
	}
	if n.fields["Type"] == nil {
		p.refuse(n, "a state needs the field \"Type\"")
		return nil
	}
	typ := StateType(p.text(n, "Type"))
	if !slices.Contains(StateTypes(), typ) {
		p.refuse(n.fields["Type"], "state type %s is not implemented; implemented are %s", quoted(string(typ)), joinTypes(StateTypes()))
		return nil
	}
	if !p.object(n, "a "+string(typ)+" state", stateFields(typ)) {
		return nil
	}
	p.oneOf(n, "QueryLanguage", queryLanguage)
	s := &state{
		name: name, typ: typ, line: n.line,
		comment: p.text(n, "Comment"),
		input:   p.selector(n, "InputPath"),
		output:  p.selector(n, "OutputPath"),
	}
	s.next, s.end = p.transition(n, typ)
	switch typ {
	case Task:
		s.behaviour = p.task(n, s)
	case Choice:
		s.behaviour = p.choice(n)
	case Wait:
		s.behaviour = p.wait(n)
	case Pass:
		s.behaviour = p.pass(n)
	case Succeed:
		s.behaviour = succeedState{}
	case Fail:
		s.behaviour = p.fail(n)
	}
	return s
}

func joinTypes(types []StateType) string {
	names := make([]string, len(types))
	for i, typ := range types {
		names[i] = string(typ)
	}
	return strings.Join(names, ", ")
}

// transition reads Next and End, of which states that go on have exactly one.
func (p *parser) transition(n *node, typ StateType) (next string, end bool) {
	if typ == Choice || typ == Succeed || typ == Fail {
		return "", false
	}
	next = p.text(n, "Next")
	if field := n.fields["End"]; field != nil {
		if !isA[bool](field.scalar) {
			p.refuse(field, "End must be true or false, not %s", field.kind())
		}
		end = field.scalar == true
	}
	if (n.fields["Next"] != nil) == end {
		p.refuse(n, "a %s state needs either \"Next\" or \"End\": true", typ)
	}
	return next, end
}

func (p *parser) choice(n *node) behaviour {
	parsed := choiceState{fallback: p.text(n, "Default")}
	rules := n.fields["Choices"]
	if rules == nil || !rules.isArray() || len(rules.items) == 0 {
		p.refuse(n, "a Choice state needs the field \"Choices\" with at least one rule")
		return parsed
	}
	for _, item := range rules.items {
		if !p.isObject(item, "a rule") {
			continue
		}
		if item.fields["Next"] == nil {
			p.refuse(item, "a rule needs the field \"Next\"")
		}
		next := p.text(item, "Next")
		if compiled := p.condition(item, "Next", "Comment"); compiled != nil {
			parsed.rules = append(parsed.rules, choiceRule{condition: compiled, next: next})
		}
	}
	return parsed
}

// condition reads a test or a combination of tests. Only rules at the top have the extra fields.
func (p *parser) condition(n *node, extra ...string) condition {
	if !p.isObject(n, "a test") {
		return nil
	}
	p.text(n, "Comment")
	for _, combination := range []struct {
		key     string
		combine func(*node) condition
	}{{"And", p.allOf}, {"Or", p.anyOf}, {"Not", p.notOf}} {
		if field := n.fields[combination.key]; field != nil {
			p.object(n, "a rule with "+combination.key, append([]string{combination.key}, extra...))
			return combination.combine(field)
		}
	}
	return p.comparison(n, extra)
}

func (p *parser) allOf(n *node) condition { return andCondition(p.conditions(n)) }
func (p *parser) anyOf(n *node) condition { return orCondition(p.conditions(n)) }
func (p *parser) notOf(n *node) condition { return notCondition{p.condition(n)} }

func (p *parser) conditions(n *node) []condition {
	if !n.isArray() || len(n.items) == 0 {
		p.refuse(n, "it must be an array of at least one test")
		return nil
	}
	var all []condition
	for _, item := range n.items {
		if compiled := p.condition(item); compiled != nil {
			all = append(all, compiled)
		}
	}
	return all
}

func (p *parser) comparison(n *node, extra []string) condition {
	known := append([]string{"Variable"}, extra...)
	var names []string
	for _, key := range n.keys {
		if !slices.Contains(known, key) {
			names = append(names, key)
		}
	}
	if len(names) != 1 {
		p.refuse(n, "a test needs \"Variable\" and exactly one comparison operator, or And, Or or Not; this one has %d operators", len(names))
		return nil
	}
	operator, implemented := operatorNamed(names[0])
	operand := n.fields[names[0]]
	if !implemented {
		p.refuse(operand, "%s", unknownField(names[0], "a test", append(known, operatorNames()...)))
		return nil
	}
	if n.fields["Variable"] == nil {
		p.refuse(n, "a test needs the field \"Variable\"")
		return nil
	}
	parsed := comparison{operator: operator}
	parsed.variable, _ = p.path(n, "Variable")
	if operator.takesPath {
		other, _ := p.path(n, operator.name)
		parsed.other = &other
		return parsed
	}
	parsed.constant = operand.value()
	if problem := operator.constant(parsed.constant); problem != "" {
		p.refuse(operand, "%s", problem)
	}
	return parsed
}

func operatorNamed(name string) (operator, bool) {
	all := operators()
	at := slices.IndexFunc(all, func(o operator) bool { return o.name == name })
	if at < 0 {
		return operator{}, false
	}
	return all[at], true
}

func operatorNames() []string {
	var names []string
	for _, each := range operators() {
		names = append(names, each.name)
	}
	return names
}

func (p *parser) wait(n *node) behaviour {
	var given []string
	for _, key := range waitFields() {
		if n.fields[key] != nil {
			given = append(given, key)
		}
	}
	if len(given) != 1 {
		p.refuse(n, "a Wait state needs exactly one of %s", strings.Join(waitFields(), ", "))
		return waitState{}
	}
	parsed := waitState{}
	switch given[0] {
	case "Seconds":
		parsed.seconds = time.Duration(p.integer(n, "Seconds", 0, maxSeconds, 0)) * time.Second
	case "SecondsPath":
		found, _ := p.path(n, "SecondsPath")
		parsed.secondsPath = &found
	case "Timestamp":
		until, ok := timestamp(n.fields["Timestamp"].scalar)
		if !ok {
			p.refuse(n.fields["Timestamp"], "Timestamp must be a time such as 2026-11-22T14:02:03Z")
		}
		parsed.until = until
	case "TimestampPath":
		found, _ := p.path(n, "TimestampPath")
		parsed.untilPath = &found
	}
	return parsed
}

func (p *parser) pass(n *node) behaviour {
	parsed := passState{parameters: p.template(n, "Parameters"), resultPath: p.resultPath(n)}
	if result := n.fields["Result"]; result != nil {
		parsed.result = &constantTemplate{result.value()}
	}
	return parsed
}

func (p *parser) fail(n *node) behaviour {
	return failState{errorName: p.failText(n, "Error"), cause: p.failText(n, "Cause")}
}

// failText reads Error or ErrorPath, Cause or CausePath.
func (p *parser) failText(n *node, key string) failText {
	computed := n.fields[key+pathSuffix]
	if computed == nil {
		return failText{constant: p.text(n, key)}
	}
	if n.fields[key] != nil {
		p.refuse(computed, "a Fail state has either %s or %s", key, key+pathSuffix)
	}
	return failText{field: key + pathSuffix, computed: p.expression(computed)}
}
