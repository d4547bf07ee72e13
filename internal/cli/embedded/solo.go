package embedded

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"stackgate/internal/cli/exit"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
)

// SoloOptions say how the AWS SDK is configured beyond its own configuration.
type SoloOptions struct {
	Profile, Region string
	// CustomEndpoint says that CloudFormation is some other program, whose accounts nobody can check.
	CustomEndpoint bool
}

// solo is AWS with the caller's own credentials.
type solo struct {
	config  aws.Config
	options SoloOptions

	mu sync.Mutex
	// known is the account of the credentials, once AWS was asked.
	known   string
	clients map[string]*cloudformation.Client
}

// attempts: CloudFormation throttles per account, and a deployment that is under way is not worth losing to that.
const attempts = 8

func newSolo(ctx context.Context, o SoloOptions) (*solo, error) {
	load := []func(*config.LoadOptions) error{config.WithRetryMaxAttempts(attempts)}
	if o.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	loaded, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, exit.UsageError{Err: fmt.Errorf("read the AWS configuration: %w", err)}
	}
	s := &solo{config: loaded, options: o, clients: map[string]*cloudformation.Client{}}
	s.options.CustomEndpoint = o.CustomEndpoint || loaded.BaseEndpoint != nil
	return s, nil
}

func (s *solo) CloudFormation(ctx context.Context, t deployment.Target) (functions.Client, error) {
	if err := s.Check(ctx, t); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	client := s.clients[t.Region]
	if client == nil {
		client = cloudformation.NewFromConfig(s.config, func(o *cloudformation.Options) { o.Region = t.Region })
		s.clients[t.Region] = client
	}
	return client, nil
}

// Check refuses an account that is not that of the credentials: the same stack name elsewhere is another stack.
func (s *solo) Check(ctx context.Context, t deployment.Target) error {
	if s.options.CustomEndpoint {
		return nil
	}
	account, err := s.account(ctx, t.Region)
	if err != nil {
		return deployment.Faultf(deployment.NotPermitted, "ask AWS whose credentials these are: %w", err).
			Advise("sign in (aws sso login) or choose another profile with --profile")
	}
	if account != t.Account {
		return deployment.Faultf(deployment.NotPermitted, "the credentials are those of account %s, and the stack %s belongs into %s", account, t.StackName, t.Account).
			Advise("choose another profile with --profile")
	}
	return nil
}

func (s *solo) account(ctx context.Context, region string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known != "" {
		return s.known, nil
	}
	client := sts.NewFromConfig(s.config, func(o *sts.Options) {
		if o.Region == "" {
			o.Region = region
		}
	})
	identity, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	s.known = aws.ToString(identity.Account)
	return s.known, nil
}
