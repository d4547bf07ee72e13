// Package callback wakes the state machine's waiting callbacks. It carries no result: who is woken reads the store.
package callback

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Sender is Step Functions as far as a callback needs it.
type Sender interface {
	SendTaskSuccess(ctx context.Context, in *sfn.SendTaskSuccessInput, opts ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
}

// Waiters is the store as far as a callback needs it.
type Waiters interface {
	Waiter(ctx context.Context, id deployment.ID, purpose store.Purpose) (store.Waiter, error)
	DeleteWaiter(ctx context.Context, id deployment.ID, purpose store.Purpose, token string) error
}

// Wake wakes the deployment's callback for a purpose, where one waits, and removes its waiter. It returns whether a
// callback was woken: none waiting, or one whose state has gone on already, is no error, because wakes come twice.
func Wake(ctx context.Context, sender Sender, waiters Waiters, id deployment.ID, purpose store.Purpose) (bool, error) {
	waiter, err := waiters.Waiter(ctx, id, purpose)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the %s waiter of %s: %w", purpose, id, err)
	}
	woken, err := send(ctx, sender, waiter.Token)
	if err != nil {
		return false, fmt.Errorf("wake the %s callback of %s: %w", purpose, id, err)
	}
	if err := waiters.DeleteWaiter(ctx, id, purpose, waiter.Token); err != nil {
		return woken, fmt.Errorf("remove the %s waiter of %s: %w", purpose, id, err)
	}
	return woken, nil
}

func send(ctx context.Context, sender Sender, token string) (bool, error) {
	_, err := sender.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: aws.String(token), Output: aws.String("{}")})
	var (
		gone    *types.TaskDoesNotExist
		late    *types.TaskTimedOut
		invalid *types.InvalidToken
	)
	if errors.As(err, &gone) || errors.As(err, &late) || errors.As(err, &invalid) {
		return false, nil
	}
	return err == nil, err
}
