package present

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"stackgate/internal/cli/app"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/render/markdown"
	"stackgate/internal/store"
	"stackgate/internal/tail/tailtext"
)

// summaryBudget keeps a summary below what GitHub takes of one step: 1 MiB (docs.github.com, "Workflow commands").
const summaryBudget = 900 << 10

// Reader gives what deployments have left behind.
type Reader interface {
	Tails
	Review(ctx context.Context, id deployment.ID) (plan.Review, error)
}

// GitHub tells a GitHub Actions workflow how a deployment went: what it changed and why it failed, as the step's summary,
// and as outputs deployment-id, status, has-changes, critical-count and digest. Elsewhere it does nothing. That it could not
// be told changes nothing about the deployment, so it is a warning.
func GitHub(ctx context.Context, a *app.App, reader Reader, r store.Record) {
	if a.Env("GITHUB_ACTIONS") != "true" {
		return
	}
	review, err := reviewOf(ctx, reader, r)
	err = errors.Join(err,
		appendTo(a.Env("GITHUB_OUTPUT"), func() ([]byte, error) { return outputs(r, review), nil }),
		appendTo(a.Env("GITHUB_STEP_SUMMARY"), func() ([]byte, error) { return summary(ctx, reader, a, r, review) }))
	if err != nil {
		a.Warn("warning: tell GitHub Actions about %s: %s", r.ID, err)
	}
}

// reviewOf is nil where there is no review: nothing changes, or it ended before one was made.
func reviewOf(ctx context.Context, reader Reader, r store.Record) (*plan.Review, error) {
	if r.Review.Document == "" {
		return nil, nil
	}
	review, err := reader.Review(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return &review, nil
}

func appendTo(path string, content func() ([]byte, error)) error {
	if path == "" {
		return nil
	}
	text, err := content()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// outputs are lines of our own words and numbers: no text from outside can add another output.
func outputs(r store.Record, review *plan.Review) []byte {
	critical, changes, digest := 0, false, ""
	if review != nil {
		critical, digest = len(review.Acknowledgements()), plan.ShortDigest(review.Digest)
		// A change set without changes of resources may change outputs; only one that is empty changes nothing.
		changes = !r.ChangeSet.Empty
	}
	var b bytes.Buffer
	for _, output := range []struct {
		name  string
		value any
	}{
		{"deployment-id", r.ID}, {"status", r.Outcome}, {"has-changes", changes}, {"critical-count", critical}, {"digest", digest},
	} {
		fmt.Fprintf(&b, "%s=%s\n", output.name, oneWord(fmt.Sprint(output.value)))
	}
	return b.Bytes()
}

// oneWord is what may stand in a line of its own.
func oneWord(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
}

func summary(ctx context.Context, reader Reader, a *app.App, r store.Record, review *plan.Review) ([]byte, error) {
	var b bytes.Buffer
	if review == nil {
		fmt.Fprintf(&b, "### %s to %s: %s\n\n", r.Service, r.Environment, r.Outcome)
	} else if err := markdown.Render(&b, *review, markdown.Options{Budget: summaryBudget, Now: a.Clock.Now(), Decided: Decided(r, nil)}); err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "\n**%s**: %s\n\n", r.Outcome, r.Outcome.Sentence())
	if r.Tail.Document == "" || r.Outcome == deployment.OutcomeDeployed {
		return b.Bytes(), nil
	}
	doc, err := reader.Tail(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if err := tailtext.Markdown(&b, doc, tailtext.Options{}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
