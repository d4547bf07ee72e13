package frontdoor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

// watch stands still until it is set.
type watch struct{ now time.Time }

func (w *watch) Now() time.Time                                 { return w.now }
func (w *watch) Sleep(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil }

// woken keeps the tokens that were answered.
type woken []string

func (w *woken) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	*w = append(*w, aws.ToString(in.TaskToken))
	return &sfn.SendTaskSuccessOutput{}, nil
}

type registry struct{ definition service.Definition }

func (r registry) Definition(name, environment string) (service.Definition, error) {
	if name != r.definition.Service || environment != r.definition.Environment {
		return service.Definition{}, service.ErrUnknownService{Name: name}
	}
	return r.definition, nil
}

const (
	digest    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	changeSet = "arn:aws:cloudformation:eu-west-1:111111111111:changeSet/orders/1"
	template  = "Resources: {}"
)

// door is a front door on a store of its own, for orders in prod.
type door struct {
	frontdoor.FrontDoor
	t     *testing.T
	store *sqlite.Store
	watch *watch
	woken *woken
}

func newDoor(t *testing.T, policy approval.Policy) *door {
	t.Helper()
	w, sent := &watch{time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)}, &woken{}
	kept, err := sqlite.Open(t.Context(), t.TempDir(), w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	return &door{t: t, store: kept, watch: w, woken: sent, FrontDoor: frontdoor.FrontDoor{
		Store: kept, Sender: sent, Clock: w, Random: rand.NewChaCha8([32]byte{1}),
		Registry: registry{service.Definition{
			Project: "shop", Service: "orders", Environment: "prod", Account: "111111111111", Region: "eu-west-1",
			StackName: "shop-orders-prod", Template: []byte(template), Approval: policy,
		}},
	}}
}

var ana = frontdoor.Caller{Name: "ana", Verified: true}

func (d *door) request() store.Record {
	d.t.Helper()
	record, err := d.Request(d.t.Context(), ana, frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy})
	if err != nil {
		d.t.Fatal(err)
	}
	return record
}

// awaiting requests a deployment and brings it to its approval, changed by those given, with its callbacks waiting.
func (d *door) awaiting(changes ...func(*store.Record)) store.Record {
	d.t.Helper()
	record := d.request()
	for _, purpose := range []store.Purpose{store.AwaitLock, store.AwaitApproval} {
		if err := d.store.PutWaiter(d.t.Context(), store.Waiter{DeploymentID: record.ID, Purpose: purpose, Token: string(purpose), Since: d.watch.now}); err != nil {
			d.t.Fatal(err)
		}
	}
	return d.change(record.ID, append([]func(*store.Record){func(r *store.Record) {
		r.Stage, r.ChangeSet.ARN = deployment.StageAwaiting, changeSet
		r.Review = store.Review{Digest: digest, Acknowledge: []int{2, 5}, ExpiresAt: d.watch.now.Add(time.Hour)}
	}}, changes...)...)
}

