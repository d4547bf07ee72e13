package template

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// shortForms are the functions that have a YAML tag. Ref and Condition keep their plain names in the long form.
var shortForms = map[string]string{
	"!Ref": "Ref", "!Condition": "Condition",
	"!And": "Fn::And", "!Base64": "Fn::Base64", "!Cidr": "Fn::Cidr", "!Equals": "Fn::Equals",
	"!FindInMap": "Fn::FindInMap", "!GetAZs": "Fn::GetAZs", "!GetAtt": "Fn::GetAtt", "!If": "Fn::If",
	"!ImportValue": "Fn::ImportValue", "!Join": "Fn::Join", "!Not": "Fn::Not", "!Or": "Fn::Or",
	"!Select": "Fn::Select", "!Split": "Fn::Split", "!Sub": "Fn::Sub", "!Transform": "Fn::Transform",
	"!Length": "Fn::Length", "!ToJsonString": "Fn::ToJsonString",
}

func parseYAML(body string) (any, error) {
	file, err := parser.ParseBytes([]byte(body), 0)
	if err != nil {
		return nil, malformedYAML(err)
	}
	if len(file.Docs) == 0 || file.Docs[0] == nil || file.Docs[0].Body == nil {
		return nil, &Error{"Template format error: unsupported structure."}
	}
	return fromNode(file.Docs[0].Body)
}

func malformedYAML(err error) error {
	var located yaml.Error
	if errors.As(err, &located) {
		if tok := located.GetToken(); tok != nil && tok.Position != nil {
			return malformedAt(tok)
		}
	}
	return &Error{"Template format error: YAML not well-formed."}
}

func malformedAt(tok *token.Token) error {
	if tok == nil || tok.Position == nil {
		return &Error{"Template format error: YAML not well-formed."}
	}
	return &Error{fmt.Sprintf("Template format error: YAML not well-formed. (line %d, column %d)", tok.Position.Line, tok.Position.Column)}
}

func fromNode(node ast.Node) (any, error) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return fromPairs(n.Values)
	case *ast.MappingValueNode:
		return fromPairs([]*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for _, item := range n.Values {
			v, err := fromNode(item)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case *ast.TagNode:
		return fromTag(n)
	case *ast.AnchorNode:
		if n.Value == nil {
			return nil, malformedAt(n.Start)
		}
		return fromNode(n.Value)
	case *ast.AliasNode, *ast.MergeKeyNode:
		return nil, &Error{"Template error: YAML aliases are not allowed in CloudFormation templates"}
	default:
		return fromScalar(node)
	}
}

func fromScalar(node ast.Node) (any, error) {
	switch n := node.(type) {
	case nil:
		return nil, nil
	case *ast.NullNode:
		return nil, nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		if n.Value == nil {
			return "", nil
		}
		return n.Value.Value, nil
	case *ast.BoolNode:
		return strconv.FormatBool(n.Value), nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		// The text as written: an account id with a leading zero must survive.
		return strings.TrimSpace(node.GetToken().Value), nil
	default:
		return nil, malformedAt(node.GetToken())
	}
}

func fromPairs(pairs []*ast.MappingValueNode) (any, error) {
	m := make(map[string]any, len(pairs))
	for _, pair := range pairs {
		if _, merge := pair.Key.(*ast.MergeKeyNode); merge {
			return nil, &Error{"Template error: YAML aliases are not allowed in CloudFormation templates"}
		}
		key, err := fromNode(pair.Key)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, malformedAt(pair.GetToken())
		}
		value, err := fromNode(pair.Value)
		if err != nil {
			return nil, err
		}
		m[name] = value
	}
	return m, nil
}

func fromTag(n *ast.TagNode) (any, error) {
	if n.Start == nil {
		return nil, malformedAt(nil)
	}
	tag := n.Start.Value
	var value any
	var err error
	if n.Value != nil {
		if value, err = fromNode(n.Value); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(tag, "!!") {
		return value, nil
	}
	name, known := shortForms[tag]
	if !known {
		return nil, malformedAt(n.Start)
	}
	if text, isText := value.(string); isText && name == "Fn::GetAtt" {
		logicalID, attribute, found := strings.Cut(text, ".")
		if !found {
			return map[string]any{name: text}, nil
		}
		return map[string]any{name: []any{logicalID, attribute}}, nil
	}
	return map[string]any{name: value}, nil
}
