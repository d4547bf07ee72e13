package asl

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRefuses(t *testing.T) {
	inMachine := func(fields string) string { return `{` + fields + `}` }
	inState := func(typ StateType, more string) string { return withOther(minimal[typ] + ", " + more) }
	rule := func(rule string) string { return withOther(`"Type": "Choice", "Choices": [` + rule + `]`) }
	parameters := func(resource, parameters string) string {
		return withOther(`"Type": "Task", "End": true, "Resource": "` + resource + `", "Parameters": ` + parameters)
	}
	for name, c := range map[string]struct{ definition, place, text string }{
		"not an object":            {`[]`, "", "must be an object, not an array"},
		"null":                     {`null`, "", "must be an object, not null"},
		"no StartAt":               {inMachine(`"States": {"S": {` + minimal[Pass] + `}}`), "", `needs the field "StartAt"`},
		"no States":                {inMachine(`"StartAt": "S"`), "", `needs the field "States"`},
		"empty States":             {inMachine(`"StartAt": "S", "States": {}`), "/States", "at least one state"},
		"States is no object":      {inMachine(`"StartAt": "S", "States": []`), "/States", "must be an object"},
		"StartAt does not exist":   {inMachine(`"StartAt": "T", "States": {"S": {` + minimal[Pass] + `}}`), "/StartAt", `"T" does not exist`},
		"StartAt is no string":     {inMachine(`"StartAt": 1, "States": {"S": {` + minimal[Pass] + `}}`), "/StartAt", "must be a string, not a number"},
		"machine timeout zero":     {inMachine(`"StartAt": "S", "TimeoutSeconds": 0, "States": {"S": {` + minimal[Pass] + `}}`), "/TimeoutSeconds", "from 1 to 99999999"},
		"machine timeout too long": {inMachine(`"StartAt": "S", "TimeoutSeconds": 100000000, "States": {"S": {` + minimal[Pass] + `}}`), "/TimeoutSeconds", "from 1 to 99999999"},
		"machine timeout decimal":  {inMachine(`"StartAt": "S", "TimeoutSeconds": 1.5, "States": {"S": {` + minimal[Pass] + `}}`), "/TimeoutSeconds", "whole number"},
		"state is no object":       {inMachine(`"StartAt": "S", "States": {"S": 1}`), "/States/S", "must be an object"},
		"state without type":       {one(`"End": true`), "/States/S", `needs the field "Type"`},
		"type is no string":        {one(`"Type": 1`), "/States/S/Type", "must be a string"},
		"long name":                {inMachine(fmt.Sprintf(`"StartAt": %q, "States": {%q: {%s}}`, strings.Repeat("é", 81), strings.Repeat("é", 81), minimal[Pass])), "/States/" + strings.Repeat("é", 81), "81"},
		"empty name":               {inMachine(`"StartAt": "", "States": {"": {` + minimal[Pass] + `}}`), "/States/", "1 to 80"},
		"place is escaped":         {inMachine(`"StartAt": "a/b~", "States": {"a/b~": {"Type": "Pass"}}`), "/States/a~1b~0", `either "Next" or "End"`},
		"unreachable":              {machine(`"A": {`+minimal[Pass]+`}`, `"B": {`+minimal[Pass]+`}`), "/States/B", "no transition leads"},
		"no end":                   {machine(`"A": {"Type": "Pass", "Next": "B"}`, `"B": {"Type": "Pass", "Next": "A"}`), "/States", "can ever end"},
		"field twice":              {one(`"Type": "Pass", "End": true, "Comment": "a", "Comment": "b"`), "/States/S/Comment", "there twice"},
		"state twice":              {machine(`"A": {`+minimal[Pass]+`}`, `"A": {`+minimal[Pass]+`}`), "/States/A", "there twice"},

		"Next and End":          {inState(Pass, `"Next": "Other"`), "/States/S", `either "Next" or "End"`},
		"neither Next nor End":  {one(`"Type": "Pass"`), "/States/S", `either "Next" or "End"`},
		"End false":             {one(`"Type": "Pass", "End": false`), "/States/S", `either "Next" or "End"`},
		"End is no boolean":     {one(`"Type": "Pass", "End": "true"`), "/States/S/End", "must be true or false"},
		"Next does not exist":   {one(`"Type": "Pass", "Next": "T"`), "/States/S", `next transition leads to state "T", which does not exist`},
		"Next is no string":     {one(`"Type": "Pass", "Next": null`), "/States/S/Next", "must be a string, not null"},
		"Comment is no string":  {inState(Pass, `"Comment": 1`), "/States/S/Comment", "must be a string"},
		"InputPath number":      {inState(Pass, `"InputPath": 1`), "/States/S/InputPath", "holds a path"},
		"InputPath wildcard":    {inState(Pass, `"InputPath": "$.a[*]"`), "/States/S/InputPath", "wildcard"},
		"InputPath function":    {inState(Pass, `"InputPath": "States.Array()"`), "/States/S/InputPath", "does not begin with $"},
		"OutputPath variable":   {inState(Pass, `"OutputPath": "$a"`), "/States/S/OutputPath", "variables"},
		"ResultPath context":    {inState(Pass, `"ResultPath": "$$.Execution.Input"`), "/States/S/ResultPath", "must not lead into the context object"},
		"ResultPath number":     {inState(Pass, `"ResultPath": 1`), "/States/S/ResultPath", "holds a path"},
		"token in InputPath":    {inState(Pass, `"InputPath": "$$.Task.Token"`), "/States/S/InputPath", "only the Parameters"},
		"token in selector":     {inState(Task, `"ResultSelector": {"t.$": "States.Format('{}', $$.Task.Token)"}`), "/States/S/ResultSelector/t.$", "only the Parameters"},
		"token in a choice":     {rule(`{"Variable": "$$.Task", "IsPresent": true, "Next": "Other"}`), "/States/S/Choices/0/Variable", "only the Parameters"},
		"Parameters no object":  {inState(Pass, `"Parameters": "$"`), "/States/S/Parameters", "must be an object"},
		"Parameters no string":  {inState(Pass, `"Parameters": {"a.$": 1}`), "/States/S/Parameters/a.$", "must be a string"},
		"Parameters no path":    {inState(Pass, `"Parameters": {"a": {"b.$": "c"}}`), "/States/S/Parameters/a/b.$", `"c" is not implemented`},
		"Parameters field pair": {inState(Pass, `"Parameters": {"a": 1, "a.$": "$.a"}`), "/States/S/Parameters/a.$", "both make a field"},
		"selector no object":    {inState(Task, `"ResultSelector": []`), "/States/S/ResultSelector", "must be an object"},

		"Choice without rules":    {withOther(`"Type": "Choice", "Choices": []`), "/States/S", "at least one rule"},
		"Choice without Choices":  {withOther(`"Type": "Choice"`), "/States/S", "at least one rule"},
		"Choice no array":         {withOther(`"Type": "Choice", "Choices": {}`), "/States/S", "at least one rule"},
		"Default does not exist":  {inState(Choice, `"Default": "T"`), "/States/S", "default transition"},
		"rule no object":          {rule(`1`), "/States/S/Choices/0", "must be an object"},
		"rule without Next":       {rule(`{"Variable": "$.a", "IsNull": true}`), "/States/S/Choices/0", `needs the field "Next"`},
		"rule without Variable":   {rule(`{"IsNull": true, "Next": "Other"}`), "/States/S/Choices/0", `needs the field "Variable"`},
		"rule without operator":   {rule(`{"Variable": "$.a", "Next": "Other"}`), "/States/S/Choices/0", "exactly one comparison operator"},
		"rule with two operators": {rule(`{"Variable": "$.a", "IsNull": true, "IsString": true, "Next": "Other"}`), "/States/S/Choices/0", "this one has 2"},
		"And with Variable":       {rule(`{"And": [{"Variable": "$.a", "IsNull": true}], "Variable": "$.a", "Next": "Other"}`), "/States/S/Choices/0/Variable", "Variable"},
		"And with Or":             {rule(`{"And": [{"Variable": "$.a", "IsNull": true}], "Or": [], "Next": "Other"}`), "/States/S/Choices/0/Or", "Or"},
		"And empty":               {rule(`{"And": [], "Next": "Other"}`), "/States/S/Choices/0/And", "at least one test"},
		"Or no array":             {rule(`{"Or": {"Variable": "$.a", "IsNull": true}, "Next": "Other"}`), "/States/S/Choices/0/Or", "must be an array"},
		"Not no object":           {rule(`{"Not": [], "Next": "Other"}`), "/States/S/Choices/0/Not", "must be an object"},
		"Next inside":             {rule(`{"Not": {"Variable": "$.a", "IsNull": true, "Next": "Other"}, "Next": "Other"}`), "/States/S/Choices/0/Not/Next", "only a rule at the top"},
		"rule leads nowhere":      {rule(`{"Variable": "$.a", "IsNull": true, "Next": "T"}`), "/States/S", "choice transition"},
		"StringEquals number":     {rule(`{"Variable": "$.a", "StringEquals": 1, "Next": "Other"}`), "/States/S/Choices/0/StringEquals", "takes a string"},
		"NumericEquals string":    {rule(`{"Variable": "$.a", "NumericEquals": "1", "Next": "Other"}`), "/States/S/Choices/0/NumericEquals", "takes a number"},
		"BooleanEquals null":      {rule(`{"Variable": "$.a", "BooleanEquals": null, "Next": "Other"}`), "/States/S/Choices/0/BooleanEquals", "takes true or false"},
		"TimestampEquals text":    {rule(`{"Variable": "$.a", "TimestampEquals": "today", "Next": "Other"}`), "/States/S/Choices/0/TimestampEquals", "takes a timestamp"},
		"IsNull string":           {rule(`{"Variable": "$.a", "IsNull": "true", "Next": "Other"}`), "/States/S/Choices/0/IsNull", "takes true or false"},
		"StringMatches backslash": {rule(`{"Variable": "$.a", "StringMatches": "a\\b", "Next": "Other"}`), "/States/S/Choices/0/StringMatches", "backslash"},
		"Path operator no path":   {rule(`{"Variable": "$.a", "StringEqualsPath": "b", "Next": "Other"}`), "/States/S/Choices/0/StringEqualsPath", "does not begin with $"},
		"Path operator no string": {rule(`{"Variable": "$.a", "NumericEqualsPath": 1, "Next": "Other"}`), "/States/S/Choices/0/NumericEqualsPath", "holds a path"},

		"Wait with nothing":   {one(`"Type": "Wait", "End": true`), "/States/S", "exactly one of Seconds, SecondsPath, Timestamp, TimestampPath"},
		"Wait with two":       {inState(Wait, `"SecondsPath": "$.a"`), "/States/S", "exactly one of"},
		"Wait negative":       {one(`"Type": "Wait", "Seconds": -1, "End": true`), "/States/S/Seconds", "from 0 to"},
		"Wait text":           {one(`"Type": "Wait", "Seconds": "1", "End": true`), "/States/S/Seconds", "whole number"},
		"Wait bad time":       {one(`"Type": "Wait", "Timestamp": "2026-11-22T14:02:03", "End": true`), "/States/S/Timestamp", "such as 2026"},
		"Wait bad path":       {one(`"Type": "Wait", "TimestampPath": "$.a[?(@.b)]", "End": true`), "/States/S/TimestampPath", "filters"},
		"Fail Error and path": {inState(Fail, `"Error": "E", "ErrorPath": "$.e"`), "/States/S/ErrorPath", "either Error or ErrorPath"},
		"Fail Cause and path": {inState(Fail, `"Cause": "E", "CausePath": "$.e"`), "/States/S/CausePath", "either Cause or CausePath"},
		"Fail Error number":   {inState(Fail, `"Error": 1`), "/States/S/Error", "must be a string"},
		"Fail bad path":       {inState(Fail, `"CausePath": "cause"`), "/States/S/CausePath", "is not implemented"},

		"Task without Resource":        {withOther(`"Type": "Task", "End": true, "Parameters": {"FunctionName": "f", "Payload": {}}`), "/States/S", `needs the field "Resource"`},
		"Task without Parameters":      {withOther(`"Type": "Task", "End": true, "Resource": "` + ResourceInvoke + `"`), "/States/S", `needs the field "Parameters"`},
		"Task without FunctionName":    {parameters(ResourceInvoke, `{"Payload": {}}`), "/States/S/Parameters", `needs the parameter "FunctionName"`},
		"Task without Payload":         {parameters(ResourceInvoke, `{"FunctionName": "f"}`), "/States/S/Parameters", `needs the parameter "Payload"`},
		"Task with empty name":         {parameters(ResourceInvoke, `{"FunctionName": "", "Payload": {}}`), "/States/S/Parameters/FunctionName", "must be a string that is not empty"},
		"Task with a number as name":   {parameters(ResourceInvoke, `{"FunctionName": 1, "Payload": {}}`), "/States/S/Parameters/FunctionName", "must be a string that is not empty"},
		"Parameters no object in Task": {parameters(ResourceInvoke, `[]`), "/States/S/Parameters", "must be an object"},
		"token without callback":       {parameters(ResourceInvoke, `{"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token"}}`), "/States/S/Parameters/Payload/t.$", "only the Parameters"},
		"callback without token":       {parameters(ResourceInvokeCallback, `{"FunctionName": "f", "Payload": {"t": "$$.Task.Token"}}`), "/States/S/Parameters", "nobody could ever answer"},
		"timeout zero":                 {inState(Task, `"TimeoutSeconds": 0`), "/States/S/TimeoutSeconds", "from 1 to"},
		"both timeouts":                {inState(Task, `"TimeoutSeconds": 1, "TimeoutSecondsPath": "$.t"`), "/States/S/TimeoutSecondsPath", "either TimeoutSeconds or TimeoutSecondsPath"},
		"Retry no array":               {inState(Task, `"Retry": {}`), "/States/S/Retry", "must be an array"},
		"retrier no object":            {inState(Task, `"Retry": [1]`), "/States/S/Retry/0", "must be an object"},
		"retrier without names":        {inState(Task, `"Retry": [{}]`), "/States/S/Retry/0", `needs the field "ErrorEquals"`},
		"retrier with no names":        {inState(Task, `"Retry": [{"ErrorEquals": []}]`), "/States/S/Retry/0/ErrorEquals", "at least one error name"},
		"names no array":               {inState(Task, `"Retry": [{"ErrorEquals": "E"}]`), "/States/S/Retry/0/ErrorEquals", "must be an array"},
		"name no string":               {inState(Task, `"Retry": [{"ErrorEquals": [1]}]`), "/States/S/Retry/0/ErrorEquals/0", "must be a string"},
		"name empty":                   {inState(Task, `"Retry": [{"ErrorEquals": [""]}]`), "/States/S/Retry/0/ErrorEquals/0", "must not be empty"},
		"ALL not alone in Retry":       {inState(Task, `"Retry": [{"ErrorEquals": ["E", "States.ALL"]}]`), "/States/S/Retry/0/ErrorEquals", "must stand alone"},
		"ALL not last in Retry":        {inState(Task, `"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}]`), "/States/S/Retry/0/ErrorEquals", "must be in the last"},
		"ALL not alone in Catch":       {inState(Task, `"Catch": [{"ErrorEquals": ["States.ALL", "E"], "Next": "Other"}]`), "/States/S/Catch/0/ErrorEquals", "must stand alone"},
		"ALL not last in Catch":        {inState(Task, `"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Other"}, {"ErrorEquals": ["E"], "Next": "Other"}]`), "/States/S/Catch/0/ErrorEquals", "must be in the last"},
		"interval zero":                {inState(Task, `"Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 0}]`), "/States/S/Retry/0/IntervalSeconds", "from 1 to"},
		"attempts negative":            {inState(Task, `"Retry": [{"ErrorEquals": ["E"], "MaxAttempts": -1}]`), "/States/S/Retry/0/MaxAttempts", "from 0 to"},
		"backoff below one":            {inState(Task, `"Retry": [{"ErrorEquals": ["E"], "BackoffRate": 0.9}]`), "/States/S/Retry/0/BackoffRate", "at least 1.0"},
		"backoff text":                 {inState(Task, `"Retry": [{"ErrorEquals": ["E"], "BackoffRate": "2"}]`), "/States/S/Retry/0/BackoffRate", "at least 1.0"},
		"delay zero":                   {inState(Task, `"Retry": [{"ErrorEquals": ["E"], "MaxDelaySeconds": 0}]`), "/States/S/Retry/0/MaxDelaySeconds", "from 1 to"},
		"jitter":                       {inState(Task, `"Retry": [{"ErrorEquals": ["E"], "JitterStrategy": "HALF"}]`), "/States/S/Retry/0/JitterStrategy", "NONE or FULL"},
		"catcher without Next":         {inState(Task, `"Catch": [{"ErrorEquals": ["E"]}]`), "/States/S/Catch/0", `needs the field "Next"`},
		"catcher leads nowhere":        {inState(Task, `"Catch": [{"ErrorEquals": ["E"], "Next": "T"}]`), "/States/S", "catch transition"},
		"catcher bad ResultPath":       {inState(Task, `"Catch": [{"ErrorEquals": ["E"], "Next": "Other", "ResultPath": "$.a[1:2]"}]`), "/States/S/Catch/0/ResultPath", "slices"},
	} {
		t.Run(name, func(t *testing.T) { refusedAt(t, c.definition, c.place, c.text) })
	}
}

