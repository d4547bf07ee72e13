package plan_test

import (
	"slices"
	"testing"

	"stackgate/internal/plan"
)

// reported adds to the values of a word that it was not reported, and one that AWS has yet to invent.
func reported(word plan.Word) []string {
	return append([]string{""}, append(slices.Clone(word.Values()), "Invented")...)
}

// sure lists the combinations of action, replacement and policy action that have one meaning. Every other one of all
// combinations must come out as unknown.
func sure() map[[3]string]plan.Impact {
	table := map[[3]string]plan.Impact{}
	for _, replacement := range []string{"", "True", "False", "Conditional"} {
		table[[3]string{"Add", replacement, ""}] = plan.ImpactAdd
		table[[3]string{"Remove", replacement, ""}] = plan.ImpactDestroy
		table[[3]string{"Remove", replacement, "Delete"}] = plan.ImpactDestroy
		table[[3]string{"Remove", replacement, "Snapshot"}] = plan.ImpactDestroySnapshot
		table[[3]string{"Remove", replacement, "Retain"}] = plan.ImpactOrphan
	}
	for _, replacement := range []string{"", "False"} {
		table[[3]string{"Import", replacement, ""}] = plan.ImpactImport
		table[[3]string{"SyncWithActual", replacement, ""}] = plan.ImpactSync
	}
	for _, policy := range []string{"", "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot"} {
		table[[3]string{"Modify", "Conditional", policy}] = plan.ImpactMayReplace
	}
	for _, replacement := range []string{"", "True"} {
		table[[3]string{"Modify", replacement, "ReplaceAndDelete"}] = plan.ImpactReplaceDelete
		table[[3]string{"Modify", replacement, "ReplaceAndRetain"}] = plan.ImpactReplaceRetain
		table[[3]string{"Modify", replacement, "ReplaceAndSnapshot"}] = plan.ImpactReplaceSnapshot
	}
	table[[3]string{"Modify", "True", ""}] = plan.ImpactReplaceDelete
	table[[3]string{"Modify", "False", ""}] = plan.ImpactModify
	return table
}

func TestClassifyEveryCombination(t *testing.T) {
	table := sure()
	seen := 0
	for _, action := range reported(plan.WordAction) {
		for _, replacement := range reported(plan.WordReplacement) {
			for _, policy := range reported(plan.WordPolicyAction) {
				seen++
				want, ok := table[[3]string{action, replacement, policy}]
				if !ok {
					want = plan.ImpactUnknown
				}
				if got := plan.Classify(action, replacement, policy); got != want {
					t.Errorf("Classify(%q, %q, %q) = %s, want %s", action, replacement, policy, got, want)
				}
			}
		}
	}
	if seen != 8*5*8 {
		t.Errorf("%d combinations were tried", seen)
	}
}

func TestNothingThatDeletesIsHarmless(t *testing.T) {
	for _, action := range reported(plan.WordAction) {
		for _, replacement := range reported(plan.WordReplacement) {
			for _, policy := range []string{"Delete", "ReplaceAndDelete"} {
				impact := plan.Classify(action, replacement, policy)
				if !impact.Level(plan.StatefulData).AtLeast(plan.LevelHigh) {
					t.Errorf("Classify(%q, %q, %q) = %s, of level %s", action, replacement, policy, impact, impact.Level(plan.StatefulData))
				}
			}
		}
	}
}

func TestImpactTable(t *testing.T) {
	for rank, impact := range plan.Impacts() {
		if impact.Rank() != rank || !impact.Known() {
			t.Errorf("%s has rank %d, stands at %d", impact, impact.Rank(), rank)
		}
		for name, text := range map[string]string{"mark": impact.Mark(), "ASCII mark": impact.ASCIIMark(), "word": impact.Word(), "sentence": impact.Sentence()} {
			if text == "" {
				t.Errorf("%s has no %s", impact, name)
			}
		}
		for _, r := range impact.ASCIIMark() {
			if r > 126 {
				t.Errorf("the ASCII mark of %s is %q", impact, impact.ASCIIMark())
			}
		}
		for _, tier := range plan.Statefulnesses() {
			if !slices.Contains(plan.Levels(), impact.Level(tier)) {
				t.Errorf("%s of %s has level %q", impact, tier, impact.Level(tier))
			}
			if tier.Stateful() && !impact.Level(tier).AtLeast(impact.Level(plan.StatefulNone)) {
				t.Errorf("%s is worse without state", impact)
			}
		}
		section := plan.Item{Impact: impact, Level: plan.LevelMedium}.Section()
		if section.Title() == string(section) {
			t.Errorf("section %s of %s has no title", section, impact)
		}
	}
}

func TestInventedWordsAreDangerous(t *testing.T) {
	invented := plan.Impact("VAPORISE")
	if invented.Known() || invented.Rank() != plan.ImpactUnknown.Rank() || invented.Level(plan.StatefulNone) != plan.LevelCritical || !invented.Uncertain() {
		t.Errorf("an invented impact is taken for %d, %s", invented.Rank(), invented.Level(plan.StatefulNone))
	}
	if !plan.Level("odd").AtLeast(plan.LevelCritical) {
		t.Error("an invented level is less than critical")
	}
	if !plan.Statefulness("odd").Stateful() {
		t.Error("an invented tier is not stateful")
	}
	if got := plan.RecreationNever.Worst("odd"); got.Sentence() == "" {
		t.Errorf("an invented recreation is silent: %q", got)
	}
	if plan.Change("odd").Mark() != "?" || plan.Direction("odd").Mark() != "?" {
		t.Error("an invented change or direction has a mark of its own")
	}
	if section := (plan.Item{Impact: invented, Level: plan.LevelInfo}).Section(); section != plan.SectionCritical {
		t.Errorf("an item of an invented impact is shown under %s", section)
	}
}

func TestLevelsAndRecreationsAreOrdered(t *testing.T) {
	for i, a := range plan.Levels() {
		for j, b := range plan.Levels() {
			if a.AtLeast(b) != (i <= j) || a.Worst(b) != plan.Levels()[min(i, j)] {
				t.Errorf("%s and %s are out of order", a, b)
			}
		}
	}
	for i, a := range plan.Recreations() {
		for j, b := range plan.Recreations() {
			if a.Worst(b) != plan.Recreations()[min(i, j)] {
				t.Errorf("the worse of %s and %s is %s", a, b, a.Worst(b))
			}
		}
	}
}

func TestEveryWordHasItsText(t *testing.T) {
	marks := map[string]plan.Change{}
	for _, c := range plan.Changes() {
		if other, taken := marks[c.Mark()]; taken {
			t.Errorf("%s and %s have the same mark", c, other)
		}
		marks[c.Mark()] = c
	}
	for _, r := range plan.Recreations() {
		if (r.Sentence() == "") != (r == plan.RecreationNever) {
			t.Errorf("recreation %s says %q", r, r.Sentence())
		}
	}
	for _, s := range plan.Supplies() {
		if s.Sentence() == "" {
			t.Errorf("supply %s says nothing", s)
		}
	}
	for _, word := range plan.Words() {
		if len(word.Values()) == 0 {
			t.Errorf("%s has no values", word)
		}
		for _, value := range word.Values() {
			if !plan.KnownWord(word, value) {
				t.Errorf("%s %q is not known", word, value)
			}
		}
		if plan.KnownWord(word, "Invented") || !plan.KnownWord(word, "") {
			t.Errorf("%s: invented values must be unknown, absent ones known", word)
		}
	}
}
