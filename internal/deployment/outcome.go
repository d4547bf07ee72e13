package deployment

// Outcome is how a deployment ended. The set is closed, and each is an end state of the state machine.
type Outcome string

// The outcomes up to OutcomeBlocked are ends in which nothing broke; the rest are failures.
const (
	OutcomeDeployed   Outcome = "Deployed"
	OutcomeNoChange   Outcome = "NoChange"
	OutcomePlanned    Outcome = "Planned"
	OutcomeRecovered  Outcome = "Recovered"
	OutcomeRejected   Outcome = "Rejected"
	OutcomeExpired    Outcome = "Expired"
	OutcomeSuperseded Outcome = "Superseded"
	OutcomeStale      Outcome = "Stale"
	OutcomeCancelled  Outcome = "Cancelled"
	OutcomeBlocked    Outcome = "Blocked"

	OutcomeFailedBeforeChange Outcome = "FailedBeforeChange"
	OutcomeFailedRolledBack   Outcome = "FailedRolledBack"
	OutcomeFailedPaused       Outcome = "FailedPaused"
	OutcomeFailedNeedsHuman   Outcome = "FailedNeedsHuman"
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeDeployed, OutcomeNoChange, OutcomePlanned, OutcomeRecovered, OutcomeRejected, OutcomeExpired, OutcomeSuperseded,
		OutcomeStale, OutcomeCancelled, OutcomeBlocked,
		OutcomeFailedBeforeChange, OutcomeFailedRolledBack, OutcomeFailedPaused, OutcomeFailedNeedsHuman,
	}
}

// Failed says whether something broke. An unknown outcome counts as a failure.
func (o Outcome) Failed() bool {
	switch o {
	case OutcomeDeployed, OutcomeNoChange, OutcomePlanned, OutcomeRecovered, OutcomeRejected, OutcomeExpired, OutcomeSuperseded,
		OutcomeStale, OutcomeCancelled, OutcomeBlocked:
		return false
	case OutcomeFailedBeforeChange, OutcomeFailedRolledBack, OutcomeFailedPaused, OutcomeFailedNeedsHuman:
		return true
	}
	return true
}

// Sentence tells an operator what is left behind and what to do next.
func (o Outcome) Sentence() string {
	switch o {
	case OutcomeDeployed:
		return "The approved change set was executed and the stack is complete; nothing is left to do."
	case OutcomeNoChange:
		return "The stack already is what the template says; nothing was executed and no change set is left behind."
	case OutcomePlanned:
		return "The review was made, nothing was executed, and the change set was deleted; deploy to have it approved and executed."
	case OutcomeRecovered:
		return "The approved recovery was performed, and the stack takes deployments again."
	case OutcomeRejected:
		return "An approver rejected the change set; it was deleted and the stack is untouched. Change the template and deploy again."
	case OutcomeExpired:
		return "Nobody decided in time; the change set was deleted and the stack is untouched. Deploy again to ask anew."
	case OutcomeSuperseded:
		return "A newer deployment of the same service took this one's place; its change set was deleted and the stack is untouched."
	case OutcomeStale:
		return "The stack or the change set moved after the review, so nothing was executed and the change set was deleted. Deploy again to review what holds now."
	case OutcomeCancelled:
		return "The deployment was called off before execution; its change set was deleted and the stack is untouched."
	case OutcomeBlocked:
		return "Another deployment or operation holds the stack, or the policy forbids this one; nothing was executed. Deploy again once the way is free."
	case OutcomeFailedBeforeChange:
		return "The deployment failed before anything was changed; the stack is as it was. Mend the cause and deploy again."
	case OutcomeFailedRolledBack:
		return "The execution failed and CloudFormation undid it: an update is back to what it was, a first creation left an empty stack that the next deployment removes. Mend the root cause and deploy again."
	case OutcomeFailedPaused:
		return "The execution failed and, rollback being disabled, the stack stands half-way. Mend the cause and deploy again, or roll the stack back."
	case OutcomeFailedNeedsHuman:
		return "The stack is stuck or its state is not known: no deployment can go on before a person has looked at it."
	}
	return "This outcome is not known to this version of stackgate; treat the deployment as failed."
}

// recoverySentence is Sentence for a recovery, which has no change set.
func (o Outcome) recoverySentence() string {
	switch o {
	case OutcomeRecovered:
		return o.Sentence()
	case OutcomeRejected:
		return "An approver rejected the recovery; the stack is untouched. Propose another one, with other resources to skip or to retain."
	case OutcomeExpired:
		return "Nobody decided upon the recovery in time; the stack is untouched. Propose it again."
	case OutcomeSuperseded:
		return "A newer recovery of the same stack took this one's place; the stack is untouched."
	case OutcomeStale:
		return "The stack moved after the recovery was proposed, so nothing was done. Propose it again to see what holds now."
	case OutcomeCancelled:
		return "The recovery was called off before it was performed; the stack is untouched."
	case OutcomeBlocked:
		return "The stack's state takes no recovery, or another deployment or operation holds it, or the policy forbids this one; nothing was done."
	case OutcomeFailedBeforeChange:
		return "The recovery failed before anything was done; the stack is as it was. Mend the cause and propose it again."
	case OutcomeFailedNeedsHuman:
		return "The recovery failed too, or the stack cannot be recovered by stackgate: a person must look at what stops it, and then recover again."
	case OutcomeDeployed, OutcomeNoChange, OutcomePlanned, OutcomeFailedRolledBack, OutcomeFailedPaused:
		// No recovery ends so.
	}
	return o.Sentence()
}

// Outcome returns how a deployment ends that a fault stopped before its change set was executed, or whose state after
// the execution the fault hides.
func (f Fault) Outcome() Outcome {
	switch f {
	case Rejected:
		return OutcomeRejected
	case Cancelled:
		return OutcomeCancelled
	case Superseded:
		return OutcomeSuperseded
	case ApprovalExpired:
		return OutcomeExpired
	case ReviewStale:
		return OutcomeStale
	case StackBusy, QueueExhausted, NotApproved, NothingToRecover:
		return OutcomeBlocked
	case ChangeSetPending, Throttled, InvalidRequest, NotPermitted, StackNotFound, QuotaExceeded, ChangeSetFailed, InternalError:
		return OutcomeFailedBeforeChange
	case StackMoving, StackNeedsHuman, StackTimedOut:
		return OutcomeFailedNeedsHuman
	}
	return OutcomeFailedNeedsHuman
}
