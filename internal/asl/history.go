package asl

import (
	"encoding/json"
	"errors"
	"time"
)

// maxEvents is the quota of Step Functions for the history of a standard execution; the last one is the failure that
// says so. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const maxEvents = 25000

// EventType is one of AWS's history event types.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
type EventType string

// The event types that this interpreter records.
const (
	ExecutionStarted   EventType = "ExecutionStarted"
	ExecutionRedriven  EventType = "ExecutionRedriven" // first event of an execution that is taken up at a Position
	ExecutionSucceeded EventType = "ExecutionSucceeded"
	ExecutionFailed    EventType = "ExecutionFailed"
	ExecutionTimedOut  EventType = "ExecutionTimedOut"
	ExecutionAborted   EventType = "ExecutionAborted"

	TaskStateEntered    EventType = "TaskStateEntered"
	TaskStateExited     EventType = "TaskStateExited"
	ChoiceStateEntered  EventType = "ChoiceStateEntered"
	ChoiceStateExited   EventType = "ChoiceStateExited"
	WaitStateEntered    EventType = "WaitStateEntered"
	WaitStateExited     EventType = "WaitStateExited"
	PassStateEntered    EventType = "PassStateEntered"
	PassStateExited     EventType = "PassStateExited"
	SucceedStateEntered EventType = "SucceedStateEntered"
	SucceedStateExited  EventType = "SucceedStateExited"
	FailStateEntered    EventType = "FailStateEntered"

	TaskScheduled EventType = "TaskScheduled"
	TaskStarted   EventType = "TaskStarted"
	TaskSubmitted EventType = "TaskSubmitted" // the function of a callback task has returned
	TaskSucceeded EventType = "TaskSucceeded"
	TaskFailed    EventType = "TaskFailed"
	TaskTimedOut  EventType = "TaskTimedOut"
)

// Event is an entry of an execution's history. It holds what AWS's event details of its type hold, under one roof.
type Event struct {
	ID         int64     `json:"id"` // counted from 1 without gaps
	PreviousID int64     `json:"previousEventId"`
	Time       time.Time `json:"timestamp"`
	Type       EventType `json:"type"`
	// State is the state to which the event belongs; empty for events of the execution.
	State string `json:"state,omitempty"`
	// Input of the execution or of the entered state, before InputPath.
	Input json.RawMessage `json:"input,omitempty"`
	// Output of the execution, the exited state or the task.
	Output json.RawMessage `json:"output,omitempty"`
	// Resource is "invoke" or "invoke.waitForTaskToken", ResourceType "lambda", for task events.
	Resource     string `json:"resource,omitempty"`
	ResourceType string `json:"resourceType,omitempty"`
	// Parameters of a scheduled task. Unlike on AWS the task token is masked: nothing of ours shows tokens.
	Parameters     json.RawMessage `json:"parameters,omitempty"`
	TimeoutSeconds int64           `json:"timeoutInSeconds,omitempty"`
	Error          string          `json:"error,omitempty"`
	Cause          string          `json:"cause,omitempty"`
	RoleARN        string          `json:"roleArn,omitempty"`
	RedriveCount   int             `json:"redriveCount,omitempty"`
}

// IsStateEntered reports whether the event is the entry into a state.
func (e Event) IsStateEntered() bool {
	switch e.Type {
	case TaskStateEntered, ChoiceStateEntered, WaitStateEntered, PassStateEntered, SucceedStateEntered, FailStateEntered:
		return true
	}
	return false
}

// Position of the execution right before the entry that the event records. An execution that is given it as
// Execution.From enters the state again with the same input.
func (e Event) Position() (Position, bool) {
	if !e.IsStateEntered() {
		return Position{}, false
	}
	return Position{State: e.State, Input: e.Input, Events: e.ID}, true
}

// errHistoryFull stops an execution whose history has no room left but for its own end.
var errHistoryFull = errors.New("history full")

const historyFullCause = "The execution reached the maximum number of history events (25000)."

// history numbers events and hands them out.
type history struct {
	clock   Clock
	observe func(Event)
	last    int64 // id of the newest event
	// previous is the event that the next one follows from. The first state follows from nothing (0), as recorded on
	// AWS, though ExecutionStarted has id 1.
	previous int64
}

// record appends an event of a state. It refuses the one that AWS reserves for the end of the execution.
func (h *history) record(event Event) error {
	if h.last+1 >= maxEvents {
		return errHistoryFull
	}
	h.append(event, h.previous)
	h.previous = h.last
	return nil
}

// begin appends the execution's first event.
func (h *history) begin(event Event) {
	h.append(event, h.last)
	if event.Type == ExecutionRedriven {
		h.previous = h.last
	}
}

// end appends the execution's last event, for which there is always room.
func (h *history) end(event Event) {
	previous := h.previous
	if event.Type == ExecutionAborted {
		previous = 0 // stopped from outside: it follows from no event
	}
	h.append(event, previous)
}

func (h *history) append(event Event, previous int64) {
	h.last++
	event.ID, event.PreviousID, event.Time = h.last, previous, h.clock.Now()
	if h.observe != nil {
		h.observe(event)
	}
}
