package events_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/tail"
	"stackgate/tasks/events"
)

const orders = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")

func failedSet(reason string, changes ...types.Change) *cloudformation.DescribeChangeSetOutput {
	return &cloudformation.DescribeChangeSetOutput{
		StackId: aws.String(root), StackName: aws.String("root"), Status: types.ChangeSetStatusFailed, StatusReason: aws.String(reason), Changes: changes,
	}
}

// TestExplainFailedChangeSet reads for each way in which a change set fails what its reason only points at, and no more.
func TestExplainFailedChangeSet(t *testing.T) {
	const (
		nestedARN = "arn:aws:cloudformation:eu-west-1:111111111111:changeSet/child/1"
		hookType  = "Shop::Guard::Hook"
		early     = "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information."
	)
	finding := types.OperationEvent{
		EventId: aws.String("v"), StackId: aws.String(root), EventType: types.EventTypeValidationError, OperationType: types.OperationTypeCreateChangeset,
		ResourceType: aws.String("AWS::SQS::Queue"), Timestamp: aws.Time(noon), ValidationName: aws.String("PROPERTY_VALIDATION"),
		ValidationStatus: types.ValidationStatusFailed, ValidationStatusReason: aws.String("extraneous key [Nmae] is not permitted"),
		ValidationPath: aws.String("/Resources/Queue/Properties/Nmae"), ValidationFailureMode: types.HookFailureModeFail,
	}
	for name, c := range map[string]struct {
		client   account
		kind     tail.ChangeSetKind
		headline string
		advice   string
		notes    string
		calls    string
	}{
		"validation": {
			client: account{sets: map[string]*cloudformation.DescribeChangeSetOutput{setARN: failedSet(early)}, findings: map[string][]types.OperationEvent{setARN: {finding}}},
			kind:   tail.ChangeSetValidation, headline: "Queue (AWS::SQS::Queue)", calls: "DescribeEvents " + setARN + " failed",
		},
		"validation that may not be read": {
			client: account{sets: map[string]*cloudformation.DescribeChangeSetOutput{setARN: failedSet(early)}},
			kind:   tail.ChangeSetValidation, headline: "AWS::EarlyValidation::PropertyValidation", notes: "cloudformation:DescribeEvents", calls: "DescribeEvents " + setARN + " failed",
		},
		"hook": {
			client: account{
				sets:     map[string]*cloudformation.DescribeChangeSetOutput{setARN: failedSet("Change set creation failed. The following hook(s) failed: [" + hookType + "]")},
				findings: map[string][]types.OperationEvent{},
				verdicts: []types.HookResultSummary{
					{HookResultId: aws.String("ok"), TypeName: aws.String("Shop::Other::Hook"), Status: types.HookStatusHookCompleteSucceeded, FailureMode: types.HookFailureModeFail},
					{HookResultId: aws.String("no"), TypeName: aws.String(hookType), Status: types.HookStatusHookCompleteFailed, FailureMode: types.HookFailureModeFail, HookStatusReason: aws.String("1 rule failed")},
				},
				hooks: map[string]*cloudformation.GetHookResultOutput{"no": {
					HookResultId: aws.String("no"), Status: types.HookStatusHookCompleteFailed,
					Annotations: []types.Annotation{{AnnotationName: aws.String("encrypted"), Status: "FAILED", RemediationMessage: aws.String("set KmsMasterKeyId")}},
				}},
			},
			kind: tail.ChangeSetHook, headline: "was denied by a hook: hook " + hookType + ": 1 rule failed", advice: "encrypted: set KmsMasterKeyId",
			calls: "DescribeEvents " + setARN + " failed, ListHookResults CHANGE_SET " + setARN + ", ListHookResults CHANGE_SET " + setARN + ", GetHookResult no",
		},
		"hooks that may not be read": {
			client: account{sets: map[string]*cloudformation.DescribeChangeSetOutput{setARN: failedSet("The following hook(s) failed: [" + hookType + "]")}},
			kind:   tail.ChangeSetHook, headline: "hook " + hookType + " denied it", notes: "cloudformation:ListHookResults",
			calls: "DescribeEvents " + setARN + " failed, ListHookResults CHANGE_SET " + setARN,
		},
		"transform": {
			client: account{sets: map[string]*cloudformation.DescribeChangeSetOutput{setARN: failedSet("Transform AWS::Include failed with: S3 bucket [x] does not exist.")}},
			kind:   tail.ChangeSetTransform, headline: "S3 bucket [x] does not exist",
		},
		"nested": {
			client: account{
				sets: map[string]*cloudformation.DescribeChangeSetOutput{
					setARN: failedSet("Nested change set "+nestedARN+" was not successfully created: Currently in FAILED.", types.Change{ResourceChange: &types.ResourceChange{
						LogicalResourceId: aws.String("Child"), ChangeSetId: aws.String(nestedARN), ResourceType: aws.String("AWS::CloudFormation::Stack"),
					}}),
					nestedARN: failedSet(early),
				},
				findings: map[string][]types.OperationEvent{nestedARN: {finding}},
			},
			kind: tail.ChangeSetNested, headline: "Child/Queue (AWS::SQS::Queue)", calls: "DescribeEvents " + nestedARN + " failed",
		},
		"nested that may not be read": {
			client: account{sets: map[string]*cloudformation.DescribeChangeSetOutput{
				setARN: failedSet("Nested change set "+nestedARN+" was not successfully created: Currently in FAILED.", types.Change{ResourceChange: &types.ResourceChange{
					LogicalResourceId: aws.String("Child"), ChangeSetId: aws.String(nestedARN),
				}}),
			}},
			kind: tail.ChangeSetNested, headline: "Nested change set", notes: "The nested change set " + nestedARN + " could not be read",
		},
		"nested that is still being made": {
			client: account{
				sets: map[string]*cloudformation.DescribeChangeSetOutput{
					setARN: failedSet("Nested change set "+nestedARN+" was not successfully created: Currently in FAILED.", types.Change{ResourceChange: &types.ResourceChange{
						LogicalResourceId: aws.String("Child"), ChangeSetId: aws.String(nestedARN),
					}}),
					nestedARN: {Status: types.ChangeSetStatusCreateInProgress},
				},
				later: map[string]*cloudformation.DescribeChangeSetOutput{nestedARN: failedSet("Parameters: [Name] must have values")},
			},
			kind: tail.ChangeSetNested, headline: "Child was refused because the template is not valid: Parameters", notes: "cloudformation:DescribeEvents",
			calls: "sleep, DescribeEvents " + nestedARN + " failed, ListHookResults CHANGE_SET " + nestedARN,
		},
		"auto-import": {
			client: account{sets: map[string]*cloudformation.DescribeChangeSetOutput{setARN: failedSet("CloudFormation is attempting to import some resources because they already exist in your account. " +
				"The resources must have the DeletionPolicy attribute set to 'Retain' or 'RetainExceptOnCreate' in the template for successful import. The affected resources are Table ({TableName=orders})")}},
			kind: tail.ChangeSetAutoImport, headline: "Table could not be imported",
		},
		"still being made": {
			client: account{sets: map[string]*cloudformation.DescribeChangeSetOutput{setARN: {Status: types.ChangeSetStatusCreateInProgress}}},
			kind:   tail.ChangeSetPending, headline: "was still in CREATE_IN_PROGRESS when the wait for it ended", advice: "timeouts.changeSet",
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
				Target: deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "root"}, ChangeSet: store.ChangeSet{ARN: setARN},
			}); err != nil {
				t.Fatal(err)
			}
			task := events.Explain{Store: kept, Clock: c.client.clock(), Connect: func(context.Context, store.Record) (events.ChangeSetReader, error) { return &c.client, nil }}
			out, err := task.Run(t.Context(), events.In{DeploymentID: orders})
			if err != nil {
				t.Fatal(err)
			}
			content, err := kept.Document(t.Context(), out.Document)
			if err != nil {
				t.Fatal(err)
			}
			var doc tail.Document
			if err := json.Unmarshal(content, &doc); err != nil {
				t.Fatal(err)
			}
			if doc.ChangeSet.Kind != c.kind || !strings.Contains(doc.Headline, c.headline) || doc.Headline != out.Summary.Headline {
				t.Errorf("%s: %s, want %s: …%s…", doc.ChangeSet.Kind, doc.Headline, c.kind, c.headline)
			}
			if got := strings.Join(c.client.calls, ", "); got != c.calls {
				t.Errorf("calls %q, want %q", got, c.calls)
			}
			if !strings.Contains(strings.Join(doc.Advice, " "), c.advice) || !strings.Contains(strings.Join(doc.Advice, " "), "`stackgate deploy orders -e prod`") {
				t.Errorf("advice %q", doc.Advice)
			}
			if notes := strings.Join(doc.Notes, " "); (notes == "") != (c.notes == "") || !strings.Contains(notes, c.notes) {
				t.Errorf("notes %q, want …%s…", notes, c.notes)
			}
			r, err := kept.Record(t.Context(), orders)
			if err != nil || r.Tail.Document != out.Document || !slices.Equal(r.Tail.Advice, doc.Advice) {
				t.Errorf("recorded %+v, %v", r.Tail, err)
			}
		})
	}
}
