package tasks_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/store"
)

const (
	good  = `Resources: {Queue: {Type: "AWS::SQS::Queue", Properties: {QueueName: orders}}}`
	other = `Resources: {Queue: {Type: "AWS::SQS::Queue", Properties: {QueueName: others}}}`
	// bad cannot be made, and leaves the bucket that it was made after.
	bad = `
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Bucket
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: the queue is out of order}}
`
	// stuck cannot be updated to from good, nor go back by itself.
	stuck = `
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Metadata: {"Stackgate::Simulate": {FailOn: rollback, Times: 1, Reason: the queue cannot go back}}
    Properties: {QueueName: orders, VisibilityTimeout: 60}
  Topic:
    Type: AWS::SNS::Topic
    DependsOn: Queue
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: the topic is out of order}}
`
	// never cannot be made and leaves nothing.
	never = `Resources: {Queue: {Type: "AWS::SQS::Queue", Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: no}}}}`
)

// The tasks that come before others.
var (
	locked   = []string{"PrepareDeployment", "AcquireStackLock"}
	made     = append(slices.Clone(locked), "InspectStack", "CreateChangeSet", "DescribeChangeSet")
	awaiting = append(slices.Clone(made), "WriteReview", "WaitForApproval")
	queueing = []string{"PrepareRecovery", "AcquireStackLock"}
	proposed = append(slices.Clone(queueing), "DiagnoseStack", "WriteRecoveryProposal", "WaitForApproval")
)

// scene is a task, and what came before it.
type scene struct {
	task, template string
	before         func(w *world)
	// flow is what the state machine tells FinishDeployment.
	flow string
	// recovery says that the request is one to recover, asked what it is to do.
	recovery bool
	asked    deployment.Recovery
}

func after(names []string, more ...func(w *world)) func(w *world) {
	return func(w *world) {
		w.run(names...)
		for _, step := range more {
			step(w)
		}
	}
}

func created(w *world)   { w.run("CreateChangeSet", "DescribeChangeSet") }
func verified(w *world)  { w.run("VerifyReview") }
func discarded(w *world) { w.run("DiscardChangeSet") }
func collected(w *world) { w.run("CollectEventTail") }
func confirmed(w *world) { w.run("ConfirmStackStatus") }

func executed(w *world) {
	w.run("ExecuteChangeSet")
	time.Sleep(time.Hour)
}

func approve(w *world) {
	record := w.record()
	if _, _, err := w.store.AddDecision(w.t.Context(), id, approval.Decision{
		By: "bo", Verdict: approval.Approve, ChangeSetID: record.DecidedUpon(), Digest: record.Review.Digest,
		Acknowledgements: record.Review.Acknowledge, At: time.Now(),
	}); err != nil {
		w.t.Fatal(err)
	}
}

func verifiedRecovery(w *world)  { w.run("VerifyRecoveryProposal") }
func confirmedRecovery(w *world) { w.run("ConfirmRecoveredStack") }

func performed(w *world) {
	w.run("PerformRecovery")
	time.Sleep(time.Hour)
}

// before puts things that other hands do before the first task.
func before(step func(w *world), then func(w *world)) func(w *world) {
	return func(w *world) {
		step(w)
		then(w)
	}
}

