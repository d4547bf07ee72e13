package record_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/tasks/record"
)

const (
	id   = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	next = deployment.ID("orders-prod-20261122T150203Z-bbbbbbbb")
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

func open(t *testing.T, records ...store.Record) *sqlite.Store {
	t.Helper()
	kept, err := sqlite.Open(t.Context(), t.TempDir(), at(noon))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	for _, r := range records {
		r.Schema, r.Service, r.Environment, r.Target, r.Intent = store.RecordSchema, "orders", "prod", target, deployment.IntentDeploy
		if err := kept.CreateRecord(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if _, err := kept.Enqueue(t.Context(), target.Key(), store.Ticket{DeploymentID: r.ID, Service: "orders", Environment: "prod"}); err != nil {
			t.Fatal(err)
		}
		if err := kept.PutWaiter(t.Context(), store.Waiter{DeploymentID: r.ID, Purpose: store.AwaitLock, Target: target, Token: "token of " + string(r.ID)}); err != nil {
			t.Fatal(err)
		}
	}
	return kept
}

func TestFinish(t *testing.T) {
	for name, c := range map[string]struct {
		given   store.Record
		flow    record.Flow
		outcome deployment.Outcome
		cause   string
		left    string
		kept    bool
	}{
		"deployed": {
			given:   store.Record{Stage: deployment.StageExecuting, Times: store.Times{Executed: noon}, Settlement: deployment.SettlementSucceeded},
			outcome: deployment.OutcomeDeployed,
		},
		"the root cause outweighs the fault": {
			given: store.Record{
				Stage: deployment.StageExecuting, Times: store.Times{Executed: noon}, Settlement: deployment.SettlementRolledBack,
				Tail: store.Tail{RootCause: "the queue is out of order"},
			},
			flow:    record.Flow{Fault: &record.ErrorOutput{Error: "InternalError", Cause: "a later task broke"}},
			outcome: deployment.OutcomeFailedRolledBack, cause: "the queue is out of order",
		},
		"the sentence of a function": {
			flow:    record.Flow{Fault: &record.ErrorOutput{Error: "Rejected", Cause: `{"errorMessage":"bo said no","errorType":"Rejected"}`}},
			outcome: deployment.OutcomeRejected, cause: "bo said no",
		},
		"an error that is no fault": {
			flow:    record.Flow{Fault: &record.ErrorOutput{Error: "Lambda.Unknown", Cause: "the function is gone"}},
			outcome: deployment.InternalError.Outcome(), cause: "the function is gone",
		},
		"a discard that failed hides nothing": {
			flow: record.Flow{
				Fault: &record.ErrorOutput{Error: "Cancelled", Cause: "ana called it off"}, DiscardFault: &record.ErrorOutput{Error: "NotPermitted", Cause: "no"},
			},
			outcome: deployment.OutcomeCancelled, cause: "ana called it off", left: "was not deleted: no",
		},
		"a stack that still moves keeps the lock": {
			given:   store.Record{Stage: deployment.StageExecuting, Times: store.Times{Executed: noon}, Settlement: deployment.SettlementMoving},
			flow:    record.Flow{Fault: &record.ErrorOutput{Error: "StackTimedOut", Cause: "still in UPDATE_IN_PROGRESS"}},
			outcome: deployment.OutcomeFailedNeedsHuman, cause: "still in UPDATE_IN_PROGRESS", kept: true,
		},
		"nobody knows where the stack is": {
			given:   store.Record{Stage: deployment.StageExecuting, Times: store.Times{Executed: noon}},
			flow:    record.Flow{Fault: &record.ErrorOutput{Error: "InternalError", Cause: "broken"}},
			outcome: deployment.OutcomeFailedNeedsHuman, cause: "broken", kept: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.given.ID = id
			kept, sent := open(t, c.given, store.Record{ID: next}), &steps{}
			task := record.Finish{Store: kept, Sender: sent, Clock: at(noon)}
			out, err := task.Run(t.Context(), record.FinishIn{DeploymentID: id, Flow: c.flow})
			if err != nil || out.Outcome != c.outcome || !strings.Contains(out.Cause, c.cause) {
				t.Fatalf("%+v, %v", out, err)
			}
			r, err := kept.Record(t.Context(), id)
			if err != nil || r.Stage != deployment.StageFinished || r.Outcome != c.outcome || r.LockKept != c.kept {
				t.Errorf("recorded %s %s, lock kept %t, %v", r.Stage, r.Outcome, r.LockKept, err)
			}
			if left := strings.Join(r.Leftovers, "; "); (left == "") != (c.left == "") || !strings.Contains(left, c.left) {
				t.Errorf("left %q, want …%s…", left, c.left)
			}
			queue, err := kept.Queue(t.Context(), target.Key())
			if err != nil || (queue[0].DeploymentID == id) != c.kept || (len(sent.woken) == 0) != c.kept {
				t.Errorf("queue %v, woken %v, %v", queue, sent.woken, err)
			}
			if _, err := kept.Waiter(t.Context(), id, store.AwaitLock); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a waiter is left: %v", err)
			}
		})
	}
}

