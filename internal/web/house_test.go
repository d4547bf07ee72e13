package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/internal/approval"
	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/identity"
	"stackgate/internal/local"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/web"
	"stackgate/internal/web/wire"
)

const (
	hub     = "333333333333"
	account = "111111111111"
	region  = "eu-west-1"
)

// people are the rules of the house: engineers come in by their permission set, as on-call all together, as a pipeline for one.
var people = identity.Rules{
	{Name: "engineers", Kind: identity.SSO, PermissionSet: "Engineers", Account: hub},
	{Name: "ana-key", Kind: identity.Person, Principal: "arn:aws:iam::" + hub + ":user/ana", Person: "ana"},
	{Name: "bo-key", Kind: identity.Person, Principal: "arn:aws:iam::" + hub + ":user/bo", Person: "bo"},
	{Name: "pipeline", Kind: identity.CI, Principal: "arn:aws:iam::" + hub + ":role/ci", Actors: map[string]string{"octo-ana": "ana", "octo-bo": "bo"}},
	{Name: "on-call", Kind: identity.Shared, Principal: "arn:aws:iam::" + hub + ":role/on-call"},
}

func session(role, name string) identity.Principal {
	return identity.Principal{ARN: "arn:aws:sts::" + hub + ":assumed-role/" + role + "/" + name, ID: "AROAEXAMPLE:" + name, Account: hub}
}

func engineer(name string) identity.Principal {
	return session("AWSReservedSSO_Engineers_0123456789abcdef", name)
}

func user(name string) identity.Principal {
	return identity.Principal{ARN: "arn:aws:iam::" + hub + ":user/" + name, ID: "AIDAEXAMPLE", Account: hub}
}

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

type definitions map[string]service.Definition

func (d definitions) Definition(name, environment string) (service.Definition, error) {
	definition, found := d[deployment.Key(name, environment)]
	if !found {
		return service.Definition{}, service.ErrUnknownService{Name: name}
	}
	return definition, nil
}

func (d definitions) Services() []service.Service {
	return []service.Service{{Name: "orders", Owner: "team-orders", Environments: []string{"prod"}}}
}

// chance is a seeded source for everything random.
type chance struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (c *chance) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source.Read(p)
}

func (c *chance) Float64() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return rand.New(c.source).Float64()
}

// spy is CloudFormation with a hand between: it counts executions, and may alter what change sets look like.
type spy struct {
	functions.Client
	house *house
}

func (s spy) DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	out, err := s.Client.DescribeChangeSet(ctx, in, opts...)
	if err == nil && s.house.tamper != nil {
		return s.house.tamper(out)
	}
	return out, err
}

func (s spy) ExecuteChangeSet(ctx context.Context, in *cloudformation.ExecuteChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.ExecuteChangeSetOutput, error) {
	s.house.executed = append(s.house.executed, in)
	return s.Client.ExecuteChangeSet(ctx, in, opts...)
}

// house is the handler as it is installed, but for AWS: its flows run on the embedded engine and the simulator.
type house struct {
	t        *testing.T
	store    *sqlite.Store
	host     *local.Host
	handler  *web.Handler
	registry definitions
	log      *lines
	clock    clock.System
	flows    sync.WaitGroup
	// starting, where it is set, fails the start of an execution.
	starting error
	tamper   func(*cloudformation.DescribeChangeSetOutput) (*cloudformation.DescribeChangeSetOutput, error)
	executed []*cloudformation.ExecuteChangeSetInput

	mu      sync.Mutex
	started map[deployment.ID]bool
}

// Start is the house's Step Functions: an execution of a name runs once.
func (h *house) Start(ctx context.Context, r store.Record) error {
	if h.starting != nil {
		return h.starting
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.started[r.ID] {
		return nil
	}
	h.started[r.ID] = true
	ctx = context.WithoutCancel(ctx)
	h.flows.Go(func() {
		if _, err := h.host.Run(ctx, r.ID); err != nil {
			h.t.Error(err)
		}
	})
	return nil
}

// approvers are bo, cy and di; one of them must approve.
func approvers() approval.Policy {
	return approval.Policy{When: approval.Always, Count: 1, ExpiresAfter: 10 * time.Minute, Self: approval.SelfForbidden,
		Groups: []approval.Group{{Name: "approvers", Members: []string{"bo", "cy", "di"}}}}
}

const table = `
Parameters:
  Name: {Type: String, Default: orders}
  Secret: {Type: String, NoEcho: true, Default: unset}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: {Ref: Name}
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
`

// inHouse runs a test in a bubble of its own time, with orders in prod as the one definition.
func inHouse(t *testing.T, run func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, log: &lines{}, started: map[deployment.ID]bool{}, registry: definitions{}}
		h.define(func(d *service.Definition) {
			*d = service.Definition{
				Project: "shop", Service: "orders", Environment: "prod", Account: account, Region: region, StackName: "shop-orders-prod",
				Template: []byte(table), OnFailure: service.Rollback, OnFailedCreate: service.RemoveEmpty, Approval: approvers(),
				Parameters: map[string]string{}, Tags: map[string]string{"project": "shop"}, Capabilities: []string{},
				Timeouts: service.Timeouts{Queue: time.Hour, ChangeSet: 15 * time.Minute, Execution: 2 * time.Hour},
			}
		})
		var err error
		if h.store, err = sqlite.Open(t.Context(), t.TempDir(), h.clock); err != nil {
			t.Fatal(err)
		}
		defer h.store.Close()
		random := &chance{source: rand.NewChaCha8([32]byte{1})}
		simulator, err := cfnsim.New(cfnsim.Options{Clock: h.clock, Random: random})
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if h.host, err = local.New(local.Options{
			Store: h.store, Registry: h.registry, Clock: h.clock, Random: random, Log: log, Runner: "test", PollEvery: 5 * time.Second,
			CloudFormation: func(context.Context, store.Record) (functions.Client, error) {
				return spy{simulator.Client(account, region), h}, nil
			},
		}); err != nil {
			t.Fatal(err)
		}
		h.handler = web.New(web.Options{
			Door: h.host.FrontDoor, Store: h.store, Catalog: func() (web.Catalog, error) { return h.registry, nil },
			Starter: h, Clock: h.clock, Log: log,
		})
		run(h)
		h.flows.Wait()
	})
}

