package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/store/storetest"
)

const (
	anID    deployment.ID = "orders-prod-20261122T140203Z-aaaaaaaa"
	aSecret string        = "a-token-that-nobody-may-see"
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

// raw opens the file beside the store, to do to it what the store never would.
func raw(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execRaw(t testing.TB, dir, statements string) {
	t.Helper()
	db := raw(t, dir)
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
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

// calls is one call of every method, each of which touches the file.
func calls(s *sqlite.Store) map[string]func(context.Context) error {
	answer := store.Answer{Output: json.RawMessage(`{}`)}
	waiter := store.Waiter{DeploymentID: anID, Purpose: store.AwaitLock, Token: aSecret}
	keep := func(*store.Record) error { return nil }
	return map[string]func(context.Context) error{
		"PutRequest":   func(ctx context.Context) error { return s.PutRequest(ctx, store.Request{DeploymentID: anID}) },
		"Request":      func(ctx context.Context) error { return second(s.Request(ctx, anID)) },
		"CreateRecord": func(ctx context.Context) error { return s.CreateRecord(ctx, store.Record{ID: anID}) },
		"Record":       func(ctx context.Context) error { return second(s.Record(ctx, anID)) },
		"UpdateRecord": func(ctx context.Context) error { return second(s.UpdateRecord(ctx, anID, keep)) },
		"Records":      func(ctx context.Context) error { return second(s.Records(ctx, store.Filter{})) },
		"AddDecision":  func(ctx context.Context) error { return third(s.AddDecision(ctx, anID, approval.Decision{By: "ana"})) },
		"Decisions":    func(ctx context.Context) error { return second(s.Decisions(ctx, anID)) },
		"Enqueue": func(ctx context.Context) error {
			return second(s.Enqueue(ctx, "stack", store.Ticket{DeploymentID: anID}))
		},
		"Queue":          func(ctx context.Context) error { return second(s.Queue(ctx, "stack")) },
		"Leave":          func(ctx context.Context) error { return second(s.Leave(ctx, "stack", anID)) },
		"PutWaiter":      func(ctx context.Context) error { return s.PutWaiter(ctx, waiter) },
		"Waiter":         func(ctx context.Context) error { return second(s.Waiter(ctx, anID, store.AwaitLock)) },
		"Waiters":        func(ctx context.Context) error { return second(s.Waiters(ctx, store.AwaitLock)) },
		"WaitersOfStack": func(ctx context.Context) error { return second(s.WaitersOfStack(ctx, "arn:stack")) },
		"DeleteWaiter":   func(ctx context.Context) error { return s.DeleteWaiter(ctx, anID, store.AwaitLock, aSecret) },
		"PutDocument":    func(ctx context.Context) error { return second(s.PutDocument(ctx, "review", []byte("x"))) },
		"Document":       func(ctx context.Context) error { return second(s.Document(ctx, documentKey)) },
		"ClaimID":        func(ctx context.Context) error { return second(s.ClaimID(ctx, "key", anID, time.Time{})) },
		"IssueToken":     func(ctx context.Context) error { return second(s.IssueToken(ctx)) },
		"AnswerToken":    func(ctx context.Context) error { return s.AnswerToken(ctx, aSecret, answer) },
		"TokenAnswer":    func(ctx context.Context) error { return third(s.TokenAnswer(ctx, aSecret)) },
		"RevokeToken":    func(ctx context.Context) error { return s.RevokeToken(ctx, aSecret) },
		"Blob": func(ctx context.Context) error {
			return s.Blob("world").Update(ctx, func([]byte) ([]byte, error) { return []byte("x"), nil })
		},
		"AppendEvent": func(ctx context.Context) error { return second(s.AppendEvent(ctx, anID, "progress", nil)) },
		"Events":      func(ctx context.Context) error { return second(s.Events(ctx, anID, 0, 0)) },
	}
}

// documentKey is where PutDocument of calls puts its document.
const documentKey = "review/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

func TestCallsLeaveNoMethodOut(t *testing.T) {
	named := calls(nil)
	others := []string{"Close", "LimitPages", "WriteWhileReading"}
	methods := reflect.TypeFor[*sqlite.Store]()
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; !slices.Contains(others, name) && named[name] == nil {
			t.Errorf("%s is not among the calls that are tested", name)
		}
	}
}

func TestNothingWorksOnceClosed(t *testing.T) {
	s := open(t, t.TempDir())
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	for name, call := range calls(s) {
		if err := call(t.Context()); err == nil || !strings.Contains(err.Error(), "the store is closed") {
			t.Errorf("%s: error = %v, want that the store is closed", name, err)
		}
	}
}

func TestEveryCallHeedsItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(s) {
		if err := call(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error = %v, want context canceled", name, err)
		}
	}
}

// The worst errors are those of SQLite itself: they quote statements, columns and values.
func TestErrorsShowNeitherStatementsNorTokens(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, table := range []string{"requests", "records", "decisions", "tickets", "waiters", "documents", "tokens", "blobs", "events", "claims"} {
		execRaw(t, dir, "DROP TABLE "+table)
	}
	for name, call := range calls(s) {
		err := call(t.Context())
		if err == nil {
			t.Errorf("%s does not notice that its table is gone", name)
			continue
		}
		for _, shown := range []string{"no such table", "SELECT", "INSERT", "UPDATE", "DELETE", "SQL logic", aSecret} {
			if strings.Contains(err.Error(), shown) {
				t.Errorf("%s: error %q shows %q", name, err, shown)
			}
		}
	}
}

func TestDamagedTextIsSaidNotShown(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, name := range []string{"PutRequest", "CreateRecord", "Enqueue", "PutWaiter", "PutDocument", "AppendEvent"} {
		if err := calls(s)[name](t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"requests", "records", "tickets", "waiters"} {
		execRaw(t, dir, "UPDATE "+table+` SET body = '"`+aSecret+`'`)
	}
	execRaw(t, dir, "UPDATE documents SET content = x'00'; UPDATE events SET time = '"+aSecret+"'")
	for _, name := range []string{
		"Request", "Record", "UpdateRecord", "Records", "AddDecision", "Queue", "Enqueue", "Waiter", "Waiters", "DeleteWaiter",
		"Document", "Events",
	} {
		err := calls(s)[name](t.Context())
		if !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: error = %v, want damaged", name, err)
		} else if strings.Contains(err.Error(), aSecret) {
			t.Errorf("%s: error %q shows what is damaged", name, err)
		}
	}
	// The document is put again, and so mended.
	for _, name := range []string{"PutDocument", "Document"} {
		if err := calls(s)[name](t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAFullDiskStopsOneWriteAndNoOther(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	if err := createAwaiting(ctx, s, anID); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		// Each time anew: the limit is the connection's, and SQLite's own rolling back costs the connection.
		if err := s.LimitPages(ctx, 10); err != nil {
			t.Fatal(err)
		}
		_, err := s.UpdateRecord(ctx, anID, func(r *store.Record) error {
			r.Cause = strings.Repeat("long", 50_000)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Fatalf("error = %v, want that the disk is full", err)
		}
	}
	record, err := s.UpdateRecord(ctx, anID, func(*store.Record) error { return nil })
	if err != nil || record.Cause != "" || record.Version != 1 {
		t.Errorf("cause of %d bytes, version %d, error %v; want none, 1", len(record.Cause), record.Version, err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := open(t, t.TempDir())
	if err := createAwaiting(t.Context(), s, anID); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteWhileReading(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("error = %v, want that it cannot be written", err)
	}
	if _, err := s.Record(t.Context(), anID); err != nil {
		t.Error(err)
	}
}

// The flow's own tests run in such a bubble, in which a wait that is not one of the bubble's would stop time for ever.
func TestWorksInABubbleOfTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first, err := sqlite.Open(t.Context(), dir, clock.System{})
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		second, err := sqlite.Open(t.Context(), dir, clock.System{})
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		done := make(chan error, 2)
		for _, s := range []*sqlite.Store{first, second} {
			go func() {
				for range 20 {
					if _, err := s.AppendEvent(t.Context(), anID, "progress", nil); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		if err := errors.Join(<-done, <-done); err != nil {
			t.Fatal(err)
		}
		events, err := first.Events(t.Context(), anID, 0, 0)
		if err != nil || len(events) != 40 || events[39].Seq != 40 {
			t.Errorf("%d events, error %v; want 40", len(events), err)
		}
	})
}
