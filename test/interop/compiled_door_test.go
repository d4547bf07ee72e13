package interop_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/identity"
	"stackgate/internal/installed"
	"stackgate/internal/store"
	"stackgate/internal/web/wire"
)

// nobody calls where no authorizer is.
const nobody = ""

// call invokes the front door's function as an HTTP API does, and returns the body of what it answers.
func (w *way) call(who string, status int, method, target, body string, headers ...string) string {
	w.t.Helper()
	request := httptest.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	request.Header.Set("User-Agent", "stackgate/interop")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	var verified *identity.Principal
	if who != nobody {
		verified = new(engineer(who))
	}
	sent, err := payload(request, verified)
	if err != nil {
		w.t.Fatal(err)
	}
	out := w.sendAs(installed.Review, fmt.Sprintf("%s %s %s by %q", method, target, body, who), string(sent))
	var said events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal([]byte(out.body), &said); err != nil || out.failed || said.StatusCode != status {
		w.t.Errorf("%s %s by %q: want %d, got %+v (%v)", method, target, who, status, out, err)
	}
	return said.Body
}

func (w *way) request(template string) store.Record {
	w.t.Helper()
	body, err := json.Marshal(wire.Ask{Service: serviceName, Environment: stageName, CorrelationID: "story/42", Template: []byte(template)})
	if err != nil {
		w.t.Fatal(err)
	}
	key := fmt.Sprintf("wish-%d", len(w.requested))
	ask := func(status int) wire.Requested {
		var answer wire.Requested
		if err := json.Unmarshal([]byte(w.call("ana", status, http.MethodPost, "/deployments", string(body), wire.IdempotencyKey, key)), &answer); err != nil {
			w.t.Fatal(err)
		}
		return answer
	}
	asked := ask(http.StatusCreated)
	if again := ask(http.StatusOK); !again.Repeated || again.Deployment.ID != asked.Deployment.ID {
		w.t.Errorf("the repeated call is answered with %s, not %s", again.Deployment.ID, asked.Deployment.ID)
	}
	w.requested = append(w.requested, asked.Deployment.ID)
	return asked.Deployment
}

func (w *way) shown(id deployment.ID) wire.Deployment {
	w.t.Helper()
	var shown wire.Deployment
	if err := json.Unmarshal([]byte(w.call("eve", http.StatusOK, http.MethodGet, "/deployments/"+id.String(), "")), &shown); err != nil {
		w.t.Fatal(err)
	}
	return shown
}

// decide takes a decision, after those who may not have tried, and then says the same and the contrary.
func (w *way) decide(id deployment.ID, verdict approval.Verdict) {
	w.t.Helper()
	shown, path := w.shown(id), "/deployments/"+id.String()+"/decisions"
	say := func(who string, status int, verdict approval.Verdict, digest string) {
		w.t.Helper()
		body, err := json.Marshal(wire.Answer{Verdict: verdict, Digest: digest, Acknowledgements: shown.Review.Acknowledge, Comment: "because"})
		if err != nil {
			w.t.Fatal(err)
		}
		w.call(who, status, http.MethodPost, path, string(body))
	}
	say(nobody, http.StatusUnauthorized, verdict, shown.Review.Digest)
	for _, who := range []string{"ana", "eve", stranger} {
		say(who, http.StatusForbidden, approval.Approve, shown.Review.Digest)
	}
	say("bo", http.StatusConflict, verdict, "sha256:"+strings.Repeat("0", 64))
	say("bo", http.StatusCreated, verdict, shown.Review.Digest)
	say("bo", http.StatusOK, verdict, shown.Review.Digest)
}

// cancelled calls a deployment off.
func (w *way) cancelled(id deployment.ID) {
	w.t.Helper()
	path := "/deployments/" + id.String() + "/cancel"
	w.call(nobody, http.StatusUnauthorized, http.MethodPost, path, `{"reason": "no reason"}`)
	w.call(stranger, http.StatusForbidden, http.MethodPost, path, `{"reason": "no reason"}`)
	w.call("eve", http.StatusForbidden, http.MethodPost, path, `{"reason": "no reason"}`)
	w.call("bo", http.StatusOK, http.MethodPost, path, `{"reason": "wrong branch"}`)
}

