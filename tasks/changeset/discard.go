package changeset

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Discarder deletes change sets and the empty stacks that making them created.
type Discarder interface {
	cfn.StackDescriber
	DeleteChangeSet(ctx context.Context, in *cloudformation.DeleteChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error)
	ListChangeSets(ctx context.Context, in *cloudformation.ListChangeSetsInput, opts ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error)
	DeleteStack(ctx context.Context, in *cloudformation.DeleteStackInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
}

// Discard leaves nothing behind: neither the change set, which counts towards a quota even when it failed, nor a
// REVIEW_IN_PROGRESS stack that exists only because of it. Repeating it finds nothing left to do.
type Discard struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (Discarder, error)
}

// DiscardOut is the output of DiscardChangeSet.
type DiscardOut struct {
	Discarded    bool `json:"discarded"`
	ShellRemoved bool `json:"shellRemoved"`
}

// Run deletes the change set, and then the shell when nothing else is in it.
func (t Discard) Run(ctx context.Context, in In) (DiscardOut, error) {
	record, err := t.Store.Record(ctx, in.DeploymentID)
	if err != nil {
		return DiscardOut{}, err
	}
	// The lock must be ours, but a wish to end is no reason not to clean up.
	if err := store.CheckHolder(ctx, t.Store, record); err != nil && deployment.FaultOf(err) == deployment.InternalError {
		return DiscardOut{}, err
	}
	if !record.Times.Executed.IsZero() && record.Settlement != deployment.SettlementNotStarted {
		return DiscardOut{}, nil
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return DiscardOut{}, err
	}
	stack, exists, err := t.stack(ctx, client, record)
	if err != nil || !exists {
		return DiscardOut{}, err
	}
	if err := t.deleteSet(ctx, client, record, aws.ToString(stack.StackId)); err != nil {
		return DiscardOut{}, err
	}
	out := DiscardOut{Discarded: true}
	if record.ChangeSet.MadeShell && stack.StackStatus == types.StackStatusReviewInProgress {
		if out.ShellRemoved, err = t.removeShell(ctx, client, record, aws.ToString(stack.StackId)); err != nil {
			return DiscardOut{}, err
		}
	}
	if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.ChangeSet.Discarded = true
		return nil
	}); err != nil {
		return DiscardOut{}, fmt.Errorf("record that change set %s is gone: %w", record.ID, err)
	}
	return out, nil
}

// stack finds the change set's stack: by ARN where it is known, by name where CreateChangeSet's answer was lost.
func (t Discard) stack(ctx context.Context, client Discarder, r store.Record) (types.Stack, bool, error) {
	if r.StackID != "" {
		return cfn.DescribeStack(ctx, client, r.StackID)
	}
	if r.StackName == "" || r.ChangeSet.Type == "" {
		return types.Stack{}, false, nil
	}
	return cfn.DescribeStack(ctx, client, r.StackName)
}

func (t Discard) deleteSet(ctx context.Context, client Discarder, r store.Record, stackID string) error {
	name := r.ChangeSet.ARN
	if name == "" {
		name = r.ID.String()
	}
	_, err := client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: aws.String(name), StackName: aws.String(stackID)})
	switch {
	case err == nil, cfn.IsChangeSetNotFound(err), cfn.IsStackNotFound(err):
		return nil
	case cfn.IsInvalidChangeSetStatus(err):
		// It is being made, or being deleted already.
		return deployment.Faultf(deployment.StackMoving, "change set %s cannot be deleted yet: %w", r.ID, err)
	}
	return cfn.Fault(err, "delete change set %s of stack %s", r.ID, r.StackName)
}

// removeShell deletes the REVIEW_IN_PROGRESS stack unless somebody else's change set is in it. Such a stack holds no
// resources by definition, but the list of its change sets is not ours alone.
func (t Discard) removeShell(ctx context.Context, client Discarder, r store.Record, stackID string) (bool, error) {
	deadline := t.Clock.Now().Add(pollFor)
	for {
		ours, others, err := t.setsLeft(ctx, client, r, stackID)
		if err != nil || others > 0 {
			return false, err
		}
		if ours == 0 {
			break
		}
		if !t.Clock.Now().Before(deadline) {
			return false, deployment.Faultf(deployment.StackMoving, "change set %s is still being deleted", r.ID)
		}
		if err := t.Clock.Sleep(ctx, pollEvery); err != nil {
			return false, err
		}
	}
	if _, err := client.DeleteStack(ctx, &cloudformation.DeleteStackInput{
		StackName: aws.String(stackID), ClientRequestToken: aws.String(r.ID.String() + "-shell"),
	}); err != nil && !cfn.IsStackNotFound(err) {
		return false, cfn.Fault(err, "delete the empty stack %s", r.StackName)
	}
	for {
		stack, exists, err := cfn.DescribeStack(ctx, client, stackID)
		if err != nil {
			return false, err
		}
		if !exists || stack.StackStatus == types.StackStatusDeleteComplete {
			return true, nil
		}
		if !t.Clock.Now().Before(deadline) {
			return false, deployment.Faultf(deployment.StackMoving, "the empty stack %s is still being deleted", r.StackName)
		}
		if err := t.Clock.Sleep(ctx, pollEvery); err != nil {
			return false, err
		}
	}
}

func (t Discard) setsLeft(ctx context.Context, client Discarder, r store.Record, stackID string) (ours, others int, err error) {
	pages := cloudformation.NewListChangeSetsPaginator(client, &cloudformation.ListChangeSetsInput{StackName: aws.String(stackID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if cfn.IsStackNotFound(err) {
			return 0, 0, nil
		}
		if err != nil {
			return 0, 0, cfn.Fault(err, "list the change sets of stack %s", r.StackName)
		}
		for _, set := range page.Summaries {
			if set.Status == types.ChangeSetStatusDeleteComplete {
				continue
			}
			if aws.ToString(set.ChangeSetName) == r.ID.String() {
				ours++
				continue
			}
			others++
		}
	}
	return ours, others, nil
}
