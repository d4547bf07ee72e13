// Package delta compares two reviews: what is new, worse, different or gone since somebody read the first. It neither
// makes reviews nor judges changes, and it prints nothing.
package delta

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"stackgate/internal/plan"
)

// Schema names the version of the document.
const Schema = "stackgate.review-diff/v1"

// Document says what differs between two reviews, "stackgate.review-diff/v1".
type Document struct {
	Schema string `json:"schema"`
	From   Side   `json:"from"`
	To     Side   `json:"to"`
	// Verdict is one sentence that says the worst first.
	Verdict string `json:"verdict"`
	// Same: nothing differs of what the reviews show. Ids of change sets and times are no difference.
	Same bool `json:"same"`
	// SameContent: CloudFormation described the same changes, to the letter; what is hidden may differ all the same.
	SameContent bool   `json:"sameContent"`
	Counts      Counts `json:"counts"`
	// Level is the worst level among the changes that are new or worse; empty where there are none.
	Level plan.Level `json:"level,omitempty"`
	// Items are the changes that are not the same in both: new, worse, different, gone, and the worst of each first.
	Items    []Item   `json:"items"`
	Security Security `json:"security"`
	// Facts are the differences beside the changes of resources.
	Facts []Fact `json:"facts"`
	// Hidden names the values that both reviews hide, as "path property": whether they are equal cannot be told.
	Hidden []string `json:"hidden"`
	// Limits say what this comparison cannot know.
	Limits []string `json:"limits"`
}

// Side names one of the two reviews.
type Side struct {
	// Name is what the reader called it: a deployment id or a file.
	Name          string     `json:"name"`
	StackName     string     `json:"stackName"`
	Account       string     `json:"account"`
	Region        string     `json:"region"`
	ChangeSetID   string     `json:"changeSetId"`
	RequestedBy   string     `json:"requestedBy,omitempty"`
	Commit        string     `json:"commit,omitempty"`
	CreatedAt     time.Time  `json:"createdAt,omitzero"`
	Level         plan.Level `json:"level"`
	Verdict       string     `json:"verdict"`
	Changes       int        `json:"changes"`
	Partial       bool       `json:"partial"`
	Digest        string     `json:"digest"`
	ContentDigest string     `json:"contentDigest"`
}

// Counts counts changes of resources.
type Counts struct {
	New       int `json:"new"`
	Worse     int `json:"worse"`
	Different int `json:"different"`
	Gone      int `json:"gone"`
	Same      int `json:"same"`
}

// Kind says how a change stands in the second review against the first.
type Kind string

// The kinds, in the order in which they are shown.
const (
	// KindNew: the first review does not have it.
	KindNew Kind = "new"
	// KindWorse: both have it, and the second ranks it worse.
	KindWorse Kind = "worse"
	// KindDifferent: both have it, and something about it differs.
	KindDifferent Kind = "different"
	// KindGone: the second review does not have it.
	KindGone Kind = "gone"
)

// Kinds lists every kind in the order in which they are shown.
func Kinds() []Kind { return []Kind{KindNew, KindWorse, KindDifferent, KindGone} }

// Title is the heading over the changes of a kind.
func (k Kind) Title() string {
	switch k {
	case KindNew:
		return "New since then"
	case KindWorse:
		return "Worse than then"
	case KindDifferent:
		return "Different"
	case KindGone:
		return "Gone"
	}
	return string(k)
}

// Item is one change of a resource that is not the same in both reviews.
type Item struct {
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	// From and To are the change as each review has it; absent from the one that lacks it.
	From *plan.Item `json:"from,omitempty"`
	To   *plan.Item `json:"to,omitempty"`
	// Differences name what differs where both have it.
	Differences []Difference `json:"differences"`
}

// Shown is the change as it stands now, or as it stood where it is gone.
func (i Item) Shown() plan.Item {
	if i.To != nil {
		return *i.To
	}
	if i.From != nil {
		return *i.From
	}
	return plan.Item{Path: i.Path}
}

// Difference is one thing that two reviews say differently of the same change.
type Difference struct {
	// Name is the property as people write it, or the word for what is said of the resource: "impact".
	Name string `json:"name"`
	// From and To are texts for people: what each review says; empty where it says nothing.
	From string `json:"from"`
	To   string `json:"to"`
}

// Security lists the findings that only one of the reviews has.
type Security struct {
	New  []plan.SecurityFinding `json:"new"`
	Gone []plan.SecurityFinding `json:"gone"`
}

// Fact is a difference beside the changes of resources.
type Fact struct {
	// Part is the part of the review: parameters, tags, unpinned, …
	Part string `json:"part"`
	Difference
}

// Named is a review and what its reader calls it.
type Named struct {
	Name   string
	Review plan.Review
}

