// Package embedded opens the modes that run in this process: the store, the definitions, CloudFormation or its
// simulator, and the host that runs flows on them. It prints nothing but what it was told to log.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"stackgate/internal/cfnsim"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/settings"
	"stackgate/internal/deployment"
	"stackgate/internal/exceptions"
	"stackgate/internal/functions"
	"stackgate/internal/local"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/taskrun"
	"stackgate/internal/web"
)

// Connector gives CloudFormation for a deployment's account and region.
type Connector interface {
	CloudFormation(ctx context.Context, target deployment.Target) (functions.Client, error)
	// Check says why nothing may be deployed to a target, before anything is written.
	Check(ctx context.Context, target deployment.Target) error
}

// Options are what a session is made of.
type Options struct {
	Mode app.Mode
	// Services is the folder of the definitions; it is read when it is first needed.
	Services func() (string, error)
	// State is the folder of this mode's store.
	State  string
	Clock  app.Clock
	Random app.Random
	// Pace multiplies how long simulated operations take.
	Pace float64
	// PollEvery is how often a stack is looked at.
	PollEvery time.Duration
	// Debug gets the log of every task; without it a file in State does.
	Debug io.Writer
	// Process names this process in records.
	Process string
	Solo    SoloOptions
	Tracker taskrun.Tracker
}

// Session is one process's use of an embedded mode.
type Session struct {
	Host    *local.Host
	Store   *sqlite.Store
	Mode    app.Mode
	options Options

	// Handler is the front door over HTTP, for calls from this process.
	Handler http.Handler

	connector Connector
	catalog   func() (*service.Catalog, error)
	log       io.Closer
}

// pace is how long simulated operations take compared with AWS: short enough to be watched, long enough to be seen.
const pace = 0.2

// FromApp returns the options that the flags and the environment ask for.
func FromApp(a *app.App) (Options, error) {
	mode, err := a.Mode()
	if err != nil {
		return Options{}, err
	}
	if mode == app.Team {
		return Options{}, exit.Usagef("this is not possible in team mode, whose state is not on this machine; choose another with --mode simulated or solo")
	}
	profile, err := a.Setting(settings.Profile)
	if err != nil {
		return Options{}, err
	}
	region, err := a.Setting(settings.Region)
	if err != nil {
		return Options{}, err
	}
	state, err := a.StateDir()
	if err != nil {
		return Options{}, err
	}
	o := Options{
		Mode: mode, Services: a.ServicesDir, State: filepath.Join(state, string(mode)), Clock: a.Clock, Random: a.Random, Pace: pace,
		PollEvery: 300 * time.Millisecond, Process: a.Process,
		Solo: SoloOptions{Profile: profile, Region: region, CustomEndpoint: a.Env("AWS_ENDPOINT_URL") != "" || a.Env("AWS_ENDPOINT_URL_CLOUDFORMATION") != ""},
	}
	if mode == app.Solo {
		// DescribeStacks is throttled per account; five seconds is what the AWS CLI's waiters are patient with.
		o.PollEvery = 5 * time.Second
	}
	if given := a.Env("STACKGATE_SIMULATION_PACE"); given != "" {
		if o.Pace, err = strconv.ParseFloat(given, 64); err != nil || o.Pace <= 0 || o.Pace > 100 {
			return Options{}, exit.Usagef("STACKGATE_SIMULATION_PACE is %q; it must be a number above 0, as 0.2 for five times as fast as AWS", given)
		}
	}
	if a.Flags.Debug {
		o.Debug = a.Stderr
	}
	if o.Tracker, err = exceptions.NewSentry(exceptions.Options{DSN: a.Env("STACKGATE_SENTRY_DSN"), Release: a.Version.Version}); err != nil {
		return Options{}, exit.UsageError{Err: fmt.Errorf("STACKGATE_SENTRY_DSN: %w", err)}
	}
	return o, nil
}

// Open opens the mode that the flags ask for, and finishes what processes that died have left.
func Open(ctx context.Context, a *app.App) (*Session, error) {
	options, err := FromApp(a)
	if err != nil {
		return nil, err
	}
	s, err := New(ctx, options)
	if err != nil {
		return nil, err
	}
	adopted, err := s.Host.Adopt(ctx)
	for _, r := range adopted {
		a.Say("%s was left by a process that ended; finished it: %s", r.ID, r.Outcome)
	}
	if err != nil {
		// What cannot be finished now holds its own stack's lock, and nothing else.
		a.Warn("warning: %v", err)
	}
	return s, nil
}

