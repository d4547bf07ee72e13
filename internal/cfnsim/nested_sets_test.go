package cfnsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cfnsim"
)

// nestedIn returns the change of a nested stack and, if there is one, its own change set.
func (b *bench) nestedIn(set *cloudformation.DescribeChangeSetOutput, id string) (*types.ResourceChange, *cloudformation.DescribeChangeSetOutput) {
	b.t.Helper()
	for _, c := range set.Changes {
		if *c.ResourceChange.LogicalResourceId != id {
			continue
		}
		if c.ResourceChange.ChangeSetId == nil {
			return c.ResourceChange, nil
		}
		return c.ResourceChange, b.ready(c.ResourceChange.ChangeSetId, true)
	}
	b.t.Fatalf("the change set lists no %s", id)
	return nil, nil
}

func TestChangeSetsOfNestedStacks(t *testing.T) {
	b := newBench(t)
	b.putFamily()
	root := b.familySet(rootBody)
	change, app := b.nestedIn(root, "App")
	if change.Action != types.ChangeActionAdd || change.PhysicalResourceId != nil {
		t.Errorf("the nested stack's change is %+v", change)
	}
	if app.Status != types.ChangeSetStatusCreateComplete || app.ExecutionStatus != types.ExecutionStatusUnavailable || aws.ToString(app.StatusReason) != "Only executable from the root change set." ||
		*app.ParentChangeSetId != *root.ChangeSetId || *app.RootChangeSetId != *root.ChangeSetId || !*app.IncludeNestedStacks {
		t.Errorf("the nested change set is %+v", app)
	}
	if !regexp.MustCompile(`^set-App-[A-Z0-9]{12}$`).MatchString(*app.ChangeSetName) || !regexp.MustCompile(`^orders-App-[A-Z0-9]{12}$`).MatchString(*app.StackName) {
		t.Errorf("the names are %s and %s", *app.ChangeSetName, *app.StackName)
	}
	if shell := b.stack(*app.StackId); shell.StackStatus != types.StackStatusReviewInProgress || *shell.ParentId != *root.StackId || *shell.RootId != *root.StackId {
		t.Errorf("the stack of the nested change set is %+v", shell)
	}
	_, data := b.nestedIn(app, "Data")
	if *data.ParentChangeSetId != *app.ChangeSetId || *data.RootChangeSetId != *root.ChangeSetId {
		t.Errorf("two levels down the change set is %+v", data)
	}
	for _, p := range app.Parameters {
		if *p.ParameterKey == "Topic" && *p.ParameterValue != "{{changeSet:KNOWN_AFTER_APPLY}}" {
			t.Errorf("a value that only the execution knows is %s", *p.ParameterValue)
		}
	}
	if _, err := b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: app.ChangeSetId}); err == nil || !strings.Contains(err.Error(), "cannot be executed in its current execution status of [UNAVAILABLE]") {
		t.Errorf("a nested change set is executed: %v", err)
	}
	if _, err := b.DeleteChangeSet(b.ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: app.ChangeSetId}); err == nil {
		t.Error("a nested change set is deleted without its root")
	}

	b.must(b.DeleteChangeSet(b.ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: root.ChangeSetId}))
	if out := b.describe(root.ChangeSetId, false); out.Status != types.ChangeSetStatusDeletePending || out.ExecutionStatus != types.ExecutionStatusUnavailable {
		t.Errorf("right after its deletion the root is %s", out.Status)
	}
	b.clock.tick(10 * time.Second)
	for _, id := range []*string{root.ChangeSetId, app.ChangeSetId, data.ChangeSetId} {
		if _, err := b.DescribeChangeSet(b.ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: id}); err == nil {
			t.Errorf("%s is still there", *id)
		}
	}
	for _, id := range []*string{app.StackId, data.StackId} {
		if status := b.stack(*id).StackStatus; status != types.StackStatusDeleteComplete {
			t.Errorf("the stack of a deleted nested change set is %s", status)
		}
	}
	if status := b.stack("orders").StackStatus; status != types.StackStatusReviewInProgress {
		t.Errorf("the root's stack is %s", status)
	}
}

