package markdown

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"stackgate/internal/render/hostile"
)

// special are the characters that mean something to GitHub's Markdown, or to the HTML inside it, wherever they stand. They
// are written as numeric entities, which no parser takes for markup, in tables and HTML blocks as in running text;
// a backslash would not do in either.
const special = "&<`*_[]|~$\\"

// zeroWidth breaks what GitHub links after Markdown has been rendered: mentions, issues, mail addresses.
const zeroWidth = "&#8203;"

// prose makes text safe in running text, in a cell and in an HTML element; not at the start of a line.
func prose(s string) string {
	s = hostile.Visible(s)
	var out strings.Builder
	out.Grow(len(s) + 16)
	for i, r := range s {
		rest := s[i+len(string(r)):]
		switch {
		case r == '@':
			out.WriteString("&#64;" + zeroWidth)
		case r == '#' && startsWithDigit(rest):
			out.WriteString("&#35;" + zeroWidth)
		case r == '-' && startsWithDigit(rest) && endsWithGH(s[:i]):
			out.WriteString("-" + zeroWidth)
		case r == ':' && strings.HasPrefix(rest, "//"), r == '.' && endsWithWWW(s[:i]), strings.ContainsRune(special, r):
			fmt.Fprintf(&out, "&#%d;", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// line makes text safe at the start of a line, where "-", "1." or "#" would begin a list or a heading.
func line(s string) string {
	s = hostile.Visible(s)
	if first, size := utf8.DecodeRuneInString(s); size > 0 && first < utf8.RuneSelf && !unicode.IsLetter(first) {
		return fmt.Sprintf("&#%d;", first) + prose(s[size:])
	}
	return prose(s)
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func endsWithGH(s string) bool { return len(s) >= 2 && strings.EqualFold(s[len(s)-2:], "gh") }

func endsWithWWW(s string) bool { return len(s) >= 3 && strings.EqualFold(s[len(s)-3:], "www") }

// code makes text safe as code: in backticks where it is simple, else as an element whose text is all entities. GitHub
// links nothing inside code.
func code(s string) string {
	s = hostile.Visible(s)
	if s == "" {
		return ""
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return strings.ContainsRune("`|\\", r) }) && strings.TrimSpace(s) == s {
		return "`" + s + "`"
	}
	return "<code>" + element(s) + "</code>"
}

// element writes text for an HTML element that Markdown may look into.
func element(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r == ' ' || r > '~' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			out.WriteRune(r)
		} else {
			out.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		}
	}
	return out.String()
}

// fenced puts lines into a code block of a language, with a fence that no line of it can close.
func fenced(language, lines string) string {
	fence := strings.Repeat("`", max(3, longestRun(lines, '`')+1))
	return fence + language + "\n" + lines + fence + "\n"
}

func longestRun(s string, of byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != of {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// cut shortens text to a number of characters and says how many are missing.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return fmt.Sprintf("%s … (%d more characters)", string(runes[:limit]), len(runes)-limit)
}

// maxGrowth bounds what escaping may make of text: its bytes for each character of the limit.
const maxGrowth = 4

// within escapes text of at most limit characters to at most about maxGrowth times as many bytes, so that text made of
// nothing but special characters does not take up the room of everything else.
func within(limit int, s string, escape func(string) string) string {
	for n := limit; ; n /= 2 {
		if out := escape(cut(s, n)); len(out) <= maxGrowth*limit+80 || n <= 1 {
			return out
		}
	}
}
