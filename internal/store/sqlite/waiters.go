package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// PutWaiter keeps a waiter in place of the deployment's earlier one for that purpose.
func (s *Store) PutWaiter(ctx context.Context, waiter store.Waiter) error {
	if err := s.putWaiter(ctx, waiter); err != nil {
		return fmt.Errorf("put the waiter of %s for %s: %w", waiter.DeploymentID, waiter.Purpose, err)
	}
	return nil
}

func (s *Store) putWaiter(ctx context.Context, waiter store.Waiter) error {
	if waiter.DeploymentID == "" {
		return errNoID
	}
	if !slices.Contains(store.Purposes(), waiter.Purpose) {
		return errors.New("its purpose is none that a waiter can have")
	}
	if waiter.Token == "" {
		return errors.New("it has no token")
	}
	body, err := encode(waiter)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := exec(ctx, conn, `INSERT INTO waiters (deployment, purpose, stack, since, body) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET stack = excluded.stack, since = excluded.since, body = excluded.body`,
			waiter.DeploymentID, waiter.Purpose, waiter.StackID, sortable(waiter.Since), body)
		return err
	})
}

// Waiter returns a deployment's waiter for a purpose.
func (s *Store) Waiter(ctx context.Context, id deployment.ID, purpose store.Purpose) (waiter store.Waiter, err error) {
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		waiter, err = readWaiter(ctx, conn, id, purpose)
		return err
	})
	if err != nil {
		return store.Waiter{}, fmt.Errorf("read the waiter of %s for %s: %w", id, purpose, err)
	}
	return waiter, nil
}

func readWaiter(ctx context.Context, conn *sql.Conn, id deployment.ID, purpose store.Purpose) (store.Waiter, error) {
	return queryBody[store.Waiter](ctx, conn, "SELECT body FROM waiters WHERE deployment = ? AND purpose = ?", id, purpose)
}

// Waiters returns every waiter for a purpose, oldest first.
func (s *Store) Waiters(ctx context.Context, purpose store.Purpose) ([]store.Waiter, error) {
	waiters, err := s.readWaiters(ctx, "SELECT body FROM waiters WHERE purpose = ? ORDER BY since, deployment", string(purpose))
	if err != nil {
		return nil, fmt.Errorf("list waiters for %s: %w", purpose, err)
	}
	return waiters, nil
}

// WaitersOfStack returns the waiters that the events of one stack wake, oldest first. No stack has the empty id.
func (s *Store) WaitersOfStack(ctx context.Context, stackID string) ([]store.Waiter, error) {
	waiters, err := s.readWaiters(ctx,
		"SELECT body FROM waiters WHERE stack = ? AND stack <> '' ORDER BY since, deployment, purpose", stackID)
	if err != nil {
		return nil, fmt.Errorf("list waiters of stack %s: %w", stackID, err)
	}
	return waiters, nil
}

func (s *Store) readWaiters(ctx context.Context, query, arg string) (waiters []store.Waiter, err error) {
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		waiters, err = queryBodies[store.Waiter](ctx, conn, query, arg)
		return err
	})
	return waiters, err
}

// DeleteWaiter removes a deployment's waiter for a purpose, but only while its token is the given one, so that a late
// caller does not remove its successor; an empty token stands for any. A waiter that is not there is no error.
func (s *Store) DeleteWaiter(ctx context.Context, id deployment.ID, purpose store.Purpose, token string) error {
	err := s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		if token != "" {
			kept, err := readWaiter(ctx, conn, id, purpose)
			if errors.Is(err, store.ErrNotFound) || (err == nil && kept.Token != token) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		_, err := exec(ctx, conn, "DELETE FROM waiters WHERE deployment = ? AND purpose = ?", id, purpose)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete the waiter of %s for %s: %w", id, purpose, err)
	}
	return nil
}