func TestNestedChangeSetsOfAnUpdate(t *testing.T) {
	b := newBench(t)
	b.putFamily()
	b.deployFamily()
	none := b.familySet(rootBody)
	if none.Status != types.ChangeSetStatusFailed || !strings.Contains(*none.StatusReason, "didn't contain changes") {
		t.Fatalf("without changes the set is %s: %s", none.Status, aws.ToString(none.StatusReason))
	}
	b.must(b.DeleteChangeSet(b.ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: none.ChangeSetId}))

	b.put("data.yaml", strings.Replace(dataBody, "  Slow:", "  More: {Type: AWS::SNS::Topic}\n  Slow:", 1))
	root := b.familySet(rootBody)
	if len(root.Changes) != 2 {
		t.Errorf("the root lists\n%s", lines(root))
	}
	change, app := b.nestedIn(root, "App")
	if len(change.Details) != 1 || change.Details[0].ChangeSource != types.ChangeSourceAutomatic || *change.PhysicalResourceId != *app.StackId {
		t.Errorf("the unchanged resource of a nested stack that changes is %+v", change)
	}
	// What reads an output of a nested stack that changes may change too.
	if alarm, _ := b.nestedIn(root, "Alarm"); alarm.Details[0].ChangeSource != types.ChangeSourceResourceAttribute || *alarm.Details[0].CausingEntity != "App.Outputs.TableName" {
		t.Errorf("the reader of an output is %+v", alarm)
	}
	_, data := b.nestedIn(app, "Data")
	if text := lines(data); !strings.Contains(text, "Add More") || len(data.Changes) != 1 {
		t.Errorf("two levels down the change set says\n%s", text)
	}
	// Nobody read what is put in the place of the template now.
	b.put("data.yaml", "Resources: {Other: {Type: AWS::SNS::Topic}}\nOutputs: {TableName: {Value: x}}\nParameters: {Break: {Type: String}, Version: {Type: String}, Times: {Type: String}}")
	b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: root.ChangeSetId})
	var ids []string
	for _, r := range b.resources(*data.StackId) {
		ids = append(ids, *r.LogicalResourceId)
	}
	if diff := cmp.Diff([]string{"More", "Slow", "Table"}, ids); diff != "" {
		t.Errorf("another template was executed than the one that was reviewed (-reviewed +executed):\n%s", diff)
	}
	if out := b.describe(app.ChangeSetId, false); out.ExecutionStatus != types.ExecutionStatusExecuteComplete {
		t.Errorf("the executed nested change set is %s", out.ExecutionStatus)
	}
}

func TestANestedTemplateMovesWithoutChanges(t *testing.T) {
	b := newBench(t)
	b.putFamily()
	b.put("jobs2.yaml", jobsBody)
	b.deployFamily()
	root := b.familySet(strings.Replace(rootBody, "jobs.yaml", "jobs2.yaml", 1))
	if root.Status != types.ChangeSetStatusCreateComplete {
		t.Fatalf("the root is %s: %s", root.Status, aws.ToString(root.StatusReason))
	}
	// Observed: the nested change set without changes is FAILED, and does not fail its root.
	_, jobs := b.nestedIn(root, "Jobs")
	if jobs.Status != types.ChangeSetStatusFailed || !strings.Contains(*jobs.StatusReason, "didn't contain changes") {
		t.Errorf("the nested set is %s: %s", jobs.Status, aws.ToString(jobs.StatusReason))
	}
	before := len(b.events(*jobs.StackId))
	if stack := b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: root.ChangeSetId}); stack.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("executed to %s", stack.StackStatus)
	}
	if after := len(b.events(*jobs.StackId)); after != before {
		t.Errorf("the child has %d new events", after-before)
	}
}

