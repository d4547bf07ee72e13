// Package eventbridge holds the events of AWS that wake installed functions: how they are told apart, what they say, and
// the patterns of the rules that deliver them. It believes none of them: who is woken asks the service itself.
package eventbridge

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/cfn"
)

// Event is what EventBridge delivers, as far as both kinds of events have it in common.
type Event struct {
	ID         string `json:"id"`
	Source     string `json:"source"`
	DetailType string `json:"detail-type"`
	Detail     Detail `json:"detail"`
}

// Detail holds the members of both kinds of events that are read; those of the other kind are empty.
type Detail struct {
	// StackID is the ARN of the stack whose status changed.
	StackID string `json:"stack-id"`

	// ExecutionARN, MachineARN and Name are those of the execution that ended; Name is a deployment's id.
	ExecutionARN string `json:"executionArn"`
	MachineARN   string `json:"stateMachineArn"`
	Name         string `json:"name"`
}

// Kind is what an event is about.
type Kind string

// The kinds.
const (
	// StackStatus: a stack's status changed (EventBridge events reference, "AWS CloudFormation").
	StackStatus Kind = "stack status"
	// ExecutionStatus: a state machine's execution ended (Step Functions developer guide, "Automating event delivery").
	ExecutionStatus Kind = "execution status"
	// Other is any other event, which no rule of ours delivers.
	Other Kind = "other"
)

const (
	stackSource         = "aws.cloudformation"
	stackDetailType     = "CloudFormation Stack Status Change"
	executionSource     = "aws.states"
	executionDetailType = "Step Functions Execution Status Change"
)

// Kind tells what the event is about.
func (e Event) Kind() Kind {
	switch {
	case e.Source == stackSource && e.DetailType == stackDetailType:
		return StackStatus
	case e.Source == executionSource && e.DetailType == executionDetailType:
		return ExecutionStatus
	}
	return Other
}

// StackPattern is the event pattern of the rule that wakes the events function, and of the rule in an account of stacks
// that forwards to the hub's bus: a stack came to rest, as far as this version knows the statuses. An unknown one is left
// to the sweep, so that a stack on its way costs no invocation.
func StackPattern() map[string]any {
	return map[string]any{
		"source":      []string{stackSource},
		"detail-type": []string{stackDetailType},
		"detail":      map[string]any{"status-details": map[string]any{"status": restingStatuses()}},
	}
}

func restingStatuses() []string {
	var resting []string
	for _, status := range types.StackStatus("").Values() {
		if settled := cfn.SettlementOf(status); settled.AtRest() && !cfn.CleaningUp(status) {
			resting = append(resting, string(status))
		}
	}
	slices.Sort(resting)
	return resting
}

// ExecutionPattern is the event pattern of the rule that sends ended executions to the plan function, which finishes
// what ended without FinishDeployment. The prefix is that of the ARNs of our state machines:
// arn:aws:states:<region>:<account>:stateMachine:stackgate-.
func ExecutionPattern(machinePrefix string) map[string]any {
	return map[string]any{
		"source":      []string{executionSource},
		"detail-type": []string{executionDetailType},
		"detail": map[string]any{
			"status":          endedStatuses(),
			"stateMachineArn": []any{map[string]string{"prefix": machinePrefix}},
		},
	}
}

// endedStatuses are those after which an execution does nothing any more. PENDING_REDRIVE is of runs of a Map state only.
func endedStatuses() []string {
	var ended []string
	for _, status := range sfntypes.ExecutionStatus("").Values() {
		if Ended(status) {
			ended = append(ended, string(status))
		}
	}
	slices.Sort(ended)
	return ended
}

// Ended says whether an execution of this status does nothing any more. One of an unknown status may go on.
func Ended(status sfntypes.ExecutionStatus) bool {
	switch status {
	case sfntypes.ExecutionStatusSucceeded, sfntypes.ExecutionStatusFailed, sfntypes.ExecutionStatusTimedOut, sfntypes.ExecutionStatusAborted:
		return true
	case sfntypes.ExecutionStatusRunning, sfntypes.ExecutionStatusPendingRedrive:
		return false
	}
	return false
}
