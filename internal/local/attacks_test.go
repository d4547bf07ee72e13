package local

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

func TestAForgedWakeApprovesNothing(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		w.reach(record.ID, deployment.StageAwaiting)
		w.wake(record.ID, store.AwaitApproval, `{"approved":true,"by":"mallory"}`)
		ended := wait()
		w.walked(record.ID, toApproval+discarded+finished+"Blocked")
		w.ended(ended, deployment.OutcomeBlocked, "0 of 1 needed approvals")
	})
}

// TestAForgedRecordApprovesNothing: whoever can write records, as every function can, says that nobody need approve, and wakes.
func TestAForgedRecordApprovesNothing(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		w.reach(record.ID, deployment.StageAwaiting)
		if _, err := w.store.UpdateRecord(w.t.Context(), record.ID, func(r *store.Record) error {
			r.Review.Approval = deployment.ApprovalNotRequired
			r.Policy = approval.Policy{When: approval.Never, Count: 1, Self: approval.SelfRecorded, ExpiresAfter: r.Policy.ExpiresAfter}
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
		w.wake(record.ID, store.AwaitApproval, `{}`)
		ended := wait()
		w.walked(record.ID, toApproval+discarded+finished+"Blocked")
		w.ended(ended, deployment.OutcomeBlocked, "0 of 1 needed approvals")
	})
}

func TestAForgedWakeFinishesNoStack(t *testing.T) {
	story(t, func(w *world) {
		w.template(table("orders", "create"))
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		if err := w.decide("bo", approval.Approve, w.reach(record.ID, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
		w.reach(record.ID, deployment.StageExecuting)
		w.wake(record.ID, store.AwaitStack, `{"settlement":"succeeded"}`)
		w.ended(wait(), deployment.OutcomeFailedRolledBack, "the queue is out of order")
	})
}

// wake answers a token as somebody would who had stolen it.
func (w *world) wake(id deployment.ID, purpose store.Purpose, output string) {
	w.t.Helper()
	for range 100 {
		waiter, err := w.store.Waiter(w.t.Context(), id, purpose)
		if errors.Is(err, store.ErrNotFound) {
			time.Sleep(time.Second)
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := (Sender{w.store}).SendTaskSuccess(w.t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &waiter.Token, Output: &output}); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	w.t.Fatalf("%s never waited for %s", id, purpose)
}

func TestAForgedStartHasNoRecord(t *testing.T) {
	story(t, func(w *world) {
		if _, err := w.host.Run(w.t.Context(), "orders-prod-20000101T000000Z-aaaaaaaa"); err == nil {
			w.t.Error("a deployment that nobody requested was run")
		}
	})
}

// lossy loses the answers of calls after they had their effect.
type lossy struct {
	functions.Client
	create, execute *atomic.Int64
}

var errLost = errors.New("the connection broke")

func (l lossy) CreateChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	out, err := l.Client.CreateChangeSet(ctx, in, opts...)
	if l.create.Add(-1) >= 0 {
		return nil, errLost
	}
	return out, err
}

func (l lossy) ExecuteChangeSet(ctx context.Context, in *cloudformation.ExecuteChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.ExecuteChangeSetOutput, error) {
	out, err := l.Client.ExecuteChangeSet(ctx, in, opts...)
	if l.execute.Add(-1) >= 0 {
		return nil, errLost
	}
	return out, err
}

func TestLostAnswersAreFoundAgain(t *testing.T) {
	story(t, func(w *world) {
		create, execute := new(atomic.Int64), new(atomic.Int64)
		create.Store(2)
		execute.Store(1)
		w.wrap = func(c functions.Client) functions.Client { return lossy{c, create, execute} }
		record := w.deployed()
		w.walked(record.ID, toExecution+collected+finished+"Deployed")
		w.ended(record, deployment.OutcomeDeployed, "")
	})
}

func TestAShellWithSomebodyElsesChangeSetIsLeftAlone(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		waiting := w.reach(record.ID, deployment.StageAwaiting)
		client, body := w.simulator.Client(account, region), table("other", "")
		if _, err := client.CreateChangeSet(w.t.Context(), &cloudformation.CreateChangeSetInput{
			StackName: new(stackOf), ChangeSetName: new("theirs"), TemplateBody: &body, ChangeSetType: "CREATE",
		}); err != nil {
			w.t.Fatal(err)
		}
		if err := w.decide("bo", approval.Reject, waiting); err != nil {
			w.t.Fatal(err)
		}
		w.ended(wait(), deployment.OutcomeRejected, "")
		if got := w.stackStatus(); got != "REVIEW_IN_PROGRESS" {
			w.t.Errorf("the stack is %s, and somebody else's change set was in it", got)
		}
	})
}

func TestAChangeSetMadeAnewUnderTheSameNameIsStale(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		w.template(table("orders-renamed", ""))
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		waiting := w.reach(record.ID, deployment.StageAwaiting)
		client, body, id := w.simulator.Client(account, region), table("orders-stolen", ""), record.ID.String()
		if _, err := client.DeleteChangeSet(w.t.Context(), &cloudformation.DeleteChangeSetInput{StackName: new(stackOf), ChangeSetName: &id}); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := client.CreateChangeSet(w.t.Context(), &cloudformation.CreateChangeSetInput{
			StackName: new(stackOf), ChangeSetName: &id, TemplateBody: &body, ChangeSetType: "UPDATE",
		}); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := w.decide("bo", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
		ended := wait()
		if ended.Outcome != deployment.OutcomeStale {
			w.t.Errorf("ended as %s: %s", ended.Outcome, ended.Cause)
		}
		if got := w.stackStatus(); got != "CREATE_COMPLETE" {
			w.t.Errorf("the stack is %s: something was executed that nobody approved", got)
		}
	})
}

func TestAStackThatTakesTooLongKeepsItsLockUntilItIsAtRest(t *testing.T) {
	story(t, func(w *world) {
		w.define(func(d *service.Definition) { d.Timeouts.Execution = 5 * time.Second })
		record := w.deployed()
		w.ended(record, deployment.OutcomeFailedNeedsHuman, "")
		if !record.LockKept || record.Fault != deployment.StackTimedOut {
			w.t.Fatalf("lock kept: %t, fault %s, settlement %s", record.LockKept, record.Fault, record.Settlement)
		}
		time.Sleep(time.Hour)
		if _, err := w.host.Adopt(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		queue, err := w.store.Queue(w.t.Context(), record.Target.Key())
		if err != nil || len(queue) != 0 {
			w.t.Errorf("the queue is %v (%v) although the stack is at rest", queue, err)
		}
	})
}
