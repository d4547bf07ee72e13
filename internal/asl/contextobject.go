package asl

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// contextFields are the parts of the context object that exist here; Execution.Input goes on as the input does.
// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
func contextFields() []string {
	return []string{
		"Execution", "Execution.Id", "Execution.Input", "Execution.Name", "Execution.RedriveCount", "Execution.RoleArn",
		"Execution.StartTime",
		"State", "State.EnteredTime", "State.Name", "State.RetryCount",
		"StateMachine", "StateMachine.Id", "StateMachine.Name",
		"Task", "Task.Token",
	}
}

// checkContextPath refuses paths into a part of the context object that never exists, which AWS would only find when
// the state runs.
func checkContextPath(p path) error {
	if p.isRoot() || p.startsWith("Execution", "Input") {
		return nil
	}
	names := make([]string, len(p.segments))
	for i, step := range p.segments {
		names[i] = step.name
	}
	if !slices.Contains(contextFields(), strings.Join(names, ".")) {
		return fmt.Errorf("path %s: the context object has no such field here; it has %s", quoted(p.source), strings.Join(contextFields(), ", "))
	}
	return nil
}

func (p path) startsWith(names ...string) bool {
	if len(p.segments) < len(names) {
		return false
	}
	for i, name := range names {
		if p.segments[i] != (segment{name: name}) {
			return false
		}
	}
	return true
}

// mentionsTaskToken reports whether what the path selects holds the task token.
func (p path) mentionsTaskToken() bool {
	return p.context && (p.isRoot() || p.startsWith("Task"))
}

// contextTime writes a time as the context object has it.
func contextTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// contextObject is what $$ selects from during a visit of a state.
func (v *visit) contextObject() any {
	execution := v.run.execution
	object := map[string]any{
		"Execution": map[string]any{
			"Id":           execution.ID,
			"Input":        v.run.input,
			"Name":         execution.Name,
			"RedriveCount": integerValue(int64(execution.RedriveCount)),
			"RoleArn":      execution.RoleARN,
			"StartTime":    contextTime(execution.StartTime),
		},
		"State": map[string]any{
			"EnteredTime": contextTime(v.enteredAt),
			"Name":        v.state.name,
			"RetryCount":  integerValue(int64(v.retries)),
		},
		"StateMachine": map[string]any{
			"Id":   execution.MachineID,
			"Name": execution.MachineName,
		},
	}
	if v.token != "" {
		object["Task"] = map[string]any{"Token": v.token}
	}
	return object
}
