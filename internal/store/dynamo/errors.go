package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/deployment"
)

var errNoID = errors.New("it has no deployment id")

func codeOf(err error) string {
	var failure smithy.APIError
	if errors.As(err, &failure) {
		return failure.ErrorCode()
	}
	return ""
}

// isContention says whether another write was under way on the same row. DynamoDB refuses a write on a row that is part of
// a running transaction, and S3 a conditional one beside another on the same key.
func isContention(err error) bool {
	switch codeOf(err) {
	case "TransactionConflictException", "TransactionInProgressException", "ConditionalRequestConflict":
		return true
	}
	return false
}

// isLost says whether a transaction was cancelled for nothing but that another write got ahead of it.
func isLost(err error) bool {
	var cancelled *dynamodbtypes.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return isContention(err)
	}
	lost := false
	for _, reason := range cancelled.CancellationReasons {
		switch stringOrEmpty(reason.Code) {
		case "ConditionalCheckFailed", "TransactionConflict":
			lost = true
		case "None", "":
		default:
			return false
		}
	}
	return lost
}

func stringOrEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// explain says what to do about an error of AWS. Throttling that outlasts the SDK's retries becomes the fault that the
// state machine retries.
func (s *Store) explain(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case isThrottling(err):
		return deployment.Faultf(deployment.Throttled, "the store is throttled: %w", err)
	}
	switch code := codeOf(err); {
	case code == "ResourceNotFoundException":
		return fmt.Errorf("there is no table %s with its indexes here; see that account, region and name are right: %w", s.options.TableName, err)
	case code == "NoSuchBucket":
		return fmt.Errorf("there is no bucket %s; see that account, region and name are right: %w", s.options.BucketName, err)
	case code == "ValidationException" && strings.Contains(strings.ToLower(err.Error()), "item size"):
		return fmt.Errorf("it is larger than the 400 KB that a row of DynamoDB takes; make parameters or texts shorter: %w", err)
	case code == "AccessDeniedException" || code == "AccessDenied":
		return fmt.Errorf("this role may not use the store; install its permissions again: %w", err)
	}
	return err
}

func isThrottling(err error) bool {
	switch codeOf(err) {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "RequestLimitExceeded", "SlowDown":
		return true
	}
	var cancelled *dynamodbtypes.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, reason := range cancelled.CancellationReasons {
			switch stringOrEmpty(reason.Code) {
			case "ThrottlingError", "ProvisionedThroughputExceeded":
				return true
			}
		}
	}
	return false
}
