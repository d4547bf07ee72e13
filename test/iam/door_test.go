package iam_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/installed"
	"stackgate/internal/store"
	"stackgate/internal/web/wire"
)

// openDoor composes the front door as installed.OpenDoor does, but for where its configuration is from.
func (w *world) openDoor(variables map[string]string) installed.Door {
	w.t.Helper()
	settings, err := installed.ReadSettings(func(name string) string { return variables[name] }, installed.Review)
	if err != nil {
		w.t.Fatalf("the environment of %s: %v", review, err)
	}
	own := w.configuration(review)
	tracker := installed.Tracker(w.t.Context(), settings, installed.ParameterStore{Configuration: own, Clock: systemClock}, discard())
	door, err := installed.ComposeDoor(settings, own, discard(), tracker)
	if err != nil {
		w.t.Fatal(err)
	}
	return door
}

// pipeline is the CI principal of the example, running for ana; every other caller here is an engineer of that name.
const pipeline = "pipeline"

// principal is whom IAM verifies, as project.yaml's identities know them.
func principal(caller string) *events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription {
	role, session := "AWSReservedSSO_PlatformEngineer_0123456789abcdef", caller
	if caller == pipeline {
		role, session = "github-deploy", "octo-ana"
	}
	return &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{
		AccountID: hubAccount, UserARN: "arn:aws:sts::" + hubAccount + ":assumed-role/" + role + "/" + session, UserID: "AROAEXAMPLE:" + session,
	}
}

// call is a call of the front door, as API Gateway hands it on (payload format 2.0), and what the answer has to be.
type call struct {
	caller, method, path string
	query                url.Values
	accept, key          string
	body                 any
	want                 int
}

// ask makes a call, and reads the answer where into is given. It returns the answer's content.
func (w *world) ask(c call, into any) string {
	w.t.Helper()
	headers := map[string]string{"host": "a.execute-api." + hubRegion + ".amazonaws.com"}
	content := ""
	if c.body != nil {
		encoded, err := json.Marshal(c.body)
		if err != nil {
			w.t.Fatal(err)
		}
		content, headers["content-type"] = string(encoded), "application/json"
	}
	if c.accept != "" {
		headers["accept"] = c.accept
	}
	if c.key != "" {
		headers["idempotency-key"] = c.key
	}
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "ANY /{proxy+}", RawPath: c.path, RawQueryString: c.query.Encode(), Headers: headers, Body: content,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			AccountID: hubAccount, APIID: "a", DomainName: headers["host"], Stage: "$default",
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{IAM: principal(c.caller)},
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: c.method, Path: c.path, Protocol: "HTTP/1.1", SourceIP: "198.51.100.7", UserAgent: "stackgate",
			},
		},
	}
	answer, err := w.door.Handle(w.t.Context(), event)
	if err != nil || answer.StatusCode != c.want {
		w.t.Fatalf("%s %s by %s: %d %v, want %d\n%s", c.method, c.path, c.caller, answer.StatusCode, err, c.want, answer.Body)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(answer.Body), into); err != nil {
			w.t.Fatalf("%s %s: %v\n%s", c.method, c.path, err, answer.Body)
		}
	}
	return answer.Body
}

func about(id deployment.ID, what string) string { return "/deployments/" + id.String() + what }

// request asks for a deployment, with a template of its own where one is given.
func (w *world) request(wish frontdoor.Ask) store.Record {
	w.t.Helper()
	wish.Reason = "a proof"
	body, err := wire.AskOf(wish)
	if err != nil {
		w.t.Fatal(err)
	}
	w.requests++
	var made wire.Requested
	w.ask(call{caller: "ana", method: http.MethodPost, path: "/deployments", key: fmt.Sprint("wish-", w.requests), body: body, want: http.StatusCreated}, &made)
	return made.Deployment
}

