// Package deploy is the command `stackgate deploy`: request, review, approval, execution, in one process. The flow itself
// is the state machine's; this only shows it and asks.
package deploy

import (
	"context"
	"errors"
	"io"
	"strconv"

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
	"stackgate/internal/frontdoor"
	"stackgate/internal/store"
	"stackgate/internal/stream"
)

// Options are what the command was asked for.
type Options struct {
	App  *app.App
	Wish wish.Wish
	Yes  bool
	Full bool
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "deploy SERVICE -e ENVIRONMENT",
		Short: "Deploy a service through a reviewed change set",
		Long: `Makes a change set, shows its review, waits for the approval that the environment asks for, executes exactly what was
approved, and shows the root cause where that fails.

On a terminal it asks for the decision. Elsewhere it prints the command with which somebody else approves, and waits.
The flow runs in this process. Ctrl-C before the execution calls the deployment off and deletes its change set; once
CloudFormation executes it goes on there, and stackgate watch attaches again.

Where the environment may execute without approval it first asks whether to begin, on a terminal; --yes skips that
question, and never stands for an approval. --timeout calls off what is not executed by then; an execution goes on.

In the simulated and solo modes nobody verifies who you are: --as is believed and recorded as not verified.`,
		Example: `  stackgate deploy orders -e staging
  stackgate deploy orders -e prod --as ana --reason "more memory for the sale"
  stackgate deploy orders -e staging --param Memory=1024 -o ndjson`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Wish.Service = args[0]
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	o.Wish.Bind(a, cmd)
	cmd.Flags().BoolVarP(&o.Yes, "yes", "y", false, "do not ask whether to begin; approves nothing")
	cmd.Flags().BoolVar(&o.Full, "full", false, "show long values whole and name every change")
	app.SetFormats(cmd, app.JSON, app.NDJSON)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	a := o.App
	ask, err := o.Wish.Ask(a, deployment.IntentDeploy)
	if err != nil {
		return err
	}
	s, err := door.Open(ctx, a)
	if err != nil {
		return err
	}
	defer s.Close()
	keys := newKeyboard(a)
	if err := o.begin(ctx, s, keys); err != nil {
		return err
	}
	return o.attend(ctx, s, keys, ask)
}

// Attend runs what is asked for, shows it and asks for the decision, to its end. A recovery is attended as a deployment
// is. Where a question is given it is asked first, on a terminal; --yes skips it.
func (o *Options) Attend(ctx context.Context, s *door.Session, ask frontdoor.Ask, question string) error {
	keys := newKeyboard(o.App)
	if question != "" && !o.Yes && o.App.Interactive() {
		if err := o.confirm(ctx, keys, question); err != nil {
			return err
		}
	}
	return o.attend(ctx, s, keys, ask)
}

func (o *Options) confirm(ctx context.Context, keys *keyboard, question string) error {
	for {
		answer, err := keys.ask(ctx, question+" [y/N] ")
		switch {
		case errors.Is(err, io.EOF):
			o.App.Warn("\nThe input ended. Nothing was requested.")
			return exit.ErrDeclined
		case err != nil:
			return err
		case yes(answer):
			return nil
		case answer == "" || no(answer):
			o.App.Warn("Nothing was requested.")
			return exit.ErrDeclined
		}
		o.App.Warn("%s is neither yes nor no.", app.Pen{ASCII: o.App.ASCII()}.Clean(strconv.Quote(answer)))
	}
}

func (o *Options) attend(ctx context.Context, s *door.Session, keys *keyboard, ask frontdoor.Ask) error {
	a := o.App
	v := &view{options: o, session: s, keys: keys, lines: o.lines()}
	asking, stopAsking := context.WithCancel(ctx)
	defer stopAsking()
	v.asking = asking
	record, err := flow.Runner{
		App: a, Session: s, Person: a.Person(), Timeout: o.Wish.Timeout, Every: flow.LookEvery, Started: v.started, Observe: v.observe,
	}.Run(ctx, ask)
	if err != nil {
		return err
	}
	present.GitHub(ctx, a, s, record)
	switch a.Flags.Output {
	case app.NDJSON:
	case app.JSON:
		found, err := s.Deployment(ctx, record.ID.String())
		if err != nil {
			return err
		}
		if err := present.JSON(a.Stdout, found); err != nil {
			return err
		}
	default:
		if err := app.Printf(a.Stdout, "\n"); err != nil {
			return err
		}
		if err := present.End(ctx, a, s, record); err != nil {
			return err
		}
	}
	return exit.EndedError{Outcome: record.Outcome, Fault: record.Fault}
}

// begin asks before a deployment that may be executed without anybody's approval.
func (o *Options) begin(ctx context.Context, s *door.Session, keys *keyboard) error {
	if o.Yes || !o.App.Interactive() {
		return nil
	}
	policy, found, err := s.Policy(ctx, o.Wish.Service, o.Wish.Environment)
	if err != nil || !found || policy.When == approval.Always {
		// What is wrong with the request the front door says in its own words.
		return nil
	}
	which := "any change"
	if policy.When == approval.Dangerous {
		which = "changes that are not dangerous"
	}
	o.App.Warn("%s executes %s without approval.", o.Wish.Environment, which)
	return o.confirm(ctx, keys, "Deploy "+o.Wish.Service+" to "+o.Wish.Environment+"?")
}

func (o *Options) lines() feed.Printer {
	a := o.App
	switch a.Flags.Output {
	case app.NDJSON:
		return feed.NewNDJSON(a.Stdout)
	case app.JSON:
		return feed.Progress(a, stream.PlannedChange, stream.Result)
	}
	return &feed.Text{
		W: a.Stdout, Pen: a.Pen(), Columns: a.Width, Verbose: a.Flags.Verbose,
		Skip: []stream.Type{stream.PlannedChange, stream.ChangeSummary, stream.ApprovalRequested, stream.Result},
	}
}

// view shows a running deployment.
type view struct {
	options *Options
	session *door.Session
	keys    *keyboard
	lines   feed.Printer
	asking  context.Context
}

func (v *view) started(r store.Record) {
	a := v.options.App
	if a.Flags.Output != app.Text {
		return
	}
	p := a.Pen()
	if v.session.Verifies() {
		a.Say("%s  requested by %s", p.Bold(r.ID.String()), p.Clean(present.Requester(r)))
		return
	}
	a.Say("%s  requested by %s; in %s mode nobody verifies identities", p.Bold(r.ID.String()), p.Clean(r.RequestedBy), v.session.Mode)
}

func (v *view) observe(ctx context.Context, e store.JournalEvent) error {
	if err := v.lines.Print(e); err != nil {
		return err
	}
	switch stream.Type(e.Type) {
	case stream.ChangeSummary:
		return v.review(ctx, e.DeploymentID)
	case stream.ApprovalRequested:
		return v.decide(ctx, e.DeploymentID)
	}
	return nil
}

func (v *view) review(ctx context.Context, id deployment.ID) error {
	a := v.options.App
	if a.Flags.Output != app.Text {
		return nil
	}
	found, err := v.session.Deployment(ctx, id.String())
	if err != nil {
		return err
	}
	review, err := v.session.Review(ctx, id)
	if err != nil {
		return err
	}
	if err := app.Printf(a.Stdout, "\n"); err != nil {
		return err
	}
	if err := present.Review(a, a.Stdout, review, found.Record, nil, app.Text, present.ReviewOptions{Full: v.options.Full}); err != nil {
		return err
	}
	return app.Printf(a.Stdout, "\n")
}
