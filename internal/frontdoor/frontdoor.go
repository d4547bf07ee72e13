// Package frontdoor takes in what people ask for: a deployment, a decision, a cancellation. It alone writes requests and
// decisions and starts executions; it does not know how its callers were identified, and runs no step of a deployment.
package frontdoor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/callback"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Store is the store as the front door needs it.
type Store interface {
	callback.Waiters
	RequestStore
	DecisionStore
	RecordStore
}

// RequestStore keeps what is asked for.
type RequestStore interface {
	PutRequest(ctx context.Context, r store.Request) error
	Request(ctx context.Context, id deployment.ID) (store.Request, error)
	ClaimID(ctx context.Context, key string, id deployment.ID, until time.Time) (deployment.ID, error)
	PutDocument(ctx context.Context, kind string, content []byte) (string, error)
}

// DecisionStore keeps decisions.
type DecisionStore interface {
	AddDecision(ctx context.Context, id deployment.ID, d approval.Decision) (kept approval.Decision, created bool, err error)
	Decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error)
}

// RecordStore keeps records.
type RecordStore interface {
	CreateRecord(ctx context.Context, r store.Record) error
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	Records(ctx context.Context, f store.Filter) ([]store.Record, error)
}

// Registry gives the installed definitions.
type Registry interface {
	Definition(serviceName, environment string) (service.Definition, error)
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// FrontDoor takes in requests.
type FrontDoor struct {
	Store    Store
	Registry Registry
	Sender   callback.Sender
	Clock    Clock
	Random   io.Reader
	// Announcer is told of every decision that was taken in; it may be nil.
	Announcer Announcer
	// InlineTemplates says that templates are passed to CloudFormation in the call alone, so that larger ones are refused.
	InlineTemplates bool
}

// Announcer tells those who watch a deployment of decisions upon it.
type Announcer interface {
	DecisionRecorded(ctx context.Context, r store.Record, d approval.Decision, tally approval.Tally)
}

// Find returns the deployment of a whole id or of any suffix that only one deployment has.
func (f FrontDoor) Find(ctx context.Context, idOrSuffix string) (store.Record, error) {
	if id, err := deployment.ParseID(idOrSuffix); err == nil {
		// The end of an id can look like a whole one: ders-prod-… is looked for as a suffix too.
		if record, err := f.Store.Record(ctx, id); !errors.Is(err, store.ErrNotFound) {
			return record, err
		}
	}
	if err := deployment.CheckSuffix(idOrSuffix); err != nil {
		return store.Record{}, deployment.Faultf(deployment.InvalidRequest, "%w", err)
	}
	records, err := f.Store.Records(ctx, store.Filter{IDSuffix: idOrSuffix, Limit: 2})
	if err != nil {
		return store.Record{}, fmt.Errorf("look for deployment %s: %w", idOrSuffix, err)
	}
	switch len(records) {
	case 0:
		return store.Record{}, notFound(idOrSuffix)
	case 1:
		return records[0], nil
	}
	return store.Record{}, deployment.Faultf(deployment.InvalidRequest, "several deployments end in %q: %s and %s among them",
		idOrSuffix, records[0].ID, records[1].ID).Advise("give more of the id")
}

func notFound(id string) error {
	return &NotFoundError{ID: id}
}

// NotFoundError says that there is no such deployment.
type NotFoundError struct{ ID string }

// Error names the deployment and how to find the right one.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("there is no deployment %q; list them with: stackgate list", e.ID)
}
