package asl

import (
	"fmt"
	"strings"
	"testing"
)

// rule evaluates one rule against an input. The bool is whether it holds.
func evaluateRule(t *testing.T, rule, input string) bool {
	t.Helper()
	result := newRig(t).run(choiceMachine(rule), input)
	if result.Status != StatusSucceeded {
		t.Fatalf("rule %s on %s: %s %s", rule, input, result.Error, result.Cause)
	}
	return string(result.Output) == `"yes"`
}

// choiceMachine gives "yes" where the rule holds and "no" where not.
func choiceMachine(rule string) string {
	return machine(`"C": {"Type": "Choice", "Choices": [`+strings.TrimSuffix(rule, "}")+`, "Next": "Y"}], "Default": "N"}`,
		`"Y": {"Type": "Pass", "Result": "yes", "End": true}`, `"N": {"Type": "Pass", "Result": "no", "End": true}`)
}

// Every ordering operator, constant and from a path, against smaller, equal and larger values.
func TestOrderingOperators(t *testing.T) {
	families := map[string][3]string{
		"String":    {`"a"`, `"b"`, `"c"`},
		"Numeric":   {`1.5`, `2`, `10`},
		"Timestamp": {`"2026-11-22T14:00:00Z"`, `"2026-11-22T16:00:00+01:00"`, `"2026-11-22T15:00:00.001Z"`},
	}
	holds := map[string][3]bool{ // for a value that is smaller, equal, larger
		"Equals":            {false, true, false},
		"LessThan":          {true, false, false},
		"LessThanEquals":    {true, true, false},
		"GreaterThan":       {false, false, true},
		"GreaterThanEquals": {false, true, true},
	}
	others := []string{`null`, `true`, `[]`, `{}`, `"x"`, `7`}
	for family, values := range families {
		for name, wants := range holds {
			for at, value := range values {
				constant := fmt.Sprintf(`{"Variable": "$.v", %q: %s}`, family+name, values[1])
				fromPath := fmt.Sprintf(`{"Variable": "$.v", %q: "$.w"}`, family+name+"Path")
				if got := evaluateRule(t, constant, `{"v": `+value+`}`); got != wants[at] {
					t.Errorf("%s on %s: %v, want %v", constant, value, got, wants[at])
				}
				if got := evaluateRule(t, fromPath, `{"v": `+value+`, "w": `+values[1]+`}`); got != wants[at] {
					t.Errorf("%s on %s: %v, want %v", fromPath, value, got, wants[at])
				}
			}
			for _, other := range others {
				if family == "String" && other == `"x"` || family == "Numeric" && other == `7` {
					continue
				}
				rule := fmt.Sprintf(`{"Variable": "$.v", %q: %s}`, family+name, values[1])
				fromPath := fmt.Sprintf(`{"Variable": "$.v", %q: "$.w"}`, family+name+"Path")
				if evaluateRule(t, rule, `{"v": `+other+`}`) || evaluateRule(t, fromPath, `{"v": `+values[1]+`, "w": `+other+`}`) {
					t.Errorf("%s holds for %s, which is of another type", rule, other)
				}
			}
		}
	}
}

func TestBooleanEquals(t *testing.T) {
	for _, c := range []struct {
		value, operand string
		want           bool
	}{{"true", "true", true}, {"false", "false", true}, {"true", "false", false}, {"1", "true", false}, {`"true"`, "true", false}, {"null", "false", false}, {"{}", "true", false}} {
		if got := evaluateRule(t, `{"Variable": "$.v", "BooleanEquals": `+c.operand+`}`, `{"v": `+c.value+`}`); got != c.want {
			t.Errorf("%s BooleanEquals %s: %v", c.value, c.operand, got)
		}
		if got := evaluateRule(t, `{"Variable": "$.v", "BooleanEqualsPath": "$.w"}`, `{"v": `+c.value+`, "w": `+c.operand+`}`); got != c.want {
			t.Errorf("%s BooleanEqualsPath %s: %v", c.value, c.operand, got)
		}
	}
}

func TestTypeOperators(t *testing.T) {
	values := map[string]string{
		"null": `null`, "string": `"x"`, "timestamp": `"2026-11-22T14:02:03Z"`, "number": `-1.5e3`, "boolean": `false`, "array": `[]`, "object": `{}`,
	}
	holds := map[string][]string{
		"IsNull":      {"null"},
		"IsString":    {"string", "timestamp"},
		"IsTimestamp": {"timestamp"},
		"IsNumeric":   {"number"},
		"IsBoolean":   {"boolean"},
		"IsPresent":   {"null", "string", "timestamp", "number", "boolean", "array", "object"},
	}
	for operator, kinds := range holds {
		for kind, value := range values {
			want := strings.Contains(" "+strings.Join(kinds, " ")+" ", " "+kind+" ")
			for _, operand := range []bool{true, false} {
				rule := fmt.Sprintf(`{"Variable": "$.v", %q: %v}`, operator, operand)
				if got := evaluateRule(t, rule, `{"v": `+value+`}`); got != (want == operand) {
					t.Errorf("%s on %s: %v", rule, value, got)
				}
			}
		}
	}
}

func TestIsPresentOnPathsThatFindNothing(t *testing.T) {
	for _, input := range []string{`{}`, `null`, `{"v": 1}`, `{"v": {}}`, `[]`} {
		if evaluateRule(t, `{"Variable": "$.v.w", "IsPresent": true}`, input) {
			t.Errorf("$.v.w is present in %s", input)
		}
		if !evaluateRule(t, `{"Variable": "$.v.w", "IsPresent": false}`, input) {
			t.Errorf("$.v.w is not absent in %s", input)
		}
	}
}

