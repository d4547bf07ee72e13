package sqlite_test

import (
	"testing"

	"stackgate/internal/clock"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/store/storetest"
)

func open(t testing.TB, dir string, options ...sqlite.Option) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, clock.System{}, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Store { return open(t, t.TempDir()) })
}

func TestJournalContract(t *testing.T) {
	storetest.RunJournal(t, func(t testing.TB) storetest.Journal { return open(t, t.TempDir()) })
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(t testing.TB) storetest.Store { return open(t, t.TempDir()) })
}
