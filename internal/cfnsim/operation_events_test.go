package cfnsim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cfnsim"
	"stackgate/internal/golden"
)

// operationEvents returns all rows of a query, oldest first.
func (b *bench) operationEvents(in cloudformation.DescribeEventsInput) []types.OperationEvent {
	b.t.Helper()
	var all []types.OperationEvent
	for {
		out, err := b.DescribeEvents(b.ctx, &in)
		if err != nil {
			b.t.Fatalf("describe events: %v", err)
		}
		all = append(all, out.OperationEvents...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			slices.Reverse(all)
			return all
		}
	}
}

// operationStory renders rows with a short name for each operation, in the order in which they appear.
func operationStory(rows []types.OperationEvent) string {
	var lines strings.Builder
	names := map[string]string{"": "-"}
	for _, e := range rows {
		id := aws.ToString(e.OperationId)
		if names[id] == "" {
			names[id] = fmt.Sprintf("op%d", len(names))
		}
		words := []string{names[id], string(e.OperationType), string(e.EventType), string(e.OperationStatus), aws.ToString(e.LogicalResourceId), string(e.ResourceStatus),
			aws.ToString(e.ResourceStatusReason), string(e.HookStatus), aws.ToString(e.HookType), string(e.HookFailureMode), aws.ToString(e.HookStatusReason),
			aws.ToString(e.ValidationName), string(e.ValidationFailureMode), aws.ToString(e.ValidationPath), aws.ToString(e.ValidationStatusReason)}
		lines.WriteString(strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ") + "\n")
	}
	return lines.String()
}

func TestAFailedUpdateAndItsRollbackAreTwoOperations(t *testing.T) {
	b := newBench(t)
	b.deploy(service)
	b.deploy(service, parameter("Visibility", "60"), parameter("Break", "update"))
	golden.Assert(t, "operations/update_fails.golden", []byte(operationStory(b.operationEvents(cloudformation.DescribeEventsInput{StackName: aws.String("orders")}))))

	last := b.stack("orders").LastOperations
	if len(last) != 2 || last[0].OperationType != types.OperationTypeRollback || last[1].OperationType != types.OperationTypeUpdateStack {
		t.Fatalf("LastOperations = %+v", last)
	}
	failed := b.operationEvents(cloudformation.DescribeEventsInput{OperationId: last[1].OperationId, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}})
	if len(failed) == 0 {
		t.Fatal("the failed operation has no failed events")
	}
	for _, e := range failed {
		if *e.OperationId != *last[1].OperationId || e.OperationType != types.OperationTypeUpdateStack {
			t.Errorf("a row of another operation: %+v", e)
		}
	}
	// Rows of DescribeStackEvents carry the same operation ids.
	counted := map[string]int{}
	for _, e := range b.events("orders") {
		counted[aws.ToString(e.OperationId)]++
	}
	for _, operation := range last {
		rows := b.operationEvents(cloudformation.DescribeEventsInput{StackName: aws.String("orders"), OperationId: operation.OperationId})
		stackRows := slices.DeleteFunc(rows, func(e types.OperationEvent) bool { return e.LogicalResourceId == nil })
		if len(stackRows) == 0 || len(stackRows) != counted[*operation.OperationId] {
			t.Errorf("%s has %d rows, in DescribeStackEvents %d", operation.OperationType, len(stackRows), counted[*operation.OperationId])
		}
		for _, e := range stackRows {
			if aws.ToString(e.ClientRequestToken) == "" {
				t.Errorf("%s has a row without the request token", operation.OperationType)
			}
		}
	}
}

func TestTheMakingOfAChangeSetIsAnOperation(t *testing.T) {
	b := newBench(t)
	set := b.change(topic)
	rows := b.operationEvents(cloudformation.DescribeEventsInput{ChangeSetName: set.ChangeSetId})
	const want = "op1 CREATE_CHANGESET STACK_EVENT IN_PROGRESS\nop1 CREATE_CHANGESET STACK_EVENT SUCCEEDED\n"
	if got := operationStory(rows); got != want {
		t.Errorf("the change set's events are\n%s, want\n%s", got, want)
	}
	for name, in := range map[string]cloudformation.DescribeEventsInput{
		"by name":      {ChangeSetName: set.ChangeSetName, StackName: aws.String("orders")},
		"by operation": {OperationId: rows[0].OperationId},
	} {
		if got := operationStory(b.operationEvents(in)); got != want {
			t.Errorf("%s the events are\n%s", name, got)
		}
	}
	if failed := b.operationEvents(cloudformation.DescribeEventsInput{ChangeSetName: set.ChangeSetId, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}}); len(failed) > 0 {
		t.Errorf("a change set that was made has failed events: %s", operationStory(failed))
	}
}

