// Package html renders a review as one self-contained web page, or as the parts of which another page is made. It serves
// nothing and takes no decision in: the approval page brings its own form.
package html

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
)

//go:embed templates style.css script.js
var files embed.FS

// Options say what the page knows beside the review.
type Options struct {
	// Now is the time to which ages refer; the zero time prints points in time instead.
	Now time.Time
	// Approval says whose approval is needed; empty: not known.
	Approval string
	// Decided replaces the request for approval where there is nothing left to decide: "Approved by a.lee."
	Decided string
	// As is added to the command that approves: " --as NAME" where nobody verifies who approves.
	As string
	// AckForm is the id of a form on the embedding page. Where it is set, each change that needs an acknowledgement has a
	// checkbox of that form, with the name "ack" and its number as value.
	AckForm string
	// Acked are the numbers of the checkboxes that are ticked already.
	Acked []int
}

// Parts are the pieces of the page, to be put into another one. They need Stylesheet, work without Script, and hold one h1,
// in Summary. Their ids begin with "c-" for changes and with "s-" for sections.
type Parts struct {
	// Bar names environment, account, region and stack.
	Bar template.HTML
	// Summary holds title, verdict, warnings and provenance.
	Summary template.HTML
	// Changes holds the navigation, every change, what belongs to the stack, the limits and the digests.
	Changes template.HTML
}

// Render writes the whole page. It has no form and loads nothing.
func Render(w io.Writer, r plan.Review, o Options) error {
	page, err := templates()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	view := struct {
		reviewView
		Policy string
		Style  template.CSS
		Script template.JS
		Single bool
	}{newView(r, o), Policy(Stylesheet(), Script()),
		template.CSS(Stylesheet()), template.JS(Script()), true}
	if err := page.ExecuteTemplate(&out, "page.gohtml", view); err != nil {
		return fmt.Errorf("render review of %s as HTML: %w", wording.Title(r), err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write review of %s: %w", wording.Title(r), err)
	}
	return nil
}

// Fragments renders the parts for an embedding page.
func Fragments(r plan.Review, o Options) (Parts, error) {
	page, err := templates()
	if err != nil {
		return Parts{}, err
	}
	view := newView(r, o)
	var parts [3]template.HTML
	for i, name := range []string{"bar", "summary", "changes"} {
		var out bytes.Buffer
		if err := page.ExecuteTemplate(&out, name, view); err != nil {
			return Parts{}, fmt.Errorf("render %s of the review of %s as HTML: %w", name, wording.Title(r), err)
		}
		parts[i] = template.HTML(out.String())
	}
	return Parts{Bar: parts[0], Summary: parts[1], Changes: parts[2]}, nil
}

func templates() (*template.Template, error) {
	page, err := template.ParseFS(files, "templates/*.gohtml")
	if err != nil {
		return nil, fmt.Errorf("parse the templates of the review page: %w", err)
	}
	return page, nil
}

// Stylesheet is the content of the page's one style element.
func Stylesheet() string { return read("style.css") }

// Script is the content of the page's one script element: filter, keys, printing. The page is complete without it.
func Script() string { return read("script.js") }

// Policy is the Content-Security-Policy of a page that has one style element and at most one script element, loads nothing
// and sends nothing. Without a script none may run.
func Policy(style, script string) string {
	policy := "default-src 'none'; style-src " + source(style)
	if script != "" {
		policy += "; script-src " + source(script)
	}
	return policy + "; base-uri 'none'; form-action 'none'"
}

// StyleSource allows Stylesheet in the style-src of a Content-Security-Policy: a quoted hash.
func StyleSource() string { return source(Stylesheet()) }

// ScriptSource allows Script in the script-src of a Content-Security-Policy: a quoted hash.
func ScriptSource() string { return source(Script()) }

func source(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func read(name string) string {
	content, err := files.ReadFile(name)
	if err != nil {
		// The name is a constant above, and the file is inside the binary.
		return ""
	}
	return string(content)
}
