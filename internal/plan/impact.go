package plan

import "slices"

// Impact says what a change does to a resource, in one word. Every change has exactly one: the worst that holds of it.
type Impact string

// The impacts, worst first.
const (
	// ImpactDestroy: the resource is removed and the physical one deleted.
	ImpactDestroy Impact = "DESTROY"
	// ImpactReplaceDelete: a new physical resource takes its place and the old one is deleted.
	ImpactReplaceDelete Impact = "REPLACE_DELETE"
	// ImpactUnknown: CloudFormation, or this version of stackgate, cannot say what happens.
	ImpactUnknown Impact = "UNKNOWN"
	// ImpactProtectionLoss: nothing is lost now, but what guarded it against loss is taken away.
	ImpactProtectionLoss Impact = "PROTECTION_LOSS"
	// ImpactReplaceSnapshot: replaced; the old one is deleted after a snapshot was taken.
	ImpactReplaceSnapshot Impact = "REPLACE_SNAPSHOT"
	// ImpactDestroySnapshot: removed; deleted after a snapshot was taken.
	ImpactDestroySnapshot Impact = "DESTROY_SNAPSHOT"
	// ImpactMayReplace: CloudFormation decides while it runs whether to replace.
	ImpactMayReplace Impact = "MAY_REPLACE"
	// ImpactReplaceRetain: replaced; the old one is kept and no longer managed.
	ImpactReplaceRetain Impact = "REPLACE_RETAIN"
	// ImpactOrphan: removed from the stack; the physical one is kept and no longer managed.
	ImpactOrphan Impact = "ORPHAN"
	// ImpactSecurityBroadened: updated in place in a way that lets somebody do more than before.
	ImpactSecurityBroadened Impact = "SECURITY_BROADENED"
	// ImpactModify: updated in place.
	ImpactModify Impact = "MODIFY"
	// ImpactImport: an existing physical resource comes under the stack's management.
	ImpactImport Impact = "IMPORT"
	// ImpactAdd: created.
	ImpactAdd Impact = "ADD"
	// ImpactSync: only CloudFormation's own record is brought in line with the live resource.
	ImpactSync Impact = "SYNC"
	// ImpactTagsOnly: only tags change.
	ImpactTagsOnly Impact = "TAGS_ONLY"
	// ImpactMetadataOnly: only template metadata changes, which no physical resource has.
	ImpactMetadataOnly Impact = "METADATA_ONLY"
)

type impactRow struct {
	impact   Impact
	mark     string
	ascii    string
	word     string
	sentence string
	level    Level
	stateful Level
}

// impactTable is never written to. REVIEW.md section 2.1, in its order, which is the order of Rank.
var impactTable = [...]impactRow{
	{ImpactDestroy, "-", "-", "delete", "will be deleted", LevelHigh, LevelCritical},
	{ImpactReplaceDelete, "+/-", "+/-", "replace", "replaced, old one deleted", LevelHigh, LevelCritical},
	{ImpactUnknown, "??", "??", "unknown", "cannot be determined", LevelCritical, LevelCritical},
	{ImpactProtectionLoss, "~!", "~!", "protection removed", "protection removed", LevelMedium, LevelCritical},
	{ImpactReplaceSnapshot, "+/-s", "+/-s", "replace after snapshot", "replaced, old one deleted after a snapshot", LevelHigh, LevelHigh},
	{ImpactDestroySnapshot, "-s", "-s", "delete after snapshot", "deleted after a snapshot", LevelHigh, LevelHigh},
	{ImpactMayReplace, "+/-?", "+/-?", "may be replaced", "may be replaced", LevelMedium, LevelHigh},
	{ImpactReplaceRetain, "+/-r", "+/-r", "replace, old kept", "replaced, old one kept, no longer managed", LevelMedium, LevelMedium},
	{ImpactOrphan, "-r", "-r", "orphan", "kept, no longer managed", LevelMedium, LevelMedium},
	{ImpactSecurityBroadened, "~!", "~!", "permissions widened or unclear", "permissions widened", LevelHigh, LevelHigh},
	{ImpactModify, "~", "~", "update", "updated in place", LevelLow, LevelLow},
	{ImpactImport, "←", "<-", "import", "imported", LevelLow, LevelLow},
	{ImpactAdd, "+", "+", "create", "created", LevelLow, LevelLow},
	{ImpactSync, "=", "=", "drift record reset", "drift record reset only", LevelLow, LevelLow},
	{ImpactTagsOnly, "·", ".", "tags only", "only its tags change", LevelInfo, LevelInfo},
	{ImpactMetadataOnly, "·", ".", "metadata only", "only its metadata changes", LevelInfo, LevelInfo},
}

// Impacts lists every impact, worst first.
func Impacts() []Impact {
	all := make([]Impact, 0, len(impactTable))
	for _, row := range impactTable {
		all = append(all, row.impact)
	}
	return all
}

// row returns the row of an impact; one that is not known to this version reads as unknown.
func (i Impact) row() impactRow {
	return impactTable[i.Rank()]
}

// Known says whether this version of stackgate knows the impact.
func (i Impact) Known() bool { return slices.Contains(Impacts(), i) }

// Rank orders impacts: 0 is the worst. An unknown impact ranks as ImpactUnknown.
func (i Impact) Rank() int {
	unknown := 0
	for rank := range impactTable {
		switch impactTable[rank].impact {
		case i:
			return rank
		case ImpactUnknown:
			unknown = rank
		}
	}
	return unknown
}

// Mark is the sign of the impact, at most 4 columns wide: "+/-" for a replacement that deletes.
func (i Impact) Mark() string { return i.row().mark }

// ASCIIMark is Mark without characters outside ASCII.
func (i Impact) ASCIIMark() string { return i.row().ascii }

// Word names the impact in one to three words, as a label beside the mark.
func (i Impact) Word() string { return i.row().word }

// Sentence says what happens to the resource: "replaced, old one deleted". It has no subject and no full stop.
func (i Impact) Sentence() string { return i.row().sentence }

// Level ranks the impact on a resource of the given statefulness.
func (i Impact) Level(s Statefulness) Level {
	if s.Stateful() {
		return i.row().stateful
	}
	return i.row().level
}

// Uncertain says whether it is decided only while CloudFormation runs, or never, what happens.
func (i Impact) Uncertain() bool {
	row := i.row().impact
	return row == ImpactMayReplace || row == ImpactUnknown
}
