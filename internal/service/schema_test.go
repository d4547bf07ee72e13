package service

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"stackgate/internal/golden"
)

// schemaFiles are the committed schemas, which editors and the embedded folder use, and the raw types they are made of.
var schemaFiles = map[string]reflect.Type{
	"project.schema.json": reflect.TypeFor[rawProject](),
	"service.schema.json": reflect.TypeFor[rawService](),
}

func TestSchemasAreThoseOfTheRawTypes(t *testing.T) {
	for name, root := range schemaFiles {
		golden.Assert(t, "../../../services/schema/"+name, schemaOf(t, root))
	}
}

// schemaOf makes the JSON Schema of a raw type. The comments of raw.go become its descriptions.
func schemaOf(t *testing.T, root reflect.Type) []byte {
	t.Helper()
	comments := fieldComments(t)
	reflector := jsonschema.Reflector{
		Anonymous:      true,
		FieldNameTag:   "yaml",
		ExpandedStruct: true,
		Mapper:         leafSchema,
		Namer:          func(t reflect.Type) string { return strings.TrimPrefix(t.Name(), "raw") },
		LookupComment: func(t reflect.Type, name string) string {
			if f, ok := fieldNamed(t, name); ok && f.Type == reflect.TypeFor[unimplemented]() {
				return "Part of the format, not implemented yet."
			}
			return comments[t.Name()+"."+name]
		},
	}
	schema := reflector.ReflectFromType(root)
	for raw, fields := range structs {
		allowNull(schemaNamed(schema, raw, root), fields)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	return t.FieldByName(name)
}

func schemaNamed(schema *jsonschema.Schema, raw, root reflect.Type) *jsonschema.Schema {
	if raw == root {
		return schema
	}
	return schema.Definitions[strings.TrimPrefix(raw.Name(), "raw")]
}

// allowNull lets the keys that null removes be null, and those of the maps below them.
func allowNull(schema *jsonschema.Schema, fields map[string]field) {
	if schema == nil {
		return
	}
	for pair := schema.Properties.Oldest(); pair != nil; pair = pair.Next() {
		if !fields[pair.Key].nullable || fields[pair.Key].promised {
			continue
		}
		value := *pair.Value
		if value.AdditionalProperties != nil && value.AdditionalProperties != jsonschema.FalseSchema {
			value.AdditionalProperties = nullOr(value.AdditionalProperties)
		}
		wrapped := nullOr(&value)
		wrapped.Description, value.Description = value.Description, ""
		pair.Value = wrapped
	}
}

func nullOr(schema *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{schema, {Type: "null"}}}
}

func leafSchema(t reflect.Type) *jsonschema.Schema {
	form, ok := formOf(t)
	if !ok {
		return nil
	}
	r := rules[t]
	one := []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}
	switch form {
	case reflect.TypeFor[unimplemented]():
		return &jsonschema.Schema{Not: &jsonschema.Schema{}}
	case reflect.TypeFor[boolean]():
		return &jsonschema.Schema{Type: "boolean"}
	case reflect.TypeFor[scalar]():
		return &jsonschema.Schema{AnyOf: one}
	case reflect.TypeFor[scalars]():
		list := &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{AnyOf: one}}
		return &jsonschema.Schema{AnyOf: append(one[:3:3], list)}
	case reflect.TypeFor[integer]():
		return &jsonschema.Schema{Type: "integer", Minimum: number(r.min), Maximum: number(r.max)}
	}
	schema := &jsonschema.Schema{Type: "string"}
	for _, word := range r.enum {
		schema.Enum = append(schema.Enum, word)
	}
	if r.pattern != nil {
		schema.Pattern = r.pattern.String()
	}
	if r.min > 0 {
		schema.MinLength = length(r.min)
	}
	if r.max > 0 {
		schema.MaxLength = length(r.max)
	}
	return schema
}

func number(n int) json.Number {
	content, _ := json.Marshal(n)
	return json.Number(content)
}

func length(n int) *uint64 {
	size := uint64(n)
	return &size
}

// fieldComments reads the comments of the raw structs, by Type.Field.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "raw.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if body, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range body.Fields.List {
				for _, name := range f.Names {
					comments[spec.Name.Name+"."+name.Name] = strings.TrimSpace(strings.ReplaceAll(f.Doc.Text(), "\n", " "))
				}
			}
		}
		return true
	})
	return comments
}
