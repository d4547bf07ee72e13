package template

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// someResources answers as if every resource but "New" existed.
type someResources struct{}

func (someResources) Reference(id string) (any, error) {
	if id == "New" {
		return Unknown, nil
	}
	return "physical-" + id, nil
}

func (someResources) Attribute(id, name string) (any, error) {
	if id == "New" {
		return Unknown, nil
	}
	return id + "/" + name, nil
}

const evaluated = `
Parameters:
  Name: {Type: String, Default: orders}
  Count: {Type: Number, Default: 3}
  Zones: {Type: CommaDelimitedList, Default: "a, b,c"}
Mappings: {Sizes: {prod: {cpu: "1024", zones: [x, y]}}}
Conditions:
  Yes: !Equals [!Ref Name, orders]
  No: !Not [!Condition Yes]
  Both: !And [!Condition Yes, !Not [!Condition No]]
  Either: !Or [!Condition No, !Equals [a, b]]
Resources:
  Old: {Type: X::Y::Z}
  New: {Type: X::Y::Z}
  R:
    Type: X::Y::Z
    Properties:
      Value: %s
`

func evaluate(t *testing.T, expression string) (any, error) {
	t.Helper()
	parsed, err := Parse(strings.Replace(evaluated, "%s", expression, 1))
	if err != nil {
		return nil, err
	}
	values, err := parsed.ResolveParameters(nil, nil, nil)
	if err != nil {
		return nil, err
	}
	scope, err := parsed.Bind(values, Environment{AccountID: "111111111111", Region: "eu-west-1", Partition: "aws", URLSuffix: "amazonaws.com", StackName: "s",
		Export: func(name string) (string, bool) { return "exported", name == "known" }})
	if err != nil {
		return nil, err
	}
	scope.Resources = someResources{}
	properties, err := scope.Evaluate(parsed.Resources["R"].Properties)
	if err != nil {
		return nil, err
	}
	return properties.(map[string]any)["Value"], nil
}

