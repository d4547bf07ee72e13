package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// requestedAt makes the n-th record as if it was requested that many seconds after the start.
func requestedAt(t testing.TB, s Store, n, seconds int, change func(*store.Record)) {
	t.Helper()
	record := store.Record{ID: idOf(n), Service: "orders", Environment: "prod", Stage: deployment.StageRequested}
	record.Times.Requested = start.Add(time.Duration(seconds) * time.Second)
	if change != nil {
		change(&record)
	}
	must(t, s.CreateRecord(t.Context(), record))
}

func listed(t testing.TB, s Store, filter store.Filter) []deployment.ID {
	t.Helper()
	ids := []deployment.ID{}
	for _, record := range mustGet(s.Records(t.Context(), filter))(t) {
		ids = append(ids, record.ID)
	}
	return ids
}

var listingRules = []rule[Store]{
	{"the newest comes first, and of two at once the greater id", func(t *testing.T, s Store) {
		requestedAt(t, s, 1, 5, nil)
		requestedAt(t, s, 2, 9, nil)
		requestedAt(t, s, 3, 1, nil)
		requestedAt(t, s, 4, 5, nil)
		requestedAt(t, s, 5, 0, func(r *store.Record) { r.Times.Requested = start.Add(5*time.Second + time.Nanosecond) })
		requestedAt(t, s, 6, 0, func(r *store.Record) {
			r.Times.Requested = start.Add(7 * time.Second).In(time.FixedZone("elsewhere", -11*3600))
		})
		requestedAt(t, s, 7, 0, func(r *store.Record) { r.Times.Requested = time.Time{} })
		want := []deployment.ID{idOf(2), idOf(6), idOf(5), idOf(4), idOf(1), idOf(3), idOf(7)}
		if diff := cmp.Diff(want, listed(t, s, store.Filter{})); diff != "" {
			t.Errorf("-want +listed:\n%s", diff)
		}
	}},
	{"the filter chooses", func(t *testing.T, s Store) {
		requestedAt(t, s, 1, 1, nil)
		requestedAt(t, s, 2, 2, func(r *store.Record) { r.Service = "billing" })
		requestedAt(t, s, 3, 3, func(r *store.Record) { r.Environment = "staging" })
		requestedAt(t, s, 4, 4, func(r *store.Record) { r.Stage = deployment.StageFinished })
		requestedAt(t, s, 5, 5, func(r *store.Record) {
			r.ID, r.Service = "100%_sure-prod-20261122T140203Z-zzzz_%zz", "odd"
		})
		for name, row := range map[string]struct {
			filter store.Filter
			want   []deployment.ID
		}{
			"service":               {store.Filter{Service: "orders"}, []deployment.ID{idOf(4), idOf(3), idOf(1)}},
			"environment":           {store.Filter{Environment: "staging"}, []deployment.ID{idOf(3)}},
			"both":                  {store.Filter{Service: "orders", Environment: "prod"}, []deployment.ID{idOf(4), idOf(1)}},
			"both, unfinished":      {store.Filter{Service: "orders", Environment: "prod", Unfinished: true}, []deployment.ID{idOf(1)}},
			"whole id":              {store.Filter{IDSuffix: idOf(2).String()}, []deployment.ID{idOf(2)}},
			"end of the id":         {store.Filter{IDSuffix: idOf(3).Short()}, []deployment.ID{idOf(3)}},
			"middle of the id":      {store.Filter{IDSuffix: "20261122T140203Z"}, []deployment.ID{}},
			"longer than the id":    {store.Filter{IDSuffix: "x" + idOf(2).String()}, []deployment.ID{}},
			"other case":            {store.Filter{IDSuffix: "AAAAAAAD"}, []deployment.ID{}},
			"no pattern but a text": {store.Filter{IDSuffix: "_%zz"}, []deployment.ID{"100%_sure-prod-20261122T140203Z-zzzz_%zz"}},
			"no wildcard":           {store.Filter{IDSuffix: "%"}, []deployment.ID{}},
			"end and service":       {store.Filter{IDSuffix: idOf(2).Short(), Service: "orders"}, []deployment.ID{}},
			"limit after choosing":  {store.Filter{Service: "orders", Limit: 2}, []deployment.ID{idOf(4), idOf(3)}},
			"none of that name":     {store.Filter{Service: "nobody"}, []deployment.ID{}},
		} {
			t.Run(name, func(t *testing.T) {
				if diff := cmp.Diff(row.want, listed(t, s, row.filter)); diff != "" {
					t.Errorf("-want +listed:\n%s", diff)
				}
			})
		}
	}},
	{"every stage but the last is unfinished", func(t *testing.T, s Store) {
		want := []deployment.ID{}
		for i, stage := range append(deployment.Stages(), "a stage of the future") {
			requestedAt(t, s, i+1, -i, func(r *store.Record) { r.Stage = stage })
			if stage != deployment.StageFinished {
				want = append(want, idOf(i+1))
			}
		}
		if diff := cmp.Diff(want, listed(t, s, store.Filter{Unfinished: true})); diff != "" {
			t.Errorf("-want +listed:\n%s", diff)
		}
	}},
	{"open is what something is still to be done for", func(t *testing.T, s Store) {
		for i, change := range []func(*store.Record){
			func(r *store.Record) {},
			func(r *store.Record) { r.Stage = deployment.StageFinished },
			func(r *store.Record) { r.Stage, r.LockKept = deployment.StageFinished, true },
			func(r *store.Record) { r.Stage, r.Unreported = deployment.StageFinished, true },
			func(r *store.Record) { r.Stage, r.LockKept, r.Unreported = deployment.StageFinished, true, true },
		} {
			requestedAt(t, s, i+1, -i, change)
		}
		if diff := cmp.Diff([]deployment.ID{idOf(1), idOf(3), idOf(4), idOf(5)}, listed(t, s, store.Filter{Open: true})); diff != "" {
			t.Errorf("-want +listed:\n%s", diff)
		}
		if diff := cmp.Diff([]deployment.ID{idOf(1)}, listed(t, s, store.Filter{Unfinished: true})); diff != "" {
			t.Errorf("unfinished: -want +listed:\n%s", diff)
		}
		for _, n := range []int{1, 5} {
			mustGet(s.UpdateRecord(t.Context(), idOf(n), func(r *store.Record) error {
				r.Stage, r.LockKept, r.Unreported = deployment.StageFinished, false, false
				return nil
			}))(t)
		}
		if diff := cmp.Diff([]deployment.ID{idOf(3), idOf(4)}, listed(t, s, store.Filter{Open: true})); diff != "" {
			t.Errorf("after updates: -want +listed:\n%s", diff)
		}
	}},
	{"the list follows updates", func(t *testing.T, s Store) {
		requestedAt(t, s, 1, 1, nil)
		requestedAt(t, s, 2, 2, nil)
		mustGet(s.UpdateRecord(t.Context(), idOf(1), func(r *store.Record) error {
			r.Times.Requested, r.Environment = start.Add(time.Hour), "staging"
			return nil
		}))(t)
		mustGet(s.UpdateRecord(t.Context(), idOf(2), func(r *store.Record) error {
			r.Stage = deployment.StageFinished
			return nil
		}))(t)
		for _, row := range []struct {
			filter store.Filter
			want   []deployment.ID
		}{
			{store.Filter{}, []deployment.ID{idOf(1), idOf(2)}},
			{store.Filter{Environment: "staging"}, []deployment.ID{idOf(1)}},
			{store.Filter{Unfinished: true}, []deployment.ID{idOf(1)}},
		} {
			if diff := cmp.Diff(row.want, listed(t, s, row.filter)); diff != "" {
				t.Errorf("%+v: -want +listed:\n%s", row.filter, diff)
			}
		}
	}},
	{"no limit means fifty", func(t *testing.T, s Store) {
		for n := range 55 {
			requestedAt(t, s, n, n, func(r *store.Record) { r.Cause = fmt.Sprint(n) })
		}
		for limit, want := range map[int]int{0: 50, -1: 50, 3: 3, 100: 55} {
			got := listed(t, s, store.Filter{Limit: limit})
			if len(got) != want || got[0] != idOf(54) {
				t.Errorf("limit %d: %d records from %s, want %d from %s", limit, len(got), got[0], want, idOf(54))
			}
		}
	}},
}
