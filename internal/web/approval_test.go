package web_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/identity"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/web/wire"
)

// Each test is an item of the approval checklist, asked over HTTP. docs/security.md lists them.

func TestApproval01NamesExactlyWhatIsApproved(t *testing.T) {
	inHouse(t, func(h *house) {
		d := h.awaiting(engineer("ana"))
		if !strings.HasPrefix(d.ChangeSet.ARN, "arn:aws:cloudformation:"+region+":"+account+":changeSet/"+d.ID.String()+"/") ||
			!strings.HasPrefix(d.StackID, "arn:aws:cloudformation:"+region+":"+account+":stack/shop-orders-prod/") ||
			d.Account != account || d.Region != region || !strings.HasPrefix(d.Review.Digest, "sha256:") {
			t.Errorf("%+v", d.Record)
		}
		// Nobody chooses what a decision is about but by the digest that was read.
		h.decide(engineer("bo"), d.ID, fmt.Sprintf(`{"verdict":"approve","digest":%q,"changeSetId":"arn:other"}`, d.Review.Digest)).want(http.StatusBadRequest, wire.Malformed)
		got := read[wire.Decided](h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, ""))
		if got.DeploymentID != d.ID || got.Decision.ChangeSetID != d.ChangeSet.ARN || got.Decision.Digest != d.Review.Digest {
			t.Errorf("%+v", got)
		}
		h.ended(d.ID, deployment.OutcomeDeployed)
		if len(h.executed) != 1 || aws.ToString(h.executed[0].ChangeSetName) != d.ChangeSet.ARN {
			t.Errorf("executed %+v", h.executed)
		}
	})
}

func TestApproval02DigestCoversWhatIsReviewed(t *testing.T) {
	// Houses are built alike, down to their random ids, so that only what is changed can change the digest.
	// CloudFormation tells of a NoEcho parameter only that there is one; its value is pinned by the definition that a deployment keeps.
	digests := map[string]string{}
	for name, change := range map[string]func(*service.Definition){
		"as it is":        func(*service.Definition) {},
		"as it is, again": func(*service.Definition) {},
		"template": func(d *service.Definition) {
			d.Template = []byte(strings.ReplaceAll(table, "KeyType: HASH", "KeyType: 'HASH'"))
		},
		"parameter":  func(d *service.Definition) { d.Parameters = map[string]string{"Name": "orders-2"} },
		"tag":        func(d *service.Definition) { d.Tags = map[string]string{"project": "shop", "owner": "ana"} },
		"capability": func(d *service.Definition) { d.Capabilities = []string{"CAPABILITY_IAM"} },
		"role":       func(d *service.Definition) { d.ExecutionRole = "arn:aws:iam::" + account + ":role/cfn" },
		"account":    func(d *service.Definition) { d.Account = "222222222222" },
		"stack":      func(d *service.Definition) { d.StackName = "shop-orders-prod2" },
	} {
		inHouse(t, func(h *house) {
			h.define(change)
			ask := wanted
			ask.Intent = deployment.IntentPlan
			d := h.ended(h.request(engineer("ana"), ask).ID, deployment.OutcomePlanned)
			review := read[struct{ Digest, ContentDigest string }](h.call(engineer("ana"), "GET", "/deployments/"+d.ID.String()+"/review", nil).want(http.StatusOK, ""))
			if review.Digest != d.Review.Digest || review.Digest == "" || review.ContentDigest == "" {
				t.Errorf("%s: %+v, record %+v", name, review, d.Review)
			}
			digests[name] = review.Digest
		})
	}
	if digests["as it is"] != digests["as it is, again"] {
		t.Fatal("houses are not built alike")
	}
	delete(digests, "as it is, again")
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		if other, same := seen[digests[name]]; same {
			t.Errorf("%s and %s have one digest, %s", name, other, digests[name])
		}
		seen[digests[name]] = name
	}
}

