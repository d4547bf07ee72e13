package cfn

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
)

// RecoveryReader reads what a recovery is proposed from. It changes nothing.
type RecoveryReader interface {
	StackDescriber
	ListStackResources(ctx context.Context, in *cloudformation.ListStackResourcesInput, opts ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
	DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error)
	ListChangeSets(ctx context.Context, in *cloudformation.ListChangeSetsInput, opts ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error)
}

// Diagnosis is what is the matter with a stack, and what would lead out of it.
type Diagnosis struct {
	Stack  types.Stack
	Action deployment.RecoveryAction
	// Asked is what was asked for beyond what the status says.
	Asked deployment.Recovery
	// Skip is Asked.Skip as ContinueUpdateRollback takes it, sorted.
	Skip []string
	// Held are the resources that the stack and its nested stacks still hold.
	Held []HeldResource
	// StableSince is when the stack was last complete; zero where it never was, or nobody remembers.
	StableSince time.Time
	// LastEvent is the id of the stack's newest event: equal ones mean that nothing was done to it meanwhile.
	LastEvent string
	// ChangeSets are those that a review shell holds, all of them ours.
	ChangeSets []string
}

// HeldResource is a resource that may still exist. A skipped deletion counts: the resource is there.
type HeldResource struct {
	// Path is the logical id with those of the nested stacks before it, joined with "/".
	Path, LogicalID, PhysicalID, Type string
	Status                            types.ResourceStatus
	Reason                            string
	Changed                           time.Time
	// StackName is that of the nested stack which holds it, empty for the root's.
	StackName string
}

// cancelled is the reason of a resource whose update was called off because another failed. Such a resource is
// UPDATE_FAILED too, and cannot be skipped (API reference of ContinueUpdateRollback, ResourcesToSkip).
const cancelled = "Resource update cancelled"

// Skippable says whether a continued rollback may leave the resource as it is. A nested stack is not skipped as such, but
// by what failed in it.
func (r HeldResource) Skippable() bool {
	return r.Status == types.ResourceStatusUpdateFailed && r.Type != nestedStackType && strings.TrimSuffix(r.Reason, ".") != cancelled
}

// Diagnose reads a stack, by name or by ARN, and says what would recover it. What needs no recovery, takes none, or is
// asked for what does not fit, is a fault: NothingToRecover, StackBusy, StackNeedsHuman, InvalidRequest.
func Diagnose(ctx context.Context, client RecoveryReader, nameOrARN string, of Whose, asked deployment.Recovery) (Diagnosis, error) {
	stack, found, err := DescribeStack(ctx, client, nameOrARN)
	if err != nil {
		return Diagnosis{}, err
	}
	if !found || stack.StackStatus == types.StackStatusDeleteComplete {
		return Diagnosis{}, deployment.Faultf(deployment.NothingToRecover, "there is no stack %s, so there is nothing to recover", of.StackName).
			Advise("make it with: %s", WayOf(types.StackStatusDeleteComplete).Command(of))
	}
	way := WayOf(stack.StackStatus)
	d := Diagnosis{Stack: stack, Action: way.Recovery, Asked: asked}
	if err := refuse(way, stack, of); err != nil {
		return Diagnosis{}, err
	}
	if err := d.read(ctx, client, of); err != nil {
		return Diagnosis{}, err
	}
	if d.Action == deployment.RecoverRemoveEmpty && len(d.Held) > 0 {
		d.Action = deployment.RecoverDelete
	}
	return d, d.check(of)
}

// refuse says why no recovery begins from a status.
func refuse(way Way, stack types.Stack, of Whose) error {
	if way.Recovery != deployment.RecoverNothing {
		return nil
	}
	switch way.Next {
	case NextGoOn:
		return deployment.Faultf(deployment.NothingToRecover, "stack %s is %s: %s, so there is nothing to recover", of.StackName, stack.StackStatus, way.Means).
			Advise("deploy with: %s", way.Command(of))
	case NextWait:
		return deployment.Faultf(deployment.StackBusy, "stack %s is %s: %s", of.StackName, stack.StackStatus, way.Means).
			Advise("wait for its end: %s", way.Command(of))
	case NextClean, NextHuman:
	}
	return deployment.Faultf(deployment.StackNeedsHuman, "stack %s is %s: %s", of.StackName, stack.StackStatus, way.Means).
		Advise("look at what happened: %s", way.Command(of))
}

func (d *Diagnosis) read(ctx context.Context, client RecoveryReader, of Whose) error {
	id := aws.ToString(d.Stack.StackId)
	var err error
	if d.Held, err = heldBy(ctx, client, id, "", "", 0); err != nil {
		return err
	}
	if d.LastEvent, d.StableSince, err = history(ctx, client, id, d.Action == deployment.RecoverRollBack); err != nil {
		return err
	}
	if d.Stack.StackStatus == types.StackStatusReviewInProgress {
		d.ChangeSets, err = ourChangeSets(ctx, client, id, of)
	}
	return err
}

