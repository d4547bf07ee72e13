package stack

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Remover deletes stacks, and proves first that they hold nothing.
type Remover interface {
	cfn.StackDescriber
	ListStackResources(ctx context.Context, in *cloudformation.ListStackResourcesInput, opts ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
	DeleteStack(ctx context.Context, in *cloudformation.DeleteStackInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
}

// RemoveEmpty deletes a stack whose first creation was rolled back. Repeating it waits for the same deletion.
type RemoveEmpty struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (Remover, error)
}

// RemoveEmptyIn is the input of RemoveEmptyStack.
type RemoveEmptyIn struct {
	DeploymentID deployment.ID `json:"deploymentId"`
}

// RemoveEmptyOut is the output of RemoveEmptyStack.
type RemoveEmptyOut struct {
	// Removed is false where the stack was gone already.
	Removed bool `json:"removed"`
}

// Run removes the stack when ListStackResources proves that it holds nothing. A stack that holds resources is never
// removed by a deployment.
func (t RemoveEmpty) Run(ctx context.Context, in RemoveEmptyIn) (RemoveEmptyOut, error) {
	record, err := t.Store.Record(ctx, in.DeploymentID)
	if err != nil {
		return RemoveEmptyOut{}, err
	}
	if err := store.CheckHolder(ctx, t.Store, record); err != nil {
		return RemoveEmptyOut{}, err
	}
	definition, err := service.KeptDefinition(ctx, t.Store, record.Definition)
	if err != nil {
		return RemoveEmptyOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return RemoveEmptyOut{}, err
	}
	found, exists, err := cfn.DescribeStack(ctx, client, record.StackName)
	if err != nil || !exists {
		return RemoveEmptyOut{}, err
	}
	arn := aws.ToString(found.StackId)
	if found.StackStatus != types.StackStatusDeleteInProgress {
		if definition.OnFailedCreate != service.RemoveEmpty {
			return RemoveEmptyOut{}, deployment.Faultf(deployment.StackNeedsHuman, "stack %s is %s, and its definition says onFailedCreate: stop", record.StackName, found.StackStatus).
				Advise("%s", cfn.WayOut(found.StackStatus, whose(record)))
		}
		if err := checkEmpty(ctx, client, arn, record, found.StackStatus); err != nil {
			return RemoveEmptyOut{}, err
		}
		if _, err := client.DeleteStack(ctx, &cloudformation.DeleteStackInput{
			StackName: aws.String(arn), ClientRequestToken: aws.String(record.ID.String() + "-remove"),
		}); err != nil {
			return RemoveEmptyOut{}, cfn.Fault(err, "delete the empty stack %s", record.StackName)
		}
	}
	if err := awaitGone(ctx, t.Clock, client, arn, record); err != nil {
		return RemoveEmptyOut{}, err
	}
	return RemoveEmptyOut{Removed: true}, nil
}

func checkEmpty(ctx context.Context, client Remover, arn string, record store.Record, status types.StackStatus) error {
	name := record.StackName
	if status != types.StackStatusRollbackComplete {
		return deployment.Faultf(deployment.StackNeedsHuman, "stack %s is %s, not ROLLBACK_COMPLETE, so it is not removed", name, status).
			Advise("%s", cfn.WayOut(status, whose(record)))
	}
	held, err := heldResources(ctx, client, arn)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		return deployment.Faultf(deployment.StackNeedsHuman, "stack %s is %s and still holds %s", name, status, strings.Join(held, ", ")).
			Advise("a deployment never deletes a stack that holds resources; decide upon them with: stackgate recover %s -e %s", record.Service, record.Environment)
	}
	return nil
}

// heldResources lists what of a stack's resources may still exist. A skipped deletion counts: the resource is there.
func heldResources(ctx context.Context, client Remover, arn string) ([]string, error) {
	var held []string
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: aws.String(arn)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, cfn.Fault(err, "list the resources of stack %s", arn)
		}
		for _, resource := range page.StackResourceSummaries {
			neverMade := resource.ResourceStatus == types.ResourceStatusCreateFailed && aws.ToString(resource.PhysicalResourceId) == ""
			if resource.ResourceStatus != types.ResourceStatusDeleteComplete && !neverMade {
				held = append(held, fmt.Sprintf("%s (%s)", aws.ToString(resource.LogicalResourceId), resource.ResourceStatus))
			}
		}
	}
	return held, nil
}

const (
	pollEvery = time.Second
	// pollFor stays below the task's own timeout; beyond it the state machine's Retry goes on.
	pollFor = 50 * time.Second
)

// awaitGone waits for a deletion. By ARN, because a deleted stack is described by its ARN for 90 days, and by its name
// not at all.
func awaitGone(ctx context.Context, clock Clock, client cfn.StackDescriber, arn string, record store.Record) error {
	deadline := clock.Now().Add(pollFor)
	for {
		found, exists, err := cfn.DescribeStack(ctx, client, arn)
		if err != nil {
			return err
		}
		if !exists || found.StackStatus == types.StackStatusDeleteComplete {
			return nil
		}
		if found.StackStatus == types.StackStatusDeleteFailed {
			return deployment.Faultf(deployment.StackNeedsHuman, "stack %s could not be deleted: %s", arn, aws.ToString(found.StackStatusReason)).
				Advise("%s", cfn.WayOut(found.StackStatus, whose(record)))
		}
		if clock.Now().After(deadline) {
			return deployment.Faultf(deployment.StackMoving, "stack %s is still being deleted", arn)
		}
		if err := clock.Sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
}