func TestParseRefusesBrokenJSON(t *testing.T) {
	for definition, reason := range map[string]string{
		"":                       "unexpected EOF",
		"{":                      "unexpected EOF",
		"{\n\"a\": 1,\n}":        "line 3",
		"{} {}":                  "more text",
		"{} x":                   "line 1",
		"{\"a\": 01}":            "line 1",
		strings.Repeat("[", 300): "nested deeper",
		`{"a": "` + strings.Repeat("x", maxDefinitionBytes) + `"}`: "at most 1048576",
	} {
		_, err := Parse([]byte(definition))
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.HasPrefix(err.Error(), "read state machine definition: ") {
			t.Errorf("%.40q: error %v, want one with %q", definition, err, reason)
		}
	}
}

func TestParseReportsEverythingAtOnceInTheOrderOfTheFile(t *testing.T) {
	_, err := Parse([]byte(`{
  "StartAt": "A",
  "Foo": 1,
  "States": {
    "A": {
      "Type": "Pass",
      "Assign": {},
      "Next": "B"
    },
    "B": { "Type": "Map" },
    "C": { "Type": "Succeed",
      "OutputPath": "$.a[*]" }
  }
}`))
	var refused *DefinitionError
	if !errors.As(err, &refused) {
		t.Fatalf("error %v", err)
	}
	var got []string
	for _, problem := range refused.Problems {
		got = append(got, fmt.Sprintf("%d %s", problem.Line, problem.Place))
	}
	want := []string{"3 /Foo", "7 /States/A/Assign", "10 /States/B/Type", "12 /States/C/OutputPath"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s\n%v", diff, err)
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 5 || !strings.Contains(lines[0], "4 reasons") || !strings.Contains(lines[1], "line 3, /Foo: ") {
		t.Errorf("message:\n%v", err)
	}
}

func TestDefinitionErrorNamesThePlace(t *testing.T) {
	for definition, want := range map[string]string{
		"[]":                                   "state machine definition refused: line 1, definition: a state machine must be an object, not an array",
		one(`"Type": "Pass", "End": 1`):        "state machine definition refused for 2 reasons:\n  line 1, /States/S",
		`{"StartAt": "S", "States": {}}`:       "state machine definition refused for 2 reasons:\n  line 1, /",
		"{\"StartAt\":\n\"S\", \"States\": 1}": "state machine definition refused: line 2, /States: States must be an object, not a number",
	} {
		if _, err := Parse([]byte(definition)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", definition, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, typ := range StateTypes() {
		f.Add(withOther(minimal[typ]))
	}
	f.Add(machine(callback("Ask", `"TimeoutSecondsPath": "$.t", "Retry": [{"ErrorEquals": ["States.ALL"]}], "Catch": [{"ErrorEquals": ["E"], "Next": "Ask"}], `+end)))
	f.Add(withOther(`"Type": "Choice", "Choices": [{"Not": {"And": [{"Or": [1]}]}, "Next": 1}]`))
	f.Add(one(`"Type": "Pass", "End": true, "Parameters": {"a.$": "States.Format('{}', $.x)", "b": [{"c.$": "$$.State"}]}`))
	f.Add(`{"StartAt": null, "States": {"": {"Type": "Fail", "ErrorPath": "$"}}}`)
	f.Fuzz(func(t *testing.T, definition string) {
		m, err := Parse([]byte(definition))
		if err != nil {
			return
		}
		if !json.Valid([]byte(definition)) {
			t.Fatalf("accepted what is not JSON: %q", definition)
		}
		if _, ok := m.State(m.StartAt()); !ok || len(m.States()) == 0 {
			t.Fatalf("accepted a machine without its first state: %q", definition)
		}
	})
}
