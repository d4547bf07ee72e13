package tailtext

import (
	"bufio"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"stackgate/internal/render/hostile"
)

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

// page writes lines within a width. Write errors stay in the buffered writer until it is flushed.
type page struct {
	w     *bufio.Writer
	o     Options
	width int
}

func newPage(w io.Writer, o Options) *page {
	width := o.Width
	if width <= 0 {
		width = DefaultWidth
	}
	return &page{w: bufio.NewWriter(w), o: o, width: max(width, 20)}
}

// safe makes text from outside one line that acts on no reader.
func (p *page) safe(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if p.o.ASCII {
		return hostile.ASCII(text)
	}
	return hostile.Visible(text)
}

func (p *page) style(s style, text string) string {
	if !p.o.Color || s == plain || strings.TrimSpace(text) == "" {
		return text
	}
	words := strings.TrimRight(text, " ")
	return "\x1b[" + string(s) + "m" + words + "\x1b[0m" + text[len(words):]
}

func (p *page) mark(s sign) string {
	if p.o.ASCII {
		return p.style(s.style, s.ascii)
	}
	return p.style(s.style, s.mark)
}

// raw writes a line as it stands, without spaces at its end.
func (p *page) raw(line string) {
	// The error stays in the buffer and comes back from Flush.
	_, _ = p.w.WriteString(strings.TrimRight(line, " ") + "\n")
}

func (p *page) blank() { p.raw("") }

// wrapped writes text after a first prefix, and what does not fit on the line below others. Commands in backticks are
// one word however long they are.
func (p *page) wrapped(first, rest string, s style, text string) {
	prefix, line := first, ""
	for _, word := range words(p.safe(text)) {
		longer := word
		if line != "" {
			longer = line + " " + word
		}
		if line != "" && ansi.StringWidth(prefix)+ansi.StringWidth(longer) > p.width {
			p.raw(prefix + p.style(s, line))
			prefix, longer = rest, word
		}
		line = longer
	}
	p.raw(prefix + p.style(s, line))
}

// words splits text at spaces, except within a command in backticks.
func words(text string) []string {
	var out []string
	var word strings.Builder
	command := false
	for _, r := range text {
		if r == '`' {
			command = !command
		}
		if r == ' ' && !command {
			if word.Len() > 0 {
				out = append(out, word.String())
				word.Reset()
			}
			continue
		}
		word.WriteRune(r)
	}
	if word.Len() > 0 {
		out = append(out, word.String())
	}
	return out
}

// cut shortens text that has been made safe to a number of columns.
func (p *page) cut(text string, columns int) string {
	ellipsis := "…"
	if p.o.ASCII {
		ellipsis = "..."
	}
	if ansi.StringWidth(text) <= columns {
		return text
	}
	return ansi.Truncate(text, max(columns, len(ellipsis)), ellipsis)
}

// pad fills text up to a number of columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-ansi.StringWidth(text)))
}
