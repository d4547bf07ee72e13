package template

import (
	"fmt"
	"strings"
)

// argumentRules are the shapes that CloudFormation checks before it evaluates anything, with its texts.
var argumentRules = map[string]struct {
	valid   func(any) bool
	message string
}{
	"Fn::Equals":    {listOf(2, 2), "Template error: every Fn::Equals object requires a list of 2 string parameters."},
	"Fn::If":        {listOf(3, 3), "Template error: Fn::If requires a list argument with three elements"},
	"Fn::Not":       {listOf(1, 1), "Template error: Fn::Not requires a list argument with one function token"},
	"Fn::And":       {listOf(2, 10), "Template error: every Fn::And object requires a list of at least 2 and at most 10 boolean parameters."},
	"Fn::Or":        {listOf(2, 10), "Template error: every Fn::Or object requires a list of at least 2 and at most 10 boolean parameters."},
	"Fn::Join":      {isJoin, joinMessage},
	"Fn::Split":     {isSplit, splitMessage},
	"Fn::Select":    {isSelect, "Template error: every Fn::Select object requires two non-null parameters, the first is an integer index and the second a list object or a function that returns a list."},
	"Fn::FindInMap": {listOf(3, 4), "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value"},
	"Fn::GetAtt":    {isGetAtt, "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"},
	"Fn::Sub":       {isSub, "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string"},
	"Fn::Base64":    {notList, "Template error: every Fn::Base64 object must have a String-typed value."},
	"Fn::Cidr":      {listOf(2, 3), "Template error: every Fn::Cidr object requires two or three parameters, the ipBlock, the count and the cidrBits."},
	"Fn::GetAZs":    {notList, "Template error: every Fn::GetAZs object must have a String-typed value."},
	"Ref":           {isText, "Template error: every Ref object must have a single String value."},
}

const (
	joinMessage  = "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
	splitMessage = "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split."
)

// unsupported functions need the AWS::LanguageExtensions transform, which the simulator does not run.
var unsupported = []string{"Fn::Length", "Fn::ToJsonString", "Fn::ForEach", "Fn::GetStackOutput"}

func listOf(least, most int) func(any) bool {
	return func(v any) bool {
		list, ok := v.([]any)
		return ok && len(list) >= least && len(list) <= most
	}
}

func isText(v any) bool { _, ok := v.(string); return ok }

func notList(v any) bool { _, isList := v.([]any); return !isList }

func isJoin(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 2 && isText(list[0]) && !isText(list[1])
}

func isSplit(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 2 && isText(list[0]) && notList(list[1])
}

func isSelect(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 2 && notList(list[0]) && !isText(list[1])
}

func isGetAtt(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 2 && isText(list[0]) && list[0] != "" && list[1] != ""
}

func isSub(v any) bool {
	if isText(v) {
		return true
	}
	list, ok := v.([]any)
	if !ok || len(list) != 2 || !isText(list[0]) {
		return false
	}
	_, ok = list[1].(map[string]any)
	return ok
}

// function returns the intrinsic function that v is a call of. Condition is not among them: outside the Conditions
// section it is an ordinary key, as in an IAM policy statement.
func function(v any) (name string, argument any, ok bool) {
	m, isMap := v.(map[string]any)
	if !isMap || len(m) != 1 {
		return "", nil, false
	}
	for name, argument = range m {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return name, argument, true
		}
	}
	return "", nil, false
}

// checkFunctions checks the shape of every call in the places where functions are evaluated, and rewrites the text
// form of Fn::GetAtt ("A.B", legal in YAML) to the list form.
func (t *Template) checkFunctions() error {
	for _, name := range sortedKeys(t.Conditions) {
		if err := checkCalls(t.Conditions[name]); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(t.Resources) {
		r := t.Resources[id]
		for _, part := range []any{r.Properties, r.Metadata, r.CreationPolicy, r.UpdatePolicy, r.DeletionPolicy, r.UpdateReplacePolicy} {
			if err := checkCalls(part); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedKeys(t.Outputs) {
		output := t.Outputs[name]
		for _, part := range []any{output.Value, output.ExportName} {
			if err := checkCalls(part); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkCalls(v any) error {
	switch v := v.(type) {
	case map[string]any:
		if text, ok := v["Fn::GetAtt"].(string); ok && len(v) == 1 {
			id, attribute, _ := strings.Cut(text, ".")
			v["Fn::GetAtt"] = []any{id, attribute}
		}
		if name, argument, ok := function(v); ok {
			if err := checkCall(name, argument); err != nil {
				return err
			}
		}
		for _, key := range sortedKeys(v) {
			if err := checkCalls(v[key]); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range v {
			if err := checkCalls(item); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkCall(name string, argument any) error {
	for _, refused := range unsupported {
		if name == refused || strings.HasPrefix(name, refused+"::") {
			return &Error{fmt.Sprintf("Template error: %s needs the AWS::LanguageExtensions transform, which the simulator does not run.", name)}
		}
	}
	if rule, ok := argumentRules[name]; ok && !rule.valid(argument) {
		return &Error{rule.message}
	}
	switch name {
	case "Fn::ImportValue", "Fn::Transform":
		return nil
	default:
		if _, known := argumentRules[name]; !known {
			return &Error{fmt.Sprintf("Template error: unsupported intrinsic function %s", name)}
		}
		return nil
	}
}
