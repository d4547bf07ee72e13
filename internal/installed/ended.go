package installed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/adoption"
	"stackgate/internal/deployment"
	"stackgate/internal/eventbridge"
	"stackgate/internal/store"
)

// Executions tells what became of executions.
type Executions interface {
	DescribeExecution(ctx context.Context, in *sfn.DescribeExecutionInput, opts ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
}

// OpenRecords lists the deployments for which something is still to be done.
type OpenRecords interface {
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	Records(ctx context.Context, f store.Filter) ([]store.Record, error)
}

// ended is what the plan function takes in: it finishes deployments whose execution ended without FinishDeployment. An
// event only says where to look; whether the execution has ended is asked of Step Functions.
type ended struct {
	records    OpenRecords
	executions Executions
	machines   MachinePattern
	adoption   adoption.Adoption
	clock      interface{ Now() time.Time }
	log        *slog.Logger
}

func (f ended) takes() takes {
	return takes{kind: eventbridge.ExecutionStatus, event: f.event, sweep: f.sweep}
}

// closedOut is for the log.
type closedOut struct {
	// Closed are the deployments for which nothing is to be done any more.
	Closed []deployment.ID `json:"closed"`
}

func (f ended) event(ctx context.Context, e eventbridge.Event) (any, error) {
	out := closedOut{Closed: []deployment.ID{}}
	id, err := deployment.ParseID(e.Detail.Name)
	if err != nil {
		return nil, notUnderstood("its detail names no execution of a deployment")
	}
	record, err := f.records.Record(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		// An execution that somebody started past the front door: there is nothing to finish.
		f.log.WarnContext(ctx, "an execution without a deployment ended", "deploymentId", id.String())
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	execution, err := f.execution(record)
	if err != nil {
		return nil, err
	}
	if execution != e.Detail.ExecutionARN {
		return nil, notUnderstood("it is of another execution than the one that runs the deployment of its name")
	}
	closed, err := f.close(ctx, record)
	if closed {
		out.Closed = append(out.Closed, id)
	}
	return out, err
}

// mostOpen bounds how many deployments one sweep looks at, newest first. So many are never open at once unless something
// is badly wrong, and then the next sweep goes on.
const mostOpen = 1000

// sweep looks at everything that is open, so that a lost event costs time and nothing else. It goes on after a failure.
func (f ended) sweep(ctx context.Context) (any, error) {
	records, err := f.records.Records(ctx, store.Filter{Open: true, Limit: mostOpen})
	if err != nil {
		return nil, fmt.Errorf("list the open deployments: %w", err)
	}
	out := closedOut{Closed: []deployment.ID{}}
	var failures []error
	for _, r := range records {
		closed, err := f.close(ctx, r)
		if err != nil {
			failures = append(failures, fmt.Errorf("look after %s: %w", r.ID, err))
		}
		if closed {
			out.Closed = append(out.Closed, r.ID)
		}
	}
	return out, errors.Join(failures...)
}

// close does what is to be done for a deployment whose execution has ended.
func (f ended) close(ctx context.Context, r store.Record) (bool, error) {
	if !r.Open() {
		return false, nil
	}
	why, over, err := f.over(ctx, r)
	if err != nil || !over {
		return false, err
	}
	r, err = f.adoption.Close(ctx, r, why)
	return err == nil && !r.Open(), err
}

// begins is how long after its request a deployment may be without an execution: the front door writes the request first.
const begins = 15 * time.Minute

// over asks Step Functions whether a deployment's execution has ended, and how.
func (f ended) over(ctx context.Context, r store.Record) (why string, over bool, err error) {
	execution, err := f.execution(r)
	if err != nil {
		return "", false, err
	}
	found, err := f.executions.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)})
	var missing *types.ExecutionDoesNotExist
	if errors.As(err, &missing) {
		// It never began, or ended more than 90 days ago (Step Functions quotas, execution history retention).
		return "its execution does not exist", f.clock.Now().Sub(r.Times.Requested) > begins, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("describe the execution of %s: %w", r.ID, err)
	}
	if !eventbridge.Ended(found.Status) {
		return "", false, nil
	}
	return reason(found), true, nil
}

// maxReason bounds what is taken over of an execution's error and cause.
const maxReason = 300

func reason(found *sfn.DescribeExecutionOutput) string {
	text := "its execution ended before the deployment was finished (" + string(found.Status) + ")"
	said := strings.TrimPrefix(strings.TrimSuffix(aws.ToString(found.Error)+": "+aws.ToString(found.Cause), ": "), ": ")
	if said == "" {
		return text
	}
	if cut := []rune(said); len(cut) > maxReason {
		said = string(cut[:maxReason]) + " …"
	}
	return text + ": " + said
}

func (f ended) execution(r store.Record) (string, error) {
	if r.ExecutionARN != "" {
		return r.ExecutionARN, nil
	}
	execution, err := f.machines.Execution(r)
	if err != nil {
		return "", fmt.Errorf("name the execution of %s: %w", r.ID, err)
	}
	return execution, nil
}
