package local

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/functions"
	"stackgate/internal/service"
)

const (
	toReview    = "PrepareDeployment AcquireStackLock InspectStack ChooseAction CreateChangeSet DescribeChangeSet ChangeSetReady WriteReview ApprovalNeeded "
	toApproval  = toReview + "WaitForApproval VerifyReview "
	toExecution = toApproval + "ExecuteChangeSet ConfirmStackStatus StackSettled "
	collected   = "CollectEventTail "
	discarded   = "DiscardChangeSet "
	finished    = "FinishDeployment ReportOutcome "
)

func TestDeployed(t *testing.T) {
	story(t, func(w *world) {
		record := w.deployed()
		w.walked(record.ID, toExecution+collected+finished+"Deployed")
		w.ended(record, deployment.OutcomeDeployed, "")
		if got := w.stackStatus(); got != "CREATE_COMPLETE" {
			w.t.Errorf("stack is %s", got)
		}
	})
}

func TestNoChange(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.walked(record.ID, "PrepareDeployment AcquireStackLock InspectStack ChooseAction CreateChangeSet DescribeChangeSet ChangeSetReady "+discarded+finished+"NoChange")
		w.ended(ended, deployment.OutcomeNoChange, "")
	})
}

func TestPlanned(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentPlan)
		ended := w.start(record.ID)()
		w.walked(record.ID, toReview+discarded+finished+"Planned")
		w.ended(ended, deployment.OutcomePlanned, "")
		if got := w.stackStatus(); got != "absent" {
			w.t.Errorf("the plan left the stack %s behind", got)
		}
	})
}

func TestNotNeedingApproval(t *testing.T) {
	story(t, func(w *world) {
		w.define(func(d *service.Definition) { d.Approval.When = approval.Dangerous })
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.walked(record.ID, toReview+"VerifyReview ExecuteChangeSet ConfirmStackStatus StackSettled "+collected+finished+"Deployed")
		w.ended(ended, deployment.OutcomeDeployed, "")

		w.template(table("orders-renamed", ""))
		dangerous := w.request(deployment.IntentDeploy)
		wait := w.start(dangerous.ID)
		if err := w.decide("bo", approval.Reject, w.reach(dangerous.ID, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
		w.ended(wait(), deployment.OutcomeRejected, "bo rejected the change set: because")
	})
}

func TestRejected(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		if err := w.decide("bo", approval.Reject, w.reach(record.ID, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
		ended := wait()
		w.walked(record.ID, toApproval+discarded+finished+"Rejected")
		w.ended(ended, deployment.OutcomeRejected, "bo rejected")
		if got := w.stackStatus(); got != "absent" {
			w.t.Errorf("the rejected deployment left the stack %s behind", got)
		}
	})
}

func TestExpired(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.walked(record.ID, toReview+"WaitForApproval ApprovalExpired "+discarded+finished+"Expired")
		w.ended(ended, deployment.OutcomeExpired, "nobody decided in time: the review waited for 2h")
		w.advised(ended, "`stackgate deploy orders -e prod`", "raise approval.expiresAfter of prod")
	})
}

func TestStale(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		w.template(table("orders-renamed", ""))
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		waiting := w.reach(record.ID, deployment.StageAwaiting)
		w.elsewhere(table("orders-by-hand", ""))
		if err := w.decide("bo", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
		ended := wait()
		w.walked(record.ID, toApproval+discarded+finished+"Stale")
		w.ended(ended, deployment.OutcomeStale, "")
	})
}

// elsewhere updates the stack past stackgate, as somebody at the console would.
func (w *world) elsewhere(template string) {
	w.t.Helper()
	client, ctx := w.simulator.Client(account, region), w.t.Context()
	made, err := client.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: new(stackOf), ChangeSetName: new("by-hand"), TemplateBody: &template, ChangeSetType: "UPDATE",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if _, err := client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: made.Id}); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
}

func TestCancelledWhileWaiting(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		wait := w.start(record.ID)
		w.reach(record.ID, deployment.StageAwaiting)
		if _, err := w.host.FrontDoor.Cancel(w.t.Context(), frontdoor.Caller{Name: "ana"}, record.ID, "wrong branch"); err != nil {
			w.t.Fatal(err)
		}
		ended := wait()
		w.walked(record.ID, toApproval+discarded+finished+"Cancelled")
		w.ended(ended, deployment.OutcomeCancelled, "ana called the deployment off: wrong branch")
	})
}

