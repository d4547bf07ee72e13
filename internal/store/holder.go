package store

import (
	"context"
	"fmt"

	"stackgate/internal/deployment"
)

// Queues gives the queue for a stack's lock.
type Queues interface {
	Queue(ctx context.Context, stackKey string) ([]Ticket, error)
}

// CheckHolder says why a deployment may not touch its stack: it was called off, or the lock is not its own. Every step
// that acts on a stack asks first, because a wake-up proves nothing.
func CheckHolder(ctx context.Context, queues Queues, r Record) error {
	if err := r.Heed(); err != nil {
		return err
	}
	queue, err := queues.Queue(ctx, r.Target.Key())
	if err != nil {
		return fmt.Errorf("read the queue for %s: %w", r.StackName, err)
	}
	if len(queue) == 0 || queue[0].DeploymentID != r.ID {
		holder := deployment.ID("nobody")
		if len(queue) > 0 {
			holder = queue[0].DeploymentID
		}
		return deployment.Faultf(deployment.InternalError, "%s does not hold the lock of stack %s, %s does", r.ID, r.StackName, holder)
	}
	return nil
}
