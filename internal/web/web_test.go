package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/identity"
	"stackgate/internal/plan"
	"stackgate/internal/store"
	"stackgate/internal/stream"
	"stackgate/internal/web"
	"stackgate/internal/web/wire"
)

func TestBodiesAreReadStrictly(t *testing.T) {
	inHouse(t, func(h *house) {
		for name, c := range map[string]struct {
			body   any
			status int
			reason string
		}{
			"no body":                    {"", 400, wire.Malformed},
			"no JSON":                    {"service=orders", 400, wire.Malformed},
			"half of it":                 {`{"service":"orders"`, 400, wire.Malformed},
			"a list":                     {`[]`, 400, wire.Malformed},
			"something behind it":        {`{"service":"orders","environment":"prod"} {}`, 400, wire.Malformed},
			"an unknown name":            {`{"service":"orders","environment":"prod","force":true}`, 400, wire.Malformed},
			"a name twice":               {`{"service":"orders","environment":"prod","service":"other"}`, 400, wire.Malformed},
			"a name twice, in two cases": {`{"service":"orders","environment":"prod","Service":"other"}`, 400, wire.Malformed},
			"a nested name twice":        {`{"service":"orders","environment":"prod","parameters":{"A":"1","A":"2"}}`, 400, wire.Malformed},
			"a number for text":          {`{"service":1,"environment":"prod"}`, 400, wire.Malformed},
			"no base64":                  {`{"service":"orders","environment":"prod","template":"%"}`, 400, wire.Malformed},
			"nested for ever":            {strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200), 400, wire.Malformed},
			"too large":                  {`{"service":"` + strings.Repeat("x", wire.MaxBody) + `"}`, 413, wire.TooLarge},
			"no service":                 {`{"environment":"prod"}`, 422, "InvalidRequest"},
			"an unknown intent":          {`{"service":"orders","environment":"prod","intent":"destroy"}`, 422, "InvalidRequest"},
			"a bad correlation id":       {`{"service":"orders","environment":"prod","correlationId":"a b"}`, 422, "InvalidRequest"},
			"an empty template":          {`{"service":"orders","environment":"prod","template":""}`, 422, "InvalidRequest"},
			"two templates":              {wire.Ask{Service: "orders", Environment: "prod", Template: []byte("a"), TemplateGzip: packed([]byte("a"))}, 422, "InvalidRequest"},
			"no gzip":                    {wire.Ask{Service: "orders", Environment: "prod", TemplateGzip: []byte("a")}, 422, "InvalidRequest"},
			"a bomb":                     {wire.Ask{Service: "orders", Environment: "prod", TemplateGzip: packed(make([]byte, 64<<20))}, 422, "InvalidRequest"},
			"a long reason":              {wire.Ask{Service: "orders", Environment: "prod", Reason: strings.Repeat("x", 1025)}, 422, "InvalidRequest"},
			"a recovery of a deployment": {wire.Ask{Service: "orders", Environment: "prod", Recovery: deployment.Recovery{Force: true}}, 422, "InvalidRequest"},
		} {
			t.Run(name, func(t *testing.T) {
				answer := h.call(engineer("ana"), "POST", "/deployments", c.body)
				answer.t = t
				answer.want(c.status, c.reason)
			})
		}
		h.call(engineer("ana"), "POST", "/deployments", wanted, "Content-Type", "text/plain").want(415, wire.MediaType)
		h.call(engineer("ana"), "POST", "/deployments", wanted, "Content-Type", "application/x-www-form-urlencoded").want(415, wire.MediaType)
		h.call(engineer("ana"), "GET", "/deployments?limit=0", nil).want(400, wire.Malformed)
		h.call(engineer("ana"), "GET", "/deployments?servce=orders", nil).want(400, wire.Malformed)
		h.call(engineer("ana"), "GET", "/deployments?service=a&service=b", nil).want(400, wire.Malformed)
		h.call(engineer("ana"), "GET", "/nowhere", nil).want(404, wire.NoRoute)
		h.call(engineer("ana"), "GET", "/deployments/zzzzzzzz", nil).want(404, wire.NotFound)
		h.call(engineer("ana"), "GET", "/deployments/%2e%2e", nil).want(422, "InvalidRequest")
		h.call(engineer("ana"), "DELETE", "/deployments", nil).want(405, wire.NoMethod)
		if list := read[wire.List](h.call(engineer("ana"), "GET", "/deployments", nil).want(200, "")); len(list.Deployments) != 0 {
			t.Errorf("%d deployments", len(list.Deployments))
		}
	})
}

