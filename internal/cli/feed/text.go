package feed

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"stackgate/internal/cli/app"
	"stackgate/internal/plan"
	"stackgate/internal/store"
	"stackgate/internal/stream"
	"stackgate/internal/tail"
)

// Text writes one line an event, with the time since the first.
type Text struct {
	W   io.Writer
	Pen app.Pen
	// Columns is the width that lines stay within; 0 means any.
	Columns int
	// Verbose also shows the states of the flow.
	Verbose bool
	// Skip leaves out types that the caller shows otherwise.
	Skip []stream.Type

	start time.Time
}

// Print writes one event.
func (t *Text) Print(e store.JournalEvent) error {
	if t.start.IsZero() {
		t.start = e.Time
	}
	kind := stream.Type(e.Type)
	if slices.Contains(t.Skip, kind) || (LevelOf(e) == Debug && !t.Verbose) {
		return nil
	}
	label, style, text := t.words(e)
	line := fmt.Sprintf("%s  %s  %s", t.Pen.Dim(since(e.Time.Sub(t.start))), style(fmt.Sprintf("%-9s", label)), text)
	// What went wrong, and what was asked for, is shown whole.
	whole := LevelOf(e) == Failure || kind == stream.Result || kind == stream.Outputs || kind == stream.ApprovalRecorded
	if t.Columns > 0 && !whole {
		line = ansi.Truncate(line, t.Columns, "…")
		if t.Pen.ASCII {
			line = strings.ReplaceAll(line, "…", ">")
		}
	}
	_, err := fmt.Fprintln(t.W, strings.TrimRight(line, " "))
	return err
}

// since writes a duration in a column of its own: "+0:04", "+1:02:03".
func since(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	text := fmt.Sprintf("+%d:%02d", s/60, s%60)
	if s >= 3600 {
		text = fmt.Sprintf("+%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%7s", text)
}

func (t *Text) words(e store.JournalEvent) (label string, style func(string) string, text string) {
	pen := t.Pen
	clean := func(format string, args ...any) string { return pen.Clean(fmt.Sprintf(format, args...)) }
	switch stream.Type(e.Type) {
	case stream.Version:
		return "version", pen.Dim, clean("%s", string(e.Body))
	case stream.StateEntered:
		return "state", pen.Dim, pen.Dim(clean("%s", decode[stream.State](e).State))
	case stream.PlanStarted:
		b := decode[stream.Plan](e)
		return choose(b.Intent == "recover", "recover", "plan"), pen.Bold, clean("%s to %s: stack %s in %s %s", b.Service, b.Environment, b.StackName, b.Account, b.Region)
	case stream.Queued:
		return "queued", pen.Yellow, clean("%s holds stack %s; waiting for it", decode[stream.Queue](e).HeldBy, decode[stream.Queue](e).StackName)
	case stream.ChangeSetStatus:
		return "changes", pen.Bold, changeSet(decode[stream.ChangeSet](e))
	case stream.PlannedChange:
		return t.change(decode[stream.Change](e))
	case stream.ChangeSummary:
		b := decode[stream.Summary](e)
		return "review", pen.Bold, clean("%d of %d changes shown, level %s, digest %s: %s", b.Shown, b.Reported, b.Level, plan.ShortDigest(b.Digest), b.Verdict)
	case stream.ApprovalRequested:
		b := decode[stream.Approval](e)
		return "approval", pen.Yellow, clean("waits for %s of digest %s%s", people(b.Needed), plan.ShortDigest(b.Digest), until(b.ExpiresAt))
	case stream.ApprovalRecorded:
		b := decode[stream.Decision](e)
		if b.Verdict == "approve" {
			return "approved", pen.Green, clean("by %s, %d of %d%s", b.By, b.Given, b.Needed, after(": ", b.Comment))
		}
		return "rejected", pen.Red, clean("by %s%s", b.By, after(": ", b.Comment))
	case stream.ExecutionStarted:
		if call := decode[stream.Execution](e).Recovery; call != "" {
			return "recover", pen.Bold, clean("CloudFormation is asked to %s", call)
		}
		return "execute", pen.Bold, "the change set is executed"
	case stream.ResourceProgress:
		return t.resource(e, "working", pen.Dim)
	case stream.ResourceComplete:
		return t.resource(e, "done", pen.Green)
	case stream.ResourceFailed:
		return t.resource(e, "FAILED", pen.Red)
	case stream.RollbackStarted:
		return t.resource(e, "rollback", pen.Yellow)
	case stream.Outputs:
		b := decode[map[string]string](e)
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(b)) {
			parts = append(parts, clean("%s = %s", name, b[name]))
		}
		// One line on paper, and one an output on a screen.
		separator := "  "
		if t.Columns > 0 {
			separator = "\n" + strings.Repeat(" ", textColumn)
		}
		return "outputs", pen.Bold, strings.Join(parts, separator)
	case stream.Result:
		b := decode[stream.Ended](e)
		style := pen.Green
		if b.Failed {
			style = pen.Red
		}
		return "result", style, style(pen.Clean(b.Outcome)) + clean(": %s", either(b.Cause, b.Sentence))
	case stream.Error, stream.Heartbeat:
		return e.Type, pen.Yellow, clean("%s", string(e.Body))
	}
	return e.Type, pen.Yellow, clean("%s", string(e.Body))
}

