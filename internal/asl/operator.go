package asl

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	operatorIsPresent = "IsPresent"
	operatorMatches   = "StringMatches"
	pathSuffix        = "Path"
)

// operator is a comparison operator of a Choice rule.
type operator struct {
	name string
	// takesPath operators find their operand in the input.
	takesPath bool
	// constant says why a constant operand is refused, or nothing.
	constant func(operand any) string
	// holds compares. Values of a wrong type never match, as the States Language demands, whatever the operator.
	holds func(value, operand any) bool
}

// operators is what is implemented: all 39 data-test expressions of the States Language.
func operators() []operator {
	var all []operator
	add := func(name, wants string, parses func(any) bool, holds func(value, operand any) bool) {
		refuse := func(operand any) string {
			if parses(operand) {
				return ""
			}
			return name + " takes " + wants
		}
		all = append(all,
			operator{name: name, constant: refuse, holds: holds},
			operator{name: name + pathSuffix, takesPath: true, holds: holds})
	}
	for _, order := range orders() {
		add("String"+order.name, "a string", isA[string], compareBy(asString, strings.Compare, order.accepts))
		add("Numeric"+order.name, "a number", isNumber, compareBy(number, cmp.Compare[float64], order.accepts))
		add("Timestamp"+order.name, "a timestamp such as 2026-11-22T14:02:03Z", isTimestamp, compareBy(timestamp, time.Time.Compare, order.accepts))
	}
	add("BooleanEquals", "true or false", isA[bool], func(value, operand any) bool { return isA[bool](value) && value == operand })

	all = append(all, operator{name: operatorMatches, constant: patternProblem, holds: func(value, operand any) bool {
		text, isText := value.(string)
		pattern, _ := operand.(string)
		return isText && matchesPattern(text, pattern)
	}})
	for name, is := range map[string]func(any) bool{
		"IsBoolean":       isA[bool],
		"IsNull":          func(value any) bool { return value == nil },
		"IsNumeric":       isNumber,
		operatorIsPresent: func(any) bool { return true },
		"IsString":        isA[string],
		"IsTimestamp":     isTimestamp,
	} {
		all = append(all, operator{name: name, constant: wantsBoolean(name), holds: func(value, operand any) bool {
			return is(value) == (operand == true)
		}})
	}
	slices.SortFunc(all, func(a, b operator) int { return strings.Compare(a.name, b.name) })
	return all
}

func wantsBoolean(name string) func(any) string {
	return func(operand any) string {
		if isA[bool](operand) {
			return ""
		}
		return name + " takes true or false"
	}
}

// order is one of the five ways to compare.
type order struct {
	name    string
	accepts func(compared int) bool
}

func orders() []order {
	return []order{
		{"Equals", func(c int) bool { return c == 0 }},
		{"LessThan", func(c int) bool { return c < 0 }},
		{"LessThanEquals", func(c int) bool { return c <= 0 }},
		{"GreaterThan", func(c int) bool { return c > 0 }},
		{"GreaterThanEquals", func(c int) bool { return c >= 0 }},
	}
}

func compareBy[T any](parse func(any) (T, bool), compare func(a, b T) int, accepts func(int) bool) func(value, operand any) bool {
	return func(value, operand any) bool {
		a, ok := parse(value)
		b, ok2 := parse(operand)
		return ok && ok2 && accepts(compare(a, b))
	}
}

func isA[T any](value any) bool {
	_, ok := value.(T)
	return ok
}

func isNumber(value any) bool {
	_, ok := number(value)
	return ok
}

func asString(value any) (string, bool) {
	text, ok := value.(string)
	return text, ok
}

// timestampForm is RFC 3339 with the States Language's restrictions: capital T and Z, no comma, no leap of formats.
var timestampForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$`)

func timestamp(value any) (time.Time, bool) {
	text, ok := value.(string)
	if !ok || !timestampForm.MatchString(text) {
		return time.Time{}, false
	}
	parsed, err := time.Parse(time.RFC3339Nano, text)
	return parsed, err == nil
}

func isTimestamp(value any) bool {
	_, ok := timestamp(value)
	return ok
}

// patternProblem refuses what is no pattern of StringMatches: a backslash stands only before * and itself.
func patternProblem(operand any) string {
	pattern, ok := operand.(string)
	if !ok {
		return operatorMatches + " takes a string in which * matches any characters"
	}
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' {
			continue
		}
		if i++; i == len(pattern) || pattern[i] != '*' && pattern[i] != '\\' {
			return fmt.Sprintf(`in the pattern %s a backslash stands only before * or \`, quoted(pattern))
		}
	}
	return ""
}

// matchesPattern matches the whole text. `*` stands for any characters, `\*` for an asterisk, `\\` for a backslash.
func matchesPattern(text, pattern string) bool {
	pieces := patternPieces(pattern)
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(pieces) == 1 {
		return text == first
	}
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	middle := text[len(first) : len(text)-len(last)]
	for _, piece := range pieces[1 : len(pieces)-1] {
		at := strings.Index(middle, piece)
		if at < 0 {
			return false
		}
		middle = middle[at+len(piece):]
	}
	return true
}

// patternPieces cuts a pattern at its wildcards and resolves its escapes; there is always at least one piece.
func patternPieces(pattern string) []string {
	var pieces []string
	var piece strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '*':
			pieces = append(pieces, piece.String())
			piece.Reset()
			continue
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
		}
		piece.WriteByte(pattern[i])
	}
	return append(pieces, piece.String())
}
