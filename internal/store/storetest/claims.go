package storetest

import (
	"testing"
	"time"

	"stackgate/internal/deployment"
)

var claimRules = []rule[Store]{
	{"the first claim of a key stays", func(t *testing.T, s Store) {
		ctx, until := t.Context(), start.Add(time.Hour)
		for _, n := range []int{1, 2, 1} {
			if bound := mustGet(s.ClaimID(ctx, "key", idOf(n), until))(t); bound != idOf(1) {
				t.Errorf("%s claims: bound to %s, want %s", idOf(n), bound, idOf(1))
			}
		}
		if bound := mustGet(s.ClaimID(ctx, "another key", idOf(2), time.Time{}))(t); bound != idOf(2) {
			t.Errorf("another key is bound to %s", bound)
		}
	}},
	{"a claim needs a key and a deployment", func(t *testing.T, s Store) {
		if _, err := s.ClaimID(t.Context(), "", idOf(1), start); err == nil {
			t.Error("a claim without a key was kept")
		}
		if _, err := s.ClaimID(t.Context(), "key", "", start); err == nil {
			t.Error("a claim without a deployment was kept")
		}
	}},
	{"of many claims at once one wins, and all are told so", func(t *testing.T, s Store) {
		bound := make([]deployment.ID, 8)
		together(len(bound), func(i int) {
			var err error
			if bound[i], err = s.ClaimID(t.Context(), "key", idOf(i), start); err != nil {
				t.Error(err)
			}
		})
		for _, one := range bound {
			if one == "" || one != bound[0] {
				t.Errorf("bound to %v", bound)
			}
		}
	}},
}
