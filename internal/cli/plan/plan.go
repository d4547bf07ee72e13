// Package plan is the command `stackgate plan`: the review of what a deployment would change. It executes nothing.
package plan

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/feed"
	"stackgate/internal/cli/flow"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/wish"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/stream"
)

// Options are what the command was asked for.
type Options struct {
	App  *app.App
	Wish wish.Wish
	// DetailedExitCode answers with exit code 2 where there are changes.
	DetailedExitCode bool
	// Full shows everything of the review.
	Full bool
	// FailOn are the hazards that make it fail.
	FailOn wish.FailOn
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "plan SERVICE -e ENVIRONMENT",
		Short: "Show what a deployment would change, and change nothing",
		Long: `Makes a change set, reviews it and deletes it again. Nothing is executed and nobody is asked.

With -o json the review document is printed; where nothing would change there is none, and the deployment's record is
printed instead (its "schema" tells which it is).`,
		Example: `  stackgate plan orders -e prod
  stackgate plan orders -e staging --param Memory=1024
  stackgate plan orders -e prod --fail-on stateful-loss,iam-broadened        # exit code 7: it would
  stackgate plan orders -e prod --detailed-exitcode -o json > review.json   # exit code 2: there are changes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Wish.Service = args[0]
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	o.Wish.Bind(a, cmd)
	cmd.Flags().BoolVar(&o.DetailedExitCode, "detailed-exitcode", false, "exit with 2 where there are changes")
	cmd.Flags().BoolVar(&o.Full, "full", false, "show long values whole and name every change")
	o.FailOn.Bind(cmd)
	app.SetFormats(cmd, app.JSON, app.NDJSON, app.Markdown, app.HTML)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	a := o.App
	if err := o.FailOn.Check(); err != nil {
		return err
	}
	ask, err := o.Wish.Ask(a, deployment.IntentPlan)
	if err != nil {
		return err
	}
	s, err := door.Open(ctx, a)
	if err != nil {
		return err
	}
	defer s.Close()
	printer := o.printer()
	record, err := flow.Runner{
		App: a, Session: s, Person: a.Person(), Timeout: o.Wish.Timeout, Every: flow.LookEvery,
		Observe: func(_ context.Context, e store.JournalEvent) error { return printer.Print(e) },
	}.Run(ctx, ask)
	if err != nil {
		return err
	}
	if err := o.show(ctx, s, record); err != nil {
		return err
	}
	present.GitHub(ctx, a, s, record)
	if record.Outcome == deployment.OutcomePlanned {
		review, err := s.Review(ctx, record.ID)
		if err != nil {
			return err
		}
		if err := o.FailOn.Of(review); err != nil {
			return err
		}
	}
	return exit.EndedError{Outcome: record.Outcome, Fault: record.Fault, ChangesFound: o.DetailedExitCode && record.Outcome == deployment.OutcomePlanned}
}

func (o *Options) printer() feed.Printer {
	a := o.App
	if a.Flags.Output == app.NDJSON {
		return feed.NewNDJSON(a.Stdout)
	}
	return feed.Progress(a, stream.PlannedChange, stream.ChangeSummary, stream.Result)
}

func (o *Options) show(ctx context.Context, s *door.Session, r store.Record) error {
	a := o.App
	if a.Flags.Output == app.NDJSON {
		return nil
	}
	if r.Outcome == deployment.OutcomePlanned {
		review, err := s.Review(ctx, r.ID)
		if err != nil {
			return err
		}
		return present.Paged(ctx, a, func(w io.Writer) error {
			return present.Review(a, w, review, r, nil, a.Flags.Output, present.ReviewOptions{Full: o.Full})
		})
	}
	if a.Flags.Output == app.JSON {
		return present.JSON(a.Stdout, present.Status{Record: r, Decisions: []approval.Decision{}})
	}
	return present.End(ctx, a, s, r)
}
