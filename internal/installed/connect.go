package installed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/smithy-go"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Documents gives the definition that a deployment began with.
type Documents interface {
	Document(ctx context.Context, key string) ([]byte, error)
}

// Connector makes clients of CloudFormation, each with the role of one service in one account, for one deployment.
type Connector struct {
	Function  Function
	Roles     RolePattern
	STS       stscreds.AssumeRoleAPIClient
	Documents Documents
	// Templates is where CloudFormation reads the templates that fit no call.
	Templates TemplateBucket
	// Client makes a client with credentials for a region.
	Client func(region string, credentials aws.CredentialsProvider) functions.Client
}

const (
	// sessionLife is the least that STS takes; a task lasts a minute.
	sessionLife = 15 * time.Minute
	// callersSessionLife is the most that STS takes where one role assumes another. Without an execution role
	// CloudFormation works on with the session of whoever executed.
	callersSessionLife = time.Hour
)

// Connect assumes the role of the record's service and returns a client for its stack. The external id is the service and
// its environment, so that a role that was made for one service cannot be used for another by mistake of a name.
func (c Connector) Connect(ctx context.Context, r store.Record) (functions.Client, error) {
	definition, err := c.definition(ctx, r)
	if err != nil {
		return nil, err
	}
	role, err := c.Roles.Role(c.Function, r)
	if err != nil {
		return nil, fmt.Errorf("name the role for %s: %w", r.ID, err)
	}
	narrowed, err := SessionPolicy(c.Roles.partition, c.Function, r, definition.NestedStacks, definition.ExecutionRole, c.Templates)
	if err != nil {
		return nil, fmt.Errorf("narrow the role for %s: %w", r.ID, err)
	}
	life := sessionLife
	if c.Function == Execute && definition.ExecutionRole == "" {
		life = callersSessionLife
	}
	provider := aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(c.STS, role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = string(r.ID)
		o.ExternalID = aws.String(deployment.Key(r.Service, r.Environment))
		o.Policy = aws.String(narrowed)
		o.Duration = life
	}))
	// Here rather than at the first call, so that a role that cannot be assumed is told from one that may not do the call.
	if _, err := provider.Retrieve(ctx); err != nil {
		return nil, assumeFault(err, role, r)
	}
	return c.Client(r.Region, provider), nil
}

// definition is the one that the deployment began with, which says whose rights CloudFormation uses.
func (c Connector) definition(ctx context.Context, r store.Record) (service.Definition, error) {
	if r.Definition == "" {
		return service.Definition{}, deployment.Faultf(deployment.InvalidRequest, "deployment %s has no definition yet, so that no role can be assumed for it", r.ID)
	}
	definition, err := service.KeptDefinition(ctx, c.Documents, r.Definition)
	if err != nil {
		return service.Definition{}, fmt.Errorf("choose the role for %s: %w", r.ID, err)
	}
	return definition, nil
}

func assumeFault(err error, role string, r store.Record) error {
	// What the cache puts around it reads like missing credentials, also where STS only failed for the moment.
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		err = operation
	}
	err = cfn.Fault(err, "assume role %s for stack %s", role, r.StackName)
	var fault *deployment.FaultError
	if errors.As(err, &fault) && fault.Fault == deployment.NotPermitted {
		return fault.Advise("install the target template in account %s, and let the role trust this function with external id %s",
			r.Account, deployment.Key(r.Service, r.Environment))
	}
	return err
}

// attempts is how often the SDK tries a call. CloudFormation throttles an account and region as a whole, and a dozen
// deployments at once are ordinary; what outlasts these is retried by the state machine.
const attempts = 8

// Retryer retries what the SDK retries, but for LimitExceededException: to the SDK that is a throttle, while CreateChangeSet
// says with it that a stack has too many change sets, which no waiting mends.
func Retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(quotaIsFinal)}, o.Retryables...)
	})
}

func quotaIsFinal(err error) aws.Ternary {
	var failure smithy.APIError
	if errors.As(err, &failure) && failure.ErrorCode() == "LimitExceededException" {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}
