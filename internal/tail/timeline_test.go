package tail

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/golden"
)

func dump(t *testing.T, value any) string {
	t.Helper()
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func TestTimeline(t *testing.T) {
	doc := explained(t, "tok", `
		App 0 . - UPDATE_IN_PROGRESS User Initiated
		App 1 Topic AWS::SNS::Topic UPDATE_IN_PROGRESS
		App 1 Fn AWS::Lambda::Function UPDATE_IN_PROGRESS
		App 2 Topic AWS::SNS::Topic UPDATE_COMPLETE
		App 2 Db AWS::RDS::DBInstance UPDATE_IN_PROGRESS
		App 2 Queue AWS::SQS::Queue UPDATE_IN_PROGRESS
		App 5 Fn AWS::Lambda::Function UPDATE_FAILED Unzipped size must be smaller than 262144000 bytes
		App 6 Queue AWS::SQS::Queue UPDATE_FAILED Resource update cancelled
		App 7 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Fn, Queue].
		App 8 Topic AWS::SNS::Topic UPDATE_IN_PROGRESS
		App 9 Topic AWS::SNS::Topic UPDATE_COMPLETE
		App 10 Kept AWS::S3::Bucket DELETE_SKIPPED`)
	var got []string
	for _, span := range doc.Timeline {
		line := fmt.Sprint(span.Path, " ", span.Action, " ", span.Phase, " ", span.Result)
		if span.Seconds != nil {
			line += fmt.Sprint(" ", *span.Seconds, "s")
		}
		if span.RootCause {
			line += " cause"
		}
		if span.InProgress {
			line += " running"
		}
		got = append(got, line)
	}
	want := []string{
		"Topic UPDATE forward complete 1s", "Fn UPDATE forward failed 4s cause", "Db UPDATE forward in-progress 8s running",
		"Queue UPDATE forward cancelled 4s running", "Topic UPDATE rollback complete 1s", "Kept DELETE rollback skipped",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

// TestDocument pins the whole document of a failure two levels down.
func TestDocument(t *testing.T) {
	doc := Explain(Input{
		Operation: Operation{StackName: "App", StackID: arn("App"), Token: "tok", Status: "UPDATE_ROLLBACK_COMPLETE"}, Events: script(t, "tok", nested),
		Outcome: "FailedRolledBack", Service: "orders", Environment: "prod",
	})
	golden.Assert(t, "nested.json.golden", []byte(dump(t, doc)))
	golden.Assert(t, "nested.summary.json.golden", []byte(dump(t, doc.Summary())))
}

// TestEnums keeps the closed sets apart and complete.
func TestEnums(t *testing.T) {
	check := func(name string, values []string) {
		seen := make(map[string]bool)
		for _, value := range values {
			if value == "" || seen[value] {
				t.Errorf("%s: %q is empty or there twice", name, value)
			}
			seen[value] = true
		}
	}
	check("results", texts(Results()))
	check("phases", texts(Phases()))
	check("leftover kinds", texts(LeftoverKinds()))
	check("change-set kinds", texts(ChangeSetKinds()))
	for _, kind := range LeftoverKinds() {
		if leftoverAdvice(Leftover{Kind: kind, Path: "Bucket"}) == "" {
			t.Errorf("no advice on a leftover of the kind %s", kind)
		}
	}
}

func texts[T ~string](values []T) []string {
	out := make([]string, 0, len(values))
	for _, value := range values {
		out = append(out, string(value))
	}
	return out
}

// TestStatuses goes through every status of the SDK: each resource status that says FAILED is a failure, each stack
// status either moves, begins something or is at rest.
func TestStatuses(t *testing.T) {
	for _, status := range cfntypes.ResourceStatus("").Values() {
		event := Event{Status: string(status), LogicalID: "R", StackName: "App", Type: "AWS::SNS::Topic"}
		if got, want := event.failed(), strings.HasSuffix(string(status), "FAILED"); got != want {
			t.Errorf("%s: failed is %t", status, got)
		}
		if verb := action(string(status)); verb == "" || strings.HasSuffix(verb, "_PROGRESS") {
			t.Errorf("%s: action %q", status, verb)
		}
		if couldNot(string(status)) == "" {
			t.Errorf("%s: no words", status)
		}
	}
	for _, status := range cfntypes.StackStatus("").Values() {
		moving := strings.HasSuffix(string(status), "_IN_PROGRESS")
		if atRest(string(status)) == moving {
			t.Errorf("%s: at rest is %t", status, !moving)
		}
		begins := startsOperation(string(status)) || startsRollback(string(status)) || startsCleanup(string(status))
		if begins != moving {
			t.Errorf("%s: begins something is %t", status, begins)
		}
	}
}

func TestConversion(t *testing.T) {
	at := time.Date(2026, 11, 22, 15, 0, 0, 0, time.FixedZone("", 3600))
	stackRows := FromStackEvents([]cfntypes.StackEvent{{
		EventId: aws.String("1"), StackId: aws.String(arn("App")), StackName: aws.String("App"), LogicalResourceId: aws.String("B"),
		PhysicalResourceId: aws.String("b"), ResourceType: aws.String("AWS::S3::Bucket"), ResourceStatus: "CREATE_IN_PROGRESS",
		ResourceStatusReason: aws.String("r"), DetailedStatus: "CONFIGURATION_COMPLETE", Timestamp: &at, ClientRequestToken: aws.String("tok"), OperationId: aws.String("op"),
		ResourceProperties: aws.String(`{"Password":"hunter2"}`), HookType: aws.String("A::B::C"), HookStatus: "HOOK_COMPLETE_FAILED",
		HookStatusReason: aws.String("h"), HookFailureMode: "FAIL", HookInvocationId: aws.String("i"), HookInvocationPoint: "PRE_PROVISION",
	}, {}})
	want := Event{
		EventID: "1", StackID: arn("App"), StackName: "App", LogicalID: "B", PhysicalID: "b", Type: "AWS::S3::Bucket", Status: "CREATE_IN_PROGRESS",
		Reason: "r", DetailedStatus: "CONFIGURATION_COMPLETE", Time: begin, Token: "tok", OperationID: "op",
		Hook: &HookRow{Type: "A::B::C", Status: "HOOK_COMPLETE_FAILED", Reason: "h", FailureMode: "FAIL", InvocationID: "i", InvocationPoint: "PRE_PROVISION"},
	}
	if diff := cmp.Diff([]Event{want, {}}, stackRows); diff != "" {
		t.Errorf("stack events (-want +got):\n%s", diff)
	}
	operationRows := FromOperationEvents([]cfntypes.OperationEvent{{
		EventId: aws.String("1"), StackId: aws.String(arn("App")), LogicalResourceId: aws.String("B"), PhysicalResourceId: aws.String("b"),
		ResourceType: aws.String("AWS::S3::Bucket"), ResourceStatus: "CREATE_IN_PROGRESS", ResourceStatusReason: aws.String("r"),
		DetailedStatus: "CONFIGURATION_COMPLETE", StartTime: &at, ClientRequestToken: aws.String("tok"), OperationId: aws.String("op"), OperationType: "CREATE_STACK", EventType: "VALIDATION_ERROR",
		HookType: aws.String("A::B::C"), HookStatus: "HOOK_COMPLETE_FAILED", HookStatusReason: aws.String("h"), HookFailureMode: "FAIL", HookInvocationPoint: "PRE_PROVISION",
		ValidationName: aws.String("N"), ValidationStatus: "FAILED", ValidationStatusReason: aws.String("v"), ValidationPath: aws.String("/p"), ValidationFailureMode: "WARN",
	}})
	want.Kind, want.OperationType = "VALIDATION_ERROR", "CREATE_STACK"
	want.Hook.InvocationID = ""
	want.Validation = &ValidationRow{Name: "N", Status: "FAILED", Reason: "v", Path: "/p", FailureMode: "WARN"}
	if diff := cmp.Diff([]Event{want}, operationRows); diff != "" {
		t.Errorf("operation events (-want +got):\n%s", diff)
	}
	results := FromHookResults([]cfntypes.HookResultSummary{{
		HookResultId: aws.String("i"), TypeName: aws.String("A::B::C"), Status: "HOOK_FAILED", HookStatusReason: aws.String("h"), FailureMode: "FAIL",
		InvocationPoint: "PRE_PROVISION", TargetId: aws.String("t"), InvokedAt: &at,
	}})
	if diff := cmp.Diff([]HookResult{{ID: "i", Type: "A::B::C", Status: "HOOK_FAILED", Reason: "h", FailureMode: "FAIL", InvocationPoint: "PRE_PROVISION", TargetID: "t", Time: begin}}, results); diff != "" {
		t.Errorf("hook results (-want +got):\n%s", diff)
	}
	result := FromHookResult(&cloudformation.GetHookResultOutput{
		HookResultId: aws.String("i"), Status: "HOOK_FAILED", HookStatusReason: aws.String("whole"), FailureMode: "FAIL",
		Target: &cfntypes.HookTarget{TargetType: "RESOURCE", TargetId: aws.String("Bucket")},
		Annotations: []cfntypes.Annotation{{
			AnnotationName: aws.String("n"), Status: "FAILED", StatusMessage: aws.String("m"), RemediationMessage: aws.String("r"), RemediationLink: aws.String("l"), SeverityLevel: "HIGH",
		}},
	}).Over(results[0])
	wantResult := HookResult{
		ID: "i", Type: "A::B::C", Status: "HOOK_FAILED", Reason: "whole", FailureMode: "FAIL", InvocationPoint: "PRE_PROVISION", TargetID: "Bucket",
		LogicalID: "Bucket", Annotations: []Annotation{{Name: "n", Status: "FAILED", Message: "m", Remediation: "r", Link: "l", Severity: "HIGH"}}, Time: begin,
	}
	if diff := cmp.Diff(wantResult, result); diff != "" {
		t.Errorf("hook result (-want +got):\n%s", diff)
	}
	ofStack := FromHookResult(&cloudformation.GetHookResultOutput{Target: &cfntypes.HookTarget{TargetType: "RESOURCE", TargetId: aws.String(arn("App"))}})
	if ofStack.LogicalID != "" {
		t.Errorf("an ARN became the logical id %s", ofStack.LogicalID)
	}
}
