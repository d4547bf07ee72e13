package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

func parseJSON(body string) (any, error) {
	body = strings.TrimPrefix(body, "\ufeff")
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	var root any
	if err := decoder.Decode(&root); err != nil {
		return nil, malformedJSON(body, jsonErrorOffset(err, decoder.InputOffset()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, malformedJSON(body, decoder.InputOffset())
	}
	return scalarsToText(root), nil
}

func jsonErrorOffset(err error, read int64) int64 {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Offset - 1
	}
	return read
}

func malformedJSON(body string, offset int64) error {
	line, column := position(body, offset)
	return &Error{fmt.Sprintf("Template format error: JSON not well-formed. (line %d, column %d)", line, column)}
}

func position(body string, offset int64) (line, column int) {
	before := body[:min(max(offset, 0), int64(len(body)))]
	line = strings.Count(before, "\n") + 1
	return line, len(before) - strings.LastIndex(before, "\n")
}

func scalarsToText(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = scalarsToText(item)
		}
		return v
	case []any:
		for i, item := range v {
			v[i] = scalarsToText(item)
		}
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return v
	}
}
