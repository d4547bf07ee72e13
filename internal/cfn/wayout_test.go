package cfn_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/golden"
)

var (
	ordersStack = cfn.Whose{Service: "orders", Environment: "prod", StackName: "shop-orders-prod"}
	foreign     = cfn.Whose{StackName: "shop-orders-prod"}
)

// What a status asks of people, and what a recovery proposes, follow from its phase but for the rows listed here.
func TestEveryStackStatusHasItsWayOut(t *testing.T) {
	next := map[deployment.Phase]cfn.Next{
		deployment.PhaseAbsent: cfn.NextGoOn, deployment.PhaseReviewShell: cfn.NextGoOn, deployment.PhaseReady: cfn.NextGoOn,
		deployment.PhaseBusy: cfn.NextWait, deployment.PhaseFailedCreateEmpty: cfn.NextClean, deployment.PhasePaused: cfn.NextHuman,
		deployment.PhaseStuck: cfn.NextHuman, deployment.PhaseUnknown: cfn.NextHuman,
	}
	recovery := map[types.StackStatus]deployment.RecoveryAction{
		"REVIEW_IN_PROGRESS": deployment.RecoverRemoveEmpty, "ROLLBACK_COMPLETE": deployment.RecoverRemoveEmpty,
		"CREATE_FAILED": deployment.RecoverRollBack, "UPDATE_FAILED": deployment.RecoverRollBack,
		"UPDATE_ROLLBACK_FAILED": deployment.RecoverContinueRollback,
		"ROLLBACK_FAILED":        deployment.RecoverDelete, "DELETE_FAILED": deployment.RecoverDelete,
	}
	values := types.StackStatus("").Values()
	rows := map[types.StackStatus]int{}
	for _, way := range cfn.Ways() {
		rows[way.Status]++
	}
	for _, status := range append(values, "", invented) {
		way := cfn.WayOf(status)
		if rows[status] != 1 && status != invented || way.Status != status {
			t.Errorf("%q has %d rows and is answered as %q", status, rows[status], way.Status)
		}
		if way.Next != next[way.Phase] || !slices.Contains(cfn.Nexts(), way.Next) {
			t.Errorf("%q asks for %q in phase %s", status, way.Next, way.Phase)
		}
		want := deployment.RecoverNothing
		if action, listed := recovery[status]; listed {
			want = action
		}
		if way.Recovery != want {
			t.Errorf("%q is recovered by %s, want %s", status, way.Recovery, want)
		}
		if way.Means == "" || strings.HasSuffix(way.Means, ".") {
			t.Errorf("%q means %q", status, way.Means)
		}
	}
	if len(rows) != len(values)+1 {
		t.Errorf("%d rows for %d statuses and an unknown one", len(rows), len(values))
	}
	if len(next) != len(deployment.Phases()) {
		t.Error("a phase is not listed")
	}
}

// The command is ours wherever ours leads out, and names the stack completely.
func TestCommandsLeadOut(t *testing.T) {
	for _, way := range append(cfn.Ways(), cfn.WayOf(invented)) {
		ours, theirs := way.Command(ordersStack), way.Command(foreign)
		if own := strings.HasPrefix(ours, "stackgate "); own == (way.Recovery == deployment.RecoverNothing && way.Next != cfn.NextGoOn) {
			t.Errorf("%s: %q", way.Status, ours)
		}
		if strings.HasPrefix(ours, "stackgate ") && !strings.HasSuffix(ours, " orders -e prod") {
			t.Errorf("%s: %q names no service", way.Status, ours)
		}
		if strings.HasPrefix(ours, "stackgate recover") != (way.Recovery != deployment.RecoverNothing && way.Next != cfn.NextGoOn) {
			t.Errorf("%s: %q, but a recovery does %s", way.Status, ours, way.Recovery)
		}
		if strings.Contains(theirs, "stackgate") || strings.Contains(theirs, "{") || strings.Contains(ours, "{") {
			t.Errorf("%s of nobody known: %q", way.Status, theirs)
		}
		if way.Next != cfn.NextGoOn && !strings.Contains(theirs, "--stack-name shop-orders-prod") {
			t.Errorf("%s: %q names no stack", way.Status, theirs)
		}
		for _, advice := range []string{way.Advice(ordersStack), way.Advice(foreign)} {
			if advice == "" || way.Next == cfn.NextWait && !strings.Contains(advice, "wait for its end") ||
				(way.Next == cfn.NextGoOn && theirs == "" || way.Next == cfn.NextGoOn && way.Command(ordersStack) == "") && !strings.Contains(advice, "nothing stands in the way") {
				t.Errorf("%s: %q", way.Status, advice)
			}
		}
	}
}

// The table that people read is made from the one that decides: go test ./internal/cfn -run WaysOut -update
func TestWaysOutDocument(t *testing.T) {
	var page bytes.Buffer
	page.WriteString(`# Every stack status has a way out

<!-- made from internal/cfn/wayout.go by: go test ./internal/cfn -run WaysOut -update -->

What a status means, what it asks of people, and what to type next. ` + "`stackgate recover`" + ` proposes, and does after the same
review and approval as a deployment; the last column is for stacks that no definition of yours describes.

| status | phase | asks for | means | recover does | next command | without stackgate |
|---|---|---|---|---|---|---|
`)
	cell := func(command string) string {
		if command == "" {
			return ""
		}
		return "`" + command + "`"
	}
	for _, way := range cfn.Ways() {
		status, does := string(way.Status), ""
		if status == "" {
			status = "any other"
		}
		if way.Recovery != deployment.RecoverNothing {
			does = string(way.Recovery) + " (" + way.Recovery.Operation() + ")"
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s | %s | %s |\n", status, way.Phase, way.Next, way.Means, does,
			cell(way.Command(cfn.Whose{Service: "SERVICE", Environment: "ENV", StackName: "STACK"})), cell(way.Command(cfn.Whose{StackName: "STACK"})))
	}
	golden.Assert(t, "../../../docs/ways-out.md", page.Bytes())
}
