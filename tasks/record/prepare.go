// Package record opens a deployment's record and closes it. What happens between is none of its business.
package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Registry gives the installed definitions. What it says outweighs whatever a payload or a request says.
type Registry interface {
	Definition(serviceName, environment string) (service.Definition, error)
}

// PrepareStore is the store as PrepareDeployment needs it.
type PrepareStore interface {
	Request(ctx context.Context, id deployment.ID) (store.Request, error)
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	PutDocument(ctx context.Context, kind string, content []byte) (string, error)
	Document(ctx context.Context, key string) ([]byte, error)
}

// Prepare checks a request against the installed definition. Repeating it writes the same again.
type Prepare struct {
	Store    PrepareStore
	Registry Registry
	// Intents are those that the state machine is for: a request of another is not run by it.
	Intents []deployment.Intent
}

// PrepareIn is the input of PrepareDeployment.
type PrepareIn struct {
	DeploymentID  deployment.ID `json:"deploymentId"`
	CorrelationID string        `json:"correlationId"`
	ExecutionARN  string        `json:"executionArn"`
}

// PrepareOut holds the limits of the waits that follow, in seconds.
type PrepareOut struct {
	QueueSeconds     int `json:"queueSeconds"`
	ApprovalSeconds  int `json:"approvalSeconds"`
	ExecutionSeconds int `json:"executionSeconds"`
}

// MaxTemplateBytes is how large a template may be (CloudFormation quotas: template body in S3, 1 MB).
const MaxTemplateBytes = 1 << 20

// Run checks the request and completes the record with what the installed definition says.
func (p Prepare) Run(ctx context.Context, in PrepareIn) (PrepareOut, error) {
	request, err := p.Store.Request(ctx, in.DeploymentID)
	if errors.Is(err, store.ErrNotFound) {
		return PrepareOut{}, deployment.Faultf(deployment.InvalidRequest, "nobody requested deployment %s", in.DeploymentID).
			Advise("start deployments with: stackgate deploy SERVICE -e ENVIRONMENT")
	}
	if err != nil {
		return PrepareOut{}, err
	}
	if request.CorrelationID != in.CorrelationID {
		return PrepareOut{}, deployment.Faultf(deployment.InvalidRequest,
			"the execution of %s was started with correlation id %q, its request has %q", in.DeploymentID, in.CorrelationID, request.CorrelationID)
	}
	if !slices.Contains(p.Intents, request.Intent) {
		return PrepareOut{}, deployment.Faultf(deployment.InvalidRequest,
			"%s was requested to %s, and this state machine does not do that", in.DeploymentID, request.Intent)
	}
	definition, err := p.definition(request)
	if err != nil {
		return PrepareOut{}, err
	}
	if err := p.checkTemplate(ctx, request); err != nil {
		return PrepareOut{}, err
	}
	key, err := service.KeepDefinition(ctx, p.Store, definition)
	if err != nil {
		return PrepareOut{}, err
	}
	if _, err := p.Store.UpdateRecord(ctx, in.DeploymentID, func(r *store.Record) error {
		if r.Stage == deployment.StageFinished {
			// An execution that began too late, or anew: the deployment was finished without it.
			return deployment.Faultf(deployment.InvalidRequest, "deployment %s is over (%s)", r.ID, r.Outcome).Advise("deploy again")
		}
		r.Definition, r.Project = key, definition.Project
		r.Target = deployment.Target{Account: definition.Account, Region: definition.Region, StackName: definition.StackName}
		r.Policy = definition.Approval
		r.ExecutionARN = in.ExecutionARN
		return nil
	}); err != nil {
		return PrepareOut{}, fmt.Errorf("complete the record of %s: %w", in.DeploymentID, err)
	}
	return PrepareOut{
		QueueSeconds: seconds(definition.Timeouts.Queue), ApprovalSeconds: seconds(definition.Approval.ExpiresAfter),
		ExecutionSeconds: seconds(definition.Timeouts.Execution),
	}, nil
}

func (p Prepare) definition(request store.Request) (service.Definition, error) {
	definition, err := p.Registry.Definition(request.Service, request.Environment)
	if err != nil {
		return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "%w", err)
	}
	definition, err = definition.WithOverrides(request.Parameters)
	if err != nil {
		return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "%w", err)
	}
	if err := definition.Approval.Validate(); err != nil {
		return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "the policy of %s in %s: %w", request.Service, request.Environment, err)
	}
	return definition, nil
}

func (p Prepare) checkTemplate(ctx context.Context, request store.Request) error {
	if request.Intent == deployment.IntentRecover {
		return nil
	}
	template, err := p.Store.Document(ctx, request.Template)
	if errors.Is(err, store.ErrNotFound) {
		return deployment.Faultf(deployment.InvalidRequest, "the template of %s is not in the store", request.DeploymentID)
	}
	if err != nil {
		return fmt.Errorf("read the template of %s: %w", request.DeploymentID, err)
	}
	if len(template) > MaxTemplateBytes {
		return deployment.Faultf(deployment.InvalidRequest, "the template has %d bytes, CloudFormation takes at most %d", len(template), MaxTemplateBytes).
			Advise("split the stack")
	}
	return nil
}

// seconds rounds up, because TimeoutSeconds is whole and a limit of nothing would end every wait at once.
func seconds(d time.Duration) int {
	return max(int((d+time.Second-1)/time.Second), 1)
}
