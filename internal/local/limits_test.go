package local

import (
	"strings"
	"testing"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

func TestExpiredWithOneOfTwoApprovals(t *testing.T) {
	story(t, func(w *world) {
		w.define(func(d *service.Definition) { d.Approval.Count, d.Approval.ExpiresAfter = 2, 10*time.Minute })
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		if err := w.decide("bo", approval.Approve, w.reach(record.ID, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
		w.ended(wait(), deployment.OutcomeExpired, "1 of 2 needed approvals came in time: the review waited for 10m")
	})
}

// TestTimedOut: the stack goes on, the deployment ends with what it waits for, and the lock stays until the stack rests.
func TestTimedOut(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		// Short, because a waiting flow looks for its answer five times a second.
		w.define(func(d *service.Definition) { d.Timeouts.Execution = 10 * time.Minute })
		w.template(strings.Replace(table("orders", "create"), "FailOn: create,", "FailOn: create, After: 1h,", 1))
		record := w.deployed()
		w.walked(record.ID, toExecution[:len(toExecution)-len("StackSettled ")]+collected+finished+"FailedNeedsHuman")
		w.ended(record, deployment.OutcomeFailedNeedsHuman, "No failure so far: stack shop-orders-prod is still in UPDATE_IN_PROGRESS; it waits for Queue (AWS::SQS::Queue, CREATE) since ")
		w.advised(record, "`aws cloudformation describe-stack-events --stack-name shop-orders-prod", "`aws cloudformation cancel-update-stack --stack-name shop-orders-prod",
			"stays locked until it is at rest; then: `stackgate deploy orders -e prod`", "timeouts.execution of orders")
		if record.Fault != deployment.StackTimedOut || !record.LockKept {
			w.t.Errorf("fault %s, lock kept %t", record.Fault, record.LockKept)
		}
	})
}

// advised says that the record tells what to do next: each of the texts stands in one of its lines.
func (w *world) advised(r store.Record, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(strings.Join(r.Tail.Advice, "\n"), text) {
			w.t.Errorf("advice %q lacks %q", r.Tail.Advice, text)
		}
	}
}
