package asl

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMachineDescribesItself(t *testing.T) {
	m := mustParse(t, `{
  "Comment": "A machine.", "StartAt": "Work", "TimeoutSeconds": 3600,
  "States": {
    "Work": {
      "Type": "Task", "Comment": "Works.", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
      "Parameters": {"FunctionName": "worker", "Payload": {"token.$": "$$.Task.Token"}},
      "TimeoutSecondsPath": "$.limit",
      "Retry": [{"ErrorEquals": ["A"]}, {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 0, "BackoffRate": 1.5, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}],
      "Catch": [{"ErrorEquals": ["B", "C"], "ResultPath": "$.fault", "Next": "Bad"}, {"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Bad"}],
      "Next": "Decide"
    },
    "Decide": {"Type": "Choice", "Choices": [
        {"And": [{"Variable": "$.n", "IsPresent": true}, {"Not": {"Variable": "$.n", "NumericGreaterThanPath": "$.limit"}}], "Next": "Call"},
        {"Or": [{"Variable": "$.s", "StringEquals": "x"}, {"Variable": "$.s", "IsNull": true}], "Next": "Rest"}],
      "Default": "Bad"},
    "Rest": {"Type": "Wait", "Seconds": 1, "End": true},
    "Call": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName.$": "$.f", "Payload": 1}, "TimeoutSeconds": 7, "Next": "Good"},
    "Good": {"Type": "Succeed"},
    "Bad": {"Type": "Fail", "Error": "E", "CausePath": "$.c"}
  }
}`)
	if m.StartAt() != "Work" || m.Comment() != "A machine." || m.Timeout() != time.Hour {
		t.Errorf("machine %q %q %s", m.StartAt(), m.Comment(), m.Timeout())
	}
	want := []State{
		{
			Name: "Work", Type: Task, Comment: "Works.", Line: 4, Resource: ResourceInvokeCallback, TimeoutSecondsPath: "$.limit", FunctionName: "worker",
			Transitions: []Transition{
				{Kind: TransitionNext, To: "Decide"},
				{Kind: TransitionCatch, To: "Bad", ErrorEquals: []string{"B", "C"}},
				{Kind: TransitionCatch, To: "Bad", ErrorEquals: []string{"States.ALL"}},
			},
			Retry: []Retrier{
				{ErrorEquals: []string{"A"}, Interval: time.Second, MaxAttempts: 3, BackoffRate: 2, JitterStrategy: JitterNone},
				{ErrorEquals: []string{"States.ALL"}, Interval: 5 * time.Second, BackoffRate: 1.5, MaxDelay: time.Minute, JitterStrategy: JitterFull},
			},
			Catch: []Catcher{{ErrorEquals: []string{"B", "C"}, Next: "Bad", ResultPath: "$.fault"}, {ErrorEquals: []string{"States.ALL"}, Next: "Bad", ResultPath: "null"}},
		},
		{
			Name: "Decide", Type: Choice, Line: 12,
			Transitions: []Transition{
				{Kind: TransitionChoice, To: "Call", Condition: "($.n IsPresent true and not $.n NumericGreaterThanPath $.limit)"},
				{Kind: TransitionChoice, To: "Rest", Condition: `($.s StringEquals "x" or $.s IsNull true)`},
				{Kind: TransitionDefault, To: "Bad"},
			},
		},
		{Name: "Rest", Type: Wait, Line: 16, End: true},
		{Name: "Call", Type: Task, Line: 17, Resource: ResourceInvoke, TimeoutSeconds: 7, Transitions: []Transition{{Kind: TransitionNext, To: "Good"}}, Retry: []Retrier{}, Catch: []Catcher{}},
		{Name: "Good", Type: Succeed, Line: 18, End: true},
		{Name: "Bad", Type: Fail, Line: 19, End: true, Error: "E"},
	}
	if diff := cmp.Diff(want, m.States()); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if one, ok := m.State("Rest"); !ok || one.Name != "Rest" {
		t.Errorf("state %+v, %v", one, ok)
	}
	if _, ok := m.State("Nowhere"); ok {
		t.Error("a state that does not exist is found")
	}
}

// What a caller does to a description changes nothing.
func TestDescriptionsAreCopies(t *testing.T) {
	m := mustParse(t, machine(task("F", end+`, "Retry": [{"ErrorEquals": ["A"]}], "Catch": [{"ErrorEquals": ["B"], "Next": "Other"}]`), other))
	before := m.States()
	described := m.States()
	described[0].Retry[0].ErrorEquals[0] = "changed"
	described[0].Catch[0].ErrorEquals[0] = "changed"
	described[0].Transitions[0].To = "changed"
	if diff := cmp.Diff(before, m.States()); diff != "" {
		t.Errorf("the machine changed (-before +after):\n%s", diff)
	}
}
