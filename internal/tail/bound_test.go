package tail

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// crowd is an operation of a root with nested stacks, each with as many resources, of which the last of the last stack fails.
func crowd(stacks, resources int) []Event {
	var events []Event
	now := begin
	add := func(stack, logicalID, physicalID, kind, status, reason string) {
		now = now.Add(100 * time.Millisecond)
		events = append(events, Event{
			EventID: fmt.Sprint("e", len(events)), StackID: arn(stack), StackName: stack, LogicalID: logicalID, PhysicalID: physicalID,
			Type: kind, Status: status, Reason: reason, Time: now, Token: "tok",
		})
	}
	own := func(stack, status, reason string) { add(stack, stack, arn(stack), stackType, status, reason) }
	own("App", "UPDATE_IN_PROGRESS", "User Initiated")
	for s := range stacks {
		name := fmt.Sprintf("Nested%d", s)
		add("App", name, arn(name), stackType, "UPDATE_IN_PROGRESS", "")
		own(name, "UPDATE_IN_PROGRESS", "")
		for r := range resources {
			add(name, fmt.Sprintf("R%d", r), fmt.Sprintf("r-%d-%d", s, r), "AWS::SNS::Topic", "UPDATE_IN_PROGRESS", "")
		}
	}
	for s := range stacks {
		name := fmt.Sprintf("Nested%d", s)
		for r := range resources {
			status, reason := "UPDATE_COMPLETE", ""
			switch {
			case s == stacks-1 && r == resources-1:
				status, reason = "UPDATE_FAILED", "Invalid parameter: TopicName"
			case s == stacks-1:
				status, reason = "UPDATE_FAILED", "Resource update cancelled"
			}
			add(name, fmt.Sprintf("R%d", r), fmt.Sprintf("r-%d-%d", s, r), "AWS::SNS::Topic", status, reason)
		}
	}
	own("App", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Nested].")
	for s := range stacks {
		name := fmt.Sprintf("Nested%d", s)
		own(name, "UPDATE_ROLLBACK_IN_PROGRESS", "")
		for r := range resources {
			add(name, fmt.Sprintf("R%d", r), fmt.Sprintf("r-%d-%d", s, r), "AWS::SNS::Topic", "UPDATE_IN_PROGRESS", "")
			add(name, fmt.Sprintf("R%d", r), fmt.Sprintf("r-%d-%d", s, r), "AWS::SNS::Topic", "UPDATE_COMPLETE", "")
		}
	}
	own("App", "UPDATE_ROLLBACK_COMPLETE", "")
	return events
}

// TestTailKeepsTheCause shows that a long rollback does not push the cause out of the bounded tail.
func TestTailKeepsTheCause(t *testing.T) {
	events := crowd(5, 200)
	doc := Explain(Input{Operation: Operation{StackID: arn("App"), Token: "tok"}, Events: events})
	if len(doc.Events) != MaxEvents || !doc.Truncated || doc.EventCount != len(events) {
		t.Errorf("%d of %d events, truncated %t", len(doc.Events), doc.EventCount, doc.Truncated)
	}
	cause, last := false, time.Time{}
	for _, entry := range doc.Events {
		cause = cause || entry.Path == doc.RootCause.Path && entry.Status == "UPDATE_FAILED"
		if entry.Time.Before(last) {
			t.Error("the tail is not in order")
		}
		last = entry.Time
	}
	if !cause {
		t.Error("the root cause is not in the tail")
	}
	if doc.Events[len(doc.Events)-1].Status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Error("the end of the operation is not in the tail")
	}
	if doc.Cancelled != 199 || len(doc.Timeline) > maxSpans {
		t.Errorf("%d cancelled, %d spans", doc.Cancelled, len(doc.Timeline))
	}
}

// TestBounds shows that no input makes a document or a summary larger than promised, or cuts a character in two.
func TestBounds(t *testing.T) {
	for name, filler := range map[string]string{"letters": "x", "control characters": "\x00", "wide characters": "界", "quotes": `"`} {
		huge := strings.Repeat(filler, 9000)
		var events []Event
		for i := range 240 {
			id := fmt.Sprint(i, huge[:len(filler)*300])
			events = append(events, Event{
				EventID: fmt.Sprint(i), StackID: arn("App"), StackName: "App", LogicalID: id, PhysicalID: id, Type: id, Time: begin.Add(time.Duration(i)),
				Status: []string{"CREATE_FAILED", "DELETE_SKIPPED"}[i%2], Reason: fmt.Sprint(i, huge),
				Hook: &HookRow{Type: id, Reason: huge, Status: "HOOK_COMPLETE_FAILED", FailureMode: []string{"FAIL", "WARN"}[i%2]},
			})
		}
		doc := Explain(Input{Operation: Operation{StackID: arn("App"), Status: huge}, Events: events, NextSteps: []string{huge}, Unread: []string{huge}})
		if size := encodedSize(doc); size > MaxDocumentSize || !doc.Truncated {
			t.Errorf("%s: document of %d bytes, truncated %t", name, size, doc.Truncated)
		}
		if doc.RootCause == nil || !utf8.ValidString(doc.RootCause.Reason) || !utf8.ValidString(doc.Headline) {
			t.Errorf("%s: the root cause is lost or broken", name)
		}
		summary := doc.Summary()
		if size := encodedSize(summary); size > MaxSummarySize || !summary.Truncated {
			t.Errorf("%s: summary of %d bytes, truncated %t", name, size, summary.Truncated)
		}
		if summary.FailureCount != len(doc.Failures) || summary.Headline == "" {
			t.Errorf("%s: the summary counts %d failures of %d", name, summary.FailureCount, len(doc.Failures))
		}
	}
}

