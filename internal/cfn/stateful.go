package cfn

import (
	_ "embed"
	"slices"
	"strings"

	"stackgate/internal/plan"
)

// One resource type a line, under the headings of the three tiers of REVIEW.md 2.2. Source: cfn-lint's rule I3011 and
// the additions of that section.
//
//go:embed stateful.txt
var statefulTypes string

// StatefulnessOf says what is lost with a resource of a type. Extra are further types that hold data.
func StatefulnessOf(resourceType string, extra []string) plan.Statefulness {
	if slices.Contains(extra, resourceType) {
		return plan.StatefulData
	}
	tier := plan.StatefulNone
	for line := range strings.Lines(statefulTypes) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "# "); ok {
			tier = plan.Statefulness(heading)
			continue
		}
		if line == resourceType || strings.HasSuffix(line, "*") && strings.HasPrefix(resourceType, strings.TrimSuffix(line, "*")) && line != "" {
			return tier
		}
	}
	return plan.StatefulNone
}
