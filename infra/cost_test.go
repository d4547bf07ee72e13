package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"stackgate/statemachines"
)

// Prices are list prices of us-east-1 in US dollars as they were known on 2026-11-26.
const (
	perTransition = 0.025 / 1_000     // Step Functions, standard workflows
	perInvocation = 0.20 / 1_000_000  // Lambda, requests
	perGBSecond   = 0.0000133334      // Lambda, arm64
	perWrite      = 0.625 / 1_000_000 // DynamoDB on demand, 1 KB
	perRead       = 0.125 / 1_000_000 // DynamoDB on demand, 4 KB, consistent
	perPut        = 0.005 / 1_000     // S3
	perCall       = 1.00 / 1_000_000  // API Gateway, HTTP API
	perEvent      = 1.00 / 1_000_000  // EventBridge, to another bus
	perGBLogged   = 0.50              // CloudWatch Logs
	perMetricHour = 0.30 / 730        // CloudWatch, custom metric: charged for the hours in which there are data
	perAlarm      = 0.10              // CloudWatch, a month
)

// alarmCount is how many alarms the hub has; TestAlarms counts them.
const alarmCount = 14

// step is a state as far as the way through it goes.
type step struct {
	Type       string
	Next       string
	Parameters struct{ FunctionName string }
	Choices    []struct{ Next string }
}

// approvedWay is where the choices lead when a change is approved and succeeds.
var approvedWay = map[string]string{
	"ChooseAction": "CreateChangeSet", "ChangeSetReady": "WriteReview", "ApprovalNeeded": "WaitForApproval",
	"ReportOutcome": "Deployed",
}

// way walks the definition from its start to its end, and fails where it does not know how to go on.
func way(t *testing.T) (names []string, tasks int) {
	t.Helper()
	var machine struct {
		StartAt string
		States  map[string]step
	}
	if err := json.Unmarshal(statemachines.Deploy, &machine); err != nil {
		t.Fatal(err)
	}
	for name := machine.StartAt; ; {
		at, found := machine.States[name]
		if !found || len(names) > len(machine.States) {
			t.Fatalf("there is no way on from %v to %q", names, name)
		}
		names = append(names, name)
		next := at.Next
		switch at.Type {
		case "Task":
			tasks++
		case "Choice":
			next = approvedWay[name]
			if name == "StackSettled" {
				next = at.Choices[0].Next
			}
			known := false
			for _, choice := range at.Choices {
				known = known || choice.Next == next
			}
			if !known {
				t.Fatalf("%s has no way to %q", name, next)
			}
		case "Succeed":
			return names, tasks
		}
		name = next
	}
}

// line is one part of what a deployment costs.
type line struct {
	what, count string
	dollars     float64
}

const (
	costBegins = "<!-- made by: go test ./infra -run TestCost -update -->\n"
	costEnds   = "<!-- end of the made part -->\n"
)

func TestCost(t *testing.T) {
	names, tasks := way(t)
	// Lambda: each task, the announcement's and the stack event's wake-ups, and the calls of two people who watch.
	const calls, seconds, writes, reads, documents, kilobytes = 60, 40, 80, 200, 5, 150
	invocations := tasks + 2 + calls
	lines := []line{
		{"state transitions", fmt.Sprint(len(names)), float64(len(names)) * perTransition},
		{"Lambda requests", fmt.Sprintf("%d: %d tasks, 2 events, %d calls of the front door", invocations, tasks, calls), float64(invocations) * perInvocation},
		{"Lambda time", fmt.Sprintf("%d s with 512 MB, most of it waiting for the change set", seconds), seconds * 0.5 * perGBSecond},
		{"front door", fmt.Sprintf("%d calls", calls), calls * perCall},
		{"DynamoDB", fmt.Sprintf("%d writes, %d reads", writes, reads), writes*perWrite + reads*perRead},
		{"S3", fmt.Sprintf("%d documents", documents), documents * perPut},
		{"EventBridge", "1 event to the hub", perEvent},
		{"logs", fmt.Sprintf("%d KB", kilobytes), kilobytes * perGBLogged / 1_000_000},
	}
	var out strings.Builder
	fmt.Fprintf(&out, "An approved deployment walks %d states: %s.\n\n| part | how much | US$ |\n|---|---|--:|\n", len(names), strings.Join(names, ", "))
	total := 0.0
	for _, l := range lines {
		total += l.dollars
		fmt.Fprintf(&out, "| %s | %s | %.6f |\n", l.what, l.count, l.dollars)
	}
	fmt.Fprintf(&out, "| **together** | | **%.6f** |\n\n", total)
	const metrics = 6
	fmt.Fprintf(&out, `List prices of us-east-1 as they were known on 2026-11-26, without any free tier; look them up before you build on them. The transitions are counted in the definition by the test that
wrote this; the other counts are rounded up from the stories of internal/local. Waiting costs nothing, an hour for approval or six for
a stack included: both are callbacks. Watching costs: a terminal asks every two seconds, which comes to US$ %.4f an hour. CloudWatch charges for custom metrics in hours in which there are data: the %d of a service and environment
come to US$ %.4f more in the hour of a deployment.

What stands costs, a month and whatever is deployed: the sweep US$ 0.05 for 87,600 invocations and US$ 0.44 for their traces, %d alarms US$ %.2f, the dashboard
US$ 3.00 (the account's first three are free), the key US$ 1.00 where there is one, and storage by the gigabyte.
`, 1800*(perCall+perInvocation+0.02*0.5*perGBSecond+3*perRead), metrics, metrics*perMetricHour, alarmCount, alarmCount*perAlarm)
	if total >= 0.001 {
		t.Errorf("a deployment costs %.6f dollars, which is no longer under a tenth of a cent", total)
	}
	const path = "../docs/install.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := bytes.Cut(text, []byte(costBegins))
	_, after, closed := bytes.Cut(rest, []byte(costEnds))
	if !found || !closed {
		t.Fatalf("%s has no place for the costs", path)
	}
	want := string(before) + costBegins + out.String() + costEnds + string(after)
	if want == string(text) {
		return
	}
	if update := flag.Lookup("update"); update == nil || update.Value.String() != "true" {
		t.Fatalf("%s does not say what a deployment costs: run go test ./infra -run TestCost -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
