package template

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Parameter is one entry of Parameters.
type Parameter struct {
	Name        string
	Type        string
	Description string
	// Default is nil when the parameter must be given.
	Default               *string
	NoEcho                bool
	AllowedValues         []string
	AllowedPattern        string
	ConstraintDescription string
	MinLength, MaxLength  *float64
	MinValue, MaxValue    *float64
}

// Value is what a parameter is worth in one deployment.
type Value struct {
	// Text is the value as given; of an SSM type it is the name of the Parameter Store entry.
	Text string
	// Resolved is what the Parameter Store answered, nil for other types.
	Resolved *string `json:",omitempty"`
	List     bool    `json:",omitempty"`
	NoEcho   bool    `json:",omitempty"`
}

// Effective is the text that Ref yields, before a list is split.
func (v Value) Effective() string {
	if v.Resolved != nil {
		return *v.Resolved
	}
	return v.Text
}

// Given is one parameter of a request.
type Given struct {
	Key         string
	Value       *string
	UsePrevious bool
}

var parameterKeys = []string{"AllowedPattern", "AllowedValues", "ConstraintDescription", "Default", "Description",
	"MaxLength", "MaxValue", "MinLength", "MinValue", "NoEcho", "Type"}

func (t *Template) readParameters(root map[string]any) error {
	parameters, err := section(root, "Parameters")
	if err != nil {
		return err
	}
	if len(parameters) > 200 {
		return &Error{fmt.Sprintf("Template format error: Number of parameters, %d, is greater than maximum allowed, 200", len(parameters))}
	}
	t.Parameters = make(map[string]Parameter, len(parameters))
	for _, name := range sortedKeys(parameters) {
		m, ok := parameters[name].(map[string]any)
		if !ok {
			return &Error{fmt.Sprintf("Template format error: Every Parameters member %s must be an object.", name)}
		}
		parameter, err := readParameter(name, m)
		if err != nil {
			return err
		}
		t.Parameters[name] = parameter
	}
	return nil
}

func readParameter(name string, m map[string]any) (Parameter, error) {
	p := Parameter{Name: name}
	if !logicalID.MatchString(name) {
		return p, &Error{fmt.Sprintf("Template format error: Parameter name %s is non alphanumeric.", name)}
	}
	if unknown := unknownKeys(m, parameterKeys); len(unknown) > 0 {
		return p, &Error{fmt.Sprintf("Invalid template parameter property '%s'", unknown[0])}
	}
	p.Type, _ = m["Type"].(string)
	if p.Type == "" {
		return p, &Error{"Template format error: Every Parameters object must contain a Type member."}
	}
	if !knownParameterType(p.Type) {
		return p, &Error{fmt.Sprintf("Template format error: Unrecognized parameter type: %s", p.Type)}
	}
	if v, present := m["Default"]; present {
		text, ok := v.(string)
		if !ok {
			return p, &Error{"Template format error: Every Default member must be a string."}
		}
		p.Default = &text
	}
	noEcho, _ := m["NoEcho"].(string)
	p.NoEcho = strings.EqualFold(noEcho, "true")
	p.Description, _ = m["Description"].(string)
	p.ConstraintDescription, _ = m["ConstraintDescription"].(string)
	p.AllowedPattern, _ = m["AllowedPattern"].(string)
	if _, err := compilePattern(p.AllowedPattern); err != nil {
		return p, &Error{fmt.Sprintf("Template format error: AllowedPattern of parameter '%s' is not a regular expression that the simulator can read: %v", name, err)}
	}
	var ok bool
	if p.AllowedValues, ok = textOrTexts(m["AllowedValues"]); !ok {
		return p, &Error{"Template format error: Every AllowedValues member must be a list."}
	}
	for key, bound := range map[string]**float64{"MinLength": &p.MinLength, "MaxLength": &p.MaxLength, "MinValue": &p.MinValue, "MaxValue": &p.MaxValue} {
		text, present := m[key].(string)
		if !present {
			continue
		}
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return p, &Error{fmt.Sprintf("Template format error: %s of parameter '%s' must be a number.", key, name)}
		}
		*bound = &number
	}
	return p, nil
}

var (
	awsParameterType = regexp.MustCompile(`^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+(::[A-Za-z0-9]+)*$`)
	listElement      = regexp.MustCompile(`^List<(.+)>$`)
	ssmElement       = regexp.MustCompile(`^AWS::SSM::Parameter::Value<(.+)>$`)
)

func knownParameterType(name string) bool {
	if m := ssmElement.FindStringSubmatch(name); m != nil {
		return knownParameterType(m[1])
	}
	if m := listElement.FindStringSubmatch(name); m != nil {
		return m[1] == "Number" || m[1] == "String" || awsParameterType.MatchString(m[1])
	}
	return name == "String" || name == "Number" || name == "CommaDelimitedList" || awsParameterType.MatchString(name)
}

// IsSSM says whether the parameter's value names a Parameter Store entry whose content is the effective value.
func (p Parameter) IsSSM() bool { return ssmElement.MatchString(p.Type) }

func (p Parameter) elementType() string {
	if m := ssmElement.FindStringSubmatch(p.Type); m != nil {
		return m[1]
	}
	return p.Type
}

// IsList says whether Ref yields a list.
func (p Parameter) IsList() bool {
	element := p.elementType()
	return element == "CommaDelimitedList" || listElement.MatchString(element)
}

