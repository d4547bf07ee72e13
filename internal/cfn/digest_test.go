package cfn_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
)

func pick[T any](t *rapid.T, name string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, name)
}

func drawDetail(t *rapid.T) types.ResourceChangeDetail {
	d := types.ResourceChangeDetail{
		ChangeSource: pick(t, "source", types.ChangeSource("").Values()...), Evaluation: pick[types.EvaluationType](t, "evaluation", "Static", "Dynamic", "", "Odd"),
	}
	if rapid.Bool().Draw(t, "entity") {
		d.CausingEntity = aws.String(pick(t, "cause", "A", "B.Arn", "Param"))
	}
	if !rapid.Bool().Draw(t, "target") {
		return d
	}
	name := pick(t, "name", "X", "Y", "Tags")
	d.Target = &types.ResourceTargetDefinition{
		Attribute: pick[types.ResourceAttribute](t, "attribute", "Properties", "Tags", "Metadata", "DeletionPolicy", "Odd"), Name: aws.String(name),
		RequiresRecreation: pick[types.RequiresRecreation](t, "recreation", "Never", "Always", "Conditionally", "", "Odd"),
	}
	if rapid.Bool().Draw(t, "values") {
		d.Target.Path = aws.String("/Properties/" + name)
		d.Target.BeforeValue, d.Target.AfterValue = aws.String(drawValue(t)), aws.String(drawValue(t))
	}
	return d
}

func drawValue(t *rapid.T) string {
	return pick(t, "value", "1", "", "a\nb", `{"a":1}`, `{"cut`, plan.KnownAfterApply, "é\u202e")
}

func drawContext(t *rapid.T) *string {
	switch rapid.IntRange(0, 4).Draw(t, "context") {
	case 0:
		return nil
	case 1:
		return aws.String("nonsense")
	}
	return aws.String(fmt.Sprintf(`{"Properties":{"X":%q,"Tags":[{"Key":"a","Value":%q}]}}`, drawValue(t), drawValue(t)))
}

func drawChange(t *rapid.T) types.Change {
	if rapid.IntRange(0, 9).Draw(t, "other") == 0 {
		return types.Change{Type: "Odd"}
	}
	return resource(types.ResourceChange{
		Action: pick(t, "action", append(types.ChangeAction("").Values(), "", "Odd")...), Replacement: pick[types.Replacement](t, "replacement", "", "True", "False", "Conditional"),
		PolicyAction: pick(t, "policy", append(types.PolicyAction("").Values(), "")...), LogicalResourceId: aws.String(pick(t, "id", "A", "B", "C", "D", "E")),
		ResourceType: aws.String(pick(t, "type", "AWS::S3::Bucket", "AWS::IAM::Role", "Custom::X", "AWS::CloudFormation::Stack")), BeforeContext: drawContext(t), AfterContext: drawContext(t),
		Details: rapid.SliceOfN(rapid.Custom(drawDetail), 0, 3).Draw(t, "details"), Scope: []types.ResourceAttribute{pick[types.ResourceAttribute](t, "scope", "Properties", "Tags", "Odd")},
	})
}

// shuffled returns the change with its lists in another order.
func shuffled(t *rapid.T, c types.Change) types.Change {
	if c.ResourceChange == nil {
		return c
	}
	other := *c.ResourceChange
	other.Details = rapid.Permutation(other.Details).Draw(t, "details")
	other.Scope = rapid.Permutation(other.Scope).Draw(t, "scope")
	return resource(other)
}

