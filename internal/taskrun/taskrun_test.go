package taskrun_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/taskrun"
)

// ticking goes on by a second whenever it is read.
type ticking struct{ now time.Time }

func (c *ticking) Now() time.Time { c.now = c.now.Add(time.Second); return c.now }

// records is a store of records by their id.
type records map[deployment.ID]store.Record

func (r records) Record(_ context.Context, id deployment.ID) (store.Record, error) {
	if record, found := r[id]; found {
		return record, nil
	}
	return store.Record{}, store.ErrNotFound
}

// told keeps what a tracker is told.
type told []taskrun.Exception

func (t *told) Capture(_ context.Context, e taskrun.Exception) { *t = append(*t, e) }

type input struct {
	Word string `json:"word"`
}

const (
	id      = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	payload = `{"task": "Work", "deploymentId": "` + string(id) + `", "correlationId": "cor-1", "attempt": 2, "word": "hunter2"}`
)

// rig is a runner of one task, Work.
type rig struct {
	runner  *taskrun.Runner
	log     bytes.Buffer
	told    told
	records records
}

func newRig(t testing.TB, work func(context.Context, input) (any, error)) *rig {
	t.Helper()
	r := &rig{records: records{id: {Service: "orders", Environment: "prod", Target: deployment.Target{StackName: "shop-orders-prod"}}}}
	runner, err := taskrun.New(slog.New(slog.NewJSONHandler(&r.log, nil)), &ticking{}, r.records, &r.told, taskrun.Of("Work", work))
	if err != nil {
		t.Fatal(err)
	}
	r.runner = runner
	return r
}

func (r *rig) lines(t testing.TB) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for decoder := json.NewDecoder(&r.log); ; {
		var line map[string]any
		if err := decoder.Decode(&line); errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
}

func failing(err error) func(context.Context, input) (any, error) {
	return func(context.Context, input) (any, error) { return nil, err }
}

// onWire returns the error as the Lambda runtime would publish it.
func onWire(t testing.TB, err error) messages.InvokeResponse_Error {
	t.Helper()
	wire, ok := err.(messages.InvokeResponse_Error) //nolint:errorlint // the runtime looks at the outermost type only
	if !ok {
		t.Fatalf("%T leaves the task: the runtime would publish that as the error's name", err)
	}
	return wire
}

func TestTaskSucceeds(t *testing.T) {
	r := newRig(t, func(_ context.Context, in input) (any, error) { return map[string]string{"got": in.Word}, nil })
	result, err := r.runner.Handle(t.Context(), []byte(payload))
	if err != nil || string(result) != `{"got":"hunter2"}` {
		t.Fatalf("%s, %v", result, err)
	}
	if text := r.log.String(); strings.Contains(text, "hunter2") {
		t.Errorf("the payload stands in the log: %s", text)
	}
	lines := r.lines(t)
	if len(lines) != 2 || lines[0]["msg"] != "task started" || lines[1]["msg"] != "task ended" || lines[1]["outcome"] != "ok" {
		t.Fatalf("lines %v", lines)
	}
	for _, line := range lines {
		identified(t, line)
		if line["level"] != "INFO" {
			t.Errorf("level %v", line["level"])
		}
	}
	if lines[1]["durationSeconds"] != 1.0 {
		t.Errorf("duration %v", lines[1]["durationSeconds"])
	}
	if len(r.told) != 0 {
		t.Errorf("the tracker was told %v", r.told)
	}
}

func identified(t *testing.T, line map[string]any) {
	t.Helper()
	for key, want := range map[string]any{
		"correlationId": "cor-1", "deploymentId": string(id), "task": "Work", "attempt": float64(3),
		"service": "orders", "environment": "prod", "stack": "shop-orders-prod",
	} {
		if line[key] != want {
			t.Errorf("%s of line %v is %v, want %v", key, line["msg"], line[key], want)
		}
	}
}

// What an alarm watches comes from the very line that says what happened.
func TestUnexpectedFaultsAreMeasured(t *testing.T) {
	for _, fault := range deployment.Faults() {
		r := newRig(t, failing(deployment.Faultf(fault, "no luck")))
		r.runner.Measuring("plan")
		_, _ = r.runner.Handle(t.Context(), []byte(payload))
		end := r.lines(t)[1]
		measured := end["_aws"] != nil && end["UnexpectedFault"] == 1.0 && end["Function"] == "plan" && end["deploymentId"] == string(id)
		if measured == fault.Expected() || end["msg"] != "task ended" {
			t.Errorf("%s: %v", fault, end)
		}
	}
}

