// Package hostile makes text from outside safe to read: what would act on a reader, or hide from one, is written out. It
// does not escape for a medium: HTML, Markdown and JSON have rules of their own, which their renderers apply on top.
package hostile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may follow one character. Scripts need up to four; more is how a line is made to
// paint over its neighbours.
const maxMarks = 4

// brailleBlank is a symbol by its category and a blank by its looks.
const brailleBlank = '\u2800'

// Visible returns s with every character that a terminal or browser would obey instead of print written as a Go escape:
// control characters (so ANSI and OSC sequences, line breaks, NUL), bidirectional controls, zero-width and blank
// characters, bytes that are not UTF-8. The result is one line of valid UTF-8; text without such characters is returned
// unchanged.
func Visible(s string) string { return escape(s, Acts, escapeRune) }

// ASCII is Visible for a place that can show nothing but ASCII. Arrows and dots of our own become their usual stand-ins.
func ASCII(s string) string {
	return escape(s, func(r rune) bool { return r >= utf8.RuneSelf || Acts(r) }, asciiRune)
}

// Acts says whether a character does something other than show a glyph or a plain space.
func Acts(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7f:
		return false
	case r == brailleBlank:
		return true
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), unicode.Is(unicode.Variation_Selector, r):
		return true
	}
	return !unicode.IsPrint(r)
}

func escape(s string, unsafe func(rune) bool, write func(rune) string) string {
	if plain(s) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + len(s)/4)
	marks := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if unicode.Is(unicode.M, r) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case marks > maxMarks:
			out.WriteString(escapeRune(r))
		case unsafe(r):
			out.WriteString(write(r))
		default:
			out.WriteRune(r)
		}
		i += size
	}
	return out.String()
}

// plain says whether s is printable ASCII, which most text is and which needs no copy.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func escapeRune(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	switch {
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

func asciiRune(r rune) string {
	switch r {
	case '→':
		return "->"
	case '←':
		return "<-"
	case '…':
		return "..."
	case '·':
		return "."
	case '–', '—':
		return "-"
	}
	return escapeRune(r)
}