// queued puts another deployment of the service into the queue, where it waits for the lock.
func queued(other deployment.ID) func(w *world) {
	return func(w *world) {
		w.request(other)
		target := w.record().Target
		if err := w.store.PutWaiter(w.t.Context(), store.Waiter{DeploymentID: other, Purpose: store.AwaitLock, Target: target, Token: "next", Since: time.Now()}); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.store.Enqueue(w.t.Context(), target.Key(), store.Ticket{DeploymentID: other, Service: "orders", Environment: "prod", EnqueuedAt: time.Now()}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// broken brings a stack about that is stuck after an update, by other hands.
func broken(w *world) {
	there(good)(w)
	change(w, "UPDATE", stuck, false)
}

// paused brings a stack about whose creation failed with rollback disabled.
func paused(w *world) { change(w, "CREATE", bad, true) }

func change(w *world, kind types.ChangeSetType, template string, keep bool) {
	made, err := w.client().CreateChangeSet(w.t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: aws.String(stackOf), ChangeSetName: aws.String("theirs-too"), ChangeSetType: kind, TemplateBody: aws.String(template),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Hour)
	if _, err := w.client().ExecuteChangeSet(w.t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: made.Id, DisableRollback: aws.Bool(keep)}); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Hour)
}

// there brings the stack about by other hands.
func there(template string) func(w *world) {
	return func(w *world) {
		if _, err := w.client().CreateChangeSet(w.t.Context(), &cloudformation.CreateChangeSetInput{
			StackName: aws.String(stackOf), ChangeSetName: aws.String("theirs"), ChangeSetType: "CREATE", TemplateBody: aws.String(template),
		}); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := w.client().ExecuteChangeSet(w.t.Context(), &cloudformation.ExecuteChangeSetInput{
			StackName: aws.String(stackOf), ChangeSetName: aws.String("theirs"),
		}); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Hour)
	}
}

func scenes() map[string]scene {
	return map[string]scene{
		"prepare":                       {task: "PrepareDeployment", before: after(nil)},
		"lock, free":                    {task: "AcquireStackLock", before: after(locked[:1])},
		"lock, held by an older one":    {task: "AcquireStackLock", before: after(locked[:1], queued(older))},
		"inspect":                       {task: "InspectStack", before: after(locked)},
		"remove the rolled back":        {task: "RemoveEmptyStack", before: after(locked, there(never))},
		"create":                        {task: "CreateChangeSet", before: after(locked)},
		"create for a stack":            {task: "CreateChangeSet", before: after(locked, there(other))},
		"describe":                      {task: "DescribeChangeSet", before: after(made[:len(made)-1])},
		"explain a failed set":          {task: "ExplainFailedChangeSet", before: after(locked, there(good), created)},
		"review":                        {task: "WriteReview", before: after(made)},
		"wait":                          {task: "WaitForApproval", before: after(awaiting[:len(awaiting)-1])},
		"wait, decided already":         {task: "WaitForApproval", before: after(awaiting, approve)},
		"verify":                        {task: "VerifyReview", before: after(awaiting, approve)},
		"execute":                       {task: "ExecuteChangeSet", before: after(awaiting, approve, verified)},
		"confirm":                       {task: "ConfirmStackStatus", before: after(awaiting, approve, verified, executed)},
		"collect":                       {task: "CollectEventTail", template: bad, before: after(awaiting, approve, verified, executed, confirmed)},
		"discard with its shell":        {task: "DiscardChangeSet", before: after(made)},
		"discard from a stack":          {task: "DiscardChangeSet", before: after(locked, there(other), created)},
		"finish, deployed":              {task: "FinishDeployment", before: after(awaiting, approve, verified, executed, confirmed, queued(next))},
		"finish, failed with leftovers": {task: "FinishDeployment", template: bad, before: after(awaiting, approve, verified, executed, confirmed, collected, queued(next))},
		"finish, not discarded": {
			task: "FinishDeployment", before: after(made, queued(next)),
			flow: `{"fault":{"Error":"Cancelled","Cause":"ana called it off"},"discardFault":{"Error":"NotPermitted","Cause":"no"}}`,
		},
		"prepare a recovery":    {task: "PrepareRecovery", recovery: true, before: before(broken, after(nil))},
		"diagnose":              {task: "DiagnoseStack", recovery: true, before: before(broken, after(queueing))},
		"propose":               {task: "WriteRecoveryProposal", recovery: true, before: before(broken, after(proposed[:3]))},
		"verify a proposal":     {task: "VerifyRecoveryProposal", recovery: true, before: before(broken, after(proposed, approve))},
		"continue a rollback":   {task: "PerformRecovery", recovery: true, before: before(broken, after(proposed, approve, verifiedRecovery))},
		"skip in a rollback":    {task: "PerformRecovery", recovery: true, asked: deployment.Recovery{Skip: []string{"Queue"}}, before: before(broken, after(proposed, approve, verifiedRecovery))},
		"roll a creation back":  {task: "PerformRecovery", recovery: true, before: before(paused, after(proposed, approve, verifiedRecovery))},
		"remove an empty stack": {task: "PerformRecovery", recovery: true, before: before(there(never), after(proposed, approve, verifiedRecovery))},
		"confirm a recovery":    {task: "ConfirmRecoveredStack", recovery: true, before: before(broken, after(proposed, approve, verifiedRecovery, performed))},
		"finish a recovery":     {task: "FinishRecovery", recovery: true, before: before(broken, after(proposed, approve, verifiedRecovery, performed, confirmedRecovery, queued(next)))},
		"finish, discarded":     {task: "FinishDeployment", before: after(made, discarded), flow: `{"fault":{"Error":"Rejected","Cause":"no"}}`},
	}
}

