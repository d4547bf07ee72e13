package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"stackgate/infra/controlplane"
	"stackgate/infra/installation"
	"stackgate/internal/service"
)

// TestMain ends the process that CDK runs in.
func TestMain(m *testing.M) {
	// Node.js 20, which CDK still runs on, would have a box printed.
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
	if _, err := exec.LookPath("node"); err == nil {
		defer jsii.Close()
	}
	m.Run()
}

// needsNode skips a test on a machine that cannot run CDK.
func needsNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not on the PATH: CDK's library runs in Node.js, so that nothing can be synthesized")
	}
}

// synthesized is an installation: each stack's template by the stack's id in the app.
type synthesized struct {
	texts map[string]string
	// artifacts are what the assembly tells the command line of each stack, as JSON.
	artifacts map[string]string
	// findings are what cdk-nag found and nobody accepted, and what CDK warns of.
	findings []string
	parsed   map[string]template
}

// hub and the others are the stacks of the example project's installation.
const (
	hub            = "stackgate"
	checkout       = "stackgate-services-checkout"
	billing        = "stackgate-services-billing"
	base           = "stackgate-target"
	stagingRoles   = "stackgate-target-111111111111-eu-west-1-checkout"
	prodRoles      = "stackgate-target-222222222222-eu-central-1-checkout"
	prodBilling    = "stackgate-target-222222222222-eu-central-1-billing"
	exampleAccount = "333333333333"
)

// plain is what cdk.json says, everything what it can say.
var (
	plain      = installation.Settings{Account: exampleAccount, Region: "eu-west-1"}
	everything = installation.Settings{
		Account: exampleAccount, Region: "eu-west-1", OrganizationID: "o-a1b2c3d4e5", PermissionsBoundary: "developer-boundary",
		CustomerManagedKey: true, RetainDocumentsDays: 365, UnreservedConcurrency: true, SentryParameter: "/stackgate/sentry-dsn", Version: "abc123",
	}
)

var (
	exampleOnce    = sync.OnceValues(func() (*synthesized, error) { return synthesize(plain, "bootstrap", checked) })
	everythingOnce = sync.OnceValues(func() (*synthesized, error) { return synthesize(everything, "bootstrap", checked) })
)

// example is the example project's installation with nothing but what must be set.
func example(t *testing.T) *synthesized { return once(t, exampleOnce) }

// withEverything is the same with every setting.
func withEverything(t *testing.T) *synthesized { return once(t, everythingOnce) }

func once(t *testing.T, make func() (*synthesized, error)) *synthesized {
	t.Helper()
	needsNode(t)
	made, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// checked has cdk-nag look at the app.
func checked(app awscdk.App) {
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{}), nil)
}

func exampleDefinitions() ([]service.Definition, error) {
	catalog, err := service.Load(os.DirFS("testdata/project"), "services")
	if err != nil {
		return nil, err
	}
	return catalog.Definitions(), nil
}

// synthesize makes the example's installation with programs of the given content.
func synthesize(settings installation.Settings, program string, with ...func(awscdk.App)) (*synthesized, error) {
	definitions, err := exampleDefinitions()
	if err != nil {
		return nil, err
	}
	return synthesizeAll(settings, definitions, program, with...)
}

func synthesizeAll(settings installation.Settings, definitions []service.Definition, program string, with ...func(awscdk.App)) (*synthesized, error) {
	assets, err := os.MkdirTemp("", "stackgate-infra-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(assets)
	for _, name := range controlplane.Programs() {
		if err := os.MkdirAll(filepath.Join(assets, name), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(assets, name, "bootstrap"), []byte(program+" of "+name), 0o755); err != nil {
			return nil, err
		}
	}
	// As the command line does, so that the templates are those of cdk synth.
	file, err := os.ReadFile("../cdk.json")
	if err != nil {
		return nil, err
	}
	var config struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(file, &config); err != nil {
		return nil, err
	}
	app := awscdk.NewApp(&awscdk.AppProps{
		Context: &config.Context, AnalyticsReporting: jsii.Bool(false), Outdir: jsii.String(filepath.Join(assets, "out")),
	})
	if err := install(app, settings, definitions, assets); err != nil {
		return nil, err
	}
	for _, more := range with {
		more(app)
	}
	made := &synthesized{texts: map[string]string{}, artifacts: map[string]string{}, parsed: map[string]template{}}
	assembly := app.Synth(nil)
	file, err = os.ReadFile(filepath.Join(*assembly.Directory(), "manifest.json"))
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Artifacts map[string]json.RawMessage `json:"artifacts"`
	}
	if err := json.Unmarshal(file, &manifest); err != nil {
		return nil, err
	}
	for _, artifact := range *assembly.Stacks() {
		text, err := os.ReadFile(*artifact.TemplateFullPath())
		if err != nil {
			return nil, err
		}
		made.texts[*artifact.HierarchicalId()] = string(text)
		made.artifacts[*artifact.HierarchicalId()] = string(manifest.Artifacts[*artifact.Id()])
		for _, message := range *artifact.Messages() {
			//lint:ignore SA1019 the type is said to have moved to a package that Go does not have
			made.findings = append(made.findings, fmt.Sprintf("%s %s: %v", message.Level, *message.Id, message.Entry.Data))
		}
	}
	return made, nil
}

// template is a stack's template.
func (s *synthesized) template(t *testing.T, stack string) template {
	t.Helper()
	if out, found := s.parsed[stack]; found {
		return out
	}
	text, found := s.texts[stack]
	if !found {
		t.Fatalf("there is no stack %s", stack)
	}
	var out template
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	s.parsed[stack] = out
	return out
}

// assert is a stack's template as CDK's assertions take it.
func (s *synthesized) assert(t *testing.T, stack string) assertions.Template {
	t.Helper()
	return assertions.Template_FromString(jsii.String(s.texts[stack]), nil)
}

type template struct {
	Description string
	Parameters  map[string]map[string]any
	Resources   map[string]resource
	Outputs     map[string]map[string]any
}

type resource struct {
	Type                string
	Properties          map[string]any
	DeletionPolicy      string
	UpdateReplacePolicy string
	Metadata            map[string]any
}

// of lists the resources of a type by their logical ids.
func (t template) of(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// one is the resource of a type whose property has a value.
func (t template) one(tb testing.TB, kind, property, value string) resource {
	tb.Helper()
	for _, r := range t.of(kind) {
		if r.Properties[property] == value {
			return r
		}
	}
	tb.Fatalf("there is no %s with %s %s", kind, property, value)
	return resource{}
}

// textOf writes a value of a template with its functions resolved as far as one can read them: Ref and GetAtt as the
// logical id, Join and Sub as text.
func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return "<" + ref + ">"
		}
		if sub, ok := v["Fn::Sub"].(string); ok {
			return strings.ReplaceAll(strings.ReplaceAll(sub, "${!", "${"), "${AWS::Partition}", "aws")
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok {
			return "<" + textOf(get[0]) + "." + textOf(get[1]) + ">"
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, part := range join[1].([]any) {
				parts = append(parts, textOf(part))
			}
			return strings.Join(parts, textOf(join[0]))
		}
	}
	text, _ := json.Marshal(value)
	return string(text)
}

// listOf writes a value that is one or many.
func listOf(value any) []string {
	if many, ok := value.([]any); ok {
		var all []string
		for _, one := range many {
			all = append(all, textOf(one))
		}
		return all
	}
	if value == nil {
		return nil
	}
	return []string{textOf(value)}
}
