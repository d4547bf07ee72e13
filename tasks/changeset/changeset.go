// Package changeset is the life of a change set: created, described, reviewed, verified, executed or discarded. It
// decides nothing about who may approve, and does not look at what the stack does afterwards.
package changeset

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Store is the store as the tasks of this package need it.
type Store interface {
	store.Queues
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	Document(ctx context.Context, key string) ([]byte, error)
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// In is the input of most tasks of this package: the id alone, because facts come from the store.
type In struct {
	DeploymentID deployment.ID `json:"deploymentId"`
}

const (
	pollEvery = time.Second
	// pollFor stays below the tasks' own timeouts; beyond it the state machine's Retry goes on.
	pollFor = 50 * time.Second
)

// held reads the record and the definition of a deployment that may act on its stack.
func held(ctx context.Context, s Store, id deployment.ID) (store.Record, service.Definition, error) {
	record, err := s.Record(ctx, id)
	if err != nil {
		return store.Record{}, service.Definition{}, err
	}
	if err := store.CheckHolder(ctx, s, record); err != nil {
		return store.Record{}, service.Definition{}, err
	}
	definition, err := service.KeptDefinition(ctx, s, record.Definition)
	return record, definition, err
}

// ReviewReader reads what a review is made of.
type ReviewReader interface {
	cfn.ChangeSetDescriber
	cfn.StackDescriber
}

// review reads the change set completely and makes its review. WriteReview and VerifyReview call it with the same
// record, so that equal change sets have equal digests.
func review(ctx context.Context, client ReviewReader, s Store, record store.Record, definition service.Definition) (plan.Review, error) {
	description, err := cfn.DescribeComplete(ctx, client, record.ChangeSet.ARN)
	if err != nil {
		return plan.Review{}, cfn.Fault(err, "describe change set %s for stack %s", record.ID, record.StackName)
	}
	var before *types.Stack
	if record.ChangeSet.Type == deployment.ChangeSetUpdate {
		stack, found, err := cfn.DescribeStack(ctx, client, record.StackID)
		if err != nil {
			return plan.Review{}, err
		}
		if found {
			before = &stack
		}
	}
	template, err := s.Document(ctx, record.Template)
	if err != nil {
		return plan.Review{}, fmt.Errorf("read the template of %s: %w", record.ID, err)
	}
	made, err := cfn.Review(description, cfn.ReviewInput{
		Deployment: &plan.Deployment{
			ID: record.ID.String(), CorrelationID: record.CorrelationID, Service: record.Service, Environment: record.Environment,
			RequestedBy: record.RequestedBy, RequesterVerified: record.Verified, Commit: record.Commit, Reason: record.Reason,
			CreatedAt: record.Times.Requested, ExpiresAt: record.Review.ExpiresAt,
		},
		Account: record.Account, Region: record.Region, ChangeSetType: string(record.ChangeSet.Type),
		AfterTemplate: template, Before: before, ExecutionRole: definition.ExecutionRole, Stateful: definition.Stateful,
	})
	if err != nil {
		return plan.Review{}, fmt.Errorf("review change set %s: %w", record.ID, err)
	}
	return made, nil
}
