package cfnsim_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim"
)

// tickingClock moves only when a test says so.
type tickingClock struct{ now time.Time }

func (c *tickingClock) Now() time.Time { return c.now }

func (c *tickingClock) tick(d time.Duration) { c.now = c.now.Add(d) }

// bench is a simulator with the calls that tests repeat.
type bench struct {
	*cfnsim.Client
	t     testing.TB
	ctx   context.Context
	clock *tickingClock
	sim   *cfnsim.Simulator
	// subject is the stack that a story is about.
	subject string
}

func newBench(t *testing.T, configure ...func(*cfnsim.Options)) *bench {
	t.Helper()
	clock := &tickingClock{now: time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)}
	options := cfnsim.Options{Clock: clock, Random: strings.NewReader(strings.Repeat("seed", 8))}
	for _, f := range configure {
		f(&options)
	}
	sim, err := cfnsim.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{Client: sim.Client("111111111111", "us-east-1"), t: t, ctx: t.Context(), clock: clock, sim: sim, subject: "orders"}
}

// create makes a change set and waits for its end.
func (b *bench) create(in cloudformation.CreateChangeSetInput) *cloudformation.DescribeChangeSetOutput {
	b.t.Helper()
	if in.ChangeSetName == nil {
		in.ChangeSetName = aws.String("set")
	}
	if in.StackName == nil {
		in.StackName = aws.String("orders")
	}
	if in.Capabilities == nil {
		in.Capabilities = []types.Capability{types.CapabilityCapabilityNamedIam}
	}
	if in.ChangeSetType == "" {
		in.ChangeSetType = types.ChangeSetTypeCreate
		if out, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{StackName: in.StackName}); err == nil && out.Stacks[0].StackStatus != types.StackStatusReviewInProgress {
			in.ChangeSetType = types.ChangeSetTypeUpdate
		}
	}
	out, err := b.CreateChangeSet(b.ctx, &in)
	if err != nil {
		b.t.Fatalf("create change set: %v", err)
	}
	return b.ready(out.Id, false)
}

// ready waits for a change set and reads all its pages.
func (b *bench) ready(id *string, values bool) *cloudformation.DescribeChangeSetOutput {
	b.t.Helper()
	for range 100 {
		if out := b.describe(id, values); out.Status != types.ChangeSetStatusCreatePending && out.Status != types.ChangeSetStatusCreateInProgress {
			return out
		}
		b.clock.tick(time.Second)
	}
	b.t.Fatal("the change set never becomes ready")
	return nil
}

func (b *bench) describe(id *string, values bool) *cloudformation.DescribeChangeSetOutput {
	b.t.Helper()
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: id, IncludePropertyValues: aws.Bool(values)}
	out, err := b.DescribeChangeSet(b.ctx, in)
	if err != nil {
		b.t.Fatalf("describe change set: %v", err)
	}
	for page := out; page.NextToken != nil; {
		in.NextToken = page.NextToken
		if page, err = b.DescribeChangeSet(b.ctx, in); err != nil {
			b.t.Fatalf("describe change set: %v", err)
		}
		out.Changes = append(out.Changes, page.Changes...)
	}
	return out
}

// execute executes a change set and waits for the stack to be at rest.
func (b *bench) execute(in cloudformation.ExecuteChangeSetInput) types.Stack {
	b.t.Helper()
	set := b.describe(in.ChangeSetName, false)
	if _, err := b.ExecuteChangeSet(b.ctx, &in); err != nil {
		b.t.Fatalf("execute change set: %v", err)
	}
	return b.settle(*set.StackId)
}

// settle waits until nothing is in progress any more.
func (b *bench) settle(stack string) types.Stack {
	b.t.Helper()
	for range 10_000 {
		s := b.stack(stack)
		if !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") {
			return s
		}
		b.clock.tick(time.Second)
	}
	b.t.Fatal("the stack never comes to rest")
	return types.Stack{}
}

