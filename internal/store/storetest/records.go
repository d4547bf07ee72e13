package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

var requestRules = []rule[Store]{
	{"a request comes back whole", func(t *testing.T, s Store) {
		ctx, request := t.Context(), filled[store.Request](t)
		request.DeploymentID = idOf(1)
		must(t, s.PutRequest(ctx, request))
		if diff := cmp.Diff(request, mustGet(s.Request(ctx, idOf(1)))(t)); diff != "" {
			t.Errorf("-put +read:\n%s", diff)
		}
	}},
	{"an unknown request is not found", func(t *testing.T, s Store) {
		_, err := s.Request(t.Context(), idOf(1))
		wantError(t, err, store.ErrNotFound, idOf(1).String())
	}},
	{"a request is written once", func(t *testing.T, s Store) {
		ctx, request := t.Context(), filled[store.Request](t)
		request.DeploymentID = idOf(1)
		must(t, s.PutRequest(ctx, request))
		again := request
		again.CreatedAt = request.CreatedAt.In(time.FixedZone("elsewhere", 3600))
		if err := s.PutRequest(ctx, again); err != nil {
			t.Errorf("the same request again: %v", err)
		}
		forged := request
		forged.RequestedBy = "somebody else"
		wantError(t, s.PutRequest(ctx, forged), store.ErrExists, idOf(1).String())
		if got := mustGet(s.Request(ctx, idOf(1)))(t); got.RequestedBy != request.RequestedBy {
			t.Errorf("requested by %q, want the first", got.RequestedBy)
		}
	}},
	{"of different requests at once one is kept", func(t *testing.T, s Store) {
		var kept atomic.Int32
		together(8, func(i int) {
			err := s.PutRequest(t.Context(), store.Request{DeploymentID: idOf(1), RequestedBy: person(i)})
			if err == nil {
				kept.Add(1)
			} else {
				wantError(t, err, store.ErrExists, idOf(1).String())
			}
		})
		if kept.Load() != 1 {
			t.Errorf("%d were kept, want 1", kept.Load())
		}
	}},
}

