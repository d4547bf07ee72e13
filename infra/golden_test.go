package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"stackgate/internal/golden"
)

// definitionStands is what stands in golden files for a state machine's definition, which has its own test.
const definitionStands = "(as in statemachines/)"

func TestTemplates(t *testing.T) {
	made := example(t)
	ids := []string{hub, checkout, billing, base, stagingRoles, prodRoles, prodBilling}
	for _, id := range ids {
		t.Run(id, func(t *testing.T) { golden.Assert(t, "golden/"+id+".template.json", readable(t, made.texts[id])) })
	}
	for id := range made.texts {
		if !slices.Contains(ids, id) {
			t.Errorf("stack %s has no golden file", id)
		}
	}
}

// readable is a template as people read it: indented, and each definition named instead of repeated.
func readable(t *testing.T, text string) []byte {
	t.Helper()
	var template map[string]any
	if err := json.Unmarshal([]byte(text), &template); err != nil {
		t.Fatal(err)
	}
	resources, _ := template["Resources"].(map[string]any)
	for _, r := range resources {
		properties, _ := r.(map[string]any)["Properties"].(map[string]any)
		if _, ok := properties["DefinitionString"]; ok {
			properties["DefinitionString"] = definitionStands
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(template); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
