package markdown

import (
	"fmt"
	"io"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/wording"
)

// RenderDelta writes what differs between two reviews. As with Render, what does not fit is left out from the end and
// counted; new and worse changes come first.
func RenderDelta(w io.Writer, d delta.Document, o Options) error {
	if o.Budget == 0 {
		o.Budget = DefaultBudget
	}
	if o.Budget < MinBudget {
		return fmt.Errorf("render comparison of %s and %s: a budget of %d bytes is too small, give at least %d", d.From.Name, d.To.Name, o.Budget, MinBudget)
	}
	head := deltaHead(d, o)
	b := &body{room: o.Budget - len(head) - reserve, named: map[string]bool{}}
	for _, kind := range delta.Kinds() {
		b.add(deltaPart(d, kind))
	}
	b.add(deltaSecurityPart("Security: new findings", d.Security.New))
	b.add(deltaFactsPart(d))
	b.add(deltaSecurityPart("Security: findings that are gone", d.Security.Gone))
	limits := listPart("limits", "**Limits of this comparison**\n\n")
	for _, limit := range d.Limits {
		limits.rows = append(limits.rows, row{text: "- " + within(maxText, limit, line) + "\n"})
	}
	b.add(limits)
	if len(b.short) > 0 {
		b.out.WriteString("Left out to keep this short: " + strings.Join(b.short, ", ") + ". `stackgate diff` has all of it.\n")
	}
	if _, err := io.WriteString(w, head+b.out.String()); err != nil {
		return fmt.Errorf("write comparison of %s and %s: %w", d.From.Name, d.To.Name, err)
	}
	return nil
}

func deltaHead(d delta.Document, o Options) string {
	var out strings.Builder
	fmt.Fprintf(&out, "### What changed since %s: %s\n\n", within(maxTitle, d.From.Name, prose), within(maxVerdict, d.Verdict, prose))
	for _, side := range []delta.Side{d.From, d.To} {
		if side.Partial {
			fmt.Fprintf(&out, "> **Warning**: %s is partial; there may be changes that nobody saw.\n\n", within(maxTitle, side.Name, prose))
		}
	}
	out.WriteString("| | Review | Stack | By | Commit | Changes | Level | Digest |\n|---|---|---|---|---|--:|---|---|\n")
	for i, s := range []delta.Side{d.From, d.To} {
		name := within(maxFact, s.Name, code)
		if !s.CreatedAt.IsZero() {
			name += ", " + wording.Moment(s.CreatedAt, o.Now)
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %d | %s | %s |\n", []string{"then", "now"}[i], name, within(maxFact, s.StackName, code),
			within(maxFact, s.RequestedBy, prose), within(maxFact, wording.ShortCommit(s.Commit), code), s.Changes,
			within(maxFact, string(s.Level), prose), within(maxFact, plan.ShortDigest(s.Digest), code))
	}
	out.WriteString("\n")
	return out.String()
}

// deltaPart is the table of the changes of one kind; a difference of a change is a row below it.
func deltaPart(d delta.Document, kind delta.Kind) part {
	p := part{title: strings.ToLower(kind.Title()), close: "\n", more: func(n int) string { return fmt.Sprintf("| | … and %d more | | |\n", n) }}
	count := 0
	for _, item := range d.Items {
		if item.Kind != kind {
			continue
		}
		count++
		shown := item.Shown()
		switch kind {
		case delta.KindNew:
			p.rows = append(p.rows, row{text: itemRow(shown), paths: []string{item.Path}})
			continue
		case delta.KindGone:
			shown.Ack = 0
		case delta.KindWorse, delta.KindDifferent:
		}
		var what strings.Builder
		what.WriteString(itemRow(shown))
		for i, difference := range item.Differences {
			if i == maxEntries {
				fmt.Fprintf(&what, "| | | … %d more differences | |\n", len(item.Differences)-i)
				break
			}
			what.WriteString(differenceRow("", difference))
		}
		p.rows = append(p.rows, row{text: what.String(), paths: []string{item.Path}})
	}
	p.open = fmt.Sprintf("**%s** (%d)\n\n| | Resource | Type / then | What happens / now |\n|---|---|---|---|\n", kind.Title(), count)
	if kind == delta.KindNew || kind == delta.KindGone {
		p.open = fmt.Sprintf("**%s** (%d)\n\n| | Resource | Type | What happens |\n|---|---|---|---|\n", kind.Title(), count)
	}
	return p
}

func differenceRow(part string, d delta.Difference) string {
	cell := func(text string) string {
		if text == "" {
			return wording.Nothing
		}
		return within(maxText, cut(text, maxText), code)
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", within(maxTypeLength, part, prose), within(maxValue, d.Name, prose), cell(d.From), cell(d.To))
}

func deltaSecurityPart(title string, findings []plan.SecurityFinding) part {
	p := securityPart(plan.Review{Security: findings})
	p.title = strings.ToLower(title)
	p.open = fmt.Sprintf("**%s** (%d)\n\n| | Effect | Resource | Now | Before |\n|---|---|---|---|---|\n", title, len(findings))
	p.close = "\n"
	return p
}

func deltaFactsPart(d delta.Document) part {
	p := part{
		title: "beside the resources", close: "\n", open: fmt.Sprintf("**Beside the resources** (%d)\n\n| Part | What | Then | Now |\n|---|---|---|---|\n", len(d.Facts)),
		more: func(n int) string { return fmt.Sprintf("| | … and %d more | | |\n", n) },
	}
	for _, fact := range d.Facts {
		p.rows = append(p.rows, row{text: differenceRow(fact.Part, fact.Difference)})
	}
	return p
}
