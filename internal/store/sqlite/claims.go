package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"stackgate/internal/deployment"
)

// ClaimID binds key to a deployment, once, and returns the deployment that it is bound to: the given one, or the earlier
// that another call has bound. Rows are kept for good, whatever until says.
func (s *Store) ClaimID(ctx context.Context, key string, id deployment.ID, _ time.Time) (bound deployment.ID, err error) {
	if key == "" || id == "" {
		return "", fmt.Errorf("claim %q for %q: %w", key, id, errors.New("a claim needs a key and a deployment"))
	}
	err = s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		if _, err := exec(ctx, conn, "INSERT INTO claims (key, deployment) VALUES (?, ?) ON CONFLICT DO NOTHING", key, id); err != nil {
			return err
		}
		_, err := queryRow(ctx, conn, "SELECT deployment FROM claims WHERE key = ?", []any{key}, &bound)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("claim %s for %s: %w", key, id, err)
	}
	return bound, nil
}
