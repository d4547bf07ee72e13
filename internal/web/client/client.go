// Package client asks a front door over HTTP: one in this process, or one behind an API that authorizes by IAM. It decides
// nothing, and what it returns of an error is what the front door said.
package client

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/plan"
	"stackgate/internal/store"
	"stackgate/internal/tail"
	"stackgate/internal/web/wire"
)

// Clock waits between tries.
type Clock interface {
	Sleep(ctx context.Context, d time.Duration) error
}

// Options are what a client is made of; all are needed.
type Options struct {
	// Base is the address of the API, with neither query nor a slash at its end.
	Base string
	// Transport carries calls, and says who calls.
	Transport http.RoundTripper
	Clock     Clock
	// Random gives the keys under which requests are repeated.
	Random io.Reader
	// Agent is what the program calls itself.
	Agent string
}

// Client asks a front door. Every call may be repeated, and is where the answer is lost or the door is overloaded.
type Client struct{ options Options }

// New makes a client.
func New(o Options) *Client { return &Client{o} }

// Request asks for a deployment, once, however often the call must be repeated.
func (c *Client) Request(ctx context.Context, ask frontdoor.Ask) (store.Record, error) {
	body, err := wire.AskOf(ask)
	if err != nil {
		return store.Record{}, err
	}
	key := make([]byte, 16)
	if _, err := io.ReadFull(c.options.Random, key); err != nil {
		return store.Record{}, fmt.Errorf("make the key of the request: %w", err)
	}
	answer, err := fetch[wire.Requested](ctx, c, http.MethodPost, "/deployments", body, wire.IdempotencyKey, hex.EncodeToString(key))
	return answer.Deployment, err
}

// Deployment returns the deployment of a whole id or of any suffix that only one deployment has.
func (c *Client) Deployment(ctx context.Context, idOrSuffix string) (wire.Deployment, error) {
	if err := deployment.CheckSuffix(idOrSuffix); err != nil {
		return wire.Deployment{}, deployment.Faultf(deployment.InvalidRequest, "%w", err)
	}
	return fetch[wire.Deployment](ctx, c, http.MethodGet, path(deployment.ID(idOrSuffix), ""), nil)
}

// Deployments lists deployments, newest first.
func (c *Client) Deployments(ctx context.Context, f store.Filter) ([]store.Record, error) {
	query := url.Values{}
	for name, value := range map[string]string{"service": f.Service, "environment": f.Environment, "id": f.IDSuffix} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if f.Unfinished {
		query.Set("unfinished", "true")
	}
	if f.Limit > 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	target := "/deployments"
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	answer, err := fetch[wire.List](ctx, c, http.MethodGet, target, nil)
	return answer.Deployments, err
}

// Review returns the review of a deployment.
func (c *Client) Review(ctx context.Context, id deployment.ID) (plan.Review, error) {
	content, err := c.ask(ctx, http.MethodGet, path(id, "/review"), nil, "Accept", "application/json")
	if err != nil {
		return plan.Review{}, err
	}
	return plan.Decode(content)
}

// Tail returns the tail of a deployment that failed.
func (c *Client) Tail(ctx context.Context, id deployment.ID) (tail.Document, error) {
	return fetch[tail.Document](ctx, c, http.MethodGet, path(id, "/tail"), nil, "Accept", "application/json")
}

// Events returns the events of a deployment after a number, and whether none will follow them.
func (c *Client) Events(ctx context.Context, id deployment.ID, after int64) (events []store.JournalEvent, over bool, err error) {
	answer, err := fetch[wire.Events](ctx, c, http.MethodGet, path(id, "/events?after="+strconv.FormatInt(after, 10)), nil)
	return answer.Events, answer.Over, err
}

// Services lists what can be deployed, and to where.
func (c *Client) Services(ctx context.Context) ([]wire.Service, error) {
	answer, err := fetch[wire.Services](ctx, c, http.MethodGet, "/services", nil)
	return answer.Services, err
}

// Decide answers the review of a deployment.
func (c *Client) Decide(ctx context.Context, id deployment.ID, a frontdoor.Answer) (frontdoor.Decided, error) {
	answer, err := fetch[wire.Decided](ctx, c, http.MethodPost, path(id, "/decisions"), wire.Answer{
		Verdict: a.Verdict, Digest: a.Digest, Acknowledgements: a.Acknowledgements, Comment: a.Comment,
	})
	return frontdoor.Decided{
		Decision: answer.Decision, Repeated: answer.Repeated,
		Tally: approval.Tally{State: answer.State, Given: answer.Given, Needed: answer.Needed},
	}, err
}

// Cancel calls a deployment off.
func (c *Client) Cancel(ctx context.Context, id deployment.ID, reason string) (store.Record, error) {
	return fetch[store.Record](ctx, c, http.MethodPost, path(id, "/cancel"), wire.Cancellation{Reason: reason})
}

