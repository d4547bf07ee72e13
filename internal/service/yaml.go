package service

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth bounds nesting, in the parser's recursion as in ours. CloudFormation's own limit is far below.
const maxDepth = 64

// maxKeys bounds the keys of one map. CloudFormation's largest has 500 resources.
const maxKeys = 5000

// dialect says what a YAML file may use.
type dialect string

const (
	// definitionYAML: no tags, anchors, aliases or merge keys, so that every value stands where it is read.
	definitionYAML dialect = "definition"
	// templateYAML: as CloudFormation reads it: tags are functions, aliases and merge keys are not supported.
	templateYAML dialect = "template"
)

// yamlReader turns one file into a node.
type yamlReader struct {
	file    string
	dialect dialect
	report  *report
}

// readYAML parses one document. It returns nil where the file cannot be read as YAML at all; the report says why.
func readYAML(file string, content []byte, d dialect, r *report) *node {
	reader := yamlReader{file: file, dialect: d, report: r}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	whole := Origin{File: file, Line: 1, Column: 1}
	if !utf8.Valid(content) {
		r.add(whole, "", "the file is not UTF-8 text; save it as UTF-8")
		return nil
	}
	parsed := reader.parse(content)
	if parsed == nil {
		return nil
	}
	var bodies []ast.Node
	for _, document := range parsed.Docs {
		if document.Body != nil {
			bodies = append(bodies, document.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		r.add(whole, "", "the file is empty")
		return nil
	case len(bodies) > 1:
		r.add(reader.startOf(bodies[1]), "", "the file holds a second YAML document; keep one document a file")
		return nil
	}
	n := reader.node(bodies[0], "")
	if n.kind != mapKind {
		r.add(n.origin, "", "the file holds %s; it must hold a map of keys", n.kind)
		return nil
	}
	return n
}

// parse guards against what the parser does with hostile input (goccy/go-yaml 1.19.2): it recurses without bound, and a
// stack that overflows cannot be recovered; a map of many keys takes it time with the square of their number (40,000
// keys, 21 s). A panic of a parser is a problem of the file: its nodes' String panics on a block scalar.
func (y yamlReader) parse(content []byte) (file *ast.File) {
	whole := Origin{File: y.file, Line: 1, Column: 1}
	defer func() {
		if cause := recover(); cause != nil {
			y.report.add(whole, "", "the file is not YAML that can be read (%v)", cause)
			file = nil
		}
	}()
	tokens := lexer.Tokenize(string(content))
	if !y.checkTokens(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var positioned yaml.Error
		if errors.As(err, &positioned) && positioned.GetToken() != nil {
			y.report.add(y.origin(positioned.GetToken()), "", "not valid YAML: %s", positioned.GetMessage())
		} else {
			y.report.add(whole, "", "not valid YAML: %v", err)
		}
		return nil
	}
	return file
}

func (y yamlReader) checkTokens(tokens token.Tokens) bool {
	fine, depth, run := true, 0, 0
	var sizes mapSizes
	for _, t := range tokens {
		refuse := func(format string, args ...any) {
			y.report.add(y.origin(t), "", format, args...)
			fine = false
		}
		switch t.Type {
		case token.AnchorType, token.AliasType:
			refuse("YAML anchors and aliases are not read here; write the value where it is used")
		case token.MergeKeyType:
			refuse("YAML merge keys (<<) are not read here; write the values where they are used")
		case token.DirectiveType:
			refuse("YAML directives (%%) are not read here; remove the line")
		case token.TagType:
			if y.dialect == definitionYAML {
				refuse("YAML tags (%s) are not read here; write a plain value", t.Value)
			}
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			sizes.close(math.MaxInt, depth)
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		switch t.Type {
		case token.SequenceEntryType:
			sizes.close(t.Position.Column, depth)
			run++
		case token.MappingKeyType, token.TagType:
			run++
		default:
			run = 0
		}
		if depth > maxDepth || run > maxDepth {
			refuse("the file nests deeper than %d levels", maxDepth)
			return false
		}
		if t.Type == token.MappingValueType && t.Prev != nil && sizes.add(t.Prev.Position.Column, depth) > maxKeys {
			refuse("a map has more than %d keys", maxKeys)
			return false
		}
	}
	return fine
}

// mapSizes counts the keys of the maps that are open, innermost last.
type mapSizes []mapSize

type mapSize struct {
	// column is that of the keys, and flow how many brackets are open around them.
	column, flow, keys int
}

// add counts a key and returns how many its map has by now. Keys in brackets are told apart by their depth alone.
func (m *mapSizes) add(column, flow int) int {
	if flow > 0 {
		column = 0
	}
	m.close(column, flow)
	if last := len(*m) - 1; last >= 0 && (*m)[last].flow == flow && (*m)[last].column == column {
		(*m)[last].keys++
		return (*m)[last].keys
	}
	*m = append(*m, mapSize{column, flow, 1})
	return 1
}

// close forgets the maps that lie deeper than a column and a number of open brackets.
func (m *mapSizes) close(column, flow int) {
	for last := len(*m) - 1; last >= 0; last-- {
		if top := (*m)[last]; top.flow < flow || top.flow == flow && top.column <= column {
			return
		}
		*m = (*m)[:last]
	}
}

func (y yamlReader) origin(t *token.Token) Origin {
	if t == nil || t.Position == nil {
		return Origin{File: y.file, Line: 1, Column: 1}
	}
	return Origin{File: y.file, Line: max(t.Position.Line, 1), Column: max(t.Position.Column, 1)}
}

func (y yamlReader) node(value ast.Node, path string) *node {
	n := &node{path: path, origin: y.origin(value.GetToken())}
	switch v := value.(type) {
	case *ast.MappingNode:
		n.kind = mapKind
		n.origin = y.startOf(value)
		n.entries = y.entries(v.Values, path)
	case *ast.MappingValueNode:
		n.kind = mapKind
		n.origin = y.startOf(value)
		n.entries = y.entries([]*ast.MappingValueNode{v}, path)
	case *ast.SequenceNode:
		n.kind = listKind
		for i, item := range v.Values {
			n.items = append(n.items, y.node(item, fmt.Sprintf("%s[%d]", path, i)))
		}
	case *ast.LiteralNode:
		n.kind, n.quoted = textKind, true
		if v.Value != nil {
			n.text = v.Value.Value
		}
	case *ast.TagNode:
		n.kind, n.text = opaqueKind, v.Start.Value
		if v.Value != nil {
			n.items = []*node{y.node(v.Value, path)}
		}
	case *ast.NullNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.InfinityNode, *ast.NanNode:
		y.scalar(n, value.GetToken())
	default:
		y.report.add(n.origin, path, "this kind of YAML value is not read here; write a plain value")
		n.kind = nullKind
	}
	return n
}

func (y yamlReader) scalar(n *node, t *token.Token) {
	switch t.Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		n.kind, n.text, n.quoted = textKind, t.Value, true
	case token.ImplicitNullType:
		n.kind = nullKind
	default:
		n.text = strings.TrimSpace(t.Value)
		n.kind = resolvePlain(n.text)
	}
}

func (y yamlReader) entries(values []*ast.MappingValueNode, path string) []entry {
	entries := make([]entry, 0, len(values))
	first := make(map[string]Origin, len(values))
	for _, v := range values {
		at := y.origin(v.Key.GetToken())
		key := v.Key.GetToken().Value
		keyPath := join(path, key)
		if _, complex := v.Key.(*ast.MappingKeyNode); complex {
			y.report.add(at, path, "a key written with ? is not read here; write key: value")
			continue
		}
		if before, twice := first[key]; twice {
			y.report.add(at, keyPath, "the key is given twice, first on line %d; keep one", before.Line)
			continue
		}
		first[key] = at
		value := y.node(v.Value, keyPath)
		if value.kind == nullKind && value.text == "" {
			value.origin = at
		}
		entries = append(entries, entry{key: key, at: at, value: value})
	}
	return entries
}

// startOf finds where a block mapping begins: its own token is the colon after its first key.
func (y yamlReader) startOf(value ast.Node) Origin {
	switch v := value.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return y.origin(v.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return y.origin(v.Key.GetToken())
	}
	return y.origin(value.GetToken())
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
