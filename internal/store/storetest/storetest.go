// Package storetest holds the contract of stores: the suite that every implementation must pass to be one. It is not a
// store and holds no stand-in for one.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Store is what is demanded of a store in every mode. It asks for nothing beyond conditional writes of single rows and
// transactions over a few rows of one table: every method touches one deployment or one stack's queue, and the only two
// rows that change together are a decision and the record that counts it.
//
// Errors wrap store.ErrNotFound, ErrExists, ErrConflict, ErrClosed or ErrDamaged and name the object. Lists are never nil.
type Store interface {
	PutRequest(context.Context, store.Request) error
	Request(context.Context, deployment.ID) (store.Request, error)

	CreateRecord(context.Context, store.Record) error
	Record(context.Context, deployment.ID) (store.Record, error)
	UpdateRecord(context.Context, deployment.ID, func(*store.Record) error) (store.Record, error)
	Records(context.Context, store.Filter) ([]store.Record, error)

	AddDecision(context.Context, deployment.ID, approval.Decision) (kept approval.Decision, created bool, err error)
	Decisions(context.Context, deployment.ID) ([]approval.Decision, error)

	Enqueue(ctx context.Context, stackKey string, ticket store.Ticket) ([]store.Ticket, error)
	Queue(ctx context.Context, stackKey string) ([]store.Ticket, error)
	Leave(ctx context.Context, stackKey string, id deployment.ID) ([]store.Ticket, error)

	PutWaiter(context.Context, store.Waiter) error
	Waiter(context.Context, deployment.ID, store.Purpose) (store.Waiter, error)
	Waiters(context.Context, store.Purpose) ([]store.Waiter, error)
	WaitersOfStack(ctx context.Context, stackID string) ([]store.Waiter, error)
	DeleteWaiter(ctx context.Context, id deployment.ID, purpose store.Purpose, token string) error

	PutDocument(ctx context.Context, kind string, content []byte) (key string, err error)
	Document(ctx context.Context, key string) ([]byte, error)

	ClaimID(ctx context.Context, key string, id deployment.ID, until time.Time) (deployment.ID, error)
}

// Journal is demanded of a store that keeps the event stream of deployments.
type Journal interface {
	AppendEvent(ctx context.Context, id deployment.ID, kind string, body json.RawMessage) (seq int64, err error)
	Events(ctx context.Context, id deployment.ID, afterSeq int64, limit int) ([]store.JournalEvent, error)
}

type rule[S any] struct {
	name  string
	check func(*testing.T, S)
}

func run[S any](t *testing.T, open func(testing.TB) S, rules []rule[S]) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) { rule.check(t, open(t)) })
	}
}

// Run holds a store against the contract. Open returns an empty one and sees to its end with t.Cleanup.
func Run(t *testing.T, open func(testing.TB) Store) {
	for _, part := range []struct {
		name  string
		rules []rule[Store]
	}{
		{"requests", requestRules},
		{"records", recordRules},
		{"listing", listingRules},
		{"decisions", decisionRules},
		{"queue", queueRules},
		{"waiters", waiterRules},
		{"documents", documentRules},
		{"claims", claimRules},
		{"calls", callRules},
	} {
		t.Run(part.name, func(t *testing.T) { run(t, open, part.rules) })
	}
}

// RunJournal holds a journal against its contract.
func RunJournal(t *testing.T, open func(testing.TB) Journal) { run(t, open, journalRules) }

var start = time.Date(2026, time.November, 22, 14, 2, 3, 456_789_000, time.UTC)

// idOf returns the n-th deployment id. Ids sort by n.
func idOf(n int) deployment.ID {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	unique := []byte("aaaaaaaa")
	for i := len(unique) - 1; n > 0; i-- {
		unique[i] = letters[n%len(letters)]
		n /= len(letters)
	}
	return deployment.ID("orders-prod-20261122T140203Z-" + string(unique))
}

// filled returns a T no field of which is empty, so that a field that a store forgets is noticed, also a future one.
func filled[T any](t testing.TB) T {
	t.Helper()
	var value T
	fill(t, reflect.ValueOf(&value).Elem(), "")
	return value
}

func fill(t testing.TB, value reflect.Value, name string) {
	t.Helper()
	if value.Type() == reflect.TypeFor[time.Time]() {
		value.Set(reflect.ValueOf(start.Add(time.Duration(len(name)) * time.Minute)))
		return
	}
	switch value.Kind() {
	case reflect.String:
		value.SetString(name + ` "quoted" <é>`)
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int, reflect.Int64:
		value.SetInt(int64(len(name)) + 1)
	case reflect.Struct:
		for i := range value.NumField() {
			fill(t, value.Field(i), value.Type().Field(i).Name)
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 2, 2))
		fill(t, value.Index(0), name+"0")
		fill(t, value.Index(1), name+"1")
	case reflect.Map:
		key, element := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
		fill(t, key, name+"Key")
		fill(t, element, name+"Value")
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(key, element)
	default:
		t.Fatalf("storetest cannot fill %s of kind %s; teach it", name, value.Kind())
	}
}

