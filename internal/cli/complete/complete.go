// Package complete proposes words for the shell to complete. It makes nothing and says nothing when it knows nothing.
package complete

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

// Func proposes words.
type Func = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

func catalog(a *app.App) *service.Catalog {
	dir, err := a.ServicesDir()
	if err != nil {
		return nil
	}
	loaded, err := embedded.LoadCatalog(dir)
	if err != nil {
		return nil
	}
	return loaded
}

// Services proposes the services, once.
func Services(a *app.App) Func {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var words []string
		if loaded := catalog(a); loaded != nil && len(args) == 0 {
			for _, s := range loaded.Services() {
				words = append(words, cobra.CompletionWithDesc(s.Name, s.Description))
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// Environments proposes the environments.
func Environments(a *app.App) Func {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var words []string
		if loaded := catalog(a); loaded != nil {
			for _, e := range loaded.Environments() {
				words = append(words, cobra.CompletionWithDesc(e.Name, e.Account+" "+e.Region))
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// Deployments proposes the short ids of deployments: those at one of the stages, or all where none is given.
func Deployments(a *app.App, stages ...deployment.Stage) Func {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), patience)
		defer cancel()
		records, err := deployments(ctx, a, store.Filter{Unfinished: len(stages) > 0})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return describe(records, stages), cobra.ShellCompDirectiveNoFileComp
	}
}

// patience is how long a person waits for a proposal.
const patience = 3 * time.Second

// deployments lists deployments without making a state where there is none.
func deployments(ctx context.Context, a *app.App, filter store.Filter) ([]store.Record, error) {
	mode, err := a.Mode()
	if err != nil {
		return nil, err
	}
	if mode == app.Team {
		s, err := door.Open(ctx, a)
		if err != nil {
			return nil, err
		}
		return s.Deployments(ctx, filter)
	}
	if !embedded.Exists(a) {
		return nil, nil
	}
	o, err := embedded.FromApp(a)
	if err != nil {
		return nil, err
	}
	kept, err := sqlite.Open(ctx, o.State, a.Clock)
	if err != nil {
		return nil, err
	}
	defer kept.Close()
	return kept.Records(ctx, filter)
}

func describe(records []store.Record, stages []deployment.Stage) []string {
	var words []string
	for _, r := range records {
		wanted := len(stages) == 0
		for _, stage := range stages {
			wanted = wanted || r.Stage == stage
		}
		if wanted {
			state := string(r.Stage)
			if r.Outcome != "" {
				state = string(r.Outcome)
			}
			words = append(words, cobra.CompletionWithDesc(r.ID.Short(), r.Service+" to "+r.Environment+", "+state))
		}
	}
	return words
}
