// Package propdiff compares two values of a property and says what differs in them, part by part, for people to read.
// It is not concerned with what a difference means or how it is printed.
package propdiff

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

const (
	// MaxEdits bounds the differences that are listed of one value; the rest is counted.
	MaxEdits = 400
	// maxPart bounds the JSON of one side of an edit, in bytes.
	maxPart = 4096
	// longText is the length from which a string of one line is compared as a text.
	longText = 400
)

// Compare returns the differences between two trees, and how many more there are beyond MaxEdits. Objects are compared
// by key, lists by their longest common subsequence, lists that are sets by the identity of their elements, texts by
// line, and strings that hold JSON documents as those documents. Equal values have no differences; values that differ
// in nothing but the order of a set have one, whose change is none.
func Compare(name string, before, after any) (edits []plan.Edit, omitted int) {
	c := &comparison{}
	c.values(at{name: name}, before, after)
	if len(c.edits) == 0 && c.reordered && !jsontree.Equal(before, after) {
		c.add(plan.Edit{Label: "order of elements", Change: plan.ChangeNone})
	}
	return c.edits, c.omitted
}

// at is the part that is being compared: its pointer, its label for people, and the name of the nearest member.
type at struct{ pointer, label, name string }

func (a at) member(key string) at {
	label := key
	if a.label != "" {
		label = a.label + "." + key
	}
	return at{jsontree.Join(a.pointer, key), label, key}
}

func (a at) element(index int, identity string) at {
	if identity == "" {
		identity = strconv.Itoa(index)
	}
	return at{jsontree.JoinIndex(a.pointer, index), a.label + "[" + identity + "]", a.name}
}

type comparison struct {
	edits     []plan.Edit
	omitted   int
	reordered bool
}

func (c *comparison) add(edit plan.Edit) {
	if len(c.edits) >= MaxEdits {
		c.omitted++
		return
	}
	c.edits = append(c.edits, edit)
}

func (c *comparison) values(where at, before, after any) {
	if jsontree.Equal(before, after) {
		return
	}
	if b, ok := before.(map[string]any); ok {
		if a, ok := after.(map[string]any); ok {
			c.objects(where, b, a)
			return
		}
	}
	if b, ok := before.(jsontree.Document); ok {
		if a, ok := after.(jsontree.Document); ok {
			c.values(where, b.Value, a.Value)
			return
		}
	}
	_, listBefore := before.([]any)
	_, listAfter := after.([]any)
	// In policies a single string and a list of it are the same.
	if listBefore && listAfter || (listBefore || listAfter) && policyElement(where.name) {
		c.lists(where, jsontree.List(before), jsontree.List(after))
		return
	}
	c.leaves(where, before, after)
}

func (c *comparison) objects(where at, before, after map[string]any) {
	for _, key := range jsontree.SortedKeys(merged(before, after)) {
		b, inBefore := before[key]
		a, inAfter := after[key]
		switch {
		case !inBefore:
			c.add(added(where.member(key), a))
		case !inAfter:
			c.add(removed(where.member(key), b))
		default:
			c.values(where.member(key), b, a)
		}
	}
}

func merged(a, b map[string]any) map[string]any {
	all := make(map[string]any, len(a)+len(b))
	for key := range a {
		all[key] = nil
	}
	for key := range b {
		all[key] = nil
	}
	return all
}

func (c *comparison) leaves(where at, before, after any) {
	b, textBefore := text(before)
	a, textAfter := text(after)
	if textBefore && textAfter && (strings.Contains(b, "\n") || strings.Contains(a, "\n") || len(b) > longText && len(a) > longText) {
		edit := plan.Edit{Path: where.pointer, Label: where.label, Change: plan.ChangeModify, KnownAfterApply: knownLater(after)}
		edit.Lines = Lines(before, after)
		edit.Sensitive = len(edit.Lines) == 0
		c.add(edit)
		return
	}
	edit := plan.Edit{Path: where.pointer, Label: where.label, Change: plan.ChangeModify, KnownAfterApply: knownLater(after)}
	if masked(before) && masked(after) && jsontree.Canonical(before) == jsontree.Canonical(after) {
		edit.Sensitive = true
		c.add(edit)
		return
	}
	edit.Before, edit.After = part(before, &edit.Truncated), part(after, &edit.Truncated)
	c.add(edit)
}

func text(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case jsontree.Masked:
		return v.Text, true
	}
	return "", false
}

func masked(value any) bool {
	_, ok := value.(jsontree.Masked)
	return ok
}

func added(where at, value any) plan.Edit {
	edit := plan.Edit{Path: where.pointer, Label: where.label, Change: plan.ChangeAdd, KnownAfterApply: knownLater(value)}
	if edit.Sensitive = hiddenWhole(value); !edit.Sensitive {
		edit.After = part(value, &edit.Truncated)
	}
	return edit
}

func removed(where at, value any) plan.Edit {
	edit := plan.Edit{Path: where.pointer, Label: where.label, Change: plan.ChangeRemove}
	if edit.Sensitive = hiddenWhole(value); !edit.Sensitive {
		edit.Before = part(value, &edit.Truncated)
	}
	return edit
}

func hiddenWhole(value any) bool {
	m, ok := value.(jsontree.Masked)
	return ok && m.Text == plan.TextSensitive
}

// part writes one side of an edit as JSON, and cuts it where it is very long.
func part(value any, truncated *bool) *string {
	text, cut := Shorten(jsontree.Canonical(value), maxPart)
	*truncated = *truncated || cut
	return &text
}

// Shorten cuts a text at limit bytes, at the end of a character, and marks the cut with "…".
func Shorten(text string, limit int) (string, bool) {
	if len(text) <= limit {
		return text, false
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…", true
}

func knownLater(value any) bool { return jsontree.HasText(value, plan.KnownAfterApply) }

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
