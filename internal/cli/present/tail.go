package present

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/exit"
	"stackgate/internal/render/wording"
	"stackgate/internal/store"
	"stackgate/internal/tail"
)

// LoadTail reads the tail of a deployment that failed.
func LoadTail(ctx context.Context, documents Documents, r store.Record) (tail.Document, error) {
	if r.Tail.Document == "" {
		return tail.Document{}, exit.Usagef("%s has no tail: only a deployment whose change set or stack failed has one; see: stackgate status %s", r.ID, r.ID.Short())
	}
	content, err := documents.Document(ctx, r.Tail.Document)
	if err != nil {
		return tail.Document{}, fmt.Errorf("read the tail of %s: %w", r.ID, err)
	}
	var doc tail.Document
	if err := json.Unmarshal(content, &doc); err != nil {
		return tail.Document{}, fmt.Errorf("read the tail of %s: %w", r.ID, err)
	}
	return doc, nil
}

// Tail writes a tail in a format, the root cause first.
func Tail(a *app.App, w io.Writer, doc tail.Document, format string) error {
	switch format {
	case app.JSON:
		return JSON(w, doc)
	case app.Markdown:
		return tailMarkdown(w, doc)
	}
	return tailText(a, w, doc)
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

func tailText(a *app.App, w io.Writer, doc tail.Document) error {
	p := a.Pen()
	var out strings.Builder
	line := func(indent int, text string) {
		out.WriteString(Wrap(text, indent, a.Columns()) + "\n")
	}
	title := func(text string) { out.WriteString("\n" + p.Bold(text) + "\n") }
	line(0, p.Red("Root cause")+"  "+p.Clean(doc.Headline))
	if f := doc.RootCause; f != nil {
		line(2, p.Clean(f.Path)+"  "+p.Dim(p.Clean(f.Type))+"  "+p.Red(p.Clean(f.Status))+at(f.Time.IsZero(), f.Time.UTC().Format(" 15:04:05 UTC")))
		line(2, p.Clean(f.Reason))
	}
	if len(doc.Advice) > 0 {
		title("What to do")
		for _, advice := range doc.Advice {
			line(2, p.Clean(advice))
		}
	}
	for _, part := range []struct {
		title    string
		failures []tail.Failure
	}{{"Also failed", doc.Failures}, {"Failed while it was undone", doc.RollbackProblems}} {
		if len(part.failures) == 0 {
			continue
		}
		title(part.title)
		for _, f := range part.failures {
			line(2, p.Clean(f.Path)+"  "+p.Red(p.Clean(f.Status))+"  "+p.Clean(f.Reason))
		}
	}
	if doc.Cancelled > 0 {
		out.WriteString("\n")
		line(0, fmt.Sprintf("%d more stopped only because of it.", doc.Cancelled))
	}
	if len(doc.Leftovers) > 0 {
		title("Left behind in the account")
		for _, l := range doc.Leftovers {
			line(2, p.Clean(l.Path)+"  "+p.Clean(l.PhysicalID)+"  "+p.Dim(p.Clean(l.Type)))
		}
	}
	title(fmt.Sprintf("Events  %d of %d, newest last", len(doc.Events), doc.EventCount))
	for _, e := range doc.Events {
		line(2, eventLine(p, e))
	}
	for _, note := range append(append([]string{}, doc.Warnings...), doc.Notes...) {
		line(0, p.Dim(p.Clean("note: "+note)))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func eventLine(p app.Pen, e tail.Entry) string {
	status := fmt.Sprintf("%-24s", p.Clean(e.Status))
	if strings.HasSuffix(e.Status, "_FAILED") {
		status = p.Red(status)
	}
	text := p.Dim(e.Time.UTC().Format("15:04:05")) + "  " + status + "  " + p.Clean(e.Path)
	if e.Reason != "" {
		text += "  " + p.Clean(e.Reason)
	}
	return text
}

func at(missing bool, text string) string {
	if missing {
		return ""
	}
	return text
}

func tailMarkdown(w io.Writer, doc tail.Document) error {
	var out strings.Builder
	code := func(s string) string {
		return "`" + strings.NewReplacer("`", "'", "\n", " ", "|", `\|`).Replace(app.Pen{}.Clean(s)) + "`"
	}
	fmt.Fprintf(&out, "### %s failed\n\n", code(doc.StackName))
	if f := doc.RootCause; f != nil {
		fmt.Fprintf(&out, "**Root cause** %s (%s) %s\n\n> %s\n\n", code(f.Path), code(f.Type), code(f.Status), code(f.Reason))
	} else {
		fmt.Fprintf(&out, "%s\n\n", code(doc.Headline))
	}
	for _, advice := range doc.Advice {
		fmt.Fprintf(&out, "- %s\n", code(advice))
	}
	fmt.Fprintf(&out, "\n%d of %d events, newest last\n\n| time | status | resource | reason |\n|---|---|---|---|\n", len(doc.Events), doc.EventCount)
	for _, e := range doc.Events {
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", e.Time.UTC().Format("15:04:05"), code(e.Status), code(e.Path), code(e.Reason))
	}
	_, err := io.WriteString(w, out.String())
	return err
}