func TestApproval03ExecutesOnlyWhatWasReviewed(t *testing.T) {
	type description = cloudformation.DescribeChangeSetOutput
	for name, c := range map[string]struct {
		tamper  func(*description) (*description, error)
		outcome deployment.Outcome
	}{
		"untouched": {nil, deployment.OutcomeDeployed},
		"another change": {func(d *description) (*description, error) {
			d.Changes[0].ResourceChange.LogicalResourceId = aws.String("Other")
			return d, nil
		}, deployment.OutcomeStale},
		"one change more": {func(d *description) (*description, error) {
			more := *d.Changes[0].ResourceChange
			more.LogicalResourceId = aws.String("Second")
			d.Changes = append(d.Changes, types.Change{Type: types.ChangeTypeResource, ResourceChange: &more})
			return d, nil
		}, deployment.OutcomeStale},
		"another tag": {func(d *description) (*description, error) {
			d.Tags = append(d.Tags, types.Tag{Key: aws.String("a"), Value: aws.String("b")})
			return d, nil
		}, deployment.OutcomeStale},
		"obsolete": {func(d *description) (*description, error) {
			d.ExecutionStatus = types.ExecutionStatusObsolete
			return d, nil
		}, deployment.OutcomeStale},
		"a status of the future": {func(d *description) (*description, error) {
			d.ExecutionStatus = "PERHAPS"
			return d, nil
		}, deployment.OutcomeStale},
		"unreadable": {func(*description) (*description, error) { return nil, errors.New("unreadable") }, deployment.OutcomeFailedBeforeChange},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				d := h.awaiting(engineer("ana"))
				h.tamper = c.tamper
				h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "")
				h.ended(d.ID, c.outcome)
				if executed := len(h.executed) > 0; executed != (c.outcome == deployment.OutcomeDeployed) {
					t.Errorf("executed: %t", executed)
				}
				if len(h.executed) > 0 && aws.ToString(h.executed[0].ClientRequestToken) != d.ID.String() {
					t.Errorf("token %s", aws.ToString(h.executed[0].ClientRequestToken))
				}
			})
		})
	}
}

func TestApproval07RequesterDoesNotApprove(t *testing.T) {
	for name, c := range map[string]struct {
		requester, approver identity.Principal
		reason              string
	}{
		"another person":                {engineer("ana"), engineer("bo"), ""},
		"the same session":              {engineer("bo"), engineer("bo"), "refused-person"},
		"the same person, spelt anew":   {engineer("bo"), engineer("BO"), "refused-person"},
		"the same person's key":         {engineer("bo"), user("bo"), "refused-person"},
		"their session after their key": {user("bo"), engineer("bo"), "refused-person"},
		"who is behind the pipeline":    {session("ci", "octo-bo"), engineer("bo"), "refused-person"},
		"another than behind it":        {session("ci", "octo-ana"), engineer("bo"), ""},
		"the pipeline itself":           {session("ci", "octo-ana"), session("ci", "octo-ana"), "refused-person"},
		"the pipeline for another":      {session("ci", "octo-ana"), session("ci", "octo-bo"), "refused-person"},
		"a pipeline upon a person's":    {engineer("ana"), session("ci", "octo-bo"), "refused-person"},
		"a shared role":                 {engineer("ana"), session("on-call", "bo"), "refused-person"},
		"who came in by a shared role":  {session("on-call", "bo"), engineer("bo"), "refused-person"},
		"a role that nobody maps":       {engineer("ana"), session("Administrator", "bo"), "refused-identity"},
		"another permission set":        {engineer("ana"), session("AWSReservedSSO_Admins_0123456789abcdef", "bo"), "refused-identity"},
		"another account's engineer": {engineer("ana"), identity.Principal{
			ARN: "arn:aws:sts::444444444444:assumed-role/AWSReservedSSO_Engineers_0123456789abcdef/bo", ID: "AROAOTHER:bo", Account: "444444444444"}, "refused-identity"},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				d := h.awaiting(c.requester)
				answer := h.decide(c.approver, d.ID, yes(d))
				if c.reason == "" {
					answer.want(http.StatusCreated, "")
					h.ended(d.ID, deployment.OutcomeDeployed)
					return
				}
				answer.want(http.StatusForbidden, c.reason)
				if got := h.deployment(d.ID); len(got.Decisions) > 0 || got.Stage != deployment.StageAwaiting {
					t.Errorf("%s with %v", got.Stage, got.Decisions)
				}
				h.cancel(c.requester, d.ID).want(http.StatusOK, "")
			})
		})
	}
}

