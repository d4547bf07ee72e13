package installed

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"

	"stackgate/internal/deployment"
	"stackgate/internal/eventbridge"
	"stackgate/internal/functions"
	"stackgate/internal/metrics"
	"stackgate/internal/taskrun"
)

// event is what a function is sent beside tasks: an event by EventBridge, or a schedule's.
type event struct {
	eventbridge.Event

	Sweep bool `json:"sweep"`
	// Task is set by the state machine, and by it alone.
	Task string `json:"task"`
}

// handleEvent is the name of the task that takes events in. The state machine has none of that name.
const handleEvent = "HandleEvent"

type handleEventIn struct {
	Event event `json:"event"`
}

// takes is what a function does with what it is sent beside tasks.
type takes struct {
	kind  eventbridge.Kind
	event func(ctx context.Context, e eventbridge.Event) (any, error)
	sweep func(ctx context.Context) (any, error)
}

// task takes an event in as if it were a task, so that its faults, its log lines and its panics are handled alike.
func (t takes) task() taskrun.Task {
	return taskrun.Of(handleEvent, func(ctx context.Context, in handleEventIn) (any, error) {
		e := in.Event
		delivered := e.DetailType != "" || e.Source != ""
		switch {
		case e.Task != "", delivered && e.Sweep:
			return nil, notUnderstood("it is an event and a task, or two events, in one")
		case e.Sweep:
			return t.sweep(ctx)
		case !delivered:
			return nil, notUnderstood(`it has no task, is no event, and does not say "sweep": true`)
		case e.Kind() != t.kind:
			return nil, notUnderstood("it is an event, but not of " + string(t.kind) + ", which is what this function takes")
		}
		return t.event(ctx, e.Event)
	})
}

// notUnderstood does not quote the event, which anybody may have written.
func notUnderstood(why string) error {
	return deployment.Faultf(deployment.InvalidRequest, "the payload is not understood: %s", why).
		Advise("see that the rule or schedule that sends it is the one that stackgate installed")
}

// wokenOut is for the log, as every answer to an event.
type wokenOut struct {
	// Woken is how many deployments were woken.
	Woken int `json:"woken"`
}

// wakes is what the events function takes in: it wakes who waits for a stack.
func wakes(parts functions.Parts, log *slog.Logger) takes {
	wake := functions.Wake(parts)
	return takes{
		kind: eventbridge.StackStatus,
		event: func(ctx context.Context, e eventbridge.Event) (any, error) {
			if !strings.HasPrefix(e.Detail.StackID, "arn:") || !strings.Contains(e.Detail.StackID, ":stack/") {
				return nil, notUnderstood("its detail names no stack by its ARN")
			}
			woken, err := wake.ForStack(ctx, e.Detail.StackID)
			return wokenOut{woken}, err
		},
		sweep: func(ctx context.Context) (any, error) {
			swept, err := wake.Sweep(ctx)
			measured, unmeasured := metrics.Attributes(parts.Clock.Now(), nil, metrics.Value{Name: metrics.StuckWaiters, Value: float64(swept.Stuck)})
			log.LogAttrs(ctx, slog.LevelInfo, "swept", append(measured, slog.Int("woken", swept.Woken), slog.Int("stuck", swept.Stuck))...)
			return swept, errors.Join(err, unmeasured)
		},
	}
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
