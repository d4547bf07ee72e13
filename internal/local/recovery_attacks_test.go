package local

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// byHand continues the rollback past stackgate, as somebody at the console would.
func (w *world) byHand(skip ...string) {
	w.t.Helper()
	if _, err := w.simulator.Client(account, region).ContinueUpdateRollback(w.t.Context(), &cloudformation.ContinueUpdateRollbackInput{
		StackName: new(stackOf), ResourcesToSkip: skip,
	}); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
}

func TestRecoveryIsStaleWhenTheStackMoved(t *testing.T) {
	for what, c := range map[string]struct {
		skip  []string
		cause string
	}{
		"recovered by hand":                       {[]string{"Table"}, "nothing to recover"},
		"failed again by hand, in the same state": {nil, "the digest is"},
	} {
		t.Run(what, func(t *testing.T) {
			story(t, func(w *world) {
				w.broken(stuck)
				record := w.ask(deployment.Recovery{Skip: []string{"Table"}})
				wait := w.start(record.ID)
				waiting := w.reach(record.ID, deployment.StageAwaiting)
				w.byHand(c.skip...)
				before := w.stackStatus()
				if err := w.decide("bo", approval.Approve, waiting); err != nil {
					w.t.Fatal(err)
				}
				ended := wait()
				w.walked(record.ID, toRecovery+recoveryEnded+"Stale")
				w.ended(ended, deployment.OutcomeStale, c.cause)
				w.stands(before)
			})
		})
	}
}

// meddled lets something happen just before the first call of one kind.
type meddled struct {
	functions.Client
	before func()
	left   *atomic.Int64
}

func (m meddled) DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	if m.left.Add(-1) == 0 {
		m.before()
	}
	return m.Client.DescribeStackEvents(ctx, in, opts...)
}

// The stack moves after VerifyRecoveryProposal has looked: PerformRecovery looks for itself.
func TestRecoveryLooksOnceMoreBeforeItActs(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuck)
		record := w.ask(deployment.Recovery{Skip: []string{"Table"}})
		wait := w.start(record.ID)
		waiting := w.reach(record.ID, deployment.StageAwaiting)
		left := new(atomic.Int64)
		left.Store(2)
		w.wrap = func(c functions.Client) functions.Client {
			return meddled{c, func() { w.byHand() }, left}
		}
		if err := w.decide("bo", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
		ended := wait()
		w.walked(record.ID, toRecovery+"PerformRecovery "+recoveryEnded+"Stale")
		w.ended(ended, deployment.OutcomeStale, "is not what it was when its recovery was proposed")
		w.stands("UPDATE_ROLLBACK_FAILED")
	})
}

func TestRecoveryRefusesWhatDoesNotFit(t *testing.T) {
	for what, c := range map[string]struct {
		asked deployment.Recovery
		cause string
	}{
		"an unknown resource":             {deployment.Recovery{Skip: []string{"Tabel"}}, `no resource "Tabel" to skip; what can be skipped: Table`},
		"one that did not fail":           {deployment.Recovery{Skip: []string{"Queue"}}, "what can be skipped: Table"},
		"a deletion's word":               {deployment.Recovery{Retain: []string{"Table"}}, "only of a stack in DELETE_FAILED"},
		"a deletion's word without names": {deployment.Recovery{Force: true}, "only of a stack in DELETE_FAILED"},
	} {
		t.Run(what, func(t *testing.T) {
			story(t, func(w *world) {
				w.broken(stuck)
				record := w.ask(c.asked)
				ended := w.start(record.ID)()
				w.walked(record.ID, toDiagnosis+recoveryEnded+"FailedBeforeChange")
				w.ended(ended, deployment.OutcomeFailedBeforeChange, c.cause)
				w.stands("UPDATE_ROLLBACK_FAILED")
			})
		})
	}
}

// A wrong digest approves nothing, and a wake without a decision performs nothing.
func TestRecoveryIsNotForged(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuckOnce)
		record := w.ask(deployment.Recovery{})
		wait := w.start(record.ID)
		waiting := w.reach(record.ID, deployment.StageAwaiting)
		other := waiting
		other.Review.Digest = "sha256:" + strings.Repeat("0", 64)
		if err := w.decide("bo", approval.Approve, other); err == nil {
			w.t.Error("another digest was approved")
		}
		if err := w.decide("ana", approval.Approve, waiting); err == nil {
			w.t.Error("the requester approved")
		}
		w.wake(record.ID, store.AwaitApproval, `{"approved":true}`)
		ended := wait()
		w.walked(record.ID, toRecovery+recoveryEnded+"Blocked")
		w.ended(ended, deployment.OutcomeBlocked, "0 of 1 needed approvals")
		w.stands("UPDATE_ROLLBACK_FAILED")
	})
}

