package acceptance

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"stackgate/internal/asl"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/identity"
	"stackgate/internal/plan"
	"stackgate/internal/store"
	"stackgate/internal/web"
	"stackgate/internal/web/sigv4test"
)

// engineer is a session of the permission set that services/project.yaml names.
func engineer(name string) identity.Principal {
	return identity.Principal{ARN: "arn:aws:sts::333333333333:assumed-role/AWSReservedSSO_PlatformEngineer_0123456789abcdef/" + name, ID: "AROA:" + name, Account: "333333333333"}
}

// keys are the people of team scripts: their access keys are their names, and their secrets begin with "secret-of-".
func keys() []sigv4test.Key {
	all := []sigv4test.Key{
		{ID: "pipeline", Principal: identity.Principal{ARN: "arn:aws:sts::333333333333:assumed-role/github-deploy/octo-ana", ID: "AROB:octo-ana", Account: "333333333333"}},
		{ID: "stranger", Principal: identity.Principal{ARN: "arn:aws:sts::333333333333:assumed-role/Administrator/xeno", ID: "AROC:xeno", Account: "333333333333"}},
	}
	for _, name := range []string{"ana", "bo", "cy"} {
		all = append(all, sigv4test.Key{ID: name, Principal: engineer(name)})
	}
	for i := range all {
		all[i].Secret = "secret-of-" + all[i].ID
	}
	return all
}

// flows is Step Functions as the team's server has it: the embedded engine, one run an execution.
type flows struct {
	session *embedded.Session
	ctx     context.Context
	mu      sync.Mutex
	begun   []deployment.ID
	running sync.WaitGroup
}

func (f *flows) Start(_ context.Context, r store.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.begun, r.ID) {
		f.begun = append(f.begun, r.ID)
		f.running.Go(func() {
			// A run that ends with the script is nobody's failure.
			_, _ = f.session.Host.Run(f.ctx, r.ID)
		})
	}
	return nil
}

// team installs a front door that verifies signatures, and sets $STACKGATE_URL: team
func team(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: team")
	}
	ctx, cancel := context.WithCancel(context.Background())
	session, err := embedded.New(ctx, embedded.Options{
		Mode: app.Simulated, Services: func() (string, error) { return ts.MkAbs("services"), nil }, State: filepath.Join(ts.MkAbs("."), "installed", "state"),
		Clock: clock.System{}, Random: asl.SystemRandom{}, Pace: 0.01, PollEvery: 50 * time.Millisecond, Process: "server",
	})
	ts.Check(err)
	f := &flows{session: session, ctx: ctx}
	catalog, err := session.Catalog()
	ts.Check(err)
	server := httptest.NewServer(sigv4test.Authorizer{
		Region: "eu-west-1", Rules: catalog.Identities(), Keys: keys(), Now: time.Now,
		Next: web.New(web.Options{
			Door: session.Host.FrontDoor, Store: session.Store, Starter: f, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
			Catalog: func() (web.Catalog, error) { return catalog, nil },
		}),
	})
	ts.Defer(func() {
		server.Close()
		cancel()
		f.running.Wait()
		ts.Check(session.Close())
	})
	for name, value := range map[string]string{
		"STACKGATE_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true", "STACKGATE_AS": "", "HOME": ts.MkAbs("home"),
	} {
		ts.Setenv(name, value)
	}
	ts.Check(os.MkdirAll(ts.MkAbs("home"), 0o700))
	servers.Store(ts, session)
}

// servers holds the session of each script's front door.
var servers sync.Map

// as signs from here on as somebody, with the right secret or another: as NAME [SECRET]
func as(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: as NAME [SECRET]")
	}
	ts.Setenv("AWS_ACCESS_KEY_ID", args[0])
	ts.Setenv("AWS_SECRET_ACCESS_KEY", append(args, "secret-of-"+args[0])[1])
}

// waits waits until a deployment of the team's front door awaits approval, and sets $ID and $DIGEST: waits SERVICE
func waits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waits SERVICE")
	}
	value, found := servers.Load(ts)
	if !found {
		ts.Fatalf("there is no front door; begin with: team")
	}
	awaitIn(ts, value.(*embedded.Session).Store, args[0])
}

// unsigned makes a call without a signature, and wants to be refused: unsigned METHOD PATH
func unsigned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: unsigned METHOD PATH")
	}
	request, err := http.NewRequest(args[0], ts.Getenv("STACKGATE_URL")+args[1], http.NoBody)
	ts.Check(err)
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	ts.Check(response.Body.Close())
	if response.StatusCode != http.StatusForbidden {
		ts.Fatalf("%s %s without a signature is answered %s", args[0], args[1], response.Status)
	}
}

// awaitIn waits in a store for a deployment that awaits approval.
func awaitIn(ts *testscript.TestScript, kept interface {
	Records(context.Context, store.Filter) ([]store.Record, error)
}, service string) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		records, err := kept.Records(ctx, store.Filter{Service: service, Unfinished: true})
		ts.Check(err)
		at := slices.IndexFunc(records, func(r store.Record) bool { return r.Stage == deployment.StageAwaiting })
		if at >= 0 {
			ts.Setenv("ID", records[at].ID.String())
			ts.Setenv("DIGEST", plan.ShortDigest(records[at].Review.Digest))
			return
		}
		ts.Check(clock.System{}.Sleep(ctx, 20*time.Millisecond))
	}
}
