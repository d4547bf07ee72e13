package cfn_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
)

// answer is a recorded answer as the tests read it, without the code under test.
type answer struct {
	ChangeSetId string
	Changes     []struct {
		ResourceChange struct {
			LogicalResourceId, Action, ResourceType string
			Details                                 []struct {
				ChangeSource, CausingEntity string
				Target                      struct{ Attribute, Name, Path string }
			}
		}
	}
}

func readAnswer(t *testing.T, path string) answer {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a answer) pairs() []string {
	var all []string
	for _, c := range a.Changes {
		all = append(all, c.ResourceChange.LogicalResourceId+" "+c.ResourceChange.Action)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func pairs(r plan.Review) []string {
	var all []string
	for _, item := range r.Items {
		all = append(all, item.LogicalID+" "+item.Action)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestRecordedAnswers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recorded(t, "changesets"), "*.json"))
	if err != nil || len(files) < 200 {
		t.Fatalf("%d recorded answers, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			a := readAnswer(t, file)
			d, err := cfn.LoadDescription(readSaved(t, file))
			if err != nil {
				t.Fatal(err)
			}
			r := review(t, d, cfn.ReviewInput{})
			if r.Completeness.Reported != len(a.Changes) || len(r.Items) != len(a.Changes) || r.Completeness.Unknown != 0 {
				t.Errorf("%d changes, %d reported, %d items, %d unknown", len(a.Changes), r.Completeness.Reported, len(r.Items), r.Completeness.Unknown)
			}
			if diff := cmp.Diff(a.pairs(), pairs(r)); diff != "" {
				t.Errorf("resources and actions (-answer +review):\n%s", diff)
			}
			checkDetails(t, a, r)
			checkDocument(t, r)
		})
	}
}

// checkDetails finds every cause of every detail at the item that it belongs to.
func checkDetails(t *testing.T, a answer, r plan.Review) {
	t.Helper()
	for _, c := range a.Changes {
		at := slices.IndexFunc(r.Items, func(i plan.Item) bool {
			return i.LogicalID == c.ResourceChange.LogicalResourceId && i.Action == c.ResourceChange.Action
		})
		if at < 0 {
			continue // reported by the caller
		}
		for _, d := range c.ResourceChange.Details {
			found := slices.ContainsFunc(r.Items[at].Properties, func(p plan.Property) bool {
				return (d.Target.Path == "" || p.Path == d.Target.Path) && p.Attribute == d.Target.Attribute &&
					slices.ContainsFunc(p.Causes, func(cause plan.Cause) bool {
						return cause.Source == d.ChangeSource && cause.Entity == d.CausingEntity
					})
			})
			if !found {
				t.Errorf("%s: the detail %+v is in no property", c.ResourceChange.LogicalResourceId, d)
			}
		}
		places := map[string]bool{}
		for _, p := range r.Items[at].Properties {
			if places[p.Path] {
				t.Errorf("%s: %s has two lines", c.ResourceChange.LogicalResourceId, p.Path)
			}
			places[p.Path] = true
		}
	}
}

func checkDocument(t *testing.T, r plan.Review) {
	t.Helper()
	encoded, err := plan.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(encoded, &document); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case nil:
			t.Errorf("%s is null", path)
		case map[string]any:
			for key, member := range v {
				walk(path+"."+key, member)
			}
		case []any:
			for i, element := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), element)
			}
		}
	}
	walk("", document)
	for _, digest := range []string{r.Digest, r.ContentDigest} {
		if len(digest) != len("sha256:")+64 {
			t.Errorf("digest %q", digest)
		}
	}
	if !slices.IsSortedFunc(r.Items, plan.CompareItems) {
		t.Error("the items are out of order")
	}
	if r.Verdict == "" || len(r.Limits) == 0 {
		t.Errorf("verdict %q, limits %q", r.Verdict, r.Limits)
	}
}

// The answer with values and the one without, about one change set, give one review that has all changes and details of
// both, and none of them twice.
func TestRecordedPairsMerge(t *testing.T) {
	folder := recorded(t, "changesets")
	files, err := filepath.Glob(filepath.Join(folder, "*-prop-values.json"))
	if err != nil {
		t.Fatal(err)
	}
	merged := 0
	for _, withValues := range files {
		plain := strings.Replace(withValues, "-prop-values.json", ".json", 1)
		if _, err := os.Stat(plain); err != nil {
			continue
		}
		values, without := readAnswer(t, withValues), readAnswer(t, plain)
		if values.ChangeSetId != without.ChangeSetId {
			t.Errorf("%s and its pair are about different sets", filepath.Base(withValues))
			continue
		}
		merged++
		t.Run(filepath.Base(plain), func(t *testing.T) {
			d, err := cfn.LoadDescription(readSaved(t, withValues), readSaved(t, plain))
			if err != nil {
				t.Fatal(err)
			}
			r := review(t, d, cfn.ReviewInput{})
			want := append(values.pairs(), without.pairs()...)
			slices.Sort(want)
			if diff := cmp.Diff(slices.Compact(want), pairs(r)); diff != "" {
				t.Errorf("resources and actions (-both +review):\n%s", diff)
			}
			if len(r.Items) != len(pairs(r)) {
				t.Errorf("%d items for %d changes", len(r.Items), len(pairs(r)))
			}
			checkDetails(t, values, r)
			checkDetails(t, without, r)
			other, err := cfn.LoadDescription(readSaved(t, plain), readSaved(t, withValues))
			if err != nil {
				t.Fatal(err)
			}
			if again := review(t, other, cfn.ReviewInput{}); again.Digest != r.Digest {
				t.Error("the digest depends on the order of the answers")
			}
		})
	}
	if merged < 80 {
		t.Errorf("only %d pairs were found", merged)
	}
}