func (d *door) change(id deployment.ID, changes ...func(*store.Record)) store.Record {
	d.t.Helper()
	record, err := d.store.UpdateRecord(d.t.Context(), id, func(r *store.Record) error {
		for _, change := range changes {
			change(r)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return record
}

func staged(stage deployment.Stage) func(*store.Record) {
	return func(r *store.Record) { r.Stage = stage }
}

func yes() frontdoor.Answer {
	return frontdoor.Answer{Verdict: approval.Approve, Digest: digest, Acknowledgements: []int{2, 5}}
}

func no() frontdoor.Answer {
	return frontdoor.Answer{Verdict: approval.Reject, Digest: digest, Comment: "too much"}
}

func (d *door) decide(by string, id deployment.ID, a frontdoor.Answer) (frontdoor.Decided, error) {
	return d.Decide(d.t.Context(), frontdoor.Caller{Name: by}, id, a)
}

func refusal(err error) frontdoor.Refusal {
	var refused *frontdoor.RefusedError
	if errors.As(err, &refused) {
		return refused.Refusal
	}
	return ""
}

func TestEveryRefusal(t *testing.T) {
	reached := map[frontdoor.Refusal]bool{}
	with := func(change func(*frontdoor.Answer)) frontdoor.Answer { a := yes(); change(&a); return a }
	for name, c := range map[string]struct {
		by     string
		answer frontdoor.Answer
		change func(*store.Record)
		want   frontdoor.Refusal
	}{
		"nobody":             {" ", yes(), nil, frontdoor.RefusedIncomplete},
		"no digest":          {"bo", with(func(a *frontdoor.Answer) { a.Digest = " " }), nil, frontdoor.RefusedIncomplete},
		"no verdict":         {"bo", with(func(a *frontdoor.Answer) { a.Verdict = "" }), nil, frontdoor.RefusedIncomplete},
		"unknown verdict":    {"bo", with(func(a *frontdoor.Answer) { a.Verdict = "shrug" }), nil, frontdoor.RefusedIncomplete},
		"no reason":          {"bo", frontdoor.Answer{Verdict: approval.Reject, Digest: digest, Comment: " "}, nil, frontdoor.RefusedIncomplete},
		"another digest":     {"bo", with(func(a *frontdoor.Answer) { a.Digest = "sha256:fedcba987654" }), nil, frontdoor.RefusedDigest},
		"too short a digest": {"bo", with(func(a *frontdoor.Answer) { a.Digest = digest[:7+11] }), nil, frontdoor.RefusedDigest},
		"more than a digest": {"bo", with(func(a *frontdoor.Answer) { a.Digest = digest + "0" }), nil, frontdoor.RefusedDigest},
		"only its prefix":    {"bo", with(func(a *frontdoor.Answer) { a.Digest = "sha256:" }), nil, frontdoor.RefusedDigest},
		"the requester":      {"ana", yes(), nil, frontdoor.RefusedPerson},
		"the requester, ANA": {" ANA ", yes(), nil, frontdoor.RefusedPerson},
		"not acknowledged":   {"bo", with(func(a *frontdoor.Answer) { a.Acknowledgements = nil }), nil, frontdoor.RefusedAcknowledgement},
		"no digest's form":   {"bo", with(func(a *frontdoor.Answer) { a.Digest = "xyz" }), nil, frontdoor.RefusedIncomplete},
		"acknowledges more":  {"bo", with(func(a *frontdoor.Answer) { a.Acknowledgements = []int{2, 5, 7} }), nil, frontdoor.RefusedAcknowledgement},
		"nothing critical":   {"bo", yes(), func(r *store.Record) { r.Review.Acknowledge = nil }, frontdoor.RefusedAcknowledgement},
		"half acknowledged":  {"bo", with(func(a *frontdoor.Answer) { a.Acknowledgements = []int{5} }), nil, frontdoor.RefusedAcknowledgement},
		"requested only":     {"bo", yes(), staged(deployment.StageRequested), frontdoor.RefusedEarly},
		"queued":             {"bo", yes(), staged(deployment.StageQueued), frontdoor.RefusedEarly},
		"planning":           {"bo", yes(), staged(deployment.StagePlanning), frontdoor.RefusedEarly},
		"verifying":          {"bo", yes(), staged(deployment.StageVerifying), frontdoor.RefusedLate},
		"executing":          {"bo", no(), staged(deployment.StageExecuting), frontdoor.RefusedLate},
		"finished":           {"bo", yes(), staged(deployment.StageFinished), frontdoor.RefusedLate},
		"expired":            {"bo", yes(), func(r *store.Record) { r.Review.ExpiresAt = r.Review.ExpiresAt.Add(-2 * time.Hour) }, frontdoor.RefusedLate},
		"called off":         {"bo", yes(), func(r *store.Record) { r.CancelledBy = "cy" }, frontdoor.RefusedLate},
		"superseded":         {"bo", yes(), func(r *store.Record) { r.SupersededBy = "other" }, frontdoor.RefusedLate},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, approval.Default())
			change := c.change
			if change == nil {
				change = func(*store.Record) {}
			}
			record := d.awaiting(change)
			_, err := d.decide(c.by, record.ID, c.answer)
			if refusal(err) != c.want || err.Error() == "" {
				t.Errorf("%v (%s), want %s", err, refusal(err), c.want)
			}
			reached[refusal(err)] = true
			if kept, err := d.store.Decisions(t.Context(), record.ID); err != nil || len(kept) != 0 || len(*d.woken) != 0 {
				t.Errorf("kept %v, woke %v, %v", kept, *d.woken, err)
			}
		})
	}
	d := newDoor(t, approval.Default())
	record := d.awaiting()
	if _, err := d.decide("bo", record.ID, yes()); err != nil {
		t.Fatal(err)
	}
	_, err := d.decide(" BO ", record.ID, no())
	reached[refusal(err)] = true
	reached[frontdoor.RefusedIdentity], reached[frontdoor.RefusedKey] = true, true // TestCallers, TestRequestOnce
	for _, r := range frontdoor.Refusals() {
		if !reached[r] {
			t.Errorf("%s was not reached", r)
		}
	}
}

