package service_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"stackgate/internal/golden"
	"stackgate/internal/service"
	"stackgate/services"
)

// readTree reads a folder into memory.
func readTree(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	tree := fstest.MapFS{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		tree[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// problemsOf loads definitions and returns what is wrong with them.
func problemsOf(t testing.TB, files fs.FS) service.Problems {
	t.Helper()
	_, err := service.Load(files, "")
	var problems service.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatalf("Load failed with %T (%v), want Problems", err, err)
	}
	return problems
}

// Each folder under testdata/bad is laid over testdata/base. Its golden file holds what Load says and which of its files
// an editor with our schemas refuses.
func TestBadDefinitionsAreRefused(t *testing.T) {
	base := readTree(t, "testdata/base")
	if problems := problemsOf(t, base); len(problems) > 0 {
		t.Fatalf("the base must be good:\n%v", problems)
	}
	cases, err := os.ReadDir("testdata/bad")
	if err != nil {
		t.Fatal(err)
	}
	schemas := compileSchemas(t)
	for _, c := range cases {
		if !c.IsDir() {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			own := readTree(t, filepath.Join("testdata/bad", c.Name()))
			files := maps.Clone(base)
			maps.Copy(files, own)
			problems := problemsOf(t, files)
			if len(problems) == 0 {
				t.Fatal("Load found nothing wrong")
			}
			text := problems.Error() + "\n"
			for _, name := range slices.Sorted(maps.Keys(own)) {
				refused, about := schemas.refuses(name, own[name].Data)
				if !about {
					continue
				}
				if refused {
					text += "an editor refuses " + name + "\n"
				}
				if found := slices.ContainsFunc(problems, func(p service.Problem) bool { return p.File == name }); refused && !found {
					t.Errorf("the schema refuses %s and Load does not", name)
				}
			}
			golden.Assert(t, "bad/"+c.Name()+".txt", []byte(text))
			checkPlaces(t, problems, files)
		})
	}
}

// checkPlaces holds that every problem has a place that exists and a sentence without line ends.
func checkPlaces(t *testing.T, problems service.Problems, files fstest.MapFS) {
	t.Helper()
	for _, p := range problems {
		if strings.ContainsAny(p.Message, "\n\r") || p.Message == "" {
			t.Errorf("not one sentence: %q", p.Message)
		}
		file, ok := files[p.File]
		if !ok {
			t.Errorf("%v is in no file of the case", p)
			continue
		}
		if lines := bytes.Count(file.Data, []byte("\n")) + 1; p.Line > lines {
			t.Errorf("%v is beyond the file's %d lines", p, lines)
		}
	}
}

func TestWithoutProjectFile(t *testing.T) {
	files := readTree(t, "testdata/base")
	delete(files, "project.yaml")
	problems := problemsOf(t, files)
	if len(problems) != 1 || problems[0].File != "project.yaml" {
		t.Errorf("got %v", problems)
	}
}

func TestLargeFilesAreRefused(t *testing.T) {
	for name, size := range map[string]int{"templates/app.yaml": service.MaxTemplate, "orders.yaml": 256 << 10} {
		files := readTree(t, "testdata/base")
		padded := append(files[name].Data, bytes.Repeat([]byte("#"), size-len(files[name].Data))...)
		files[name] = &fstest.MapFile{Data: padded}
		if problems := problemsOf(t, files); len(problems) > 0 {
			t.Errorf("%s of %d bytes: %v", name, size, problems)
		}
		files[name] = &fstest.MapFile{Data: append(padded, '#')}
		problems := problemsOf(t, files)
		if len(problems) == 0 || !strings.Contains(problems.Error(), "larger than") {
			t.Errorf("%s of %d bytes: %v", name, size+1, problems)
		}
	}
}

func TestLinksOutOfTheFolderAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, readTree(t, "testdata/base")); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside.yaml")
	if err := os.WriteFile(outside, []byte("Resources: {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := service.LoadDir(dir); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "templates", "app.yaml")
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, target); err != nil {
		t.Skipf("symbolic links cannot be made here: %v", err)
	}
	if _, err := service.LoadDir(dir); err == nil || !strings.Contains(err.Error(), "templates/app.yaml") {
		t.Errorf("got %v", err)
	}
}

// schemaSet is the committed schemas, by the kind of file.
type schemaSet struct{ project, service *jsonschema.Schema }

func compileSchemas(t testing.TB) schemaSet {
	t.Helper()
	compile := func(name string) *jsonschema.Schema {
		schema, err := jsonschema.NewCompiler().Compile(filepath.Join("../../services/schema", name))
		if err != nil {
			t.Fatal(err)
		}
		return schema
	}
	return schemaSet{compile("project.schema.json"), compile("service.schema.json")}
}

// refuses says whether an editor marks the file, and whether the schemas are about it at all.
func (s schemaSet) refuses(name string, content []byte) (refused, about bool) {
	if path.Dir(name) != "." || path.Ext(name) != ".yaml" {
		return false, false
	}
	var value any
	if err := yaml.Unmarshal(content, &value); err != nil {
		return false, false
	}
	schema := s.service
	if name == "project.yaml" {
		schema = s.project
	}
	return schema.Validate(jsonValue(value)) != nil, true
}

// jsonValue gives what YAML holds the types that the validator knows.
func jsonValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = jsonValue(v[key])
		}
	case map[any]any:
		m := map[string]any{}
		for key := range v {
			m[fmt.Sprint(key)] = jsonValue(v[key])
		}
		return m
	case []any:
		for i := range v {
			v[i] = jsonValue(v[i])
		}
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	}
	return value
}

// What Load takes, the schemas take.
func TestSchemasTakeTheExamples(t *testing.T) {
	schemas := compileSchemas(t)
	for _, files := range []fs.FS{services.Files, os.DirFS("testdata/base")} {
		names, err := fs.Glob(files, "*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			if refused, about := schemas.refuses(name, content); refused || !about {
				t.Errorf("%s: refused %v, looked at %v", name, refused, about)
			}
		}
	}
}
