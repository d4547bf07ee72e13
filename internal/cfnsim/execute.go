package cfnsim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func isChangeSetNotFound(err error) bool {
	var missing *types.ChangeSetNotFoundException
	return errors.As(err, &missing)
}

// invalidChangeSetStatus words the refusal by whichever of the two statuses forbids the action.
func invalidChangeSetStatus(set *changeSet, action string) error {
	subject, status := "status", string(set.Status)
	if set.Status == types.ChangeSetStatusCreateComplete {
		subject, status = "execution status", string(set.ExecutionStatus)
	}
	return &types.InvalidChangeSetStatusException{Message: aws.String(
		fmt.Sprintf("ChangeSet [%s] cannot be %s in its current %s of [%s]", set.ID, action, subject, status))}
}

func (r *request) executeChangeSet(in *cloudformation.ExecuteChangeSetInput) (*cloudformation.ExecuteChangeSetOutput, error) {
	set, s, err := r.changeSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientRequestToken)
	if done, err := r.executed(s, set, token); done || err != nil {
		return &cloudformation.ExecuteChangeSetOutput{}, err
	}
	if set.OnStackFailure != "" && in.DisableRollback != nil {
		return nil, validationError("DisableRollback cannot be specified when OnStackFailure was specified for the change set")
	}
	noRollback := aws.ToBool(in.DisableRollback) || set.OnStackFailure == types.OnStackFailureDoNothing
	if err := checkExecutable(s, set, noRollback); err != nil {
		return nil, err
	}
	r.startExecution(s, set, in, noRollback)
	r.changed = true
	return &cloudformation.ExecuteChangeSetOutput{}, nil
}

// executed recognises a repeated call. AWS does not document its answer; that a repetition with the same token
// succeeds and does nothing is what the token's documentation suggests.
func (r *request) executed(s *stack, set *changeSet, token string) (bool, error) {
	if set.Status == types.ChangeSetStatusCreateComplete && set.ExecutionStatus == types.ExecutionStatusAvailable {
		if token != "" && slices.Contains(s.Tokens, token) {
			return false, &types.TokenAlreadyExistsException{Message: aws.String(fmt.Sprintf("A client request token %s already exists", token))}
		}
		return false, nil
	}
	if token != "" && s.ChangeSetID == set.ID && len(s.Tokens) > 0 && s.Tokens[len(s.Tokens)-1] == token {
		return true, nil
	}
	return false, invalidChangeSetStatus(set, "executed")
}

func checkExecutable(s *stack, set *changeSet, noRollback bool) error {
	if set.Type == types.ChangeSetTypeCreate {
		if s.Status != types.StackStatusReviewInProgress {
			return validationError("Stack [%s] already exists and cannot be created again with the changeSet [%s].", s.Name, set.Name)
		}
		return nil
	}
	if !updatable(s.Status) {
		return validationError("Stack:%s is in %s state and can not be updated.", s.ID, s.Status)
	}
	if (s.Status == types.StackStatusCreateFailed || s.Status == types.StackStatusUpdateFailed) && !noRollback {
		return validationError("Stack:%s is in %s state and can only be updated with rollback disabled.", s.ID, s.Status)
	}
	return nil
}

func (r *request) startExecution(s *stack, set *changeSet, in *cloudformation.ExecuteChangeSetInput, noRollback bool) {
	creates := set.Type == types.ChangeSetTypeCreate
	op := &operation{
		Type: types.OperationTypeUpdateStack, Token: aws.ToString(in.ClientRequestToken), Phase: phaseProvision,
		NoRollback: noRollback, OnFailure: set.OnStackFailure, Creates: creates, RetainNew: aws.ToBool(in.RetainExceptOnCreate),
	}
	if creates {
		op.Type = types.OperationTypeCreateStack
	} else {
		op.keepBefore(s)
	}
	if r.options.StaleReads > 0 {
		s.Stale = &staleRead{Left: r.options.StaleReads, Status: s.Status, Reason: s.Reason, ChangeSetID: s.ChangeSetID}
	}
	r.w.deploy(s, op, set.Target, set, r.now)
}

// deploy starts an operation that makes the target of the stack. set is nil for a nested stack whose change set was
// not made.
func (w *world) deploy(s *stack, op *operation, target deployment, set *changeSet, at time.Time) {
	s.Deployed, s.ChangeSetID, s.DisableRollback, s.RetainNew, s.Updated = target, "", op.NoRollback, op.RetainNew, &at
	if set != nil {
		op.ChangeSetID, s.ChangeSetID = set.ID, set.ID
		set.ExecutionStatus, set.Named = types.ExecutionStatusExecuteInProgress, false
	}
	for _, sibling := range w.stackChangeSets(s) {
		sibling.ExecutionStatus, sibling.Due = types.ExecutionStatusObsolete, nil
	}
	w.begin(s, op, at)
	s.Paused = nil
	status := types.StackStatusUpdateInProgress
	if op.Creates {
		status = types.StackStatusCreateInProgress
	}
	w.setStatus(s, at, status, "User Initiated")
	steps, err := w.provisionSteps(s)
	if err != nil {
		// The template was bound when the change set was made; only an export that vanished since can fail here.
		op.Failed, op.Reason = true, err.Error()
	}
	op.Steps = steps
	w.scriptEvents(s)
}

// keepBefore remembers what a rollback of the coming update returns to: the last stable state, also when the update
// continues one that had paused.
func (op *operation) keepBefore(s *stack) {
	op.NeverStable = s.Status == types.StackStatusCreateFailed || (s.Paused != nil && s.Paused.NeverStable)
	if s.Paused != nil && s.Paused.Before != nil {
		op.Before, op.BeforeResources, op.BeforeOutputs = s.Paused.Before, s.Paused.BeforeResources, s.Paused.BeforeOutputs
		return
	}
	before := s.Deployed
	op.Before, op.BeforeResources, op.BeforeOutputs = &before, maps.Clone(s.Resources), s.Outputs
}
