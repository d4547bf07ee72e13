package asl

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
)

// What InputPath, Parameters, ResultSelector, ResultPath and OutputPath make of a state's data.
func TestPassData(t *testing.T) {
	for name, c := range map[string]struct{ fields, input, want string }{
		"nothing":                      {``, `{"a": 1}`, `{"a": 1}`},
		"not even an object":           {``, `[1, "x", null]`, `[1, "x", null]`},
		"result":                       {`"Result": {"x.$": "$.a"}`, `{"a": 1}`, `{"x.$": "$.a"}`},
		"result of everything":         {`"Result": {"a": [1, {"b": null}, "x", true]}`, `{}`, `{"a": [1, {"b": null}, "x", true]}`},
		"result null":                  {`"Result": null`, `{"a": 1}`, `null`},
		"result path":                  {`"Result": 2, "ResultPath": "$.b.c"`, `{"a": 1}`, `{"a": 1, "b": {"c": 2}}`},
		"result path null":             {`"Result": 2, "ResultPath": null`, `{"a": 1}`, `{"a": 1}`},
		"result path overwrites":       {`"Result": 2, "ResultPath": "$.a"`, `{"a": {"b": 1}}`, `{"a": 2}`},
		"result path into an array":    {`"Result": 2, "ResultPath": "$.a[1]"`, `{"a": [0, 1]}`, `{"a": [0, 2]}`},
		"input path":                   {`"InputPath": "$.a"`, `{"a": {"b": 1}}`, `{"b": 1}`},
		"input path null":              {`"InputPath": null`, `{"a": 1}`, `{}`},
		"input path of the context":    {`"InputPath": "$$.Execution.Input.a"`, `{"a": 1}`, `1`},
		"input path, result path":      {`"InputPath": "$.a", "ResultPath": "$.c"`, `{"a": 1}`, `{"a": 1, "c": 1}`}, // into the raw input
		"input path, result discarded": {`"InputPath": "$.a", "Result": 5, "ResultPath": null`, `{"a": 1}`, `{"a": 1}`},
		"output path":                  {`"OutputPath": "$.a"`, `{"a": {"b": 1}}`, `{"b": 1}`},
		"output path null":             {`"OutputPath": null`, `{"a": 1}`, `{}`},
		"output path of the context":   {`"OutputPath": "$$.State.Name"`, `{}`, `"S"`},
		"output path after the result": {`"Result": {"c": 3}, "ResultPath": "$.b", "OutputPath": "$.b.c"`, `{"a": 1}`, `3`},
		"null is found":                {`"OutputPath": "$.a"`, `{"a": null}`, `null`},
		"parameters":                   {`"Parameters": {"x.$": "$.a", "y": "$.a", "z": [{"deep.$": "$.b[0]"}, 1]}`, `{"a": 1, "b": [2]}`, `{"x": 1, "y": "$.a", "z": [{"deep": 2}, 1]}`},
		"parameters, input path":       {`"InputPath": "$.a", "Parameters": {"x.$": "$"}`, `{"a": 1}`, `{"x": 1}`},
		"parameters, result":           {`"Parameters": {"x.$": "$.a"}, "Result": 9, "ResultPath": "$.r"`, `{"a": 1}`, `{"a": 1, "r": 9}`},
		"parameters, result path":      {`"Parameters": {"x.$": "$.a"}, "ResultPath": "$.r"`, `{"a": 1}`, `{"a": 1, "r": {"x": 1}}`},
		"parameters with a function":   {`"Parameters": {"x.$": "States.Format('{}-{}', $.a, $$.Execution.Name)"}`, `{"a": 1}`, `{"x": "1-run-1"}`},
		"field named by the suffix":    {`"Parameters": {".$": "$.a"}`, `{"a": 1}`, `{"": 1}`},
		"field that ends in a dollar":  {`"Parameters": {"a$": "$.a"}`, `{"a": 1}`, `{"a$": "$.a"}`},
		"large number":                 {`"OutputPath": "$.n"`, `{"n": 12345678901234567890.10}`, `12345678901234567890.10`},
	} {
		t.Run(name, func(t *testing.T) {
			fields := `"Type": "Pass", "End": true`
			if c.fields != "" {
				fields += ", " + c.fields
			}
			wantResult(t, newRig(t).run(one(fields), c.input), StatusSucceeded, c.want)
		})
	}
}

func TestInputPathAndOutputPathOfEveryOtherType(t *testing.T) {
	for _, state := range []string{`"Type": "Succeed"`, `"Type": "Wait", "Seconds": 0, "End": true`} {
		wantResult(t, newRig(t).run(one(state+`, "InputPath": "$.a", "OutputPath": "$.b"`), `{"a": {"b": 1}}`), StatusSucceeded, `1`)
		wantResult(t, newRig(t).run(one(state+`, "InputPath": null`), `{"a": {"b": 1}}`), StatusSucceeded, `{}`)
	}
}

