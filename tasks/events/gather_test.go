package events_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/deployment"
	"stackgate/internal/tail"
	"stackgate/tasks/events"
)

const (
	prefix = "arn:aws:cloudformation:eu-west-1:111111111111:stack/"
	root   = prefix + "root/1"
	child  = prefix + "child/2"
	hidden = prefix + "hidden/3"
	setARN = "arn:aws:cloudformation:eu-west-1:111111111111:changeSet/orders-prod/1"
)

var denied = &smithy.GenericAPIError{Code: "AccessDenied", Message: "not authorized to perform: the call"}

// account is CloudFormation as what is read of it, size rows a page (1 where it is 0), newest first. What it does not hold cannot be read.
type account struct {
	rows map[string][]types.StackEvent
	// findings are rows of DescribeEvents by stack or change set; nil refuses the call.
	findings map[string][]types.OperationEvent
	stack    types.Stack
	hooks    map[string]*cloudformation.GetHookResultOutput
	verdicts []types.HookResultSummary
	sets     map[string]*cloudformation.DescribeChangeSetOutput
	// later are the sets after a wait.
	later map[string]*cloudformation.DescribeChangeSetOutput
	// laterRows are the root's after a wait.
	laterRows []types.StackEvent
	// broken is an error for pages after the first; stuck gives the same token without end.
	broken error
	stuck  bool
	size   int

	calls []string
}

// page cuts rows out of a list; tokens count.
func page[T any](rows []T, token *string, size int) ([]T, *string) {
	at, _ := strconv.Atoi(aws.ToString(token))
	end := at + max(size, 1)
	if end >= len(rows) {
		return rows[min(at, len(rows)):], nil
	}
	return rows[at:end], aws.String(strconv.Itoa(end))
}

func (a *account) DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	a.calls = append(a.calls, "DescribeStackEvents "+aws.ToString(in.StackName))
	rows, found := a.rows[aws.ToString(in.StackName)]
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !found:
		return nil, denied
	case a.broken != nil && in.NextToken != nil:
		return nil, a.broken
	}
	events, next := page(rows, in.NextToken, a.size)
	if a.stuck {
		next = aws.String("0")
	}
	return &cloudformation.DescribeStackEventsOutput{StackEvents: events, NextToken: next}, nil
}

func (a *account) DescribeEvents(_ context.Context, in *cloudformation.DescribeEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeEventsOutput, error) {
	of := aws.ToString(in.StackName) + aws.ToString(in.ChangeSetName)
	filter := ""
	if in.Filters != nil && aws.ToBool(in.Filters.FailedEvents) {
		filter = " failed"
	}
	a.calls = append(a.calls, "DescribeEvents "+of+filter)
	if a.findings == nil {
		return nil, denied
	}
	events, next := page(a.findings[of], in.NextToken, a.size)
	return &cloudformation.DescribeEventsOutput{OperationEvents: events, NextToken: next}, nil
}

func (a *account) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{a.stack}}, nil
}

func (a *account) GetHookResult(_ context.Context, in *cloudformation.GetHookResultInput, _ ...func(*cloudformation.Options)) (*cloudformation.GetHookResultOutput, error) {
	a.calls = append(a.calls, "GetHookResult "+aws.ToString(in.HookResultId))
	if out := a.hooks[aws.ToString(in.HookResultId)]; out != nil {
		return out, nil
	}
	return nil, denied
}

func (a *account) ListHookResults(_ context.Context, in *cloudformation.ListHookResultsInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListHookResultsOutput, error) {
	a.calls = append(a.calls, "ListHookResults "+string(in.TargetType)+" "+aws.ToString(in.TargetId))
	if a.verdicts == nil {
		return nil, denied
	}
	results, next := page(a.verdicts, in.NextToken, a.size)
	return &cloudformation.ListHookResultsOutput{HookResults: results, NextToken: next}, nil
}

func (a *account) DescribeChangeSet(_ context.Context, in *cloudformation.DescribeChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	if set := a.sets[aws.ToString(in.ChangeSetName)]; set != nil {
		return set, nil
	}
	return nil, denied
}

