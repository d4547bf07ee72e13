package html

import (
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/render/hostile"
	"stackgate/internal/render/wording"
)

// The views hold text that is visible, which hostile.Visible sees to, and not yet escaped, which html/template sees to.
type reviewView struct {
	Environment, Account, Region, Stack, Title, Verdict string
	Production                                          bool
	Level                                               levelView
	Warnings                                            []string
	Facts                                               []factView
	Chips                                               []chipView
	Nested                                              []nestedView
	Sections                                            []sectionView
	Tables                                              []tableView
	Unpinned                                            []unpinnedView
	Limits                                              []string
	Tally, Shown                                        string
	Empty                                               bool
	Total                                               int
	Approval, Command, Decided                          string
	Acks                                                int
	Digests                                             []factView
}

type levelView struct{ Class, Word string }

type factView struct {
	Label, Text string
	// Link is an address of the outside, Links are changes on this page.
	Link  string
	Links []linkView
}

type linkView struct{ Text, ID string }

type chipView struct {
	ID, Title string
	Count     int
	Level     levelView
	Links     []linkView
	More      int
}

type nestedView struct {
	Path, Text, ID string
	Level          levelView
}

type tableView struct {
	ID, Title, Counts string
	Changed           int
	Rows              []rowView
}

type rowView struct{ Mark, Word, Name, Old, New string }

type unpinnedView struct{ Place, Property, Summary string }

const (
	// Beyond this many changes, those not counted that a cluster stands for, the harmless ones are closed at first.
	maxOpen = 30
	// Beyond this many changes of a section the navigation only counts.
	maxLinks = 12
	// A physical id of more bytes, such as an ARN, does not stand in the heading.
	maxPhysical = 64
)

type viewer struct {
	r    plan.Review
	o    Options
	ids  map[string]string
	open bool
}

// seen is short, as nothing reaches a view without it.
func seen(s string) string { return hostile.Visible(s) }

func newView(r plan.Review, o Options) reviewView {
	alone, _ := wording.FoldClusters(r.Items, r.Clusters)
	v := &viewer{r: r, o: o, ids: ids(r.Items), open: len(alone) <= maxOpen}
	view := reviewView{
		Account: seen(wording.Account(r.Target)), Region: seen(r.Target.Region), Stack: seen(r.Target.StackName),
		Title: seen(strings.Replace(wording.Title(r), " -> ", " → ", 1)), Verdict: seen(wording.Verdict(r)),
		Level: level(r.Level), Facts: v.facts(), Sections: v.sections(), Empty: r.Empty(), Total: len(r.Items),
		Tally: strings.Join(wording.Tally(r), ", ") + ".", Shown: wording.Shown(r, len(r.Items), "shown") + ".",
		Approval: seen(o.Approval), Command: wording.ApproveCommand(r), Acks: len(r.Acknowledgements()), Digests: v.digests(),
	}
	if view.Command != "" {
		view.Command += o.As
	}
	if d := r.Deployment; d != nil {
		view.Environment = seen(d.Environment)
		view.Production = slices.Contains([]string{"prod", "production", "prd", "live"}, strings.ToLower(d.Environment))
	}
	if o.Decided != "" {
		view.Decided, view.Approval, view.Command, view.Acks = seen(o.Decided), "", "", 0
	}
	for _, reason := range wording.Incomplete(r) {
		view.Warnings = append(view.Warnings, seen(reason))
	}
	for _, section := range view.Sections {
		view.Chips = append(view.Chips, section.chip())
	}
	for _, item := range r.Items {
		if item.Children != nil {
			view.Nested = append(view.Nested, nestedView{Path: seen(item.Path), Text: seen(wording.Children(item)), ID: v.ids[item.Path],
				Level: level(item.Children.Level)})
		}
	}
	view.Tables = []tableView{
		table("s-parameters", "Parameters", wording.ParameterRows(r.Parameters)),
		table("s-stack-tags", "Stack tags", wording.TagRows(r.Tags)),
		table("s-capabilities", "Capabilities", wording.CapabilityRows(r.Capabilities)),
		table("s-settings", "Settings", wording.SettingRows(r.Settings)),
	}
	for _, u := range r.Unpinned {
		view.Unpinned = append(view.Unpinned, unpinnedView{Place: seen(wording.Place(u.Path)), Property: seen(u.Property), Summary: seen(u.Summary)})
	}
	for _, limit := range r.Limits {
		view.Limits = append(view.Limits, seen(limit))
	}
	return view
}

