// Package app is the program as a value: its streams, its environment, its clock and the flags that every command has.
// It knows no command and opens nothing.
package app

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/settings"
)

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Random yields random bits for ids and random shares for retries.
type Random interface {
	io.Reader
	Float64() float64
}

// App is what a command gets: where to read and write, and what was asked for.
type App struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Whether the streams are terminals.
	StdinTTY, StdoutTTY, StderrTTY bool
	// Width is the terminal's number of columns, 0 where there is none.
	Width int
	// LookupEnv reads the environment.
	LookupEnv func(name string) (value string, found bool)
	// Dir is the working directory, absolute.
	Dir    string
	Clock  Clock
	Random Random
	// User is the name of the operating system's user; Process names host and process id.
	User, Process string
	Version       Version

	Flags Flags
}

// Version says which build this is.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Flags are those of every command.
type Flags struct {
	Output                         string
	Quiet, Verbose, Debug, NoInput bool
	Color                          string
	NoColor                        bool
	Mode, State, Services          string
	URL, Profile, Region, As       string
}

// Env returns an environment variable, empty where it is not set.
func (a *App) Env(name string) string {
	value, _ := a.LookupEnv(name)
	return value
}

// The output formats.
const (
	Text     = "text"
	JSON     = "json"
	NDJSON   = "ndjson"
	Markdown = "markdown"
	HTML     = "html"
	GitHub   = "github"
)

const formatsKey = "stackgate.formats"

// SetFormats says which formats a command has beside text.
func SetFormats(cmd *cobra.Command, formats ...string) {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[formatsKey] = strings.Join(formats, " ")
}

// Formats returns the formats of a command, text first.
func Formats(cmd *cobra.Command) []string {
	return append([]string{Text}, strings.Fields(cmd.Annotations[formatsKey])...)
}

// Check says what is wrong with the flags of every command for this one.
func (a *App) Check(cmd *cobra.Command) error {
	if !slices.Contains(Formats(cmd), a.Flags.Output) {
		return exit.Usagef("%s has no output format %q; use one of %s", cmd.CommandPath(), a.Flags.Output, strings.Join(Formats(cmd), ", "))
	}
	if colors := []string{"auto", "always", "never"}; !slices.Contains(colors, a.Flags.Color) {
		return exit.Usagef("--color %q is not known; use one of %s", a.Flags.Color, strings.Join(colors, ", "))
	}
	_, err := a.Mode()
	return err
}

// Mode is where CloudFormation is.
type Mode string

// The modes. All but Team run in this process.
const (
	Simulated Mode = "simulated"
	Solo      Mode = "solo"
	// Team: an installed front door is asked, and flows run on Step Functions.
	Team Mode = "team"
)

// Modes lists every mode.
func Modes() []Mode { return []Mode{Simulated, Solo, Team} }

// Settings are where the program's settings are looked for.
func (a *App) Settings() settings.Sources {
	return settings.Sources{
		Flags: map[settings.Key]string{
			settings.Mode: a.Flags.Mode, settings.URL: a.Flags.URL, settings.Profile: a.Flags.Profile, settings.Region: a.Flags.Region,
		},
		LookupEnv: a.LookupEnv, Dir: a.Dir,
	}
}

// Setting returns a setting, empty where nobody has set it.
func (a *App) Setting(key settings.Key) (string, error) {
	value, err := a.Settings().Get(key)
	if err != nil {
		return "", exit.UsageError{Err: err}
	}
	return value.Value, nil
}

// Mode returns the mode that is set: simulated where none is.
func (a *App) Mode() (Mode, error) {
	given, err := a.Setting(settings.Mode)
	if err != nil {
		return "", err
	}
	return Mode(cmp.Or(given, string(Simulated))), nil
}

// Person returns who is using the program: --as, STACKGATE_AS, or the operating system's user.
func (a *App) Person() string {
	for _, name := range []string{a.Flags.As, a.Env("STACKGATE_AS"), a.User} {
		if strings.TrimSpace(name) != "" {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// NamedPerson is Person without the operating system's user: a decision is taken by name or not at all, so that a
// requester who leaves out --as does not become a second person.
func (a *App) NamedPerson() string {
	return strings.TrimSpace(cmp.Or(a.Flags.As, a.Env("STACKGATE_AS")))
}

const projectFile = "project.yaml"

// ServicesDir returns the folder of the definitions: --services, STACKGATE_SERVICES, or the folder services/ with a
// project.yaml here or in the nearest folder above. It is relative to the working directory where it lies below it.
func (a *App) ServicesDir() (string, error) {
	for _, given := range []string{a.Flags.Services, a.Env("STACKGATE_SERVICES")} {
		if given != "" {
			return given, nil
		}
	}
	root, found := a.projectRoot()
	if !found {
		return "", exit.Usagef("there is no services/%s here or in a folder above; go to your project, name the folder with --services DIR, or see: stackgate demo", projectFile)
	}
	return a.short(filepath.Join(root, "services")), nil
}

// Path makes a path given by a person absolute.
func (a *App) Path(given string) string {
	if filepath.IsAbs(given) {
		return given
	}
	return filepath.Join(a.Dir, given)
}

func (a *App) short(path string) string {
	if relative, err := filepath.Rel(a.Dir, path); err == nil && !strings.HasPrefix(relative, "..") {
		return relative
	}
	return path
}

func (a *App) projectRoot() (string, bool) {
	for dir := a.Dir; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(filepath.Join(dir, "services", projectFile)); err == nil && info.Mode().IsRegular() {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// StateDir returns the folder of the state, absolute: --state, STACKGATE_STATE, or .stackgate beside services/.
func (a *App) StateDir() (string, error) {
	for _, given := range []string{a.Flags.State, a.Env("STACKGATE_STATE")} {
		if given != "" {
			return a.Path(given), nil
		}
	}
	if services := a.Flags.Services + a.Env("STACKGATE_SERVICES"); services != "" {
		dir, err := a.ServicesDir()
		return filepath.Join(filepath.Dir(a.Path(dir)), ".stackgate"), err
	}
	root, found := a.projectRoot()
	if !found {
		return "", exit.Usagef("there is no project here (no services/%s in this folder or above), so its state is not known; go to your project or name the state's folder with --state DIR", projectFile)
	}
	return filepath.Join(root, ".stackgate"), nil
}
