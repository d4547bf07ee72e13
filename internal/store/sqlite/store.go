// Package sqlite keeps the state of deployments in one SQLite file, which several processes of one machine use at once.
// It is not a queue or a scheduler: it wakes nobody, and it judges nothing but what must be true of its own rows.
package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// FileName is the name of the store's file in its folder. SQLite keeps two more beside it, ending in -wal and -shm.
const FileName = "stackgate.db"

// Clock tells the time that events and tokens are stamped with.
type Clock interface {
	Now() time.Time
}

// Store is one process's hold on the file. It is safe for concurrent use.
type Store struct {
	path  string
	clock Clock

	// One connection writes, so that writers of this process wait in Go for each other and only other processes are
	// waited for by polling. Readers never wait for a writer: that is what the write-ahead log is for.
	writer, reader *sql.DB
	closed         atomic.Bool

	randomMutex sync.Mutex
	random      io.Reader

	// attempts is how often a file that another process has locked is tried, with pollInterval between.
	attempts int
}

const (
	pollInterval = 2 * time.Millisecond
	// busyTime is how long another process may hold the write lock before this one gives up. The longest that stackgate
	// itself holds it is one simulated call to CloudFormation.
	busyTime = 10 * time.Second

	readers = 4
)

// Option changes how a store is opened.
type Option func(*Store)

// WithRandom gives the source of the tokens' random bits. Without it they come from crypto/rand.
func WithRandom(random io.Reader) Option {
	return func(s *Store) { s.random = random }
}

// Open opens the store in the folder dir, and makes both where they are missing: the folder with mode 0700, the file with
// 0600. It brings a file of an older version up to this one, and refuses one of a newer version or of another program.
func Open(ctx context.Context, dir string, clock Clock, options ...Option) (*Store, error) {
	s := &Store{clock: clock, random: rand.Reader, attempts: int(busyTime / pollInterval)}
	for _, option := range options {
		option(s)
	}
	if err := s.open(ctx, dir); err != nil {
		return nil, fmt.Errorf("open the store in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, dir string) error {
	folder, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	s.path = filepath.Join(folder, FileName)
	if err := prepareFiles(folder, s.path); err != nil {
		return err
	}
	// FULL: a commit is on the disk when it returns, also where the power fails. The flow relies on it: the waiter is kept
	// before the change set is executed. It costs about a millisecond a write (BenchmarkStore).
	if s.writer, err = sql.Open("sqlite", dataSource(s.path, "synchronous(FULL)")); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = sql.Open("sqlite", dataSource(s.path, "query_only(1)")); err != nil {
		return errors.Join(err, s.writer.Close())
	}
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	if err := s.prepareSchema(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// Close lets go of the file. Closing twice is no error; everything else is one after it.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	// The readers go first: the last connection to close moves the log into the file, and a query-only one cannot.
	if err := errors.Join(s.reader.Close(), s.writer.Close()); err != nil {
		return fmt.Errorf("close the store %s: %w", s.path, explain(err))
	}
	return nil
}

// sortable writes a time so that text order is time order.
func sortable(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}
