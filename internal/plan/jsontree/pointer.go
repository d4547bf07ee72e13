package jsontree

import (
	"iter"
	"strconv"
	"strings"
)

// Join appends one token to a JSON pointer (RFC 6901).
func Join(pointer, token string) string {
	if strings.ContainsAny(token, "~/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
	}
	return pointer + "/" + token
}

// JoinIndex appends a list index to a JSON pointer.
func JoinIndex(pointer string, index int) string { return pointer + "/" + strconv.Itoa(index) }

// Tokens splits a JSON pointer. What does not begin with "/" is one token.
func Tokens(pointer string) []string {
	if pointer == "" {
		return nil
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, token := range tokens {
		if strings.Contains(token, "~") {
			tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		}
	}
	return tokens
}

// Steps yields the tokens of a JSON pointer as Tokens returns them, without making a list of them.
func Steps(pointer string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if pointer == "" {
			return
		}
		for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
			if strings.Contains(token, "~") {
				token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
			}
			if !yield(token) {
				return
			}
		}
	}
}

// Last is the last token of a JSON pointer, empty where it has none.
func Last(pointer string) string {
	last := ""
	for token := range Steps(pointer[max(strings.LastIndexByte(pointer, '/'), 0):]) {
		last = token
	}
	return last
}

// Lookup finds the value at a JSON pointer. It does not look into documents.
func Lookup(value any, pointer string) (any, bool) {
	for token := range Steps(pointer) {
		switch v := value.(type) {
		case map[string]any:
			member, ok := v[token]
			if !ok {
				return nil, false
			}
			value = member
		case []any:
			index, err := strconv.Atoi(token)
			if err != nil || index < 0 || index >= len(v) {
				return nil, false
			}
			value = v[index]
		default:
			return nil, false
		}
	}
	return value, true
}

// Within says whether pointer is at or below root.
func Within(pointer, root string) bool {
	return strings.HasPrefix(pointer, root) && (len(pointer) == len(root) || pointer[len(root)] == '/')
}

// Walk calls visit for every object, list and leaf of a tree with its pointer, documents included, parents before
// children and members in the order of their names. It goes below a value only where visit returns true.
func Walk(value any, visit func(pointer string, value any) bool) { walk("", value, visit) }

func walk(pointer string, value any, visit func(string, any) bool) {
	if !visit(pointer, value) {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		for _, key := range SortedKeys(v) {
			walk(Join(pointer, key), v[key], visit)
		}
	case []any:
		for i, element := range v {
			walk(JoinIndex(pointer, i), element, visit)
		}
	case Document:
		walk(pointer, v.Value, visit)
	}
}

// HasText says whether a string in a tree, in its documents or in the visible text of masked leaves contains the part.
func HasText(value any, part string) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(v, part)
	case Masked:
		return strings.Contains(v.Text, part)
	case Document:
		return HasText(v.Value, part)
	case []any:
		for _, element := range v {
			if HasText(element, part) {
				return true
			}
		}
	case map[string]any:
		for _, member := range v {
			if HasText(member, part) {
				return true
			}
		}
	}
	return false
}

// Text reads a leaf as a string: strings, numbers and booleans as CloudFormation, which accepts "true" for true, would.
func Text(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case interface{ String() string }: // json.Number and Masked
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// Member returns the member of an object; nil where value is no object or lacks it.
func Member(value any, name string) any {
	if object, ok := Object(value); ok {
		return object[name]
	}
	return nil
}

// Object reads a value, or the document it holds, as an object.
func Object(value any) (map[string]any, bool) {
	if document, ok := value.(Document); ok {
		value = document.Value
	}
	object, ok := value.(map[string]any)
	return object, ok
}

// List reads a value, or the document it holds, as a list; anything else that is there is a list of itself, as it is in
// policy documents.
func List(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case Document:
		return List(v.Value)
	case []any:
		return v
	}
	return []any{value}
}