// Every operation ends, as what it was, in any story.
func TestOperationsOfStoriesEnd(t *testing.T) {
	for name, run := range stories {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(o *cfnsim.Options) { o.PageSize = 1000 })
			run(b)
			id := b.stackID(b.subject)
			open := map[string]bool{}
			for _, e := range b.operationEvents(cloudformation.DescribeEventsInput{StackName: &id}) {
				if e.OperationId == nil {
					continue
				}
				if e.LogicalResourceId == nil && e.OperationStatus != types.BeaconStackOperationStatusInProgress {
					delete(open, *e.OperationId)
					if e.EndTime == nil || e.StartTime == nil || e.EndTime.Before(*e.StartTime) {
						t.Errorf("an operation ends at %v and began at %v", e.EndTime, e.StartTime)
					}
					continue
				}
				if e.OperationType == "" {
					t.Errorf("a row has an operation id and no type: %+v", e)
				}
				open[*e.OperationId] = true
			}
			if len(open) > 0 {
				t.Errorf("%d operations never end:\n%s", len(open), operationStory(b.operationEvents(cloudformation.DescribeEventsInput{StackName: &id})))
			}
		})
	}
}

func TestARecreatedStackKeepsItsEventsApart(t *testing.T) {
	b := newBench(t)
	first := b.deploy(service, parameter("Break", "create"))
	b.drop(cloudformation.DeleteStackInput{})
	old := b.events(*first.StackId)
	second := b.deploy(service)
	if *second.StackId == *first.StackId {
		t.Fatal("the recreated stack has the id of the old one")
	}
	for _, e := range b.events("orders") {
		if *e.StackId != *second.StackId || e.ResourceStatus == types.ResourceStatusCreateFailed {
			t.Errorf("by its name the recreated stack shows a row of the old one: %+v", e)
		}
	}
	for _, e := range b.operationEvents(cloudformation.DescribeEventsInput{StackName: aws.String("orders")}) {
		if *e.StackId != *second.StackId {
			t.Errorf("by its name the recreated stack shows an operation event of the old one: %+v", e)
		}
	}
	if diff := cmp.Diff(story(old), story(b.events(*first.StackId))); diff != "" {
		t.Errorf("the old stack's rows changed:\n%s", diff)
	}
	if !strings.Contains(story(old), "Function CREATE_FAILED the function broke") {
		t.Errorf("the old stack's rows lack its failure:\n%s", story(old))
	}
	rows := b.operationEvents(cloudformation.DescribeEventsInput{StackName: first.StackId, Filters: failedOnly()})
	if len(rows) == 0 {
		t.Error("by its id the old stack has no failed events any more")
	}
}

func TestPagesOfOperationEvents(t *testing.T) {
	b := newBench(t, func(o *cfnsim.Options) { o.PageSize = 2 })
	b.deploy(service)
	whole := newBench(t, func(o *cfnsim.Options) { o.PageSize = 1000 })
	whole.deploy(service)
	in := cloudformation.DescribeEventsInput{StackName: aws.String("orders")}
	if small, large := operationStory(b.operationEvents(in)), operationStory(whole.operationEvents(in)); small != large {
		t.Errorf("pages of two are\n%s\none page is\n%s", small, large)
	}
	first, err := b.DescribeEvents(b.ctx, &in)
	if err != nil || first.NextToken == nil {
		t.Fatalf("first page: %v", err)
	}
	in.NextToken, in.Filters = first.NextToken, &types.EventFilter{FailedEvents: aws.Bool(true)}
	if _, err := b.DescribeEvents(b.ctx, &in); err == nil {
		t.Error("the token of another list is accepted")
	}
}
