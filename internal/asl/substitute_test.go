package asl

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSubstitute(t *testing.T) {
	for _, c := range []struct {
		definition string
		values     map[string]string
		want       string
	}{
		{`{"a": "x"}`, nil, `{"a": "x"}`},
		{`{"a": "${A}"}`, map[string]string{"A": "1"}, `{"a": "1"}`},
		{`{"a": "${A}-${B_2}-${A}", "${A}": ["$", "$.x", "{}", "$$"]}`, map[string]string{"A": "1", "B_2": "2"}, `{"a": "1-2-1", "1": ["$", "$.x", "{}", "$$"]}`},
		{`{"a": "\\${A}\"${A}"}`, map[string]string{"A": "1"}, `{"a": "\\1\"1"}`},
		{`{"a": "${A}"}`, map[string]string{"A": "\"\\\n é${A}"}, `{"a": "\"\\\n é${A}"}`},
		{"{\n  \"a\" : \"${A}\"\n}", map[string]string{"A": ""}, "{\n  \"a\" : \"\"\n}"},
	} {
		got, err := Substitute([]byte(c.definition), c.values)
		if err != nil || string(got) != c.want {
			t.Errorf("%s with %v: %s, %v, want %s", c.definition, c.values, got, err, c.want)
		}
	}
}

func TestSubstituteRefuses(t *testing.T) {
	for _, c := range []struct {
		definition string
		values     map[string]string
		want       []string
	}{
		{`{"a": "${A}"}`, nil, []string{"${A} has no value"}},
		{`{"a": "x"}`, map[string]string{"B": "", "A": ""}, []string{"the definition has no ${A}; the definition has no ${B}"}},
		{`{"a": "${A} ${A} ${B}"}`, map[string]string{"C": ""}, []string{"${A} has no value; ${B} has no value; the definition has no ${C}"}},
		{`{"a": "${}"}`, nil, []string{`"${}" is no placeholder`}},
		{`{"a": "${A"}`, map[string]string{"A": "x"}, []string{`is no placeholder`, "no ${A}"}},
		{`{"a": "${1A}"}`, nil, []string{"is no placeholder"}},
		{`{"a": ${A}}`, map[string]string{"A": "1"}, []string{"not JSON"}},
		{`{"a": "${A}"}`, map[string]string{"A": "\xff"}, []string{"value of A is not UTF-8"}},
	} {
		got, err := Substitute([]byte(c.definition), c.values)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s with %v: %s, error %v, want one with %q", c.definition, c.values, got, err, want)
			}
		}
	}
}

// Whatever the value, the definition stays JSON and holds it as text.
func TestSubstitutedValuesAreText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.String().Draw(t, "value")
		got, err := Substitute([]byte(`{"a": "<${Name}>"}`), map[string]string{"Name": value})
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			A string `json:"a"`
		}
		if err := json.Unmarshal(got, &read); err != nil || read.A != "<"+value+">" {
			t.Fatalf("%q became %q (%v)", value, read.A, err)
		}
	})
}

func FuzzSubstitute(f *testing.F) {
	f.Add(`{"a": "${A}\"${A"}`, "x\"")
	f.Add(`"\\${A}"`, "\\")
	f.Fuzz(func(t *testing.T, definition, value string) {
		got, err := Substitute([]byte(definition), map[string]string{"A": value})
		if err == nil && !json.Valid(got) {
			t.Fatalf("%q with %q becomes %q, which is not JSON", definition, value, got)
		}
	})
}
