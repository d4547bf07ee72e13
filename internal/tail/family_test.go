package tail

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

type sampleReason struct {
	Family     string `yaml:"family"`
	Type       string `yaml:"type"`
	Status     string `yaml:"status"`
	PhysicalID string `yaml:"physicalId"`
	Reason     string `yaml:"reason"`
	Advice     string `yaml:"advice"`
}

func sampleReasons(t testing.TB) []sampleReason {
	t.Helper()
	data, err := os.ReadFile("testdata/reasons.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var samples []sampleReason
	if err := yaml.UnmarshalWithOptions(data, &samples, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return samples
}

// TestFamilies holds every family against real reasons, all the way through an explanation.
func TestFamilies(t *testing.T) {
	tested := make(map[string]bool)
	for _, sample := range sampleReasons(t) {
		tested[sample.Family] = true
		t.Run(sample.Family, func(t *testing.T) {
			event := Event{
				EventID: "1", StackID: arn("App"), StackName: "App", LogicalID: "Thing", PhysicalID: "thing-1", Type: sample.Type,
				Status: "CREATE_FAILED", Reason: sample.Reason, Time: begin,
			}
			if sample.Status != "" {
				event.Status = sample.Status
			}
			if sample.PhysicalID != "" {
				event.PhysicalID = sample.PhysicalID
			}
			doc := Explain(Input{Operation: Operation{StackID: arn("App"), StackName: "App"}, Events: []Event{event}})
			if doc.RootCause == nil {
				t.Fatal("no root cause")
			}
			if doc.RootCause.Family != sample.Family {
				t.Errorf("taken for %q, want %q", doc.RootCause.Family, sample.Family)
			}
			if because := familyByID(sample.Family).Because; !strings.Contains(doc.Headline, because) {
				t.Errorf("headline %q does not say %q", doc.Headline, because)
			}
			if advice := strings.Join(doc.Advice, "\n"); !strings.Contains(advice, sample.Advice) {
				t.Errorf("advice does not contain %q:\n%s", sample.Advice, advice)
			}
			if strings.ContainsAny(strings.Join(doc.Advice, ""), "{}") {
				t.Errorf("a placeholder is left in %q", doc.Advice)
			}
		})
	}
	for _, family := range Families() {
		if !tested[family.ID] {
			t.Errorf("family %s has no real reason in testdata/reasons.yaml", family.ID)
		}
	}
}

func TestFamiliesAreWellFormed(t *testing.T) {
	families, err := parseFamilies(familiesYAML)
	if err != nil {
		t.Fatal(err)
	}
	if len(families) < 30 {
		t.Errorf("%d families, want at least 30", len(families))
	}
	seen := make(map[string]bool)
	for _, family := range families {
		if family.ID == "" || seen[family.ID] {
			t.Errorf("family id %q is empty or there twice", family.ID)
		}
		seen[family.ID] = true
		if family.Because == "" || strings.HasSuffix(family.Because, ".") || len(family.Match) == 0 || len(family.Advice) == 0 {
			t.Errorf("family %s lacks a reason without full stop, a pattern, or advice", family.ID)
		}
		known := []string{
			"atRegion", "logicalId", "physicalId", "type", "stackId", "stackName", "changeSetId", "serviceCode", "eventSource", "principal",
			"role", "ecsCluster", "ecsService", "requestIdTerm", "roleName",
		}
		for _, pattern := range family.patterns {
			known = append(known, pattern.SubexpNames()...)
		}
		for _, alternatives := range family.Advice {
			for _, line := range alternatives {
				for _, match := range placeholder.FindAllStringSubmatch(line, -1) {
					if !slices.Contains(known, match[1]) {
						t.Errorf("family %s: nothing can fill %s in %q", family.ID, match[0], line)
					}
				}
				if strings.Count(line, "`")%2 != 0 {
					t.Errorf("family %s: a command is not closed in %q", family.ID, line)
				}
			}
		}
	}
}

func TestParseFamiliesRefuses(t *testing.T) {
	for _, text := range []string{"- id: [", "- {id: a, unknown: 1}", "- {id: a, match: ['(']}"} {
		if _, err := parseFamilies([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