// TestSummaryOfSmallDocument shows that nothing is lost where there is room.
func TestSummaryOfSmallDocument(t *testing.T) {
	doc := explained(t, "tok", ours)
	summary := doc.Summary()
	if summary.Truncated || summary.RootCause == nil || summary.RootCause.Reason != doc.RootCause.Reason || len(summary.Advice) != len(doc.Advice) || summary.Headline != doc.Headline {
		t.Errorf("%+v", summary)
	}
}

// TestListsAreNeverNull keeps the rule that an empty list is written as one.
func TestListsAreNeverNull(t *testing.T) {
	empty := Explain(Input{})
	for name, value := range map[string]any{
		"nothing": empty, "its summary": empty.Summary(), "an operation": explained(t, "tok", ours), "an empty change set": ExplainChangeSet(failedSet(emptyStarts[0])),
		"a change set": ExplainChangeSet(failedSet("")), "summary of a change set": ExplainChangeSet(failedSet("")).Summary(),
	} {
		of := reflect.ValueOf(value)
		for i := range of.NumField() {
			if field := of.Field(i); field.Kind() == reflect.Slice && field.IsNil() {
				t.Errorf("%s: %s is null", name, of.Type().Field(i).Name)
			}
		}
	}
	if !strings.HasPrefix(empty.Headline, "No cause found") {
		t.Errorf("of nothing: %q", empty.Headline)
	}
}

// TestExplainHoldsForAnything explains arbitrary operations: the rules below hold of every document.
func TestExplainHoldsForAnything(t *testing.T) {
	statuses := []string{
		"CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_IN_PROGRESS", "UPDATE_FAILED", "DELETE_FAILED", "DELETE_SKIPPED", "DELETE_COMPLETE",
		"ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "REVIEW_IN_PROGRESS", "", "NEW_STATUS",
	}
	reasons := []string{
		"", "Resource creation cancelled", "The following resource(s) failed to create: [A, B", "User Initiated", "Table already exists: orders",
		"Embedded stack " + arn("B") + " was not successfully created: The following resource(s) failed to create: [A].", "The following hook(s) failed: [A::B::C]",
	}
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"A", "B", "C"}
		events := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) Event {
			stack := rapid.SampledFrom(names).Draw(rt, "stack")
			logical := rapid.SampledFrom(names).Draw(rt, "logical")
			event := Event{
				EventID: rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(rt, "id"), StackID: arn(stack), StackName: stack, LogicalID: logical,
				PhysicalID: arn(rapid.SampledFrom(names).Draw(rt, "physical")), Type: rapid.SampledFrom([]string{stackType, "AWS::SNS::Topic"}).Draw(rt, "type"),
				Status: rapid.SampledFrom(statuses).Draw(rt, "status"), Reason: rapid.SampledFrom(reasons).Draw(rt, "reason"),
				Kind: rapid.SampledFrom([]string{"", kindHookError, kindValidationError, kindProvisioning, "NEW"}).Draw(rt, "kind"),
			}
			if second := rapid.IntRange(-1, 20).Draw(rt, "second"); second >= 0 {
				event.Time = begin.Add(time.Duration(second) * time.Second)
			}
			return event
		}), 0, 30).Draw(rt, "events")
		doc := Explain(Input{Operation: Operation{StackID: arn("A")}, Events: events})
		if doc.Headline == "" || strings.Contains(doc.Headline, "\n") {
			rt.Fatalf("headline %q", doc.Headline)
		}
		for _, failure := range doc.Failures {
			if doc.RootCause == nil || cancelledSentences[failure.Reason] {
				rt.Fatalf("failures %+v beside root cause %+v", failure, doc.RootCause)
			}
		}
		if doc.RootCause != nil && cancelledSentences[doc.RootCause.Reason] {
			rt.Fatalf("a follower was named: %+v", doc.RootCause)
		}
		if _, err := json.Marshal(doc); err != nil {
			rt.Fatal(err)
		}
	})
}

// BenchmarkExplain explains 5,000 events over 20 nested stacks; the target is below 50 ms and 32 MiB.
func BenchmarkExplain(b *testing.B) {
	events := crowd(20, 61)
	if len(events) < 4900 || len(events) > 5200 {
		b.Fatalf("%d events", len(events))
	}
	op := Operation{StackID: arn("App"), Token: "tok"}
	b.ReportAllocs()
	for b.Loop() {
		if doc := Explain(Input{Operation: op, Events: events}); doc.RootCause == nil {
			b.Fatal("no root cause")
		}
	}
}

// BenchmarkExplainManyFailures explains 50,000 events, a tenth of which fail for a reason of their own.
func BenchmarkExplainManyFailures(b *testing.B) {
	var events []Event
	for i := range 50000 {
		event := Event{
			EventID: fmt.Sprint(i), StackID: arn("App"), StackName: "App", LogicalID: fmt.Sprint("R", i), Type: "AWS::SNS::Topic",
			Status: "CREATE_COMPLETE", Time: begin.Add(time.Duration(i) * time.Millisecond),
		}
		if i%10 == 0 {
			event.Status, event.Reason = "CREATE_FAILED", fmt.Sprint("Invalid parameter: TopicName ", i)
		}
		events = append(events, event)
	}
	b.ReportAllocs()
	for b.Loop() {
		Explain(Input{Operation: Operation{StackID: arn("App")}, Events: events})
	}
}
