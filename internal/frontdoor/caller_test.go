package frontdoor_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/store"
)

var (
	stranger = frontdoor.Caller{Verified: true, Undeciding: "nobody knows who that is", Source: approval.Source{Principal: "arn:aws:iam::111111111111:user/x", Channel: approval.API}}
	pipeline = frontdoor.Caller{Name: "github", Verified: true, OnBehalfOf: []string{"ana"}, Undeciding: "github is a pipeline", Source: approval.Source{Principal: "arn:aws:sts::111111111111:assumed-role/ci/ana", Channel: approval.API}}
)

func verified(name string) frontdoor.Caller {
	return frontdoor.Caller{Name: name, Verified: true, Source: approval.Source{Principal: "arn:aws:iam::111111111111:user/" + name, Channel: approval.API}}
}

func grouped(members ...string) approval.Policy {
	policy := approval.Default()
	policy.Groups = []approval.Group{{Name: "approvers", Members: members}}
	return policy
}

func TestCallers(t *testing.T) {
	const none = frontdoor.Refusal("")
	for name, c := range map[string]struct {
		requester, decider frontdoor.Caller
		policy             approval.Policy
		approves, rejects  frontdoor.Refusal
		cancels            frontdoor.Refusal
	}{
		"a member":                      {verified("ana"), verified("bo"), grouped("bo"), none, none, none},
		"no member":                     {verified("ana"), verified("cy"), grouped("bo"), frontdoor.RefusedPerson, frontdoor.RefusedPerson, frontdoor.RefusedPerson},
		"the requester, a member":       {verified("ana"), verified("ANA"), grouped("ana", "bo"), frontdoor.RefusedPerson, none, none},
		"the requester, no member":      {verified("ana"), verified("ana"), grouped("bo"), frontdoor.RefusedPerson, none, none},
		"anybody where no group is":     {verified("ana"), verified("cy"), approval.Default(), none, none, none},
		"who is behind the pipeline":    {pipeline, verified("ana"), grouped("ana", "bo"), frontdoor.RefusedPerson, none, none},
		"another than behind it":        {pipeline, verified("bo"), grouped("ana", "bo"), none, none, none},
		"the pipeline itself":           {pipeline, pipeline, grouped("ana", "bo"), frontdoor.RefusedPerson, frontdoor.RefusedPerson, none},
		"a pipeline upon another's":     {verified("ana"), pipeline, grouped("github"), frontdoor.RefusedPerson, frontdoor.RefusedPerson, frontdoor.RefusedPerson},
		"somebody whom nobody knows":    {verified("ana"), stranger, approval.Default(), frontdoor.RefusedIdentity, frontdoor.RefusedIdentity, frontdoor.RefusedIdentity},
		"a member by unverified name":   {frontdoor.Caller{Name: "ana"}, frontdoor.Caller{Name: "bo"}, grouped("bo"), none, none, none},
		"unverified names may call off": {frontdoor.Caller{Name: "ana"}, frontdoor.Caller{Name: "cy"}, grouped("bo"), frontdoor.RefusedPerson, frontdoor.RefusedPerson, none},
	} {
		t.Run(name, func(t *testing.T) {
			for verdict, want := range map[approval.Verdict]frontdoor.Refusal{approval.Approve: c.approves, approval.Reject: c.rejects} {
				d := newDoor(t, c.policy)
				record := d.requestedBy(c.requester)
				answer := yes()
				answer.Verdict, answer.Comment = verdict, "because"
				_, err := d.Decide(t.Context(), c.decider, record.ID, answer)
				if refusal(err) != want || (want == none && err != nil) {
					t.Errorf("%s: %v, want %q", verdict, err, want)
				}
				kept, err := d.store.Decisions(t.Context(), record.ID)
				if err != nil || (len(kept) == 1) != (want == none) || (len(kept) == 1 && kept[0].Source != c.decider.Source) {
					t.Errorf("kept %+v, %v", kept, err)
				}
			}
			d := newDoor(t, c.policy)
			record := d.requestedBy(c.requester)
			cancelled, err := d.Cancel(t.Context(), c.decider, record.ID, "changed my mind")
			if refusal(err) != c.cancels || (c.cancels == none) != (err == nil) {
				t.Errorf("cancel: %v, want %q", err, c.cancels)
			}
			if err == nil && (cancelled.CancelSource != c.decider.Source || !cancelled.CancelledAt.Equal(d.watch.now)) {
				t.Errorf("cancelled from %+v at %s", cancelled.CancelSource, cancelled.CancelledAt)
			}
		})
	}
}

// requestedBy is awaiting for another requester.
func (d *door) requestedBy(caller frontdoor.Caller) store.Record {
	d.t.Helper()
	record, err := d.Request(d.t.Context(), caller, frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy})
	if err != nil {
		d.t.Fatal(err)
	}
	if !slices.Equal(record.OnBehalfOf, caller.OnBehalfOf) || record.Source != caller.Source {
		d.t.Errorf("on behalf of %q from %+v", record.OnBehalfOf, record.Source)
	}
	return d.change(record.ID, func(r *store.Record) {
		r.Stage, r.ChangeSet.ARN = deployment.StageAwaiting, changeSet
		r.Review = store.Review{Digest: digest, Acknowledge: []int{2, 5}, ExpiresAt: d.watch.now.Add(time.Hour)}
	})
}

