package frontdoor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Caller is who asks, as whoever lets callers in has established. No part of it comes from what is asked.
type Caller struct {
	// Name names the person, or the CI principal or shared role where no one person stands behind the call. It is empty
	// where the project does not know the caller, who may then look and do nothing.
	Name string
	// Verified says whether IAM or an identity provider established the name.
	Verified bool
	// OnBehalfOf are the people for whom a CI principal or a shared role asks, as far as is known. They become requesters,
	// so that being named here only ever takes a right away.
	OnBehalfOf []string
	// Undeciding says why this caller may decide nothing whatever the policy says, and what to do; empty where it may.
	Undeciding string
	Source     approval.Source
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

// Fingerprint returns the SHA-256 of what is asked for, in hexadecimal.
func (a Ask) Fingerprint() string {
	template := ""
	if a.Template != nil {
		sum := sha256.Sum256(a.Template)
		template = hex.EncodeToString(sum[:])
	}
	// Texts, lists and maps of texts can always be encoded, and maps are in the order of their keys.
	content, _ := json.Marshal([]any{a.Service, a.Environment, a.Intent, template, a.Parameters, a.Commit, a.Reason, a.CorrelationID, a.Recovery})
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// maxTemplateBytes is CloudFormation's quota on a template body.
const maxTemplateBytes = 1 << 20

// keyLife is how long a call may be repeated under its key.
const keyLife = 48 * time.Hour

// Request checks a wish and writes it down. It starts nothing: whoever runs state machines does, with the id returned.
func (f FrontDoor) Request(ctx context.Context, caller Caller, ask Ask) (store.Record, error) {
	record, _, err := f.RequestOnce(ctx, caller, ask, "")
	return record, err
}

// RequestOnce is Request for a call that may be repeated: the same caller's call with the same key is one deployment,
// also where an earlier call died half-way. With another wish under the same key it is refused. Without a key each call is
// a deployment.
func (f FrontDoor) RequestOnce(ctx context.Context, caller Caller, ask Ask, key string) (record store.Record, repeated bool, err error) {
	definition, err := f.check(caller, ask)
	if err != nil {
		return store.Record{}, false, err
	}
	if size := len(templateOf(ask, definition)); size > maxTemplateBytes {
		return store.Record{}, false, deployment.Faultf(deployment.InvalidRequest, "the template of %s has %d bytes, CloudFormation takes at most %d",
			ask.Service, size, maxTemplateBytes).Advise("split the stack")
	}
	if size := len(templateOf(ask, definition)); f.InlineTemplates && size > service.MaxInlineTemplate {
		return store.Record{}, false, service.InlineTemplateFault(ask.Service, size)
	}
	now := f.Clock.Now()
	id, err := deployment.NewID(ask.Service, ask.Environment, now, f.Random)
	if err != nil {
		return store.Record{}, false, err
	}
	if key != "" {
		bound, err := f.Store.ClaimID(ctx, claim(caller, key), id, now.Add(keyLife))
		if err != nil {
			return store.Record{}, false, fmt.Errorf("bind the request's key: %w", err)
		}
		repeated, id = bound != id, bound
	}
	if repeated {
		record, err := f.resume(ctx, id, ask, definition)
		if !errors.Is(err, store.ErrNotFound) {
			return record, true, err
		}
	}
	record, err = f.write(ctx, caller, ask, definition, id, now)
	return record, repeated, err
}

// templateOf is the template of a deployment. A recovery has none: it changes no template.
func templateOf(ask Ask, definition service.Definition) []byte {
	if ask.Intent == deployment.IntentRecover {
		return nil
	}
	if ask.Template != nil {
		return ask.Template
	}
	return definition.Template
}

// claim is the key of one caller: two people who choose the same one do not meet.
func claim(caller Caller, key string) string {
	sum := sha256.Sum256([]byte(store.PersonKey(caller.Name) + "\x00" + key))
	return hex.EncodeToString(sum[:])
}

// resume takes up what an earlier call under the same key has left; store.ErrNotFound where that is nothing.
func (f FrontDoor) resume(ctx context.Context, id deployment.ID, ask Ask, definition service.Definition) (store.Record, error) {
	request, err := f.Store.Request(ctx, id)
	if err != nil {
		return store.Record{}, err
	}
	if request.Fingerprint != ask.Fingerprint() {
		return store.Record{}, refuse(RefusedKey, "this idempotency key stands for another request, %s; give each request a key of its own", id)
	}
	return f.open(ctx, request, definition)
}

func (f FrontDoor) write(ctx context.Context, caller Caller, ask Ask, definition service.Definition, id deployment.ID, now time.Time) (store.Record, error) {
	correlation := ask.CorrelationID
	if correlation == "" {
		var err error
		if correlation, err = deployment.NewCorrelationID(f.Random); err != nil {
			return store.Record{}, err
		}
	}
	key := ""
	if ask.Intent != deployment.IntentRecover {
		var err error
		if key, err = f.Store.PutDocument(ctx, "template", templateOf(ask, definition)); err != nil {
			return store.Record{}, fmt.Errorf("keep the template of %s: %w", id, err)
		}
	}
	request := store.Request{
		DeploymentID: id, CorrelationID: correlation, Service: ask.Service, Environment: ask.Environment, Intent: ask.Intent,
		RequestedBy: caller.Name, Verified: caller.Verified, OnBehalfOf: caller.OnBehalfOf, Source: caller.Source, Fingerprint: ask.Fingerprint(),
		Commit: ask.Commit, Reason: ask.Reason, Template: key, Parameters: ask.Parameters, Recovery: ask.Recovery, CreatedAt: now,
	}
	err := f.Store.PutRequest(ctx, request)
	if errors.Is(err, store.ErrExists) {
		// The same call, come twice at once: the other's is as good.
		return f.resume(ctx, id, ask, definition)
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("write request %s: %w", id, err)
	}
	return f.open(ctx, request, definition)
}

// open opens the record of a request, or returns the one that is open.
func (f FrontDoor) open(ctx context.Context, r store.Request, d service.Definition) (store.Record, error) {
	record := store.Record{
		Schema: store.RecordSchema, ID: r.DeploymentID, CorrelationID: r.CorrelationID, Project: d.Project, Service: r.Service,
		Environment: r.Environment, Intent: r.Intent,
		Target:      deployment.Target{Account: d.Account, Region: d.Region, StackName: d.StackName},
		RequestedBy: r.RequestedBy, Verified: r.Verified, OnBehalfOf: r.OnBehalfOf, Source: r.Source, Fingerprint: r.Fingerprint,
		Commit: r.Commit, Reason: r.Reason, Template: r.Template,
		Parameters: r.Parameters, Recovery: store.Recovery{Recovery: r.Recovery}, Stage: deployment.StageRequested, Policy: d.Approval, Leftovers: []string{},
		Times: store.Times{Requested: r.CreatedAt},
	}
	err := f.Store.CreateRecord(ctx, record)
	if errors.Is(err, store.ErrExists) {
		return f.Store.Record(ctx, r.DeploymentID)
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("open the record of %s: %w", r.DeploymentID, err)
	}
	return record, nil
}

// Abandon ends a deployment whose execution cannot be started. One that has gone on is left as it is.
func (f FrontDoor) Abandon(ctx context.Context, id deployment.ID, why string) (store.Record, error) {
	now := f.Clock.Now()
	return f.Store.UpdateRecord(ctx, id, func(r *store.Record) error {
		if r.Stage != deployment.StageRequested {
			return nil
		}
		r.Stage, r.Outcome, r.Fault, r.Cause = deployment.StageFinished, deployment.OutcomeFailedBeforeChange, deployment.InternalError, why
		r.Times.Finished = now
		return nil
	})
}

func (f FrontDoor) check(caller Caller, ask Ask) (service.Definition, error) {
	if strings.TrimSpace(caller.Name) == "" {
		return service.Definition{}, unknown(caller, "a request needs the name of the person who makes it")
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

// unknown says that a caller has no name, in the mode's own words.
func unknown(caller Caller, what string) error {
	if caller.Source.Principal != "" {
		return refuse(RefusedIdentity, "%s; %s", what, caller.Undeciding)
	}
	return deployment.Faultf(deployment.InvalidRequest, "%s", what).Advise("name yourself with --as NAME")
}
