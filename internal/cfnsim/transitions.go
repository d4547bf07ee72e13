package cfnsim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// transition moves the stack itself: it begins the steps of a phase, or follows a phase whose steps are all final.
func (w *world) transition(s *stack, at time.Time) {
	op := s.Operation
	if !op.Begun {
		op.Begun = true
		return
	}
	switch op.Phase {
	case phaseProvision:
		w.afterProvision(s, at)
	case phaseCleanup:
		reason := ""
		if len(op.failedSteps(stepDelete)) > 0 {
			reason = "Update successful. One or more resources could not be deleted."
		}
		w.finish(s, at, types.StackStatusUpdateComplete, reason, types.ExecutionStatusExecuteComplete)
	case phaseRollback:
		w.afterRollback(s, at)
	case phaseRollbackCleanup:
		reason := ""
		if len(op.failedSteps(stepDelete)) > 0 {
			reason = "Update rollback successful. One or more resources could not be deleted."
		}
		w.finish(s, at, types.StackStatusUpdateRollbackComplete, reason, types.ExecutionStatusExecuteFailed)
	case phaseRollbackCreate:
		if failed := op.failedSteps(stepDelete); len(failed) > 0 {
			w.pause(s, at, types.StackStatusRollbackFailed, failedSentence("delete", failed))
			return
		}
		w.finish(s, at, types.StackStatusRollbackComplete, "", types.ExecutionStatusExecuteFailed)
	case phaseDelete:
		w.afterDelete(s, at)
	}
}

func (w *world) afterProvision(s *stack, at time.Time) {
	op := s.Operation
	if !op.Failed {
		outputs, err := w.evaluateOutputs(s)
		if err == nil {
			err = w.strikeStack(s)
		}
		if err == nil {
			s.Outputs = outputs
			w.provisioned(s, at)
			return
		}
		op.Failed, op.Reason = true, err.Error()
	}
	switch {
	case s.nested() && op.Creates:
		// The rollback of the parent deletes what a nested stack has made.
		w.pause(s, at, types.StackStatusCreateFailed, op.failureReason(""))
	case op.NoRollback && op.Creates:
		w.pause(s, at, types.StackStatusCreateFailed, op.failureReason(""))
	case op.NoRollback:
		w.pause(s, at, types.StackStatusUpdateFailed, op.failureReason(""))
	case op.Creates && op.OnFailure == types.OnStackFailureDelete:
		w.setStatus(s, at, types.StackStatusDeleteInProgress, op.failureReason("Delete requested by user."))
		w.next(s, at, phaseDelete, s.deletionSteps(op, false))
	case op.Creates:
		w.rollbackOperation(s, at)
		w.setStatus(s, at, types.StackStatusRollbackInProgress, op.failureReason("Rollback requested by user."))
		w.next(s, at, phaseRollbackCreate, s.deletionSteps(op, true))
	default:
		// The sentence about the user follows here only when no resource is to blame.
		suffix := ""
		if op.Reason != "" {
			suffix = "Rollback requested by user."
		}
		w.rollbackUpdate(s, at, op.failureReason(suffix))
		if s.nested() {
			w.report(s, stepUpdate, s.currently(), at)
		}
	}
}

// provisioned follows a provision phase in which nothing failed.
func (w *world) provisioned(s *stack, at time.Time) {
	op := s.Operation
	if op.Creates {
		w.finish(s, at, types.StackStatusCreateComplete, "", types.ExecutionStatusExecuteComplete)
		return
	}
	w.setStatus(s, at, types.StackStatusUpdateCompleteCleanupInProgress, "")
	if s.nested() {
		w.hold(s, at)
		return
	}
	w.next(s, at, phaseCleanup, slices.Concat(s.cleanupSteps(op), w.releaseSteps(s)))
}

// rollbackOperation gives the rollback that follows a failure the operation id of its own that AWS gives it.
func (w *world) rollbackOperation(s *stack, at time.Time) {
	old := s.Operation
	op := *old
	op.Type = types.OperationTypeRollback
	w.begin(s, &op, at)
}

// rollbackUpdate starts the way back from an update that failed, was cancelled, or was paused.
func (w *world) rollbackUpdate(s *stack, at time.Time, reason string) {
	w.rollbackOperation(s, at)
	op := s.Operation
	w.setStatus(s, at, types.StackStatusUpdateRollbackInProgress, reason)
	steps := s.restoreSteps(op)
	s.Deployed, s.Outputs = *op.Before, op.BeforeOutputs
	s.scope = nil
	w.next(s, at, phaseRollback, steps)
}

