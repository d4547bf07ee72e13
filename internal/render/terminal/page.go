package terminal

import (
	"bufio"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"stackgate/internal/plan"
	"stackgate/internal/render/hostile"
)

// page writes lines within a width. Write errors stay in the buffered writer until it is flushed.
type page struct {
	w      *bufio.Writer
	o      Options
	width  int
	review plan.Review
	// folded counts the changes that a cluster stands for, cut the values that were shortened.
	folded, cut int
}

// style is the parameter of an ANSI SGR sequence; only the 16 colours, which follow the reader's own palette.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	alarm  style = "1;31"
)

func levelStyle(l plan.Level) style {
	switch l {
	case plan.LevelCritical:
		return alarm
	case plan.LevelHigh:
		return red
	case plan.LevelMedium:
		return yellow
	case plan.LevelLow:
		return plain
	case plan.LevelInfo:
		return dim
	}
	return alarm
}

func (p *page) style(s style, text string) string {
	if !p.o.Color || s == plain || text == "" {
		return text
	}
	// Spaces at the end stay outside, so that raw can remove them as it does without colour.
	words := strings.TrimRight(text, " ")
	return "\x1b[" + string(s) + "m" + words + "\x1b[0m" + text[len(words):]
}

// clean makes text from the review safe to print. Everything that is not a constant of this package passes through it.
func (p *page) clean(s string) string {
	if p.o.ASCII {
		return hostile.ASCII(s)
	}
	return hostile.Visible(s)
}

func (p *page) mark(i plan.Impact) string {
	if p.o.ASCII {
		return i.ASCIIMark()
	}
	return i.Mark()
}

func (p *page) blank() { p.raw("") }

// raw writes a line as it is, however long.
func (p *page) raw(line string) {
	// An error sticks to the bufio.Writer and is reported by Flush.
	_, _ = p.w.WriteString(strings.TrimRight(line, " "))
	_ = p.w.WriteByte('\n')
}

// text writes one line, indented by first columns, and wraps what does not fit to lines indented by rest columns.
func (p *page) text(first, rest int, text string) {
	first, rest = min(first, p.width/2), min(rest, p.width/2)
	if columns(text)+first <= p.width {
		p.raw(spaces(first) + text)
		return
	}
	for i, line := range wrap(text, p.width-max(first, rest)) {
		if i == 0 {
			p.raw(spaces(first) + line)
		} else {
			p.raw(spaces(rest) + line)
		}
	}
}

// wrap breaks text into lines of at most limit columns, at spaces where there are some. It never breaks at a hyphen, as
// ansi.Wrap does: identifiers are full of them and are copied.
func wrap(text string, limit int) []string {
	var lines []string
	line, width := "", 0
	for text != "" {
		gap := len(text) - len(strings.TrimLeft(text, " "))
		word := text[gap:]
		if at := strings.IndexByte(word, ' '); at >= 0 {
			word = word[:at]
		}
		text = text[gap+len(word):]
		size := columns(word)
		if width > 0 && width+gap+size > limit {
			lines = append(lines, line)
			line, width, gap = "", 0, 0
		}
		// Only a gap wider than a line is left to shorten, and a word that fits on no line to break.
		gap = min(gap, limit-1)
		line, width = line+spaces(gap)+word, width+gap+size
		if width > limit {
			parts := strings.Split(ansi.Hardwrap(line, limit, true), "\n")
			lines = append(lines, parts[:len(parts)-1]...)
			line = parts[len(parts)-1]
			width = columns(line)
		}
	}
	return append(lines, line)
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }

// columns is how wide text is on the screen, without its colours.
func columns(text string) int {
	if !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return len(text)
	}
	return ansi.StringWidth(text)
}

// pad fills text up to n columns; longer text is left alone.
func pad(text string, n int) string { return text + spaces(n-columns(text)) }