// ResolveParameters decides the value of every parameter of the template. previous holds the values of the stack's
// last deployment (nil for a new stack); store looks an SSM parameter up.
func (t *Template) ResolveParameters(given []Given, previous map[string]Value, store func(name string) (string, bool)) (map[string]Value, error) {
	byKey := map[string]Given{}
	var unknown []string
	for _, g := range given {
		if _, twice := byKey[g.Key]; twice {
			return nil, &Error{fmt.Sprintf("Duplicate parameters [%s]", g.Key)}
		}
		byKey[g.Key] = g
		if _, declared := t.Parameters[g.Key]; !declared {
			unknown = append(unknown, g.Key)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, &Error{fmt.Sprintf("Parameters: %s do not exist in the template", bracketed(unknown))}
	}
	values := make(map[string]Value, len(t.Parameters))
	var missing []string
	for _, name := range sortedKeys(t.Parameters) {
		p := t.Parameters[name]
		text, found, err := p.choose(byKey[name], previous)
		if err != nil {
			return nil, err
		}
		if !found {
			if p.IsSSM() {
				return nil, &Error{fmt.Sprintf("Parameter %s should either have input value or default value", name)}
			}
			missing = append(missing, name)
			continue
		}
		values[name] = Value{Text: text, List: p.IsList(), NoEcho: p.NoEcho}
	}
	if len(missing) > 0 {
		return nil, &Error{fmt.Sprintf("Parameters: %s must have values", bracketed(missing))}
	}
	return values, t.finishValues(values, store)
}

func (t *Template) finishValues(values map[string]Value, store func(string) (string, bool)) error {
	for _, name := range sortedKeys(values) {
		p, value := t.Parameters[name], values[name]
		if p.IsSSM() {
			resolved, found := store(value.Text)
			if !found {
				return &Error{fmt.Sprintf("Unable to fetch parameters [%s] from parameter store for this account.", value.Text)}
			}
			value.Resolved = &resolved
			values[name] = value
			continue
		}
		// A previous value of a NoEcho parameter is known only as its stand-in; it was checked when it was given.
		// One of a nested stack may be unknown until its siblings are there.
		if IsSecret(value.Text) || strings.Contains(value.Text, Unknown) {
			continue
		}
		if err := p.check(value.Text); err != nil {
			return err
		}
	}
	return nil
}

func (p Parameter) choose(given Given, previous map[string]Value) (text string, found bool, err error) {
	if given.UsePrevious {
		if given.Value != nil && *given.Value != "" {
			return "", false, &Error{fmt.Sprintf("Invalid input for parameter key %s. Cannot specify usePreviousValue as true and non empty value for a parameter", p.Name)}
		}
		before, known := previous[p.Name]
		if !known {
			return "", false, &Error{fmt.Sprintf("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", p.Name)}
		}
		return before.Text, true, nil
	}
	if given.Value != nil {
		return *given.Value, true, nil
	}
	if p.Default != nil {
		return *p.Default, true, nil
	}
	return "", false, nil
}

// check applies the constraints to the given text; of a list, to each element.
func (p Parameter) check(text string) error {
	if len(text) > 4096 {
		return &Error{fmt.Sprintf("Parameter '%s' must contain at most 4096 bytes", p.Name)}
	}
	items := []string{text}
	if p.IsList() {
		items = SplitList(text)
	}
	for _, item := range items {
		if err := p.checkItem(item); err != nil {
			return err
		}
	}
	return nil
}

func (p Parameter) checkItem(text string) error {
	element := p.Type
	if m := listElement.FindStringSubmatch(element); m != nil {
		element = m[1]
	}
	if element == "Number" {
		number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return &Error{fmt.Sprintf("Parameter '%s' must be a number.", p.Name)}
		}
		if p.MinValue != nil && number < *p.MinValue {
			return p.violated("must be a number not less than " + formatBound(*p.MinValue))
		}
		if p.MaxValue != nil && number > *p.MaxValue {
			return p.violated("must be a number not greater than " + formatBound(*p.MaxValue))
		}
	}
	length := float64(len([]rune(text)))
	if p.MinLength != nil && length < *p.MinLength {
		return p.violated("must contain at least " + formatBound(*p.MinLength) + " characters")
	}
	if p.MaxLength != nil && length > *p.MaxLength {
		return p.violated("must contain at most " + formatBound(*p.MaxLength) + " characters")
	}
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, text) {
		return p.violated("must be one of AllowedValues")
	}
	if pattern, err := compilePattern(p.AllowedPattern); err == nil && pattern != nil && !pattern.MatchString(text) {
		return p.violated("must match pattern " + p.AllowedPattern)
	}
	return nil
}

// violated words a failed constraint; the template author's own description replaces CloudFormation's.
func (p Parameter) violated(rule string) error {
	if p.ConstraintDescription != "" {
		return &Error{fmt.Sprintf("Parameter '%s' failed to satisfy constraint: %s", p.Name, p.ConstraintDescription)}
	}
	return &Error{fmt.Sprintf("Parameter '%s' %s", p.Name, rule)}
}

func formatBound(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// compilePattern anchors the pattern: AllowedPattern must match the whole value. An empty pattern yields nil.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

// SplitList splits a comma-delimited value the way Ref of a list parameter does: blanks around elements are dropped,
// and an empty value is a list of one empty string.
func SplitList(text string) []string {
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}
