// Package frontdoor takes in what people ask for: a deployment, a decision, a cancellation. It alone writes requests and
// decisions and starts executions; it does not know how its callers were identified, and runs no step of a deployment.
package frontdoor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
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
}

// Announcer tells those who watch a deployment of decisions upon it.
type Announcer interface {
	DecisionRecorded(ctx context.Context, r store.Record, d approval.Decision, tally approval.Tally)
}

// Caller is who asks.
type Caller struct {
	// Name names the person.
	Name string
	// Verified says whether IAM or an identity provider established the name.
	Verified bool
}

// Ask is a wish to deploy.
type Ask struct {
	Service, Environment string
	Intent               deployment.Intent
	// Template replaces the definition's where it is given.
	Template   []byte
	Parameters map[string]string
	Commit     string
	Reason     string
	// Recovery is what a recovery is to do beyond what its stack's status says.
	Recovery deployment.Recovery
	// CorrelationID is made where none is given; a re-run gives that of the first run.
	CorrelationID string
}

// maxTemplateBytes is CloudFormation's quota on a template body.
const maxTemplateBytes = 1 << 20

// Request checks a wish and writes it down. It starts nothing: whoever runs state machines does, with the id returned.
func (f FrontDoor) Request(ctx context.Context, caller Caller, ask Ask) (store.Record, error) {
	definition, err := f.check(caller, ask)
	if err != nil {
		return store.Record{}, err
	}
	now := f.Clock.Now()
	id, err := deployment.NewID(ask.Service, ask.Environment, now, f.Random)
	if err != nil {
		return store.Record{}, err
	}
	correlation := ask.CorrelationID
	if correlation == "" {
		if correlation, err = deployment.NewCorrelationID(f.Random); err != nil {
			return store.Record{}, err
		}
	}
	key, err := f.keepTemplate(ctx, id, ask, definition)
	if err != nil {
		return store.Record{}, err
	}
	request := store.Request{
		DeploymentID: id, CorrelationID: correlation, Service: ask.Service, Environment: ask.Environment, Intent: ask.Intent,
		RequestedBy: caller.Name, Verified: caller.Verified, Commit: ask.Commit, Reason: ask.Reason, Template: key,
		Parameters: ask.Parameters, Recovery: ask.Recovery, CreatedAt: now,
	}
	if err := f.Store.PutRequest(ctx, request); err != nil {
		return store.Record{}, fmt.Errorf("write request %s: %w", id, err)
	}
	record := open(request, definition)
	if err := f.Store.CreateRecord(ctx, record); err != nil {
		return store.Record{}, fmt.Errorf("open the record of %s: %w", id, err)
	}
	return record, nil
}

// keepTemplate keeps the template of a deployment under the key that it returns. A recovery has none: it changes no
// template.
func (f FrontDoor) keepTemplate(ctx context.Context, id deployment.ID, ask Ask, definition service.Definition) (string, error) {
	if ask.Intent == deployment.IntentRecover {
		return "", nil
	}
	template := ask.Template
	if template == nil {
		template = definition.Template
	}
	if len(template) > maxTemplateBytes {
		return "", deployment.Faultf(deployment.InvalidRequest, "the template of %s has %d bytes, CloudFormation takes at most %d",
			ask.Service, len(template), maxTemplateBytes).Advise("split the stack")
	}
	key, err := f.Store.PutDocument(ctx, "template", template)
	if err != nil {
		return "", fmt.Errorf("keep the template of %s: %w", id, err)
	}
	return key, nil
}

func (f FrontDoor) check(caller Caller, ask Ask) (service.Definition, error) {
	if strings.TrimSpace(caller.Name) == "" {
		return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "a request needs the name of the person who makes it").
			Advise("name yourself with --as NAME")
	}
	if !slices.Contains(deployment.Intents(), ask.Intent) {
		return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "the intent of a request is deploy, plan or recover, not %q", ask.Intent)
	}
	if err := checkRecovery(ask); err != nil {
		return service.Definition{}, err
	}
	if ask.CorrelationID != "" {
		if err := deployment.CheckCorrelationID(ask.CorrelationID); err != nil {
			return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "correlation id %q: %w", ask.CorrelationID, err)
		}
	}
	definition, err := f.Registry.Definition(ask.Service, ask.Environment)
	if err != nil {
		return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "%w", err)
	}
	if definition, err = definition.WithOverrides(ask.Parameters); err != nil {
		return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "%w", err)
	}
	return definition, nil
}

// checkRecovery: what a recovery is asked for, and what a deployment is asked for, do not go together.
func checkRecovery(ask Ask) error {
	asked := len(ask.Recovery.Skip) > 0 || len(ask.Recovery.Retain) > 0 || ask.Recovery.Force
	switch {
	case ask.Intent != deployment.IntentRecover && asked:
		return deployment.Faultf(deployment.InvalidRequest, "only a recovery skips or retains resources, and this is asked for as %s", ask.Intent)
	case ask.Intent == deployment.IntentRecover && (ask.Template != nil || len(ask.Parameters) > 0):
		return deployment.Faultf(deployment.InvalidRequest, "a recovery takes no template and no parameters: it brings the stack back, and changes nothing of it")
	}
	return ask.Recovery.Validate()
}

func open(r store.Request, d service.Definition) store.Record {
	return store.Record{
		Schema: store.RecordSchema, ID: r.DeploymentID, CorrelationID: r.CorrelationID, Project: d.Project, Service: r.Service,
		Environment: r.Environment, Intent: r.Intent,
		Target:      deployment.Target{Account: d.Account, Region: d.Region, StackName: d.StackName},
		RequestedBy: r.RequestedBy, Verified: r.Verified, Commit: r.Commit, Reason: r.Reason, Template: r.Template,
		Parameters: r.Parameters, Recovery: store.Recovery{Recovery: r.Recovery}, Stage: deployment.StageRequested, Policy: d.Approval, Leftovers: []string{},
		Times: store.Times{Requested: r.CreatedAt},
	}
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