// From any answer, whatever is in it, no change is lost, and neither document nor digest depends on the size of the
// pages or on any order.
func TestReviewDoesNotDependOnPagesAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := rapid.SliceOfN(rapid.Custom(drawChange), 0, 6).Draw(t, "changes")
		nestedChanges := rapid.SliceOfN(rapid.Custom(drawChange), 0, 3).Draw(t, "nested")
		changes = append(changes, stackChange("Nested", "child"))
		client := func(size int, root, child []types.Change) *pagedSets {
			return &pagedSets{size: size, values: map[string]cloudformation.DescribeChangeSetOutput{"root": set("root", root...), "child": set("child", child...)}}
		}
		mixed, mixedNested := rapid.Permutation(changes).Draw(t, "order"), rapid.Permutation(nestedChanges).Draw(t, "nested order")
		for i := range mixed {
			mixed[i] = shuffled(t, mixed[i])
		}
		made := func(c *pagedSets) (plan.Review, string) {
			d, err := cfn.DescribeComplete(t.Context(), c, "root")
			if err != nil {
				t.Fatal(err)
			}
			r, err := cfn.Review(d, cfn.ReviewInput{})
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := plan.Encode(r)
			if err != nil {
				t.Fatal(err)
			}
			return r, string(encoded)
		}
		a, first := made(client(100, changes, nestedChanges))
		b, second := made(client(rapid.IntRange(1, 4).Draw(t, "page"), mixed, mixedNested))
		if a.Digest != b.Digest || a.ContentDigest != b.ContentDigest {
			t.Fatalf("digests differ:\n%s", cmp.Diff(first, second))
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatalf("documents differ (-whole +paged):\n%s", diff)
		}
		want := len(changes) + len(nestedChanges)
		if a.Completeness.Reported != want || a.Completeness.Shown != want || len(a.Items) != want || a.Counts.Total != want {
			t.Fatalf("%d changes, completeness %+v, %d items", want, a.Completeness, len(a.Items))
		}
		lost := []string{}
		for _, c := range append(slices.Clone(changes), nestedChanges...) {
			if c.ResourceChange == nil {
				continue
			}
			if !slices.ContainsFunc(a.Items, func(i plan.Item) bool {
				return i.LogicalID == aws.ToString(c.ResourceChange.LogicalResourceId) && i.Action == string(c.ResourceChange.Action)
			}) {
				lost = append(lost, aws.ToString(c.ResourceChange.LogicalResourceId))
			}
		}
		if len(lost) > 0 {
			t.Fatalf("lost: %v", lost)
		}
	})
}

// wholeSet is an answer in which every field has a value, so that each can be changed.
func wholeSet() cloudformation.DescribeChangeSetOutput {
	text := aws.String
	s := set("root", resource(types.ResourceChange{
		Action: "Modify", Replacement: "True", PolicyAction: "ReplaceAndDelete", LogicalResourceId: text("A"), PhysicalResourceId: text("a"), ResourceType: text("AWS::X::Y"),
		Scope: []types.ResourceAttribute{"Properties"}, BeforeContext: text(`{"Properties":{"X":"1"}}`), AfterContext: text(`{"Properties":{"X":"2"}}`),
		PreviousDeploymentContext: text(`{"Properties":{"X":"0"}}`), ChangeSetId: text("child"), ResourceDriftStatus: "MODIFIED",
		ModuleInfo:                     &types.ModuleInfo{LogicalIdHierarchy: text("m"), TypeHierarchy: text("t")},
		ResourceDriftIgnoredAttributes: []types.ResourceDriftIgnoredAttribute{{Path: text("/p"), Reason: "MANAGED_BY_AWS"}},
		Details: []types.ResourceChangeDetail{{
			CausingEntity: text("B"), ChangeSource: "ResourceReference", Evaluation: "Static", Target: &types.ResourceTargetDefinition{
				Attribute: "Properties", Name: text("X"), Path: text("/Properties/X"), RequiresRecreation: "Always", AttributeChangeType: "Modify",
				BeforeValue: text("1"), AfterValue: text("2"), BeforeValueFrom: "ACTUAL_STATE", AfterValueFrom: "TEMPLATE",
				Drift: &types.LiveResourceDrift{ActualValue: text("1"), PreviousValue: text("0"), DriftDetectionTimestamp: aws.Time(time.Unix(1, 0))},
			},
		}},
	}))
	s.Changes[0].HookInvocationCount = aws.Int32(1)
	s.Parameters = []types.Parameter{{ParameterKey: text("P"), ParameterValue: text("1"), ResolvedValue: text("r"), UsePreviousValue: aws.Bool(false)}}
	s.Tags = []types.Tag{{Key: text("k"), Value: text("v")}}
	s.Capabilities = []types.Capability{"CAPABILITY_IAM"}
	s.NotificationARNs = []string{"arn:topic"}
	s.RollbackConfiguration = &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(5), RollbackTriggers: []types.RollbackTrigger{{Arn: text("arn:alarm"), Type: text("AWS::CloudWatch::Alarm")}}}
	s.OnStackFailure, s.DeploymentMode, s.ImportExistingResources = "ROLLBACK", "REVERT_DRIFT", aws.Bool(false)
	s.DeploymentConfig = &types.DeploymentConfig{Mode: "STANDARD", DisableRollback: aws.Bool(false)}
	s.Description, s.StatusReason, s.ParentChangeSetId, s.RootChangeSetId = text("d"), text("r"), text("p"), text("r")
	s.CreationTime, s.ExecutionStatus, s.StackDriftStatus, s.IncludeNestedStacks = aws.Time(time.Unix(1, 0)), "AVAILABLE", "DRIFTED", aws.Bool(false)
	return s
}

