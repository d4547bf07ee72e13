package plan_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/plan"
)

func drawChange(t *rapid.T) plan.ChangeFacts {
	word := rapid.StringMatching(`[A-Za-z]{0,6}`)
	return plan.ChangeFacts{
		Path: word.Draw(t, "path"), LogicalID: word.Draw(t, "id"), Type: word.Draw(t, "type"), Action: word.Draw(t, "action"),
		Scope: rapid.SliceOfN(word, 0, 3).Draw(t, "scope"), Before: rapid.String().Draw(t, "before"), After: rapid.String().Draw(t, "after"),
		ChangeSetID: word.Draw(t, "set"),
		Details: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) plan.DetailFacts {
			return plan.DetailFacts{Path: word.Draw(t, "p"), Source: word.Draw(t, "s"), After: rapid.String().Draw(t, "a")}
		}), 0, 3).Draw(t, "details"),
	}
}

func mustDigest(t interface{ Fatal(...any) }, f func() (string, error)) string {
	sum, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func reviewDigest(facts plan.ReviewFacts) func() (string, error) {
	return func() (string, error) {
		sum, _, err := facts.Digests()
		return sum, err
	}
}

func TestBothContentDigestsAreOne(t *testing.T) {
	facts := wholeFacts()
	_, content, err := facts.Digests()
	if alone := mustDigest(t, func() (string, error) { return plan.ContentDigest(facts.Changes) }); err != nil || alone != content {
		t.Errorf("%s and %s, %v", content, alone, err)
	}
}

func TestDigestsDoNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := rapid.SliceOfN(rapid.Custom(drawChange), 0, 5).Draw(t, "changes")
		shuffled := rapid.Permutation(changes).Draw(t, "shuffled")
		for i := range shuffled {
			shuffled[i].Details = rapid.Permutation(shuffled[i].Details).Draw(t, "details")
			shuffled[i].Scope = rapid.Permutation(shuffled[i].Scope).Draw(t, "scope")
		}
		a := mustDigest(t, reviewDigest(plan.ReviewFacts{Changes: changes}))
		b := mustDigest(t, reviewDigest(plan.ReviewFacts{Changes: shuffled}))
		if a != b {
			t.Fatalf("the review digest depends on the order:\n%+v\n%+v", changes, shuffled)
		}
		if plain, mixed := mustDigest(t, func() (string, error) { return plan.ContentDigest(changes) }), mustDigest(t, func() (string, error) { return plan.ContentDigest(shuffled) }); plain != mixed {
			t.Fatal("the content digest depends on the order")
		}
	})
}

// mutations calls try with the value after each single field of it was changed, and the field's name.
func mutations(name string, v reflect.Value, try func(name string)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			mutations(name+"."+v.Type().Field(i).Name, v.Field(i), try)
		}
	case reflect.Slice:
		if v.Len() == 0 {
			panic("give " + name + " an element, so that its fields are tried")
		}
		mutations(name+"[0]", v.Index(0), try)
		old := v.Interface()
		v.Set(v.Slice(0, 0))
		try(name + " emptied")
		v.Set(reflect.ValueOf(old))
	case reflect.String:
		old := v.String()
		v.SetString(old + "x")
		try(name)
		v.SetString(old)
	case reflect.Bool:
		v.SetBool(!v.Bool())
		try(name)
		v.SetBool(!v.Bool())
	}
}

func wholeFacts() plan.ReviewFacts {
	return plan.ReviewFacts{
		Templates: []string{"t"}, Parameters: []plan.Named{{Name: "n"}}, Tags: []plan.Named{{Name: "n"}}, Capabilities: []string{"c"}, Roles: []string{"r"},
		Settings: []plan.Named{{Name: "n"}}, Stateful: []string{"s"},
		Changes: []plan.ChangeFacts{{Scope: []string{"s"}, DriftIgnored: []string{"d"}, Details: []plan.DetailFacts{{}}}},
	}
}

func TestReviewDigestCoversEveryField(t *testing.T) {
	facts := wholeFacts()
	seen := map[string]string{mustDigest(t, reviewDigest(facts)): "nothing"}
	mutations("facts", reflect.ValueOf(&facts).Elem(), func(name string) {
		sum := mustDigest(t, reviewDigest(facts))
		if other, taken := seen[sum]; taken {
			t.Errorf("changing %s gives the digest of changing %s", name, other)
		}
		seen[sum] = name
	})
	if len(seen) < 50 {
		t.Errorf("only %d fields were tried", len(seen))
	}
}

func TestContentDigestCoversChangesAlone(t *testing.T) {
	changes := wholeFacts().Changes
	digest := func() string {
		return mustDigest(t, func() (string, error) { return plan.ContentDigest(changes) })
	}
	base := digest()
	mutations("changes", reflect.ValueOf(&changes).Elem(), func(name string) {
		if same := digest() == base; same != strings.HasSuffix(name, "ChangeSetID") {
			t.Errorf("after a change of %s the content digest is the same: %v", name, same)
		}
	})
}

func TestRequestDigestCoversEveryField(t *testing.T) {
	facts := plan.RequestFacts{Parameters: []plan.Named{{Name: "n"}}, Tags: []plan.Named{{Name: "n"}}, Capabilities: []string{"c"}, Roles: []string{"r"}}
	base := mustDigest(t, facts.Digest)
	mutations("facts", reflect.ValueOf(&facts).Elem(), func(name string) {
		if mustDigest(t, facts.Digest) == base {
			t.Errorf("changing %s leaves the request digest as it is", name)
		}
	})
	if review := mustDigest(t, reviewDigest(plan.ReviewFacts{})); review == base {
		t.Error("digests of different kinds meet")
	}
}

func TestDocumentHasNoNullsAndComesBack(t *testing.T) {
	created := time.Date(2026, 11, 22, 15, 2, 3, 0, time.FixedZone("CET", 3600))
	r := plan.Review{
		Schema: plan.Schema, Deployment: &plan.Deployment{ID: "d", CreatedAt: created},
		Items:    []plan.Item{{Path: "A", Properties: []plan.Property{{Path: "/Properties/X"}}, Children: &plan.Children{}}},
		Clusters: []plan.Cluster{{}},
	}
	encoded, err := plan.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(encoded), "null") {
		t.Errorf("the document holds null: %s", encoded)
	}
	if !strings.Contains(string(encoded), `"2026-11-22T14:02:03Z"`) {
		t.Errorf("times are not in UTC: %s", encoded)
	}
	back, err := plan.Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	again, err := plan.Encode(back)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(encoded), string(again)); diff != "" {
		t.Errorf("the document changes when it is read and written:\n%s", diff)
	}
	if r.Items[0].Notes != nil {
		t.Error("encoding changed the caller's review")
	}
	var withMore map[string]any
	if err := json.Unmarshal(encoded, &withMore); err != nil {
		t.Fatal(err)
	}
	withMore["fromALaterVersion"] = true
	later, err := json.Marshal(withMore)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Decode(later); err != nil {
		t.Errorf("unknown fields must be ignored: %v", err)
	}
	for _, bad := range []string{"", "{}", `{"schema":"stackgate.review/v2"}`, "[]"} {
		if _, err := plan.Decode([]byte(bad)); err == nil {
			t.Errorf("%q was read as a review", bad)
		}
	}
}
