// Package stream holds the events that a deployment emits while it runs, as `watch` and `--output ndjson` show them. It
// neither produces nor prints them.
package stream

// Schema is what the first line of a stream names. A minor version only adds.
const Schema = "stackgate/events/1.0"

// Type names an event.
type Type string

// The event types.
const (
	Version           Type = "version"
	StateEntered      Type = "state_entered"
	PlanStarted       Type = "plan_started"
	Queued            Type = "queued"
	ChangeSetStatus   Type = "change_set_status"
	PlannedChange     Type = "planned_change"
	ChangeSummary     Type = "change_summary"
	ApprovalRequested Type = "approval_requested"
	ApprovalRecorded  Type = "approval_recorded"
	ExecutionStarted  Type = "execution_started"
	ResourceProgress  Type = "resource_progress"
	ResourceComplete  Type = "resource_complete"
	ResourceFailed    Type = "resource_failed"
	RollbackStarted   Type = "rollback_started"
	Outputs           Type = "outputs"
	Result            Type = "result"
	Error             Type = "error"
	Heartbeat         Type = "heartbeat"
)

// Types lists every event type.
func Types() []Type {
	return []Type{
		Version, StateEntered, PlanStarted, Queued, ChangeSetStatus, PlannedChange, ChangeSummary, ApprovalRequested, ApprovalRecorded,
		ExecutionStarted, ResourceProgress, ResourceComplete, ResourceFailed, RollbackStarted, Outputs, Result, Error, Heartbeat,
	}
}

// State is the body of StateEntered.
type State struct {
	State string `json:"state"`
}

// Plan is the body of PlanStarted.
type Plan struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Region      string `json:"region"`
	StackName   string `json:"stackName"`
	Intent      string `json:"intent"`
	RequestedBy string `json:"requestedBy"`
}

// Queue is the body of Queued: another deployment holds the stack.
type Queue struct {
	StackName string `json:"stackName"`
	HeldBy    string `json:"heldBy"`
	// Reason is the holder's.
	Reason string `json:"reason,omitempty"`
}

// ChangeSet is the body of ChangeSetStatus.
type ChangeSet struct {
	ChangeSetID string `json:"changeSetId"`
	Type        string `json:"changeSetType"`
	State       string `json:"state"`
}

// Change is the body of PlannedChange, worst first.
type Change struct {
	Path         string `json:"path"`
	ResourceType string `json:"resourceType"`
	Action       string `json:"action"`
	Replacement  string `json:"replacement,omitempty"`
	PolicyAction string `json:"policyAction,omitempty"`
	Impact       string `json:"impact"`
	// Level is the change's; the line's own level says how much the event matters.
	Level string `json:"changeLevel"`
	Ack   int    `json:"ack,omitempty"`
}

// Summary is the body of ChangeSummary.
type Summary struct {
	Verdict string `json:"verdict"`
	// Level is the review's.
	Level    string `json:"reviewLevel"`
	Reported int    `json:"reported"`
	Shown    int    `json:"shown"`
	Digest   string `json:"digest"`
	Approval string `json:"approval"`
}

// Approval is the body of ApprovalRequested.
type Approval struct {
	Digest      string `json:"digest"`
	Needed      int    `json:"needed"`
	Acknowledge []int  `json:"acknowledge"`
	ExpiresAt   string `json:"expiresAt"`
	RequestedBy string `json:"requestedBy"`
}

// Decision is the body of ApprovalRecorded.
type Decision struct {
	By      string `json:"by"`
	Verdict string `json:"verdict"`
	Comment string `json:"comment,omitempty"`
	Given   int    `json:"given"`
	Needed  int    `json:"needed"`
}

// Execution is the body of ExecutionStarted.
type Execution struct {
	// ChangeSetID is empty for a recovery, Recovery its CloudFormation call.
	ChangeSetID        string `json:"changeSetId"`
	Recovery           string `json:"recovery,omitempty"`
	ClientRequestToken string `json:"clientRequestToken"`
}

// Resource is the body of ResourceProgress, ResourceComplete, ResourceFailed and RollbackStarted.
type Resource struct {
	Path         string `json:"path"`
	ResourceType string `json:"resourceType"`
	Status       string `json:"status"`
	Reason       string `json:"reason,omitempty"`
	At           string `json:"at"`
}

// Ended is the body of Result.
type Ended struct {
	Outcome   string   `json:"outcome"`
	Failed    bool     `json:"failed"`
	Cause     string   `json:"cause,omitempty"`
	Sentence  string   `json:"sentence"`
	StackID   string   `json:"stackId,omitempty"`
	Status    string   `json:"stackStatus,omitempty"`
	Leftovers []string `json:"leftovers"`
	Advice    []string `json:"advice"`
}
