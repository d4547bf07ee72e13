package wording

import (
	"fmt"
	"strings"
	"time"

	"stackgate/internal/plan"
)

// Tally counts the items by what happens to them, the worst first: "1 to replace (deletes data)", "0 to remove". It is
// counted from the items, so that it cannot disagree with what is shown.
func Tally(r plan.Review) []string {
	n := make(map[plan.Impact]int)
	deletesData, removesData := false, false
	for _, item := range r.Items {
		impact := item.Impact
		if !impact.Known() {
			impact = plan.ImpactUnknown
		}
		// A resource that is created or imported with wide permissions has that as its impact, and is still created.
		if impact == plan.ImpactSecurityBroadened || impact == plan.ImpactProtectionLoss {
			switch item.Action {
			case "Add":
				impact = plan.ImpactAdd
			case "Import":
				impact = plan.ImpactImport
			}
		}
		n[impact]++
		removesData = removesData || impact == plan.ImpactDestroy && item.Stateful == plan.StatefulData
		deletesData = deletesData || impact == plan.ImpactReplaceDelete && item.Stateful == plan.StatefulData
	}
	replace := "to replace"
	if deletesData {
		replace += " (deletes data)"
	}
	remove := "to remove"
	if removesData {
		remove += " (deletes data)"
	}
	rows := []struct {
		count  int
		words  string
		always bool
	}{
		{n[plan.ImpactUnknown], "that cannot be determined", false},
		{n[plan.ImpactReplaceDelete] + n[plan.ImpactReplaceSnapshot] + n[plan.ImpactReplaceRetain], replace, true},
		{n[plan.ImpactMayReplace], "may be replaced", false},
		{n[plan.ImpactAdd], "to add", true},
		{n[plan.ImpactModify] + n[plan.ImpactProtectionLoss] + n[plan.ImpactSecurityBroadened], "to change", true},
		{n[plan.ImpactDestroy] + n[plan.ImpactDestroySnapshot], remove, true},
		{n[plan.ImpactOrphan], "to leave behind unmanaged", false},
		{n[plan.ImpactImport], "to import", false},
		{n[plan.ImpactSync], "drift record reset", false},
		{n[plan.ImpactTagsOnly], "tags only", false},
		{n[plan.ImpactMetadataOnly], "metadata only", false},
	}
	var parts []string
	for _, row := range rows {
		if row.count > 0 || row.always {
			parts = append(parts, fmt.Sprintf("%d %s", row.count, row.words))
		}
	}
	if !r.Completeness.Whole() {
		parts[0] = "In what is shown: " + parts[0]
	}
	if found := Found(r); found != "" {
		parts = append(parts, "permissions or exposure: "+found)
	}
	return parts
}

// Widened counts the security findings that let somebody do or reach more, and those of which that is unclear.
func Widened(r plan.Review) int {
	n := 0
	for _, finding := range r.Security {
		if finding.Direction != plan.DirectionNarrowed {
			n++
		}
	}
	return n
}

// Found counts the same by what is known of them: "2 widened, 1 unclear"; empty where there are none.
func Found(r plan.Review) string {
	unclear := 0
	for _, finding := range r.Security {
		if finding.Direction != plan.DirectionNarrowed && finding.Direction != plan.DirectionWidened {
			unclear++
		}
	}
	var parts []string
	if n := Widened(r) - unclear; n > 0 {
		parts = append(parts, fmt.Sprintf("%d widened", n))
	}
	if unclear > 0 {
		parts = append(parts, fmt.Sprintf("%d unclear", unclear))
	}
	return strings.Join(parts, ", ")
}

// NothingWidened stands where Found has nothing to say. Of what is missing it says nothing.
func NothingWidened(r plan.Review) string {
	if !r.Completeness.Whole() {
		return "nothing found to widen in what is shown"
	}
	return "nothing found to widen"
}

// Shown says of how many of the reported changes something is true: "431 of 431 changes shown, 2 nested stacks included".
func Shown(r plan.Review, n int, what string) string {
	text := fmt.Sprintf("%d of %s %s", n, Count(r.Completeness.Reported, "change"), what)
	if nested := r.Completeness.NestedChangeSets; nested > 0 {
		text += ", " + Count(nested, "nested stack") + " included"
	}
	return text
}

// Incomplete says why the review does not show everything, or not everything that it shows is understood; empty where all
// is well.
func Incomplete(r plan.Review) []string {
	var reasons []string
	c := r.Completeness
	if c.Partial {
		reasons = append(reasons, "PARTIAL: pages or nested change sets are missing. There may be changes that nobody saw.")
	}
	if c.Reported != c.Shown || c.Shown != len(r.Items) {
		reasons = append(reasons, fmt.Sprintf("INCOMPLETE: CloudFormation reported %s, the review holds %d.",
			Count(c.Reported, "change"), len(r.Items)))
	}
	if c.Unknown > 0 {
		reasons = append(reasons, fmt.Sprintf("UNKNOWN: %s with a word that this version of stackgate does not know; ranked as destructive.",
			Count(c.Unknown, "change")))
	}
	return append(reasons, c.Warnings...)
}