func TestTheTraceIsNamed(t *testing.T) {
	for header, want := range map[string]string{
		"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1": "1-5759e988-bd862e3fe1be46a994272793",
		"Sampled=0; Root=1-a-b": "1-a-b",
		"Parent=1":              "",
		"":                      "",
	} {
		r := newRig(t, func(context.Context, input) (any, error) { return "", nil })
		// The key is the runtime's (aws-lambda-go, lambda/invoke_loop.go).
		//lint:ignore SA1029 the runtime's key is a plain string, and this stands for it
		ctx := context.WithValue(t.Context(), "x-amzn-trace-id", header)
		if _, err := r.runner.Handle(ctx, []byte(payload)); err != nil {
			t.Fatal(err)
		}
		for _, line := range r.lines(t) {
			if line["traceId"] != want {
				t.Errorf("%s: trace %v of %q", line["msg"], line["traceId"], header)
			}
		}
	}
}

func TestEveryFaultKeepsItsNameOnTheWire(t *testing.T) {
	for _, fault := range deployment.Faults() {
		for depth, err := range []error{
			deployment.Faultf(fault, "it is so"),
			fmt.Errorf("step: %w", deployment.Faultf(fault, "it is so").Advise("look")),
			errors.Join(io.EOF, fmt.Errorf("step: %w", deployment.Faultf(fault, "it is so: %w", io.EOF))),
		} {
			r := newRig(t, failing(err))
			result, err := r.runner.Handle(t.Context(), []byte(payload))
			wire := onWire(t, err)
			if wire.Type != string(fault) || !strings.Contains(wire.Message, "it is so") || result != nil {
				t.Errorf("%s, %d deep: %s: %s, result %s", fault, depth, wire.Type, wire.Message, result)
			}
			lines := r.lines(t)
			end := lines[len(lines)-1]
			identified(t, end)
			level := map[bool]string{true: "INFO", false: "ERROR"}[fault.Expected()]
			if end["outcome"] != "fault" || end["fault"] != string(fault) || end["_aws"] != nil || end["level"] != level || end["unexpectedFault"] != !fault.Expected() || len(lines) != 2 {
				t.Errorf("%s: %v", fault, end)
			}
			if told := map[bool]int{true: 0, false: 1}[fault.Expected()]; len(r.told) != told {
				t.Errorf("%s: the tracker was told %d times, want %d", fault, len(r.told), told)
			}
		}
	}
}

func TestUnexpectedBecomesInternalErrorAndIsToldOnce(t *testing.T) {
	for name, c := range map[string]struct {
		work     func(context.Context, input) (any, error)
		message  string
		panicked bool
	}{
		"a plain error":   {failing(io.ErrUnexpectedEOF), "unexpected EOF", false},
		"a deadline":      {failing(fmt.Errorf("read: %w", context.DeadlineExceeded)), "the task ran out of time: read:", false},
		"no JSON":         {func(context.Context, input) (any, error) { return make(chan int), nil }, "encode the result of Work", false},
		"a panic":         {func(context.Context, input) (any, error) { panic("oh no") }, "task Work panicked: oh no", true},
		"an error thrown": {func(context.Context, input) (any, error) { panic(deployment.Faultf(deployment.StackBusy, "busy")) }, "panicked: busy", true},
		"an index": {func(_ context.Context, in input) (any, error) {
			return in.Word[len(in.Word)+1:], nil
		}, "out of range", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.work)
			_, err := r.runner.Handle(t.Context(), []byte(payload))
			if wire := onWire(t, err); wire.Type != string(deployment.InternalError) || !strings.Contains(wire.Message, c.message) {
				t.Errorf("%s: %s", wire.Type, wire.Message)
			}
			if len(r.told) != 1 {
				t.Fatalf("the tracker was told %v", r.told)
			}
			e := r.told[0]
			if e.Panicked != c.panicked || (e.Trace != "") != c.panicked || e.Err == nil {
				t.Errorf("told %+v", e)
			}
			e.Err, e.Trace, e.Panicked = nil, "", false
			if want := (taskrun.Exception{
				Task: "Work", DeploymentID: string(id), CorrelationID: "cor-1", Service: "orders", Environment: "prod",
				Stack: "shop-orders-prod", Attempt: 3,
			}); e != want {
				t.Errorf("told of %+v, want %+v", e, want)
			}
		})
	}
}

func TestADeadlineThatTheContextKeeps(t *testing.T) {
	r := newRig(t, func(ctx context.Context, _ input) (any, error) { <-ctx.Done(); return nil, ctx.Err() })
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	_, err := r.runner.Handle(ctx, []byte(payload))
	if wire := onWire(t, err); wire.Type != string(deployment.InternalError) || !strings.Contains(wire.Message, "ran out of time") {
		t.Errorf("%+v", wire)
	}
}

