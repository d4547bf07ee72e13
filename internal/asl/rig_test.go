package asl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rig is a host for executions under test: functions by name, an in-memory store of task tokens, the time of synctest
// (or the real time) and fixed randomness.
type rig struct {
	t         testing.TB
	functions map[string]function
	tokens    *tokens
	events    []Event
	random    Random
	observe   func(Event)
}

// function is a Lambda function under test. What it returns is encoded as JSON.
type function func(ctx context.Context, payload any) (any, error)

func newRig(t testing.TB) *rig {
	return &rig{t: t, functions: map[string]function{}, tokens: newTokens(), random: fixedRandom()}
}

// fixedRandom gives the same numbers in every test run.
func fixedRandom() Random {
	source := rand.NewChaCha8([32]byte{1, 2, 3})
	return struct {
		*rand.Rand
		reader
	}{rand.New(source), source}
}

type reader interface{ Read(p []byte) (int, error) }

func (r *rig) Invoke(ctx context.Context, name string, payload json.RawMessage) (json.RawMessage, error) {
	called, ok := r.functions[name]
	if !ok {
		return nil, &FunctionError{Name: "Lambda.ResourceNotFoundException", Cause: "Function not found: " + name}
	}
	value, err := decodeValue(payload)
	if err != nil {
		return nil, fmt.Errorf("payload %s: %w", payload, err)
	}
	answer, err := called(ctx, value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

func (r *rig) Now() time.Time { return time.Now().UTC() }

func (r *rig) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *rig) engine() *Engine {
	return &Engine{Functions: r, Callbacks: r.tokens, Clock: r, Random: r.random, Observe: func(event Event) {
		r.events = append(r.events, event)
		if r.observe != nil {
			r.observe(event)
		}
	}}
}

func (r *rig) run(definition, input string) Result {
	r.t.Helper()
	return r.runContext(context.Background(), definition, input)
}

func (r *rig) runContext(ctx context.Context, definition, input string) Result {
	r.t.Helper()
	return r.execute(ctx, definition, Execution{
		ID: "arn:aws:states:eu-west-1:123456789012:execution:machine:run-1", Name: "run-1",
		MachineID: "arn:aws:states:eu-west-1:123456789012:stateMachine:machine", MachineName: "machine",
		RoleARN: "arn:aws:iam::123456789012:role/machine", Input: json.RawMessage(input),
	})
}

func (r *rig) execute(ctx context.Context, definition string, x Execution) Result {
	r.t.Helper()
	r.events = nil
	result, err := r.engine().Run(ctx, mustParse(r.t, definition), x)
	if err != nil {
		r.t.Fatalf("Run: %v", err)
	}
	return result
}

func mustParse(t testing.TB, definition string) *Machine {
	t.Helper()
	machine, err := Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	return machine
}

// types of the events so far.
func (r *rig) types() []string {
	var types []string
	for _, event := range r.events {
		types = append(types, string(event.Type))
	}
	return types
}

// path is the ordered list of the states that were entered.
func (r *rig) path() []string {
	var names []string
	for _, event := range r.events {
		if event.IsStateEntered() {
			names = append(names, event.State)
		}
	}
	return names
}

// event is the last one of a type.
func (r *rig) event(typ EventType) Event {
	r.t.Helper()
	for i := len(r.events) - 1; i >= 0; i-- {
		if r.events[i].Type == typ {
			return r.events[i]
		}
	}
	r.t.Fatalf("no %s event in %v", typ, r.types())
	return Event{}
}

// tokens is a store of task tokens.
type tokens struct {
	mu      sync.Mutex
	issued  []string
	states  map[string]*tokenState
	failing error // what every call returns, for tests of a broken store
}

type tokenState struct {
	answered chan struct{}
	raw      json.RawMessage
	err      error
	dead     bool
}

func newTokens() *tokens { return &tokens{states: map[string]*tokenState{}} }

func (k *tokens) Issue(context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failing != nil {
		return "", k.failing
	}
	token := fmt.Sprintf("token-%d", len(k.issued)+1)
	k.issued = append(k.issued, token)
	k.states[token] = &tokenState{answered: make(chan struct{})}
	return token, nil
}

func (k *tokens) Await(ctx context.Context, token string) (json.RawMessage, error) {
	k.mu.Lock()
	state := k.states[token]
	k.mu.Unlock()
	select {
	case <-state.answered:
		return state.raw, state.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *tokens) Revoke(ctx context.Context, token string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("revoke with a context that has ended: %w", ctx.Err())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failing != nil {
		return k.failing
	}
	select {
	case <-k.states[token].answered:
		return ErrAnswered
	default:
		k.states[token].dead = true
		return nil
	}
}

var errDeadToken = errors.New("TaskTimedOut")

// answer is SendTaskSuccess.
func (k *tokens) answer(token, raw string) error { return k.settle(token, json.RawMessage(raw), nil) }

// fail is SendTaskFailure.
func (k *tokens) fail(token, name, cause string) error {
	return k.settle(token, nil, &CallbackError{Name: name, Cause: cause})
}

func (k *tokens) settle(token string, raw json.RawMessage, err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	state := k.states[token]
	if state == nil || state.dead {
		return errDeadToken
	}
	select {
	case <-state.answered:
		return errDeadToken
	default:
	}
	state.raw, state.err = raw, err
	close(state.answered)
	return nil
}

// dead reports whether answering the token would be refused.
func (k *tokens) dead(token string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.states[token] == nil || k.states[token].dead
}

// machine writes a definition that starts at the first state given as `"Name": {…}`.
func machine(states ...string) string {
	first, _, _ := strings.Cut(strings.TrimLeft(states[0], " \t\n\""), "\"")
	return fmt.Sprintf(`{"StartAt": %q, "States": {%s}}`, first, strings.Join(states, ",\n"))
}

// one writes a definition of a single state, called "S", from the state's fields.
func one(fields string) string { return machine(`"S": {` + fields + `}`) }

// task is a Task state that ends the execution, with more fields as given.
func task(name, more string) string {
	return fmt.Sprintf(`%q: {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
		"Parameters": {"FunctionName": %q, "Payload.$": "$"}, %s}`, name, strings.ToLower(name), more)
}

// callback is a Task state that waits for its token, with more fields as given.
func callback(name, more string) string {
	return fmt.Sprintf(`%q: {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
		"Parameters": {"FunctionName": %q, "Payload": {"token.$": "$$.Task.Token", "input.$": "$"}}, %s}`, name, strings.ToLower(name), more)
}

const end = `"End": true`

func wantResult(t testing.TB, got Result, status Status, output string) {
	t.Helper()
	if got.Status != status || output != "" && !sameJSON(got.Output, output) {
		t.Fatalf("result = %s %s (error %q, cause %q), want %s %s", got.Status, got.Output, got.Error, got.Cause, status, output)
	}
}

func wantFailure(t testing.TB, got Result, name, causePart string) {
	t.Helper()
	if got.Status != StatusFailed || got.Error != name || !strings.Contains(got.Cause, causePart) {
		t.Fatalf("result = %s, error %q, cause %q; want FAILED, %q, cause with %q (output %s)", got.Status, got.Error, got.Cause, name, causePart, got.Output)
	}
}

func wantList(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func sameJSON(got json.RawMessage, want string) bool {
	a, errA := decodeValue(got)
	b, errB := decodeValue([]byte(want))
	return errA == nil && errB == nil && bytes.Equal(encodeValue(a), encodeValue(b))
}
