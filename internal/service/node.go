package service

import (
	"regexp"
	"slices"
)

// kind is what a node of a file is.
type kind string

const (
	nullKind    kind = "null"
	booleanKind kind = "a boolean"
	integerKind kind = "a number"
	floatKind   kind = "a decimal number"
	textKind    kind = "text"
	listKind    kind = "a list"
	mapKind     kind = "a map"
	// opaqueKind is a value that CloudFormation computes (!Ref, !Sub and their like); it stands in templates only.
	opaqueKind kind = "a function"
)

// node is a value of a file together with its place.
type node struct {
	kind kind
	// text is a scalar as it was written, without its quotes.
	text   string
	quoted bool
	// broken text holds a ${…} that could not be replaced; that was reported, and nothing else is said of it.
	broken bool
	origin Origin
	// path is the key in the file.
	path    string
	entries []entry
	items   []*node
}

type entry struct {
	key   string
	at    Origin
	value *node
}

func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

func (n *node) keys() []string {
	keys := make([]string, len(n.entries))
	for i, e := range n.entries {
		keys[i] = e.key
	}
	return keys
}

// without returns the mapping less some of its keys.
func (n *node) without(keys ...string) *node {
	if n == nil {
		return nil
	}
	rest := *n
	rest.entries = slices.DeleteFunc(slices.Clone(n.entries), func(e entry) bool { return slices.Contains(keys, e.key) })
	return &rest
}

func (n *node) scalar() bool {
	switch n.kind {
	case booleanKind, integerKind, floatKind, textKind:
		return true
	case nullKind, listKind, mapKind, opaqueKind:
		return false
	}
	return false
}

// The core schema of YAML 1.2.2, section 10.3.2.
var (
	coreNull    = regexp.MustCompile(`^(null|Null|NULL|~|)$`)
	coreBoolean = regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`)
	coreInteger = regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`)
	coreFloat   = regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)

	// plainNumber is a number that every reader writes back as it stands.
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?$`)
)

// resolvePlain says what an unquoted scalar is.
func resolvePlain(text string) kind {
	switch {
	case coreNull.MatchString(text):
		return nullKind
	case coreBoolean.MatchString(text):
		return booleanKind
	case coreInteger.MatchString(text):
		return integerKind
	case coreFloat.MatchString(text):
		return floatKind
	}
	return textKind
}

// faithful says whether the scalar means to every YAML reader the characters that stand in the file: 0123, 0x10, 1e3 and
// True do not.
func (n *node) faithful() bool {
	switch n.kind {
	case integerKind, floatKind:
		return plainNumber.MatchString(n.text)
	case booleanKind:
		return n.text == "true" || n.text == "false"
	case textKind:
		return true
	case nullKind, listKind, mapKind, opaqueKind:
		return false
	}
	return false
}
