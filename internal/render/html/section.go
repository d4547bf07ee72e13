package html

import (
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
)

// sectionView is what stands under one heading: changes, or one of the lists that stand beside them.
type sectionView struct {
	ID, Title, Remark string
	Count             int
	Level             levelView
	Items             []itemView
	Folds             []foldView
	Findings          []findingView
	Scope             string
	Drift             []driftView
	Unsupported       []linkView
	Checks            []checkView
}

type foldView struct {
	Mark, Word, Summary string
	Count               int
	Items               []linkView
}

type findingView struct {
	Mark, Direction, Effect, New, Old, Note string
	Place                                   linkView
	Everyone, Widened                       bool
}

type driftView struct {
	Place                             linkView
	Property, Live, LastDeployed, New string
}

type checkView struct {
	Mode, Source, Name, Place, Summary string
	Level                              levelView
}

func (v *viewer) sections() []sectionView {
	byKind := make(map[plan.SectionKind][]plan.Item)
	for _, section := range v.r.Sections() {
		byKind[section.Kind] = section.Items
	}
	var views []sectionView
	for _, kind := range plan.SectionKinds() {
		if kind == plan.SectionChanged {
			views = append(views, v.drift()...)
			views = append(views, v.checks()...)
		}
		section := v.section(kind, byKind[kind])
		if len(byKind[kind]) > 0 || len(section.Findings) > 0 || section.Scope != "" {
			views = append(views, section)
		}
	}
	return views
}

func (v *viewer) section(kind plan.SectionKind, items []plan.Item) sectionView {
	s := sectionView{ID: "s-" + string(kind), Title: kind.Title(), Count: len(items), Level: level(plan.LevelInfo)}
	worst := plan.LevelInfo
	for _, item := range items {
		worst = worst.Worst(item.Level)
	}
	s.Level = level(worst)
	switch kind {
	case plan.SectionCritical:
		s.Remark = wording.AckRemark(items)
	case plan.SectionUncertain:
		s.Remark = "CloudFormation decides while it runs"
	case plan.SectionSecurity:
		v.security(&s)
	}
	alone, folds := wording.FoldClusters(items, v.r.Clusters)
	for _, item := range alone {
		s.Items = append(s.Items, v.item(item))
	}
	for _, fold := range folds {
		impact := fold.Items[0].Impact
		view := foldView{Mark: impact.Mark(), Word: impact.Word(), Summary: seen(fold.Summary), Count: len(fold.Items)}
		for _, item := range fold.Items {
			view.Items = append(view.Items, linkView{Text: seen(item.Path), ID: v.ids[item.Path]})
		}
		s.Folds = append(s.Folds, view)
	}
	return s
}

func (v *viewer) security(s *sectionView) {
	if !v.r.Empty() || len(v.r.Security) > 0 {
		s.Scope = seen(v.r.SecurityScope)
	}
	s.Remark = wording.NothingWidened(v.r)
	if widened := wording.Widened(v.r); widened > 0 {
		s.Remark = "permissions or exposure: " + wording.Found(v.r)
		s.Count = max(s.Count, widened)
		s.Level = level(plan.LevelHigh)
	} else if len(v.r.Security) > 0 && v.r.Completeness.Whole() {
		s.Remark = "nothing widened"
	}
	for _, f := range v.r.Security {
		values := wording.Security(f)
		s.Findings = append(s.Findings, findingView{
			Mark: f.Direction.Mark(), Direction: seen(string(f.Direction)), Effect: seen(wording.Effect(f)), New: seen(values.New),
			Old: seen(values.Old), Note: seen(wording.SecurityNote(f)), Place: v.place(f.Path), Everyone: f.Everyone, Widened: f.Direction != plan.DirectionNarrowed,
		})
	}
}

func (v *viewer) drift() []sectionView {
	d := v.r.Drift
	if len(d.Overwrites) == 0 && len(d.Unsupported) == 0 {
		return nil
	}
	s := sectionView{ID: "s-drift", Title: "Drift", Count: len(d.Overwrites), Level: level(plan.LevelMedium),
		Remark: "changed by hand, overwritten by this plan"}
	for _, row := range wording.DriftRows(v.r) {
		s.Drift = append(s.Drift, driftView{Place: v.place(row.Path), Property: seen(row.Property), Live: seen(row.Live),
			LastDeployed: seen(row.LastDeployed), New: seen(row.New)})
	}
	for _, path := range d.Unsupported {
		s.Unsupported = append(s.Unsupported, v.place(path))
	}
	return []sectionView{s}
}

func (v *viewer) checks() []sectionView {
	if len(v.r.Findings) == 0 {
		return nil
	}
	s := sectionView{ID: "s-checks", Title: "Checks", Count: len(v.r.Findings), Level: level(plan.LevelMedium),
		Remark: "findings of CloudFormation's validation and hooks"}
	for _, f := range v.r.Findings {
		check := checkView{Mode: seen(f.Mode), Source: seen(f.Source), Name: seen(f.Name), Place: seen(wording.Place(f.Path)),
			Summary: seen(f.Summary), Level: level(plan.LevelCritical)}
		switch f.Mode {
		case "WARN":
			check.Level = level(plan.LevelMedium)
		case "":
			check.Mode = "NOTE"
		}
		if check.Level.Class == string(plan.LevelCritical) {
			s.Level = check.Level
		}
		s.Checks = append(s.Checks, check)
	}
	return []sectionView{s}
}

// place links to the change of a path, where there is one.
func (v *viewer) place(path string) linkView {
	return linkView{Text: seen(wording.Place(path)), ID: v.ids[path]}
}

