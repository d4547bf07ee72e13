package service

import (
	"fmt"
	"slices"
	"strings"
)

// suggest returns the known word that given was probably meant to be, or "".
func suggest(given string, known []string) string {
	length := len([]rune(given))
	best, bestDistance := "", max(length/3, 1)
	for _, word := range known {
		d := distance(strings.ToLower(given), strings.ToLower(word))
		if d < length && d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = word, d
		}
	}
	return best
}

// didYouMean returns "; did you mean X?", or the known words where none is near and there are few, or "".
func didYouMean(given string, known []string) string {
	if word := suggest(given, known); word != "" {
		return fmt.Sprintf("; did you mean %q?", word)
	}
	if len(known) == 0 || len(known) > 40 {
		return ""
	}
	if len(known) == 1 {
		return "; use " + known[0]
	}
	known = slices.Sorted(slices.Values(known))
	return "; use one of " + strings.Join(known, ", ")
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between two words.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