func TestEvaluate(t *testing.T) {
	tests := map[string]string{
		`!Ref Name`:                  `"orders"`,
		`!Ref Count`:                 `"3"`,
		`!Ref Zones`:                 `["a","b","c"]`,
		`!Ref AWS::Region`:           `"eu-west-1"`,
		`!Ref Old`:                   `"physical-Old"`,
		`!GetAtt Old.Outputs.Url`:    `"Old/Outputs.Url"`,
		`{"Fn::GetAtt": [Old, Arn]}`: `"Old/Arn"`,
		`!Sub "${Name}-${AWS::StackName}-${Old.Arn}-${!Kept}"`: `"orders-s-Old/Arn-${Kept}"`,
		`!Sub ["${a}${Name}", {a: !Ref Old}]`:                  `"physical-Oldorders"`,
		`!Sub "arn:${New}:x"`:                                  `"arn:` + Unknown + `:x"`,
		`!Join ["-", [a, !Ref Name]]`:                          `"a-orders"`,
		`!Join [",", !Ref Zones]`:                              `"a,b,c"`,
		`!Join ["-", [a, !Ref New]]`:                           `"` + Unknown + `"`,
		`!Split ["-", "a-b"]`:                                  `["a","b"]`,
		`!Select [1, [a, b]]`:                                  `"b"`,
		`!Select [1, !Split ["-", "a-b"]]`:                     `"b"`,
		`!Select [1, !Split ["-", !Ref New]]`:                  `"` + Unknown + `"`,
		`!FindInMap [Sizes, prod, cpu]`:                        `"1024"`,
		`!FindInMap [Sizes, prod, zones]`:                      `["x","y"]`,
		`!FindInMap [Sizes, dev, cpu, {DefaultValue: none}]`:   `"none"`,
		`!Base64 hello`:                                        `"aGVsbG8="`,
		`{"Fn::Base64": !Sub "${Name}"}`:                       `"b3JkZXJz"`,
		`!If [Yes, a, b]`:                                      `"a"`,
		`!If [Both, a, b]`:                                     `"a"`,
		`!If [Either, a, b]`:                                   `"b"`,
		`[a, !If [No, b, !Ref "AWS::NoValue"]]`:                `["a"]`,
		`!If [No, b, !Ref "AWS::NoValue"]`:                     `null`,
		`!GetAZs ""`:                                           `["eu-west-1a","eu-west-1b","eu-west-1c"]`,
		`!Cidr ["10.0.0.0/16", 2, 8]`:                          `["10.0.0.0/24","10.0.1.0/24"]`,
		`!Cidr ["2001:db8::/56", 1, 64]`:                       `["2001:db8::/64"]`,
		`!ImportValue known`:                                   `"exported"`,
		`{Effect: Allow, Condition: {StringEquals: {a: b}}}`:   `{"Condition":{"StringEquals":{"a":"b"}},"Effect":"Allow"}`,
		`[5, 5.0, true, 012345678901]`:                         `["5","5.0","true","012345678901"]`,
	}
	for expression, want := range tests {
		t.Run(expression, func(t *testing.T) {
			got, err := evaluate(t, expression)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, string(encoded)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEvaluateRefuses(t *testing.T) {
	tests := map[string]string{
		`!Select [5, [a]]`:                    "Fn::Select cannot select nonexistent value at index 5",
		`!Select [x, [a]]`:                    "the first is an integer index",
		`!Join ["-", !Split ["-", !Ref New]]`: "every Fn::Join object requires two parameters",
		`!Sub "${Zones}"`:                     "variable Zones in Fn::Sub expression does not resolve to a string",
		`!Sub [x]`:                            "Fn::Sub",
		`!If [Maybe, a, b]`:                   "unresolved condition dependency Maybe in Fn::If",
		`!If [Yes, a]`:                        "Fn::If requires a list argument with three elements",
		`!ImportValue nobody`:                 "No export named nobody found.",
		`!Ref AWS::Nothing`:                   "unresolved pseudo parameter AWS::Nothing",
		`!Ref Nobody`:                         "Unresolved resource dependencies [Nobody]",
		`!Sub "${Nobody}"`:                    "Unresolved resource dependencies [Nobody]",
		`!Ref [a]`:                            "every Ref object must have a single String value",
		`!Cidr ["10.0.0.0/30", 5, 1]`:         "cannot cut 5 blocks",
		`!Cidr [nonsense, 1]`:                 "in CIDR notation",
		`!Equals [a, b]`:                      "cannot be used outside the Conditions section",
		`{"Fn::Nonsense": x}`:                 "unsupported intrinsic function Fn::Nonsense",
		`!ToJsonString {}`:                    "AWS::LanguageExtensions",
		`!Nonsense x`:                         "YAML not well-formed",
		`&a [b, *a]`:                          "YAML aliases are not allowed",
		`!FindInMap [Sizes, prod, memory]`:    "Unable to get mapping for Sizes::prod::memory",
		`~`:                                   "[/Resources/R/Properties/Value] 'null' values are not allowed in templates",
		strings.Repeat("[", 300):              "nested deeper",
	}
	for expression, want := range tests {
		t.Run(expression[:min(len(expression), 40)], func(t *testing.T) {
			_, err := evaluate(t, expression)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want %q", err, want)
			}
		})
	}
}

func TestJSONAndYAMLAreOneTemplate(t *testing.T) {
	fromJSON, err := Parse(`{"Resources": {"A": {"Type": "X::Y::Z", "Properties": {"N": 5, "B": true, "S": {"Fn::Sub": "${A}"}}}}}`)
	if err == nil {
		_, err = fromJSON.Bind(nil, Environment{})
	}
	if err == nil || !strings.Contains(err.Error(), "Circular dependency between resources: [A]") {
		t.Errorf("a resource that refers to itself: error = %v", err)
	}
	fromYAML, err := Parse("Resources:\n  A:\n    Type: X::Y::Z\n    Properties: {N: 5, B: true, S: !Sub '${A}'}\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromJSON.Resources, fromYAML.Resources); diff != "" {
		t.Error(diff)
	}
}

func TestWhereJSONIsBroken(t *testing.T) {
	for body, want := range map[string]string{
		"{\n  \"a\": }":                  "Template format error: JSON not well-formed. (line 2, column 8)",
		`{"a": 1} x`:                     "Template format error: JSON not well-formed.",
		strings.Repeat("- ", 3000) + "x": "Template format error: the template is nested deeper",
		`{"Resources": 1}`:               "Template format error: Resources must be a map.",
	} {
		if _, err := Parse(body); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error = %v, want %s", body, err, want)
		}
	}
}

func TestStructureIsChecked(t *testing.T) {
	const rest = "Resources: {A: {Type: X::Y::Z}}\n"
	for body, want := range map[string]string{
		"Nonsense: 1\n" + rest:                                          "Invalid template property or properties [Nonsense]",
		"AWSTemplateFormatVersion: 2011-01-01\n" + rest:                 "unsupported value for AWSTemplateFormatVersion",
		"Description: [a]\n" + rest:                                     "Description",
		"Parameters: x\n" + rest:                                        "Parameters must be a map",
		"Parameters: {P: x}\n" + rest:                                   "Every Parameters member P must be an object",
		"Parameters: {P: {Default: x}}\n" + rest:                        "must contain a Type member",
		"Parameters: {P: {Type: Strin}}\n" + rest:                       "Unrecognized parameter type: Strin",
		"Parameters: {P: {Type: String, Max: 1}}\n" + rest:              "Invalid template parameter property 'Max'",
		"Parameters: {P: {Type: String, AllowedPattern: '['}}\n" + rest: "AllowedPattern of parameter 'P'",
		"Parameters: {P: {Type: String, MaxLength: x}}\n" + rest:        "MaxLength of parameter 'P' must be a number",
		"Parameters: {A: {Type: String}}\n" + rest:                      "A is the name of a parameter and of a resource",
		"Conditions: {C: !Condition D}\n" + rest:                        "Unresolved condition dependencies [D]",
		"Conditions: {C: !Condition D, D: !Condition C}\n" + rest:       "Circular dependency between conditions",
		"Conditions: {C: x}\n" + rest:                                   "Conditions can only be boolean operations",
		"Conditions: {C: !Equals [!Ref A, x]}\n" + rest:                 "Cannot reference resources in the Conditions block",
		"Resources: {A: {Type: X::Y::Z, Condition: C}}":                 "Condition C is not defined",
		"Resources: {A: {Type: X::Y::Z, DependsOn: {a: b}}}":            "DependsOn must be a string or list of strings",
		"Resources: {A: {Type: X::Y::Z, Properties: x}}":                "Every Properties member must be a map",
		rest + "Outputs: {a-b: {Value: x}}":                             "non alphanumeric",
		rest + "Outputs: {O: {Value: x, Export: y}}":                    "The Export field must contain a Name",
		rest + "Rules: {R: {}}":                                         "does not evaluate the Rules section",
		"":                                                              "unsupported structure",
	} {
		parsed, err := Parse(body)
		if err == nil {
			_, err = parsed.Bind(nil, Environment{})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want %q", body, err, want)
		}
	}
}

func TestParameters(t *testing.T) {
	text := func(s string) *string { return &s }
	tests := []struct {
		name, declaration string
		given             []Given
		previous          map[string]Value
		want, refusal     string
	}{
		{"default", "{Type: String, Default: x}", nil, nil, "x", ""},
		{"given", "{Type: String, Default: x}", []Given{{Key: "P", Value: text("y")}}, nil, "y", ""},
		{"empty", "{Type: String}", []Given{{Key: "P", Value: text("")}}, nil, "", ""},
		{"missing", "{Type: String}", nil, nil, "", "Parameters: [P] must have values"},
		{"a previous value is not taken without being asked for", "{Type: String}", nil, map[string]Value{"P": {Text: "old"}}, "", "Parameters: [P] must have values"},
		{"previous", "{Type: String}", []Given{{Key: "P", UsePrevious: true}}, map[string]Value{"P": {Text: "old"}}, "old", ""},
		{"no previous", "{Type: String}", []Given{{Key: "P", UsePrevious: true}}, nil, "", "Cannot specify usePreviousValue as true for a parameter key not in the previous template"},
		{"previous and given", "{Type: String}", []Given{{Key: "P", UsePrevious: true, Value: text("x")}}, map[string]Value{"P": {}}, "", "Cannot specify usePreviousValue as true and non empty value"},
		{"twice", "{Type: String}", []Given{{Key: "P", Value: text("x")}, {Key: "P", Value: text("y")}}, nil, "", "Duplicate parameters [P]"},
		{"unknown", "{Type: String, Default: x}", []Given{{Key: "Q", Value: text("x")}}, nil, "", "Parameters: [Q] do not exist in the template"},
		{"allowed values", "{Type: String, AllowedValues: [a, b]}", []Given{{Key: "P", Value: text("c")}}, nil, "", "Parameter 'P' must be one of AllowedValues"},
		{"a default is checked too", "{Type: String, AllowedValues: [a, b], Default: c}", nil, nil, "", "Parameter 'P' must be one of AllowedValues"},
		{"pattern is anchored", "{Type: String, AllowedPattern: '[a-z]'}", []Given{{Key: "P", Value: text("ab")}}, nil, "", "Parameter 'P' must match pattern [a-z]"},
		{"own words", "{Type: String, AllowedPattern: '[a-z]', ConstraintDescription: one letter}", []Given{{Key: "P", Value: text("1")}}, nil, "", "Parameter 'P' failed to satisfy constraint: one letter"},
		{"too short", "{Type: String, MinLength: 3}", []Given{{Key: "P", Value: text("ab")}}, nil, "", "must contain at least 3 characters"},
		{"too long", "{Type: String, MaxLength: 3}", []Given{{Key: "P", Value: text("abcd")}}, nil, "", "must contain at most 3 characters"},
		{"too small", "{Type: Number, MinValue: 3}", []Given{{Key: "P", Value: text("2")}}, nil, "", "must be a number not less than 3"},
		{"too large", "{Type: Number, MaxValue: 3}", []Given{{Key: "P", Value: text("3.5")}}, nil, "", "must be a number not greater than 3"},
		{"list of numbers", "{Type: List<Number>}", []Given{{Key: "P", Value: text("1, x")}}, nil, "", "Parameter 'P' must be a number."},
		{"an AWS type", "{Type: 'AWS::EC2::VPC::Id'}", []Given{{Key: "P", Value: text("vpc-1")}}, nil, "vpc-1", ""},
		{"an SSM name", "{Type: 'AWS::SSM::Parameter::Value<String>'}", []Given{{Key: "P", Value: text("/known")}}, nil, "stored", ""},
		{"an unknown SSM name", "{Type: 'AWS::SSM::Parameter::Value<String>'}", []Given{{Key: "P", Value: text("/nobody")}}, nil, "", "Unable to fetch parameters [/nobody] from parameter store"},
		{"a long value", "{Type: String}", []Given{{Key: "P", Value: text(strings.Repeat("x", 5000))}}, nil, "", "at most 4096 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parsed, err := Parse("Parameters: {P: " + test.declaration + "}\nResources: {A: {Type: X::Y::Z}}")
			if err != nil {
				t.Fatal(err)
			}
			values, err := parsed.ResolveParameters(test.given, test.previous, func(name string) (string, bool) { return "stored", name == "/known" })
			if test.refusal != "" {
				var refused *Error
				if !errors.As(err, &refused) || !strings.Contains(refused.Message, test.refusal) {
					t.Errorf("error = %v, want %q", err, test.refusal)
				}
				return
			}
			if err != nil || values["P"].Effective() != test.want {
				t.Errorf("value = %q, %v, want %q", values["P"].Effective(), err, test.want)
			}
		})
	}
}

func TestSecretsCompareAndHide(t *testing.T) {
	one, other := Secret("key", "hunter22"), Secret("key", "hunter23")
	if one == other || one != Secret("key", "hunter22") || strings.Contains(one, "hunter") || !IsSecret(one) {
		t.Errorf("stand-ins %s and %s", one, other)
	}
	if Secret("key", one) != one || Secret("key", "") != "" {
		t.Error("a stand-in or an empty value was hidden again")
	}
	if got := MaskSecrets("a" + one + "b" + other); got != "a****b****" {
		t.Errorf("masked = %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{evaluated, "{\"Resources\": {\"A\": {\"Type\": \"X::Y::Z\"}}}", "a: !Sub [", "Resources:\n  A: {Type: X, Properties: {a: !If [b, !Ref c, {d: !GetAtt e.f}]}}",
		"Conditions: {A: !And [!Condition A, !Not [!Condition B]]}\nResources: {R: {Type: T, Condition: A}}", "- - - a", "? a\n: b", "a: &x [*x]", "!!map {a: !!str b}", "\t", "%YAML 1.1\n---\na: b\n...\n---\nc: d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		parsed, err := Parse(body)
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) || refused.Message == "" {
				t.Fatalf("error %v of type %T", err, err)
			}
			return
		}
		values, err := parsed.ResolveParameters(nil, nil, func(string) (string, bool) { return "", false })
		if err != nil {
			return
		}
		scope, err := parsed.Bind(values, Environment{})
		if err != nil {
			return
		}
		scope.Resources = someResources{}
		for _, id := range scope.Ordered() {
			_, _ = scope.Evaluate(parsed.Resources[id].Properties)
		}
	})
}
