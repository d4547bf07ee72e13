package asl

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// failing fails with the names given, then succeeds. It notes when it was called, in seconds since its making.
type failing struct {
	names []string
	began time.Time
	calls []float64
}

func newFailing(names ...string) *failing { return &failing{names: names, began: time.Now()} }

func (f *failing) call(context.Context, any) (any, error) {
	f.calls = append(f.calls, time.Since(f.began).Seconds())
	if at := len(f.calls) - 1; at < len(f.names) {
		return nil, &FunctionError{Name: f.names[at], Cause: fmt.Sprintf("call %d", at+1)}
	}
	return "ok", nil
}

// The example of the States Language and of the Developer Guide, "Complex Retry Scenarios".
func TestEachRetrierCountsOnItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		f := newFailing("ErrorA", "ErrorB", "ErrorC", "ErrorB", "ErrorB")
		r.functions["x"] = f.call
		result := r.run(machine(
			task("X", `"Next": "Y", "Retry": [{"ErrorEquals": ["ErrorA", "ErrorB"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 2},
				{"ErrorEquals": ["ErrorC"], "IntervalSeconds": 5}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}]`),
			`"Y": {"Type": "Succeed"}`, `"Z": {"Type": "Succeed"}`), `{}`)
		// Two tries of the first retrier (1 s and 2 s) around one of the second (5 s); the fourth failure is the third of
		// the first retrier, which has two attempts.
		if diff := cmp.Diff([]float64{0, 1, 3, 8}, f.calls); diff != "" {
			t.Errorf("calls at (-want +got):\n%s", diff)
		}
		wantList(t, "path", r.path(), "X", "Z")
		wantResult(t, result, StatusSucceeded, `{"Error": "ErrorB", "Cause": "call 4"}`)
	})
}

func TestRetryDelays(t *testing.T) {
	for name, c := range map[string]struct {
		retrier string
		calls   []float64
	}{
		"defaults":      {``, []float64{0, 1, 3, 7}},
		"interval":      {`, "IntervalSeconds": 10`, []float64{0, 10, 30, 70}},
		"backoff":       {`, "BackoffRate": 1.5, "MaxAttempts": 4`, []float64{0, 1, 2.5, 4.75, 8.125}},
		"no backoff":    {`, "BackoffRate": 1, "MaxAttempts": 3`, []float64{0, 1, 2, 3}},
		"longest":       {`, "IntervalSeconds": 3, "MaxDelaySeconds": 5, "MaxAttempts": 4`, []float64{0, 3, 8, 13, 18}},
		"longest first": {`, "IntervalSeconds": 9, "MaxDelaySeconds": 5, "MaxAttempts": 1`, []float64{0, 5}},
		"none":          {`, "MaxAttempts": 0`, []float64{0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				f := newFailing("E", "E", "E", "E", "E", "E")
				r.functions["x"] = f.call
				wantFailure(t, r.run(machine(task("X", end+`, "Retry": [{"ErrorEquals": ["E"]`+c.retrier+`}]`)), `{}`), "E", fmt.Sprintf("call %d", len(c.calls)))
				if diff := cmp.Diff(c.calls, f.calls); diff != "" {
					t.Errorf("calls at (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRetryThatSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.functions["x"] = newFailing("E").call
		wantResult(t, r.run(machine(task("X", end+`, "OutputPath": "$.Payload", "Retry": [{"ErrorEquals": ["States.ALL"]}]`)), `{}`), StatusSucceeded, `"ok"`)
		wantList(t, "events", r.types(), "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed",
			"TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded")
	})
}

// The first retrier that names an error decides, even when it is exhausted and a later one would still retry.
func TestExhaustedRetrierIsNotFollowedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		f := newFailing("E", "E", "E")
		r.functions["x"] = f.call
		wantFailure(t, r.run(machine(task("X", end+`, "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}, {"ErrorEquals": ["States.ALL"]}]`)), `{}`), "E", "call 2")
	})
}

func TestRetriesBeginAnewAtEveryVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		f := newFailing("E", "E", "E") // two failures in the first visit, one in the second
		r.functions["x"] = f.call
		var counts []any
		r.functions["note"] = func(_ context.Context, payload any) (any, error) {
			counts = append(counts, payload)
			return nil, nil
		}
		definition := machine(
			task("X", end+`, "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}], "Catch": [{"ErrorEquals": ["E"], "Next": "Note"}]`),
			`"Note": {"Type": "Task", "Resource": "`+ResourceInvoke+`", "Next": "X", "Parameters": {"FunctionName": "note", "Payload.$": "$$.State.RetryCount"}}`)
		wantResult(t, r.run(definition, `{}`), StatusSucceeded, "")
		wantList(t, "path", r.path(), "X", "Note", "X")
		if diff := cmp.Diff([]any{integerValue(0)}, counts); diff != "" {
			t.Errorf("retry counts of another state: %s", diff)
		}
	})
}

