package service_test

import (
	"fmt"
	"strings"
	"testing"
)

// What would exhaust the parser's stack or time is refused before it gets there; what is only large is not.
func TestHostileYAML(t *testing.T) {
	var keys strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&keys, "  k%d: v\n", i)
	}
	template := "Parameters: { TableName: { Type: String }, Memory: { Type: Number } }\nResources: { Topic: { Type: AWS::SNS::Topic } }\nMetadata:\n"
	for name, c := range map[string]struct {
		metadata string
		// says is part of the problem; empty where there is none.
		says string
	}{
		"brackets":      {"  a: " + strings.Repeat("[", 100_000), "nests deeper"},
		"dashes":        {"  " + strings.Repeat("- ", 100_000), "nests deeper"},
		"question":      {"  " + strings.Repeat("? ", 100_000), "nests deeper"},
		"tags":          {"  a: " + strings.Repeat("!a ", 100_000), "nests deeper"},
		"keys":          {keys.String(), "more than 5000 keys"},
		"keys in a row": {"  a: {" + strings.Repeat("b: c, ", 6000) + "}", "more than 5000 keys"},
		"long list":     {"  a:\n" + strings.Repeat("    - b: c\n", 6000), ""},
		"long row":      {"  a: [" + strings.Repeat("{b: c}, ", 6000) + "]", ""},
		"one long line": {"  a: " + strings.Repeat("x", 100_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := readTree(t, "testdata/base")
			files["templates/app.yaml"] = text(template + c.metadata + "\n")
			problems := problemsOf(t, files).Error()
			if c.says == "" && problems != "" || !strings.Contains(problems, c.says) {
				t.Errorf("got %s", problems)
			}
		})
	}
}
