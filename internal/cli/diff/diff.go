// Package diff is the command `stackgate diff`: what changed since somebody read a review. It does not compare templates.
package diff

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/complete"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/saved"
	"stackgate/internal/plan/delta"
	"stackgate/internal/store"
)

// Options are what the command was asked for.
type Options struct {
	App *app.App
	// From and To are deployments or files. An empty From stands for the deployment before To.
	From, To string
	Full     bool
	// DetailedExitCode answers with exit code 2 where the reviews differ.
	DetailedExitCode bool
}

// NewCommand makes the command; run may be nil and is for tests of its flags.
func NewCommand(a *app.App, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{App: a}
	cmd := &cobra.Command{
		Use:   "diff [REVIEWED] NOW",
		Short: "Show what changed since a review was read",
		Long: `Compares two reviews: which changes are new, worse, different or gone. Each is
a deployment (an id or the end of one) or a file: - or a name with a slash or
ending in .json, which holds a review saved with -o json, or an answer of
describe-change-set. With one deployment it is compared with the one before
it, of the same service and environment, that has a review.

Ids of change sets, times and acknowledgement numbers are no difference.
Hidden values cannot be compared, and the result says which they are. An
approval of the one review never counts for the other.`,
		Example: `  stackgate diff 7q4k2mxa
  stackgate diff 6zp0ttbc 7q4k2mxa
  stackgate diff before.json after.json -o markdown > comment.md
  stackgate diff reviewed.json 7q4k2mxa --detailed-exitcode   # exit code 2: they differ`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return exit.Usagef("DEPLOYMENT is missing; usage: %s", cmd.UseLine())
			case len(args) > 2:
				return exit.Usagef("two reviews are compared, and %d were given (%s)", len(args), strings.Join(args, " "))
			case len(args) == 1 && isFile(args[0]):
				return exit.Usagef("what to compare %s with is missing; usage: %s", args[0], cmd.UseLine())
			case len(args) == 2 && args[0] == "-" && args[1] == "-":
				return exit.Usagef("the standard input is named twice; it can be read once")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.To = args[len(args)-1]
			if len(args) == 2 {
				o.From = args[0]
			}
			if run != nil {
				return run(cmd.Context(), o)
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		words, _ := complete.Deployments(a)(cmd, nil, toComplete)
		return words, cobra.ShellCompDirectiveDefault
	}
	cmd.Flags().BoolVar(&o.Full, "full", false, "show long values whole")
	cmd.Flags().BoolVar(&o.DetailedExitCode, "detailed-exitcode", false, "exit with 2 where the reviews differ")
	app.SetFormats(cmd, app.JSON, app.Markdown)
	return cmd
}

// isFile goes by the text alone, so that a command means the same in every folder.
func isFile(name string) bool {
	return name == "-" || strings.ContainsAny(name, `/\`) || strings.HasSuffix(strings.ToLower(name), ".json")
}

// Run runs the command.
func Run(ctx context.Context, o *Options) error {
	r := reader{app: o.App}
	defer r.close()
	var from delta.Named
	var err error
	if o.From != "" {
		if from, _, err = r.review(ctx, o.From); err != nil {
			return err
		}
	}
	to, record, err := r.review(ctx, o.To)
	if err != nil {
		return err
	}
	if o.From == "" {
		if from, err = r.before(ctx, record); err != nil {
			return err
		}
	}
	d := delta.Between(from, to)
	if err := present.Paged(ctx, o.App, func(w io.Writer) error {
		return present.Delta(o.App, w, d, o.App.Flags.Output, o.Full)
	}); err != nil {
		return err
	}
	if o.DetailedExitCode && !d.Same {
		return exit.ErrDiffers
	}
	return nil
}

// reader opens the store when a deployment is named, as files need no project.
type reader struct {
	app     *app.App
	session *door.Session
}

func (r *reader) close() {
	if r.session != nil {
		// Nothing was written.
		_ = r.session.Close()
	}
}

func (r *reader) review(ctx context.Context, name string) (delta.Named, store.Record, error) {
	if isFile(name) {
		review, err := saved.Review(r.app, []string{name})
		return delta.Named{Name: name, Review: review}, store.Record{}, err
	}
	if r.session == nil {
		if nothing, err := door.Nothing(r.app); err != nil || nothing != "" {
			if err == nil {
				err = exit.Usagef("%q is neither a file nor a deployment: %s", name, nothing)
			}
			return delta.Named{}, store.Record{}, err
		}
		session, err := door.Open(ctx, r.app)
		if err != nil {
			return delta.Named{}, store.Record{}, err
		}
		r.session = session
	}
	found, err := r.session.Deployment(ctx, name)
	if err != nil {
		return delta.Named{}, store.Record{}, err
	}
	named, err := r.stored(ctx, found.Record)
	return named, found.Record, err
}

func (r *reader) stored(ctx context.Context, record store.Record) (delta.Named, error) {
	review, err := r.session.Review(ctx, record.ID)
	return delta.Named{Name: record.ID.String(), Review: review}, err
}

// before finds the deployment before this one, to the same stack, that has a review.
func (r *reader) before(ctx context.Context, record store.Record) (delta.Named, error) {
	const lookedAt = 1000
	records, err := r.session.Deployments(ctx, store.Filter{Service: record.Service, Environment: record.Environment, Limit: lookedAt})
	if err != nil {
		return delta.Named{}, err
	}
	for _, earlier := range records {
		if earlier.ID != record.ID && earlier.Review.Document != "" && earlier.Times.Requested.Before(record.Times.Requested) {
			return r.stored(ctx, earlier)
		}
	}
	return delta.Named{}, exit.Usagef("no deployment of %s to %s before %s has a review; name what to compare it with", record.Service, record.Environment, record.ID)
}
