package tail

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const setARN = "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/orders-prod-1/5b8f"

func failedSet(reason string) ChangeSetInput {
	return ChangeSetInput{ID: setARN, Name: "orders-prod-1", StackID: arn("App"), StackName: "App", Status: "FAILED", StatusReason: reason}
}

// TestExplainChangeSet tells of each way in which a change set cannot be made.
func TestExplainChangeSet(t *testing.T) {
	validation := func(path, reason, mode string) Event {
		return Event{EventID: path, StackID: arn("App"), Kind: kindValidationError, Time: begin, Type: "AWS::S3::Bucket",
			Validation: &ValidationRow{Name: "PROPERTY_VALIDATION", Status: "FAILED", Reason: reason, Path: path, FailureMode: mode}}
	}
	early := "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information."
	nestedReason := "Nested change set arn:aws:cloudformation:eu-west-1:111122223333:changeSet/Api/1 was not successfully created: Currently in FAILED."
	for _, test := range []struct {
		name           string
		in             ChangeSetInput
		kind           ChangeSetKind
		headline, path string
		failures       string
		advice         string
	}{
		{
			name: "empty", in: failedSet("The submitted information didn't contain changes. Submit different information to create a change set."),
			kind: ChangeSetEmpty, headline: "The change set of stack App is empty: the stack already is what the template says.",
		},
		{name: "empty with macros", in: failedSet("No updates are to be performed."), kind: ChangeSetEmpty, headline: "is empty"},
		{
			name: "transform", in: failedSet("Transform AWS::Include failed with: S3 bucket [doesnotexist] is private."), kind: ChangeSetTransform,
			headline: "The change set could not be made; the template of stack App could not be transformed: Transform AWS::Include failed with: S3 bucket [doesnotexist] is private.",
		},
		{
			name: "a macro that answers nonsense", in: failedSet("Received malformed response from transform 111122223333::Broken."), kind: ChangeSetTransform,
			headline: "Received malformed response from transform",
		},
		{
			name: "early validation", kind: ChangeSetValidation, path: "Bucket", failures: "Queue",
			in: func() ChangeSetInput {
				in := failedSet(early)
				in.Events = []Event{
					validation("/Resources/Queue/Properties/Name", "extraneous key [Name] is not permitted", "FAIL"),
					validation("/Resources/Bucket/Properties/BucketName", "Resource of type 'AWS::S3::Bucket' with identifier 'orders' already exists.", "FAIL"),
					validation("/Resources/Log/Properties", "the bucket is not empty", "WARN"),
				}
				in.Events[0].Type = "AWS::SQS::Queue"
				in.Events[0].Time = begin.Add(1e9)
				return in
			}(),
			headline: "The change set could not be made; Bucket (AWS::S3::Bucket) was refused because its name is already taken: Resource of type 'AWS::S3::Bucket' with identifier 'orders' already exists.",
			advice:   "--physical-resource-id orders",
		},
		{
			name: "early validation without its findings", in: failedSet(early), kind: ChangeSetValidation,
			headline: "CloudFormation's checks before the deployment found a fault",
			advice:   "`aws cloudformation describe-events --change-set-name " + setARN + " --filters FailedEvents=true --region eu-west-1`",
		},
		{
			name: "hook", kind: ChangeSetHook,
			in: func() ChangeSetInput {
				in := failedSet("Change set creation failed. The following hook(s) failed: [Example::CFNHook::Full]")
				in.Hooks = []HookResult{
					{ID: "w", Type: "Example::Warns", Status: "HOOK_COMPLETE_FAILED", FailureMode: "WARN", Reason: "not nice"},
					{ID: "f", Type: "Example::CFNHook::Full", Status: "HOOK_COMPLETE_FAILED", FailureMode: "FAIL", Reason: "no owner tag",
						Annotations: []Annotation{{Name: "TAG.1", Status: "FAILED", Remediation: "Add the tag owner."}}},
				}
				return in
			}(),
			headline: "The change set could not be made; the template of stack App was denied by a hook: hook Example::CFNHook::Full: no owner tag",
			advice:   "TAG.1: Add the tag owner.",
		},
		{
			name: "hook without its result", in: failedSet("Change set creation failed. The following hook(s) failed: [A::B::C]"), kind: ChangeSetHook,
			headline: "hook A::B::C denied it",
		},
		{
			name: "nested", kind: ChangeSetNested, path: "Api/Data/Table",
			in: func() ChangeSetInput {
				deepest := failedSet(early)
				deepest.LogicalID = "Data"
				deepest.Events = []Event{validation("/Resources/Table/Properties/X", "extraneous key [X] is not permitted", "FAIL")}
				middle := failedSet(nestedReason)
				middle.LogicalID, middle.Nested = "Api", []ChangeSetInput{deepest}
				unchanged := failedSet("The submitted information didn't contain changes.")
				unchanged.LogicalID = "Web"
				in := failedSet(nestedReason)
				in.Nested = []ChangeSetInput{unchanged, middle}
				return in
			}(),
			headline: "The change set could not be made; Api/Data/Table (AWS::S3::Bucket) was refused because a property is not valid: extraneous key [X]",
		},
		{
			name: "nested, which could not be read", in: failedSet(nestedReason), kind: ChangeSetNested, headline: "the change set of a nested stack could not be made",
			advice: "aws cloudformation describe-change-set --change-set-name arn:aws:cloudformation:eu-west-1:111122223333:changeSet/Api/1",
		},
		{
			name: "auto-import", kind: ChangeSetAutoImport, path: "Orders", failures: "Log",
			in:       failedSet("CloudFormation is attempting to import some resources because they already exist in your account. The resources must have the DeletionPolicy attribute set to 'Retain' or 'RetainExceptOnCreate' in the template for successful import. The affected resources are Orders ({BucketName=orders}), Log ({BucketName=log})"),
			headline: "Orders could not be imported because it exists already and would be imported, which needs a deletion policy: it exists already (BucketName=orders)",
		},
		{
			name: "anything else", in: failedSet("Parameters: [Name] must have values"), kind: ChangeSetTemplate,
			headline: "The change set could not be made; the template of stack App was refused because the template is not valid: Parameters: [Name] must have values",
		},
		{
			name: "not made in time", kind: ChangeSetPending, headline: "The change set of stack App was still in CREATE_IN_PROGRESS when the wait for it ended.",
			in: func() ChangeSetInput {
				in := failedSet("")
				in.Status, in.Service, in.Environment = "CREATE_IN_PROGRESS", "orders", "prod"
				return in
			}(),
			advice: "(timeouts.changeSet of orders), then: `stackgate deploy orders -e prod`",
		},
		{
			name: "the way on", kind: ChangeSetTemplate, headline: "Parameters: [Name] must have values",
			in: func() ChangeSetInput {
				in := failedSet("Parameters: [Name] must have values")
				in.Service, in.Environment = "orders", "prod"
				return in
			}(),
			advice: "Nothing was changed; mend the cause, then: `stackgate deploy orders -e prod`.",
		},
		{name: "no reason at all", in: failedSet(""), kind: ChangeSetTemplate, headline: "CloudFormation gave no reason."},
		{
			name: "no reason, but a hook", kind: ChangeSetHook, headline: "hook A::B::C: no",
			in: func() ChangeSetInput {
				in := failedSet("")
				in.Hooks = []HookResult{{Type: "A::B::C", Status: "HOOK_FAILED", Reason: "no"}}
				return in
			}(),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc := ExplainChangeSet(test.in)
			if doc.ChangeSet == nil || doc.ChangeSet.Kind != test.kind || doc.ChangeSet.ID != setARN {
				t.Fatalf("change set %+v, want kind %s", doc.ChangeSet, test.kind)
			}
			if !strings.Contains(doc.Headline, test.headline) {
				t.Errorf("headline %q does not contain %q", doc.Headline, test.headline)
			}
			if (doc.RootCause == nil) != (test.kind == ChangeSetEmpty || test.kind == ChangeSetPending) {
				t.Errorf("root cause %+v", doc.RootCause)
			}
			if doc.RootCause != nil && doc.RootCause.Path != test.path {
				t.Errorf("root cause is %q, want %q", doc.RootCause.Path, test.path)
			}
			if got := paths(doc.Failures); got != test.failures {
				t.Errorf("failures %q, want %q", got, test.failures)
			}
			if advice := strings.Join(doc.Advice, "\n"); !strings.Contains(advice, test.advice) {
				t.Errorf("advice %q lacks %q", advice, test.advice)
			}
			if doc.Cancelled != 0 || len(doc.Leftovers) > 0 || len(doc.RollbackProblems) > 0 {
				t.Errorf("something is said to have been touched: %+v", doc)
			}
		})
	}
}

