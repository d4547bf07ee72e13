package cfn_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
)

// pagedSets answers DescribeChangeSet from memory, in pages of a given size, and remembers what it was asked.
type pagedSets struct {
	size   int
	values map[string]cloudformation.DescribeChangeSetOutput
	plain  map[string]cloudformation.DescribeChangeSetOutput
	err    map[string]error
	stuck  bool
	asked  []string
}

func (p *pagedSets) DescribeChangeSet(_ context.Context, in *cloudformation.DescribeChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	arn, values := aws.ToString(in.ChangeSetName), aws.ToBool(in.IncludePropertyValues)
	p.asked = append(p.asked, fmt.Sprintf("%s values=%v from %q", arn, values, aws.ToString(in.NextToken)))
	if err := p.err[arn]; err != nil {
		return nil, err
	}
	sets := p.values
	if plain, ok := p.plain[arn]; ok && !values {
		sets = map[string]cloudformation.DescribeChangeSetOutput{arn: plain}
	}
	out, ok := sets[arn]
	if !ok {
		return nil, &types.ChangeSetNotFoundException{Message: aws.String("ChangeSet [" + arn + "] does not exist")}
	}
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	all := out.Changes
	to := min(from+max(p.size, 1), len(all))
	out.Changes = all[from:to]
	out.NextToken = nil
	if to < len(all) {
		out.NextToken = aws.String(strconv.Itoa(to))
	}
	if p.stuck {
		out.NextToken = aws.String("same")
	}
	return &out, nil
}

func set(arn string, changes ...types.Change) cloudformation.DescribeChangeSetOutput {
	return cloudformation.DescribeChangeSetOutput{
		ChangeSetId: aws.String(arn), ChangeSetName: aws.String("c"), StackName: aws.String("s"),
		StackId: aws.String("arn:aws:cloudformation:eu-west-1:111111111111:stack/s/1"), Changes: changes, Status: types.ChangeSetStatusCreateComplete,
	}
}

func resource(c types.ResourceChange) types.Change {
	return types.Change{Type: types.ChangeTypeResource, ResourceChange: &c}
}

func topic(id string) types.Change {
	return resource(types.ResourceChange{Action: types.ChangeActionAdd, LogicalResourceId: aws.String(id), ResourceType: aws.String("AWS::SNS::Topic")})
}

func stackChange(id, nested string) types.Change {
	return resource(types.ResourceChange{
		Action: types.ChangeActionModify, LogicalResourceId: aws.String(id), ResourceType: aws.String("AWS::CloudFormation::Stack"),
		Replacement: types.ReplacementFalse, Scope: []types.ResourceAttribute{types.ResourceAttributeProperties}, ChangeSetId: aws.String(nested),
	})
}

