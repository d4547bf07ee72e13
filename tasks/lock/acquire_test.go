package lock_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/tasks/lock"
)

const (
	older = deployment.ID("orders-prod-20261122T130203Z-aaaaaaaa")
	newer = deployment.ID("orders-prod-20261122T140203Z-bbbbbbbb")
)

var (
	target = deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "shop-orders-prod"}
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

type at time.Time

func (a at) Now() time.Time { return time.Time(a) }

// steps notes the tokens that were woken.
type steps struct{ woken []string }

func (s *steps) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	s.woken = append(s.woken, aws.ToString(in.TaskToken))
	return &sfn.SendTaskSuccessOutput{}, nil
}

func deploy(id deployment.ID, stage deployment.Stage) store.Record {
	return store.Record{
		Schema: store.RecordSchema, ID: id, Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, Target: target, Stage: stage,
		ChangeSet: store.ChangeSet{ARN: "set"}, Review: store.Review{Digest: "digest"},
	}
}

func TestAcquire(t *testing.T) {
	for name, c := range map[string]struct {
		// change alters the older deployment, which waits for its approval, and the newer one, which queues.
		change     func(older, newer *store.Record)
		decided    bool
		superseded bool
		fault      deployment.Fault
	}{
		"a newer deployment supersedes":            {change: func(_, _ *store.Record) {}, superseded: true},
		"one that waits for the lock as well":      {change: func(older, _ *store.Record) { older.Stage = deployment.StageQueued }, superseded: true},
		"a plan supersedes nothing":                {change: func(_, newer *store.Record) { newer.Intent = deployment.IntentPlan }},
		"a plan is not superseded":                 {change: func(older, _ *store.Record) { older.Intent = deployment.IntentPlan }},
		"nor one that somebody has decided upon":   {change: func(_, _ *store.Record) {}, decided: true},
		"nor one that is executed":                 {change: func(older, _ *store.Record) { older.Stage = deployment.StageExecuting }},
		"nor another service's of the same stack":  {change: func(older, _ *store.Record) { older.Service = "bills" }},
		"nor that of another environment":          {change: func(older, _ *store.Record) { older.Environment = "test" }},
		"who was called off does not queue at all": {change: func(_, newer *store.Record) { newer.CancelledBy = "ana" }, fault: deployment.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := sqlite.Open(t.Context(), t.TempDir(), at(noon))
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close()
			first, second := deploy(older, deployment.StageAwaiting), deploy(newer, deployment.StageRequested)
			c.change(&first, &second)
			for _, r := range []store.Record{first, second} {
				if err := kept.CreateRecord(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			if c.decided {
				if _, _, err := kept.AddDecision(t.Context(), older, approval.Decision{By: "bo", Verdict: approval.Approve, ChangeSetID: "set", Digest: "digest", At: noon}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := kept.Enqueue(t.Context(), target.Key(), store.Ticket{DeploymentID: older, Service: first.Service, Environment: first.Environment}); err != nil {
				t.Fatal(err)
			}
			for _, purpose := range []store.Purpose{store.AwaitApproval, store.AwaitStack} {
				if err := kept.PutWaiter(t.Context(), store.Waiter{DeploymentID: older, Purpose: purpose, Target: target, StackID: "stack", Token: "older's " + string(purpose)}); err != nil {
					t.Fatal(err)
				}
			}
			sent := &steps{}
			out, err := (lock.Acquire{Store: kept, Sender: sent, Clock: at(noon)}).Run(t.Context(), lock.AcquireIn{DeploymentID: newer, TaskToken: "newer's"})
			if (err != nil) != (c.fault != "") || err != nil && deployment.FaultOf(err) != c.fault {
				t.Fatalf("%v, want %q", err, c.fault)
			}
			queue, queueErr := kept.Queue(t.Context(), target.Key())
			if queueErr != nil {
				t.Fatal(queueErr)
			}
			if c.fault != "" {
				if len(queue) != 1 {
					t.Errorf("it queues nevertheless: %v", queue)
				}
				return
			}
			if len(queue) != 2 || queue[0].DeploymentID != older || !slices.Equal(out.Ahead, []deployment.ID{older}) {
				t.Errorf("queue %v, ahead %v", queue, out.Ahead)
			}
			r, err := kept.Record(t.Context(), older)
			if err != nil || (r.SupersededBy == newer) != c.superseded {
				t.Errorf("superseded by %q, %v", r.SupersededBy, err)
			}
			var want []string
			if c.superseded {
				want = []string{"older's approval"}
			}
			if !slices.Equal(sent.woken, want) {
				t.Errorf("woken %q, want %q", sent.woken, want)
			}
			if w, err := kept.Waiter(t.Context(), newer, store.AwaitLock); err != nil || w.Token != "newer's" {
				t.Errorf("the newer one is not waiting: %v", err)
			}
		})
	}
}

func TestAFreeLockIsTakenAtOnceAndAgain(t *testing.T) {
	kept, err := sqlite.Open(t.Context(), t.TempDir(), at(noon))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if err := kept.CreateRecord(t.Context(), deploy(newer, deployment.StageRequested)); err != nil {
		t.Fatal(err)
	}
	sent := &steps{}
	for n, token := range []string{"first", "second"} {
		task := lock.Acquire{Store: kept, Sender: sent, Clock: at(noon.Add(time.Duration(n) * time.Hour))}
		if out, err := task.Run(t.Context(), lock.AcquireIn{DeploymentID: newer, TaskToken: token}); err != nil || len(out.Ahead) != 0 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	if !slices.Equal(sent.woken, []string{"first", "second"}) {
		t.Errorf("woken %q: each try has a token of its own", sent.woken)
	}
	queue, err := kept.Queue(t.Context(), target.Key())
	if err != nil || len(queue) != 1 || !queue[0].EnqueuedAt.Equal(noon) {
		t.Errorf("queue %v, %v", queue, err)
	}
	if r, err := kept.Record(t.Context(), newer); err != nil || !r.Times.Queued.Equal(noon) {
		t.Errorf("queued at %s, %v", r.Times.Queued, err)
	}
}
