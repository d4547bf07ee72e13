// Package wish is what plan and deploy are asked for on the command line. It checks the form of it, not the content.
package wish

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/exit"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
)

// Wish is what a person asks for.
type Wish struct {
	Service, Environment  string
	Parameters            []string
	Template              string
	Commit, Reason, Trace string
	Timeout               time.Duration
}

// Bind gives a command the flags and the completion of a wish.
func (w *Wish) Bind(a *app.App, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&w.Environment, "env", "e", "", "`ENVIRONMENT` to deploy to (required)")
	f.StringArrayVar(&w.Parameters, "param", nil, "override a parameter, where policy allows it")
	f.StringVar(&w.Template, "template", "", "template to use instead of the definition's")
	f.StringVar(&w.Commit, "commit", "", "commit of the template, for the record")
	f.StringVar(&w.Reason, "reason", "", "why, for approvers and the record")
	f.StringVar(&w.Trace, "correlation-id", "", "id that ties this to a pipeline's run")
	f.DurationVar(&w.Timeout, "timeout", 0, "call off what is not executed after this long")
	cmd.Args = One("SERVICE")
	cmd.ValidArgsFunction = complete.Services(a)
	// The flag was defined above, which is all that can go wrong.
	_ = cmd.RegisterFlagCompletionFunc("env", complete.Environments(a))
}

// One wants exactly one argument of a name.
func One(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return exit.Usagef("%s is missing; usage: %s", name, cmd.UseLine())
		}
		return exit.Usagef("one %s is taken, and %d arguments were given (%s); usage: %s", name, len(args), strings.Join(args, " "), cmd.UseLine())
	}
}

// OneUnless wants exactly one argument of a name, or none where a flag stands in its place.
func OneUnless(name, flag string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed(flag) {
			if len(args) > 0 {
				return exit.Usagef("give either %s or --%s, not both", name, flag)
			}
			return nil
		}
		return One(name)(cmd, args)
	}
}

// None wants no arguments.
func None(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return exit.Usagef("%s takes no arguments, and got %q; usage: %s", cmd.CommandPath(), args[0], cmd.UseLine())
	}
	return nil
}

// Ask makes a request of the wish, and reads its template.
func (w Wish) Ask(a *app.App, intent deployment.Intent) (frontdoor.Ask, error) {
	if w.Environment == "" {
		return frontdoor.Ask{}, exit.Usagef("the environment is missing; add -e ENVIRONMENT, for example: -e staging")
	}
	if w.Timeout < 0 {
		return frontdoor.Ask{}, exit.Usagef("--timeout %s is negative; give a duration as 30m", w.Timeout)
	}
	ask := frontdoor.Ask{
		Service: w.Service, Environment: w.Environment, Intent: intent, Commit: w.Commit, Reason: w.Reason, CorrelationID: w.Trace,
	}
	for _, pair := range w.Parameters {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return frontdoor.Ask{}, exit.Usagef("--param %q has no value; give it as KEY=VALUE", pair)
		}
		if ask.Parameters == nil {
			ask.Parameters = map[string]string{}
		}
		if _, twice := ask.Parameters[name]; twice {
			return frontdoor.Ask{}, exit.Usagef("--param %s is given twice; keep one", name)
		}
		ask.Parameters[name] = value
	}
	if w.Template != "" {
		content, err := os.ReadFile(a.Path(w.Template))
		if err != nil {
			return frontdoor.Ask{}, exit.UsageError{Err: fmt.Errorf("read the template: %w", err)}
		}
		if len(content) == 0 {
			return frontdoor.Ask{}, exit.Usagef("the template %s is empty", w.Template)
		}
		ask.Template = content
	}
	return ask, nil
}