func describe(t testing.TB, client cfn.ChangeSetDescriber, opts ...cfn.DescribeOption) cfn.Description {
	t.Helper()
	d, err := cfn.DescribeComplete(t.Context(), client, "root", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDescribeReadsEveryPageAndEveryNestedSet(t *testing.T) {
	client := &pagedSets{size: 2, values: map[string]cloudformation.DescribeChangeSetOutput{
		"root":  set("root", topic("A"), topic("B"), stackChange("N", "child"), topic("C"), topic("D")),
		"child": set("child", topic("E"), stackChange("M", "grandchild"), topic("F")),
		// The last page of a set can be empty of what one looks for, and a set can be empty as a whole.
		"grandchild": set("grandchild", topic("G"), topic("H"), topic("I")),
	}}
	r := review(t, describe(t, client), cfn.ReviewInput{})
	want := []string{"A", "B", "C", "D", "N", "N/E", "N/F", "N/M", "N/M/G", "N/M/H", "N/M/I"}
	if diff := cmp.Diff(want, paths(r)); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if r.Completeness.Reported != 11 || r.Completeness.NestedChangeSets != 2 || r.Completeness.Partial {
		t.Errorf("completeness %+v", r.Completeness)
	}
	if n := strings.Count(strings.Join(client.asked, "\n"), "values=true"); n != 3+2+2 {
		t.Errorf("%d pages with values were read:\n%s", n, strings.Join(client.asked, "\n"))
	}
}

func TestDescribeMergesWhatValuesLeaveOut(t *testing.T) {
	detail := func(name, entity string) types.ResourceChangeDetail {
		d := types.ResourceChangeDetail{ChangeSource: types.ChangeSourceDirectModification, Evaluation: types.EvaluationTypeStatic, Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String(name), RequiresRecreation: types.RequiresRecreationNever}}
		if entity != "" {
			d.ChangeSource, d.CausingEntity = types.ChangeSourceResourceAttribute, aws.String(entity)
		}
		return d
	}
	withPath := detail("X", "")
	withPath.Target.Path, withPath.Target.BeforeValue, withPath.Target.AfterValue = aws.String("/Properties/X"), aws.String("1"), aws.String("2")
	modify := func(id string, details ...types.ResourceChangeDetail) types.Change {
		return resource(types.ResourceChange{Action: types.ChangeActionModify, Replacement: types.ReplacementFalse, LogicalResourceId: aws.String(id), ResourceType: aws.String("AWS::SSM::Parameter"), PhysicalResourceId: aws.String("p" + id), Scope: []types.ResourceAttribute{"Properties"}, Details: details})
	}
	warned := set("root", modify("A", withPath))
	warned.StatusReason = aws.String("[WARN] --include-property-values option can return incomplete ChangeSet data because: it cannot")
	client := &pagedSets{size: 1,
		values: map[string]cloudformation.DescribeChangeSetOutput{"root": warned},
		plain:  map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", modify("A", detail("X", ""), detail("X", "B.Value")), modify("B", detail("Value", "")))},
	}
	d := describe(t, client)
	if aws.ToString(d.Set.StatusReason) != "" || len(d.Warnings) != 1 || d.Partial {
		t.Errorf("status reason %q, warnings %q, partial %v", aws.ToString(d.Set.StatusReason), d.Warnings, d.Partial)
	}
	r := review(t, d, cfn.ReviewInput{})
	if diff := cmp.Diff([]string{"A", "B"}, paths(r)); diff != "" {
		t.Errorf("paths:\n%s", diff)
	}
	a, _ := r.Item("A")
	if len(a.Properties) != 1 || len(a.Properties[0].Causes) != 2 || a.Properties[0].AfterText() != `"2"` {
		t.Errorf("A: %+v", a.Properties)
	}
	b, _ := r.Item("B")
	if len(b.Notes) == 0 || !strings.Contains(b.Notes[0], "without property values") || b.Properties[0].AfterText() != plan.TextNotReported {
		t.Errorf("B: notes %q, properties %+v", b.Notes, b.Properties)
	}
}

func TestTheWorseOfTwoAnswersCounts(t *testing.T) {
	change := func(replacement types.Replacement, policy types.PolicyAction) types.Change {
		return resource(types.ResourceChange{Action: types.ChangeActionModify, Replacement: replacement, PolicyAction: policy, LogicalResourceId: aws.String("A"), ResourceType: aws.String("AWS::S3::Bucket")})
	}
	for _, c := range []struct {
		values, plain types.Change
		want          plan.Impact
	}{
		{change("False", ""), change("True", "ReplaceAndDelete"), plan.ImpactReplaceDelete},
		{change("True", "ReplaceAndDelete"), change("False", ""), plan.ImpactReplaceDelete},
		{change("False", ""), change("Conditional", ""), plan.ImpactMayReplace},
		{change("True", ""), change("True", "ReplaceAndRetain"), plan.ImpactReplaceRetain},
		{change("True", "ReplaceAndRetain"), change("True", "ReplaceAndDelete"), plan.ImpactReplaceDelete},
	} {
		client := &pagedSets{size: 9, values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", c.values)}, plain: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", c.plain)}}
		r := review(t, describe(t, client), cfn.ReviewInput{})
		if len(r.Items) != 1 || r.Items[0].Impact != c.want {
			t.Errorf("%v and %v: %d items, %s, want %s", c.values.ResourceChange.Replacement, c.plain.ResourceChange.Replacement, len(r.Items), r.Items[0].Impact, c.want)
		}
	}
}

