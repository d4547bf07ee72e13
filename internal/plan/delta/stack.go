package delta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"stackgate/internal/plan"
)

// The parts of a review that are compared elsewhere, follow from what is compared, or differ between any two reviews.
var comparedElsewhere = map[string]bool{
	"items": true, "clusters": true, "security": true, "counts": true, "schema": true,
	"verdict": true, "level": true, "digest": true, "contentDigest": true,
}

// namedLists are the parts of a review that are lists, and the member that tells their elements apart.
var namedLists = map[string]string{
	"parameters": "name", "tags": "key", "capabilities": "name", "settings": "name",
}

// facts compares what stands beside the changes of resources. Like items, it goes by the fields that there are.
func (c *comparison) facts() []Fact {
	list := []Fact{}
	a, b := fieldsOf(c.stackLevel(c.from)), fieldsOf(c.stackLevel(c.to))
	for _, part := range keysOf(a, b) {
		if comparedElsewhere[part] || bytes.Equal(a[part], b[part]) {
			continue
		}
		if key, named := namedLists[part]; named {
			list = append(list, byName(part, key, a[part], b[part])...)
			continue
		}
		switch part {
		case "deployment", "target", "completeness", "drift":
			then, now := objectOf(a[part]), objectOf(b[part])
			for _, name := range keysOf(then, now) {
				if !bytes.Equal(then[name], now[name]) {
					word := name
					if name == "reported" {
						word = "reported, but not shown"
					}
					list = append(list, Fact{Part: part, Difference: Difference{Name: word, From: textOf(then[name]), To: textOf(now[name])}})
				}
			}
		case "unpinned", "findings", "limits":
			list = append(list, elements(part, a[part], b[part])...)
		default:
			list = append(list, Fact{Part: "review", Difference: Difference{Name: part, From: textOf(a[part]), To: textOf(b[part])}})
		}
	}
	return list
}

// stackLevel takes out what differs between any two change sets.
func (c *comparison) stackLevel(r plan.Review) plan.Review {
	r.Target.ChangeSetID, r.Target.ChangeSetName = "", ""
	// How many there are follows from the items; that some are missing does not.
	r.Completeness.Reported -= r.Completeness.Shown
	r.Completeness.Shown = 0
	if c.ofFile() {
		r.Deployment, r.RequestDigest, r.PolicyVersion = nil, "", ""
		return r
	}
	d := *r.Deployment
	d.ID, d.CorrelationID, d.CIRun, d.ReviewURL, d.Previous = "", "", "", "", nil
	d.CreatedAt, d.ExpiresAt = time.Time{}, time.Time{}
	r.Deployment = &d
	return r
}

// ofFile says whether one of the reviews is that of a saved answer, which tells nothing about a deployment.
func (c *comparison) ofFile() bool { return c.from.Deployment == nil || c.to.Deployment == nil }

func objectOf(raw json.RawMessage) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	return fields
}

func listOf(raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// byName compares the elements of two lists by their names.
func byName(part, key string, a, b json.RawMessage) []Fact {
	then, now := index(key, a), index(key, b)
	var list []Fact
	for _, name := range keysOf(then, now) {
		if !bytes.Equal(then[name], now[name]) {
			list = append(list, Fact{Part: part, Difference: Difference{Name: name, From: stackText(then[name]), To: stackText(now[name])}})
		}
	}
	return list
}

func index(key string, raw json.RawMessage) map[string]json.RawMessage {
	elements := map[string]json.RawMessage{}
	for _, element := range listOf(raw) {
		name := textOf(objectOf(element)[key])
		for elements[name] != nil {
			name += " (again)"
		}
		elements[name] = element
	}
	return elements
}

// stackText is a parameter, tag, capability or setting as its review shows it: its value, and whether it changes.
func stackText(raw json.RawMessage) string {
	if raw == nil {
		return ""
	}
	var e struct {
		Change        plan.Change
		Before, After *string
		Resolved      string
		Sensitive     bool
		Supply        plan.Supply
	}
	if json.Unmarshal(raw, &e) != nil {
		return string(raw)
	}
	if e.Sensitive {
		return e.Supply.Sentence()
	}
	p := plan.Property{Change: e.Change, Before: e.Before, After: e.After, Encoding: plan.EncodingString}
	var text string
	switch e.Change {
	case plan.ChangeNone:
		text = p.AfterText() + ", as deployed"
	case plan.ChangeUnknown:
		text = p.AfterText()
	case plan.ChangeAdd, plan.ChangeRemove, plan.ChangeModify, plan.ChangeSync:
		text = p.BeforeText() + " -> " + p.AfterText()
	default:
		text = fmt.Sprintf("%s: %s -> %s", e.Change, p.BeforeText(), p.AfterText())
	}
	if e.Before == nil && e.After == nil {
		text = withoutValue(e.Change)
	}
	if e.Resolved != "" {
		text += " (resolved to " + e.Resolved + ")"
	}
	return text
}

// elements lists what stands in one of two lists only.
func elements(part string, a, b json.RawMessage) []Fact {
	n := map[string]int{}
	for _, element := range listOf(a) {
		n[string(element)]++
	}
	var list []Fact
	for _, element := range listOf(b) {
		if n[string(element)]--; n[string(element)] < 0 {
			list = append(list, Fact{Part: part, Difference: Difference{Name: placeOf(element), To: summaryOf(element)}})
		}
	}
	for _, element := range listOf(a) {
		if n[string(element)] > 0 {
			n[string(element)]--
			list = append(list, Fact{Part: part, Difference: Difference{Name: placeOf(element), From: summaryOf(element)}})
		}
	}
	return list
}

func placeOf(element json.RawMessage) string {
	fields := objectOf(element)
	return strings.TrimSpace(textOf(fields["path"]) + " " + textOf(fields["property"]) + textOf(fields["name"]))
}

func summaryOf(element json.RawMessage) string {
	if summary := objectOf(element)["summary"]; summary != nil {
		return textOf(summary)
	}
	return textOf(element)
}

// withoutValue is for what has a name only, as a capability.
func withoutValue(change plan.Change) string {
	switch change {
	case plan.ChangeAdd:
		return "newly given"
	case plan.ChangeRemove:
		return "no longer given"
	case plan.ChangeNone:
		return "given as before"
	case plan.ChangeUnknown:
		return "given; whether it was before is not known"
	case plan.ChangeModify, plan.ChangeSync:
	}
	return string(change)
}
