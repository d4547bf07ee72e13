package delta_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/rendertest"
)

func between(a, b plan.Review) delta.Document {
	return delta.Between(delta.Named{Name: "then", Review: a}, delta.Named{Name: "now", Review: b})
}

func text(s string) *string { return &s }

func queue(path string) plan.Item {
	return plan.Item{
		Path: path, LogicalID: path, PhysicalID: "shop-" + path, Type: "AWS::SQS::Queue", Action: "Modify", Impact: plan.ImpactModify, Level: plan.LevelLow,
		Stateful: plan.StatefulInFlight, Sentence: "updated in place", Properties: []plan.Property{{
			Path: "/Properties/DelaySeconds", Attribute: "Properties", Change: plan.ChangeModify, Before: text("1"), After: text("2"),
			Encoding: plan.EncodingJSON, Recreation: plan.RecreationNever,
		}},
	}
}

func of(items ...plan.Item) plan.Review {
	return plan.Review{Schema: plan.Schema, Items: items, Target: plan.Target{StackID: "stack/1", StackName: "shop"}}
}

func with(item plan.Item, change func(*plan.Item)) plan.Item {
	item.Properties = slices.Clone(item.Properties)
	change(&item)
	return item
}

func TestVerdicts(t *testing.T) {
	lost := with(queue("B"), func(i *plan.Item) {
		i.Impact, i.Level, i.Ack, i.Replacement = plan.ImpactReplaceDelete, plan.LevelCritical, 1, "True"
	})
	longer := with(queue("A"), func(i *plan.Item) { i.Properties[0].After = text("900") })
	tests := []struct {
		name     string
		from, to plan.Review
		want     string
	}{
		{"nothing at all", of(), of(), "Both reviews show that no resource changes."},
		{"the same", of(queue("A"), queue("B")), of(queue("B"), queue("A")), "Both reviews show the same: 2 changes."},
		{"new", of(queue("A")), of(queue("A"), lost), "1 new (1 critical). 1 change as before."},
		{"worse", of(queue("A"), queue("B")), of(queue("A"), lost), "1 worse (1 critical). 1 change as before."},
		{"better is different", of(lost), of(queue("B")), "1 different. 0 changes as before."},
		{"another value", of(queue("A")), of(longer), "1 different. 0 changes as before."},
		{"gone", of(queue("A"), lost), of(queue("A")), "1 gone. 1 change as before."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := between(tt.from, tt.to); got.Verdict != tt.want {
				t.Errorf("%q, want %q", got.Verdict, tt.want)
			}
		})
	}
}

