package installed

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"stackgate/internal/adoption"
	"stackgate/internal/announcement"
	"stackgate/internal/clock"
	"stackgate/internal/exceptions"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store/dynamo"
	"stackgate/internal/taskrun"
	"stackgate/services"
)

// Open makes the function that the environment describes, one of those that the program can be.
func Open(ctx context.Context, getenv func(string) string, log *slog.Logger, can ...Function) (Handler, error) {
	settings, err := ReadSettings(getenv, can...)
	if err != nil {
		return Handler{}, err
	}
	configuration, err := Configuration()
	if err != nil {
		return Handler{}, err
	}
	return Compose(ctx, settings, configuration, log)
}

// Compose makes the function of the settings, with clients of one AWS configuration, which alone says whose credentials they
// use and what becomes of their calls.
func Compose(ctx context.Context, settings Settings, configuration aws.Config, log *slog.Logger) (Handler, error) {
	catalog, err := service.Load(services.Files, "services")
	if err != nil {
		return Handler{}, fmt.Errorf("read the definitions in this program: %w", err)
	}
	kept := dynamo.New(dynamo.Options{
		Table: dynamodb.NewFromConfig(configuration), TableName: settings.Table,
		Bucket: s3.NewFromConfig(configuration), BucketName: settings.Bucket,
		Clock: clock.System{}, Random: rand.Reader,
	})
	templates := TemplateBucket{Name: settings.Bucket, Region: configuration.Region, Key: settings.Key}
	connector := Connector{
		Function: settings.Function, Roles: settings.Roles, STS: sts.NewFromConfig(configuration), Documents: kept, Templates: templates,
		Client: func(region string, credentials aws.CredentialsProvider) functions.Client {
			return cloudformation.NewFromConfig(configuration, func(o *cloudformation.Options) {
				o.Region, o.Credentials = region, credentials
			})
		},
	}
	machines := sfn.NewFromConfig(configuration)
	components := Components{
		Parts: functions.Parts{
			Store: kept, Registry: catalog, Sender: machines, Clock: clock.System{}, CloudFormation: connector.Connect, Templates: templates,
		},
		Records: kept, Executions: machines, Machines: settings.Machines, Log: log,
		Tracker: Tracker(ctx, settings, ParameterStore{Configuration: configuration, Clock: clock.System{}}, log),
	}
	reporter := Reporter{History: machines, Log: log}
	if topic := Announcements(settings, configuration, log); topic != nil {
		components.Parts.Announcer, reporter.Announcer = topic, topic
	}
	components.Parts.Reporter = reporter
	return New(settings.Function, components)
}

// Announcements is the topic of the settings, nil where they name none.
func Announcements(settings Settings, configuration aws.Config, log *slog.Logger) *announcement.Topic {
	if settings.Topic == "" {
		return nil
	}
	return &announcement.Topic{ARN: settings.Topic, Publisher: sns.NewFromConfig(configuration), Log: log}
}

// Components are what an installed function is made of.
type Components struct {
	Parts functions.Parts
	// Records, Executions and Machines are the plan function's, which finishes deployments whose execution is gone.
	Records    OpenRecords
	Executions Executions
	Machines   MachinePattern
	Log        *slog.Logger
	// Tracker may be nil.
	Tracker taskrun.Tracker
}

// New makes a function of its components.
func New(function Function, c Components) (Handler, error) {
	var tasks []taskrun.Task
	var taken *takes
	switch function {
	case Plan:
		tasks = functions.Plan(c.Parts)
		taken = new(ended{
			records: c.Records, executions: c.Executions, machines: c.Machines, clock: c.Parts.Clock, log: c.Log,
			adoption: adoption.Adoption{Parts: c.Parts, Log: c.Log},
		}.takes())
	case Execute:
		tasks = functions.Execute(c.Parts)
	case Events:
		tasks = functions.Events(c.Parts)
		taken = new(wakes(c.Parts, c.Log))
	default:
		return Handler{}, fmt.Errorf("there is no function %q; there are %v", function, Functions())
	}
	var handler Handler
	var err error
	if handler.tasks, err = c.runner(function, tasks...); err != nil {
		return Handler{}, err
	}
	if taken != nil {
		if handler.events, err = c.runner(function, taken.task()); err != nil {
			return Handler{}, err
		}
	}
	return handler, nil
}

func (c Components) runner(function Function, tasks ...taskrun.Task) (*taskrun.Runner, error) {
	runner, err := taskrun.New(c.Log, c.Parts.Clock, c.Parts.Store, c.Tracker, tasks...)
	if err != nil {
		return nil, fmt.Errorf("make the function %s: %w", function, err)
	}
	return runner.Measuring(string(function)), nil
}

// Parameters gives the values of parameters.
type Parameters interface {
	Parameter(ctx context.Context, name string) (string, error)
}

// Tracker makes the exception tracker of the settings, or nil where they name none. A tracker that cannot be made is
// logged and done without: deployments matter more.
func Tracker(ctx context.Context, settings Settings, parameters Parameters, log *slog.Logger) taskrun.Tracker {
	if settings.SentryParameter == "" {
		return nil
	}
	tracker, err := tracker(ctx, settings, parameters)
	if err != nil {
		log.ErrorContext(ctx, "unexpected errors are not reported", "parameter", settings.SentryParameter, "error", err.Error())
		return nil
	}
	return tracker
}

func tracker(ctx context.Context, settings Settings, parameters Parameters) (taskrun.Tracker, error) {
	dsn, err := parameters.Parameter(ctx, settings.SentryParameter)
	if err != nil {
		return nil, fmt.Errorf("%w; put Sentry's DSN in and let the function read it, or unset %s", err, SentryParameterVariable)
	}
	return exceptions.NewSentry(exceptions.Options{DSN: dsn, Release: settings.Version})
}
