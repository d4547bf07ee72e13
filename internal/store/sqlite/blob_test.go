package sqlite_test

import (
	"bytes"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"stackgate/internal/store/sqlite"
)

func readBlob(t *testing.T, b sqlite.Blob) []byte {
	t.Helper()
	var content []byte
	if err := b.Update(t.Context(), func(old []byte) ([]byte, error) {
		content = old
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	return content
}

func TestABlobIsChangedAsAWhole(t *testing.T) {
	dir := t.TempDir()
	world, other := open(t, dir).Blob("world"), open(t, dir).Blob("other")
	if got := readBlob(t, world); got != nil {
		t.Errorf("at first it is %q, want nil", got)
	}
	for _, content := range [][]byte{[]byte("one"), {}, {0, 0xff}, bytes.Repeat([]byte("large"), 300_000)} {
		if err := world.Update(t.Context(), func([]byte) ([]byte, error) { return content, nil }); err != nil {
			t.Fatal(err)
		}
		if got := readBlob(t, world); !bytes.Equal(got, content) || got == nil {
			t.Errorf("%d bytes came back (nil: %v), want %d", len(got), got == nil, len(content))
		}
	}
	if got := readBlob(t, other); got != nil {
		t.Errorf("the other blob is %d bytes, want none", len(got))
	}
	refusal := errors.New("refused")
	if err := world.Update(t.Context(), func([]byte) ([]byte, error) { return []byte("half done"), refusal }); err != refusal {
		t.Errorf("error = %v, want the change's own", err)
	}
	if got := readBlob(t, world); len(got) != 1_500_000 {
		t.Errorf("after the refusal it is %d bytes, want it as it was", len(got))
	}
}

func TestNoChangeOfABlobIsLost(t *testing.T) {
	dir := t.TempDir()
	stores := []*sqlite.Store{open(t, dir), open(t, dir)}
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for range 5 {
				if err := stores[i%2].Blob("count").Update(t.Context(), addOne); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := readBlob(t, stores[0].Blob("count")); string(got) != "30" {
		t.Errorf("counted %s, want 30", got)
	}
}

func addOne(old []byte) ([]byte, error) {
	n := 0
	if old != nil {
		var err error
		if n, err = strconv.Atoi(string(old)); err != nil {
			return nil, err
		}
	}
	return strconv.AppendInt(nil, int64(n+1), 10), nil
}

type fixedClock time.Time

func (c fixedClock) Now() time.Time { return time.Time(c) }

func TestEventsBearTheTimeOfTheGivenClock(t *testing.T) {
	now := time.Date(2026, time.November, 22, 15, 2, 3, 1, time.FixedZone("elsewhere", 3600))
	s, err := sqlite.Open(t.Context(), t.TempDir(), fixedClock(now))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.AppendEvent(t.Context(), anID, "progress", nil); err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(t.Context(), anID, 0, 0)
	if err != nil || len(events) != 1 || !events[0].Time.Equal(now) || events[0].Time.Location() != time.UTC {
		t.Errorf("events %+v, error %v; want one at %s in UTC", events, err, now)
	}
}