func TestSuperseded(t *testing.T) {
	story(t, func(w *world) {
		older := w.request(deployment.IntentDeploy)
		waitOlder := w.start(older.ID)
		w.reach(older.ID, deployment.StageAwaiting)
		time.Sleep(time.Second)
		newer := w.deployed()
		ended := waitOlder()
		w.walked(older.ID, toApproval+discarded+finished+"Superseded")
		w.ended(ended, deployment.OutcomeSuperseded, newer.ID.String())
		w.ended(newer, deployment.OutcomeDeployed, "")
	})
}

func TestQueueExhaustedBehindAnApprovedDeployment(t *testing.T) {
	story(t, func(w *world) {
		w.define(func(d *service.Definition) { d.Approval.Count = 2 })
		holder := w.request(deployment.IntentDeploy)
		waitHolder := w.start(holder.ID)
		if err := w.decide("bo", approval.Approve, w.reach(holder.ID, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Second)
		queued := w.request(deployment.IntentDeploy)
		ended := w.start(queued.ID)()
		w.walked(queued.ID, "PrepareDeployment AcquireStackLock QueueExhausted "+finished+"Blocked")
		w.ended(ended, deployment.OutcomeBlocked, holder.ID.String()+" (awaiting-approval, requested by ana) held stack shop-orders-prod for the 1h that this deployment may queue")
		w.advised(ended, "`stackgate status "+holder.ID.Short()+"`", "`stackgate cancel "+holder.ID.Short()+"`", "`stackgate deploy orders -e prod`")
		if err := w.decide("cy", approval.Approve, w.reach(holder.ID, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
		w.ended(waitHolder(), deployment.OutcomeDeployed, "")
	})
}

func TestQueuedDeploymentGoesOnWhenTheLockIsFree(t *testing.T) {
	story(t, func(w *world) {
		holder := w.request(deployment.IntentDeploy)
		waitHolder := w.start(holder.ID)
		waiting := w.reach(holder.ID, deployment.StageAwaiting)
		time.Sleep(time.Second)
		plan := w.request(deployment.IntentPlan)
		waitPlan := w.start(plan.ID)
		w.reach(plan.ID, deployment.StageQueued)
		if err := w.decide("bo", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
		w.ended(waitHolder(), deployment.OutcomeDeployed, "")
		w.ended(waitPlan(), deployment.OutcomeNoChange, "")
	})
}

func TestRolledBack(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		w.template(table("orders", "create"))
		record := w.deployed()
		w.walked(record.ID, toExecution+collected+finished+"FailedRolledBack")
		w.ended(record, deployment.OutcomeFailedRolledBack, "Queue")
		w.ended(record, deployment.OutcomeFailedRolledBack, "the queue is out of order")
	})
}

func TestFirstCreationFailsAndIsMadeAnew(t *testing.T) {
	story(t, func(w *world) {
		w.template(table("orders", "create"))
		failed := w.deployed()
		w.ended(failed, deployment.OutcomeFailedRolledBack, "the queue is out of order")
		if got := w.stackStatus(); got != "ROLLBACK_COMPLETE" {
			w.t.Fatalf("stack is %s", got)
		}
		w.template(table("orders", ""))
		record := w.deployed()
		w.walked(record.ID, "PrepareDeployment AcquireStackLock InspectStack ChooseAction RemoveEmptyStack CreateChangeSet DescribeChangeSet ChangeSetReady "+
			"WriteReview ApprovalNeeded WaitForApproval VerifyReview ExecuteChangeSet ConfirmStackStatus StackSettled "+collected+finished+"Deployed")
		w.ended(record, deployment.OutcomeDeployed, "")
	})
}

func TestNeedsHumanWhenTheRollbackFails(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		w.template(stuck)
		record := w.deployed()
		w.walked(record.ID, toExecution+collected+finished+"FailedNeedsHuman")
		w.ended(record, deployment.OutcomeFailedNeedsHuman, "out of order")

		again := w.request(deployment.IntentDeploy)
		ended := w.start(again.ID)()
		w.walked(again.ID, "PrepareDeployment AcquireStackLock InspectStack ChooseAction StackNeedsHuman "+finished+"FailedNeedsHuman")
		w.ended(ended, deployment.OutcomeFailedNeedsHuman, "stackgate recover orders -e prod")
	})
}

// stuck updates the table, then fails to make the queue, and then fails to return the table to what it was.
const stuck = `
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Metadata: {"Stackgate::Simulate": {FailOn: rollback, Reason: the table cannot go back}}
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Table
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: the queue is out of order}}
`

