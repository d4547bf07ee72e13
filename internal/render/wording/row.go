package wording

import (
	"fmt"
	"strings"

	"stackgate/internal/plan"
)

// Row is one line of a list about the stack itself.
type Row struct {
	Name   string
	Change plan.Change
	Values Values
}

// RowCounts says how many of the rows change, and of how many that is not known: "2 changed, 1 not known, 3 as before".
func RowCounts(rows []Row) string {
	n := map[plan.Change]int{}
	for _, row := range rows {
		n[row.Change]++
	}
	counts := []string{fmt.Sprintf("%d changed", len(rows)-n[plan.ChangeUnknown]-n[plan.ChangeNone])}
	if unknown := n[plan.ChangeUnknown]; unknown == len(rows) {
		counts = []string{fmt.Sprintf("%d, former values not known", unknown)}
	} else if unknown > 0 {
		counts = append(counts, fmt.Sprintf("%d with former values not known", unknown))
	}
	if same := n[plan.ChangeNone]; same > 0 {
		counts = append(counts, fmt.Sprintf("%d as before", same))
	}
	return strings.Join(counts, ", ")
}

// ParameterRows lists the parameters.
func ParameterRows(parameters []plan.Parameter) []Row {
	rows := make([]Row, 0, len(parameters))
	for _, p := range parameters {
		rows = append(rows, Row{Name: p.Name, Change: p.Change, Values: Parameter(p)})
	}
	return rows
}

// TagRows lists the stack's tags.
func TagRows(tags []plan.Tag) []Row {
	rows := make([]Row, 0, len(tags))
	for _, t := range tags {
		rows = append(rows, Row{Name: t.Key, Change: t.Change, Values: Tag(t)})
	}
	return rows
}

// SettingRows lists the stack's settings.
func SettingRows(settings []plan.Setting) []Row {
	rows := make([]Row, 0, len(settings))
	for _, s := range settings {
		rows = append(rows, Row{Name: s.Name, Change: s.Change, Values: Setting(s)})
	}
	return rows
}

// CapabilityRows lists the capabilities that the stack gains, loses and keeps.
func CapabilityRows(capabilities []plan.Capability) []Row {
	rows := make([]Row, 0, len(capabilities))
	for _, c := range capabilities {
		word := "unknown change " + string(c.Change)
		switch c.Change {
		case plan.ChangeAdd:
			word = "newly given"
		case plan.ChangeRemove:
			word = "no longer given"
		case plan.ChangeNone:
			word = "given as before"
		case plan.ChangeUnknown:
			word = "given; whether it was before is not known"
		}
		rows = append(rows, Row{Name: c.Name, Change: c.Change, Values: Values{New: word}})
	}
	return rows
}

// Effect heads a security finding: Allow, In, or its kind where it has no effect of its own.
func Effect(f plan.SecurityFinding) string {
	if f.Effect != "" {
		return f.Effect
	}
	return string(f.Kind)
}

// LineOp is the sign before a line of a line diff; that of an unknown one is "?".
func LineOp(l plan.Line) string {
	switch l.Op {
	case "+", "-", " ", "@":
		return l.Op
	}
	return "?"
}

// LineText is the text of a line of a line diff. A gap says how many lines it stands for.
func LineText(l plan.Line) string {
	switch l.Op {
	case "+", "-", " ":
		return plan.Later(l.Text)
	case "@":
		if l.Text != "" && !strings.ContainsFunc(l.Text, func(r rune) bool { return r < '0' || r > '9' }) {
			return l.Text + " unchanged lines"
		}
		return l.Text
	}
	return l.Op + " " + l.Text
}

// ChangeWord names a change in one word, for readers who do not see its mark.
func ChangeWord(c plan.Change) string {
	switch c {
	case plan.ChangeAdd:
		return "added"
	case plan.ChangeRemove:
		return "removed"
	case plan.ChangeModify:
		return "changed"
	case plan.ChangeSync:
		return "recorded"
	case plan.ChangeNone:
		return "unchanged"
	case plan.ChangeUnknown:
		return "unknown"
	}
	return "unknown (" + string(c) + ")"
}

// Nothing stands where one of two reviews says nothing.
const Nothing = "(nothing)"
