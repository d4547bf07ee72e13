package local

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/plan"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

const (
	toDiagnosis   = "PrepareRecovery AcquireStackLock DiagnoseStack "
	toProposal    = toDiagnosis + "WriteRecoveryProposal ApprovalNeeded "
	toRecovery    = toProposal + "WaitForApproval VerifyRecoveryProposal "
	toPerformed   = toRecovery + "PerformRecovery ConfirmRecoveredStack StackRecovered CollectEventTail "
	recoveryEnded = "FinishRecovery ReportOutcome "
)

func (w *world) ask(asked deployment.Recovery) store.Record {
	w.t.Helper()
	record, err := w.host.FrontDoor.Request(w.t.Context(), frontdoor.Caller{Name: "ana"}, frontdoor.Ask{
		Service: name, Environment: where, Intent: deployment.IntentRecover, Reason: "a story", Recovery: asked,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return record
}

// recovered runs a recovery that bo approves.
func (w *world) recovered(asked deployment.Recovery) store.Record {
	w.t.Helper()
	record := w.ask(asked)
	wait := w.start(record.ID)
	if err := w.decide("bo", approval.Approve, w.reach(record.ID, deployment.StageAwaiting)); err != nil {
		w.t.Fatal(err)
	}
	return wait()
}

func (w *world) proposal(r store.Record) plan.Review {
	w.t.Helper()
	content, err := w.store.Document(w.t.Context(), r.Review.Document)
	if err != nil {
		w.t.Fatal(err)
	}
	review, err := plan.Decode(content)
	if err != nil {
		w.t.Fatal(err)
	}
	return review
}

func (w *world) stands(status string) {
	w.t.Helper()
	if got := w.stackStatus(); got != status {
		w.t.Errorf("stack is %s, want %s", got, status)
	}
}

// stuckOnce is stuck, but the table goes back at the second try.
var stuckOnce = strings.Replace(stuck, "Reason: the table", "Times: 1, Reason: the table", 1)

// broken leaves the stack in UPDATE_ROLLBACK_FAILED.
func (w *world) broken(template string) {
	w.t.Helper()
	w.deployed()
	w.template(template)
	if r := w.deployed(); r.Outcome != deployment.OutcomeFailedNeedsHuman {
		w.t.Fatalf("ended as %s", r.Outcome)
	}
	w.stands("UPDATE_ROLLBACK_FAILED")
}

func TestRecoveryContinuesTheRollback(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuckOnce)
		record := w.recovered(deployment.Recovery{})
		w.walked(record.ID, toPerformed+recoveryEnded+"Recovered")
		w.ended(record, deployment.OutcomeRecovered, "takes deployments again")
		w.stands("UPDATE_ROLLBACK_COMPLETE")
		review := w.proposal(record)
		if len(review.Items) != 1 || review.Items[0].Path != "Table" || review.Items[0].Ack != 0 || !review.Dangerous() ||
			!strings.Contains(strings.Join(review.Items[0].Notes, "; "), "the table cannot go back") {
			w.t.Errorf("proposed: %+v", review.Items)
		}
		// And deployments go on.
		w.template(table("orders-new", ""))
		w.ended(w.deployed(), deployment.OutcomeDeployed, "")
	})
}

func TestRecoverySkipsWhatIsNamedAndAcknowledged(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuck)
		record := w.ask(deployment.Recovery{Skip: []string{"Table"}})
		wait := w.start(record.ID)
		waiting := w.reach(record.ID, deployment.StageAwaiting)
		if len(waiting.Review.Acknowledge) != 1 || waiting.Review.Level != string(plan.LevelCritical) {
			w.t.Errorf("to acknowledge: %v, level %s", waiting.Review.Acknowledge, waiting.Review.Level)
		}
		bare := waiting
		bare.Review.Acknowledge = nil
		if err := w.decide("bo", approval.Approve, bare); err == nil {
			w.t.Error("a resource is skipped without acknowledgement")
		}
		if err := w.decide("bo", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
		ended := wait()
		w.walked(record.ID, toPerformed+recoveryEnded+"Recovered")
		w.ended(ended, deployment.OutcomeRecovered, "")
		w.stands("UPDATE_ROLLBACK_COMPLETE")
	})
}

