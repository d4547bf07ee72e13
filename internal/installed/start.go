package installed

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

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
	catalog, err := service.Load(services.Files, "services")
	if err != nil {
		return Handler{}, fmt.Errorf("read the definitions in this program: %w", err)
	}
	configuration, err := config.LoadDefaultConfig(ctx, config.WithRetryer(Retryer))
	if err != nil {
		return Handler{}, fmt.Errorf("read the AWS configuration: %w", err)
	}
	kept := dynamo.New(dynamo.Options{
		Table: dynamodb.NewFromConfig(configuration), TableName: settings.Table,
		Bucket: s3.NewFromConfig(configuration), BucketName: settings.Bucket,
		Clock: clock.System{}, Random: rand.Reader,
	})
	connector := Connector{
		Function: settings.Function, Roles: settings.Roles, STS: sts.NewFromConfig(configuration), Documents: kept,
		Client: func(region string, credentials aws.CredentialsProvider) functions.Client {
			return cloudformation.NewFromConfig(configuration, func(o *cloudformation.Options) {
				o.Region, o.Credentials = region, credentials
			})
		},
	}
	return New(settings.Function, functions.Parts{
		Store: kept, Registry: catalog, Sender: sfn.NewFromConfig(configuration), Clock: clock.System{},
		CloudFormation: connector.Connect,
	}, log, Tracker(ctx, settings, ssm.NewFromConfig(configuration), log))
}

// New makes a function of its parts. Tracker may be nil.
func New(function Function, parts functions.Parts, log *slog.Logger, tracker taskrun.Tracker) (Handler, error) {
	var handler Handler
	var tasks []taskrun.Task
	var err error
	switch function {
	case Plan:
		tasks = functions.Plan(parts)
	case Execute:
		tasks = functions.Execute(parts)
	case Events:
		tasks = functions.Events(parts)
		if handler.events, err = taskrun.New(log, parts.Clock, parts.Store, tracker, eventTask(parts)); err != nil {
			return Handler{}, fmt.Errorf("make the function %s: %w", function, err)
		}
	default:
		return Handler{}, fmt.Errorf("there is no function %q; there are %v", function, Functions())
	}
	if handler.tasks, err = taskrun.New(log, parts.Clock, parts.Store, tracker, tasks...); err != nil {
		return Handler{}, fmt.Errorf("make the function %s: %w", function, err)
	}
	return handler, nil
}

// Parameters is SSM as far as the tracker's DSN is read.
type Parameters interface {
	GetParameter(ctx context.Context, in *ssm.GetParameterInput, opts ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
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
	answer, err := parameters.GetParameter(ctx, &ssm.GetParameterInput{
		Name: aws.String(settings.SentryParameter), WithDecryption: aws.Bool(true),
	})
	if err != nil {
		return nil, fmt.Errorf("read the parameter with the DSN: %w", err)
	}
	if answer.Parameter == nil || aws.ToString(answer.Parameter.Value) == "" {
		return nil, fmt.Errorf("the parameter with the DSN is empty; put Sentry's DSN in, or unset %s", SentryParameterVariable)
	}
	return exceptions.NewSentry(exceptions.Options{DSN: *answer.Parameter.Value, Release: settings.Version})
}
