// Package tail explains a failed CloudFormation operation from its events: the root cause, what followed from it, and
// what to do next. It is not a reader of events: it calls no AWS API, and whoever does hands it plain data.
package tail

import (
	"strings"
	"time"
)

// Event is one row of DescribeStackEvents or DescribeEvents. ResourceProperties are left out on purpose: they hold the
// values of the template, secrets included, and no explanation needs them.
type Event struct {
	EventID   string
	StackID   string
	StackName string
	LogicalID string
	// PhysicalID equals StackID on the rows of the stack itself.
	PhysicalID string
	Type       string
	Status     string
	// DetailedStatus is CONFIGURATION_COMPLETE, VALIDATION_FAILED or empty.
	DetailedStatus string
	Reason         string
	// Time is zero where the row had none.
	Time time.Time
	// Token is the ClientRequestToken of the call that began the operation.
	Token         string
	OperationID   string
	OperationType string
	// Kind is the EventType of DescribeEvents; DescribeStackEvents has none.
	Kind       string
	Hook       *HookRow
	Validation *ValidationRow
}

// HookRow is what an event says of a hook.
type HookRow struct {
	Type, Status, Reason, FailureMode, InvocationID, InvocationPoint string
}

// ValidationRow is what an event says of a check that CloudFormation makes before it deploys.
type ValidationRow struct {
	Name, Status, Reason, Path, FailureMode string
}

// The kinds of DescribeEvents that report an error, and the type of a stack's rows.
const (
	kindValidationError = "VALIDATION_ERROR"
	kindProvisioning    = "PROVISIONING_ERROR"
	kindHookError       = "HOOK_INVOCATION_ERROR"

	stackType = "AWS::CloudFormation::Stack"
)

// Operation says which events are those of one deployment.
type Operation struct {
	StackName string
	StackID   string
	// Token is the ClientRequestToken that the change set was executed with.
	Token string
	// OperationIDs are the ids known of the operation and of its rollback, which is an operation of its own.
	OperationIDs []string
	// Since is when the operation was asked for. It decides only where neither token nor operation id is found.
	Since time.Time
	// Status is the stack's status at the end; where empty, the last row of the stack gives it.
	Status string
}

// clockSkew is how far an event may lie before the time at which the operation was asked for: the caller's clock and
// CloudFormation's differ (cloudformation.md, section 6).
const clockSkew = 2 * time.Second

// IsStackRow says whether the row is about its own stack rather than about a resource in it.
func (e Event) IsStackRow() bool {
	if e.Type != stackType {
		return e.Type == "" && e.LogicalID != "" && e.LogicalID == e.StackName
	}
	if e.PhysicalID != "" && e.StackID != "" {
		return e.PhysicalID == e.StackID
	}
	return e.LogicalID == e.StackName
}

// IsNestedStack says whether the row is about a stack nested in its own.
func (e Event) IsNestedStack() bool { return e.Type == stackType && !e.IsStackRow() }

// silent says whether the row tells of nothing: DescribeEvents has rows about an operation as a whole, which name no
// resource and no status of one.
func (e Event) silent() bool {
	return e.LogicalID == "" && e.Status == "" && e.Reason == "" && e.Hook == nil && e.Validation == nil
}

// failed says whether the row reports a failure of its own. The rows of a stack that only begins to roll back are not
// among them: they carry a reason, which matters where nothing else does.
func (e Event) failed() bool {
	switch e.Kind {
	case kindValidationError, kindHookError:
		return !e.warnsOnly()
	case kindProvisioning:
		return true
	}
	return strings.HasSuffix(e.Status, "_FAILED") || e.DetailedStatus == "VALIDATION_FAILED"
}

// warnsOnly says whether a hook or validation row cannot have stopped anything.
func (e Event) warnsOnly() bool {
	if e.Hook != nil && e.Hook.FailureMode == "WARN" {
		return true
	}
	return e.Validation != nil && (e.Validation.FailureMode == "WARN" || e.Validation.Status == "SKIPPED")
}

// hookFailed says whether the row reports a hook that said no.
func (e Event) hookFailed() bool {
	return e.Hook != nil && (e.Hook.Status == "HOOK_COMPLETE_FAILED" || e.Hook.Status == "HOOK_FAILED")
}

// action is the part of a status before how far it has come: CREATE of CREATE_IN_PROGRESS.
func action(status string) string {
	for _, end := range []string{"_IN_PROGRESS", "_COMPLETE", "_FAILED", "_SKIPPED"} {
		if head, ok := strings.CutSuffix(status, end); ok {
			return head
		}
	}
	return status
}

// startsOperation says whether a status of a stack row begins an operation that somebody asked for.
func startsOperation(status string) bool {
	switch status {
	case "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS":
		return true
	}
	return false
}

// startsRollback says whether a status of a stack row begins to undo an operation.
func startsRollback(status string) bool {
	switch status {
	case "ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_IN_PROGRESS":
		return true
	}
	return false
}

// startsCleanup says whether a status of a stack row begins to delete what an update replaced or a rollback made
// superfluous. A deletion that fails then does not fail the stack.
func startsCleanup(status string) bool {
	switch status {
	case "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS":
		return true
	}
	return false
}

// moving says whether a stack in this status still does what was asked of it, or undoes it.
func moving(status string) bool {
	return strings.HasSuffix(status, "_IN_PROGRESS") && !startsCleanup(status) && status != "REVIEW_IN_PROGRESS"
}

// atRest says whether a status of a stack row ends an operation.
func atRest(status string) bool {
	return strings.HasSuffix(status, "_COMPLETE") || strings.HasSuffix(status, "_FAILED")
}

// stackNameOf returns the name within a stack's ARN, or the text itself where it is none.
func stackNameOf(id string) string {
	_, rest, ok := strings.Cut(id, ":stack/")
	if !ok {
		return id
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// regionOf returns the region within an ARN, empty where there is none.
func regionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[3]
}
