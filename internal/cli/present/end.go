package present

import (
	"context"

	"stackgate/internal/cli/app"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/tail"
)

// Tails gives the tails of deployments that failed.
type Tails interface {
	Tail(ctx context.Context, id deployment.ID) (tail.Document, error)
}

// End writes how a deployment ended, with its tail where it failed.
func End(ctx context.Context, a *app.App, tails Tails, r store.Record) error {
	if r.Tail.Document == "" || !r.Outcome.Failed() {
		// What a success left behind is advice enough; its events are not what people wait for.
		Ending(a.Stdout, a, r)
		return nil
	}
	doc, err := tails.Tail(ctx, r.ID)
	if err != nil {
		return err
	}
	p := a.Pen()
	if err := app.Printf(a.Stdout, "%s\n%s\n\n", Wrap(p.Red(string(r.Outcome))+"  "+p.Clean(doc.Headline), 0, 2, a.Columns()), Wrap(r.Sentence(), 2, 2, a.Columns())); err != nil {
		return err
	}
	return tailText(a, a.Stdout, doc, true)
}