func TestCatchersAreAskedInOrder(t *testing.T) {
	definition := machine(
		task("X", end+`, "Catch": [{"ErrorEquals": ["A", "B"], "ResultPath": "$.fault", "Next": "AB"}, {"ErrorEquals": ["B", "C"], "ResultPath": null, "Next": "BC"},
			{"ErrorEquals": ["States.ALL"], "Next": "All"}]`),
		`"AB": {"Type": "Succeed"}`, `"BC": {"Type": "Succeed"}`, `"All": {"Type": "Succeed"}`)
	for name, want := range map[string]struct{ state, output string }{
		"A": {"AB", `{"in": 1, "fault": {"Error": "A", "Cause": "call 1"}}`},
		"B": {"AB", `{"in": 1, "fault": {"Error": "B", "Cause": "call 1"}}`},
		"C": {"BC", `{"in": 1}`},
		"D": {"All", `{"Error": "D", "Cause": "call 1"}`},
	} {
		r := newRig(t)
		r.functions["x"] = newFailing(name).call
		wantResult(t, r.run(definition, `{"in": 1}`), StatusSucceeded, want.output)
		wantList(t, "path", r.path(), "X", want.state)
	}
}

// A catcher combines the error with the raw input, and OutputPath does not touch what it makes.
func TestCatcherKeepsTheRawInput(t *testing.T) {
	r := newRig(t)
	r.functions["f"] = newFailing("E").call
	definition := machine(`"S": {`+minimal[Task]+`, "InputPath": "$.in", "OutputPath": "$.Payload", "Catch": [{"ErrorEquals": ["E"], "ResultPath": "$.fault", "Next": "Other"}]}`, other)
	wantResult(t, r.run(definition, `{"in": {}, "kept": 1}`), StatusSucceeded, `{"in": {}, "kept": 1, "fault": {"Error": "E", "Cause": "call 1"}}`)
}

func TestCatcherWhoseResultPathDoesNotFit(t *testing.T) {
	r := newRig(t)
	r.functions["x"] = newFailing("E").call
	result := r.run(machine(task("X", end+`, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.fault", "Next": "Other"}]`), other), `"text"`)
	wantFailure(t, result, ErrorResultPathMatchFailure, `Unable to apply ReferencePath $.fault to input "text"`)
}

func TestDelaysStayInTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := retrier{
			interval:    time.Duration(rapid.IntRange(1, maxSeconds).Draw(t, "interval")) * time.Second,
			backoffRate: rapid.Float64Range(1, 1e9).Draw(t, "rate"),
			maxDelay:    time.Duration(rapid.IntRange(0, maxSeconds).Draw(t, "longest")) * time.Second,
			jitter:      JitterNone,
		}
		attempt := rapid.IntRange(1, 1000).Draw(t, "attempt")
		random := fixedFloat(rapid.Float64Range(0, 0.999999).Draw(t, "random"))
		plain := r.delay(attempt, random)
		if plain < 0 || plain > maxDelay || r.maxDelay > 0 && plain > r.maxDelay {
			t.Fatalf("delay %s is out of its bounds", plain)
		}
		if next := r.delay(attempt+1, random); next < plain {
			t.Fatalf("delay shrinks from %s to %s", plain, next)
		}
		r.jitter = JitterFull
		jittered := r.delay(attempt, random)
		if jittered < 0 || jittered > plain {
			t.Fatalf("jitter makes %s of %s", jittered, plain)
		}
		if got, want := float64(jittered), float64(plain)*float64(random); got < want-2 || got > want+2 {
			t.Fatalf("jitter makes %v of %v with %v", jittered, plain, random)
		}
	})
}

// fixedFloat is randomness that always draws the same number.
type fixedFloat float64

func (f fixedFloat) Float64() float64         { return float64(f) }
func (fixedFloat) Read(p []byte) (int, error) { return len(p), nil }

func TestJitterSpreadsOverTheWholeDelay(t *testing.T) {
	random := fixedRandom()
	r := retrier{interval: 10 * time.Second, backoffRate: 1, jitter: JitterFull}
	var below, above int
	for range 1000 {
		switch delay := r.delay(1, random); {
		case delay < 0 || delay > 10*time.Second:
			t.Fatalf("delay %s", delay)
		case delay < time.Second:
			below++
		case delay > 9*time.Second:
			above++
		}
	}
	if below < 50 || above < 50 {
		t.Errorf("of 1000 delays up to 10 s %d are below 1 s and %d above 9 s", below, above)
	}
}
