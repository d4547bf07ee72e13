package changeset

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Describe waits until CloudFormation has made the change set. It only reads, so repeating it is safe.
type Describe struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (cfn.ChangeSetDescriber, error)
}

// DescribeOut is the output of DescribeChangeSet.
type DescribeOut struct {
	State deployment.ChangeSetState `json:"state"`
}

// Run polls every second for up to 50 seconds and then raises ChangeSetPending, so that a change set that takes long
// costs a few retries and no loop. There is no event to wait for: CloudFormation emits none for change sets.
func (t Describe) Run(ctx context.Context, in In) (DescribeOut, error) {
	record, definition, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return DescribeOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return DescribeOut{}, err
	}
	deadline := t.Clock.Now().Add(pollFor)
	for {
		set, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(record.ChangeSet.ARN)})
		if err != nil {
			return DescribeOut{}, cfn.Fault(err, "describe change set %s for stack %s", record.ID, record.StackName)
		}
		state := cfn.ChangeSetStateOf(set.Status, set.ExecutionStatus, aws.ToString(set.StatusReason))
		if state != deployment.ChangeSetMaking {
			return t.conclude(ctx, record, state, set)
		}
		if !t.Clock.Now().Before(deadline) {
			return DescribeOut{}, t.pending(record, definition, string(set.Status))
		}
		if err := t.Clock.Sleep(ctx, pollEvery); err != nil {
			return DescribeOut{}, err
		}
		// A wish to end is heeded while we wait, not only after it.
		if record, err = t.Store.Record(ctx, record.ID); err != nil {
			return DescribeOut{}, err
		}
		if err := record.Heed(); err != nil {
			return DescribeOut{}, err
		}
	}
}

func (t Describe) conclude(ctx context.Context, record store.Record, state deployment.ChangeSetState, set *cloudformation.DescribeChangeSetOutput) (DescribeOut, error) {
	if state == deployment.ChangeSetBroken {
		return DescribeOut{}, deployment.Faultf(deployment.ChangeSetFailed, "CloudFormation could not make change set %s: %s (%s, %s)",
			record.ID, aws.ToString(set.StatusReason), set.Status, set.ExecutionStatus).Advise("mend the template or the definition and deploy again")
	}
	if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.ChangeSet.Empty = state == deployment.ChangeSetEmpty
		return nil
	}); err != nil {
		return DescribeOut{}, fmt.Errorf("record the state of change set %s: %w", record.ID, err)
	}
	return DescribeOut{State: state}, nil
}

func (t Describe) pending(record store.Record, definition service.Definition, status string) error {
	if limit := definition.Timeouts.ChangeSet; t.Clock.Now().After(record.Times.Locked.Add(limit)) {
		return deployment.Faultf(deployment.ChangeSetFailed, "change set %s is still in %s after %s", record.ID, status, limit).
			Advise("raise timeouts.changeSet, or look at the change set in the CloudFormation console")
	}
	return deployment.Faultf(deployment.ChangeSetPending, "change set %s is still in %s", record.ID, status)
}
