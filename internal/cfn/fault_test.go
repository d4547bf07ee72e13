package cfn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
)

// said is an error as the SDK makes it of AWS's answer.
func said(code, message string) error {
	return &smithy.OperationError{ServiceID: "CloudFormation", OperationName: "CreateChangeSet", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusBadRequest}},
		Err:      &smithy.GenericAPIError{Code: code, Message: message},
	}}
}

func TestFault(t *testing.T) {
	denied := "User: arn:aws:sts::111111111111:assumed-role/deploy/x is not authorized to perform: cloudformation:CreateChangeSet"
	cases := []struct {
		err  error
		want deployment.Fault
	}{
		{&types.LimitExceededException{Message: aws.String("ChangeSet limit exceeded")}, deployment.QuotaExceeded},
		{&types.InsufficientCapabilitiesException{Message: aws.String("Requires capabilities : [CAPABILITY_IAM]")}, deployment.InvalidRequest},
		{&types.ChangeSetNotFoundException{Message: aws.String("ChangeSet [x] does not exist")}, deployment.ReviewStale},
		{said("ChangeSetNotFound", "ChangeSet [x] does not exist"), deployment.ReviewStale},
		{said("ValidationError", "Stack:arn:aws:cloudformation:eu-west-1:111111111111:stack/a/b is in UPDATE_IN_PROGRESS state and can not be updated."), deployment.StackBusy},
		{said("ValidationError", "Stack:a is in UPDATE_ROLLBACK_FAILED state and can not be updated."), deployment.StackNeedsHuman},
		{said("ValidationError", "Stack with id a does not exist"), deployment.StackNotFound},
		{said("ValidationError", "Stack [a] does not exist"), deployment.StackNotFound},
		{said("ValidationError", "Stack [a] already exists and cannot be created again with the changeSet [b]."), deployment.StackBusy},
		{said("ValidationError", "Role arn:aws:iam::111111111111:role/r is invalid or cannot be assumed"), deployment.NotPermitted},
		{said("ValidationError", "Template format error: YAML not well-formed."), deployment.InvalidRequest},
		{said("SomethingNew", "what is this"), deployment.InternalError},
		{&smithy.OperationError{Err: fmt.Errorf("get identity: get credentials: %w", errors.New("no EC2 IMDS role found"))}, deployment.NotPermitted},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, deployment.Throttled},
		{&smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 503}}, Err: io.EOF}, deployment.Throttled},
		{&smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 404}}, Err: io.EOF}, deployment.InternalError},
		{context.DeadlineExceeded, deployment.InternalError},
		{&smithy.OperationError{Err: context.Canceled}, deployment.InternalError},
		{io.ErrUnexpectedEOF, deployment.InternalError},
	}
	for _, code := range []string{"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "ServiceUnavailable", "InternalFailure"} {
		cases = append(cases, struct {
			err  error
			want deployment.Fault
		}{said(code, "Rate exceeded"), deployment.Throttled})
	}
	for _, code := range []string{"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredToken", "SignatureDoesNotMatch"} {
		cases = append(cases, struct {
			err  error
			want deployment.Fault
		}{said(code, denied), deployment.NotPermitted})
	}
	for _, c := range cases {
		err := cfn.Fault(fmt.Errorf("call: %w", c.err), "create change set %s", "x")
		if got := deployment.FaultOf(err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
		if !errors.Is(err, c.err) || !strings.HasPrefix(err.Error(), "create change set x: ") {
			t.Errorf("%q lost what was done, or what went wrong", err)
		}
	}
}

func TestFaultKeepsWhatHasAName(t *testing.T) {
	if err := cfn.Fault(nil, "do"); err != nil {
		t.Errorf("no error became %v", err)
	}
	named := fmt.Errorf("step: %w", deployment.Faultf(deployment.Cancelled, "called off"))
	if got := cfn.Fault(named, "do"); got != named {
		t.Errorf("%v became %v", named, got)
	}
}

func TestPredicates(t *testing.T) {
	for name, c := range map[string]struct {
		is  func(error) bool
		yes []error
	}{
		"stack not found":           {cfn.IsStackNotFound, []error{said("ValidationError", "Stack with id a does not exist"), said("ValidationError", "Stack [a] does not exist")}},
		"change set not found":      {cfn.IsChangeSetNotFound, []error{&types.ChangeSetNotFoundException{}, said("ChangeSetNotFound", "")}},
		"already exists":            {cfn.IsAlreadyExists, []error{&types.AlreadyExistsException{}}},
		"invalid change set status": {cfn.IsInvalidChangeSetStatus, []error{&types.InvalidChangeSetStatusException{}}},
		"token used":                {cfn.IsTokenUsed, []error{&types.TokenAlreadyExistsException{}}},
	} {
		for _, err := range c.yes {
			if !c.is(err) || !c.is(fmt.Errorf("call: %w", err)) {
				t.Errorf("%s: not %v", name, err)
			}
		}
		for _, err := range []error{nil, io.EOF, said("AccessDenied", "Stack with id a does not exist"),
			said("ValidationError", "Stack:a is in DELETE_COMPLETE state and can not be updated."), said("ValidationError", "Resource A does not exist for stack b")} {
			if c.is(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Every recorded answer has a fault that is expected, but for those of operations that stackgate never calls.
func TestRecordedErrors(t *testing.T) {
	var recorded []struct{ Code, Message string }
	content, err := os.ReadFile(filepath.Join(recordedFolder(t), "errors.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &recorded); err != nil {
		t.Fatal(err)
	}
	never := []string{"TypeNotFoundException", "StackSetNotFoundException"}
	texts := []struct {
		code, part string
		want       deployment.Fault
	}{
		{"ChangeSetNotFound", "", deployment.ReviewStale},
		{"ValidationError", "Stack [nostack] does not exist", deployment.StackNotFound},
		{"ValidationError", "Stack with id nested", deployment.StackNotFound},
		{"ValidationError", "already exists and cannot be created again", deployment.StackBusy},
		{"ValidationError", "DELETE_COMPLETE state", deployment.StackNeedsHuman},
		{"ValidationError", "cannot be assumed", deployment.NotPermitted},
	}
	seen := 0
	for _, r := range recorded {
		want := deployment.InvalidRequest
		if slices.Contains(never, r.Code) {
			want = deployment.InternalError
		}
		for _, c := range texts {
			if r.Code == c.code && strings.Contains(r.Message, c.part) {
				want = c.want
				seen++
				break
			}
		}
		if got := deployment.FaultOf(cfn.Fault(said(r.Code, r.Message), "call")); got != want {
			t.Errorf("%s: %s is %s, want %s", r.Code, r.Message, got, want)
		}
	}
	if seen < len(texts) {
		t.Errorf("only %d of the known texts were recorded", seen)
	}
}

func recordedFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		folder := filepath.Join(dir, "shared", "fixtures", "recorded")
		if _, err := os.Stat(folder); err == nil {
			return folder
		}
		if dir == filepath.Dir(dir) {
			t.Skip("shared/fixtures/recorded is not beside this checkout: no recorded errors to place")
		}
	}
}
