// Package wording holds the words that every rendering of a review has in common, made from the model alone. It escapes
// nothing and lays nothing out: its texts are still hostile, and each renderer makes them safe for its medium.
package wording

import (
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/plan"
)

// Values is a change of a value in words. Where Old is empty there is nothing to compare New with, and it stands alone.
type Values struct {
	Old, New string
}

// Join writes the change in one line, with the arrow that the medium uses.
func (v Values) Join(arrow string) string {
	if v.Old == "" {
		return v.New
	}
	return v.Old + " " + arrow + " " + v.New
}

// PropertyValues returns the values of a property of an item: the new one alone where the resource is created and where
// there was no difference to show, both otherwise.
func PropertyValues(item plan.Item, p plan.Property) Values {
	before, after := p.BeforeText(), p.AfterText()
	switch {
	case p.Change == plan.ChangeAdd && item.Action == "Add":
		return Values{New: after}
	case p.Change == plan.ChangeNone:
		return Values{New: after}
	case before == plan.TextNotReported && after == plan.TextNotReported:
		return Values{New: "(values not reported)"}
	case before == plan.TextSensitive && after == plan.TextChanged:
		return Values{New: after}
	case sameValue(p) && p.Truncated:
		return Values{New: "(the same before and after, as far as it is reported)"}
	case sameValue(p):
		return Values{New: "(the same before and after)"}
	}
	return Values{Old: before, New: after}
}

// sameValue says whether CloudFormation reports a change of a property and gives it the same value on both sides, as it
// does for an attribute of a resource that is updated: the value is read again while it runs.
func sameValue(p plan.Property) bool {
	return p.Change == plan.ChangeModify && !p.Sensitive && p.Before != nil && p.After != nil && *p.Before == *p.After && len(p.Edits) == 0
}

// EditValues returns the values of one difference inside a property.
func EditValues(e plan.Edit) Values {
	before, after := e.BeforeText(), e.AfterText()
	if before == plan.TextSensitive && after == plan.TextChanged {
		return Values{New: after}
	}
	return Values{Old: before, New: after}
}

// EditName names the part that differs, as people write it.
func EditName(e plan.Edit) string {
	name := e.Label
	if name == "" {
		name = plan.PointerName(e.Path)
	}
	if e.Truncated {
		name = strings.TrimSpace(name + " (cut off, as it is very long)")
	}
	return plan.Later(name)
}

// Differences counts the differences inside a value, those included that the review does not keep.
func Differences(p plan.Property) string {
	text := Count(len(p.Edits)+p.EditsOmitted, "difference") + " inside"
	if p.EditsOmitted > 0 {
		text += fmt.Sprintf(", %d of them not kept in the review", p.EditsOmitted)
	}
	return text
}

// PropertyName names the property; one without a path, as CloudFormation reports Metadata and Tags, has the name of the
// attribute that holds it. A tag is named by its key too, since its path only counts.
func PropertyName(p plan.Property) string {
	if name := p.Name(); name != "" {
		if p.TagKey != "" {
			name += " (" + p.TagKey + ")"
		}
		return name
	}
	if p.Attribute != "" {
		return p.Attribute
	}
	return "(property not reported)"
}

// Remarks returns what is to be said beside the values of a property, the worst first.
func Remarks(p plan.Property) []string {
	var remarks []string
	if p.Recreation != "" && p.Recreation.Sentence() != "" && p.Change != plan.ChangeNone {
		remarks = append(remarks, p.Recreation.Sentence())
	}
	switch p.Change {
	case plan.ChangeAdd, plan.ChangeRemove, plan.ChangeModify:
	case plan.ChangeSync:
		remarks = append(remarks, "only CloudFormation's record changes")
	case plan.ChangeNone:
		remarks = append(remarks, "stays as it is")
	case plan.ChangeUnknown:
		remarks = append(remarks, "what changes is not reported")
	default:
		remarks = append(remarks, "unknown change "+string(p.Change))
	}
	if p.Drift != nil {
		remarks = append(remarks, "live "+DriftText(p, p.Drift.Live)+", last deployed "+DriftText(p, p.Drift.LastDeployed))
	}
	if p.KnownAfterApply && p.After != nil && *p.After != plan.KnownAfterApply && !p.Sensitive {
		remarks = append(remarks, "partly known after apply")
	}
	if p.Truncated {
		remarks = append(remarks, "value cut off by its source")
	}
	return remarks
}

// DriftText writes one of the other two columns of a drift comparison as the property's own values are written.
func DriftText(p plan.Property, value *string) string {
	return plan.Property{Change: plan.ChangeModify, Before: value, Encoding: p.Encoding, Sensitive: p.Sensitive}.BeforeText()
}

// Causes says where the change of a property comes from; empty where it comes from nowhere but the template. That a value
// is decided while CloudFormation runs is said here only where the value itself does not say so.
func Causes(p plan.Property) string {
	if len(p.Causes) == 0 || !slices.ContainsFunc(p.Causes, tells) || (len(p.Causes) == 1 && p.Causes[0].Source == "DirectModification" && !dynamic(p.Causes[0])) {
		return ""
	}
	var sentences []string
	seen := make(map[string]bool, len(p.Causes))
	for _, cause := range p.Causes {
		sentence := cause.Sentence()
		if dynamic(cause) && !p.KnownAfterApply {
			sentence += " (decided while it runs)"
		}
		if !seen[sentence] {
			seen[sentence] = true
			sentences = append(sentences, sentence)
		}
	}
	return strings.Join(sentences, ", ")
}

// tells says whether a cause says anything: of tags CloudFormation reports none.
func tells(c plan.Cause) bool { return c.Source != "" || c.Entity != "" || dynamic(c) }

// An evaluation that this version does not know is not known to be static.
func dynamic(c plan.Cause) bool {
	return c.Evaluation != "static" && c.Evaluation != "Static" && c.Evaluation != ""
}