// clock is one whose waits let what comes later come.
func (a *account) clock() events.Clock { return waiting{a} }

type waiting struct{ *account }

func (w waiting) Sleep(context.Context, time.Duration) error {
	w.calls = append(w.calls, "sleep")
	maps.Copy(w.sets, w.later)
	if w.laterRows != nil {
		w.rows[root] = w.laterRows
	}
	return nil
}

// row is an event of a stack; of a nested one where physical is an ARN.
func row(id, stack, logical, physical string, status types.ResourceStatus, minute int) types.StackEvent {
	kind := "AWS::CloudFormation::Stack"
	if !strings.HasPrefix(physical, "arn:") {
		kind = "AWS::SQS::Queue"
	}
	return types.StackEvent{
		EventId: aws.String(id), StackId: aws.String(stack), StackName: aws.String(strings.Split(stack, "/")[1]), LogicalResourceId: aws.String(logical),
		PhysicalResourceId: aws.String(physical), ResourceType: aws.String(kind), ResourceStatus: status,
		ClientRequestToken: aws.String("token"), OperationId: aws.String("op"), Timestamp: aws.Time(noon.Add(time.Duration(minute) * time.Minute)),
	}
}

func nested() *account {
	const moving = types.ResourceStatusUpdateInProgress
	return &account{
		rows: map[string][]types.StackEvent{
			root: {
				row("6", root, "Hidden", hidden, moving, 4), row("5", root, "Child", child, moving, 3), row("4", root, "root", root, moving, 0),
				row("before", root, "root", root, moving, -10), row("long before", root, "root", root, moving, -20),
			},
			child: {row("c2", child, "Queue", "q", types.ResourceStatusUpdateFailed, 5), row("c1", child, "child", child, moving, 3)},
		},
		findings: map[string][]types.OperationEvent{child: {{
			EventId: aws.String("f1"), StackId: aws.String(child), LogicalResourceId: aws.String("Queue"), EventType: types.EventTypeHookInvocationError,
			Timestamp: aws.Time(noon.Add(4 * time.Minute)), HookType: aws.String("Shop::Guard::Hook"), HookStatus: types.HookStatusHookCompleteFailed,
		}}},
	}
}

var operation = tail.Operation{StackName: "root", StackID: root, Token: "token", Since: noon}

func ids(got []tail.Event) []string {
	var all []string
	for _, e := range got {
		all = append(all, e.EventID)
	}
	return all
}

func TestGather(t *testing.T) {
	client := nested()
	got, err := events.Gather(t.Context(), client, operation, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"6", "5", "4", "before", "c2", "c1", "f1"}; !slices.Equal(ids(got.Events), want) {
		t.Errorf("read %q, want %q: every page back to the operation's begin, and what only DescribeEvents has", ids(got.Events), want)
	}
	if len(got.Unread) != 1 || !strings.Contains(got.Unread[0], hidden) || !strings.Contains(got.Unread[0], denied.Message) {
		t.Errorf("unread %q", got.Unread)
	}
	if !slices.Contains(client.calls, "DescribeEvents "+root+" failed") {
		t.Errorf("calls %q: of what both give only failures are asked twice", client.calls)
	}
	if _, err := events.Gather(t.Context(), &account{}, operation, ""); deployment.FaultOf(err) != deployment.NotPermitted || !strings.Contains(err.Error(), "root") {
		t.Errorf("the root stack cannot be read, and that is %v", err)
	}
}

func TestGatherWithoutDescribeEvents(t *testing.T) {
	client := nested()
	client.findings = nil
	got, err := events.Gather(t.Context(), client, operation, "")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, call := range client.calls {
		if strings.HasPrefix(call, "DescribeEvents") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("what is refused was asked %d times", asked)
	}
	if len(got.Events) != 6 || !strings.Contains(got.Unread[0], "Allow cloudformation:DescribeEvents") || !strings.Contains(got.Unread[0], "AccessDenied") {
		t.Errorf("%d events, unread %q", len(got.Events), got.Unread)
	}
	doc := tail.Explain(tail.Input{Operation: got.Operation, Events: got.Events, Unread: got.Unread})
	if !slices.Contains(doc.Notes, got.Unread[0]) {
		t.Errorf("the document does not say its limit: %q", doc.Notes)
	}
}

