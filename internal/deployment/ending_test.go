package deployment_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"stackgate/internal/deployment"
)

const invented = "Invented"

// each calls check for every combination of what can be known at the end, invented words included.
func each(check func(deployment.Ending)) {
	for _, intent := range append(deployment.Intents(), "", invented) {
		for _, fault := range append(deployment.Faults(), "", invented) {
			for _, settlement := range append(deployment.Settlements(), "", invented) {
				for _, executed := range []bool{false, true} {
					for _, empty := range []bool{false, true} {
						check(deployment.Ending{
							Intent: intent, Fault: fault, Executed: executed, Settlement: settlement, ChangeSetEmpty: empty,
						})
					}
				}
			}
		}
	}
}

func TestEndingKeepsItsPromises(t *testing.T) {
	count := 0
	each(func(e deployment.Ending) {
		count++
		got := e.Outcome()
		says := func(rule string) { t.Errorf("%+v ends as %s: %s", e, got, rule) }
		if !slices.Contains(deployment.Outcomes(), got) {
			says("that is no outcome")
		}
		recover := e.Intent == deployment.IntentRecover
		if !slices.Contains(e.Intent.Outcomes(), got) {
			says("the intent has no such outcome")
		}
		if (got == deployment.OutcomeRecovered) != (recover && e.Executed && e.Settlement == deployment.SettlementSucceeded) {
			says("recovered means a recovery that was performed and succeeded, and nothing else")
		}
		if (got == deployment.OutcomeDeployed) != (!recover && e.Executed && e.Settlement == deployment.SettlementSucceeded) {
			says("deployed means executed and succeeded, and nothing else")
		}
		if e.Executed && !e.Settlement.AtRest() && got != deployment.OutcomeFailedNeedsHuman {
			says("what was executed and is not known to be at rest needs a person")
		}
		if got == deployment.OutcomeNoChange && (e.Executed || e.Fault != "" || !e.ChangeSetEmpty) {
			says("no change means an empty change set that nothing stopped")
		}
		if got == deployment.OutcomePlanned && (e.Executed || e.Fault != "" || e.Intent != deployment.IntentPlan) {
			says("planned means a plan that nothing stopped")
		}
		if (got == deployment.OutcomeFailedRolledBack) != (!recover && e.Executed && e.Settlement == deployment.SettlementRolledBack) {
			says("rolled back is what the stack says")
		}
		if (got == deployment.OutcomeFailedPaused) != (!recover && e.Executed && e.Settlement == deployment.SettlementPaused) {
			says("paused is what the stack says")
		}
		untouched := !e.Executed || e.Settlement == deployment.SettlementNotStarted
		if got == deployment.OutcomeFailedBeforeChange && !untouched {
			says("something was changed")
		}
		if untouched && e.Fault != "" && got != e.Fault.Outcome() {
			says("a fault that stopped it before the execution decides")
		}
		if e.Executed && !untouched {
			without := e
			without.Fault = ""
			if without.Outcome() != got {
				says("what the stack says outweighs every fault")
			}
		}
		if got.Failed() == false && e.Fault == deployment.InternalError && got != deployment.OutcomeDeployed && got != deployment.OutcomeRecovered {
			says("an internal error is no good end")
		}
	})
	if want := 5 * 22 * 9 * 2 * 2; count != want {
		t.Errorf("%d combinations, want %d: a value is not listed", count, want)
	}
}

