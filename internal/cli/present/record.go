package present

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
	"stackgate/internal/store"
	"stackgate/internal/web/wire"
)

// Wrap breaks text at spaces to stay within the columns. The first line is indented by first, the others by rest.
func Wrap(text string, first, rest, columns int) string {
	lines := strings.Split(ansi.Wordwrap(text, max(columns-max(first, rest), 20), " "), "\n")
	for i := range lines {
		spaces := first
		if i > 0 {
			spaces = rest
		}
		lines[i] = strings.Repeat(" ", spaces) + strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Status is the JSON form of a deployment: its record, and the decisions upon it.
type Status = wire.Deployment

// Record writes how a deployment stands.
func Record(a *app.App, w io.Writer, r store.Record, decisions []approval.Decision) error {
	p := a.Pen()
	var out strings.Builder
	fact := func(label string, parts ...string) {
		var texts []string
		for _, part := range parts {
			if part != "" {
				texts = append(texts, p.Clean(part))
			}
		}
		if len(texts) > 0 {
			out.WriteString(Wrap(p.Dim(fmt.Sprintf("%-10s", label))+strings.Join(texts, "   "), 2, 12, a.Columns()) + "\n")
		}
	}
	fmt.Fprintf(&out, "%s  %s\n", p.Bold(p.Clean(title(r))), StageWord(p, r))
	fact("id", r.ID.String())
	fact("stack", r.StackName, "account "+r.Account, r.Region, r.StackStatus)
	fact("request", Requester(r)+Unverified(r.Verified), prefixed("commit ", wording.ShortCommit(r.Commit)), moment(r.Times.Requested))
	fact("reason", r.Reason)
	if r.Review.Digest != "" {
		fact("review", wording.Count(r.Review.Changes, "change"), "level "+r.Review.Level, "digest "+plan.ShortDigest(r.Review.Digest))
		fact("says", r.Review.Verdict)
	}
	for _, d := range decisions {
		fact("decision", Verdict(d), moment(d.At))
	}
	if r.CancelledBy != "" {
		fact("cancelled", "by "+r.CancelledBy, r.CancelReason)
	}
	fact("took", took(r))
	for _, leftover := range r.Leftovers {
		fact("left", leftover)
	}
	if r.Stage == deployment.StageFinished {
		out.WriteString("\n")
		Ending(&out, a, r)
	} else {
		fact("next", next(r, decisions))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func title(r store.Record) string {
	text := r.Service + " -> " + r.Environment
	if r.Intent == deployment.IntentRecover {
		text = "recover " + text
	}
	return text
}

// Ending writes how a deployment ended, and what to do.
func Ending(w io.Writer, a *app.App, r store.Record) {
	p := a.Pen()
	style := p.Green
	switch {
	case r.Outcome.Failed():
		style = p.Red
	case r.Outcome == deployment.OutcomeDeployed, r.Outcome == deployment.OutcomeNoChange, r.Outcome == deployment.OutcomePlanned,
		r.Outcome == deployment.OutcomeRecovered:
	default:
		style = p.Yellow
	}
	line := func(first int, text string) { fmt.Fprintln(w, Wrap(text, first, 2, a.Columns())) }
	if cause := cmp.Or(r.Cause, r.Tail.RootCause); r.Outcome.Failed() && cause != "" {
		// What is known to every deployment of this outcome comes second.
		line(0, style(string(r.Outcome))+"  "+p.Clean(cause))
		line(2, r.Sentence())
	} else if line(0, style(string(r.Outcome))+"  "+r.Sentence()); r.Cause != "" && r.Cause != r.Sentence() {
		line(2, "Cause: "+p.Clean(r.Cause))
	}
	if r.Outcome == deployment.OutcomeRecovered && len(r.Recovery.Skip) > 0 {
		line(2, "Skipped: "+p.Clean(strings.Join(r.Recovery.Skip, ", "))+"; bring them in line with the template before the next update.")
	}
	for _, step := range r.Tail.Advice {
		line(2, "Next: "+p.Clean(step))
	}
	if r.Tail.Document != "" {
		line(2, "Details: "+p.Cyan("stackgate tail "+r.ID.Short()))
	}
}

// StageWord says how far a deployment has come, or how it ended.
func StageWord(p app.Pen, r store.Record) string {
	switch {
	case r.Stage != deployment.StageFinished:
		return p.Yellow(p.Clean(string(r.Stage)))
	case r.Outcome.Failed():
		return p.Red(p.Clean(string(r.Outcome)))
	case r.Outcome == deployment.OutcomeDeployed, r.Outcome == deployment.OutcomeRecovered:
		return p.Green(string(r.Outcome))
	}
	return p.Clean(string(r.Outcome))
}

func next(r store.Record, decisions []approval.Decision) string {
	if r.Stage == deployment.StageAwaiting {
		review := r.ReviewToDecide()
		return "waits for " + r.Policy.Remaining(review, approval.Count(r.Policy, review, decisions)) + ": stackgate review " + r.ID.Short()
	}
	return "stackgate watch " + r.ID.Short()
}

// Requester names who asked for a deployment, and for whom.
func Requester(r store.Record) string { return r.RequestedBy + onBehalf(r.OnBehalfOf) }

func onBehalf(people []string) string { return prefixed(" on behalf of ", strings.Join(people, ", ")) }

func took(r store.Record) string {
	if r.Times.Finished.IsZero() {
		return ""
	}
	text := wording.Age(r.Times.Finished.Sub(r.Times.Requested))
	if !r.Times.Executed.IsZero() {
		text += ", execution " + wording.Age(r.Times.Finished.Sub(r.Times.Executed))
	}
	return text
}

// Unverified marks a name that nobody has verified.
func Unverified(verified bool) string {
	if verified {
		return ""
	}
	return " (identity not verified)"
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
