package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/render/html"
	"stackgate/internal/render/jsonout"
	"stackgate/internal/render/markdown"
	"stackgate/internal/store"
	"stackgate/internal/stream"
	"stackgate/internal/tail"
	"stackgate/internal/tail/tailtext"
	"stackgate/internal/web/wire"
)

// framing is what a policy within a page cannot say.
const framing = "; frame-ancestors 'none'"

// The forms of reviews and tails.
const (
	jsonMedia     = "application/json"
	htmlMedia     = "text/html"
	markdownMedia = "text/markdown"
)

func (h *Handler) review(w http.ResponseWriter, r *http.Request) error {
	media, err := choose(r, jsonMedia, htmlMedia, markdownMedia)
	if err != nil {
		return err
	}
	record, err := h.find(r)
	if err != nil {
		return err
	}
	review, err := h.loadReview(r, record)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	approvers, decided := record.Policy.Approvers(record.ReviewToDecide()), ""
	if record.Stage == deployment.StageFinished {
		decided = "The deployment is over: " + string(record.Outcome) + "."
	}
	switch media {
	case jsonMedia:
		err = jsonout.Render(&out, review, jsonout.Options{})
	case markdownMedia:
		err = markdown.Render(&out, review, markdown.Options{Now: h.options.Clock.Now(), Approval: approvers, Decided: decided})
	default:
		w.Header().Set("Content-Security-Policy", html.Policy(html.Stylesheet(), html.Script())+framing)
		err = html.Render(&out, review, html.Options{Now: h.options.Clock.Now(), Approval: approvers, Decided: decided})
	}
	if err != nil {
		return fmt.Errorf("render the review of %s: %w", record.ID, err)
	}
	write(w, http.StatusOK, charset(media), out.Bytes())
	return nil
}

func charset(media string) string {
	if media == jsonMedia {
		return media
	}
	return media + "; charset=utf-8"
}

func (h *Handler) loadReview(r *http.Request, record store.Record) (plan.Review, error) {
	if record.Review.Document == "" {
		if record.Stage == deployment.StageFinished {
			return plan.Review{}, problem(http.StatusNotFound, wire.NoReview, "%s has no review: it ended as %s before one was made", record.ID, record.Outcome).about(record.ID)
		}
		return plan.Review{}, problem(http.StatusNotFound, wire.NoReview, "%s has no review yet (%s)", record.ID, record.Stage).about(record.ID)
	}
	content, err := h.options.Store.Document(r.Context(), record.Review.Document)
	if err != nil {
		return plan.Review{}, fmt.Errorf("read the review of %s: %w", record.ID, err)
	}
	return plan.Decode(content)
}

func (h *Handler) tail(w http.ResponseWriter, r *http.Request) error {
	media, err := choose(r, jsonMedia, htmlMedia, markdownMedia)
	if err != nil {
		return err
	}
	record, err := h.find(r)
	if err != nil {
		return err
	}
	if record.Tail.Document == "" && record.Outcome.Failed() {
		text := fmt.Sprintf("%s ended as %s: %s No stack events were collected.", record.ID, record.Outcome, sentence(cmp.Or(record.Cause, record.Sentence())))
		for _, step := range record.Tail.Advice {
			text += " Next: " + sentence(step)
		}
		return problem(http.StatusNotFound, wire.NoTail, "%s", strings.TrimSuffix(text, ".")).about(record.ID)
	}
	if record.Tail.Document == "" {
		return problem(http.StatusNotFound, wire.NoTail, "%s has no tail: only a deployment that failed or left something behind has one", record.ID).about(record.ID)
	}
	content, err := h.options.Store.Document(r.Context(), record.Tail.Document)
	if err != nil {
		return fmt.Errorf("read the tail of %s: %w", record.ID, err)
	}
	if media == jsonMedia {
		write(w, http.StatusOK, jsonMedia, content)
		return nil
	}
	var doc tail.Document
	if err := json.Unmarshal(content, &doc); err != nil {
		return fmt.Errorf("read the tail of %s: %w", record.ID, err)
	}
	var out bytes.Buffer
	render := tailtext.Markdown
	if media == htmlMedia {
		render = tailtext.HTML
		policy, err := tailtext.Policy()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Security-Policy", policy+framing)
	}
	if err := render(&out, doc, tailtext.Options{}); err != nil {
		return fmt.Errorf("render the tail of %s: %w", record.ID, err)
	}
	write(w, http.StatusOK, charset(media), out.Bytes())
	return nil
}

// sentence ends a text with a full stop.
func sentence(text string) string { return strings.TrimRight(text, ". ") + "." }

// maxEvents is how many events an answer holds.
const maxEvents = 500

func (h *Handler) events(w http.ResponseWriter, r *http.Request) error {
	given, err := query(r, "after")
	if err != nil {
		return err
	}
	var after int64
	if text, found := given["after"]; found {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
			return problem(http.StatusBadRequest, wire.Malformed, "after is the number of an event, not %.16q", text)
		}
	}
	record, err := h.find(r)
	if err != nil {
		return err
	}
	answer := wire.Events{Schema: wire.EventsSchema}
	if h.options.Journal != nil {
		answer.Events, err = h.options.Journal.Events(r.Context(), record.ID, after, maxEvents)
	} else {
		answer.Events, err = h.told(r, record, after)
	}
	if err != nil {
		return err
	}
	answer.Events = append([]store.JournalEvent{}, answer.Events...)
	answer.Over = h.over(record, answer.Events)
	return writeJSON(w, http.StatusOK, answer)
}

// resultTime is how long after the end of a deployment its result is waited for in the journal. A process that dies between
// the two leaves none.
const resultTime = 10 * time.Second

func (h *Handler) over(record store.Record, events []store.JournalEvent) bool {
	if slices.ContainsFunc(events, func(e store.JournalEvent) bool { return e.Type == string(stream.Result) }) {
		return true
	}
	return record.Stage == deployment.StageFinished && len(events) == 0 &&
		(h.options.Journal == nil || h.options.Clock.Now().Sub(record.Times.Finished) > resultTime)
}

func (h *Handler) services(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	catalog, err := h.options.Catalog()
	if err != nil {
		return err
	}
	answer := wire.Services{Schema: wire.ServicesSchema, Services: []wire.Service{}}
	for _, s := range catalog.Services() {
		listed := wire.Service{Name: s.Name, Owner: s.Owner, Description: s.Description, Environments: []wire.Environment{}}
		for _, name := range s.Environments {
			d, err := catalog.Definition(s.Name, name)
			if err != nil {
				return fmt.Errorf("list %s: %w", s.Name, err)
			}
			listed.Environments = append(listed.Environments, wire.Environment{
				Name: name, Target: deployment.Target{Account: d.Account, Region: d.Region, StackName: d.StackName}, Approval: d.Approval,
			})
		}
		answer.Services = append(answer.Services, listed)
	}
	return writeJSON(w, http.StatusOK, answer)
}