func TestChangeSetWarnings(t *testing.T) {
	in := failedSet("Parameters: [Name] must have values")
	in.Hooks = []HookResult{{Type: "A::B::C", Status: "HOOK_COMPLETE_FAILED", FailureMode: "WARN", Reason: "not nice"}}
	if doc := ExplainChangeSet(in); !slices.Equal(doc.Warnings, []string{"hook A::B::C warns: not nice"}) {
		t.Errorf("warnings %q", doc.Warnings)
	}
}

// TestRecordedFailedChangeSets explains every change set that AWS was recorded to refuse.
func TestRecordedFailedChangeSets(t *testing.T) {
	seen := 0
	for _, path := range recorded(t, "changesets") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var set struct{ ChangeSetId, ChangeSetName, StackId, StackName, Status, StatusReason string }
		if err := json.Unmarshal(data, &set); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if set.Status != "FAILED" {
			continue
		}
		seen++
		doc := ExplainChangeSet(ChangeSetInput{
			ID: set.ChangeSetId, Name: set.ChangeSetName, StackID: set.StackId, StackName: set.StackName, Status: set.Status, StatusReason: set.StatusReason,
		})
		if doc.ChangeSet.Kind == ChangeSetEmpty {
			continue
		}
		if doc.RootCause == nil || doc.RootCause.Reason != set.StatusReason || !strings.Contains(doc.Headline, set.StatusReason) {
			t.Errorf("%s: headline %q does not name %q", filepath.Base(path), doc.Headline, set.StatusReason)
		}
	}
	if seen == 0 {
		t.Error("no failed change set is among the recordings")
	}
}