// heldBy lists what a stack and its nested stacks hold. A nested stack that is gone holds nothing.
func heldBy(ctx context.Context, client RecoveryReader, stackID, prefix, stackName string, depth int) ([]HeldResource, error) {
	var held []HeldResource
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: aws.String(stackID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if depth > 0 && IsStackNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, Fault(err, "list the resources of stack %s", stackID)
		}
		for _, row := range page.StackResourceSummaries {
			r := HeldResource{
				Path: prefix + aws.ToString(row.LogicalResourceId), LogicalID: aws.ToString(row.LogicalResourceId),
				PhysicalID: aws.ToString(row.PhysicalResourceId), Type: aws.ToString(row.ResourceType), Status: row.ResourceStatus,
				Reason: aws.ToString(row.ResourceStatusReason), Changed: aws.ToTime(row.LastUpdatedTimestamp).UTC(), StackName: stackName,
			}
			neverMade := r.Status == types.ResourceStatusCreateFailed && r.PhysicalID == ""
			if r.Status == types.ResourceStatusDeleteComplete || neverMade {
				continue
			}
			held = append(held, r)
			name, nested := nestedStack(r)
			if !nested {
				continue
			}
			if depth == maxNesting {
				return nil, deployment.Faultf(deployment.StackNeedsHuman, "the stack nests deeper than %d levels at %s, so that its resources cannot all be named", maxNesting, r.Path)
			}
			below, err := heldBy(ctx, client, r.PhysicalID, r.Path+"/", name, depth+1)
			if err != nil {
				return nil, err
			}
			held = append(held, below...)
		}
	}
	return held, nil
}

// nestedStack returns the name of the stack behind a resource, where it is one.
func nestedStack(r HeldResource) (string, bool) {
	if r.Type != nestedStackType || r.Status == types.ResourceStatusDeleteSkipped {
		return "", false
	}
	id, err := arn.Parse(r.PhysicalID)
	if err != nil {
		return "", false
	}
	name := strings.TrimPrefix(id.Resource, "stack/")
	name, _, _ = strings.Cut(name, "/")
	return name, true
}

// maxHistory bounds how many pages of events are read for the moment at which the stack was last complete.
const maxHistory = 200

// history returns the newest event of a stack and, where that is wanted, when it was last complete. CloudFormation keeps
// events for 90 days; a moment that is not among them is not known.
func history(ctx context.Context, client RecoveryReader, stackID string, wanted bool) (newest string, stable time.Time, err error) {
	pages := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: aws.String(stackID)})
	for n := 0; pages.HasMorePages() && n < maxHistory; n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", time.Time{}, Fault(err, "read the events of stack %s", stackID)
		}
		for _, event := range page.StackEvents {
			if newest == "" {
				newest = aws.ToString(event.EventId)
			}
			if !wanted {
				return newest, time.Time{}, nil
			}
			if isStackRow(event, stackID) && PhaseOf(types.StackStatus(event.ResourceStatus)) == deployment.PhaseReady {
				return newest, aws.ToTime(event.Timestamp).UTC(), nil
			}
		}
	}
	return newest, time.Time{}, nil
}

func isStackRow(event types.StackEvent, stackID string) bool {
	return aws.ToString(event.PhysicalResourceId) == stackID && aws.ToString(event.ResourceType) == nestedStackType
}

// ourChangeSets lists the change sets in a review shell. Somebody else's would be deleted with the shell, so that they
// are a reason to leave it alone.
func ourChangeSets(ctx context.Context, client RecoveryReader, stackID string, of Whose) ([]string, error) {
	var ours []string
	pages := cloudformation.NewListChangeSetsPaginator(client, &cloudformation.ListChangeSetsInput{StackName: aws.String(stackID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, Fault(err, "list the change sets of stack %s", of.StackName)
		}
		for _, set := range page.Summaries {
			name := aws.ToString(set.ChangeSetName)
			if set.Status == types.ChangeSetStatusDeleteComplete {
				continue
			}
			if !deployment.ID(name).Describes(aws.ToString(set.Description)) {
				return nil, deployment.Faultf(deployment.StackNeedsHuman, "stack %s holds the change set %s, which is not ours and would be deleted with it", of.StackName, name).
					Advise("ask whose it is; a deployment goes on beside it: %s", WayOf(types.StackStatusReviewInProgress).Command(of))
			}
			ours = append(ours, name)
		}
	}
	return ours, nil
}
