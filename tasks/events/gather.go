package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/cfn"
	"stackgate/internal/tail"
)

// Reader reads what happened to stacks. DescribeEvents and GetHookResult are of November 2025 and in few deployment
// roles yet: where they are refused, what they would have added is said to be missing.
type Reader interface {
	StackEventReader
	EventReader
	HookReader
	DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
}

// StackEventReader reads the rows of one stack.
type StackEventReader interface {
	DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error)
}

// EventReader reads the events of operations and of change sets, findings of validations and hooks among them.
type EventReader interface {
	DescribeEvents(ctx context.Context, in *cloudformation.DescribeEventsInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeEventsOutput, error)
}

// The bounds of what is read for one explanation. A page holds up to 1 MB, and the newest events come first.
const (
	maxPages       = 400
	maxStackPages  = 100
	maxStacks      = 200
	maxHookResults = 20
	// reserve is what is kept of the caller's time to explain and store what was read until then.
	reserve = 10 * time.Second
	// slack covers the difference between our clock and CloudFormation's.
	slack = time.Minute
)

// Gathered is all that was read of an operation.
type Gathered struct {
	// Operation is the one asked for, with the ids that CloudFormation gave it and its rollback.
	Operation tail.Operation
	Events    []tail.Event
	Hooks     []tail.HookResult
	// Unread says what could not be read and why, one sentence each.
	Unread []string
}

// Gather reads the events of an operation: those of the root stack back to the operation's begin, those of every nested
// stack that they speak of, by its id, so that deleted ones are found as well, and the verdicts of the hooks that said
// no. Only the root stack must be readable. ChangeSetID is what was executed.
func Gather(ctx context.Context, client Reader, op tail.Operation, changeSetID string) (Gathered, error) {
	reading, cancel := withReserve(ctx)
	defer cancel()
	g := &gathering{ctx: ctx, rows: client, findings: client, op: op, pages: maxPages}
	if err := g.stack(reading, op.StackID); err != nil {
		return Gathered{}, cfn.Fault(err, "read the events of stack %s", op.StackName)
	}
	g.op.OperationIDs = g.operationIDs(reading, client, changeSetID)
	g.nested(reading)
	hooks, unread := hookVerdicts(reading, client, g.events)
	return Gathered{Operation: g.op, Events: g.events, Hooks: hooks, Unread: append(g.unread, unread...)}, ctx.Err()
}

// Rows reads the rows of an operation's root stack and of the nested ones that can be read, and nothing beside them: for
// those who follow a stack and look often.
func Rows(ctx context.Context, client StackEventReader, op tail.Operation) ([]tail.Event, error) {
	g := &gathering{ctx: ctx, rows: client, op: op, pages: maxPages}
	if err := g.stack(ctx, op.StackID); err != nil {
		return nil, cfn.Fault(err, "read the events of stack %s", op.StackName)
	}
	g.nested(ctx)
	return g.events, ctx.Err()
}

// withReserve ends before the caller's time does: to explain half of the events is better than to explain none.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

type gathering struct {
	// ctx is the caller's, which ends later than that for reading.
	ctx  context.Context
	rows StackEventReader
	// findings is nil once they are known to be refused, and where nobody asked for them.
	findings EventReader
	op       tail.Operation
	events   []tail.Event
	unread   []string
	// pages are those that may still be read.
	pages int
}

// nested reads the stacks that the events speak of, and those that theirs speak of.
func (g *gathering) nested(ctx context.Context) {
	asked := map[string]bool{}
	for found := true; found; {
		found = false
		for _, id := range tail.NestedStacks(g.events, g.op) {
			if asked[id] {
				continue
			}
			if len(asked) == maxStacks || ctx.Err() != nil {
				g.miss("The events of the nested stack %s and of further ones were not read: %s.", id, g.why(ctx))
				return
			}
			asked[id], found = true, true
			if err := g.stack(ctx, id); err != nil {
				g.miss("The events of the nested stack %s could not be read: %s", id, short(err))
			}
		}
	}
}

func (g *gathering) why(ctx context.Context) string {
	if ctx.Err() != nil {
		return "time ran out"
	}
	return fmt.Sprintf("more than %d took part", maxStacks)
}

func (g *gathering) miss(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(g.unread, line) {
		g.unread = append(g.unread, line)
	}
}

// stack reads one stack: its rows from DescribeStackEvents, which every role may call and which has every row, and what
// only DescribeEvents has, the findings of validations and hooks. Where only the latter is permitted, it gives the rows.
func (g *gathering) stack(ctx context.Context, id string) error {
	rows, err := g.stackEvents(ctx, id)
	if err == nil {
		g.events = append(g.events, rows...)
	} else if g.ctx.Err() != nil {
		return g.ctx.Err()
	}
	if g.findings == nil {
		return err
	}
	findings, failed := g.operationEvents(ctx, id, err == nil)
	if failed == nil {
		g.events = append(g.events, findings...)
		if err != nil && len(findings) == 0 {
			return err
		}
		if err != nil {
			g.miss("DescribeStackEvents could not be read (%s); DescribeEvents stands in for it.", short(err))
		}
		return nil
	}
	if refusedForGood(failed) {
		g.findings = nil
		g.miss("DescribeEvents could not be read, so the events are those of DescribeStackEvents: findings of validations and hooks that only it "+
			"shows are missing. Allow cloudformation:DescribeEvents to the role to see them (%s).", short(failed))
	} else {
		g.miss("DescribeEvents of stack %s could not be read: %s", id, short(failed))
	}
	return err
}