func TestRecoveryThatFailsAgain(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuck)
		record := w.recovered(deployment.Recovery{})
		w.walked(record.ID, toPerformed+recoveryEnded+"FailedNeedsHuman")
		w.ended(record, deployment.OutcomeFailedNeedsHuman, "the table cannot go back")
		if advice := strings.Join(record.Tail.Advice, "; "); !strings.Contains(advice, "`stackgate recover orders -e prod`.") ||
			!strings.Contains(advice, "`stackgate recover orders -e prod --skip Table`.") {
			w.t.Errorf("advice: %s", advice)
		}
		w.stands("UPDATE_ROLLBACK_FAILED")
		// The same again, now with what stops it skipped.
		w.ended(w.recovered(deployment.Recovery{Skip: []string{"Table"}}), deployment.OutcomeRecovered, "")
	})
}

func TestRecoveryRollsAPausedUpdateBack(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		w.define(func(d *service.Definition) { d.OnFailure = service.Keep })
		w.template(table("orders", "create") + "  Topic: {Type: 'AWS::SNS::Topic'}\n")
		w.ended(w.deployed(), deployment.OutcomeFailedPaused, "the queue is out of order")
		w.stands("UPDATE_FAILED")
		record := w.ask(deployment.Recovery{})
		wait := w.start(record.ID)
		waiting := w.reach(record.ID, deployment.StageAwaiting)
		review := w.proposal(waiting)
		if item, found := review.Item("Topic"); !found || item.Impact != plan.ImpactDestroy || item.Ack == 0 {
			w.t.Errorf("what the failed update made is not named: %+v", review.Items)
		}
		if _, found := review.Item("Table"); found {
			w.t.Error("what the update did not touch is named")
		}
		if err := w.decide("bo", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
		ended := wait()
		w.walked(record.ID, toPerformed+recoveryEnded+"Recovered")
		w.ended(ended, deployment.OutcomeRecovered, "")
		w.stands("UPDATE_ROLLBACK_COMPLETE")
	})
}

// A first creation that paused has nothing to go back to: CloudFormation deletes the stack, so that every resource is
// named and acknowledged.
func TestRecoveryOfAPausedCreationNamesEverything(t *testing.T) {
	story(t, func(w *world) {
		w.define(func(d *service.Definition) { d.OnFailure = service.Keep })
		w.template(table("orders", "create"))
		w.ended(w.deployed(), deployment.OutcomeFailedPaused, "the queue is out of order")
		w.stands("CREATE_FAILED")
		record := w.recovered(deployment.Recovery{})
		w.walked(record.ID, toPerformed+recoveryEnded+"Recovered")
		w.ended(record, deployment.OutcomeRecovered, "")
		review := w.proposal(record)
		if item, found := review.Item("Table"); !found || item.Ack == 0 || !strings.Contains(review.Verdict, "Deletes the stack") {
			w.t.Errorf("%s %+v", review.Verdict, review.Items)
		}
		w.stands("absent")
	})
}

func TestRecoveryRemovesAnEmptyStack(t *testing.T) {
	story(t, func(w *world) {
		w.template(table("orders", "create"))
		w.ended(w.deployed(), deployment.OutcomeFailedRolledBack, "the queue is out of order")
		w.stands("ROLLBACK_COMPLETE")
		// Harmless: a policy that asks for people only where it is dangerous asks for none.
		w.define(func(d *service.Definition) { d.Approval.When = approval.Dangerous })
		record := w.ask(deployment.Recovery{})
		ended := w.start(record.ID)()
		w.walked(record.ID, toProposal+"VerifyRecoveryProposal PerformRecovery ConfirmRecoveredStack StackRecovered CollectEventTail "+recoveryEnded+"Recovered")
		w.ended(ended, deployment.OutcomeRecovered, "")
		w.stands("absent")
	})
}

func TestRecoveryRemovesAReviewShell(t *testing.T) {
	story(t, func(w *world) {
		w.shell("orders-prod-20261122T140203Z-aaaaaaaa", "stackgate deployment orders-prod-20261122T140203Z-aaaaaaaa, correlation x")
		record := w.recovered(deployment.Recovery{})
		w.walked(record.ID, toPerformed+recoveryEnded+"Recovered")
		w.ended(record, deployment.OutcomeRecovered, "")
		w.stands("absent")
	})
}

