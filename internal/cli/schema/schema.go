// Package schema is the command `stackgate schema`: the JSON Schemas of the files under services/, for editors. It checks
// no file: `stackgate services validate` does.
package schema

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/wish"
	"stackgate/services"
)

// kinds are the files that have a schema.
var kinds = []string{"service", "project"}

// NewCommand makes the command.
func NewCommand(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "schema KIND",
		Short: "Print the JSON Schema of service or project files",
		Long: `Prints the JSON Schema of a kind of file, for editors: service or project. Keep it beside the files and name it in their
first line, so that the editor checks and completes them:

  # yaml-language-server: $schema=./schema/service.schema.json`,
		Example:           "  stackgate schema service > services/schema/service.schema.json",
		Args:              wish.One("KIND"),
		ValidArgsFunction: cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp),
		RunE:              func(_ *cobra.Command, args []string) error { return Print(a, args[0]) },
	}
}

// Print prints a schema.
func Print(a *app.App, kind string) error {
	if !slices.Contains(kinds, kind) {
		return exit.Usagef("there is no schema of %q; use %s", kind, strings.Join(kinds, " or "))
	}
	content, err := fs.ReadFile(services.Files, "schema/"+kind+".schema.json")
	if err != nil {
		return fmt.Errorf("read the schema of %s files in the program: %w", kind, err)
	}
	return app.Printf(a.Stdout, "%s", content)
}
