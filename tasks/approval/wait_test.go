package approval_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	rules "stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/tasks/approval"
)

const id = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type at time.Time

func (a at) Now() time.Time { return time.Time(a) }

// steps notes the tokens that were woken.
type steps struct{ woken []string }

func (s *steps) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	s.woken = append(s.woken, aws.ToString(in.TaskToken))
	return &sfn.SendTaskSuccessOutput{}, nil
}

// crier counts announcements, and may do something while it announces.
type crier struct {
	cried     int
	meanwhile func()
	err       error
}

func (c *crier) ApprovalRequested(context.Context, store.Record) error {
	c.cried++
	if c.meanwhile != nil {
		c.meanwhile()
	}
	return c.err
}

// planned is a store with a deployment whose review was written.
func planned(t *testing.T) *sqlite.Store {
	t.Helper()
	kept, err := sqlite.Open(t.Context(), t.TempDir(), at(noon))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	if err := kept.CreateRecord(t.Context(), store.Record{
		Schema: store.RecordSchema, ID: id, Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, RequestedBy: "ana",
		Target: deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "shop-orders-prod"},
		Stage:  deployment.StagePlanning, Policy: rules.Policy{When: rules.Always, Count: 2, ExpiresAfter: time.Hour, Self: rules.SelfForbidden},
		ChangeSet: store.ChangeSet{ARN: "arn"}, Review: store.Review{Digest: "digest", ExpiresAt: noon.Add(time.Hour)},
	}); err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestWait(t *testing.T) {
	decided := func(verdict rules.Verdict, digest string, people ...string) func(*testing.T, *sqlite.Store) {
		return func(t *testing.T, kept *sqlite.Store) {
			for _, by := range people {
				if _, _, err := kept.AddDecision(t.Context(), id, rules.Decision{By: by, Verdict: verdict, ChangeSetID: "arn", Digest: digest, At: noon}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		// meanwhile happens between the stage and the end of the task: decisions are taken from the stage on.
		meanwhile func(t *testing.T, kept *sqlite.Store)
		wakes     bool
	}{
		"nobody has decided":   {},
		"one of two":           {meanwhile: decided(rules.Approve, "digest", "bo")},
		"both":                 {meanwhile: decided(rules.Approve, "digest", "bo", "cy"), wakes: true},
		"one rejects":          {meanwhile: decided(rules.Reject, "digest", "bo"), wakes: true},
		"the requester counts": {meanwhile: decided(rules.Approve, "digest", "bo", "ana")},
		"called off": {wakes: true, meanwhile: func(t *testing.T, kept *sqlite.Store) {
			if _, err := kept.UpdateRecord(t.Context(), id, func(r *store.Record) error { r.CancelledBy = "ana"; return nil }); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			kept, sent, people := planned(t), &steps{}, &crier{}
			if c.meanwhile != nil {
				people.meanwhile = func() { c.meanwhile(t, kept) }
			}
			out, err := (approval.Wait{Store: kept, Sender: sent, Clock: at(noon), Announcer: people}).Run(t.Context(), approval.WaitIn{DeploymentID: id, TaskToken: "token"})
			if err != nil || !out.ExpiresAt.Equal(noon.Add(time.Hour)) || people.cried != 1 {
				t.Fatalf("%+v, %v, announced %d times", out, err, people.cried)
			}
			_, err = kept.Waiter(t.Context(), id, store.AwaitApproval)
			if waits := err == nil; waits == c.wakes || (len(sent.woken) > 0) != c.wakes {
				t.Errorf("woken %q, waits %t", sent.woken, waits)
			}
		})
	}
}

func TestWaitAgainRenewsTheTokenAndAnnouncesNothing(t *testing.T) {
	kept, people := planned(t), &crier{}
	for n, token := range []string{"first", "second"} {
		task := approval.Wait{Store: kept, Sender: &steps{}, Clock: at(noon.Add(time.Duration(n) * time.Minute)), Announcer: people}
		if _, err := task.Run(t.Context(), approval.WaitIn{DeploymentID: id, TaskToken: token}); err != nil {
			t.Fatal(err)
		}
	}
	waiter, err := kept.Waiter(t.Context(), id, store.AwaitApproval)
	if err != nil || waiter.Token != "second" || people.cried != 1 {
		t.Errorf("%v, announced %d times", err, people.cried)
	}
	if r, err := kept.Record(t.Context(), id); err != nil || !r.Times.ApprovalRequested.Equal(noon) || r.Stage != deployment.StageAwaiting {
		t.Errorf("asked at %s in %s, %v", r.Times.ApprovalRequested, r.Stage, err)
	}
}

func TestWhoIsCalledOffDoesNotWait(t *testing.T) {
	kept, people := planned(t), &crier{}
	if _, err := kept.UpdateRecord(t.Context(), id, func(r *store.Record) error { r.CancelledBy = "ana"; return nil }); err != nil {
		t.Fatal(err)
	}
	_, err := (approval.Wait{Store: kept, Sender: &steps{}, Clock: at(noon), Announcer: people}).Run(t.Context(), approval.WaitIn{DeploymentID: id, TaskToken: "token"})
	if deployment.FaultOf(err) != deployment.Cancelled || people.cried != 0 {
		t.Errorf("%v, announced %d times", err, people.cried)
	}
	if waiting, err := kept.Waiters(t.Context(), store.AwaitApproval); err != nil || len(waiting) > 0 {
		t.Errorf("waits as %v, %v", waiting, err)
	}
}

func TestAnAnnouncementThatFailsIsSaid(t *testing.T) {
	broken := errors.New("no line")
	_, err := (approval.Wait{Store: planned(t), Sender: &steps{}, Clock: at(noon), Announcer: &crier{err: broken}}).Run(t.Context(), approval.WaitIn{DeploymentID: id, TaskToken: "token"})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
