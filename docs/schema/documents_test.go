package schema_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/rendertest"
	"stackgate/internal/tail"
)

func compile(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t testing.TB, schema *jsonschema.Schema, what string, document any) {
	t.Helper()
	content, isJSON := document.([]byte)
	if !isJSON {
		var err error
		if content, err = json.Marshal(document); err != nil {
			t.Fatal(err)
		}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// strangers are the cases with words that no version knows, or that are attacks.
var strangers = []string{"words", "impacts", "hostile"}

func TestReviewsAreAsTheirSchemaSays(t *testing.T) {
	schema := compile(t, "review")
	for _, c := range rendertest.Cases() {
		if slices.Contains(strangers, c.Name) {
			continue
		}
		content, err := plan.Encode(c.Review)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, schema, c.Name, content)
	}
	kept, err := filepath.Glob("../../internal/cfn/testdata/answers/*.golden")
	if err != nil || len(kept) == 0 {
		t.Fatalf("%d reviews are kept (error %v)", len(kept), err)
	}
	for _, path := range kept {
		validate(t, schema, path, read(t, path))
	}
}

func TestComparisonsAreAsTheirSchemaSays(t *testing.T) {
	schema := compile(t, "review-diff")
	for _, c := range rendertest.DeltaCases() {
		if !strings.Contains(c.Name, "hostile") {
			validate(t, schema, c.Name, c.Delta)
		}
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// recorded lists what was recorded on AWS, beside the repository.
func recorded(t *testing.T, kind string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "fixtures", "recorded", kind, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skip("the recorded answers (../shared/fixtures/recorded) are not on this machine")
	}
	return paths
}

func TestReviewsOfRecordedAnswersAreAsTheirSchemaSays(t *testing.T) {
	schema, comparison := compile(t, "review"), compile(t, "review-diff")
	var last plan.Review
	for _, path := range recorded(t, "changesets") {
		description, err := cfn.LoadDescription(cfn.SavedAnswer{Name: path, Data: read(t, path)})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		review, err := cfn.Review(description, cfn.ReviewInput{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		content, err := plan.Encode(review)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, schema, path, content)
		if last.Schema == "" {
			last = review
		}
		validate(t, comparison, path, delta.Between(delta.Named{Name: "a", Review: last}, delta.Named{Name: "b", Review: review}))
		last = review
	}
}

func TestTailsOfRecordedEventsAreAsTheirSchemaSays(t *testing.T) {
	schema := compile(t, "tail")
	for _, path := range recorded(t, "events") {
		loaded, err := tail.Load([]tail.File{{Name: path, Data: read(t, path)}}, "")
		if err != nil {
			continue // several stacks in one file: which one is meant is asked, and tested, elsewhere
		}
		validate(t, schema, path, tail.Explain(tail.Input{Operation: loaded.Operation, Events: loaded.Events, Unread: loaded.Notes}))
	}
}

// TestSchemasRefuse shows that the schemas say something.
func TestSchemasRefuse(t *testing.T) {
	for name := range documents {
		schema := compile(t, name)
		for _, wrong := range []string{`{}`, `[]`, `{"schema":"stackgate.other/v1"}`} {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
			if err != nil {
				t.Fatal(err)
			}
			if schema.Validate(value) == nil {
				t.Errorf("%s takes %s", name, wrong)
			}
		}
	}
	events := compile(t, "events")
	for line, good := range map[string]bool{
		`{"type":"version","schema":"stackgate/events/1.0"}`:                                                            true,
		`{"type":"version","schema":"stackgate/events/2.0"}`:                                                            false,
		`{"seq":1,"time":"2026-11-22T14:02:03Z","level":"debug","deploymentId":"x","type":"state_entered","state":"S"}`: true,
		`{"seq":1,"time":"2026-11-22T14:02:03Z","level":"debug","deploymentId":"x","type":"state_entered"}`:             false,
		`{"seq":1,"time":"2026-11-22T14:02:03Z","level":"loud","deploymentId":"x","type":"state_entered","state":"S"}`:  false,
		`{"seq":1,"time":"2026-11-22T14:02:03Z","level":"info","deploymentId":"x","type":"unheard_of"}`:                 false,
		`{"type":"state_entered","state":"S"}`:                                                                          false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := events.Validate(value); (err == nil) != good {
			t.Errorf("%s: %v", line, err)
		}
	}
}
