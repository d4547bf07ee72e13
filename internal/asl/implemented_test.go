package asl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// What is implemented, and everything else that the States Language and Step Functions know. Every entry of the second
// kind must be refused when a definition is loaded, never ignored.

// languageFields are all fields of the States Language in either query language, by where they may stand.
// https://states-language.net/spec.html and the AWS Step Functions Developer Guide.
var languageFields = map[string][]string{
	"machine": {"Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage", "ProcessorConfig"},
	"state": {
		"Type", "Comment", "QueryLanguage", "InputPath", "OutputPath", "Next", "End", "ResultPath", "Parameters", "ResultSelector",
		"Retry", "Catch", "Assign", "Output", "Arguments", "Resource", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds",
		"HeartbeatSecondsPath", "Credentials", "Choices", "Default", "Seconds", "SecondsPath", "Timestamp", "TimestampPath", "Result",
		"Error", "ErrorPath", "Cause", "CausePath", "Branches", "ItemProcessor", "Iterator", "Items", "ItemsPath", "ItemSelector", "ItemReader",
		"ItemBatcher", "ResultWriter", "MaxConcurrency", "MaxConcurrencyPath", "ToleratedFailureCount", "ToleratedFailureCountPath",
		"ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "Label",
	},
	"retrier": {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"},
	"catcher": {"ErrorEquals", "Next", "ResultPath", "Comment", "Assign", "Output"},
	"rule":    {"Next", "Comment", "Variable", "And", "Or", "Not", "Condition", "Assign", "Output"},
}

// implementedFields is the promise of README.md, repeated here on purpose: adding a field to the parser without saying
// so fails.
var implementedFields = map[string]string{
	"machine": "Comment QueryLanguage StartAt States TimeoutSeconds Version",
	"Task": "Catch Comment End InputPath Next OutputPath Parameters QueryLanguage Resource ResultPath ResultSelector Retry TimeoutSeconds " +
		"TimeoutSecondsPath Type",
	"Choice":  "Choices Comment Default InputPath OutputPath QueryLanguage Type",
	"Wait":    "Comment End InputPath Next OutputPath QueryLanguage Seconds SecondsPath Timestamp TimestampPath Type",
	"Pass":    "Comment End InputPath Next OutputPath Parameters QueryLanguage Result ResultPath Type",
	"Succeed": "Comment InputPath OutputPath QueryLanguage Type",
	"Fail":    "Cause CausePath Comment Error ErrorPath QueryLanguage Type",
	"retrier": "BackoffRate Comment ErrorEquals IntervalSeconds JitterStrategy MaxAttempts MaxDelaySeconds",
	"catcher": "Comment ErrorEquals Next ResultPath",
	"rule":    "Comment Next",
}

func TestImplementedFields(t *testing.T) {
	got := map[string][]string{
		"machine": machineFields(), "retrier": retrierFields(), "catcher": catcherFields(), "rule": ruleFields(),
	}
	for _, typ := range StateTypes() {
		got[string(typ)] = stateFields(typ)
	}
	for where, promised := range implementedFields {
		wantList(t, where, slices.Sorted(slices.Values(got[where])), strings.Fields(promised)...)
	}
	if len(got) != len(implementedFields) {
		t.Errorf("fields are implemented in %d places, promised in %d", len(got), len(implementedFields))
	}
}

// refusedAt asserts that a definition is refused at a place and for a field or value.
func refusedAt(t *testing.T, definition, place, text string) {
	t.Helper()
	_, err := Parse([]byte(definition))
	if err == nil {
		t.Errorf("accepted, though %s has %s:\n%s", place, text, definition)
		return
	}
	refused, ok := err.(*DefinitionError)
	if !ok || !slices.ContainsFunc(refused.Problems, func(p Problem) bool { return p.Place == place && strings.Contains(p.Text, text) }) {
		t.Errorf("refused, but not %s at %s: %v\n%s", text, place, err, definition)
	}
}

// minimal is the least that a state of each type needs.
var minimal = map[StateType]string{
	Task:    `"Type": "Task", "Resource": "` + ResourceInvoke + `", "Parameters": {"FunctionName": "f", "Payload": {}}, "End": true`,
	Choice:  `"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "Other"}]`,
	Wait:    `"Type": "Wait", "Seconds": 1, "End": true`,
	Pass:    `"Type": "Pass", "End": true`,
	Succeed: `"Type": "Succeed"`,
	Fail:    `"Type": "Fail"`,
}

const other = `"Other": {"Type": "Succeed"}`

// withOther makes both states reachable.
func withOther(fields string) string {
	return `{"StartAt": "Go", "States": {"Go": {"Type": "Choice", "Default": "Other", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "S"}]},
		"S": {` + fields + `}, ` + other + `}}`
}

func TestMinimalStatesAreAccepted(t *testing.T) {
	for _, typ := range StateTypes() {
		mustParse(t, withOther(minimal[typ]))
	}
}

func TestEveryOtherFieldOfTheLanguageIsRefused(t *testing.T) {
	invented := []string{"Foo", "type", "nextState", ""}
	for _, typ := range StateTypes() {
		for _, field := range append(slices.Clone(languageFields["state"]), invented...) {
			if slices.Contains(stateFields(typ), field) {
				continue
			}
			definition := withOther(minimal[typ] + fmt.Sprintf(`, %q: 1`, field))
			refusedAt(t, definition, "/States/S/"+field, fmt.Sprintf("%q", field))
		}
	}
	for _, field := range append(slices.Clone(languageFields["machine"]), invented...) {
		if !slices.Contains(machineFields(), field) {
			refusedAt(t, fmt.Sprintf(`{%q: 1, %s`, field, strings.TrimPrefix(one(minimal[Pass]), "{")), "/"+field, fmt.Sprintf("%q", field))
		}
	}
	for _, field := range append(slices.Clone(languageFields["retrier"]), invented...) {
		if !slices.Contains(retrierFields(), field) {
			refusedAt(t, withOther(minimal[Task]+fmt.Sprintf(`, "Retry": [{"ErrorEquals": ["E"], %q: 1}]`, field)), "/States/S/Retry/0/"+field, fmt.Sprintf("%q", field))
		}
	}
	for _, field := range append(slices.Clone(languageFields["catcher"]), invented...) {
		if !slices.Contains(catcherFields(), field) {
			refusedAt(t, withOther(minimal[Task]+fmt.Sprintf(`, "Catch": [{"ErrorEquals": ["E"], "Next": "Other", %q: 1}]`, field)), "/States/S/Catch/0/"+field, fmt.Sprintf("%q", field))
		}
	}
	for _, field := range append([]string{"Condition", "Assign", "Output"}, invented...) {
		rule := fmt.Sprintf(`"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "Other", %q: 1}]`, field)
		refusedAt(t, withOther(rule), "/States/S/Choices/0/"+field, fmt.Sprintf("%q", field))
	}
}

func TestEveryFieldThatIsRefusedByNameIsOfTheLanguage(t *testing.T) {
	known := slices.Concat(slices.Collect(maps.Values(languageFields))...)
	for field := range refusedFields() {
		if !slices.Contains(known, field) {
			t.Errorf("%s is refused as a field of the language, which has none of that name", field)
		}
	}
}

func TestEveryOtherStateTypeIsRefused(t *testing.T) {
	for _, typ := range []string{"Map", "Parallel", "task", "", "Foo"} {
		refusedAt(t, one(fmt.Sprintf(`"Type": %q, "End": true`, typ)), "/States/S/Type", fmt.Sprintf("state type %q is not implemented", typ))
	}
}

func TestEveryOtherResourceIsRefused(t *testing.T) {
	for _, resource := range []string{
		"arn:aws:states:::lambda:invoke.sync", "arn:aws:states:::lambda:invoke.waitForTaskToken ", "arn:aws:states:::sqs:sendMessage",
		"arn:aws:states:::aws-sdk:cloudformation:createChangeSet", "arn:aws:lambda:eu-west-1:123456789012:function:f", "${Resource}", "",
		"arn:aws:states:eu-west-1:123456789012:activity:a", "arn:aws:states:::states:startExecution.sync:2",
	} {
		definition := strings.Replace(withOther(minimal[Task]), ResourceInvoke, resource, 1)
		refusedAt(t, definition, "/States/S/Resource", "is not implemented")
	}
}

func TestEveryOtherParameterOfInvokeIsRefused(t *testing.T) {
	for _, parameter := range []string{"ClientContext", "InvocationType", "LogType", "Qualifier", "Foo"} {
		for _, suffix := range []string{"", ".$"} {
			definition := strings.Replace(withOther(minimal[Task]), `"Payload"`, fmt.Sprintf(`%q: "$.x", "Payload"`, parameter+suffix), 1)
			refusedAt(t, definition, "/States/S/Parameters/"+parameter+suffix, "is not implemented")
		}
	}
}

func TestImplementedFunctions(t *testing.T) {
	wantList(t, "functions", intrinsicNames(), "States.Array", "States.ArrayContains", "States.ArrayGetItem", "States.ArrayLength",
		"States.ArrayPartition", "States.Format", "States.Hash", "States.JsonMerge", "States.JsonToString", "States.MathAdd",
		"States.StringSplit", "States.StringToJson", "States.UUID")
}

func TestEveryOtherFunctionIsRefused(t *testing.T) {
	for _, name := range []string{"States.ArrayRange", "States.ArrayUnique", "States.Base64Encode", "States.Base64Decode", "States.MathRandom", "States.Foo", "format"} {
		refusedAt(t, one(`"Type": "Pass", "End": true, "Parameters": {"a": [{"x.$": "`+name+`(1)"}]}`), "/States/S/Parameters/a/0/x.$", "is not implemented")
	}
}

func TestImplementedOperators(t *testing.T) {
	var want []string
	for _, family := range []string{"String", "Numeric", "Timestamp"} {
		for _, order := range []string{"Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"} {
			want = append(want, family+order, family+order+"Path")
		}
	}
	want = append(want, "BooleanEquals", "BooleanEqualsPath", "StringMatches", "IsBoolean", "IsNull", "IsNumeric", "IsPresent", "IsString", "IsTimestamp")
	wantList(t, "operators", operatorNames(), slices.Sorted(slices.Values(want))...)
	if len(want) != 39 {
		t.Errorf("%d operators, the States Language has 39", len(want))
	}
}

func TestEveryOtherOperatorIsRefused(t *testing.T) {
	for _, name := range []string{"StringMatchesPath", "IsPresentPath", "BooleanLessThan", "NumericNotEquals", "stringEquals", "Matches", "Xor"} {
		rule := fmt.Sprintf(`"Type": "Choice", "Choices": [{"Variable": "$.a", %q: "x", "Next": "Other"}]`, name)
		refusedAt(t, withOther(rule), "/States/S/Choices/0/"+name, fmt.Sprintf("%q is unknown or not implemented", name))
	}
}

func TestEveryOtherErrorNameOfTheLanguageIsRefused(t *testing.T) {
	for _, name := range []string{
		"States.Runtime", "States.BranchFailed", "States.ItemReaderFailed", "States.ResultWriterFailed", "States.ExceedToleratedFailureThreshold",
		"States.QueryEvaluationError", "States.Http.Socket", "States.all", "States.Foo", "States.",
	} {
		for _, handler := range []string{`"Retry": [{"ErrorEquals": [%q]}]`, `"Catch": [{"ErrorEquals": [%q], "Next": "Other"}]`} {
			definition := withOther(minimal[Task] + ", " + fmt.Sprintf(handler, name))
			refusedAt(t, definition, "/States/S/"+strings.Split(handler, `"`)[1]+"/0/ErrorEquals/0", "States.")
		}
	}
	for _, name := range matchableNames() {
		mustParse(t, withOther(minimal[Task]+fmt.Sprintf(`, "Retry": [{"ErrorEquals": [%q]}], "Catch": [{"ErrorEquals": [%q], "Next": "Other"}]`, name, name)))
	}
}

func TestOtherQueryLanguagesAndVersionsAreRefused(t *testing.T) {
	refusedAt(t, `{"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": {`+minimal[Pass]+`}}}`, "/QueryLanguage", "must be JSONPath")
	refusedAt(t, one(minimal[Pass]+`, "QueryLanguage": "JSONata"`), "/States/S/QueryLanguage", "must be JSONPath")
	refusedAt(t, `{"Version": "2.0", "StartAt": "S", "States": {"S": {`+minimal[Pass]+`}}}`, "/Version", "must be 1.0")
	mustParse(t, `{"Version": "1.0", "QueryLanguage": "JSONPath", "Comment": "c", "StartAt": "S", "States": {"S": {`+minimal[Pass]+`, "QueryLanguage": "JSONPath", "Comment": "d"}}}`)
}
