// Package reject is the command `stackgate reject`: one person says no to one review.
package reject

import (
	"context"

	"github.com/spf13/cobra"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/wish"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
)

// Options are what the command was asked for.
type Options struct {
	App            *app.App
	ID             string
	Digest, Reason string
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:     "reject DEPLOYMENT --digest DIGEST --reason TEXT",
		Short:   "Reject a deployment, with a reason",
		Long:    `One rejection ends the deployment: its change set is deleted and the stack stays as it is. The requester may reject too.`,
		Example: `  stackgate reject 7q4k2mxa --digest be07-1f44-90aa --reason "the table would be emptied" --as bo`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ID = args[0]
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.Args = wish.One("DEPLOYMENT")
	cmd.ValidArgsFunction = complete.Deployments(a, deployment.StageAwaiting)
	cmd.Flags().StringVar(&o.Digest, "digest", "", "digest of the review that you have read (required)")
	cmd.Flags().StringVar(&o.Reason, "reason", "", "what the requester should change (required)")
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
	decided, err := s.DecideAs(ctx, o.App.NamedPerson(), found.ID, frontdoor.Answer{
		Verdict: approval.Reject, Digest: o.Digest, Comment: o.Reason,
	})
	if err != nil {
		return err
	}
	return present.Decision(o.App, found.Record, decided)
}
