package terminal

import (
	"fmt"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
)

// sections writes everything about the resources. What the review says about security and drift belongs to several items
// and has its own place among them.
func (p *page) sections(c choice) {
	byKind := make(map[plan.SectionKind][]plan.Item, len(c.sections))
	for _, section := range c.sections {
		byKind[section.Kind] = section.Items
	}
	for _, kind := range plan.SectionKinds() {
		if kind == plan.SectionChanged {
			if c.drift {
				p.drift()
			}
			if !c.filtered {
				p.findings()
			}
		}
		items := byKind[kind]
		if kind == plan.SectionSecurity {
			p.security(items, c.security)
			continue
		}
		if len(items) > 0 {
			p.heading(kind, items)
			p.items(items)
		}
	}
}

func (p *page) title(look style, title, rest string) {
	p.blank()
	p.line(look, title, rest)
}

func (p *page) line(look style, title, rest string) {
	p.text(0, 2, p.style(look, strings.ToUpper(title))+"  "+rest)
}

func (p *page) heading(kind plan.SectionKind, items []plan.Item) {
	look, rest := bold, fmt.Sprint(len(items))
	switch kind {
	case plan.SectionCritical:
		look = alarm
		if remark := wording.AckRemark(items); remark != "" {
			rest += " - " + remark
		}
	case plan.SectionUncertain:
		rest += " - CloudFormation decides while it runs"
	case plan.SectionTags, plan.SectionMetadata:
		rest = wording.Count(len(items), "resource")
	}
	p.title(look, kind.Title(), rest)
}

func (p *page) items(items []plan.Item) {
	alone, folds := items, []wording.Fold(nil)
	if !p.o.Full {
		alone, folds = wording.FoldClusters(items, p.review.Clusters)
	}
	c := p.columnsOf(alone)
	for _, item := range alone {
		p.item(item, c)
	}
	for _, fold := range folds {
		p.fold(fold)
	}
}

// A cluster of up to maxNamed resources names them all; a larger one the first few.
const (
	maxNamed  = 12
	maxFolded = 6
)

func (p *page) fold(fold wording.Fold) {
	p.text(2, 7, fmt.Sprintf("%s  %s, 1 distinct change:  %s", p.mark(fold.Items[0].Impact), wording.Count(len(fold.Items), "resource"), p.clean(fold.Summary)))
	var paths []string
	for _, item := range fold.Items {
		if len(paths) == maxFolded && len(fold.Items) > maxNamed {
			paths = append(paths, fmt.Sprintf("(+%d)", len(fold.Items)-maxFolded))
			p.folded += len(fold.Items) - maxFolded
			break
		}
		paths = append(paths, p.clean(item.Path))
	}
	p.text(5, 7, p.style(dim, strings.Join(paths, ", ")))
}

func (p *page) security(items []plan.Item, findings bool) {
	r := p.review
	listed := findings && (len(r.Security) > 0 || r.SecurityScope != "" && !r.Empty())
	if len(items) == 0 && !listed {
		return
	}
	rest := wording.Found(r)
	if rest == "" {
		rest = wording.NothingWidened(r)
	}
	p.title(bold, plan.SectionSecurity.Title(), rest)
	if listed {
		effect, path := 0, 0
		for _, f := range r.Security {
			effect = max(effect, min(columns(p.clean(wording.Effect(f))), 14))
			path = max(path, min(columns(p.clean(wording.Place(f.Path))), maxPathColumn))
		}
		for _, f := range r.Security {
			p.securityFinding(f, effect, path)
		}
		p.text(5, 5, p.style(dim, p.clean(r.SecurityScope)))
	}
	p.items(items)
}

