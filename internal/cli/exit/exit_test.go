package exit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"stackgate/internal/cli/exit"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/service"
	"stackgate/internal/web/client"
)

func TestEveryOutcomeHasItsCode(t *testing.T) {
	want := map[deployment.Outcome]int{
		deployment.OutcomeDeployed: 0, deployment.OutcomeNoChange: 0, deployment.OutcomePlanned: 0, deployment.OutcomeRecovered: 0,
		deployment.OutcomeRejected: 5, deployment.OutcomeExpired: 6, deployment.OutcomeSuperseded: 6, deployment.OutcomeStale: 6,
		deployment.OutcomeCancelled: 10, deployment.OutcomeBlocked: 8, deployment.OutcomeFailedBeforeChange: 1,
		deployment.OutcomeFailedRolledBack: 3, deployment.OutcomeFailedPaused: 9, deployment.OutcomeFailedNeedsHuman: 9,
	}
	for _, outcome := range deployment.Outcomes() {
		code, known := want[outcome]
		if !known {
			t.Errorf("%s has no code in this table", outcome)
		}
		if got, reason := exit.Of(exit.EndedError{Outcome: outcome}); got != code || string(reason) != string(outcome) {
			t.Errorf("%s ends with %d (%s), want %d", outcome, got, reason, code)
		}
		if (code != 0) != (outcome.Failed() || code >= 5) {
			t.Errorf("%s: code %d does not go with whether it failed", outcome, code)
		}
	}
	if got, _ := exit.Of(exit.EndedError{Outcome: "Vanished"}); got != exit.Error {
		t.Errorf("an unknown outcome ends with %d, want an error", got)
	}
}

func TestEveryRefusalHasItsCode(t *testing.T) {
	want := map[frontdoor.Refusal]int{
		frontdoor.RefusedLate: 6, frontdoor.RefusedEarly: 8, frontdoor.RefusedDigest: 7, frontdoor.RefusedContrary: 7,
		frontdoor.RefusedPerson: 4, frontdoor.RefusedAcknowledgement: 7, frontdoor.RefusedIncomplete: 64,
		frontdoor.RefusedIdentity: 4, frontdoor.RefusedKey: 64,
	}
	for _, refusal := range frontdoor.Refusals() {
		code, known := want[refusal]
		if !known {
			t.Errorf("%s has no code in this table", refusal)
		}
		if got, _ := exit.Of(fmt.Errorf("wrapped: %w", &frontdoor.RefusedError{Refusal: refusal})); got != code {
			t.Errorf("refusal %s ends with %d, want %d", refusal, got, code)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		code   int
		reason exit.Reason
	}{
		"nothing":                 {nil, 0, "ok"},
		"anything":                {errors.New("disk full"), 1, "error"},
		"plan with changes":       {exit.EndedError{Outcome: deployment.OutcomePlanned, ChangesFound: true}, 2, "Planned"},
		"not permitted by AWS":    {exit.EndedError{Outcome: deployment.OutcomeFailedBeforeChange, Fault: deployment.NotPermitted}, 4, "FailedBeforeChange"},
		"policy not satisfied":    {exit.EndedError{Outcome: deployment.OutcomeBlocked, Fault: deployment.NotApproved}, 7, "Blocked"},
		"wrong account":           {deployment.Faultf(deployment.NotPermitted, "wrong account"), 4, "NotPermitted"},
		"invalid request":         {deployment.Faultf(deployment.InvalidRequest, "no"), 64, "InvalidRequest"},
		"unknown service":         {deployment.Faultf(deployment.InvalidRequest, "%w", service.ErrUnknownService{Name: "x"}), 64, "InvalidRequest"},
		"invalid definitions":     {deployment.Faultf(deployment.InvalidRequest, "%w", service.Problems{{}}), 64, "definitions"},
		"overrides are forbidden": {deployment.Faultf(deployment.InvalidRequest, "%w", service.ErrOverridesForbidden{}), 7, "overrides-forbidden"},
		"no such deployment":      {&frontdoor.NotFoundError{ID: "x"}, 64, "deployment-not-found"},
		"nobody answers":          {&client.UnreachableError{Base: "https://x", Err: errors.New("refused")}, 1, "unreachable"},
		"usage":                   {exit.Usagef("no"), 64, "usage"},
		"timeout":                 {fmt.Errorf("a: %w", exit.ErrTimedOut), 124, "timed-out"},
		"declined":                {exit.ErrDeclined, 10, "declined"},
		"interrupted":             {exit.ErrInterrupted, 130, "interrupted"},
		"cancelled context":       {fmt.Errorf("a: %w", context.Canceled), 130, "interrupted"},
		"demo":                    {exit.ErrUnexpected, 1, "error"},
		"hazard":                  {exit.HazardError{Found: []string{"replace: Table"}}, 7, "fail-on"},
		"reviews differ":          {exit.ErrDiffers, 2, "differs"},
	} {
		if code, reason := exit.Of(c.err); code != c.code || reason != c.reason {
			t.Errorf("%s: %d %s, want %d %s", name, code, reason, c.code, c.reason)
		}
	}
}

func TestNoFaultEndsWell(t *testing.T) {
	for _, fault := range deployment.Faults() {
		if code, _ := exit.Of(deployment.Faultf(fault, "no")); code == exit.OK || code == exit.Changes {
			t.Errorf("the fault %s ends with %d", fault, code)
		}
	}
}
