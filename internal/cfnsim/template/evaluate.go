package template

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// noValue is what Ref of AWS::NoValue yields: the property or element disappears.
type noValue struct{}

// Evaluate replaces every function call in v by its value. Maps and lists are copied. A value that is known only
// after the change set ran is, or contains, Unknown. Errors are of type *Error.
func (s *Scope) Evaluate(v any) (any, error) {
	value, err := s.evaluate(v)
	if err != nil {
		return nil, err
	}
	if _, none := value.(noValue); none {
		return nil, nil
	}
	return value, nil
}

func (s *Scope) evaluate(v any) (any, error) {
	if name, argument, ok := function(v); ok {
		return s.call(name, argument)
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range sortedKeys(v) {
			item, err := s.evaluate(v[key])
			if err != nil {
				return nil, err
			}
			if _, none := item.(noValue); !none {
				out[key] = item
			}
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			value, err := s.evaluate(item)
			if err != nil {
				return nil, err
			}
			if _, none := value.(noValue); !none {
				out = append(out, value)
			}
		}
		return out, nil
	default:
		return v, nil
	}
}

func (s *Scope) call(name string, argument any) (any, error) {
	items, _ := argument.([]any)
	switch name {
	case "Ref":
		return s.reference(argument.(string))
	case "Fn::GetAtt":
		return s.getAtt(items)
	case "Fn::If":
		return s.choose(items)
	case "Fn::Sub":
		return s.sub(argument)
	case "Fn::Join":
		return s.join(items)
	case "Fn::Split":
		return s.split(items)
	case "Fn::Select":
		return s.selectItem(items)
	case "Fn::FindInMap":
		return s.findInMap(items)
	case "Fn::Base64":
		text, err := s.text(argument, "Fn::Base64")
		if err != nil || strings.Contains(text, Unknown) {
			return Unknown, err
		}
		return base64.StdEncoding.EncodeToString([]byte(text)), nil
	case "Fn::GetAZs":
		return s.zones(argument)
	case "Fn::Cidr":
		return s.cidr(items)
	case "Fn::ImportValue":
		return s.importValue(argument)
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
		return nil, &Error{fmt.Sprintf("Template error: %s cannot be used outside the Conditions section", name)}
	default:
		return nil, &Error{fmt.Sprintf("Template error: the simulator does not evaluate %s", name)}
	}
}

func (s *Scope) reference(name string) (any, error) {
	if value, declared := s.Parameters[name]; declared {
		if !value.List {
			return value.Effective(), nil
		}
		var list []any
		for _, item := range SplitList(value.Effective()) {
			list = append(list, item)
		}
		return list, nil
	}
	e := s.Environment
	switch name {
	case "AWS::AccountId":
		return e.AccountID, nil
	case "AWS::Region":
		return e.Region, nil
	case "AWS::Partition":
		return e.Partition, nil
	case "AWS::URLSuffix":
		return e.URLSuffix, nil
	case "AWS::StackId":
		return e.StackID, nil
	case "AWS::StackName":
		return e.StackName, nil
	case "AWS::NoValue":
		return noValue{}, nil
	case "AWS::NotificationARNs":
		list := make([]any, 0, len(e.NotificationARNs))
		for _, arn := range e.NotificationARNs {
			list = append(list, arn)
		}
		return list, nil
	}
	if strings.HasPrefix(name, "AWS::") {
		return nil, &Error{fmt.Sprintf("Template error: unresolved pseudo parameter %s", name)}
	}
	if s.Resources == nil {
		return nil, &Error{fmt.Sprintf("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", name)}
	}
	return s.Resources.Reference(name)
}

func (s *Scope) getAtt(items []any) (any, error) {
	attribute, err := s.text(items[1], "Fn::GetAtt")
	if err != nil {
		return nil, err
	}
	if s.Resources == nil {
		return nil, &Error{fmt.Sprintf("Template error: instance of Fn::GetAtt references undefined resource %s", items[0])}
	}
	return s.Resources.Attribute(items[0].(string), attribute)
}

func (s *Scope) choose(items []any) (any, error) {
	name, _ := items[0].(string)
	holds, known := s.conditions[name]
	if !known {
		return nil, &Error{fmt.Sprintf("Template error: unresolved condition dependency %s in Fn::If", name)}
	}
	if holds {
		return s.evaluate(items[1])
	}
	return s.evaluate(items[2])
}

