// Package approve is the command `stackgate approve`: one person agrees to one review.
package approve

import (
	"context"
	"fmt"
	"strconv"
	"strings"

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
	App             *app.App
	ID              string
	Digest          string
	Acknowledgement []int
	Comment         string
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "approve DEPLOYMENT --digest DIGEST",
		Short: "Approve a deployment whose review you have read",
		Long: `Approves exactly the review whose digest is given. Critical changes are acknowledged by the numbers that the
review gives them. In the simulated and solo modes nobody verifies who you are: --as
is believed and recorded as not verified.`,
		Example: `  stackgate approve 7q4k2mxa --digest be07-1f44-90aa --as bo
  stackgate approve 7q4k2mxa --digest be07-1f44-90aa --ack 1,2 --comment "backup is from today" --as bo`,
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
	cmd.Flags().Var((*numbers)(&o.Acknowledgement), "ack", "numbers of the critical changes that you accept, as 1,2")
	cmd.Flags().StringVar(&o.Comment, "comment", "", "a remark for the record")
	app.SetFormats(cmd, app.JSON)
	return cmd
}

// numbers is a list of change numbers as a flag.
type numbers []int

// Set adds numbers that are separated by commas.
func (n *numbers) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		number, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || number < 1 {
			return fmt.Errorf("%q is not the number of a change; name each as the review numbers it, as in --ack 1,2", part)
		}
		*n = append(*n, number)
	}
	return nil
}

// String returns the numbers.
func (n *numbers) String() string {
	if n == nil || len(*n) == 0 {
		return ""
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]int(*n)), " ", ","), "[]")
}

// Type is the word for the value in the help.
func (*numbers) Type() string { return "numbers" }

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	s, found, err := door.OpenDeployment(ctx, o.App, o.ID)
	if err != nil {
		return err
	}
	defer s.Close()
	decided, err := s.DecideAs(ctx, o.App.NamedPerson(), found.ID, frontdoor.Answer{
		Verdict: approval.Approve, Digest: o.Digest, Acknowledgements: o.Acknowledgement, Comment: o.Comment,
	})
	if err != nil {
		return err
	}
	return present.Decision(o.App, found.Record, decided)
}
