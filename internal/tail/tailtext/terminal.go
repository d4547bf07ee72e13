package tailtext

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"stackgate/internal/tail"
)

// maxPathColumn is how far paths may push the next column to the right.
const maxPathColumn = 36

// Terminal writes the document as text: the headline, what is known of the cause, what followed, what to do, then the
// timeline and the events. It fails when writing fails.
func Terminal(w io.Writer, doc tail.Document, o Options) error {
	p := newPage(w, o)
	p.headline(doc)
	p.failures("Failed as well", doc.Failures, doc)
	p.failures("Failed while rolling back", doc.RollbackProblems, doc)
	p.leftovers(doc)
	p.list("What to do", doc.Advice, true)
	p.list("Warnings", doc.Warnings, false)
	p.list("Notes", doc.Notes, false)
	p.timeline(doc)
	p.events(doc)
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("write the tail of stack %s: %w", doc.StackName, err)
	}
	return nil
}

func (p *page) headline(doc tail.Document) {
	look, mark := bold, signOf(tail.ResultComplete)
	if doc.RootCause != nil {
		look, mark = alarm, signOf(tail.ResultFailed)
	} else if !succeeded(doc) {
		mark = sign{"?", "?", "unknown", yellow}
	}
	if !p.o.Headed {
		p.wrapped(p.mark(mark)+" ", "  ", look, doc.Headline)
	}
	where := "stack " + doc.StackName
	if doc.ChangeSet != nil && doc.ChangeSet.Name != "" {
		where += ", change set " + doc.ChangeSet.Name
	}
	if doc.Status != "" {
		where += ", " + doc.Status
	}
	if doc.Outcome != "" {
		where += ", " + doc.Outcome
	}
	p.wrapped("  ", "  ", dim, where)
	if doc.RootCause != nil {
		p.facts("  ", *doc.RootCause)
	}
	if doc.Cancelled > 0 {
		p.wrapped("  ", "  ", plain, counted(doc.Cancelled, "other resource was", "other resources were")+" cancelled because of it.")
	}
}

// succeeded says whether the document tells of something that worked, not only of nothing that was found.
func succeeded(doc tail.Document) bool {
	if doc.ChangeSet != nil {
		return doc.ChangeSet.Kind == tail.ChangeSetEmpty
	}
	return strings.HasSuffix(doc.Status, "_COMPLETE") && !strings.Contains(doc.Status, "ROLLBACK")
}

func (p *page) facts(indent string, failure tail.Failure) {
	for _, fact := range facts(failure) {
		p.wrapped(indent+p.style(dim, pad(fact[0], 9)), indent+strings.Repeat(" ", 9), plain, fact[1])
	}
}

func (p *page) title(text string) {
	p.blank()
	p.wrapped("", "", bold, text)
}

func (p *page) failures(title string, failures []tail.Failure, doc tail.Document) {
	if len(failures) == 0 {
		return
	}
	p.title(title)
	for _, failure := range failures {
		text := subject(failure, doc)
		if failure.Type != "" && failure.Path != "" {
			text += " (" + failure.Type + ")"
		}
		text += " " + failure.Summary
		if failure.Message != "" {
			text += ": " + failure.Message
		}
		p.wrapped("  "+p.mark(signOf(tail.ResultFailed))+" ", "    ", plain, text)
		p.facts("    ", failure)
	}
}

func (p *page) leftovers(doc tail.Document) {
	if len(doc.Leftovers) == 0 {
		return
	}
	p.title("Left behind in the account, belonging to no stack")
	for _, left := range doc.Leftovers {
		text := fmt.Sprintf("%s (%s)", left.Path, left.Type)
		if left.PhysicalID != "" {
			text += " " + left.PhysicalID
		}
		text += ": " + leftoverWord(left.Kind)
		if left.Reason != "" {
			text += ": " + left.Reason
		}
		p.wrapped("  "+p.mark(signOf(tail.ResultSkipped))+" ", "    ", plain, text)
	}
}

func (p *page) list(title string, lines []string, numbered bool) {
	if len(lines) == 0 {
		return
	}
	p.title(title)
	for i, line := range lines {
		first := "  - "
		if numbered {
			first = fmt.Sprintf("%3d. ", i+1)
		}
		p.wrapped(first, strings.Repeat(" ", len(first)), plain, line)
	}
}

func (p *page) timeline(doc tail.Document) {
	if len(doc.Timeline) == 0 {
		return
	}
	p.title("Timeline")
	pathColumn := 0
	for _, span := range doc.Timeline {
		pathColumn = min(maxPathColumn, max(pathColumn, ansi.StringWidth(p.safe(span.Path))))
	}
	for _, span := range doc.Timeline {
		s := signOf(span.Result)
		line := "  " + p.mark(s) + " " + moment(begun(span)) + " " + fmt.Sprintf("%7s", lasted(span)) + "  " +
			pad(p.cut(p.safe(span.Path), pathColumn), pathColumn) + "  " + p.safe(span.Action) + " " + p.style(s.style, p.safe(s.word))
		if note := spanNote(span); note != "" {
			line += ", " + p.safe(note)
		}
		// The type comes last, so that a narrow terminal loses it first.
		p.raw(p.cut(line+"  "+p.style(dim, p.safe(span.Type)), p.width))
	}
}

func (p *page) events(doc tail.Document) {
	if len(doc.Events) == 0 {
		return
	}
	title := "Events"
	if len(doc.Events) < doc.EventCount {
		title = fmt.Sprintf("Events, the %d most telling of %d", len(doc.Events), doc.EventCount)
	}
	p.title(title)
	pathColumn := 0
	for _, entry := range doc.Events {
		pathColumn = min(maxPathColumn, max(pathColumn, ansi.StringWidth(p.safe(entryPath(entry, doc)))))
	}
	for _, entry := range doc.Events {
		s := signOfStatus(entry.Status)
		head := "  " + p.mark(s) + " " + moment(entry.Time) + "  " + pad(p.cut(p.safe(entryPath(entry, doc)), pathColumn), pathColumn) + "  " +
			p.style(s.style, p.safe(entry.Status))
		if entry.Reason == "" {
			p.raw(p.cut(head, p.width))
			continue
		}
		reason := p.safe(entry.Reason)
		if ansi.StringWidth(head)+2+ansi.StringWidth(reason) <= p.width {
			p.raw(head + "  " + reason)
			continue
		}
		p.raw(p.cut(head, p.width))
		p.wrapped("               ", "               ", plain, entry.Reason)
	}
}

// entryPath names the resource of an event, or the stack where it is about the stack itself.
func entryPath(entry tail.Entry, doc tail.Document) string {
	if entry.Path == "" {
		return doc.StackName
	}
	return entry.Path
}
