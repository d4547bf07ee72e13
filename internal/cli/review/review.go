// Package review is the command `stackgate review`: what a deployment changes, as it was or is to be approved.
package review

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
	App                 *app.App
	ID                  string
	Full                bool
	Only, OnlyResources []string
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "review DEPLOYMENT",
		Short: "Show the review of a deployment",
		Long:  `Prints the stored review: exactly what an approval is for. DEPLOYMENT is an id or the end of one.`,
		Example: `  stackgate review 7q4k2mxa
  stackgate review 7q4k2mxa --only critical,security
  stackgate review 7q4k2mxa -o markdown > comment.md`,
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
	cmd.Flags().BoolVar(&o.Full, "full", false, "show long values whole and name every change")
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "only these sections, levels or impacts")
	cmd.Flags().StringSliceVar(&o.OnlyResources, "resource", nil, "only the changes of these resources")
	app.SetFormats(cmd, app.JSON, app.Markdown, app.HTML)
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
	review, err := present.LoadReview(ctx, s.Store, record)
	if err != nil {
		return err
	}
	decisions, err := s.Store.Decisions(ctx, record.ID)
	if err != nil {
		return err
	}
	return present.Review(o.App, o.App.Stdout, review, record, decisions, o.App.Flags.Output,
		present.ReviewOptions{Full: o.Full, Only: o.Only, Resources: o.OnlyResources})
}
