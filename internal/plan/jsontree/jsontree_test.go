package jsontree_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"stackgate/internal/plan/jsontree"
)

func drawTree(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Just[any](nil),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Int(), func(n int) any { return json.Number(fmt.Sprint(n)) }),
		rapid.Map(rapid.String(), func(s string) any { return s }),
	)
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(
		leaf,
		rapid.Map(rapid.SliceOfN(drawTree(depth-1), 0, 4), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.String(), drawTree(depth-1), 0, 4), func(m map[string]any) any { return m }),
	)
}

func TestCanonicalIsJSONAndComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(3).Draw(t, "tree")
		text := jsontree.Canonical(tree)
		if !json.Valid([]byte(text)) {
			t.Fatalf("not JSON: %s", text)
		}
		back, err := jsontree.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if !jsontree.Equal(tree, back) || jsontree.Canonical(back) != text {
			t.Fatalf("%s came back as %s", text, jsontree.Canonical(back))
		}
	})
}

func TestEqualTreesHaveEqualTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTree(2).Draw(t, "a"), drawTree(2).Draw(t, "b")
		if jsontree.Equal(a, b) != (jsontree.Canonical(a) == jsontree.Canonical(b)) {
			t.Fatalf("equal and canonical disagree about %s and %s", jsontree.Canonical(a), jsontree.Canonical(b))
		}
		keysA, keysB := jsontree.Keys([]any{a}, []any{b})
		if (keysA[0] == keysB[0]) != jsontree.Equal(a, b) {
			t.Fatalf("keys %q and %q", keysA, keysB)
		}
	})
}

func TestPointersLeadToWhatWalkSaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(3).Draw(t, "tree")
		jsontree.Walk(tree, func(pointer string, value any) bool {
			found, ok := jsontree.Lookup(tree, pointer)
			if pointer != "" && (!ok || !jsontree.Equal(found, value)) {
				t.Fatalf("%q leads to %v, walk saw %v", pointer, found, value)
			}
			return true
		})
	})
}

// Of values without numbers, Canonical is the canonical JSON of RFC 8785, which digests are made of.
func TestCanonicalIsThatOfTheStandard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := rapid.MapOf(rapid.StringMatching(`[a-zA-Z]{1,5}`), rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.SliceOf(rapid.String()), func(l []string) any {
				list := make([]any, len(l))
				for i := range l {
					list[i] = l[i]
				}
				return list
			}),
		)).Draw(t, "tree")
		encoded, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if got := jsontree.Canonical(tree); got != string(want) {
			t.Fatalf("%q, the standard says %q", got, want)
		}
	})
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	const text = `{"big":12345678901234567891,"exact":1.10}`
	tree, err := jsontree.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := jsontree.Canonical(tree); got != text {
		t.Errorf("%s became %s", text, got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "{", `{} {}`, "nul", `{"a":}`, strings.Repeat("[", 20000)} {
		if tree, err := jsontree.Parse(text); err == nil {
			t.Errorf("%.20q was read as %v", text, tree)
		}
	}
}

func TestExpand(t *testing.T) {
	script := "#!/bin/sh\necho hi\n"
	tree := jsontree.Expand(map[string]any{
		"UserData": base64.StdEncoding.EncodeToString([]byte(script)),
		"Policy":   ` {"a": [1]} `,
		"List":     `["x"]`,
		"Ref":      "{{resolve:ssm:x}}",
		"Broken":   `{"a":`,
		"Other":    base64.StdEncoding.EncodeToString([]byte(script)),
		"Text":     "plain",
	}).(map[string]any)
	if tree["UserData"] != script {
		t.Errorf("user data is %q", tree["UserData"])
	}
	for _, name := range []string{"Policy", "List"} {
		if _, ok := tree[name].(jsontree.Document); !ok {
			t.Errorf("%s is %T", name, tree[name])
		}
	}
	for _, name := range []string{"Ref", "Broken", "Text", "Other"} {
		if _, ok := tree[name].(string); !ok {
			t.Errorf("%s is %T", name, tree[name])
		}
	}
	if got := jsontree.Canonical(tree["Policy"]); got != `"{\"a\":[1]}"` {
		t.Errorf("a document is written as %s", got)
	}
}