func (w *world) afterRollback(s *stack, at time.Time) {
	op := s.Operation
	if failed := op.failedSteps(stepRestore); len(failed) > 0 {
		w.pause(s, at, types.StackStatusUpdateRollbackFailed, failedSentence("update", failed))
		return
	}
	w.setStatus(s, at, types.StackStatusUpdateRollbackCompleteCleanupInProgress, "")
	if s.nested() {
		w.hold(s, at)
		return
	}
	w.next(s, at, phaseRollbackCleanup, slices.Concat(s.rollbackCleanupSteps(op), w.releaseSteps(s)))
}

func (w *world) afterDelete(s *stack, at time.Time) {
	if failed := s.Operation.failedSteps(stepDelete); len(failed) > 0 {
		w.finish(s, at, types.StackStatusDeleteFailed, failedSentence("delete", failed), types.ExecutionStatusExecuteFailed)
		return
	}
	s.Deleted = &at
	w.finish(s, at, types.StackStatusDeleteComplete, "", types.ExecutionStatusExecuteFailed)
	s.Outputs = nil
	w.dropChangeSets(s, at, "")
}

// next lets the operation go on with another phase.
func (w *world) next(s *stack, at time.Time, p phase, steps []*step) {
	op := s.Operation
	op.Phase, op.Steps, op.Begun, op.Failed, op.Reason = p, steps, false, false, ""
	w.stackDue(op, at)
}

// finish ends the operation.
func (w *world) finish(s *stack, at time.Time, status types.StackStatus, reason string, execution types.ExecutionStatus) {
	w.setStatus(s, at, status, reason)
	op := s.Operation
	s.endOperation(at, !succeededAs(op.Type, status))
	s.Operation, s.Paused = nil, nil
	if set := w.changeSetByID(op.ChangeSetID); set != nil && set.ExecutionStatus == types.ExecutionStatusExecuteInProgress {
		set.ExecutionStatus = execution
		w.dropChangeSets(s, at, set.ID)
		for _, id := range sortedIDs(set.Nested) {
			if nested := w.changeSetByID(set.Nested[id]); nested != nil && !nested.executed() {
				w.remove(at, nested)
			}
		}
	}
	if s.nested() {
		w.reportEnd(s, at)
	}
}

// pause ends the operation in a state from which it can be resumed or rolled back.
func (w *world) pause(s *stack, at time.Time, status types.StackStatus, reason string) {
	op := s.Operation
	w.finish(s, at, status, reason, types.ExecutionStatusExecuteFailed)
	s.Paused = op
	w.releaseRestored(s, at)
}

// failureReason words why an operation failed, with what follows it.
func (op *operation) failureReason(then string) string {
	sentence := ""
	if op.Reason != "" {
		sentence = op.Reason + ". "
		if strings.HasSuffix(op.Reason, ".") {
			sentence = op.Reason + " "
		}
	}
	if created := op.failedSteps(stepCreate); len(created) > 0 {
		sentence += failedSentence("create", created)
	}
	if updated := op.failedSteps(stepUpdate); len(updated) > 0 {
		sentence += failedSentence("update", updated)
	}
	return sentence + then
}

// failedSentence ends with a blank, as AWS's does.
func failedSentence(what string, ids []string) string {
	return fmt.Sprintf("The following resource(s) failed to %s: [%s]. ", what, strings.Join(ids, ", "))
}

// provisionSteps creates or updates every active resource, each after what it depends on. A resource that turns out
// to be unchanged ends silently: which ones depend on new values is known only on the way.
func (w *world) provisionSteps(s *stack) ([]*step, error) {
	scope, err := w.boundScope(s)
	if err != nil {
		return nil, err
	}
	var steps []*step
	for _, id := range scope.Active() {
		st := &step{LogicalID: id, Action: stepCreate, State: stepWaiting, Wait: scope.Dependencies(id)}
		if old := s.Resources[id]; exists(old) {
			st.Action, st.Old = stepUpdate, old
		}
		steps = append(steps, st)
	}
	return steps, nil
}

// exists says whether the stack owns a usable resource behind the row.
func exists(r *resource) bool {
	if r == nil {
		return false
	}
	switch r.Status {
	case types.ResourceStatusCreateFailed, types.ResourceStatusCreateInProgress, types.ResourceStatusDeleteComplete,
		types.ResourceStatusDeleteSkipped, types.ResourceStatusDeleteInProgress:
		return false
	default:
		return true
	}
}

// cleanupSteps deletes what an update left over: removed resources, the old halves of replacements, and what an
// earlier, paused operation had made without success.
func (s *stack) cleanupSteps(op *operation) []*step {
	var victims []*step
	for _, id := range sortedIDs(op.BeforeResources) {
		old := op.BeforeResources[id]
		current := s.Resources[id]
		switch {
		case !exists(old):
		case current == nil || !slices.ContainsFunc(op.Steps, func(st *step) bool { return st.LogicalID == id }):
			victims = append(victims, deletionStep(old, retains(old.DeletionPolicy)))
		case current.PhysicalID != old.PhysicalID:
			victims = append(victims, deletionStep(old, retains(current.UpdateReplacePolicy)))
		}
	}
	return s.inOrder(victims)
}

