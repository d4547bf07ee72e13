package events

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/tail"
)

// ChangeSetReader reads change sets, and what CloudFormation's checks and the account's hooks said of them.
type ChangeSetReader interface {
	HookReader
	EventReader
	ListHookResults(ctx context.Context, in *cloudformation.ListHookResultsInput, opts ...func(*cloudformation.Options)) (*cloudformation.ListHookResultsOutput, error)
	DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error)
}

// Explain finds out why CloudFormation could not make a change set. It only reads CloudFormation, so repeating it is
// safe; it must come before the change set is deleted, because its reason goes with it.
type Explain struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (ChangeSetReader, error)
}

// Run reads the change set's reason, and those of the nested change sets that failed, and stores the explanation.
func (t Explain) Run(ctx context.Context, in In) (CollectOut, error) {
	record, err := t.Store.Record(ctx, in.DeploymentID)
	if err != nil {
		return CollectOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return CollectOut{}, err
	}
	reading := setReading{client: client, clock: t.Clock, waits: maxSetWaits}
	failed, unread, err := reading.failedSet(ctx, record.ChangeSet.ARN, 0)
	if err != nil {
		return CollectOut{}, cfn.Fault(err, "describe change set %s for stack %s", record.ID, record.StackName)
	}
	failed.Name, failed.StackName, failed.StackID = record.ID.String(), record.StackName, record.StackID
	failed.Outcome, failed.Service, failed.Environment = deployment.OutcomeFailedBeforeChange, record.Service, record.Environment
	failed.Unread = unread
	return keep(ctx, t.Store, record, tail.ExplainChangeSet(failed))
}

const (
	// maxDepth is far beyond what CloudFormation nests.
	maxDepth = 10
	// A root change set fails with the first nested one that does, while others are still being made.
	maxSetWaits = 15
	setWait     = 2 * time.Second
)

// setReading reads a failed change set and those nested in it.
type setReading struct {
	client ChangeSetReader
	clock  Clock
	// waits is how often it may still be waited for nested change sets that are being made.
	waits int
}

func making(status string) bool {
	return status == string(types.ChangeSetStatusCreatePending) || status == string(types.ChangeSetStatusCreateInProgress)
}

func (s *setReading) failedSet(ctx context.Context, arn string, depth int) (tail.ChangeSetInput, []string, error) {
	for {
		in, unread, err := s.once(ctx, arn, depth)
		if err != nil || depth == 0 || !making(in.Status) || s.waits == 0 {
			return in, unread, err
		}
		s.waits--
		if err := s.clock.Sleep(ctx, setWait); err != nil {
			return tail.ChangeSetInput{}, nil, err
		}
	}
}

func (s *setReading) once(ctx context.Context, arn string, depth int) (tail.ChangeSetInput, []string, error) {
	var (
		set    *cloudformation.DescribeChangeSetOutput
		nested []types.ResourceChange
	)
	for token := (*string)(nil); ; {
		page, err := s.client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(arn), NextToken: token})
		if err != nil {
			return tail.ChangeSetInput{}, nil, err
		}
		set = page
		for _, change := range page.Changes {
			if change.ResourceChange != nil && aws.ToString(change.ResourceChange.ChangeSetId) != "" {
				nested = append(nested, *change.ResourceChange)
			}
		}
		if !more(page.NextToken, token) {
			break
		}
		token = page.NextToken
	}
	in := tail.ChangeSetInput{
		ID: arn, StackID: aws.ToString(set.StackId), StackName: aws.ToString(set.StackName), Status: string(set.Status), StatusReason: aws.ToString(set.StatusReason),
	}
	unread := readFindings(ctx, s.client, &in)
	for _, change := range nested {
		id := aws.ToString(change.ChangeSetId)
		if depth >= maxDepth {
			unread = append(unread, "The nested change set "+id+" lies too deep to be read.")
			continue
		}
		child, missing, err := s.failedSet(ctx, id, depth+1)
		if err != nil {
			unread = append(unread, "The nested change set "+id+" could not be read: "+err.Error())
			continue
		}
		unread = append(unread, missing...)
		if making(child.Status) {
			unread = append(unread, "The nested change set "+id+" was still being made.")
		}
		if child.Status == string(types.ChangeSetStatusFailed) {
			child.LogicalID = aws.ToString(change.LogicalResourceId)
			in.Nested = append(in.Nested, child)
		}
	}
	return in, unread, nil
}

// readFindings reads what the reason of a failed change set only points at: the findings of CloudFormation's checks, and
// the verdicts of hooks. Where the reason says all there is, nothing is asked.
func readFindings(ctx context.Context, client ChangeSetReader, in *tail.ChangeSetInput) (unread []string) {
	if in.Status != string(types.ChangeSetStatusFailed) {
		return nil
	}
	hooks := false
	switch tail.ChangeSetKindOf(in.StatusReason) {
	case tail.ChangeSetValidation:
	case tail.ChangeSetHook, tail.ChangeSetTemplate:
		hooks = true
	case tail.ChangeSetEmpty, tail.ChangeSetTransform, tail.ChangeSetNested, tail.ChangeSetAutoImport, tail.ChangeSetPending:
		return nil
	}
	events, err := changeSetEvents(ctx, client, in.ID)
	if err != nil {
		unread = append(unread, "The findings of CloudFormation's checks could not be read (cloudformation:DescribeEvents): "+short(err))
	}
	in.Events = events
	if hooks {
		var missing []string
		in.Hooks, missing = changeSetVerdicts(ctx, client, in.ID)
		unread = append(unread, missing...)
	}
	return unread
}

// changeSetEvents reads the events of a change set that report an error; DescribeStackEvents shows none of them.
func changeSetEvents(ctx context.Context, client EventReader, arn string) ([]tail.Event, error) {
	var rows []types.OperationEvent
	in := &cloudformation.DescribeEventsInput{ChangeSetName: aws.String(arn), Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}}
	for n := 0; n < maxStackPages; n++ {
		page, err := client.DescribeEvents(ctx, in)
		if err != nil {
			return tail.FromOperationEvents(rows), err
		}
		rows = append(rows, page.OperationEvents...)
		if !more(page.NextToken, in.NextToken) {
			break
		}
		in = &cloudformation.DescribeEventsInput{ChangeSetName: in.ChangeSetName, Filters: in.Filters, NextToken: page.NextToken}
	}
	return tail.FromOperationEvents(rows), nil
}