func TestDescribeFailsRatherThanLeaveOut(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDenied", Message: "not you"}
	for name, client := range map[string]*pagedSets{
		"the set":                     {err: map[string]error{"root": denied}},
		"a nested set":                {values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", stackChange("N", "child"))}, err: map[string]error{"child": denied}},
		"a nested set that is gone":   {values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", stackChange("N", "child"))}},
		"a page that leads to itself": {values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root")}, stuck: true},
	} {
		if _, err := cfn.DescribeComplete(t.Context(), client, "root"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDescribeEndsInACircle(t *testing.T) {
	client := &pagedSets{size: 9, values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", stackChange("N", "root"))}}
	r := review(t, describe(t, client), cfn.ReviewInput{})
	if !r.Completeness.Partial || r.Level != plan.LevelCritical {
		t.Errorf("completeness %+v", r.Completeness)
	}
}

// findingSets adds hooks and events to pagedSets.
type findingSets struct {
	pagedSets
	hooks    []*cloudformation.DescribeChangeSetHooksOutput
	events   []*cloudformation.DescribeEventsOutput
	hookErr  error
	eventErr error
}

func (f *findingSets) DescribeChangeSetHooks(_ context.Context, in *cloudformation.DescribeChangeSetHooksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetHooksOutput, error) {
	at, _ := strconv.Atoi(aws.ToString(in.NextToken))
	if f.hookErr != nil || at >= len(f.hooks) {
		return &cloudformation.DescribeChangeSetHooksOutput{}, f.hookErr
	}
	return f.hooks[at], nil
}

func (f *findingSets) DescribeEvents(_ context.Context, in *cloudformation.DescribeEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeEventsOutput, error) {
	at, _ := strconv.Atoi(aws.ToString(in.NextToken))
	if f.eventErr != nil || at >= len(f.events) {
		return &cloudformation.DescribeEventsOutput{}, f.eventErr
	}
	if !aws.ToBool(in.Filters.FailedEvents) || aws.ToString(in.ChangeSetName) != "root" {
		return nil, errors.New("asked for other events")
	}
	return f.events[at], nil
}

func TestFindings(t *testing.T) {
	client := &findingSets{pagedSets: pagedSets{values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", topic("A"))}}}
	client.hooks = []*cloudformation.DescribeChangeSetHooksOutput{
		{Hooks: []types.ChangeSetHook{{TypeName: aws.String("My::Hook"), FailureMode: types.HookFailureModeFail, TargetDetails: &types.ChangeSetHookTargetDetails{ResourceTargetDetails: &types.ChangeSetHookResourceTargetDetails{LogicalResourceId: aws.String("A")}}}}, NextToken: aws.String("1")},
		{Hooks: []types.ChangeSetHook{{TypeName: aws.String("My::Other"), FailureMode: types.HookFailureModeWarn}}},
	}
	client.events = []*cloudformation.DescribeEventsOutput{
		{OperationEvents: []types.OperationEvent{{EventType: types.EventTypeStackEvent}, {EventType: types.EventTypeValidationError, ValidationName: aws.String("S3_BUCKET_EMPTINESS"), ValidationFailureMode: types.HookFailureModeWarn, ValidationPath: aws.String("/Resources/Bucket/Properties/X"), ValidationStatusReason: aws.String("the bucket is not empty")}}, NextToken: aws.String("1")},
		{OperationEvents: []types.OperationEvent{{EventType: "BRAND_NEW", LogicalResourceId: aws.String("A"), ResourceStatusReason: aws.String("something")}}},
	}
	r := review(t, describe(t, client), cfn.ReviewInput{})
	want := []plan.Finding{
		{Source: "BRAND_NEW", Path: "A", Summary: "something"},
		{Source: "hook", Name: "My::Other", Mode: "WARN", Summary: "will look at this resource before it is provisioned"},
		{Source: "hook", Name: "My::Hook", Path: "A", Mode: "FAIL", Summary: "will look at this resource before it is provisioned, and can stop the deployment"},
		{Source: "validation", Name: "S3_BUCKET_EMPTINESS", Path: "Bucket", Mode: "WARN", Summary: "the bucket is not empty"},
	}
	if diff := cmp.Diff(want, r.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	without := review(t, describe(t, client, cfn.WithoutFindings()), cfn.ReviewInput{})
	if len(without.Findings) != 0 || without.Digest != r.Digest {
		t.Error("findings are left out on request, and enter no digest")
	}
}

func TestFindingsDegradeWithALimit(t *testing.T) {
	for name, refusal := range map[string]error{
		"denied":      &smithy.GenericAPIError{Code: "AccessDenied"},
		"unknown":     &smithy.GenericAPIError{Code: "InvalidAction"},
		"unsupported": &smithy.GenericAPIError{Code: "NotImplemented"},
		"invalid":     &smithy.GenericAPIError{Code: "ValidationError", Message: "ChangeSetName is not known"},
	} {
		client := &findingSets{pagedSets: pagedSets{values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", topic("A"))}}, hookErr: refusal, eventErr: refusal}
		limits := strings.Join(describe(t, client).Limits, "\n")
		for _, call := range []string{"DescribeChangeSetHooks", "DescribeEvents"} {
			if !strings.Contains(limits, call) {
				t.Errorf("%s: no limit says that %s was refused: %s", name, call, limits)
			}
		}
	}
	for name, failure := range map[string]error{"throttled": &smithy.GenericAPIError{Code: "Throttling"}, "cancelled": context.Canceled} {
		client := &findingSets{pagedSets: pagedSets{values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", topic("A"))}}, eventErr: failure}
		if _, err := cfn.DescribeComplete(t.Context(), client, "root"); !errors.Is(err, failure) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
