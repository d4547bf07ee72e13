// Package markdown renders a review as GitHub Markdown for a pull request or a job summary, within a number of bytes. It
// posts nothing, and it is not a place to approve from: it links to the review.
package markdown

import (
	"fmt"
	"io"
	"strings"
	"time"

	"stackgate/internal/plan"
	"stackgate/internal/render/hostile"
	"stackgate/internal/render/wording"
)

// Sizes in bytes.
const (
	// DefaultBudget is used where Options.Budget is 0. GitHub refuses comments of more than 65,536 characters.
	DefaultBudget = 60_000
	// MinBudget is the least that holds what is never left out, at its longest.
	MinBudget = 16_000
	// reserve is kept for the sentences that say what was left out, and what is critical where it does not fit.
	reserve = 3_000
)

// Limits on single texts, in characters, so that none of them can crowd out the rest.
const (
	maxTitle    = 120
	maxVerdict  = 400
	maxWarning  = 150
	maxWarnings = 3
	maxFact     = 100
	maxLink     = 1_000
)

// Options say how large and for whom.
type Options struct {
	// Budget is the most bytes to write; 0 means DefaultBudget. A job summary may have 900 KiB.
	Budget int
	// Key makes the sticky marker: "shop/orders/prod". Empty: service and environment, or the stack's name.
	Key string
	// Now is the time to which ages refer; the zero time prints points in time instead.
	Now time.Time
	// Approval says whose approval is needed; empty: not known.
	Approval string
	// Decided replaces the request for approval where there is nothing left to decide: "Approved by a.lee."
	Decided string
	// As is added to the command that approves: " --as NAME" where nobody verifies who approves.
	As string
}

// Marker is the first line of the comment, by which it is found again and updated in place.
func Marker(r plan.Review, o Options) string {
	key := o.Key
	if key == "" && r.Deployment != nil {
		key = r.Deployment.Service + "/" + r.Deployment.Environment
	}
	if key == "" {
		key = r.Target.StackName
	}
	safe := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("/_.", c) {
			return c
		}
		return '-'
	}, cutPlain(key, maxTitle))
	// Two hyphens would end the comment.
	for strings.Contains(safe, "--") {
		safe = strings.ReplaceAll(safe, "--", "-")
	}
	return "<!-- stackgate:" + safe + " -->"
}

func cutPlain(s string, limit int) string { return string([]rune(s)[:min(limit, len([]rune(s)))]) }

// Render writes the review. What does not fit is left out from the end, and counted; critical changes are shown all or,
// where they alone do not fit, counted with a call to open the review. It fails when the budget is less than MinBudget and
// when writing fails.
func Render(w io.Writer, r plan.Review, o Options) error {
	if o.Budget == 0 {
		o.Budget = DefaultBudget
	}
	if o.Budget < MinBudget {
		return fmt.Errorf("render review of %s: a budget of %d bytes is too small, give at least %d", wording.Title(r), o.Budget, MinBudget)
	}
	head, foot := head(r, o), foot(r, o)
	b := &body{room: o.Budget - len(head) - len(foot) - reserve, named: make(map[string]bool)}
	b.review(r)
	if _, err := io.WriteString(w, head+b.out.String()+b.leftOut(r)+foot); err != nil {
		return fmt.Errorf("write review of %s: %w", wording.Title(r), err)
	}
	return nil
}

func head(r plan.Review, o Options) string {
	var out strings.Builder
	out.WriteString(Marker(r, o) + "\n")
	fmt.Fprintf(&out, "### %s: %s\n\n", within(maxTitle, wording.Title(r), prose), within(maxVerdict, wording.Verdict(r), prose))
	reasons := wording.Incomplete(r)
	for i, reason := range reasons {
		if i == maxWarnings {
			fmt.Fprintf(&out, "> **Warning**: %d more warnings, see the review\n\n", len(reasons)-i)
			break
		}
		fmt.Fprintf(&out, "> **Warning**: %s\n\n", within(maxWarning, reason, prose))
	}
	out.WriteString(counts(r))
	return out.String()
}

// counts is the table of REVIEW.md section 3.3: its columns are always there, others where they count something.
func counts(r plan.Review) string {
	n := map[plan.SectionKind]int{}
	for _, section := range r.Sections() {
		n[section.Kind] = len(section.Items)
	}
	always := map[plan.SectionKind]bool{
		plan.SectionCritical: true, plan.SectionSecurity: true, plan.SectionUncertain: true, plan.SectionChanged: true,
		plan.SectionAdded: true, plan.SectionRemoved: true, plan.SectionTags: true,
	}
	titles, rules, numbers := "|", "|", "|"
	for _, kind := range plan.SectionKinds() {
		count, title := n[kind], strings.ToLower(kind.Title())
		if kind == plan.SectionSecurity {
			count, title = max(wording.Widened(r), count), "security"
		}
		if count > 0 || always[kind] {
			titles += " " + title + " |"
			rules += "--:|"
			numbers += fmt.Sprintf(" %d |", count)
		}
	}
	return titles + "\n" + rules + "\n" + numbers + "\n\n"
}

// compared says what the stack was compared with; a recovery compares it with nothing, and says what it calls.
func compared(r plan.Review) string {
	if r.Recovery != nil {
		return wording.Recovery(r)
	}
	return wording.DriftLine(r)
}

func foot(r plan.Review, o Options) string {
	prosed := func(s string) string { return within(maxFact, s, prose) }
	coded := func(s string) string { return within(maxFact, s, code) }
	var out strings.Builder
	fmt.Fprintf(&out, "Stack %s, account %s, region %s; %s.\n\n", coded(r.Target.StackName), coded(wording.Account(r.Target)),
		coded(r.Target.Region), prosed(compared(r)))
	d := r.Deployment
	if d == nil {
		fmt.Fprintf(&out, "Change set %s, content digest %s.\n", coded(r.Target.ChangeSetName), coded(plan.ShortDigest(r.ContentDigest)))
		return out.String()
	}
	facts := []string{"Requested by " + prosed(wording.Requester(*d))}
	if r.Recovery == nil {
		facts = append(facts, prosed(wording.Commit(*d)))
	}
	facts = append(facts, "digest "+coded(plan.ShortDigest(r.Digest)))
	if expiry := wording.Expiry(*d, o.Now, o.Decided); expiry != "" {
		facts = append(facts, expiry)
	}
	if compared := wording.Compared(*d, o.Now); compared != "" {
		facts = append(facts, "compared with "+prosed(compared))
	}
	out.WriteString(strings.Join(facts, ", ") + ".\n")
	if o.Decided != "" {
		out.WriteString("\n" + within(maxVerdict, o.Decided, line) + "\n")
		return out.String()
	}
	if o.Approval != "" {
		out.WriteString("\nNeeds approval: " + prosed(o.Approval) + ".\n")
	}
	var ways []string
	if link := hostile.Link(d.ReviewURL); link != "" && len(link) <= maxLink {
		ways = append(ways, "[Review and approve](<"+link+">)")
	}
	if command := wording.ApproveCommand(r); command != "" && len(command) <= maxLink {
		ways = append(ways, code(command+o.As))
	}
	if len(ways) > 0 {
		out.WriteString("\n" + strings.Join(ways, " or ") + "\n")
	}
	return out.String()
}
