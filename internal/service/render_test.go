package service_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/golden"
	"stackgate/internal/service"
)

func TestRender(t *testing.T) {
	d := definitionOf(t, mustLoad(t, exampleProject), "orders", "prod")
	golden.Assert(t, "render/orders-prod.yaml", service.Render(d, false))
	golden.Assert(t, "render/orders-prod-origin.yaml", service.Render(d, true))
}

// The values for machines are those of the text, each with its place.
func TestValuesAreThoseOfTheText(t *testing.T) {
	d := definitionOf(t, mustLoad(t, exampleProject), "orders", "prod")
	var back map[string]any
	if err := yaml.Unmarshal(service.Render(d, true), &back); err != nil {
		t.Fatal(err)
	}
	values := service.Values(d)
	for _, v := range values {
		if v.Origin == nil && v.Key != "environment" {
			t.Errorf("%s comes from nowhere", v.Key)
		}
		var found any = back
		for rest := v.Key; rest != ""; {
			var part string
			part, rest, _ = strings.Cut(rest, ".")
			found, _ = found.(map[string]any)[part]
		}
		if fmt.Sprint(found) != fmt.Sprint(v.Value) {
			t.Errorf("%s is %v, and the text says %v", v.Key, v.Value, found)
		}
	}
	leaves := 0
	for _, line := range strings.Split(strings.TrimSpace(string(service.Render(d, false))), "\n") {
		if !strings.HasSuffix(line, ":") {
			leaves++
		}
	}
	if leaves != len(values) {
		t.Errorf("%d values, and the text has %d", len(values), leaves)
	}
}

// A secret that a template has as default is not shown.
func TestRenderMasks(t *testing.T) {
	files := maps.Clone(exampleProject)
	template := strings.Replace(string(files["templates/http-service.yaml"].Data), `NoEcho: true, Default: ""`, `NoEcho: true, Default: hunter2`, 1)
	files["templates/http-service.yaml"] = text(template)
	rendered := string(service.Render(definitionOf(t, mustLoad(t, files), "invoices", "prod"), true))
	if strings.Contains(rendered, "hunter2") || !strings.Contains(rendered, "****") {
		t.Errorf("rendered:\n%s", rendered)
	}
	if values := fmt.Sprint(service.Values(definitionOf(t, mustLoad(t, files), "invoices", "prod"))); strings.Contains(values, "hunter2") {
		t.Errorf("values: %s", values)
	}
}

// Whatever stands in a value, the rendered form is YAML that gives the same value back.
func TestRenderIsYAML(t *testing.T) {
	d := definitionOf(t, mustLoad(t, exampleProject), "orders", "prod")
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ a-zA-Z0-9:#{}\[\],&*!|>'"%@.?~-]{1,12}`)).Draw(t, "value")
		d := d
		d.Description = value
		var back struct {
			Description string `yaml:"description"`
		}
		if err := yaml.Unmarshal(service.Render(d, true), &back); err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if back.Description != value {
			t.Fatalf("%q came back as %q", value, back.Description)
		}
	})
}

func TestProblemsForMachines(t *testing.T) {
	problems := service.Problems{
		{File: "services/orders.yaml", Line: 4, Column: 1, Path: "paramters", Message: `unknown key "paramters"; did you mean "parameters"?`},
		{File: "services/a,b:c.yaml", Message: "50% is <wrong>\nhere"},
	}
	var b bytes.Buffer
	if err := problems.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden.Assert(t, "problems.json", b.Bytes())
	b.Reset()
	if err := problems.WriteGitHub(&b); err != nil {
		t.Fatal(err)
	}
	golden.Assert(t, "problems.github.txt", b.Bytes())
	b.Reset()
	if err := service.Problems(nil).WriteJSON(&b); err != nil || !strings.Contains(b.String(), `"problems": []`) {
		t.Errorf("no problems: %s %v", b.String(), err)
	}
}

func TestNew(t *testing.T) {
	files := maps.Clone(exampleProject)
	template := strings.Replace(string(files["templates/http-service.yaml"].Data), `TableName: { Type: String, Default: "" }`, `TableName: { Type: String }`, 1)
	files["templates/http-service.yaml"] = text(template)
	files["invoices.yaml"] = text(string(files["invoices.yaml"].Data) + "    policy: { approval: { count: 2 } }\n")
	files["invoices.yaml"] = text(strings.Replace(string(files["invoices.yaml"].Data), "  Memory: 1024", "  Memory: 1024\n  TableName: [invoices]", 1))
	catalog := mustLoad(t, files)

	got, err := catalog.New("returns", "orders")
	if err != nil {
		t.Fatal(err)
	}
	want := `# yaml-language-server: $schema=./schema/service.schema.json
version: 1
service: returns
owner: team-orders
parameters:
  TableName: ${project}-returns-${environment}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	files["returns.yaml"] = text(string(got))
	d := definitionOf(t, mustLoad(t, files), "returns", "prod")
	if d.Parameters["TableName"] != "shop-returns-prod" {
		t.Errorf("parameters %v", d.Parameters)
	}

	if _, err := catalog.New("Returns", "orders"); err == nil {
		t.Error("a bad name is taken")
	}
	if _, err := catalog.New("invoices", "orders"); err == nil {
		t.Error("a taken name is taken again")
	}
	var unknown service.ErrUnknownService
	if _, err := catalog.New("returns", "ordres"); !errors.As(err, &unknown) || unknown.Suggestion != "orders" {
		t.Errorf("got %v", err)
	}
}

// What New writes can be loaded at once, whichever service of the example it is like.
func TestNewLikeEveryExample(t *testing.T) {
	files := readTree(t, "../../services")
	catalog := mustLoad(t, files)
	for _, s := range catalog.Services() {
		content, err := catalog.New("fresh", s.Name)
		if err != nil {
			t.Fatal(err)
		}
		more := maps.Clone(files)
		more["fresh.yaml"] = &fstest.MapFile{Data: content}
		mustLoad(t, more)
		if lines := bytes.Count(content, []byte("\n")); lines > 15 {
			t.Errorf("the file like %s has %d lines:\n%s", s.Name, lines, content)
		}
	}
}
