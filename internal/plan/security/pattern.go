package security

import (
	"regexp"
	"strings"
)

// includes says whether a wildcard pattern (* any characters, ? one character) matches every string that the pattern
// part matches. It never says so wrongly; for patterns with several stars it may miss an inclusion, which errs on the
// side of reporting a widening.
func includes(whole, part string) bool {
	w, p := 0, 0
	star, mark := -1, 0
	for p < len(part) {
		switch {
		case w < len(whole) && whole[w] == '*':
			star, mark = w, p
			w++
		case w < len(whole) && part[p] != '*' && (whole[w] == part[p] || whole[w] == '?'):
			w, p = w+1, p+1
		case star >= 0:
			mark++
			w, p = star+1, mark
		default:
			return false
		}
	}
	for w < len(whole) && whole[w] == '*' {
		w++
	}
	return w == len(whole)
}

// overlaps says whether some string matches both patterns. Patterns longer than the limit count as overlapping.
func overlaps(a, b string) bool {
	const limit = 4 << 20
	if len(a)*len(b) > limit {
		return true
	}
	// row[j]: whether a[i:] and b[j:] can match one string, filled from the ends.
	next := make([]bool, len(b)+1)
	row := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		for j := len(b); j >= 0; j-- {
			row[j] = overlapAt(a, b, i, j, row, next)
		}
		row, next = next, row
	}
	return next[0]
}

func overlapAt(a, b string, i, j int, row, next []bool) bool {
	switch {
	case i == len(a) && j == len(b):
		return true
	case i < len(a) && a[i] == '*':
		return next[j] || j < len(b) && row[j+1]
	case j < len(b) && b[j] == '*':
		return row[j+1] || i < len(a) && next[j]
	case i == len(a) || j == len(b):
		return false
	}
	return next[j+1] && (a[i] == b[j] || a[i] == '?' || b[j] == '?')
}

// element is one of Principal, Action or Resource of a statement, or its Not form.
type element struct {
	not      bool
	patterns []string
}

// anything is the element of a statement that lacks it, as an identity policy lacks a principal.
func anything() element { return element{patterns: []string{"*"}} }

// atoms splits an element into the parts that can be covered one by one.
func (e element) atoms() []element {
	if e.not {
		return []element{e}
	}
	parts := make([]element, len(e.patterns))
	for i, pattern := range e.patterns {
		parts[i] = element{patterns: []string{pattern}}
	}
	return parts
}

// covers says whether e holds of everything that other holds of. The comparison of single patterns is the caller's.
func (e element) covers(other element, rules matching) bool {
	switch {
	case !e.not && !other.not:
		for _, p := range other.patterns {
			if !anyOf(e.patterns, func(w string) bool { return rules.includes(w, p) }) {
				return false
			}
		}
		return true
	case e.not && !other.not:
		for _, p := range other.patterns {
			if anyOf(e.patterns, func(excluded string) bool { return rules.overlaps(excluded, p) }) {
				return false
			}
		}
		return true
	case e.not && other.not:
		for _, excluded := range e.patterns {
			if !anyOf(other.patterns, func(w string) bool { return rules.includes(w, excluded) }) {
				return false
			}
		}
		return true
	}
	return anyOf(e.patterns, func(w string) bool { return w == "*" })
}

func anyOf(patterns []string, holds func(string) bool) bool {
	for _, pattern := range patterns {
		if holds(pattern) {
			return true
		}
	}
	return false
}

// matching is how two patterns of one kind of element are compared.
type matching struct {
	includes func(whole, part string) bool
	overlaps func(a, b string) bool
}

var (
	actionMatching = matching{
		includes: func(w, p string) bool { return includes(strings.ToLower(w), strings.ToLower(p)) },
		overlaps: func(a, b string) bool { return overlaps(strings.ToLower(a), strings.ToLower(b)) },
	}
	resourceMatching  = matching{includes: includes, overlaps: overlaps}
	principalMatching = matching{includes: principalIncludes, overlaps: func(a, b string) bool {
		return principalIncludes(a, b) || principalIncludes(b, a)
	}}

	accountPrincipal = regexp.MustCompile(`^AWS:(?:arn:[a-z-]+:iam::)?([0-9]{12})(?::root)?$`)
	accountOfARN     = regexp.MustCompile(`^AWS:arn:[a-z-]+:(?:iam|sts)::([0-9]{12}):`)
)

// principalIncludes compares principals as principalsOf writes them. A whole account holds its users and roles.
func principalIncludes(whole, part string) bool {
	if whole == "*" || whole == part {
		return true
	}
	if account := accountPrincipal.FindStringSubmatch(whole); account != nil {
		if other := accountOfARN.FindStringSubmatch(part); other != nil {
			return account[1] == other[1]
		}
	}
	return false
}

// accountOf returns the account of an AWS principal; empty where it names none.
func accountOf(principal string) string {
	for _, pattern := range []*regexp.Regexp{accountPrincipal, accountOfARN} {
		if m := pattern.FindStringSubmatch(principal); m != nil {
			return m[1]
		}
	}
	return ""
}
