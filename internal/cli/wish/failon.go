package wish

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/exit"
	"stackgate/internal/plan"
)

// FailOn are the hazards that a command refuses.
type FailOn struct{ words []string }

// Bind gives a command the flag and its completion.
func (f *FailOn) Bind(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.words, "fail-on", nil, "exit with 7 on `HAZARDS`, as replace,stateful-loss")
	words := make([]string, 0, len(plan.Hazards()))
	for _, hazard := range plan.Hazards() {
		words = append(words, string(hazard))
	}
	// The flag was defined above, which is all that can go wrong.
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// Check says which of the words is none, before anything is done.
func (f *FailOn) Check() error {
	for _, word := range f.words {
		if !slices.Contains(plan.Hazards(), plan.Hazard(word)) {
			var known []string
			for _, hazard := range plan.Hazards() {
				known = append(known, string(hazard))
			}
			return exit.Usagef("--fail-on %q is not known; use any of %s", word, strings.Join(known, ", "))
		}
	}
	return nil
}

// Of returns an exit.HazardError where the review holds one of the hazards. What is unknown, and a review that is not
// complete, counts as all of them.
func (f *FailOn) Of(r plan.Review) error {
	var found []string
	for _, word := range f.words {
		if paths := r.Hazardous(plan.Hazard(word)); len(paths) > 0 {
			const most = 5
			text := word + ": " + strings.Join(paths[:min(len(paths), most)], ", ")
			if len(paths) > most {
				text += ", …"
			}
			found = append(found, text)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return exit.HazardError{Found: found}
}
