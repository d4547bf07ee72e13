package service

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Origin is a place in a file: where a value was written.
type Origin struct {
	// File is the path as it was given to Load, or Builtin, or Override.
	File string `json:"file"`
	// Line and Column count from 1, the column in characters; both are 0 where the whole file is meant.
	Line   int `json:"line"`
	Column int `json:"column"`
}

// The files of values that stand in none.
const (
	// Builtin is the File of values that nobody wrote down.
	Builtin = "(built-in)"
	// Override is the File of parameters given for one deployment.
	Override = "(--param)"
)

// String returns file:line:column as editors and terminals link it.
func (o Origin) String() string {
	if o.Line == 0 || o.File == Builtin {
		return o.File
	}
	return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column)
}

// Problem is one thing that is wrong with the definitions.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Path is the key in its file, as in environments.prod.parameters.Cpu; empty where the whole file is meant.
	Path string `json:"path"`
	// Message is one sentence: what is wrong, why, and what to do.
	Message string `json:"message"`
}

// Error returns file:line:column, the key and the message.
func (p Problem) Error() string {
	text := Origin{p.File, p.Line, p.Column}.String() + ": "
	if p.Path != "" {
		text += p.Path + ": "
	}
	return text + p.Message
}

// Problems is everything that is wrong, in the order of files and lines, each thing once.
type Problems []Problem

// Error returns one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// problemsSchema names the version of the JSON form.
const problemsSchema = "stackgate/problems/v1"

// WriteJSON writes {"schema":"stackgate/problems/v1","problems":[…]} and a line feed.
func (ps Problems) WriteJSON(w io.Writer) error {
	document := struct {
		Schema   string   `json:"schema"`
		Problems Problems `json:"problems"`
	}{problemsSchema, ps}
	if document.Problems == nil {
		document.Problems = Problems{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

// WriteGitHub writes one GitHub Actions workflow command a problem, which GitHub shows beside the line in a pull request.
func (ps Problems) WriteGitHub(w io.Writer) error {
	for _, p := range ps {
		title := "service definition"
		if p.Path != "" {
			title += ": " + p.Path
		}
		place := "file=" + escapeProperty(p.File)
		if p.Line > 0 {
			place += fmt.Sprintf(",line=%d,col=%d", p.Line, p.Column)
		}
		if _, err := fmt.Fprintf(w, "::error %s,title=%s::%s\n", place, escapeProperty(title), escapeData(p.Message)); err != nil {
			return err
		}
	}
	return nil
}

// GitHub reads % and line ends in a command's data as escapes, and : and , as well in its properties
// (actions/toolkit, packages/core/src/command.ts).
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// report gathers problems. The same default is read for every service and environment, so the same problem is met many
// times and kept once.
type report struct {
	seen map[Problem]bool
}

func newReport() *report { return &report{seen: map[Problem]bool{}} }

func (r *report) add(at Origin, path, format string, args ...any) {
	r.seen[Problem{File: at.File, Line: at.Line, Column: at.Column, Path: path, Message: fmt.Sprintf(format, args...)}] = true
}

// at reports a problem of a node.
func (r *report) at(n *node, format string, args ...any) { r.add(n.origin, n.path, format, args...) }

func (r *report) problems() Problems {
	all := make(Problems, 0, len(r.seen))
	for p := range r.seen {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return all
}
