// Package exceptions tells an exception tracker of unexpected errors and panics. It sends no payload, no parameter and
// no environment, and nothing at all without a DSN.
package exceptions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/getsentry/sentry-go"

	"stackgate/internal/deployment"
	"stackgate/internal/taskrun"
)

// Sentry sends exceptions to a Sentry project.
type Sentry struct {
	client *sentry.Client
	// flush is how long Capture waits until the event is out: a Lambda is frozen as soon as it has answered.
	flush time.Duration
}

// Options choose the tracker.
type Options struct {
	// DSN names the Sentry project; it is a credential.
	DSN string
	// Release is the version of stackgate.
	Release string
	// Transport is for tests; nil means HTTP.
	Transport sentry.Transport
}

// NewSentry makes a tracker, or nil where no DSN is configured.
func NewSentry(o Options) (taskrun.Tracker, error) {
	if o.DSN == "" {
		return nil, nil
	}
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn: o.DSN, Release: o.Release, Transport: o.Transport,
		// The default integrations add environment, modules and request data, in which secrets can stand.
		Integrations: func([]sentry.Integration) []sentry.Integration { return nil },
		// The client itself fills in the machine's name and SENTRY_ENVIRONMENT where the event has none.
		BeforeSend: func(event *sentry.Event, _ *sentry.EventHint) *sentry.Event {
			event.ServerName, event.Environment = "", event.Tags["environment"]
			return event
		},
	})
	if err != nil {
		return nil, errors.New("configure the exception tracker: the DSN is not one of Sentry's")
	}
	return &Sentry{client: client, flush: 2 * time.Second}, nil
}

// Capture sends one exception and waits briefly until it is out.
func (s *Sentry) Capture(_ context.Context, e taskrun.Exception) {
	event := sentry.NewEvent()
	event.Level = sentry.LevelError
	if e.Panicked {
		event.Level = sentry.LevelFatal
	}
	event.Message = fmt.Sprintf("%s: %s", e.Task, e.Err)
	event.Exception = []sentry.Exception{{Type: string(deployment.FaultOf(e.Err)), Value: e.Err.Error()}}
	event.Tags = map[string]string{
		"task": e.Task, "deploymentId": e.DeploymentID, "correlationId": e.CorrelationID, "service": e.Service,
		"environment": e.Environment, "stack": e.Stack, "attempt": fmt.Sprint(e.Attempt),
	}
	if e.Trace != "" {
		event.Contexts["panic"] = sentry.Context{"trace": e.Trace}
	}
	// Two errors of the same task are one problem, whatever ids their texts carry.
	event.Fingerprint = []string{e.Task, fmt.Sprintf("%T", e.Err), fmt.Sprint(e.Panicked)}
	s.client.CaptureEvent(event, nil, nil)
	s.client.Flush(s.flush)
}
