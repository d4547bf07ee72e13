package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/web/wire"
)

// problemError is an error that knows its answer.
type problemError struct {
	problem wire.Problem
	err     error
}

func (e *problemError) Error() string { return e.problem.Detail }
func (e *problemError) Unwrap() error { return e.err }

func problem(status int, reason, format string, args ...any) *problemError {
	err := fmt.Errorf(format, args...)
	return &problemError{wire.Problem{Status: status, Reason: reason, Detail: err.Error()}, err}
}

// about names the deployment that a problem is about.
func (e *problemError) about(id deployment.ID) *problemError {
	e.problem.DeploymentID = id
	return e
}

type panicError struct {
	value any
	stack []byte
}

func (e panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

func panicked(value any) error { return panicError{value, debug.Stack()} }

// fail answers with a problem. What nobody expected is logged, and told to the caller without its cause, which may quote what
// the caller must not see.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		attributes := []any{"method", r.Method, "path", r.Pattern, "status", p.Status, "error", err.Error()}
		var panicked panicError
		if errors.As(err, &panicked) {
			attributes = append(attributes, "stack", string(panicked.stack))
		}
		h.options.Log.ErrorContext(r.Context(), "a call failed", attributes...)
		if h.options.Tracker != nil && p.Reason == wire.Internal {
			h.options.Tracker.Unexpected(r.Context(), r.Method+" "+r.Pattern, err)
		}
	}
	if h.options.Candid && p.Reason == wire.Internal {
		p.Detail = err.Error()
	}
	p.Type = wire.ProblemType + p.Reason
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	content, encoding := json.Marshal(p)
	if encoding != nil {
		content = []byte(`{"type":"` + wire.ProblemType + wire.Internal + `","status":500}`)
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	// Who has hung up is not told.
	_, _ = w.Write(append(content, '\n'))
}

func problemOf(err error) wire.Problem {
	var (
		known   *problemError
		refused *frontdoor.RefusedError
		missing *frontdoor.NotFoundError
		locked  service.ErrOverridesForbidden
		large   *http.MaxBytesError
		fault   *deployment.FaultError
	)
	of := func(status int, reason string) wire.Problem {
		return wire.Problem{Status: status, Reason: reason, Detail: err.Error()}
	}
	switch {
	case errors.As(err, &known):
		return known.problem
	case errors.As(err, &refused):
		return of(statusOf(refused.Refusal), wire.RefusedPrefix+string(refused.Refusal))
	case errors.As(err, &missing):
		return of(http.StatusNotFound, wire.NotFound)
	case errors.As(err, &locked):
		return of(http.StatusForbidden, wire.OverridesForbidden)
	case errors.As(err, &large):
		return wire.Problem{Status: http.StatusRequestEntityTooLarge, Reason: wire.TooLarge,
			Detail: fmt.Sprintf("the call has more than %d bytes; give a large template compressed, as templateGzip", large.Limit)}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return wire.Problem{Status: http.StatusServiceUnavailable, Reason: wire.Interrupted, Detail: "the call took too long; repeat it"}
	case errors.Is(err, store.ErrConflict):
		return wire.Problem{Status: http.StatusServiceUnavailable, Reason: wire.Interrupted, Detail: "others changed the deployment at the same time; repeat the call"}
	case errors.As(err, &fault) && fault.Fault == deployment.InvalidRequest:
		return of(http.StatusUnprocessableEntity, string(fault.Fault))
	case errors.As(err, &fault) && fault.Fault == deployment.NotPermitted:
		return of(http.StatusForbidden, string(fault.Fault))
	}
	return wire.Problem{Status: http.StatusInternalServerError, Reason: wire.Internal, Detail: "something went wrong here; what it was stands in the log of the front door"}
}

// statusOf is the status of a refusal: late is 410, for it will not come back; what contradicts what is there is 409.
func statusOf(r frontdoor.Refusal) int {
	switch r {
	case frontdoor.RefusedLate:
		return http.StatusGone
	case frontdoor.RefusedEarly, frontdoor.RefusedDigest, frontdoor.RefusedContrary, frontdoor.RefusedKey:
		return http.StatusConflict
	case frontdoor.RefusedPerson, frontdoor.RefusedIdentity:
		return http.StatusForbidden
	case frontdoor.RefusedAcknowledgement, frontdoor.RefusedIncomplete:
		return http.StatusUnprocessableEntity
	}
	return http.StatusForbidden
}
