// Package tailtext writes the tail document for people: as text for a terminal, as Markdown for comments and job
// summaries, and as a page. It does not find anything out: what the document does not say is not shown.
package tailtext

import (
	"fmt"
	"strings"
	"time"

	"stackgate/internal/tail"
)

// DefaultWidth is the number of columns that lines keep within where Options give none.
const DefaultWidth = 100

// Options say how a document is shown.
type Options struct {
	// Width is the number of columns to stay within; 0 means DefaultWidth. A command to be copied is never broken.
	Width int
	// Color adds ANSI colours to a terminal's text. Nothing is said by colour alone.
	Color bool
	// ASCII keeps to ASCII, for terminals without UTF-8; other characters are written as escapes.
	ASCII bool
	// Headed leaves out the headline, where it stands above a terminal's text already.
	Headed bool
}

// sign is how a result is marked, beside its word.
type sign struct {
	mark, ascii, word string
	style             style
}

// signOf has a sign for every result; one that this version does not know is shown by its own word, as a failure.
func signOf(result tail.Result) sign {
	switch result {
	case tail.ResultComplete:
		return sign{"✓", "+", "complete", green}
	case tail.ResultFailed:
		return sign{"✗", "x", "failed", red}
	case tail.ResultCancelled:
		return sign{"-", "-", "cancelled", dim}
	case tail.ResultSkipped:
		return sign{"~", "~", "skipped", yellow}
	case tail.ResultInProgress:
		return sign{"…", ">", "in progress", yellow}
	}
	return sign{"?", "?", string(result), red}
}

// signOfStatus marks an event by its status.
func signOfStatus(status string) sign {
	switch {
	case strings.HasSuffix(status, "_FAILED"), strings.HasSuffix(status, "_ERROR"):
		return signOf(tail.ResultFailed)
	case strings.HasSuffix(status, "ROLLBACK_IN_PROGRESS"):
		return sign{"←", "<", "rolling back", yellow}
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		return sign{" ", " ", "in progress", dim}
	case strings.HasSuffix(status, "_SKIPPED"):
		return signOf(tail.ResultSkipped)
	case strings.HasSuffix(status, "_COMPLETE"):
		return signOf(tail.ResultComplete)
	}
	return sign{"?", "?", status, red}
}

// phaseWord names the phases that need a word; going forward is what everybody expects.
func phaseWord(phase tail.Phase) string {
	switch phase {
	case tail.PhaseForward:
		return ""
	case tail.PhaseRollback:
		return "in the rollback"
	case tail.PhaseCleanup:
		return "in the clean-up"
	}
	return string(phase)
}

// leftoverWord says why something was left behind.
func leftoverWord(kind tail.LeftoverKind) string {
	switch kind {
	case tail.LeftoverSkipped:
		return "kept by its deletion policy"
	case tail.LeftoverDeleteFailed:
		return "could not be deleted"
	}
	return string(kind)
}

// begun is when a span started or, where that is not known, ended.
func begun(span tail.Span) time.Time {
	if span.Start.IsZero() {
		return span.End
	}
	return span.Start
}

// moment is a time of day, which is what the rows of one operation differ in.
func moment(at time.Time) string {
	if at.IsZero() {
		return "--:--:--"
	}
	return at.UTC().Format("15:04:05")
}

// lasted is a duration in the two largest units that matter.
func lasted(span tail.Span) string {
	if span.Seconds == nil {
		return ""
	}
	d := time.Duration(*span.Seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// subject names what failed: the path, or the stack where the failure is its own.
func subject(failure tail.Failure, doc tail.Document) string {
	if failure.Path != "" {
		return failure.Path
	}
	return "stack " + doc.StackName
}

// spanNote says what a span was to the failure.
func spanNote(span tail.Span) string {
	switch {
	case span.RootCause:
		return "root cause"
	case span.InProgress:
		return "ran meanwhile"
	}
	return phaseWord(span.Phase)
}

// counted writes a number with its noun in the right number.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// facts are the lines of a failure beyond its first: name and text.
func facts(failure tail.Failure) [][2]string {
	var lines [][2]string
	add := func(name, text string) {
		if text = strings.Join(strings.Fields(text), " "); text != "" {
			lines = append(lines, [2]string{name, text})
		}
	}
	if failure.PhysicalID != failure.StackID {
		add("resource", failure.PhysicalID)
	}
	if !failure.Time.IsZero() {
		add("at", failure.Time.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if failure.ReasonSaysMore() {
		add("reason", failure.Reason)
	}
	add("code", failure.ErrorCode)
	if hook := failure.Hook; hook != nil {
		add("hook", strings.TrimSpace(hook.Type+" "+hook.Status))
		for _, annotation := range hook.Annotations {
			add("rule", strings.TrimSpace(annotation.Name+" "+annotation.Status+" "+annotation.Severity)+": "+annotation.Message)
		}
	}
	for _, validation := range failure.Validations {
		text := validation.Name
		if validation.Path != "" {
			text += " at " + validation.Path
		}
		if validation.Reason != failure.Message {
			text += ": " + validation.Reason
		}
		add("check", text)
	}
	return lines
}
