package asl

import (
	"context"
	"encoding/json"
	"io"
	"testing"
)

// BenchmarkTransitions measures an execution of short states; see the metric transitions/s.
func BenchmarkTransitions(b *testing.B) {
	definition := machine(`"Set": {"Type": "Pass", "Parameters": {"n.$": "$.n", "text.$": "States.Format('{}', $.n)"}, "ResultPath": "$.set", "Next": "Choose"}`,
		`"Choose": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "Done"}], "Default": "Work"}`,
		task("Work", `"ResultSelector": {"ok.$": "$.Payload"}, "ResultPath": "$.work", "Next": "Done"`),
		`"Done": {"Type": "Succeed"}`)
	const transitions = 4
	r := newRig(b)
	m := mustParse(b, definition)
	engine := r.engine()
	engine.Functions, engine.Observe = rawFunctions(`true`), func(event Event) {
		_ = json.NewEncoder(io.Discard).Encode(event)
	}
	input := json.RawMessage(`{"n": 1, "deploymentId": "orders-prod-20261122T140203Z-0a1b2c3d", "limits": {"queueSeconds": 3600, "approvalSeconds": 86400}}`)
	b.ReportAllocs()
	for b.Loop() {
		result, err := engine.Run(context.Background(), m, Execution{Input: input})
		if err != nil || result.Status != StatusSucceeded {
			b.Fatal(result, err)
		}
	}
	b.ReportMetric(float64(b.N)*transitions/b.Elapsed().Seconds(), "transitions/s")
}

// BenchmarkParse measures loading a definition of the size of the deployment flow's.
func BenchmarkParse(b *testing.B) {
	states := []string{`"S0": {"Type": "Pass", "Next": "S1"}`}
	for i := 1; i < 40; i++ {
		next := end
		if i < 39 {
			next = `"Next": "S` + itoa(i+1) + `"`
		}
		states = append(states, task("S"+itoa(i), next+`, "Retry": [{"ErrorEquals": ["A", "B"]}, {"ErrorEquals": ["States.ALL"]}], "ResultPath": "$.r`+itoa(i)+`"`))
	}
	definition := []byte(machine(states...))
	b.SetBytes(int64(len(definition)))
	for b.Loop() {
		if _, err := Parse(definition); err != nil {
			b.Fatal(err)
		}
	}
}

func itoa(i int) string { return string(encodeValue(integerValue(int64(i)))) }