// ids gives each item an id that is safe in an attribute and an address, unique, and the same on every rendering.
func ids(items []plan.Item) map[string]string {
	ids := make(map[string]string, len(items))
	for _, item := range items {
		var id strings.Builder
		id.WriteString("c-")
		for _, b := range []byte(item.Path) {
			switch {
			case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_':
				id.WriteByte(b)
			case b == '/':
				// A slash would be percent-encoded in links.
				id.WriteByte('.')
			default:
				fmt.Fprintf(&id, "~%02x", b)
			}
		}
		ids[item.Path] = id.String()
	}
	return ids
}

func level(l plan.Level) levelView {
	if slices.Contains(plan.Levels(), l) {
		return levelView{Class: string(l), Word: string(l)}
	}
	return levelView{Class: string(plan.LevelCritical), Word: seen("unknown level " + string(l))}
}

func (v *viewer) facts() []factView {
	d, t := v.r.Deployment, v.r.Target
	add := func(facts []factView, label string, texts ...string) []factView {
		texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" })
		if len(texts) == 0 {
			return facts
		}
		return append(facts, factView{Label: label, Text: seen(strings.Join(texts, ", "))})
	}
	var facts []factView
	if d == nil {
		facts = add(facts, "Change set", t.ChangeSetName, t.ChangeSetType)
		facts = add(facts, "Content digest", plan.ShortDigest(v.r.ContentDigest))
	} else {
		facts = add(facts, "Plan", d.ID)
		facts = add(facts, "Digest", plan.ShortDigest(v.r.Digest))
		facts = add(facts, "Created", wording.Moment(d.CreatedAt, v.o.Now), wording.Expiry(*d, v.o.Now, v.o.Decided))
		facts = add(facts, "Requested by", wording.Requester(*d))
		if v.r.Recovery == nil {
			facts = add(facts, "Commit", strings.TrimPrefix(wording.Commit(*d), "commit "))
		}
		facts = add(facts, "Reason", d.Reason)
		if d.PullRequest != "" {
			facts = append(facts, factView{Label: "Pull request", Text: seen(d.PullRequest), Link: hostile.Link(d.PullRequest)})
		}
		facts = add(facts, "Compared with", wording.Compared(*d, v.o.Now))
		if d.PromotedFrom != "" {
			facts = add(facts, "Promoted from", d.PromotedFrom+" (same request digest)")
		}
		if t.ChangeSetType != "UPDATE" {
			facts = add(facts, "Change set type", t.ChangeSetType)
		}
	}
	facts = add(facts, "Description", wording.Description(v.r))
	if v.r.Recovery != nil {
		facts = add(facts, "Call", wording.Recovery(v.r))
		return add(facts, "Completeness", wording.Shown(v.r, len(v.r.Items), "shown"))
	}
	facts = add(facts, "Drift", strings.TrimPrefix(wording.DriftLine(v.r), "drift: "))
	return add(facts, "Completeness", wording.Shown(v.r, len(v.r.Items), "shown"))
}

func (v *viewer) digests() []factView {
	var facts []factView
	for _, f := range []factView{
		{Label: "Review digest", Text: v.r.Digest}, {Label: "Content digest", Text: v.r.ContentDigest},
		{Label: "Request digest", Text: v.r.RequestDigest}, {Label: "Stack", Text: v.r.Target.StackID},
		{Label: "Change set", Text: v.r.Target.ChangeSetID}, {Label: "Policy version", Text: v.r.PolicyVersion},
		{Label: "Masking version", Text: v.r.MaskingVersion},
	} {
		if f.Text != "" {
			f.Text = seen(f.Text)
			facts = append(facts, f)
		}
	}
	return facts
}

func table(id, title string, rows []wording.Row) tableView {
	t := tableView{ID: id, Title: title, Counts: wording.RowCounts(rows)}
	for _, row := range rows {
		if row.Change != plan.ChangeNone {
			t.Changed++
		}
		t.Rows = append(t.Rows, rowView{Mark: row.Change.Mark(), Word: seen(wording.ChangeWord(row.Change)), Name: seen(row.Name),
			Old: seen(row.Values.Old), New: seen(row.Values.New)})
	}
	return t
}
