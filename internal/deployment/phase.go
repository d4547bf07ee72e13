package deployment

import "slices"

// Phase says, before a change set is made, what a stack can take. Every CloudFormation stack status has exactly one.
type Phase string

// The phases.
const (
	// PhaseAbsent: there is no stack of that name.
	PhaseAbsent Phase = "absent"
	// PhaseReviewShell: only a change set that was never executed holds the name (REVIEW_IN_PROGRESS).
	PhaseReviewShell Phase = "review-shell"
	// PhaseReady: the stack is at rest and takes an update.
	PhaseReady Phase = "ready"
	// PhaseBusy: an operation runs, clean-up included.
	PhaseBusy Phase = "busy"
	// PhaseFailedCreateEmpty: the first creation was rolled back (ROLLBACK_COMPLETE); the stack must go before it can be made again.
	PhaseFailedCreateEmpty Phase = "failed-create-empty"
	// PhasePaused: an operation failed with rollback disabled; only a continuation without rollback or RollbackStack is taken.
	PhasePaused Phase = "paused"
	// PhaseStuck: a rollback or deletion failed; a person must decide.
	PhaseStuck Phase = "stuck"
	// PhaseUnknown: a status that this version does not know.
	PhaseUnknown Phase = "unknown"
)

// Phases lists every phase.
func Phases() []Phase {
	return []Phase{
		PhaseAbsent, PhaseReviewShell, PhaseReady, PhaseBusy, PhaseFailedCreateEmpty, PhasePaused, PhaseStuck, PhaseUnknown,
	}
}

// Settlement says, after a change set was executed, where our own operation has come to.
type Settlement string

// The settlements.
const (
	// SettlementNotStarted: the change set is still waiting; nothing was executed.
	SettlementNotStarted Settlement = "not-started"
	// SettlementMoving: the operation runs.
	SettlementMoving Settlement = "moving"
	// SettlementSucceeded: the stack is complete (clean-up may still run).
	SettlementSucceeded Settlement = "succeeded"
	// SettlementRolledBack: the operation failed and was undone.
	SettlementRolledBack Settlement = "rolled-back"
	// SettlementPaused: the operation failed with rollback disabled.
	SettlementPaused Settlement = "paused"
	// SettlementStuck: rolling back failed as well.
	SettlementStuck Settlement = "stuck"
	// SettlementUnknown: a status that this version does not know.
	SettlementUnknown Settlement = "unknown"
)

// Settlements lists every settlement.
func Settlements() []Settlement {
	return []Settlement{
		SettlementNotStarted, SettlementMoving, SettlementSucceeded, SettlementRolledBack, SettlementPaused, SettlementStuck,
		SettlementUnknown,
	}
}

// AtRest says whether no operation of ours runs any more.
func (s Settlement) AtRest() bool {
	switch s {
	case SettlementNotStarted, SettlementSucceeded, SettlementRolledBack, SettlementPaused, SettlementStuck:
		return true
	case SettlementMoving, SettlementUnknown:
		return false
	}
	return false
}

// Stage is how far a deployment has come, for people and for the rules of who may still do what.
type Stage string

// The stages, in their order.
const (
	StageRequested Stage = "requested"
	StageQueued    Stage = "queued"
	StagePlanning  Stage = "planning"
	StageAwaiting  Stage = "awaiting-approval"
	StageVerifying Stage = "verifying"
	StageExecuting Stage = "executing"
	StageFinished  Stage = "finished"
)

// Stages lists every stage in its order.
func Stages() []Stage {
	return []Stage{StageRequested, StageQueued, StagePlanning, StageAwaiting, StageVerifying, StageExecuting, StageFinished}
}

// Cancellable says whether a deployment at this stage can still be called off or superseded without touching its stack.
func (s Stage) Cancellable() bool {
	switch s {
	case StageRequested, StageQueued, StagePlanning, StageAwaiting, StageVerifying:
		return true
	case StageExecuting, StageFinished:
		return false
	}
	return false
}

// Intent is why a flow runs.
type Intent string

// The intents.
const (
	// IntentDeploy: to execute the change set once it is approved.
	IntentDeploy Intent = "deploy"
	// IntentPlan: to make the review only.
	IntentPlan Intent = "plan"
	// IntentRecover: to lead the stack out of a status that takes no deployment, once that is approved.
	IntentRecover Intent = "recover"
)

// Intents lists every intent.
func Intents() []Intent { return []Intent{IntentDeploy, IntentPlan, IntentRecover} }

// Outcomes lists the outcomes that a flow with this intent can have: the end states of its state machine.
func (i Intent) Outcomes() []Outcome {
	switch i {
	case IntentDeploy, IntentPlan:
		return slices.DeleteFunc(Outcomes(), func(o Outcome) bool { return o == OutcomeRecovered })
	case IntentRecover:
		return []Outcome{
			OutcomeRecovered, OutcomeRejected, OutcomeExpired, OutcomeSuperseded, OutcomeStale, OutcomeCancelled, OutcomeBlocked,
			OutcomeFailedBeforeChange, OutcomeFailedNeedsHuman,
		}
	}
	return Outcomes()
}

// Sentence tells an operator what a flow with this intent has left behind, and what to do next.
func (i Intent) Sentence(o Outcome) string {
	if i == IntentRecover {
		return o.recoverySentence()
	}
	return o.Sentence()
}

// Ending is what is known of a deployment when it is finished.
type Ending struct {
	Intent Intent
	// Fault is empty where none stopped the flow.
	Fault Fault
	// Executed says whether the change set was, or may have been, executed.
	Executed bool
	// Settlement is empty where the stack was not looked at after an execution.
	Settlement Settlement
	// ChangeSetEmpty says that CloudFormation found nothing to change.
	ChangeSetEmpty bool
}

// Outcome concludes how the deployment ended. What the stack itself says outweighs every fault: a tail that could not be
// read does not make a failed stack a deployed one.
func (e Ending) Outcome() Outcome {
	if e.Intent == IntentRecover {
		return e.recoveryOutcome()
	}
	if e.Executed {
		switch e.Settlement {
		case SettlementSucceeded:
			return OutcomeDeployed
		case SettlementRolledBack:
			return OutcomeFailedRolledBack
		case SettlementPaused:
			return OutcomeFailedPaused
		case SettlementNotStarted:
			return e.faultOutcome(OutcomeFailedBeforeChange)
		case SettlementStuck, SettlementMoving, SettlementUnknown:
			return OutcomeFailedNeedsHuman
		}
		return OutcomeFailedNeedsHuman
	}
	if e.Fault != "" {
		return e.faultOutcome(OutcomeFailedBeforeChange)
	}
	if e.ChangeSetEmpty {
		return OutcomeNoChange
	}
	if e.Intent == IntentPlan {
		return OutcomePlanned
	}
	return OutcomeFailedBeforeChange
}

// recoveryOutcome: a recovery either led the stack out, or was not begun, or a person must look.
func (e Ending) recoveryOutcome() Outcome {
	switch {
	case e.Executed && e.Settlement == SettlementSucceeded:
		return OutcomeRecovered
	case e.Executed && e.Settlement != SettlementNotStarted:
		return OutcomeFailedNeedsHuman
	}
	return e.faultOutcome(OutcomeFailedBeforeChange)
}

func (e Ending) faultOutcome(none Outcome) Outcome {
	if e.Fault == "" {
		return none
	}
	return e.Fault.Outcome()
}
