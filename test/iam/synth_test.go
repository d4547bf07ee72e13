package iam_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stackgate/test/iam/synth"
)

// synthesize runs the CDK app, or takes the folder that STACKGATE_CDK_OUT names, and reads its templates.
var synthesize = sync.OnceValues(func() (synth.Installation, error) {
	out := os.Getenv("STACKGATE_CDK_OUT")
	if out == "" {
		dir, err := os.MkdirTemp("", "stackgate-iam-")
		if err != nil {
			return synth.Installation{}, err
		}
		defer os.RemoveAll(dir)
		if err := runApp(dir); err != nil {
			return synth.Installation{}, err
		}
		out = filepath.Join(dir, "cdk.out")
	}
	files, err := filepath.Glob(filepath.Join(out, "*.template.json"))
	if err != nil || len(files) == 0 {
		return synth.Installation{}, fmt.Errorf("there are no templates in %s: %w", out, err)
	}
	var templates []synth.Template
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return synth.Installation{}, err
		}
		t := synth.Template{Name: filepath.Base(file), Content: content, Account: hubAccount, Region: hubRegion}
		switch parts := strings.Split(t.Name, "-"); {
		case t.Name == "stackgate-target.template.json":
			t.Account = "222222222222"
		case len(parts) > 2 && len(parts[2]) == 12:
			t.Account = parts[2]
		}
		templates = append(templates, t)
	}
	return synth.Read(templates)
})

// runApp synthesizes below a directory, with programs that are none: what they are does not matter to permissions.
func runApp(dir string) error {
	// go test keeps results by the files that the test itself opens, and those of the app are opened by the compiler alone.
	if err := filepath.WalkDir("../../infra", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		_, err = os.ReadFile(path)
		return err
	}); err != nil {
		return fmt.Errorf("read the CDK app: %w", err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "infra"), "stackgate/infra")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the CDK app: %w\n%s", err, out)
	}
	for _, program := range []string{"changeset", "events", "review"} {
		folder := filepath.Join(dir, "build", "lambda", program)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte("none"), 0o755); err != nil {
			return err
		}
	}
	app := exec.Command(filepath.Join(dir, "infra"))
	app.Dir = dir
	app.Env = append(os.Environ(), "CDK_OUTDIR="+filepath.Join(dir, "cdk.out"), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20",
		`CDK_CONTEXT_JSON={"stackgate": {"account": "`+hubAccount+`", "region": "`+hubRegion+`", "organizationId": "o-a1b2c3d4e5", "sentryParameter": "/stackgate/sentry-dsn"}}`)
	if out, err := app.CombinedOutput(); err != nil {
		return fmt.Errorf("synthesize: %w\n%s", err, out)
	}
	return nil
}

// installation is what the templates hold; without Node.js there are none, and the test is skipped.
func installation(t *testing.T) synth.Installation {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil && os.Getenv("STACKGATE_CDK_OUT") == "" {
		t.Skip("node is not on the PATH, and without it CDK synthesizes nothing: install Node.js, or name a cdk.out in STACKGATE_CDK_OUT")
	}
	in, err := synthesize()
	if err != nil {
		t.Fatal(err)
	}
	return in
}
