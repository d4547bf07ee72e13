// Package template reads from a CloudFormation template what a change set does not tell: which parameters are hidden,
// where they are used, which inputs are not pinned. It neither validates a template nor resolves its functions.
package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stackgate/internal/plan/jsontree"
)

// Template is a template as a tree, with the short forms of YAML (!Ref, !Sub) written out.
type Template struct{ tree map[string]any }

// Parse reads a template in JSON or YAML.
func Parse(body []byte) (Template, error) {
	text := strings.TrimSpace(string(body))
	if text == "" {
		return Template{}, errors.New("read template: it is empty")
	}
	var value any
	var err error
	if text[0] == '{' {
		if value, err = jsontree.Parse(text); err != nil {
			return Template{}, fmt.Errorf("read template: %w", err)
		}
	} else if value, err = parseYAML(body); err != nil {
		return Template{}, fmt.Errorf("read template: %w", err)
	}
	tree, ok := value.(map[string]any)
	if !ok {
		return Template{}, errors.New("read template: it is not a mapping")
	}
	return Template{tree: tree}, nil
}

// NoEcho lists the parameters whose values are hidden.
func (t Template) NoEcho() []string {
	var names []string
	parameters, _ := jsontree.Object(t.tree["Parameters"])
	for _, name := range jsontree.SortedKeys(parameters) {
		if text, _ := jsontree.Text(jsontree.Member(parameters[name], "NoEcho")); strings.EqualFold(text, "true") {
			names = append(names, name)
		}
	}
	return names
}

// HasParameter says whether the template declares a parameter.
func (t Template) HasParameter(name string) bool {
	return jsontree.Member(t.tree["Parameters"], name) != nil
}

// SSMParameters lists the parameters whose values are names of SSM parameters, which CloudFormation looks up.
func (t Template) SSMParameters() []string {
	var names []string
	parameters, _ := jsontree.Object(t.tree["Parameters"])
	for _, name := range jsontree.SortedKeys(parameters) {
		if kind, _ := jsontree.Text(jsontree.Member(parameters[name], "Type")); strings.HasPrefix(kind, "AWS::SSM::Parameter::Value<") {
			names = append(names, name)
		}
	}
	return names
}

// Macros lists the transforms that rewrite the template with code, AWS::Include with its place.
func (t Template) Macros() []string {
	names := map[string]bool{}
	for _, transform := range jsontree.List(t.tree["Transform"]) {
		names[transformName(transform)] = true
	}
	jsontree.Walk(t.tree, func(_ string, value any) bool {
		if call := jsontree.Member(value, "Fn::Transform"); call != nil {
			for _, one := range jsontree.List(call) {
				names[transformName(one)] = true
			}
		}
		return true
	})
	delete(names, "")
	all := make([]string, 0, len(names))
	for name := range names {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func transformName(transform any) string {
	if name, ok := transform.(string); ok {
		return name
	}
	name, _ := jsontree.Text(jsontree.Member(transform, "Name"))
	if location, ok := jsontree.Text(jsontree.Member(jsontree.Member(transform, "Parameters"), "Location")); ok {
		name += " (" + location + ")"
	}
	return name
}

// Reaches returns the JSON pointers, in the resource of a logical id, below which the values of the named parameters
// are used. Where a list can lose elements when it is resolved (Fn::If with AWS::NoValue, loops), element numbers of the
// template mean nothing, and the whole list is returned.
func (t Template) Reaches(logicalID string, parameters map[string]bool) []string {
	resources, _ := jsontree.Object(t.tree["Resources"])
	resource, ok := jsontree.Object(resources[logicalID])
	if !ok || len(parameters) == 0 {
		return nil
	}
	var found []string
	for _, section := range []string{"Properties", "Metadata"} {
		reach("/"+section, resource[section], parameters, &found)
	}
	return found
}

func reach(pointer string, value any, parameters map[string]bool, found *[]string) {
	switch v := value.(type) {
	case map[string]any:
		if isFunction(v) {
			if uses(v, parameters) {
				*found = append(*found, pointer)
			}
			return
		}
		for _, key := range jsontree.SortedKeys(v) {
			if strings.HasPrefix(key, "Fn::ForEach") {
				if uses(v[key], parameters) {
					*found = append(*found, pointer)
				}
				continue
			}
			reach(jsontree.Join(pointer, key), v[key], parameters, found)
		}
	case []any:
		if slices.ContainsFunc(v, func(e any) bool { m, ok := e.(map[string]any); return ok && isFunction(m) && m["Fn::If"] != nil }) && uses(v, parameters) {
			*found = append(*found, pointer)
			return
		}
		for i, element := range v {
			reach(jsontree.JoinIndex(pointer, i), element, parameters, found)
		}
	}
}

// isFunction recognises {"Ref": …} and {"Fn::…": …}.
func isFunction(object map[string]any) bool {
	if len(object) != 1 {
		return false
	}
	for key := range object {
		return key == "Ref" || strings.HasPrefix(key, "Fn::")
	}
	return false
}

var substitution = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// uses says whether an expression refers to one of the parameters.
func uses(value any, parameters map[string]bool) bool {
	found := false
	jsontree.Walk(value, func(_ string, v any) bool {
		object, ok := v.(map[string]any)
		if !ok {
			return !found
		}
		if name, ok := object["Ref"].(string); ok && parameters[name] {
			found = true
		}
		for _, part := range jsontree.List(object["Fn::Sub"]) {
			text, _ := part.(string)
			for _, match := range substitution.FindAllStringSubmatch(text, -1) {
				found = found || parameters[strings.TrimSpace(match[1])]
			}
		}
		return !found
	})
	return found
}

// Reference is a dynamic reference ({{resolve:…}}) in a template.
type Reference struct {
	// LogicalID and Pointer say where it stands; LogicalID is empty outside Resources.
	LogicalID, Pointer string
	Text               string
}

var dynamicReference = regexp.MustCompile(`\{\{resolve:[^{}]*\}\}`)

// References lists the dynamic references, in the order of their places.
func (t Template) References() []Reference {
	var all []Reference
	jsontree.Walk(t.tree, func(pointer string, value any) bool {
		text, ok := value.(string)
		if !ok || !strings.Contains(text, "{{resolve:") {
			return true
		}
		for _, match := range dynamicReference.FindAllString(text, -1) {
			r := Reference{Pointer: pointer, Text: match}
			if rest, ok := strings.CutPrefix(pointer, "/Resources/"); ok {
				id, place, _ := strings.Cut(rest, "/")
				r.LogicalID, r.Pointer = id, "/"+place
			}
			all = append(all, r)
		}
		return true
	})
	return all
}

// Resource returns the resource of a logical id as the template has it, functions and all; nil where there is none.
func (t Template) Resource(logicalID string) map[string]any {
	resources, _ := jsontree.Object(t.tree["Resources"])
	resource, _ := jsontree.Object(resources[logicalID])
	return resource
}

// number keeps the digits of a YAML number when they are digits of a JSON number too.
func number(text string) any {
	n := json.Number(text)
	if _, err := n.Float64(); err == nil && json.Valid([]byte(text)) {
		return n
	}
	return text
}
