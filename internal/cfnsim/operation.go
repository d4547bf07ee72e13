package cfnsim

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// phase is the part of a stack operation that is running. Each has its own steps, and transitions.go says what follows.
type phase string

const (
	phaseProvision       phase = "provision"
	phaseCleanup         phase = "cleanup"
	phaseRollback        phase = "rollback"
	phaseRollbackCleanup phase = "rollback-cleanup"
	phaseRollbackCreate  phase = "rollback-create"
	phaseDelete          phase = "delete"
)

// operation is a stack operation in progress: steps with due times, and at most one due time of the stack itself.
type operation struct {
	Type        types.OperationType
	ID          string
	Token       string `json:",omitempty"`
	ChangeSetID string `json:",omitempty"`
	Phase       phase
	// Begun says that the steps may start; Due is when the stack itself moves next.
	Begun bool
	Due   *time.Time `json:",omitempty"`
	Steps []*step
	// OnFailure is what follows a failure; NoRollback lets independent paths go on.
	OnFailure  types.OnStackFailure `json:",omitempty"`
	NoRollback bool                 `json:",omitempty"`
	Creates    bool                 `json:",omitempty"`
	RetainNew  bool                 `json:",omitempty"`
	Force      bool                 `json:",omitempty"`
	// Held says that the operation of a nested stack waits before its clean-up.
	Held bool `json:",omitempty"`
	// Skip names resources that a continued rollback leaves as they are, those of nested stacks as Stack.Resource;
	// SkipAll leaves every resource that the rollback could not restore.
	Skip    []string `json:",omitempty"`
	SkipAll bool     `json:",omitempty"`
	// NeverStable says that the stack has never been complete, so that there is nothing to roll back to.
	NeverStable bool `json:",omitempty"`
	// Before is what a rollback returns to.
	Before          *deployment          `json:",omitempty"`
	BeforeResources map[string]*resource `json:",omitempty"`
	BeforeOutputs   []types.Output       `json:",omitempty"`
	// Failed and Reason are set by the first failure; Reason only when no resource is to blame.
	Failed bool   `json:",omitempty"`
	Reason string `json:",omitempty"`

	index map[string]*step
}

// stepAction is what a step does to its resource.
type stepAction string

const (
	stepCreate  stepAction = "create"
	stepUpdate  stepAction = "update"
	stepRestore stepAction = "restore"
	stepDelete  stepAction = "delete"
	// stepRelease lets a nested stack clean up, once its parent has come through.
	stepRelease stepAction = "release"
)

// stepState is how far a step is. waiting, invoking (hooks), running and initiated move on; the others are final.
type stepState string

const (
	stepWaiting   stepState = "waiting"
	stepInvoking  stepState = "invoking"
	stepRunning   stepState = "running"
	stepInitiated stepState = "initiated"
	stepDone      stepState = "done"
	stepFailed    stepState = "failed"
	stepCancelled stepState = "cancelled"
	stepDropped   stepState = "dropped"
)

// step is the work on one resource within a phase.
type step struct {
	LogicalID string
	Action    stepAction
	State     stepState
	// Due is when a running step moves; Ends is when its work is finished.
	Due  time.Time
	Ends time.Time
	// Wait names the steps of the phase that come first.
	Wait []string `json:",omitempty"`
	// Old is the resource to update, restore or delete, New the one being made.
	Old *resource `json:",omitempty"`
	New *resource `json:",omitempty"`
	// Replaces says that New gets a physical id of its own; Fails is the reason with which the step will end.
	Replaces bool `json:",omitempty"`
	Retain   bool `json:",omitempty"`
	// Debris says that Old is no longer the resource that the stack lists.
	Debris bool `json:",omitempty"`
	// Child is the nested stack that the step works on; Awaits says that it has not reported yet.
	Child  string `json:",omitempty"`
	Awaits bool   `json:",omitempty"`
	// Script is the metadata of the half-done update whose restoration it may let fail.
	Script any `json:",omitempty"`
	// Hooks are those that still have to give their verdict; Invoked says that their first rows are written.
	Hooks   []scriptedHook `json:",omitempty"`
	Invoked bool           `json:",omitempty"`
	Fails   string         `json:",omitempty"`
}

func (s *step) inFlight() bool {
	return s.State == stepInvoking || s.State == stepRunning || s.State == stepInitiated
}

func (s *step) final() bool { return s.State != stepWaiting && !s.inFlight() }

// succeeded says whether steps that wait for this one may start.
func (s *step) succeeded() bool { return s.State == stepDone }

// advance applies everything that was due up to now, in the order of its due times, and says whether there was any.
func (w *world) advance(now time.Time) bool {
	moved := false
	for {
		due, act := w.earliest()
		if act == nil || due.After(now) {
			return moved
		}
		act()
		moved = true
	}
}

