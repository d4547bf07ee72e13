package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/store"
)

func sequence(events []store.JournalEvent) []int64 {
	numbers := make([]int64, len(events))
	for i, event := range events {
		numbers[i] = event.Seq
	}
	return numbers
}

var journalRules = []rule[Journal]{
	{"an event comes back whole, numbered and timed", func(t *testing.T, j Journal) {
		ctx := t.Context()
		for i, body := range []json.RawMessage{json.RawMessage(`{"text":"é <b>"}`), nil, json.RawMessage(`[1, 2]`)} {
			if seq := mustGet(j.AppendEvent(ctx, idOf(1), "progress", body))(t); seq != int64(i+1) {
				t.Errorf("number %d, want %d", seq, i+1)
			}
			got := mustGet(j.Events(ctx, idOf(1), int64(i), 1))(t)
			if len(got) != 1 || got[0].Time.IsZero() {
				t.Fatalf("events = %+v, want one with its time", got)
			}
			want := store.JournalEvent{DeploymentID: idOf(1), Seq: int64(i + 1), Time: got[0].Time, Type: "progress", Body: body}
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Errorf("-appended +read:\n%s", diff)
			}
		}
	}},
	{"each deployment counts its own events", func(t *testing.T, j Journal) {
		ctx := t.Context()
		for _, n := range []int{1, 2, 1} {
			mustGet(j.AppendEvent(ctx, idOf(n), "progress", nil))(t)
		}
		for n, want := range map[int][]int64{1: {1, 2}, 2: {1}, 3: {}} {
			if diff := cmp.Diff(want, sequence(mustGet(j.Events(ctx, idOf(n), 0, 0))(t))); diff != "" {
				t.Errorf("%s: -want +read:\n%s", idOf(n), diff)
			}
		}
	}},
	{"reading goes on where it stopped", func(t *testing.T, j Journal) {
		ctx := t.Context()
		for range 5 {
			mustGet(j.AppendEvent(ctx, idOf(1), "progress", nil))(t)
		}
		for _, row := range []struct {
			after int64
			limit int
			want  []int64
		}{
			{0, 2, []int64{1, 2}}, {2, 2, []int64{3, 4}}, {4, 2, []int64{5}}, {5, 2, []int64{}}, {99, 0, []int64{}},
			{0, 0, []int64{1, 2, 3, 4, 5}}, {3, -1, []int64{4, 5}},
		} {
			if diff := cmp.Diff(row.want, sequence(mustGet(j.Events(ctx, idOf(1), row.after, row.limit))(t))); diff != "" {
				t.Errorf("after %d, limit %d: -want +read:\n%s", row.after, row.limit, diff)
			}
		}
	}},
	{"an event needs a deployment and a body that is JSON", func(t *testing.T, j Journal) {
		if _, err := j.AppendEvent(t.Context(), "", "progress", nil); err == nil {
			t.Error("an event of no deployment was kept")
		}
		for _, body := range []string{"", "{", "no JSON"} {
			if _, err := j.AppendEvent(t.Context(), idOf(1), "progress", json.RawMessage(body)); err == nil {
				t.Errorf("the body %q was kept", body)
			}
		}
		if got := mustGet(j.Events(t.Context(), idOf(1), 0, 0))(t); got == nil || len(got) != 0 {
			t.Errorf("events = %#v, want an empty list", got)
		}
	}},
	{"many at once get different numbers, and each its own in order", func(t *testing.T, j Journal) {
		ctx := t.Context()
		const many, times = 6, 4
		together(many, func(i int) {
			for n := range times {
				body := json.RawMessage(fmt.Sprint(n))
				if _, err := j.AppendEvent(ctx, idOf(1), person(i), body); err != nil {
					t.Error(err)
				}
			}
		})
		events := mustGet(j.Events(ctx, idOf(1), 0, 0))(t)
		last, want := map[string]int{}, []int64{}
		for i, event := range events {
			want = append(want, int64(i+1))
			if string(event.Body) != fmt.Sprint(last[event.Type]) {
				t.Errorf("event %d of %s is number %s of its own, want %d", event.Seq, event.Type, event.Body, last[event.Type])
			}
			last[event.Type]++
		}
		if !slices.Equal(sequence(events), want) || len(events) != many*times {
			t.Errorf("numbers %v, want 1 to %d", sequence(events), many*times)
		}
	}},
}
