package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Template is a parsed template whose structure was checked. References are checked by Bind, because conditions
// decide which of them matter.
type Template struct {
	Version     string
	Description string
	Metadata    any
	Parameters  map[string]Parameter
	Mappings    map[string]map[string]map[string]any
	Conditions  map[string]any
	Resources   map[string]Resource
	Outputs     map[string]Output
	// Transforms names the macros the template asks for, at its top or inside by Fn::Transform.
	Transforms []string

	includes []string
}

// IncludedBucket is the S3 bucket of the template's first AWS::Include, "" when there is none.
func (t *Template) IncludedBucket() string {
	for _, location := range t.includes {
		if path, isS3 := strings.CutPrefix(location, "s3://"); isS3 {
			bucket, _, _ := strings.Cut(path, "/")
			return bucket
		}
	}
	return ""
}

// Resource is one entry of Resources, unevaluated.
type Resource struct {
	LogicalID           string
	Type                string
	Condition           string
	DependsOn           []string
	Properties          map[string]any
	Metadata            any
	CreationPolicy      any
	UpdatePolicy        any
	DeletionPolicy      any
	UpdateReplacePolicy any
}

// Output is one entry of Outputs, unevaluated.
type Output struct {
	Name        string
	Description string
	Condition   string
	Value       any
	ExportName  any
}

var (
	logicalID    = regexp.MustCompile(`^[a-zA-Z0-9]+$`)
	sections     = []string{"AWSTemplateFormatVersion", "Conditions", "Description", "Hooks", "Mappings", "Metadata", "Outputs", "Parameters", "Resources", "Rules", "Transform"}
	resourceKeys = []string{"Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Description", "Metadata", "Properties", "Type", "UpdatePolicy", "UpdateReplacePolicy"}
)

// Parse reads a JSON or YAML template and checks its structure. Errors are of type *Error.
func Parse(body string) (*Template, error) {
	source, err := parseSource(body)
	if err != nil {
		return nil, err
	}
	root := source.(map[string]any)
	if unknown := unknownKeys(root, sections); len(unknown) > 0 {
		return nil, &Error{fmt.Sprintf("Invalid template property or properties %s", bracketed(unknown))}
	}
	t := &Template{Metadata: root["Metadata"]}
	if t.Version, err = optionalText(root, "AWSTemplateFormatVersion"); err != nil {
		return nil, err
	}
	if t.Version != "" && t.Version != "2010-09-09" {
		return nil, &Error{"Template format error: unsupported value for AWSTemplateFormatVersion."}
	}
	if t.Description, err = optionalText(root, "Description"); err != nil {
		return nil, err
	}
	for _, read := range []func(map[string]any) error{t.readParameters, t.readMappings, t.readConditions, t.readResources, t.readOutputs} {
		if err := read(root); err != nil {
			return nil, err
		}
	}
	for _, refused := range []string{"Rules", "Hooks"} {
		if _, present := root[refused]; present {
			return nil, &Error{fmt.Sprintf("Template error: the simulator does not evaluate the %s section; remove it or deploy with the solo mode.", refused)}
		}
	}
	t.Transforms = transforms(root)
	t.includes = includes(root)
	return t, t.checkFunctions()
}

func optionalText(m map[string]any, key string) (string, error) {
	v, present := m[key]
	if !present {
		return "", nil
	}
	text, ok := v.(string)
	if !ok {
		return "", &Error{fmt.Sprintf("Template format error: Every %s member must be a string.", key)}
	}
	return text, nil
}

// section returns the named top-level map, nil when the template does not have it.
func section(root map[string]any, name string) (map[string]any, error) {
	v, present := root[name]
	if !present {
		return nil, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, &Error{fmt.Sprintf("Template format error: %s must be a map.", name)}
	}
	return m, nil
}