func TestWithoutTracker(t *testing.T) {
	runner, err := taskrun.New(slog.New(slog.DiscardHandler), &ticking{}, records{}, nil, taskrun.Of("Work", failing(io.EOF)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runner.Handle(t.Context(), []byte(payload)); onWire(t, err).Type != string(deployment.InternalError) {
		t.Error(err)
	}
}

func TestPayloadsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ payload, want string }{
		"nothing":            {"", "decode the payload"},
		"no JSON":            {"{", "decode the payload"},
		"no object":          {"[]", "decode the payload"},
		"null":               {"null", `no task ""`},
		"no task":            {"{}", `no task ""`},
		"unknown task":       {`{"task": "Rest"}`, `no task "Rest"`},
		"attempt in words":   {`{"task": "Work", "attempt": "two"}`, "decode the payload"},
		"input out of shape": {`{"task": "Work", "word": 7}`, "decode the payload of Work"},
	} {
		r := newRig(t, failing(nil))
		_, err := r.runner.Handle(t.Context(), []byte(c.payload))
		if wire := onWire(t, err); wire.Type != string(deployment.InvalidRequest) || !strings.Contains(wire.Message, c.want) {
			t.Errorf("%s: %+v", name, wire)
		}
		if len(r.told) != 0 {
			t.Errorf("%s: the tracker was told %v", name, r.told)
		}
	}
}

func TestMessagesAreBoundedAndWellFormed(t *testing.T) {
	for name, text := range map[string]string{
		"long": strings.Repeat("a", 10_000), "long runes": "x" + strings.Repeat("é", 10_000), "wide runes": "xy" + strings.Repeat("😀", 1000),
		"no UTF-8": strings.Repeat("a\xc3", 5000), "little of it": "a\xff\xfe", "just fits": strings.Repeat("a", 1024),
	} {
		r := newRig(t, failing(deployment.Faultf(deployment.ChangeSetFailed, "%s", text)))
		_, err := r.runner.Handle(t.Context(), []byte(payload))
		wire := onWire(t, err)
		if !utf8.ValidString(wire.Message) || len(wire.Message) > 1024+len(" …") || strings.Contains(wire.Message, "\uFFFD") == utf8.ValidString(text) {
			t.Errorf("%s: %d bytes, valid %t", name, len(wire.Message), utf8.ValidString(wire.Message))
		}
		if strings.HasSuffix(wire.Message, " …") != (len(text) > 1024) {
			t.Errorf("%s: %q", name, wire.Message)
		}
	}
}

func TestSubjectIsLookedUpAndMayComeLater(t *testing.T) {
	r := newRig(t, failing(nil))
	record := r.records[id]
	delete(r.records, id)
	runner, err := taskrun.New(slog.New(slog.NewJSONHandler(&r.log, nil)), &ticking{}, r.records, nil,
		taskrun.Of("Work", func(context.Context, input) (any, error) { r.records[id] = record; return nil, nil }))
	if err != nil {
		t.Fatal(err)
	}
	lying := strings.Replace(payload, `"word"`, `"service": "mine", "environment": "mine", "stack": "mine", "word"`, 1)
	if _, err := runner.Handle(t.Context(), []byte(lying)); err != nil {
		t.Fatal(err)
	}
	lines := r.lines(t)
	if _, told := lines[0]["service"]; told {
		t.Errorf("the start tells a service that no record has: %v", lines[0])
	}
	identified(t, lines[1])
}

func TestNewRefusesATaskTwice(t *testing.T) {
	_, err := taskrun.New(slog.New(slog.DiscardHandler), &ticking{}, records{}, nil, taskrun.Of("Work", failing(nil)), taskrun.Of("Work", failing(nil)))
	if err == nil || !strings.Contains(err.Error(), "Work is registered twice") {
		t.Error(err)
	}
	if got := taskrun.Of("Work", failing(nil)).Name(); got != "Work" {
		t.Errorf("name %q", got)
	}
}

func FuzzHandle(f *testing.F) {
	for _, seed := range []string{payload, "", "null", "{}", `{"task": "Work", "word": 1}`, `{"task": "\ud800"}`, `{"task": "Work", "attempt": 1e400}`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, given []byte) {
		r := newRig(t, func(_ context.Context, in input) (any, error) {
			switch {
			case strings.HasPrefix(in.Word, "p"):
				panic(in.Word)
			case strings.HasPrefix(in.Word, "e"):
				return nil, errors.New(in.Word)
			}
			return in, nil
		})
		result, err := r.runner.Handle(t.Context(), given)
		if err == nil {
			if !json.Valid(result) {
				t.Fatalf("result %q", result)
			}
			return
		}
		wire := onWire(t, err)
		if !slices.Contains(deployment.Faults(), deployment.Fault(wire.Type)) || !utf8.ValidString(wire.Message) || len(wire.Message) > 1100 {
			t.Fatalf("%+v", wire)
		}
	})
}