// answerTo is an answer to a review as it is.
func answerTo(r store.Record, verdict approval.Verdict) wire.Answer {
	return wire.Answer{Verdict: verdict, Digest: r.Review.Digest, Acknowledgements: r.Review.Acknowledge, Comment: "because"}
}

func (w *world) decide(verdict approval.Verdict, r store.Record, people ...string) {
	w.t.Helper()
	for _, by := range people {
		w.ask(call{caller: by, method: http.MethodPost, path: about(r.ID, "/decisions"), body: answerTo(r, verdict), want: http.StatusCreated}, nil)
	}
}

// approve has as many people approve as policy asks for.
func (w *world) approve(r store.Record) {
	w.t.Helper()
	w.decide(approval.Approve, r, []string{"bo", "cy", "dana"}[:r.Policy.Count]...)
}

func (w *world) cancel(r store.Record) {
	w.t.Helper()
	w.ask(call{caller: "ana", method: http.MethodPost, path: about(r.ID, "/cancel"), body: wire.Cancellation{Reason: "wrong branch"}, want: http.StatusOK}, nil)
}

// look reads everything that the front door shows, in every form, of a deployment that has a review.
func (w *world) look(caller string, r store.Record, tail int) {
	w.t.Helper()
	for _, query := range []url.Values{
		nil, {"service": {r.Service}, "environment": {r.Environment}}, {"service": {r.Service}, "unfinished": {"true"}},
		{"unfinished": {"true"}, "limit": {"1"}}, {"environment": {r.Environment}}, {"id": {r.ID.Short()}},
	} {
		w.ask(call{caller: caller, method: http.MethodGet, path: "/deployments", query: query, want: http.StatusOK}, &wire.List{})
	}
	w.ask(call{caller: caller, method: http.MethodGet, path: "/services", want: http.StatusOK}, &wire.Services{})
	for _, id := range []string{r.ID.String(), r.ID.Short()} {
		var shown wire.Deployment
		if w.ask(call{caller: caller, method: http.MethodGet, path: "/deployments/" + id, want: http.StatusOK}, &shown); shown.ID != r.ID {
			w.t.Errorf("%s is %s", id, shown.ID)
		}
	}
	for _, media := range []string{"application/json", "text/html", "text/markdown"} {
		w.ask(call{caller: caller, method: http.MethodGet, path: about(r.ID, "/review"), accept: media, want: http.StatusOK}, nil)
		w.ask(call{caller: caller, method: http.MethodGet, path: about(r.ID, "/tail"), accept: media, want: tail}, nil)
	}
	w.ask(call{caller: caller, method: http.MethodGet, path: about(r.ID, "/events"), want: http.StatusOK}, &wire.Events{})
	w.ask(call{caller: caller, method: http.MethodGet, path: "/deployments/zzzzzzzz", want: http.StatusNotFound}, nil)
}

