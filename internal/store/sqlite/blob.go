package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// Blob is a named piece of bytes in the store that is only ever changed as a whole.
type Blob struct {
	store *Store
	name  string
}

// Blob returns the blob of that name, which need not be there yet.
func (s *Store) Blob(name string) Blob { return Blob{store: s, name: name} }

// Update lets change make new bytes of the old ones, which are nil where there are none yet, and keeps them. The write lock
// is held meanwhile, so that nobody else changes anything in the store; change must not call the store. Nil leaves the blob
// as it is. An error of change aborts the update and is returned as it is.
func (b Blob) Update(ctx context.Context, change func(old []byte) ([]byte, error)) error {
	var refused error
	err := b.store.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		var old []byte
		found, err := queryRow(ctx, conn, "SELECT content FROM blobs WHERE name = ?", []any{b.name}, &old)
		if err != nil {
			return err
		}
		if found {
			old = notNull(old)
		}
		var content []byte
		if content, refused = change(old); refused != nil || content == nil {
			return refused
		}
		_, err = exec(ctx, conn, `INSERT INTO blobs (name, content) VALUES (?, ?)
			ON CONFLICT DO UPDATE SET content = excluded.content`, b.name, content)
		return err
	})
	if refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("update blob %s: %w", b.name, err)
	}
	return nil
}
