package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Waiters stand by purpose, not by deployment: there are as many as deployments in flight, so that reading all of them is
// one consistent query, where an index by stack would lag and a stack event could miss the waiter it is for.
func waiterKey(id deployment.ID, purpose store.Purpose) key {
	return key{waitersPartition(purpose), string(id)}
}

func waitersPartition(purpose store.Purpose) string { return "waiters#" + string(purpose) }

// waiterLife is how long a waiter is kept at most. No execution lasts longer than the state machine's TimeoutSeconds,
// eight days, and its tokens die with it.
const waiterLife = 30 * 24 * time.Hour

// PutWaiter keeps a waiter in place of the deployment's earlier one for that purpose.
func (s *Store) PutWaiter(ctx context.Context, waiter store.Waiter) error {
	if err := s.putWaiter(ctx, waiter); err != nil {
		return fmt.Errorf("put the waiter of %s for %s: %w", waiter.DeploymentID, waiter.Purpose, err)
	}
	return nil
}

func (s *Store) putWaiter(ctx context.Context, waiter store.Waiter) error {
	switch {
	case waiter.DeploymentID == "":
		return errNoID
	case !slices.Contains(store.Purposes(), waiter.Purpose):
		return errors.New("its purpose is none that a waiter can have")
	case waiter.Token == "":
		return errors.New("it has no token")
	}
	next, err := newRow(waiterKey(waiter.DeploymentID, waiter.Purpose), waiter)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if next.write, err = s.writeID(); err != nil {
		return err
	}
	next.more[tokenAttribute] = stringValue(waiter.Token)
	if !waiter.Since.IsZero() {
		next.more[TimeToLive] = &types.AttributeValueMemberN{Value: strconv.FormatInt(waiter.Since.Add(waiterLife).Unix(), 10)}
	}
	_, err = s.options.Table.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.options.TableName), Item: next.item()})
	return s.explain(err)
}

// Waiter returns a deployment's waiter for a purpose.
func (s *Store) Waiter(ctx context.Context, id deployment.ID, purpose store.Purpose) (store.Waiter, error) {
	waiter, _, err := read[store.Waiter](ctx, s, waiterKey(id, purpose))
	if err != nil {
		return store.Waiter{}, fmt.Errorf("read the waiter of %s for %s: %w", id, purpose, err)
	}
	return waiter, nil
}

// Waiters returns every waiter for a purpose, oldest first.
func (s *Store) Waiters(ctx context.Context, purpose store.Purpose) ([]store.Waiter, error) {
	waiters, err := s.waiters(ctx, purpose)
	if err != nil {
		return nil, fmt.Errorf("list waiters for %s: %w", purpose, err)
	}
	return waiters, nil
}

// WaitersOfStack returns the waiters that the events of one stack wake, oldest first. No stack has the empty id.
func (s *Store) WaitersOfStack(ctx context.Context, stackID string) ([]store.Waiter, error) {
	if stackID == "" {
		return []store.Waiter{}, nil
	}
	waiters, err := s.waiters(ctx, store.Purposes()...)
	if err != nil {
		return nil, fmt.Errorf("list waiters of stack %s: %w", stackID, err)
	}
	return slices.DeleteFunc(waiters, func(w store.Waiter) bool { return w.StackID != stackID }), nil
}

func (s *Store) waiters(ctx context.Context, purposes ...store.Purpose) ([]store.Waiter, error) {
	var rows []row
	for _, purpose := range purposes {
		some, err := s.query(ctx, waitersPartition(purpose), "")
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	waiters, err := decodeAll[store.Waiter](rows)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(waiters, func(a, b store.Waiter) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.DeploymentID, b.DeploymentID), cmp.Compare(a.Purpose, b.Purpose))
	})
	return waiters, nil
}

// DeleteWaiter removes a deployment's waiter for a purpose, but only while its token is the given one, so that a late
// caller does not remove its successor; an empty token stands for any. A waiter that is not there is no error.
func (s *Store) DeleteWaiter(ctx context.Context, id deployment.ID, purpose store.Purpose, token string) error {
	if err := s.deleteWaiter(ctx, id, purpose, token); err != nil {
		return fmt.Errorf("delete the waiter of %s for %s: %w", id, purpose, err)
	}
	return nil
}

func (s *Store) deleteWaiter(ctx context.Context, id deployment.ID, purpose store.Purpose, token string) error {
	in := &dynamodb.DeleteItemInput{TableName: aws.String(s.options.TableName), Key: waiterKey(id, purpose).item()}
	if token != "" {
		in.ConditionExpression = aws.String("#token = :token")
		in.ExpressionAttributeNames = map[string]string{"#token": tokenAttribute}
		in.ExpressionAttributeValues = item{":token": stringValue(token)}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.options.Table.DeleteItem(ctx, in)
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return nil
	}
	return s.explain(err)
}
