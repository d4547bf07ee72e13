package app

import (
	"fmt"
	"io"
	"strings"

	"stackgate/internal/render/hostile"
)

// Interactive says whether a person can be asked.
func (a *App) Interactive() bool {
	return a.StdinTTY && a.StdoutTTY && !a.Flags.NoInput
}

// ColorStdout and ColorStderr say whether the streams take colours: --color, then NO_COLOR, CLICOLOR_FORCE and
// TERM=dumb, then whether the stream is a terminal.
func (a *App) ColorStdout() bool { return a.color(a.StdoutTTY) }

// ColorStderr is ColorStdout for the other stream.
func (a *App) ColorStderr() bool { return a.color(a.StderrTTY) }

func (a *App) color(tty bool) bool {
	force := a.Env("CLICOLOR_FORCE")
	switch {
	case a.Flags.NoColor || a.Flags.Color == "never":
		return false
	case a.Flags.Color == "always":
		return true
	case a.Env("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	case a.Env("TERM") == "dumb":
		return false
	}
	return tty
}

// ASCII says whether the locale is known to have no UTF-8. Where no locale is set, as in containers, UTF-8 is assumed.
func (a *App) ASCII() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := a.Env(name); locale != "" {
			upper := strings.ToUpper(locale)
			return !strings.Contains(upper, "UTF-8") && !strings.Contains(upper, "UTF8")
		}
	}
	return false
}

// Columns returns the width to write in.
func (a *App) Columns() int {
	if a.Width > 0 {
		return a.Width
	}
	return 100
}

// Pen colours text where the stream takes colours, and makes foreign text safe to print.
type Pen struct{ Color, ASCII bool }

// Pen returns the pen of standard output.
func (a *App) Pen() Pen { return Pen{Color: a.ColorStdout(), ASCII: a.ASCII()} }

// The styles are parameters of SGR sequences, of the 16 colours that follow the reader's own palette.
const (
	bold   = "1"
	dim    = "2"
	red    = "1;31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (p Pen) paint(style, text string) string {
	if !p.Color || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// Bold, Dim, Red, Green, Yellow and Cyan style text that is safe already.
func (p Pen) Bold(s string) string { return p.paint(bold, s) }

// Dim is for what matters least.
func (p Pen) Dim(s string) string { return p.paint(dim, s) }

// Red is for failures.
func (p Pen) Red(s string) string { return p.paint(red, s) }

// Green is for what went well.
func (p Pen) Green(s string) string { return p.paint(green, s) }

// Yellow is for what needs attention.
func (p Pen) Yellow(s string) string { return p.paint(yellow, s) }

// Cyan is for commands to be copied.
func (p Pen) Cyan(s string) string { return p.paint(cyan, s) }

// Clean makes foreign text safe to print.
func (p Pen) Clean(s string) string {
	if p.ASCII {
		return hostile.ASCII(s)
	}
	return hostile.Visible(s)
}

// Say writes a message for people to standard error, unless --quiet.
func (a *App) Say(format string, args ...any) {
	if !a.Flags.Quiet {
		a.Warn(format, args...)
	}
}

// Warn writes a message for people to standard error, also with --quiet.
func (a *App) Warn(format string, args ...any) {
	// Where standard error cannot be written to there is nobody to be told.
	_, _ = fmt.Fprintf(a.Stderr, format+"\n", args...)
}

// Printf writes to a stream; an error of it is the command's.
func Printf(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format, args...)
	return err
}
