// Package exit says with which code the program ends. It prints nothing and ends nothing itself.
package exit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/service"
	"stackgate/internal/web/client"
	"stackgate/internal/web/wire"
)

// The exit codes. Scripts depend on them: they never change their meaning. 2 is terraform's "there are changes" and is
// only ever given with --detailed-exitcode, by plan and diff; usage errors are 64 (EX_USAGE) so that they cannot be taken for it.
const (
	OK          = 0
	Error       = 1
	Changes     = 2
	RolledBack  = 3
	NotAllowed  = 4
	Rejected    = 5
	TooLate     = 6
	Policy      = 7
	Blocked     = 8
	NeedsHuman  = 9
	Cancelled   = 10
	Usage       = 64
	TimedOut    = 124
	Interrupted = 130
)

// UsageError is a command that was typed wrong, or a configuration that cannot be used.
type UsageError struct{ Err error }

// Error returns what is wrong.
func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// EndedError is a deployment that has ended and whose result was shown: nothing more is to be said.
type EndedError struct {
	Outcome deployment.Outcome
	Fault   deployment.Fault
	// ChangesFound asks for the code Changes where the outcome is a plan that found some.
	ChangesFound bool
}

// Error names the outcome.
func (e EndedError) Error() string { return "the deployment ended: " + string(e.Outcome) }

// HazardError is a review that holds what --fail-on refuses.
type HazardError struct{ Found []string }

// Error names the hazards and what brings them about.
func (e HazardError) Error() string { return "--fail-on: " + strings.Join(e.Found, "; ") }

// ErrTimedOut is the end of --timeout.
var ErrTimedOut = errors.New("the time given by --timeout has passed")

// ErrDiffers is two reviews that differ, which were shown, where --detailed-exitcode asks for the code Changes.
var ErrDiffers error = shownError("the reviews differ")

// shownError is an end about which nothing more is to be said.
type shownError string

// Error says what the end is.
func (e shownError) Error() string { return string(e) }

// Shown says that the reader has seen it.
func (shownError) Shown() bool { return true }

// ErrDeclined is a question whether to begin that was answered with no, after that was said.
var ErrDeclined error = shownError("the question was answered with no")

// ErrInterrupted is Ctrl-C, after what has become of the deployment was said.
var ErrInterrupted = errors.New("interrupted")

// ErrUnexpected is a demonstration in which something went otherwise than it should.
var ErrUnexpected = errors.New("an outcome was not the expected one")

// Reason is how a program that reads JSON tells errors apart.
type Reason string

// Of returns the exit code for what a command returned, and a stable word for it. It is the only place where an error
// or an outcome becomes a code.
func Of(err error) (int, Reason) {
	var (
		ended    EndedError
		refused  *frontdoor.RefusedError
		missing  *frontdoor.NotFoundError
		fault    *deployment.FaultError
		problems service.Problems
		usage    UsageError
		hazard   HazardError
		locked   service.ErrOverridesForbidden
		problem  *client.ProblemError
		unsigned *client.CredentialsError
		silent   *client.UnreachableError
	)
	switch {
	case err == nil:
		return OK, "ok"
	case errors.As(err, &ended):
		return ofOutcome(ended), Reason(ended.Outcome)
	case errors.Is(err, ErrInterrupted), errors.Is(err, context.Canceled):
		return Interrupted, "interrupted"
	case errors.Is(err, ErrDeclined):
		return Cancelled, "declined"
	case errors.As(err, &hazard):
		return Policy, "fail-on"
	case errors.Is(err, ErrDiffers):
		return Changes, "differs"
	case errors.Is(err, ErrTimedOut):
		return TimedOut, "timed-out"
	case errors.As(err, &refused):
		return ofRefusal(refused.Refusal), "refused-" + Reason(refused.Refusal)
	case errors.As(err, &missing):
		return Usage, "deployment-not-found"
	case errors.As(err, &locked):
		return Policy, "overrides-forbidden"
	case errors.As(err, &problems):
		return Usage, "definitions"
	case errors.As(err, &usage):
		return Usage, "usage"
	case errors.As(err, &problem):
		return ofProblem(problem.Problem.Reason)
	case errors.As(err, &unsigned):
		return NotAllowed, "no-credentials"
	case errors.As(err, &silent):
		return Error, "unreachable"
	case errors.As(err, &fault):
		return ofFault(fault.Fault), Reason(fault.Fault)
	}
	return Error, "error"
}

func ofOutcome(e EndedError) int {
	switch e.Outcome {
	case deployment.OutcomeDeployed, deployment.OutcomeNoChange, deployment.OutcomeRecovered:
		return OK
	case deployment.OutcomePlanned:
		if e.ChangesFound {
			return Changes
		}
		return OK
	case deployment.OutcomeRejected:
		return Rejected
	case deployment.OutcomeExpired, deployment.OutcomeSuperseded, deployment.OutcomeStale:
		return TooLate
	case deployment.OutcomeCancelled:
		return Cancelled
	case deployment.OutcomeBlocked:
		if e.Fault == deployment.NotApproved {
			return Policy
		}
		return Blocked
	case deployment.OutcomeFailedBeforeChange:
		if e.Fault == deployment.NotPermitted {
			return NotAllowed
		}
		return Error
	case deployment.OutcomeFailedRolledBack:
		return RolledBack
	case deployment.OutcomeFailedPaused, deployment.OutcomeFailedNeedsHuman:
		return NeedsHuman
	}
	return Error
}

// ofRefusal: what came too late is 6 as what expired; what is asked of a decision and lacks is 7, a digest of another
// review among them, for the present review is not what was approved.
func ofRefusal(r frontdoor.Refusal) int {
	switch r {
	case frontdoor.RefusedLate:
		return TooLate
	case frontdoor.RefusedEarly:
		return Blocked
	case frontdoor.RefusedDigest, frontdoor.RefusedAcknowledgement, frontdoor.RefusedContrary:
		return Policy
	case frontdoor.RefusedPerson, frontdoor.RefusedIdentity:
		return NotAllowed
	case frontdoor.RefusedIncomplete, frontdoor.RefusedKey:
		return Usage
	}
	return Error
}

// ofProblem is for what a front door answers that is neither a refusal nor a fault.
func ofProblem(reason string) (int, Reason) {
	switch reason {
	case wire.NotFound:
		return Usage, Reason(reason)
	case wire.OverridesForbidden:
		return Policy, Reason(reason)
	case wire.Unauthenticated, client.Forbidden:
		return NotAllowed, Reason(reason)
	case wire.NoReview, wire.NoTail, client.Foreign:
		return Usage, "usage"
	case wire.Internal:
		return Error, "error"
	}
	return Error, Reason(reason)
}

// ofFault is for faults that stop a request before it becomes a deployment.
func ofFault(f deployment.Fault) int {
	switch f {
	case deployment.InvalidRequest:
		return Usage
	default:
		return ofOutcome(EndedError{Outcome: f.Outcome(), Fault: f})
	}
}
