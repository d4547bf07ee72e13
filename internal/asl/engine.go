package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Functions invokes Lambda functions, wherever they run.
type Functions interface {
	// Invoke returns the function's answer as one JSON value. A *FunctionError names what the function failed with; any
	// other error is reported as Lambda.Unknown. The context ends when the task times out or the execution is stopped; a
	// call that goes on all the same is not waited for, and what it returns is lost.
	Invoke(ctx context.Context, functionName string, payload json.RawMessage) (json.RawMessage, error)
}

// Callbacks keeps task tokens. An error other than those named here is a failure of the host: it interrupts Run.
type Callbacks interface {
	// Issue makes a new token, which may be answered from now on.
	Issue(ctx context.Context) (token string, err error)
	// Await blocks until the token is answered and returns the answer as one JSON value, at once where it has been
	// answered already. A *CallbackError reports that the task was answered with a failure.
	Await(ctx context.Context, token string) (json.RawMessage, error)
	// Revoke makes the token dead: later answers are refused. It returns ErrAnswered when an answer was accepted before,
	// so that of a timeout and an answer exactly one wins. Revoking a dead token does nothing.
	Revoke(ctx context.Context, token string) error
}

// ErrAnswered is what Callbacks.Revoke returns for a token that was answered before.
var ErrAnswered = errors.New("task token was answered already")

// FunctionError is a function's own failure. Name is the error name that Retry and Catch match.
type FunctionError struct{ Name, Cause string }

func (e *FunctionError) Error() string { return "function failed with " + e.Name + ": " + e.Cause }

// CallbackError is an answer that reports a failure, as SendTaskFailure does.
type CallbackError struct{ Name, Cause string }

func (e *CallbackError) Error() string { return "task was answered with " + e.Name + ": " + e.Cause }

// StopError, given as the cause with which Run's context is cancelled, names why an execution was stopped, as the
// parameters of StopExecution do.
type StopError struct{ Name, Cause string }

func (e *StopError) Error() string { return "execution was stopped: " + e.Name + ": " + e.Cause }

// Clock is the time that executions live in.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or returns the context's error when the context ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// Random is where jitter and UUIDs come from.
type Random interface {
	// Float64 is at least 0 and less than 1.
	Float64() float64
	// Read fills p.
	Read(p []byte) (int, error)
}

// Engine runs executions. One engine may run many at once, if its parts may.
type Engine struct {
	Functions Functions
	Callbacks Callbacks
	Clock     Clock
	Random    Random
	// Observe, where set, is given every event of the history in order, before the execution goes on. It is called from
	// the goroutine of Run.
	Observe func(Event)
}

// Execution is what is run.
type Execution struct {
	ID          string // an ARN or whatever the host knows it by
	Name        string
	MachineID   string
	MachineName string
	RoleARN     string
	Input       json.RawMessage // one JSON value; nothing counts as {}
	StartTime   time.Time       // for the context object; zero is now
	// RedriveCount is how often the execution was taken up again.
	RedriveCount int
	// From, where set, takes the execution up in the middle instead of at StartAt.
	From *Position
}

// Position is the entry into a state. A host that keeps the newest one can take up an execution that was interrupted,
// as Step Functions' redrive does.
type Position struct {
	State string          `json:"state"`
	Input json.RawMessage `json:"input"`
	// Events is how many events the execution had. Numbering goes on from there, so that the limit of 25,000 holds.
	Events int64 `json:"events"`
}

// Status is how an execution ended.
type Status string

// The statuses of ended executions.
const (
	StatusSucceeded Status = "SUCCEEDED"
	StatusFailed    Status = "FAILED"
	StatusTimedOut  Status = "TIMED_OUT"
	StatusAborted   Status = "ABORTED"
)

// Result is an ended execution.
type Result struct {
	Status Status
	Output json.RawMessage // of a succeeded execution
	Error  string          // of a failed one, or of a StopError; at most 256 characters
	Cause  string          // at most 32,768 characters
	Events int64           // length of the history
}

// Run runs an execution to its end. However it ends, the error is nil; cancelling the context ends it as ABORTED. An
// error says that the host is broken or gave something impossible: a part of the engine is missing, the input is not
// JSON, the store of the task tokens failed. Then the execution has not ended and may be taken up at its last Position.
func (e *Engine) Run(ctx context.Context, m *Machine, x Execution) (Result, error) {
	if err := e.check(m); err != nil {
		return Result{}, fmt.Errorf("run execution %s: %w", x.Name, err)
	}
	r, err := newRun(e, m, x)
	if err != nil {
		return Result{}, fmt.Errorf("run execution %s: %w", x.Name, err)
	}
	result, err := r.execute(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("run execution %s: %w", x.Name, err)
	}
	return result, nil
}

func (e *Engine) check(m *Machine) error {
	switch {
	case m == nil:
		return errors.New("there is no state machine")
	case e.Clock == nil:
		return errors.New("the engine has no Clock")
	case e.Random == nil:
		return errors.New("the engine has no Random")
	}
	for _, s := range m.states {
		task, ok := s.behaviour.(*taskState)
		switch {
		case ok && e.Functions == nil:
			return fmt.Errorf("the engine has no Functions, which state %s invokes", s.name)
		case ok && task.callback && e.Callbacks == nil:
			return fmt.Errorf("the engine has no Callbacks, on which state %s waits", s.name)
		}
	}
	return nil
}