// The caller is never a field of the body, and nobody unknown requests anything.
func TestApproval07CallerIsWhomIAMVerified(t *testing.T) {
	inHouse(t, func(h *house) {
		for _, field := range []string{"requestedBy", "onBehalfOf", "as", "principal", "source", "verified"} {
			h.call(engineer("ana"), "POST", "/deployments", `{"service":"orders","environment":"prod","`+field+`":"bo"}`).want(http.StatusBadRequest, wire.Malformed)
		}
		h.call(session("Administrator", "x"), "POST", "/deployments", wanted).want(http.StatusForbidden, "refused-identity")
		h.call(session("ci", "somebody"), "POST", "/deployments", wanted).want(http.StatusForbidden, "refused-identity")
		h.call(identity.Principal{}, "POST", "/deployments", wanted).want(http.StatusUnauthorized, wire.Unauthenticated)
		h.call(identity.Principal{}, "GET", "/deployments", nil).want(http.StatusUnauthorized, wire.Unauthenticated)
		d := h.awaiting(session("ci", "octo-ana"))
		if d.RequestedBy != "pipeline" || !slices.Equal(d.OnBehalfOf, []string{"ana"}) || !d.Verified ||
			d.Source.Principal != session("ci", "octo-ana").ARN || d.Source.Address != "198.51.100.7" || d.Source.Channel != approval.API {
			t.Errorf("%+v", d.Record)
		}
		h.decide(engineer("bo"), d.ID, fmt.Sprintf(`{"verdict":"approve","digest":%q,"by":"cy"}`, d.Review.Digest)).want(http.StatusBadRequest, wire.Malformed)
		h.cancel(engineer("ana"), d.ID).want(http.StatusOK, "")
	})
}

func TestApproval08CountsEachMemberOnce(t *testing.T) {
	inHouse(t, func(h *house) {
		h.define(func(d *service.Definition) { d.Approval.Count = 2 })
		d := h.awaiting(engineer("ana"))
		state := func(a answered) string {
			got := read[wire.Decided](a)
			return fmt.Sprintf("%s %d of %d", got.State, got.Given, got.Needed)
		}
		h.decide(engineer("eve"), d.ID, yes(d)).want(http.StatusForbidden, "refused-person")
		h.decide(engineer("eve"), d.ID, no(d)).want(http.StatusForbidden, "refused-person")
		if got := state(h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "")); got != "waiting 1 of 2" {
			t.Error(got)
		}
		for _, again := range []identity.Principal{engineer("bo"), engineer("Bo"), user("bo")} {
			if got := state(h.decide(again, d.ID, yes(d)).want(http.StatusOK, "")); got != "waiting 1 of 2" {
				t.Error(got)
			}
		}
		if got := h.deployment(d.ID); got.Stage != deployment.StageAwaiting || len(got.Decisions) != 1 {
			t.Errorf("%s after %v", got.Stage, got.Decisions)
		}
		if got := state(h.decide(engineer("cy"), d.ID, yes(d)).want(http.StatusCreated, "")); got != "approved 2 of 2" {
			t.Error(got)
		}
		h.ended(d.ID, deployment.OutcomeDeployed)
	})
}