func TestWhoIsUnknownRequestsNothing(t *testing.T) {
	d := newDoor(t, approval.Default())
	_, err := d.Request(t.Context(), stranger, frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentPlan})
	if refusal(err) != frontdoor.RefusedIdentity || !strings.Contains(err.Error(), stranger.Undeciding) {
		t.Errorf("%v", err)
	}
}

// A member who left the installed groups may not decide any more, though the deployment began when they were one.
func TestWhoLeftTheGroupDecidesNoMore(t *testing.T) {
	d := newDoor(t, grouped("bo", "cy"))
	record := d.requestedBy(verified("ana"))
	installed := d.Registry.(registry)
	installed.definition.Approval = grouped("cy", "di")
	d.Registry = installed
	for by, want := range map[string]frontdoor.Refusal{"bo": frontdoor.RefusedPerson, "di": frontdoor.RefusedPerson, "cy": ""} {
		if _, err := d.Decide(t.Context(), verified(by), record.ID, yes()); refusal(err) != want {
			t.Errorf("%s: %v, want %q", by, err, want)
		}
	}
}

func TestRequestOnce(t *testing.T) {
	d := newDoor(t, approval.Default())
	ask := frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, Reason: "first"}
	once := func(caller frontdoor.Caller, ask frontdoor.Ask, key string) (deployment.ID, bool, error) {
		record, repeated, err := d.RequestOnce(t.Context(), caller, ask, key)
		return record.ID, repeated, err
	}
	first, repeated, err := once(verified("ana"), ask, "k")
	if err != nil || repeated {
		t.Fatalf("%v, repeated %t", err, repeated)
	}
	d.watch.now = d.watch.now.Add(time.Minute)
	if again, repeated, err := once(verified("ANA"), ask, "k"); err != nil || !repeated || again != first {
		t.Errorf("again: %s, repeated %t, %v", again, repeated, err)
	}
	other := ask
	other.Reason = "second"
	if _, _, err := once(verified("ana"), other, "k"); refusal(err) != frontdoor.RefusedKey {
		t.Errorf("another wish under the key: %v", err)
	}
	for name, c := range map[string]struct {
		caller frontdoor.Caller
		key    string
	}{"another key": {verified("ana"), "l"}, "another person": {verified("bo"), "k"}, "no key": {verified("ana"), ""}} {
		if id, repeated, err := once(c.caller, ask, c.key); err != nil || repeated || id == first {
			t.Errorf("%s: %s, repeated %t, %v", name, id, repeated, err)
		}
	}
}

func TestRequestOnceAtOnceIsOne(t *testing.T) {
	d := newDoor(t, approval.Default())
	d.Random = &locked{reader: d.Random}
	ids := make([]deployment.ID, 6)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			record, _, err := d.RequestOnce(t.Context(), verified("ana"), frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy}, "k")
			if err != nil {
				t.Error(err)
			}
			ids[i] = record.ID
		})
	}
	all.Wait()
	if records, err := d.store.Records(t.Context(), store.Filter{}); err != nil || len(records) != 1 || slices.ContainsFunc(ids, func(id deployment.ID) bool { return id != records[0].ID }) {
		t.Errorf("%v of %d records, %v", ids, len(records), err)
	}
}

// dying is a store that dies at one of its writes.
type dying struct {
	frontdoor.Store
	at string
}

var errDied = errors.New("died")

func TestRequestOnceGoesOnWhereItDied(t *testing.T) {
	for _, at := range []string{"PutRequest", "CreateRecord"} {
		d := newDoor(t, approval.Default())
		whole := d.Store
		d.Store = dying{whole, at}
		ask := frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy}
		if _, _, err := d.RequestOnce(t.Context(), ana, ask, "k"); !errors.Is(err, errDied) {
			t.Fatalf("%s: %v", at, err)
		}
		d.Store = whole
		d.watch.now = d.watch.now.Add(time.Second)
		record, repeated, err := d.RequestOnce(t.Context(), ana, ask, "k")
		if err != nil || !repeated {
			t.Fatalf("%s: %v", at, err)
		}
		request, err := d.store.Request(t.Context(), record.ID)
		if err != nil || request.RequestedBy != "ana" || record.CorrelationID != request.CorrelationID {
			t.Errorf("%s: %+v, %v", at, request, err)
		}
	}
}

func (d dying) PutRequest(ctx context.Context, r store.Request) error {
	if d.at == "PutRequest" {
		return errDied
	}
	return d.Store.PutRequest(ctx, r)
}

func (d dying) CreateRecord(ctx context.Context, r store.Record) error {
	if d.at == "CreateRecord" {
		return errDied
	}
	return d.Store.CreateRecord(ctx, r)
}

// locked lets several read one source of randomness.
type locked struct {
	mu     sync.Mutex
	reader io.Reader
}

func (l *locked) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reader.Read(p)
}
