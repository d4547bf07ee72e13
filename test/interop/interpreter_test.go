package interop_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/installed"
	"stackgate/internal/service"
)

// stories are told to both interpreters; each returns the execution that is compared.
var stories = map[string]func(s *side) ended{
	"deployed": (*side).deployed,
	"no-change": func(s *side) ended {
		s.deployed()
		return s.end(s.request(deployment.IntentDeploy))
	},
	"planned": func(s *side) ended { return s.end(s.request(deployment.IntentPlan)) },
	"rejected": func(s *side) ended {
		r := s.request(deployment.IntentDeploy)
		s.decided(approval.Reject, s.awaiting(r))
		return s.end(r)
	},
	"expired": func(s *side) ended {
		s.define(func(d *service.Definition) { d.Approval.ExpiresAfter = 3 * time.Second })
		return s.end(s.request(deployment.IntentDeploy))
	},
	"cancelled": func(s *side) ended {
		r := s.request(deployment.IntentDeploy)
		id := s.awaiting(r)
		_, err := caller(s.api, stranger).Cancel(s.t.Context(), id, "no reason")
		s.refused(err, frontdoor.RefusedIdentity)
		if _, err := caller(s.api, "bo").Cancel(s.t.Context(), id, "wrong branch"); err != nil {
			s.t.Fatal(err)
		}
		return s.end(r)
	},
	"superseded": func(s *side) ended {
		older := s.request(deployment.IntentDeploy)
		s.awaiting(older)
		s.deployed()
		return s.end(older)
	},
	"no-approval": func(s *side) ended {
		s.define(func(d *service.Definition) { d.Approval.When = approval.Dangerous })
		return s.end(s.request(deployment.IntentDeploy))
	},
	"stale": func(s *side) ended {
		s.deployed()
		s.template(table("orders-renamed", ""))
		r := s.request(deployment.IntentDeploy)
		id := s.awaiting(r)
		s.elsewhere(table("orders-by-hand", ""))
		s.decided(approval.Approve, id)
		return s.end(r)
	},
	"rolled-back": func(s *side) ended {
		s.deployed()
		s.template(table("orders", "create"))
		return s.deployed()
	},
	"made-anew": func(s *side) ended {
		s.template(table("orders", "create"))
		s.deployed()
		s.template(table("orders", ""))
		return s.deployed()
	},
	"paused": func(s *side) ended {
		s.deployed()
		s.define(func(d *service.Definition) { d.OnFailure = service.Keep })
		s.template(table("orders", "create"))
		return s.deployed()
	},
	"needs-human": func(s *side) ended {
		s.deployed()
		s.template(stuck)
		s.deployed()
		return s.end(s.request(deployment.IntentDeploy))
	},
	"recovered": func(s *side) ended {
		s.deployed()
		s.template(stuck)
		s.deployed()
		r := s.ask(frontdoor.Ask{Intent: deployment.IntentRecover, Recovery: deployment.Recovery{Skip: []string{"Table"}}})
		s.decided(approval.Approve, s.awaiting(r))
		return s.end(r)
	},
	"queue-exhausted": func(s *side) ended {
		s.define(func(d *service.Definition) { d.Approval.Count, d.Timeouts.Queue = 2, 3*time.Second })
		holder := s.request(deployment.IntentDeploy)
		s.decided(approval.Approve, s.awaiting(holder))
		queued := s.end(s.request(deployment.IntentDeploy))
		if err := s.decide("cy", approval.Approve, s.awaiting(holder)); err != nil {
			s.t.Fatal(err)
		}
		s.end(holder)
		return queued
	},
	"invalid-template": func(s *side) ended {
		s.template("Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref Nothing}}}")
		return s.end(s.request(deployment.IntentDeploy))
	},
	"failed-change-set": func(s *side) ended {
		s.define(func(d *service.Definition) { d.Capabilities = []string{"CAPABILITY_AUTO_EXPAND"} })
		s.template("Transform: AWS::Include\nResources: {A: {Type: 'AWS::SQS::Queue'}}")
		return s.end(s.request(deployment.IntentDeploy))
	},
}

// elsewhere updates the stack past stackgate, as somebody at the console would.
func (s *side) elsewhere(template string) {
	s.t.Helper()
	client, ctx := s.client(), s.t.Context()
	made, err := client.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: new(s.registry.definition.StackName), ChangeSetName: new("by-hand"), TemplateBody: &template, ChangeSetType: "UPDATE",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	if _, err := client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: made.Id}); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(4 * time.Second)
}

// TestIndependentInterpreter: the same definition, the same tasks, another interpreter, another store.
func TestIndependentInterpreter(t *testing.T) {
	moto(t)
	t.Parallel()
	for name, tell := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ours ended
			done := make(chan struct{})
			// Beside each other, because most of a story is waiting.
			t.Run("embedded", func(t *testing.T) {
				ours = tell(embedded(t, name))
				close(done)
			})
			t.Run("moto", func(t *testing.T) {
				theirs := tell(emulated(t, name))
				<-done
				if difference := cmp.Diff(ours, theirs); difference != "" {
					t.Errorf("-embedded +moto:\n%s", difference)
				}
			})
		})
	}
}

// TestTimedOutExecution: an execution that runs out of its time leaves a deployment behind, which the event of its end
// finishes.
func TestTimedOutExecution(t *testing.T) {
	moto(t)
	t.Parallel()
	s := emulated(t, "timed-out")
	r := s.request(deployment.IntentDeploy)
	waiting := s.reach(r.ID, deployment.StageAwaiting)
	if end := s.end(r); end.Status != "TIMED_OUT" {
		t.Errorf("the execution ended as %+v", end)
	}
	event := `{"id": "event", "source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": "` + waiting.ExecutionARN + `", "name": "` + r.ID.String() + `"}}`
	for range 2 {
		if _, err := s.handlers[installed.Plan].Handle(t.Context(), []byte(event)); err != nil {
			t.Fatal(err)
		}
	}
	finished, err := s.store.Record(t.Context(), r.ID)
	if err != nil || finished.Outcome != deployment.OutcomeFailedBeforeChange || finished.Open() || !finished.ChangeSet.Discarded || finished.Transitions < 10 {
		t.Errorf("outcome %s because %q, open: %v, discarded: %v, %d transitions (%v)", finished.Outcome, finished.Cause, finished.Open(), finished.ChangeSet.Discarded, finished.Transitions, err)
	}
	queue, err := s.store.Queue(t.Context(), finished.Target.Key())
	if err != nil || len(queue) != 0 {
		t.Errorf("the lock is held by %v (%v)", queue, err)
	}
	if _, err := s.client().DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &finished.StackName}); err == nil {
		t.Error("the empty stack is left")
	}
}