// shell leaves a change set that is never executed, and thereby a stack in REVIEW_IN_PROGRESS.
func (w *world) shell(set, description string) {
	w.t.Helper()
	template := table("orders", "")
	if _, err := w.simulator.Client(account, region).CreateChangeSet(w.t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: new(stackOf), ChangeSetName: &set, Description: &description, TemplateBody: &template, ChangeSetType: "CREATE",
	}); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Minute)
	w.stands("REVIEW_IN_PROGRESS")
}

func TestRecoveryLeavesSomebodyElsesShellAlone(t *testing.T) {
	story(t, func(w *world) {
		w.shell("by-hand", "mine")
		record := w.ask(deployment.Recovery{})
		ended := w.start(record.ID)()
		w.walked(record.ID, toDiagnosis+recoveryEnded+"FailedNeedsHuman")
		w.ended(ended, deployment.OutcomeFailedNeedsHuman, "by-hand")
		w.stands("REVIEW_IN_PROGRESS")
	})
}

// undeletable fails to be created, and then fails to delete what it had made.
const undeletable = `
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Metadata: {"Stackgate::Simulate": {FailOn: delete, Reason: the table cannot be deleted}}
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Table
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: the queue is out of order}}
`

func TestRecoveryDeletesStepByStep(t *testing.T) {
	story(t, func(w *world) {
		w.template(undeletable)
		w.ended(w.deployed(), deployment.OutcomeFailedNeedsHuman, "out of order")
		w.stands("ROLLBACK_FAILED")

		// Neither retaining nor forcing is taken before a deletion has failed.
		early := w.ask(deployment.Recovery{Retain: []string{"Table"}})
		refused := w.start(early.ID)()
		w.ended(refused, deployment.OutcomeFailedBeforeChange, "only of a stack in DELETE_FAILED")

		first := w.recovered(deployment.Recovery{})
		w.walked(first.ID, toPerformed+recoveryEnded+"FailedNeedsHuman")
		w.ended(first, deployment.OutcomeFailedNeedsHuman, "the table cannot be deleted")
		if advice := strings.Join(first.Tail.Advice, "; "); !strings.Contains(advice, "`stackgate recover orders -e prod --retain Table`.") {
			w.t.Errorf("advice: %s", advice)
		}
		w.stands("DELETE_FAILED")
		if got := w.proposal(first).Acknowledgements(); len(got) != 1 {
			w.t.Errorf("to acknowledge: %v", got)
		}

		second := w.recovered(deployment.Recovery{Retain: []string{"Table"}})
		w.walked(second.ID, toPerformed+recoveryEnded+"Recovered")
		w.ended(second, deployment.OutcomeRecovered, "")
		if item, found := w.proposal(second).Item("Table"); !found || item.Impact != plan.ImpactOrphan || item.Ack == 0 {
			w.t.Errorf("what is left behind is not acknowledged: %+v", item)
		}
		w.stands("absent")
	})
}

func TestRecoveryForcesADeletion(t *testing.T) {
	story(t, func(w *world) {
		w.template(undeletable)
		w.deployed()
		w.recovered(deployment.Recovery{})
		w.stands("DELETE_FAILED")
		record := w.recovered(deployment.Recovery{Force: true})
		w.ended(record, deployment.OutcomeRecovered, "")
		w.stands("absent")
	})
}

func TestRecoveryThatNobodyNeeds(t *testing.T) {
	story(t, func(w *world) {
		record := w.ask(deployment.Recovery{})
		ended := w.start(record.ID)()
		w.walked(record.ID, toDiagnosis+recoveryEnded+"Blocked")
		w.ended(ended, deployment.OutcomeBlocked, "there is no stack shop-orders-prod")

		w.deployed()
		record = w.ask(deployment.Recovery{})
		ended = w.start(record.ID)()
		w.walked(record.ID, toDiagnosis+recoveryEnded+"Blocked")
		w.ended(ended, deployment.OutcomeBlocked, "nothing to recover; deploy with: stackgate deploy orders -e prod")
		if ended.Fault != deployment.NothingToRecover {
			w.t.Errorf("fault %s", ended.Fault)
		}
		w.stands("CREATE_COMPLETE")
	})
}

