package services

import (
	"errors"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/wish"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
)

func newCommand(a *app.App) *cobra.Command {
	var like string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Begin a service that is like another",
		Long: `Writes NAME.yaml beside the file of a service that it is like, with what the template needs and nothing that is
inherited. The other's name is replaced by the new one. Prints the path of the file, which is valid at once; a file that
is there is never touched.`,
		Example:           "  stackgate services new returns --like orders",
		Args:              wish.One("NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(_ *cobra.Command, args []string) error { return New(a, args[0], like) },
	}
	cmd.Flags().StringVar(&like, "like", "", "`SERVICE` that the new one is like (required)")
	// The flag was defined above, which is all that can go wrong.
	_ = cmd.RegisterFlagCompletionFunc("like", func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return complete.Services(a)(cmd, nil, word)
	})
	return cmd
}

// New writes the file of a service that is like another.
func New(a *app.App, name, like string) error {
	if like == "" {
		return exit.Usagef("the service to be like is missing; add --like SERVICE, and see: stackgate services list")
	}
	if err := deployment.CheckServiceName(name); err != nil {
		return exit.UsageError{Err: err}
	}
	dir, err := a.ServicesDir()
	if err != nil {
		return err
	}
	path, catalog, err := service.Create(dir, name, like)
	var problems service.Problems
	if errors.As(err, &problems) {
		a.Say("nothing was written; mend the definitions first")
	}
	if err != nil {
		return asked(err)
	}
	if err := app.Printf(a.Stdout, "%s\n", path); err != nil {
		return err
	}
	for _, s := range catalog.Services() {
		if s.Name == name && len(s.Environments) > 0 {
			a.Say("look it through, then: stackgate plan %s -e %s", name, s.Environments[0])
		}
	}
	return nil
}
