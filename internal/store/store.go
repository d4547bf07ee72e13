// Package store holds what is kept of a deployment: its request, record, queue ticket and waiters, and the errors that
// every store answers with. It is not a store: those are its sub-packages, and the interfaces are declared by who uses them.
package store

import (
	"errors"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
)

var (
	// ErrNotFound: there is no such thing in the store.
	ErrNotFound = errors.New("not found")
	// ErrExists: it is there already and is written only once.
	ErrExists = errors.New("already exists")
	// ErrConflict: it changed while it was being changed; read it again.
	ErrConflict = errors.New("changed by someone else meanwhile")
	// ErrClosed: the deployment takes no decision any more.
	ErrClosed = errors.New("the deployment takes no decision any more")
)

// Request is what somebody asked for. The front door alone writes it, once.
type Request struct {
	DeploymentID  deployment.ID     `json:"deploymentId"`
	CorrelationID string            `json:"correlationId"`
	Service       string            `json:"service"`
	Environment   string            `json:"environment"`
	Intent        deployment.Intent `json:"intent"`
	// RequestedBy names the person; Verified says whether IAM or an identity provider established it.
	RequestedBy string `json:"requestedBy"`
	Verified    bool   `json:"verified"`
	// OnBehalfOf are the people for whom a CI principal asked. They are requesters as well: none of them may approve.
	OnBehalfOf []string `json:"onBehalfOf,omitempty"`
	// Source is how the requester came in.
	Source approval.Source `json:"source,omitzero"`
	// Fingerprint is the SHA-256 of what was asked for, in hexadecimal: the same ask has the same.
	Fingerprint string `json:"fingerprint,omitempty"`
	Commit      string `json:"commit,omitempty"`
	Reason      string `json:"reason,omitempty"`
	// Template is the key of the template among the documents.
	Template string `json:"template"`
	// Parameters are those that override the definition's.
	Parameters map[string]string `json:"parameters,omitempty"`
	// Recovery is what a recovery is asked to do; nothing for other intents.
	Recovery  deployment.Recovery `json:"recovery,omitzero"`
	CreatedAt time.Time           `json:"createdAt"`
}

