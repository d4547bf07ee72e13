// Package watch is the command `stackgate watch`: follows a deployment, one line an event.
package watch

import (
	"context"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/feed"
	"stackgate/internal/cli/flow"
	"stackgate/internal/cli/wish"
	"stackgate/internal/store"
)

// Options are what the command was asked for.
type Options struct {
	App *app.App
	ID  string
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "watch DEPLOYMENT",
		Short: "Follow a deployment until its end",
		Long: `Shows the journal of a deployment from its beginning, whoever runs it, and ends
with the exit code of its outcome.`,
		Example: `  stackgate watch 7q4k2mxa
  stackgate watch 7q4k2mxa -o ndjson | jq -r 'select(.type == "resource_failed") | .reason'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ID = args[0]
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.Args = wish.One("DEPLOYMENT")
	cmd.ValidArgsFunction = complete.Deployments(a)
	app.SetFormats(cmd, app.NDJSON)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	s, found, err := door.OpenDeployment(ctx, o.App, o.ID)
	if err != nil {
		return err
	}
	defer s.Close()
	a := o.App
	var printer feed.Printer = &feed.Text{W: a.Stdout, Pen: a.Pen(), Columns: a.Width, Verbose: a.Flags.Verbose}
	if a.Flags.Output == app.NDJSON {
		printer = feed.NewNDJSON(a.Stdout)
	}
	record, err := flow.Watch(ctx, a, s, found.ID, func(_ context.Context, e store.JournalEvent) error { return printer.Print(e) })
	if err != nil {
		return err
	}
	return exit.EndedError{Outcome: record.Outcome, Fault: record.Fault}
}
