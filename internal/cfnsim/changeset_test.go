package cfnsim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cfnsim"
)

// line renders a change with its details on one line each, for comparison by eye.
func line(c types.Change) string {
	r := c.ResourceChange
	text := fmt.Sprintf("%s %s %s/%s %v", r.Action, *r.LogicalResourceId, r.Replacement, r.PolicyAction, r.Scope)
	for _, d := range r.Details {
		t := d.Target
		text += fmt.Sprintf("\n  %s %s %s %s %s %s %s %s>%s", d.ChangeSource, d.Evaluation, aws.ToString(d.CausingEntity), t.Attribute, aws.ToString(t.Path), t.RequiresRecreation,
			t.AttributeChangeType, aws.ToString(t.BeforeValue), aws.ToString(t.AfterValue))
	}
	return text
}

func lines(out *cloudformation.DescribeChangeSetOutput) string {
	var all []string
	for _, c := range out.Changes {
		all = append(all, line(c))
	}
	return strings.Join(all, "\n")
}

func TestWhatAChangeSetSays(t *testing.T) {
	tests := []struct {
		name, before, after, want string
	}{
		{"removed resources keep, lose or snapshot what they are", `
Resources:
  Keep: {Type: AWS::SNS::Topic, DeletionPolicy: Retain}
  Lose: {Type: AWS::SNS::Topic}
  Snap: {Type: AWS::RDS::DBInstance}
  Kept: {Type: AWS::SNS::Topic, DeletionPolicy: RetainExceptOnCreate}
  T: {Type: AWS::SNS::Topic}`, topic,
			"Remove Keep /Retain []\nRemove Kept /Retain []\nRemove Lose /Delete []\nRemove Snap /Snapshot []"},
		{"a replacement says what happens to the old one", `
Resources: {A: {Type: AWS::SNS::Topic, UpdateReplacePolicy: Retain, Properties: {TopicName: a}}}`, `
Resources: {A: {Type: AWS::SNS::Topic, UpdateReplacePolicy: Retain, Properties: {TopicName: b}}}`,
			"Modify A True/ReplaceAndRetain [Properties]\n  DirectModification Static  Properties /Properties/TopicName Always Modify a>b"},
		{"policies and metadata are attributes", `
Resources: {A: {Type: AWS::SNS::Topic}}`, `
Resources: {A: {Type: AWS::SNS::Topic, DeletionPolicy: Retain, Metadata: {Owner: me}}}`,
			"Modify A False/ [DeletionPolicy Metadata]\n  DirectModification Static  DeletionPolicy /DeletionPolicy Never Add >Retain\n  DirectModification Static  Metadata /Metadata Never Add >{\"Owner\":\"me\"}"},
		{"tags are compared by place", `
Resources: {A: {Type: AWS::SNS::Topic, Properties: {Tags: [{Key: a, Value: 1}, {Key: b, Value: 2}]}}}`, `
Resources: {A: {Type: AWS::SNS::Topic, Properties: {Tags: [{Key: a, Value: 3}, {Key: b, Value: 2}, {Key: c, Value: 4}]}}}`,
			"Modify A False/ [Tags]\n  DirectModification Static  Tags /Properties/Tags/0/Value Never Modify 1>3\n  DirectModification Static  Tags /Properties/Tags/2 Never Add >{\"Key\":\"c\",\"Value\":\"4\"}"},
		{"circumstances decide", `
Resources:
  V: {Type: AWS::EC2::Instance, Properties: {InstanceType: t3.micro}}
  P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref V}}
  N: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref V, Type: String, Value: x}}`, `
Resources:
  V: {Type: AWS::EC2::Instance, Properties: {InstanceType: t3.large}}
  P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref V}}
  N: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref V, Type: String, Value: x}}`,
			"Modify V Conditional/ReplaceAndDelete [Properties]\n  DirectModification Static  Properties /Properties/InstanceType Conditionally Modify t3.micro>t3.large"},
		{"an unknown type may be replaced", `
Resources: {A: {Type: AWS::Future::Thing, Properties: {Size: 1}}}`, `
Resources: {A: {Type: AWS::Future::Thing, Properties: {Size: 2}}}`,
			"Modify A Conditional/ReplaceAndDelete [Properties]\n  DirectModification Static  Properties /Properties/Size Conditionally Modify 1>2"},
		{"text and number are one value", `
Resources: {A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 5, FifoQueue: true}}, B: {Type: AWS::SNS::Topic}}`, `
Resources: {A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: "5", FifoQueue: "true"}}}`, "Remove B /Delete []"},
		{"no value is no property", `
Resources: {A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 5}}}`, `
Conditions: {No: !Equals [a, b]}
Resources: {A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !If [No, 5, !Ref "AWS::NoValue"]}}}`,
			"Modify A False/ [Properties]\n  DirectModification Static  Properties /Properties/DelaySeconds Never Remove 5>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.deploy(test.before)
			set := b.change(test.after)
			if diff := cmp.Diff(test.want, lines(b.describe(set.ChangeSetId, true))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What may be replaced drags along what refers to it: possibly, and only the answer without values says so.
func TestPossibleReplacementReachesDependents(t *testing.T) {
	body := func(size string) string {
		return `
Resources:
  V: {Type: AWS::EC2::Instance, Properties: {InstanceType: ` + size + `}}
  N: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref V, Type: String, Value: x}}`
	}
	b := newBench(t)
	b.deploy(body("t3.micro"))
	set := b.change(body("t3.large"))
	want := "Modify N Conditional/ReplaceAndDelete [Properties]\n  ResourceReference Dynamic V Properties  Always  >\nModify V Conditional/ReplaceAndDelete [Properties]\n  DirectModification Static  Properties  Conditionally  >"
	if diff := cmp.Diff(want, lines(set)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStackTagsReachTheResourcesThatCarryTags(t *testing.T) {
	b := newBench(t)
	body := `Resources: {A: {Type: AWS::SNS::Topic}, P: {Type: AWS::SNS::TopicPolicy, Properties: {PolicyDocument: {}, Topics: [x]}}}`
	tagged := func(value string) *cloudformation.DescribeChangeSetOutput {
		return b.create(cloudformation.CreateChangeSetInput{TemplateBody: &body, Tags: []types.Tag{{Key: aws.String("team"), Value: &value}}})
	}
	b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: tagged("a").ChangeSetId})
	set := tagged("b")
	if diff := cmp.Diff("Modify A False/ [Tags]\n  DirectModification Static  Tags  Never  >", lines(set)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff("Modify A False/ [Tags]\n   Static  Tags /Tags/0/Value Never Modify a>b", lines(b.describe(set.ChangeSetId, true))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if stack := b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}); *stack.Tags[0].Value != "b" {
		t.Errorf("tags = %v", stack.Tags)
	}
}

func TestEmptiness(t *testing.T) {
	const outputs = topic + "\nOutputs: {O: {Value: x}}"
	tests := []struct {
		name, body string
		tags       []types.Tag
		empty      bool
	}{
		{"nothing", outputs, nil, true},
		{"a description", outputs + "\nDescription: new", nil, true},
		{"an unused parameter", outputs + "\nParameters: {P: {Type: String, Default: x}}", nil, true},
		{"an output", topic + "\nOutputs: {O: {Value: y}}", nil, false},
		{"a tag", strings.ReplaceAll(outputs, "SNS::Topic", "SNS::TopicX"), []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.deploy(strings.ReplaceAll(outputs, "SNS::Topic", map[bool]string{true: "SNS::TopicX", false: "SNS::Topic"}[test.tags != nil]))
			set := b.create(cloudformation.CreateChangeSetInput{TemplateBody: &test.body, Tags: test.tags})
			if test.empty != (set.Status == types.ChangeSetStatusFailed) || len(set.Changes) != 0 {
				t.Fatalf("status = %s, %d changes, want empty: %t", set.Status, len(set.Changes), test.empty)
			}
			if !test.empty {
				if stack := b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}); stack.StackStatus != types.StackStatusUpdateComplete {
					t.Errorf("executed to %s", stack.StackStatus)
				}
				return
			}
			if set.ExecutionStatus != types.ExecutionStatusUnavailable || !strings.HasPrefix(*set.StatusReason, "The submitted information didn't contain changes.") {
				t.Errorf("%s: %s", set.ExecutionStatus, *set.StatusReason)
			}
			_, err := b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
			want := fmt.Sprintf("ChangeSet [%s] cannot be executed in its current status of [FAILED]", *set.ChangeSetId)
			if status := new(types.InvalidChangeSetStatusException); !errors.As(err, &status) || status.ErrorMessage() != want {
				t.Errorf("error = %v, want %s", err, want)
			}
		})
	}
}

func TestAChangeSetTakesItsTime(t *testing.T) {
	b := newBench(t)
	body := topic
	out, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("orders"), ChangeSetName: aws.String("set"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &body})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for range 6 {
		set := b.describe(out.Id, false)
		status := string(set.Status) + "/" + string(set.ExecutionStatus)
		if !slices.Contains(seen, status) {
			seen = append(seen, status)
		}
		if set.Status != types.ChangeSetStatusCreateComplete && len(set.Changes) > 0 {
			t.Error("changes are shown before the change set is ready")
		}
		b.clock.tick(time.Second)
	}
	if diff := cmp.Diff([]string{"CREATE_PENDING/UNAVAILABLE", "CREATE_IN_PROGRESS/UNAVAILABLE", "CREATE_COMPLETE/AVAILABLE"}, seen); diff != "" {
		t.Error(diff)
	}
	if stack := b.stack("orders"); stack.StackStatus != types.StackStatusReviewInProgress || *stack.StackStatusReason != "User Initiated" || stack.ChangeSetId != nil {
		t.Errorf("the shell is %s: %v", stack.StackStatus, stack.StackStatusReason)
	}
}

