package cfn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"stackgate/internal/deployment"
)

// IsStackNotFound says whether CloudFormation answered that there is no such stack. DescribeStacks has no modelled
// error for it: a ValidationError whose text tells.
func IsStackNotFound(err error) bool {
	message, ok := validationMessage(err)
	return ok && strings.Contains(message, "does not exist") && (strings.HasPrefix(message, "Stack with id ") || strings.HasPrefix(message, "Stack ["))
}

// IsChangeSetNotFound says whether CloudFormation answered that there is no such change set.
func IsChangeSetNotFound(err error) bool {
	var notFound *types.ChangeSetNotFoundException
	return errors.As(err, &notFound) || codeOf(err) == "ChangeSetNotFound"
}

// IsAlreadyExists says whether a change set of that name is there already.
func IsAlreadyExists(err error) bool {
	var exists *types.AlreadyExistsException
	return errors.As(err, &exists)
}

// IsInvalidChangeSetStatus says whether a change set cannot be executed or deleted in its present status.
func IsInvalidChangeSetStatus(err error) bool {
	var invalid *types.InvalidChangeSetStatusException
	return errors.As(err, &invalid)
}

// IsTokenUsed says whether a client request token was used for another operation before.
func IsTokenUsed(err error) bool {
	var used *types.TokenAlreadyExistsException
	return errors.As(err, &used)
}

// Fault names an error of CloudFormation. Doing says what was being done, as in "create change set X for stack Y".
// Errors that have a fault already keep it; what cannot be placed becomes an InternalError.
func Fault(err error, doing string, args ...any) error {
	if err == nil {
		return nil
	}
	var named *deployment.FaultError
	if errors.As(err, &named) {
		return err
	}
	action := fmt.Sprintf(doing, args...)
	fault, advice := faultOf(err)
	e := deployment.Faultf(fault, "%s: %w", action, err)
	if fault != deployment.InternalError {
		e.Message = action + ": " + messageOf(err)
	}
	e.Advice = advice
	return e
}

func faultOf(err error) (fault deployment.Fault, advice string) {
	var (
		limit        *types.LimitExceededException
		capabilities *types.InsufficientCapabilitiesException
		response     *smithyhttp.ResponseError
		network      net.Error
	)
	code := codeOf(err)
	switch {
	case errors.As(err, &limit):
		// The SDK takes this code for a throttle and retries it in vain: the quota does not empty by waiting.
		return deployment.QuotaExceeded, "delete change sets that are no longer needed, or raise the quota"
	case errors.As(err, &capabilities):
		return deployment.InvalidRequest, "add the capability to the service's definition, so that approvers see it"
	case isThrottle(code):
		return deployment.Throttled, ""
	case isDenied(code):
		return deployment.NotPermitted, "add the named action to the role that stackgate uses for this stack"
	case isMissingCredentials(err):
		return deployment.NotPermitted, "sign in to AWS, or name a profile with --profile"
	case code == "ValidationError":
		return validationFault(messageOf(err))
	case IsChangeSetNotFound(err):
		return deployment.ReviewStale, "deploy again to review what holds now"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return deployment.InternalError, ""
	case errors.As(err, &response) && response.HTTPStatusCode() >= 500, errors.As(err, &network):
		// The service or the network fails for the moment; to slow down and ask again is right for both.
		return deployment.Throttled, ""
	}
	return deployment.InternalError, ""
}

func validationFault(message string) (deployment.Fault, string) {
	switch {
	case strings.HasPrefix(message, "Stack:") && strings.Contains(message, "_IN_PROGRESS state"):
		return deployment.StackBusy, ""
	case strings.HasPrefix(message, "Stack:") && strings.Contains(message, " state and can not "):
		return deployment.StackNeedsHuman, ""
	case strings.HasPrefix(message, "Stack [") && strings.HasSuffix(message, "does not exist"),
		strings.HasPrefix(message, "Stack with id ") && strings.HasSuffix(message, "does not exist"):
		return deployment.StackNotFound, ""
	case strings.Contains(message, "already exists and cannot be created again"):
		return deployment.StackBusy, ""
	case strings.Contains(message, "is invalid or cannot be assumed"):
		return deployment.NotPermitted, "let CloudFormation assume the execution role, and let stackgate pass it"
	}
	return deployment.InvalidRequest, "mend the template or the definition and deploy again"
}

func validationMessage(err error) (string, bool) {
	if codeOf(err) != "ValidationError" {
		return "", false
	}
	return messageOf(err), true
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func messageOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorMessage() != "" {
		return api.ErrorMessage()
	}
	return err.Error()
}

func isThrottle(code string) bool {
	switch code {
	case "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "RequestThrottled",
		"RequestTimeout", "RequestTimeoutException", "ServiceUnavailable", "InternalFailure":
		return true
	}
	return false
}

func isDenied(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException", "InvalidClientTokenId",
		"ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch", "OptInRequired", "MissingAuthenticationToken":
		return true
	}
	return false
}

// The SDK has no typed error for "no credentials": evidence is the text of aws-sdk-go-v2's signing middleware.
func isMissingCredentials(err error) bool {
	text := err.Error()
	return strings.Contains(text, "get identity: get credentials") || strings.Contains(text, "failed to refresh cached credentials")
}
