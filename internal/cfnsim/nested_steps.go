package cfnsim

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
)

// provisionChild begins the work on a nested stack.
func (w *world) provisionChild(s *stack, st *step, at time.Time) {
	w.foresee(s, st, w.catalog.Lookup(stackType))
	target, err := w.operationTarget(s, st)
	child := w.child(st.Old)
	switch {
	case st.Fails != "":
	case err != nil:
		st.Fails = err.Error()
	case st.Action == stepUpdate && (child == nil || child.Status == types.StackStatusDeleteComplete):
		st.Fails = fmt.Sprintf("Stack with id %s does not exist", st.Old.PhysicalID)
	case st.Action == stepUpdate && !updatable(child.Status) && !child.held():
		st.Fails = fmt.Sprintf("Stack:%s is in %s state and can not be updated.", child.ID, child.Status)
	}
	switch {
	case st.Fails != "":
		w.run(st, at, rules.Create, s, true)
	case st.Action == stepCreate:
		// The child begins when the parent's row shows its id.
		st.State, st.Due = stepRunning, at.Add(w.spread(time.Second, s.ID+st.LogicalID+"shown"))
		st.Ends = st.Due.Add(24 * time.Hour)
	case !w.differs(s, child, st.New, w.nestedSet(s, st.LogicalID)):
		w.run(st, at, rules.Update, s, false)
	default:
		st.await(child)
		w.updateChild(s, child, target, w.nestedSet(s, st.LogicalID), at)
	}
}

// await lets the step wait for its child.
func (st *step) await(child *stack) { st.State, st.Child, st.Awaits = stepRunning, child.ID, true }

// createChild starts a nested stack, in the shell that its change set has made or in a new one.
func (w *world) createChild(s *stack, st *step, at time.Time) {
	set := w.nestedSet(s, st.LogicalID)
	var child *stack
	if set != nil {
		child = w.stackByID(set.StackID)
	}
	if child == nil || child.Status != types.StackStatusReviewInProgress {
		child = w.newChild(s, st.LogicalID, at)
		w.Stacks = append(w.Stacks, child)
	}
	st.New.PhysicalID = child.ID
	target, err := w.operationTarget(s, st)
	if err != nil {
		// It could be read a second ago; an object that is gone since fails the creation like any other trouble.
		st.Fails, st.Due, st.Ends = err.Error(), at, at
		return
	}
	st.await(child)
	op := w.childOperation(s, types.OperationTypeCreateStack)
	op.Creates = true
	w.deploy(child, op, target, set, at)
}

func (w *world) updateChild(s, child *stack, target deployment, set *changeSet, at time.Time) {
	if child.held() {
		// The parent's operation paused before the child could clean up; a rollback still returns to what was before.
		child.Paused, child.Operation = child.Operation, nil
		child.Paused.Held = false
	}
	op := w.childOperation(s, types.OperationTypeUpdateStack)
	op.keepBefore(child)
	w.deploy(child, op, target, set, at)
}

// childOperation is an operation that the parent's running one demands of a child.
func (w *world) childOperation(s *stack, kind types.OperationType) *operation {
	op := &operation{Type: kind, Phase: phaseProvision, NoRollback: s.Operation.NoRollback, RetainNew: s.Operation.RetainNew, Skip: s.Operation.Skip, SkipAll: s.Operation.SkipAll}
	if w.nestedTokens {
		op.Token = s.Operation.Token
	}
	return op
}

// report tells the parent's step that waits for the child how an operation of the child went: reason is "" for well.
// A step that is over, cancelled for example, hears nothing.
func (w *world) report(child *stack, action stepAction, reason string, at time.Time) {
	parent := w.stackByID(child.ParentID)
	if parent == nil || parent.Operation == nil {
		return
	}
	for _, st := range parent.Operation.Steps {
		if st.Child == child.ID && st.Action == action && st.Awaits {
			st.Fails, st.Awaits = reason, false
			st.Due = at.Add(w.spread(800*time.Millisecond, child.ID+string(action)+string(child.Status)))
			st.Ends = st.Due
		}
	}
}

// reportEnd tells the parent where an operation of the child has ended.
func (w *world) reportEnd(child *stack, at time.Time) {
	embedded := func(done string) string {
		return fmt.Sprintf("Embedded stack %s was not successfully %s: %s", child.ID, done, child.Reason)
	}
	switch child.Status {
	case types.StackStatusCreateComplete:
		w.report(child, stepCreate, "", at)
	case types.StackStatusCreateFailed:
		w.report(child, stepCreate, embedded("created"), at)
	case types.StackStatusUpdateFailed, types.StackStatusUpdateRollbackFailed:
		w.report(child, stepUpdate, child.currently(), at)
		w.report(child, stepRestore, child.currently(), at)
	case types.StackStatusDeleteComplete, types.StackStatusDeleteFailed:
		reason := ""
		if child.Status == types.StackStatusDeleteFailed {
			reason = embedded("deleted")
		}
		w.report(child, stepDelete, reason, at)
		// Somebody may have deleted the child behind its parent's back.
		w.report(child, stepCreate, fmt.Sprintf("Embedded stack %s was not successfully created. Currently in %s", child.ID, child.Status), at)
		for _, action := range []stepAction{stepUpdate, stepRestore} {
			w.report(child, action, child.currently(), at)
		}
		w.report(child, stepRelease, "", at)
	case types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete:
		w.report(child, stepRelease, "", at)
	default:
	}
}