// Between compares what somebody has read with what there is now.
func Between(from, to Named) Document {
	a, b := from.Review.Normalised(), to.Review.Normalised()
	c := comparison{from: a, to: b, sameStack: a.Target.StackID == b.Target.StackID}
	d := Document{
		Schema: Schema, From: side(from.Name, a), To: side(to.Name, b),
		SameContent: a.ContentDigest == b.ContentDigest && a.ContentDigest != "",
		Items:       c.items(), Security: c.security(), Facts: c.facts(), Hidden: c.hidden(),
	}
	for _, item := range d.Items {
		switch item.Kind {
		case KindNew:
			d.Counts.New++
		case KindWorse:
			d.Counts.Worse++
		case KindDifferent:
			d.Counts.Different++
		case KindGone:
			d.Counts.Gone++
		}
		if level := item.Shown().Level; (item.Kind == KindNew || item.Kind == KindWorse) && (d.Level == "" || !d.Level.AtLeast(level)) {
			d.Level = level
		}
	}
	d.Counts.Same = c.same
	d.Same = len(d.Items)+len(d.Facts)+len(d.Security.New)+len(d.Security.Gone) == 0
	d.Limits = c.limits(d)
	d.Verdict = verdict(d)
	return d
}

func side(name string, r plan.Review) Side {
	s := Side{
		Name: name, StackName: r.Target.StackName, Account: r.Target.Account, Region: r.Target.Region, ChangeSetID: r.Target.ChangeSetID,
		Level: r.Level, Verdict: r.Verdict, Changes: len(r.Items), Partial: r.Completeness.Partial, Digest: r.Digest, ContentDigest: r.ContentDigest,
	}
	if d := r.Deployment; d != nil {
		s.RequestedBy, s.Commit, s.CreatedAt = d.RequestedBy, d.Commit, d.CreatedAt
	}
	return s
}

// comparison is what the parts of a comparison have in common.
type comparison struct {
	from, to  plan.Review
	sameStack bool
	same      int
}

// items compares the changes by their paths. Paths are unique in a review of ours; where a document has one twice, the
// second is compared with the second.
func (c *comparison) items() []Item {
	earlier := map[string][]plan.Item{}
	for _, item := range c.from.Items {
		earlier[item.Path] = append(earlier[item.Path], item)
	}
	list := []Item{}
	for _, now := range c.to.Items {
		before := earlier[now.Path]
		if len(before) == 0 {
			list = append(list, Item{Path: now.Path, Kind: KindNew, To: &now, Differences: []Difference{}})
			continue
		}
		then := before[0]
		earlier[now.Path] = before[1:]
		differences := c.differences(then, now)
		if len(differences) == 0 {
			c.same++
			continue
		}
		kind := KindDifferent
		if worse(then, now) {
			kind = KindWorse
		}
		list = append(list, Item{Path: now.Path, Kind: kind, From: &then, To: &now, Differences: differences})
	}
	for _, then := range c.from.Items {
		if before := earlier[then.Path]; len(before) > 0 {
			earlier[then.Path] = before[1:]
			list = append(list, Item{Path: then.Path, Kind: KindGone, From: &before[0], Differences: []Difference{}})
		}
	}
	slices.SortStableFunc(list, func(x, y Item) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds(), x.Kind), slices.Index(Kinds(), y.Kind)), plan.CompareItems(x.Shown(), y.Shown()))
	})
	return list
}

// worse says whether a change ranks worse than it did. Among harmless ones, as an update is where there was a creation,
// nothing is worse.
func worse(then, now plan.Item) bool {
	return now.Level.Rank() < then.Level.Rank() && now.Level.AtLeast(plan.LevelMedium) ||
		now.Level == then.Level && now.Level.AtLeast(plan.LevelMedium) && now.Impact.Rank() < then.Impact.Rank()
}

func (c *comparison) security() Security {
	return Security{New: missing(c.to.Security, c.from.Security), Gone: missing(c.from.Security, c.to.Security)}
}

// missing returns what stands in one list and not in the other, as often as it stands there more.
func missing(in, from []plan.SecurityFinding) []plan.SecurityFinding {
	n := map[plan.SecurityFinding]int{}
	for _, f := range from {
		n[f]++
	}
	list := []plan.SecurityFinding{}
	for _, f := range in {
		if n[f]--; n[f] < 0 {
			list = append(list, f)
		}
	}
	return list
}

// hidden lists the values that are masked on both sides.
func (c *comparison) hidden() []string {
	secret := map[string]bool{}
	for _, item := range c.from.Items {
		for _, p := range item.Properties {
			if holdsSecret(p) {
				secret[item.Path+" "+p.Name()] = true
			}
		}
	}
	list := []string{}
	for _, item := range c.to.Items {
		for _, p := range item.Properties {
			if name := item.Path + " " + p.Name(); holdsSecret(p) && secret[name] {
				list = append(list, name)
			}
		}
	}
	for _, p := range c.to.Parameters {
		if p.Sensitive && slices.ContainsFunc(c.from.Parameters, func(q plan.Parameter) bool { return q.Name == p.Name && q.Sensitive }) {
			list = append(list, "parameter "+p.Name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// secretMark begins every text that stands for something hidden: plan.TextSensitive, plan.TextChanged.
const secretMark = "(sensitive"

// holdsSecret says whether a value is hidden, as a whole or in part.
func holdsSecret(p plan.Property) bool {
	holds := func(text *string) bool { return text != nil && strings.Contains(*text, secretMark) }
	return p.Sensitive || holds(p.Before) || holds(p.After) || slices.ContainsFunc(p.Edits, func(e plan.Edit) bool {
		return e.Sensitive || holds(e.Before) || holds(e.After) ||
			slices.ContainsFunc(e.Lines, func(l plan.Line) bool { return strings.Contains(l.Text, secretMark) })
	})
}
