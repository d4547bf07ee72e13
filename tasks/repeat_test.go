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
	// never cannot be made and leaves nothing.
	never = `Resources: {Queue: {Type: "AWS::SQS::Queue", Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: no}}}}`
)

// The tasks that come before others.
var (
	locked   = []string{"PrepareDeployment", "AcquireStackLock"}
	made     = append(slices.Clone(locked), "InspectStack", "CreateChangeSet", "DescribeChangeSet")
	awaiting = append(slices.Clone(made), "WriteReview", "WaitForApproval")
)

// scene is a task, and what came before it.
type scene struct {
	task, template string
	before         func(w *world)
	// flow is what the state machine tells FinishDeployment.
	flow string
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
		By: "bo", Verdict: approval.Approve, ChangeSetID: record.ChangeSet.ARN, Digest: record.Review.Digest,
		Acknowledgements: record.Review.Acknowledge, At: time.Now(),
	}); err != nil {
		w.t.Fatal(err)
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
		"finish, discarded": {task: "FinishDeployment", before: after(made, discarded), flow: `{"fault":{"Error":"Rejected","Cause":"no"}}`},
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
		w := newWorld(t, template)
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
