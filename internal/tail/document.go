package tail

import "time"

// Schema names the document and its major version.
const Schema = "stackgate.tail/v1"

// Document explains how an operation or a change set failed. Lists are never null, times are UTC, and reasons have had
// what looks like a secret masked.
type Document struct {
	Schema    string `json:"schema"`
	StackName string `json:"stackName"`
	StackID   string `json:"stackId"`
	// Status is the stack's last known status, or the change set's where ChangeSet is set.
	Status string `json:"status"`
	// Outcome is the deployment's outcome, empty where the events were not made by a deployment of ours.
	Outcome string `json:"outcome"`
	// Headline is one line: the resource and the reason in plain words.
	Headline string `json:"headline"`
	// ChangeSet is set where the change set itself failed, before anything was executed.
	ChangeSet *ChangeSet `json:"changeSet,omitempty"`
	// RootCause is absent where no failure was found.
	RootCause *Failure `json:"rootCause,omitempty"`
	// Failures are further failures that did not follow from the root cause, earliest first.
	Failures []Failure `json:"failures"`
	// Cancelled counts the resources that were stopped only because another failed.
	Cancelled int `json:"cancelled"`
	// RollbackProblems are failures of undoing, earliest first.
	RollbackProblems []Failure `json:"rollbackProblems"`
	// Leftovers still exist in the account although the stack no longer owns them.
	Leftovers []Leftover `json:"leftovers"`
	// Warnings are findings of hooks and validations that stopped nothing.
	Warnings []string `json:"warnings"`
	Advice   []string `json:"advice"`
	// Timeline says what ran around the root cause and how long, by start.
	Timeline []Span `json:"timeline"`
	// Events is the bounded tail, newest last.
	Events []Entry `json:"events"`
	// EventCount is how many events the operation had before the tail was bounded.
	EventCount int `json:"eventCount"`
	// Notes say what the explanation could not see.
	Notes []string `json:"notes"`
	// Truncated says that something was left out or shortened to keep the document within its bounds.
	Truncated bool `json:"truncated"`
}

// ChangeSet names a change set that could not be made.
type ChangeSet struct {
	ID   string        `json:"id"`
	Name string        `json:"name"`
	Kind ChangeSetKind `json:"kind"`
}

// Failure is one failure of a resource, or of a stack where no resource says more.
type Failure struct {
	// Path is the logical id, with those of the nested stacks that lead to it in front: Api/Table.
	Path       string `json:"path"`
	LogicalID  string `json:"logicalId"`
	PhysicalID string `json:"physicalId,omitempty"`
	Type       string `json:"type"`
	Status     string `json:"status"`
	// Summary says in plain words what did not work, and why where that is a known kind of error: "could not be created
	// because its name is already taken". It holds nothing that came from outside.
	Summary string `json:"summary"`
	// Reason is CloudFormation's own text.
	Reason string `json:"reason"`
	// Message is the reason without what wraps it: handler preamble, request ids, status codes.
	Message   string `json:"message"`
	ErrorCode string `json:"errorCode,omitempty"`
	// Family names the kind of error, where it is a known one.
	Family      string       `json:"family,omitempty"`
	Hook        *HookFinding `json:"hook,omitempty"`
	Validations []Validation `json:"validations,omitempty"`
	Time        time.Time    `json:"time,omitzero"`
	StackID     string       `json:"stackId,omitempty"`
}

// HookFinding is the verdict of the hook that denied a resource or a change set.
type HookFinding struct {
	Type            string       `json:"type"`
	Status          string       `json:"status,omitempty"`
	Reason          string       `json:"reason,omitempty"`
	InvocationPoint string       `json:"invocationPoint,omitempty"`
	ResultID        string       `json:"resultId,omitempty"`
	Annotations     []Annotation `json:"annotations,omitempty"`
}

// Annotation is one rule that a hook evaluated.
type Annotation struct {
	Name        string `json:"name"`
	Status      string `json:"status"`
	Message     string `json:"message,omitempty"`
	Remediation string `json:"remediation,omitempty"`
	Link        string `json:"link,omitempty"`
	Severity    string `json:"severity,omitempty"`
}