// seen runs a scene's task until it succeeds: in a process that dies at its doomed effect, and then in those that live.
// It returns what was seen then, and whether the first process died.
func (s scene) seen(t *testing.T, first life, lives int) (seen string, died bool) {
	synctest.Test(t, func(t *testing.T) {
		template, flow := s.template, s.flow
		if template == "" {
			template = good
		}
		if flow == "" {
			flow = "{}"
		}
		intent := deployment.IntentDeploy
		if s.recovery {
			intent = deployment.IntentRecover
		}
		w := newWorld(t, template, intent, s.asked)
		defer w.store.Close()
		s.before(w)
		var answers []string
		if first.doomed > 0 {
			answer, err := w.try(&first, s.task, flow)
			if died = first.dead; died != (err != nil) {
				t.Fatalf("died %t, and answered %s, %v", died, answer, err)
			}
		}
		for range lives {
			answer, err := w.try(&life{}, s.task, flow)
			if err != nil {
				t.Fatalf("%s fails after a try before it: %v", s.task, err)
			}
			answers = append(answers, plain(w, answer))
		}
		seen = w.seen() + "answer " + answers[len(answers)-1]
	})
	return seen, died
}

// plain is an answer without the words that say which try did the work.
func plain(w *world, answer json.RawMessage) string {
	var fields map[string]any
	if err := json.Unmarshal(answer, &fields); err != nil {
		w.t.Fatal(err)
	}
	for _, word := range []string{"removed", "adopted", "discarded", "shellRemoved"} {
		delete(fields, word)
	}
	return string(must[[]byte](w)(json.Marshal(fields)))
}

// TestEveryTaskIsRepeatable shows the fourth rule of README.md: the task is run once, twice, and after a process that
// died before and after each single thing that the task does to the store, to CloudFormation and to Step Functions.
func TestEveryTaskIsRepeatable(t *testing.T) {
	for name, s := range scenes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once, _ := s.seen(t, life{}, 1)
			twice, _ := s.seen(t, life{}, 2)
			if diff := cmp.Diff(once, twice); diff != "" {
				t.Errorf("twice is not once (-once +twice):\n%s", diff)
			}
			for doomed := 1; ; doomed++ {
				deaths := 0
				for _, after := range []bool{false, true} {
					got, died := s.seen(t, life{doomed: doomed, after: after}, 1)
					if died {
						deaths++
					}
					if diff := cmp.Diff(once, got); diff != "" {
						t.Errorf("%s (-undisturbed +repeated):\n%s", fmt.Sprintf("died at effect %d, after it %t", doomed, after), diff)
					}
				}
				if deaths == 0 {
					break
				}
			}
		})
	}
}

func TestNoTaskIsForgotten(t *testing.T) {
	shown := map[string]bool{}
	for _, s := range scenes() {
		shown[s.task] = true
	}
	for _, task := range tasks(functions.Parts{}) {
		if !shown[task.Name()] {
			t.Errorf("no scene shows that %s may be repeated", task.Name())
		}
	}
}
