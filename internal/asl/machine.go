// Package asl interprets the subset of the Amazon States Language that the deployment flow is written in, with the
// semantics, limits and history of AWS Step Functions' standard workflows. It is not a general interpreter: Parse
// refuses every field, state type, path, function and operator that it does not implement.
package asl

import (
	"slices"
	"time"
)

// Machine is a state machine that Parse accepted. It never changes and may run any number of executions at once.
type Machine struct {
	comment string
	startAt string
	timeout time.Duration
	states  []*state // in file order
	byName  map[string]*state
}

// StartAt names the first state.
func (m *Machine) StartAt() string { return m.startAt }

// Comment is the definition's own description.
func (m *Machine) Comment() string { return m.comment }

// Timeout of a whole execution; 0 where the definition has none.
func (m *Machine) Timeout() time.Duration { return m.timeout }

// States describes every state, in the order of the file.
func (m *Machine) States() []State {
	all := make([]State, len(m.states))
	for i, s := range m.states {
		all[i] = s.describe()
	}
	return all
}

// State describes one state.
func (m *Machine) State(name string) (State, bool) {
	s, ok := m.byName[name]
	if !ok {
		return State{}, false
	}
	return s.describe(), true
}

// StateType is what a state does.
type StateType string

// The state types that are implemented.
const (
	Task    StateType = "Task"
	Choice  StateType = "Choice"
	Wait    StateType = "Wait"
	Pass    StateType = "Pass"
	Succeed StateType = "Succeed"
	Fail    StateType = "Fail"
)

// StateTypes lists the state types that are implemented.
func StateTypes() []StateType { return []StateType{Task, Choice, Wait, Pass, Succeed, Fail} }

// State is a description of a state, for checks of a definition and for pictures of it.
type State struct {
	Name    string
	Type    StateType
	Comment string
	Line    int // of the definition, counted from 1
	// End tells whether an execution may end here: the state has "End": true, or is a Succeed or Fail state.
	End         bool
	Transitions []Transition

	// Of a Task.
	Resource           string
	TimeoutSeconds     int64  // 0 where there is none
	TimeoutSecondsPath string // "" where there is none
	Retry              []Retrier
	Catch              []Catcher
	// FunctionName is the function that a Task invokes, "" where the name is computed.
	FunctionName string

	// Of a Fail state; "" where it is absent or computed.
	Error, Cause string
}

// TransitionKind says what makes an execution take a transition.
type TransitionKind string

// The kinds of transitions.
const (
	TransitionNext    TransitionKind = "next"
	TransitionChoice  TransitionKind = "choice"
	TransitionDefault TransitionKind = "default"
	TransitionCatch   TransitionKind = "catch"
)

// Transition leads from one state to another.
type Transition struct {
	Kind TransitionKind
	To   string
	// Condition of a choice, in words; "" for the other kinds.
	Condition string
	// ErrorEquals of a catch.
	ErrorEquals []string
}

// Retrier describes an entry of Retry, defaults filled in.
type Retrier struct {
	ErrorEquals    []string
	Interval       time.Duration
	MaxAttempts    int
	BackoffRate    float64
	MaxDelay       time.Duration // 0 where there is none
	JitterStrategy JitterStrategy
}

// Catcher describes an entry of Catch.
type Catcher struct {
	ErrorEquals []string
	Next        string
	// ResultPath as it was written; "null" where the error is dropped.
	ResultPath string
}

// state is a state as Parse compiled it.
type state struct {
	name    string
	typ     StateType
	comment string
	line    int
	end     bool   // "End": true
	next    string // "Next", "" where there is none
	input   selector
	output  selector
	behaviour
}

// behaviour is what differs between the state types.
type behaviour interface {
	// run takes a state from its raw input to its output and names the next state, "" at the end of the execution.
	run(v *visit) (output any, next string, err error)
	// describe adds what the type knows.
	describe(*State)
}

func (s *state) describe() State {
	described := State{Name: s.name, Type: s.typ, Comment: s.comment, Line: s.line, End: s.end}
	if s.next != "" {
		described.Transitions = append(described.Transitions, Transition{Kind: TransitionNext, To: s.next})
	}
	s.behaviour.describe(&described)
	return described
}

// selector is the value of InputPath or OutputPath.
type selector struct {
	empty bool // null: an empty object instead of the data
	path  path
}

func (s selector) selectFrom(in scope) (any, error) {
	if s.empty {
		return map[string]any{}, nil
	}
	return s.path.find(in)
}

func describeRetriers(retriers []retrier) []Retrier {
	described := make([]Retrier, len(retriers))
	for i, r := range retriers {
		described[i] = Retrier{
			ErrorEquals: slices.Clone(r.errorEquals), Interval: r.interval, MaxAttempts: r.maxAttempts,
			BackoffRate: r.backoffRate, MaxDelay: r.maxDelay, JitterStrategy: r.jitter,
		}
	}
	return described
}

func describeCatchers(catchers []catcher) []Catcher {
	described := make([]Catcher, len(catchers))
	for i, c := range catchers {
		described[i] = Catcher{ErrorEquals: slices.Clone(c.errorEquals), Next: c.next, ResultPath: c.resultPath.String()}
	}
	return described
}