func TestExecutionLeavesNoSiblings(t *testing.T) {
	b := newBench(t)
	b.deploy(service)
	sibling := b.create(cloudformation.CreateChangeSetInput{ChangeSetName: aws.String("sibling"), TemplateBody: aws.String(service), Parameters: []types.Parameter{parameter("Visibility", "90")}})
	set := b.change(service, parameter("Visibility", "60"))
	if _, err := b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId, ClientRequestToken: aws.String("once")}); err != nil {
		t.Fatal(err)
	}
	if got := b.describe(sibling.ChangeSetId, false).ExecutionStatus; got != types.ExecutionStatusObsolete {
		t.Errorf("the sibling is %s while another one is executed", got)
	}
	if got := b.describe(set.ChangeSetId, false).ExecutionStatus; got != types.ExecutionStatusExecuteInProgress {
		t.Errorf("the executed one is %s", got)
	}
	if _, err := b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId, ClientRequestToken: aws.String("once")}); err != nil {
		t.Errorf("a repetition with the same token is refused: %v", err)
	}
	if _, err := b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId, ClientRequestToken: aws.String("twice")}); err == nil {
		t.Error("a repetition with another token is accepted")
	}
	stack := b.settle("orders")
	if *stack.ChangeSetId != *set.ChangeSetId {
		t.Errorf("the stack names %v", stack.ChangeSetId)
	}
	if got := b.describe(set.ChangeSetId, false); got.ExecutionStatus != types.ExecutionStatusExecuteComplete || len(got.Changes) != 2 {
		t.Errorf("by ARN the executed set is %s with %d changes", got.ExecutionStatus, len(got.Changes))
	}
	for _, gone := range []*cloudformation.DescribeChangeSetInput{{ChangeSetName: sibling.ChangeSetId}, {ChangeSetName: set.ChangeSetName, StackName: aws.String("orders")}} {
		_, err := b.DescribeChangeSet(b.ctx, gone)
		if missing := new(types.ChangeSetNotFoundException); !errors.As(err, &missing) {
			t.Errorf("%s: error = %v, want ChangeSetNotFound", *gone.ChangeSetName, err)
		}
	}
	if out, err := b.ListChangeSets(b.ctx, &cloudformation.ListChangeSetsInput{StackName: aws.String("orders")}); err != nil || len(out.Summaries) != 0 {
		t.Errorf("still listed: %v, %v", out, err)
	}
	b.drop(cloudformation.DeleteStackInput{})
	if got := b.describe(set.ChangeSetId, false).ExecutionStatus; got != types.ExecutionStatusExecuteComplete {
		t.Errorf("after the stack is gone, the set is %s", got)
	}
}

