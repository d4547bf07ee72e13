package storetest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

const (
	changeSet = "arn:aws:cloudformation:eu-central-1:111122223333:changeSet/orders/1"
	digest    = "sha256:0123"
)

func decisionBy(by string) approval.Decision {
	return approval.Decision{By: by, Verdict: approval.Approve, ChangeSetID: changeSet, Digest: digest, At: start}
}

// awaiting makes the n-th record await decisions.
func awaiting(t testing.TB, s Store, n int) deployment.ID {
	t.Helper()
	record := store.Record{ID: idOf(n), Stage: deployment.StageAwaiting}
	record.ChangeSet.ARN, record.Review.Digest = changeSet, digest
	must(t, s.CreateRecord(t.Context(), record))
	return record.ID
}

// wantCount checks that the record counts the decisions that there are.
func wantCount(t testing.TB, s Store, id deployment.ID, want int) {
	t.Helper()
	decisions := mustGet(s.Decisions(t.Context(), id))(t)
	record := mustGet(s.Record(t.Context(), id))(t)
	if len(decisions) != want || record.DecisionCount != want {
		t.Errorf("%d decisions, counted %d; want %d", len(decisions), record.DecisionCount, want)
	}
}

var decisionRules = []rule[Store]{
	{"a decision comes back whole and is counted", func(t *testing.T, s Store) {
		ctx, id := t.Context(), awaiting(t, s, 1)
		decision := filled[approval.Decision](t)
		decision.ChangeSetID, decision.Digest = changeSet, digest
		kept, created, err := s.AddDecision(ctx, id, decision)
		must(t, err)
		if diff := cmp.Diff(decision, kept); diff != "" || !created {
			t.Errorf("created %v, -added +kept:\n%s", created, diff)
		}
		if diff := cmp.Diff([]approval.Decision{decision}, mustGet(s.Decisions(ctx, id))(t)); diff != "" {
			t.Errorf("-added +listed:\n%s", diff)
		}
		if got := mustGet(s.Record(ctx, id))(t); got.DecisionCount != 1 || got.Version != 1 {
			t.Errorf("counted %d at version %d, want 1 at 1", got.DecisionCount, got.Version)
		}
	}},
	{"decisions come in the order in which they were taken in", func(t *testing.T, s Store) {
		ctx, id, other := t.Context(), awaiting(t, s, 1), awaiting(t, s, 2)
		for i, by := range []string{"zoe", "ana", "max"} {
			decision := decisionBy(by)
			// The clocks of the deciding hosts differ; the order of taking in is the store's.
			decision.At = start.Add(-time.Duration(i) * time.Second)
			_, _, err := s.AddDecision(ctx, id, decision)
			must(t, err)
		}
		_, _, err := s.AddDecision(ctx, other, decisionBy("eva"))
		must(t, err)
		var by []string
		for _, decision := range mustGet(s.Decisions(ctx, id))(t) {
			by = append(by, decision.By)
		}
		if diff := cmp.Diff([]string{"zoe", "ana", "max"}, by); diff != "" {
			t.Errorf("-want +listed:\n%s", diff)
		}
	}},
	{"a decision upon nothing is not found", func(t *testing.T, s Store) {
		_, _, err := s.AddDecision(t.Context(), idOf(1), decisionBy("ana"))
		wantError(t, err, store.ErrNotFound, idOf(1).String())
	}},
	{"a decision needs a person", func(t *testing.T, s Store) {
		id := awaiting(t, s, 1)
		for _, by := range []string{"", " \t"} {
			if _, created, err := s.AddDecision(t.Context(), id, decisionBy(by)); err == nil || created {
				t.Errorf("a decision of %q was taken in", by)
			}
		}
		wantCount(t, s, id, 0)
	}},
	{"a person decides once, however the name is written", func(t *testing.T, s Store) {
		ctx, id := t.Context(), awaiting(t, s, 1)
		first := decisionBy("Käthe.K")
		_, _, err := s.AddDecision(ctx, id, first)
		must(t, err)
		for _, by := range []string{"Käthe.K", "KÄTHE.K", " käthe.k\n", "käthe.\u212a"} {
			again := decisionBy(by)
			again.Verdict, again.Digest = approval.Reject, "sha256:another"
			kept, created, err := s.AddDecision(ctx, id, again)
			must(t, err)
			if diff := cmp.Diff(first, kept); diff != "" || created {
				t.Errorf("%q: created %v, -first +kept:\n%s", by, created, diff)
			}
		}
		wantCount(t, s, id, 1)
		if got := mustGet(s.Record(ctx, id))(t); got.Version != 1 {
			t.Errorf("version %d, want 1: nothing changed", got.Version)
		}
	}},
	{"who has decided is told so also when it is closed", func(t *testing.T, s Store) {
		ctx, id := t.Context(), awaiting(t, s, 1)
		_, _, err := s.AddDecision(ctx, id, decisionBy("ana"))
		must(t, err)
		mustGet(s.UpdateRecord(ctx, id, func(r *store.Record) error {
			r.Stage = deployment.StageFinished
			return nil
		}))(t)
		kept, created, err := s.AddDecision(ctx, id, decisionBy("ANA"))
		if err != nil || created || kept.By != "ana" {
			t.Errorf("kept %q, created %v, error %v; want the first of ana", kept.By, created, err)
		}
	}},
	{"a decision is taken only while it is awaited", func(t *testing.T, s Store) {
		for i, row := range []struct {
			name   string
			change func(*store.Record)
			want   error
		}{
			{"cancelled", func(r *store.Record) { r.CancelledBy = "max" }, store.ErrClosed},
			{"superseded", func(r *store.Record) { r.SupersededBy = idOf(9) }, store.ErrClosed},
			{"another change set", func(r *store.Record) { r.ChangeSet.ARN += "0" }, store.ErrConflict},
			{"another review", func(r *store.Record) { r.Review.Digest = "sha256:4567" }, store.ErrConflict},
			{"closed and another review", func(r *store.Record) {
				r.CancelledBy, r.Review.Digest = "max", "sha256:4567"
			}, store.ErrClosed},
		} {
			t.Run(row.name, func(t *testing.T) { refuses(t, s, i, row.change, row.want) })
		}
		for i, stage := range append(deployment.Stages(), "", "a stage of the future") {
			if stage != deployment.StageAwaiting {
				t.Run("stage "+string(stage), func(t *testing.T) {
					refuses(t, s, 100+i, func(r *store.Record) { r.Stage = stage }, store.ErrClosed)
				})
			}
		}
	}},
	{"no decision matches a review that is not there", func(t *testing.T, s Store) {
		for i, change := range []func(*store.Record){
			func(r *store.Record) { r.ChangeSet.ARN = "" },
			func(r *store.Record) { r.Review.Digest = "" },
		} {
			id := awaiting(t, s, i)
			record := mustGet(s.UpdateRecord(t.Context(), id, func(r *store.Record) error {
				change(r)
				return nil
			}))(t)
			decision := decisionBy("ana")
			decision.ChangeSetID, decision.Digest = record.ChangeSet.ARN, record.Review.Digest
			_, _, err := s.AddDecision(t.Context(), id, decision)
			wantError(t, err, store.ErrConflict, id.String())
		}
	}},
	{"a recovery is decided upon by its stack", func(t *testing.T, s Store) {
		id := awaiting(t, s, 1)
		record := mustGet(s.UpdateRecord(t.Context(), id, func(r *store.Record) error {
			r.Intent, r.StackID = deployment.IntentRecover, "arn:aws:cloudformation:eu-central-1:111122223333:stack/orders/1"
			return nil
		}))(t)
		_, _, err := s.AddDecision(t.Context(), id, decisionBy("ana"))
		wantError(t, err, store.ErrConflict, id.String())
		decision := decisionBy("ana")
		decision.ChangeSetID = record.StackID
		if _, created, err := s.AddDecision(t.Context(), id, decision); err != nil || !created {
			t.Errorf("created %v, error %v", created, err)
		}
	}},
	{"one person at once decides once", func(t *testing.T, s Store) {
		ctx, id := t.Context(), awaiting(t, s, 1)
		var created atomic.Int32
		kept := make([]approval.Decision, 8)
		together(len(kept), func(i int) {
			decision := decisionBy([]string{"ana", "ANA", " Ana"}[i%3])
			decision.Verdict = approval.Verdicts()[i%2]
			var isNew bool
			var err error
			if kept[i], isNew, err = s.AddDecision(ctx, id, decision); err != nil {
				t.Error(err)
			}
			if isNew {
				created.Add(1)
			}
		})
		if created.Load() != 1 {
			t.Errorf("%d were created, want 1", created.Load())
		}
		for _, one := range kept {
			if diff := cmp.Diff(kept[0], one); diff != "" {
				t.Errorf("callers were told different decisions:\n%s", diff)
			}
		}
		wantCount(t, s, id, 1)
	}},
	{"no decision slips in after the count", func(t *testing.T, s Store) {
		ctx, id := t.Context(), awaiting(t, s, 1)
		var created, counted atomic.Int32
		together(9, func(i int) {
			if i == 4 {
				if _, err := s.UpdateRecord(ctx, id, func(r *store.Record) error {
					r.Stage = deployment.StageVerifying
					counted.Store(int32(r.DecisionCount))
					return nil
				}); err != nil {
					t.Error(err)
				}
				return
			}
			_, isNew, err := s.AddDecision(ctx, id, decisionBy(person(i)))
			switch {
			case isNew:
				created.Add(1)
			case !errors.Is(err, store.ErrClosed):
				t.Errorf("error = %v, want closed", err)
			}
		})
		if created.Load() != counted.Load() {
			t.Errorf("%d were told that they decided, %d were counted", created.Load(), counted.Load())
		}
		wantCount(t, s, id, int(counted.Load()))
	}},
	{"decisions follow a simple model", checkDecisionModel},
}

