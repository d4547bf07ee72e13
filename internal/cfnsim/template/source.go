package template

import (
	"fmt"
	"slices"
	"strings"
)

// maxDepth bounds the nesting of a template. CloudFormation publishes no number; its own parsers refuse long before.
const maxDepth = 200

// parseSource turns template text into maps, lists and strings. Every scalar becomes its text, because CloudFormation
// treats 5 and "5", true and "true" as the same value and reports all of them as strings in change sets.
func parseSource(body string) (any, error) {
	if depthAbove(body, maxDepth) {
		return nil, &Error{fmt.Sprintf("Template format error: the template is nested deeper than %d levels.", maxDepth)}
	}
	var root any
	var err error
	if strings.HasPrefix(strings.TrimLeft(body, " \t\r\n\ufeff"), "{") {
		root, err = parseJSON(body)
	} else {
		root, err = parseYAML(body)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := root.(map[string]any); !ok {
		return nil, &Error{"Template format error: unsupported structure."}
	}
	if path := findNull(root, ""); path != "" {
		return nil, &Error{fmt.Sprintf("[%s] 'null' values are not allowed in templates", path)}
	}
	return root, nil
}

// depthAbove is a cheap upper estimate made before the recursive parsers see the text, so that a hostile template
// costs an error and not the process's stack.
func depthAbove(body string, limit int) bool {
	const indicators = 4
	flow := 0
	for line := range strings.Lines(body) {
		inline, started := 0, false
		for i := 0; i < len(line); i++ {
			switch c := line[i]; c {
			case '{', '[':
				flow++
			case '}', ']':
				flow = max(flow-1, 0)
			case '-', '?', ':', '!', '&', '>', '|', '*':
				if !started || c == '!' || c == '&' || c == ':' {
					inline++
				}
			case ' ', '\t':
			default:
				started = true
			}
			if flow > limit {
				return true
			}
		}
		if inline > limit*indicators {
			return true
		}
		if len(line)-len(strings.TrimLeft(line, " -?\t")) > limit*16 {
			return true
		}
	}
	return false
}

// findNull returns the path of the first null value in key order, or "".
func findNull(v any, path string) string {
	switch v := v.(type) {
	case nil:
		if path == "" {
			return "/"
		}
		return path
	case map[string]any:
		for _, key := range sortedKeys(v) {
			if found := findNull(v[key], path+"/"+key); found != "" {
				return found
			}
		}
	case []any:
		for i, item := range v {
			if found := findNull(item, fmt.Sprintf("%s/%d", path, i)); found != "" {
				return found
			}
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
