// Package services is the command `stackgate services`: the definitions, listed and checked. It deploys nothing.
package services

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/wish"
	"stackgate/internal/service"
)

// Schema names the version of the JSON form of the list.
const Schema = "stackgate.services/v1"

// NewCommand makes the command and those under it.
func NewCommand(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "services",
		Short: "List and check the definitions of services",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usagef("unknown command %q for %q; use list or validate", args[0], cmd.CommandPath())
			}
			return cmd.Help()
		},
	}
	list := &cobra.Command{
		Use:     "list",
		Short:   "List the services and where they are deployed",
		Example: "  stackgate services list -o json",
		Args:    wish.None,
		RunE:    func(*cobra.Command, []string) error { return List(a) },
	}
	app.SetFormats(list, app.JSON)
	validate := &cobra.Command{
		Use:   "validate",
		Short: "Check every definition, and say where each mistake is",
		Long: `Reads every definition and template and prints every mistake with its place. With -o github as annotations of a pull
request.`,
		Example: `  stackgate services validate
  stackgate services validate -o github`,
		Args: wish.None,
		RunE: func(*cobra.Command, []string) error { return Validate(a) },
	}
	app.SetFormats(validate, app.JSON, app.GitHub)
	cmd.AddCommand(list, validate)
	return cmd
}

// List prints the services.
func List(a *app.App) error {
	catalog, err := load(a)
	if err != nil {
		return err
	}
	if a.Flags.Output == app.JSON {
		return present.JSON(a.Stdout, struct {
			Schema       string                `json:"schema"`
			Project      string                `json:"project"`
			Environments []service.Environment `json:"environments"`
			Services     []service.Service     `json:"services"`
		}{Schema, catalog.Project(), catalog.Environments(), catalog.Services()})
	}
	var out strings.Builder
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVICE\tOWNER\tENVIRONMENTS\tDESCRIPTION")
	p := app.Pen{ASCII: a.ASCII()}
	for _, s := range catalog.Services() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.Clean(s.Name), p.Clean(s.Owner), strings.Join(s.Environments, ", "), p.Clean(s.Description))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return app.Printf(a.Stdout, "%s", out.String())
}

// errProblems ends the command after the problems were printed.
type errProblems struct{ problems service.Problems }

func (e errProblems) Error() string { return present.Mistakes(len(e.problems)) }

// Unwrap gives the problems, which have an exit code of their own.
func (e errProblems) Unwrap() error { return e.problems }

// Shown says that the error needs no more words.
func (e errProblems) Shown() bool { return true }

// Validate checks the definitions.
func Validate(a *app.App) error {
	catalog, err := load(a)
	var problems service.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	switch a.Flags.Output {
	case app.JSON:
		err = problems.WriteJSON(a.Stdout)
	case app.GitHub:
		err = problems.WriteGitHub(a.Stdout)
	default:
		if len(problems) == 0 {
			return app.Printf(a.Stdout, "%s: %d services in %d environments, no mistakes\n", catalog.Project(), len(catalog.Services()), len(catalog.Environments()))
		}
		for _, problem := range problems {
			if err := app.Printf(a.Stdout, "%s\n", a.Pen().Clean(problem.Error())); err != nil {
				return err
			}
		}
		err = nil
	}
	if err == nil && len(problems) > 0 {
		return errProblems{problems}
	}
	return err
}

func load(a *app.App) (*service.Catalog, error) {
	dir, err := a.ServicesDir()
	if err != nil {
		return nil, err
	}
	return embedded.LoadCatalog(dir)
}
