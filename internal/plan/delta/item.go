package delta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/plan"
)

// differences compares two forms of the change of one resource, whatever fields they have: a field that is added to the
// model is compared without a line here.
func (c *comparison) differences(then, now plan.Item) []Difference {
	var first, last []Difference
	a, b := fieldsOf(c.comparable(then)), fieldsOf(c.comparable(now))
	for _, name := range keysOf(a, b) {
		if bytes.Equal(a[name], b[name]) {
			continue
		}
		difference := Difference{Name: wordFor(name), From: textOf(a[name]), To: textOf(b[name])}
		if name == "sentence" {
			first = append(first, difference)
		} else {
			last = append(last, difference)
		}
	}
	return slices.Concat(first, properties(then.Properties, now.Properties), last)
}

// comparable takes out what differs between any two change sets: the number of an acknowledgement, the ARN of a nested
// set, and the physical ids where the stacks are two. Properties are compared by themselves.
func (c *comparison) comparable(item plan.Item) plan.Item {
	item.Ack, item.Properties = 0, nil
	if item.Children != nil {
		children := *item.Children
		children.ChangeSetID = ""
		item.Children = &children
	}
	if !c.sameStack {
		// The sentence names the physical resource; what it says beside that is said by the impact.
		item.PhysicalID, item.Sentence = "", ""
	}
	return item
}

// fieldsOf is a value as JSON, field by field.
func fieldsOf(value any) map[string]json.RawMessage {
	encoded, err := json.Marshal(value)
	if err != nil {
		// Only what cannot be encoded at all, which no part of a review is.
		return map[string]json.RawMessage{"": []byte(fmt.Sprintf("%q", err))}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(encoded, &fields); err != nil {
		return map[string]json.RawMessage{"": encoded}
	}
	return fields
}

func keysOf(a, b map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(a)+len(b))
	for _, fields := range []map[string]json.RawMessage{a, b} {
		for name := range fields {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// wordFor names a field of an item as people do.
func wordFor(field string) string {
	switch field {
	case "policyAction":
		return "policy action"
	case "physicalId":
		return "physical id"
	case "sentence":
		return "what happens"
	case "causedBy":
		return "follows"
	case "knockOn":
		return "knock-on"
	case "knockOnMore":
		return "further knock-on"
	case "driftStatus":
		return "drift status"
	case "driftIgnored":
		return "drift left alone"
	case "children":
		return "inside"
	}
	return field
}

// textOf writes a field for people: a text as it is, a list of texts with commas, the rest as JSON.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, ", ")
	}
	return string(raw)
}

// noChange is what a review says of a property that it does not list.
const noChange = "(no change)"

// properties compares the lines of two changes by their paths.
func properties(then, now []plan.Property) []Difference {
	var list []Difference
	earlier := map[string][]plan.Property{}
	for _, p := range then {
		earlier[p.Path] = append(earlier[p.Path], p)
	}
	for _, p := range now {
		before := earlier[p.Path]
		if len(before) == 0 {
			list = append(list, Difference{Name: nameOf(p), From: noChange, To: valuesOf(p)})
			continue
		}
		earlier[p.Path] = before[1:]
		list = append(list, property(before[0], p)...)
	}
	for _, p := range then {
		if before := earlier[p.Path]; len(before) > 0 {
			earlier[p.Path] = before[1:]
			list = append(list, Difference{Name: nameOf(before[0]), From: valuesOf(before[0]), To: noChange})
		}
	}
	return list
}

func nameOf(p plan.Property) string {
	switch {
	case p.Name() != "":
		return p.Name()
	case p.Attribute != "":
		return p.Attribute
	}
	return "(property not reported)"
}

// valuesOf is the change of a property as one review shows it.
func valuesOf(p plan.Property) string {
	text := p.BeforeText() + " -> " + p.AfterText()
	switch {
	case len(p.Edits) > 0:
		text = fmt.Sprintf("%d differences inside", len(p.Edits)+p.EditsOmitted)
	case p.Change == plan.ChangeNone:
		text = p.AfterText() + " (stays as it is)"
	}
	if remark := p.Recreation.Sentence(); remark != "" && p.Change != plan.ChangeNone {
		text += " (" + remark + ")"
	}
	return text
}

// property compares one line of both reviews: what it says of the property, and the differences inside its value.
func property(then, now plan.Property) []Difference {
	var list []Difference
	name := nameOf(now)
	if a, b := valuesOf(then), valuesOf(now); a != b {
		list = append(list, Difference{Name: name, From: a, To: b})
	}
	list = append(list, edits(name, then.Edits, now.Edits)...)
	a, b := fieldsOf(then), fieldsOf(now)
	for _, field := range keysOf(a, b) {
		switch field {
		case "edits":
			continue
		case "before", "after", "change", "recreation", "knownAfterApply", "sensitive", "encoding", "editsOmitted", "causes":
			// Said by the values above where there are any.
			if len(list) > 0 {
				continue
			}
		}
		if !bytes.Equal(a[field], b[field]) {
			list = append(list, Difference{Name: name + ", " + wordFor(field), From: causesOr(field, then, a[field]), To: causesOr(field, now, b[field])})
		}
	}
	return list
}

func causesOr(field string, p plan.Property, raw json.RawMessage) string {
	if field != "causes" {
		return textOf(raw)
	}
	sentences := make([]string, len(p.Causes))
	for i, cause := range p.Causes {
		sentences[i] = strings.TrimSpace(cause.Sentence() + " " + cause.Evaluation)
	}
	return strings.Join(sentences, ", ")
}

// edits compares the differences inside a value by their labels.
func edits(name string, then, now []plan.Edit) []Difference {
	var list []Difference
	earlier := map[string][]plan.Edit{}
	key := func(e plan.Edit) string { return e.Path + " " + e.Label }
	for _, e := range then {
		earlier[key(e)] = append(earlier[key(e)], e)
	}
	label := func(e plan.Edit) string {
		switch {
		case e.Label != "":
			return name + ": " + e.Label
		case e.Path != "":
			return name + ": " + plan.PointerName(e.Path)
		}
		return name
	}
	for _, e := range now {
		before := earlier[key(e)]
		if len(before) == 0 {
			list = append(list, Difference{Name: label(e), To: editText(e)})
			continue
		}
		earlier[key(e)] = before[1:]
		if a, b := fieldsOf(before[0]), fieldsOf(e); slices.ContainsFunc(keysOf(a, b), func(f string) bool { return !bytes.Equal(a[f], b[f]) }) {
			list = append(list, Difference{Name: label(e), From: editText(before[0]), To: editText(e)})
		}
	}
	for _, e := range then {
		if before := earlier[key(e)]; len(before) > 0 {
			earlier[key(e)] = before[1:]
			list = append(list, Difference{Name: label(before[0]), From: editText(before[0])})
		}
	}
	return list
}

// editText is one difference inside a value; of a line diff, the lines that come and go.
func editText(e plan.Edit) string {
	if len(e.Lines) == 0 {
		return e.BeforeText() + " -> " + e.AfterText()
	}
	var lines []string
	for _, line := range e.Lines {
		if line.Op != " " && line.Op != "@" {
			lines = append(lines, line.Op+line.Text)
		}
	}
	return strings.Join(lines, " | ")
}
