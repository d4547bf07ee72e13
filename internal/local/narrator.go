package local

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/approval"
	"stackgate/internal/asl"
	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/plan/masking"
	"stackgate/internal/store"
	"stackgate/internal/stream"
	"stackgate/internal/tail"
	"stackgate/tasks/events"
)

// narrator writes what a deployment does into its journal, from which every watcher reads. It never stops a
// deployment: what cannot be narrated is logged.
type narrator struct {
	host *Host
	id   deployment.ID

	mu   sync.Mutex
	seen map[string]bool
	// told are stack events that another process has journalled; the journal does not keep their ids.
	told map[stream.Resource]bool
	// begun says that the journal has told of the execution, before which no stack event may stand in it.
	begun bool
}

func newNarrator(h *Host, id deployment.ID) *narrator {
	return &narrator{host: h, id: id, seen: map[string]bool{}}
}

// journalled bounds what is read again of a journal: more than CloudFormation's 500 resources and their nested stacks bring about.
const journalled = 100_000

// resume takes over from a process that told of the deployment before.
func (n *narrator) resume(ctx context.Context) {
	kept, err := n.host.options.Store.Events(ctx, n.id, 0, journalled)
	if err != nil {
		n.host.options.Log.WarnContext(ctx, "read the journal of a deployment", "deploymentId", string(n.id), "error", err.Error())
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = map[stream.Resource]bool{}
	for _, e := range kept {
		switch stream.Type(e.Type) {
		case stream.ExecutionStarted:
			n.begun = true
		case stream.ResourceProgress, stream.ResourceComplete, stream.ResourceFailed, stream.RollbackStarted:
			var told stream.Resource
			if json.Unmarshal(e.Body, &told) == nil {
				n.told[told] = true
			}
		}
	}
}

func (n *narrator) tell(ctx context.Context, kind stream.Type, body any) {
	content, err := json.Marshal(body)
	if err == nil {
		_, err = n.host.options.Store.AppendEvent(ctx, n.id, string(kind), content)
	}
	if err != nil && ctx.Err() == nil {
		n.host.options.Log.WarnContext(ctx, "journal an event", "deploymentId", string(n.id), "type", string(kind), "error", err.Error())
	}
}

// observe follows the engine's history. It is called between the steps of the flow, so that the journal's order is the
// flow's.
func (n *narrator) observe(ctx context.Context, e asl.Event) {
	switch {
	case e.IsStateEntered():
		n.tell(ctx, stream.StateEntered, stream.State{State: e.State})
		n.entered(ctx, e.State)
	case e.Type == asl.TaskStateExited:
		n.exited(ctx, e.State)
	case e.Type == asl.TaskSubmitted:
		n.submitted(ctx, e.State)
	}
}

func (n *narrator) entered(ctx context.Context, state string) {
	record, err := n.host.options.Store.Record(ctx, n.id)
	if err != nil {
		return
	}
	switch state {
	case "PrepareDeployment", "PrepareRecovery":
		n.tell(ctx, stream.PlanStarted, stream.Plan{
			Service: record.Service, Environment: record.Environment, Account: record.Account, Region: record.Region,
			StackName: record.StackName, Intent: string(record.Intent), RequestedBy: record.RequestedBy,
		})
	case "FinishDeployment", "FinishRecovery":
		// What the stack said last comes before the result.
		if !record.Times.Executed.IsZero() {
			n.stackEvents(ctx, record)
		}
	}
}

func (n *narrator) exited(ctx context.Context, state string) {
	record, err := n.host.options.Store.Record(ctx, n.id)
	if err != nil {
		return
	}
	switch state {
	case "CreateChangeSet":
		n.changeSet(ctx, record, deployment.ChangeSetMaking)
	case "DescribeChangeSet":
		n.changeSet(ctx, record, describedState(record))
	case "WriteReview", "WriteRecoveryProposal":
		n.review(ctx, record)
	}
}

func describedState(r store.Record) deployment.ChangeSetState {
	if r.ChangeSet.Empty {
		return deployment.ChangeSetEmpty
	}
	return deployment.ChangeSetReady
}

func (n *narrator) changeSet(ctx context.Context, r store.Record, state deployment.ChangeSetState) {
	n.tell(ctx, stream.ChangeSetStatus, stream.ChangeSet{ChangeSetID: r.ChangeSet.ARN, Type: string(r.ChangeSet.Type), State: string(state)})
}

func (n *narrator) submitted(ctx context.Context, state string) {
	record, err := n.host.options.Store.Record(ctx, n.id)
	if err != nil {
		return
	}
	switch state {
	case "AcquireStackLock":
		queue, err := n.host.options.Store.Queue(ctx, record.Target.Key())
		if err == nil && len(queue) > 0 && queue[0].DeploymentID != record.ID {
			n.tell(ctx, stream.Queued, stream.Queue{StackName: record.StackName, HeldBy: queue[0].DeploymentID.String(), Reason: queue[0].Reason})
		}
	case "WaitForApproval":
		n.tell(ctx, stream.ApprovalRequested, stream.Approval{
			Digest: record.Review.Digest, Needed: record.Policy.Count, Acknowledge: append([]int{}, record.Review.Acknowledge...),
			ExpiresAt: record.Review.ExpiresAt.Format(time.RFC3339), RequestedBy: record.RequestedBy,
		})
	case "ExecuteChangeSet", "PerformRecovery":
		n.tell(ctx, stream.ExecutionStarted, stream.Execution{
			ChangeSetID: record.ChangeSet.ARN, Recovery: record.Recovery.Action.Operation(), ClientRequestToken: record.ClientRequestToken,
		})
		n.mu.Lock()
		n.begun = true
		n.mu.Unlock()
	}
}

// announcer journals decisions, which may be taken in by another process than the one that runs the flow.
type announcer struct{ host *Host }

func (a announcer) DecisionRecorded(ctx context.Context, r store.Record, d approval.Decision, tally approval.Tally) {
	newNarrator(a.host, r.ID).tell(ctx, stream.ApprovalRecorded, stream.Decision{
		By: d.By, Verdict: string(d.Verdict), Comment: tail.Mask(d.Comment), Given: tally.Given, Needed: tally.Needed,
	})
}

func (n *narrator) review(ctx context.Context, r store.Record) {
	content, err := n.host.options.Store.Document(ctx, r.Review.Document)
	if err != nil {
		return
	}
	var review plan.Review
	if err := json.Unmarshal(content, &review); err != nil {
		return
	}
	for _, item := range review.Items {
		n.tell(ctx, stream.PlannedChange, stream.Change{
			Path: item.Path, ResourceType: item.Type, Action: item.Action, Replacement: item.Replacement, PolicyAction: item.PolicyAction,
			Impact: string(item.Impact), Level: string(item.Level), Ack: item.Ack,
		})
	}
	n.tell(ctx, stream.ChangeSummary, stream.Summary{
		Verdict: review.Verdict, Level: string(review.Level), Reported: review.Completeness.Reported, Shown: review.Completeness.Shown,
		Digest: review.Digest, Approval: string(r.Review.Approval),
	})
}

// stackEvents journals the events of our execution that were not journalled before, oldest first.
func (n *narrator) stackEvents(ctx context.Context, r store.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.begun {
		return
	}
	client, err := n.host.options.CloudFormation(ctx, r)
	if err != nil {
		return
	}
	op := tail.Operation{StackName: r.StackName, StackID: r.StackID, Token: r.ClientRequestToken, Since: r.Times.Executed}
	rows, err := events.Rows(ctx, client, op)
	if err != nil {
		return
	}
	pathOf := tail.Paths(rows, op)
	rows = slices.DeleteFunc(rows, func(e tail.Event) bool {
		return n.seen[e.EventID] || (e.Token != r.ClientRequestToken && e.Time.Before(r.Times.Executed))
	})
	slices.Reverse(rows)
	slices.SortStableFunc(rows, func(a, b tail.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range rows {
		n.seen[e.EventID] = true
		happened := stream.Resource{
			Path: cmp.Or(pathOf(e), e.LogicalID), ResourceType: e.Type, Status: e.Status, Reason: tail.Mask(e.Reason), At: e.Time.UTC().Format(time.RFC3339),
		}
		if !n.told[happened] {
			n.tell(ctx, resourceType(e), happened)
		}
	}
}

func resourceType(e tail.Event) stream.Type {
	switch {
	case e.IsStackRow() && strings.Contains(e.Status, "ROLLBACK_IN_PROGRESS"):
		return stream.RollbackStarted
	case strings.HasSuffix(e.Status, "_FAILED"):
		return stream.ResourceFailed
	case strings.HasSuffix(e.Status, "_COMPLETE"), strings.HasSuffix(e.Status, "_SKIPPED"):
		return stream.ResourceComplete
	}
	return stream.ResourceProgress
}

func (n *narrator) result(ctx context.Context, r store.Record) {
	if r.Outcome == deployment.OutcomeDeployed {
		n.outputs(ctx, r)
	}
	n.tell(ctx, stream.Result, stream.Ended{
		Outcome: string(r.Outcome), Failed: r.Outcome.Failed(), Cause: causeOf(r), Sentence: r.Sentence(), StackID: r.StackID,
		Status: r.StackStatus, Leftovers: append([]string{}, r.Leftovers...), Advice: append([]string{}, r.Tail.Advice...),
	})
}

// causeOf leaves out a cause that only repeats the outcome's own sentence.
func causeOf(r store.Record) string {
	if r.Cause == r.Sentence() {
		return ""
	}
	return r.Cause
}

func (n *narrator) outputs(ctx context.Context, r store.Record) {
	client, err := n.host.options.CloudFormation(ctx, r)
	if err != nil {
		return
	}
	outputs, err := stackOutputs(ctx, client, r.StackID)
	if err != nil || len(outputs) == 0 {
		return
	}
	n.tell(ctx, stream.Outputs, outputs)
}

// outputsOf masks what a name or a form gives away as a secret: CloudFormation shows outputs as they are, also those that
// repeat a NoEcho parameter.
func outputsOf(stack types.Stack) map[string]string {
	outputs, masker := map[string]string{}, masking.New()
	for _, output := range stack.Outputs {
		name := aws.ToString(output.OutputKey)
		shown, _ := masker.Parameter(name, aws.ToString(output.OutputValue))
		outputs[name] = tail.Mask(shown)
	}
	return outputs
}

func stackOutputs(ctx context.Context, client cfn.StackDescriber, stackID string) (map[string]string, error) {
	stack, found, err := cfn.DescribeStack(ctx, client, stackID)
	if err != nil || !found {
		return nil, err
	}
	return outputsOf(stack), nil
}