func (h *house) define(change func(*service.Definition)) {
	key := deployment.Key("orders", "prod")
	d := h.registry[key]
	change(&d)
	h.registry[key] = d
}

// answered is what a call was answered with.
type answered struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// call makes a call as a principal; body is marshalled where it is no text, and nil for none.
func (h *house) call(as identity.Principal, method, path string, body any, headers ...string) answered {
	h.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		content, err := json.Marshal(b)
		if err != nil {
			h.t.Fatal(err)
		}
		reader = bytes.NewReader(content)
	}
	request := httptest.NewRequestWithContext(h.t.Context(), method, path, reader)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	if as != (identity.Principal{}) {
		request = request.WithContext(web.WithCaller(request.Context(), web.VerifiedCaller(people, as, "198.51.100.7", "test")))
	}
	recorder := httptest.NewRecorder()
	h.handler.ServeHTTP(recorder, request)
	return answered{recorder, h.t}
}

// want checks status and, of a problem, reason.
func (a answered) want(status int, reason string) answered {
	a.t.Helper()
	got := ""
	if a.Code >= 400 {
		var p wire.Problem
		if err := json.Unmarshal(a.Body.Bytes(), &p); err != nil || a.Header().Get("Content-Type") != "application/problem+json" ||
			p.Type != wire.ProblemType+p.Reason || p.Status != a.Code || p.Title == "" || p.Detail == "" {
			a.t.Errorf("no problem document: %v, %s", err, a.Body)
		}
		got = p.Reason
	}
	if a.Code != status || got != reason {
		a.t.Errorf("answered %d %s, want %d %s: %s", a.Code, got, status, reason, a.Body)
	}
	return a
}

func read[T any](a answered) T {
	a.t.Helper()
	var value T
	if err := json.Unmarshal(a.Body.Bytes(), &value); err != nil {
		a.t.Fatalf("%v: %s", err, a.Body)
	}
	return value
}

var wanted = wire.Ask{Service: "orders", Environment: "prod", Reason: "more orders"}

// request asks for a deployment.
func (h *house) request(as identity.Principal, ask wire.Ask, headers ...string) store.Record {
	h.t.Helper()
	return read[wire.Requested](h.call(as, "POST", "/deployments", ask, headers...).want(http.StatusCreated, "")).Deployment
}

func (h *house) deployment(id deployment.ID) wire.Deployment {
	h.t.Helper()
	return read[wire.Deployment](h.call(engineer("eve"), "GET", "/deployments/"+id.String(), nil).want(http.StatusOK, ""))
}

// reach waits until a deployment is at a stage.
func (h *house) reach(id deployment.ID, stage deployment.Stage) wire.Deployment {
	h.t.Helper()
	for range 10_000 {
		d := h.deployment(id)
		if d.Stage == stage {
			return d
		}
		if d.Stage == deployment.StageFinished {
			h.t.Fatalf("%s finished as %s (%s) before it was %s", id, d.Outcome, d.Cause, stage)
		}
		time.Sleep(time.Second)
	}
	h.t.Fatalf("%s never was %s", id, stage)
	return wire.Deployment{}
}

// awaiting asks for a deployment and waits until it waits for approval.
func (h *house) awaiting(as identity.Principal) wire.Deployment {
	h.t.Helper()
	return h.reach(h.request(as, wanted).ID, deployment.StageAwaiting)
}

func (h *house) ended(id deployment.ID, outcome deployment.Outcome) wire.Deployment {
	h.t.Helper()
	d := h.reach(id, deployment.StageFinished)
	if d.Outcome != outcome {
		h.t.Errorf("%s ended as %s (%s), want %s", id, d.Outcome, d.Cause, outcome)
	}
	return d
}

func yes(d wire.Deployment) wire.Answer {
	return wire.Answer{Verdict: approval.Approve, Digest: d.Review.Digest, Acknowledgements: d.Review.Acknowledge}
}

func no(d wire.Deployment) wire.Answer {
	return wire.Answer{Verdict: approval.Reject, Digest: d.Review.Digest, Comment: "not now"}
}

func (h *house) decide(as identity.Principal, id deployment.ID, answer any) answered {
	h.t.Helper()
	return h.call(as, "POST", "/deployments/"+id.String()+"/decisions", answer)
}

func (h *house) cancel(as identity.Principal, id deployment.ID) answered {
	h.t.Helper()
	return h.call(as, "POST", "/deployments/"+id.String()+"/cancel", wire.Cancellation{Reason: "enough"})
}

// token is the task token that a deployment waits for its approval with.
func (h *house) token(id deployment.ID) string {
	h.t.Helper()
	for range 100 {
		waiter, err := h.store.Waiter(h.t.Context(), id, store.AwaitApproval)
		if err == nil {
			return waiter.Token
		}
		if !errors.Is(err, store.ErrNotFound) {
			h.t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	h.t.Fatalf("%s waits for no approval", id)
	return ""
}
