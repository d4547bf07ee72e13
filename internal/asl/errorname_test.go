package asl

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Which name in ErrorEquals matches which error.
func TestMatchingOfErrorNames(t *testing.T) {
	errorsRaised := []string{
		"StackBusy", ErrorLambdaUnknown, "Lambda.ServiceException", ErrorTimeout, ErrorHeartbeatTimeout, ErrorPermissions,
		ErrorResultPathMatchFailure, ErrorParameterPathFailure, ErrorIntrinsicFailure, ErrorNoChoiceMatched, ErrorDataLimitExceeded, ErrorRuntime, "",
	}
	except := func(without ...string) []string {
		return slices.DeleteFunc(slices.Clone(errorsRaised), func(name string) bool { return slices.Contains(without, name) })
	}
	matches := map[string][]string{
		ErrorAll:                    except(ErrorRuntime, ErrorDataLimitExceeded),
		ErrorTaskFailed:             except(ErrorRuntime, ErrorDataLimitExceeded, ErrorTimeout, ErrorHeartbeatTimeout),
		ErrorTimeout:                {ErrorTimeout, ErrorHeartbeatTimeout},
		ErrorHeartbeatTimeout:       {ErrorHeartbeatTimeout},
		ErrorPermissions:            {ErrorPermissions},
		ErrorResultPathMatchFailure: {ErrorResultPathMatchFailure},
		ErrorParameterPathFailure:   {ErrorParameterPathFailure},
		ErrorIntrinsicFailure:       {ErrorIntrinsicFailure},
		ErrorNoChoiceMatched:        {ErrorNoChoiceMatched},
		ErrorDataLimitExceeded:      {ErrorDataLimitExceeded},
		"StackBusy":                 {"StackBusy"},
		"stackbusy":                 nil,
		"StackBus*":                 nil,
	}
	for pattern, want := range matches {
		for _, raised := range errorsRaised {
			if got := (errorNames{"Nothing", pattern}).match(raised); got != slices.Contains(want, raised) {
				t.Errorf("%q matches %q: %v", pattern, raised, got)
			}
		}
	}
	for _, name := range matchableNames() {
		if _, tested := matches[name]; !tested {
			t.Errorf("%s is not tested", name)
		}
	}
}

// raising is a definition whose task raises a predefined error, with handlers of its own.
type raising struct {
	fields   string // of the task, beside Type and End
	input    string
	function function
	cause    string
}

func lambdaTask(more string) string {
	return `"Resource": "` + ResourceInvoke + `", "Parameters": {"FunctionName": "f", "Payload.$": "$"}` + more
}

// raisers has one way to raise each predefined error that this interpreter raises in a task.
func raisers() map[string]raising {
	succeed := func(context.Context, any) (any, error) { return "ok", nil }
	return map[string]raising{
		ErrorTimeout: {
			fields: lambdaTask(`, "TimeoutSeconds": 5`), input: `{}`,
			function: func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() },
		},
		ErrorResultPathMatchFailure: {
			fields: lambdaTask(`, "ResultPath": "$.a.b"`), input: `{"a": 1}`, function: succeed,
			cause: `Unable to apply ReferencePath $.a.b to input {"a":1}`,
		},
		ErrorIntrinsicFailure: {
			fields: `"Resource": "` + ResourceInvoke + `", "Parameters": {"FunctionName": "f", "Payload": {"x.$": "States.StringToJson($.a)"}}`,
			input:  `{"a": "no JSON"}`, function: succeed, cause: "The function 'States.StringToJson($.a)' had the following error: the string is not JSON",
		},
		ErrorDataLimitExceeded: {
			fields: lambdaTask(""), input: `{}`,
			function: func(context.Context, any) (any, error) { return strings.Repeat("x", maxDataBytes), nil },
			cause:    "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.",
		},
		ErrorRuntime: {
			fields: `"Resource": "` + ResourceInvoke + `", "Parameters": {"FunctionName": "f", "Payload": {"x.$": "$.gone"}}`, input: `{}`, function: succeed,
			cause: "The JSONPath '$.gone' specified for the field 'x.$' could not be found in the input '{}'",
		},
		ErrorLambdaUnknown: {
			fields: lambdaTask(""), input: `{}`,
			function: func(context.Context, any) (any, error) { return nil, fmt.Errorf("out of memory") }, cause: "out of memory",
		},
		"StackBusy": {
			fields: lambdaTask(""), input: `{}`,
			function: func(context.Context, any) (any, error) {
				return nil, fmt.Errorf("wrapped: %w", &FunctionError{Name: "StackBusy", Cause: "the stack moves"})
			}, cause: "the stack moves",
		},
	}
}