func TestAFailedNestedChangeSetFailsItsRoot(t *testing.T) {
	for name, test := range map[string]struct{ body, reason string }{
		"no such object": {"", "S3 error: Access Denied"},
		"broken":         {"Resources: {A: x}", "Template format error: Any Resources member must be an object."},
		"parameter":      {"Parameters: {Must: {Type: String}}\nResources: {A: {Type: AWS::SNS::Topic}}", "Parameters: [Must] must have values"},
		"capability":     {"Resources: {A: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}", "Requires capabilities : [CAPABILITY_IAM]"},
		"transform":      {"Transform: Acme\nResources: {A: {Type: AWS::SNS::Topic}}", "No transform named 111111111111::Acme found."},
		"validation": {"Resources: {A: {Type: AWS::SNS::Topic, Metadata: {'Stackgate::Simulate': {Validation: {Reason: no}}}}}",
			"The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information."},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if test.body != "" {
				b.put("child.yaml", test.body)
			}
			body := "Resources: {T: {Type: AWS::SNS::Topic}, Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + bucketURL + "child.yaml}}}"
			root := b.create(cloudformation.CreateChangeSetInput{TemplateBody: &body, IncludeNestedStacks: aws.Bool(true), Capabilities: []types.Capability{types.CapabilityCapabilityAutoExpand}})
			change, child := b.nestedIn(root, "Child")
			want := "Nested change set " + *change.ChangeSetId + " was not successfully created: Currently in FAILED."
			if root.Status != types.ChangeSetStatusFailed || aws.ToString(root.StatusReason) != want || root.ExecutionStatus != types.ExecutionStatusUnavailable {
				t.Errorf("the root is %s: %s\nwant %s", root.Status, aws.ToString(root.StatusReason), want)
			}
			if child.Status != types.ChangeSetStatusFailed || aws.ToString(child.StatusReason) != test.reason {
				t.Errorf("the nested set is %s: %s\nwant %s", child.Status, aws.ToString(child.StatusReason), test.reason)
			}
			if test.body == "" {
				return
			}
			events := b.operationEvents(cloudformation.DescribeEventsInput{ChangeSetName: child.ChangeSetId, Filters: failedOnly()})
			if len(events) == 0 {
				t.Error("the making of the nested set has no failed event")
			}
		})
	}
}

func TestWithoutNestedChangeSetsAnyChildMayChange(t *testing.T) {
	b := newBench(t)
	b.putFamily()
	b.deployFamily()
	body := rootBody
	set := b.create(cloudformation.CreateChangeSetInput{TemplateBody: &body})
	change, nested := b.nestedIn(set, "Jobs")
	if set.Status != types.ChangeSetStatusCreateComplete || nested != nil || change.Action != types.ChangeActionModify || change.Replacement != types.ReplacementFalse ||
		len(change.Details) != 1 || change.Details[0].ChangeSource != types.ChangeSourceAutomatic || change.Details[0].Evaluation != types.EvaluationTypeDynamic {
		t.Errorf("the set is %s, its nested stack %+v", set.Status, change)
	}
}

func TestAnExecutionDropsTheFamiliesOfItsSiblings(t *testing.T) {
	b := newBench(t)
	b.putFamily()
	body := rootBody
	other := b.create(cloudformation.CreateChangeSetInput{TemplateBody: &body, IncludeNestedStacks: aws.Bool(true), ChangeSetName: aws.String("other")})
	_, app := b.nestedIn(other, "App")
	b.deployFamily()
	if _, err := b.DescribeChangeSet(b.ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: app.ChangeSetId}); err == nil {
		t.Error("the nested change set of a sibling is still there")
	}
	if status := b.stack(*app.StackId).StackStatus; status != types.StackStatusDeleteComplete {
		t.Errorf("the stack made for it is %s", status)
	}
}

