// Package policy reads IAM policies and evaluates requests against them, as far as stackgate's policies go: it refuses
// elements, operators and patterns that it does not know. It knows no service and asks no AWS.
package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Effect is what a statement does to a request that it matches.
type Effect string

// The effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Document is a policy.
type Document struct {
	Version    string
	ID         string `json:"Id"`
	Statements []Statement
}

// Statement is a statement of a policy. Of Actions and NotActions one is empty, so of Resources and NotResources; a trust
// policy has neither of the latter.
type Statement struct {
	Sid                     string
	Effect                  Effect
	Principals              []PrincipalPattern
	Actions, NotActions     []string
	Resources, NotResources []string
	Conditions              []Condition
}

// PrincipalPattern is who a statement of a resource's policy is about: kind AWS or Service, and an ARN, an account or a name.
type PrincipalPattern struct{ Kind, Name string }

// texts is a list that may be written as its one item. Booleans and numbers are written as text.
type texts []string

func (t *texts) UnmarshalJSON(raw []byte) error {
	var items []json.RawMessage
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		items = []json.RawMessage{raw}
	} else if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	for _, item := range items {
		var text string
		if err := json.Unmarshal(item, &text); err != nil {
			var scalar any
			if err := json.Unmarshal(item, &scalar); err != nil {
				return err
			}
			switch scalar.(type) {
			case bool, float64:
				text = string(bytes.TrimSpace(item))
			default:
				return fmt.Errorf("%s is not text, a number, true or false", item)
			}
		}
		*t = append(*t, text)
	}
	return nil
}

// Parse reads a policy strictly.
func Parse(content []byte) (Document, error) {
	var raw struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if err := strict(content, &raw); err != nil {
		return Document{}, fmt.Errorf("read the policy: %w", err)
	}
	if raw.Version != "2012-10-17" {
		return Document{}, fmt.Errorf("the policy has version %q; only 2012-10-17 is known", raw.Version)
	}
	statements := []json.RawMessage{raw.Statement}
	if bytes.HasPrefix(bytes.TrimSpace(raw.Statement), []byte("[")) {
		if err := json.Unmarshal(raw.Statement, &statements); err != nil {
			return Document{}, fmt.Errorf("read the policy's statements: %w", err)
		}
	}
	document := Document{Version: raw.Version, ID: raw.ID}
	for i, text := range statements {
		s, err := parseStatement(text)
		if err != nil {
			return Document{}, fmt.Errorf("statement %d %s: %w", i+1, s.Sid, err)
		}
		document.Statements = append(document.Statements, s)
	}
	return document, nil
}

func strict(content []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func parseStatement(content []byte) (Statement, error) {
	var raw struct {
		Sid               string
		Effect            Effect
		Principal         json.RawMessage
		Action, NotAction texts
		Resource          texts
		NotResource       texts
		Condition         map[string]map[string]texts
	}
	if err := strict(content, &raw); err != nil {
		return Statement{}, err
	}
	s := Statement{Sid: raw.Sid, Effect: raw.Effect, Actions: raw.Action, NotActions: raw.NotAction, Resources: raw.Resource, NotResources: raw.NotResource}
	if s.Effect != Allow && s.Effect != Deny {
		return s, fmt.Errorf("effect %q is neither Allow nor Deny", s.Effect)
	}
	if (len(s.Actions) == 0) == (len(s.NotActions) == 0) {
		return s, fmt.Errorf("one of Action and NotAction is needed")
	}
	if len(s.Resources) > 0 && len(s.NotResources) > 0 {
		return s, fmt.Errorf("there can be no NotResource beside Resource")
	}
	var err error
	if s.Principals, err = parsePrincipals(raw.Principal); err != nil {
		return s, err
	}
	if err := s.checkPatterns(); err != nil {
		return s, err
	}
	for _, operator := range slices.Sorted(maps.Keys(raw.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(raw.Condition[operator])) {
			c, err := newCondition(operator, key, raw.Condition[operator][key])
			if err != nil {
				return s, err
			}
			s.Conditions = append(s.Conditions, c)
		}
	}
	return s, nil
}

func (s Statement) checkPatterns() error {
	for _, action := range slices.Concat(s.Actions, s.NotActions) {
		if service, name, found := strings.Cut(action, ":"); action != "*" && (!found || service == "" || name == "" || strings.ContainsAny(service, "*?")) {
			return fmt.Errorf("%q is not an action; it looks like service:Name", action)
		}
	}
	for _, resource := range slices.Concat(s.Resources, s.NotResources) {
		if err := checkARN(resource); err != nil {
			return err
		}
	}
	return nil
}

// checkARN refuses patterns of which it is not certain what IAM takes them for.
func checkARN(pattern string) error {
	switch {
	case pattern == "*":
		return nil
	case strings.Contains(pattern, "${"):
		return fmt.Errorf("%q has a policy variable, which is not known here", pattern)
	case strings.Count(pattern, ":") < 5 || !strings.HasPrefix(pattern, "arn:"):
		return fmt.Errorf("%q is not a whole ARN", pattern)
	}
	return nil
}

func parsePrincipals(raw json.RawMessage) ([]PrincipalPattern, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var everybody string
	if err := json.Unmarshal(raw, &everybody); err == nil {
		if everybody != "*" {
			return nil, fmt.Errorf("principal %q is not *", everybody)
		}
		return []PrincipalPattern{{"AWS", "*"}}, nil
	}
	var kinds map[string]texts
	if err := json.Unmarshal(raw, &kinds); err != nil {
		return nil, fmt.Errorf("read the principal: %w", err)
	}
	var all []PrincipalPattern
	for _, kind := range []string{"AWS", "Service"} {
		for _, name := range kinds[kind] {
			if strings.ContainsAny(name, "*?") && name != "*" {
				return nil, fmt.Errorf("principal %q: IAM knows no patterns of principals", name)
			}
			all = append(all, PrincipalPattern{kind, name})
		}
		delete(kinds, kind)
	}
	for kind := range kinds {
		return nil, fmt.Errorf("principals of the kind %s are not known", kind)
	}
	return all, nil
}
