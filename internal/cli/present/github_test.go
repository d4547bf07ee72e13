package present

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stackgate/internal/cli/app"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/render/rendertest"
	"stackgate/internal/store"
	"stackgate/internal/tail"
)

type documents map[string][]byte

func (d documents) Review(context.Context, deployment.ID) (plan.Review, error) {
	return plan.Decode(d["review/1"])
}

func (documents) Tail(context.Context, deployment.ID) (tail.Document, error) {
	return tail.Document{}, store.ErrNotFound
}

func workflow(t *testing.T, env map[string]string) (a *app.App, stderr *bytes.Buffer, output, summary string) {
	t.Helper()
	dir := t.TempDir()
	output, summary = filepath.Join(dir, "output"), filepath.Join(dir, "summary")
	values := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": output, "GITHUB_STEP_SUMMARY": summary}
	for name, value := range env {
		values[name] = value
	}
	stderr = &bytes.Buffer{}
	return &app.App{Stderr: stderr, Clock: clock.System{}, LookupEnv: func(name string) (string, bool) {
		value, found := values[name]
		return value, found
	}}, stderr, output, summary
}

func planned(t *testing.T, r plan.Review) (documents, store.Record) {
	t.Helper()
	content, err := plan.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return documents{"review/1": content}, store.Record{
		ID: "orders-prod-20261122T140203Z-7q4k2mxa", Service: "orders", Environment: "prod", Outcome: deployment.OutcomePlanned,
		Review: store.Review{Document: "review/1", Approval: deployment.ApprovalNotAsked},
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(content)
}

func TestGitHubIsTold(t *testing.T) {
	a, stderr, output, summary := workflow(t, nil)
	kept, record := planned(t, rendertest.Orders())
	GitHub(t.Context(), a, kept, record)
	if want := "deployment-id=orders-prod-20261122T140203Z-7q4k2mxa\nstatus=Planned\nhas-changes=true\ncritical-count=2\ndigest=be07-1f44-90aa\n"; text(t, output) != want {
		t.Errorf("outputs\n%s\nwant\n%s", text(t, output), want)
	}
	if got := text(t, summary); !strings.Contains(got, "Replaces 1 table") || !strings.Contains(got, "Planned only") || strings.Contains(got, "stackgate approve") {
		t.Errorf("summary:\n%s", got)
	}
	// A second step appends.
	record.Outcome, record.Review, record.ChangeSet.Empty = deployment.OutcomeNoChange, store.Review{}, true
	GitHub(t.Context(), a, kept, record)
	if got := text(t, output); !strings.HasSuffix(got, "status=NoChange\nhas-changes=false\ncritical-count=0\ndigest=\n") || !strings.HasPrefix(got, "deployment-id=") {
		t.Errorf("outputs\n%s", got)
	}
	if stderr.Len() > 0 {
		t.Errorf("standard error: %s", stderr)
	}
}

func TestNoTextFromOutsideMakesAnOutput(t *testing.T) {
	a, _, output, _ := workflow(t, nil)
	review := rendertest.Hostile()
	kept, record := planned(t, review)
	record.ID = "x\nstatus=Deployed"
	GitHub(t.Context(), a, kept, record)
	if got := text(t, output); strings.Count(got, "\n") != 5 || strings.Contains(got, "\nstatus=Deployed") {
		t.Errorf("outputs\n%s", got)
	}
}

func TestElsewhereThanInAWorkflowNothingIsWritten(t *testing.T) {
	a, _, output, summary := workflow(t, map[string]string{"GITHUB_ACTIONS": ""})
	kept, record := planned(t, rendertest.Orders())
	GitHub(t.Context(), a, kept, record)
	if text(t, output)+text(t, summary) != "" {
		t.Error("something was written")
	}
}

func TestAWorkflowThatCannotBeToldIsAWarning(t *testing.T) {
	a, stderr, _, _ := workflow(t, map[string]string{"GITHUB_OUTPUT": "/nowhere/at/all"})
	kept, record := planned(t, rendertest.Orders())
	GitHub(t.Context(), a, kept, record)
	if !strings.HasPrefix(stderr.String(), "warning: tell GitHub Actions about ") {
		t.Errorf("standard error: %s", stderr)
	}
}
