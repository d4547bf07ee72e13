package asl

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustValue(t testing.TB, text string) any {
	t.Helper()
	value, err := decodeValue([]byte(text))
	if err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	return value
}

func TestPathFinds(t *testing.T) {
	data := `{"a": {"b": [10, {"c": null}]}, "a-b": 1, "été": 2, "with space": 3, "it's": 4, "d\"q": 5, "x.y": 6, "": 7, "back\\slash": 8, "9": 9}`
	for path, want := range map[string]string{
		"$.a.b[0]":            "10",
		"$.a.b[1]":            `{"c": null}`,
		"$.a.b[1].c":          "null",
		"$['a']['b'][1]":      `{"c": null}`,
		`$["a"].b[0]`:         "10",
		"$.a-b":               "1",
		"$.été":               "2",
		"$['with space']":     "3",
		`$['it\'s']`:          "4",
		`$['d"q']`:            "5",
		"$['x.y']":            "6",
		"$['']":               "7",
		`$['back\\slash']`:    "8",
		"$.9":                 "9",
		"$$.State.Name":       `"S"`,
		"$$['State']['Name']": `"S"`,
	} {
		parsed, err := parsePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got, err := parsed.find(scope{data: mustValue(t, data), context: func() any { return mustValue(t, `{"State": {"Name": "S"}}`) }})
		if err != nil || !sameJSON(encodeValue(got), want) {
			t.Errorf("%s finds %s (%v), want %s", path, encodeValue(got), err, want)
		}
	}
}

func TestPathFindsNothing(t *testing.T) {
	for path, data := range map[string]string{
		"$.b":      `{"a": 1}`,
		"$.a.b":    `{"a": 1}`,
		"$.a[0]":   `{"a": {"0": 1}}`,
		"$.a[1]":   `{"a": [1]}`,
		"$[0].b":   `[[]]`,
		"$.length": `"text"`,
		"$.x":      `null`,
	} {
		parsed, err := parsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parsed.find(scope{data: mustValue(t, data)})
		var missing *missingPathError
		if !errors.As(err, &missing) || missing.path.source != path {
			t.Errorf("%s in %s: error %v, want that it finds nothing", path, data, err)
		}
	}
}

func TestPathRefuses(t *testing.T) {
	for path, reason := range map[string]string{
		"":                          "does not begin with $",
		"a.b":                       "does not begin with $",
		"$a":                        "variables are not implemented",
		"$states.input":             "variables are not implemented",
		"$..a":                      "descent",
		"$.*":                       "wildcard",
		"$.a[*]":                    "wildcard",
		"$.a[1:2]":                  "slices",
		"$.a[1,2]":                  "slices and several indexes",
		"$.a[-1]":                   "not an array index",
		"$.a[+1]":                   "not an array index",
		"$.a[x]":                    "not an array index",
		"$.a[]":                     "not an array index",
		"$.a[99999999999999999999]": "not an array index",
		"$.a[?(@.b==1)]":            "filters",
		"$.a[(@.length-1)]":         "filters",
		"$.a[0":                     "not closed",
		"$.":                        "a name is missing",
		"$.a.":                      "a name is missing",
		"$.a b":                     "unexpected",
		"$.a@":                      "unexpected",
		"$['a'":                     "followed by ]",
		"$['a','b']":                "several names",
		"$['a":                      "quote is not closed",
		"$$.Map.Item.Value":         "context object has no such field",
		"$$.Execution.Foo":          "context object has no such field",
		"$$.State[0]":               "context object has no such field",
	} {
		_, err := parsePath(path)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: error %v, want one with %q", path, err, reason)
		}
	}
}

func TestEveryContextFieldIsAPath(t *testing.T) {
	for _, field := range append(contextFields(), "Execution.Input.any.depth[3]") {
		if _, err := parsePath("$$." + field); err != nil {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestPathWrites(t *testing.T) {
	for _, c := range []struct{ path, data, want string }{
		{"$", `{"a": 1}`, `"new"`},
		{"$.b", `{"a": 1}`, `{"a": 1, "b": "new"}`},
		{"$.a", `{"a": 1}`, `{"a": "new"}`},
		{"$.a.b.c", `{}`, `{"a": {"b": {"c": "new"}}}`},
		{"$.a.b", `{"a": {"c": 2}}`, `{"a": {"b": "new", "c": 2}}`},
		{"$.a[1]", `{"a": [1, 2]}`, `{"a": [1, "new"]}`},
		{"$.a[0].b", `{"a": [{}]}`, `{"a": [{"b": "new"}]}`},
		{"$.a.b", `{"a": 1}`, ""},
		{"$.a.b", `{"a": null}`, ""},
		{"$.a[0].b", `{"a": [1, 2]}`, ""},
		{"$.a[2]", `{"a": [1, 2]}`, ""},
		{"$.a[0]", `{}`, ""},
		{"$.a", `"text"`, ""},
		{"$.a", `null`, ""},
		{"$[0]", `{}`, ""},
	} {
		parsed, err := parsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		data := mustValue(t, c.data)
		got, err := parsed.write(data, "new")
		switch {
		case c.want == "" && !errors.Is(err, errNoMatch):
			t.Errorf("write %s into %s = %s, %v; want that it does not fit", c.path, c.data, encodeValue(got), err)
		case c.want != "" && (err != nil || !sameJSON(encodeValue(got), c.want)):
			t.Errorf("write %s into %s = %s, %v; want %s", c.path, c.data, encodeValue(got), err, c.want)
		}
		if !sameJSON(encodeValue(data), c.data) {
			t.Errorf("write %s changed the data itself: %s, was %s", c.path, encodeValue(data), c.data)
		}
	}
}

// What was written is found again, and nothing else has changed.
func TestPathFindsWhatItWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a-c '\\"\]]{0,3}`), 1, 4).Draw(t, "names")
		source := "$"
		for _, name := range names {
			source += "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
		}
		parsed, err := parsePath(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		data := map[string]any{"kept": true}
		written, err := parsed.write(data, "value")
		if err != nil {
			t.Fatalf("write %s: %v", source, err)
		}
		found, err := parsed.find(scope{data: written})
		if err != nil || found != "value" {
			t.Fatalf("%s finds %v (%v) after writing", source, found, err)
		}
		if written.(map[string]any)["kept"] != true || len(data) != 1 {
			t.Fatalf("writing %s lost or changed what was there: %v, %v", source, written, data)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"$", "$$", "$.a[0]['b\\'']", "$..", "$[", "$['", "$.é", "$.\xff", "$$.State.Name", "$[0x1]", "$.a.b.c[1][2]"} {
		f.Add(seed)
	}
	data := mustValue(f, `{"a": [{"b": {"c": [1, [2, 3]]}}]}`)
	f.Fuzz(func(t *testing.T, source string) {
		parsed, err := parsePath(source)
		if err != nil {
			return
		}
		again, err := parsePath(parsed.source)
		if err != nil || len(again.segments) != len(parsed.segments) {
			t.Fatalf("%q is a path but its own text is not: %v", source, err)
		}
		in := scope{data: data, context: func() any { return map[string]any{} }}
		written, err := parsed.write(data, "x")
		if err == nil && !parsed.context {
			if found, err := parsed.find(scope{data: written}); err != nil || found != "x" {
				t.Fatalf("%q does not find what it wrote: %v, %v", source, found, err)
			}
		}
		_, _ = parsed.find(in)
	})
}
