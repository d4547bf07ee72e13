package services

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/wish"
	"stackgate/internal/service"
)

func validateCommand(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check every definition, and say where each mistake is",
		Long: `Reads every definition and template and prints every mistake with its place. With -o github, and within GitHub
Actions, as annotations of the pull request.`,
		Example: `  stackgate services validate
  stackgate services validate -o github`,
		Args: wish.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format := a.Flags.Output
			if !cmd.Flags().Changed("output") && a.Env("GITHUB_ACTIONS") == "true" {
				format = app.GitHub
			}
			return Validate(a, format)
		},
	}
	app.SetFormats(cmd, app.JSON, app.GitHub)
	return cmd
}

// errProblems ends the command after the problems were printed.
type errProblems struct{ problems service.Problems }

func (e errProblems) Error() string { return present.Mistakes(len(e.problems)) }

// Unwrap gives the problems, which have an exit code of their own.
func (e errProblems) Unwrap() error { return e.problems }

// Shown says that the error needs no more words.
func (e errProblems) Shown() bool { return true }

// Validate checks the definitions and says in the format what is wrong.
func Validate(a *app.App, format string) error {
	catalog, err := load(a)
	var problems service.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if err := show(a, format, catalog, problems); err != nil {
		return err
	}
	if len(problems) > 0 {
		return errProblems{problems}
	}
	return warn(a, catalog)
}

// warn says what is right and cannot be deployed in the mode that is set.
func warn(a *app.App, catalog *service.Catalog) error {
	mode, err := a.Mode()
	if err != nil || mode != app.Solo {
		return err
	}
	warned := map[string]bool{}
	for _, d := range catalog.Definitions() {
		if size := len(d.Template); size > service.MaxInlineTemplate && !warned[d.Service] {
			warned[d.Service] = true
			if err := app.Printf(a.Stderr, "warning: %s\n", service.InlineTemplateFault(d.Service, size)); err != nil {
				return err
			}
		}
	}
	return nil
}

func show(a *app.App, format string, catalog *service.Catalog, problems service.Problems) error {
	switch {
	case format == app.JSON:
		return problems.WriteJSON(a.Stdout)
	case len(problems) == 0:
		return app.Printf(a.Stdout, "%s: %d services in %d environments, no mistakes\n", catalog.Project(), len(catalog.Services()), len(catalog.Environments()))
	case format == app.GitHub:
		return inRepository(a, problems).WriteGitHub(a.Stdout)
	}
	for _, problem := range problems {
		if err := app.Printf(a.Stdout, "%s\n", a.Pen().Clean(problem.Error())); err != nil {
			return err
		}
	}
	return nil
}

// inRepository names the files from the top of the repository, where GitHub looks for them, and not from the folder that
// the step works in.
func inRepository(a *app.App, problems service.Problems) service.Problems {
	top := a.Env("GITHUB_WORKSPACE")
	if top == "" {
		return problems
	}
	named := make(service.Problems, len(problems))
	for i, p := range problems {
		if below, err := filepath.Rel(top, a.Path(p.File)); err == nil && below != ".." && !strings.HasPrefix(below, "../") {
			p.File = below
		}
		named[i] = p
	}
	return named
}