func path(id deployment.ID, rest string) string {
	return "/deployments/" + url.PathEscape(id.String()) + rest
}

// fetch asks for an answer in JSON.
func fetch[T any](ctx context.Context, c *Client, method, target string, body any, headers ...string) (answer T, err error) {
	content, err := c.ask(ctx, method, target, body, headers...)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		var none T
		return none, fmt.Errorf("%s %s: the answer is not understood (%w); is %s the address of a stackgate API of this version?", method, target, err, c.options.Base)
	}
	return answer, nil
}

// tries is how often a call is made at most, and pause how long the first pause is; each further one is twice as long.
const (
	tries = 5
	pause = 500 * time.Millisecond
)

func (c *Client) ask(ctx context.Context, method, target string, body any, headers ...string) ([]byte, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encode the call: %w", err)
		}
	}
	for try := 1; ; try++ {
		answer, again, err := c.once(ctx, method, target, content, headers)
		if !again || try == tries || ctx.Err() != nil {
			return answer, err
		}
		if waiting := c.options.Clock.Sleep(ctx, pause<<(try-1)); waiting != nil {
			return nil, errors.Join(err, waiting)
		}
	}
}

// maxAnswer is beyond what API Gateway lets through, which is 10 MB.
const maxAnswer = 16 << 20

// once makes one call, and says whether it is worth another.
func (c *Client) once(ctx context.Context, method, target string, content []byte, headers []string) (answer []byte, again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, method, c.options.Base+target, bytes.NewReader(content))
	if err != nil {
		return nil, false, fmt.Errorf("make the call %s %s: %w", method, target, err)
	}
	request.Header.Set("User-Agent", c.options.Agent)
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.options.Transport.RoundTrip(request)
	if err != nil {
		var final *CredentialsError
		if errors.As(err, &final) {
			return nil, false, fmt.Errorf("ask the front door: %w", err)
		}
		return nil, true, &UnreachableError{Base: c.options.Base, Err: err}
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, true, fmt.Errorf("read what the front door answers: %w", err)
	}
	if response.StatusCode < 300 {
		return answer, false, nil
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return nil, again, c.failure(response, answer)
}

// UnreachableError is an address at which nobody answers. Whether the call was carried out is not known.
type UnreachableError struct {
	Base string
	Err  error
}

// Error names the address and where it is set.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the front door at %s cannot be reached (%v); try again, or check the address with: stackgate config show --origin", e.Base, e.Err)
}

// Unwrap gives what the network said.
func (e *UnreachableError) Unwrap() error { return e.Err }

// ProblemError is a refusal or failure that is none of the front door's own words.
type ProblemError struct{ Problem wire.Problem }

// Error returns what the front door says.
func (e *ProblemError) Error() string { return e.Problem.Detail }

// The reasons of problems that another than the front door answers with.
const (
	// Forbidden: API Gateway refuses the call.
	Forbidden = "forbidden"
	// Foreign: no front door answers at the address.
	Foreign = "foreign"
)

// failure gives a problem back as the error that it was made of.
func (c *Client) failure(response *http.Response, content []byte) error {
	var p wire.Problem
	if err := json.Unmarshal(content, &p); err != nil || !strings.HasPrefix(p.Type, wire.ProblemType) {
		return &ProblemError{c.foreign(response.StatusCode, content)}
	}
	if refusal, refused := strings.CutPrefix(p.Reason, wire.RefusedPrefix); refused {
		return frontdoor.Refused(frontdoor.Refusal(refusal), p.Detail)
	}
	for _, fault := range deployment.Faults() {
		if p.Reason == string(fault) {
			return deployment.Faultf(fault, "%s", p.Detail)
		}
	}
	return &ProblemError{p}
}

// foreign explains what is no problem document: API Gateway refuses before the front door is asked.
func (c *Client) foreign(status int, content []byte) wire.Problem {
	var said struct {
		Message string `json:"message"`
	}
	// What is no JSON says nothing.
	_ = json.Unmarshal(content, &said)
	p := wire.Problem{Status: status, Reason: Foreign,
		Detail: fmt.Sprintf("%s answers %d and is no front door of stackgate; check the address with: stackgate config show --origin", c.options.Base, status)}
	if status == http.StatusForbidden || status == http.StatusUnauthorized {
		p.Reason = Forbidden
		p.Detail = fmt.Sprintf("%s refuses the call (%d %.200s): your credentials are missing, expired, of another region, or may not execute-api:Invoke it; sign in, or choose another profile with --profile",
			c.options.Base, status, said.Message)
	}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		p.Detail = fmt.Sprintf("%s answers %d %.200s; try again, and look at the log of the front door where that stays so", c.options.Base, status, said.Message)
	}
	return p
}