// The templates beside the answers take part in a review without changing what is reported.
func TestRecordedCasesWithTemplates(t *testing.T) {
	folder := recorded(t, "cases")
	cases, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range cases {
		t.Run(entry.Name(), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(folder, entry.Name(), "case.json"))
			if err != nil {
				t.Fatal(err)
			}
			var c struct {
				ChangeSetType string            `json:"change_set_type"`
				Responses     map[string]string `json:"responses"`
			}
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			in := cfn.ReviewInput{ChangeSetType: c.ChangeSetType}
			in.AfterTemplate, _ = os.ReadFile(filepath.Join(folder, entry.Name(), "after.template.json"))
			in.BeforeTemplate, _ = os.ReadFile(filepath.Join(folder, entry.Name(), "before.template.json"))
			for _, response := range c.Responses {
				path := filepath.Join(folder, entry.Name(), filepath.FromSlash(response))
				d, err := cfn.LoadDescription(readSaved(t, path))
				if err != nil {
					t.Fatal(err)
				}
				r := review(t, d, in)
				checkDocument(t, r)
				if r.RequestDigest == "" {
					t.Error("no request digest, though the template is known")
				}
				if diff := cmp.Diff(readAnswer(t, path).pairs(), pairs(r)); diff != "" {
					t.Errorf("resources and actions (-answer +review):\n%s", diff)
				}
			}
		})
	}
}

// What the recordings teach, looked up in them (REVIEW.md section 4).
func TestRecordedLessons(t *testing.T) {
	folder := recorded(t, "changesets")
	one := func(name string) plan.Review {
		d, err := cfn.LoadDescription(readSaved(t, filepath.Join(folder, name+".json")))
		if err != nil {
			t.Fatal(err)
		}
		return review(t, d, cfn.ReviewInput{})
	}
	t.Run("an addition that claims a replacement", func(t *testing.T) {
		r := one("test_change_set_ref.TestChangeSetRef.test_resource_addition__describe-change-set-1-prop-values")
		if r.Items[0].Replacement != "True" || r.Items[0].Impact != plan.ImpactAdd {
			t.Errorf("%s with replacement %q", r.Items[0].Impact, r.Items[0].Replacement)
		}
	})
	t.Run("one line, two causes", func(t *testing.T) {
		r := one("test_change_set_fn_get_attr.TestChangeSetFnGetAttr.test_immutable_property_update_causes_resource_replacement__describe-change-set-2-prop-values")
		item, _ := r.Item("Topic2")
		if len(item.Properties) != 1 || len(item.Properties[0].Causes) != 2 || item.Properties[0].AfterText() != plan.TextKnownLater {
			t.Errorf("properties %+v", item.Properties)
		}
		if diff := cmp.Diff([]string{"Topic1"}, item.CausedBy); diff != "" {
			t.Errorf("caused by:\n%s", diff)
		}
		if first := r.Items[0]; first.Path != "Topic1" || first.Ack != 1 || !slices.Equal(first.KnockOn, []string{"Topic2"}) {
			t.Errorf("first item %s, acknowledgement %d, knock-on %v", first.Path, first.Ack, first.KnockOn)
		}
	})
	t.Run("stack tags without contexts", func(t *testing.T) {
		r := one("ext.trek10.stack-tags")
		if len(r.Clusters) != 1 || len(r.Clusters[0].Paths) != 3 || r.Items[0].Impact != plan.ImpactTagsOnly {
			t.Errorf("clusters %+v", r.Clusters)
		}
	})
	t.Run("nested", func(t *testing.T) {
		d, err := cfn.LoadDescription(readSaved(t, filepath.Join(folder, "ext.trek10.nested.json")), readSaved(t, filepath.Join(folder, "ext.trek10.nested.nested.json")))
		if err != nil {
			t.Fatal(err)
		}
		r := review(t, d, cfn.ReviewInput{})
		if r.Completeness.NestedChangeSets != 1 || r.Completeness.Partial || len(r.Items) != 6 {
			t.Errorf("completeness %+v", r.Completeness)
		}
		stack, _ := r.Item("Stack")
		if stack.Children == nil || stack.Children.Total != 5 || stack.Children.Level != plan.LevelCritical || stack.Level != plan.LevelLow {
			t.Errorf("the nested stack: %+v, level %s", stack.Children, stack.Level)
		}
	})
}
