// Package jsontree reads the JSON values that CloudFormation reports of a resource into trees that can be masked,
// compared and written down. It is not a JSON library: it knows the few kinds of leaves that a review needs and no more.
package jsontree

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A tree is nil, bool, json.Number, string, []any or map[string]any, as encoding/json makes them, or one of the leaves
// Document and Masked.

// Document is the leaf for a string that holds a JSON object or list, such as an inline policy or a dashboard body.
type Document struct{ Value any }

// Masked is the leaf for a string of which something must not be seen. Only Text ever leaves it: it has no method, and
// no exported field, that yields the secret.
type Masked struct {
	// Text is what may be shown: "(sensitive)", or the string with its secret parts replaced.
	Text   string
	secret string
}

// Mask makes a leaf that shows text and, for comparisons only, remembers the secret.
func Mask(text, secret string) Masked { return Masked{Text: text, secret: secret} }

// Same says whether two masked strings were equal before they were masked.
func (m Masked) Same(other Masked) bool { return m.Text == other.Text && m.secret == other.secret }

// String returns the text that may be shown, so that formatting a leaf does not reveal it.
func (m Masked) String() string { return m.Text }

// GoString keeps %#v from printing the unexported field.
func (m Masked) GoString() string { return fmt.Sprintf("jsontree.Masked{Text:%q}", m.Text) }

// MarshalJSON writes the text that may be shown.
func (m Masked) MarshalJSON() ([]byte, error) { return json.Marshal(m.Text) }

// Parse reads exactly one JSON value. Numbers keep the digits they were written with.
func Parse(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("parse JSON value: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse JSON value: something follows the value")
	}
	return value, nil
}

// Expand replaces strings that carry a document by what they carry: JSON objects and lists become a Document, and the
// base64 text of a UserData property, which is how CloudFormation reports Fn::Base64, becomes the script it encodes.
func Expand(value any) any { return expand("", value) }

// ExpandMember is Expand for a value that stands under a name.
func ExpandMember(name string, value any) any { return expand(name, value) }

func expand(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			out[key] = expand(key, member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = expand(name, element)
		}
		return out
	case string:
		return expandString(name, v)
	}
	return value
}

func expandString(name, text string) any {
	if name == "UserData" {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) > 0 && utf8.Valid(raw) {
			text = string(raw)
		}
	}
	trimmed := strings.TrimSpace(text)
	if len(trimmed) < 2 || (trimmed[0] != '{' && trimmed[0] != '[') || strings.HasPrefix(trimmed, "{{") {
		return text
	}
	document, err := Parse(trimmed)
	if err != nil {
		return text
	}
	return Document{Value: Expand(document)}
}

// Equal compares two trees; masked leaves by what they hide.
func Equal(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for key, member := range x {
			other, ok := y[key]
			if !ok || !Equal(member, other) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !Equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case Document:
		y, ok := b.(Document)
		return ok && Equal(x.Value, y.Value)
	case Masked:
		y, ok := b.(Masked)
		return ok && x.Same(y)
	}
	switch b.(type) {
	case map[string]any, []any, Document, Masked:
		return false
	}
	return a == b
}

// Canonical writes a tree as JSON with sorted keys and no insignificant space. A Document is a string again, and a
// masked leaf its visible text, so that equal trees have equal texts and no secret is in any of them.
func Canonical(value any) string { return string(AppendCanonical(nil, value)) }

// AppendCanonical appends to dst what Canonical returns.
func AppendCanonical(dst []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case json.Number:
		return append(dst, v.String()...)
	case string:
		return appendString(dst, v)
	case Masked:
		return appendString(dst, v.Text)
	case Document:
		return appendString(dst, Canonical(v.Value))
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendCanonical(dst, element)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, key := range SortedKeys(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, key), ':')
			dst = AppendCanonical(dst, v[key])
		}
		return append(dst, '}')
	}
	return appendString(dst, fmt.Sprint(value))
}

func appendString(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, text[start:]...), '"')
}

// SortedKeys returns the keys of an object in order.
func SortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Keys gives every element of two lists a text such that two elements have the same text just when they are Equal.
func Keys(a, b []any) (keysA, keysB []string) {
	seen := map[string][]any{}
	key := func(value any) string {
		text := Canonical(value)
		for i, other := range seen[text] {
			if Equal(value, other) {
				return fmt.Sprint(i, text)
			}
		}
		seen[text] = append(seen[text], value)
		return fmt.Sprint(len(seen[text])-1, text)
	}
	keysA, keysB = make([]string, len(a)), make([]string, len(b))
	for i, value := range a {
		keysA[i] = key(value)
	}
	for i, value := range b {
		keysB[i] = key(value)
	}
	return keysA, keysB
}

// LineKeys splits two strings, masked or not, into the lines that may be shown, and gives every line a key such that
// two lines have the same key just when they were equal before they were masked. Lines of a text of which several were
// masked as one have only what is shown to go by.
func LineKeys(a, b any) (linesA, linesB, keysA, keysB []string) {
	ids := map[string]int{}
	split := func(value any) (lines, keys []string) {
		shown, raw := sidesOf(value)
		lines = strings.Split(shown, "\n")
		hidden := strings.Split(raw, "\n")
		keys = make([]string, len(lines))
		for i, line := range lines {
			keys[i] = line
			if len(hidden) != len(lines) || hidden[i] == line {
				continue
			}
			if _, known := ids[hidden[i]]; !known {
				ids[hidden[i]] = len(ids)
			}
			keys[i] += "\x00" + strconv.Itoa(ids[hidden[i]])
		}
		return lines, keys
	}
	linesA, keysA = split(a)
	linesB, keysB = split(b)
	return linesA, linesB, keysA, keysB
}

func sidesOf(value any) (shown, raw string) {
	switch v := value.(type) {
	case string:
		return v, v
	case Masked:
		return v.Text, v.secret
	}
	return "", ""
}
