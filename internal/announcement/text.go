package announcement

import (
	"fmt"
	"strings"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/render/hostile"
)

// maxSaid bounds what is taken over of a text that people or CloudFormation wrote. A message has 256 KB, a reader less.
const maxSaid = 500

// defused are the characters by which chat programs that show announcements take text for mentions and links: @here,
// <!channel>, <https://…|something else>.
var defused = strings.NewReplacer("@", "@\u200b", "<", "‹", ">", "›")

// said makes text that somebody else wrote harmless.
func said(text string) string {
	// Bounded before, so that a text of megabytes is not looked through, and whole characters only.
	if runes := []rune(text); len(runes) > maxSaid {
		text = string(runes[:maxSaid]) + " …"
	}
	return defused.Replace(hostile.Visible(text))
}

// maxSubject is how many characters SNS takes for a subject: ASCII, no control characters (API Publish, Subject).
const maxSubject = 100

// subject is the announcement in a line.
func subject(m Message) string {
	line := fmt.Sprintf("%s %s %s", m.Service, m.Environment, headline(m))
	line = hostile.ASCII(strings.ReplaceAll(line, "@\u200b", "(at)"))
	if len(line) > maxSubject {
		line = line[:maxSubject-3] + "..."
	}
	return line
}

func headline(m Message) string {
	switch m.Kind {
	case ApprovalRequested:
		return "waits for approval: " + verdict(m)
	case DecisionRecorded:
		return fmt.Sprintf("%s by %s (%d of %d)", past(m.Decision.Verdict), m.Decision.By, m.Decision.Given, m.Decision.Needed)
	case DeploymentEnded:
		return "ended: " + string(m.End.Outcome)
	}
	return string(m.Kind)
}

func past(v approval.Verdict) string {
	switch v {
	case approval.Approve:
		return "approved"
	case approval.Reject:
		return "rejected"
	}
	return string(v)
}

func verdict(m Message) string {
	if m.Review == nil {
		return "its review has no verdict"
	}
	return m.Review.Verdict
}

// text is the announcement as a mail says it.
func text(m Message) string {
	var out strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&out, "%-14s%s\n", name+":", value)
		}
	}
	fmt.Fprintf(&out, "%s in %s %s.\n\n", m.Service, m.Environment, headline(m))
	line("Stack", fmt.Sprintf("%s (account %s, %s)", m.StackName, m.Account, m.Region))
	line("Requested by", m.RequestedBy)
	line("Reason", m.Reason)
	line("Commit", m.Commit)
	if r := m.Review; r != nil {
		line("Review", fmt.Sprintf("%s (level %s, %d changes)", r.Verdict, r.Level, r.Changes))
		if m.Kind == ApprovalRequested && !r.ExpiresAt.IsZero() {
			line("Expires", r.ExpiresAt.UTC().Format(time.RFC3339))
		}
	}
	if d := m.Decision; d != nil {
		line("Comment", d.Comment)
	}
	if e := m.End; e != nil {
		line("Cause", e.Cause)
		if e.Leftovers > 0 {
			line("Left behind", fmt.Sprint(e.Leftovers))
		}
		line("What now", e.Sentence)
	}
	line("Deployment", m.DeploymentID.String())
	line("Correlation", m.CorrelationID)
	fmt.Fprintf(&out, "\nLook at it with: %s\n", m.Command)
	return out.String()
}