func TestTheFirstConclusionStands(t *testing.T) {
	kept := open(t, store.Record{ID: id})
	task := record.Finish{Store: kept, Sender: &steps{}, Clock: at(noon)}
	first, err := task.Run(t.Context(), record.FinishIn{DeploymentID: id, Flow: record.Flow{
		Fault: &record.ErrorOutput{Error: "Rejected", Cause: "bo said no"}, DiscardFault: &record.ErrorOutput{Error: "NotPermitted", Cause: "no"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	task.Clock = at(noon.Add(time.Hour))
	second, err := task.Run(t.Context(), record.FinishIn{DeploymentID: id, Flow: record.Flow{
		Fault: &record.ErrorOutput{Error: "Cancelled", Cause: "later"}, DiscardFault: &record.ErrorOutput{Error: "NotPermitted", Cause: "again"},
	}})
	if err != nil || second != first {
		t.Errorf("%+v, then %+v, %v", first, second, err)
	}
	r, err := kept.Record(t.Context(), id)
	if err != nil || !r.Times.Finished.Equal(noon) || len(r.Leftovers) != 1 {
		t.Errorf("finished %s, left %q, %v", r.Times.Finished, r.Leftovers, err)
	}
}

// reports notes whose end it was told of, and what the store said of it by then.
type reports struct {
	told []deployment.Outcome
	open int
}

func (p *reports) Ended(_ context.Context, r store.Record) int {
	p.told = append(p.told, r.Outcome)
	if r.Open() {
		p.open++
	}
	return 17
}

func TestAnEndIsReportedOnce(t *testing.T) {
	kept, told := open(t, store.Record{ID: id}), &reports{}
	task := record.Finish{Store: kept, Sender: &steps{}, Clock: at(noon), Reporter: told}
	for range 3 {
		if _, err := task.Run(t.Context(), record.FinishIn{DeploymentID: id, Flow: record.Flow{Fault: &record.ErrorOutput{Error: "Rejected", Cause: "no"}}}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := kept.Record(t.Context(), id)
	if err != nil || len(told.told) != 1 || told.told[0] != deployment.OutcomeRejected || told.open != 1 || r.Open() || r.Transitions != 17 {
		t.Errorf("reported %v, open then: %d, now: %v, %d transitions (%v)", told.told, told.open, r.Open(), r.Transitions, err)
	}
}

// forgetful is a store that forgets once that an end was reported.
type forgetful struct {
	*sqlite.Store
	updates int
}

func (f *forgetful) UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error) {
	if f.updates++; f.updates == 2 {
		return store.Record{}, errors.New("the store is gone")
	}
	return f.Store.UpdateRecord(ctx, id, change)
}

func TestAnEndIsReportedTwiceRatherThanNever(t *testing.T) {
	kept, told := &forgetful{Store: open(t, store.Record{ID: id})}, &reports{}
	task := record.Finish{Store: kept, Sender: &steps{}, Clock: at(noon), Reporter: told}
	if _, err := task.Run(t.Context(), record.FinishIn{DeploymentID: id}); err == nil {
		t.Error("nobody learned that the store is gone")
	}
	if r, err := kept.Record(t.Context(), id); err != nil || !r.Open() {
		t.Errorf("nobody would look at it again: %v", err)
	}
	for range 2 {
		if _, err := task.Run(t.Context(), record.FinishIn{DeploymentID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if len(told.told) != 2 {
		t.Errorf("reported %v", told.told)
	}
}

func TestAMissingRecordIsFinished(t *testing.T) {
	out, err := (record.Finish{Store: open(t), Sender: &steps{}, Clock: at(noon)}).Run(t.Context(), record.FinishIn{DeploymentID: id})
	if err != nil || out.Outcome != deployment.OutcomeFailedBeforeChange || !strings.Contains(out.Cause, string(id)) {
		t.Errorf("%+v, %v", out, err)
	}
}

// installed is a registry of one definition.
type installed service.Definition

func (d installed) Definition(name, environment string) (service.Definition, error) {
	if name != d.Service || environment != d.Environment {
		return service.Definition{}, service.ErrUnknownService{Name: name}
	}
	return service.Definition(d), nil
}

func TestPrepare(t *testing.T) {
	definition := installed{
		Project: "shop", Service: "orders", Environment: "prod", Account: "222222222222", Region: "eu-north-1", StackName: "true-name",
		Approval: approval.Default(), Timeouts: service.Timeouts{Queue: 1500 * time.Millisecond, Execution: time.Hour},
	}
	loose := definition
	loose.Approval.Count = 0
	for name, c := range map[string]struct {
		change      func(r *store.Request)
		correlation string
		registry    installed
		refused     string
		over        bool
	}{
		"what is installed counts":         {registry: definition, correlation: "sg-1"},
		"nobody asked":                     {registry: definition, correlation: "sg-1", change: func(r *store.Request) { r.DeploymentID = next }, refused: "nobody requested"},
		"the deployment is over":           {registry: definition, correlation: "sg-1", over: true, refused: "is over (Expired)"},
		"another correlation":              {registry: definition, correlation: "sg-2", refused: "sg-2"},
		"an unknown service":               {registry: definition, correlation: "sg-1", change: func(r *store.Request) { r.Service = "bills" }, refused: "bills"},
		"a parameter not to be overridden": {registry: definition, correlation: "sg-1", change: func(r *store.Request) { r.Parameters = map[string]string{"Nope": "1"} }, refused: "cannot be overridden"},
		"a policy of nobody":               {registry: loose, correlation: "sg-1", refused: "the policy of orders"},
		"a recovery":                       {registry: definition, correlation: "sg-1", change: func(r *store.Request) { r.Intent = deployment.IntentRecover }, refused: "requested to recover"},
		"an unknown intent":                {registry: definition, correlation: "sg-1", change: func(r *store.Request) { r.Intent = "guess" }, refused: "requested to guess"},
		"no template":                      {registry: definition, correlation: "sg-1", change: func(r *store.Request) { r.Template = "template/none" }, refused: "is not in the store"},
	} {
		t.Run(name, func(t *testing.T) {
			given := store.Record{ID: id}
			if c.over {
				given.Stage, given.Outcome = deployment.StageFinished, deployment.OutcomeExpired
			}
			kept := open(t, given)
			key, err := kept.PutDocument(t.Context(), "template", []byte("Resources: {}"))
			if err != nil {
				t.Fatal(err)
			}
			request := store.Request{
				DeploymentID: id, CorrelationID: "sg-1", Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, RequestedBy: "ana", Template: key,
			}
			if c.change != nil {
				c.change(&request)
			}
			if err := kept.PutRequest(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			out, err := (record.Prepare{
				Store: kept, Registry: c.registry, Intents: []deployment.Intent{deployment.IntentDeploy},
			}).Run(t.Context(), record.PrepareIn{DeploymentID: id, CorrelationID: c.correlation, ExecutionARN: "execution"})
			r, readErr := kept.Record(t.Context(), id)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if c.refused != "" {
				if deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), c.refused) || r.Definition != "" {
					t.Errorf("%v, recorded definition %q", err, r.Definition)
				}
				return
			}
			if err != nil || r.Account != "222222222222" || r.StackName != "true-name" || !reflect.DeepEqual(r.Policy, definition.Approval) || r.ExecutionARN != "execution" {
				t.Errorf("%v, recorded %+v", err, r)
			}
			if out.QueueSeconds != 2 || out.ApprovalSeconds != 24*3600 || out.ExecutionSeconds != 3600 {
				t.Errorf("limits %+v: a part of a second counts as one", out)
			}
		})
	}
}
