package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// LimitPages makes the store find the disk full once its file has that many more pages.
func (s *Store) LimitPages(ctx context.Context, more int) error {
	return s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		var pages int
		if _, err := queryRow(ctx, conn, "PRAGMA page_count", nil, &pages); err != nil {
			return err
		}
		_, err := exec(ctx, conn, fmt.Sprintf("PRAGMA max_page_count=%d", pages+more))
		return err
	})
}

// WriteWhileReading tries to write on a connection that is for reading.
func (s *Store) WriteWhileReading(ctx context.Context) error {
	return s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := exec(ctx, conn, "DELETE FROM records")
		return err
	})
}

// WithAttempts makes the store give up waiting for the write lock sooner.
func WithAttempts(n int) Option {
	return func(s *Store) { s.attempts = n }
}

// Migrations returns the scripts that make the schema.
var Migrations = migrations

// ApplicationID marks the store's files.
const ApplicationID = applicationID
