package leftovers

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
)

const (
	pollEvery = time.Second
	pollFor   = time.Minute
)

// Remove finds what a service has left in an environment and removes what is not kept; it returns both. It looks for
// itself, whatever was listed before, and once more before it removes an empty stack. Doing it twice removes nothing twice.
func (f Finder) Remove(ctx context.Context, d service.Definition) ([]Leftover, error) {
	found, err := f.Find(ctx, d)
	if err != nil || len(found) == 0 {
		return found, err
	}
	client, err := f.Connect(ctx, deployment.Target{Account: d.Account, Region: d.Region, StackName: d.StackName})
	if err != nil {
		return found, err
	}
	for i := range found {
		left := &found[i]
		if left.Kept {
			continue
		}
		switch left.Kind {
		case ChangeSet:
			err = f.removeChangeSet(ctx, client, *left)
		case EmptyStack:
			err = f.removeShell(ctx, client, d, left)
		}
		if err != nil {
			return found, err
		}
		left.Removed = !left.Kept
	}
	return found, nil
}

func (f Finder) removeChangeSet(ctx context.Context, client Client, left Leftover) error {
	if _, err := client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: aws.String(left.ARN), StackName: aws.String(left.StackID)}); err != nil {
		return cfn.Fault(err, "delete change set %s of stack %s", left.Name, left.StackName)
	}
	return f.await(ctx, func() (bool, error) {
		pages := cloudformation.NewListChangeSetsPaginator(client, &cloudformation.ListChangeSetsInput{StackName: aws.String(left.StackID)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if cfn.IsStackNotFound(err) {
				return true, nil
			}
			if err != nil {
				return false, cfn.Fault(err, "list the change sets of stack %s", left.StackName)
			}
			for _, set := range page.Summaries {
				if aws.ToString(set.ChangeSetId) == left.ARN && set.Status != types.ChangeSetStatusDeleteComplete {
					return false, nil
				}
			}
		}
		return true, nil
	}, "change set "+left.Name)
}

// removeShell looks once more: what came into the stack meanwhile keeps it.
func (f Finder) removeShell(ctx context.Context, client Client, d service.Definition, left *Leftover) error {
	now, err := f.Find(ctx, d)
	if err != nil {
		return err
	}
	if len(now) != 1 || now[0].Kind != EmptyStack || now[0].Kept || now[0].StackID != left.StackID {
		left.Kept, left.Why = true, "something came into it while its change sets were removed"
		return nil
	}
	if _, err := client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String(left.StackID)}); err != nil {
		return cfn.Fault(err, "delete the empty stack %s", left.StackName)
	}
	return f.await(ctx, func() (bool, error) {
		stack, found, err := cfn.DescribeStack(ctx, client, left.StackID)
		return err == nil && (!found || stack.StackStatus == types.StackStatusDeleteComplete), err
	}, "the empty stack "+left.StackName)
}

func (f Finder) await(ctx context.Context, over func() (bool, error), what string) error {
	deadline := f.Clock.Now().Add(pollFor)
	for {
		done, err := over()
		if err != nil || done {
			return err
		}
		if !f.Clock.Now().Before(deadline) {
			return deployment.Faultf(deployment.StackMoving, "%s is still being deleted", what).Advise("clean again to see whether it is gone")
		}
		if err := f.Clock.Sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
}
