package events_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/tail"
	"stackgate/tasks/events"
)

var (
	noon      = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	errBroken = errors.New("not permitted")
)

type at time.Time

func (a at) Now() time.Time { return time.Time(a) }

// pages are the events of stacks, one a page, newest first; an absent stack cannot be read.
type pages map[string][]types.StackEvent

func (p pages) DescribeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	rows, found := p[aws.ToString(in.StackName)]
	if !found {
		return nil, errBroken
	}
	n := len(aws.ToString(in.NextToken))
	out := &cloudformation.DescribeStackEventsOutput{StackEvents: rows[n : n+1]}
	if n+1 < len(rows) {
		out.NextToken = aws.String(strings.Repeat("x", n+1))
	}
	return out, nil
}

const (
	prefix = "arn:aws:cloudformation:eu-west-1:111111111111:stack/"
	root   = prefix + "root/1"
	child  = prefix + "child/2"
	hidden = prefix + "hidden/3"
)

func event(id, stack, logical, physical string, minute int) types.StackEvent {
	return types.StackEvent{
		EventId: aws.String(id), StackId: aws.String(stack), StackName: aws.String(strings.Split(stack, "/")[1]), LogicalResourceId: aws.String(logical),
		PhysicalResourceId: aws.String(physical), ResourceType: aws.String("AWS::CloudFormation::Stack"), ResourceStatus: types.ResourceStatusUpdateInProgress,
		ClientRequestToken: aws.String("token"), Timestamp: aws.Time(noon.Add(time.Duration(minute) * time.Minute)),
	}
}

func TestGather(t *testing.T) {
	client := pages{
		root: {
			event("6", root, "Hidden", hidden, 4), event("5", root, "Child", child, 3), event("4", root, "root", root, 0),
			event("before", root, "root", root, -10), event("long before", root, "root", root, -20),
		},
		child: {event("c2", child, "child", child, 4), event("c1", child, "child", child, 3)},
	}
	got, unread, err := events.Gather(t.Context(), client, tail.Operation{StackName: "root", StackID: root, Token: "token", Since: noon})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range got {
		ids = append(ids, e.EventID)
	}
	for _, want := range []string{"6", "5", "4", "c1", "c2"} {
		if !slices.Contains(ids, want) {
			t.Errorf("event %s is missing among %q: a page was not read", want, ids)
		}
	}
	if slices.Contains(ids, "long before") {
		t.Error("pages were read beyond the operation's begin")
	}
	if len(unread) != 1 || !strings.Contains(unread[0], hidden) || !strings.Contains(unread[0], errBroken.Error()) {
		t.Errorf("unread %q", unread)
	}
	if _, _, err := events.Gather(t.Context(), pages{}, tail.Operation{StackName: "root", StackID: root}); !errors.Is(err, errBroken) {
		t.Errorf("the root stack cannot be read, and that is %v", err)
	}
}

// steps notes the tokens that were woken.
type steps struct{ woken []string }

func (s *steps) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	s.woken = append(s.woken, aws.ToString(in.TaskToken))
	return &sfn.SendTaskSuccessOutput{}, nil
}

// stack is CloudFormation with one stack and its change set.
type stack struct {
	status    types.StackStatus
	execution types.ExecutionStatus
	err       error
}

func (s stack) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if s.err != nil {
		return nil, s.err
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{StackStatus: s.status, ChangeSetId: aws.String("set")}}}, nil
}

func (s stack) DescribeChangeSet(context.Context, *cloudformation.DescribeChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	return &cloudformation.DescribeChangeSetOutput{ExecutionStatus: s.execution}, nil
}

func TestSweepGoesOn(t *testing.T) {
	stacks := map[string]stack{
		"a-unreadable": {err: errBroken},
		"b-moving":     {status: types.StackStatusUpdateInProgress, execution: types.ExecutionStatusExecuteInProgress},
		"c-done":       {status: types.StackStatusUpdateComplete, execution: types.ExecutionStatusExecuteComplete},
		"d-unreadable": {err: errBroken},
		"e-failed":     {status: types.StackStatusUpdateRollbackComplete, execution: types.ExecutionStatusExecuteFailed},
	}
	kept, err := sqlite.Open(t.Context(), t.TempDir(), at(noon))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	for name := range stacks {
		id, target := deployment.ID(name+"-prod-20261122T140203Z-7q4k2mxa"), deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: name}
		if err := kept.CreateRecord(t.Context(), store.Record{
			Schema: store.RecordSchema, ID: id, Service: name, Environment: "prod", Intent: deployment.IntentDeploy, Target: target,
			StackID: name, Stage: deployment.StageExecuting, ChangeSet: store.ChangeSet{ARN: "set"},
		}); err != nil {
			t.Fatal(err)
		}
		if err := kept.PutWaiter(t.Context(), store.Waiter{DeploymentID: id, Purpose: store.AwaitStack, Target: target, StackID: name, Token: name}); err != nil {
			t.Fatal(err)
		}
	}
	sent := &steps{}
	task := events.Wake{Store: kept, Sender: sent, Connect: func(_ context.Context, r store.Record) (cfn.ExecutionDescriber, error) {
		return stacks[r.StackName], nil
	}}
	woken, err := task.Sweep(t.Context())
	slices.Sort(sent.woken)
	if woken != 2 || !slices.Equal(sent.woken, []string{"c-done", "e-failed"}) {
		t.Errorf("%d woken: %q", woken, sent.woken)
	}
	for _, name := range []string{"a-unreadable", "d-unreadable"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	if woken, err := task.ForStack(t.Context(), "c-done"); woken != 0 || err != nil {
		t.Errorf("an event that comes twice woke %d, %v", woken, err)
	}
}
