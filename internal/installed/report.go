package installed

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/deployment"
	"stackgate/internal/metrics"
	"stackgate/internal/store"
)

// History tells what an execution has done.
type History interface {
	GetExecutionHistory(ctx context.Context, in *sfn.GetExecutionHistoryInput, opts ...func(*sfn.Options)) (*sfn.GetExecutionHistoryOutput, error)
}

// Reporter measures and announces ends of deployments.
type Reporter struct {
	History History
	Log     *slog.Logger
	// Announcer may be nil.
	Announcer Announcer
}

// Announcer tells people how deployments end.
type Announcer interface {
	Ended(ctx context.Context, r store.Record)
}

// Ended writes the log line from which CloudWatch takes the metrics of a deployment.
func (p Reporter) Ended(ctx context.Context, r store.Record) (transitions int) {
	transitions, err := Transitions(ctx, p.History, r.ExecutionARN)
	if err != nil {
		p.Log.WarnContext(ctx, "count the transitions of a deployment", "deploymentId", r.ID.String(), "error", err.Error())
	}
	attributes := []slog.Attr{
		slog.String("correlationId", r.CorrelationID), slog.String("deploymentId", r.ID.String()),
		slog.String("service", r.Service), slog.String("environment", r.Environment), slog.String("stack", r.StackName),
		slog.String("outcome", string(r.Outcome)), slog.String("fault", string(r.Fault)),
	}
	measured, err := metrics.Attributes(r.Times.Finished, map[metrics.Dimension]string{
		metrics.Service: r.Service, metrics.Environment: r.Environment, metrics.Outcome: string(r.Outcome),
	}, measure(r, transitions)...)
	if err != nil {
		p.Log.ErrorContext(ctx, "a deployment is not measured", "deploymentId", r.ID.String(), "error", err.Error())
	}
	p.Log.LogAttrs(ctx, slog.LevelInfo, "deployment ended", append(attributes, measured...)...)
	if p.Announcer != nil {
		p.Announcer.Ended(ctx, r)
	}
	return transitions
}

func measure(r store.Record, transitions int) []metrics.Value {
	values := []metrics.Value{
		{Name: metrics.Deployments, Value: 1},
		{Name: metrics.DurationSeconds, Value: between(r.Times.Requested, r.Times.Finished).Seconds()},
		{Name: metrics.OverheadSeconds, Value: Overhead(r.Times).Seconds()},
	}
	if !r.Times.ApprovalRequested.IsZero() {
		values = append(values, metrics.Value{Name: metrics.ApprovalWaitSeconds, Value: approvalWait(r.Times).Seconds()})
	}
	if r.Outcome == deployment.OutcomeFailedNeedsHuman {
		values = append(values, metrics.Value{Name: metrics.FailedNeedsHuman, Value: 1})
	}
	if transitions > 0 {
		values = append(values, metrics.Value{Name: metrics.Transitions, Value: float64(transitions)})
	}
	return values
}

// between is the time from one moment to another; none where either is not known or they are the wrong way round, which
// clocks of two processes may make them.
func between(from, to time.Time) time.Duration {
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return max(to.Sub(from), 0)
}

// reached returns the first of the moments that came; the last one always has.
func reached(moments ...time.Time) time.Time {
	for _, moment := range moments {
		if !moment.IsZero() {
			return moment
		}
	}
	return time.Time{}
}

// approvalWait is the time from the announcement of the review until the decisions were verified, or, where they never
// were, until the end.
func approvalWait(t store.Times) time.Duration {
	return between(t.ApprovalRequested, reached(t.Verified, t.Finished))
}

// Overhead is the part of a deployment's duration that is stackgate's own: from the request to the end, without
//   - the wait for the stack's lock and for operations of others on the stack (queued until locked),
//   - CloudFormation's making of the change set, with our reading of it (locked until planned),
//   - the wait for people (approval requested until verified),
//   - the execution (executed until settled, with the seconds until the stack's event woke us).
//
// A span that began and did not end lasted until the deployment did.
func Overhead(t store.Times) time.Duration {
	total := between(t.Requested, t.Finished)
	for _, waited := range []time.Duration{
		between(t.Queued, reached(t.Locked, t.Finished)),
		between(t.Locked, reached(t.Planned, t.Finished)),
		approvalWait(t),
		between(t.Executed, reached(t.Settled, t.Finished)),
	} {
		total -= waited
	}
	return max(total, 0)
}

// afterFinish is how many transitions follow upon FinishDeployment, which is where a running execution is counted: the
// choice of the end, and the end.
const afterFinish = 2

// Transitions counts the state transitions of an execution as Step Functions charges for them: every state that was
// entered, and every retry (pricing page, "each retry"). The history is asked rather than counted along, because a
// counter of our own would be a write to the store at every step, and would miss the steps that are no tasks.
//
// Of an execution that runs, the caller is FinishDeployment, and the steps after it are counted with it.
func Transitions(ctx context.Context, history History, execution string) (int, error) {
	if execution == "" {
		return 0, nil
	}
	count, over := 0, false
	pages := sfn.NewGetExecutionHistoryPaginator(history, &sfn.GetExecutionHistoryInput{
		ExecutionArn: aws.String(execution), IncludeExecutionData: aws.Bool(false), MaxResults: 1000,
	})
	tries := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, fmt.Errorf("read the history of execution %s: %w", execution, err)
		}
		for _, e := range page.Events {
			switch e.Type {
			case types.HistoryEventTypeTaskStateEntered:
				count, tries = count+1, 0
			case types.HistoryEventTypeTaskScheduled, types.HistoryEventTypeLambdaFunctionScheduled:
				// The first is the state's own, each further one a retry.
				if tries++; tries > 1 {
					count++
				}
			case types.HistoryEventTypeChoiceStateEntered, types.HistoryEventTypePassStateEntered, types.HistoryEventTypeWaitStateEntered,
				types.HistoryEventTypeSucceedStateEntered, types.HistoryEventTypeFailStateEntered,
				types.HistoryEventTypeParallelStateEntered, types.HistoryEventTypeMapStateEntered:
				count++
			case types.HistoryEventTypeExecutionSucceeded, types.HistoryEventTypeExecutionFailed,
				types.HistoryEventTypeExecutionTimedOut, types.HistoryEventTypeExecutionAborted:
				over = true
			default:
			}
		}
	}
	if !over {
		count += afterFinish
	}
	return count, nil
}
