package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"stackgate/internal/store"
)

// PutDocument keeps content under the key that store.DocumentKey gives it, and returns the key. Putting it again changes
// nothing, except that it mends a copy that was damaged.
func (s *Store) PutDocument(ctx context.Context, kind string, content []byte) (string, error) {
	key, err := store.DocumentKey(kind, content)
	if err != nil {
		return "", fmt.Errorf("put document: %w", err)
	}
	err = s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := exec(ctx, conn, `INSERT INTO documents (key, content) VALUES (?, ?)
			ON CONFLICT DO UPDATE SET content = excluded.content WHERE content <> excluded.content`, key, notNull(content))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("put document %s: %w", key, err)
	}
	return key, nil
}

// Document returns the content under a key after checking that it is what was put there (store.ErrDamaged where not).
func (s *Store) Document(ctx context.Context, key string) (content []byte, err error) {
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		found, err := queryRow(ctx, conn, "SELECT content FROM documents WHERE key = ?", []any{key}, &content)
		switch {
		case err != nil:
			return err
		case !found:
			return store.ErrNotFound
		}
		return store.CheckDocument(key, content)
	})
	if err != nil {
		return nil, fmt.Errorf("read document %s: %w", key, err)
	}
	return notNull(content), nil
}

// notNull gives empty content a form that the driver does not take for NULL.
func notNull(content []byte) []byte {
	if content == nil {
		return []byte{}
	}
	return content
}
