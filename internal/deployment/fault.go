package deployment

import (
	"errors"
	"fmt"
)

// Fault names what went wrong in a word that the state machine branches on. The set is closed: the definition may name
// no other, and every one has an outcome.
type Fault string

// The faults. Those from StackBusy to Throttled pass by themselves and are retried.
const (
	// StackBusy: another operation runs on the stack.
	StackBusy Fault = "StackBusy"
	// ChangeSetPending: CloudFormation has not finished making the change set.
	ChangeSetPending Fault = "ChangeSetPending"
	// StackMoving: the stack's own operation has not come to rest.
	StackMoving Fault = "StackMoving"
	// Throttled: AWS asks us to slow down.
	Throttled Fault = "Throttled"

	// Rejected: an approver said no.
	Rejected Fault = "Rejected"
	// Cancelled: someone entitled called the deployment off before it was executed.
	Cancelled Fault = "Cancelled"
	// Superseded: a newer deployment of the same service took its place.
	Superseded Fault = "Superseded"
	// ApprovalExpired: nobody decided in time.
	ApprovalExpired Fault = "ApprovalExpired"
	// NotApproved: the decisions in the store do not satisfy the policy.
	NotApproved Fault = "NotApproved"
	// ReviewStale: what would be executed is not what was reviewed.
	ReviewStale Fault = "ReviewStale"
	// QueueExhausted: the stack's lock did not become free in time.
	QueueExhausted Fault = "QueueExhausted"

	// InvalidRequest: the request, definition or template is wrong; trying again changes nothing.
	InvalidRequest Fault = "InvalidRequest"
	// NotPermitted: AWS refused a call for want of permission.
	NotPermitted Fault = "NotPermitted"
	// StackNotFound: the stack, which was there, is gone.
	StackNotFound Fault = "StackNotFound"
	// QuotaExceeded: a quota of the account is used up.
	QuotaExceeded Fault = "QuotaExceeded"
	// ChangeSetFailed: CloudFormation could not make the change set.
	ChangeSetFailed Fault = "ChangeSetFailed"
	// StackNeedsHuman: the stack is in a state from which no deployment can start.
	StackNeedsHuman Fault = "StackNeedsHuman"
	// NothingToRecover: the stack is in a state that no recovery is needed for.
	NothingToRecover Fault = "NothingToRecover"
	// StackTimedOut: the stack did not come to rest within the deployment's limit.
	StackTimedOut Fault = "StackTimedOut"

	// InternalError: anything unexpected, a panic and a task's own deadline included.
	InternalError Fault = "InternalError"
)

// Faults lists every fault.
func Faults() []Fault {
	return []Fault{
		StackBusy, ChangeSetPending, StackMoving, Throttled,
		Rejected, Cancelled, Superseded, ApprovalExpired, NotApproved, ReviewStale, QueueExhausted,
		InvalidRequest, NotPermitted, StackNotFound, QuotaExceeded, ChangeSetFailed, StackNeedsHuman,
		NothingToRecover, StackTimedOut,
		InternalError,
	}
}

// Expected says whether the fault belongs to the ordinary life of a deployment. Expected faults are logged at INFO and
// never sent to the exception tracker.
func (f Fault) Expected() bool {
	switch f {
	case StackBusy, ChangeSetPending, StackMoving, Throttled,
		Rejected, Cancelled, Superseded, ApprovalExpired, NotApproved, ReviewStale, QueueExhausted,
		InvalidRequest, NotPermitted, StackNotFound, QuotaExceeded, ChangeSetFailed, StackNeedsHuman,
		NothingToRecover, StackTimedOut:
		return true
	case InternalError:
		return false
	}
	return false
}

// FaultError is an error that has been given its fault. Everything that leaves a task is one, or becomes an
// InternalError at the edge.
type FaultError struct {
	Fault Fault
	// Message says what happened and why, in one sentence for people, without secrets.
	Message string
	// Advice says what to do next; it may be empty.
	Advice string
	err    error
}

// Faultf makes a FaultError. As with fmt.Errorf, every operand of %w is kept for errors.Is and errors.As.
func Faultf(fault Fault, format string, args ...any) *FaultError {
	err := fmt.Errorf(format, args...)
	return &FaultError{Fault: fault, Message: err.Error(), err: err}
}

// Advise adds what to do next.
func (e *FaultError) Advise(format string, args ...any) *FaultError {
	e.Advice = fmt.Sprintf(format, args...)
	return e
}

// Error returns the message, and the advice where there is one.
func (e *FaultError) Error() string {
	if e.Advice == "" {
		return e.Message
	}
	return e.Message + "; " + e.Advice
}

// Unwrap returns the error that the fault was made from.
func (e *FaultError) Unwrap() error { return e.err }

// FaultOf returns the fault that err carries, InternalError where it carries none.
func FaultOf(err error) Fault {
	var fault *FaultError
	if errors.As(err, &fault) {
		return fault.Fault
	}
	return InternalError
}