// Verdict is the review's own verdict, or one made from its items where it has none.
func Verdict(r plan.Review) string {
	if r.Verdict != "" {
		return r.Verdict
	}
	return plan.Verdict(r.Items, r.Security, r.Completeness)
}

// DriftLine says whether the live resources were looked at, and what was found.
func DriftLine(r plan.Review) string {
	switch {
	case !r.Drift.Checked && r.Drift.Status == "":
		return "drift: not checked"
	case !r.Drift.Checked:
		return "drift: not checked by this change set, last known status " + r.Drift.Status
	}
	text := "drift: " + Count(len(r.Drift.Overwrites), "resource") + " changed by hand would be overwritten"
	if len(r.Drift.Overwrites) == 0 {
		text = "drift: checked, nothing overwritten"
	}
	if n := len(r.Drift.Unsupported); n > 0 {
		text += fmt.Sprintf(", %d could not be compared", n)
	}
	return text
}

// DriftRow is one value that was changed by hand and would be overwritten.
type DriftRow struct {
	Path, Property, Live, LastDeployed, New string
}

// DriftRows lists what the deployment overwrites; an item whose properties do not tell is a row with its path alone.
func DriftRows(r plan.Review) []DriftRow {
	items := make(map[string]plan.Item, len(r.Items))
	for _, item := range r.Items {
		items[item.Path] = item
	}
	var rows []DriftRow
	for _, path := range r.Drift.Overwrites {
		found := false
		for _, p := range items[path].Properties {
			if p.Drift == nil {
				continue
			}
			found = true
			rows = append(rows, DriftRow{
				Path: path, Property: PropertyName(p), Live: DriftText(p, p.Drift.Live),
				LastDeployed: DriftText(p, p.Drift.LastDeployed), New: p.AfterText(),
			})
		}
		if !found {
			rows = append(rows, DriftRow{Path: path})
		}
	}
	return rows
}

// Security is one finding in words: what holds afterwards, and what held.
func Security(f plan.SecurityFinding) Values {
	v := Values{Old: plan.Later(f.Before), New: plan.Later(f.After)}
	switch {
	case f.After == "" && f.Before == "":
		v.New = plan.Later(f.Summary)
	case f.After == "":
		v.New = "removed"
	case f.Kind == plan.SecurityPublicAccess, f.Kind == plan.SecurityEncryption:
		// The value of a setting says little by itself: "NONE".
		v.New = plan.Later(f.Summary)
		if !strings.Contains(strings.ToLower(f.Summary), strings.ToLower(f.After)) {
			v.New += " (" + plan.Later(f.After) + ")"
		}
	}
	return v
}

// SecurityNote says of a finding whose direction is not clear why that is so; empty for the others, whose values tell.
func SecurityNote(f plan.SecurityFinding) string {
	switch {
	case f.Direction == plan.DirectionWidened || f.Direction == plan.DirectionNarrowed, strings.HasPrefix(Security(f).New, plan.Later(f.Summary)):
		return ""
	}
	// The sentence begins with the values that stand beside it.
	for _, verb := range []string{"allows ", "denies "} {
		note, found := strings.CutPrefix(f.Summary, verb+f.After)
		if !found || f.After == "" {
			continue
		}
		if f.Before != "" {
			note, found = strings.CutPrefix(note, ", was "+f.Before)
		}
		if note, separated := strings.CutPrefix(note, "; "); found && separated {
			return plan.Later(note)
		}
	}
	return plan.Later(f.Summary)
}

// Place names where a finding or an unpinned input is; one without a path belongs to the stack itself.
func Place(path string) string {
	if path == "" {
		return "(stack)"
	}
	return path
}

// Parameter is a stack parameter before and after.
func Parameter(p plan.Parameter) Values {
	if p.Sensitive {
		return Values{New: "(" + p.Supply.Sentence() + ")"}
	}
	values := stackValues(p.Change, p.Before, p.After)
	if p.Resolved != "" {
		values.New += " (resolved to " + quote(p.Resolved) + ")"
	}
	return values
}

// Tag is a stack tag before and after.
func Tag(t plan.Tag) Values { return stackValues(t.Change, t.Before, t.After) }

// Setting is a stack setting before and after.
func Setting(s plan.Setting) Values { return stackValues(s.Change, s.Before, s.After) }

func stackValues(change plan.Change, before, after *string) Values {
	if change == plan.ChangeUnknown && before == nil && after != nil {
		return Values{New: quote(*after)}
	}
	p := plan.Property{Change: change, Before: before, After: after, Encoding: plan.EncodingString}
	return PropertyValues(plan.Item{Action: "Add"}, p)
}

