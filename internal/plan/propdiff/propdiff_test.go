package propdiff_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
	"stackgate/internal/plan/propdiff"
)

func tree(t *testing.T, text string) any {
	t.Helper()
	value, err := jsontree.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return jsontree.Expand(value)
}

// lines writes edits in one line each: mark, label, sides.
func lines(edits []plan.Edit) []string {
	out := []string{}
	for _, e := range edits {
		line := e.Change.Mark() + " " + e.Label
		switch e.Change {
		case plan.ChangeAdd:
			line += " " + e.AfterText()
		case plan.ChangeRemove:
			line += " " + e.BeforeText()
		case plan.ChangeModify:
			if e.Lines != nil {
				for _, l := range e.Lines {
					line += "|" + l.Op + l.Text
				}
			} else {
				line += " " + e.BeforeText() + " > " + e.AfterText()
			}
		}
		out = append(out, line)
	}
	return out
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, property, before, after string
		want                          []string
	}{
		{"equal", "P", `{"a":1}`, `{"a":1}`, []string{}},
		{"keys", "P", `{"a":1,"b":2}`, `{"b":3,"c":4}`, []string{`- a 1`, `~ b 2 > 3`, `+ c 4`}},
		{"nested", "P", `{"a":{"b":{"c":"x"}}}`, `{"a":{"b":{"c":"y"}}}`, []string{`~ a.b.c "x" > "y"`}},
		{"list in order", "Command", `["a","b","c"]`, `["a","c","d"]`, []string{`- [1] "b"`, `+ [2] "d"`}},
		{"list element changed", "Command", `["a","b","c"]`, `["a","x","c"]`, []string{`~ [1] "b" > "x"`}},
		{"tags by key", "Tags", `[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]`, `[{"Key":"b","Value":"3"},{"Key":"c","Value":"4"}]`,
			[]string{`~ [Key=b].Value "2" > "3"`, `+ [Key=c] {"Key":"c","Value":"4"}`, `- [Key=a] {"Key":"a","Value":"1"}`}},
		{"tags reordered", "Tags", `[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]`, `[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]`,
			[]string{`  order of elements`}},
		{"set of strings", "SubnetIds", `["a","b"]`, `["c","b"]`, []string{`- [0] "a"`, `+ [0] "c"`}},
		{"set reordered", "SubnetIds", `["a","b"]`, `["b","a"]`, []string{`  order of elements`}},
		{"statements by sid", "Policy", `{"Statement":[{"Sid":"R","Effect":"Allow","Action":"s3:Get*"}]}`, `{"Statement":[{"Sid":"R","Effect":"Allow","Action":["s3:Get*","s3:Put*"]}]}`,
			[]string{`+ Statement[Sid=R].Action[1] "s3:Put*"`}},
		{"statements without sid", "Policy", `{"Statement":[{"Effect":"Allow","Action":"a"},{"Effect":"Allow","Action":"b"}]}`, `{"Statement":[{"Effect":"Allow","Action":"b"},{"Effect":"Deny","Action":"a"}]}`,
			[]string{`~ Statement[1].Effect "Allow" > "Deny"`}},
		{"document in a string", "Body", `"{\"a\":1}"`, `"{\"a\":2}"`, []string{`~ a 1 > 2`}},
		{"text", "UserData", `"a\nb\nc\n"`, `"a\nx\nc\n"`, []string{`~ | a|-b|+x| c| `}},
		{"kind changes", "P", `"x"`, `{"a":1}`, []string{`~  "x" > {"a":1}`}},
		{"null", "P", `{"a":null}`, `{"a":"x"}`, []string{`~ a null > "x"`}},
		{"key with a slash", "P", `{"a/b":1}`, `{"a/b":2}`, []string{`~ a/b 1 > 2`}},
		{"duplicates in a set", "SubnetIds", `["a","a"]`, `["a"]`, []string{`- [1] "a"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			edits, omitted := propdiff.Compare(c.property, tree(t, c.before), tree(t, c.after))
			if diff := cmp.Diff(c.want, lines(edits)); diff != "" || omitted != 0 {
				t.Errorf("edits (-want +got), %d omitted:\n%s", omitted, diff)
			}
		})
	}
}

func TestHiddenDifferencesAreSaidAndNotShown(t *testing.T) {
	mask := func(secret string) map[string]any {
		return map[string]any{"URL": jsontree.Mask("postgres://(sensitive)@host", secret), "KEY": jsontree.Mask("(sensitive)", secret)}
	}
	edits, _ := propdiff.Compare("Variables", mask("canary-one"), mask("canary-two"))
	encoded, err := json.Marshal(edits)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(encoded), "canary") {
		t.Errorf("a secret is in %s", encoded)
	}
	if len(edits) != 2 || !edits[0].Sensitive || edits[0].AfterText() != plan.TextChanged {
		t.Errorf("edits %s", encoded)
	}
	if same, _ := propdiff.Compare("Variables", mask("x"), mask("x")); len(same) != 0 {
		t.Errorf("equal secrets differ: %+v", same)
	}
	list := func(secret string) []any { return []any{jsontree.Mask("(sensitive)", secret)} }
	if edits, _ := propdiff.Compare("Command", list("a"), list("b")); len(edits) != 1 {
		t.Errorf("a hidden difference in a list is lost: %+v", edits)
	}
}

func TestHiddenPartsOfATextAreComparedByLine(t *testing.T) {
	script := func(secret, last string) any {
		return jsontree.Mask("set -e\nexport PW=(sensitive)\n"+last, "set -e\nexport PW="+secret+"\n"+last)
	}
	for _, c := range []struct {
		name          string
		before, after any
		want          []string
	}{
		{"only the secret", script("canary1", "end"), script("canary2", "end"), []string{`~ | set -e|-export PW=(sensitive)|+export PW=(sensitive, changed)| end`}},
		{"only the rest", script("canary1", "end"), script("canary1", "stop"), []string{`~ | set -e| export PW=(sensitive)|-end|+stop`}},
		{"both", script("canary1", "end"), script("canary2", "stop"), []string{`~ | set -e|-export PW=(sensitive)|-end|+export PW=(sensitive, changed)|+stop`}},
		{"from a variable", "set -e\nexport PW=$PW\nend", script("canary1", "end"), []string{`~ | set -e|-export PW=$PW|+export PW=(sensitive)| end`}},
		{"several lines hidden as one", jsontree.Mask("a\n(sensitive)\nb", "a\nx\ny\nb"), jsontree.Mask("a\n(sensitive)\nc", "a\nz\ny\nc"), []string{`~ | a| (sensitive)|-b|+c`}},
		{"only what is hidden as one", jsontree.Mask("a\n(sensitive)\nb", "a\nx\ny\nb"), jsontree.Mask("a\n(sensitive)\nb", "a\nz\ny\nb"), []string{`~  (sensitive) > (sensitive, changed)`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			edits, _ := propdiff.Compare("UserData", c.before, c.after)
			if diff := cmp.Diff(c.want, lines(edits)); diff != "" {
				t.Errorf("edits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyDifferencesAreCounted(t *testing.T) {
	before, after := map[string]any{}, map[string]any{}
	for i := range propdiff.MaxEdits + 25 {
		before[fmt.Sprint(i)], after[fmt.Sprint(i)] = "a", "b"
	}
	edits, omitted := propdiff.Compare("P", before, after)
	if len(edits) != propdiff.MaxEdits || omitted != 25 {
		t.Errorf("%d edits, %d omitted", len(edits), omitted)
	}
}

func TestLines(t *testing.T) {
	var old, new []string
	for i := range 30 {
		old, new = append(old, fmt.Sprint(i)), append(new, fmt.Sprint(i))
	}
	new[15] = "x"
	var got []string
	for _, l := range propdiff.Lines(strings.Join(old, "\n"), strings.Join(new, "\n")) {
		got = append(got, l.Op+l.Text)
	}
	want := []string{"@12 unchanged lines", " 12", " 13", " 14", "-15", "+x", " 16", " 17", " 18", "@11 unchanged lines"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// Whatever the texts are, the line diff tells both: its context and minus lines are in the old text, its context and
// plus lines in the new, and the gaps make up the rest.
func TestLinesAccountForBothTexts(t *testing.T) {
	gen := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", ""}), 0, 40), func(l []string) string { return strings.Join(l, "\n") })
	rapid.Check(t, func(t *rapid.T) {
		before, after := gen.Draw(t, "before"), gen.Draw(t, "after")
		old, new := strings.Split(before, "\n"), strings.Split(after, "\n")
		i, j := 0, 0
		if before == after {
			i, j = len(old), len(new)
		}
		for _, l := range propdiff.Lines(before, after) {
			switch l.Op {
			case " ":
				if old[i] != l.Text || new[j] != l.Text {
					t.Fatalf("line %q is not in both", l.Text)
				}
				i, j = i+1, j+1
			case "-":
				if old[i] != l.Text {
					t.Fatalf("line %q is not in the old text", l.Text)
				}
				i++
			case "+":
				if new[j] != l.Text {
					t.Fatalf("line %q is not in the new text", l.Text)
				}
				j++
			case "@":
				var n int
				if _, err := fmt.Sscan(l.Text, &n); err != nil {
					t.Fatal(err)
				}
				i, j = i+n, j+n
			}
		}
		if i != len(old) || j != len(new) {
			t.Fatalf("%d of %d old and %d of %d new lines are told", i, len(old), j, len(new))
		}
	})
}

func drawTree(depth int) *rapid.Generator[any] {
	leaf := rapid.Map(rapid.SampledFrom([]string{"a", "b", "c", "x\ny"}), func(s string) any { return s })
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(drawTree(depth-1), 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"Key", "Name", "Tags", "Statement", "Action", "P"}), drawTree(depth-1), 0, 3), func(m map[string]any) any { return m }))
}

func TestDifferentValuesHaveDifferencesAndEqualOnesNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawTree(3).Draw(t, "before"), drawTree(3).Draw(t, "after")
		edits, _ := propdiff.Compare("P", before, after)
		if equal := jsontree.Equal(before, after); equal && len(edits) > 0 {
			t.Fatalf("equal values differ: %+v", edits)
		}
		if len(edits) == 0 && !jsontree.Equal(before, after) && !sameInPolicies(before, after) {
			t.Fatalf("%s and %s have no difference", jsontree.Canonical(before), jsontree.Canonical(after))
		}
		for _, e := range edits {
			if e.Change == plan.ChangeAdd || e.Change == plan.ChangeModify {
				if _, ok := jsontree.Lookup(after, e.Path); !ok && !strings.Contains(e.Label, "[") {
					t.Fatalf("%q leads nowhere in %s", e.Path, jsontree.Canonical(after))
				}
			}
		}
	})
}

// sameInPolicies: a string and the list of it are the same under names such as Action, and there only.
func sameInPolicies(a, b any) bool {
	return jsontree.Canonical(unwrapped(a)) == jsontree.Canonical(unwrapped(b))
}

func unwrapped(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, member := range v {
			member = unwrapped(member)
			if list, ok := member.([]any); ok && len(list) == 1 && (key == "Action" || key == "Statement") {
				member = list[0]
			}
			out[key] = member
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, unwrapped(e))
		}
		return out
	}
	return v
}

func TestShorten(t *testing.T) {
	if got, cut := propdiff.Shorten("aé", 2); got != "a…" || !cut {
		t.Errorf("%q %v", got, cut)
	}
	if got, cut := propdiff.Shorten("abc", 3); got != "abc" || cut {
		t.Errorf("%q %v", got, cut)
	}
}