func TestGatherWithDescribeEventsAlone(t *testing.T) {
	client := &account{findings: map[string][]types.OperationEvent{root: {
		{EventId: aws.String("2"), StackId: aws.String(root), LogicalResourceId: aws.String("Queue"), ResourceStatus: types.ResourceStatusUpdateFailed, EventType: types.EventTypeStackEvent},
		{EventId: aws.String("1"), StackId: aws.String(root), LogicalResourceId: aws.String("root"), EventType: types.EventTypeStackEvent},
	}}}
	got, err := events.Gather(t.Context(), client, operation, "")
	if err != nil || !slices.Equal(ids(got.Events), []string{"2", "1"}) || !slices.Contains(client.calls, "DescribeEvents "+root) {
		t.Errorf("%q after %q, %v", ids(got.Events), client.calls, err)
	}
	if len(got.Unread) != 1 || !strings.Contains(got.Unread[0], "DescribeEvents stands in for it") {
		t.Errorf("unread %q", got.Unread)
	}
}

func TestGatherKeepsWhatItHas(t *testing.T) {
	many := nested()
	delete(many.rows, child)
	many.rows[root] = nil
	for i := range 300 {
		many.rows[root] = append(many.rows[root], row(strconv.Itoa(300-i), root, "Queue", "q", types.ResourceStatusUpdateInProgress, 300-i))
	}
	broken := nested()
	broken.broken = errors.New("connection reset")
	stuck := nested()
	stuck.stuck = true
	for name, c := range map[string]struct {
		client *account
		events int
		unread string
	}{
		"an error after the first page": {broken, 1, "Only the newest 1 events of stack " + root + " were read: connection reset"},
		"more pages than are read":      {many, 100, "Only the newest 100 pages of the events of stack " + root + " were read."},
		"a token that comes twice":      {stuck, 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := events.Gather(t.Context(), c.client, operation, "")
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for _, e := range got.Events {
				if e.StackID == root {
					count++
				}
			}
			if name == "a token that comes twice" {
				if len(c.client.calls) > 20 {
					t.Errorf("%d calls: the same page is read again and again", len(c.client.calls))
				}
				return
			}
			if count != c.events || c.unread != "" && !slices.Contains(got.Unread, c.unread) {
				t.Errorf("%d events of the root, unread %q", count, got.Unread)
			}
		})
	}
}

func TestGatherEndsBeforeItsTimeDoes(t *testing.T) {
	// The reserve is ten seconds: reading has no time at all, explaining still has.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := events.Gather(ctx, nested(), operation, ""); err == nil {
		t.Error("nothing could be read, and that is no error")
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := events.Gather(ctx, nested(), operation, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, and that is %v", err)
	}
}

func TestGatherBoundsNestedStacks(t *testing.T) {
	client := &account{rows: map[string][]types.StackEvent{}, findings: map[string][]types.OperationEvent{}, size: 1000}
	for i := range 250 {
		id := fmt.Sprintf("%snested-%d/1", prefix, i)
		client.rows[root] = append(client.rows[root], row(strconv.Itoa(i), root, fmt.Sprint("N", i), id, types.ResourceStatusUpdateInProgress, i))
		client.rows[id] = []types.StackEvent{row("own "+strconv.Itoa(i), id, fmt.Sprint("nested-", i), id, types.ResourceStatusUpdateInProgress, i)}
	}
	got, err := events.Gather(t.Context(), client, operation, "")
	if err != nil || len(got.Unread) == 0 || !strings.Contains(strings.Join(got.Unread, " "), "were not read") {
		t.Errorf("unread %q, %v", got.Unread, err)
	}
	if len(client.calls) > 1000 {
		t.Errorf("%d calls", len(client.calls))
	}
}

