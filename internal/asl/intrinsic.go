package asl

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxNesting bounds how deep calls stand in each other, so that a hostile definition cannot exhaust the stack.
const maxNesting = 32

// expression is the value of a field whose name ends in ".$": a path or a call of an intrinsic function.
type expression interface {
	evaluate(env evaluation) (any, error)
	// paths lists every path inside, for checks at load time.
	paths() []path
}

// evaluation is what expressions may use: the data, the context object and randomness for States.UUID.
type evaluation struct {
	scope
	random Random
}

func (p path) evaluate(env evaluation) (any, error) { return p.find(env.scope) }
func (p path) paths() []path                        { return []path{p} }

// literal is a constant argument. Of a string it keeps the text between the quotes as it was written, because
// States.Format tells `{}` from `\{\}`.
type literal struct {
	value   any
	written string
}

func (l literal) evaluate(evaluation) (any, error) { return l.value, nil }
func (l literal) paths() []path                    { return nil }

// call is an intrinsic function with its arguments.
type call struct {
	source    string
	function  intrinsic
	arguments []expression
}

func (c call) paths() []path {
	var all []path
	for _, argument := range c.arguments {
		all = append(all, argument.paths()...)
	}
	return all
}

func (c call) evaluate(env evaluation) (any, error) {
	values := make([]any, len(c.arguments))
	for i, argument := range c.arguments {
		value, err := argument.evaluate(env)
		var missing *missingPathError
		if errors.As(err, &missing) {
			return nil, &intrinsicPathError{call: c, missing: missing}
		}
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	if template, ok := c.formatTemplate(); ok {
		values[0] = template
	}
	result, err := c.function.apply(env, values)
	var nested *intrinsicError
	if err != nil && !errors.As(err, &nested) {
		return nil, &intrinsicError{call: c, reason: err}
	}
	return result, err
}

// formatTemplate gives a constant first argument of States.Format as it was written, escapes included.
func (c call) formatTemplate() (string, bool) {
	if c.function.name != formatFunction || len(c.arguments) == 0 {
		return "", false
	}
	constant, ok := c.arguments[0].(literal)
	_, isText := constant.value.(string)
	return constant.written, ok && isText
}

// intrinsicError says that a function refused its arguments.
type intrinsicError struct {
	call   call
	reason error
}

func (e *intrinsicError) Error() string {
	return fmt.Sprintf("The function '%s' had the following error: %s", e.call.source, e.reason)
}

// intrinsicPathError says that an argument's path found nothing.
type intrinsicPathError struct {
	call    call
	missing *missingPathError
}

func (e *intrinsicPathError) Error() string {
	return fmt.Sprintf("The function '%s' had the following error: The JsonPath argument for the field '%s' could not be found in the input '%s'",
		e.call.source, e.missing.path.source, encodeValue(e.missing.data))
}

// parseExpression reads the value of a ".$" field.
func parseExpression(source string) (expression, error) {
	if strings.HasPrefix(source, "$") {
		return parsePath(source)
	}
	scanner := intrinsicScanner{source: source, rest: source}
	parsed, err := scanner.call(0)
	if err != nil {
		return nil, fmt.Errorf("expression %s: %w", quoted(source), err)
	}
	if scanner.skipSpace(); scanner.rest != "" {
		return nil, fmt.Errorf("expression %s: unexpected %s after the call", quoted(source), quoted(scanner.rest))
	}
	return parsed, nil
}

type intrinsicScanner struct {
	source string
	rest   string
}

func (s *intrinsicScanner) skipSpace() { s.rest = strings.TrimLeft(s.rest, " \t\r\n") }

// take consumes a token when it comes next.
func (s *intrinsicScanner) take(token string) bool {
	s.skipSpace()
	rest, found := strings.CutPrefix(s.rest, token)
	s.rest = rest
	return found
}

var (
	functionName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]*`)
	numberLiteral = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`)
)

func (s *intrinsicScanner) call(depth int) (expression, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("calls are nested deeper than %d levels", maxNesting)
	}
	s.skipSpace()
	before := s.rest
	name := functionName.FindString(s.rest)
	if name == "" {
		return nil, errors.New("neither a path, which begins with $, nor a call of an intrinsic function")
	}
	function, known := intrinsicFunction(name)
	if !known {
		return nil, fmt.Errorf("function %s is not implemented; implemented are %s", quoted(name), strings.Join(intrinsicNames(), ", "))
	}
	s.rest = s.rest[len(name):]
	if !s.take("(") {
		return nil, fmt.Errorf("( is missing after %s", name)
	}
	parsed := call{function: function}
	for !s.take(")") {
		if len(parsed.arguments) > 0 && !s.take(",") {
			return nil, fmt.Errorf("a comma or ) is missing before %s", quoted(s.rest))
		}
		argument, err := s.argument(depth)
		if err != nil {
			return nil, err
		}
		parsed.arguments = append(parsed.arguments, argument)
	}
	parsed.source = before[:len(before)-len(s.rest)]
	if err := function.check(parsed.arguments); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return parsed, nil
}

func (s *intrinsicScanner) argument(depth int) (expression, error) {
	s.skipSpace()
	switch {
	case strings.HasPrefix(s.rest, "$"):
		found, rest, err := scanPath(s.rest)
		s.rest = rest
		return found, err
	case strings.HasPrefix(s.rest, "'"):
		return s.text()
	}
	for word, value := range map[string]any{"true": true, "false": false, "null": nil} {
		if rest, found := strings.CutPrefix(s.rest, word); found && !startsName(rest) && !strings.HasPrefix(rest, ".") {
			s.rest = rest
			return literal{value: value, written: word}, nil
		}
	}
	if text := numberLiteral.FindString(s.rest); text != "" {
		s.rest = s.rest[len(text):]
		return literal{value: json.Number(text), written: text}, nil
	}
	return s.call(depth + 1)
}

// text reads a string between single quotes. A backslash makes ', {, } and itself ordinary characters; before any other
// character the States Language calls it an error.
func (s *intrinsicScanner) text() (expression, error) {
	var value strings.Builder
	body := s.rest[1:]
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '\'':
			s.rest = body[i+1:]
			return literal{value: value.String(), written: body[:i]}, nil
		case '\\':
			i++
			if i == len(body) || !slices.Contains([]byte(`'{}\`), body[i]) {
				return nil, errors.New(`in a string a backslash stands only before ', {, } or \`)
			}
		}
		value.WriteByte(body[i])
	}
	return nil, errors.New("a string is not closed by '")
}
