package security

import (
	"slices"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// statement is one statement of a policy in a form in which order, case of actions, single values and names of
// statements make no difference.
type statement struct {
	sid        string
	allow      bool
	principal  element
	principals bool // whether the statement names principals at all
	action     element
	resource   element
	resources  bool // whether the statement names resources at all
	conditions []condition
	kind       plan.SecurityKind
}

// condition is one operator and key of a Condition block.
type condition struct {
	operator, key string
	values        []string
}

// documents finds the policy documents in a resource and returns their statements. Broken counts documents that do not
// read as policies though they claim to be some.
func documents(tree any) (statements []statement, broken int) {
	jsontree.Walk(tree, func(pointer string, value any) bool {
		object, ok := value.(map[string]any)
		if !ok || object["Statement"] == nil {
			return true
		}
		list := jsontree.List(object["Statement"])
		if !slices.ContainsFunc(list, func(s any) bool { return jsontree.Member(s, "Effect") != nil }) {
			return true
		}
		trust := strings.HasSuffix(pointer, "/AssumeRolePolicyDocument")
		for _, raw := range list {
			s, ok := readStatement(raw, trust)
			if !ok {
				broken++
				continue
			}
			statements = append(statements, s)
		}
		return false
	})
	return statements, broken
}

func readStatement(raw any, trust bool) (statement, bool) {
	object, ok := jsontree.Object(raw)
	if !ok {
		return statement{}, false
	}
	effect, _ := jsontree.Text(object["Effect"])
	if effect != "Allow" && effect != "Deny" {
		return statement{}, false
	}
	s := statement{allow: effect == "Allow", principal: anything(), action: anything(), resource: anything(), kind: plan.SecurityIdentityPolicy}
	s.sid, _ = jsontree.Text(object["Sid"])
	if p, ok := object["Principal"]; ok {
		s.principal, s.principals = element{patterns: principalsOf(p)}, true
	} else if p, ok := object["NotPrincipal"]; ok {
		s.principal, s.principals = element{not: true, patterns: principalsOf(p)}, true
	}
	if !s.readElement(object, "Action", &s.action) {
		return statement{}, false
	}
	s.resources = s.readElement(object, "Resource", &s.resource)
	s.conditions = conditionsOf(object["Condition"])
	switch {
	case trust:
		s.kind = plan.SecurityTrustPolicy
	case s.principals:
		s.kind = plan.SecurityResourcePolicy
	}
	return s, true
}

func (s *statement) readElement(object map[string]any, name string, into *element) bool {
	if value, ok := object[name]; ok {
		*into = element{patterns: texts(value)}
		return true
	}
	if value, ok := object["Not"+name]; ok {
		*into = element{not: true, patterns: texts(value)}
		return true
	}
	return false
}

// texts reads a string or a list of strings, in order and each once. What is neither, such as an intrinsic function of
// a template that was not resolved, stands as its JSON.
func texts(value any) []string {
	var all []string
	for _, part := range jsontree.List(value) {
		text, ok := jsontree.Text(part)
		if !ok {
			text = jsontree.Canonical(part)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// principalsOf writes principals as "*" or kind and name: "AWS:123456789012", "Service:lambda.amazonaws.com".
func principalsOf(value any) []string {
	object, ok := jsontree.Object(value)
	if !ok {
		return texts(value)
	}
	var all []string
	for _, kind := range jsontree.SortedKeys(object) {
		for _, name := range texts(object[kind]) {
			switch {
			case name == "*" && kind == "AWS":
				all = append(all, "*")
			case kind == "AWS" && accountOfRoot(name) != "":
				all = append(all, "AWS:"+accountOfRoot(name))
			default:
				all = append(all, kind+":"+name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func accountOfRoot(name string) string {
	if m := accountPrincipal.FindStringSubmatch("AWS:" + name); m != nil {
		return m[1]
	}
	return ""
}

func conditionsOf(value any) []condition {
	operators, _ := jsontree.Object(value)
	var all []condition
	for _, operator := range jsontree.SortedKeys(operators) {
		keys, _ := jsontree.Object(operators[operator])
		for _, key := range jsontree.SortedKeys(keys) {
			all = append(all, condition{operator: operator, key: strings.ToLower(key), values: texts(keys[key])})
		}
	}
	return all
}

// covers says whether everything that the part grants (or denies) is granted (or denied) by s as well.
func (s statement) covers(part statement) bool {
	return s.allow == part.allow &&
		s.principal.covers(part.principal, principalMatching) &&
		s.action.covers(part.action, actionMatching) &&
		s.resource.covers(part.resource, resourceMatching) &&
		weaker(s.conditions, part.conditions)
}

// weaker says whether conditions a let everything through that conditions b let through.
func weaker(a, b []condition) bool {
	for _, c := range a {
		if !slices.ContainsFunc(b, func(other condition) bool { return c.impliedBy(other) }) {
			return false
		}
	}
	return true
}

func (c condition) impliedBy(other condition) bool {
	if c.operator != other.operator || c.key != other.key {
		return false
	}
	if slices.Equal(c.values, other.values) {
		return true
	}
	subset := func(small, large []string) bool {
		return !slices.ContainsFunc(small, func(v string) bool { return !slices.Contains(large, v) })
	}
	name := strings.TrimSuffix(c.operator, "IfExists")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "ForAnyValue:"), "ForAllValues:")
	switch name {
	case "StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress", "NumericEquals", "DateEquals":
		return subset(other.values, c.values)
	case "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotEquals", "ArnNotLike", "NotIpAddress", "NumericNotEquals":
		return subset(c.values, other.values)
	}
	return false
}

// same says whether two statements grant or deny the same.
func (s statement) same(other statement) bool { return s.covers(other) && other.covers(s) }

// holdsUnknown says whether the statement holds a value that CloudFormation learns only while it runs.
func (s statement) holdsUnknown() bool {
	unknown := func(values []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, plan.KnownAfterApply) })
	}
	return unknown(s.principal.patterns) || unknown(s.action.patterns) || unknown(s.resource.patterns) ||
		slices.ContainsFunc(s.conditions, func(c condition) bool { return unknown(c.values) })
}