func TestTimestampForms(t *testing.T) {
	for text, want := range map[string]bool{
		"2026-11-22T14:02:03Z":           true,
		"2026-11-22T14:02:03.123456789Z": true,
		"2026-11-22T14:02:03+01:00":      true,
		"2026-11-22T14:02:03-00:30":      true,
		"2026-11-22T14:02:03":            false,
		"2026-11-22 14:02:03Z":           false,
		"2026-11-22t14:02:03z":           false,
		"2026-11-22T14:02:03,5Z":         false,
		"2026-11-22T14:02Z":              false,
		"2026-13-22T14:02:03Z":           false,
		"2026-11-22T25:02:03Z":           false,
		"22-11-2026T14:02:03Z":           false,
		"2026-11-22":                     false,
		"":                               false,
	} {
		if got := isTimestamp(text); got != want {
			t.Errorf("%q is a timestamp: %v", text, got)
		}
	}
}

func TestStringMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"abc", "abc", true}, {"abc", "abcd", false}, {"abc", "ABC", false}, {"", "", true}, {"", "a", false},
		{"*", "", true}, {"*", "anything\nat all", true}, {"a*", "a", true}, {"a*", "ab", true}, {"a*", "ba", false},
		{"*a", "ba", true}, {"*a", "ab", false}, {"a*c", "abc", true}, {"a*c", "ac", true}, {"a*a", "a", false}, {"a*a", "aa", true},
		{"log-*.txt", "log-2026.txt", true}, {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}, {"*b*", "abc", true}, {"**", "x", true},
		{"*ab*ab*", "abab", true}, {"*ab*ab*", "aba", false},
		{`a\*c`, "a*c", true}, {`a\*c`, "abc", false}, {`a\\*`, `a\b`, true}, {`\\`, `\`, true}, {"é*", "éa", true}, {"a.c", "abc", false}, {"[a]", "a", false},
	} {
		if problem := patternProblem(c.pattern); problem != "" {
			t.Errorf("pattern %q is refused: %s", c.pattern, problem)
		}
		if got := matchesPattern(c.text, c.pattern); got != c.want {
			t.Errorf("%q matches %q: %v", c.text, c.pattern, got)
		}
	}
	for _, pattern := range []any{`a\b`, `\`, 1, nil} {
		if patternProblem(pattern) == "" {
			t.Errorf("pattern %v is accepted", pattern)
		}
	}
	if evaluateRule(t, `{"Variable": "$.v", "StringMatches": "*"}`, `{"v": 1}`) {
		t.Error("a number matches a pattern")
	}
}

func TestCombinations(t *testing.T) {
	const yes, no = `{"Variable": "$.v", "IsPresent": true}`, `{"Variable": "$.v", "IsPresent": false}`
	const broken = `{"Variable": "$.gone", "NumericEquals": 1}` // fails the execution when it is asked
	for rule, want := range map[string]bool{
		`{"And": [` + yes + `, ` + yes + `]}`:                               true,
		`{"And": [` + yes + `, ` + no + `]}`:                                false,
		`{"And": [` + no + `, ` + broken + `]}`:                             false,
		`{"Or": [` + no + `, ` + no + `]}`:                                  false,
		`{"Or": [` + no + `, ` + yes + `]}`:                                 true,
		`{"Or": [` + yes + `, ` + broken + `]}`:                             true,
		`{"Not": ` + yes + `}`:                                              false,
		`{"Not": ` + no + `}`:                                               true,
		`{"Not": {"Or": [` + no + `, {"And": [` + yes + `, ` + no + `]}]}}`: true,
	} {
		if got := evaluateRule(t, rule, `{"v": 1}`); got != want {
			t.Errorf("%s: %v, want %v", rule, got, want)
		}
	}
}

func TestChoiceTakesTheFirstRuleThatHolds(t *testing.T) {
	definition := machine(`"C": {"Type": "Choice", "InputPath": "$.in", "OutputPath": "$.out", "Choices": [
			{"Variable": "$.n", "NumericLessThan": 5, "Next": "Low"}, {"Variable": "$.n", "NumericLessThan": 9, "Next": "Middle"}], "Default": "High"}`,
		`"Low": {"Type": "Succeed"}`, `"Middle": {"Type": "Succeed"}`, `"High": {"Type": "Succeed"}`)
	for n, want := range map[string]string{"1": "Low", "5": "Middle", "9": "High"} {
		r := newRig(t)
		result := r.run(definition, `{"in": {"n": `+n+`, "out": "kept"}}`)
		wantResult(t, result, StatusSucceeded, `"kept"`)
		wantList(t, "path", r.path(), "C", want)
	}
}

func TestChoiceComparesTheContextObject(t *testing.T) {
	if !evaluateRule(t, `{"Variable": "$$.Execution.Name", "StringEqualsPath": "$.name"}`, `{"name": "run-1"}`) {
		t.Error("the execution's name is not found")
	}
}

func TestChoicePathThatFindsNothing(t *testing.T) {
	for _, rule := range []string{`{"Variable": "$.gone", "StringEquals": "x"}`, `{"Variable": "$.v", "StringEqualsPath": "$.gone"}`,
		`{"Variable": "$.gone", "IsNull": true}`, `{"Not": {"Variable": "$.gone", "IsString": true}}`} {
		r := newRig(t)
		wantFailure(t, r.run(choiceMachine(rule), `{"v": "x"}`), ErrorRuntime,
			"An error occurred while executing the state 'C' (entered at the event id #2). Invalid path '$.gone': The choice state's condition path references an invalid value.")
		wantList(t, "events", r.types(), "ExecutionStarted", "ChoiceStateEntered", "ExecutionFailed")
	}
}
