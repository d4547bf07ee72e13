package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Enqueue puts a ticket at the end of the queue for a stack's lock and returns the queue in its order. A deployment that
// stands in it already keeps its place and its ticket.
func (s *Store) Enqueue(ctx context.Context, stackKey string, ticket store.Ticket) (queue []store.Ticket, err error) {
	err = s.enqueue(ctx, stackKey, ticket, &queue)
	if err != nil {
		return nil, fmt.Errorf("enqueue %s for stack %s: %w", ticket.DeploymentID, stackKey, err)
	}
	return queue, nil
}

func (s *Store) enqueue(ctx context.Context, stackKey string, ticket store.Ticket, queue *[]store.Ticket) error {
	if stackKey == "" {
		return errors.New("the stack has no key")
	}
	if ticket.DeploymentID == "" {
		return errNoID
	}
	body, err := encode(ticket)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		if _, err := exec(ctx, conn, "INSERT INTO tickets (stack, deployment, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			stackKey, ticket.DeploymentID, body); err != nil {
			return err
		}
		*queue, err = readQueue(ctx, conn, stackKey)
		return err
	})
}

func readQueue(ctx context.Context, conn *sql.Conn, stackKey string) ([]store.Ticket, error) {
	return queryBodies[store.Ticket](ctx, conn, "SELECT body FROM tickets WHERE stack = ? ORDER BY place", stackKey)
}

// Queue returns the queue for a stack's lock in its order.
func (s *Store) Queue(ctx context.Context, stackKey string) (queue []store.Ticket, err error) {
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		queue, err = readQueue(ctx, conn, stackKey)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the queue for stack %s: %w", stackKey, err)
	}
	return queue, nil
}

// Leave takes a deployment's ticket out of a queue, wherever it stands, and returns what is left. Leaving a queue that one
// does not stand in is no error.
func (s *Store) Leave(ctx context.Context, stackKey string, id deployment.ID) (queue []store.Ticket, err error) {
	err = s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		if _, err := exec(ctx, conn, "DELETE FROM tickets WHERE stack = ? AND deployment = ?", stackKey, id); err != nil {
			return err
		}
		queue, err = readQueue(ctx, conn, stackKey)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("take %s out of the queue for stack %s: %w", id, stackKey, err)
	}
	return queue, nil
}
