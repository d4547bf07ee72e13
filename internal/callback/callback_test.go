package callback_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/callback"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

const (
	id    = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	token = "token-hunter2"
)

// steps is Step Functions with one answer to everything.
type steps struct {
	answer error
	sent   []*sfn.SendTaskSuccessInput
}

func (s *steps) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	s.sent = append(s.sent, in)
	if s.answer != nil {
		return nil, s.answer
	}
	return &sfn.SendTaskSuccessOutput{}, nil
}

// waiters is a store of waiters by their purpose.
type waiters struct {
	waiting         map[store.Purpose]string
	reading, ending error
	deleted         []string
}

func (w *waiters) Waiter(_ context.Context, of deployment.ID, purpose store.Purpose) (store.Waiter, error) {
	token, found := w.waiting[purpose]
	if w.reading != nil {
		return store.Waiter{}, w.reading
	}
	if !found || of != id {
		return store.Waiter{}, store.ErrNotFound
	}
	return store.Waiter{DeploymentID: of, Purpose: purpose, Token: token}, nil
}

func (w *waiters) DeleteWaiter(_ context.Context, _ deployment.ID, purpose store.Purpose, token string) error {
	w.deleted = append(w.deleted, string(purpose)+" "+token)
	return w.ending
}

func TestWake(t *testing.T) {
	broken := errors.New("the line is cut")
	throttled := &smithy.GenericAPIError{Code: "ThrottlingException", Message: "slow down"}
	for name, c := range map[string]struct {
		purpose         store.Purpose
		answer          error
		reading, ending error
		woken           bool
		fails           error
		removed         bool
	}{
		"one waits":                {purpose: store.AwaitApproval, woken: true, removed: true},
		"nobody waits for this":    {purpose: store.AwaitLock},
		"its state has gone on":    {purpose: store.AwaitApproval, answer: &types.TaskDoesNotExist{}, removed: true},
		"its state ran out":        {purpose: store.AwaitApproval, answer: &types.TaskTimedOut{}, removed: true},
		"its token is no token":    {purpose: store.AwaitApproval, answer: &types.InvalidToken{}, removed: true},
		"wrapped by the SDK":       {purpose: store.AwaitApproval, answer: &smithy.OperationError{Err: &types.TaskTimedOut{}}, removed: true},
		"throttled: may try again": {purpose: store.AwaitApproval, answer: throttled, fails: throttled},
		"no line to AWS":           {purpose: store.AwaitApproval, answer: broken, fails: broken},
		"the store cannot read":    {purpose: store.AwaitApproval, reading: broken, fails: broken},
		"the store cannot remove":  {purpose: store.AwaitApproval, ending: broken, woken: true, fails: broken, removed: true},
	} {
		t.Run(name, func(t *testing.T) {
			sender := &steps{answer: c.answer}
			kept := &waiters{waiting: map[store.Purpose]string{store.AwaitApproval: token}, reading: c.reading, ending: c.ending}
			woken, err := callback.Wake(t.Context(), sender, kept, id, c.purpose)
			if woken != c.woken || !errors.Is(err, c.fails) || (err == nil) != (c.fails == nil) {
				t.Fatalf("woken %t, %v", woken, err)
			}
			if err != nil && (!strings.Contains(err.Error(), string(id)) || strings.Contains(err.Error(), token)) {
				t.Errorf("%q does not name the deployment, or tells the token", err)
			}
			removed := []string{"approval " + token}
			if !c.removed {
				removed = nil
			}
			if !slices.Equal(kept.deleted, removed) {
				t.Errorf("removed %q, want %q", kept.deleted, removed)
			}
			for _, in := range sender.sent {
				if aws.ToString(in.TaskToken) != token || aws.ToString(in.Output) != "{}" {
					t.Errorf("sent %q for %q: a wake carries no result", aws.ToString(in.Output), aws.ToString(in.TaskToken))
				}
			}
		})
	}
}
