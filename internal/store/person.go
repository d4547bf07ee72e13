package store

import (
	"strings"
	"unicode"
)

// PersonKey returns the same text for exactly those names that approval.SamePerson takes for one person, so that a
// conditional write upon it lets each person decide once.
func PersonKey(name string) string {
	return strings.Map(func(r rune) rune {
		// The smallest rune of a folding orbit stands for all of them: K for k and the Kelvin sign alike.
		smallest := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			smallest = min(smallest, next)
		}
		return smallest
	}, strings.TrimSpace(name))
}