func TestEventsOfAnOperationCarryItsToken(t *testing.T) {
	b := newBench(t)
	b.deploy(service)
	set := b.change(service, parameter("Visibility", "60"), parameter("Break", "update"))
	b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId, ClientRequestToken: aws.String("mine")})
	operations := map[string]bool{}
	for _, e := range b.events("orders") {
		if aws.ToString(e.ClientRequestToken) == "mine" {
			operations[*e.OperationId] = true
		}
	}
	if len(operations) != 2 {
		t.Errorf("%d operation ids carry the token, want the update's and the rollback's", len(operations))
	}
	last := b.stack("orders").LastOperations
	if len(last) != 2 || last[0].OperationType != types.OperationTypeRollback || last[1].OperationType != types.OperationTypeUpdateStack || !operations[*last[0].OperationId] {
		t.Errorf("last operations = %v", last)
	}
}

func TestPagesAreSmall(t *testing.T) {
	b := newBench(t)
	b.deploy(service)
	in := &cloudformation.DescribeStackEventsInput{StackName: aws.String("orders")}
	first, err := b.DescribeStackEvents(b.ctx, in)
	if err != nil || len(first.StackEvents) != 5 || first.NextToken == nil {
		t.Fatalf("first page has %d events, token %v, error %v", len(first.StackEvents), first.NextToken, err)
	}
	before := len(b.events("orders"))
	set := b.change(service, parameter("Visibility", "60"))
	b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	// Rows that arrive between two pages move nothing.
	rest := 0
	for in.NextToken = first.NextToken; in.NextToken != nil; {
		out, err := b.DescribeStackEvents(b.ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		rest += len(out.StackEvents)
		in.NextToken = out.NextToken
	}
	if rest+5 != before {
		t.Errorf("read %d events, want %d", rest+5, before)
	}
}

func TestStaleReads(t *testing.T) {
	b := newBench(t, func(o *cfnsim.Options) { o.StaleReads = 2 })
	set := b.change(topic)
	if _, err := b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}); err != nil {
		t.Fatal(err)
	}
	var seen []types.StackStatus
	for range 3 {
		seen = append(seen, b.stack("orders").StackStatus)
	}
	want := []types.StackStatus{types.StackStatusReviewInProgress, types.StackStatusReviewInProgress, types.StackStatusCreateInProgress}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

