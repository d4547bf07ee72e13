package present_test

import (
	"bytes"
	"strings"
	"testing"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/present"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

func screen() *app.App {
	return &app.App{Width: 200, LookupEnv: func(string) (string, bool) { return "", false }}
}

func TestTheCauseOfAFailureStandsFirst(t *testing.T) {
	for name, c := range map[string]struct {
		record store.Record
		want   string
	}{
		"a failure": {store.Record{Outcome: deployment.OutcomeFailedRolledBack, Cause: "Function: no such role"}, "FailedRolledBack  Function: no such role\n  " +
			deployment.OutcomeFailedRolledBack.Sentence() + "\n"},
		"known from its tail": {store.Record{Outcome: deployment.OutcomeFailedPaused, Tail: store.Tail{RootCause: "Queue: exists"}}, "FailedPaused  Queue: exists\n  " +
			deployment.OutcomeFailedPaused.Sentence() + "\n"},
		"of unknown cause": {store.Record{Outcome: deployment.OutcomeFailedPaused}, "FailedPaused  " + deployment.OutcomeFailedPaused.Sentence() + "\n"},
		"no failure": {store.Record{Outcome: deployment.OutcomeCancelled, Cause: "ana called it off"}, "Cancelled  " +
			deployment.OutcomeCancelled.Sentence() + "\n  Cause: ana called it off\n"},
	} {
		var out bytes.Buffer
		if present.Ending(&out, screen(), c.record); out.String() != c.want {
			t.Errorf("%s: %q, want %q", name, out.String(), c.want)
		}
	}
}

func TestTheStatusSaysWhoseApprovalIsMissing(t *testing.T) {
	record := store.Record{
		Stage: deployment.StageAwaiting, RequestedBy: "ana", Policy: approval.Policy{Count: 2},
		ChangeSet: store.ChangeSet{ARN: "arn"}, Review: store.Review{Digest: "d"},
	}
	given := []approval.Decision{{By: "bo", Verdict: approval.Approve, ChangeSetID: "arn", Digest: "d"}}
	var out bytes.Buffer
	if err := present.Record(screen(), &out, record, given); err != nil || !strings.Contains(out.String(), "waits for 1 more, not ana or bo: stackgate review") {
		t.Errorf("%s%v", out.String(), err)
	}
}