func refuses(t *testing.T, s Store, n int, change func(*store.Record), want error) {
	id := awaiting(t, s, n)
	mustGet(s.UpdateRecord(t.Context(), id, func(r *store.Record) error {
		change(r)
		return nil
	}))(t)
	_, created, err := s.AddDecision(t.Context(), id, decisionBy("ana"))
	wantError(t, err, want, id.String())
	if created {
		t.Error("it says that it was created")
	}
	wantCount(t, s, id, 0)
}

func checkDecisionModel(t *testing.T, s Store) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		id, open := awaiting(t, s, n), true
		var model []approval.Decision
		rt.Repeat(map[string]func(*rapid.T){
			"decide": func(rt *rapid.T) {
				decision := decisionBy(rapid.SampledFrom([]string{"ana", "Ana", "max", " max ", "eva"}).Draw(rt, "by"))
				decision.Verdict = rapid.SampledFrom(approval.Verdicts()).Draw(rt, "verdict")
				decision.Digest = rapid.SampledFrom([]string{digest, digest, "sha256:other"}).Draw(rt, "digest")
				var earlier *approval.Decision
				for i := range model {
					if approval.SamePerson(model[i].By, decision.By) {
						earlier = &model[i]
					}
				}
				kept, created, err := s.AddDecision(t.Context(), id, decision)
				switch {
				case earlier != nil:
					if err != nil || created || !cmp.Equal(kept, *earlier) {
						rt.Fatalf("kept %+v, created %v, error %v; want %+v", kept, created, err, *earlier)
					}
				case !open:
					if !errors.Is(err, store.ErrClosed) {
						rt.Fatalf("error = %v, want closed", err)
					}
				case decision.Digest != digest:
					if !errors.Is(err, store.ErrConflict) {
						rt.Fatalf("error = %v, want conflict", err)
					}
				default:
					if err != nil || !created {
						rt.Fatalf("created %v, error %v", created, err)
					}
					model = append(model, decision)
				}
			},
			"close or open": func(rt *rapid.T) {
				open = rapid.Bool().Draw(rt, "open")
				if _, err := s.UpdateRecord(t.Context(), id, func(r *store.Record) error {
					r.Stage = deployment.StageVerifying
					if open {
						r.Stage = deployment.StageAwaiting
					}
					return nil
				}); err != nil {
					rt.Fatal(err)
				}
			},
			"": func(rt *rapid.T) {
				decisions, err := s.Decisions(t.Context(), id)
				if err != nil {
					rt.Fatal(err)
				}
				record, err := s.Record(t.Context(), id)
				if err != nil {
					rt.Fatal(err)
				}
				if diff := cmp.Diff(append([]approval.Decision{}, model...), decisions); diff != "" {
					rt.Fatalf("-model +store:\n%s", diff)
				}
				if record.DecisionCount != len(model) {
					rt.Fatalf("counted %d, want %d", record.DecisionCount, len(model))
				}
			},
		})
	})
}