func TestTaskData(t *testing.T) {
	const echo = `"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true`
	for name, c := range map[string]struct{ fields, input, payload, want string }{
		"everything": {
			`"Parameters": {"FunctionName": "echo", "Payload.$": "$"}, "OutputPath": "$.Payload"`, `{"a": 1}`, `{"a": 1}`, `{"a": 1}`,
		},
		"computed name": {
			`"Parameters": {"FunctionName.$": "$.f", "Payload": {"x.$": "$.a"}}, "ResultSelector": {"y.$": "$.Payload.x", "s.$": "$.StatusCode"}`,
			`{"f": "echo", "a": 1}`, `{"x": 1}`, `{"y": 1, "s": 200}`,
		},
		"whole way": {
			`"InputPath": "$.in", "Parameters": {"FunctionName": "echo", "Payload": {"x.$": "$.a"}}, "ResultSelector": {"y.$": "$.Payload.x"},
				"ResultPath": "$.out.r", "OutputPath": "$.out"`,
			`{"in": {"a": 1}, "out": {"kept": true}}`, `{"x": 1}`, `{"kept": true, "r": {"y": 1}}`,
		},
		"result discarded": {
			`"Parameters": {"FunctionName": "echo", "Payload": null}, "ResultPath": null`, `{"a": 1}`, `null`, `{"a": 1}`,
		},
		"selector with the context": {
			`"Parameters": {"FunctionName": "echo", "Payload": 5}, "ResultSelector": {"n.$": "$$.State.Name", "c": 1}`, `{}`, `5`, `{"n": "S", "c": 1}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.functions["echo"] = func(_ context.Context, payload any) (any, error) {
				if !sameJSON(encodeValue(payload), c.payload) {
					t.Errorf("payload %s, want %s", encodeValue(payload), c.payload)
				}
				return json.RawMessage(encodeValue(payload)), nil
			}
			wantResult(t, r.run(one(echo+", "+c.fields), c.input), StatusSucceeded, c.want)
		})
	}
}

func TestContextObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(1500 * time.Microsecond) // synctest's time begins at 2000-01-01
		r := newRig(t)
		tries := 0
		r.functions["look"] = func(_ context.Context, payload any) (any, error) {
			if tries++; tries == 1 {
				return nil, &FunctionError{Name: "Again"}
			}
			return payload, nil
		}
		definition := machine(`"W": {"Type": "Wait", "Seconds": 2, "Next": "Look"}`,
			`"Look": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true, "OutputPath": "$.Payload", "Retry": [{"ErrorEquals": ["Again"]}],
				"Parameters": {"FunctionName": "look", "Payload.$": "$$"}}`)
		wantResult(t, r.run(definition, `{"a": 1}`), StatusSucceeded, `{
			"Execution": {"Id": "arn:aws:states:eu-west-1:123456789012:execution:machine:run-1", "Input": {"a": 1}, "Name": "run-1", "RedriveCount": 0,
				"RoleArn": "arn:aws:iam::123456789012:role/machine", "StartTime": "2000-01-01T00:00:00.001Z"},
			"State": {"EnteredTime": "2000-01-01T00:00:02.001Z", "Name": "Look", "RetryCount": 1},
			"StateMachine": {"Id": "arn:aws:states:eu-west-1:123456789012:stateMachine:machine", "Name": "machine"}}`)
	})
}

func TestContextObjectHasTheTokenOfACallback(t *testing.T) {
	r := newRig(t)
	r.functions["ask"] = func(_ context.Context, payload any) (any, error) {
		task := payload.(map[string]any)["Task"].(map[string]any)
		return nil, r.tokens.answer(task["Token"].(string), `"done"`)
	}
	definition := one(`"Type": "Task", "Resource": "` + ResourceInvokeCallback + `", "End": true, "Parameters": {"FunctionName": "ask", "Payload.$": "$$"}`)
	wantResult(t, r.run(definition, `{}`), StatusSucceeded, `"done"`)
}

func TestFailStates(t *testing.T) {
	for name, c := range map[string]struct{ fields, input, name, cause string }{
		"nothing":            {``, `{}`, "", ""},
		"constants":          {`, "Error": "E", "Cause": "because"`, `{}`, "E", "because"},
		"paths":              {`, "ErrorPath": "$.e", "CausePath": "$.c.d"`, `{"e": "E", "c": {"d": "because"}}`, "E", "because"},
		"functions":          {`, "ErrorPath": "States.Format('E{}', $.n)", "CausePath": "States.JsonToString($)"`, `{"n": 1}`, "E1", `{"n":1}`},
		"context":            {`, "Error": "E", "CausePath": "$$.Execution.Name"`, `{}`, "E", "run-1"},
		"path finds nothing": {`, "ErrorPath": "$.e"`, `{}`, ErrorRuntime, "An error occurred while executing the state 'S' (entered at the event id #2). The JSONPath '$.e' specified for the field 'ErrorPath' could not be found in the input '{}'"},
		"path to a number":   {`, "CausePath": "$.c"`, `{"c": 1}`, ErrorRuntime, "An error occurred while executing the state 'S' (entered at the event id #2). The CausePath parameter does not reference a string: 1"},
		"function refuses":   {`, "CausePath": "States.Format($.c)"`, `{"c": 1}`, ErrorIntrinsicFailure, "An error occurred while executing the state 'S' (entered at the event id #2). The function 'States.Format($.c)' had the following error: the first argument must be a string"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			result := r.run(one(`"Type": "Fail"`+c.fields), c.input)
			if result.Status != StatusFailed || result.Error != c.name || result.Cause != c.cause {
				t.Errorf("result %+v, want error %q, cause %q", result, c.name, c.cause)
			}
			wantList(t, "events", r.types(), "ExecutionStarted", "FailStateEntered", "ExecutionFailed")
		})
	}
}

func TestWaits(t *testing.T) {
	for name, c := range map[string]struct {
		fields, input string
		want          time.Duration
	}{
		"seconds":           {`"Seconds": 90`, `{}`, 90 * time.Second},
		"no seconds":        {`"Seconds": 0`, `{}`, 0},
		"seconds path":      {`"SecondsPath": "$.in.s"`, `{"in": {"s": 30}}`, 30 * time.Second},
		"seconds path zero": {`"SecondsPath": "$.s"`, `{"s": 0}`, 0},
		"timestamp":         {`"Timestamp": "2000-01-02T00:00:00Z"`, `{}`, 24 * time.Hour},
		"timestamp is over": {`"Timestamp": "1999-12-31T23:59:59Z"`, `{}`, 0},
		"timestamp path":    {`"TimestampPath": "$.t"`, `{"t": "2000-01-01T02:00:01.500+01:00"}`, time.Hour + 1500*time.Millisecond},
		"effective input":   {`"InputPath": "$.in", "SecondsPath": "$.s"`, `{"in": {"s": 7}}`, 7 * time.Second},
		"context":           {`"SecondsPath": "$$.Execution.Input.s"`, `{"s": 8}`, 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				r := newRig(t)
				wantResult(t, r.run(one(`"Type": "Wait", "End": true, `+c.fields), c.input), StatusSucceeded, "")
				if waited := time.Since(start); waited != c.want {
					t.Errorf("waited %s, want %s", waited, c.want)
				}
				wantList(t, "events", r.types(), "ExecutionStarted", "WaitStateEntered", "WaitStateExited", "ExecutionSucceeded")
			})
		})
	}
}

// The causes are AWS's.
func TestWaitPathsThatDoNotFit(t *testing.T) {
	const at = "An error occurred while executing the state 'S' (entered at the event id #2). "
	for _, c := range []struct{ fields, input, cause string }{
		{`"SecondsPath": "$.s"`, `{}`, "The SecondsPath parameter does not reference an input value: $.s"},
		{`"SecondsPath": "$.s"`, `{"s": "x"}`, "The SecondsPath parameter cannot be parsed as a long value: $.s == x"},
		{`"SecondsPath": "$.s"`, `{"s": 1.5}`, "The SecondsPath parameter cannot be parsed as a long value: $.s == 1.5"},
		{`"SecondsPath": "$.s"`, `{"s": -1}`, "The SecondsPath parameter references a negative value: $.s == -1"},
		{`"SecondsPath": "$.s"`, `{"s": 100000000}`, "The SecondsPath parameter references a value above 99999999: $.s == 100000000"},
		{`"TimestampPath": "$.t"`, `{}`, "The TimestampPath parameter does not reference an input value: $.t"},
		{`"TimestampPath": "$.t"`, `{"t": "2016-12-05 21:29:29Z"}`, "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.t == 2016-12-05 21:29:29Z"},
		{`"TimestampPath": "$.t"`, `{"t": 5}`, "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.t == 5"},
	} {
		r := newRig(t)
		result := r.run(one(`"Type": "Wait", "End": true, `+c.fields), c.input)
		if result.Status != StatusFailed || result.Error != ErrorRuntime || result.Cause != at+c.cause {
			t.Errorf("%s on %s: %+v, want cause %q", c.fields, c.input, result, at+c.cause)
		}
		wantList(t, "events", r.types(), "ExecutionStarted", "WaitStateEntered", "ExecutionFailed")
	}
}