func TestMaskedShowsItsTextOnly(t *testing.T) {
	const secret = "hunter2-canary"
	masked := jsontree.Mask("(sensitive)", secret)
	tree := map[string]any{"a": []any{masked, jsontree.Document{Value: masked}}}
	encoded, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", tree), "%+v": fmt.Sprintf("%+v", tree), "%#v": fmt.Sprintf("%#v", tree), "%s": masked.String(),
		"%q": fmt.Sprintf("%q", masked), "JSON": string(encoded), "canonical": jsontree.Canonical(tree),
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%s prints the secret: %s", name, text)
		}
	}
	if jsontree.Equal(masked, jsontree.Mask("(sensitive)", "other")) || !jsontree.Equal(masked, jsontree.Mask("(sensitive)", secret)) {
		t.Error("masked leaves must compare by what they hide")
	}
}

func TestPointer(t *testing.T) {
	tree := map[string]any{"a/b": map[string]any{"~": []any{"x", "y"}}}
	pointer := jsontree.JoinIndex(jsontree.Join(jsontree.Join("", "a/b"), "~"), 1)
	if pointer != "/a~1b/~0/1" {
		t.Errorf("pointer %q", pointer)
	}
	if got, ok := jsontree.Lookup(tree, pointer); !ok || got != "y" {
		t.Errorf("%q leads to %v", pointer, got)
	}
	for _, missing := range []string{"/a", "/a~1b/~0/2", "/a~1b/~0/-1", "/a~1b/~0/x", "/a~1b/~0/1/z"} {
		if got, ok := jsontree.Lookup(tree, missing); ok {
			t.Errorf("%q leads to %v", missing, got)
		}
	}
	for _, c := range []struct {
		pointer, root string
		want          bool
	}{{"/a", "/a", true}, {"/a/b", "/a", true}, {"/ab", "/a", false}, {"/a", "/a/b", false}, {"/a", "", true}} {
		if got := jsontree.Within(c.pointer, c.root); got != c.want {
			t.Errorf("%q within %q: %v", c.pointer, c.root, got)
		}
	}
}

func TestListReadsWhatPoliciesWrite(t *testing.T) {
	for _, c := range []struct {
		value any
		want  []any
	}{
		{nil, nil}, {"x", []any{"x"}}, {[]any{"x", "y"}, []any{"x", "y"}},
		{jsontree.Document{Value: []any{"x"}}, []any{"x"}}, {map[string]any{}, []any{map[string]any{}}},
	} {
		if diff := cmp.Diff(c.want, jsontree.List(c.value)); diff != "" {
			t.Errorf("%v:\n%s", c.value, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,true,null,"x"]}`, `"\ud800"`, `[{"UserData":"ZWNobw=="}]`, `{"a":"{\"b\":1}"}`, "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := jsontree.Parse(text)
		if err != nil {
			return
		}
		expanded := jsontree.Expand(tree)
		if got := jsontree.Canonical(expanded); !json.Valid([]byte(got)) {
			t.Errorf("%q is written as %q", text, got)
		}
	})
}

func TestStepsAndLastAreTokens(t *testing.T) {
	for _, pointer := range []string{"", "/", "/A", "/A/0/B", "/a~1b/c~0d", "A/B", "//", "/A/"} {
		tokens := jsontree.Tokens(pointer)
		if got := slices.Collect(jsontree.Steps(pointer)); !slices.Equal(got, tokens) {
			t.Errorf("%q: steps %q, tokens %q", pointer, got, tokens)
		}
		want := ""
		if len(tokens) > 0 {
			want = tokens[len(tokens)-1]
		}
		if got := jsontree.Last(pointer); got != want {
			t.Errorf("%q: last %q, want %q", pointer, got, want)
		}
	}
}
