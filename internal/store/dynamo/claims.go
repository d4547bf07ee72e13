package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"stackgate/internal/deployment"
)

func claimKey(name string) key { return key{"claim#" + name, "deployment"} }

// ClaimID binds key to a deployment, once, and returns the deployment that it is bound to: the given one, or the earlier
// that another call has bound. The row may vanish after until, when nobody repeats the call any more.
func (s *Store) ClaimID(ctx context.Context, name string, id deployment.ID, until time.Time) (deployment.ID, error) {
	bound, err := s.claimID(ctx, name, id, until)
	if err != nil {
		return "", fmt.Errorf("claim %s for %s: %w", name, id, err)
	}
	return bound, nil
}

func (s *Store) claimID(ctx context.Context, name string, id deployment.ID, until time.Time) (bound deployment.ID, err error) {
	if name == "" || id == "" {
		return "", errors.New("a claim needs a key and a deployment")
	}
	next, err := newRow(claimKey(name), id)
	if err != nil {
		return "", err
	}
	if !until.IsZero() {
		next.more[TimeToLive] = &types.AttributeValueMemberN{Value: strconv.FormatInt(until.Unix(), 10)}
	}
	err = s.contended(ctx, func() (bool, error) {
		won, there, err := s.replace(ctx, row{}, next)
		switch {
		case err != nil:
			return false, err
		case won:
			bound = id
			return true, nil
		case !there.found():
			return false, nil
		}
		bound, err = decode[deployment.ID](there)
		return err == nil, err
	})
	return bound, err
}