func TestPaused(t *testing.T) {
	story(t, func(w *world) {
		w.deployed()
		w.define(func(d *service.Definition) { d.OnFailure = service.Keep })
		w.template(table("orders", "create"))
		record := w.deployed()
		w.walked(record.ID, toExecution+collected+finished+"FailedPaused")
		w.ended(record, deployment.OutcomeFailedPaused, "the queue is out of order")
	})
}

func TestStackBusyUntilTheOtherOperationIsOver(t *testing.T) {
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
		record := w.deployed()
		w.walked(record.ID, toExecution+collected+finished+"Deployed")
		w.ended(record, deployment.OutcomeDeployed, "")
	})
}

func TestFailedChangeSet(t *testing.T) {
	story(t, func(w *world) {
		w.define(func(d *service.Definition) { d.Capabilities = []string{"CAPABILITY_AUTO_EXPAND"} })
		w.template("Transform: AWS::Include\nResources: {A: {Type: 'AWS::SQS::Queue'}}")
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.walked(record.ID, "PrepareDeployment AcquireStackLock InspectStack ChooseAction CreateChangeSet DescribeChangeSet ExplainFailedChangeSet "+discarded+finished+"FailedBeforeChange")
		w.ended(ended, deployment.OutcomeFailedBeforeChange, "")
		if got := w.stackStatus(); got != "absent" {
			w.t.Errorf("the failed change set left the stack %s behind", got)
		}
	})
}

func TestInvalidTemplate(t *testing.T) {
	story(t, func(w *world) {
		w.template("Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref Nothing}}}")
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.walked(record.ID, "PrepareDeployment AcquireStackLock InspectStack ChooseAction CreateChangeSet "+discarded+finished+"FailedBeforeChange")
		w.ended(ended, deployment.OutcomeFailedBeforeChange, "Nothing")
	})
}

// faulty fails the first calls of DescribeStacks with an error.
type faulty struct {
	functions.Client
	left *atomic.Int64
	err  error
}

func (f faulty) DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if f.left.Add(-1) >= 0 {
		return nil, f.err
	}
	return f.Client.DescribeStacks(ctx, in, opts...)
}

func (w *world) failDescribe(times int64, err error) {
	left := new(atomic.Int64)
	left.Store(times)
	w.wrap = func(c functions.Client) functions.Client { return faulty{c, left, err} }
}

func TestThrottled(t *testing.T) {
	story(t, func(w *world) {
		w.failDescribe(5, &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"})
		record := w.deployed()
		w.walked(record.ID, toExecution+collected+finished+"Deployed")
		w.ended(record, deployment.OutcomeDeployed, "")
	})
}

func TestThrottledForEver(t *testing.T) {
	story(t, func(w *world) {
		w.failDescribe(1000, &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"})
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.walked(record.ID, "PrepareDeployment AcquireStackLock InspectStack "+finished+"FailedBeforeChange")
		w.ended(ended, deployment.OutcomeFailedBeforeChange, "Rate exceeded")
	})
}

func TestUnexpectedError(t *testing.T) {
	story(t, func(w *world) {
		w.failDescribe(1000, errors.New("the moon is full"))
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.walked(record.ID, "PrepareDeployment AcquireStackLock InspectStack "+finished+"FailedBeforeChange")
		w.ended(ended, deployment.OutcomeFailedBeforeChange, "the moon is full")
		if ended.Fault != deployment.InternalError {
			w.t.Errorf("fault = %s", ended.Fault)
		}
	})
}

func TestNotPermitted(t *testing.T) {
	story(t, func(w *world) {
		w.failDescribe(1000, &smithy.GenericAPIError{Code: "AccessDenied", Message: "User is not authorized to perform: cloudformation:DescribeStacks"})
		record := w.request(deployment.IntentDeploy)
		w.ended(w.start(record.ID)(), deployment.OutcomeFailedBeforeChange, "cloudformation:DescribeStacks")
	})
}

func TestTheJournalTellsTheStory(t *testing.T) {
	story(t, func(w *world) {
		record := w.deployed()
		events, err := w.store.Events(w.t.Context(), record.ID, 0, 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		var kinds []string
		for _, e := range events {
			if kind := e.Type; kind != "state_entered" && (len(kinds) == 0 || kinds[len(kinds)-1] != kind) {
				kinds = append(kinds, kind)
			}
		}
		want := "plan_started change_set_status planned_change change_summary approval_requested approval_recorded " +
			"execution_started resource_progress resource_complete result"
		if got := strings.Join(kinds, " "); got != want {
			w.t.Errorf("journal:\n got %s\nwant %s", got, want)
		}
	})
}
