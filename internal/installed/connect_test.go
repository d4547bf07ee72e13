package installed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudformationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/installed"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// tokens is STS: it writes down what it is asked, and answers or refuses.
type tokens struct {
	asked []*sts.AssumeRoleInput
	err   error
}

func (s *tokens) AssumeRole(_ context.Context, in *sts.AssumeRoleInput, _ ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	s.asked = append(s.asked, in)
	if s.err != nil {
		return nil, &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: s.err}
	}
	return &sts.AssumeRoleOutput{Credentials: &types.Credentials{
		AccessKeyId: aws.String("AKID"), SecretAccessKey: aws.String("secret"), SessionToken: aws.String("session"),
		Expiration: aws.Time(time.Now().Add(time.Hour)),
	}}, nil
}

// papers are documents by key.
type papers map[string][]byte

func (p papers) Document(_ context.Context, key string) ([]byte, error) {
	content, ok := p[key]
	if !ok {
		return nil, fmt.Errorf("read document %s: %w", key, store.ErrNotFound)
	}
	return content, nil
}

func (p papers) PutDocument(_ context.Context, kind string, content []byte) (string, error) {
	key, err := store.DocumentKey(kind, content)
	p[key] = content
	return key, err
}

// connect connects for the record of a service that is defined so.
func connect(t *testing.T, function installed.Function, s *tokens, d service.Definition) (functions.Client, string, error) {
	t.Helper()
	roles, err := installed.ParseRolePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	documents, region := papers{}, ""
	r := record()
	if r.Definition, err = service.KeepDefinition(t.Context(), documents, d); err != nil {
		t.Fatal(err)
	}
	client, err := installed.Connector{
		Function: function, Roles: roles, STS: s, Documents: documents, Templates: bucket,
		Client: func(where string, credentials aws.CredentialsProvider) functions.Client {
			region = where
			return cloudformation.New(cloudformation.Options{Region: where, Credentials: credentials})
		},
	}.Connect(t.Context(), r)
	return client, region, err
}

func TestConnectAssumesTheRoleOfTheService(t *testing.T) {
	for _, function := range installed.Functions() {
		s := &tokens{}
		client, region, err := connect(t, function, s, service.Definition{ExecutionRole: executionRole})
		if err != nil || client == nil || region != "eu-west-1" {
			t.Fatalf("client %v in %q, error %v", client, region, err)
		}
		policy, err := installed.SessionPolicy("aws", function, record(), false, executionRole, bucket)
		if err != nil {
			t.Fatal(err)
		}
		want := sts.AssumeRoleInput{
			RoleArn:         aws.String("arn:aws:iam::111122223333:role/stackgate-" + string(function) + "-orders-prod"),
			RoleSessionName: aws.String("orders-prod-20261122T140203Z-7q4k2mxa"),
			ExternalId:      aws.String("orders#prod"), Policy: aws.String(policy), DurationSeconds: aws.Int32(900),
		}
		if len(s.asked) != 1 {
			t.Fatalf("%d roles were assumed, want 1", len(s.asked))
		}
		got := *s.asked[0]
		if diff := cmp.Diff([]*string{want.RoleArn, want.RoleSessionName, want.ExternalId, want.Policy},
			[]*string{got.RoleArn, got.RoleSessionName, got.ExternalId, got.Policy}); diff != "" || *got.DurationSeconds != *want.DurationSeconds {
			t.Errorf("for %d seconds, want %d; -want +asked:\n%s", *got.DurationSeconds, *want.DurationSeconds, diff)
		}
	}
}

// TestConnectForTheCallersRights: CloudFormation goes on with the session after the task that executed has ended.
func TestConnectForTheCallersRights(t *testing.T) {
	for function, seconds := range map[installed.Function]int32{installed.Plan: 900, installed.Execute: 3600, installed.Events: 900} {
		s := &tokens{}
		if _, _, err := connect(t, function, s, service.Definition{}); err != nil || *s.asked[0].DurationSeconds != seconds {
			t.Errorf("%s: asked for %v, error %v; want %d seconds", function, s.asked, err, seconds)
		}
	}
}

func TestConnectNamesTheFault(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want deployment.Fault
		says string
	}{
		"denied": {&smithy.GenericAPIError{Code: "AccessDenied", Message: "not authorized to perform: sts:AssumeRole"},
			deployment.NotPermitted, "external id orders#prod"},
		"throttled":  {&smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}, deployment.Throttled, "assume role"},
		"unexpected": {errors.New("the wire is cut"), deployment.InternalError, "assume role"},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, err := connect(t, installed.Plan, &tokens{err: row.err}, service.Definition{})
			if client != nil || deployment.FaultOf(err) != row.want || !strings.Contains(err.Error(), row.says) {
				t.Errorf("client %v, fault %s, error %v; want %s that says %q", client, deployment.FaultOf(err), err, row.want, row.says)
			}
		})
	}
}

func TestConnectNeedsTheDefinition(t *testing.T) {
	s := &tokens{}
	for key, want := range map[string]deployment.Fault{"": deployment.InvalidRequest, "definition/gone": deployment.InternalError} {
		r := record()
		r.Definition = key
		_, err := installed.Connector{Function: installed.Plan, STS: s, Documents: papers{}}.Connect(t.Context(), r)
		if deployment.FaultOf(err) != want || len(s.asked) > 0 {
			t.Errorf("definition %q: error %v, %d roles assumed; want %s and none", key, err, len(s.asked), want)
		}
	}
}

func TestRetryer(t *testing.T) {
	retryer := installed.Retryer()
	if got := retryer.MaxAttempts(); got != 8 {
		t.Errorf("%d attempts, want 8", got)
	}
	for _, row := range []struct {
		err   error
		again bool
	}{
		{&smithy.GenericAPIError{Code: "Throttling"}, true},
		{&smithy.GenericAPIError{Code: "ThrottlingException"}, true},
		{&smithy.GenericAPIError{Code: "LimitExceededException"}, false},
		{fmt.Errorf("wrapped: %w", &cloudformationtypes.LimitExceededException{}), false},
		{&smithy.GenericAPIError{Code: "ValidationError"}, false},
	} {
		if got := retryer.IsErrorRetryable(row.err); got != row.again {
			t.Errorf("%v is tried again: %v, want %v", row.err, got, row.again)
		}
	}
}