func TestEndings(t *testing.T) {
	const (
		deploy = deployment.IntentDeploy
		plan   = deployment.IntentPlan
		mend   = deployment.IntentRecover
	)
	for _, c := range []struct {
		ending deployment.Ending
		want   deployment.Outcome
	}{
		{deployment.Ending{Intent: deploy, Executed: true, Settlement: deployment.SettlementSucceeded}, deployment.OutcomeDeployed},
		{deployment.Ending{Intent: deploy, Executed: true, Settlement: deployment.SettlementSucceeded, Fault: deployment.InternalError}, deployment.OutcomeDeployed},
		{deployment.Ending{Intent: deploy, Executed: true, Settlement: deployment.SettlementStuck}, deployment.OutcomeFailedNeedsHuman},
		{deployment.Ending{Intent: deploy, Executed: true, Settlement: deployment.SettlementMoving, Fault: deployment.StackTimedOut}, deployment.OutcomeFailedNeedsHuman},
		{deployment.Ending{Intent: deploy, Executed: true}, deployment.OutcomeFailedNeedsHuman},
		{deployment.Ending{Intent: deploy, Executed: true, Settlement: deployment.SettlementNotStarted}, deployment.OutcomeFailedBeforeChange},
		{deployment.Ending{Intent: deploy, Executed: true, Settlement: deployment.SettlementNotStarted, Fault: deployment.ReviewStale}, deployment.OutcomeStale},
		{deployment.Ending{Intent: deploy, ChangeSetEmpty: true}, deployment.OutcomeNoChange},
		{deployment.Ending{Intent: plan, ChangeSetEmpty: true}, deployment.OutcomeNoChange},
		{deployment.Ending{Intent: plan}, deployment.OutcomePlanned},
		{deployment.Ending{Intent: deploy}, deployment.OutcomeFailedBeforeChange},
		{deployment.Ending{Intent: plan, Fault: deployment.Cancelled}, deployment.OutcomeCancelled},
		{deployment.Ending{Intent: mend, Executed: true, Settlement: deployment.SettlementSucceeded}, deployment.OutcomeRecovered},
		{deployment.Ending{Intent: mend, Executed: true, Settlement: deployment.SettlementStuck}, deployment.OutcomeFailedNeedsHuman},
		{deployment.Ending{Intent: mend, Executed: true, Settlement: deployment.SettlementNotStarted, Fault: deployment.ReviewStale}, deployment.OutcomeStale},
		{deployment.Ending{Intent: mend, Fault: deployment.NothingToRecover}, deployment.OutcomeBlocked},
		{deployment.Ending{Intent: mend}, deployment.OutcomeFailedBeforeChange},
	} {
		if got := c.ending.Outcome(); got != c.want {
			t.Errorf("%+v ends as %s, want %s", c.ending, got, c.want)
		}
	}
}

func TestEveryOutcomeHasASentence(t *testing.T) {
	unknown := deployment.Outcome(invented).Sentence()
	seen := map[string]deployment.Outcome{unknown: "an unknown one"}
	for _, o := range deployment.Outcomes() {
		sentence := o.Sentence()
		if other, taken := seen[sentence]; taken {
			t.Errorf("%s says what %s says: %s", o, other, sentence)
		}
		seen[sentence] = o
		if !strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: %q is no sentence", o, sentence)
		}
		if o.Failed() != strings.HasPrefix(string(o), "Failed") {
			t.Errorf("%s: failed %t", o, o.Failed())
		}
	}
	if !deployment.Outcome(invented).Failed() || !deployment.Outcome("").Failed() {
		t.Error("an unknown outcome counts as a failure")
	}
}

func TestSentencesOfARecoverySpeakOfNoChangeSet(t *testing.T) {
	for _, o := range deployment.Outcomes() {
		sentence := deployment.IntentRecover.Sentence(o)
		if reached := slices.Contains(deployment.IntentRecover.Outcomes(), o); reached && strings.Contains(sentence, "change set") {
			t.Errorf("%s of a recovery: %s", o, sentence)
		} else if !reached && sentence != o.Sentence() {
			t.Errorf("%s is no end of a recovery: %s", o, sentence)
		}
		if deployment.IntentDeploy.Sentence(o) != o.Sentence() {
			t.Errorf("%s of a deployment: %s", o, deployment.IntentDeploy.Sentence(o))
		}
	}
}

func TestSettlementsAtRest(t *testing.T) {
	moving := []deployment.Settlement{deployment.SettlementMoving, deployment.SettlementUnknown, "", invented}
	for _, s := range append(deployment.Settlements(), "", invented) {
		if s.AtRest() == slices.Contains(moving, s) {
			t.Errorf("%q at rest: %t", s, s.AtRest())
		}
	}
}

func TestStagesAreCancellableUntilTheExecution(t *testing.T) {
	executing := slices.Index(deployment.Stages(), deployment.StageExecuting)
	for i, s := range deployment.Stages() {
		if s.Cancellable() != (i < executing) {
			t.Errorf("%s cancellable: %t", s, s.Cancellable())
		}
	}
	if deployment.Stage(invented).Cancellable() || deployment.Stage("").Cancellable() {
		t.Error("an unknown stage is not cancellable")
	}
}

func TestListsNameNothingTwice(t *testing.T) {
	unique(t, deployment.Faults(), 20)
	unique(t, deployment.Outcomes(), 14)
	unique(t, deployment.Phases(), 8)
	unique(t, deployment.Settlements(), 7)
	unique(t, deployment.Stages(), 7)
	unique(t, deployment.Intents(), 3)
	unique(t, deployment.ChangeSetStates(), 5)
	unique(t, deployment.ApprovalNeeds(), 3)
}

func unique[T ~string](t *testing.T, list []T, count int) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(list))
	if len(slices.Compact(sorted)) != count || len(list) != count || slices.Contains(list, "") {
		t.Errorf("%s: %d values, want %d different ones", fmt.Sprintf("%T", list), len(list), count)
	}
}
