// Package leftovers finds the change sets and empty stacks that deployments have left at CloudFormation, and removes
// them. It touches nothing that is somebody else's and nothing whose deployment may still be in flight; a stack that holds
// resources is none of its business.
package leftovers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Client is CloudFormation as far as leftovers are found and removed.
type Client interface {
	cfn.StackDescriber
	ListChangeSets(ctx context.Context, in *cloudformation.ListChangeSetsInput, opts ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error)
	ListStackResources(ctx context.Context, in *cloudformation.ListStackResourcesInput, opts ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
	DeleteChangeSet(ctx context.Context, in *cloudformation.DeleteChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error)
	DeleteStack(ctx context.Context, in *cloudformation.DeleteStackInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
}

// Store tells which deployments there are.
type Store interface {
	store.Queues
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	Records(ctx context.Context, f store.Filter) ([]store.Record, error)
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Finder finds leftovers. Its parts are those of whatever mode it runs in.
type Finder struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, target deployment.Target) (Client, error)
}

// Kind is what a leftover is.
type Kind string

// The kinds.
const (
	ChangeSet  Kind = "change-set"
	EmptyStack Kind = "empty-stack"
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{ChangeSet, EmptyStack} }

// Leftover is one change set or empty stack of ours.
type Leftover struct {
	Kind        Kind   `json:"kind"`
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Region      string `json:"region"`
	StackName   string `json:"stackName"`
	// Name is the change set's, empty for a stack; ARN is that of the change set or stack, StackID the stack's.
	Name    string `json:"name,omitempty"`
	ARN     string `json:"arn"`
	StackID string `json:"stackId"`
	Status  string `json:"status"`
	// Why says why it is a leftover, or where Kept is set, why it is left alone.
	Why     string `json:"why"`
	Kept    bool   `json:"kept"`
	Removed bool   `json:"removed"`
}

// Find lists what one service has left in one environment. What is somebody else's is not listed.
func (f Finder) Find(ctx context.Context, d service.Definition) ([]Leftover, error) {
	target := deployment.Target{Account: d.Account, Region: d.Region, StackName: d.StackName}
	client, err := f.Connect(ctx, target)
	if err != nil {
		return nil, fmt.Errorf("look for leftovers of %s in %s: %w", d.Service, d.Environment, err)
	}
	stack, found, err := cfn.DescribeStack(ctx, client, d.StackName)
	if err != nil || !found {
		return nil, err
	}
	s := survey{Finder: f, client: client, definition: d, target: target, stack: stack}
	return s.run(ctx)
}

// survey looks at one stack.
type survey struct {
	Finder
	client     Client
	definition service.Definition
	target     deployment.Target
	stack      types.Stack
}

func (s survey) run(ctx context.Context) ([]Leftover, error) {
	var found []Leftover
	others, kept := 0, 0
	pages := cloudformation.NewListChangeSetsPaginator(s.client, &cloudformation.ListChangeSetsInput{StackName: s.stack.StackId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, cfn.Fault(err, "list the change sets of stack %s", s.target.StackName)
		}
		for _, set := range page.Summaries {
			if gone(set.Status) {
				continue
			}
			if !s.ours(set) {
				others++
				continue
			}
			left, err := s.changeSet(ctx, set)
			if err != nil {
				return nil, err
			}
			if left.Kept {
				kept++
			}
			found = append(found, left)
		}
	}
	if s.stack.StackStatus != types.StackStatusReviewInProgress {
		return found, nil
	}
	shell, err := s.shell(ctx, others, kept)
	return append(found, shell...), err
}

func gone(status types.ChangeSetStatus) bool {
	switch status {
	case types.ChangeSetStatusDeleteComplete, types.ChangeSetStatusDeleteInProgress, types.ChangeSetStatusDeletePending:
		return true
	case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress, types.ChangeSetStatusCreateComplete,
		types.ChangeSetStatusDeleteFailed, types.ChangeSetStatusFailed:
		return false
	}
	return false
}

// ours: the name and the description must both be what a deployment of this service gives its change set. Nested change
// sets go with their root.
func (s survey) ours(set types.ChangeSetSummary) bool {
	id := deployment.ID(aws.ToString(set.ChangeSetName))
	return id.Of(s.definition.Service, s.definition.Environment) && id.Describes(aws.ToString(set.Description)) && set.ParentChangeSetId == nil
}

func (s survey) leftover(kind Kind) Leftover {
	return Leftover{
		Kind: kind, Service: s.definition.Service, Environment: s.definition.Environment, Account: s.target.Account, Region: s.target.Region,
		StackName: s.target.StackName, StackID: aws.ToString(s.stack.StackId),
	}
}

// changeSet says of one of ours whether it is left over.
func (s survey) changeSet(ctx context.Context, set types.ChangeSetSummary) (Leftover, error) {
	left := s.leftover(ChangeSet)
	left.Name, left.ARN, left.Status = aws.ToString(set.ChangeSetName), aws.ToString(set.ChangeSetId), string(set.Status)
	if cfn.Executed(set.ExecutionStatus) {
		left.Kept, left.Why = true, "it was executed ("+string(set.ExecutionStatus)+")"
		return left, nil
	}
	id := deployment.ID(left.Name)
	record, err := s.Store.Record(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		left.Kept, left.Why = s.unknown(id)
		return left, nil
	case err != nil:
		return Leftover{}, fmt.Errorf("read the deployment of change set %s: %w", id, err)
	case record.Stage != deployment.StageFinished:
		left.Kept, left.Why = true, "its deployment is in flight ("+string(record.Stage)+")"
	case record.Target != s.target:
		left.Kept, left.Why = true, "its deployment was one of stack "+record.StackName
	default:
		left.Why = "its deployment is over (" + string(record.Outcome) + ")"
	}
	return left, nil
}

// unknown judges a change set whose deployment is not in this store. Another store may know it: that of a colleague's
// machine, or of the installation. No deployment is in flight for longer than its state machine may run.
func (s survey) unknown(id deployment.ID) (kept bool, why string) {
	over := id.RequestedAt().Add(service.MaxTotal)
	if s.Clock.Now().Before(over) {
		return true, "its deployment is not in this store and may be in flight from elsewhere, until " + over.Format("2006-01-02 15:04 UTC")
	}
	return false, "its deployment is not known, and too old to be in flight"
}

// shell says of a stack in REVIEW_IN_PROGRESS whether it is left over: only change sets of ours that go are in it, it
// holds nothing, nobody queues for it, and one of our deployments made it.
func (s survey) shell(ctx context.Context, others, kept int) ([]Leftover, error) {
	left := s.leftover(EmptyStack)
	left.ARN, left.Status = left.StackID, string(s.stack.StackStatus)
	why, err := s.whyKept(ctx, others, kept)
	if err != nil {
		return nil, err
	}
	left.Kept, left.Why = why != "", why
	if !left.Kept {
		left.Why = "one of our deployments made it, and nothing is in it"
	}
	return []Leftover{left}, nil
}

func (s survey) whyKept(ctx context.Context, others, kept int) (string, error) {
	switch {
	case others > 0:
		return "somebody else's change set is in it", nil
	case kept > 0:
		return "a change set in it is kept", nil
	}
	held, err := holdsResources(ctx, s.client, aws.ToString(s.stack.StackId))
	if err != nil || held {
		return "it holds resources", err
	}
	queue, err := s.Store.Queue(ctx, s.target.Key())
	if err != nil {
		return "", fmt.Errorf("read the queue for %s: %w", s.target.StackName, err)
	}
	if len(queue) > 0 {
		return "deployment " + queue[0].DeploymentID.String() + " holds it", nil
	}
	made, err := s.madeByUs(ctx)
	if err != nil || made {
		return "", err
	}
	return fmt.Sprintf("it is not known to be made by us; remove it with: stackgate recover %s -e %s", s.definition.Service, s.definition.Environment), nil
}

func holdsResources(ctx context.Context, client Client, stackID string) (bool, error) {
	listed, err := client.ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: aws.String(stackID)})
	if err != nil {
		return false, cfn.Fault(err, "list the resources of stack %s", stackID)
	}
	return len(listed.StackResourceSummaries) > 0, nil
}

// recent bounds how many deployments are looked through for the one that made a shell.
const recent = 1000

func (s survey) madeByUs(ctx context.Context) (bool, error) {
	records, err := s.Store.Records(ctx, store.Filter{Service: s.definition.Service, Environment: s.definition.Environment, Limit: recent})
	if err != nil {
		return false, fmt.Errorf("look for the deployment that made stack %s: %w", s.target.StackName, err)
	}
	for _, r := range records {
		if r.ChangeSet.MadeShell && r.StackID == aws.ToString(s.stack.StackId) {
			return true, nil
		}
	}
	return false, nil
}