// Item 9 as well: membership counts when it is decided, and again when it is executed.
func TestApproval08WhoLeftTheGroupCountsNoMore(t *testing.T) {
	inHouse(t, func(h *house) {
		h.define(func(d *service.Definition) { d.Approval.Count = 2 })
		d := h.awaiting(engineer("ana"))
		h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "")
		h.define(func(d *service.Definition) {
			d.Approval.Groups = []approval.Group{{Name: "approvers", Members: []string{"cy", "di"}}}
		})
		h.decide(engineer("cy"), d.ID, yes(d)).want(http.StatusCreated, "")
		ended := h.ended(d.ID, deployment.OutcomeBlocked)
		if len(h.executed) > 0 || !strings.Contains(ended.Cause, "bo is no member of approvers") {
			t.Errorf("executed %d, %s", len(h.executed), ended.Cause)
		}
	})
}

func TestApproval11PolicyIsOutOfTheRequestersReach(t *testing.T) {
	inHouse(t, func(h *house) {
		for _, field := range []string{`"policy":{"when":"never"}`, `"approval":"never"`, `"groups":["ana"]`, `"stackName":"x"`, `"account":"1"`, `"executionRole":"x"`} {
			h.call(engineer("ana"), "POST", "/deployments", `{"service":"orders","environment":"prod",`+field+`}`).want(http.StatusBadRequest, wire.Malformed)
		}
		ask := wanted
		ask.Parameters = map[string]string{"Name": "mine"}
		h.call(engineer("ana"), "POST", "/deployments", ask).want(http.StatusForbidden, wire.OverridesForbidden)
		ask = wanted
		ask.Template = []byte("Metadata: {Stackgate: {approval: {when: never}}}\n" + table)
		d := h.reach(h.request(engineer("ana"), ask).ID, deployment.StageAwaiting)
		if diff := cmp.Diff(approvers(), d.Policy); diff != "" {
			t.Error(diff)
		}
		h.cancel(engineer("ana"), d.ID).want(http.StatusOK, "")
	})
	files := func(policy string) fstest.MapFS {
		file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
		return fstest.MapFS{
			"project.yaml": file(`
version: 1
project: shop
environments:
  prod:
    account: "111111111111"
    region: eu-west-1
    rank: 1
    policy: { approval: { when: always, count: 2, groups: [approvers], expiresAfter: 2h } }
groups: { approvers: [bo, cy], all: [ana, bo, cy], few: [bo] }
`),
			"orders.yaml": file("version: 1\nservice: orders\nowner: team\ntemplate: t.json\npolicy: " + policy + "\n"),
			"t.json":      file(`{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`),
		}
	}
	for _, loose := range []string{
		`{ approval: { when: never } }`, `{ approval: { count: 1 } }`, `{ approval: { groups: [all] } }`, `{ approval: { groups: [] } }`,
		`{ approval: { expiresAfter: 3h } }`, `{ approval: { selfApproval: recorded } }`, `{ allowParameterOverrides: true }`, `{ approval: { groups: [few] } }`,
	} {
		if _, err := service.Load(files(loose), ""); err == nil {
			t.Errorf("the service loosens its environment's policy by %s", loose)
		}
	}
	if _, err := service.Load(files(`{ approval: { expiresAfter: 1h } }`), ""); err != nil {
		t.Error(err)
	}
}

