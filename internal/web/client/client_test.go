package client_test

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
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/identity"
	"stackgate/internal/plan"
	"stackgate/internal/render/rendertest"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/tail"
	"stackgate/internal/web"
	"stackgate/internal/web/client"
	"stackgate/internal/web/sigv4test"
)

// watch tells the real time, and waits for nothing.
type watch struct{ slept atomic.Int64 }

func (*watch) Now() time.Time { return time.Now() }
func (w *watch) Sleep(ctx context.Context, d time.Duration) error {
	w.slept.Add(int64(d))
	return ctx.Err()
}

type random struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (r *random) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(p)
}

type registry struct{ only service.Definition }

func (r registry) Definition(name, environment string) (service.Definition, error) {
	if name != r.only.Service || environment != r.only.Environment {
		return service.Definition{}, service.ErrUnknownService{Name: name}
	}
	return r.only, nil
}

func (r registry) Services() []service.Service {
	return []service.Service{{Name: r.only.Service, Owner: "team", Environments: []string{r.only.Environment}}}
}

// nobody answers no token.
type nobody struct{}

func (nobody) SendTaskSuccess(context.Context, *sfn.SendTaskSuccessInput, ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	return &sfn.SendTaskSuccessOutput{}, nil
}

// door is a handler on a store of its own, without flows: tests bring deployments to where they want them.
type door struct {
	t       *testing.T
	store   *sqlite.Store
	handler http.Handler
	clock   *watch
	random  *random
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, clock: &watch{}, random: &random{source: rand.NewChaCha8([32]byte{1})}}
	var err error
	if d.store, err = sqlite.Open(t.Context(), t.TempDir(), d.clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close() })
	installed := registry{service.Definition{
		Project: "shop", Service: "orders", Environment: "prod", Account: "111111111111", Region: "eu-west-1", StackName: "shop-orders-prod",
		Template: []byte("Resources: {}"), Approval: approval.Default(), Parameters: map[string]string{},
	}}
	d.handler = web.New(web.Options{
		Door:  frontdoor.FrontDoor{Store: d.store, Registry: installed, Sender: nobody{}, Clock: d.clock, Random: d.random},
		Store: d.store, Catalog: func() (web.Catalog, error) { return installed, nil }, Clock: d.clock, Log: slog.New(slog.DiscardHandler),
	})
	return d
}

func key(name string) sigv4test.Key {
	return sigv4test.Key{ID: "AKID" + name, Secret: "secret of " + name, Principal: identity.Principal{
		ARN: "arn:aws:iam::333333333333:user/" + name, ID: "AIDA" + name, Account: "333333333333"}}
}

var people = identity.Rules{
	{Name: "ana", Kind: identity.Person, Principal: "arn:aws:iam::333333333333:user/ana", Person: "ana"},
	{Name: "bo", Kind: identity.Person, Principal: "arn:aws:iam::333333333333:user/bo", Person: "bo"},
}

// clients are one client for each transport.
type clients func(person string) *client.Client

func (d *door) inProcess(person string) *client.Client {
	return client.New(client.Options{
		Base: "http://in-process", Clock: d.clock, Random: d.random, Agent: "test",
		Transport: client.InProcess{Handler: d.handler, Caller: web.UnverifiedCaller(person)},
	})
}

func (d *door) server() *httptest.Server {
	server := httptest.NewServer(sigv4test.Authorizer{
		Next: d.handler, Region: "eu-west-1", Rules: people, Keys: []sigv4test.Key{key("ana"), key("bo")}, Now: time.Now,
	})
	d.t.Cleanup(server.Close)
	return server
}

func signed(base string, clock *watch, source io.Reader, k sigv4test.Key) *client.Client {
	return client.New(client.Options{
		Base: base, Clock: clock, Random: source, Agent: "test",
		Transport: client.Signed{
			Credentials: credentials.NewStaticCredentialsProvider(k.ID, k.Secret, ""), Region: "eu-west-1", Next: http.DefaultTransport, Now: time.Now,
		},
	})
}