// text evaluates v and insists on a string.
func (s *Scope) text(v any, caller string) (string, error) {
	value, err := s.evaluate(v)
	if err != nil {
		return "", err
	}
	text, ok := value.(string)
	if !ok {
		return "", &Error{fmt.Sprintf("Template error: every %s object must have a String-typed value.", caller)}
	}
	return text, nil
}

func (s *Scope) join(items []any) (any, error) {
	value, err := s.evaluate(items[1])
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		// Recorded on AWS: an Fn::Split of an unknown value reaches Fn::Join as plain text, and this is the answer.
		return nil, &Error{joinMessage}
	}
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			return nil, &Error{joinMessage}
		}
		texts = append(texts, text)
	}
	joined := strings.Join(texts, items[0].(string))
	if strings.Contains(joined, Unknown) {
		// Recorded on AWS: a join of anything unknown is unknown as a whole.
		return Unknown, nil
	}
	return joined, nil
}

func (s *Scope) split(items []any) (any, error) {
	value, err := s.evaluate(items[1])
	if err != nil {
		return nil, err
	}
	text, ok := value.(string)
	if !ok {
		return nil, &Error{splitMessage}
	}
	if strings.Contains(text, Unknown) {
		return Unknown, nil
	}
	parts := strings.Split(text, items[0].(string))
	list := make([]any, len(parts))
	for i, part := range parts {
		list[i] = part
	}
	return list, nil
}

func (s *Scope) selectItem(items []any) (any, error) {
	index, err := s.text(items[0], "Fn::Select")
	if err != nil {
		return nil, err
	}
	value, err := s.evaluate(items[1])
	if err != nil {
		return nil, err
	}
	if text, isText := value.(string); isText && strings.Contains(text, Unknown) {
		return Unknown, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, &Error{argumentRules["Fn::Select"].message}
	}
	number, err := strconv.Atoi(strings.TrimSpace(index))
	if err != nil {
		return nil, &Error{argumentRules["Fn::Select"].message}
	}
	if number < 0 || number >= len(list) {
		return nil, &Error{fmt.Sprintf("Template error: Fn::Select cannot select nonexistent value at index %d", number)}
	}
	return list[number], nil
}

func (s *Scope) findInMap(items []any) (any, error) {
	var keys [3]string
	for i := range keys {
		key, err := s.text(items[i], "Fn::FindInMap")
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	value, found := s.Template.Mappings[keys[0]][keys[1]][keys[2]]
	if found {
		return s.evaluate(value)
	}
	if len(items) == 4 {
		if options, ok := items[3].(map[string]any); ok && options["DefaultValue"] != nil {
			return s.evaluate(options["DefaultValue"])
		}
	}
	return nil, &Error{fmt.Sprintf("Template error: Unable to get mapping for %s::%s::%s", keys[0], keys[1], keys[2])}
}

func (s *Scope) zones(argument any) (any, error) {
	region, err := s.text(argument, "Fn::GetAZs")
	if err != nil {
		return nil, err
	}
	if region == "" {
		region = s.Environment.Region
	}
	return []any{region + "a", region + "b", region + "c"}, nil
}

func (s *Scope) importValue(argument any) (any, error) {
	name, err := s.text(argument, "Fn::ImportValue")
	if err != nil {
		return nil, err
	}
	if s.Environment.Export != nil {
		if value, found := s.Environment.Export(name); found {
			return value, nil
		}
	}
	return nil, &MissingExportError{Name: name}
}

// MissingExportError says that no stack of the account and region exports the name. It has a type of its own because
// CloudFormation accepts such a change set and fails only its execution.
type MissingExportError struct{ Name string }

func (e *MissingExportError) Error() string { return "No export named " + e.Name + " found." }

// EqualValues compares evaluated values. An Unknown equals nothing, not even another one.
func EqualValues(a, b any) bool {
	return !ContainsUnknown(a) && !ContainsUnknown(b) && reflect.DeepEqual(a, b)
}

// ContainsUnknown says whether v depends on a value that is known only after the change set ran.
func ContainsUnknown(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, Unknown)
	case map[string]any:
		for _, item := range v {
			if ContainsUnknown(item) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if ContainsUnknown(item) {
				return true
			}
		}
	}
	return false
}
