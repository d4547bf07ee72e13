// Package demo is the command `stackgate demo`: six deployments on simulated CloudFormation, from request to outcome. It
// drives the same front door, flow and store as deploy and approve do, and has no path of its own through them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/feed"
	"stackgate/internal/cli/wish"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
)

// Options are what the command was asked for.
type Options struct {
	App *app.App
	// Speed is how many times as fast as usual it runs.
	Speed float64
}

// factor is how many times as fast as on AWS simulated time passes at speed 1: four minutes of stack operations in about
// twelve seconds.
const factor = 20

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch six deployments on simulated CloudFormation",
		Long: `Deploys a service six times on simulated CloudFormation: first deployment, update, replacement of a table, rejection,
failure with rollback, and nothing to change. It needs no AWS account, asks nothing and leaves nothing behind.

Exit code 0 only if every deployment ended as it should.`,
		Example: `  stackgate demo
  stackgate demo --speed 0.5        # slower, to read along
  stackgate demo -o ndjson | jq -r 'select(.type == "result") | .outcome'`,
		Args: wish.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Speed < 0.05 || o.Speed > 50 {
				return exit.Usagef("--speed %g: give a number from 0.05 to 50", o.Speed)
			}
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.Flags().Float64Var(&o.Speed, "speed", 1, "how many times as fast as usual")
	app.SetFormats(cmd, app.NDJSON)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) (err error) {
	dir, err := os.MkdirTemp("", "stackgate-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demonstration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	project, err := newProject(filepath.Join(dir, "services"))
	if err != nil {
		return err
	}
	scaled := *o.App
	scaled.Clock = clock.NewScaled(factor * o.Speed)
	s := &stage{
		app: &scaled, speed: factor * o.Speed, project: project, state: filepath.Join(dir, ".stackgate", string(app.Simulated)),
		pen: o.App.Pen(), text: o.App.Flags.Output == app.Text,
	}
	if s.text {
		s.lines = s.newLines()
	} else {
		s.lines = feed.NewNDJSON(o.App.Stdout)
	}
	return s.play(ctx, acts())
}

// sessionOptions are those of a process that the demonstration stands for. Each act has a session of its own, as each
// `stackgate deploy` is a process of its own, and so reads the definitions as they are then.
func (s *stage) sessionOptions() embedded.Options {
	options := embedded.Options{
		Mode: app.Simulated, Services: func() (string, error) { return s.project.dir, nil }, State: s.state, Clock: s.app.Clock, Random: s.app.Random,
		Pace: 1, PollEvery: 2 * time.Second, Process: s.app.Process,
	}
	if s.app.Flags.Debug {
		options.Debug = s.app.Stderr
	}
	return options
}

func (s *stage) play(ctx context.Context, acts []act) error {
	var outcomes []deployment.Outcome
	begun := time.Now()
	for i, act := range acts {
		outcome, err := s.perform(ctx, i+1, len(acts), act)
		if err != nil {
			return err
		}
		outcomes = append(outcomes, outcome)
	}
	if s.text {
		if err := s.summary(acts, outcomes, time.Since(begun)); err != nil {
			return err
		}
	}
	for i, act := range acts {
		if outcomes[i] != act.expect {
			return fmt.Errorf("%w: act %d (%s) ended as %s, not as %s", exit.ErrUnexpected, i+1, act.title, outcomes[i], act.expect)
		}
	}
	return nil
}

func (s *stage) summary(acts []act, outcomes []deployment.Outcome, took time.Duration) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s\n", s.pen.Bold("What you saw"))
	for i, act := range acts {
		mark, style := "as expected", s.pen.Green
		if outcomes[i] != act.expect {
			mark, style = "UNEXPECTED, should be "+string(act.expect), s.pen.Red
		}
		fmt.Fprintf(&out, "  %d  %-46s %-17s %s\n", i+1, act.title, outcomes[i], style(mark))
	}
	fmt.Fprintf(&out, "\n%.0f seconds; CloudFormation was simulated, and nothing of it exists. Next: write your own services/, then\n  %s\n",
		took.Seconds(), s.pen.Cyan("stackgate plan SERVICE -e ENVIRONMENT"))
	_, err := fmt.Fprint(s.app.Stdout, out.String())
	return err
}
