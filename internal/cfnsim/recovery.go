package cfnsim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func (r *request) deleteStack(in *cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
	out := &cloudformation.DeleteStackOutput{}
	s := r.w.find(r.account, r.region, *in.StackName)
	// A stack that is not there, or is going already, is not an error.
	if s == nil || s.Status == types.StackStatusDeleteComplete || s.Status == types.StackStatusDeleteInProgress {
		return out, nil
	}
	force := in.DeletionMode == types.DeletionModeForceDeleteStack
	if err := checkDeletable(s, in, force); err != nil {
		return nil, err
	}
	r.changed = true
	s.DeletionMode = in.DeletionMode
	s.keepRole(in.RoleARN)
	op := &operation{Type: types.OperationTypeDeleteStack, Token: aws.ToString(in.ClientRequestToken), Phase: phaseDelete, Force: force}
	r.w.startDeletion(s, op, in.RetainResources, r.now)
	return out, nil
}

// startDeletion begins the deletion of a stack, which ends whatever else is going on with it.
func (w *world) startDeletion(s *stack, op *operation, retained []string, at time.Time) {
	interrupted := s.Operation
	if interrupted != nil {
		for _, st := range interrupted.Steps {
			if st.inFlight() && (st.Action == stepCreate || st.Action == stepUpdate) {
				w.cancelStep(s, st, at)
			}
		}
		if set := w.changeSetByID(interrupted.ChangeSetID); set != nil {
			set.ExecutionStatus = types.ExecutionStatusExecuteFailed
		}
	}
	s.sweep(interrupted)
	s.sweep(s.Paused)
	s.Operation, s.Paused = nil, nil
	w.begin(s, op, at)
	if s.Status == types.StackStatusReviewInProgress {
		// Nothing was ever made: the stack is gone at once, with its change sets.
		s.Operation = nil
		s.endOperation(at, false)
		s.Deleted = &at
		w.setStatus(s, at, types.StackStatusDeleteComplete, "User Initiated")
		w.dropChangeSets(s, at, "")
		return
	}
	w.setStatus(s, at, types.StackStatusDeleteInProgress, "User Initiated")
	op.Steps = s.deletionSteps(op, false)
	for _, st := range op.Steps {
		st.Retain = st.Retain || slices.Contains(retained, st.LogicalID)
	}
}

func checkDeletable(s *stack, in *cloudformation.DeleteStackInput, force bool) error {
	if s.Status != types.StackStatusDeleteFailed && len(in.RetainResources) > 0 {
		return validationError("Invalid operation on stack [%s]. When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.", s.ID)
	}
	if s.Status != types.StackStatusDeleteFailed && force {
		return validationError("Invalid operation on stack [%s]. FORCE_DELETE_STACK is accepted only when the stack is in the DELETE_FAILED state.", s.ID)
	}
	for _, id := range in.RetainResources {
		if s.Resources[id] == nil {
			return validationError("The following resources to retain do not exist in stack [%s]: [%s]", s.Name, id)
		}
	}
	switch s.Status {
	case types.StackStatusUpdateInProgress, types.StackStatusUpdateCompleteCleanupInProgress, types.StackStatusUpdateRollbackInProgress,
		types.StackStatusUpdateRollbackCompleteCleanupInProgress:
		return validationError("Stack [%s] cannot be deleted while in status %s", s.ID, s.Status)
	default:
		return nil
	}
}

// keepRole remembers a role: it sticks to the stack for every later operation.
func (s *stack) keepRole(arn *string) {
	if arn != nil {
		s.Deployed.RoleARN = *arn
	}
}

// living finds a stack for the operations that bring it back into order.
func (r *request) living(name string) (*stack, error) {
	s := r.w.find(r.account, r.region, name)
	if s == nil {
		return nil, validationError("Stack [%s] does not exist", name)
	}
	return s, nil
}

func (r *request) cancelUpdateStack(in *cloudformation.CancelUpdateStackInput) (*cloudformation.CancelUpdateStackOutput, error) {
	s, err := r.living(*in.StackName)
	if err != nil {
		return nil, err
	}
	if s.nested() {
		return nil, validationError("CancelUpdateStack cannot be invoked on child stacks")
	}
	if s.Status != types.StackStatusUpdateInProgress || s.Operation == nil {
		return nil, validationError("CancelUpdateStack cannot be called from current stack status")
	}
	r.changed = true
	op := s.Operation
	op.NoRollback = false
	if token := aws.ToString(in.ClientRequestToken); token != "" {
		op.Token = token
	}
	r.w.fail(s, r.now, "")
	for _, st := range op.Steps {
		if st.State == stepWaiting {
			st.State = stepDropped
		}
	}
	r.w.rollbackUpdate(s, r.now, "User Initiated")
	return &cloudformation.CancelUpdateStackOutput{}, nil
}

