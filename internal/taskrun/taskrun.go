// Package taskrun runs a task by its name: it decodes the payload, logs start and end, and carries faults onto the wire.
// It knows no task and does nothing of a deployment itself.
package taskrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"stackgate/internal/deployment"
	"stackgate/internal/metrics"
	"stackgate/internal/store"
)

// Task is one step of a deployment under the name by which the state machine calls it.
type Task struct {
	name string
	run  func(ctx context.Context, payload json.RawMessage) (any, error)
}

// Name returns the task's name.
func (t Task) Name() string { return t.name }

// Of makes a task of a function. The payload is decoded into In, and what the function returns is the task's result.
func Of[In, Out any](name string, run func(context.Context, In) (Out, error)) Task {
	return Task{name: name, run: func(ctx context.Context, payload json.RawMessage) (any, error) {
		var in In
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, deployment.Faultf(deployment.InvalidRequest, "decode the payload of %s: %w", name, err)
		}
		return run(ctx, in)
	}}
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Subjects tells what a deployment is about, for the log.
type Subjects interface {
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
}

// Tracker is told of what nobody expected. Implementations send neither payloads nor values of parameters.
type Tracker interface {
	Capture(ctx context.Context, e Exception)
}

// Exception is an unexpected error or a panic, with the ids by which it is found in the logs.
type Exception struct {
	Task, DeploymentID, CorrelationID string
	Service, Environment, Stack       string
	Attempt                           int
	Err                               error
	// Panicked says that the error was a panic; Stack trace of it.
	Panicked bool
	Trace    string
}

// Runner runs tasks.
type Runner struct {
	tasks    map[string]Task
	subjects Subjects
	log      *slog.Logger
	clock    Clock
	tracker  Tracker
	// function is empty where nothing is measured.
	function string
}

// Measuring makes the log lines of the runner's tasks measurements too, under the name of the function that it runs in.
func (r *Runner) Measuring(function string) *Runner {
	r.function = function
	return r
}

// New makes a runner of tasks with different names. Tracker may be nil: then nothing is sent anywhere.
func New(log *slog.Logger, clock Clock, subjects Subjects, tracker Tracker, tasks ...Task) (*Runner, error) {
	r := &Runner{tasks: map[string]Task{}, subjects: subjects, log: log, clock: clock, tracker: tracker}
	for _, t := range tasks {
		if _, taken := r.tasks[t.name]; taken {
			return nil, fmt.Errorf("task %s is registered twice", t.name)
		}
		r.tasks[t.name] = t
	}
	return r, nil
}

// call is what every payload carries beside the task's own input.
type call struct {
	Task          string        `json:"task"`
	DeploymentID  deployment.ID `json:"deploymentId"`
	CorrelationID string        `json:"correlationId"`
	Attempt       int           `json:"attempt"`
}

// Handle runs the task that the payload names. Its error is always a messages.InvokeResponse_Error value: the Lambda
// runtime publishes the outermost Go type as error name, so that a wrapped error would lose the fault that the state
// machine's Retry and Catch match (aws-lambda-go, lambda/errors.go).
func (r *Runner) Handle(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, wire(deployment.Faultf(deployment.InvalidRequest, "decode the payload: %w", err))
	}
	task, known := r.tasks[c.Task]
	if !known {
		return nil, wire(deployment.Faultf(deployment.InvalidRequest, "there is no task %q in this function", c.Task))
	}
	began := r.clock.Now()
	attributes := r.attributes(ctx, c)
	r.log.LogAttrs(ctx, slog.LevelInfo, "task started", attributes...)
	result, err := r.run(ctx, task, c, payload)
	if subject := r.subject(ctx, c); subject != nil {
		attributes = append(attributes[:identifying:identifying], subject...)
	}
	attributes = append(attributes, slog.Float64("durationSeconds", r.clock.Now().Sub(began).Seconds()))
	if err != nil {
		r.logFault(ctx, err, attributes)
		return nil, wire(err)
	}
	r.log.LogAttrs(ctx, slog.LevelInfo, "task ended", append(attributes, slog.String("outcome", "ok"))...)
	return result, nil
}