// earliest returns what happens next in the world, and when. Ties go to change sets, then to older stacks.
func (w *world) earliest() (time.Time, func()) {
	var due time.Time
	var act func()
	consider := func(at time.Time, do func()) {
		if act == nil || at.Before(due) {
			due, act = at, do
		}
	}
	for _, c := range w.ChangeSets {
		if c.Due != nil {
			at := *c.Due
			consider(at, func() { c.tick(w, at) })
		}
	}
	for _, s := range w.Stacks {
		op := s.Operation
		if op == nil {
			continue
		}
		for _, st := range op.Steps {
			if st.inFlight() && !st.Awaits {
				consider(st.Due, func() {
					w.tickStep(s, st, st.Due)
					w.settle(s, st.Due)
				})
			}
		}
		if op.Due != nil {
			at := *op.Due
			consider(at, func() {
				op.Due = nil
				w.transition(s, at)
				w.settle(s, at)
			})
		}
	}
	return due, act
}

// begin starts an operation on a stack. The stack has its new status already; the steps follow a moment later.
func (w *world) begin(s *stack, op *operation, at time.Time) {
	op.ID = w.nextID()
	s.endOperation(at, true)
	s.Operations = append(s.Operations, operationRecord{ID: op.ID, Type: op.Type, Token: op.Token, Started: at})
	s.Operation = op
	s.scope = nil
	if op.Token != "" && !slices.Contains(s.Tokens, op.Token) {
		s.Tokens = append(s.Tokens, op.Token)
	}
	entry := types.OperationEntry{OperationId: &op.ID, OperationType: op.Type}
	if op.Type == types.OperationTypeRollback && len(s.LastOperations) > 0 {
		// A rollback is an operation of its own, listed before the one that it undoes.
		s.LastOperations = []types.OperationEntry{entry, s.LastOperations[0]}
	} else {
		s.LastOperations = []types.OperationEntry{entry}
	}
	w.stackDue(op, at)
}

// stackDue lets the stack itself move about a second from at.
func (w *world) stackDue(op *operation, at time.Time) {
	due := at.Add(w.spread(1200*time.Millisecond, op.ID+string(op.Phase)))
	op.Due = &due
}

// settle starts the steps that have become ready and, when none is left, lets the stack move on.
func (w *world) settle(s *stack, at time.Time) {
	op := s.Operation
	if op == nil || !op.Begun || op.Held {
		return
	}
	for progress := true; progress; {
		progress = false
		for _, st := range op.Steps {
			if st.State != stepWaiting {
				continue
			}
			switch op.readiness(st) {
			case stepDropped:
				st.State = stepDropped
				progress = true
			case stepRunning:
				w.startStep(s, st, at)
				progress = true
			}
		}
	}
	if op.Due == nil && !slices.ContainsFunc(op.Steps, func(st *step) bool { return !st.final() }) {
		w.stackDue(op, at)
	}
}

// readiness says whether a waiting step may run, must be dropped, or waits on. After a failure nothing new starts,
// except where rollback is disabled: there only the path of the failed resource stops.
func (op *operation) readiness(st *step) stepState {
	if op.Failed && !op.NoRollback && !op.cleansUp() {
		return stepDropped
	}
	state := stepRunning
	for _, id := range st.Wait {
		other := op.step(id)
		switch {
		case other == nil || other == st:
		case !other.final():
			state = stepWaiting
		case !other.succeeded() && !op.cleansUp():
			return stepDropped
		}
	}
	return state
}

// step returns the step of a resource, nil when the phase has none for it.
func (op *operation) step(id string) *step {
	if len(op.index) != len(op.Steps) || (len(op.Steps) > 0 && op.index[op.Steps[0].LogicalID] != op.Steps[0]) {
		op.index = make(map[string]*step, len(op.Steps))
		for _, st := range op.Steps {
			op.index[st.LogicalID] = st
		}
	}
	return op.index[id]
}

// fail records the first failure of an operation and cancels what else is in flight.
func (w *world) fail(s *stack, at time.Time, reason string) {
	op := s.Operation
	if !op.Failed {
		op.Failed, op.Reason = true, reason
	}
	if op.NoRollback || op.deletes() {
		return
	}
	// Cancelling takes a moment: what fails on its own within it still tells its own reason.
	soon := at.Add(w.paced(1500 * time.Millisecond))
	for _, st := range op.Steps {
		if st.inFlight() && (st.Fails == "" || st.Ends.After(soon)) {
			w.cancelStep(s, st, at)
			if st.Child != "" {
				w.cancelChild(st, at)
			}
		}
	}
}

// cleansUp says whether the phase deletes what the stack no longer holds: nothing is dropped there without a row, and
// what cannot be deleted is let go.
func (op *operation) cleansUp() bool {
	return op.Phase == phaseCleanup || op.Phase == phaseRollbackCleanup
}

// deletes says whether the phase only deletes; there one failure does not stop the others.
func (op *operation) deletes() bool {
	switch op.Phase {
	case phaseCleanup, phaseRollbackCleanup, phaseRollbackCreate, phaseDelete:
		return true
	default:
		return false
	}
}

// failedSteps returns the logical ids of the steps that did the action and failed or were cancelled, sorted.
func (op *operation) failedSteps(actions ...stepAction) []string {
	var ids []string
	for _, st := range op.Steps {
		if (st.State == stepFailed || st.State == stepCancelled) && slices.Contains(actions, st.Action) {
			ids = append(ids, st.LogicalID)
		}
	}
	slices.Sort(ids)
	return ids
}