// runRaiser runs a raiser with a handler for the given names and returns how often the function or its parameters were
// tried.
func runRaiser(t *testing.T, c raising, handlers string) (Result, *rig) {
	r := newRig(t)
	r.functions["f"] = c.function
	definition := machine(`"S": {"Type": "Task", "End": true, `+c.fields+handlers+`}`, `"Caught": {"Type": "Pass", "End": true}`)
	if !strings.Contains(handlers, "Caught") { // reachable all the same
		definition = machine(`"Go": {"Type": "Choice", "Default": "S", "Choices": [{"Variable": "$.x.y.z", "IsPresent": true, "Next": "Caught"}]}`,
			`"S": {"Type": "Task", "End": true, `+c.fields+handlers+`}`, `"Caught": {"Type": "Pass", "End": true}`)
	}
	return r.run(definition, c.input), r
}

// A test for each predefined error: what it is when nobody handles it, and which names catch it.
func TestEveryErrorFailsTheExecutionWhenNobodyHandlesIt(t *testing.T) {
	for name, c := range raisers() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				result, _ := runRaiser(t, c, "")
				wantFailure(t, result, name, c.cause)
				if c.cause == "" && result.Cause != "" {
					t.Errorf("cause %q, want none", result.Cause)
				}
			})
		})
	}
}

func TestEveryErrorIsCaughtByTheNamesThatMatchIt(t *testing.T) {
	for name, c := range raisers() {
		for _, pattern := range append(matchableNames(), "StackBusy", ErrorLambdaUnknown) {
			t.Run(name+" by "+pattern, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					result, r := runRaiser(t, c, fmt.Sprintf(`, "Catch": [{"ErrorEquals": [%q], "Next": "Caught"}]`, pattern))
					if !matchesName(pattern, name) {
						wantFailure(t, result, name, c.cause)
						return
					}
					wantList(t, "path", r.path(), "S", "Caught")
					wantResult(t, result, StatusSucceeded, "")
					output := mustValue(t, string(result.Output)).(map[string]any)
					if output["Error"] != name || !strings.Contains(output["Cause"].(string), c.cause) || len(output) != 2 {
						t.Errorf("error output %s", result.Output)
					}
				})
			})
		}
	}
}

func TestEveryErrorIsRetriedByTheNamesThatMatchIt(t *testing.T) {
	for name, c := range raisers() {
		for _, pattern := range append(matchableNames(), "StackBusy", ErrorLambdaUnknown) {
			t.Run(name+" by "+pattern, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					result, _ := runRaiser(t, c, fmt.Sprintf(`, "Retry": [{"ErrorEquals": [%q], "IntervalSeconds": 100, "MaxAttempts": 1}]`, pattern))
					wantFailure(t, result, name, c.cause)
					if retried := time.Since(start) >= 100*time.Second; retried != matchesName(pattern, name) {
						t.Errorf("retried: %v", retried)
					}
				})
			})
		}
	}
}

func TestNoChoiceMatched(t *testing.T) {
	r := newRig(t)
	result := r.run(machine(`"C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "Other"}]}`, other), `{"a": 2}`)
	wantFailure(t, result, ErrorNoChoiceMatched, "(entered at the event id #2). Failed to transition out of the state. The state does not point to a next state.")
	wantList(t, "events", r.types(), "ExecutionStarted", "ChoiceStateEntered", "ExecutionFailed")
}