func packed(content []byte) []byte {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	// A buffer takes everything.
	_, _ = writer.Write(content)
	_ = writer.Close()
	return out.Bytes()
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	inHouse(t, func(h *house) {
		d := h.awaiting(engineer("ana"))
		for _, path := range []string{"/", "/services", "/deployments", "/deployments/" + d.ID.String(), "/deployments/" + d.ID.String() + "/review"} {
			for _, as := range []identity.Principal{engineer("ana"), {}} {
				answer := h.call(as, "GET", path, nil, "Accept", "text/html, */*;q=0.1")
				for name, want := range map[string]string{
					"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
				} {
					if answer.Header().Get(name) != want {
						t.Errorf("%s: %s is %q", path, name, answer.Header().Get(name))
					}
				}
				policy := answer.Header().Get("Content-Security-Policy")
				if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
					t.Errorf("%s: policy %q", path, policy)
				}
			}
		}
		h.cancel(engineer("ana"), d.ID)
	})
}

func TestReviewsComeInTheFormThatIsPreferred(t *testing.T) {
	inHouse(t, func(h *house) {
		early := h.request(engineer("ana"), wanted)
		h.call(engineer("bo"), "GET", "/deployments/"+early.ID.String()+"/review", nil).want(404, wire.NoReview)
		d := h.reach(early.ID, deployment.StageAwaiting)
		for accept, want := range map[string]string{
			"": "application/json", "*/*": "application/json", "application/json": "application/json", "text/html": "text/html; charset=utf-8",
			"text/markdown": "text/markdown; charset=utf-8", "text/*": "text/html; charset=utf-8", "text/html;q=0.2, text/markdown;q=0.8": "text/markdown; charset=utf-8",
			"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/html; charset=utf-8", "application/json;q=0, */*": "text/html; charset=utf-8",
		} {
			answer := h.call(engineer("bo"), "GET", "/deployments/"+d.ID.Short()+"/review", nil, "Accept", accept).want(200, "")
			if got := answer.Header().Get("Content-Type"); got != want || !strings.Contains(answer.Body.String(), "shop-orders-prod") {
				t.Errorf("%q is answered with %s", accept, got)
			}
		}
		for _, accept := range []string{"image/png", "text/html;q=0", "nonsense"} {
			h.call(engineer("bo"), "GET", "/deployments/"+d.ID.String()+"/review", nil, "Accept", accept).want(406, wire.NotAcceptable)
		}
		h.call(engineer("bo"), "GET", "/deployments/"+d.ID.String()+"/tail", nil).want(404, wire.NoTail)
		h.cancel(engineer("ana"), d.ID)
	})
}

func TestTailsComeInTheFormThatIsPreferred(t *testing.T) {
	inHouse(t, func(h *house) {
		ask := wanted
		ask.Template = []byte(table + `
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Table
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: the queue is out of order}}
`)
		d := h.reach(h.request(engineer("ana"), ask).ID, deployment.StageAwaiting)
		h.decide(engineer("bo"), d.ID, yes(d)).want(201, "")
		h.ended(d.ID, deployment.OutcomeFailedRolledBack)
		for accept, want := range map[string]string{"": "application/json", "text/html": "text/html; charset=utf-8", "text/markdown": "text/markdown; charset=utf-8"} {
			answer := h.call(engineer("bo"), "GET", "/deployments/"+d.ID.String()+"/tail", nil, "Accept", accept).want(200, "")
			if got := answer.Header().Get("Content-Type"); got != want || !strings.Contains(answer.Body.String(), "the queue is out of order") {
				t.Errorf("%q is answered with %s: %.200s", accept, got, answer.Body)
			}
			policy := answer.Header().Get("Content-Security-Policy")
			if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "style-src") != (accept == "text/html") {
				t.Errorf("%q has the policy %s", accept, policy)
			}
		}
		if _, err := h.store.UpdateRecord(h.t.Context(), d.ID, func(r *store.Record) error {
			r.Outcome, r.Cause, r.Tail = deployment.OutcomeFailedNeedsHuman, "the stack is gone.", store.Tail{Advice: []string{"Look at CloudTrail"}}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		problem := h.call(engineer("bo"), "GET", "/deployments/"+d.ID.String()+"/tail", nil).want(404, wire.NoTail)
		if want := "ended as FailedNeedsHuman: the stack is gone. No stack events were collected. Next: Look at CloudTrail"; !strings.Contains(problem.Body.String(), want) {
			t.Errorf("%s", problem.Body)
		}
	})
}

func TestARepeatedRequestIsOneDeployment(t *testing.T) {
	inHouse(t, func(h *house) {
		first := h.request(engineer("ana"), wanted, wire.IdempotencyKey, "k-1")
		again := read[wire.Requested](h.call(user("ana"), "POST", "/deployments", wanted, wire.IdempotencyKey, "k-1").want(200, ""))
		if !again.Repeated || again.Deployment.ID != first.ID {
			t.Errorf("%s and %s", first.ID, again.Deployment.ID)
		}
		other := wanted
		other.Reason = "another"
		h.call(engineer("ana"), "POST", "/deployments", other, wire.IdempotencyKey, "k-1").want(409, "refused-idempotency-key")
		h.call(engineer("ana"), "POST", "/deployments", wanted, wire.IdempotencyKey, "a b").want(400, wire.Malformed)
		h.call(engineer("ana"), "POST", "/deployments", wanted, wire.IdempotencyKey, strings.Repeat("x", 129)).want(400, wire.Malformed)
		// Without a key the same wish of the same person is the same deployment while that runs…
		h.reach(first.ID, deployment.StageAwaiting)
		if same := read[wire.Requested](h.call(engineer("ana"), "POST", "/deployments", wanted).want(200, "")); same.Deployment.ID != first.ID {
			t.Errorf("%s and %s", first.ID, same.Deployment.ID)
		}
		// …and another one after it.
		h.cancel(engineer("ana"), first.ID).want(200, "")
		h.ended(first.ID, deployment.OutcomeCancelled)
		time.Sleep(time.Minute)
		second := h.request(engineer("ana"), wanted)
		if second.ID == first.ID {
			t.Error("a new wish has an old deployment")
		}
		h.cancel(engineer("ana"), second.ID).want(200, "")
	})
}

func TestRequestsAtOnceAreOne(t *testing.T) {
	inHouse(t, func(h *house) {
		var all sync.WaitGroup
		ids := make([]deployment.ID, 5)
		for i := range ids {
			all.Go(func() {
				ids[i] = read[wire.Requested](h.call(engineer("ana"), "POST", "/deployments", wanted)).Deployment.ID
			})
		}
		all.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Errorf("%v", ids)
			}
		}
		h.cancel(engineer("ana"), ids[0]).want(200, "")
	})
}

