package services

import (
	"strings"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/wish"
	"stackgate/internal/service"
)

// DefinitionSchema names the version of the JSON form of a resolved definition.
const DefinitionSchema = "stackgate.definition/v1"

func renderCommand(a *app.App) *cobra.Command {
	var (
		environment string
		origin      bool
	)
	cmd := &cobra.Command{
		Use:   "render SERVICE",
		Short: "Show a service as it is in an environment, every value resolved",
		Long: `Shows what the files come to: every value of a service in an environment, after defaults, overrides and ${…}. With
--origin, and always with -o json, each with the file, line and column that it was written at.`,
		Example: `  stackgate services render orders -e prod --origin
  diff <(stackgate services render orders -e staging) <(stackgate services render orders -e prod)`,
		Args:              wish.One("SERVICE"),
		ValidArgsFunction: complete.Services(a),
		RunE:              func(_ *cobra.Command, args []string) error { return Render(a, args[0], environment, origin) },
	}
	cmd.Flags().StringVarP(&environment, "env", "e", "", "`ENVIRONMENT` to resolve the service in (required)")
	cmd.Flags().BoolVar(&origin, "origin", false, "say behind each value where it was written")
	// The flag was defined above, which is all that can go wrong.
	_ = cmd.RegisterFlagCompletionFunc("env", complete.Environments(a))
	app.SetFormats(cmd, app.JSON)
	return cmd
}

// Render prints a service's resolved definition.
func Render(a *app.App, name, environment string, origin bool) error {
	if environment == "" {
		return exit.Usagef("the environment is missing; add -e ENVIRONMENT, for example: -e staging")
	}
	catalog, err := load(a)
	if err != nil {
		return err
	}
	d, err := catalog.Definition(name, environment)
	if err != nil {
		return asked(err)
	}
	if a.Flags.Output == app.JSON {
		return present.JSON(a.Stdout, struct {
			Schema      string          `json:"schema"`
			Service     string          `json:"service"`
			Environment string          `json:"environment"`
			Values      []service.Value `json:"values"`
		}{DefinitionSchema, d.Service, d.Environment, service.Values(d)})
	}
	rendered := string(service.Render(d, origin))
	if !a.StdoutTTY {
		return app.Printf(a.Stdout, "%s", rendered)
	}
	p := a.Pen()
	for line := range strings.Lines(rendered) {
		value, place := strings.TrimSuffix(line, "\n"), ""
		if at := strings.LastIndex(value, "  # "); origin && at >= 0 {
			value, place = value[:at], value[at:]
		}
		if err := app.Printf(a.Stdout, "%s%s\n", p.Clean(value), p.Dim(p.Clean(place))); err != nil {
			return err
		}
	}
	return nil
}
