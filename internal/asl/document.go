package asl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	// maxDefinitionBytes is the quota of Step Functions for a definition.
	maxDefinitionBytes = 1024 * 1024
	// maxDepth bounds recursion over a definition; no hand-written one comes near.
	maxDepth = 200
)

// Problem is one thing in a definition that Parse refuses.
type Problem struct {
	Place string // JSON pointer, "" for the whole definition
	Line  int    // counted from 1
	Text  string // what is wrong and what to do
}

func (p Problem) String() string {
	place := p.Place
	if place == "" {
		place = "definition"
	}
	return fmt.Sprintf("line %d, %s: %s", p.Line, place, p.Text)
}

// DefinitionError holds everything that Parse refused, in the order of the file.
type DefinitionError struct{ Problems []Problem }

func (e *DefinitionError) Error() string {
	if len(e.Problems) == 1 {
		return "state machine definition refused: " + e.Problems[0].String()
	}
	lines := make([]string, 0, len(e.Problems)+1)
	lines = append(lines, fmt.Sprintf("state machine definition refused for %d reasons:", len(e.Problems)))
	for _, problem := range e.Problems {
		lines = append(lines, "  "+problem.String())
	}
	return strings.Join(lines, "\n")
}

// node is a JSON value of a definition that knows its place. encoding/json alone would lose the order of the states,
// the lines, and keys that are there twice.
type node struct {
	place  string
	line   int
	keys   []string // of an object, in file order
	fields map[string]*node
	items  []*node // of an array
	scalar any     // string, json.Number, bool or nil
}

func (n *node) isObject() bool { return n.fields != nil }
func (n *node) isArray() bool  { return n.items != nil }

// kind names what the node is, for messages.
func (n *node) kind() string {
	switch n.scalar.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	}
	switch {
	case n.isObject():
		return "an object"
	case n.isArray():
		return "an array"
	}
	return "null"
}

// value gives the node as plain data.
func (n *node) value() any {
	switch {
	case n.isObject():
		object := make(map[string]any, len(n.fields))
		for key, field := range n.fields {
			object[key] = field.value()
		}
		return object
	case n.isArray():
		array := make([]any, len(n.items))
		for i, item := range n.items {
			array[i] = item.value()
		}
		return array
	default:
		return n.scalar
	}
}

// documentReader turns the tokens of a definition into nodes.
type documentReader struct {
	source   []byte
	decoder  *json.Decoder
	line     int // of the byte at counted
	counted  int64
	problems []Problem
}

// readDocument reads a whole definition. Keys that are there twice are problems, broken JSON is the error.
func readDocument(source []byte) (*node, []Problem, error) {
	if len(source) > maxDefinitionBytes {
		return nil, nil, fmt.Errorf("the definition has %d bytes, Step Functions takes at most %d", len(source), maxDefinitionBytes)
	}
	reader := &documentReader{source: source, decoder: json.NewDecoder(bytes.NewReader(source)), line: 1}
	reader.decoder.UseNumber()
	root, err := reader.read("", 0)
	if err == nil {
		if _, err = reader.decoder.Token(); errors.Is(err, io.EOF) {
			return root, reader.problems, nil
		}
		err = errors.New("there is more text after the definition")
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return nil, nil, fmt.Errorf("line %d is not JSON: %w", reader.lineNow(), err)
}

// lineNow is the line of the token that was read last.
func (r *documentReader) lineNow() int {
	offset := min(r.decoder.InputOffset(), int64(len(r.source)))
	r.line += bytes.Count(r.source[r.counted:offset], []byte{'\n'})
	r.counted = offset
	return r.line
}

func (r *documentReader) read(place string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	read := &node{place: place, line: r.lineNow()}
	switch token {
	case json.Delim('{'):
		return read, r.readObject(read, depth)
	case json.Delim('['):
		return read, r.readArray(read, depth)
	default:
		read.scalar = token
		return read, nil
	}
}

func (r *documentReader) readObject(object *node, depth int) error {
	object.fields = map[string]*node{}
	for r.decoder.More() {
		token, err := r.decoder.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // the decoder lets nothing else stand before a colon
		field, err := r.read(object.place+"/"+escapePointer(key), depth+1)
		if err != nil {
			return err
		}
		if _, twice := object.fields[key]; twice {
			r.problems = append(r.problems, Problem{Place: field.place, Line: field.line, Text: "field " + quoted(key) + " is there twice"})
			continue
		}
		object.keys = append(object.keys, key)
		object.fields[key] = field
	}
	_, err := r.decoder.Token()
	return err
}

func (r *documentReader) readArray(array *node, depth int) error {
	array.items = []*node{}
	for r.decoder.More() {
		item, err := r.read(array.place+"/"+strconv.Itoa(len(array.items)), depth+1)
		if err != nil {
			return err
		}
		array.items = append(array.items, item)
	}
	_, err := r.decoder.Token()
	return err
}

// escapePointer writes a key as RFC 6901 wants it.
func escapePointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func quoted(text string) string { return strconv.Quote(text) }
