package events_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/approval"
	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/tasks/events"
)

// TestSweepOfEveryWait puts one deployment after another into every wait, and looks at it at some age.
func TestSweepOfEveryWait(t *testing.T) {
	const (
		queue, expires, execution = time.Hour, 2 * time.Hour, 3 * time.Hour
		token                     = "token"
	)
	moving := stack{status: types.StackStatusUpdateInProgress, execution: types.ExecutionStatusExecuteInProgress}
	id := deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	cancel := func(r *store.Record) { r.CancelledBy = "ana" }
	approve := []approval.Decision{{By: "bo", Verified: true, Verdict: approval.Approve, ChangeSetID: "set", Digest: "sha256:1"}}
	for name, c := range map[string]struct {
		purpose   store.Purpose
		age       time.Duration
		change    func(*store.Record)
		decisions []approval.Decision
		ahead     bool
		// forgotten leaves out the definition, without which nobody knows the limit.
		forgotten bool
		want      events.Swept
		fails     bool
	}{
		"queued":                          {purpose: store.AwaitLock, ahead: true},
		"queued for long":                 {purpose: store.AwaitLock, ahead: true, age: queue + events.StuckAfter},
		"queued for too long":             {purpose: store.AwaitLock, ahead: true, age: queue + events.StuckAfter + time.Second, want: events.Swept{Stuck: 1}},
		"the lock is free":                {purpose: store.AwaitLock, want: events.Swept{Woken: 1}},
		"the lock is long free":           {purpose: store.AwaitLock, age: 24 * time.Hour, want: events.Swept{Woken: 1}},
		"called off in the queue":         {purpose: store.AwaitLock, ahead: true, change: cancel, want: events.Swept{Woken: 1}},
		"nobody has decided":              {purpose: store.AwaitApproval},
		"nobody has decided for too long": {purpose: store.AwaitApproval, age: expires + events.StuckAfter + time.Second, want: events.Swept{Stuck: 1}},
		"decided":                         {purpose: store.AwaitApproval, decisions: approve, want: events.Swept{Woken: 1}},
		"called off before a decision":    {purpose: store.AwaitApproval, change: cancel, want: events.Swept{Woken: 1}},
		"the stack moves":                 {purpose: store.AwaitStack, age: execution},
		"the stack moves for too long":    {purpose: store.AwaitStack, age: execution + events.StuckAfter + time.Second, want: events.Swept{Stuck: 1}},
		"nobody knows the limit":          {purpose: store.AwaitStack, age: events.StuckAfter + time.Second, forgotten: true, want: events.Swept{Stuck: 1}, fails: true},
		"nobody asks for the limit":       {purpose: store.AwaitStack, age: events.StuckAfter - time.Second, forgotten: true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			kept, err := sqlite.Open(ctx, t.TempDir(), at(noon))
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close()
			r := store.Record{
				Schema: store.RecordSchema, ID: id, Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, RequestedBy: "ana",
				Target:  deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "orders"},
				StackID: "orders", Stage: deployment.StageAwaiting, ChangeSet: store.ChangeSet{ARN: "set"}, Review: store.Review{Digest: "sha256:1"},
				Policy: approval.Policy{When: approval.Always, Count: 1, ExpiresAfter: expires, Self: approval.SelfForbidden},
			}
			if !c.forgotten {
				if r.Definition, err = service.KeepDefinition(ctx, kept, service.Definition{Timeouts: service.Timeouts{Queue: queue, Execution: execution}}); err != nil {
					t.Fatal(err)
				}
			}
			if c.change != nil {
				c.change(&r)
			}
			if err := kept.CreateRecord(ctx, r); err != nil {
				t.Fatal(err)
			}
			for _, d := range c.decisions {
				if _, _, err := kept.AddDecision(ctx, id, d); err != nil {
					t.Fatal(err)
				}
			}
			if c.ahead {
				if _, err := kept.Enqueue(ctx, r.Target.Key(), store.Ticket{DeploymentID: "orders-prod-20261122T130203Z-aaaaaaaa"}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := kept.Enqueue(ctx, r.Target.Key(), store.Ticket{DeploymentID: id}); err != nil {
				t.Fatal(err)
			}
			if err := kept.PutWaiter(ctx, store.Waiter{DeploymentID: id, Purpose: c.purpose, Target: r.Target, StackID: r.StackID, Token: token, Since: noon}); err != nil {
				t.Fatal(err)
			}
			sent := &steps{}
			swept, err := events.Wake{Store: kept, Sender: sent, Clock: at(noon.Add(c.age)), Connect: func(context.Context, store.Record) (cfn.OperationReader, error) {
				return moving, nil
			}}.Sweep(ctx)
			if swept != c.want || (err != nil) != c.fails {
				t.Errorf("%+v, %v; want %+v", swept, err, c.want)
			}
			if (c.want.Woken == 1) != slices.Equal(sent.woken, []string{token}) {
				t.Errorf("woken: %q", sent.woken)
			}
		})
	}
}
