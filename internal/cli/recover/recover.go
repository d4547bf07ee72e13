// Package recover is the command `stackgate recover`: it proposes what leads a stack out of a status that takes no
// deployment, and does it once it is approved. The flow itself is the state machine's.
package recover

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"stackgate/internal/cfn"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/deploy"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/cli/wish"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Options are what the command was asked for.
type Options struct {
	App                  *app.App
	Service, Environment string
	Asked                deployment.Recovery
	Reason, Trace        string
	Timeout              time.Duration
	Full, Yes            bool
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "recover SERVICE -e ENVIRONMENT",
		Short: "Lead a stuck stack back to where deployments can begin",
		Long: `Looks at the stack, proposes what leads out of its status, and does exactly that
once the proposal is approved as a deployment would be: each resource that is
deleted, left behind or skipped is named, and acknowledged by whoever approves.

  UPDATE_ROLLBACK_FAILED  continue the rollback; --skip leaves as it is what
                          cannot go back
  CREATE_FAILED           roll back, which deletes a stack that never was
                          complete
  UPDATE_FAILED           roll back
  ROLLBACK_COMPLETE       remove the stack, which holds nothing
  ROLLBACK_FAILED         delete the stack and what it still holds
  DELETE_FAILED           delete it again; --retain leaves resources behind,
                          --force whatever cannot be deleted
  REVIEW_IN_PROGRESS      remove the empty stack, unless somebody else's change
                          set is in it

A stack that moves after the proposal makes it stale, and nothing is done.
Review, approve, reject, cancel, status, watch and tail take its id as that of a
deployment.`,
		Example: `  stackgate recover orders -e prod --reason "the index was dropped by hand"
  stackgate recover orders -e prod --skip Table,Network.Gateway
  stackgate recover orders -e prod --retain Bucket`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Service = args[0]
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Environment, "env", "e", "", "`ENVIRONMENT` of the stack (required)")
	f.StringSliceVar(&o.Asked.Skip, "skip", nil, "leave these as they are, as Table,Network.Table")
	f.StringSliceVar(&o.Asked.Retain, "retain", nil, "leave these behind when the stack is deleted")
	f.BoolVar(&o.Asked.Force, "force", false, "leave behind whatever cannot be deleted")
	f.StringVar(&o.Reason, "reason", "", "why, for approvers and the record")
	f.StringVar(&o.Trace, "correlation-id", "", "id that ties this to a pipeline's run")
	f.DurationVar(&o.Timeout, "timeout", 0, "call off what is not performed after this long")
	f.BoolVar(&o.Full, "full", false, "show long values whole")
	f.BoolVarP(&o.Yes, "yes", "y", false, "do not ask whether to begin; approves nothing")
	cmd.Args = wish.One("SERVICE")
	cmd.ValidArgsFunction = complete.Services(a)
	// The flag was defined above, which is all that can go wrong.
	_ = cmd.RegisterFlagCompletionFunc("env", complete.Environments(a))
	app.SetFormats(cmd, app.JSON, app.NDJSON)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	a := o.App
	asked := wish.Wish{Service: o.Service, Environment: o.Environment, Reason: o.Reason, Trace: o.Trace, Timeout: o.Timeout}
	ask, err := asked.Ask(a, deployment.IntentRecover)
	if err != nil {
		return err
	}
	ask.Recovery = o.Asked
	if err := o.Asked.Validate(); err != nil {
		return err
	}
	s, err := door.Open(ctx, a)
	if err != nil {
		return err
	}
	defer s.Close()
	question, err := o.look(ctx, s.Embedded, ask)
	if err != nil {
		return err
	}
	attended := deploy.Options{App: a, Wish: asked, Full: o.Full, Yes: o.Yes}
	return attended.Attend(ctx, s, ask, question)
}

// look refuses at once what the flow would refuse after it has queued for the stack: a recovery that nothing needs, or
// one of resources that are not there. Nothing is written for it. Where the recovery may be performed without anybody's
// approval it returns the question whether to begin.
func (o *Options) look(ctx context.Context, s *embedded.Session, ask frontdoor.Ask) (question string, err error) {
	if s == nil {
		// In team mode only the flow sees CloudFormation.
		return "", nil
	}
	definition, err := s.Definition(ask.Service, ask.Environment)
	if err != nil {
		// The front door refuses it, in its own words.
		return "", nil
	}
	target := targetOf(definition)
	if err := s.Check(ctx, target); err != nil {
		return "", err
	}
	client, err := s.CloudFormation(ctx, store.Record{Target: target})
	if err != nil {
		return "", err
	}
	d, err := cfn.Diagnose(ctx, client, target.StackName,
		cfn.Whose{Service: ask.Service, Environment: ask.Environment, StackName: target.StackName}, ask.Recovery)
	if err == nil && d.Action == deployment.RecoverRemoveEmpty && !definition.Approval.Requires(false) {
		question = fmt.Sprintf("%s removes an empty stack without approval. Remove %s, which is %s?", ask.Environment, target.StackName, d.Stack.StackStatus)
	}
	return question, err
}

func targetOf(d service.Definition) deployment.Target {
	return deployment.Target{Account: d.Account, Region: d.Region, StackName: d.StackName}
}
