// Package status is the command `stackgate status`: how one deployment stands.
package status

import (
	"context"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/door"
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
		Use:   "status DEPLOYMENT",
		Short: "Show how a deployment stands",
		Long:  `Prints what is known of a deployment: who, what, when, decisions, outcome. With -o json its record and decisions.`,
		Example: `  stackgate status 7q4k2mxa
  stackgate status orders-prod-20261122T140203Z-7q4k2mxa -o json`,
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
	app.SetFormats(cmd, app.JSON)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	s, found, err := door.OpenDeployment(ctx, o.App, o.ID)
	if err != nil {
		return err
	}
	defer s.Close()
	if o.App.Flags.Output == app.JSON {
		return present.JSON(o.App.Stdout, found)
	}
	return present.Record(o.App, o.App.Stdout, found.Record, found.Decisions)
}
