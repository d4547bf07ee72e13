package services_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim"
	"stackgate/internal/service"
	"stackgate/services"
)

// stepClock moves only when a test says so.
type stepClock struct{ now time.Time }

func (c *stepClock) Now() time.Time { return c.now }

func load(t *testing.T) *service.Catalog {
	t.Helper()
	catalog, err := service.Load(services.Files, "services")
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

// stack is a definition's stack in a simulated account.
type stack struct {
	*cfnsim.Client
	t          *testing.T
	clock      *stepClock
	definition service.Definition
}

func newStack(t *testing.T, d service.Definition) stack {
	t.Helper()
	clock := &stepClock{now: time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)}
	simulator, err := cfnsim.New(cfnsim.Options{Clock: clock, Random: strings.NewReader(strings.Repeat("seed", 8)), PageSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	return stack{Client: simulator.Client(d.Account, d.Region), t: t, clock: clock, definition: d}
}

// change makes a change set with the definition's values, some of them replaced.
func (s stack) change(name string, kind types.ChangeSetType, replaced map[string]string) *cloudformation.DescribeChangeSetOutput {
	s.t.Helper()
	d := s.definition
	in := &cloudformation.CreateChangeSetInput{
		StackName: &d.StackName, ChangeSetName: &name, ChangeSetType: kind, TemplateBody: aws.String(string(d.Template)), RoleARN: &d.ExecutionRole,
	}
	for _, capability := range d.Capabilities {
		in.Capabilities = append(in.Capabilities, types.Capability(capability))
	}
	for key, value := range d.Parameters {
		if other, ok := replaced[key]; ok {
			value = other
		}
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	for key, value := range d.Tags {
		in.Tags = append(in.Tags, types.Tag{Key: &key, Value: &value})
	}
	if _, err := s.CreateChangeSet(s.t.Context(), in); err != nil {
		s.t.Fatal(err)
	}
	for range 100 {
		out, err := s.DescribeChangeSet(s.t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: &name, StackName: &d.StackName})
		if err != nil {
			s.t.Fatal(err)
		}
		if out.Status == types.ChangeSetStatusCreateComplete || out.Status == types.ChangeSetStatusFailed {
			return out
		}
		s.clock.now = s.clock.now.Add(time.Second)
	}
	s.t.Fatal("the change set never becomes ready")
	return nil
}

func (s stack) execute(set *cloudformation.DescribeChangeSetOutput) types.Stack {
	s.t.Helper()
	if set.Status != types.ChangeSetStatusCreateComplete {
		s.t.Fatalf("change set is %s: %s", set.Status, aws.ToString(set.StatusReason))
	}
	if _, err := s.ExecuteChangeSet(s.t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}); err != nil {
		s.t.Fatal(err)
	}
	for range 10_000 {
		out, err := s.DescribeStacks(s.t.Context(), &cloudformation.DescribeStacksInput{StackName: set.StackId})
		if err != nil {
			s.t.Fatal(err)
		}
		if status := out.Stacks[0].StackStatus; !strings.HasSuffix(string(status), "_IN_PROGRESS") {
			return out.Stacks[0]
		}
		s.clock.now = s.clock.now.Add(time.Second)
	}
	s.t.Fatal("the stack never comes to rest")
	return types.Stack{}
}

func TestEveryDefinitionDeploys(t *testing.T) {
	for _, d := range load(t).Definitions() {
		t.Run(d.Service+"/"+d.Environment, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, d)
			if made := s.execute(s.change("first", types.ChangeSetTypeCreate, nil)); made.StackStatus != types.StackStatusCreateComplete {
				t.Fatalf("the stack is %s: %s", made.StackStatus, aws.ToString(made.StackStatusReason))
			}
			again := s.change("again", types.ChangeSetTypeUpdate, nil)
			if again.Status != types.ChangeSetStatusFailed || !strings.Contains(aws.ToString(again.StatusReason), "didn't contain changes") {
				t.Errorf("deploying the same again finds %d changes: %s %s", len(again.Changes), again.Status, aws.ToString(again.StatusReason))
			}
		})
	}
}

func TestAnotherTableNameReplacesTheTable(t *testing.T) {
	d, err := load(t).Definition("orders", "prod")
	if err != nil {
		t.Fatal(err)
	}
	s := newStack(t, d)
	s.execute(s.change("first", types.ChangeSetTypeCreate, nil))
	set := s.change("rename", types.ChangeSetTypeUpdate, map[string]string{"TableName": "shop-orders-v2"})
	for _, change := range set.Changes {
		if aws.ToString(change.ResourceChange.LogicalResourceId) == "Table" {
			if change.ResourceChange.Replacement != types.ReplacementTrue {
				t.Errorf("the table is %s with replacement %s", change.ResourceChange.Action, change.ResourceChange.Replacement)
			}
			return
		}
	}
	t.Error("the change set does not touch the table")
}