func TestDifferencesOfAChange(t *testing.T) {
	worse := with(queue("A"), func(i *plan.Item) {
		i.Impact, i.Level, i.Replacement = plan.ImpactReplaceDelete, plan.LevelHigh, "True"
		i.Properties[0].After, i.Properties[0].Recreation = text("900"), plan.RecreationAlways
		i.Properties = append(i.Properties, plan.Property{Path: "/DeletionPolicy", Change: plan.ChangeRemove, Before: text("Retain"), Encoding: plan.EncodingString,
			Recreation: plan.RecreationNever})
	})
	got := between(of(queue("A")), of(worse)).Items[0]
	want := []delta.Difference{
		{Name: "DelaySeconds", From: "1 -> 2", To: "1 -> 900 (forces replacement)"},
		{Name: "DeletionPolicy", From: "(no change)", To: `"Retain" -> (none)`},
		{Name: "impact", From: "MODIFY", To: "REPLACE_DELETE"},
		{Name: "level", From: "low", To: "high"},
		{Name: "replacement", To: "True"},
	}
	if diff := cmp.Diff(want, got.Differences); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHiddenValuesAreNamedNotCalledEqual(t *testing.T) {
	secret := with(queue("A"), func(i *plan.Item) {
		i.Properties[0].Before, i.Properties[0].After, i.Properties[0].Sensitive = nil, nil, true
	})
	partly := with(queue("B"), func(i *plan.Item) {
		i.Properties[0].Edits = []plan.Edit{{Change: plan.ChangeModify, Lines: []plan.Line{{Op: "-", Text: "token=" + plan.TextSensitive}}}}
	})
	r := of(secret, partly)
	r.Parameters = []plan.Parameter{{Name: "Password", Change: plan.ChangeModify, Sensitive: true, Supply: plan.SupplyAnew}}
	got := between(r, r)
	if want := []string{"A DelaySeconds", "B DelaySeconds", "parameter Password"}; !slices.Equal(got.Hidden, want) {
		t.Errorf("hidden %v, want %v", got.Hidden, want)
	}
	if !got.Same || len(got.Limits) == 0 || !strings.Contains(got.Limits[0], "3 values hidden in both reviews cannot be compared") {
		t.Errorf("same %v, limits %v", got.Same, got.Limits)
	}
}

func TestTwoStacksAreComparedWithoutPhysicalNames(t *testing.T) {
	a, b := of(queue("A")), of(with(queue("A"), func(i *plan.Item) { i.PhysicalID = "other" }))
	b.Target.StackID, b.Target.StackName = "stack/2", "shop-prod"
	got := between(a, b)
	if len(got.Items) != 0 || got.Same || got.Facts[0].Part != "target" {
		t.Errorf("items %v, facts %v", got.Items, got.Facts)
	}
}

func TestContentThatDiffersUnseenIsSaid(t *testing.T) {
	a, b := of(queue("A")), of(queue("A"))
	a.ContentDigest, b.ContentDigest = "sha256:1", "sha256:2"
	if got := between(a, b); got.SameContent || len(got.Limits) != 1 || !strings.Contains(got.Limits[0], "content digests differ") {
		t.Errorf("limits %v", got.Limits)
	}
}

// What a review says in vain for a comparison: it follows from the rest, or differs between any two change sets.
var ignored = regexp.MustCompile(`^(/schema|/verdict|/level|/counts/.*|/clusters/.*|/contentDigest|/digest` +
	`|/deployment/(id|correlationId|ciRun|reviewUrl|createdAt|expiresAt|previous.*)|/target/(changeSetId|changeSetName)` +
	`|/items/\d+/(ack|children/changeSetId))$`)

// TestEveryFieldOfAReviewIsCompared changes each value of a review by itself, whatever fields the model has.
func TestEveryFieldOfAReviewIsCompared(t *testing.T) {
	for name, r := range map[string]plan.Review{"words": rendertest.EveryWord(), "orders": rendertest.Orders()} {
		r.Items, r.Clusters = r.Items[:min(len(r.Items), 3)], nil
		for i := range r.Items {
			// Of many lines of one kind the last few do.
			r.Items[i].Properties = r.Items[i].Properties[max(len(r.Items[i].Properties)-3, 0):]
		}
		r.Completeness.Reported, r.Completeness.Shown = len(r.Items), len(r.Items)
		encoded, err := plan.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal(encoded, &tree); err != nil {
			t.Fatal(err)
		}
		n := 0
		mutate(tree, "", func(path string) {
			changed, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			var mutated plan.Review
			if json.Unmarshal(changed, &mutated) != nil {
				return // what no review can hold
			}
			n++
			if d := between(r, mutated); d.Same != ignored.MatchString(path) {
				t.Errorf("%s: %s was changed, and the reviews are called the same: %v", name, path, d.Same)
			}
		})
		if n < 100 {
			t.Errorf("%s: only %d values were changed", name, n)
		}
	}
}

// mutate changes each leaf of a tree, calls try, and puts it back.
func mutate(node any, path string, try func(path string)) {
	each := func(child any, path string, set func(any)) {
		switch v := child.(type) {
		case string:
			set(v + "x")
		case float64:
			set(v + 1)
		case bool:
			set(!v)
		default:
			mutate(child, path, try)
			return
		}
		try(path)
		set(child)
	}
	switch v := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			each(v[key], path+"/"+key, func(changed any) { v[key] = changed })
		}
	case []any:
		for i := range v {
			each(v[i], fmt.Sprintf("%s/%d", path, i), func(changed any) { v[i] = changed })
		}
	}
}

func TestNoChangeIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rendertest.Draw().Draw(t, "then"), rendertest.Draw().Draw(t, "now")
		d := between(a, b)
		if got, want := d.Counts.New+d.Counts.Worse+d.Counts.Different+d.Counts.Same, len(b.Items); got != want {
			t.Errorf("%d changes are accounted for of %d now", got, want)
		}
		if got, want := d.Counts.Gone+d.Counts.Worse+d.Counts.Different+d.Counts.Same, len(a.Items); got != want {
			t.Errorf("%d changes are accounted for of %d then", got, want)
		}
		back := between(b, a)
		if d.Counts.New != back.Counts.Gone || d.Counts.Same != back.Counts.Same || d.Same != back.Same {
			t.Errorf("there %+v, back %+v", d.Counts, back.Counts)
		}
		if own := between(b, b); !own.Same {
			t.Errorf("a review differs from itself: %+v", own)
		}
	})
}

func TestDocumentHoldsNoNull(t *testing.T) {
	encoded, err := json.Marshal(between(plan.Review{}, plan.Review{}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(encoded), "null") {
		t.Errorf("%s", encoded)
	}
}