// Record is the state of one deployment.
type Record struct {
	Schema        string            `json:"schema"`
	ID            deployment.ID     `json:"id"`
	CorrelationID string            `json:"correlationId"`
	Project       string            `json:"project"`
	Service       string            `json:"service"`
	Environment   string            `json:"environment"`
	Intent        deployment.Intent `json:"intent"`
	deployment.Target
	StackID string `json:"stackId,omitempty"`

	RequestedBy string            `json:"requestedBy"`
	Verified    bool              `json:"requesterVerified"`
	OnBehalfOf  []string          `json:"onBehalfOf,omitempty"`
	Source      approval.Source   `json:"source,omitzero"`
	Fingerprint string            `json:"fingerprint,omitempty"`
	Commit      string            `json:"commit,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Template    string            `json:"template"`
	Parameters  map[string]string `json:"parameters,omitempty"`
	// Definition is the key of the installed definition that the deployment began with; every later step uses that one.
	Definition string `json:"definition,omitempty"`

	Stage   deployment.Stage   `json:"phase"`
	Outcome deployment.Outcome `json:"outcome,omitempty"`
	Fault   deployment.Fault   `json:"fault,omitempty"`
	// Cause says in one sentence why the deployment ended as it did, where that was not by success.
	Cause string `json:"cause,omitempty"`

	ChangeSet ChangeSet       `json:"changeSet"`
	Recovery  Recovery        `json:"recovery,omitzero"`
	Review    Review          `json:"review"`
	Policy    approval.Policy `json:"policy"`
	// ClientRequestToken is stamped on every stack event of the execution. It is the deployment's id.
	ClientRequestToken string `json:"clientRequestToken,omitempty"`
	// ExecutionARN is the state machine's execution.
	ExecutionARN string `json:"executionArn,omitempty"`

	Settlement deployment.Settlement `json:"settlement,omitempty"`
	// StackStatus is CloudFormation's own word at the end.
	StackStatus string   `json:"stackStatus,omitempty"`
	Tail        Tail     `json:"tail"`
	Leftovers   []string `json:"leftovers"`
	Transitions int      `json:"transitions"`
	Times       Times    `json:"times"`

	// CancelledBy and SupersededBy are wishes: the flow heeds them at its next step as long as nothing was executed.
	CancelledBy  string          `json:"cancelledBy,omitempty"`
	CancelReason string          `json:"cancelReason,omitempty"`
	CancelledAt  time.Time       `json:"cancelledAt,omitzero"`
	CancelSource approval.Source `json:"cancelSource,omitzero"`
	SupersededBy deployment.ID   `json:"supersededBy,omitempty"`
	// DecisionCount is how many decisions the store holds for the deployment.
	DecisionCount int `json:"decisionCount"`

	// Runner is the process that runs the flow in the embedded modes; empty on Step Functions.
	Runner Runner `json:"runner,omitzero"`
	// LockKept says that the deployment finished while its stack was still moving: the sweep frees the lock.
	LockKept bool `json:"lockKept,omitempty"`
	// Unreported says that the deployment is over and its end not yet measured and announced.
	Unreported bool `json:"unreported,omitempty"`
	// Version counts the changes of the record.
	Version int `json:"version"`
}

// RecordSchema is the version of Record.
const RecordSchema = "stackgate.deployment/v1"

// ChangeSet is the change set of a deployment.
type ChangeSet struct {
	ARN  string                   `json:"arn,omitempty"`
	Type deployment.ChangeSetType `json:"type,omitempty"`
	// Empty says that CloudFormation found nothing to change.
	Empty bool `json:"empty,omitempty"`
	// MadeShell says that making it made the stack, so that discarding it may remove the empty stack.
	MadeShell bool `json:"madeShell,omitempty"`
	// Discarded says that it was deleted again.
	Discarded bool `json:"discarded,omitempty"`
}

// Recovery is what the record keeps of a recovery.
type Recovery struct {
	// Action is what was proposed, empty before the stack was diagnosed.
	Action deployment.RecoveryAction `json:"action,omitempty"`
	// From is the stack status that it leads out of.
	From string `json:"from,omitempty"`
	deployment.Recovery
}

// Review is what the record keeps of the review document.
type Review struct {
	// Document is its key among the documents.
	Document      string                  `json:"document,omitempty"`
	Digest        string                  `json:"digest,omitempty"`
	ContentDigest string                  `json:"contentDigest,omitempty"`
	Level         string                  `json:"level,omitempty"`
	Verdict       string                  `json:"verdict,omitempty"`
	Changes       int                     `json:"changes"`
	Approval      deployment.ApprovalNeed `json:"approval,omitempty"`
	// Acknowledge are the numbers of the items that an approval must acknowledge.
	Acknowledge []int     `json:"acknowledge,omitempty"`
	ExpiresAt   time.Time `json:"expiresAt,omitzero"`
}

// Tail is what the record keeps of the event tail.
type Tail struct {
	// Document is its key among the documents.
	Document string `json:"document,omitempty"`
	// RootCause is its first line.
	RootCause string `json:"rootCause,omitempty"`
	// Advice says what to do next, with the command to type. An end without a tail has some as well.
	Advice []string `json:"advice,omitempty"`
}

// Times are the moments at which a deployment went on, zero where it did not get there.
type Times struct {
	Requested         time.Time `json:"requested,omitzero"`
	Queued            time.Time `json:"queued,omitzero"`
	Locked            time.Time `json:"locked,omitzero"`
	Planned           time.Time `json:"planned,omitzero"`
	ApprovalRequested time.Time `json:"approvalRequested,omitzero"`
	Verified          time.Time `json:"verified,omitzero"`
	Executed          time.Time `json:"executed,omitzero"`
	Settled           time.Time `json:"settled,omitzero"`
	Finished          time.Time `json:"finished,omitzero"`
}

// Runner is a process that runs a flow and says regularly that it still does.
type Runner struct {
	// Name tells host and process.
	Name string `json:"name,omitempty"`
	// AliveUntil is when others may take the process for dead.
	AliveUntil time.Time `json:"aliveUntil,omitzero"`
}

// Open says whether something is still to be done for the deployment: it is not over, holds its lock, or its end is not
// reported.
func (r Record) Open() bool {
	return r.Stage != deployment.StageFinished || r.LockKept || r.Unreported
}

// Heed returns the fault that ends the deployment when it was called off or superseded and nothing is executed yet.
func (r Record) Heed() error {
	if !r.Stage.Cancellable() {
		return nil
	}
	if r.CancelledBy != "" {
		why := ""
		if r.CancelReason != "" {
			why = ": " + r.CancelReason
		}
		return deployment.Faultf(deployment.Cancelled, "%s called the deployment off%s", r.CancelledBy, why)
	}
	if r.SupersededBy != "" {
		return deployment.Faultf(deployment.Superseded, "the newer deployment %s took this one's place", r.SupersededBy)
	}
	return nil
}

// Ending is what the record knows of how the deployment ends, given the fault that stopped its flow, if one did.
func (r Record) Ending(fault deployment.Fault) deployment.Ending {
	return deployment.Ending{
		Intent: r.Intent, Fault: fault, Executed: !r.Times.Executed.IsZero(), Settlement: r.Settlement, ChangeSetEmpty: r.ChangeSet.Empty,
	}
}

// DecidedUpon is the ARN of what decisions are upon: the change set, or the stack where that is to be recovered. It is
// empty before there is one.
func (r Record) DecidedUpon() string {
	if r.Intent == deployment.IntentRecover {
		return r.StackID
	}
	return r.ChangeSet.ARN
}

// Operation is what the deployment does, or did, to its stack.
func (r Record) Operation() deployment.Operation {
	return deployment.Operation{StackID: r.StackID, ChangeSetARN: r.ChangeSet.ARN, Recovery: r.Recovery.Action, Token: r.ClientRequestToken, At: r.Times.Executed}
}

// Sentence tells an operator what the deployment has left behind, and what to do next.
func (r Record) Sentence() string {
	if r.Outcome == deployment.OutcomeDeployed && len(r.Leftovers) > 0 {
		return "The approved change set was executed and the stack is complete; what it let go of is still in the account."
	}
	return r.Intent.Sentence(r.Outcome)
}

// ReviewToDecide is what decisions upon this deployment are counted for.
func (r Record) ReviewToDecide() approval.Review {
	return approval.Review{
		ChangeSetID: r.DecidedUpon(), Digest: r.Review.Digest, RequestedBy: r.RequestedBy, OnBehalfOf: r.OnBehalfOf,
		Acknowledge: r.Review.Acknowledge,
	}
}

// Ticket is a place in the queue for a stack's lock. The first ticket holds the lock.
type Ticket struct {
	DeploymentID deployment.ID `json:"deploymentId"`
	Service      string        `json:"service"`
	Environment  string        `json:"environment"`
	Reason       string        `json:"reason,omitempty"`
	ExecutionARN string        `json:"executionArn,omitempty"`
	EnqueuedAt   time.Time     `json:"enqueuedAt"`
}

// Purpose is what a callback waits for.
type Purpose string

// The purposes.
const (
	AwaitLock     Purpose = "lock"
	AwaitApproval Purpose = "approval"
	AwaitStack    Purpose = "stack"
)

// Purposes lists every purpose.
func Purposes() []Purpose { return []Purpose{AwaitLock, AwaitApproval, AwaitStack} }

// Waiter is a callback of the state machine that something is to wake. A deployment has at most one for each purpose;
// a later one takes the place of an earlier, whose token is dead since the try it belonged to.
type Waiter struct {
	DeploymentID deployment.ID     `json:"deploymentId"`
	Purpose      Purpose           `json:"purpose"`
	Target       deployment.Target `json:"target"`
	// StackID is set for AwaitStack: the events of this very stack wake it.
	StackID string `json:"stackId,omitempty"`
	// Token is a bearer credential: never shown, logged or put in a link.
	Token string    `json:"token"`
	Since time.Time `json:"since"`
}

// Filter chooses records. The zero value chooses all.
type Filter struct {
	Service, Environment string
	// Unfinished leaves out the finished ones.
	Unfinished bool
	// Open leaves out those for which nothing is to be done any more (Record.Open).
	Open bool
	// IDSuffix chooses those whose id ends in it.
	IDSuffix string
	// Limit is how many at most, newest first; 0 means 50.
	Limit int
}
