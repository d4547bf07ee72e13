package asl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// placeholder is what Substitute replaces, and what CDK's DefinitionSubstitutions replaces on AWS.
var placeholder = regexp.MustCompile(`^\$\{([A-Za-z][A-Za-z0-9_]*)\}`)

// Substitute replaces every ${Name} inside the strings of a definition by the value of that name. Values are text: they
// are escaped, and no number or object can be put in. A name without value, a value that no ${Name} uses, and a ${ that
// begins no name are errors; all of them are reported at once.
func Substitute(definition []byte, values map[string]string) ([]byte, error) {
	if !json.Valid(definition) {
		return nil, errors.New("substitute values: the definition is not JSON")
	}
	s := substitution{values: values, used: map[string]bool{}}
	s.run(definition)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !s.used[name] {
			s.problem("the definition has no ${%s}", name)
		}
		if !utf8.ValidString(values[name]) {
			s.problem("the value of %s is not UTF-8", name)
		}
	}
	if len(s.problems) > 0 {
		return nil, fmt.Errorf("substitute values: %s", strings.Join(s.problems, "; "))
	}
	return s.output.Bytes(), nil
}

type substitution struct {
	values   map[string]string
	used     map[string]bool
	output   bytes.Buffer
	problems []string
}

func (s *substitution) problem(format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	if !slices.Contains(s.problems, text) {
		s.problems = append(s.problems, text)
	}
}

// run copies the definition. Outside of strings valid JSON has neither quotes nor placeholders.
func (s *substitution) run(definition []byte) {
	inString := false
	for i := 0; i < len(definition); i++ {
		switch c := definition[i]; {
		case c == '"':
			inString = !inString
		case c == '\\':
			s.output.WriteByte(c)
			i++
		case c == '$' && inString && bytes.HasPrefix(definition[i:], []byte("${")):
			i += s.replace(definition[i:]) - 1
			continue
		}
		s.output.WriteByte(definition[i])
	}
}

// replace writes the value of the placeholder at the beginning of the text and returns the placeholder's length.
func (s *substitution) replace(text []byte) int {
	found := placeholder.FindSubmatch(text)
	if found == nil {
		end := bytes.IndexByte(text, '"') // of the string it stands in
		s.problem("%s is no placeholder; one is written ${Name}", quoted(string(text[:min(end, 20)])))
		return len("${")
	}
	name := string(found[1])
	value, known := s.values[name]
	if !known {
		s.problem("${%s} has no value", name)
	}
	s.used[name] = true
	escaped := appendString(nil, value)
	s.output.Write(escaped[1 : len(escaped)-1])
	return len(found[0])
}
