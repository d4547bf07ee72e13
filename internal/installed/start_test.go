package installed_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"stackgate/internal/installed"
)

// parameters is SSM with one parameter.
type parameters struct {
	value string
	err   error
}

func (p parameters) Parameter(_ context.Context, name string) (string, error) {
	if name != "/stackgate/sentry-dsn" {
		return "", errors.New("another parameter")
	}
	return p.value, p.err
}

// TestTracker: a function without its tracker still deploys, and says in its log what is missing.
func TestTracker(t *testing.T) {
	const dsn = "https://0123456789abcdef@sentry.example.com/42"
	for name, row := range map[string]struct {
		parameter string
		answer    parameters
		made      bool
		logged    string
	}{
		"none configured": {"", parameters{err: errors.New("asked in vain")}, false, ""},
		"configured":      {"/stackgate/sentry-dsn", parameters{value: dsn}, true, ""},
		"not readable":    {"/stackgate/sentry-dsn", parameters{err: errors.New("AccessDenied")}, false, "AccessDenied"},
		"no DSN":          {"/stackgate/sentry-dsn", parameters{value: "hunter2"}, false, "DSN is not one"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			tracker := installed.Tracker(t.Context(), installed.Settings{SentryParameter: row.parameter}, row.answer, slog.New(slog.NewJSONHandler(&log, nil)))
			if (tracker != nil) != row.made {
				t.Errorf("tracker %v, want one: %v", tracker, row.made)
			}
			if !strings.Contains(log.String(), row.logged) || (row.logged == "") != (log.Len() == 0) {
				t.Errorf("log %q, want %q", log.String(), row.logged)
			}
			if row.answer.value != "" && strings.Contains(log.String(), row.answer.value) {
				t.Errorf("the secret is in the log: %s", log.String())
			}
		})
	}
}

func TestOpen(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	if _, err := installed.Open(t.Context(), environment(map[string]string{installed.SentryParameterVariable: ""}), slog.Default(), installed.Plan, installed.Execute); err != nil {
		t.Errorf("with a whole environment: %v", err)
	}
	if _, err := installed.Open(t.Context(), environment(map[string]string{installed.TableVariable: ""}), slog.Default(), installed.Plan); err == nil || !strings.Contains(err.Error(), "STACKGATE_TABLE") {
		t.Errorf("without a table: %v", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if _, err := installed.Open(t.Context(), environment(nil), slog.Default(), installed.Plan); err == nil || !strings.Contains(err.Error(), "Lambda sets them") {
		t.Errorf("without credentials: %v", err)
	}
}
