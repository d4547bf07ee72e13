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
	default:
		return nil
	}
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
	p.object(n, "a "+string(typ)+" state", stateFields(typ))
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
		parsed.rules = append(parsed.rules, choiceRule{condition: p.condition(item, true), next: p.text(item, "Next")})
	}
	return parsed
}

// noCondition stands for a condition that was refused.
func noCondition() condition { return andCondition(nil) }

// ruleFields may stand in any rule beside what makes it one; only a rule at the top has Next.
func ruleFields() []string { return []string{"Comment", "Next"} }

// condition reads a test or a combination of tests.
func (p *parser) condition(n *node, top bool) condition {
	if !p.isObject(n, "a rule") {
		return noCondition()
	}
	p.text(n, "Comment")
	if next := n.fields["Next"]; next != nil && !top {
		p.refuse(next, "only a rule at the top of Choices has the field \"Next\"")
	}
	for _, combination := range []struct {
		key     string
		combine func(*node) condition
	}{{"And", p.allOf}, {"Or", p.anyOf}, {"Not", p.notOf}} {
		if field := n.fields[combination.key]; field != nil {
			p.object(n, "a rule with "+combination.key, append(ruleFields(), combination.key))
			return combination.combine(field)
		}
	}
	return p.comparison(n)
}

func (p *parser) allOf(n *node) condition { return andCondition(p.conditions(n)) }
func (p *parser) anyOf(n *node) condition { return orCondition(p.conditions(n)) }
func (p *parser) notOf(n *node) condition { return notCondition{p.condition(n, false)} }

func (p *parser) conditions(n *node) []condition {
	if !n.isArray() || len(n.items) == 0 {
		p.refuse(n, "it must be an array of at least one test")
		return nil
	}
	all := make([]condition, len(n.items))
	for i, item := range n.items {
		all[i] = p.condition(item, false)
	}
	return all
}

func (p *parser) comparison(n *node) condition {
	known := append(ruleFields(), "Variable")
	before := len(p.problems)
	p.object(n, "a test", slices.Concat(known, operatorNames()), "Variable")
	var found []operator
	for _, key := range n.keys {
		if operator, ok := operatorNamed(key); ok {
			found = append(found, operator)
		}
	}
	if len(found) != 1 {
		if len(p.problems) == before { // a mistyped operator was named already
			p.refuse(n, "a test has exactly one comparison operator, or And, Or or Not; this one has %d", len(found))
		}
		return noCondition()
	}
	parsed := comparison{operator: found[0]}
	parsed.variable, _ = p.path(n, "Variable")
	operand := n.fields[parsed.operator.name]
	if parsed.operator.takesPath {
		other, _ := p.path(n, parsed.operator.name)
		parsed.other = &other
		return parsed
	}
	parsed.constant = operand.value()
	if problem := parsed.operator.constant(parsed.constant); problem != "" {
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
