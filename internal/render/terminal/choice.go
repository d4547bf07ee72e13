package terminal

import (
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/plan"
)

// choice is what Options ask to see of the items.
type choice struct {
	sections []plan.Section
	count    int
	filtered bool
	// security and drift: the lists that stand beside the items are asked for.
	security, drift bool
}

const wordDrift = "drift"

// Words lists what Options.Only understands: sections, levels, impacts, and "drift".
func Words() []string {
	words := []string{wordDrift}
	for _, kind := range plan.SectionKinds() {
		words = append(words, string(kind))
	}
	for _, level := range plan.Levels() {
		words = append(words, string(level))
	}
	for _, impact := range plan.Impacts() {
		words = append(words, strings.ToLower(string(impact)))
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func choose(r plan.Review, o Options) (choice, error) {
	if len(o.Only) == 0 && len(o.Resources) == 0 {
		return choice{sections: r.Sections(), count: len(r.Items), security: true, drift: true}, nil
	}
	words := Words()
	only := make([]string, 0, len(o.Only))
	for _, word := range o.Only {
		word = strings.ToLower(word)
		if !slices.Contains(words, word) {
			return choice{}, fmt.Errorf("show only %q: there is no such section, level or impact; use one of %s",
				word, strings.Join(words, ", "))
		}
		only = append(only, word)
	}
	for _, path := range o.Resources {
		if _, ok := r.Item(path); !ok {
			return choice{}, fmt.Errorf("show resource %q: the review has no change with this path%s", path, similar(r, path))
		}
	}
	c := choice{filtered: true, security: slices.Contains(only, string(plan.SectionSecurity)), drift: slices.Contains(only, wordDrift)}
	widened := make(map[string]bool)
	for _, finding := range r.Security {
		widened[finding.Path] = true
	}
	chosen := r
	chosen.Items = nil
	for _, item := range r.Items {
		named := len(o.Resources) == 0 || slices.Contains(o.Resources, item.Path)
		matches := len(only) == 0 || slices.ContainsFunc(only, func(word string) bool {
			return matches(item, word) || word == string(plan.SectionSecurity) && widened[item.Path] ||
				word == wordDrift && slices.Contains(r.Drift.Overwrites, item.Path)
		})
		if named && matches {
			chosen.Items = append(chosen.Items, item)
		}
	}
	c.sections, c.count = chosen.Sections(), len(chosen.Items)
	return c, nil
}

func matches(item plan.Item, word string) bool {
	holds := func(i plan.Impact) bool { return strings.EqualFold(string(i), word) }
	return string(item.Section()) == word || string(item.Level) == word || holds(item.Impact) || slices.ContainsFunc(item.Also, holds) ||
		word == string(plan.SectionUncertain) && item.Impact.Uncertain()
}

// similar names paths that end like the one that was not found, since people type the logical id alone.
func similar(r plan.Review, path string) string {
	var paths []string
	for _, item := range r.Items {
		if item.LogicalID == path || strings.EqualFold(item.Path, path) {
			paths = append(paths, item.Path)
		}
	}
	if len(paths) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(paths[:min(len(paths), 5)], ", ") + "?"
}