func TestDigestsAsPeopleGiveThem(t *testing.T) {
	whole := strings.TrimPrefix(digest, "sha256:")
	for _, given := range []string{digest, whole, whole[:12], strings.ToUpper(whole[:12]), " " + whole[:16] + "\n", "0123-4567-89ab", "SHA256:" + whole[:20]} {
		d := newDoor(t, approval.Default())
		a := yes()
		a.Digest = given
		decided, err := d.decide("bo", d.awaiting().ID, a)
		if err != nil || decided.Decision.Digest != digest || decided.Decision.ChangeSetID != changeSet {
			t.Errorf("%q: %+v, %v", given, decided.Decision, err)
		}
	}
}

func TestApprovalWakesOnceItIsComplete(t *testing.T) {
	policy := approval.Default()
	policy.Count = 2
	d := newDoor(t, policy)
	record := d.awaiting(func(r *store.Record) { r.Policy = policy })
	first, err := d.decide("bo", record.ID, yes())
	if err != nil || first.Tally.State != approval.Waiting || first.Repeated || len(*d.woken) != 0 {
		t.Fatalf("%+v, %v, woke %v", first, err, *d.woken)
	}
	again, err := d.decide(" Bo", record.ID, yes())
	if err != nil || !again.Repeated || again.Tally.Given != 1 || again.Decision.By != "bo" {
		t.Fatalf("%+v, %v", again, err)
	}
	second, err := d.decide("cy", record.ID, yes())
	if err != nil || second.Tally.State != approval.Approved || !slices.Equal(*d.woken, []string{"approval"}) {
		t.Fatalf("%+v, %v, woke %v", second, err, *d.woken)
	}
	d.change(record.ID, staged(deployment.StageFinished))
	if late, err := d.decide("cy", record.ID, yes()); err != nil || !late.Repeated {
		t.Errorf("the same answer again is no error, however late: %+v, %v", late, err)
	}
	if _, err := d.decide("cy", record.ID, no()); refusal(err) != frontdoor.RefusedContrary {
		t.Errorf("the contrary: %v", err)
	}
}

func TestRejectionWakesAtOnce(t *testing.T) {
	policy := approval.Default()
	policy.Count = 3
	d := newDoor(t, policy)
	record := d.awaiting()
	decided, err := d.decide("ana", record.ID, no())
	if err != nil || decided.Tally.State != approval.Rejected || decided.Tally.Reason != "too much" || !slices.Equal(*d.woken, []string{"approval"}) {
		t.Errorf("%+v, %v, woke %v", decided, err, *d.woken)
	}
}

func TestSelfApprovalIsRecordedWherePolicySaysSo(t *testing.T) {
	policy := approval.Default()
	policy.Self = approval.SelfRecorded
	d := newDoor(t, policy)
	decided, err := d.decide("ana", d.awaiting().ID, yes())
	if err != nil || decided.Tally.State != approval.Approved {
		t.Errorf("%+v, %v", decided, err)
	}
}