// refusedForGood says whether asking again for another stack is of no use: missing permission, or an endpoint that does
// not know the call.
func refusedForGood(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "InvalidAction", "UnknownOperation", "UnknownOperationException",
		"NotImplemented", "NotImplementedException", "UnsupportedOperation", "UnsupportedOperationException":
		return true
	}
	return false
}

// stackEvents reads pages, newest first, until the events are older than the operation. What was read before an error
// counts: the newest events are those of the failure.
func (g *gathering) stackEvents(ctx context.Context, id string) ([]tail.Event, error) {
	var rows []types.StackEvent
	in := &cloudformation.DescribeStackEventsInput{StackName: aws.String(id)}
	for n := 0; ; n++ {
		if n > 0 && g.spent(ctx, id, n) {
			break
		}
		page, err := g.rows.DescribeStackEvents(ctx, in)
		g.pages--
		if err != nil {
			if n == 0 {
				return nil, err
			}
			g.miss("Only the newest %d events of stack %s were read: %s", len(rows), id, short(err))
			break
		}
		rows = append(rows, page.StackEvents...)
		older := len(page.StackEvents) > 0 && g.before(page.StackEvents[len(page.StackEvents)-1].Timestamp)
		if older || !more(page.NextToken, in.NextToken) {
			break
		}
		in = &cloudformation.DescribeStackEventsInput{StackName: in.StackName, NextToken: page.NextToken}
	}
	return tail.FromStackEvents(rows), nil
}

// operationEvents reads DescribeEvents of a stack, all of it or only what failed.
func (g *gathering) operationEvents(ctx context.Context, id string, failedOnly bool) ([]tail.Event, error) {
	var rows []types.OperationEvent
	in := &cloudformation.DescribeEventsInput{StackName: aws.String(id)}
	if failedOnly {
		in.Filters = &types.EventFilter{FailedEvents: aws.Bool(true)}
	}
	for n := 0; ; n++ {
		if n > 0 && g.spent(ctx, id, n) {
			break
		}
		page, err := g.findings.DescribeEvents(ctx, in)
		g.pages--
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.OperationEvents...)
		// The order of these pages is not documented: only a page that is old as a whole ends the reading.
		old := len(page.OperationEvents) > 0 && !slices.ContainsFunc(page.OperationEvents, func(e types.OperationEvent) bool { return !g.before(e.Timestamp) })
		if old || !more(page.NextToken, in.NextToken) {
			break
		}
		in = &cloudformation.DescribeEventsInput{StackName: in.StackName, Filters: in.Filters, NextToken: page.NextToken}
	}
	return tail.FromOperationEvents(rows), nil
}

// spent says whether no further page of a stack may be read, and notes it.
func (g *gathering) spent(ctx context.Context, id string, read int) bool {
	switch {
	case ctx.Err() != nil:
		g.miss("Time ran out after %d pages of the events of stack %s; older ones were not read.", read, id)
	case read >= maxStackPages || g.pages <= 0:
		g.miss("Only the newest %d pages of the events of stack %s were read.", read, id)
	default:
		return false
	}
	return true
}

func (g *gathering) before(at *time.Time) bool {
	return at != nil && !g.op.Since.IsZero() && at.Before(g.op.Since.Add(-slack))
}

// more says whether there is another page. A token that comes twice would be followed without end.
func more(next, last *string) bool {
	return aws.ToString(next) != "" && aws.ToString(next) != aws.ToString(last)
}

// operationIDs finds the ids of our operation and of its rollback, which is an operation of its own. Rows with our token
// name the first; DescribeStacks names both, and is believed alone only where no row has the token and the stack's last
// change set was ours. It only sharpens the scope, so that an error of it changes nothing.
func (g *gathering) operationIDs(ctx context.Context, client cfn.StackDescriber, changeSetID string) []string {
	var ids []string
	for _, event := range g.events {
		if g.op.Token != "" && event.Token == g.op.Token && event.OperationID != "" && !slices.Contains(ids, event.OperationID) {
			ids = append(ids, event.OperationID)
		}
	}
	stack, found, err := cfn.DescribeStack(ctx, client, g.op.StackID)
	if err != nil || !found {
		return ids
	}
	last := stack.LastOperations
	if len(ids) == 0 && changeSetID != "" && aws.ToString(stack.ChangeSetId) == changeSetID {
		for _, o := range last {
			if o.OperationType == types.OperationTypeCreateStack || o.OperationType == types.OperationTypeUpdateStack {
				ids = append(ids, aws.ToString(o.OperationId))
				break
			}
		}
	}
	ours := func(i int) bool {
		return i >= 0 && i < len(last) && slices.Contains(ids, aws.ToString(last[i].OperationId))
	}
	for i, o := range last {
		// Which of the two is listed first is not documented.
		if o.OperationType == types.OperationTypeRollback && !ours(i) && (ours(i-1) || ours(i+1)) {
			return append(ids, aws.ToString(o.OperationId))
		}
	}
	return ids
}

// short is an error without what the SDK puts around the service's own words, or whole where there are none.
func short(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorMessage() != "" {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}
