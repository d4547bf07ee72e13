// Package config is the command `stackgate config`: shows and sets what the command line is configured with. It asks nobody
// whether the values work.
package config

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/settings"
	"stackgate/internal/cli/wish"
)

// NewCommand makes the command with its own commands.
func NewCommand(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show or set mode, url, profile and region",
		Long: `A setting comes from its flag, or else its variable (STACKGATE_MODE and its
like), or else .stackgate/config.yaml here or above, up to the root of the git
work tree, or else your own stackgate/config.yaml below XDG_CONFIG_HOME or
~/.config.`,
		Example: `  stackgate config set mode team
  stackgate config set url https://abc123.execute-api.eu-west-1.amazonaws.com
  stackgate config set profile platform --user
  stackgate config show --origin`,
		Args: wish.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return exit.Usagef("say what to do: %s show or %s set KEY VALUE", cmd.CommandPath(), cmd.CommandPath())
		},
	}
	cmd.AddCommand(newShow(a, nil), newSet(a, nil))
	return cmd
}

// ShowOptions are what `config show` was asked for.
type ShowOptions struct {
	App    *app.App
	Origin bool
}

func newShow(a *app.App, run func(context.Context, *ShowOptions) error) *cobra.Command {
	o := &ShowOptions{App: a}
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show the settings, and where each comes from",
		Example: "  stackgate config show --origin\n  stackgate config show -o json",
		Args:    wish.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Show(o)
		},
	}
	cmd.Flags().BoolVar(&o.Origin, "origin", false, "also show where each value comes from")
	app.SetFormats(cmd, app.JSON)
	return cmd
}

// Schema names the version of the JSON form.
const Schema = "stackgate.config/v1"

// Show runs `config show`.
func Show(o *ShowOptions) error {
	values, err := o.App.Settings().All()
	if err != nil {
		return exit.UsageError{Err: err}
	}
	for i := range values {
		if values[i].Key == settings.Mode && values[i].Value == "" {
			values[i].Value = string(app.Simulated)
		}
	}
	if o.App.Flags.Output == app.JSON {
		return present.JSON(o.App.Stdout, struct {
			Schema   string           `json:"schema"`
			Settings []settings.Value `json:"settings"`
		}{Schema, values})
	}
	width := 0
	for _, v := range values {
		width = max(width, len(v.Value))
	}
	p := o.App.Pen()
	for _, v := range values {
		line := fmt.Sprintf("%-8s %-*s", v.Key, width, p.Clean(v.Value))
		if o.Origin {
			line += "  " + p.Dim(p.Clean(v.Origin))
		}
		if err := app.Printf(o.App.Stdout, "%s\n", strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// SetOptions are what `config set` was asked for.
type SetOptions struct {
	App        *app.App
	Key, Value string
	// User writes the person's own file instead of the project's.
	User bool
}

func newSet(a *app.App, run func(context.Context, *SetOptions) error) *cobra.Command {
	o := &SetOptions{App: a}
	cmd := &cobra.Command{
		Use:   "set KEY VALUE",
		Short: "Set mode, url, profile or region",
		Long: `Writes .stackgate/config.yaml of the project or, with --user, your own file. An empty value removes the setting. No
secret belongs there: credentials are those of the AWS configuration.`,
		Example: "  stackgate config set mode team\n  stackgate config set profile platform --user",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return exit.Usagef("a key and a value are taken, and %d arguments were given; usage: %s", len(args), cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Key, o.Value = args[0], args[1]
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Set(o)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var words []string
			switch {
			case len(args) == 0:
				for _, key := range settings.Keys() {
					words = append(words, string(key))
				}
			case len(args) == 1 && args[0] == string(settings.Mode):
				words = settings.Modes
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&o.User, "user", false, "set it for you, in every project")
	return cmd
}

// Set runs `config set`.
func Set(o *SetOptions) error {
	key := settings.Key(o.Key)
	if !slices.Contains(settings.Keys(), key) {
		return exit.Usagef("there is no setting %q; there are %v", o.Key, settings.Keys())
	}
	if o.Value != "" {
		if err := settings.Check(key, o.Value); err != nil {
			return exit.UsageError{Err: err}
		}
	}
	sources := o.App.Settings()
	path := sources.Project()
	if o.User {
		if path = sources.Own(); path == "" {
			return exit.Usagef("your home folder is not known; set HOME or XDG_CONFIG_HOME")
		}
	}
	if err := settings.Write(path, key, o.Value); err != nil {
		return exit.UsageError{Err: err}
	}
	what := string(key) + " = " + o.Value
	if o.Value == "" {
		what = string(key) + " removed"
	}
	o.App.Say("%s in %s", o.App.Pen().Clean(what), path)
	// What is more particular outweighs what was just written.
	if now, err := sources.Get(key); err == nil && now.Value != o.Value {
		o.App.Warn("warning: %s is still %q, by %s", key, now.Value, now.Origin)
	}
	return nil
}