// look reads everything that can be read, of a deployment that is over.
func (w *way) look(id deployment.ID) {
	w.t.Helper()
	w.call("eve", http.StatusOK, http.MethodGet, "/services", "")
	w.call("eve", http.StatusOK, http.MethodGet, "/deployments?service="+serviceName+"&limit=2", "")
	w.call("eve", http.StatusOK, http.MethodGet, "/deployments?unfinished=true", "")
	path := "/deployments/" + id.String()
	for _, media := range []string{"application/json", "text/html", "text/markdown"} {
		w.call("eve", http.StatusOK, http.MethodGet, path+"/review", "", "Accept", media)
	}
	w.call("eve", http.StatusOK, http.MethodGet, "/deployments/"+id.Short()+"/events?after=0", "")
	w.call("eve", http.StatusNotFound, http.MethodGet, path+"/tail", "")
}

// mistaken makes calls that nobody should make.
func (w *way) mistaken(id deployment.ID) {
	w.t.Helper()
	path := "/deployments/" + id.String()
	w.call(nobody, http.StatusUnauthorized, http.MethodGet, "/deployments", "")
	w.call("ana", http.StatusBadRequest, http.MethodPost, "/deployments", `{"service": `)
	w.call("ana", http.StatusBadRequest, http.MethodPost, "/deployments", `{"service": "customers", "Service": "orders"}`)
	w.call("ana", http.StatusUnsupportedMediaType, http.MethodPost, "/deployments", "{}", "Content-Type", "text/plain")
	w.call("ana", http.StatusUnprocessableEntity, http.MethodPost, "/deployments", `{"service": "coffee", "environment": "prod"}`)
	w.call("ana", http.StatusBadRequest, http.MethodGet, "/deployments?limit=none", "")
	w.call("ana", http.StatusMethodNotAllowed, http.MethodDelete, path, "")
	w.call("ana", http.StatusNotAcceptable, http.MethodGet, path+"/review", "", "Accept", "image/png")
	w.call("ana", http.StatusNotFound, http.MethodGet, "/nowhere", "")
	w.call("ana", http.StatusNotFound, http.MethodGet, "/deployments/"+serviceName+"-"+stageName+"-20261122T140203Z-7q4k2mxa", "")
	w.call("bo", http.StatusGone, http.MethodPost, path+"/decisions", `{"verdict": "reject", "digest": "sha256:0"}`)
	w.call("ana", http.StatusGone, http.MethodPost, path+"/cancel", `{"reason": "too late"}`)
	for _, payload := range []string{
		`{}`, `null`, `[]`, `"text"`, `{"task": "InspectStack"}`, `{"version": "1.0", "httpMethod": "GET", "path": "/services"}`,
		`{"version": "2.0", "rawPath": "/services", "requestContext": {"authorizer": {"iam": {"userArn": 7}}}}`,
		`{"version": "2.0", "rawPath": "/services", "isBase64Encoded": true, "body": "%", "requestContext": {"http": {"method": "POST"}}}`,
	} {
		w.send(installed.Review, payload)
	}
}

// started checks that each request, however often it was repeated, has started one execution.
func (w *way) started() {
	w.t.Helper()
	machine := "arn:aws:states:" + region + ":" + hub + ":stateMachine:" + w.prefix + "-" + serviceName + "-" + stageName
	list, err := w.machines.ListExecutions(w.t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &machine})
	if err != nil {
		w.t.Fatal(err)
	}
	var names, want []string
	for _, execution := range list.Executions {
		names = append(names, aws.ToString(execution.Name))
	}
	for _, id := range w.requested {
		want = append(want, id.String())
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		w.t.Errorf("started %v, not %v", names, want)
	}
}