// wantError checks that err is the one wanted and names the object.
func wantError(t testing.TB, err, want error, object string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want one that wraps %q", err, want)
		return
	}
	if !strings.Contains(err.Error(), object) {
		t.Errorf("error %q does not name %s", err, object)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustGet[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return value
	}
}

// together runs n calls of do at once, from one starting line.
func together(n int, do func(i int)) {
	line := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-line
			do(i)
		})
	}
	close(line)
	all.Wait()
}

func person(i int) string { return fmt.Sprintf("person-%d", i) }

// callRules hold for every method.
var callRules = []rule[Store]{
	{"a call whose context has ended does nothing", func(t *testing.T, s Store) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for name, call := range map[string]func() error{
			"PutRequest":   func() error { return s.PutRequest(ended, store.Request{DeploymentID: idOf(1)}) },
			"CreateRecord": func() error { return s.CreateRecord(ended, store.Record{ID: idOf(1)}) },
			"Enqueue": func() error {
				_, err := s.Enqueue(ended, "stack", store.Ticket{DeploymentID: idOf(1)})
				return err
			},
			"PutWaiter": func() error {
				return s.PutWaiter(ended, store.Waiter{DeploymentID: idOf(1), Purpose: store.AwaitLock, Token: "t"})
			},
			"PutDocument": func() error {
				_, err := s.PutDocument(ended, "review", []byte("x"))
				return err
			},
			"Records": func() error {
				_, err := s.Records(ended, store.Filter{})
				return err
			},
		} {
			if err := call(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: error = %v, want context canceled", name, err)
			}
		}
		ctx := t.Context()
		_, err := s.Request(ctx, idOf(1))
		wantError(t, err, store.ErrNotFound, idOf(1).String())
		_, err = s.Record(ctx, idOf(1))
		wantError(t, err, store.ErrNotFound, idOf(1).String())
		if queue := mustGet(s.Queue(ctx, "stack"))(t); len(queue) != 0 {
			t.Errorf("queue = %v, want none", queue)
		}
		if waiters := mustGet(s.Waiters(ctx, store.AwaitLock))(t); len(waiters) != 0 {
			t.Errorf("waiters = %d, want none", len(waiters))
		}
	}},
	{"lists of nothing are empty and not nil", func(t *testing.T, s Store) {
		ctx := t.Context()
		if got := mustGet(s.Records(ctx, store.Filter{}))(t); got == nil || len(got) != 0 {
			t.Errorf("Records = %#v", got)
		}
		if got := mustGet(s.Decisions(ctx, idOf(1)))(t); got == nil || len(got) != 0 {
			t.Errorf("Decisions = %#v", got)
		}
		if got := mustGet(s.Queue(ctx, "stack"))(t); got == nil || len(got) != 0 {
			t.Errorf("Queue = %#v", got)
		}
		if got := mustGet(s.Leave(ctx, "stack", idOf(1)))(t); got == nil || len(got) != 0 {
			t.Errorf("Leave = %#v", got)
		}
		if got := mustGet(s.Waiters(ctx, store.AwaitStack))(t); got == nil || len(got) != 0 {
			t.Errorf("Waiters = %#v", got)
		}
		if got := mustGet(s.WaitersOfStack(ctx, "arn:stack"))(t); got == nil || len(got) != 0 {
			t.Errorf("WaitersOfStack = %#v", got)
		}
	}},
	{"nothing is kept without an id", func(t *testing.T, s Store) {
		ctx := t.Context()
		if err := s.PutRequest(ctx, store.Request{}); err == nil {
			t.Error("PutRequest took a request without an id")
		}
		if err := s.CreateRecord(ctx, store.Record{}); err == nil {
			t.Error("CreateRecord took a record without an id")
		}
		if _, err := s.Enqueue(ctx, "stack", store.Ticket{}); err == nil {
			t.Error("Enqueue took a ticket without an id")
		}
		if _, err := s.Enqueue(ctx, "", store.Ticket{DeploymentID: idOf(1)}); err == nil {
			t.Error("Enqueue took a ticket for no stack")
		}
		if err := s.PutWaiter(ctx, store.Waiter{Purpose: store.AwaitLock, Token: "t"}); err == nil {
			t.Error("PutWaiter took a waiter without an id")
		}
	}},
}
