package asl

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// path is a Reference Path: `$` for the data at hand or `$$` for the context object, then names and array indexes.
// It selects at most one node. What selects many (`*`, `..`, filters, slices, unions) is refused when it is read.
type path struct {
	source   string
	context  bool // begins with $$
	segments []segment
}

// segment is one step of a path: into an object by name, or into an array by index.
type segment struct {
	name    string
	index   int
	isIndex bool
}

func (s segment) String() string {
	if s.isIndex {
		return "[" + strconv.Itoa(s.index) + "]"
	}
	return "['" + s.name + "']"
}

// missingPathError says that a path found nothing.
type missingPathError struct {
	path path
	data any // what it was looked for in
}

func (e *missingPathError) Error() string {
	return fmt.Sprintf("path %s finds nothing", e.path.source)
}

// canonical writes the path in the bracket notation that Step Functions uses in its causes.
func (p path) canonical() string {
	var text strings.Builder
	text.WriteByte('$')
	for _, step := range p.segments {
		text.WriteString(step.String())
	}
	return text.String()
}

// isRoot reports whether the path selects everything.
func (p path) isRoot() bool { return len(p.segments) == 0 }

// parsePath reads a whole string as a path.
func parsePath(source string) (path, error) {
	parsed, rest, err := scanPath(source)
	if err != nil {
		return path{}, err
	}
	if rest != "" {
		return path{}, fmt.Errorf("path %s: unexpected %s", quoted(source), quoted(rest))
	}
	return parsed, nil
}

// scanPath reads a path at the beginning of a text and returns what follows it: inside an intrinsic function a path
// ends where the argument does.
func scanPath(text string) (path, string, error) {
	rest, found := strings.CutPrefix(text, "$")
	if !found {
		return path{}, "", fmt.Errorf("path %s does not begin with $", quoted(text))
	}
	scanned := path{}
	if rest, scanned.context = strings.CutPrefix(rest, "$"); !scanned.context && startsName(rest) {
		return path{}, "", fmt.Errorf("path %s: variables are not implemented; a path begins with $. or $$", quoted(text))
	}
	for {
		var step segment
		var err error
		switch {
		case strings.HasPrefix(rest, "."):
			step, rest, err = scanName(rest[1:])
		case strings.HasPrefix(rest, "["):
			step, rest, err = scanBracket(rest[1:])
		default:
			scanned.source = text[:len(text)-len(rest)]
			if scanned.context {
				err = checkContextPath(scanned)
			}
			return scanned, rest, err
		}
		if err != nil {
			return path{}, "", fmt.Errorf("path %s: %w", quoted(text), err)
		}
		scanned.segments = append(scanned.segments, step)
	}
}

func startsName(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	return isNameRune(first)
}

// isNameRune holds for what may stand in a name after a dot. Anything else is written in brackets and quotes.
func isNameRune(r rune) bool {
	return r == '_' || r == '-' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func scanName(text string) (segment, string, error) {
	switch {
	case strings.HasPrefix(text, "."):
		return segment{}, "", errors.New("descent (..) selects many nodes and is not implemented")
	case strings.HasPrefix(text, "*"):
		return segment{}, "", errWildcard
	}
	end := strings.IndexFunc(text, func(r rune) bool { return !isNameRune(r) })
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return segment{}, "", errors.New("a name is missing after the dot; write ['name'] for a name with other characters than letters, digits, - and _")
	}
	return segment{name: text[:end]}, text[end:], nil
}

var errWildcard = errors.New("a wildcard (*) selects many nodes and is not implemented")

func scanBracket(text string) (segment, string, error) {
	if strings.HasPrefix(text, "'") || strings.HasPrefix(text, "\"") {
		name, rest, err := scanQuoted(text[1:], text[0])
		if err != nil {
			return segment{}, "", err
		}
		rest, closed := strings.CutPrefix(rest, "]")
		if !closed {
			return segment{}, "", errors.New("a quoted name in brackets must be followed by ]; several names at once are not implemented")
		}
		return segment{name: name}, rest, nil
	}
	inside, rest, closed := strings.Cut(text, "]")
	switch {
	case !closed:
		return segment{}, "", errors.New("the bracket is not closed")
	case inside == "*":
		return segment{}, "", errWildcard
	case strings.HasPrefix(inside, "?"), strings.HasPrefix(inside, "("):
		return segment{}, "", errors.New("filters and scripts are not implemented")
	case strings.ContainsAny(inside, ":,"):
		return segment{}, "", errors.New("slices and several indexes at once select many nodes and are not implemented")
	}
	index, err := strconv.Atoi(inside)
	if err != nil || index < 0 || inside[0] == '+' {
		return segment{}, "", fmt.Errorf("%s is not an array index counted from 0", quoted(inside))
	}
	return segment{index: index, isIndex: true}, rest, nil
}

// scanQuoted reads up to the closing quote; a backslash takes the next character as it is.
func scanQuoted(text string, quote byte) (content, rest string, err error) {
	var name strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == quote:
			return name.String(), text[i+1:], nil
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		name.WriteByte(text[i])
	}
	return "", "", errors.New("the quote is not closed")
}

// find selects the node. Nothing is found where a step does not fit: a name in what is no object, an index beyond an
// array's end.
func (p path) find(in scope) (any, error) {
	root := in.data
	if p.context {
		root = in.context()
	}
	found := root
	for _, step := range p.segments {
		var ok bool
		if found, ok = step.into(found); !ok {
			return nil, &missingPathError{path: p, data: root}
		}
	}
	return found, nil
}

func (s segment) into(value any) (any, bool) {
	if s.isIndex {
		array, ok := value.([]any)
		if !ok || s.index >= len(array) {
			return nil, false
		}
		return array[s.index], true
	}
	object, _ := value.(map[string]any)
	found, ok := object[s.name]
	return found, ok
}

// scope is what paths are evaluated against.
type scope struct {
	data    any
	context func() any // made only when a path asks for it
}

// errNoMatch says that a path cannot be written to: a step meets a value that is neither an object nor an array with
// that index.
var errNoMatch = errors.New("the path does not fit the input")

// write returns a copy of data in which the path holds value. Missing objects on the way are made; arrays never grow.
func (p path) write(data, value any) (any, error) { return writeAt(data, p.segments, value) }

func writeAt(data any, steps []segment, value any) (any, error) {
	if len(steps) == 0 {
		return value, nil
	}
	step := steps[0]
	if step.isIndex {
		array, ok := data.([]any)
		if !ok || step.index >= len(array) {
			return nil, errNoMatch
		}
		item, err := writeAt(array[step.index], steps[1:], value)
		if err != nil {
			return nil, err
		}
		written := slices.Clone(array)
		written[step.index] = item
		return written, nil
	}
	object, ok := data.(map[string]any)
	if !ok {
		return nil, errNoMatch
	}
	child, present := object[step.name]
	if !present {
		child = map[string]any{}
	}
	field, err := writeAt(child, steps[1:], value)
	if err != nil {
		return nil, err
	}
	written := maps.Clone(object)
	written[step.name] = field
	return written, nil
}
