package plan

import (
	"cmp"
	"slices"
	"strings"
)

// Dangerous says whether the review asks for a person even where policy approves harmless changes by itself: a level of
// high or worse, anything unknown, or an incomplete answer.
func (r Review) Dangerous() bool {
	return r.Level.AtLeast(LevelHigh) || r.Completeness.Partial || r.Completeness.Unknown > 0 ||
		r.Completeness.Reported != r.Completeness.Shown
}

// Empty says whether no resource changes. Outputs, parameters or tags of the stack may still change.
func (r Review) Empty() bool { return len(r.Items) == 0 && !r.Completeness.Partial }

// Acknowledgements returns the numbers that an approval must name.
func (r Review) Acknowledgements() []int {
	numbers := []int{}
	for _, item := range r.Items {
		if item.Ack > 0 {
			numbers = append(numbers, item.Ack)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// Item returns the item of a path.
func (r Review) Item(path string) (Item, bool) {
	if at := slices.IndexFunc(r.Items, func(item Item) bool { return item.Path == path }); at >= 0 {
		return r.Items[at], true
	}
	return Item{}, false
}

// CompareItems orders items: worst level, worst impact, path.
func CompareItems(a, b Item) int {
	return cmp.Or(
		cmp.Compare(a.Level.Rank(), b.Level.Rank()),
		cmp.Compare(a.Impact.Rank(), b.Impact.Rank()),
		strings.Compare(a.Path, b.Path),
	)
}

// ShortDigest is the form of a digest that people compare by eye: "sha256:be071f4490aa…" becomes "be07-1f44-90aa".
// What is too short to be a digest is returned as it is.
func ShortDigest(digest string) string {
	hex := strings.TrimPrefix(digest, "sha256:")
	if len(hex) < 12 {
		return digest
	}
	return hex[0:4] + "-" + hex[4:8] + "-" + hex[8:12]
}

// Section groups items under one heading. Every item is in exactly one section.
type Section struct {
	Kind  SectionKind
	Items []Item
}

// SectionKind names a group of items.
type SectionKind string

// The section kinds, in the order in which they are shown.
const (
	SectionCritical  SectionKind = "critical"
	SectionSecurity  SectionKind = "security"
	SectionUncertain SectionKind = "uncertain"
	SectionReplaced  SectionKind = "replaced"
	SectionRemoved   SectionKind = "removed"
	SectionProtected SectionKind = "protection"
	SectionChanged   SectionKind = "changed"
	SectionAdded     SectionKind = "added"
	SectionImported  SectionKind = "imported"
	SectionSynced    SectionKind = "drift-record"
	SectionTags      SectionKind = "tags"
	SectionMetadata  SectionKind = "metadata"
)

// SectionKinds lists every section kind in the order in which they are shown.
func SectionKinds() []SectionKind {
	return []SectionKind{
		SectionCritical, SectionSecurity, SectionUncertain, SectionReplaced, SectionRemoved, SectionProtected,
		SectionChanged, SectionAdded, SectionImported, SectionSynced, SectionTags, SectionMetadata,
	}
}

// Title is the heading of the section in plain words.
func (k SectionKind) Title() string {
	switch k {
	case SectionCritical:
		return "Critical"
	case SectionSecurity:
		return "Security"
	case SectionUncertain:
		return "Uncertain"
	case SectionReplaced:
		return "Replaced"
	case SectionRemoved:
		return "Removed"
	case SectionProtected:
		return "Protection removed"
	case SectionChanged:
		return "Changed"
	case SectionAdded:
		return "Added"
	case SectionImported:
		return "Imported"
	case SectionSynced:
		return "Drift record reset"
	case SectionTags:
		return "Tags only"
	case SectionMetadata:
		return "Metadata only"
	}
	return string(k)
}

// Section says under which heading an item is shown: whatever is critical comes first, whatever its impact.
func (i Item) Section() SectionKind {
	if i.Level == LevelCritical {
		return SectionCritical
	}
	switch i.Impact {
	case ImpactUnknown:
		return SectionCritical
	case ImpactDestroy, ImpactDestroySnapshot, ImpactOrphan:
		return SectionRemoved
	case ImpactReplaceDelete, ImpactReplaceSnapshot, ImpactReplaceRetain:
		return SectionReplaced
	case ImpactProtectionLoss:
		return SectionProtected
	case ImpactMayReplace:
		return SectionUncertain
	case ImpactSecurityBroadened:
		return SectionSecurity
	case ImpactModify:
		return SectionChanged
	case ImpactImport:
		return SectionImported
	case ImpactAdd:
		return SectionAdded
	case ImpactSync:
		return SectionSynced
	case ImpactTagsOnly:
		return SectionTags
	case ImpactMetadataOnly:
		return SectionMetadata
	}
	return SectionCritical
}

// Sections groups the items; empty sections are left out.
func (r Review) Sections() []Section {
	byKind := make(map[SectionKind][]Item, len(SectionKinds()))
	for _, item := range r.Items {
		kind := item.Section()
		byKind[kind] = append(byKind[kind], item)
	}
	sections := make([]Section, 0, len(byKind))
	for _, kind := range SectionKinds() {
		if items := byKind[kind]; len(items) > 0 {
			sections = append(sections, Section{Kind: kind, Items: items})
		}
	}
	return sections
}
