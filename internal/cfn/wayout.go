package cfn

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
)

// Next says in a word what a stack's status asks of people.
type Next string

// The words.
const (
	// NextGoOn: a deployment can begin.
	NextGoOn Next = "go on"
	// NextWait: an operation runs; its end must be awaited.
	NextWait Next = "wait"
	// NextClean: what is left must be removed first, and nothing is lost with it.
	NextClean Next = "clean"
	// NextHuman: a person must look, and decide.
	NextHuman Next = "a person"
)

// Nexts lists every word.
func Nexts() []Next { return []Next{NextGoOn, NextWait, NextClean, NextHuman} }

// Way is what leads out of one stack status.
type Way struct {
	// Status is empty in the row for those that this version does not know.
	Status types.StackStatus
	Phase  deployment.Phase
	Next   Next
	// Recovery is what `stackgate recover` proposes; where a stack turns out to hold resources, that it be deleted takes
	// the place of its removal.
	Recovery deployment.RecoveryAction
	// Means says what the status means, without a full stop.
	Means string
	// command leads out; aws does for stacks that no definition is known of, and where ours has none.
	command, aws string
}

// Whose says whose stack it is. Service and Environment are empty where no definition of it is known.
type Whose struct {
	Service, Environment, StackName string
}

const (
	deployCommand  = "stackgate deploy {service} -e {environment}"
	recoverCommand = "stackgate recover {service} -e {environment}"

	lookCommand   = "aws cloudformation describe-stack-events --stack-name {stack}"
	removeCommand = "aws cloudformation delete-stack --stack-name {stack}"
	retainCommand = removeCommand + " --retain-resources LOGICAL_ID"
	waitCommand   = "aws cloudformation wait stack-"
	waitStack     = "-complete --stack-name {stack}"
)

// ways is never written to. Evidence: CreateChangeSet's ChangeSetType, the references of ContinueUpdateRollback,
// RollbackStack and DeleteStack, and the answers collected in reference/cloudformation.md 2.2.
var ways = [...]Way{
	{Status: types.StackStatusReviewInProgress, Phase: deployment.PhaseReviewShell, Next: NextGoOn, Recovery: deployment.RecoverRemoveEmpty,
		Means: "only change sets that were never executed hold the name", command: deployCommand, aws: removeCommand},

	{Status: types.StackStatusCreateComplete, Phase: deployment.PhaseReady, Next: NextGoOn,
		Means: "the stack was created", command: deployCommand},
	{Status: types.StackStatusUpdateComplete, Phase: deployment.PhaseReady, Next: NextGoOn,
		Means: "the stack was updated", command: deployCommand},
	{Status: types.StackStatusUpdateRollbackComplete, Phase: deployment.PhaseReady, Next: NextGoOn,
		Means: "an update failed, and the stack is back to what it was", command: deployCommand},
	{Status: types.StackStatusImportComplete, Phase: deployment.PhaseReady, Next: NextGoOn,
		Means: "resources were imported", command: deployCommand},
	{Status: types.StackStatusImportRollbackComplete, Phase: deployment.PhaseReady, Next: NextGoOn,
		Means: "an import failed, and the stack is back to what it was", command: deployCommand},
	{Status: types.StackStatusDeleteComplete, Phase: deployment.PhaseAbsent, Next: NextGoOn,
		Means: "the stack was deleted", command: deployCommand},

	{Status: types.StackStatusCreateInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "the stack is being created", aws: waitCommand + "create" + waitStack},
	{Status: types.StackStatusRollbackInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "a creation failed and is being undone", aws: lookCommand},
	{Status: types.StackStatusDeleteInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "the stack is being deleted", aws: waitCommand + "delete" + waitStack},
	{Status: types.StackStatusUpdateInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "the stack is being updated", aws: waitCommand + "update" + waitStack},
	// The stack serves already, but CloudFormation refuses the next operation until the clean-up is over.
	{Status: types.StackStatusUpdateCompleteCleanupInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "the stack was updated, and what it no longer needs is being deleted", aws: waitCommand + "update" + waitStack},
	{Status: types.StackStatusUpdateRollbackInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "an update failed and is being undone", aws: waitCommand + "rollback" + waitStack},
	{Status: types.StackStatusUpdateRollbackCompleteCleanupInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "an update was undone, and what it had made is being deleted", aws: waitCommand + "rollback" + waitStack},
	{Status: types.StackStatusImportInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "resources are being imported", aws: waitCommand + "import" + waitStack},
	{Status: types.StackStatusImportRollbackInProgress, Phase: deployment.PhaseBusy, Next: NextWait,
		Means: "an import failed and is being undone", aws: lookCommand},

	{Status: types.StackStatusRollbackComplete, Phase: deployment.PhaseFailedCreateEmpty, Next: NextClean, Recovery: deployment.RecoverRemoveEmpty,
		Means: "the first creation was rolled back; the stack must go before it can be made again", command: recoverCommand, aws: removeCommand},

	{Status: types.StackStatusCreateFailed, Phase: deployment.PhasePaused, Next: NextHuman, Recovery: deployment.RecoverRollBack,
		Means: "the creation failed with rollback disabled; what was made is still there", command: recoverCommand,
		aws: "aws cloudformation rollback-stack --stack-name {stack}"},
	{Status: types.StackStatusUpdateFailed, Phase: deployment.PhasePaused, Next: NextHuman, Recovery: deployment.RecoverRollBack,
		Means: "an update failed with rollback disabled; the stack stands half-way", command: recoverCommand,
		aws: "aws cloudformation rollback-stack --stack-name {stack}"},

	{Status: types.StackStatusUpdateRollbackFailed, Phase: deployment.PhaseStuck, Next: NextHuman, Recovery: deployment.RecoverContinueRollback,
		Means: "an update failed, and so did going back; mend what stopped the rollback, then continue it", command: recoverCommand,
		aws: "aws cloudformation continue-update-rollback --stack-name {stack}"},
	// CDK and AWS's texts agree: nothing but a deletion leads out of it.
	{Status: types.StackStatusRollbackFailed, Phase: deployment.PhaseStuck, Next: NextHuman, Recovery: deployment.RecoverDelete,
		Means: "the first creation failed, and so did deleting what it had made; mend what stopped the deletion, then delete the stack", command: recoverCommand,
		aws: removeCommand},
	{Status: types.StackStatusDeleteFailed, Phase: deployment.PhaseStuck, Next: NextHuman, Recovery: deployment.RecoverDelete,
		Means: "the stack could not be deleted; mend what stopped it, then delete it again", command: recoverCommand,
		aws: retainCommand},
	// ContinueUpdateRollback takes UPDATE_ROLLBACK_FAILED only (its API reference).
	{Status: types.StackStatusImportRollbackFailed, Phase: deployment.PhaseStuck, Next: NextHuman,
		Means: "an import failed, and so did undoing it; no call that we know leads out of it safely", aws: lookCommand},
}