// What was requested of one state machine is not run by the other.
func TestNeitherMachineRunsTheOthersRequests(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuckOnce)
		w.host.deploy, w.host.recover = w.host.recover, w.host.deploy
		for _, record := range []store.Record{w.ask(deployment.Recovery{}), w.request(deployment.IntentDeploy)} {
			w.ended(w.start(record.ID)(), deployment.OutcomeFailedBeforeChange, "this state machine does not do that")
		}
		w.stands("UPDATE_ROLLBACK_FAILED")
	})
}

// lostCall loses the answer of the call that recovers, after it had its effect.
type lostCall struct {
	functions.Client
	left *atomic.Int64
}

func (l lostCall) ContinueUpdateRollback(ctx context.Context, in *cloudformation.ContinueUpdateRollbackInput, opts ...func(*cloudformation.Options)) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	out, err := l.Client.ContinueUpdateRollback(ctx, in, opts...)
	if l.left.Add(-1) >= 0 {
		return nil, errLost
	}
	return out, err
}

func TestRecoveryFindsItsLostCall(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuckOnce)
		left := new(atomic.Int64)
		left.Store(1)
		w.wrap = func(c functions.Client) functions.Client { return lostCall{c, left} }
		record := w.recovered(deployment.Recovery{})
		w.walked(record.ID, toPerformed+recoveryEnded+"Recovered")
		w.ended(record, deployment.OutcomeRecovered, "")
	})
}

const (
	innerURL = "https://templates.s3.eu-west-1.amazonaws.com/app.yaml"
	inner    = `
Parameters: {Backups: {Type: String}, Break: {Type: String}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Metadata: {"Stackgate::Simulate": {FailOn: !Ref Break, Reason: the inner table cannot go back}}
    Properties:
      BillingMode: PAY_PER_REQUEST
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: !Ref Backups}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
`
)

// outer holds the inner stack, and a queue after it.
func outer(backups, fails, queue string) string {
	return `
Resources:
  App:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: ` + innerURL + `
      Parameters: {Backups: "` + backups + `", Break: ` + fails + `}
` + queue
}

// What cannot go back lies in a nested stack: it is named by the logical ids that people know, and skipped by the stack's
// own name, which CloudFormation asks for.
func TestRecoverySkipsInsideANestedStack(t *testing.T) {
	story(t, func(w *world) {
		w.define(func(d *service.Definition) { d.NestedStacks = true })
		if err := w.simulator.PutObject(w.t.Context(), innerURL, inner); err != nil {
			w.t.Fatal(err)
		}
		w.template(outer("false", "never", ""))
		w.ended(w.deployed(), deployment.OutcomeDeployed, "")
		w.template(outer("true", "rollback", `  Queue:
    Type: AWS::SQS::Queue
    DependsOn: App
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: the queue is out of order}}
`))
		w.ended(w.deployed(), deployment.OutcomeFailedNeedsHuman, "the queue is out of order")
		w.stands("UPDATE_ROLLBACK_FAILED")
		record := w.recovered(deployment.Recovery{Skip: []string{"App.Table"}})
		w.walked(record.ID, toPerformed+recoveryEnded+"Recovered")
		w.ended(record, deployment.OutcomeRecovered, "")
		review := w.proposal(record)
		if item, found := review.Item("App/Table"); !found || item.Ack == 0 || !strings.HasPrefix(review.Recovery.Skip[0], stackOf+"-App-") {
			w.t.Errorf("skips %v: %+v", review.Recovery.Skip, item)
		}
		w.stands("UPDATE_ROLLBACK_COMPLETE")
	})
}

// A process that dies leaves a recovery to the next one: what was not performed is finished without having been, what was
// is concluded by what its own call brought about.
func TestRecoveriesOfDeadProcessesAreAdopted(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuckOnce)
		waiting := w.ask(deployment.Recovery{})
		w.dies(waiting.ID, deployment.StageAwaiting, false)
		time.Sleep(time.Hour)
		w.ended(w.adoptedExecution(), deployment.OutcomeFailedBeforeChange, "the process that ran the flow ended")
		w.stands("UPDATE_ROLLBACK_FAILED")

		performing := w.ask(deployment.Recovery{})
		w.dies(performing.ID, deployment.StageExecuting, true)
		time.Sleep(time.Hour)
		w.ended(w.adoptedExecution(), deployment.OutcomeRecovered, "")
		w.stands("UPDATE_ROLLBACK_COMPLETE")
	})
}

func TestARecoveryThatFailedInADeadProcessIsExplained(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuck)
		record := w.ask(deployment.Recovery{})
		w.dies(record.ID, deployment.StageExecuting, true)
		time.Sleep(time.Hour)
		w.ended(w.adoptedExecution(), deployment.OutcomeFailedNeedsHuman, "the table cannot go back")
		w.ended(w.recovered(deployment.Recovery{Skip: []string{"Table"}}), deployment.OutcomeRecovered, "")
	})
}
