// Package web is the front door over HTTP: what is asked is read strictly, handed to the front door, and answered as JSON, as
// a review in a form that the caller prefers, or as a problem. It establishes nobody's identity: whoever serves it puts the
// caller into the request's context.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Door is the front door.
type Door interface {
	RequestOnce(ctx context.Context, caller frontdoor.Caller, ask frontdoor.Ask, key string) (record store.Record, repeated bool, err error)
	Abandon(ctx context.Context, id deployment.ID, why string) (store.Record, error)
	Find(ctx context.Context, idOrSuffix string) (store.Record, error)
	Decide(ctx context.Context, caller frontdoor.Caller, id deployment.ID, answer frontdoor.Answer) (frontdoor.Decided, error)
	Cancel(ctx context.Context, caller frontdoor.Caller, id deployment.ID, reason string) (store.Record, error)
}

// Store is the store as it is read here. What is written is written by the front door.
type Store interface {
	Records(ctx context.Context, f store.Filter) ([]store.Record, error)
	Decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error)
	Document(ctx context.Context, key string) ([]byte, error)
}

// Journal gives the events of a deployment, where a store keeps them.
type Journal interface {
	Events(ctx context.Context, id deployment.ID, afterSeq int64, limit int) ([]store.JournalEvent, error)
}

// Catalog lists what can be deployed.
type Catalog interface {
	Services() []service.Service
	Definition(serviceName, environment string) (service.Definition, error)
}

// Starter starts the state machine of a requested deployment. Starting it again changes nothing.
type Starter interface {
	Start(ctx context.Context, r store.Record) error
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Tracker is told of what nobody expected, without bodies or values.
type Tracker interface {
	Unexpected(ctx context.Context, what string, err error)
}

// Options are what a handler is made of.
type Options struct {
	Door  Door
	Store Store
	// Catalog is called when services are listed; it may fail where definitions are read late.
	Catalog func() (Catalog, error)
	// Starter may be nil where whoever requests also runs the flow.
	Starter Starter
	// Journal may be nil: events are then told from the record.
	Journal Journal
	Clock   Clock
	Log     *slog.Logger
	// Tracker may be nil.
	Tracker Tracker
	// Candid tells callers the causes of what went wrong here. It is for handlers that serve their own process only.
	Candid bool
}

// Handler answers calls.
type Handler struct {
	options Options
	mux     *http.ServeMux
}

// New makes a handler.
func New(o Options) *Handler {
	h := &Handler{options: o, mux: http.NewServeMux()}
	h.route("/deployments", methods{http.MethodGet: h.list, http.MethodPost: h.request})
	h.route("/deployments/{id}", methods{http.MethodGet: h.deployment})
	h.route("/deployments/{id}/review", methods{http.MethodGet: h.review})
	h.route("/deployments/{id}/tail", methods{http.MethodGet: h.tail})
	h.route("/deployments/{id}/events", methods{http.MethodGet: h.events})
	h.route("/deployments/{id}/decisions", methods{http.MethodPost: h.decide})
	h.route("/deployments/{id}/cancel", methods{http.MethodPost: h.cancel})
	h.route("/services", methods{http.MethodGet: h.services})
	h.mux.Handle("/", h.guarded(func(http.ResponseWriter, *http.Request) error {
		return problem(http.StatusNotFound, "no-such-path", "there is nothing at this address")
	}))
	return h
}

type callerKey struct{}

// WithCaller puts the caller into a request's context. Only who has established it may call this.
func WithCaller(ctx context.Context, caller frontdoor.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// CallerOf returns the caller that WithCaller put there.
func CallerOf(ctx context.Context) (frontdoor.Caller, bool) {
	caller, ok := ctx.Value(callerKey{}).(frontdoor.Caller)
	return caller, ok
}

// ServeHTTP answers one call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// answer writes the answer to a call, or returns why there is none; then nothing was written.
type answer func(w http.ResponseWriter, r *http.Request) error

type methods map[string]answer

func (h *Handler) route(pattern string, m methods) {
	h.mux.Handle(pattern, h.guarded(func(w http.ResponseWriter, r *http.Request) error {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		handle, found := m[method]
		if !found {
			w.Header().Set("Allow", m.allowed())
			return problem(http.StatusMethodNotAllowed, "method-not-allowed", "%s is not possible here, %s is", r.Method, m.allowed())
		}
		return handle(w, r)
	}))
}

func (m methods) allowed() string {
	switch {
	case m[http.MethodGet] != nil && m[http.MethodPost] != nil:
		return "GET, HEAD, POST"
	case m[http.MethodGet] != nil:
		return "GET, HEAD"
	}
	return "POST"
}

// guarded sets what every answer has, lets nobody in whom nobody has identified, and turns errors and panics into problems.
func (h *Handler) guarded(handle answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		defer func() {
			if recovered := recover(); recovered != nil {
				h.fail(w, r, panicked(recovered))
			}
		}()
		if _, known := CallerOf(r.Context()); !known {
			h.fail(w, r, problem(http.StatusUnauthorized, "unauthenticated", "nobody has established who you are; sign the call with your AWS credentials (SigV4, service execute-api)"))
			return
		}
		if err := handle(w, r); err != nil {
			h.fail(w, r, err)
		}
	})
}

// secure forbids caching, framing, sniffing, and telling others the address; what a page may load is said by the page.
func secure(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Strict-Transport-Security", "max-age=31536000")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Vary", "Accept")
}
