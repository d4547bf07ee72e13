package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stackgate/infra/controlplane"
)

// The command line assumes and passes the roles that the assembly names. Those of a bootstrap are not in a target, or are an
// administrator's there.
func TestTheAssemblyNamesNoBootstrapInTargets(t *testing.T) {
	for _, made := range []*synthesized{example(t), withEverything(t)} {
		targets := 0
		for id, text := range made.artifacts {
			if !strings.HasPrefix(id, base) {
				continue
			}
			targets++
			var artifact struct {
				Type       string
				Properties map[string]any
			}
			if err := json.Unmarshal([]byte(text), &artifact); err != nil {
				t.Fatalf("%s in the assembly: %v: %s", id, err, text)
			}
			if artifact.Type != "aws:cloudformation:stack" || artifact.Properties["templateFile"] == nil {
				t.Errorf("%s in the assembly is %s", id, text)
			}
			for _, property := range []string{"assumeRoleArn", "cloudFormationExecutionRoleArn", "lookupRole", "stackTemplateAssetObjectUrl",
				"requiresBootstrapStackVersion", "bootstrapStackVersionSsmParameter"} {
				if value := artifact.Properties[property]; value != nil {
					t.Errorf("%s wants %s %v", id, property, value)
				}
			}
			if strings.Contains(text, "cdk-hnb659fds") {
				t.Errorf("%s names what a bootstrap makes: %s", id, text)
			}
		}
		if targets != 4 {
			t.Errorf("there are %d stacks for targets", targets)
		}
		// That the test can find them.
		if !strings.Contains(made.artifacts[hub], "cdk-hnb659fds") {
			t.Errorf("the hub has no bootstrap: %s", made.artifacts[hub])
		}
	}
}

// The definitions are in the functions' programs, so that whatever the command line deploys is built from what is on disk:
// else the front door would not know a service whose state machine is there.
func TestTheCommandLineBuildsTheFunctions(t *testing.T) {
	file, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ App string }
	if err := json.Unmarshal(file, &config); err != nil {
		t.Fatal(err)
	}
	first, then, _ := strings.Cut(config.App, " && ")
	if then != "go run ./infra" || !strings.HasPrefix(first, "make ") {
		t.Fatalf("cdk.json's app is %q", config.App)
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not on the PATH: what it would build cannot be asked")
	}
	// What make would do, without doing it.
	command := exec.Command("make", append([]string{"--dry-run"}, strings.Fields(first)[1:]...)...)
	command.Dir = ".."
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, program := range controlplane.Programs() {
		if !strings.Contains(string(out), "-o "+filepath.ToSlash(filepath.Join("build/lambda", program, "bootstrap"))+" ./lambdas/"+program) {
			t.Errorf("%s does not build %s:\n%s", first, program, out)
		}
	}
}
