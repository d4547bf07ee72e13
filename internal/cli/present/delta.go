package present

import (
	"io"

	"stackgate/internal/cli/app"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/jsonout"
	"stackgate/internal/render/markdown"
	"stackgate/internal/render/terminal"
)

// Delta writes what differs between two reviews in a format.
func Delta(a *app.App, w io.Writer, d delta.Document, format string, full bool) error {
	switch format {
	case app.JSON:
		return jsonout.RenderDelta(w, d)
	case app.Markdown:
		return markdown.RenderDelta(w, d, markdown.Options{Now: a.Clock.Now()})
	}
	return terminal.RenderDelta(w, d, terminal.Options{Width: a.Columns(), Color: a.ColorStdout(), ASCII: a.ASCII(), Full: full, Now: a.Clock.Now()})
}
