package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"stackgate/internal/store"
)

// read runs a query on one of the reading connections. The query may be called more than once.
func (s *Store) read(ctx context.Context, query func(context.Context, *sql.Conn) error) error {
	conn, err := s.connection(ctx, s.reader)
	if err != nil {
		return err
	}
	defer conn.Close()
	// A reader finds the file locked only at odd moments, such as while another process recovers the log of a dead one.
	return s.patiently(ctx, func(ctx context.Context) error { return query(ctx, conn) })
}

// write runs change in one transaction that holds the write lock from its beginning. An error of change rolls it back
// and is returned as it is.
func (s *Store) write(ctx context.Context, change func(context.Context, *sql.Conn) error) error {
	conn, err := s.connection(ctx, s.writer)
	if err != nil {
		return err
	}
	defer conn.Close()
	return s.transact(ctx, conn, change)
}

// connection takes a connection from a pool, which may have to open the file for it.
func (s *Store) connection(ctx context.Context, pool *sql.DB) (conn *sql.Conn, err error) {
	err = s.patiently(ctx, func(context.Context) error {
		if s.closed.Load() {
			return errClosed
		}
		if conn, err = pool.Conn(ctx); err != nil && s.closed.Load() {
			return errClosed
		}
		return explain(err)
	})
	return conn, err
}

// transact begins, changes and commits. Statements run without the caller's cancellation, which is heeded before the
// beginning and before the commit: each takes a moment, and a commit that is interrupted leaves open whether it was one.
func (s *Store) transact(ctx context.Context, conn *sql.Conn, change func(context.Context, *sql.Conn) error) error {
	err := s.patiently(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, conn, "BEGIN IMMEDIATE")
		return err
	})
	if err != nil {
		return err
	}
	steady := context.WithoutCancel(ctx)
	committed := false
	defer func() {
		// Also where change panics. A connection that cannot be rolled back is thrown away, which rolls it back.
		if committed {
			return
		}
		if _, err := exec(steady, conn, "ROLLBACK"); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	if err := change(steady, conn); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := exec(steady, conn, "COMMIT"); err != nil {
		return err
	}
	committed = true
	return nil
}

// patiently runs try until it no longer finds the file locked by another process. It polls more closely than SQLite's own
// busy handler, which backs off to 100 ms and then rarely meets the gap between two transactions of a busy process.
func (s *Store) patiently(ctx context.Context, try func(context.Context) error) error {
	steady := context.WithoutCancel(ctx)
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := try(steady)
		if err == nil || !errors.Is(err, ErrLocked) || attempt >= s.attempts {
			return err
		}
		// The machine's time, not the store's clock: it is another process that is waited for.
		pause := time.NewTimer(pollInterval)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// exec runs statements and returns how many rows the last of them changed.
func exec(ctx context.Context, conn *sql.Conn, statements string, args ...any) (int64, error) {
	result, err := conn.ExecContext(ctx, statements, args...)
	if err != nil {
		return 0, explain(err)
	}
	changed, err := result.RowsAffected()
	return changed, explain(err)
}

// queryRow reads one row, and says whether there is one.
func queryRow(ctx context.Context, conn *sql.Conn, query string, args []any, into ...any) (bool, error) {
	err := conn.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, explain(err)
}

// queryRows reads all rows. The result is never nil, so that it is [] in JSON.
func queryRows[T any](ctx context.Context, conn *sql.Conn, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, explain(err)
		}
		all = append(all, one)
	}
	return all, explain(rows.Err())
}

// queryBody reads the one JSON body that the query selects; store.ErrNotFound where there is none.
func queryBody[T any](ctx context.Context, conn *sql.Conn, query string, args ...any) (T, error) {
	var text string
	var value T
	found, err := queryRow(ctx, conn, query, args, &text)
	if err != nil {
		return value, err
	}
	if !found {
		return value, store.ErrNotFound
	}
	err = decode(text, &value)
	return value, err
}

// queryBodies reads every JSON body that the query selects.
func queryBodies[T any](ctx context.Context, conn *sql.Conn, query string, args ...any) ([]T, error) {
	return queryRows(ctx, conn, func(rows *sql.Rows) (value T, err error) {
		var text string
		if err := rows.Scan(&text); err != nil {
			return value, err
		}
		err = decode(text, &value)
		return value, err
	}, query, args...)
}

func encode(value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("write it as JSON: %w", err)
	}
	return string(text), nil
}

// decode does not pass on what JSON says of a body, which may quote it.
func decode(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("its text is not what this version writes: %w", store.ErrDamaged)
	}
	return nil
}
