package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	maxErrorCharacters = 256
	maxCauseCharacters = 32768
)

// run is one execution under way.
type run struct {
	engine    *Engine
	machine   *Machine
	execution Execution
	input     any // of the execution
	history   history
	// at is where the execution begins or is taken up.
	at      string
	atInput any
}

func newRun(e *Engine, m *Machine, x Execution) (*run, error) {
	if x.StartTime.IsZero() {
		x.StartTime = e.Clock.Now()
	}
	input, err := readInput(x.Input)
	if err != nil {
		return nil, fmt.Errorf("read its input: %w", err)
	}
	r := &run{
		engine: e, machine: m, execution: x, input: input, at: m.startAt, atInput: input,
		history: history{clock: e.Clock, observe: e.Observe},
	}
	if x.From == nil {
		return r, nil
	}
	switch {
	case m.byName[x.From.State] == nil:
		return nil, fmt.Errorf("take it up in state %s: the state machine has no such state", quoted(x.From.State))
	case x.From.Events < 0 || x.From.Events >= maxEvents-1:
		return nil, fmt.Errorf("take it up after event %d: only a history of less than %d events can go on", x.From.Events, maxEvents-1)
	}
	r.at, r.history.last = x.From.State, x.From.Events
	if r.atInput, err = readInput(x.From.Input); err != nil {
		return nil, fmt.Errorf("read the input of state %s: %w", quoted(x.From.State), err)
	}
	return r, nil
}

func readInput(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	if len(raw) > maxDataBytes {
		return nil, fmt.Errorf("it has %d bytes, Step Functions takes at most %d", len(raw), maxDataBytes)
	}
	return decodeValue(raw)
}

// errMachineTimeout is the cause with which the context of an execution ends at the machine's timeout.
var errMachineTimeout = errors.New("state machine timed out")

// failure is an error of the execution's own world: it has a name, and Retry and Catch may handle it.
type failure struct{ name, cause string }

func (f *failure) Error() string { return f.name + ": " + f.cause }

func newFailure(name, cause string) *failure {
	return &failure{name: shorten(name, maxErrorCharacters), cause: shorten(cause, maxCauseCharacters)}
}

func (r *run) execute(parent context.Context) (Result, error) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	if timeout := r.machine.timeout; timeout > 0 {
		go func() {
			if r.engine.Clock.Sleep(ctx, timeout) == nil {
				cancel(errMachineTimeout)
			}
		}()
	}
	r.begin()
	output, err := r.walk(ctx)
	return r.end(ctx, output, err)
}

func (r *run) begin() {
	first := Event{Type: ExecutionStarted, Input: encodeValue(r.input), RoleARN: r.execution.RoleARN}
	if r.execution.From != nil {
		first = Event{Type: ExecutionRedriven, RedriveCount: r.execution.RedriveCount}
	}
	r.history.begin(first)
}

// walk goes from state to state until one ends the execution.
func (r *run) walk(ctx context.Context) (any, error) {
	name, data := r.at, r.atInput
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		output, next, err := r.visit(ctx, r.machine.byName[name], data)
		if err != nil {
			return nil, err
		}
		if next == "" {
			return output, nil
		}
		name, data = next, output
	}
}

// end records how the execution ended, or passes on why the host could not go on.
func (r *run) end(ctx context.Context, output any, err error) (Result, error) {
	last := Event{}
	var status Status
	var failed *failure
	switch {
	case err == nil:
		status, last = StatusSucceeded, Event{Type: ExecutionSucceeded, Output: encodeValue(output)}
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errMachineTimeout):
		// No error name, though the States Language speaks of States.Timeout: DescribeExecution shows none.
		status, last = StatusTimedOut, Event{Type: ExecutionTimedOut}
	case ctx.Err() != nil:
		status, last = StatusAborted, Event{Type: ExecutionAborted}
		var stop *StopError
		if errors.As(context.Cause(ctx), &stop) {
			last.Error, last.Cause = shorten(stop.Name, maxErrorCharacters), shorten(stop.Cause, maxCauseCharacters)
		}
	case errors.Is(err, errHistoryFull):
		status, last = StatusFailed, Event{Type: ExecutionFailed, Error: ErrorRuntime, Cause: historyFullCause}
	case errors.As(err, &failed):
		status, last = StatusFailed, Event{Type: ExecutionFailed, Error: failed.name, Cause: failed.cause}
	default:
		return Result{}, err
	}
	r.history.end(last)
	return Result{Status: status, Output: last.Output, Error: last.Error, Cause: last.Cause, Events: r.history.last}, nil
}