func TestApproval13GetChangesNothing(t *testing.T) {
	inHouse(t, func(h *house) {
		h.define(func(d *service.Definition) { d.Approval.Count = 2 })
		d := h.awaiting(engineer("ana"))
		token := h.token(d.ID)
		h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "")
		before := h.everything(d.ID)
		base := "/deployments/" + d.ID.String()
		for _, path := range []string{
			"/", "/deployments", "/deployments?unfinished=true", base, base + "/review", base + "/tail", base + "/events", base + "/decisions", base + "/cancel",
			base + "/decisions?verdict=approve&digest=" + d.Review.Digest, "/services", base + "/approve", base + "/reject",
		} {
			for _, method := range []string{"GET", "HEAD"} {
				for _, as := range []identity.Principal{engineer("ana"), engineer("cy"), session("Administrator", "x"), {}} {
					for _, accept := range []string{"", "text/html", "text/markdown"} {
						answer := h.call(as, method, path, nil, "Accept", accept, "X-HTTP-Method-Override", "POST")
						if strings.Contains(answer.Body.String(), token) || strings.Contains(fmt.Sprint(answer.Header()), token) {
							t.Errorf("%s %s gives the token away", method, path)
						}
						if answer.Code < 300 && (as == identity.Principal{}) {
							t.Errorf("%s %s lets nobody in", method, path)
						}
					}
				}
			}
		}
		if diff := cmp.Diff(before, h.everything(d.ID)); diff != "" {
			t.Errorf("looking changed something:\n%s", diff)
		}
		if strings.Contains(h.log.String(), token) {
			t.Error("the token is in the log")
		}
		for _, path := range []string{base + "/decisions", base + "/cancel"} {
			if answer := h.call(engineer("cy"), "GET", path, nil).want(http.StatusMethodNotAllowed, wire.NoMethod); answer.Header().Get("Allow") != "POST" {
				t.Errorf("%s allows %s", path, answer.Header().Get("Allow"))
			}
		}
		h.cancel(engineer("ana"), d.ID).want(http.StatusOK, "")
	})
}

// everything is what the store holds of a deployment, but for what its running flow renews.
func (h *house) everything(id deployment.ID) any {
	h.t.Helper()
	ctx := h.t.Context()
	record, err1 := h.store.Record(ctx, id)
	request, err2 := h.store.Request(ctx, id)
	decisions, err3 := h.store.Decisions(ctx, id)
	waiter, err4 := h.store.Waiter(ctx, id, store.AwaitApproval)
	records, err5 := h.store.Records(ctx, store.Filter{})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		h.t.Fatal(err)
	}
	record.Runner, record.Version = store.Runner{}, 0
	return []any{record, request, decisions, waiter, len(records)}
}

func TestApproval17OneDecisionEach(t *testing.T) {
	inHouse(t, func(h *house) {
		h.define(func(d *service.Definition) { d.Approval.Count = 2 })
		first := h.request(engineer("ana"), wanted)
		h.decide(engineer("bo"), first.ID, wire.Answer{Verdict: approval.Approve, Digest: "sha256:0123456789ab"}).want(http.StatusConflict, "refused-early")
		d := h.reach(first.ID, deployment.StageAwaiting)
		created := h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "")
		repeated := h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusOK, "")
		if !cmp.Equal(read[wire.Decided](created).Decision, read[wire.Decided](repeated).Decision) || !read[wire.Decided](repeated).Repeated {
			t.Errorf("%s and %s", created.Body, repeated.Body)
		}
		h.decide(engineer("bo"), d.ID, no(d)).want(http.StatusConflict, "refused-contrary")
		// Of two answers at once one is kept, and the other is told.
		var both sync.WaitGroup
		answers := make([]answered, 2)
		for i, answer := range []wire.Answer{yes(d), no(d)} {
			both.Go(func() { answers[i] = h.decide(engineer("cy"), d.ID, answer) })
		}
		both.Wait()
		codes := []int{answers[0].Code, answers[1].Code}
		if slices.Sort(codes); codes[0] != http.StatusCreated || (codes[1] != http.StatusConflict && codes[1] != http.StatusGone) {
			t.Errorf("answered %v", codes)
		}
		ended := h.reach(d.ID, deployment.StageFinished)
		if len(ended.Decisions) != 2 {
			t.Errorf("%v", ended.Decisions)
		}
		h.decide(engineer("di"), d.ID, yes(d)).want(http.StatusGone, "refused-late")
		h.decide(engineer("di"), d.ID, no(d)).want(http.StatusGone, "refused-late")
		// Who has decided is told so also when it is over.
		h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusOK, "")
	})
}