func TestChangeSetLimit(t *testing.T) {
	b := newBench(t, func(o *cfnsim.Options) { o.MaxChangeSets = 1 })
	b.change(topic)
	body := topic
	_, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("orders"), ChangeSetName: aws.String("second"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &body})
	if limit := new(types.LimitExceededException); !errors.As(err, &limit) {
		t.Errorf("error = %v, want LimitExceededException", err)
	}
}

func TestADeletedShellIsGone(t *testing.T) {
	b := newBench(t)
	set := b.change(topic)
	b.drop(cloudformation.DeleteStackInput{})
	if _, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{StackName: aws.String("orders")}); err == nil {
		t.Error("the name still leads to the deleted stack")
	}
	if got := b.stack(*set.StackId).StackStatus; got != types.StackStatusDeleteComplete {
		t.Errorf("by ARN it is %s", got)
	}
	if _, err := b.DescribeChangeSet(b.ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: set.ChangeSetId}); err == nil {
		t.Error("its change set is still there")
	}
	again := b.change(topic)
	if *again.StackId == *set.StackId {
		t.Error("the recreated stack has the old id")
	}
}

func TestNoEchoValuesAreNeverKept(t *testing.T) {
	storage := &bytesStorage{}
	b := newBench(t, func(o *cfnsim.Options) { o.Storage = storage })
	const body = `
Parameters: {Secret: {Type: String, NoEcho: true, MinLength: 8}}
Resources:
  P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Sub "pre-${Secret}"}}
Outputs: {O: {Value: x}}`
	b.deploy(body, parameter("Secret", "hunter22-first"))
	set := b.change(body, parameter("Secret", "hunter22-second"))
	valued := b.describe(set.ChangeSetId, true)
	want := "Modify P False/ [Properties]\n  ParameterReference Static Secret Properties /Properties/Value Never Modify pre-****>pre-****\n  DirectModification Dynamic  Properties /Properties/Value Never Modify pre-****>pre-****"
	if diff := cmp.Diff(want, lines(valued)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if *valued.Parameters[0].ParameterValue != "****" {
		t.Errorf("parameters = %s", *valued.Parameters[0].ParameterValue)
	}
	stack := b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	events, err := json.Marshal(b.events("orders"))
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"world": string(storage.content), "events": string(events), "parameters": *stack.Parameters[0].ParameterValue} {
		if strings.Contains(text, "hunter22") {
			t.Errorf("the secret is in the %s", place)
		}
	}
	same := b.create(cloudformation.CreateChangeSetInput{TemplateBody: aws.String(body), Parameters: []types.Parameter{{ParameterKey: aws.String("Secret"), UsePreviousValue: aws.Bool(true)}}})
	if same.Status != types.ChangeSetStatusFailed {
		t.Errorf("the previous secret counts as a change: %s", lines(same))
	}
}

func TestExportsAndImports(t *testing.T) {
	b := newBench(t)
	b.deploy("Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: n}}}\nOutputs: {O: {Value: !GetAtt T.TopicName, Export: {Name: !Sub '${AWS::StackName}-name'}}}")
	body := "Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !ImportValue orders-name}}}"
	set := b.create(cloudformation.CreateChangeSetInput{StackName: aws.String("reader"), TemplateBody: &body})
	if got := *b.describe(set.ChangeSetId, true).Changes[0].ResourceChange.AfterContext; got != `{"Properties":{"Type":"String","Value":"n"}}` {
		t.Errorf("after = %s", got)
	}
	b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	if out, err := b.ListExports(b.ctx, &cloudformation.ListExportsInput{}); err != nil || len(out.Exports) != 1 || *out.Exports[0].Name != "orders-name" {
		t.Errorf("exports = %v, %v", out, err)
	}
}
