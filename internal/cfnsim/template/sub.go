package template

import (
	"fmt"
	"strings"
)

// subPart is either literal text or, when name is set, a ${name} to replace.
type subPart struct{ literal, name string }

// splitSub takes a Fn::Sub text apart. ${!Literal} stays as ${Literal}.
func splitSub(text string) []subPart {
	var parts []subPart
	for {
		start := strings.Index(text, "${")
		if start < 0 {
			break
		}
		end := strings.Index(text[start:], "}")
		if end < 0 {
			break
		}
		name := text[start+2 : start+end]
		parts = append(parts, subPart{literal: text[:start]})
		if escaped, isLiteral := strings.CutPrefix(name, "!"); isLiteral {
			parts = append(parts, subPart{literal: "${" + escaped + "}"})
		} else {
			parts = append(parts, subPart{name: strings.TrimSpace(name)})
		}
		text = text[start+end+1:]
	}
	return append(parts, subPart{literal: text})
}

func subArguments(argument any) (string, map[string]any) {
	if text, ok := argument.(string); ok {
		return text, nil
	}
	items, _ := argument.([]any)
	if len(items) != 2 {
		return "", nil
	}
	text, _ := items[0].(string)
	variables, _ := items[1].(map[string]any)
	return text, variables
}

func (s *Scope) sub(argument any) (any, error) {
	text, variables := subArguments(argument)
	var out strings.Builder
	for _, part := range splitSub(text) {
		if part.name == "" {
			out.WriteString(part.literal)
			continue
		}
		value, err := s.subVariable(part.name, variables)
		if err != nil {
			return nil, err
		}
		replacement, ok := value.(string)
		if !ok {
			return nil, &Error{fmt.Sprintf("Template error: variable %s in Fn::Sub expression does not resolve to a string", part.name)}
		}
		out.WriteString(replacement)
	}
	return out.String(), nil
}

func (s *Scope) subVariable(name string, variables map[string]any) (any, error) {
	if expression, bound := variables[name]; bound {
		return s.evaluate(expression)
	}
	if id, attribute, dotted := strings.Cut(name, "."); dotted && !strings.HasPrefix(name, "AWS::") {
		return s.getAtt([]any{id, attribute})
	}
	return s.reference(name)
}
