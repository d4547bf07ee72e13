package changeset

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/approval"
	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// DecisionStore is the store as the tasks that count decisions need it.
type DecisionStore interface {
	Store
	Decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error)
}

// Verify makes sure that what will be executed is what was approved. It only reads CloudFormation, so repeating it is
// safe.
type Verify struct {
	Store    DecisionStore
	Policies store.Policies
	Clock    Clock
	Connect  func(ctx context.Context, r store.Record) (ReviewReader, error)
}

// VerifyOut is the output of VerifyReview.
type VerifyOut struct {
	Digest string `json:"digest"`
}

// Run closes the deployment for decisions, counts those that the store holds, and compares the digest of the change set
// as it is now with the approved one. What the token brought is not looked at: a token only wakes.
func (t Verify) Run(ctx context.Context, in In) (VerifyOut, error) {
	record, definition, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return VerifyOut{}, err
	}
	if record, err = store.BeginVerifying(ctx, t.Store, t.Policies, record.ID); err != nil {
		return VerifyOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return VerifyOut{}, err
	}
	if err := checkAvailable(ctx, client, record); err != nil {
		return VerifyOut{}, err
	}
	made, err := review(ctx, client, t.Store, record, definition)
	if err != nil {
		return VerifyOut{}, err
	}
	if made.Digest != record.Review.Digest {
		return VerifyOut{}, stale("change set %s is not what was reviewed: its digest is %s, approved was %s", record.ID, made.Digest, record.Review.Digest)
	}
	if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Times.Verified = t.Clock.Now()
		return nil
	}); err != nil {
		return VerifyOut{}, fmt.Errorf("record the verification of %s: %w", record.ID, err)
	}
	return VerifyOut{Digest: made.Digest}, nil
}

// checkAvailable requires that the change set can still be executed. OBSOLETE means that the stack was changed
// meanwhile; to make a new set and execute that would execute what nobody read.
func checkAvailable(ctx context.Context, client cfn.ChangeSetDescriber, r store.Record) error {
	set, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(r.ChangeSet.ARN)})
	if err != nil {
		return cfn.Fault(err, "describe change set %s for stack %s", r.ID, r.StackName)
	}
	if set.ExecutionStatus != types.ExecutionStatusAvailable {
		return stale("change set %s can no longer be executed (%s): the stack was changed after the review", r.ID, set.ExecutionStatus)
	}
	return nil
}

func stale(format string, args ...any) error {
	return deployment.Faultf(deployment.ReviewStale, format, args...).Advise("deploy again to review what holds now")
}
