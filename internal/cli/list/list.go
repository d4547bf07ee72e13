// Package list is the command `stackgate list`: the deployments, newest first.
package list

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/wish"
	"stackgate/internal/store"
	"stackgate/internal/web/wire"
)

// Options are what the command was asked for.
type Options struct {
	App    *app.App
	Filter store.Filter
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List deployments, newest first",
		Long:  `Lists deployments: those of the last 50 that the flags choose.`,
		Example: `  stackgate list --unfinished
  stackgate list --service orders -e prod -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.Args = wish.None
	f := cmd.Flags()
	f.StringVar(&o.Filter.Service, "service", "", "only those of this service")
	f.StringVarP(&o.Filter.Environment, "env", "e", "", "only those to this environment")
	f.BoolVar(&o.Filter.Unfinished, "unfinished", false, "only those that are not over")
	f.IntVar(&o.Filter.Limit, "limit", 50, "how many at most")
	// The flags were defined above, which is all that can go wrong.
	_ = cmd.RegisterFlagCompletionFunc("service", complete.Services(a))
	_ = cmd.RegisterFlagCompletionFunc("env", complete.Environments(a))
	app.SetFormats(cmd, app.JSON)
	return cmd
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	const most = 1000
	if o.Filter.Limit < 1 || o.Filter.Limit > most {
		return exit.Usagef("--limit %d: give 1 to %d", o.Filter.Limit, most)
	}
	nothing, err := door.Nothing(o.App)
	if err != nil {
		return err
	}
	var records []store.Record
	if nothing == "" {
		if records, err = read(ctx, o); err != nil {
			return err
		}
	}
	if o.App.Flags.Output == app.JSON {
		return present.JSON(o.App.Stdout, wire.List{Schema: wire.ListSchema, Deployments: append([]store.Record{}, records...)})
	}
	if nothing != "" {
		o.App.Say("%s.", strings.ToUpper(nothing[:1])+nothing[1:])
		return nil
	}
	if len(records) == 0 {
		o.App.Say("There are no such deployments.")
		return nil
	}
	return table(o.App, records)
}

func read(ctx context.Context, o *Options) ([]store.Record, error) {
	s, err := door.Open(ctx, o.App)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Deployments(ctx, o.Filter)
}

func table(a *app.App, records []store.Record) error {
	var out strings.Builder
	// Colours would be counted as columns, so there are none in the table.
	p := app.Pen{ASCII: a.ASCII()}
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSERVICE\tENV\tSTATE\tINTENT\tREQUESTED\tBY\tREVIEW")
	for _, r := range records {
		review := ""
		if r.Review.Digest != "" {
			review = fmt.Sprintf("%d, %s", r.Review.Changes, r.Review.Level)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID.Short(), p.Clean(r.Service), p.Clean(r.Environment), present.StageWord(p, r), p.Clean(string(r.Intent)),
			r.Times.Requested.UTC().Format("01-02 15:04"), p.Clean(r.RequestedBy), review)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return app.Printf(a.Stdout, "%s", out.String())
}
