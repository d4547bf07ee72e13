package door

import (
	"context"
	"io"
)

// closing ends a call's time with its answer.
type closing struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the answer.
func (c closing) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
