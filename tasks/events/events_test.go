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
	"stackgate/tasks/events"
)

var (
	noon      = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	errBroken = errors.New("not permitted")
)

type at time.Time

func (a at) Now() time.Time { return time.Time(a) }

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

func (s stack) DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	return nil, errors.New("only recoveries are read by their events")
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
		if err := kept.PutWaiter(t.Context(), store.Waiter{DeploymentID: id, Purpose: store.AwaitStack, Target: target, StackID: name, Token: name, Since: noon}); err != nil {
			t.Fatal(err)
		}
	}
	sent := &steps{}
	task := events.Wake{Store: kept, Sender: sent, Clock: at(noon), Connect: func(_ context.Context, r store.Record) (cfn.OperationReader, error) {
		return stacks[r.StackName], nil
	}}
	swept, err := task.Sweep(t.Context())
	slices.Sort(sent.woken)
	if swept != (events.Swept{Woken: 2}) || !slices.Equal(sent.woken, []string{"c-done", "e-failed"}) {
		t.Errorf("%+v: %q", swept, sent.woken)
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