// changeEach calls try with each single field of an SDK structure changed in turn.
func changeEach(name string, v reflect.Value, try func(name string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			panic("give " + name + " a value, so that it is tried")
		}
		changeEach(name, v.Elem(), try)
	case reflect.Struct:
		if when, ok := v.Addr().Interface().(*time.Time); ok {
			old := *when
			*when = old.Add(time.Hour)
			try(name)
			*when = old
			return
		}
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" && field.Name != "NextToken" {
				changeEach(strings.TrimPrefix(name+"."+field.Name, "."), v.Field(i), try)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			changeEach(name, v.Index(i), try)
		}
		old := v.Interface()
		v.Set(v.Slice(0, 0))
		try(name + " emptied")
		v.Set(reflect.ValueOf(old))
	case reflect.String:
		old := v.String()
		if strings.HasPrefix(old, "{") {
			v.SetString(strings.Replace(old, `"X":"`, `"X":"9`, 1))
		} else {
			v.SetString(old + "9")
		}
		try(name)
		v.SetString(old)
	case reflect.Bool:
		v.SetBool(!v.Bool())
		try(name)
		v.SetBool(!v.Bool())
	case reflect.Int32:
		v.SetInt(v.Int() + 1)
		try(name)
		v.SetInt(v.Int() - 1)
	default:
		panic("cannot change " + name)
	}
}

// left names the fields that enter no digest: statuses, times, hook progress, and what is in the digest by another field.
func left(name string) bool {
	switch name {
	case "Status", "StatusReason", "ExecutionStatus", "CreationTime", "StackDriftStatus", "Description", "ChangeSetName", "StackName",
		"ParentChangeSetId", "RootChangeSetId", "IncludeNestedStacks", "Changes.HookInvocationCount",
		"Changes.ResourceChange.Details.Target.Drift.DriftDetectionTimestamp", "Parameters.UsePreviousValue":
		return true
	}
	return false
}

func TestReviewDigestCoversEveryFieldOfTheAnswer(t *testing.T) {
	s := wholeSet()
	nestedSet := map[string]cfn.Description{"child": {Set: set("child", topic("N"))}, "child9": {Set: set("child", topic("N"))}}
	digests := func() (string, string) {
		r, err := cfn.Review(cfn.Description{Set: s, Nested: nestedSet}, cfn.ReviewInput{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Digest, r.ContentDigest
	}
	base, content := digests()
	tried := 0
	changeEach("", reflect.ValueOf(&s), func(name string) {
		tried++
		digest, changed := digests()
		if same := digest == base; same != left(name) {
			t.Errorf("after a change of %s the review digest is the same: %v", name, same)
		}
		inChanges := strings.HasPrefix(name, "Changes") && !left(name) && name != "Changes.ResourceChange.ChangeSetId"
		if (changed != content) != inChanges {
			t.Errorf("after a change of %s the content digest changed: %v", name, changed != content)
		}
	})
	if tried < 55 {
		t.Errorf("only %d fields were tried", tried)
	}
}

func TestReviewDigestCoversTheInput(t *testing.T) {
	d := cfn.Description{Set: wholeSet(), Nested: map[string]cfn.Description{"child": {Set: set("child")}}}
	base := review(t, d, cfn.ReviewInput{}).Digest
	for name, in := range map[string]cfn.ReviewInput{
		"account": {Account: "222222222222"}, "region": {Region: "us-east-1"}, "type": {ChangeSetType: "UPDATE"}, "template": {AfterTemplate: []byte("Resources: {}")},
		"template stages": {TemplateDigests: []string{"processed sha256:1"}}, "role": {ExecutionRole: "arn:role"}, "stateful": {Stateful: []string{"Custom::X"}}, "policy": {PolicyVersion: "2"},
		"hidden parameter": {NoEcho: []string{"P"}},
	} {
		if review(t, d, in).Digest == base {
			t.Errorf("%s leaves the review digest as it is", name)
		}
	}
	hidden := func(s plan.Supply) string {
		return review(t, d, cfn.ReviewInput{NoEcho: []string{"P"}, Supply: map[string]plan.Supply{"P": s}}).Digest
	}
	if hidden(plan.SupplyAnew) == hidden(plan.SupplyKept) {
		t.Error("whether a hidden value is given anew or kept leaves the digest as it is")
	}
	for name, in := range map[string]cfn.ReviewInput{
		"deployment": {Deployment: &plan.Deployment{ID: "d", RequestedBy: "joe", CreatedAt: time.Unix(1, 0)}}, "alias": {AccountAlias: "prod"}, "the stack as it is": {Before: &types.Stack{StackStatus: "UPDATE_COMPLETE"}},
	} {
		if review(t, d, in).Digest != base {
			t.Errorf("%s changes the review digest", name)
		}
	}
	partial := d
	partial.Partial = true
	if review(t, partial, cfn.ReviewInput{}).Digest == base {
		t.Error("an incomplete answer has the digest of a complete one")
	}
}