func (s sectionView) chip() chipView {
	chip := chipView{ID: s.ID, Title: s.Title, Count: s.Count, Level: s.Level}
	for _, item := range s.Items {
		if !item.Serious {
			continue
		}
		if len(chip.Links) == maxLinks {
			chip.More++
			continue
		}
		chip.Links = append(chip.Links, linkView{Text: item.Mark + " " + item.Path, ID: item.ID})
	}
	return chip
}

// itemView is one change.
type itemView struct {
	ID, Path, Mark, Word, Type, Physical, Sentence, Unchanged string
	Level                                                     levelView
	// Serious changes cannot be closed; of the others Open says whether they are open at first.
	Serious, Open, Uncertain bool
	Notes                    []string
	Properties               []propertyView
	Facts                    []factView
	Ack                      int
	AckForm                  string
	Acked                    bool
}

type propertyView struct {
	Mark, Word, Old, New, Differences string
	Name, Effects                     []string
	Forces                            bool
	Edits                             []editView
}

type editView struct {
	Mark, Word, Old, New string
	Name                 []string
	Lines                []lineView
}

type lineView struct{ Class, Text string }

func (v *viewer) item(item plan.Item) itemView {
	view := itemView{
		ID: v.ids[item.Path], Path: seen(item.Path), Mark: item.Impact.Mark(), Word: wording.Word(item), Type: seen(item.Type),
		Physical: seen(item.PhysicalID), Sentence: seen(wording.Sentence(item)), Level: level(item.Level), Ack: item.Ack,
		Serious: item.Level.AtLeast(plan.LevelMedium), Open: v.open, Uncertain: item.Impact.Uncertain(),
		Acked: slices.Contains(v.o.Acked, item.Ack),
	}
	if len(item.PhysicalID) > maxPhysical {
		view.Physical = ""
	}
	if item.Ack > 0 {
		view.AckForm = v.o.AckForm
	}
	if strings.EqualFold(view.Sentence, view.Word) || !view.Serious && item.Sentence == item.Impact.Sentence() {
		// The word beside the mark says it already.
		view.Sentence = ""
	}
	for _, note := range item.Notes {
		view.Notes = append(view.Notes, seen(note))
	}
	for _, p := range item.Properties {
		view.Properties = append(view.Properties, property(item, p))
	}
	switch {
	case item.Unchanged == 1:
		view.Unchanged = "1 unchanged property is not listed."
	case item.Unchanged > 1:
		view.Unchanged = fmt.Sprintf("%d unchanged properties are not listed.", item.Unchanged)
	}
	view.Facts = v.itemFacts(item)
	return view
}

// breakable cuts a name where a line may break: after a dot and before a bracket.
func breakable(name string) []string {
	if name == "" {
		return nil
	}
	var parts []string
	start := 0
	for i := 1; i < len(name); i++ {
		if name[i-1] == '.' || name[i] == '[' {
			parts = append(parts, name[start:i])
			start = i
		}
	}
	return append(parts, name[start:])
}

func property(item plan.Item, p plan.Property) propertyView {
	values := wording.PropertyValues(item, p)
	view := propertyView{
		Mark: p.Change.Mark(), Word: seen(wording.ChangeWord(p.Change)), Name: breakable(seen(wording.PropertyName(p))), Old: seen(values.Old),
		New: seen(values.New), Forces: p.Recreation == plan.RecreationAlways && p.Change != plan.ChangeNone,
	}
	for _, remark := range wording.Remarks(p) {
		view.Effects = append(view.Effects, seen(remark))
	}
	if causes := wording.Causes(p); causes != "" {
		view.Effects = append(view.Effects, seen("from "+causes))
	}
	if len(p.Edits) > 0 {
		view.Differences = wording.Differences(p)
	}
	for _, e := range p.Edits {
		values := wording.EditValues(e)
		edit := editView{Mark: e.Change.Mark(), Word: seen(wording.ChangeWord(e.Change)), Name: breakable(seen(wording.EditName(e))), Old: seen(values.Old), New: seen(values.New)}
		for _, line := range e.Lines {
			op := wording.LineOp(line)
			class := map[string]string{"+": "add", "-": "del", "@": "gap", "?": "gap"}[op]
			edit.Lines = append(edit.Lines, lineView{Class: class, Text: op + " " + seen(wording.LineText(line))})
		}
		view.Edits = append(view.Edits, edit)
	}
	return view
}

func (v *viewer) itemFacts(item plan.Item) []factView {
	var facts []factView
	text := func(label, text string) {
		if text != "" {
			facts = append(facts, factView{Label: label, Text: seen(text)})
		}
	}
	links := func(label string, paths []string) {
		if len(paths) == 0 {
			return
		}
		fact := factView{Label: label}
		for _, path := range paths {
			fact.Links = append(fact.Links, v.place(path))
		}
		facts = append(facts, fact)
	}
	for _, protection := range wording.Protections(item) {
		text("Protection lost", protection)
	}
	if len(item.PhysicalID) > maxPhysical {
		text("Physical id", item.PhysicalID)
	}
	text("Also", wording.Also(item))
	text("Inside", wording.Children(item))
	links("Follows from", item.CausedBy)
	links("Brings about", item.KnockOn)
	text("Reported as", wording.Reported(item))
	text("Module", item.Module)
	if item.DriftStatus != "" && item.DriftStatus != "IN_SYNC" {
		text("Live resource", "drift status "+item.DriftStatus)
	}
	text("Left alone", strings.Join(item.DriftIgnored, ", "))
	return facts
}
