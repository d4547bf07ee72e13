package installed

import (
	"context"
	"encoding/json"
	"strings"

	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/taskrun"
)

// event is what the events function is sent beside tasks: an event of CloudFormation by EventBridge, or a schedule's.
type event struct {
	ID         string `json:"id"`
	Source     string `json:"source"`
	DetailType string `json:"detail-type"`
	Detail     struct {
		StackID string `json:"stack-id"`
	} `json:"detail"`

	Sweep bool `json:"sweep"`
	// Task is set by the state machine, and by it alone.
	Task string `json:"task"`
}

// The stack events of CloudFormation (EventBridge events reference, AWS CloudFormation).
const (
	stackEventSource     = "aws.cloudformation"
	stackEventDetailType = "CloudFormation Stack Status Change"
)

// handleEvent is the name of the task that takes events in. The state machine has none of that name.
const handleEvent = "HandleEvent"

type handleEventIn struct {
	Event event `json:"event"`
}

// handleEventOut is for the log: nobody reads the answer to an event.
type handleEventOut struct {
	// Woken is how many deployments were woken.
	Woken int `json:"woken"`
}

// eventTask takes an event in as if it were a task, so that its faults, its log lines and its panics are handled alike.
func eventTask(parts functions.Parts) taskrun.Task {
	wake := functions.Wake(parts)
	return taskrun.Of(handleEvent, func(ctx context.Context, in handleEventIn) (handleEventOut, error) {
		e := in.Event
		stackEvent := e.DetailType != "" || e.Source != ""
		switch {
		case e.Task != "", stackEvent && e.Sweep:
			return handleEventOut{}, notUnderstood("it is an event and a task, or two events, in one")
		case e.Sweep:
			woken, err := wake.Sweep(ctx)
			return handleEventOut{woken}, err
		case !stackEvent:
			return handleEventOut{}, notUnderstood(`it has no task, is no event of a stack, and does not say "sweep": true`)
		case e.Source != stackEventSource || e.DetailType != stackEventDetailType:
			return handleEventOut{}, notUnderstood("it is an event, but not of a stack's status")
		case !strings.HasPrefix(e.Detail.StackID, "arn:") || !strings.Contains(e.Detail.StackID, ":stack/"):
			return handleEventOut{}, notUnderstood("its detail names no stack by its ARN")
		}
		woken, err := wake.ForStack(ctx, e.Detail.StackID)
		return handleEventOut{woken}, err
	})
}

// notUnderstood does not quote the event, which anybody may have written.
func notUnderstood(why string) error {
	return deployment.Faultf(deployment.InvalidRequest, "the payload is not understood: %s", why).
		Advise("see that the rule or schedule that sends it is the one that stackgate installed")
}

// Handler is an installed function.
type Handler struct {
	tasks *taskrun.Runner
	// events is nil where the function takes no events.
	events *taskrun.Runner
}

// Handle runs the task that a payload names, or takes in an event. Its error is as that of taskrun.Runner.Handle.
func (h Handler) Handle(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	if h.events == nil || !isEvent(payload) {
		return h.tasks.Handle(ctx, payload)
	}
	var named struct {
		ID json.RawMessage `json:"id"`
	}
	// What is no text has no id; the task says what is wrong with the event itself.
	_ = json.Unmarshal(payload, &named)
	var id string
	_ = json.Unmarshal(named.ID, &id)
	wrapped, err := json.Marshal(map[string]any{"task": handleEvent, "correlationId": id, "event": payload})
	if err != nil {
		return h.tasks.Handle(ctx, payload)
	}
	return h.events.Handle(ctx, wrapped)
}

// isEvent says whether a payload is an object that names no task, or one that claims to be an event besides.
func isEvent(payload json.RawMessage) bool {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(payload, &keys); err != nil || keys == nil {
		return false
	}
	for _, claim := range []string{"sweep", "detail-type", "source"} {
		if _, ok := keys[claim]; ok {
			return true
		}
	}
	_, task := keys["task"]
	return !task
}
