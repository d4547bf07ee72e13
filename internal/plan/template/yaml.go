package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxDepth is far beyond any template; it ends hostile nesting.
const maxDepth = 200

func parseYAML(body []byte) (value any, err error) {
	file, err := parser.ParseBytes(body, 0)
	if err != nil {
		return nil, fmt.Errorf("parse YAML: %w", err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, errors.New("parse YAML: the document is empty")
	}
	return convert(file.Docs[0].Body, 0)
}

func convert(node ast.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("parse YAML: nested too deep")
	}
	switch n := node.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.MappingNode:
		return convertMapping(n.Values, depth)
	case *ast.MappingValueNode:
		return convertMapping([]*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for _, element := range n.Values {
			value, err := convert(element, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case *ast.TagNode:
		return convertTag(n, depth)
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.IntegerNode:
		return number(n.GetToken().Value), nil
	case *ast.FloatNode:
		return number(n.GetToken().Value), nil
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode:
		return nil, fmt.Errorf("parse YAML: line %d: CloudFormation knows no anchors and aliases", node.GetToken().Position.Line)
	}
	return node.String(), nil
}

func convertMapping(values []*ast.MappingValueNode, depth int) (any, error) {
	object := make(map[string]any, len(values))
	for _, pair := range values {
		value, err := convert(pair.Value, depth+1)
		if err != nil {
			return nil, err
		}
		key, err := convert(pair.Key, depth+1)
		if err != nil {
			return nil, err
		}
		object[fmt.Sprint(key)] = value
	}
	return object, nil
}

// convertTag writes a short form out: !Ref X becomes {"Ref": "X"}, !GetAtt A.B becomes {"Fn::GetAtt": ["A", "B"]}.
func convertTag(n *ast.TagNode, depth int) (any, error) {
	value, err := convert(n.Value, depth+1)
	if err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(n.Start.Value, "!")
	switch {
	case strings.HasPrefix(name, "!"): // !!str and the like
		return value, nil
	case name == "Ref" || name == "Condition":
		return map[string]any{name: value}, nil
	case name == "GetAtt":
		if text, ok := value.(string); ok {
			resource, attribute, _ := strings.Cut(text, ".")
			value = []any{resource, attribute}
		}
	}
	return map[string]any{"Fn::" + name: value}, nil
}
