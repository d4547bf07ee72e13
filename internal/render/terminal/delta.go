package terminal

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/wording"
)

// RenderDelta writes what differs between two reviews, as text. Width, colour, character set, Full and Now of the options
// are heeded.
func RenderDelta(w io.Writer, d delta.Document, o Options) error {
	buffered := bufio.NewWriter(w)
	p := &page{w: buffered, o: o, width: o.Width}
	if p.width == 0 {
		p.width = DefaultWidth
	}
	p.width = max(p.width, minWidth)

	p.text(0, 2, p.style(bold, "What changed since"))
	p.side("then", d.From)
	p.side("now", d.To)
	p.blank()
	p.text(0, 0, p.style(bold, p.clean(d.Verdict)))
	for _, side := range []delta.Side{d.From, d.To} {
		if side.Partial {
			p.text(0, 2, p.style(alarm, "WARNING")+"  "+p.clean(side.Name)+" is partial: there may be changes that nobody saw.")
		}
	}
	p.deltaItems(d)
	p.deltaSecurity(d.Security)
	p.deltaFacts(d.Facts)
	if len(d.Limits) > 0 {
		p.title(bold, "Limits", "what this comparison cannot know")
		for _, limit := range d.Limits {
			p.text(2, 4, "- "+p.clean(limit))
		}
	}
	if p.cut > 0 {
		p.blank()
		p.text(0, 2, fmt.Sprintf("%s cut short; --full shows all of it.", wording.Count(p.cut, "long value")))
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write the comparison of %s and %s: %w", d.From.Name, d.To.Name, err)
	}
	return nil
}

func (p *page) side(label string, s delta.Side) {
	created := ""
	if !s.CreatedAt.IsZero() {
		created = wording.Moment(s.CreatedAt, p.o.Now)
	}
	p.fact(label, s.Name, "stack "+s.StackName, s.Region, created, prefixed("by ", s.RequestedBy), prefixed("commit ", wording.ShortCommit(s.Commit)),
		wording.Count(s.Changes, "change")+", level "+string(s.Level), "digest "+plan.ShortDigest(s.Digest))
}

func (p *page) deltaItems(d delta.Document) {
	byKind := map[delta.Kind][]delta.Item{}
	for _, item := range d.Items {
		byKind[item.Kind] = append(byKind[item.Kind], item)
	}
	for _, kind := range delta.Kinds() {
		items := byKind[kind]
		if len(items) == 0 {
			continue
		}
		look := bold
		if (kind == delta.KindNew || kind == delta.KindWorse) && items[0].Shown().Level.AtLeast(plan.LevelHigh) {
			look = alarm
		}
		p.title(look, kind.Title(), fmt.Sprint(len(items)))
		shown := make([]plan.Item, len(items))
		for i, item := range items {
			shown[i] = item.Shown()
		}
		c := p.columnsOf(shown)
		for i, item := range items {
			switch kind {
			case delta.KindNew:
				p.item(shown[i], c)
			case delta.KindWorse, delta.KindDifferent, delta.KindGone:
				p.deltaItem(item, c)
			}
		}
	}
}

// deltaItem writes the head of a change that both reviews have, or the first alone, and what differs.
func (p *page) deltaItem(item delta.Item, c columnsOf) {
	shown := item.Shown()
	if item.Kind == delta.KindGone {
		shown.Ack = 0
	}
	head := pad(p.ack(shown), c.ack) + pad(p.mark(shown.Impact), c.mark)
	p.text(2, c.body()+2, p.style(levelStyle(shown.Level), head)+"  "+p.style(bold, pad(p.clean(shown.Path), c.path))+"  "+p.clean(shown.Type))
	if item.Kind == delta.KindGone {
		p.text(c.body(), c.body()+2, p.style(dim, "was: "+p.clean(wording.Sentence(shown))))
	} else if !slices.ContainsFunc(item.Differences, func(d delta.Difference) bool { return d.To == shown.Sentence }) {
		p.text(c.body(), c.body()+2, p.style(levelStyle(shown.Level), p.clean(wording.Sentence(shown))))
	}
	for _, difference := range item.Differences {
		p.difference(shown, difference.Name, difference, c.body()+2)
	}
}

// difference writes what each review says, one above the other: a change of a change reads badly in one line.
func (p *page) difference(item plan.Item, name string, d delta.Difference, indent int) {
	values := p.shorten(item, wording.Values{Old: orNothing(d.From), New: orNothing(d.To)})
	p.text(indent, indent+2, p.clean(name))
	p.text(indent+2, indent+8, p.style(dim, "then  ")+values.Old)
	p.text(indent+2, indent+8, p.style(dim, "now   ")+values.New)
}

func orNothing(text string) string {
	if text == "" {
		return wording.Nothing
	}
	return text
}

func (p *page) deltaSecurity(s delta.Security) {
	if len(s.New)+len(s.Gone) == 0 {
		return
	}
	p.title(bold, plan.SectionSecurity.Title(), fmt.Sprintf("%d findings new, %d gone", len(s.New), len(s.Gone)))
	effect, path := 0, 0
	for _, list := range [][]plan.SecurityFinding{s.New, s.Gone} {
		for _, f := range list {
			effect = max(effect, min(columns(p.clean(wording.Effect(f))), 14))
			path = max(path, min(columns(p.clean(wording.Place(f.Path))), maxPathColumn))
		}
	}
	for _, f := range s.New {
		p.securityFinding(f, effect, path)
	}
	if len(s.Gone) > 0 {
		p.text(2, 4, p.style(dim, "and no longer:"))
	}
	for _, f := range s.Gone {
		p.securityFinding(f, effect, path)
	}
}

func (p *page) deltaFacts(facts []delta.Fact) {
	if len(facts) == 0 {
		return
	}
	p.title(bold, "Beside the resources", wording.Count(len(facts), "difference"))
	for _, fact := range facts {
		p.difference(plan.Item{Level: plan.LevelLow}, strings.TrimSpace(fact.Part+"  "+fact.Name), fact.Difference, 2)
	}
}