func (r *request) continueUpdateRollback(in *cloudformation.ContinueUpdateRollbackInput) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	s, err := r.living(*in.StackName)
	if err != nil {
		return nil, err
	}
	force := aws.ToBool(in.ForceRollback)
	switch {
	case s.nested():
		return nil, validationError("RollbackUpdatedStack cannot be invoked on child stacks")
	case force && len(in.ResourcesToSkip) > 0:
		return nil, validationError("ForceRollback and ResourcesToSkip cannot be specified together.")
	case s.Status != types.StackStatusUpdateRollbackFailed || s.Paused == nil:
		return nil, validationError("Stack:%s is in %s state and can not continue to rollback.", s.ID, s.Status)
	}
	if wrong := slices.DeleteFunc(slices.Clone(in.ResourcesToSkip), func(name string) bool { return r.w.skippable(s, name) }); len(wrong) > 0 {
		return nil, validationError("The following resources to skip are not in UPDATE_FAILED state: [%s]", strings.Join(wrong, ", "))
	}
	r.changed = true
	s.keepRole(in.RoleARN)
	r.w.continueRollback(s, &operation{Token: aws.ToString(in.ClientRequestToken), Skip: in.ResourcesToSkip, SkipAll: force}, r.now)
	return &cloudformation.ContinueUpdateRollbackOutput{}, nil
}

// skippable says whether a continued rollback of the stack may leave the named resource as it is: one that the rollback
// could not restore, of a nested stack as StackName.LogicalId. A nested stack itself only when it is not there any more.
func (w *world) skippable(s *stack, name string) bool {
	if owner, id, dotted := strings.Cut(name, "."); dotted {
		for _, other := range w.Stacks {
			if other.Name == owner && other.nested() && w.root(other) == s {
				return w.unrestored(other, id)
			}
		}
		return false
	}
	return w.unrestored(s, name)
}

func (w *world) unrestored(s *stack, id string) bool {
	res := s.Resources[id]
	if res == nil || res.Status != types.ResourceStatusUpdateFailed {
		return false
	}
	child := w.child(res)
	return child == nil || strings.HasPrefix(string(child.Status), "DELETE_")
}

// skips says whether the continued rollback leaves the resource as it is.
func (w *world) skips(s *stack, op *operation, id string) bool {
	if !w.unrestored(s, id) {
		return false
	}
	name := id
	if s.nested() {
		name = s.Name + "." + id
	}
	return op.SkipAll || slices.Contains(op.Skip, name)
}

// continueRollback goes on with a rollback that failed. demand says who asked and what to skip.
func (w *world) continueRollback(s *stack, demand *operation, at time.Time) {
	op := *s.Paused
	op.Type, op.Token, op.Phase, op.Skip, op.SkipAll = types.OperationTypeContinueRollback, demand.Token, phaseRollback, demand.Skip, demand.SkipAll
	op.Begun, op.Failed, op.Reason = false, false, ""
	w.begin(s, &op, at)
	s.Paused = nil
	w.setStatus(s, at, types.StackStatusUpdateRollbackInProgress, "User Initiated")
	for _, st := range op.Steps {
		switch {
		case w.skips(s, &op, st.LogicalID):
			// A skipped resource counts as rolled back, whatever it really is.
			st.State = stepDone
			skipped := *s.Resources[st.LogicalID]
			w.mark(s, &skipped, at, types.ResourceStatusUpdateComplete, "Resource skipped during rollback")
			s.Resources[st.LogicalID] = &skipped
		case st.State != stepDone:
			st.State, st.Fails, st.Child, st.Awaits = stepWaiting, "", "", false
		}
	}
}

// rollbackStack undoes an operation that paused because rollback was disabled. A stack that never was stable is
// deleted, as the API reference says.
func (r *request) rollbackStack(in *cloudformation.RollbackStackInput) (*cloudformation.RollbackStackOutput, error) {
	s, err := r.living(*in.StackName)
	if err != nil {
		return nil, err
	}
	if s.nested() {
		return nil, validationError("RollbackStack cannot be invoked on child stacks")
	}
	paused := s.Paused
	if paused == nil || (s.Status != types.StackStatusCreateFailed && s.Status != types.StackStatusUpdateFailed) {
		return nil, validationError("Stack:%s is in %s state and can not be rolled back.", s.ID, s.Status)
	}
	r.changed = true
	s.keepRole(in.RoleARN)
	op := *paused
	op.Token, op.RetainNew, op.NoRollback = aws.ToString(in.ClientRequestToken), aws.ToBool(in.RetainExceptOnCreate), false
	s.Operation, s.Paused = &op, nil
	if op.Creates || op.NeverStable {
		op.Type, op.Phase = types.OperationTypeRollback, phaseDelete
		op.Steps = s.deletionSteps(&op, true)
		op.Begun, op.Failed, op.Reason = false, false, ""
		r.w.begin(s, &op, r.now)
		r.w.setStatus(s, r.now, types.StackStatusDeleteInProgress, "User Initiated")
	} else {
		r.w.rollbackUpdate(s, r.now, "User Initiated")
	}
	return &cloudformation.RollbackStackOutput{StackId: &s.ID, OperationId: aws.String(s.Operation.ID)}, nil
}
