package tail

import (
	"slices"
	"strings"
	"testing"

	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// denied is a bucket that a hook denies. In DescribeStackEvents the verdict is on an earlier row, in progress.
func denied(t *testing.T, mode string) []Event {
	events := script(t, "tok", `
		App 0 . - CREATE_IN_PROGRESS User Initiated
		App 1 Bucket AWS::S3::Bucket CREATE_IN_PROGRESS
		App 2 Other AWS::S3::Bucket CREATE_IN_PROGRESS
		App 3 Bucket AWS::S3::Bucket CREATE_FAILED The following hook(s) failed: [Private::Guard::S3]
		App 4 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bucket]. Rollback requested by user.`)
	for i := range events {
		if events[i].Status == "CREATE_IN_PROGRESS" && events[i].Type == "AWS::S3::Bucket" {
			events[i].Hook = &HookRow{
				Type: "Private::Guard::S3", Status: "HOOK_COMPLETE_FAILED", Reason: "no encryption on " + events[i].LogicalID, FailureMode: mode,
				InvocationID: "inv-" + events[i].LogicalID, InvocationPoint: "PRE_PROVISION",
			}
		}
	}
	return events
}

func TestHookVerdictIsAttached(t *testing.T) {
	op := Operation{StackID: arn("App"), Token: "tok"}
	doc := Explain(Input{Operation: op, Events: denied(t, "FAIL")})
	if doc.RootCause == nil || doc.RootCause.Hook == nil {
		t.Fatalf("no hook on the root cause: %s", doc.Headline)
	}
	if want := "Bucket (AWS::S3::Bucket) could not be created because a hook denied it: hook Private::Guard::S3: no encryption on Bucket"; doc.Headline != want {
		t.Errorf("headline %q, want %q", doc.Headline, want)
	}
	results := []HookResult{
		{ID: "other", Type: "Private::Guard::Other", Status: "HOOK_COMPLETE_FAILED", Reason: "another hook"},
		{ID: "inv-Bucket", Type: "Private::Guard::S3", Status: "HOOK_COMPLETE_FAILED", Annotations: []Annotation{
			{Name: "S3.1", Status: "PASSED", Remediation: "nothing to do"},
			{Name: "S3.4", Status: "FAILED", Message: "no encryption", Remediation: "Set BucketEncryption.", Link: "https://example.com/s3.4", Severity: "HIGH"},
		}},
	}
	doc = Explain(Input{Operation: op, Events: denied(t, "FAIL"), Hooks: results})
	if got := doc.RootCause.Hook.Annotations; len(got) != 1 || got[0].Name != "S3.4" {
		t.Errorf("annotations %+v, want the failed one", got)
	}
	if !slices.Contains(doc.Advice, "S3.4: Set BucketEncryption. (https://example.com/s3.4)") {
		t.Errorf("the remediation is not among the advice: %q", doc.Advice)
	}
	if doc.RootCause.Hook.Reason != "no encryption on Bucket" {
		t.Errorf("the event's reason was lost: %+v", doc.RootCause.Hook)
	}
}

func TestHookThatWarnsStopsNothing(t *testing.T) {
	events := denied(t, "WARN")
	events = slices.DeleteFunc(events, func(e Event) bool { return strings.Contains(e.Status, "ROLLBACK") || e.Status == "CREATE_FAILED" })
	doc := Explain(Input{Operation: Operation{StackID: arn("App"), Token: "tok"}, Events: events})
	if doc.RootCause != nil || len(doc.Warnings) != 2 || !strings.Contains(doc.Warnings[0], "hook Private::Guard::S3 warns: no encryption on Bucket") {
		t.Errorf("%s, warnings %q", doc.Headline, doc.Warnings)
	}
}

// TestFindingsOfDescribeEvents shows the rows that only DescribeEvents has.
func TestFindingsOfDescribeEvents(t *testing.T) {
	base := script(t, "tok", `
		App 0 . - CREATE_IN_PROGRESS User Initiated
		App 5 . - ROLLBACK_IN_PROGRESS Validation failed for following resources: [Flow]. Rollback requested by user.`)
	validation := Event{
		EventID: "v", StackID: arn("App"), StackName: "App", LogicalID: "Flow", Type: "AWS::Connect::ContactFlow", Kind: kindValidationError,
		Time: begin.Add(2e9), Validation: &ValidationRow{
			Name: "PROPERTY_VALIDATION", Status: "FAILED", Reason: "#/Content: expected type: String, found: JSONObject", Path: "/Resources/Flow/Properties/Content", FailureMode: "FAIL",
		},
	}
	hook := Event{
		EventID: "h", StackID: arn("App"), StackName: "App", LogicalID: "Flow", Type: "AWS::Connect::ContactFlow", Kind: kindHookError,
		Time: begin.Add(2e9), Hook: &HookRow{Type: "Private::Guard::Flow", Status: "HOOK_COMPLETE_FAILED", Reason: "not allowed", FailureMode: "FAIL"},
	}
	row := script(t, "tok", `App 3 Flow AWS::Connect::ContactFlow CREATE_FAILED Properties validation failed for resource Flow with message: [#/Content: expected type: String, found: JSONObject]`)
	row[0].EventID = "r"
	op := Operation{StackID: arn("App"), Token: "tok"}
	for name, test := range map[string]struct {
		events      []Event
		headline    string
		validations int
	}{
		"the validation alone": {[]Event{validation}, "Flow (AWS::Connect::ContactFlow) failed: #/Content: expected type: String, found: JSONObject", 1},
		"the validation and the resource's row": {append([]Event{validation}, row...),
			"Flow (AWS::Connect::ContactFlow) could not be created because a property is not valid: Properties validation failed", 1},
		"the hook alone": {[]Event{hook}, "Flow (AWS::Connect::ContactFlow) failed because a hook denied it: hook Private::Guard::Flow: not allowed", 0},
	} {
		t.Run(name, func(t *testing.T) {
			doc := Explain(Input{Operation: op, Events: slices.Concat(base, test.events)})
			if !strings.HasPrefix(doc.Headline, test.headline) || len(doc.Failures) > 0 {
				t.Errorf("headline %q, failures %s, want %q", doc.Headline, paths(doc.Failures), test.headline)
			}
			if doc.RootCause != nil && len(doc.RootCause.Validations) != test.validations {
				t.Errorf("validations %+v, want %d", doc.RootCause.Validations, test.validations)
			}
		})
	}
	validation.Validation.FailureMode = "WARN"
	doc := Explain(Input{Operation: op, Events: []Event{base[1], validation}})
	if doc.RootCause != nil || len(doc.Warnings) != 1 {
		t.Errorf("a warning was taken for a cause: %s, warnings %q", doc.Headline, doc.Warnings)
	}
}

// TestPropertyValidationPointsAtItsResource shows the stack row that only lists what was not valid.
func TestPropertyValidationPointsAtItsResource(t *testing.T) {
	doc := explained(t, "tok", `
		App 0 . - CREATE_IN_PROGRESS User Initiated
		App 1 Flow AWS::Connect::ContactFlowModule CREATE_FAILED Properties validation failed for resource Flow with message: [#/Content: expected type: String, found: JSONObject]
		App 2 . - ROLLBACK_IN_PROGRESS Validation failed for following resources: [Flow]. Rollback requested by user.`)
	if doc.RootCause == nil || doc.RootCause.Path != "Flow" || len(doc.Failures) > 0 {
		t.Errorf("%s, failures %s", doc.Headline, paths(doc.Failures))
	}
}

// TestLateFailure shows that what began before the rollback and ends after it is no failure of the rollback.
func TestLateFailure(t *testing.T) {
	doc := explained(t, "tok", `
		App 0 . - UPDATE_IN_PROGRESS User Initiated
		App 1 A AWS::SNS::Topic UPDATE_IN_PROGRESS
		App 1 B AWS::SQS::Queue UPDATE_IN_PROGRESS
		App 2 A AWS::SNS::Topic UPDATE_FAILED Invalid parameter: TopicName
		App 3 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [A].
		App 4 B AWS::SQS::Queue UPDATE_FAILED Internal Failure
		App 5 B AWS::SQS::Queue UPDATE_IN_PROGRESS
		App 6 B AWS::SQS::Queue UPDATE_FAILED Rate exceeded`)
	if paths(doc.Failures) != "B" || paths(doc.RollbackProblems) != "B" || doc.RollbackProblems[0].Message != "Rate exceeded" {
		t.Errorf("failures %+v, rollback problems %+v", doc.Failures, doc.RollbackProblems)
	}
}

// TestCancelledNestedStackIsAFollower shows a nested stack all of whose rows were cancelled by a sibling's failure.
func TestCancelledNestedStackIsAFollower(t *testing.T) {
	doc := explained(t, "tok", `
		App 0 . - CREATE_IN_PROGRESS User Initiated
		App 1 Web >WebStack CREATE_IN_PROGRESS
		WebStack 2 . - CREATE_IN_PROGRESS
		WebStack 3 Site AWS::S3::Bucket CREATE_IN_PROGRESS
		App 4 Table AWS::DynamoDB::Table CREATE_FAILED Table already exists: orders
		WebStack 5 Site AWS::S3::Bucket CREATE_FAILED Resource creation cancelled
		App 6 Web >WebStack CREATE_FAILED Embedded stack arn:aws:cloudformation:eu-west-1:111122223333:stack/WebStack/id00000000 was not successfully created: The following resource(s) failed to create: [Site].
		App 7 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Web, Table]. Rollback requested by user.`)
	if paths(doc.Failures) != "" || doc.Cancelled != 2 {
		t.Errorf("failures %q and %d cancelled, want none and 2", paths(doc.Failures), doc.Cancelled)
	}
}

// TestUnreadNestedStackIsSaid shows that the document says where more is to be found.
func TestUnreadNestedStackIsSaid(t *testing.T) {
	doc := explained(t, "tok", `
		App 0 . - CREATE_IN_PROGRESS User Initiated
		App 6 Web >WebStack CREATE_FAILED Embedded stack arn:aws:cloudformation:eu-west-1:111122223333:stack/WebStack/id00000000 was not successfully created: The following resource(s) failed to create: [Site].`)
	want := "`aws cloudformation describe-stack-events --stack-name arn:aws:cloudformation:eu-west-1:111122223333:stack/WebStack/id00000000 --region eu-west-1`"
	if !strings.Contains(strings.Join(doc.Notes, "\n"), want) {
		t.Errorf("notes %q do not say %q", doc.Notes, want)
	}
}

// TestUnreadIsSaid shows that what could not be read stands in the document.
func TestUnreadIsSaid(t *testing.T) {
	unread := "The findings of hooks could not be read: access to DescribeEvents is denied."
	doc := Explain(Input{Operation: Operation{StackID: arn("App")}, Events: script(t, "", older), Unread: []string{unread}})
	if !slices.Contains(doc.Notes, unread) || doc.RootCause == nil {
		t.Errorf("notes %q, %s", doc.Notes, doc.Headline)
	}
}

func TestWayOut(t *testing.T) {
	problem := script(t, "tok", older+`
		App 4 Db AWS::RDS::DBInstance UPDATE_FAILED DB instance db is not in available state`)
	for _, status := range cfntypes.StackStatus("").Values() {
		for _, service := range []string{"", "orders"} {
			doc := Explain(Input{
				Operation: Operation{StackID: arn("App"), Status: string(status), Token: "tok"}, Events: problem, Service: service,
				Environment: map[string]string{"": "", "orders": "prod"}[service],
			})
			advice := strings.Join(doc.Advice, "\n")
			stuck := strings.HasSuffix(string(status), "_FAILED")
			if stuck && service == "" && !strings.Contains(advice, "`aws cloudformation ") {
				t.Errorf("%s: no command of the AWS CLI in %q", status, advice)
			}
			if stuck && service != "" && status != "IMPORT_ROLLBACK_FAILED" && !strings.Contains(advice, "`stackgate recover orders -e prod`") {
				t.Errorf("%s: no command of ours in %q", status, advice)
			}
		}
	}
	doc := Explain(Input{Operation: Operation{StackID: arn("App"), Status: "UPDATE_ROLLBACK_FAILED", Token: "tok"}, Events: problem})
	if want := "aws cloudformation continue-update-rollback --stack-name App --region eu-west-1 --resources-to-skip Db`"; !strings.Contains(strings.Join(doc.Advice, "\n"), want) {
		t.Errorf("advice %q lacks %q", doc.Advice, want)
	}
	doc = Explain(Input{Operation: Operation{StackID: arn("App"), Status: "UPDATE_ROLLBACK_FAILED", Token: "tok"}, Events: problem, NextSteps: []string{"Call Ann."}})
	if !slices.Contains(doc.Advice, "Call Ann.") || strings.Contains(strings.Join(doc.Advice, "\n"), "continue-update-rollback") {
		t.Errorf("the caller's next step does not replace ours: %q", doc.Advice)
	}
}

// TestAdviceIsSafeToPaste shows that names cannot become commands.
func TestAdviceIsSafeToPaste(t *testing.T) {
	for _, name := range []string{"$(reboot)", "a;reboot", "a'b", "--profile", "a`reboot`", "a\nreboot", "\x1b[2J"} {
		doc := Explain(Input{Operation: Operation{StackID: arn("App")}, Events: []Event{{
			StackID: arn("App"), StackName: "App", LogicalID: "Bucket", PhysicalID: name, Type: "AWS::S3::Bucket", Status: "DELETE_FAILED",
			Reason: "The bucket you tried to delete is not empty", Time: begin,
		}}})
		for _, line := range doc.Advice {
			for i, part := range strings.Split(line, "`") {
				if i%2 == 0 || !strings.Contains(part, "reboot") {
					continue
				}
				if !strings.Contains(part, "'"+name+"'") {
					t.Errorf("%q stands unquoted in the command %q", name, part)
				}
			}
			if strings.ContainsAny(line, "\n\x1b") {
				t.Errorf("%q reached a line of advice", name)
			}
		}
	}
	for value, want := range map[string]string{"plain-1": "plain-1", "a'b": `'a'\''b'`, "-rf": "'-rf'", "": "''", "a b": "'a b'"} {
		if got := quote(value); got != want {
			t.Errorf("quote(%q) = %s, want %s", value, got, want)
		}
	}
}
