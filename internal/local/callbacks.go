package local

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/asl"
	"stackgate/internal/store"
)

// Tokens keeps task tokens where every process of the embedded modes finds them: one runs the flow, another approves.
type Tokens interface {
	IssueToken(ctx context.Context) (string, error)
	AnswerToken(ctx context.Context, token string, answer store.Answer) error
	TokenAnswer(ctx context.Context, token string) (store.Answer, bool, error)
	RevokeToken(ctx context.Context, token string) error
}

// Sender answers task tokens as Step Functions' SendTaskSuccess does.
type Sender struct{ Tokens Tokens }

// SendTaskSuccess answers a token. A token that is gone or answered gives the errors of the real service.
func (s Sender) SendTaskSuccess(ctx context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	err := s.Tokens.AnswerToken(ctx, aws.ToString(in.TaskToken), store.Answer{Output: json.RawMessage(aws.ToString(in.Output))})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, &types.TaskDoesNotExist{Message: aws.String("the task token is not known")}
	case errors.Is(err, store.ErrClosed):
		return nil, &types.TaskTimedOut{Message: aws.String("the task was answered before")}
	case err != nil:
		return nil, err
	}
	return &sfn.SendTaskSuccessOutput{}, nil
}

// callbacks lets the engine wait for answers that may come from another process.
type callbacks struct {
	tokens Tokens
	clock  Clock
	every  time.Duration
}

func (c callbacks) Issue(ctx context.Context) (string, error) { return c.tokens.IssueToken(ctx) }

func (c callbacks) Await(ctx context.Context, token string) (json.RawMessage, error) {
	for {
		answer, answered, err := c.tokens.TokenAnswer(ctx, token)
		if err != nil {
			return nil, err
		}
		if answered {
			if answer.ErrorName != "" {
				return nil, &asl.CallbackError{Name: answer.ErrorName, Cause: answer.Cause}
			}
			return answer.Output, nil
		}
		if err := c.clock.Sleep(ctx, c.every); err != nil {
			return nil, err
		}
	}
}

// Revoke answers the token itself, so that exactly one of an answer and the revocation wins, and then forgets it.
func (c callbacks) Revoke(ctx context.Context, token string) error {
	err := c.tokens.AnswerToken(ctx, token, store.Answer{ErrorName: "Revoked", Cause: "the task no longer waits"})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case errors.Is(err, store.ErrClosed):
		return asl.ErrAnswered
	case err != nil:
		return err
	}
	return c.tokens.RevokeToken(ctx, token)
}