// currently words a failed update as AWS does: with the state in which the child is at that moment.
func (s *stack) currently() string {
	return fmt.Sprintf("Embedded stack %s was not successfully updated. Currently in %s with reason: %s", s.ID, s.Status, s.Reason)
}

// hold stops the operation of a child before its clean-up, which would make the other way impossible.
func (w *world) hold(s *stack, at time.Time) {
	s.Operation.Held = true
	action := stepRestore
	if s.Operation.Phase == phaseProvision {
		action = stepUpdate
	}
	w.report(s, action, "", at)
	if parent := w.stackByID(s.ParentID); parent == nil || parent.Operation == nil {
		// The parent's rollback has failed meanwhile, or it was not the parent that asked for this operation.
		w.release(s, at)
	}
}

// release lets the child clean up.
func (w *world) release(child *stack, at time.Time) {
	op := child.Operation
	op.Held = false
	if op.Phase == phaseProvision {
		w.next(child, at, phaseCleanup, slices.Concat(child.cleanupSteps(op), w.releaseSteps(child)))
		return
	}
	w.next(child, at, phaseRollbackCleanup, slices.Concat(child.rollbackCleanupSteps(op), w.releaseSteps(child)))
}

// releaseRestored lets the children clean up that a failed rollback has restored. One that it has not reached still
// waits for that.
func (w *world) releaseRestored(s *stack, at time.Time) {
	for _, child := range w.Stacks {
		if child.ParentID == s.ID && child.Operation != nil && child.Operation.Held && child.Operation.Phase == phaseRollback {
			w.release(child, at)
		}
	}
}

// releaseSteps let the children that wait for it clean up.
func (w *world) releaseSteps(s *stack) []*step {
	var steps []*step
	for _, child := range w.Stacks {
		if child.ParentID != s.ID || child.Operation == nil || !child.Operation.Held {
			continue
		}
		for _, id := range sortedIDs(s.Resources) {
			if s.Resources[id].PhysicalID == child.ID && s.Resources[id].Type == stackType {
				steps = append(steps, &step{LogicalID: id, Action: stepRelease, State: stepWaiting, Child: child.ID})
			}
		}
	}
	return steps
}

func (w *world) startRelease(st *step, at time.Time) {
	child := w.stackByID(st.Child)
	st.await(child)
	w.release(child, at)
}

// restoreChild takes a nested stack back to where it was before the parent's operation, or waits where it is on the
// way already.
func (w *world) restoreChild(s *stack, st *step, at time.Time) {
	child := w.child(st.Old)
	if child == nil {
		w.run(st, at, rules.Update, s, false)
		return
	}
	st.await(child)
	switch op := child.Operation; {
	case op == nil && child.Paused != nil && child.Status == types.StackStatusUpdateRollbackFailed:
		w.continueRollback(child, w.childOperation(s, types.OperationTypeContinueRollback), at)
	case op == nil && child.Paused != nil && child.Status == types.StackStatusUpdateFailed:
		resumed := *child.Paused
		resumed.NoRollback = false
		child.Operation, child.Paused = &resumed, nil
		w.rollbackUpdate(child, at, "")
	case op == nil:
		w.report(child, stepRestore, "", at)
	case op.Held && op.Phase == phaseProvision:
		op.Held = false
		w.rollbackUpdate(child, at, "")
	case op.Held:
		w.report(child, stepRestore, "", at)
	}
}

// deleteChild deletes a nested stack, whatever it is doing.
func (w *world) deleteChild(s *stack, st *step, at time.Time) {
	child := w.child(st.Old)
	if child == nil || child.Status == types.StackStatusDeleteComplete {
		w.run(st, at, rules.Delete, s, false)
		return
	}
	st.await(child)
	op := w.childOperation(s, types.OperationTypeDeleteStack)
	op.Phase, op.Force = phaseDelete, s.Operation.Force
	w.startDeletion(child, op, nil, at)
}

// cancelChild stops the operation of a nested stack whose resource was cancelled. What follows is the child's own way
// to fail; nobody waits for it.
func (w *world) cancelChild(st *step, at time.Time) {
	st.Awaits = false
	child := w.stackByID(st.Child)
	if child == nil || child.Operation == nil || child.Operation.Held || child.Operation.Phase != phaseProvision {
		return
	}
	child.Operation.NoRollback = false
	w.fail(child, at, "")
	w.settle(child, at)
}
