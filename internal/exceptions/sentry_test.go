package exceptions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/getsentry/sentry-go"

	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/exceptions"
	"stackgate/internal/store"
	"stackgate/internal/taskrun"
)

const dsn = "https://0123456789abcdef@sentry.example/42"

// recording keeps the events that would be sent.
type recording struct {
	events  []*sentry.Event
	flushed int
}

func (r *recording) Configure(sentry.ClientOptions)          {}
func (r *recording) SendEvent(e *sentry.Event)               { r.events = append(r.events, e) }
func (r *recording) Flush(time.Duration) bool                { r.flushed++; return true }
func (r *recording) FlushWithContext(_ context.Context) bool { r.flushed++; return true }
func (r *recording) Close()                                  {}

func tracker(t *testing.T) (taskrun.Tracker, *recording) {
	t.Helper()
	sent := &recording{}
	s, err := exceptions.NewSentry(exceptions.Options{DSN: dsn, Release: "1.2.3", Transport: sent})
	if err != nil {
		t.Fatal(err)
	}
	return s, sent
}

var exception = taskrun.Exception{
	Task: "MakeChangeSet", DeploymentID: "orders-prod-20261122T140203Z-7q4k2mxa", CorrelationID: "cor-1", Service: "orders",
	Environment: "prod", Stack: "shop-orders-prod", Attempt: 3, Err: fmt.Errorf("read: %w", io.ErrUnexpectedEOF),
}

func TestCapture(t *testing.T) {
	s, sent := tracker(t)
	s.Capture(t.Context(), exception)
	if len(sent.events) != 1 || sent.flushed == 0 {
		t.Fatalf("%d events, flushed %d times", len(sent.events), sent.flushed)
	}
	e := sent.events[0]
	for tag, want := range map[string]string{
		"task": "MakeChangeSet", "deploymentId": exception.DeploymentID, "correlationId": "cor-1", "service": "orders",
		"environment": "prod", "stack": "shop-orders-prod", "attempt": "3",
	} {
		if e.Tags[tag] != want {
			t.Errorf("tag %s is %q, want %q", tag, e.Tags[tag], want)
		}
	}
	if e.Environment != "prod" {
		t.Errorf("environment %q", e.Environment)
	}
	if e.Level != sentry.LevelError || e.Release != "1.2.3" || len(e.Exception) != 1 || e.Exception[0].Type != string(deployment.InternalError) ||
		e.Exception[0].Value != "read: unexpected EOF" || e.Message != "MakeChangeSet: read: unexpected EOF" {
		t.Errorf("event %+v", e)
	}
	if _, told := e.Contexts["panic"]; told {
		t.Errorf("an error tells of a panic: %v", e.Contexts)
	}
}

func TestCaptureOfAPanic(t *testing.T) {
	s, sent := tracker(t)
	e := exception
	e.Panicked, e.Trace = true, "goroutine 1"
	s.Capture(t.Context(), e)
	got := sent.events[0]
	if got.Level != sentry.LevelFatal || got.Contexts["panic"]["trace"] != "goroutine 1" {
		t.Errorf("level %s, contexts %v", got.Level, got.Contexts)
	}
}

func TestOneProblemWhateverItsIDs(t *testing.T) {
	s, sent := tracker(t)
	s.Capture(t.Context(), exception)
	again := exception
	again.DeploymentID, again.Attempt, again.Err = "other", 1, fmt.Errorf("other: %w", io.EOF)
	s.Capture(t.Context(), again)
	other := exception
	other.Task = "Settle"
	s.Capture(t.Context(), other)
	prints := make([]string, len(sent.events))
	for i, e := range sent.events {
		prints[i] = strings.Join(e.Fingerprint, "|")
	}
	if len(prints) != 3 || prints[0] != prints[1] || prints[0] == prints[2] {
		t.Errorf("fingerprints %q", prints)
	}
}

type noRecords struct{}

func (noRecords) Record(context.Context, deployment.ID) (store.Record, error) {
	return store.Record{}, store.ErrNotFound
}

func TestNothingElseIsSent(t *testing.T) {
	t.Setenv("STACKGATE_TEST_SECRET", "hunter2-of-the-environment")
	t.Setenv("SENTRY_ENVIRONMENT", "hunter2-of-sentry")
	t.Setenv("SENTRY_RELEASE", "hunter2-of-release")
	s, sent := tracker(t)
	runner, err := taskrun.New(slog.New(slog.DiscardHandler), clock.System{}, noRecords{}, s,
		taskrun.Of("Work", func(context.Context, map[string]string) (any, error) { panic("oh") }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runner.Handle(t.Context(), []byte(`{"task": "Work", "password": "hunter2-of-the-payload"}`)); err == nil {
		t.Fatal("the panic was lost")
	}
	if len(sent.events) != 1 {
		t.Fatalf("%d events", len(sent.events))
	}
	text, err := json.Marshal(sent.events[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || strings.Contains(string(text), "0123456789abcdef") {
		t.Errorf("a secret is sent: %s", text)
	}
	if e := sent.events[0]; len(e.Modules) > 0 || e.Request != nil || e.ServerName != "" {
		t.Errorf("modules %v, request %v, server name %q are sent", e.Modules, e.Request, e.ServerName)
	}
}

func TestWithoutDSN(t *testing.T) {
	s, err := exceptions.NewSentry(exceptions.Options{Release: "1.2.3", Transport: &recording{}})
	if s != nil || err != nil {
		t.Errorf("%v, %v", s, err)
	}
}

func TestABadDSNIsNotPrinted(t *testing.T) {
	for _, bad := range []string{"hunter2", "https://hunter2@", "https://sentry.example/hunter2", "ftp://hunter2@sentry.example/42", "https://hunter2@sentry.example:port/42", "\x7fhunter2"} {
		s, err := exceptions.NewSentry(exceptions.Options{DSN: bad})
		if err == nil || s != nil {
			t.Errorf("%q was taken", bad)
			continue
		}
		for ; err != nil; err = unwrap(err) {
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the DSN is printed: %v", err)
			}
		}
	}
}

func unwrap(err error) error {
	if wrapping, ok := err.(interface{ Unwrap() error }); ok {
		return wrapping.Unwrap()
	}
	return nil
}