// Every path that finds nothing is States.Runtime, in every field.
func TestPathsThatFindNothing(t *testing.T) {
	const invalid = "Invalid path '$.gone.x[1]' : No results for path: $['gone']['x'][1]"
	for name, c := range map[string]struct{ state, cause string }{
		"InputPath":          {minimal[Pass] + `, "InputPath": "$.gone.x[1]"`, invalid},
		"OutputPath":         {minimal[Pass] + `, "OutputPath": "$.gone.x[1]"`, invalid},
		"Succeed":            {minimal[Succeed] + `, "InputPath": "$.gone.x[1]"`, invalid},
		"Wait":               {minimal[Wait] + `, "OutputPath": "$.gone.x[1]"`, invalid},
		"Choice":             {minimal[Choice] + `, "InputPath": "$.gone.x[1]"`, invalid},
		"Wait input":         {minimal[Wait] + `, "InputPath": "$.gone.x[1]"`, invalid},
		"array":              {minimal[Pass] + `, "Parameters": {"a": [1, {"b.$": "$.gone"}]}`, `The JSONPath '$.gone' specified for the field 'b.$' could not be found`},
		"Task input":         {minimal[Task] + `, "InputPath": "$.gone.x[1]"`, invalid},
		"Task output":        {minimal[Task] + `, "OutputPath": "$.gone.x[1]"`, invalid},
		"TimeoutSecondsPath": {minimal[Task] + `, "TimeoutSecondsPath": "$.gone.x[1]"`, invalid},
		"Parameters":         {minimal[Pass] + `, "Parameters": {"a": {"b.$": "$.gone"}}`, `The JSONPath '$.gone' specified for the field 'b.$' could not be found in the input '{"a":1,"here":1}'`},
		"context":            {minimal[Pass] + `, "Parameters": {"b.$": "$$.Execution.Input.gone"}`, `The JSONPath '$$.Execution.Input.gone' specified for the field 'b.$' could not be found in the input '{"Execution":{`},
		"ResultSelector":     {minimal[Task] + `, "ResultSelector": {"a.$": "$.Gone"}`, `The JSONPath '$.Gone' specified for the field 'a.$' could not be found in the input '{"ExecutedVersion":`},
		"function":           {minimal[Pass] + `, "Parameters": {"a.$": "States.Array($.gone)"}`, `The function 'States.Array($.gone)' had the following error: The JsonPath argument for the field '$.gone' could not be found in the input '{"a":1,"here":1}'`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.functions["f"] = func(context.Context, any) (any, error) { return nil, nil }
			wantFailure(t, r.run(withOther(c.state), `{"here": 1, "a": 1}`), ErrorRuntime, "An error occurred while executing the state 'S' (entered at the event id #4). "+c.cause)
			if last := r.types()[len(r.types())-1]; last != "ExecutionFailed" {
				t.Errorf("last event %s", last)
			}
		})
	}
}

func TestFunctionNameThatIsNone(t *testing.T) {
	for _, name := range []string{`1`, `null`, `""`, `{}`} {
		r := newRig(t)
		definition := one(`"Type": "Task", "Resource": "` + ResourceInvoke + `", "End": true, "Parameters": {"FunctionName.$": "$.f", "Payload": {}}`)
		wantFailure(t, r.run(definition, `{"f": `+name+`}`), ErrorRuntime, "could not be used to start the Task: [The value of the field 'FunctionName' has an invalid format]")
		wantList(t, "events", r.types(), "ExecutionStarted", "TaskStateEntered", "ExecutionFailed")
	}
}

func TestTimeoutPathThatDoesNotFit(t *testing.T) {
	for _, seconds := range []string{`0`, `-1`, `1.5`, `"60"`, `null`, `100000000`} {
		r := newRig(t)
		wantFailure(t, r.run(one(minimal[Task]+`, "TimeoutSecondsPath": "$.s"`), `{"s": `+seconds+`}`), ErrorRuntime, "The TimeoutSecondsPath parameter must reference a whole number")
	}
}
