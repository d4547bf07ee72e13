// Package schema_test makes the JSON Schemas of this folder from the Go types, and holds real documents to them.
package schema_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"stackgate/internal/approval"
	"stackgate/internal/cli/feed"
	"stackgate/internal/cli/present"
	"stackgate/internal/deployment"
	"stackgate/internal/golden"
	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/stream"
	"stackgate/internal/tail"
)

// documents are the files of this folder and the types that they are made of. The events have no type of their own.
var documents = map[string]reflect.Type{
	"review":      reflect.TypeFor[plan.Review](),
	"review-diff": reflect.TypeFor[delta.Document](),
	"tail":        reflect.TypeFor[tail.Document](),
	"deployment":  reflect.TypeFor[present.Status](),
}

// schemas are the values of the member "schema".
var schemas = map[string]string{
	"review": plan.Schema, "review-diff": delta.Schema, "tail": tail.Schema, "deployment": "stackgate.deployment/v1",
}

// bodies are what the events hold beside their head; those with nil have none.
var bodies = map[stream.Type]reflect.Type{
	stream.StateEntered: reflect.TypeFor[stream.State](), stream.PlanStarted: reflect.TypeFor[stream.Plan](), stream.Queued: reflect.TypeFor[stream.Queue](),
	stream.ChangeSetStatus: reflect.TypeFor[stream.ChangeSet](), stream.PlannedChange: reflect.TypeFor[stream.Change](),
	stream.ChangeSummary: reflect.TypeFor[stream.Summary](), stream.ApprovalRequested: reflect.TypeFor[stream.Approval](),
	stream.ApprovalRecorded: reflect.TypeFor[stream.Decision](), stream.ExecutionStarted: reflect.TypeFor[stream.Execution](),
	stream.ResourceProgress: reflect.TypeFor[stream.Resource](), stream.ResourceComplete: reflect.TypeFor[stream.Resource](),
	stream.ResourceFailed: reflect.TypeFor[stream.Resource](), stream.RollbackStarted: reflect.TypeFor[stream.Resource](),
	stream.Outputs: reflect.TypeFor[outputs](), stream.Result: reflect.TypeFor[stream.Ended](), stream.Error: nil, stream.Heartbeat: nil,
}

// outputs is how the outputs of a stack stand in a line: their names are the template's.
type outputs struct {
	Outputs map[string]string `json:"outputs"`
}

// enums are the closed sets of words in the documents.
var enums = map[reflect.Type][]any{}

func enum[T any](words []T) {
	values := make([]any, len(words))
	for i, word := range words {
		values[i] = word
	}
	enums[reflect.TypeFor[T]()] = values
}

func init() {
	enum(plan.Levels())
	enum(plan.Impacts())
	enum(plan.Statefulnesses())
	enum(plan.Changes())
	enum(plan.Recreations())
	enum(plan.Encodings())
	enum(plan.Directions())
	enum(plan.SecurityKinds())
	enum(plan.UnpinnedKinds())
	enum(plan.Supplies())
	enum(delta.Kinds())
	enum(tail.ChangeSetKinds())
	enum(tail.LeftoverKinds())
	enum(tail.Results())
	enum(tail.Phases())
	enum(deployment.Outcomes())
	enum(deployment.Stages())
	enum(deployment.Intents())
	enum(deployment.RecoveryActions())
	enum(deployment.Faults())
	enum(deployment.Settlements())
	enum(deployment.ApprovalNeeds())
	enum(approval.Verdicts())
	enum(approval.Whens())
	enum(approval.Selves())
	enum([]feed.Level{feed.Debug, feed.Info, feed.Warning, feed.Failure})
}

func TestSchemasAreThoseOfTheTypes(t *testing.T) {
	r := reflector(t)
	files := []string{"README.md", "generate_test.go", "documents_test.go", "events.schema.json"}
	for name, of := range documents {
		schema := r.ReflectFromType(of)
		schema.Title = schemas[name]
		if version, found := schema.Properties.Get("schema"); found {
			version.Const = schemas[name]
		} else {
			t.Errorf("%s has no member schema", name)
		}
		write(t, name, schema)
		files = append(files, name+".schema.json")
	}
	write(t, "events", events(t, r))
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(files, entry.Name()) {
			t.Errorf("%s belongs to no document", entry.Name())
		}
	}
}

