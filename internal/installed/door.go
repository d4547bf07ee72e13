package installed

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"stackgate/internal/announcement"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/identity"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
	"stackgate/internal/taskrun"
	"stackgate/internal/web"
	"stackgate/services"
)

// Door is the front door as a function behind an HTTP API (payload format 2.0) that authorizes by IAM.
type Door struct{ adapter *httpadapter.HandlerAdapterV2 }

// Handle answers one call.
func (d Door) Handle(ctx context.Context, call events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return d.adapter.ProxyWithContext(ctx, call)
}

// OpenDoor makes the front door that the environment describes.
func OpenDoor(ctx context.Context, getenv func(string) string, log *slog.Logger) (Door, error) {
	settings, err := ReadSettings(getenv, Review)
	if err != nil {
		return Door{}, err
	}
	configuration, err := Configuration()
	if err != nil {
		return Door{}, err
	}
	return ComposeDoor(settings, configuration, log, Tracker(ctx, settings, ParameterStore{Configuration: configuration, Clock: clock.System{}}, log))
}

// ComposeDoor makes the front door of the settings, with clients of one AWS configuration. Tracker may be nil.
func ComposeDoor(settings Settings, configuration aws.Config, log *slog.Logger, tracker taskrun.Tracker) (Door, error) {
	catalog, err := service.Load(services.Files, "services")
	if err != nil {
		return Door{}, fmt.Errorf("read the definitions in this program: %w", err)
	}
	return DoorTo(catalog, settings, configuration, log, tracker), nil
}

// Definitions are what a front door goes by: what can be deployed, and who stands behind a principal.
type Definitions interface {
	web.Catalog
	Identities() identity.Rules
}

// DoorTo makes the front door to definitions, which need not be those in this program. Tracker may be nil.
func DoorTo(definitions Definitions, settings Settings, configuration aws.Config, log *slog.Logger, tracker taskrun.Tracker) Door {
	kept := dynamo.New(dynamo.Options{
		Table: newTable(configuration), TableName: settings.Table,
		Bucket: Objects{Configuration: configuration, Clock: clock.System{}}, BucketName: settings.Bucket,
		Clock: clock.System{}, Random: rand.Reader,
	})
	machines := newStates(configuration)
	door := frontdoor.FrontDoor{Store: kept, Registry: definitions, Sender: machines, Clock: clock.System{}, Random: rand.Reader}
	if settings.Topic != "" {
		door.Announcer = announcement.Topic{ARN: settings.Topic, Publisher: newTopics(configuration), Log: log}
	}
	options := web.Options{
		Door: door, Store: kept, Catalog: func() (web.Catalog, error) { return definitions, nil },
		Starter: Starter{Client: machines, Machines: settings.Machines}, Clock: clock.System{}, Log: log,
	}
	if tracker != nil {
		options.Tracker = callTracker{tracker}
	}
	return NewDoor(definitions.Identities(), web.New(options))
}

// callTracker tells the exception tracker of calls, as the other functions tell it of tasks.
type callTracker struct{ tracker taskrun.Tracker }

// Unexpected tells of one failed call.
func (t callTracker) Unexpected(ctx context.Context, what string, err error) {
	t.tracker.Capture(ctx, taskrun.Exception{Task: what, Err: err})
}

// NewDoor makes a function of a handler. The caller is whom the API's IAM authorizer has verified; without an authorizer
// there is none, and the handler lets nobody in. Whoever may invoke the function itself can pretend to be that authorizer.
func NewDoor(rules identity.Rules, handler http.Handler) Door {
	return Door{httpadapter.NewV2(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called, ok := core.GetAPIGatewayV2ContextFromContext(r.Context())
		if ok && called.Authorizer != nil && called.Authorizer.IAM != nil {
			verified := called.Authorizer.IAM
			r = r.WithContext(web.WithCaller(r.Context(), web.VerifiedCaller(rules,
				identity.Principal{ARN: verified.UserARN, ID: verified.UserID, Account: verified.AccountID}, called.HTTP.SourceIP, called.HTTP.UserAgent)))
		}
		handler.ServeHTTP(w, r)
	}))}
}

// ExecutionStarter is Step Functions as far as executions are started.
type ExecutionStarter interface {
	StartExecution(ctx context.Context, in *sfn.StartExecutionInput, opts ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Starter starts the state machine of a deployment's service.
type Starter struct {
	Client   ExecutionStarter
	Machines MachinePattern
}

// Start starts the execution that is named as the deployment, with its ids and nothing else. An execution of that name is
// this deployment's own, started before. An error with a fault is final; another may have started the execution.
func (s Starter) Start(ctx context.Context, r store.Record) error {
	machine, err := s.Machines.Machine(r)
	if err != nil {
		return deployment.Faultf(deployment.InvalidRequest, "name the state machine of %s: %w", r.ID, err)
	}
	input, err := json.Marshal(map[string]string{"deploymentId": r.ID.String(), "correlationId": r.CorrelationID})
	if err != nil {
		return fmt.Errorf("encode the input of %s: %w", r.ID, err)
	}
	_, err = s.Client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(machine), Name: aws.String(r.ID.String()), Input: aws.String(string(input)),
	})
	var (
		exists   *types.ExecutionAlreadyExists
		gone     *types.StateMachineDoesNotExist
		deleting *types.StateMachineDeleting
		failure  smithy.APIError
	)
	switch {
	case err == nil, errors.As(err, &exists):
		return nil
	case errors.As(err, &gone), errors.As(err, &deleting):
		return deployment.Faultf(deployment.InvalidRequest, "service %s is not installed in %s: there is no state machine %s", r.Service, r.Environment, machine).
			Advise("install it (see docs/install.md), then deploy again")
	case errors.As(err, &failure) && failure.ErrorCode() == "AccessDeniedException":
		return deployment.Faultf(deployment.NotPermitted, "the front door may not start the state machine %s: %w", machine, err)
	}
	return fmt.Errorf("start the execution of %s: %w", r.ID, err)
}
