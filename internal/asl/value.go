package asl

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxDataBytes is what Step Functions lets a state, a task or an execution take in or give out, in bytes of UTF-8.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const maxDataBytes = 256 * 1024

// decodeValue reads one JSON text. Numbers stay as they were written, so that a large or a decimal number passes
// through a machine unchanged. Values are never changed in place afterwards, which is why states may share them.
func decodeValue(raw []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return value, nil
}

// encodeValue writes a value as compact JSON with sorted keys. Unlike encoding/json it escapes only what JSON demands:
// "<" must count as one byte against the limits, as it does on AWS.
func encodeValue(value any) json.RawMessage { return appendValue(nil, value) }

func appendValue(to []byte, value any) []byte {
	switch value := value.(type) {
	case bool:
		return strconv.AppendBool(to, value)
	case json.Number:
		return append(to, value...)
	case string:
		return appendString(to, value)
	case []any:
		to = append(to, '[')
		for i, item := range value {
			if i > 0 {
				to = append(to, ',')
			}
			to = appendValue(to, item)
		}
		return append(to, ']')
	case map[string]any:
		keys := make([]string, 0, len(value))
		for key := range value {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		to = append(to, '{')
		for i, key := range keys {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(appendString(to, key), ':')
			to = appendValue(to, value[key])
		}
		return append(to, '}')
	default:
		return append(to, "null"...)
	}
}

func appendString(to []byte, text string) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			to = append(to, '\\', byte(r))
		case r == '\n':
			to = append(to, '\\', 'n')
		case r == '\r':
			to = append(to, '\\', 'r')
		case r == '\t':
			to = append(to, '\\', 't')
		case r < ' ':
			to = append(to, '\\', 'u', '0', '0', hex[r>>4], hex[r&0xf])
		default:
			to = utf8.AppendRune(to, r)
		}
	}
	return append(to, '"')
}

// number returns a JSON number as the States Language compares it: as an IEEE 754 double.
func number(value any) (float64, bool) {
	text, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	// Out of range gives an infinity with the right sign, which compares as one would expect.
	parsed, _ := strconv.ParseFloat(string(text), 64)
	return parsed, true
}

// integer returns a JSON number written without fraction or exponent.
func integer(value any) (int64, bool) {
	text, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	parsed, err := strconv.ParseInt(string(text), 10, 64)
	return parsed, err == nil
}

func integerValue(n int64) any { return json.Number(strconv.FormatInt(n, 10)) }

// equalValues compares deeply; numbers are equal by value, so 1 equals 1.0.
func equalValues(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalValues)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			other, present := b[key]
			if !present || !equalValues(value, other) {
				return false
			}
		}
		return true
	case json.Number:
		x, _ := number(a)
		y, ok := number(b)
		return ok && x == y
	default:
		switch b.(type) {
		case []any, map[string]any:
			return false
		}
		return a == b
	}
}

// shorten cuts a text to at most limit characters.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for i := range text {
		if limit == 0 {
			return text[:i]
		}
		limit--
	}
	return text
}