var unknownWay = Way{
	Phase: deployment.PhaseUnknown, Next: NextHuman,
	Means: "this version of stackgate does not know the status; look at the stack before anything else", aws: lookCommand,
}

// Ways lists the way out of every status that this version knows, and at the end that of all others.
func Ways() []Way {
	all := make([]Way, 0, len(ways)+1)
	for _, way := range ways {
		all = append(all, way.whole())
	}
	return append(all, unknownWay.whole())
}

// WayOf returns the way out of a status.
func WayOf(status types.StackStatus) Way {
	for i := range ways {
		if ways[i].Status == status {
			return ways[i].whole()
		}
	}
	way := unknownWay.whole()
	way.Status = status
	return way
}

func (w Way) whole() Way {
	if w.Recovery == "" {
		w.Recovery = deployment.RecoverNothing
	}
	return w
}

// Command is what to type next.
func (w Way) Command(of Whose) string {
	command := w.command
	if command == "" || of.Service == "" {
		command = w.aws
	}
	return strings.NewReplacer("{service}", of.Service, "{environment}", of.Environment, "{stack}", of.StackName).Replace(command)
}

// Advice says in a sentence what the status means and what to type.
func (w Way) Advice(of Whose) string {
	command := w.Command(of)
	if command == "" {
		return "nothing stands in the way of a deployment"
	}
	switch w.Next {
	case NextGoOn:
		return "nothing stands in the way of a deployment: " + command
	case NextWait:
		return w.Means + "; wait for its end: " + command
	case NextClean, NextHuman:
	}
	return w.Means + ": " + command
}

// PhaseOf says what a stack in this status can take. A status that the SDK does not know is PhaseUnknown.
func PhaseOf(status types.StackStatus) deployment.Phase { return WayOf(status).Phase }

// WayOut advises what leads out of a status.
func WayOut(status types.StackStatus, of Whose) string { return WayOf(status).Advice(of) }
