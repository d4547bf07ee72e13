package asl

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestValuesKeepTheirText(t *testing.T) {
	for _, text := range []string{
		`12345678901234567890`, `1.10`, `1e400`, `-0`, `"<&>"`, `" "`, `"é😀"`, `"\"\\\n\r\t\u0001"`, `null`, `[]`, `{}`,
		`{"a":[1,true,false,null,"x"],"b":{"c":{}}}`,
	} {
		if got := string(encodeValue(mustValue(t, text))); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

func TestValuesRefuseWhatIsNotOneValue(t *testing.T) {
	for _, text := range []string{``, ` `, `{`, `1 2`, `{} x`, `{"a":}`, `nul`} {
		if value, err := decodeValue([]byte(text)); err == nil {
			t.Errorf("%q became %v", text, value)
		}
	}
}

// valueGenerator draws JSON values.
func valueGenerator() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any { return drawValue(t, 3) })
}

func drawValue(t *rapid.T, depth int) any {
	kinds := 4
	if depth > 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "boolean")
	case 2:
		return json.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,3})?`).Draw(t, "number"))
	case 3:
		return rapid.String().Draw(t, "text")
	case 4:
		items := make([]any, rapid.IntRange(0, 3).Draw(t, "items"))
		for i := range items {
			items[i] = drawValue(t, depth-1)
		}
		return items
	default:
		object := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			object[rapid.String().Draw(t, "name")] = drawValue(t, depth-1)
		}
		return object
	}
}

func TestEncodingIsReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := valueGenerator().Draw(t, "value")
		encoded := encodeValue(value)
		if !json.Valid(encoded) {
			t.Fatalf("not JSON: %s", encoded)
		}
		decoded, err := decodeValue(encoded)
		if err != nil || !equalValues(decoded, value) || string(encodeValue(decoded)) != string(encoded) {
			t.Fatalf("%s decodes to %s (%v)", encoded, encodeValue(decoded), err)
		}
	})
}

func TestEqualValues(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`1`, `1e0`, true}, {`1`, `2`, false}, {`1`, `"1"`, false}, {`"1"`, `1`, false},
		{`null`, `null`, true}, {`null`, `false`, false}, {`true`, `true`, true}, {`true`, `[true]`, false}, {`true`, `{}`, false},
		{`[1,[2]]`, `[1.0,[2]]`, true}, {`[1]`, `[1,1]`, false}, {`[]`, `{}`, false}, {`[1]`, `1`, false},
		{`{"a":1,"b":[]}`, `{"b":[],"a":1.0}`, true}, {`{"a":1}`, `{"b":1}`, false}, {`{"a":1}`, `{"a":1,"b":1}`, false},
	} {
		if got := equalValues(mustValue(t, c.a), mustValue(t, c.b)); got != c.want {
			t.Errorf("%s equals %s: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestShortenCountsCharacters(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"ééé", 2, "éé"}, {"éé", 2, "éé"}, {"😀a", 1, "😀"}, {"", 0, ""}} {
		if got := shorten(c.text, c.limit); got != c.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", c.text, c.limit, got, c.want)
		}
	}
	if got := shorten(strings.Repeat("é", 40000), 32768); len(got) != 2*32768 {
		t.Errorf("%d bytes, want %d", len(got), 2*32768)
	}
}