// visit is one state of one execution between its entry and its exit.
type visit struct {
	ctx       context.Context
	run       *run
	state     *state
	input     any // raw: before InputPath
	entered   int64
	enteredAt time.Time
	retries   int    // of a task, in this visit
	token     string // of the try under way, for callback tasks
}

func (r *run) visit(ctx context.Context, s *state, input any) (output any, next string, err error) {
	v := &visit{ctx: ctx, run: r, state: s, input: input, enteredAt: r.engine.Clock.Now()}
	if err := v.record(Event{Type: EventType(s.typ + "StateEntered"), Input: encodeValue(input)}); err != nil {
		return nil, "", err
	}
	v.entered = r.history.last
	output, next, err = s.run(v)
	if err != nil {
		return nil, "", err
	}
	exited := Event{Type: EventType(s.typ + "StateExited"), Output: encodeValue(output)}
	return output, next, v.record(exited)
}

func (v *visit) record(event Event) error {
	event.State = v.state.name
	return v.run.history.record(event)
}

// scope is what the state's paths are evaluated against.
func (v *visit) scope(data any) scope { return scope{data: data, context: v.contextObject} }

func (v *visit) evaluation(data any) evaluation {
	return evaluation{scope: v.scope(data), random: v.run.engine.Random}
}

// failed words an error that the interpreter found, as opposed to one that a task reported, as Step Functions does.
func (v *visit) failed(name, cause string) error {
	return newFailure(name, fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). %s", v.state.name, v.entered, cause))
}

// effectiveInput is the input after InputPath.
func (v *visit) effectiveInput() (any, error) {
	selected, err := v.state.input.selectFrom(v.scope(v.input))
	return selected, v.pathFailure(err)
}

// outputFrom applies OutputPath and the limit.
func (v *visit) outputFrom(data any) (any, error) {
	selected, err := v.state.output.selectFrom(v.scope(data))
	if err != nil {
		return nil, v.pathFailure(err)
	}
	return selected, v.limit(selected)
}

// limit refuses data that a state may not give out.
func (v *visit) limit(data any) error {
	if len(encodeValue(data)) > maxDataBytes {
		return newFailure(ErrorDataLimitExceeded, tooLarge(v.state.name))
	}
	return nil
}

func tooLarge(what string) string {
	return fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", what)
}

// pathFailure words a path that found nothing in InputPath, OutputPath and the like.
func (v *visit) pathFailure(err error) error {
	var missing *missingPathError
	if errors.As(err, &missing) {
		return v.failed(ErrorRuntime, fmt.Sprintf("Invalid path '%s' : No results for path: %s", missing.path.source, missing.path.canonical()))
	}
	return err
}

// render computes Parameters or ResultSelector.
func (v *visit) render(t template, data any) (any, error) {
	rendered, err := t.render(v.evaluation(data))
	return rendered, v.expressionFailure(err)
}

// expressionFailure names an error of a ".$" field: arguments that a function refuses are States.IntrinsicFailure, paths
// that find nothing are States.Runtime, as seen on AWS, though the States Language calls them States.ParameterPathFailure.
func (v *visit) expressionFailure(err error) error {
	var refused *intrinsicError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return v.failed(ErrorIntrinsicFailure, err.Error())
	default:
		return v.failed(ErrorRuntime, err.Error())
	}
}

// combine applies a ResultPath to the raw input.
func (v *visit) combine(p resultPath, result any) (any, error) {
	combined, err := p.apply(v.input, result)
	if err != nil {
		return nil, v.failed(ErrorResultPathMatchFailure, fmt.Sprintf("Unable to apply ReferencePath %s to input %s", p, encodeValue(v.input)))
	}
	return combined, nil
}
