// Package tail is the command `stackgate tail`: why a deployment failed, the root cause first.
package tail

import (
	"context"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/wish"
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
		Use:   "tail DEPLOYMENT",
		Short: "Show why a deployment failed",
		Long:  `Prints the root cause, what to do, and the last events of the stack.`,
		Example: `  stackgate tail 7q4k2mxa
  stackgate tail 7q4k2mxa -o markdown >> "$GITHUB_STEP_SUMMARY"`,
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
	app.SetFormats(cmd, app.JSON, app.Markdown)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	s, err := embedded.Open(ctx, o.App)
	if err != nil {
		return err
	}
	defer s.Close()
	record, err := s.Find(ctx, o.ID)
	if err != nil {
		return err
	}
	doc, err := present.LoadTail(ctx, s.Store, record)
	if err != nil {
		return err
	}
	return present.Tail(o.App, o.App.Stdout, doc, o.App.Flags.Output)
}
