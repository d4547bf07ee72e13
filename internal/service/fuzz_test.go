package service_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"stackgate/internal/service"
)

// FuzzLoad: whatever stands in a project, a service or a template, Load answers with definitions or with Problems.
func FuzzLoad(f *testing.F) {
	base := readTree(f, "testdata/base")
	for _, name := range []string{"project.yaml", "orders.yaml", "templates/app.yaml"} {
		f.Add(name, base[name].Data)
	}
	for _, seed := range []string{
		"a: &a [*a]", "<<: *x", "? [a]\n: b", "a: !!binary x", "%YAML 1.1\n---\na: 1", "a: |\n  b\n c", "\ta: 1", "a: \"\\x\"", "{a: [}",
		"a: [[[[[[[[[[[[[[[[[[[[", "- - - - - -", "version: 1\nservice: ${x\n", "\xff\xfe", "a: >-\n\n\n", "a: 'b\n\n  c'", "!a !b !c d", "&a &b c",
	} {
		f.Add("orders.yaml", []byte(seed))
		f.Add("templates/app.yaml", []byte(seed))
	}
	for _, seed := range []string{`{"Resources": {"A": {}}}`, `{"Resources"`, `{"a": 1e999999999}`, `{"a": [[[[[[[`, `{} {}`, `{"Parameters": {"A": {"Type": "Number", "MinValue": "1e9"}}}`} {
		f.Add("templates/app.json", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		files := maps.Clone(base)
		switch name {
		case "templates/app.json":
			files["orders.yaml"] = text("version: 1\nservice: orders\nowner: team\ntemplate: templates/app.json\n")
		case "project.yaml", "orders.yaml", "templates/app.yaml":
		default:
			return
		}
		files[name] = &fstest.MapFile{Data: content}
		catalog, err := service.Load(files, "")
		var problems service.Problems
		switch {
		case err == nil:
			for _, d := range catalog.Definitions() {
				_ = service.Render(d, true)
			}
		case !errors.As(err, &problems) || len(problems) == 0:
			t.Fatalf("%T: %v", err, err)
		}
	})
}

// many is a project of as many services as the largest that we promise to load in about a second.
func many(services int) fstest.MapFS {
	files := fstest.MapFS{}
	maps.Copy(files, exampleProject)
	files["project.yaml"] = text(`version: 1
project: shop
environments:
  dev: { account: "000000000000", region: eu-west-1, rank: 1 }
  staging: { account: "111111111111", region: eu-west-1, rank: 2 }
  prod: { account: "222222222222", region: eu-west-1, rank: 3 }
defaults:
  template: templates/http-service.yaml
  executionRole: arn:aws:iam::${account}:role/cfn-exec-${project}
  parameters: { Cpu: 256, Memory: 512, Ingress: internal, LogRetentionDays: 14 }
  tags: { project: shop, managed-by: stackgate, environment: "${environment}" }
`)
	orders := string(exampleProject["orders.yaml"].Data)
	delete(files, "orders.yaml")
	delete(files, "invoices.yaml")
	for i := range services {
		name := fmt.Sprintf("s%d", i)
		files[name+".yaml"] = text(strings.Replace(orders, "service: orders", "service: "+name, 1))
	}
	return files
}

// 300 services in 3 environments, read from a folder as `stackgate services validate` does: valid ones, and ones of which
// each has mistakes that are alike others'.
func BenchmarkLoad300ServicesIn3Environments(b *testing.B) {
	b.Run("valid", func(b *testing.B) { benchmarkLoad(b, many(300), 0) })
	files := many(300)
	for name, file := range files {
		if name != "project.yaml" && !strings.Contains(name, "/") {
			files[name] = text(strings.NewReplacer("Cpu: 512", "Cpuu: 512", "  prod:", "  prd:").Replace(string(file.Data)) + "timouts: { queue: 1h }\n")
		}
	}
	b.Run("wrong", func(b *testing.B) { benchmarkLoad(b, files, 3*300) })
}

func benchmarkLoad(b *testing.B, files fstest.MapFS, problems int) {
	dir := b.TempDir()
	if err := os.CopyFS(dir, files); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var found service.Problems
		if _, err := service.LoadDir(dir); err != nil && !errors.As(err, &found) || len(found) != problems {
			b.Fatalf("%d problems, want %d: %v", len(found), problems, err)
		}
	}
}