func TestARefusedChangeSetLeavesNoFamily(t *testing.T) {
	b := newBench(t)
	b.putFamily()
	body := rootBody + "  Bad: {Value: !GetAtt App.Nothing}\n"
	if err := createOf(body)(b); err == nil {
		t.Skip("outputs are checked at the end of the operation")
	}
	out, err := b.ListStacks(b.ctx, &cloudformation.ListStacksInput{})
	if err != nil || len(out.StackSummaries) != 0 {
		t.Errorf("the refused change set left %d stacks (%v)", len(out.StackSummaries), err)
	}
}

func TestSecretsReachNestedStacksUnseen(t *testing.T) {
	b := newBench(t)
	b.put("child.yaml", "Parameters: {Password: {Type: String}}\nResources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Password}}}\nOutputs: {Word: {Value: !Ref Password}}")
	body := "Parameters: {Password: {Type: String, NoEcho: true}}\nResources: {Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + bucketURL + "child.yaml, Parameters: {Password: !Ref Password}}}}"
	set := b.familySet(body, parameter("Password", "hunter2"))
	_, child := b.nestedIn(set, "Child")
	b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	text, err := json.Marshal([]any{set, child, b.stack(*child.StackId), b.events(*child.StackId), b.events("orders")})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || strings.Contains(string(text), "noecho:") {
		t.Errorf("a secret shows in %s", text)
	}
}

// The recording has the answers and not the templates; these are made from its contexts.
func TestNestedChangeSetsLookLikeThoseRecordedOnAWS(t *testing.T) {
	folder := filepath.Join(recordedFolder(t), "changesets")
	const url = "https://s3.us-east-2.amazonaws.com/mybucket/"
	before := `Resources:
  BucketToRemove: {Type: AWS::S3::Bucket}
  BucketToReplace: {Type: AWS::S3::Bucket, Properties: {BucketName: cfn-changeset-viewer-999999999999-us-east-2-bucket}}
  BucketToUpdate: {Type: AWS::S3::Bucket}
  BucketWithTags: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: ToKeep, Value: Foo}, {Key: ToRemove, Value: Bar}, {Key: ToUpdate, Value: Hello}]}}
`
	after := `Resources:
  BucketToAdd: {Type: AWS::S3::Bucket}
  BucketToReplace: {Type: AWS::S3::Bucket, Properties: {BucketName: cfn-changeset-viewer-999999999999-us-east-2-bucket2}}
  BucketToUpdate: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}
  BucketWithTags: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: ToKeep, Value: Foo}, {Key: ToAdd, Value: Baz}, {Key: ToUpdate, Value: World}]}}
`
	b := newBench(t)
	root := func(name string) string {
		return "Resources: {Stack: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: '" + url + name + ".template'}}}"
	}
	for name, body := range map[string]string{"408996fc760779d1891d761517c12efe": before, "586265672cdf10ec6d2e2155635f1326": after} {
		if err := b.sim.PutObject(b.ctx, url+name+".template", body); err != nil {
			t.Fatal(err)
		}
	}
	b.deploy(root("408996fc760779d1891d761517c12efe"))
	set := b.familySet(root("586265672cdf10ec6d2e2155635f1326"))
	_, nested := b.nestedIn(set, "Stack")
	for file, got := range map[string]*cloudformation.DescribeChangeSetOutput{"ext.trek10.nested.json": b.ready(set.ChangeSetId, true), "ext.trek10.nested.nested.json": nested} {
		var want recordedAnswer
		readJSON(t, filepath.Join(folder, file), &want)
		if diff := cmp.Diff(summaryOfRecording(want), summaryOfAnswer(got)); diff != "" {
			t.Errorf("%s (-AWS +simulator):\n%s", file, diff)
		}
	}
}

// shelf is a source of templates by their addresses.
type shelf map[string]string

func (s shelf) Template(_ context.Context, url string) (string, error) {
	if body, found := s[url]; found {
		return body, nil
	}
	return "", errors.New("nothing lies there")
}