func unknownKeys(m map[string]any, known []string) []string {
	var unknown []string
	for _, key := range sortedKeys(m) {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	return unknown
}

func bracketed(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

func (t *Template) readMappings(root map[string]any) error {
	maps, err := section(root, "Mappings")
	if err != nil {
		return err
	}
	t.Mappings = map[string]map[string]map[string]any{}
	for _, name := range sortedKeys(maps) {
		first, ok := maps[name].(map[string]any)
		if !ok {
			return &Error{fmt.Sprintf("Template format error: Every Mappings member %s must be a map", name)}
		}
		t.Mappings[name] = map[string]map[string]any{}
		for _, key := range sortedKeys(first) {
			second, ok := first[key].(map[string]any)
			if !ok {
				return &Error{fmt.Sprintf("Template format error: Every Mappings member %s must be a map", key)}
			}
			if err := checkMappingLeaves(second); err != nil {
				return err
			}
			t.Mappings[name][key] = second
		}
	}
	return nil
}

func checkMappingLeaves(leaves map[string]any) error {
	for _, value := range leaves {
		items, isList := value.([]any)
		_, isText := value.(string)
		if !isText && !isList {
			return &Error{"Template format error: Every Mappings attribute must be a String or a List."}
		}
		for _, item := range items {
			if _, isText := item.(string); !isText {
				return &Error{"Template format error: Every Mappings attribute must be a String or a List."}
			}
		}
	}
	return nil
}

func (t *Template) readConditions(root map[string]any) error {
	conditions, err := section(root, "Conditions")
	t.Conditions = conditions
	return err
}

func (t *Template) readResources(root map[string]any) error {
	v, present := root["Resources"]
	resources, ok := v.(map[string]any)
	if !present || (ok && len(resources) == 0) {
		return &Error{"Template format error: At least one Resources member must be defined."}
	}
	if !ok {
		return &Error{"Template format error: Resources must be a map."}
	}
	if len(resources) > 500 {
		return &Error{fmt.Sprintf("Template format error: Number of resources, %d, is greater than maximum allowed, 500", len(resources))}
	}
	t.Resources = make(map[string]Resource, len(resources))
	for _, id := range sortedKeys(resources) {
		resource, err := readResource(id, resources[id])
		if err != nil {
			return err
		}
		if _, taken := t.Parameters[id]; taken {
			return &Error{fmt.Sprintf("Template format error: %s is the name of a parameter and of a resource; logical ids must be unique.", id)}
		}
		t.Resources[id] = resource
	}
	return nil
}

func readResource(id string, v any) (Resource, error) {
	fail := func(format string, args ...any) (Resource, error) {
		return Resource{}, &Error{fmt.Sprintf(format, args...)}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return fail("Template format error: Any Resources member must be an object.")
	}
	if !logicalID.MatchString(id) {
		return fail("Template format error: Resource name %s is non alphanumeric.", id)
	}
	if unknown := unknownKeys(m, resourceKeys); len(unknown) > 0 {
		return fail("Invalid template resource property '%s'", unknown[0])
	}
	typeName, ok := m["Type"].(string)
	if !ok || typeName == "" {
		return fail("Template format error: [/Resources/%s] Every Resources object must contain a Type member.", id)
	}
	r := Resource{LogicalID: id, Type: typeName, Metadata: m["Metadata"], CreationPolicy: m["CreationPolicy"],
		UpdatePolicy: m["UpdatePolicy"], DeletionPolicy: m["DeletionPolicy"], UpdateReplacePolicy: m["UpdateReplacePolicy"]}
	if condition, present := m["Condition"]; present {
		if r.Condition, ok = condition.(string); !ok {
			return fail("Template format error: Every Condition member must be a string.")
		}
	}
	r.Properties = map[string]any{}
	if properties, present := m["Properties"]; present {
		if r.Properties, ok = properties.(map[string]any); !ok {
			return fail("Template format error: [/Resources/%s/Properties] Every Properties member must be a map.", id)
		}
	}
	if r.DependsOn, ok = textOrTexts(m["DependsOn"]); !ok {
		return fail("Template format error: DependsOn must be a string or list of strings.")
	}
	return r, nil
}

func textOrTexts(v any) ([]string, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		return []string{v}, true
	case []any:
		texts := make([]string, 0, len(v))
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			texts = append(texts, text)
		}
		return texts, true
	default:
		return nil, false
	}
}

func (t *Template) readOutputs(root map[string]any) error {
	outputs, err := section(root, "Outputs")
	if err != nil {
		return err
	}
	if len(outputs) > 200 {
		return &Error{fmt.Sprintf("Template format error: Number of outputs, %d, is greater than maximum allowed, 200", len(outputs))}
	}
	t.Outputs = make(map[string]Output, len(outputs))
	for _, name := range sortedKeys(outputs) {
		m, ok := outputs[name].(map[string]any)
		if !ok || m["Value"] == nil {
			return &Error{"Template format error: Every Outputs member must contain a Value object"}
		}
		if !logicalID.MatchString(name) {
			return &Error{fmt.Sprintf("Template format error: Output %s is malformed. The name is non alphanumeric.", name)}
		}
		output := Output{Name: name, Value: m["Value"]}
		output.Description, _ = m["Description"].(string)
		output.Condition, _ = m["Condition"].(string)
		if export, present := m["Export"]; present {
			exported, ok := export.(map[string]any)
			if !ok || exported["Name"] == nil {
				return &Error{fmt.Sprintf("Template format error: Output %s is malformed. The Export field must contain a Name.", name)}
			}
			output.ExportName = exported["Name"]
		}
		t.Outputs[name] = output
	}
	return nil
}

// transforms collects what the Transform section and every Fn::Transform name.
func transforms(root map[string]any) []string {
	found := map[string]bool{}
	add := func(v any) {
		names, _ := v.([]any)
		if names == nil {
			names = []any{v}
		}
		for _, item := range names {
			switch item := item.(type) {
			case string:
				found[item] = true
			case map[string]any:
				if name, ok := item["Name"].(string); ok {
					found[name] = true
				}
			}
		}
	}
	if v, present := root["Transform"]; present {
		add(v)
	}
	walk(root, func(function string, argument any) {
		if function == "Fn::Transform" {
			add(argument)
		}
	})
	return sortedKeys(found)
}

// includes lists the locations that AWS::Include transforms name, in order.
func includes(root map[string]any) []string {
	var locations []string
	walk(root, func(key string, argument any) {
		call, _ := argument.(map[string]any)
		if (key != "Fn::Transform" && key != "Transform") || call["Name"] != "AWS::Include" {
			return
		}
		parameters, _ := call["Parameters"].(map[string]any)
		if location, ok := parameters["Location"].(string); ok {
			locations = append(locations, location)
		}
	})
	slices.Sort(locations)
	return locations
}

// walk calls visit for every key of every map below v.
func walk(v any, visit func(key string, value any)) {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			visit(key, item)
			walk(item, visit)
		}
	case []any:
		for _, item := range v {
			walk(item, visit)
		}
	}
}
