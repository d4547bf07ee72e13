package cfn_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
)

func words[T ~string](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, string(v))
	}
	slices.Sort(all)
	return all
}

// The words that a review understands are those that the SDK knows. Where a new SDK brings another, this test asks for
// its meaning.
func TestWordsAreThoseOfTheSDK(t *testing.T) {
	for word, sdk := range map[plan.Word][]string{
		plan.WordChangeType:   words(types.ChangeType("").Values()),
		plan.WordAction:       words(types.ChangeAction("").Values()),
		plan.WordReplacement:  words(types.Replacement("").Values()),
		plan.WordPolicyAction: words(types.PolicyAction("").Values()),
		plan.WordScope:        words(types.ResourceAttribute("").Values()),
		plan.WordRecreation:   words(types.RequiresRecreation("").Values()),
		plan.WordEvaluation:   words(types.EvaluationType("").Values()),
		plan.WordChangeSource: words(types.ChangeSource("").Values()),
		plan.WordAttribute:    words(types.AttributeChangeType("").Values()),
		plan.WordDriftStatus:  words(types.StackResourceDriftStatus("").Values()),
	} {
		if diff := cmp.Diff(sdk, slices.Sorted(slices.Values(word.Values()))); diff != "" {
			t.Errorf("%s (-SDK +review):\n%s", word, diff)
		}
	}
}

// An unknown word, wherever CloudFormation would put it, makes the item unknown and critical, and a note names it.
func TestInventedWordsAreShownAndDangerous(t *testing.T) {
	base := func() types.ResourceChange {
		return modified("A", "AWS::Lambda::Function", `{"Properties":{"X":"1"}}`, `{"Properties":{"X":"2"}}`, property("X", "1", "2"))
	}
	for name, invent := range map[string]func(*types.Change, *types.ResourceChange){
		"Type":                func(c *types.Change, _ *types.ResourceChange) { c.Type = "Invented" },
		"Action":              func(_ *types.Change, r *types.ResourceChange) { r.Action = "Invented" },
		"Replacement":         func(_ *types.Change, r *types.ResourceChange) { r.Replacement = "Invented" },
		"PolicyAction":        func(_ *types.Change, r *types.ResourceChange) { r.PolicyAction = "Invented" },
		"Scope":               func(_ *types.Change, r *types.ResourceChange) { r.Scope = append(r.Scope, "Invented") },
		"ResourceDriftStatus": func(_ *types.Change, r *types.ResourceChange) { r.ResourceDriftStatus = "Invented" },
		"RequiresRecreation":  func(_ *types.Change, r *types.ResourceChange) { r.Details[0].Target.RequiresRecreation = "Invented" },
		"AttributeChangeType": func(_ *types.Change, r *types.ResourceChange) { r.Details[0].Target.AttributeChangeType = "Invented" },
		"Attribute":           func(_ *types.Change, r *types.ResourceChange) { r.Details[0].Target.Attribute = "Invented" },
		"Evaluation":          func(_ *types.Change, r *types.ResourceChange) { r.Details[0].Evaluation = "Invented" },
		"ChangeSource":        func(_ *types.Change, r *types.ResourceChange) { r.Details[0].ChangeSource = "Invented" },
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			change := types.Change{Type: types.ChangeTypeResource, ResourceChange: &c}
			invent(&change, &c)
			r := review(t, cfn.Description{Set: set("root", change)}, cfn.ReviewInput{})
			item := r.Items[0]
			if item.Impact != plan.ImpactUnknown || item.Level != plan.LevelCritical || r.Completeness.Unknown != 1 || !r.Dangerous() {
				t.Errorf("impact %s, level %s, unknown %d", item.Impact, item.Level, r.Completeness.Unknown)
			}
			if !slices.ContainsFunc(item.Notes, func(n string) bool { return contains(n, `"Invented"`) }) {
				t.Errorf("no note names the word: %q", item.Notes)
			}
		})
	}
}
