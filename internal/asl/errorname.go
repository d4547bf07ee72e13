package asl

import (
	"slices"
	"strings"
)

// The error names that the States Language and Step Functions predefine and that Retry and Catch may name here.
// https://states-language.net/spec.html#appendix-a
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
const (
	// ErrorAll matches every error but the terminal ones. It stands alone, in the last retrier or catcher.
	ErrorAll = "States.ALL"
	// ErrorTaskFailed matches every error but timeouts and the terminal ones.
	ErrorTaskFailed = "States.TaskFailed"
	// ErrorTimeout: a task ran longer than its timeout. It also matches ErrorHeartbeatTimeout.
	ErrorTimeout = "States.Timeout"
	// ErrorHeartbeatTimeout: a task missed a heartbeat. Heartbeats are not implemented, so nothing here raises it.
	ErrorHeartbeatTimeout = "States.HeartbeatTimeout"
	// ErrorPermissions: a task was not allowed to run. Nothing here raises it.
	ErrorPermissions = "States.Permissions"
	// ErrorResultPathMatchFailure: a ResultPath cannot be applied to the input of its state.
	ErrorResultPathMatchFailure = "States.ResultPathMatchFailure"
	// ErrorParameterPathFailure is what the specification calls a path that finds nothing in Parameters. Step Functions
	// reports States.Runtime instead, and so do we, so nothing here raises it.
	ErrorParameterPathFailure = "States.ParameterPathFailure"
	// ErrorIntrinsicFailure: an intrinsic function refused its arguments.
	ErrorIntrinsicFailure = "States.IntrinsicFailure"
	// ErrorNoChoiceMatched: no rule of a Choice held, and it has no Default. A Choice cannot catch it.
	ErrorNoChoiceMatched = "States.NoChoiceMatched"
	// ErrorDataLimitExceeded: an input, result or output was larger than 256 KiB. Only its own name matches it.
	ErrorDataLimitExceeded = "States.DataLimitExceeded"
	// ErrorRuntime: the definition did not fit the data, for example a path that found nothing. It always fails the
	// execution, so Retry and Catch may not name it.
	ErrorRuntime = "States.Runtime"
	// ErrorLambdaUnknown is reported when a function fails without a name.
	ErrorLambdaUnknown = "Lambda.Unknown"
)

// reservedPrefix begins every predefined name and, by the States Language, no other.
const reservedPrefix = "States."

// matchableNames are the predefined names that ErrorEquals may hold.
func matchableNames() []string {
	return []string{
		ErrorAll, ErrorTaskFailed, ErrorTimeout, ErrorHeartbeatTimeout, ErrorPermissions, ErrorResultPathMatchFailure,
		ErrorParameterPathFailure, ErrorIntrinsicFailure, ErrorNoChoiceMatched, ErrorDataLimitExceeded,
	}
}

// isTerminal reports the errors that no wildcard matches.
func isTerminal(name string) bool { return name == ErrorRuntime || name == ErrorDataLimitExceeded }

func isTimeout(name string) bool { return name == ErrorTimeout || name == ErrorHeartbeatTimeout }

// errorNames is the value of an ErrorEquals field.
type errorNames []string

func (names errorNames) match(name string) bool {
	return slices.ContainsFunc(names, func(pattern string) bool { return matchesName(pattern, name) })
}

func matchesName(pattern, name string) bool {
	switch pattern {
	case ErrorAll:
		return !isTerminal(name)
	case ErrorTaskFailed:
		return !isTerminal(name) && !isTimeout(name)
	case ErrorTimeout:
		return isTimeout(name)
	default:
		return pattern == name
	}
}

// errorNameProblem says why ErrorEquals may not hold a name, or nothing.
func errorNameProblem(name string) string {
	switch {
	case name == "":
		return "an error name must not be empty"
	case name == ErrorRuntime:
		return "States.Runtime always fails the execution and can be neither retried nor caught: remove it"
	case strings.HasPrefix(name, reservedPrefix) && !slices.Contains(matchableNames(), name):
		return "error name " + quoted(name) + " is not one that this interpreter raises or matches; names that begin with \"States.\" are reserved"
	}
	return ""
}
