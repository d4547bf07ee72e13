package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/store"
	"stackgate/internal/stream"
	"stackgate/internal/tail"
)

// told tells from a record, the decisions and the review what a journal would hold, but for the states of the flow and the
// stack's own events, which no record keeps. What was told once is told again under the same number: the steps come in the
// order in which a deployment takes them, and each is told once it is behind.
func (h *Handler) told(r *http.Request, record store.Record, after int64) ([]store.JournalEvent, error) {
	decisions, err := h.options.Store.Decisions(r.Context(), record.ID)
	if err != nil {
		return nil, err
	}
	var review *plan.Review
	if record.Review.Document != "" {
		loaded, err := h.loadReview(r, record)
		if err != nil {
			return nil, err
		}
		review = &loaded
	}
	events, err := Progress(record, decisions, review)
	if err != nil {
		return nil, err
	}
	return events[min(int(min(after, int64(len(events)))), len(events)):], nil
}

// teller numbers events.
type teller struct {
	id     deployment.ID
	events []store.JournalEvent
	err    error
}

func (t *teller) tell(at time.Time, kind stream.Type, body any) {
	content, err := json.Marshal(body)
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("encode the event %s of %s: %w", kind, t.id, err)
	}
	t.events = append(t.events, store.JournalEvent{DeploymentID: t.id, Seq: int64(len(t.events) + 1), Time: at.UTC(), Type: string(kind), Body: content})
}

// Progress is what a record tells of its deployment's course, oldest first. Review is nil where there is none yet.
func Progress(r store.Record, decisions []approval.Decision, review *plan.Review) ([]store.JournalEvent, error) {
	t := &teller{id: r.ID}
	t.tell(r.Times.Requested, stream.PlanStarted, stream.Plan{
		Service: r.Service, Environment: r.Environment, Account: r.Account, Region: r.Region,
		StackName: r.StackName, Intent: string(r.Intent), RequestedBy: r.RequestedBy,
	})
	if review != nil {
		t.review(r, *review)
	} else if r.ChangeSet.Empty && r.Stage == deployment.StageFinished {
		t.tell(r.Times.Finished, stream.ChangeSetStatus, changeSet(r, deployment.ChangeSetEmpty))
	}
	if !r.Times.ApprovalRequested.IsZero() || len(decisions) > 0 {
		at := r.Times.ApprovalRequested
		if at.IsZero() {
			at = r.Times.Planned
		}
		t.tell(at, stream.ApprovalRequested, stream.Approval{
			Digest: r.Review.Digest, Needed: r.Policy.Count, Acknowledge: append([]int{}, r.Review.Acknowledge...),
			ExpiresAt: r.Review.ExpiresAt.Format(time.RFC3339), RequestedBy: r.RequestedBy,
		})
	}
	t.decisions(r, decisions)
	if !r.Times.Executed.IsZero() {
		t.tell(r.Times.Executed, stream.ExecutionStarted, stream.Execution{
			ChangeSetID: r.ChangeSet.ARN, Recovery: r.Recovery.Action.Operation(), ClientRequestToken: r.ClientRequestToken,
		})
	}
	if r.Stage == deployment.StageFinished {
		t.result(r)
	}
	return t.events, t.err
}

func changeSet(r store.Record, state deployment.ChangeSetState) stream.ChangeSet {
	return stream.ChangeSet{ChangeSetID: r.ChangeSet.ARN, Type: string(r.ChangeSet.Type), State: string(state)}
}

func (t *teller) review(r store.Record, review plan.Review) {
	// A recovery is proposed without a change set.
	if r.Intent != deployment.IntentRecover {
		t.tell(r.Times.Planned, stream.ChangeSetStatus, changeSet(r, deployment.ChangeSetReady))
	}
	for _, item := range review.Items {
		t.tell(r.Times.Planned, stream.PlannedChange, stream.Change{
			Path: item.Path, ResourceType: item.Type, Action: item.Action, Replacement: item.Replacement, PolicyAction: item.PolicyAction,
			Impact: string(item.Impact), Level: string(item.Level), Ack: item.Ack,
		})
	}
	t.tell(r.Times.Planned, stream.ChangeSummary, stream.Summary{
		Verdict: review.Verdict, Level: string(review.Level), Reported: review.Completeness.Reported, Shown: review.Completeness.Shown,
		Digest: review.Digest, Approval: string(r.Review.Approval),
	})
}

func (t *teller) decisions(r store.Record, decisions []approval.Decision) {
	for i, d := range decisions {
		tally := approval.Count(r.Policy, r.ReviewToDecide(), decisions[:i+1])
		t.tell(d.At, stream.ApprovalRecorded, stream.Decision{
			By: d.By, Verdict: string(d.Verdict), Comment: tail.Mask(d.Comment), Given: tally.Given, Needed: tally.Needed,
		})
	}
}

func (t *teller) result(r store.Record) {
	cause := r.Cause
	if cause == r.Sentence() {
		cause = ""
	}
	t.tell(r.Times.Finished, stream.Result, stream.Ended{
		Outcome: string(r.Outcome), Failed: r.Outcome.Failed(), Cause: cause, Sentence: r.Sentence(), StackID: r.StackID,
		Status: r.StackStatus, Leftovers: append([]string{}, r.Leftovers...), Advice: append([]string{}, r.Tail.Advice...),
	})
}