// doorStories are what people and pipelines do at the front door, beside what the ways of deployments need.
var doorStories = map[string]func(w *world){
	"everybody looks": func(w *world) {
		planned := w.request(frontdoor.Ask{Service: "invoices", Environment: "prod", Intent: deployment.IntentPlan})
		w.ask(call{caller: "ana", method: http.MethodGet, path: about(planned.ID, "/review"), want: http.StatusNotFound}, nil)
		w.ended(w.run(planned)(), deployment.OutcomePlanned)
		w.look(pipeline, planned, http.StatusNotFound)
		record := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Template: []byte(failing)})
		wait := w.run(record)
		record = w.reach(record.ID, deployment.StageAwaiting)
		w.look("ana", record, http.StatusNotFound)
		w.approve(record)
		w.ended(wait(), deployment.OutcomeFailedRolledBack)
		w.look("bo", record, http.StatusOK)
	},
	"a request that is repeated": func(w *world) {
		wish := wire.Ask{Service: "orders", Environment: "prod", Template: []byte(topic), Reason: "a proof"}
		post := call{method: http.MethodPost, path: "/deployments", body: wish}
		seen := map[deployment.ID]int{}
		for _, by := range []string{"ana", pipeline} {
			for _, key := range []string{"once", ""} {
				post.caller, post.key = by, key
				var first, second wire.Requested
				post.want = http.StatusCreated
				if key == "" {
					// The same wish as that under the key, which is not over.
					post.want = http.StatusOK
				}
				w.ask(post, &first)
				post.want = http.StatusOK
				if w.ask(post, &second); !second.Repeated || first.Deployment.ID != second.Deployment.ID {
					w.t.Errorf("%s asked for %s, and again for %s", by, first.Deployment.ID, second.Deployment.ID)
				}
				seen[first.Deployment.ID]++
			}
		}
		if len(seen) != 2 {
			w.t.Errorf("two callers made %v", seen)
		}
		other := wish
		other.Template = []byte(topics)
		w.ask(call{caller: "ana", method: http.MethodPost, path: "/deployments", key: "once", body: other, want: http.StatusConflict}, nil)
		w.ask(call{caller: "ana", method: http.MethodPost, path: "/deployments", body: other, want: http.StatusCreated}, nil)
		w.ask(call{caller: "nobody/else", method: http.MethodPost, path: "/deployments", body: other, want: http.StatusForbidden}, nil)
		if got := w.steps.begun(); len(got) != 3 {
			w.t.Errorf("executions of %v were started", got)
		}
	},
	"a request for what is not installed": func(w *world) {
		w.steps.missing = true
		var made wire.Requested
		w.ask(call{caller: "ana", method: http.MethodPost, path: "/deployments", body: wire.Ask{Service: "orders", Environment: "prod"}, want: http.StatusCreated}, &made)
		w.ended(made.Deployment, deployment.OutcomeFailedBeforeChange)
	},
	"decisions that are refused and repeated": func(w *world) {
		record := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Template: []byte(topic)})
		decide := func(by string, answer wire.Answer, want int) {
			w.t.Helper()
			w.ask(call{caller: by, method: http.MethodPost, path: about(record.ID, "/decisions"), body: answer, want: want}, nil)
		}
		decide("bo", answerTo(record, approval.Approve), http.StatusConflict)
		wait := w.run(record)
		record = w.reach(record.ID, deployment.StageAwaiting)
		approves := answerTo(record, approval.Approve)
		for _, by := range []string{"ana", "eli", pipeline} {
			decide(by, approves, http.StatusForbidden)
		}
		another := approves
		another.Digest = "000000000000"
		decide("bo", another, http.StatusConflict)
		decide("bo", approves, http.StatusCreated)
		decide("bo", approves, http.StatusOK)
		decide("bo", answerTo(record, approval.Reject), http.StatusConflict)
		decide("cy", approves, http.StatusCreated)
		w.ended(wait(), deployment.OutcomeDeployed)
		decide("dana", approves, http.StatusGone)
		w.ask(call{caller: "ana", method: http.MethodPost, path: about(record.ID, "/cancel"), body: wire.Cancellation{}, want: http.StatusGone}, nil)
	},
	"called off while it waits for its turn": func(w *world) {
		first := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Template: []byte(topic)})
		wait := w.run(first)
		w.approve(w.reach(first.ID, deployment.StageAwaiting))
		w.reach(first.ID, deployment.StageExecuting)
		second := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Template: []byte(topics)})
		waiting := w.run(second)
		time.Sleep(5 * time.Second)
		w.ask(call{caller: "eli", method: http.MethodPost, path: about(second.ID, "/cancel"), body: wire.Cancellation{}, want: http.StatusForbidden}, nil)
		w.cancel(second)
		w.ended(waiting(), deployment.OutcomeCancelled)
		w.ask(call{caller: "ana", method: http.MethodPost, path: about(second.ID, "/cancel"), body: wire.Cancellation{}, want: http.StatusGone}, nil)
		w.ended(wait(), deployment.OutcomeDeployed)
	},
}
