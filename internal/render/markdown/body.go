package markdown

import (
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
)

// body collects parts while there is room for them.
type body struct {
	out  strings.Builder
	room int
	// named are the paths of the items that a row names.
	named map[string]bool
	// folded counts the items that a row stands for without naming them.
	folded int
	// short lists the parts that are not there, or not whole.
	short []string
	// closed: the critical changes did not fit, and nothing may follow in their place.
	closed bool
}

// part is a run of rows between an opening and a closing text. Rows are left out from the end.
type part struct {
	title       string
	open, close string
	rows        []row
	// more says, in the form of a row, that rows are missing.
	more func(n int) string
	// wrap, if set, makes the whole of the rows, as a fence depends on what is inside it.
	wrap func(rows string) string
}

type row struct {
	text string
	// paths are those of the items that the row names; stands counts the others that it stands for.
	paths  []string
	stands int
}

func (p part) text(n int) string {
	var rows strings.Builder
	for _, r := range p.rows[:n] {
		rows.WriteString(r.text)
	}
	if n < len(p.rows) {
		rows.WriteString(p.more(len(p.rows) - n))
	}
	inside := rows.String()
	if p.wrap != nil {
		inside = p.wrap(inside)
	}
	return p.open + inside + p.close
}

// add writes as many rows of a part as there is room for.
func (b *body) add(p part) {
	if len(p.rows) == 0 || b.closed {
		return
	}
	n := len(p.rows)
	if len(p.text(n)) > b.room {
		// The text grows with the number of rows, so the largest number that fits can be searched for.
		low, high := 0, n
		for low < high-1 {
			if middle := (low + high) / 2; len(p.text(middle)) <= b.room {
				low = middle
			} else {
				high = middle
			}
		}
		n = low
		b.short = append(b.short, fmt.Sprintf("%s (%d of %d)", p.title, len(p.rows)-n, len(p.rows)))
	}
	if n > 0 {
		b.write(p, n)
	}
}

func (b *body) write(p part, n int) {
	text := p.text(n)
	b.out.WriteString(text)
	b.room -= len(text)
	for _, r := range p.rows[:n] {
		for _, path := range r.paths {
			b.named[path] = true
		}
		b.folded += r.stands
	}
}

// whole writes a part in full or, where it does not fit, what stands instead of it.
func (b *body) whole(p part, instead string) {
	if len(p.rows) == 0 {
		return
	}
	if len(p.text(len(p.rows))) <= b.room {
		b.write(p, len(p.rows))
		return
	}
	b.closed = true
	b.out.WriteString(instead)
}

func (b *body) review(r plan.Review) {
	b.whole(itemsPart(r, plan.SectionCritical), tooManyCritical(r))
	b.add(securityPart(r))
	for _, kind := range []plan.SectionKind{plan.SectionUncertain, plan.SectionReplaced, plan.SectionRemoved, plan.SectionProtected, plan.SectionSecurity} {
		b.add(itemsPart(r, kind))
	}
	b.add(driftPart(r))
	b.add(checksPart(r))
	b.add(unpinnedPart(r))
	for _, kind := range plan.SectionKinds() {
		b.add(itemsPart(r, kind, plan.SectionCritical, plan.SectionUncertain, plan.SectionReplaced, plan.SectionRemoved,
			plan.SectionProtected, plan.SectionSecurity))
	}
	b.add(stackPart("Parameters", wording.ParameterRows(r.Parameters)))
	b.add(stackPart("Stack tags", wording.TagRows(r.Tags)))
	b.add(stackPart("Capabilities", wording.CapabilityRows(r.Capabilities)))
	b.add(stackPart("Settings", wording.SettingRows(r.Settings)))
	b.add(limitsPart(r))
	b.add(diffPart(r))
}

// leftOut says what of the review is not in the text.
func (b *body) leftOut(r plan.Review) string {
	missing := 0
	for _, item := range r.Items {
		if !b.named[item.Path] {
			missing++
		}
	}
	text := "**" + wording.Shown(r, len(r.Items), "analysed") + "**"
	if missing > 0 {
		text += fmt.Sprintf("; %d of them are not named here", missing)
		if b.folded >= missing {
			text += ", as they share one change with others"
		} else if b.folded > 0 {
			text += fmt.Sprintf(", %d of which share one change with others", b.folded)
		}
	}
	text += "."
	if len(b.short) > 0 {
		text += " Left out to keep this short: " + strings.Join(b.short, ", ") + ". The review has all of it."
	}
	return text + "\n\n"
}

func tooManyCritical(r plan.Review) string {
	count := map[plan.Impact]int{}
	for _, item := range r.Items {
		if item.Section() == plan.SectionCritical {
			impact := item.Impact
			if !impact.Known() {
				impact = plan.ImpactUnknown
			}
			count[impact]++
		}
	}
	total, words := 0, []string{}
	for _, impact := range plan.Impacts() {
		if count[impact] > 0 {
			total += count[impact]
			words = append(words, fmt.Sprintf("%d × %s", count[impact], impact.Sentence()))
		}
	}
	return fmt.Sprintf("> **%d critical changes do not fit into this text: %s. Open the review.**\n\n", total, strings.Join(words, "; "))
}

func itemsPart(r plan.Review, kind plan.SectionKind, except ...plan.SectionKind) part {
	if slices.Contains(except, kind) {
		return part{}
	}
	p := part{
		title: strings.ToLower(kind.Title()), close: "\n",
		more: func(n int) string { return fmt.Sprintf("| | … and %d more | | |\n", n) },
	}
	var items []plan.Item
	for _, section := range r.Sections() {
		if section.Kind == kind {
			items = section.Items
		}
	}
	title := kind.Title()
	if kind == plan.SectionSecurity {
		title += ", resources"
	}
	p.open = fmt.Sprintf("**%s** (%d)\n\n| | Resource | Type | What happens |\n|---|---|---|---|\n", title, len(items))
	alone, folds := wording.FoldClusters(items, r.Clusters)
	for _, item := range alone {
		p.rows = append(p.rows, row{text: itemRow(item), paths: []string{item.Path}})
	}
	for _, fold := range folds {
		p.rows = append(p.rows, row{
			text:   fmt.Sprintf("| %s | %d resources | | %s |\n", code(fold.Items[0].Impact.Mark()), len(fold.Items), within(maxText, fold.Summary, prose)),
			stands: len(fold.Items),
		})
	}
	return p
}
