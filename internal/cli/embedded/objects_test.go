package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestObjectsOfTheSimulatedModeAreFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s3", "templates", "a", "child.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{file: "child", filepath.Join(dir, "project.yaml"): "no object"} {
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source := objects{services: func() (string, error) { return dir, nil }}
	for _, address := range []string{
		"https://templates.s3.eu-west-1.amazonaws.com/a/child.yaml",
		"https://templates.s3.amazonaws.com/a/child.yaml",
		"https://templates.s3-eu-west-1.amazonaws.com/a/child.yaml",
		"https://s3.eu-west-1.amazonaws.com/templates/a/child.yaml",
		"https://templates.s3.cn-north-1.amazonaws.com.cn/a/child.yaml?versionId=3",
	} {
		if body, err := source.Template(t.Context(), address); err != nil || body != "child" {
			t.Errorf("%s is %q (%v)", address, body, err)
		}
	}
	for address, want := range map[string]string{
		"https://templates.s3.eu-west-1.amazonaws.com/a/none.yaml":        "reads https://templates.s3.eu-west-1.amazonaws.com/a/none.yaml from the file " + filepath.Join(dir, "s3", "templates", "a", "none.yaml") + ", which does not exist",
		"https://templates.s3.eu-west-1.amazonaws.com/a":                  "read https://templates.s3.eu-west-1.amazonaws.com/a from the file",
		"https://templates.s3.eu-west-1.amazonaws.com/../../project.yaml": "names no object in S3",
		"https://s3.eu-west-1.amazonaws.com/../project.yaml":              "names no object in S3",
		"https://..s3.eu-west-1.amazonaws.com/project.yaml":               "names no object in S3",
		"https://example.com/a/child.yaml":                                "names no object in S3",
		"https://templates.s3.eu-west-1.amazonaws.com/":                   "names no object in S3",
		"::": "is no address",
	} {
		if body, err := source.Template(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %q (%v), want an error with %q", address, body, err, want)
		}
	}
}