func TestCancel(t *testing.T) {
	for _, stage := range deployment.Stages() {
		d := newDoor(t, approval.Default())
		record := d.awaiting(staged(stage))
		got, err := d.Cancel(t.Context(), frontdoor.Caller{Name: "cy"}, record.ID, "wrong one")
		if !stage.Cancellable() {
			if refusal(err) != frontdoor.RefusedLate || len(*d.woken) != 0 {
				t.Errorf("%s: %v, woke %v", stage, err, *d.woken)
			}
			if kept, _ := d.store.Record(t.Context(), record.ID); kept.CancelledBy != "" {
				t.Errorf("%s: called off by %s", stage, kept.CancelledBy)
			}
			continue
		}
		if err != nil || got.CancelledBy != "cy" || got.CancelReason != "wrong one" || !slices.Equal(*d.woken, []string{"lock", "approval"}) {
			t.Errorf("%s: %+v, %v, woke %v", stage, got, err, *d.woken)
		}
		again, err := d.Cancel(t.Context(), frontdoor.Caller{Name: "bo"}, record.ID, "me too")
		if err != nil || again.CancelledBy != "cy" || again.CancelReason != "wrong one" {
			t.Errorf("%s, twice: %+v, %v", stage, again, err)
		}
	}
	d := newDoor(t, approval.Default())
	if _, err := d.Cancel(t.Context(), frontdoor.Caller{Name: " "}, d.request().ID, ""); refusal(err) != frontdoor.RefusedIncomplete {
		t.Errorf("nobody: %v", err)
	}
	if _, err := d.Cancel(t.Context(), ana, "nothing", ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no deployment: %v", err)
	}
}

func TestRequest(t *testing.T) {
	d := newDoor(t, approval.Default())
	got := d.request()
	kept, err := d.store.Record(t.Context(), got.ID)
	if err != nil || kept.Stage != deployment.StageRequested || kept.RequestedBy != "ana" || !kept.Verified || kept.StackName != "shop-orders-prod" ||
		!cmp.Equal(kept.Policy, approval.Default()) || kept.CorrelationID == "" || !kept.Times.Requested.Equal(d.watch.now) {
		t.Errorf("%+v, %v", kept, err)
	}
	if content, err := d.store.Document(t.Context(), kept.Template); err != nil || string(content) != template {
		t.Errorf("template %q, %v", content, err)
	}
	if request, err := d.store.Request(t.Context(), got.ID); err != nil || request.CorrelationID != kept.CorrelationID {
		t.Errorf("%+v, %v", request, err)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		by     string
		change func(*frontdoor.Ask)
		want   string
	}{
		"nobody":          {" ", func(*frontdoor.Ask) {}, "--as NAME"},
		"unknown service": {"ana", func(a *frontdoor.Ask) { a.Service = "order" }, "order"},
		"correlation id":  {"ana", func(a *frontdoor.Ask) { a.CorrelationID = "a b" }, `"a b"`},
		"a big template":  {"ana", func(a *frontdoor.Ask) { a.Template = make([]byte, 1<<20+1) }, "split the stack"},
		"overrides":       {"ana", func(a *frontdoor.Ask) { a.Parameters = map[string]string{"Cpu": "1"} }, "cannot be overridden"},
		"no intent":       {"ana", func(a *frontdoor.Ask) { a.Intent = "" }, "intent"},
		"unknown intent":  {"ana", func(a *frontdoor.Ask) { a.Intent = "destroy" }, `"destroy"`},
	} {
		d := newDoor(t, approval.Default())
		ask := frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy}
		c.change(&ask)
		_, err := d.Request(t.Context(), frontdoor.Caller{Name: c.by}, ask)
		if err == nil || deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if kept, err := d.store.Records(t.Context(), store.Filter{}); err != nil || len(kept) != 0 {
			t.Errorf("%s: half done: %v, %v", name, kept, err)
		}
	}
}

func TestFind(t *testing.T) {
	d := newDoor(t, approval.Default())
	first, second := d.request(), d.request()
	for _, text := range []string{string(first.ID), first.ID.Short(), string(first.ID)[10:]} {
		if got, err := d.Find(t.Context(), text); err != nil || got.ID != first.ID {
			t.Errorf("%q finds %s, %v; there is %s too", text, got.ID, err, second.ID)
		}
	}
	var none *frontdoor.NotFoundError
	for _, text := range []string{"zzzz", "orders-prod-20261122T140203Z-zzzzzzzz"} {
		if _, err := d.Find(t.Context(), text); !errors.As(err, &none) || none.ID != text || !strings.Contains(err.Error(), "stackgate list") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "abc", "%%%%", "____"} {
		if _, err := d.Find(t.Context(), text); deployment.FaultOf(err) != deployment.InvalidRequest {
			t.Errorf("%q: %v", text, err)
		}
	}
	twin := first
	twin.ID = "orders-test-20261122T140203Z-" + deployment.ID(first.ID.Short())
	if err := d.store.CreateRecord(t.Context(), twin); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Find(t.Context(), first.ID.Short()); deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), "give more of the id") {
		t.Errorf("two of a suffix: %v", err)
	}
}

