// Package review is the command `stackgate review`: what a deployment changes, as it was or is to be approved.
package review

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/saved"
	"stackgate/internal/cli/wish"
)

// Options are what the command was asked for.
type Options struct {
	App                 *app.App
	ID                  string
	Full                bool
	Only, OnlyResources []string
	// Files are saved answers of DescribeChangeSet to review in the place of a deployment.
	Files []string
	// FailOn are the hazards that make it fail.
	FailOn wish.FailOn
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "review [DEPLOYMENT]",
		Short: "Show the review of a deployment, or of any saved change set",
		Long: `Prints the stored review: exactly what an approval is for. DEPLOYMENT is an id or the end of one.

With --file it reviews a change set that any tool has made, from saved
answers of describe-change-set. Give several files for pages and for nested
change sets; --include-property-values adds the values. A review that was
saved with -o json is shown again.`,
		Example: `  stackgate review 7q4k2mxa
  stackgate review 7q4k2mxa --only critical,security
  stackgate review 7q4k2mxa -o markdown > comment.md
  aws cloudformation describe-change-set --change-set-name ARN \
    --include-property-values | stackgate review --file - --fail-on stateful-loss`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.ID = args[0]
			}
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.Args = wish.OneUnless("DEPLOYMENT", "file")
	cmd.ValidArgsFunction = complete.Deployments(a)
	cmd.Flags().BoolVar(&o.Full, "full", false, "show long values whole and name every change")
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "only these sections, levels or impacts")
	cmd.Flags().StringSliceVar(&o.OnlyResources, "resource", nil, "only the changes of these resources")
	cmd.Flags().StringArrayVar(&o.Files, "file", nil, "review a saved answer, - is standard input")
	o.FailOn.Bind(cmd)
	app.SetFormats(cmd, app.JSON, app.Markdown, app.HTML)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	if err := o.FailOn.Check(); err != nil {
		return err
	}
	if len(o.Files) > 0 {
		return ofFiles(ctx, o)
	}
	s, found, err := door.OpenDeployment(ctx, o.App, o.ID)
	if err != nil {
		return err
	}
	defer s.Close()
	review, err := s.Review(ctx, found.ID)
	if err != nil {
		return err
	}
	if err := present.Paged(ctx, o.App, func(w io.Writer) error {
		return present.Review(o.App, w, review, found.Record, found.Decisions, o.App.Flags.Output,
			present.ReviewOptions{Full: o.Full, Only: o.Only, Resources: o.OnlyResources})
	}); err != nil {
		return err
	}
	return o.FailOn.Of(review)
}

// ofFiles shows what is known from files only, with no deployment to look up.
func ofFiles(ctx context.Context, o *Options) error {
	review, err := saved.Review(o.App, o.Files)
	if err != nil {
		return err
	}
	if err := present.Paged(ctx, o.App, func(w io.Writer) error {
		return present.SavedReview(o.App, w, review, o.App.Flags.Output,
			present.ReviewOptions{Full: o.Full, Only: o.Only, Resources: o.OnlyResources})
	}); err != nil {
		return err
	}
	return o.FailOn.Of(review)
}
