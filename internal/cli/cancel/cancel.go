// Package cancel is the command `stackgate cancel`: calls a deployment off before it is executed.
package cancel

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

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
	App    *app.App
	ID     string
	Reason string
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:     "cancel DEPLOYMENT",
		Short:   "Call a deployment off before it is executed",
		Long:    `The change set is deleted and the stack stays as it is. Once the change set is executed only CloudFormation can stop it.`,
		Example: `  stackgate cancel 7q4k2mxa --reason "wrong branch"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ID = args[0]
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.Args = wish.One("DEPLOYMENT")
	cmd.ValidArgsFunction = complete.Deployments(a, deployment.StageRequested, deployment.StageQueued, deployment.StagePlanning, deployment.StageAwaiting)
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for the record")
	app.SetFormats(cmd, app.JSON)
	return cmd
}

// advise adds the command that undoes an update that is executed already, where AWS executes it.
func advise(ctx context.Context, s *door.Session, id deployment.ID, err error) error {
	var refused *frontdoor.RefusedError
	if s.Mode == app.Simulated || !errors.As(err, &refused) || refused.Refusal != frontdoor.RefusedLate {
		return err
	}
	found, read := s.Deployment(ctx, id.String())
	if r := found.Record; read == nil && r.Stage == deployment.StageExecuting && r.Intent != deployment.IntentRecover && r.ChangeSet.Type == deployment.ChangeSetUpdate {
		return fmt.Errorf("%w: aws cloudformation cancel-update-stack --stack-name %s --region %s", err, r.StackName, r.Region)
	}
	return err
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	s, found, err := door.OpenDeployment(ctx, o.App, o.ID)
	if err != nil {
		return err
	}
	defer s.Close()
	record, err := s.CancelAs(ctx, o.App.Person(), found.ID, o.Reason)
	if err != nil {
		return advise(ctx, s, found.ID, err)
	}
	if o.App.Flags.Output == app.JSON {
		return present.JSON(o.App.Stdout, present.Status{Record: record})
	}
	return app.Printf(o.App.Stdout, "%s is called off by %s%s; its change set is being deleted.\n",
		record.ID, o.App.Pen().Clean(record.CancelledBy), present.Unverified(record.CancelSource.Principal != ""))
}
