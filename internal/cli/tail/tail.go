// Package tail is the command `stackgate tail`: why a deployment failed, the root cause first.
package tail

import (
	"context"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/saved"
	"stackgate/internal/cli/wish"
	events "stackgate/internal/tail"
)

// Options are what the command was asked for.
type Options struct {
	App *app.App
	ID  string
	// Files are saved events to explain in the place of a deployment's; Stack names the root among several stacks.
	Files []string
	Stack string
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "tail [DEPLOYMENT]",
		Short: "Show why a deployment failed, ours or any other",
		Long: `Prints the root cause, what to do, and the last events of the stack.

With --file it explains a stack that any tool has deployed, from saved answers
of describe-stack-events or describe-events. Give a file for each nested stack.`,
		Example: `  stackgate tail 7q4k2mxa
  stackgate tail 7q4k2mxa -o markdown >> "$GITHUB_STEP_SUMMARY"
  stackgate tail 7q4k2mxa -o html > tail.html
  aws cloudformation describe-stack-events --stack-name NAME \
    | stackgate tail --file -`,
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
	cmd.Flags().StringArrayVar(&o.Files, "file", nil, "explain saved events, - is standard input")
	cmd.Flags().StringVar(&o.Stack, "stack", "", "root stack among those of --file")
	app.SetFormats(cmd, app.JSON, app.Markdown, app.HTML)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	if len(o.Files) > 0 {
		return ofFiles(o)
	}
	s, found, err := door.OpenDeployment(ctx, o.App, o.ID)
	if err != nil {
		return err
	}
	defer s.Close()
	doc, err := s.Tail(ctx, found.ID)
	if err != nil {
		return err
	}
	return present.Tail(o.App, o.App.Stdout, doc, o.App.Flags.Output)
}

// ofFiles explains a stack that is known from saved events only.
func ofFiles(o *Options) error {
	answers, err := saved.Read(o.App, o.Files)
	if err != nil {
		return err
	}
	var files []events.File
	for _, answer := range answers {
		files = append(files, events.File{Name: answer.Name, Data: answer.Data})
	}
	loaded, err := events.Load(files, o.Stack)
	if err != nil {
		return exit.Usagef("%w", err)
	}
	return present.Tail(o.App, o.App.Stdout, loaded.Explain(), o.App.Flags.Output)
}