var recordRules = []rule[Store]{
	{"a record comes back whole", func(t *testing.T, s Store) {
		ctx, record := t.Context(), filled[store.Record](t)
		record.ID, record.Version, record.DecisionCount = idOf(1), 0, 0
		must(t, s.CreateRecord(ctx, record))
		if diff := cmp.Diff(record, mustGet(s.Record(ctx, idOf(1)))(t)); diff != "" {
			t.Errorf("-created +read:\n%s", diff)
		}
	}},
	{"an unknown record is not found", func(t *testing.T, s Store) {
		_, err := s.Record(t.Context(), idOf(1))
		wantError(t, err, store.ErrNotFound, idOf(1).String())
		_, err = s.UpdateRecord(t.Context(), idOf(1), func(*store.Record) error {
			t.Error("the change of an unknown record was called")
			return nil
		})
		wantError(t, err, store.ErrNotFound, idOf(1).String())
	}},
	{"a record is created once", func(t *testing.T, s Store) {
		var created atomic.Int32
		together(8, func(i int) {
			err := s.CreateRecord(t.Context(), store.Record{ID: idOf(1), Transitions: i})
			if err == nil {
				created.Add(1)
			} else {
				wantError(t, err, store.ErrExists, idOf(1).String())
			}
		})
		if created.Load() != 1 {
			t.Errorf("%d were created, want 1", created.Load())
		}
	}},
	{"the store's own counters begin at nothing", func(t *testing.T, s Store) {
		must(t, s.CreateRecord(t.Context(), store.Record{ID: idOf(1), Version: 7, DecisionCount: 7}))
		got := mustGet(s.Record(t.Context(), idOf(1)))(t)
		if got.Version != 0 || got.DecisionCount != 0 {
			t.Errorf("version %d, decisions %d; want 0, 0", got.Version, got.DecisionCount)
		}
	}},
	{"an update is kept, counted and returned", func(t *testing.T, s Store) {
		ctx, record := t.Context(), filled[store.Record](t)
		record.ID, record.Version, record.DecisionCount = idOf(1), 0, 0
		must(t, s.CreateRecord(ctx, record))
		leftovers := []string{"a bucket"}
		updated := mustGet(s.UpdateRecord(ctx, idOf(1), func(r *store.Record) error {
			r.Stage, r.Leftovers = deployment.StageFinished, leftovers
			r.Version, r.DecisionCount = 99, 99
			return nil
		}))(t)
		record.Stage, record.Leftovers, record.Version = deployment.StageFinished, []string{"a bucket"}, 1
		leftovers[0] = "altered afterwards"
		if diff := cmp.Diff(record, updated); diff != "" {
			t.Errorf("-want +returned:\n%s", diff)
		}
		if diff := cmp.Diff(record, mustGet(s.Record(ctx, idOf(1)))(t)); diff != "" {
			t.Errorf("-want +read:\n%s", diff)
		}
	}},
	{"an error of the change aborts the update and comes back as it is", func(t *testing.T, s Store) {
		ctx, refusal := t.Context(), errors.New("refused")
		must(t, s.CreateRecord(ctx, store.Record{ID: idOf(1)}))
		_, err := s.UpdateRecord(ctx, idOf(1), func(r *store.Record) error {
			r.Cause = "half done"
			return refusal
		})
		if err != refusal {
			t.Errorf("error = %v, want the change's own", err)
		}
		if got := mustGet(s.Record(ctx, idOf(1)))(t); got.Cause != "" || got.Version != 0 {
			t.Errorf("cause %q, version %d; want the record as it was", got.Cause, got.Version)
		}
	}},
	{"a change that panics changes nothing and locks nobody out", func(t *testing.T, s Store) {
		ctx := t.Context()
		must(t, s.CreateRecord(ctx, store.Record{ID: idOf(1)}))
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _ = s.UpdateRecord(ctx, idOf(1), func(r *store.Record) error {
				r.Cause = "half done"
				panic("the change panics")
			})
		}()
		updated := mustGet(s.UpdateRecord(ctx, idOf(1), func(*store.Record) error { return nil }))(t)
		if updated.Cause != "" || updated.Version != 1 {
			t.Errorf("cause %q, version %d; want none, 1", updated.Cause, updated.Version)
		}
	}},
	{"an update that is called off while it changes does nothing", func(t *testing.T, s Store) {
		must(t, s.CreateRecord(t.Context(), store.Record{ID: idOf(1)}))
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.UpdateRecord(ctx, idOf(1), func(r *store.Record) error {
			r.Cause = "too late"
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want context canceled", err)
		}
		if got := mustGet(s.Record(t.Context(), idOf(1)))(t); got.Version != 0 {
			t.Errorf("version %d, want 0", got.Version)
		}
	}},
	{"an update cannot alter the id", func(t *testing.T, s Store) {
		ctx := t.Context()
		must(t, s.CreateRecord(ctx, store.Record{ID: idOf(1)}))
		if _, err := s.UpdateRecord(ctx, idOf(1), func(r *store.Record) error {
			r.ID = idOf(2)
			return nil
		}); err == nil {
			t.Error("the id was altered")
		}
		_, err := s.Record(ctx, idOf(2))
		wantError(t, err, store.ErrNotFound, idOf(2).String())
	}},
	{"no update is lost among many at once", func(t *testing.T, s Store) {
		ctx := t.Context()
		must(t, s.CreateRecord(ctx, store.Record{ID: idOf(1)}))
		const people, times = 8, 5
		together(people, func(int) {
			for range times {
				if _, err := s.UpdateRecord(ctx, idOf(1), func(r *store.Record) error {
					r.Transitions++
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
		got := mustGet(s.Record(ctx, idOf(1)))(t)
		if got.Transitions != people*times || got.Version != people*times {
			t.Errorf("transitions %d, version %d; want %d each", got.Transitions, got.Version, people*times)
		}
	}},
}