func TestWhatCannotBeStarted(t *testing.T) {
	inHouse(t, func(h *house) {
		h.starting = errors.New("the line broke")
		problem := read[wire.Problem](h.call(engineer("ana"), "POST", "/deployments", wanted, wire.IdempotencyKey, "k").want(503, wire.NotStarted))
		if strings.Contains(problem.Detail, "line broke") || problem.DeploymentID == "" {
			t.Errorf("%+v", problem)
		}
		h.starting = nil
		again := read[wire.Requested](h.call(engineer("ana"), "POST", "/deployments", wanted, wire.IdempotencyKey, "k").want(200, ""))
		if again.Deployment.ID != problem.DeploymentID {
			t.Errorf("%s and %s", again.Deployment.ID, problem.DeploymentID)
		}
		h.reach(again.Deployment.ID, deployment.StageAwaiting)
		h.cancel(engineer("ana"), again.Deployment.ID).want(200, "")
		h.ended(again.Deployment.ID, deployment.OutcomeCancelled)
		h.starting = deployment.Faultf(deployment.InvalidRequest, "there is no state machine")
		ended := h.request(engineer("ana"), wanted, wire.IdempotencyKey, "l")
		if ended.Stage != deployment.StageFinished || ended.Outcome != deployment.OutcomeFailedBeforeChange || !strings.Contains(ended.Cause, "no state machine") {
			t.Errorf("%+v", ended)
		}
	})
}