// run calls the task, and turns a panic and an unnamed error into an exception for the tracker.
func (r *Runner) run(ctx context.Context, task Task, c call, payload json.RawMessage) (result json.RawMessage, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("task %s panicked: %v", c.Task, cause)
			r.capture(ctx, c, err, string(debug.Stack()))
		}
	}()
	out, err := task.run(ctx, payload)
	if err != nil {
		if !deployment.FaultOf(err).Expected() {
			r.capture(ctx, c, err, "")
		}
		return nil, err
	}
	result, err = json.Marshal(out)
	if err != nil {
		err = fmt.Errorf("encode the result of %s: %w", c.Task, err)
		r.capture(ctx, c, err, "")
		return nil, err
	}
	return result, nil
}

func (r *Runner) logFault(ctx context.Context, err error, attributes []slog.Attr) {
	fault := deployment.FaultOf(err)
	level := slog.LevelInfo
	if !fault.Expected() {
		level = slog.LevelError
	}
	attributes = append(attributes, slog.String("outcome", "fault"), slog.String("fault", string(fault)), slog.String("error", bounded(err.Error())),
		slog.Bool("unexpectedFault", !fault.Expected()))
	if r.function != "" && !fault.Expected() {
		measured, err := metrics.Attributes(r.clock.Now(), map[metrics.Dimension]string{metrics.Function: r.function},
			metrics.Value{Name: metrics.UnexpectedFault, Value: 1})
		if err != nil {
			r.log.ErrorContext(ctx, "an unexpected fault is not measured", "error", err.Error())
		}
		attributes = append(attributes, measured...)
	}
	r.log.LogAttrs(ctx, level, "task ended", attributes...)
}

// identifying is how many attributes come before those that tell what the deployment is about.
const identifying = 5

func (r *Runner) attributes(ctx context.Context, c call) []slog.Attr {
	attributes := []slog.Attr{
		slog.String("correlationId", c.CorrelationID),
		slog.String("deploymentId", string(c.DeploymentID)),
		slog.String("task", c.Task),
		slog.Int("attempt", c.Attempt+1),
		slog.String("traceId", traceID(ctx)),
	}
	return append(attributes, r.subject(ctx, c)...)
}

// traceID is X-Ray's name for the invocation's trace, empty where Lambda gave none. The runtime puts the whole header into
// the context (aws-lambda-go, lambda/invoke_loop.go): Root=1-…;Parent=…;Sampled=1.
func traceID(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	for part := range strings.SplitSeq(header, ";") {
		if root, found := strings.CutPrefix(strings.TrimSpace(part), "Root="); found {
			return root
		}
	}
	return ""
}

// subject is looked up rather than taken from the payload, which proves nothing. A log line without it beats no line.
func (r *Runner) subject(ctx context.Context, c call) []slog.Attr {
	record, err := r.subjects.Record(ctx, c.DeploymentID)
	if err != nil {
		return nil
	}
	return []slog.Attr{
		slog.String("service", record.Service), slog.String("environment", record.Environment), slog.String("stack", record.StackName),
	}
}

func (r *Runner) capture(ctx context.Context, c call, err error, trace string) {
	if r.tracker == nil {
		return
	}
	e := Exception{
		Task: c.Task, DeploymentID: string(c.DeploymentID), CorrelationID: c.CorrelationID, Attempt: c.Attempt + 1,
		Err: err, Panicked: trace != "", Trace: trace,
	}
	if record, lookup := r.subjects.Record(ctx, c.DeploymentID); lookup == nil {
		e.Service, e.Environment, e.Stack = record.Service, record.Environment, record.StackName
	}
	r.tracker.Capture(ctx, e)
}

// wire is the one place where an error becomes what the state machine sees.
func wire(err error) messages.InvokeResponse_Error {
	message := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		message = "the task ran out of time: " + message
	}
	return messages.InvokeResponse_Error{Type: string(deployment.FaultOf(err)), Message: bounded(message)}
}

// maxMessage keeps causes far below the 32 KiB that a state may pass on.
const maxMessage = 1024

func bounded(message string) string {
	message = strings.ToValidUTF8(message, "\uFFFD")
	if len(message) <= maxMessage {
		return message
	}
	cut := maxMessage
	for !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + " …"
}