func changeSet(b stream.ChangeSet) string {
	switch b.State {
	case "pending":
		return "a change set is made, to " + strings.ToLower(b.Type) + " the stack"
	case "ready":
		return "the change set is ready"
	case "empty":
		return "there is nothing to change"
	}
	return "change set " + b.State
}

func (t *Text) change(b stream.Change) (label string, style func(string) string, text string) {
	style = t.Pen.Dim
	switch plan.Level(b.Level) {
	case plan.LevelCritical, plan.LevelHigh:
		style = t.Pen.Red
	case plan.LevelMedium:
		style = t.Pen.Yellow
	case plan.LevelLow, plan.LevelInfo:
	}
	mark := plan.Impact(b.Impact).Mark()
	if t.Pen.ASCII {
		mark = plan.Impact(b.Impact).ASCIIMark()
	}
	text = fmt.Sprintf("%-4s %s  %s  %s", mark, t.Pen.Clean(b.Path), t.Pen.Dim(t.Pen.Clean(b.ResourceType)), t.Pen.Clean(plan.Impact(b.Impact).Word()))
	if b.Ack > 0 {
		text += t.Pen.Red(fmt.Sprintf("  critical, acknowledge as %d", b.Ack))
	}
	return "change", style, text
}

// textColumn is where texts begin, behind time and label.
const textColumn = 7 + 2 + 9 + 2

// statusWidth is that of UPDATE_ROLLBACK_COMPLETE, beyond which only clean-ups reach.
const statusWidth = 24

func (t *Text) resource(e store.JournalEvent, label string, style func(string) string) (string, func(string) string, string) {
	b := decode[stream.Resource](e)
	text := style(fmt.Sprintf("%-*s", statusWidth, t.Pen.Clean(b.Status))) + "  " + t.Pen.Clean(b.Path) + "  " + t.Pen.Dim(t.Pen.Clean(b.ResourceType))
	if b.Reason != "" {
		// Request ids and the handler's preamble are in the tail; here they would push the message off the line.
		reason := t.Pen.Clean(tail.Plain(b.Reason))
		if label == "working" || label == "done" {
			reason = t.Pen.Dim(reason)
		}
		text += "  " + reason
	}
	return label, style, text
}

func choose(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func people(n int) string {
	if n == 1 {
		return "1 approval"
	}
	return fmt.Sprintf("%d approvals", n)
}

func until(expires string) string {
	at, err := time.Parse(time.RFC3339, expires)
	if err != nil || at.IsZero() {
		return ""
	}
	return ", until " + at.UTC().Format("2006-01-02 15:04 UTC")
}

func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// Progress prints to standard error for people, and nothing with --quiet.
func Progress(a *app.App, skip ...stream.Type) Printer {
	if a.Flags.Quiet {
		return silent{}
	}
	return &Text{W: a.Stderr, Pen: app.Pen{Color: a.ColorStderr(), ASCII: a.ASCII()}, Columns: a.Width, Verbose: a.Flags.Verbose, Skip: skip}
}

type silent struct{}

func (silent) Print(store.JournalEvent) error { return nil }