// TestOperationIDs names our operation and its rollback, which is one of its own, and nobody else's.
func TestOperationIDs(t *testing.T) {
	entry := func(id string, kind types.OperationType) types.OperationEntry {
		return types.OperationEntry{OperationId: aws.String(id), OperationType: kind}
	}
	update, rollback := entry("op", types.OperationTypeUpdateStack), entry("back", types.OperationTypeRollback)
	for name, c := range map[string]struct {
		token, set string
		last       []types.OperationEntry
		want       []string
	}{
		"by the token":                       {token: "token", last: []types.OperationEntry{rollback, update}, want: []string{"op", "back"}},
		"listed the other way":               {token: "token", last: []types.OperationEntry{update, rollback}, want: []string{"op", "back"}},
		"the rollback of a later operation":  {token: "token", last: []types.OperationEntry{rollback, entry("later", types.OperationTypeUpdateStack), update}, want: []string{"op"}},
		"no token, our change set":           {token: "other", set: setARN, last: []types.OperationEntry{rollback, update}, want: []string{"op", "back"}},
		"no token, another's change set":     {token: "other", set: "theirs", last: []types.OperationEntry{rollback, update}},
		"somebody continued a rollback":      {token: "token", last: []types.OperationEntry{entry("go on", types.OperationTypeContinueRollback)}, want: []string{"op"}},
		"the stack says nothing of the past": {token: "token", want: []string{"op"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := nested()
			client.stack = types.Stack{ChangeSetId: aws.String(c.set), LastOperations: c.last}
			op := operation
			op.Token = c.token
			got, err := events.Gather(t.Context(), client, op, setARN)
			if err != nil || !slices.Equal(got.Operation.OperationIDs, c.want) {
				t.Errorf("operation ids %q, want %q, %v", got.Operation.OperationIDs, c.want, err)
			}
		})
	}
}

func TestGatherReadsVerdictsOfHooks(t *testing.T) {
	client := nested()
	said := row("c3", child, "Queue", "q", types.ResourceStatusUpdateInProgress, 4)
	said.HookType, said.HookStatus, said.HookInvocationId = aws.String("Shop::Guard::Hook"), types.HookStatusHookCompleteFailed, aws.String("inv-1")
	again := said
	again.EventId = aws.String("c4")
	refused := said
	refused.EventId, refused.HookInvocationId = aws.String("c5"), aws.String("inv-2")
	passed := said
	passed.EventId, passed.HookInvocationId, passed.HookStatus = aws.String("c6"), aws.String("inv-3"), types.HookStatusHookCompleteSucceeded
	client.rows[child] = append([]types.StackEvent{said, again, refused, passed}, client.rows[child]...)
	client.hooks = map[string]*cloudformation.GetHookResultOutput{"inv-1": {
		HookResultId: aws.String("inv-1"), TypeName: aws.String("Shop::Guard::Hook"), Status: types.HookStatusHookCompleteFailed,
		Annotations: []types.Annotation{{AnnotationName: aws.String("encrypted"), Status: "FAILED", RemediationMessage: aws.String("set KmsMasterKeyId")}},
	}}
	got, err := events.Gather(t.Context(), client, operation, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Hooks) != 1 || got.Hooks[0].LogicalID != "Queue" || got.Hooks[0].StackID != child || len(got.Hooks[0].Annotations) != 1 {
		t.Errorf("hooks %+v", got.Hooks)
	}
	if unread := strings.Join(got.Unread, " "); !strings.Contains(unread, "cloudformation:GetHookResult") {
		t.Errorf("unread %q", unread)
	}
	if n := len(slices.DeleteFunc(client.calls, func(c string) bool { return !strings.HasPrefix(c, "GetHookResult") })); n != 2 {
		t.Errorf("%d results were asked for, want each of the two that failed once", n)
	}
}

func TestRowsAskForNothingElse(t *testing.T) {
	client := nested()
	got, err := events.Rows(t.Context(), client, operation)
	if err != nil || len(got) != 6 {
		t.Errorf("%d rows, %v", len(got), err)
	}
	if i := slices.IndexFunc(client.calls, func(c string) bool { return !strings.HasPrefix(c, "DescribeStackEvents") }); i >= 0 {
		t.Errorf("%s was called", client.calls[i])
	}
}