func TestApproval17WhatEndedTakesNoDecision(t *testing.T) {
	for name, c := range map[string]struct {
		end     func(h *house, d wire.Deployment)
		outcome deployment.Outcome
	}{
		"approved":  {func(h *house, d wire.Deployment) { h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "") }, deployment.OutcomeDeployed},
		"rejected":  {func(h *house, d wire.Deployment) { h.decide(engineer("bo"), d.ID, no(d)).want(http.StatusCreated, "") }, deployment.OutcomeRejected},
		"expired":   {func(*house, wire.Deployment) {}, deployment.OutcomeExpired},
		"cancelled": {func(h *house, d wire.Deployment) { h.cancel(engineer("ana"), d.ID).want(http.StatusOK, "") }, deployment.OutcomeCancelled},
		"superseded": {func(h *house, d wire.Deployment) {
			ask := wanted
			ask.Reason = "newer"
			newer := h.reach(h.request(engineer("ana"), ask).ID, deployment.StageAwaiting)
			h.cancel(engineer("ana"), newer.ID).want(http.StatusOK, "")
		}, deployment.OutcomeSuperseded},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				d := h.awaiting(engineer("ana"))
				c.end(h, d)
				h.ended(d.ID, c.outcome)
				h.decide(engineer("cy"), d.ID, yes(d)).want(http.StatusGone, "refused-late")
				h.decide(engineer("cy"), d.ID, no(d)).want(http.StatusGone, "refused-late")
				h.cancel(engineer("ana"), d.ID).want(http.StatusGone, "refused-late")
			})
		})
	}
}

func TestApproval18StatesWhatItApproves(t *testing.T) {
	inHouse(t, func(h *house) {
		d := h.awaiting(engineer("ana"))
		h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "")
		h.ended(d.ID, deployment.OutcomeDeployed)
		// Losing the table is critical.
		ask := wanted
		ask.Template = []byte("Resources:\n  Topic: {Type: 'AWS::SNS::Topic'}\n")
		d = h.reach(h.request(engineer("ana"), ask).ID, deployment.StageAwaiting)
		if len(d.Review.Acknowledge) == 0 {
			t.Fatal("nothing is to be acknowledged")
		}
		with := func(change func(*wire.Answer)) wire.Answer { a := yes(d); change(&a); return a }
		h.decide(engineer("bo"), d.ID, with(func(a *wire.Answer) { a.Digest = "sha256:" + strings.Repeat("0", 64) })).want(http.StatusConflict, "refused-digest")
		h.decide(engineer("bo"), d.ID, with(func(a *wire.Answer) { a.Digest = d.Review.ContentDigest })).want(http.StatusConflict, "refused-digest")
		h.decide(engineer("bo"), d.ID, with(func(a *wire.Answer) { a.Digest = "" })).want(http.StatusUnprocessableEntity, "refused-incomplete")
		h.decide(engineer("bo"), d.ID, with(func(a *wire.Answer) { a.Acknowledgements = nil })).want(http.StatusUnprocessableEntity, "refused-acknowledgement")
		h.decide(engineer("bo"), d.ID, with(func(a *wire.Answer) { a.Acknowledgements = []int{999} })).want(http.StatusUnprocessableEntity, "refused-acknowledgement")
		if got := h.deployment(d.ID); len(got.Decisions) > 0 {
			t.Errorf("%v", got.Decisions)
		}
		h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "")
		h.ended(d.ID, deployment.OutcomeDeployed)
	})
}