// Both transports keep one contract: what comes back is what the front door gives, errors included.
func TestContract(t *testing.T) {
	for name, open := range map[string]func(d *door) clients{
		"in process": func(d *door) clients { return d.inProcess },
		"signed": func(d *door) clients {
			server := d.server()
			return func(person string) *client.Client { return signed(server.URL, d.clock, d.random, key(person)) }
		},
	} {
		t.Run(name, func(t *testing.T) { contract(t, open) })
	}
}

func contract(t *testing.T, open func(d *door) clients) {
	ask := frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, Reason: "more <&> \"orders\" é", Commit: "abc"}
	for name, check := range map[string]func(t *testing.T, d *door, as clients){
		"a request is written down whole": func(t *testing.T, d *door, as clients) {
			for _, template := range [][]byte{nil, []byte("Resources: {A: {Type: B}}"), bytes.Repeat([]byte("# a large template\n"), 50_000)} {
				asked := ask
				asked.Template, asked.CorrelationID = template, "run-1"
				record, err := as("ana").Request(t.Context(), asked)
				if err != nil {
					t.Fatal(err)
				}
				kept, err := d.store.Request(t.Context(), record.ID)
				if err != nil || kept.RequestedBy != "ana" || kept.Reason != ask.Reason || kept.Commit != "abc" || kept.CorrelationID != "run-1" || kept.Source.Agent == "" && kept.Verified {
					t.Errorf("%+v, %v", kept, err)
				}
				want := template
				if want == nil {
					want = []byte("Resources: {}")
				}
				if content, err := d.store.Document(t.Context(), kept.Template); err != nil || !bytes.Equal(content, want) {
					t.Errorf("%d bytes of template, %v", len(content), err)
				}
			}
		},
		"each request is one of its own": func(t *testing.T, d *door, as clients) {
			first, err1 := as("ana").Request(t.Context(), ask)
			second, err2 := as("ana").Request(t.Context(), ask)
			if err := errors.Join(err1, err2); err != nil || first.ID == second.ID {
				t.Errorf("%s and %s, %v", first.ID, second.ID, err)
			}
		},
		"what is wrong is said as the front door says it": func(t *testing.T, d *door, as clients) {
			wrong := ask
			wrong.Service = "order"
			_, err := as("ana").Request(t.Context(), wrong)
			if deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), `no service "order"`) {
				t.Errorf("%v", err)
			}
			wrong = ask
			wrong.Template = bytes.Repeat([]byte("x"), 1<<20+1)
			if _, err := as("ana").Request(t.Context(), wrong); deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), "split the stack") {
				t.Errorf("%v", err)
			}
			var problem *client.ProblemError
			wrong = ask
			wrong.Parameters = map[string]string{"A": "b"}
			if _, err := as("ana").Request(t.Context(), wrong); !errors.As(err, &problem) || problem.Problem.Reason != "overrides-forbidden" {
				t.Errorf("%v", err)
			}
			if _, err := as("ana").Deployment(t.Context(), "zzzzzzzz"); !errors.As(err, &problem) || problem.Problem.Reason != "deployment-not-found" {
				t.Errorf("%v", err)
			}
			if _, err := as("ana").Deployment(t.Context(), "../services"); deployment.FaultOf(err) != deployment.InvalidRequest {
				t.Errorf("%v", err)
			}
		},
		"deployments are found and listed": func(t *testing.T, d *door, as clients) {
			record, err := as("ana").Request(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			found, err := as("bo").Deployment(t.Context(), record.ID.Short())
			if err != nil || found.ID != record.ID || found.Decisions == nil {
				t.Errorf("%+v, %v", found, err)
			}
			for want, filter := range map[int]store.Filter{
				1: {Service: "orders", Environment: "prod", Unfinished: true, IDSuffix: record.ID.Short(), Limit: 5}, 0: {Service: "other"},
			} {
				if list, err := as("bo").Deployments(t.Context(), filter); err != nil || len(list) != want {
					t.Errorf("%d of %+v, %v", len(list), filter, err)
				}
			}
			services, err := as("bo").Services(t.Context())
			if err != nil || len(services) != 1 || services[0].Environments[0].StackName != "shop-orders-prod" || !cmp.Equal(services[0].Environments[0].Approval, approval.Default()) {
				t.Errorf("%+v, %v", services, err)
			}
		},
		"reviews, decisions and cancellations": func(t *testing.T, d *door, as clients) {
			record, err := as("ana").Request(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			var problem *client.ProblemError
			if _, err := as("bo").Review(t.Context(), record.ID); !errors.As(err, &problem) || problem.Problem.Reason != "no-review" || problem.Problem.DeploymentID != record.ID {
				t.Errorf("%v", err)
			}
			if _, err := as("bo").Tail(t.Context(), record.ID); !errors.As(err, &problem) || problem.Problem.Reason != "no-tail" {
				t.Errorf("%v", err)
			}
			review := rendertest.Orders().Normalised()
			d.await(record.ID, review)
			got, err := as("bo").Review(t.Context(), record.ID)
			if diff := cmp.Diff(review, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
			yes := frontdoor.Answer{Verdict: approval.Approve, Digest: review.Digest, Comment: "seen"}
			var refused *frontdoor.RefusedError
			if _, err := as("ana").Decide(t.Context(), record.ID, yes); !errors.As(err, &refused) || refused.Refusal != frontdoor.RefusedPerson || !strings.Contains(err.Error(), "nobody approves their own") {
				t.Errorf("%v", err)
			}
			for _, repeated := range []bool{false, true} {
				decided, err := as("bo").Decide(t.Context(), record.ID, yes)
				if err != nil || decided.Repeated != repeated || decided.Tally.State != approval.Approved || decided.Tally.Given != 1 || decided.Decision.By != "bo" || decided.Decision.Comment != "seen" {
					t.Errorf("%+v, %v", decided, err)
				}
			}
			cancelled, err := as("ana").Cancel(t.Context(), record.ID, "enough")
			if err != nil || cancelled.CancelledBy != "ana" || cancelled.CancelReason != "enough" {
				t.Errorf("%+v, %v", cancelled, err)
			}
			events, over, err := as("bo").Events(t.Context(), record.ID, 0)
			if err != nil || over || len(events) < 3 || events[0].Seq != 1 {
				t.Errorf("%d events, over %t, %v", len(events), over, err)
			}
			if rest, _, err := as("bo").Events(t.Context(), record.ID, int64(len(events))); err != nil || len(rest) != 0 {
				t.Errorf("%d further events, %v", len(rest), err)
			}
		},
		"tails": func(t *testing.T, d *door, as clients) {
			record, err := as("ana").Request(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			want := tail.Document{Schema: "stackgate.tail/v1", StackName: "shop-orders-prod"}
			content, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			name := d.keep("tail", content)
			d.update(record.ID, func(r *store.Record) { r.Tail.Document = name })
			if got, err := as("bo").Tail(t.Context(), record.ID); err != nil || got.StackName != want.StackName {
				t.Errorf("%+v, %v", got, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			check(t, d, open(d))
		})
	}
}

func (d *door) keep(kind string, content []byte) string {
	d.t.Helper()
	name, err := d.store.PutDocument(d.t.Context(), kind, content)
	if err != nil {
		d.t.Fatal(err)
	}
	return name
}

func (d *door) update(id deployment.ID, change func(*store.Record)) {
	d.t.Helper()
	if _, err := d.store.UpdateRecord(d.t.Context(), id, func(r *store.Record) error { change(r); return nil }); err != nil {
		d.t.Fatal(err)
	}
}

// await brings a deployment to where its review waits for approval.
func (d *door) await(id deployment.ID, review plan.Review) {
	d.t.Helper()
	content, err := plan.Encode(review)
	if err != nil {
		d.t.Fatal(err)
	}
	name := d.keep("review", content)
	d.update(id, func(r *store.Record) {
		r.Stage, r.ChangeSet.ARN = deployment.StageAwaiting, "arn:aws:cloudformation:eu-west-1:111111111111:changeSet/x/y"
		r.Review = store.Review{Document: name, Digest: review.Digest, ExpiresAt: time.Now().Add(time.Hour), Approval: deployment.ApprovalRequired}
		r.Times.ApprovalRequested = time.Now()
	})
}

func TestOnlySignedCallsComeIn(t *testing.T) {
	d := newDoor(t)
	server := d.server()
	ask := func(c *client.Client) string {
		_, err := c.Deployments(t.Context(), store.Filter{})
		var problem *client.ProblemError
		switch {
		case err == nil:
			return "in"
		case errors.As(err, &problem):
			return problem.Problem.Reason
		}
		return err.Error()
	}
	with := func(change func(*client.Signed)) *client.Client {
		transport := client.Signed{Credentials: credentials.NewStaticCredentialsProvider("AKIDana", "secret of ana", ""), Region: "eu-west-1", Next: http.DefaultTransport, Now: time.Now}
		change(&transport)
		return client.New(client.Options{Base: server.URL, Clock: d.clock, Random: d.random, Agent: "test", Transport: transport})
	}
	for name, c := range map[string]struct {
		client *client.Client
		want   string
	}{
		"signed": {with(func(*client.Signed) {}), "in"},
		"another secret": {with(func(s *client.Signed) {
			s.Credentials = credentials.NewStaticCredentialsProvider("AKIDana", "guess", "")
		}), client.Forbidden},
		"an unknown key": {with(func(s *client.Signed) {
			s.Credentials = credentials.NewStaticCredentialsProvider("AKIDeve", "secret of ana", "")
		}), client.Forbidden},
		"another region": {with(func(s *client.Signed) { s.Region = "us-east-1" }), client.Forbidden},
		"an old one":     {with(func(s *client.Signed) { s.Now = func() time.Time { return time.Now().Add(-time.Hour) } }), client.Forbidden},
		"altered on the way": {with(func(s *client.Signed) {
			s.Next = roundTrip(func(r *http.Request) (*http.Response, error) {
				r.URL.RawQuery = "unfinished=true"
				return http.DefaultTransport.RoundTrip(r)
			})
		}), client.Forbidden},
		"unsigned": {client.New(client.Options{Base: server.URL, Clock: d.clock, Random: d.random, Agent: "test", Transport: http.DefaultTransport}), client.Forbidden},
	} {
		if got := ask(c.client); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestABodyCannotBeAltered(t *testing.T) {
	d := newDoor(t)
	server := d.server()
	c := client.New(client.Options{Base: server.URL, Clock: d.clock, Random: d.random, Agent: "test", Transport: client.Signed{
		Credentials: credentials.NewStaticCredentialsProvider("AKIDana", "secret of ana", ""), Region: "eu-west-1", Now: time.Now,
		Next: roundTrip(func(r *http.Request) (*http.Response, error) {
			content, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(content, []byte("prod"), []byte("PROD"), 1)))
			return http.DefaultTransport.RoundTrip(r)
		}),
	}})
	_, err := c.Request(t.Context(), frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy})
	var problem *client.ProblemError
	if !errors.As(err, &problem) || problem.Problem.Reason != client.Forbidden {
		t.Errorf("%v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The answer to a request is lost, again and again; the deployment is one.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	d := newDoor(t)
	calls := 0
	inner := client.InProcess{Handler: d.handler, Caller: web.UnverifiedCaller("ana")}
	c := client.New(client.Options{Base: "http://x", Clock: d.clock, Random: d.random, Agent: "test", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		response, err := inner.RoundTrip(r)
		if calls++; calls < 3 {
			return nil, errors.New("the line broke")
		}
		return response, err
	})})
	record, err := c.Request(t.Context(), frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy})
	if err != nil || calls != 3 || d.clock.slept.Load() == 0 {
		t.Fatalf("%v after %d calls", err, calls)
	}
	if all, err := d.store.Records(t.Context(), store.Filter{}); err != nil || len(all) != 1 || all[0].ID != record.ID {
		t.Errorf("%d deployments, %v", len(all), err)
	}
}

func TestWhatAnswersIsTold(t *testing.T) {
	d := newDoor(t)
	for name, c := range map[string]struct {
		status        int
		body          string
		reason, words string
		calls         int
	}{
		"overloaded":          {503, `{"message":"Service Unavailable"}`, client.Foreign, "try again", 5},
		"throttled":           {429, `{"message":"Too Many Requests"}`, client.Foreign, "Too Many Requests", 5},
		"not permitted":       {403, `{"message":"User: x is not authorized"}`, client.Forbidden, "is not authorized", 1},
		"expired":             {403, `{"message":"The security token included in the request is expired"}`, client.Forbidden, "sign in", 1},
		"some other server":   {404, `<html>nothing</html>`, client.Foreign, "is no front door of stackgate", 1},
		"a page in its place": {200, `<html>hello</html>`, "", "is not understood", 1},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			asked := client.New(client.Options{Base: "http://x", Clock: d.clock, Random: d.random, Agent: "test", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				calls++
				return &http.Response{StatusCode: c.status, Body: io.NopCloser(strings.NewReader(c.body)), Request: r}, nil
			})})
			_, err := asked.Deployments(t.Context(), store.Filter{})
			var problem *client.ProblemError
			if errors.As(err, &problem) != (c.reason != "") || (problem != nil && problem.Problem.Reason != c.reason) || err == nil || !strings.Contains(err.Error(), c.words) || calls != c.calls {
				t.Errorf("%v after %d calls", err, calls)
			}
		})
	}
}