// New makes a session.
func New(ctx context.Context, o Options) (*Session, error) {
	if err := keepOutOfGit(o.State); err != nil {
		return nil, err
	}
	kept, err := sqlite.Open(ctx, o.State, o.Clock)
	if err != nil {
		return nil, err
	}
	s := &Session{Store: kept, Mode: o.Mode, options: o}
	s.catalog = sync.OnceValues(func() (*service.Catalog, error) {
		dir, err := o.Services()
		if err != nil {
			return nil, err
		}
		return LoadCatalog(dir)
	})
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// LoadCatalog reads definitions; a folder that cannot be read is a usage error.
func LoadCatalog(dir string) (*service.Catalog, error) {
	catalog, err := service.LoadDir(dir)
	var problems service.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, exit.UsageError{Err: err}
	}
	return catalog, err
}

func (s *Session) open(ctx context.Context) error {
	var err error
	if s.connector, err = connect(ctx, s.options, s.Store); err != nil {
		return err
	}
	log := s.options.Debug
	if log == nil {
		file, err := os.OpenFile(filepath.Join(s.options.State, "stackgate.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		log, s.log = file, file
	}
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	options := local.Options{
		Store: s.Store, Registry: s, CloudFormation: s.CloudFormation, Clock: s.options.Clock, Random: s.options.Random,
		Log:     logger,
		Tracker: s.options.Tracker, Runner: s.options.Process, PollEvery: s.options.PollEvery,
	}
	// Solo mode has no bucket.
	if s.Mode != app.Solo {
		options.Templates = objects{}
	}
	if s.Host, err = local.New(options); err != nil {
		return err
	}
	s.Handler = web.New(web.Options{
		Door: s.Host.FrontDoor, Store: s.Store, Journal: s.Store, Clock: s.options.Clock, Log: logger, Candid: true,
		Catalog: func() (web.Catalog, error) { return s.catalog() },
	})
	return nil
}

// connect makes the mode's CloudFormation.
func connect(ctx context.Context, o Options, kept *sqlite.Store) (Connector, error) {
	if o.Mode == app.Solo {
		return newSolo(ctx, o.Solo)
	}
	simulator, err := cfnsim.New(cfnsim.Options{Clock: o.Clock, Storage: kept.Blob("simulator"), Pace: o.Pace, Templates: objects{o.Services, kept}})
	if err != nil {
		return nil, err
	}
	return simulated{simulator}, nil
}

type simulated struct{ simulator *cfnsim.Simulator }

func (s simulated) CloudFormation(_ context.Context, t deployment.Target) (functions.Client, error) {
	return s.simulator.Client(t.Account, t.Region), nil
}

func (simulated) Check(context.Context, deployment.Target) error { return nil }

// Close lets go of the store.
func (s *Session) Close() error {
	err := s.Store.Close()
	if s.log != nil {
		err = errors.Join(err, s.log.Close())
	}
	return err
}

// Catalog returns the definitions, which are read once.
func (s *Session) Catalog() (*service.Catalog, error) { return s.catalog() }

// Definition returns a definition, for the flow.
func (s *Session) Definition(serviceName, environment string) (service.Definition, error) {
	catalog, err := s.catalog()
	if err != nil {
		return service.Definition{}, err
	}
	return catalog.Definition(serviceName, environment)
}

// CloudFormation gives the client for a deployment's stack.
func (s *Session) CloudFormation(ctx context.Context, r store.Record) (functions.Client, error) {
	return s.connector.CloudFormation(ctx, r.Target)
}

// Check says why nothing may be deployed to a target in this mode.
func (s *Session) Check(ctx context.Context, t deployment.Target) error {
	return s.connector.Check(ctx, t)
}

// LetGo says that this process runs a deployment no longer, so that the next command adopts it at once.
func (s *Session) LetGo(ctx context.Context, id deployment.ID) error {
	_, err := s.Store.UpdateRecord(ctx, id, func(r *store.Record) error {
		r.Runner.AliveUntil = s.options.Clock.Now()
		return nil
	})
	return err
}

// Exists says whether the state that the flags name is there, for completion, which must make nothing.
func Exists(a *app.App) bool {
	o, err := FromApp(a)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(o.State, sqlite.FileName))
	return err == nil
}

// keepOutOfGit makes the state's folder with a .gitignore: what is in it belongs to one machine, but for the project's settings.
func keepOutOfGit(state string) error {
	parent := filepath.Dir(state)
	if _, err := os.Stat(parent); err == nil {
		return nil
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return fmt.Errorf("make the folder of the state: %w; name another one with --state DIR", err)
	}
	if err := os.WriteFile(filepath.Join(parent, ".gitignore"), []byte("*\n!config.yaml\n"), 0o600); err != nil {
		return fmt.Errorf("make the folder of the state: %w", err)
	}
	return nil
}
