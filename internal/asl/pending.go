package asl

import (
	"context"
	"encoding/json"
	"errors"
)

var errTaskTimedOut = errors.New("task timed out")

// pending is a call of the host under way.
type pending struct {
	done   chan answer
	cancel context.CancelFunc
}

type answer struct {
	raw json.RawMessage
	err error
}

func start(ctx context.Context, call func(context.Context) (json.RawMessage, error)) *pending {
	ctx, cancel := context.WithCancel(ctx)
	p := &pending{done: make(chan answer, 1), cancel: cancel}
	go func() {
		raw, err := call(ctx)
		p.done <- answer{raw, err}
	}()
	return p
}

// wait returns what the call returns, errTaskTimedOut when the timer comes first, or the context's error. A call that
// has returned by then wins over the timer.
func (p *pending) wait(ctx context.Context, timedOut <-chan struct{}) (json.RawMessage, error) {
	select {
	case got := <-p.done:
		return got.raw, got.err
	case <-timedOut:
		select {
		case got := <-p.done:
			return got.raw, got.err
		default:
			return nil, errTaskTimedOut
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
