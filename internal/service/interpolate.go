package service

import (
	"maps"
	"slices"
	"strings"
)

// names are what ${…} may stand for. There are no others, and no shell: a plan does not depend on who makes it.
type names map[string]string

// interpolate returns n with ${name} replaced in every text below it.
func (v names) interpolate(n *node, r *report) *node {
	switch n.kind {
	case textKind:
		return v.text(n, r)
	case listKind:
		result := *n
		result.items = make([]*node, len(n.items))
		for i, item := range n.items {
			result.items[i] = v.interpolate(item, r)
		}
		return &result
	case mapKind:
		result := *n
		result.entries = make([]entry, len(n.entries))
		for i, e := range n.entries {
			result.entries[i] = entry{e.key, e.at, v.interpolate(e.value, r)}
		}
		return &result
	case nullKind, booleanKind, integerKind, floatKind, opaqueKind:
		return n
	}
	return n
}

func (v names) text(n *node, r *report) *node {
	if !strings.Contains(n.text, "${") {
		return n
	}
	var b strings.Builder
	rest, result := n.text, *n
	for {
		before, after, found := strings.Cut(rest, "${")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			r.at(n, "${ is not closed with }")
			result.broken = true
			break
		}
		value, known := v[name]
		if !known {
			r.at(n, "${%s} is not known%s", shorten(name), didYouMean(name, slices.Collect(maps.Keys(v))))
		}
		// A known name without a value is one that was refused where it is written.
		result.broken = result.broken || value == ""
		b.WriteString(value)
		rest = tail
	}
	result.text = b.String()
	return &result
}
