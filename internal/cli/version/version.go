// Package version is the command `stackgate version`: which build this is. It knows no releases.
package version

import (
	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/wish"
)

// Schema names the version of the JSON form.
const Schema = "stackgate.version/v1"

// NewCommand makes the command.
func NewCommand(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show which build this is",
		Args:  wish.None,
		RunE: func(*cobra.Command, []string) error {
			if a.Flags.Output == app.JSON {
				return present.JSON(a.Stdout, struct {
					Schema string `json:"schema"`
					app.Version
				}{Schema, a.Version})
			}
			text := "stackgate " + a.Version.Version
			if a.Version.Revision != "" {
				text += " " + a.Version.Revision
			}
			if a.Version.Modified {
				text += " (modified)"
			}
			return app.Printf(a.Stdout, "%s, %s, %s\n", text, a.Version.Go, a.Version.Platform)
		},
	}
	app.SetFormats(cmd, app.JSON)
	return cmd
}
