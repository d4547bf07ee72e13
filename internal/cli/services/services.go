// Package services is the command `stackgate services`: the definitions, listed, checked, resolved and begun. It deploys
// nothing.
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
		Short: "List, check, resolve and begin the definitions of services",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usagef("unknown command %q for %q; use list, validate, render or new", args[0], cmd.CommandPath())
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
	cmd.AddCommand(list, validateCommand(a), renderCommand(a), newCommand(a))
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
			StackGroups  []string              `json:"stackGroups,omitempty"`
			Environments []service.Environment `json:"environments"`
			Services     []service.Service     `json:"services"`
		}{Schema, catalog.Project(), catalog.StackGroups(), catalog.Environments(), catalog.Services()})
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

func load(a *app.App) (*service.Catalog, error) {
	dir, err := a.ServicesDir()
	if err != nil {
		return nil, err
	}
	return embedded.LoadCatalog(dir)
}

// asked makes a usage error of what is wrong with what a person asked for.
func asked(err error) error {
	var (
		unknownService     service.ErrUnknownService
		unknownEnvironment service.ErrUnknownEnvironment
		disabled           service.ErrDisabled
		exists             service.ErrServiceExists
	)
	if errors.As(err, &unknownService) || errors.As(err, &unknownEnvironment) || errors.As(err, &disabled) || errors.As(err, &exists) {
		return exit.UsageError{Err: err}
	}
	return err
}