func write(t *testing.T, name string, schema *jsonschema.Schema) {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		t.Fatal(err)
	}
	golden.Assert(t, "../"+name+".schema.json", b.Bytes())
}

// reflector makes schemas whose descriptions are the comments of the types.
func reflector(t *testing.T) *jsonschema.Reflector {
	t.Helper()
	r := &jsonschema.Reflector{
		ExpandedStruct: true, AllowAdditionalProperties: true, Anonymous: true,
		Mapper: func(of reflect.Type) *jsonschema.Schema {
			if words, closed := enums[of]; closed {
				return &jsonschema.Schema{Type: "string", Enum: words}
			}
			return nil
		},
		Namer: func(of reflect.Type) string {
			// Two packages may call a type the same.
			if at := strings.LastIndexByte(of.PkgPath(), '/'); at >= 0 && of.PkgPath() != reflect.TypeFor[plan.Review]().PkgPath() && of.PkgPath() != reflect.TypeFor[tail.Document]().PkgPath() {
				return of.PkgPath()[at+1:] + strings.ToUpper(of.Name()[:1]) + of.Name()[1:]
			}
			return of.Name()
		},
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../..")
	for _, dir := range []string{"plan", "plan/delta", "tail", "store", "approval", "deployment", "stream", "cli/present"} {
		if err := r.AddGoComments("stackgate", "./internal/"+dir, jsonschema.WithFullComment()); err != nil {
			t.Fatal(err)
		}
	}
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = strings.Join(strings.Fields(comment), " ")
	}
	t.Chdir(here)
	return r
}

// events makes the schema of a line of the stream: one alternative for each type of event.
func events(t *testing.T, r *jsonschema.Reflector) *jsonschema.Schema {
	t.Helper()
	schema := &jsonschema.Schema{
		Version: jsonschema.Version, Title: stream.Schema,
		Description: "One line of an event stream. Its first line has the type version.", Definitions: jsonschema.Definitions{},
	}
	version := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"type", "schema"}}
	version.Properties.Set("type", &jsonschema.Schema{Const: stream.Version})
	version.Properties.Set("schema", &jsonschema.Schema{Const: stream.Schema})
	schema.Definitions["head"] = head()
	schema.OneOf = append(schema.OneOf, version)
	for _, kind := range stream.Types() {
		body, known := bodies[kind]
		if !known && kind != stream.Version {
			t.Errorf("the body of the event %s is not known", kind)
		}
		if kind == stream.Version {
			continue
		}
		event := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties()}
		if body != nil {
			event = r.ReflectFromType(body)
			event.Version = ""
			maps.Copy(schema.Definitions, event.Definitions)
			event.Definitions = nil
		}
		for pair := event.Properties.Oldest(); pair != nil; pair = pair.Next() {
			if _, clash := schema.Definitions["head"].Properties.Get(pair.Key); clash {
				t.Errorf("the body of %s has %q, as the head of every line has: a line would hold it twice", kind, pair.Key)
			}
		}
		event.Properties.Set("type", &jsonschema.Schema{Const: kind})
		event.AllOf = []*jsonschema.Schema{{Ref: "#/$defs/head"}}
		schema.OneOf = append(schema.OneOf, event)
	}
	return schema
}

func head() *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set("seq", &jsonschema.Schema{Type: "integer", Description: "Counts the events of a deployment, from 1."})
	properties.Set("time", &jsonschema.Schema{Type: "string", Format: "date-time"})
	properties.Set("level", &jsonschema.Schema{Type: "string", Enum: enums[reflect.TypeFor[feed.Level]()]})
	properties.Set("deploymentId", &jsonschema.Schema{Type: "string"})
	properties.Set("type", &jsonschema.Schema{Type: "string"})
	return &jsonschema.Schema{Type: "object", Properties: properties, Required: []string{"seq", "time", "level", "deploymentId", "type"}}
}
