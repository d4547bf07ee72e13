package tailtext

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"stackgate/internal/render/hostile"
	"stackgate/internal/tail"
)

// MaxMarkdown is the size in bytes beyond which the events are left out: a comment on GitHub takes 65,536 characters.
const MaxMarkdown = 60000

// maxDetailed is how many further failures are shown with all that is known of them.
const maxDetailed = 5

// Markdown writes the document for pull-request comments and job summaries, GitHub's dialect. Everything from outside
// stands in code, where it can neither become markup nor call people. Color has no meaning here.
func Markdown(w io.Writer, doc tail.Document, o Options) error {
	m := &sheet{o: o}
	m.headline(doc)
	m.failures("Failed as well", doc.Failures, doc)
	m.failures("Failed while rolling back", doc.RollbackProblems, doc)
	m.leftovers(doc)
	m.list("What to do", doc.Advice, "1.")
	m.list("Warnings", doc.Warnings, "-")
	m.list("Notes", doc.Notes, "-")
	m.details(doc)
	if _, err := w.Write(m.out.Bytes()); err != nil {
		return fmt.Errorf("write the tail of stack %s: %w", doc.StackName, err)
	}
	return nil
}

// sheet collects Markdown. A buffer cannot fail, so that writing fails once, at the end.
type sheet struct {
	out bytes.Buffer
	o   Options
}

func (m *sheet) line(parts ...string) { m.out.WriteString(strings.Join(parts, "") + "\n") }

func (m *sheet) safe(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if m.o.ASCII {
		return hostile.ASCII(text)
	}
	return hostile.Visible(text)
}

// code writes text as a code span, within a fence longer than any run of backticks in it.
func (m *sheet) code(text string) string {
	text = m.safe(text)
	if text == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

// prose writes a sentence of ours that holds names from outside: commands stay code, and every word that could be markup,
// a mention or a link becomes code.
func (m *sheet) prose(text string) string {
	var out []string
	for _, word := range words(m.safe(text)) {
		open := strings.IndexByte(word, '`')
		if open >= 0 && strings.Count(word, "`") == 2 {
			end := strings.LastIndexByte(word, '`')
			after := m.word(word[end+1:])
			if strings.HasPrefix(after, "`") {
				// Two runs of backticks in a row would become one.
				after = " " + after
			}
			before := m.word(word[:open])
			if strings.HasSuffix(before, "`") {
				before += " "
			}
			out = append(out, before+m.code(word[open+1:end])+after)
			continue
		}
		out = append(out, m.word(word))
	}
	return strings.Join(out, " ")
}

// harmless are the characters that mean nothing to Markdown wherever they stand in a word.
const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,;'\"/%?()"

func (m *sheet) word(word string) string {
	end := strings.TrimRight(word, ".:,;)?")
	start := strings.TrimLeft(end, "(")
	for _, r := range start {
		inside := r == '-' && start != "-" || r == '.' && !strings.Contains(start, "www")
		if r < 0x80 && !strings.ContainsRune(harmless, r) && !inside {
			return word[:len(end)-len(start)] + m.code(start) + word[len(end):]
		}
	}
	return word
}

func (m *sheet) headline(doc tail.Document) {
	cause := doc.RootCause
	if cause == nil {
		m.line("### ", m.prose(doc.Headline))
		m.where(doc)
		return
	}
	head := "Stack " + m.code(doc.StackName)
	if cause.Path != "" {
		head = m.code(cause.Path)
	}
	if doc.ChangeSet != nil {
		head = "The change set could not be made; " + strings.Replace(head, "Stack ", "the template of stack ", 1)
	}
	if cause.Type != "" && cause.Path != "" {
		head += " (" + m.code(cause.Type) + ")"
	}
	mark := signOf(tail.ResultFailed).mark
	if m.o.ASCII {
		mark = signOf(tail.ResultFailed).ascii
	}
	m.line("### ", mark, " ", head, " ", m.prose(cause.Summary))
	m.line("")
	if cause.Message != "" {
		m.line("> ", m.code(cause.Message))
	} else {
		m.line("> CloudFormation gave no reason.")
	}
	m.where(doc)
	m.facts("", *cause)
	if doc.Cancelled > 0 {
		m.line("- ", counted(doc.Cancelled, "other resource was", "other resources were"), " cancelled because of it.")
	}
}

func (m *sheet) where(doc tail.Document) {
	m.line("")
	line := "- stack: " + m.code(doc.StackName)
	for _, part := range []string{doc.Status, doc.Outcome} {
		if part != "" {
			line += ", " + m.code(part)
		}
	}
	m.line(line)
	if doc.ChangeSet != nil && doc.ChangeSet.Name != "" {
		m.line("- change set: ", m.code(doc.ChangeSet.Name))
	}
}

func (m *sheet) facts(indent string, failure tail.Failure) {
	for _, fact := range facts(failure) {
		m.line(indent, "- ", fact[0], ": ", m.code(fact[1]))
	}
}

func (m *sheet) failures(title string, failures []tail.Failure, doc tail.Document) {
	if len(failures) == 0 {
		return
	}
	m.line("\n#### ", title, "\n")
	for i, failure := range failures {
		line := m.code(subject(failure, doc))
		if failure.Type != "" && failure.Path != "" {
			line += " (" + m.code(failure.Type) + ")"
		}
		line += " " + m.prose(failure.Summary)
		if failure.Message != "" {
			line += ": " + m.code(failure.Message)
		}
		m.line("- ", line)
		if i < maxDetailed {
			m.facts("  ", failure)
		}
	}
}

func (m *sheet) leftovers(doc tail.Document) {
	if len(doc.Leftovers) == 0 {
		return
	}
	m.line("\n#### Left behind in the account, belonging to no stack\n")
	for _, left := range doc.Leftovers {
		line := m.code(left.Path) + " (" + m.code(left.Type) + ")"
		if left.PhysicalID != "" {
			line += " " + m.code(left.PhysicalID)
		}
		line += ": " + m.prose(leftoverWord(left.Kind))
		if left.Reason != "" {
			line += ": " + m.code(left.Reason)
		}
		m.line("- ", line)
	}
}

func (m *sheet) list(title string, lines []string, bullet string) {
	if len(lines) == 0 {
		return
	}
	m.line("\n#### ", title, "\n")
	for _, line := range lines {
		m.line(bullet, " ", m.prose(line))
	}
}

// rows are the timeline and the events as the text that a terminal shows.
func (m *sheet) rows(doc tail.Document) *bytes.Buffer {
	var text bytes.Buffer
	p := newPage(&text, Options{Width: m.o.Width, ASCII: m.o.ASCII})
	p.timeline(doc)
	p.events(doc)
	// A buffer cannot fail.
	_ = p.w.Flush()
	return &text
}

// details folds the timeline and the events away.
func (m *sheet) details(doc tail.Document) {
	if len(doc.Timeline)+len(doc.Events) == 0 {
		return
	}
	text := m.rows(doc)
	if m.out.Len()+text.Len() > MaxMarkdown {
		doc.Events = nil
		text = m.rows(doc)
		m.line("\nThe events do not fit here; they are in the stored tail.")
	}
	if text.Len() == 0 || m.out.Len()+text.Len() > MaxMarkdown {
		return
	}
	fence := strings.Repeat("`", max(3, longestRun(text.String())+1))
	m.line("\n<details><summary>", counted(doc.EventCount, "event", "events"), "</summary>\n")
	m.line(fence)
	m.out.WriteString(strings.TrimLeft(text.String(), "\n"))
	m.line(fence)
	m.line("\n</details>")
}
