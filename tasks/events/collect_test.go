package events_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/tail"
	"stackgate/tasks/events"
)

// TestCollect tells what is stored of an operation that has come to rest, or has not.
func TestCollect(t *testing.T) {
	const (
		updating   = types.ResourceStatusUpdateInProgress
		updated    = types.ResourceStatusUpdateComplete
		failed     = types.ResourceStatusUpdateFailed
		rolledBack = types.ResourceStatusUpdateRollbackComplete
	)
	begun := []types.StackEvent{row("2", root, "Queue", "q", failed, 2), row("1", root, "root", root, updating, 1)}
	begun[0].ResourceStatusReason = new("out of order")
	foreign := row("0", root, "root", root, rolledBack, -30)
	foreign.ClientRequestToken, foreign.OperationId = nil, nil
	with := func(more ...types.StackEvent) []types.StackEvent { return append(more, begun...) }
	for name, c := range map[string]struct {
		rows, later []types.StackEvent
		settlement  deployment.Settlement
		status      types.StackStatus
		before      store.Tail
		headline    string
		leftovers   []string
		advice      string
		notes       string
		waits       int
	}{
		"a failure": {
			rows: with(row("3", root, "root", root, rolledBack, 3)), settlement: deployment.SettlementRolledBack, status: types.StackStatusUpdateRollbackComplete,
			headline: "Queue (AWS::SQS::Queue) could not be updated: out of order", advice: "`stackgate deploy orders -e prod`",
		},
		"the last event is late": {
			rows: begun, later: with(row("3", root, "root", root, rolledBack, 3)), settlement: deployment.SettlementRolledBack, status: types.StackStatusUpdateRollbackComplete,
			headline: "Queue (AWS::SQS::Queue) could not be updated: out of order", advice: "`stackgate deploy orders -e prod`", waits: 1,
		},
		"the last event never comes": {
			rows: begun, settlement: deployment.SettlementRolledBack, status: types.StackStatusUpdateRollbackComplete, headline: "Queue", advice: "`stackgate deploy orders -e prod`",
			notes: "came to UPDATE_ROLLBACK_COMPLETE was not there yet", waits: 2,
		},
		"an event of that status from before": {
			rows: append(slices.Clone(begun), foreign), settlement: deployment.SettlementRolledBack, status: types.StackStatusUpdateRollbackComplete, headline: "Queue",
			advice: "`stackgate deploy orders -e prod`", notes: "was not there yet", waits: 2,
		},
		"stuck": {
			rows: with(row("3", root, "root", root, types.ResourceStatusUpdateRollbackFailed, 3)), settlement: deployment.SettlementStuck, status: types.StackStatusUpdateRollbackFailed,
			headline: "Queue", advice: ": `stackgate recover orders -e prod`.",
		},
		"a success": {
			rows:       []types.StackEvent{row("2", root, "root", root, updated, 2), row("1", root, "root", root, updating, 1)},
			settlement: deployment.SettlementSucceeded, status: types.StackStatusUpdateComplete,
		},
		"a success that leaves something": {
			rows:       []types.StackEvent{row("3", root, "root", root, updated, 3), row("2", root, "Old", "q", types.ResourceStatusDeleteSkipped, 2), row("1", root, "root", root, updating, 1)},
			settlement: deployment.SettlementSucceeded, status: types.StackStatusUpdateComplete, headline: "No failure among the 3 events", leftovers: []string{"Old"}, advice: "belongs to no stack any more",
		},
		"a success after the limit": {
			rows:       []types.StackEvent{row("2", root, "root", root, updated, 2), row("1", root, "root", root, updating, 1)},
			settlement: deployment.SettlementSucceeded, status: types.StackStatusUpdateComplete, before: store.Tail{Document: "tail/old", RootCause: "still moving", Advice: []string{"wait"}},
			headline: "No failure among the 2 events",
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := sqlite.Open(t.Context(), t.TempDir(), at(noon))
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close()
			if err := kept.CreateRecord(t.Context(), store.Record{
				Schema: store.RecordSchema, ID: orders, Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, StackID: root,
				Target: deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "root"}, ClientRequestToken: "token",
				Settlement: c.settlement, StackStatus: string(c.status), Times: store.Times{Executed: noon}, Tail: c.before,
			}); err != nil {
				t.Fatal(err)
			}
			client := &account{rows: map[string][]types.StackEvent{root: c.rows}, findings: map[string][]types.OperationEvent{}, laterRows: c.later}
			task := events.Collect{Store: kept, Clock: client.clock(), Connect: func(context.Context, store.Record) (events.Reader, error) { return client, nil }}
			out, err := task.Run(t.Context(), events.In{DeploymentID: orders})
			if err != nil {
				t.Fatal(err)
			}
			r, err := kept.Record(t.Context(), orders)
			if err != nil || r.Tail.Document != out.Document || !slices.Equal(r.Leftovers, append([]string{}, c.leftovers...)) && c.leftovers != nil {
				t.Errorf("recorded %+v, leftovers %q, %v", r.Tail, r.Leftovers, err)
			}
			if waits := len(slices.DeleteFunc(client.calls, func(call string) bool { return call != "sleep" })); waits != c.waits {
				t.Errorf("waited %d times, want %d", waits, c.waits)
			}
			if c.headline == "" {
				if out.Document != "" || r.Tail.RootCause != "" {
					t.Errorf("a success is explained: %+v", r.Tail)
				}
				return
			}
			content, err := kept.Document(t.Context(), out.Document)
			if err != nil {
				t.Fatal(err)
			}
			var doc tail.Document
			if err := json.Unmarshal(content, &doc); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(doc.Headline, c.headline) || out.Summary.Headline != doc.Headline {
				t.Errorf("headline %q, summary %q, want %s…", doc.Headline, out.Summary.Headline, c.headline)
			}
			if (r.Tail.RootCause == doc.Headline) == (c.settlement == deployment.SettlementSucceeded) {
				t.Errorf("the record's root cause is %q", r.Tail.RootCause)
			}
			if !strings.Contains(strings.Join(doc.Advice, "\n"), c.advice) || !slices.Equal(doc.Advice, append([]string{}, r.Tail.Advice...)) {
				t.Errorf("advice %q, recorded %q", doc.Advice, r.Tail.Advice)
			}
			if notes := strings.Join(doc.Notes, "\n"); (notes == "") != (c.notes == "") || !strings.Contains(notes, c.notes) {
				t.Errorf("notes %q", doc.Notes)
			}
		})
	}
}