func (b *bench) stack(name string) types.Stack {
	b.t.Helper()
	out, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		b.t.Fatalf("describe stack: %v", err)
	}
	return out.Stacks[0]
}

// change makes a change set of the template.
func (b *bench) change(body string, parameters ...types.Parameter) *cloudformation.DescribeChangeSetOutput {
	b.t.Helper()
	set := b.create(cloudformation.CreateChangeSetInput{TemplateBody: &body, Parameters: parameters})
	if set.Status != types.ChangeSetStatusCreateComplete {
		b.t.Fatalf("change set is %s: %s", set.Status, aws.ToString(set.StatusReason))
	}
	return set
}

// deploy makes a change set of the template and executes it.
func (b *bench) deploy(body string, parameters ...types.Parameter) types.Stack {
	b.t.Helper()
	return b.deployWith(body, cloudformation.CreateChangeSetInput{}, nil, parameters...)
}

func (b *bench) deployWith(body string, in cloudformation.CreateChangeSetInput, disableRollback *bool, parameters ...types.Parameter) types.Stack {
	b.t.Helper()
	in.TemplateBody, in.Parameters = &body, parameters
	set := b.create(in)
	if set.Status != types.ChangeSetStatusCreateComplete {
		b.t.Fatalf("change set is %s: %s", set.Status, aws.ToString(set.StatusReason))
	}
	return b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId, ClientRequestToken: token(set.ChangeSetId), DisableRollback: disableRollback})
}

// drop deletes the stack and waits for the end.
func (b *bench) drop(in cloudformation.DeleteStackInput) types.Stack {
	b.t.Helper()
	in.StackName = aws.String("orders")
	id := b.stackID("orders")
	b.must(b.DeleteStack(b.ctx, &in))
	return b.settle(id)
}

// stackID finds a stack also when it was deleted.
func (b *bench) stackID(name string) string {
	b.t.Helper()
	in := &cloudformation.ListStacksInput{}
	for {
		out, err := b.ListStacks(b.ctx, in)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, s := range out.StackSummaries {
			if *s.StackName == name {
				return *s.StackId
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			b.t.Fatalf("no stack %s", name)
		}
	}
}

func (b *bench) resources(stack string) []types.StackResourceSummary {
	b.t.Helper()
	in := &cloudformation.ListStackResourcesInput{StackName: &stack}
	var all []types.StackResourceSummary
	for {
		out, err := b.ListStackResources(b.ctx, in)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, out.StackResourceSummaries...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all
		}
	}
}

// must fails the test when a call failed.
func (b *bench) must(_ any, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// events returns all rows, oldest first.
func (b *bench) events(stack string) []types.StackEvent {
	b.t.Helper()
	in := &cloudformation.DescribeStackEventsInput{StackName: &stack}
	var all []types.StackEvent
	for {
		out, err := b.DescribeStackEvents(b.ctx, in)
		if err != nil {
			b.t.Fatalf("describe events: %v", err)
		}
		all = append(all, out.StackEvents...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// story renders rows as "logical id, status, reason".
func story(events []types.StackEvent) string {
	var lines strings.Builder
	for _, e := range events {
		lines.WriteString(strings.TrimRight(aws.ToString(e.LogicalResourceId)+" "+string(e.ResourceStatus)+" "+aws.ToString(e.ResourceStatusReason)+hookWords(e), " ") + "\n")
	}
	return lines.String()
}

func hookWords(e types.StackEvent) string {
	if e.HookType == nil {
		return ""
	}
	return "hook " + *e.HookType + " " + string(e.HookFailureMode) + " " + string(e.HookStatus) + " " + aws.ToString(e.HookStatusReason)
}

func parameter(key, value string) types.Parameter {
	return types.Parameter{ParameterKey: &key, ParameterValue: &value}
}

// token makes a request token that differs for every change set.
func token(changeSetID *string) *string {
	return aws.String((*changeSetID)[strings.LastIndex(*changeSetID, "/")+1:])
}
