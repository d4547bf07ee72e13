// Package jsonout writes a review as indented JSON: exactly the document, and nothing beside it. It is not where the
// document is defined or encoded, which is package plan.
package jsonout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/hostile"
)

// Options is empty: the document has one form.
type Options struct{}

// Render writes the document, indented by two spaces, with a line break at its end. Characters that act on a terminal are
// written as JSON escapes, which changes the text and not the document.
func Render(w io.Writer, r plan.Review, _ Options) error {
	compact, err := plan.Encode(r)
	if err != nil {
		return err
	}
	if err := write(w, compact); err != nil {
		return fmt.Errorf("write review of %s: %w", r.Target.StackName, err)
	}
	return nil
}

// RenderDelta writes the comparison of two reviews, in the form of Render.
func RenderDelta(w io.Writer, d delta.Document) error {
	compact, err := json.Marshal(d)
	if err == nil {
		err = write(w, compact)
	}
	if err != nil {
		return fmt.Errorf("write comparison of %s and %s: %w", d.From.Name, d.To.Name, err)
	}
	return nil
}

func write(w io.Writer, compact []byte) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		return err
	}
	indented.WriteByte('\n')
	_, err := w.Write(escape(indented.Bytes()))
	return err
}

// escape relies on encoding/json: what is left unescaped outside ASCII can only stand inside a string, and is valid UTF-8.
func escape(document []byte) []byte {
	out := make([]byte, 0, len(document))
	for i := 0; i < len(document); {
		if b := document[i]; b < utf8.RuneSelf && b != 0x7f {
			out = append(out, b)
			i++
			continue
		}
		r, size := utf8.DecodeRune(document[i:])
		switch {
		case !hostile.Acts(r):
			out = append(out, document[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}
