package cfnsim

import (
	"errors"
	"fmt"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"stackgate/internal/cfnsim/template"
)

const serviceID = "CloudFormation"

// validationError is CloudFormation's answer to everything that has no error type of its own.
func validationError(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

// notSimulated refuses what the simulator does not do, so that nothing asked for is ever ignored.
func notSimulated(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "NotSimulated", Message: "the simulator does not do this: " + fmt.Sprintf(format, args...)}
}

// asAPIError turns a template's refusal into the API's.
func asAPIError(err error) error {
	var refused *template.Error
	var missing *template.MissingExportError
	if errors.As(err, &refused) || errors.As(err, &missing) {
		return validationError("%s", err.Error())
	}
	return err
}

// wrap dresses an error as the SDK's client does, so that errors.As finds in it what it finds in a real answer.
// Errors that are not API errors (of the storage, of the context) keep only the operation's name.
func wrap(operation, requestID string, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		err = &awshttp.ResponseError{
			ResponseError: &smithyhttp.ResponseError{
				Response: &smithyhttp.Response{Response: &http.Response{StatusCode: statusCode(err)}},
				Err:      err,
			},
			RequestID: requestID,
		}
	}
	return &smithy.OperationError{ServiceID: serviceID, OperationName: operation, Err: err}
}

// statusCode is the HTTP status that AWS sends with an error; recorded answers have 404 for unknown change sets.
func statusCode(err error) int {
	var notFound *types.ChangeSetNotFoundException
	var server *smithy.GenericAPIError
	switch {
	case errors.As(err, &notFound):
		return http.StatusNotFound
	case errors.As(err, &server) && server.Code == "AccessDenied":
		return http.StatusForbidden
	case errors.As(err, &server) && (server.Code == "InternalFailure" || server.Code == "ServiceUnavailable"):
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}