func TestWhereNestedTemplatesComeFrom(t *testing.T) {
	source := shelf{bucketURL + "child.yaml": topic}
	b := newBench(t, func(o *cfnsim.Options) { o.Templates = source })
	b.put("put.yaml", topic)
	root := func(url string) string {
		return "Resources: {Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: '" + url + "'}}}"
	}
	for url, want := range map[string]string{
		bucketURL + "child.yaml":         "",
		bucketURL + "put.yaml":           "",
		bucketURL + "none.yaml":          "S3 error: nothing lies there",
		"http://example.com/child.yaml":  "TemplateURL must be a supported URL.",
		"https://example.com/child.yaml": "S3 error: Domain name specified in example.com is not a valid S3 domain",
	} {
		body := root(url)
		set := b.create(cloudformation.CreateChangeSetInput{StackName: aws.String("any"), TemplateBody: &body, IncludeNestedStacks: aws.Bool(true)})
		_, child := b.nestedIn(set, "Child")
		if failed := child.Status == types.ChangeSetStatusFailed; failed != (want != "") || failed && *child.StatusReason != want {
			t.Errorf("%s: the nested set is %s: %s", url, child.Status, aws.ToString(child.StatusReason))
		}
		b.must(b.DeleteChangeSet(b.ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: set.ChangeSetId}))
		b.clock.tick(time.Minute)
	}
	if err := b.sim.PutObject(b.ctx, "https://example.com/child.yaml", topic); err == nil {
		t.Error("an object is put where S3 is not")
	}

	// Without nested change sets an execution reads what lay there when the change set was made: it cannot ask the source.
	b.deploy(root(bucketURL + "child.yaml"))
	source[bucketURL+"child.yaml"] = "Resources: {Other: {Type: AWS::SQS::Queue}}"
	b.deploy(root(bucketURL + "child.yaml"))
	child := b.familyOf("orders")["orders/Child"]
	if rows := story(b.events(child)); !strings.Contains(rows, "Other CREATE_COMPLETE") || !strings.Contains(rows, "T DELETE_COMPLETE") {
		t.Errorf("new content behind the old address was not deployed:\n%s", rows)
	}
}

func TestWhatAParentHandsDown(t *testing.T) {
	for _, tokens := range []bool{false, true} {
		b := newBench(t, func(o *cfnsim.Options) { o.NestedTokens = tokens })
		b.put("child.yaml", "Parameters: {Zones: {Type: CommaDelimitedList}}\nResources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [1, !Ref Zones]}}}\nOutputs: {Zone: {Value: !Select [1, !Ref Zones]}}")
		body := "Resources: {Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: '" + bucketURL + "child.yaml', Parameters: {Zones: [a, b]}, Tags: [{Key: own, Value: c}, {Key: both, Value: c}], NotificationARNs: ['arn:aws:sns:us-east-1:111111111111:t']}}}"
		b.deployWith(body, cloudformation.CreateChangeSetInput{Tags: []types.Tag{{Key: aws.String("root"), Value: aws.String("r")}, {Key: aws.String("both"), Value: aws.String("r")}}}, nil)
		child := b.stack(b.familyOf("orders")["orders/Child"])
		tags := map[string]string{}
		for _, tag := range child.Tags {
			tags[*tag.Key] = *tag.Value
		}
		if diff := cmp.Diff(map[string]string{"root": "r", "own": "c", "both": "c"}, tags); diff != "" {
			t.Errorf("the child's tags (-want +got):\n%s", diff)
		}
		if len(child.NotificationARNs) != 1 || len(child.Outputs) != 1 || *child.Outputs[0].OutputValue != "b" {
			t.Errorf("the child is %+v", child)
		}
		for _, e := range b.events(*child.StackId) {
			if (e.ClientRequestToken != nil) != tokens || e.OperationId == nil {
				t.Errorf("with NestedTokens %v a row of the child has the token %v and the operation %v", tokens, aws.ToString(e.ClientRequestToken), aws.ToString(e.OperationId))
			}
		}
		if root := b.stack("orders"); *root.LastOperations[0].OperationId == *child.LastOperations[0].OperationId {
			t.Error("the child's operation has the id of the root's")
		}
	}
}