// What the record tells is what the journal tells, but for states and stack events; and what was told once stays.
func TestEventsAreToldFromTheRecord(t *testing.T) {
	inHouse(t, func(h *house) {
		d := h.request(engineer("ana"), wanted)
		var told []store.JournalEvent
		var after int64
		path := "/deployments/" + d.ID.String() + "/events?after="
		decided := false
		for range 1000 {
			answer := read[wire.Events](h.call(engineer("ana"), "GET", path+fmt.Sprint(after), nil).want(200, ""))
			for _, e := range answer.Events {
				if e.Seq != after+1 || e.Time.IsZero() {
					t.Fatalf("%s has the number %d after %d, at %s", e.Type, e.Seq, after, e.Time)
				}
				after = e.Seq
				told = append(told, e)
				if e.Type == string(stream.ApprovalRequested) && !decided {
					decided = true
					h.decide(engineer("bo"), d.ID, yes(h.deployment(d.ID))).want(201, "")
				}
			}
			if answer.Over {
				break
			}
			time.Sleep(time.Second)
		}
		whole := read[wire.Events](h.call(engineer("ana"), "GET", path+"0", nil)).Events
		kept, err := h.store.Events(h.t.Context(), d.ID, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		kinds := func(events []store.JournalEvent) string {
			var kinds []string
			for _, e := range events {
				switch stream.Type(e.Type) {
				case stream.StateEntered, stream.ResourceProgress, stream.ResourceComplete, stream.Outputs:
				case stream.ChangeSetStatus:
					if !strings.Contains(string(e.Body), "pending") {
						kinds = append(kinds, e.Type)
					}
				default:
					kinds = append(kinds, e.Type)
				}
			}
			return strings.Join(kinds, " ")
		}
		if kinds(told) != kinds(kept) || kinds(whole) != kinds(told) {
			t.Errorf("told    %s\nagain   %s\njournal %s", kinds(told), kinds(whole), kinds(kept))
		}
		h.call(engineer("ana"), "GET", path+"-1", nil).want(400, wire.Malformed)
	})
}

// TestARecoveryIsToldByItsCall: there is no change set to tell of, and the end has sentences of its own.
func TestARecoveryIsToldByItsCall(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	r := store.Record{
		ID: "orders-prod-20261126T120000Z-7q4k2mxa", Intent: deployment.IntentRecover, Stage: deployment.StageFinished,
		Outcome: deployment.OutcomeRecovered, ClientRequestToken: "orders-prod-20261126T120000Z-7q4k2mxa",
		Times: store.Times{Requested: at, Planned: at, Executed: at, Finished: at},
	}
	r.Recovery.Action = deployment.RecoverContinueRollback
	r.Cause = r.Sentence()
	events, err := web.Progress(r, nil, &plan.Review{})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Type)
	}
	if got, want := strings.Join(kinds, " "), "plan_started change_summary execution_started result"; got != want {
		t.Fatalf("told %s, want %s", got, want)
	}
	var begun stream.Execution
	var ended stream.Ended
	if err := errors.Join(json.Unmarshal(events[2].Body, &begun), json.Unmarshal(events[3].Body, &ended)); err != nil {
		t.Fatal(err)
	}
	if begun.Recovery != "ContinueUpdateRollback" || ended.Sentence != r.Sentence() || ended.Cause != "" {
		t.Errorf("execution %+v, end %+v", begun, ended)
	}
}

func TestServicesAreListed(t *testing.T) {
	inHouse(t, func(h *house) {
		got := read[wire.Services](h.call(engineer("eve"), "GET", "/services", nil).want(200, ""))
		if len(got.Services) != 1 || got.Services[0].Environments[0].StackName != "shop-orders-prod" || got.Services[0].Environments[0].Approval.Count != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// What goes wrong here is logged and told without its cause.
func TestFailuresAreNotTold(t *testing.T) {
	inHouse(t, func(h *house) {
		d := h.awaiting(engineer("ana"))
		if _, err := h.store.UpdateRecord(h.t.Context(), d.ID, func(r *store.Record) error { r.Tail.Document = "tail/gone"; return nil }); err != nil {
			t.Fatal(err)
		}
		answer := h.call(engineer("ana"), "GET", "/deployments/"+d.ID.String()+"/tail", nil).want(500, wire.Internal)
		if strings.Contains(answer.Body.String(), "gone") || !strings.Contains(h.log.String(), "tail/gone") {
			t.Errorf("told %s", answer.Body)
		}
		h.cancel(engineer("ana"), d.ID)
	})
}

func TestEveryRefusalHasItsStatus(t *testing.T) {
	for _, r := range frontdoor.Refusals() {
		if status := web.StatusOf(r); status < 400 || status > 499 {
			t.Errorf("%s is answered with %d", r, status)
		}
	}
	if web.StatusOf("a refusal of the future") != http.StatusForbidden {
		t.Error("an unknown refusal is not forbidden")
	}
}

func FuzzReadStrictly(f *testing.F) {
	for _, seed := range []string{
		`{"service":"orders","environment":"prod"}`, `{"a":[{"b":1},[]],"c":{"d":null}}`, `{"a":1,"A":2}`, `[]`, `{`, `"\ud800"`, `{"verdict":"approve","acknowledgements":[1,2]}`, `{"":{}}`, `nul`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var ask wire.Ask
		if err := web.DecodeStrictly([]byte(text), &ask); err != nil {
			if strings.Contains(err.Error(), "wire.") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		// What is taken in is one thing to every reader.
		var lenient wire.Ask
		if err := json.Unmarshal([]byte(text), &lenient); err != nil {
			t.Errorf("%q is taken strictly and not leniently: %v", text, err)
		}
		again, err := json.Marshal(ask)
		if err != nil {
			t.Fatal(err)
		}
		var same wire.Ask
		if err := web.DecodeStrictly(again, &same); err != nil {
			t.Errorf("%q comes back as %s: %v", text, again, err)
		}
		if _, err := ask.Wish(); err == nil && ask.Template != nil && ask.TemplateGzip != nil {
			t.Errorf("%q has two templates", text)
		}
	})
}
