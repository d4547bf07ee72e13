package deployment

import (
	"regexp"
	"slices"
	"time"
)

// Recovery is what a recovery was asked to do beyond what its stack's status says. The zero value asks for nothing
// beyond.
type Recovery struct {
	// Skip names the resources that a continued rollback leaves as they are: logical ids, those inside nested stacks
	// behind the logical ids of the stacks, as "Network.Table".
	Skip []string `json:"skip,omitempty"`
	// Retain names the resources that the deletion of a stack in DELETE_FAILED leaves behind.
	Retain []string `json:"retain,omitempty"`
	// Force deletes a stack in DELETE_FAILED whatever of it cannot be deleted (FORCE_DELETE_STACK).
	Force bool `json:"force,omitempty"`
}

// maxNamed bounds the resources that a recovery names: a nested-stack operation has 2,500 resources at most.
const maxNamed = 2500

// A logical id is alphanumeric (template anatomy, Resources). Names of nested stacks, which may stand before it, also
// have hyphens. Reviews write paths with a slash, which is taken too.
var resourcePattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9./-]{0,510}[A-Za-z0-9])?$`)

// Validate says what is wrong with the form of the names, and what does not go together.
func (r Recovery) Validate() error {
	for _, names := range [][]string{r.Skip, r.Retain} {
		if len(names) > maxNamed {
			return Faultf(InvalidRequest, "%d resources are named, and a stack operation has at most %d", len(names), maxNamed)
		}
		for i, name := range names {
			if !resourcePattern.MatchString(name) {
				return Faultf(InvalidRequest, "%q cannot name a resource; give its logical id, as Table or Network.Table", name)
			}
			if slices.Contains(names[:i], name) {
				return Faultf(InvalidRequest, "resource %s is named twice; keep one", name)
			}
		}
	}
	if len(r.Skip) > 0 && (len(r.Retain) > 0 || r.Force) {
		return Faultf(InvalidRequest, "a rollback skips resources and a deletion retains them; name either, not both")
	}
	if len(r.Retain) > 0 && r.Force {
		return Faultf(InvalidRequest, "a forced deletion leaves behind whatever it cannot delete; name what to retain or force it, not both")
	}
	return nil
}

// RecoveryAction is what leads a stack out of a status that takes no deployment.
type RecoveryAction string

// The recovery actions.
const (
	// RecoverNothing: there is nothing that a recovery could do.
	RecoverNothing RecoveryAction = "nothing"
	// RecoverRemoveEmpty deletes a stack that holds nothing.
	RecoverRemoveEmpty RecoveryAction = "remove-empty"
	// RecoverDelete deletes a stack that holds resources, each of which is named and acknowledged.
	RecoverDelete RecoveryAction = "delete"
	// RecoverContinueRollback goes on with the rollback of an update that stopped (ContinueUpdateRollback).
	RecoverContinueRollback RecoveryAction = "continue-rollback"
	// RecoverRollBack undoes an operation that failed with rollback disabled (RollbackStack).
	RecoverRollBack RecoveryAction = "roll-back"
)

// RecoveryActions lists every recovery action.
func RecoveryActions() []RecoveryAction {
	return []RecoveryAction{RecoverNothing, RecoverRemoveEmpty, RecoverDelete, RecoverContinueRollback, RecoverRollBack}
}

// Operation is the CloudFormation call that does it; empty for none.
func (a RecoveryAction) Operation() string {
	switch a {
	case RecoverNothing:
		return ""
	case RecoverRemoveEmpty, RecoverDelete:
		return "DeleteStack"
	case RecoverContinueRollback:
		return "ContinueUpdateRollback"
	case RecoverRollBack:
		return "RollbackStack"
	}
	return ""
}

// Operation is one of ours upon a stack: the execution of a change set, or a recovery.
type Operation struct {
	// StackID is the stack's ARN.
	StackID string
	// ChangeSetARN is empty for a recovery.
	ChangeSetARN string
	// Recovery is empty for the execution of a change set.
	Recovery RecoveryAction
	// Token is the client request token of the recovery's call, At when it was made.
	Token string
	At    time.Time
}
