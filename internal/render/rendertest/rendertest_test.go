package rendertest_test

import (
	"maps"
	"slices"
	"testing"

	"stackgate/internal/plan"
	"stackgate/internal/render/rendertest"
)

func TestCasesAreTheSameEachTime(t *testing.T) {
	first, second := rendertest.Cases(), rendertest.Cases()
	for i := range first {
		a, err := plan.Encode(first[i].Review)
		if err != nil {
			t.Fatal(err)
		}
		b, err := plan.Encode(second[i].Review)
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Errorf("case %s differs from one call to the next", first[i].Name)
		}
	}
}

func TestHostileUsesEveryAttack(t *testing.T) {
	names := slices.Sorted(maps.Keys(rendertest.Attacks()))
	if got, want := len(rendertest.Hostile().Items), len(names); got != want {
		t.Errorf("the hostile review has %d items, there are %d attacks", got, want)
	}
}
