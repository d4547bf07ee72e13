package present

import (
	"encoding/json"
	"io"

	"stackgate/internal/cli/app"
	"stackgate/internal/render/wording"
	"stackgate/internal/tail"
	"stackgate/internal/tail/tailtext"
)

// Tail writes a tail in a format, the root cause first.
func Tail(a *app.App, w io.Writer, doc tail.Document, format string) error {
	switch format {
	case app.JSON:
		return JSON(w, doc)
	case app.Markdown:
		return tailtext.Markdown(w, doc, tailtext.Options{})
	case app.HTML:
		return tailtext.HTML(w, doc, tailtext.Options{})
	}
	return tailText(a, w, doc, false)
}

// tailText writes a tail for the terminal; headed says that its headline stands above already.
func tailText(a *app.App, w io.Writer, doc tail.Document, headed bool) error {
	return tailtext.Terminal(w, doc, tailtext.Options{Width: a.Columns(), Color: a.ColorStdout(), ASCII: a.ASCII(), Headed: headed})
}

// JSON writes a value indented.
func JSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// JSONLine writes a value on one line.
func JSONLine(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// Mistakes counts what is wrong with the definitions.
func Mistakes(n int) string { return wording.Count(n, "mistake") + " in the definitions" }
