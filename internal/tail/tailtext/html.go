package tailtext

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"stackgate/internal/render/hostile"
	"stackgate/internal/render/html"
	"stackgate/internal/tail"
)

//go:embed templates tail.css
var files embed.FS

// HTML writes the document as one self-contained page in the manner of the review's: it loads nothing, runs no script and
// has no form. Options have no meaning here; times are UTC.
func HTML(w io.Writer, doc tail.Document, _ Options) error {
	page, err := template.ParseFS(files, "templates/*.gohtml")
	if err != nil {
		return fmt.Errorf("parse the template of the tail's page: %w", err)
	}
	style, err := stylesheet()
	if err != nil {
		return err
	}
	view := struct {
		tailView
		Policy string
		Style  template.CSS
	}{newView(doc), html.Policy(style, ""), template.CSS(style)}
	var out bytes.Buffer
	if err := page.ExecuteTemplate(&out, "tail.gohtml", view); err != nil {
		return fmt.Errorf("render the tail of stack %s as HTML: %w", doc.StackName, err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the tail of stack %s: %w", doc.StackName, err)
	}
	return nil
}

// stylesheet is the content of the page's one style element.
func stylesheet() (string, error) {
	own, err := files.ReadFile("tail.css")
	if err != nil {
		return "", fmt.Errorf("read the style of the tail's page: %w", err)
	}
	return html.Stylesheet() + string(own), nil
}

// Policy is the Content-Security-Policy of the page, for whoever serves it.
func Policy() (string, error) {
	style, err := stylesheet()
	return html.Policy(style, ""), err
}

// The views hold text that is visible, which hostile.Visible sees to, and not yet escaped, which html/template sees to.
type tailView struct {
	Title, Headline, Badge, Level, Stack, Account, Region, Cancelled, First string
	Facts                                                                   []factView
	Parts                                                                   []partView
}

type factView struct{ Label, Text, Link string }

// partView is a section of the page; it holds one kind of content.
type partView struct {
	ID, Title, Remark, Level string
	Count                    int
	Steps, Lines             [][]pieceView
	Failures                 []failureView
	Leftovers                []leftoverView
	Spans                    []spanView
	Events                   []eventView
}

// pieceView is a piece of a sentence: prose, or a command to be copied.
type pieceView struct {
	Text    string
	Command bool
}

type failureView struct {
	Path, Type, Sentence string
	Facts                []factView
}

type leftoverView struct{ Path, Type, Physical, Why string }

type spanView struct {
	Path, Type, Begun, Took, Mark, Result, Class string
	// X and Width place the bar on a line of 1000; Width is 0 where times are missing.
	X, Width int
}

type eventView struct{ Path, Time, Mark, Status, Reason, Class string }

// seen is one line that acts on no reader.
func seen(text string) string { return hostile.Visible(strings.Join(strings.Fields(text), " ")) }

func newView(doc tail.Document) tailView {
	view := tailView{
		Title: "Stack " + seen(doc.StackName), Headline: seen(doc.Headline), Stack: seen(doc.StackName), Level: "low", Badge: "no failure",
	}
	if arn := strings.SplitN(doc.StackID, ":", 6); len(arn) == 6 && arn[0] == "arn" {
		view.Region, view.Account = seen(arn[3]), seen(arn[4])
	}
	switch {
	case doc.RootCause != nil:
		view.Level, view.Badge = "critical", "root cause"
	case !succeeded(doc):
		view.Level, view.Badge = "medium", "no cause found"
	}
	if doc.Outcome != "" {
		view.Title += ": " + seen(doc.Outcome)
	}
	fact := func(label, text string) {
		if text != "" {
			view.Facts = append(view.Facts, factView{Label: label, Text: seen(text)})
		}
	}
	fact("Status", doc.Status)
	if doc.ChangeSet != nil {
		fact("Change set", doc.ChangeSet.Name)
	}
	if doc.RootCause != nil {
		view.Facts = append(view.Facts, factsOf(*doc.RootCause)...)
	}
	if doc.Cancelled > 0 {
		view.Cancelled = counted(doc.Cancelled, "other resource was", "other resources were") + " cancelled because of it."
	}
	view.Parts = parts(doc)
	view.First = "title"
	if len(view.Parts) > 0 {
		view.First = view.Parts[0].ID
	}
	return view
}

// parts are the sections that have content: what to do first, then what broke beside the root cause, then what happened.
func parts(doc tail.Document) []partView {
	events := partView{ID: "events", Title: "Events", Level: "info", Count: len(doc.Events), Events: eventRows(doc)}
	if len(doc.Events) < doc.EventCount {
		events.Remark = fmt.Sprintf("the %d most telling of %d", len(doc.Events), doc.EventCount)
	}
	all := []partView{
		{ID: "advice", Title: "What to do", Level: "low", Count: len(doc.Advice), Steps: sentences(doc.Advice)},
		{ID: "failures", Title: "Failed as well", Level: "critical", Count: len(doc.Failures), Failures: failures(doc.Failures, doc)},
		{ID: "rollback", Title: "Failed while rolling back", Level: "critical", Count: len(doc.RollbackProblems), Failures: failures(doc.RollbackProblems, doc)},
		{ID: "leftovers", Title: "Left behind", Remark: "in the account, belonging to no stack", Level: "medium", Count: len(doc.Leftovers), Leftovers: left(doc)},
		{ID: "warnings", Title: "Warnings", Level: "medium", Count: len(doc.Warnings), Lines: sentences(doc.Warnings)},
		{ID: "notes", Title: "Notes", Level: "info", Count: len(doc.Notes), Lines: sentences(doc.Notes)},
		{ID: "timeline", Title: "Timeline", Level: "info", Count: len(doc.Timeline), Spans: spans(doc)},
		events,
	}
	return slices.DeleteFunc(all, func(p partView) bool { return p.Count == 0 })
}

// sentences cuts lines at their backticks: what stands between two is a command.
func sentences(lines []string) [][]pieceView {
	var all [][]pieceView
	for _, line := range lines {
		var pieces []pieceView
		cut := strings.Split(line, "`")
		for i, text := range cut {
			// A backtick without its other half is text.
			command := i%2 == 1 && i+1 < len(cut)
			if i%2 == 1 && !command {
				text = "`" + text
			}
			if command {
				pieces = append(pieces, pieceView{seen(text), true})
			} else if text = hostile.Visible(strings.NewReplacer("\n", " ", "\t", " ").Replace(text)); text != "" {
				pieces = append(pieces, pieceView{text, false})
			}
		}
		all = append(all, pieces)
	}
	return all
}

func factsOf(failure tail.Failure) []factView {
	var all []factView
	for _, fact := range facts(failure) {
		all = append(all, factView{Label: strings.ToUpper(fact[0][:1]) + fact[0][1:], Text: seen(fact[1])})
	}
	if failure.Hook != nil {
		for _, annotation := range failure.Hook.Annotations {
			if link := hostile.Link(annotation.Link); link != "" {
				all = append(all, factView{Label: "Rule's page", Text: seen(annotation.Link), Link: link})
			}
		}
	}
	return all
}

func failures(list []tail.Failure, doc tail.Document) []failureView {
	var all []failureView
	for _, failure := range list {
		view := failureView{Path: seen(subject(failure, doc)), Sentence: seen(failure.Summary), Facts: factsOf(failure)}
		if failure.Path != "" {
			view.Type = seen(failure.Type)
		}
		if failure.Message != "" {
			view.Sentence += ": " + seen(failure.Message)
		}
		all = append(all, view)
	}
	return all
}

func left(doc tail.Document) []leftoverView {
	var all []leftoverView
	for _, l := range doc.Leftovers {
		why := leftoverWord(l.Kind)
		if l.Reason != "" {
			why += ": " + l.Reason
		}
		all = append(all, leftoverView{seen(l.Path), seen(l.Type), seen(l.PhysicalID), seen(why)})
	}
	return all
}

func spans(doc tail.Document) []spanView {
	var first, last time.Time
	for _, span := range doc.Timeline {
		if at := begun(span); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
		if span.End.After(last) {
			last = span.End
		}
	}
	var all []spanView
	for _, span := range doc.Timeline {
		s := signOf(span.Result)
		view := spanView{
			Path: seen(span.Path), Type: seen(span.Type), Begun: moment(begun(span)), Took: lasted(span), Mark: s.mark,
			Result: seen(span.Action + " " + s.word),
		}
		if note := spanNote(span); note != "" {
			view.Result += ", " + seen(note)
		}
		switch {
		case span.RootCause:
			view.Class = "cause"
		case s.style == red:
			view.Class = "failed"
		}
		if whole := last.Sub(first).Seconds(); span.Seconds != nil && whole > 0 {
			view.X = min(int(1000*begun(span).Sub(first).Seconds()/whole), 995)
			view.Width = max(min(int(1000**span.Seconds/whole), 1000-view.X), 5)
		}
		all = append(all, view)
	}
	return all
}

func eventRows(doc tail.Document) []eventView {
	var all []eventView
	for _, entry := range doc.Events {
		s := signOfStatus(entry.Status)
		view := eventView{Path: seen(entryPath(entry, doc)), Time: moment(entry.Time), Mark: s.mark, Status: seen(entry.Status), Reason: seen(entry.Reason)}
		if s.style == red {
			view.Class = "failed"
		}
		all = append(all, view)
	}
	return all
}
