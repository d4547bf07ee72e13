package markdown

import (
	"cmp"
	"fmt"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
)

// Limits on what a row holds, in characters and in entries.
const (
	maxText       = 400
	maxValue      = 160
	maxEntries    = 10
	maxDiffLines  = 30
	maxOneLine    = 110
	maxTypeLength = 100
)

func itemRow(item plan.Item) string {
	mark := code(item.Impact.Mark())
	if item.Ack > 0 {
		mark = fmt.Sprintf("!%d %s", item.Ack, mark)
	}
	what := within(maxText, wording.Sentence(item), prose)
	if forced := forcing(item); forced != "" {
		what += " (" + forced + ")"
	}
	var more []string
	if item.Level.AtLeast(plan.LevelHigh) {
		more = append(more, item.Notes...)
		more = append(more, wording.Protections(item)...)
		if also := wording.Also(item); also != "" {
			more = append(more, "also: "+also)
		}
		if len(item.KnockOn) > 0 {
			more = append(more, "knock-on: "+cut(strings.Join(item.KnockOn, ", "), maxText))
		}
	}
	if children := wording.Children(item); children != "" {
		more = append(more, children)
	}
	for i, text := range more {
		if i == maxEntries {
			what += fmt.Sprintf("; … %d more notes", len(more)-i)
			break
		}
		what += "; " + within(maxText, strings.TrimSuffix(text, "."), prose)
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", mark, code(item.Path), within(maxTypeLength, item.Type, code), what)
}

// forcing names the properties that make CloudFormation replace the resource, with their causes.
func forcing(item plan.Item) string {
	var names []string
	for _, p := range item.Properties {
		if p.Recreation != plan.RecreationAlways && p.Recreation != plan.RecreationConditionally {
			continue
		}
		if len(names) == maxEntries {
			names = append(names, "…")
			break
		}
		name := within(maxValue, wording.PropertyName(p), code)
		if causes := wording.Causes(p); causes != "" {
			name += " from " + within(maxValue, causes, prose)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func securityPart(r plan.Review) part {
	p := part{
		title: "security findings",
		open:  fmt.Sprintf("**Security** (%s)\n\n| | Effect | Resource | Now | Before |\n|---|---|---|---|---|\n", cmp.Or(wording.Found(r), wording.NothingWidened(r))),
		close: "\n" + within(maxText, r.SecurityScope, line) + "\n\n",
		more:  func(n int) string { return fmt.Sprintf("| | | … and %d more | | |\n", n) },
	}
	for _, f := range r.Security {
		values := wording.Security(f)
		now, before := within(maxText, values.New, code), within(maxText, values.Old, code)
		if f.Before == "" && f.After == "" {
			now = within(maxText, values.New, prose)
		}
		if f.Everyone {
			now += " **everyone**"
		}
		if f.Direction != plan.DirectionWidened {
			now += " (" + within(maxText, strings.TrimSuffix(string(f.Direction)+": "+wording.SecurityNote(f), ": "), prose) + ")"
		}
		p.rows = append(p.rows, row{text: fmt.Sprintf("| %s | %s | %s | %s | %s |\n", code(f.Direction.Mark()),
			within(maxTypeLength, wording.Effect(f), prose), within(maxText, wording.Place(f.Path), code), now, before)})
	}
	return p
}

func driftPart(r plan.Review) part {
	p := part{
		title: "drift",
		open:  "**Drift**: changed by hand, overwritten by this plan\n\n| Resource | Property | Live | Last deployed | New |\n|---|---|---|---|---|\n",
		close: "\n",
		more:  func(n int) string { return fmt.Sprintf("| … and %d more | | | | |\n", n) },
	}
	cell := func(s string) string { return within(maxValue, s, code) }
	for _, d := range wording.DriftRows(r) {
		p.rows = append(p.rows, row{text: fmt.Sprintf("| %s | %s | %s | %s | %s |\n", cell(d.Path), cell(d.Property), cell(d.Live),
			cell(d.LastDeployed), cell(d.New))})
	}
	return p
}

func checksPart(r plan.Review) part {
	p := listPart("checks", "**Checks** by CloudFormation's validation and hooks\n\n")
	for _, f := range r.Findings {
		mode := f.Mode
		if mode == "" {
			mode = "NOTE"
		}
		p.rows = append(p.rows, row{text: fmt.Sprintf("- **%s** %s %s, %s: %s\n", within(maxTypeLength, mode, prose), within(maxTypeLength, f.Source, prose),
			within(maxValue, f.Name, code), within(maxText, wording.Place(f.Path), code), within(maxText, f.Summary, prose))})
	}
	return p
}

func unpinnedPart(r plan.Review) part {
	p := listPart("not pinned", "**Not pinned**: the content can change after approval\n\n")
	for _, u := range r.Unpinned {
		p.rows = append(p.rows, row{text: fmt.Sprintf("- %s %s: %s\n", within(maxText, wording.Place(u.Path), code), within(maxValue, u.Property, code),
			within(maxText, u.Summary, prose))})
	}
	return p
}

func limitsPart(r plan.Review) part {
	p := listPart("limits", folding("Limits of this analysis"))
	p.close = "\n</details>\n\n"
	for _, limit := range r.Limits {
		p.rows = append(p.rows, row{text: "- " + within(maxText, limit, line) + "\n"})
	}
	return p
}

func stackPart(title string, rows []wording.Row) part {
	p := listPart(strings.ToLower(title), folding(title+": "+wording.RowCounts(rows)))
	p.close = "\n</details>\n\n"
	for _, r := range rows {
		p.rows = append(p.rows, row{text: fmt.Sprintf("- %s %s %s\n", code(orSame(r.Change.Mark())), within(maxValue, r.Name, code),
			code(wording.Values{Old: cut(r.Values.Old, maxValue), New: cut(r.Values.New, maxValue)}.Join("->")))})
	}
	return p
}

// orSame stands for a blank mark, as empty code is no code.
func orSame(mark string) string {
	if strings.TrimSpace(mark) == "" {
		return "="
	}
	return mark
}

func listPart(title, open string) part {
	return part{title: title, open: open, close: "\n", more: func(n int) string { return fmt.Sprintf("- … and %d more\n", n) }}
}

// folding opens a block that is closed at first. The blank line lets Markdown begin inside it.
func folding(summary string) string {
	return "<details><summary>" + prose(summary) + "</summary>\n\n"
}
