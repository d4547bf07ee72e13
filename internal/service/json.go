package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// jsonReader turns a JSON template into a node. encoding/json keeps no places, so it is read token by token.
type jsonReader struct {
	file    string
	content []byte
	decoder *json.Decoder
	report  *report
	// at is the place of offset, which only grows, so that a large file on one line is walked once.
	at     Origin
	offset int64
}

var errTooDeep = fmt.Errorf("it nests deeper than %d levels", maxDepth)

// readJSON parses one document. It returns nil where the file is not JSON; the report says why.
func readJSON(file string, content []byte, r *report) *node {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	j := &jsonReader{file: file, content: content, decoder: json.NewDecoder(bytes.NewReader(content)), report: r,
		at: Origin{File: file, Line: 1, Column: 1}}
	j.decoder.UseNumber()
	n, err := j.value("", 0)
	if err == nil {
		if _, err = j.decoder.Token(); errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			err = errors.New("something follows the end of the document")
		}
	}
	if err != nil {
		at := j.place(j.decoder.InputOffset())
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax):
			at = j.place(max(syntax.Offset-1, 0))
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			at, err = j.place(int64(len(content))), errors.New("the file ends too early")
		}
		r.add(at, "", "not valid JSON: %v", err)
		return nil
	}
	return n
}

func (j *jsonReader) value(path string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	n := &node{path: path, origin: j.next()}
	t, err := j.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			n.kind = mapKind
			err = j.entries(n, path, depth)
		} else {
			n.kind = listKind
			for i := 0; err == nil && j.decoder.More(); i++ {
				var item *node
				if item, err = j.value(fmt.Sprintf("%s[%d]", path, i), depth+1); err == nil {
					n.items = append(n.items, item)
				}
			}
		}
		if err != nil {
			return nil, err
		}
		_, err = j.decoder.Token()
		return n, err
	case string:
		n.kind, n.text, n.quoted = textKind, v, true
	case json.Number:
		n.kind, n.text = resolvePlain(v.String()), v.String()
	case bool:
		n.kind, n.text = booleanKind, fmt.Sprint(v)
	default:
		n.kind, n.text = nullKind, "null"
	}
	return n, nil
}

func (j *jsonReader) entries(n *node, path string, depth int) error {
	first := map[string]Origin{}
	for j.decoder.More() {
		at := j.next()
		t, err := j.decoder.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		value, err := j.value(join(path, key), depth+1)
		if err != nil {
			return err
		}
		if before, twice := first[key]; twice {
			j.report.add(at, join(path, key), "the key is given twice, first on line %d; keep one", before.Line)
			continue
		}
		first[key] = at
		n.entries = append(n.entries, entry{key: key, at: at, value: value})
	}
	return nil
}

// next returns the place of the token that the decoder reads next.
func (j *jsonReader) next() Origin {
	offset := j.decoder.InputOffset()
	for offset < int64(len(j.content)) && strings.IndexByte(" \t\r\n,:", j.content[offset]) >= 0 {
		offset++
	}
	return j.place(offset)
}

func (j *jsonReader) place(offset int64) Origin {
	if offset < j.offset {
		j.at, j.offset = Origin{File: j.file, Line: 1, Column: 1}, 0
	}
	passed := j.content[j.offset:min(offset, int64(len(j.content)))]
	j.offset += int64(len(passed))
	if lines := bytes.Count(passed, []byte("\n")); lines > 0 {
		j.at.Line += lines
		j.at.Column = 1
		passed = passed[bytes.LastIndexByte(passed, '\n')+1:]
	}
	j.at.Column += utf8.RuneCount(passed)
	return j.at
}