// inOrder adds what no row of the stack shows any more to the deletions of a phase, and orders them.
func (s *stack) inOrder(victims []*step) []*step {
	for _, r := range s.Debris {
		st := deletionStep(r, r.Status != types.ResourceStatusCreateFailed && retains(r.DeletionPolicy))
		st.Debris = true
		victims = append(victims, st)
	}
	orderDeletions(victims)
	return victims
}

// rollbackCleanupSteps deletes what a failed update had made.
func (s *stack) rollbackCleanupSteps(op *operation) []*step {
	var victims []*step
	for _, id := range sortedIDs(s.Resources) {
		r := s.Resources[id]
		if !exists(op.BeforeResources[id]) && r.Status != types.ResourceStatusDeleteComplete {
			victims = append(victims, deletionStep(r, retains(r.DeletionPolicy) && !op.RetainNew && !retainsExceptOnCreate(r.DeletionPolicy)))
		}
	}
	for _, st := range op.Steps {
		if st.Action == stepRestore && st.New != nil {
			victims = append(victims, deletionStep(st.New, false))
		}
	}
	return s.inOrder(victims)
}

// sweep remembers what an operation that ends before its clean-up has made or still had to delete, so that the deletion
// of the stack finds it: half-made replacements, and the old halves of those that were made.
func (s *stack) sweep(op *operation) {
	if op == nil {
		return
	}
	add := func(r resource) {
		known := func(other *resource) bool { return other.PhysicalID == r.PhysicalID }
		if current := s.Resources[r.LogicalID]; r.PhysicalID != "" && (current == nil || current.PhysicalID != r.PhysicalID) && !slices.ContainsFunc(s.Debris, known) {
			s.Debris = append(s.Debris, &r)
		}
	}
	for _, st := range op.Steps {
		switch {
		case st.Action == stepDelete && !st.final():
			add(*st.Old)
		case st.New != nil && (st.Action == stepRestore || st.Replaces && st.State != stepDone):
			half := *st.New
			half.Status = types.ResourceStatusCreateFailed
			add(half)
		case st.Replaces && st.Old != nil:
			old := *st.Old
			old.DeletionPolicy = st.New.UpdateReplacePolicy
			add(old)
		}
	}
}

// restoreSteps puts every resource back that the failed phase had touched. New holds the half-made replacement that
// is to be deleted afterwards.
func (s *stack) restoreSteps(op *operation) []*step {
	var steps []*step
	for _, st := range op.Steps {
		old := op.BeforeResources[st.LogicalID]
		touched := st.Action == stepUpdate && (st.State == stepFailed || st.State == stepCancelled || (st.State == stepDone && (st.Child != "" || !sameResource(st.Old, st.New))))
		if !touched || !exists(old) {
			continue
		}
		restore := &step{LogicalID: st.LogicalID, Action: stepRestore, State: stepWaiting, Old: old, Wait: old.DependsOn, Script: st.New.Metadata}
		if st.Replaces && st.New.PhysicalID != "" {
			restore.New = st.New
		}
		steps = append(steps, restore)
	}
	return steps
}

// deletionSteps deletes all that the stack holds, for a deletion or the rollback of a creation.
func (s *stack) deletionSteps(op *operation, rollback bool) []*step {
	var victims []*step
	for _, id := range sortedIDs(s.Resources) {
		r := s.Resources[id]
		if r.Status == types.ResourceStatusDeleteComplete || r.Status == types.ResourceStatusDeleteSkipped {
			continue
		}
		retain := retains(r.DeletionPolicy)
		if rollback {
			retain = retain && !op.RetainNew && !retainsExceptOnCreate(r.DeletionPolicy)
		}
		victims = append(victims, deletionStep(r, retain))
	}
	return s.inOrder(victims)
}

func deletionStep(r *resource, retain bool) *step {
	victim := *r
	return &step{LogicalID: r.LogicalID, Action: stepDelete, State: stepWaiting, Old: &victim, Retain: retain}
}

// orderDeletions lets each deletion wait for those of the resources that depend on it.
func orderDeletions(victims []*step) {
	for _, victim := range victims {
		for _, other := range victims {
			if other != victim && slices.Contains(other.Old.DependsOn, victim.LogicalID) && !slices.Contains(victim.Wait, other.LogicalID) {
				victim.Wait = append(victim.Wait, other.LogicalID)
			}
		}
	}
}

// retains says whether a policy keeps the physical resource when the stack lets go of it.
func retains(policy any) bool {
	return policy == "Retain" || policy == "RetainExceptOnCreate"
}

func retainsExceptOnCreate(policy any) bool { return policy == "RetainExceptOnCreate" }

func sortedIDs[V any](m map[string]V) []string {
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