func TestRecoveryIsRequestedByItself(t *testing.T) {
	d := newDoor(t, approval.Default())
	asked := deployment.Recovery{Skip: []string{"Table", "Network.Queue"}}
	record, err := d.Request(t.Context(), ana, frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentRecover, Recovery: asked})
	if err != nil {
		t.Fatal(err)
	}
	request, err := d.store.Request(t.Context(), record.ID)
	if err != nil || request.Template != "" || record.Template != "" || record.Intent != deployment.IntentRecover ||
		!slices.Equal(request.Recovery.Skip, asked.Skip) || !slices.Equal(record.Recovery.Skip, asked.Skip) {
		t.Errorf("%v, request %+v, record %+v", err, request, record)
	}
	for name, ask := range map[string]frontdoor.Ask{
		"a deployment that skips":     {Intent: deployment.IntentDeploy, Recovery: asked},
		"a plan that forces":          {Intent: deployment.IntentPlan, Recovery: deployment.Recovery{Force: true}},
		"a recovery with a template":  {Intent: deployment.IntentRecover, Template: []byte(template)},
		"a recovery with parameters":  {Intent: deployment.IntentRecover, Parameters: map[string]string{"A": "1"}},
		"a recovery of an odd name":   {Intent: deployment.IntentRecover, Recovery: deployment.Recovery{Skip: []string{"--force"}}},
		"a recovery of nobody's":      {Intent: deployment.IntentRecover, Service: "bills"},
		"a recovery to an odd intent": {Intent: "recover-all"},
	} {
		if ask.Service == "" {
			ask.Service = "orders"
		}
		ask.Environment = "prod"
		_, err := d.Request(t.Context(), ana, ask)
		if deployment.FaultOf(err) != deployment.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := d.store.Records(t.Context(), store.Filter{}); err != nil || len(all) != 1 {
		t.Errorf("%d records, %v", len(all), err)
	}
}

func TestARunningExecutionIsNotCalledOff(t *testing.T) {
	for kind, want := range map[deployment.ChangeSetType]string{
		deployment.ChangeSetUpdate: "CancelUpdateStack", deployment.ChangeSetCreate: "CloudFormation stops no creation", "": "wait for its end",
	} {
		d := newDoor(t, approval.Default())
		record := d.awaiting(staged(deployment.StageExecuting), func(r *store.Record) { r.ChangeSet.Type = kind })
		_, err := d.Cancel(t.Context(), ana, record.ID, "")
		if refusal(err) != frontdoor.RefusedLate || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "aws cloudformation") {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

func TestAnUnknownAcknowledgementIsToldTheNumbersThereAre(t *testing.T) {
	d := newDoor(t, approval.Default())
	record := d.awaiting()
	answer := yes()
	answer.Acknowledgements = []int{2, 5, 7}
	if _, err := d.decide("bo", record.ID, answer); err == nil || !strings.Contains(err.Error(), "no critical change 7: there are 2,5") {
		t.Errorf("%v", err)
	}
}

func TestARunningRecoveryIsNotCalledOff(t *testing.T) {
	d := newDoor(t, approval.Default())
	record := d.awaiting(staged(deployment.StageExecuting), func(r *store.Record) { r.Intent = deployment.IntentRecover })
	_, err := d.Cancel(t.Context(), ana, record.ID, "")
	var refused *frontdoor.RefusedError
	if !errors.As(err, &refused) || refused.Refusal != frontdoor.RefusedLate || strings.Contains(err.Error(), "cancel-update-stack") {
		t.Errorf("%v", err)
	}
}