func quote(s string) string {
	return plan.Property{Change: plan.ChangeModify, Before: &s, Encoding: plan.EncodingString}.BeforeText()
}

// Day is how a point in time is written where no clock is at hand.
const Day = "2006-01-02 15:04 UTC"

// Moment writes a point in time, without its day where that is the day of now.
func Moment(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if !now.IsZero() && at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return at.Format("15:04 UTC")
	}
	return at.Format(Day)
}

// Description is what the change set says of itself; empty where it only repeats what the header has.
func Description(r plan.Review) string {
	if d := r.Deployment; d != nil && strings.HasPrefix(r.Target.Description, "stackgate deployment "+d.ID) {
		return ""
	}
	return r.Target.Description
}

// Expiry says how long the change set can still be approved. Without a clock, the zero time, it says until when. It is
// empty where it has been decided already.
func Expiry(d plan.Deployment, now time.Time, decided string) string {
	switch {
	case d.ExpiresAt.IsZero(), decided != "":
		return ""
	case now.IsZero():
		return "expires " + d.ExpiresAt.UTC().Format(Day)
	case !now.Before(d.ExpiresAt):
		return "EXPIRED " + Age(now.Sub(d.ExpiresAt)) + " ago"
	}
	return "expires in " + Age(d.ExpiresAt.Sub(now))
}

// Age writes a duration as people do, in its two largest units: "23h58m", "3 days".
func Age(d time.Duration) string {
	d = d.Truncate(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return Count(int(d.Hours()/24), "day")
}

// Requester says who asked, and whether anybody checked that.
func Requester(d plan.Deployment) string {
	text := d.RequestedBy
	if text == "" {
		text = "unknown requester"
	}
	if !d.RequesterVerified {
		text += " (identity not verified)"
	}
	if d.CIRun != "" {
		text += " via " + d.CIRun
	}
	return text
}

// Commit says which commit the template comes from.
func Commit(d plan.Deployment) string {
	if d.Commit == "" {
		return "commit not known"
	}
	text := "commit " + ShortCommit(d.Commit)
	if d.CommitSubject != "" {
		text += " " + quote(d.CommitSubject)
	}
	if d.Dirty {
		return text + ", WITH UNCOMMITTED CHANGES"
	}
	return text + ", clean"
}

// ShortCommit shortens a full hash to the seven digits that git shows; anything else is left alone.
func ShortCommit(commit string) string {
	if len(commit) == 40 {
		return commit[:7]
	}
	return commit
}

// Compared says what was deployed before; empty where nothing was.
func Compared(d plan.Deployment, now time.Time) string {
	if d.Previous == nil {
		return ""
	}
	text := d.Previous.ID
	switch {
	case d.Previous.At.IsZero():
	case now.IsZero():
		text += ", " + d.Previous.At.UTC().Format(Day)
	default:
		text += ", " + Age(now.Sub(d.Previous.At)) + " ago"
	}
	if d.Previous.Commit != "" {
		text += ", " + ShortCommit(d.Previous.Commit)
	}
	return text
}

// Recovery says which call leads the stack from where to where; empty for the review of a change set.
func Recovery(r plan.Review) string {
	if r.Recovery == nil {
		return ""
	}
	return r.Recovery.Operation + ", from " + r.Recovery.Status + " to " + r.Recovery.Reaches
}

// Account names the account with its alias, where it has one.
func Account(t plan.Target) string {
	text := t.Account
	if text == "" {
		text = "not known"
	}
	if t.AccountAlias != "" {
		text += " (" + t.AccountAlias + ")"
	}
	return text
}

// Title names what is deployed where: "orders -> prod", or the stack where the review is that of a file.
func Title(r plan.Review) string {
	if r.Deployment != nil && r.Recovery != nil {
		return "recover " + r.Deployment.Service + " -> " + r.Deployment.Environment
	}
	if r.Deployment != nil {
		return r.Deployment.Service + " -> " + r.Deployment.Environment
	}
	if r.Target.StackName != "" {
		return r.Target.StackName
	}
	return "(stack not named)"
}

// ApproveCommand is the command that approves exactly this review; empty where there is nothing to approve: the review of
// a file, and one that is partial. What is no id or no digest makes no command, as people paste it into a shell.
func ApproveCommand(r plan.Review) string {
	if r.Deployment == nil || r.Completeness.Partial || !plainWord(r.Deployment.ID) || !plainWord(plan.ShortDigest(r.Digest)) {
		return ""
	}
	command := "stackgate approve " + r.Deployment.ID + " --digest " + plan.ShortDigest(r.Digest)
	for i, ack := range r.Acknowledgements() {
		if i == 0 {
			command += " --ack "
		} else {
			command += ","
		}
		command += fmt.Sprint(ack)
	}
	return command
}

func plainWord(s string) bool {
	return s != "" && !strings.HasPrefix(s, "-") && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:", r)
	})
}