func (p *page) securityFinding(f plan.SecurityFinding, effect, path int) {
	look := red
	if f.Direction == plan.DirectionNarrowed {
		look = plain
	}
	line := p.style(look, f.Direction.Mark()) + "  " + pad(p.clean(wording.Effect(f)), effect) + "  " +
		p.style(bold, pad(p.clean(wording.Place(f.Path)), path)) + "  " + p.clean(wording.Security(f).New)
	if f.Everyone {
		line += "  " + p.style(alarm, "EVERYONE")
	}
	if old := wording.Security(f).Old; old != "" {
		line += "   was " + p.clean(old)
	}
	if f.Direction != plan.DirectionWidened {
		line += "  (" + p.clean(strings.TrimSuffix(string(f.Direction)+": "+wording.SecurityNote(f), ": ")) + ")"
	}
	p.text(2, 7, line)
}

func (p *page) drift() {
	d := p.review.Drift
	if len(d.Overwrites) == 0 && len(d.Unsupported) == 0 {
		return
	}
	p.title(bold, "Drift", fmt.Sprintf("%d - changed by hand, overwritten by this plan", len(d.Overwrites)))
	for _, row := range wording.DriftRows(p.review) {
		if row.Property == "" {
			p.text(2, 7, "~  "+p.clean(row.Path)+"  differs from what was deployed last")
			continue
		}
		p.text(2, 7, fmt.Sprintf("~  %s  %s   live %s   last deployed %s   new %s", p.clean(row.Path), p.clean(row.Property),
			p.clean(row.Live), p.clean(row.LastDeployed), p.clean(row.New)))
	}
	if len(d.Unsupported) > 0 {
		p.text(5, 7, fmt.Sprintf("%d could not be compared: %s", len(d.Unsupported), p.clean(strings.Join(d.Unsupported, ", "))))
	}
}

func (p *page) findings() {
	if len(p.review.Findings) == 0 {
		return
	}
	p.title(bold, "Checks", wording.Count(len(p.review.Findings), "finding")+" of CloudFormation's validation and hooks")
	for _, f := range p.review.Findings {
		look, mode := alarm, f.Mode
		switch mode {
		case "WARN":
			look = yellow
		case "":
			mode = "NOTE"
		}
		p.text(2, 7, p.style(look, p.clean(mode))+"  "+p.clean(f.Source)+" "+p.clean(f.Name)+"  "+p.clean(wording.Place(f.Path))+": "+p.clean(f.Summary))
	}
}

// stack writes what belongs to the stack and not to one of its resources.
func (p *page) stack() {
	r := p.review
	p.table("Parameters", wording.ParameterRows(r.Parameters))
	p.table("Stack tags", wording.TagRows(r.Tags))
	p.table("Capabilities", wording.CapabilityRows(r.Capabilities))
	p.table("Settings", wording.SettingRows(r.Settings))
	if len(r.Unpinned) > 0 {
		p.title(bold, "Not pinned", wording.Count(len(r.Unpinned), "input")+" whose content can change after approval")
		for _, u := range r.Unpinned {
			p.text(2, 7, "?  "+p.clean(wording.Place(u.Path))+"  "+p.clean(u.Property)+"  "+p.clean(u.Summary))
		}
	}
	if len(r.Limits) > 0 {
		p.title(bold, "Limits", "what this analysis cannot know")
		for _, limit := range r.Limits {
			p.text(2, 4, "- "+p.clean(limit))
		}
	}
}

func (p *page) table(title string, rows []wording.Row) {
	if len(rows) == 0 {
		return
	}
	width, unchanged := 0, 0
	for _, row := range rows {
		if row.Change == plan.ChangeNone && !p.o.Full {
			unchanged++
			continue
		}
		width = max(width, min(columns(p.clean(row.Name)), maxNameColumn))
	}
	rest := wording.RowCounts(rows)
	if len(rows) > unchanged {
		p.blank()
	}
	p.line(bold, title, rest)
	for _, row := range rows {
		if row.Change == plan.ChangeNone && !p.o.Full {
			continue
		}
		p.text(2, 7, row.Change.Mark()+"  "+pad(p.clean(row.Name), width)+"  "+p.clean(row.Values.Join("->")))
	}
}