func TestWhereNobodyAnswers(t *testing.T) {
	d := newDoor(t)
	calls, refused := 0, errors.New("connection refused")
	c := client.New(client.Options{Base: "http://x", Clock: d.clock, Random: d.random, Agent: "test", Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		calls++
		return nil, refused
	})})
	_, err := c.Deployments(t.Context(), store.Filter{})
	var silent *client.UnreachableError
	if !errors.As(err, &silent) || !errors.Is(err, refused) || calls != 5 || !strings.Contains(err.Error(), "http://x cannot be reached (connection refused)") ||
		!strings.Contains(err.Error(), "stackgate config show --origin") {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestWithoutCredentialsNothingIsSent(t *testing.T) {
	d := newDoor(t)
	c := client.New(client.Options{Base: "http://x", Clock: d.clock, Random: d.random, Agent: "test", Transport: client.Signed{
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none") }),
		Region:      "eu-west-1", Now: time.Now,
		Next: roundTrip(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, errors.New("sent") }),
	}})
	_, err := c.Deployments(t.Context(), store.Filter{})
	var missing *client.CredentialsError
	if !errors.As(err, &missing) || d.clock.slept.Load() != 0 {
		t.Errorf("%v", err)
	}
}

func TestRegionOf(t *testing.T) {
	for host, want := range map[string]string{
		"abc123.execute-api.eu-west-1.amazonaws.com": "eu-west-1", "abc.execute-api.cn-north-1.amazonaws.com.cn": "cn-north-1",
		"deploy.example.com": "", "abc.execute-api.eu-west-1.amazonaws.com.evil.example": "", "127.0.0.1": "",
	} {
		if got := client.RegionOf(host); got != want {
			t.Errorf("%s is in %q, want %q", host, got, want)
		}
	}
}
