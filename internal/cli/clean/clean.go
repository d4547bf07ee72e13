// Package clean is the command `stackgate clean`: lists the change sets and empty stacks that deployments left, and removes
// them.
package clean

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/present"
	"stackgate/internal/deployment"
	"stackgate/internal/leftovers"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Options are what the command was asked for.
type Options struct {
	App                  *app.App
	Service, Environment string
	Yes                  bool
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "clean [SERVICE]",
		Short: "List and remove the change sets and empty stacks that deployments left",
		Long: `Lists the change sets that deployments of yours left behind, which a quota of
their stack counts, and the empty stacks that making them created. With --yes it
removes them. Every deployment cleans up after itself; what is found here was
left by one that could not.

A change set is ours when both its name and its description say so, and left over
when its deployment is over. One whose deployment this machine does not know is
left alone for 8 days, since it may be in flight from elsewhere. What is somebody
else's is neither listed nor touched. Without SERVICE and -e every stack of every
definition is looked at.`,
		Example: `  stackgate clean
  stackgate clean orders -e prod
  stackgate clean --yes -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Service = args[0]
			}
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return exit.Usagef("one SERVICE is taken, and %d arguments were given (%s); usage: %s", len(args), strings.Join(args, " "), cmd.UseLine())
		}
		return nil
	}
	f := cmd.Flags()
	f.StringVarP(&o.Environment, "env", "e", "", "only in this environment")
	f.BoolVarP(&o.Yes, "yes", "y", false, "remove what is left over")
	cmd.ValidArgsFunction = complete.Services(a)
	// The flag was defined above, which is all that can go wrong.
	_ = cmd.RegisterFlagCompletionFunc("env", complete.Environments(a))
	app.SetFormats(cmd, app.JSON)
	return cmd
}

// Schema names the version of the JSON form.
const Schema = "stackgate.clean/v1"

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	if mode, err := o.App.Mode(); err != nil {
		return err
	} else if mode == app.Team {
		return exit.Usagef("clean looks at CloudFormation itself, which team mode leaves to the functions; use --mode solo with credentials of the stack's account, where what the installation may have in flight is left alone")
	}
	s, err := embedded.Open(ctx, o.App)
	if err != nil {
		return err
	}
	defer s.Close()
	definitions, err := o.definitions(s)
	if err != nil {
		return err
	}
	finder := leftovers.Finder{Store: s.Store, Clock: o.App.Clock, Connect: func(ctx context.Context, t deployment.Target) (leftovers.Client, error) {
		return s.CloudFormation(ctx, store.Record{Target: t})
	}}
	look := finder.Find
	if o.Yes {
		look = finder.Remove
	}
	found := []leftovers.Leftover{}
	var failures []error
	for _, d := range definitions {
		// One stack that cannot be read must not hide what the others left.
		some, err := look(ctx, d)
		found = append(found, some...)
		if err != nil {
			failures = append(failures, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := o.show(found); err != nil {
		return err
	}
	return errors.Join(failures...)
}

// definitions chooses those that were asked for. Names that do not exist are errors of usage.
func (o *Options) definitions(s *embedded.Session) ([]service.Definition, error) {
	catalog, err := s.Catalog()
	if err != nil {
		return nil, err
	}
	if o.Service != "" && o.Environment != "" {
		d, err := catalog.Definition(o.Service, o.Environment)
		if err != nil {
			return nil, exit.UsageError{Err: err}
		}
		return []service.Definition{d}, nil
	}
	services, environments := catalog.Services(), catalog.Environments()
	if o.Service != "" && !slices.ContainsFunc(services, func(s service.Service) bool { return s.Name == o.Service }) {
		// The catalog says it best; the environment is not looked at before the service.
		_, err := catalog.Definition(o.Service, "")
		return nil, exit.UsageError{Err: err}
	}
	if o.Environment != "" && !slices.ContainsFunc(environments, func(e service.Environment) bool { return e.Name == o.Environment }) {
		if len(services) == 0 {
			return nil, exit.Usagef("there is no environment %q, and no service is defined", o.Environment)
		}
		_, err := catalog.Definition(services[0].Name, o.Environment)
		return nil, exit.UsageError{Err: err}
	}
	return slices.DeleteFunc(catalog.Definitions(), func(d service.Definition) bool {
		return o.Service != "" && d.Service != o.Service || o.Environment != "" && d.Environment != o.Environment
	}), nil
}

func (o *Options) show(found []leftovers.Leftover) error {
	a := o.App
	if a.Flags.Output == app.JSON {
		return present.JSON(a.Stdout, struct {
			Schema    string               `json:"schema"`
			Leftovers []leftovers.Leftover `json:"leftovers"`
		}{Schema, found})
	}
	if len(found) == 0 {
		a.Say("Nothing is left over.")
		return nil
	}
	var out strings.Builder
	// Colours would be counted as columns, so there are none in the table.
	p := app.Pen{ASCII: a.ASCII()}
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVICE\tENV\tWHAT\tNAME\tSTATUS\tDONE\tWHY")
	left := 0
	for _, l := range found {
		name, done := l.Name, "left over"
		if l.Kind == leftovers.EmptyStack {
			name = l.StackName
		}
		switch {
		case l.Removed:
			done = "removed"
		case l.Kept:
			done = "kept"
		default:
			left++
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Clean(l.Service), p.Clean(l.Environment), strings.ReplaceAll(string(l.Kind), "-", " "),
			p.Clean(name), p.Clean(l.Status), done, p.Clean(l.Why))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := app.Printf(a.Stdout, "%s", out.String()); err != nil {
		return err
	}
	if left > 0 && !o.Yes {
		a.Say("Nothing was removed. Remove what is left over with: %s", a.Pen().Cyan(o.command()))
	}
	return nil
}

func (o *Options) command() string {
	command := "stackgate clean"
	if o.Service != "" {
		command += " " + o.Service
	}
	if o.Environment != "" {
		command += " -e " + o.Environment
	}
	return command + " --yes"
}