func TestApproval19RejectAndCancelEndIt(t *testing.T) {
	for name, c := range map[string]struct {
		end     func(h *house, d wire.Deployment)
		outcome deployment.Outcome
	}{
		"a member rejects": {func(h *house, d wire.Deployment) {
			silent := no(d)
			silent.Comment = " "
			h.decide(engineer("bo"), d.ID, silent).want(http.StatusUnprocessableEntity, "refused-incomplete")
			h.decide(engineer("bo"), d.ID, no(d)).want(http.StatusCreated, "")
		}, deployment.OutcomeRejected},
		"the requester rejects": {func(h *house, d wire.Deployment) { h.decide(engineer("ana"), d.ID, no(d)).want(http.StatusCreated, "") }, deployment.OutcomeRejected},
		"the requester cancels": {func(h *house, d wire.Deployment) { h.cancel(user("ana"), d.ID).want(http.StatusOK, "") }, deployment.OutcomeCancelled},
		"a member cancels":      {func(h *house, d wire.Deployment) { h.cancel(engineer("cy"), d.ID).want(http.StatusOK, "") }, deployment.OutcomeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				d := h.awaiting(engineer("ana"))
				h.cancel(engineer("eve"), d.ID).want(http.StatusForbidden, "refused-person")
				h.cancel(session("on-call", "eve"), d.ID).want(http.StatusForbidden, "refused-person")
				h.cancel(session("Administrator", "eve"), d.ID).want(http.StatusForbidden, "refused-identity")
				h.decide(engineer("eve"), d.ID, no(d)).want(http.StatusForbidden, "refused-person")
				c.end(h, d)
				ended := h.ended(d.ID, c.outcome)
				if len(h.executed) > 0 || !ended.ChangeSet.Discarded {
					t.Errorf("executed %d, discarded %t", len(h.executed), ended.ChangeSet.Discarded)
				}
			})
		})
	}
}

// Item 28 as far as the front door goes: who, from where, by which way, upon what.
func TestApproval28KeepsWhoCameIn(t *testing.T) {
	inHouse(t, func(h *house) {
		d := h.awaiting(engineer("ana"))
		h.decide(engineer("bo"), d.ID, yes(d)).want(http.StatusCreated, "")
		ended := h.ended(d.ID, deployment.OutcomeDeployed)
		source := func(p identity.Principal) approval.Source {
			return approval.Source{Principal: p.ARN, PrincipalID: p.ID, Channel: approval.API, Address: "198.51.100.7", Agent: "test"}
		}
		request, err := h.store.Request(h.t.Context(), d.ID)
		if err != nil || request.Source != source(engineer("ana")) || ended.Source != request.Source || ended.Decisions[0].Source != source(engineer("bo")) {
			t.Errorf("request from %+v, decision from %+v, %v", request.Source, ended.Decisions[0].Source, err)
		}
		for _, event := range []string{"requested", "decided"} {
			if !strings.Contains(h.log.String(), `"msg":"audit","event":"`+event+`","deploymentId":"`+d.ID.String()) {
				t.Errorf("%s is not in the log", event)
			}
		}
	})
}

func TestApproval30NothingSecretIsTold(t *testing.T) {
	const secret = "correct-horse-battery"
	inHouse(t, func(h *house) {
		h.define(func(d *service.Definition) {
			d.Template = []byte(strings.Replace(table, "Default: unset", "Default: "+secret, 1))
			d.Parameters = map[string]string{"Secret": secret}
		})
		d := h.awaiting(engineer("ana"))
		token := h.token(d.ID)
		answer := yes(d)
		answer.Comment = "fine"
		said := h.decide(engineer("bo"), d.ID, answer).want(http.StatusCreated, "").Body.String()
		h.ended(d.ID, deployment.OutcomeDeployed)
		base := "/deployments/" + d.ID.String()
		for _, path := range []string{"/deployments", base, base + "/review", base + "/tail", base + "/events", "/services"} {
			for _, accept := range []string{"", "text/html", "text/markdown"} {
				said += h.call(engineer("cy"), "GET", path, nil, "Accept", accept).Body.String()
			}
		}
		events, err := h.store.Events(h.t.Context(), d.ID, 0, 0)
		if err != nil || len(events) == 0 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		for _, e := range events {
			said += string(e.Body)
		}
		for name, hidden := range map[string]string{"the secret": secret, "the token": token} {
			if strings.Contains(said, hidden) {
				t.Errorf("%s is in an answer or in the journal", name)
			}
			if strings.Contains(h.log.String(), hidden) {
				t.Errorf("%s is in the log", name)
			}
		}
	})
}
