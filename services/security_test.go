package services_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/goccy/go-yaml"

	"stackgate/services"
)

// resource is a resource of a template, its functions gone: a tag stands for what it is applied to.
type resource struct {
	Type           string         `yaml:"Type"`
	DeletionPolicy string         `yaml:"DeletionPolicy"`
	Replacement    string         `yaml:"UpdateReplacePolicy"`
	Properties     map[string]any `yaml:"Properties"`
}

// eachResource calls f for every resource of every template of the folder.
func eachResource(t *testing.T, f func(t *testing.T, logicalID string, r resource)) {
	t.Helper()
	names, err := fs.Glob(services.Files, "templates/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("templates: %v %v", names, err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(services.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		var template struct {
			Resources map[string]resource `yaml:"Resources"`
		}
		if err := yaml.Unmarshal(content, &template); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(template.Resources) == 0 {
			t.Fatalf("%s has no resources", name)
		}
		for logicalID, r := range template.Resources {
			if r.Type == "" || r.Properties == nil {
				t.Fatalf("%s of %s was not read", logicalID, name)
			}
			t.Run(path.Base(name)+"/"+logicalID, func(t *testing.T) { f(t, logicalID, r) })
		}
	}
}

// What holds data is encrypted, and is kept when its stack lets it go.
func TestDataIsEncryptedAndKept(t *testing.T) {
	eachResource(t, func(t *testing.T, _ string, r resource) {
		kept := false
		switch r.Type {
		case "AWS::DynamoDB::Table":
			kept = true
			if sse, _ := r.Properties["SSESpecification"].(map[string]any); sse["SSEEnabled"] != true {
				t.Error("the table is not encrypted with a key of the account")
			}
			if r.Properties["PointInTimeRecoverySpecification"] == nil || r.Properties["DeletionProtectionEnabled"] == nil {
				t.Error("the table says nothing of recovery and protection")
			}
		case "AWS::S3::Bucket":
			kept = true
			if r.Properties["BucketEncryption"] == nil || r.Properties["PublicAccessBlockConfiguration"] == nil {
				t.Error("the bucket is not encrypted or not closed to the public")
			}
		case "AWS::SQS::Queue":
			if r.Properties["SqsManagedSseEnabled"] != true {
				t.Error("the queue is not encrypted")
			}
		case "AWS::Logs::LogGroup":
			if r.Properties["RetentionInDays"] == nil {
				t.Error("the log group keeps everything for ever")
			}
		}
		if kept && (r.DeletionPolicy != "Retain" || r.Replacement != "Retain") {
			t.Errorf("DeletionPolicy %q, UpdateReplacePolicy %q", r.DeletionPolicy, r.Replacement)
		}
	})
}

// No policy allows everything: no action with a star, no resource that is one, no principal that is one.
func TestPoliciesNameWhatTheyAllow(t *testing.T) {
	eachResource(t, func(t *testing.T, _ string, r resource) {
		walk(r.Properties, func(key string, value any) {
			for _, text := range texts(value) {
				switch key {
				case "Action":
					if strings.Contains(text, "*") {
						t.Errorf("action %s", text)
					}
				case "Resource", "Principal":
					if text == "*" {
						t.Errorf("%s *", key)
					}
				}
			}
		})
	})
}

func walk(value any, f func(key string, value any)) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			f(key, inner)
			walk(inner, f)
		}
	case []any:
		for _, inner := range v {
			walk(inner, f)
		}
	}
}

func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, inner := range v {
			all = append(all, texts(inner)...)
		}
		return all
	}
	return nil
}

// In prod data can be brought back and tables cannot be deleted.
func TestProdProtectsData(t *testing.T) {
	for _, d := range load(t).Definitions() {
		if d.Environment == "prod" && d.Parameters["Protection"] != "full" {
			t.Errorf("%s has Protection %q", d, d.Parameters["Protection"])
		}
		if d.ExecutionRole == "" {
			t.Errorf("%s has no execution role", d)
		}
	}
}

// The simulator's own reading of each template agrees with the capabilities that are given.
func TestCapabilitiesAreThoseThatAreNeeded(t *testing.T) {
	for _, d := range load(t).Definitions() {
		body := string(d.Template)
		out, err := newStack(t, d).GetTemplateSummary(t.Context(), &cloudformation.GetTemplateSummaryInput{TemplateBody: &body})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Capabilities) != len(d.Capabilities) || len(d.Capabilities) == 1 && out.Capabilities[0] != types.Capability(d.Capabilities[0]) {
			t.Errorf("%s is given %v and needs %v", d, d.Capabilities, out.Capabilities)
		}
	}
}

// TestCfnLint needs Python's cfn-lint, on the PATH or named by CFN_LINT.
func TestCfnLint(t *testing.T) {
	program := os.Getenv("CFN_LINT")
	if program == "" {
		var err error
		if program, err = exec.LookPath("cfn-lint"); err != nil {
			t.Skip("cfn-lint is not installed: pip install cfn-lint, or name it in CFN_LINT")
		}
	}
	if out, err := exec.CommandContext(t.Context(), program, "templates/*.yaml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