func TestRecoveryOfAMovingStackWaitsForIt(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		client := w.simulator.Client(account, region)
		other := table("orders-by-hand", "")
		made, err := client.CreateChangeSet(w.t.Context(), &cloudformation.CreateChangeSetInput{
			StackName: new(stackOf), ChangeSetName: new("by-hand"), TemplateBody: &other, ChangeSetType: "UPDATE",
		})
		if err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := client.ExecuteChangeSet(w.t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: made.Id}); err != nil {
			w.t.Fatal(err)
		}
		// The first read may still be of before the execution.
		w.stackStatus()
		record := w.ask(deployment.Recovery{})
		ended := w.start(record.ID)()
		w.walked(record.ID, toDiagnosis+recoveryEnded+"Blocked")
		w.ended(ended, deployment.OutcomeBlocked, "UPDATE_COMPLETE")
	})
}

func TestRecoveryEndsAsAnyDeployment(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuckOnce)

		rejected := w.ask(deployment.Recovery{})
		wait := w.start(rejected.ID)
		if err := w.decide("bo", approval.Reject, w.reach(rejected.ID, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
		w.ended(wait(), deployment.OutcomeRejected, "bo rejected the recovery: because")
		w.walked(rejected.ID, toRecovery+recoveryEnded+"Rejected")

		expired := w.ask(deployment.Recovery{})
		w.ended(w.start(expired.ID)(), deployment.OutcomeExpired, "in time")
		w.walked(expired.ID, toProposal+"WaitForApproval ApprovalExpired "+recoveryEnded+"Expired")

		cancelled := w.ask(deployment.Recovery{})
		wait = w.start(cancelled.ID)
		w.reach(cancelled.ID, deployment.StageAwaiting)
		if _, err := w.host.FrontDoor.Cancel(w.t.Context(), frontdoor.Caller{Name: "ana"}, cancelled.ID, "wrong stack"); err != nil {
			w.t.Fatal(err)
		}
		w.ended(wait(), deployment.OutcomeCancelled, "wrong stack")
		w.stands("UPDATE_ROLLBACK_FAILED")

		older := w.ask(deployment.Recovery{})
		waitOlder := w.start(older.ID)
		w.reach(older.ID, deployment.StageAwaiting)
		time.Sleep(time.Second)
		newer := w.recovered(deployment.Recovery{})
		w.ended(waitOlder(), deployment.OutcomeSuperseded, newer.ID.String())
		w.ended(newer, deployment.OutcomeRecovered, "")
	})
}

// Two recoveries that people have begun to approve stand in one queue, and the second finds nothing left to do.
func TestTwoRecoveriesAtOnce(t *testing.T) {
	story(t, func(w *world) {
		w.broken(stuckOnce)
		w.define(func(d *service.Definition) { d.Approval.Count = 2 })
		first := w.ask(deployment.Recovery{})
		waitFirst := w.start(first.ID)
		waiting := w.reach(first.ID, deployment.StageAwaiting)
		if err := w.decide("bo", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
		second := w.ask(deployment.Recovery{})
		waitSecond := w.start(second.ID)
		w.reach(second.ID, deployment.StageQueued)
		deploy := w.request(deployment.IntentDeploy)
		waitDeploy := w.start(deploy.ID)
		w.reach(deploy.ID, deployment.StageQueued)
		if err := w.decide("cy", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
		w.ended(waitFirst(), deployment.OutcomeRecovered, "")
		w.ended(waitSecond(), deployment.OutcomeBlocked, "nothing to recover")
		w.reach(deploy.ID, deployment.StageAwaiting)
		if _, err := w.host.FrontDoor.Cancel(w.t.Context(), frontdoor.Caller{Name: "ana"}, deploy.ID, ""); err != nil {
			w.t.Fatal(err)
		}
		w.ended(waitDeploy(), deployment.OutcomeCancelled, "")
	})
}
