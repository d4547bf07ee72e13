package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// A queue is one row, because its order and its head are one fact. Some 800 tickets have room in it.
func queueKey(stackKey string) key { return key{"stack#" + stackKey, "queue"} }

// Enqueue puts a ticket at the end of the queue for a stack's lock and returns the queue in its order. A deployment that
// stands in it already keeps its place and its ticket.
func (s *Store) Enqueue(ctx context.Context, stackKey string, ticket store.Ticket) ([]store.Ticket, error) {
	var queue []store.Ticket
	var err error
	switch {
	case stackKey == "":
		err = errors.New("the stack has no key")
	case ticket.DeploymentID == "":
		err = errNoID
	default:
		queue, err = s.changeQueue(ctx, stackKey, func(queue []store.Ticket) []store.Ticket {
			if slices.ContainsFunc(queue, of(ticket.DeploymentID)) {
				return queue
			}
			return append(queue, ticket)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("enqueue %s for stack %s: %w", ticket.DeploymentID, stackKey, err)
	}
	return queue, nil
}

func of(id deployment.ID) func(store.Ticket) bool {
	return func(t store.Ticket) bool { return t.DeploymentID == id }
}

// Leave takes a deployment's ticket out of a queue, wherever it stands, and returns what is left. Leaving a queue that one
// does not stand in is no error.
func (s *Store) Leave(ctx context.Context, stackKey string, id deployment.ID) ([]store.Ticket, error) {
	queue, err := s.changeQueue(ctx, stackKey, func(queue []store.Ticket) []store.Ticket {
		return slices.DeleteFunc(queue, of(id))
	})
	if err != nil {
		return nil, fmt.Errorf("take %s out of the queue for stack %s: %w", id, stackKey, err)
	}
	return queue, nil
}

// changeQueue changes a queue by a ticket or not at all.
func (s *Store) changeQueue(ctx context.Context, stackKey string, change func([]store.Ticket) []store.Ticket) ([]store.Ticket, error) {
	var kept []store.Ticket
	err := s.contended(ctx, func() (bool, error) {
		queue, seen, err := s.readQueue(ctx, stackKey)
		if err != nil {
			return false, err
		}
		before := len(queue)
		if queue = change(queue); len(queue) == before {
			kept = queue
			return true, nil
		}
		next, err := newRow(queueKey(stackKey), queue)
		if err != nil {
			return false, err
		}
		won, _, err := s.replace(ctx, seen, next)
		if err != nil || !won {
			return false, err
		}
		next.write = "kept"
		kept, err = decode[[]store.Ticket](next)
		return true, err
	})
	return kept, err
}

func (s *Store) readQueue(ctx context.Context, stackKey string) ([]store.Ticket, row, error) {
	queue, seen, err := read[[]store.Ticket](ctx, s, queueKey(stackKey))
	if errors.Is(err, store.ErrNotFound) {
		return []store.Ticket{}, seen, nil
	}
	return queue, seen, err
}

// Queue returns the queue for a stack's lock in its order.
func (s *Store) Queue(ctx context.Context, stackKey string) ([]store.Ticket, error) {
	queue, _, err := s.readQueue(ctx, stackKey)
	if err != nil {
		return nil, fmt.Errorf("read the queue for stack %s: %w", stackKey, err)
	}
	return queue, nil
}