// Validation is one finding of the checks that CloudFormation makes before it deploys.
type Validation struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	// Path is a JSON pointer into the template.
	Path string `json:"path,omitempty"`
}

// LeftoverKind says why something was left behind.
type LeftoverKind string

// The kinds of leftover.
const (
	// LeftoverSkipped: the deletion policy kept it (DELETE_SKIPPED).
	LeftoverSkipped LeftoverKind = "skipped"
	// LeftoverDeleteFailed: its deletion failed, and the stack went on without it.
	LeftoverDeleteFailed LeftoverKind = "delete-failed"
)

// LeftoverKinds lists every kind.
func LeftoverKinds() []LeftoverKind { return []LeftoverKind{LeftoverSkipped, LeftoverDeleteFailed} }

// Leftover is something that exists in the account and that the stack no longer owns.
type Leftover struct {
	Kind       LeftoverKind `json:"kind"`
	Path       string       `json:"path"`
	LogicalID  string       `json:"logicalId"`
	PhysicalID string       `json:"physicalId,omitempty"`
	Type       string       `json:"type"`
	Status     string       `json:"status"`
	Reason     string       `json:"reason,omitempty"`
	Time       time.Time    `json:"time,omitzero"`
}

// Result is how one attempt on a resource ended.
type Result string

// The results.
const (
	ResultComplete   Result = "complete"
	ResultFailed     Result = "failed"
	ResultCancelled  Result = "cancelled"
	ResultSkipped    Result = "skipped"
	ResultInProgress Result = "in-progress"
)

// Results lists every result.
func Results() []Result {
	return []Result{ResultComplete, ResultFailed, ResultCancelled, ResultSkipped, ResultInProgress}
}

// Phase is the part of an operation in which something happened.
type Phase string

// The phases.
const (
	// PhaseForward: doing what was asked.
	PhaseForward Phase = "forward"
	// PhaseRollback: undoing it.
	PhaseRollback Phase = "rollback"
	// PhaseCleanup: deleting what is no longer needed; failures there do not fail the stack.
	PhaseCleanup Phase = "cleanup"
)

// Phases lists every phase.
func Phases() []Phase { return []Phase{PhaseForward, PhaseRollback, PhaseCleanup} }

// Span is one attempt on a resource: from its first row in progress to the row that ended it.
type Span struct {
	Path string `json:"path"`
	Type string `json:"type"`
	// Action is what was attempted, as in the status: CREATE, UPDATE, DELETE, IMPORT.
	Action string    `json:"action"`
	Phase  Phase     `json:"phase"`
	Result Result    `json:"result"`
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"`
	// Seconds is how long it took; for one still in progress, until the last event. Absent where a time is missing.
	Seconds *float64 `json:"seconds,omitempty"`
	// RootCause marks the attempt that broke the operation, InProgress those that ran when it did.
	RootCause  bool `json:"rootCause,omitempty"`
	InProgress bool `json:"inProgressAtFailure,omitempty"`
}

// Entry is one event of the tail.
type Entry struct {
	Time       time.Time `json:"time,omitzero"`
	Path       string    `json:"path"`
	LogicalID  string    `json:"logicalId"`
	PhysicalID string    `json:"physicalId,omitempty"`
	Type       string    `json:"type"`
	// Status is the resource's, or the kind of a finding that has none: VALIDATION_ERROR.
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	EventID string `json:"eventId,omitempty"`
	Phase   Phase  `json:"phase"`
}

// HookResult is what ListHookResults and GetHookResult say of one invocation.
type HookResult struct {
	ID, Type, Status, Reason, FailureMode, InvocationPoint string
	// TargetID is what the hook was invoked against: a change set's ARN or a resource.
	TargetID string
	// StackID and LogicalID are set where the hook was invoked on one resource.
	StackID, LogicalID string
	Annotations        []Annotation
	Time               time.Time
}
