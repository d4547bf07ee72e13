package record

import (
	"slices"
	"strings"
	"testing"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func ended(outcome deployment.Outcome, fault deployment.Fault) store.Record {
	return store.Record{
		ID: "orders-prod-20261122T140203Z-7q4k2mxa", Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, Outcome: outcome, Fault: fault,
		Target: deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "shop-orders-prod"}, Times: store.Times{Queued: noon},
		Policy: approval.Policy{Count: 2, ExpiresAfter: 24 * time.Hour}, SupersededBy: "orders-prod-20261122T150203Z-bbbbbbbb",
	}
}

// TestEveryEndSaysWhatToType: whatever was not what people wanted names a command.
func TestEveryEndSaysWhatToType(t *testing.T) {
	wanted := []deployment.Outcome{deployment.OutcomeDeployed, deployment.OutcomeNoChange, deployment.OutcomePlanned, deployment.OutcomeRecovered}
	for _, outcome := range deployment.Outcomes() {
		if outcome.Failed() != strings.HasPrefix(string(outcome), "Failed") {
			t.Fatalf("%s", outcome)
		}
		executed := ended(outcome, deployment.InternalError)
		executed.Times.Executed = noon
		for _, r := range []store.Record{ended(outcome, deployment.InternalError), executed} {
			steps := nextSteps(r, store.Record{}, "")
			for _, step := range steps {
				if strings.Count(step, "`") != 2 {
					t.Errorf("%s: %q names no command", outcome, step)
				}
			}
			if slices.Contains(wanted, outcome) != (len(steps) == 0) && (outcome.Failed() || slices.Contains(wanted, outcome)) {
				t.Errorf("%s: %q", outcome, steps)
			}
		}
	}
}

func TestNextSteps(t *testing.T) {
	held := ended("", "")
	held.ID, held.Stage, held.RequestedBy = "orders-prod-20261122T130203Z-aaaaaaaa", deployment.StageAwaiting, "ana"
	executing := held
	executing.Stage = deployment.StageExecuting
	plan := ended(deployment.OutcomeStale, deployment.ReviewStale)
	plan.Intent = deployment.IntentPlan
	stuck := ended(deployment.OutcomeFailedNeedsHuman, deployment.StackNeedsHuman)
	stuck.StackStatus = "UPDATE_ROLLBACK_FAILED"
	run := ended(deployment.OutcomeFailedRolledBack, deployment.InternalError)
	run.Times.Executed = noon
	for name, c := range map[string]struct {
		r, held store.Record
		unread  string
		want    []string
	}{
		"queued in vain behind a review": {r: ended(deployment.OutcomeBlocked, deployment.QueueExhausted), held: held, want: []string{
			"See what holds the stack: `stackgate status aaaaaaaa`.", "Should nobody want it any more: `stackgate cancel aaaaaaaa`.", "Once the way is free: `stackgate deploy orders -e prod`."}},
		"queued in vain behind an execution": {r: ended(deployment.OutcomeBlocked, deployment.QueueExhausted), held: executing, want: []string{
			"See what holds the stack: `stackgate status aaaaaaaa`.", "Once the way is free: `stackgate deploy orders -e prod`."}},
		"the holder is gone meanwhile": {r: ended(deployment.OutcomeBlocked, deployment.QueueExhausted), want: []string{"Once the way is free: `stackgate deploy orders -e prod`."}},
		"another operation": {r: ended(deployment.OutcomeBlocked, deployment.StackBusy), want: []string{
			"See what runs on the stack: `aws cloudformation describe-stack-events --stack-name shop-orders-prod --region eu-west-1`.", "Once the way is free: `stackgate deploy orders -e prod`."}},
		"superseded":         {r: ended(deployment.OutcomeSuperseded, deployment.Superseded), want: []string{"Follow the newer one: `stackgate watch bbbbbbbb`."}},
		"a plan":             {r: plan, want: []string{"Review what holds now: `stackgate plan orders -e prod`."}},
		"no way to begin":    {r: ended(deployment.OutcomeFailedNeedsHuman, deployment.StackNeedsHuman), want: []string{"Look what leads out of it: `aws cloudformation describe-stack-events --stack-name shop-orders-prod`."}},
		"a stuck stack":      {r: stuck, want: []string{"Look what leads out of it: `stackgate recover orders -e prod`."}},
		"nothing to recover": {r: ended(deployment.OutcomeBlocked, deployment.NothingToRecover), want: []string{"Deploy as ever: `stackgate deploy orders -e prod`."}},
		"a tail that failed": {r: run, unread: "denied", want: []string{"The tail could not be collected (denied). Read why it failed: `aws cloudformation describe-stack-events --stack-name shop-orders-prod --region eu-west-1`."}},
	} {
		if got := nextSteps(c.r, c.held, c.unread); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func TestTimedOut(t *testing.T) {
	held := ended("", "")
	held.Stage, held.RequestedBy = deployment.StageAwaiting, "ana"
	decided := ended("", "")
	decided.DecisionCount = 1
	for _, c := range []struct {
		r, held store.Record
		fault   deployment.Fault
		want    string
	}{
		{ended("", ""), held, deployment.QueueExhausted, "orders-prod-20261122T140203Z-7q4k2mxa (awaiting-approval, requested by ana) held stack shop-orders-prod for the 1h30m that this deployment may queue"},
		{ended("", ""), store.Record{}, deployment.QueueExhausted, "as it was"},
		{ended("", ""), held, deployment.ApprovalExpired, "nobody decided in time: the review waited for 24h"},
		{decided, held, deployment.ApprovalExpired, "1 of 2 needed approvals came in time: the review waited for 24h"},
		{decided, held, deployment.Rejected, "as it was"},
	} {
		if got := timedOut(c.r, c.fault, c.held, 90*time.Minute, "as it was"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.fault, got, c.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 90 * time.Second: "1m30s", 2 * time.Hour: "2h", 90 * time.Minute: "1h30m", 100*time.Hour + 10*time.Minute: "100h10m", 10*time.Minute + time.Millisecond: "10m",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}
