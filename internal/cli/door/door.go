// Package door opens the front door for a command: the one in this process, or the installed one that team mode names. The
// commands ask both in the same way.
package door

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/settings"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/plan"
	"stackgate/internal/store"
	"stackgate/internal/tail"
	"stackgate/internal/web"
	"stackgate/internal/web/client"
	"stackgate/internal/web/wire"
)

// Session is one command's use of a front door.
type Session struct {
	*client.Client
	// Embedded is what runs flows in this process; it is nil in team mode.
	Embedded *embedded.Session
	Mode     app.Mode
}

// Open opens the front door of the mode that is set.
func Open(ctx context.Context, a *app.App) (*Session, error) {
	mode, err := a.Mode()
	if err != nil {
		return nil, err
	}
	if mode == app.Team {
		return team(ctx, a)
	}
	s, err := embedded.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	return Of(a, s), nil
}

// Of is the front door of an embedded session.
func Of(a *app.App, s *embedded.Session) *Session {
	return &Session{Embedded: s, Mode: s.Mode, Client: client.New(client.Options{
		Base: "http://in-process", Clock: a.Clock, Random: a.Random, Agent: agent(a),
		Transport: client.InProcess{Handler: s.Handler, Caller: web.UnverifiedCaller(a.Person())},
	})}
}

func agent(a *app.App) string { return "stackgate/" + a.Version.Version }

// callTime bounds one call. API Gateway gives up after 30 seconds.
const callTime = 40 * time.Second

// team opens the installed front door, with the caller's own AWS credentials.
func team(ctx context.Context, a *app.App) (*Session, error) {
	if a.Flags.As != "" {
		return nil, exit.Usagef("--as is not possible in team mode, where IAM says who you are; leave it out")
	}
	values := map[settings.Key]string{}
	for _, key := range []settings.Key{settings.URL, settings.Profile, settings.Region} {
		value, err := a.Setting(key)
		if err != nil {
			return nil, err
		}
		values[key] = value
	}
	if values[settings.URL] == "" {
		return nil, exit.Usagef("team mode needs the address of the front door; set it with: stackgate config set url https://…")
	}
	address, err := url.Parse(values[settings.URL])
	if err != nil {
		return nil, exit.UsageError{Err: fmt.Errorf("read the address of the front door: %w", err)}
	}
	var load []func(*config.LoadOptions) error
	if profile := values[settings.Profile]; profile != "" {
		load = append(load, config.WithSharedConfigProfile(profile))
	}
	loaded, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, exit.UsageError{Err: fmt.Errorf("read the AWS configuration: %w", err)}
	}
	region := values[settings.Region]
	for _, other := range []string{client.RegionOf(address.Hostname()), loaded.Region} {
		if region == "" {
			region = other
		}
	}
	if region == "" {
		return nil, exit.Usagef("the region of %s is not known; set it with: stackgate config set region eu-west-1", address.Hostname())
	}
	return &Session{Mode: app.Team, Client: client.New(client.Options{
		Base: trimmed(values[settings.URL]), Clock: a.Clock, Random: a.Random, Agent: agent(a),
		Transport: client.Signed{Credentials: loaded.Credentials, Region: region, Now: a.Clock.Now, Next: timed{http.DefaultTransport}},
	})}, nil
}

func trimmed(address string) string {
	for len(address) > 0 && address[len(address)-1] == '/' {
		address = address[:len(address)-1]
	}
	return address
}

// timed gives up on calls that nobody answers.
type timed struct{ next http.RoundTripper }

func (t timed) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), callTime)
	response, err := t.next.RoundTrip(request.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = closing{response.Body, cancel}
	return response, nil
}

// Nothing says where there is no state to read, for commands that only read and must make none; it is empty where there is
// some, or where the state is not on this machine.
func Nothing(a *app.App) (string, error) {
	mode, err := a.Mode()
	if err != nil || mode == app.Team {
		return "", err
	}
	options, err := embedded.FromApp(a)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(options.State); !errors.Is(err, fs.ErrNotExist) {
		// What cannot be read is said when it is opened.
		return "", nil
	}
	return fmt.Sprintf("there is nothing in %s: no deployment was asked for there in %s mode", options.State, mode), nil
}

// OpenDeployment opens the front door and finds the deployment that a command is about.
func OpenDeployment(ctx context.Context, a *app.App, id string) (*Session, wire.Deployment, error) {
	if nothing, err := Nothing(a); err != nil || nothing != "" {
		if err == nil {
			err = exit.Usagef("%w: %s", &frontdoor.NotFoundError{ID: id}, nothing)
		}
		return nil, wire.Deployment{}, err
	}
	s, err := Open(ctx, a)
	if err != nil {
		return nil, wire.Deployment{}, err
	}
	found, err := s.Deployment(ctx, id)
	if err != nil {
		return nil, wire.Deployment{}, errors.Join(err, s.Close())
	}
	return s, found, nil
}

// Close lets go of what the session holds.
func (s *Session) Close() error {
	if s.Embedded == nil {
		return nil
	}
	return s.Embedded.Close()
}

// Verifies says whether the front door establishes who calls.
func (s *Session) Verifies() bool { return s.Mode == app.Team }

// DecideAs decides under a name; in team mode it is IAM that says who decides.
func (s *Session) DecideAs(ctx context.Context, person string, id deployment.ID, answer frontdoor.Answer) (frontdoor.Decided, error) {
	return s.Decide(s.as(ctx, person), id, answer)
}

// RequestAs and CancelAs are alike.
func (s *Session) RequestAs(ctx context.Context, person string, ask frontdoor.Ask) (store.Record, error) {
	return s.Request(s.as(ctx, person), ask)
}

// CancelAs calls a deployment off under a name.
func (s *Session) CancelAs(ctx context.Context, person string, id deployment.ID, reason string) (store.Record, error) {
	return s.Cancel(s.as(ctx, person), id, reason)
}

func (s *Session) as(ctx context.Context, person string) context.Context {
	if s.Embedded == nil {
		return ctx
	}
	return web.WithCaller(ctx, web.UnverifiedCaller(person))
}

// Review returns the review of a deployment, or says how to get to one.
func (s *Session) Review(ctx context.Context, id deployment.ID) (plan.Review, error) {
	review, err := s.Client.Review(ctx, id)
	return review, s.advise(err, id)
}

// Tail returns the tail of a deployment that failed, or says how it stands.
func (s *Session) Tail(ctx context.Context, id deployment.ID) (tail.Document, error) {
	doc, err := s.Client.Tail(ctx, id)
	return doc, s.advise(err, id)
}

// advise adds the command that helps: the front door has no commands.
func (s *Session) advise(err error, id deployment.ID) error {
	var problem *client.ProblemError
	if !errors.As(err, &problem) || (problem.Problem.Reason != wire.NoReview && problem.Problem.Reason != wire.NoTail) {
		return err
	}
	return exit.Usagef("%w; see: stackgate status %s", err, id.Short())
}

// Policy returns what the environment asks for; found is false where the service is not deployed there.
func (s *Session) Policy(ctx context.Context, serviceName, environment string) (policy approval.Policy, found bool, err error) {
	services, err := s.Services(ctx)
	if err != nil {
		return approval.Policy{}, false, err
	}
	for _, service := range services {
		for _, e := range service.Environments {
			if service.Name == serviceName && e.Name == environment {
				return e.Approval, true, nil
			}
		}
	}
	return approval.Policy{}, false, nil
}
