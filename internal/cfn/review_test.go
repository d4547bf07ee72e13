package cfn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func property(name, before, after string) types.ResourceChangeDetail {
	return types.ResourceChangeDetail{
		ChangeSource: types.ChangeSourceDirectModification, Evaluation: types.EvaluationTypeStatic,
		Target: &types.ResourceTargetDefinition{
			Attribute: types.ResourceAttributeProperties, Name: aws.String(name), Path: aws.String("/Properties/" + name), RequiresRecreation: types.RequiresRecreationNever,
			BeforeValue: aws.String(before), AfterValue: aws.String(after), AttributeChangeType: types.AttributeChangeTypeModify,
		},
	}
}

func modified(id, resourceType, before, after string, details ...types.ResourceChangeDetail) types.ResourceChange {
	c := types.ResourceChange{
		Action: types.ChangeActionModify, Replacement: types.ReplacementFalse, LogicalResourceId: aws.String(id), PhysicalResourceId: aws.String("physical-" + id),
		ResourceType: aws.String(resourceType), Details: details, Scope: []types.ResourceAttribute{types.ResourceAttributeProperties},
	}
	if before != "" {
		c.BeforeContext = aws.String(before)
	}
	if after != "" {
		c.AfterContext = aws.String(after)
	}
	return c
}

func one(t *testing.T, c types.ResourceChange, in cfn.ReviewInput) (plan.Item, plan.Review) {
	t.Helper()
	r := review(t, cfn.Description{Set: set("root", resource(c))}, in)
	if len(r.Items) != 1 {
		t.Fatalf("%d items", len(r.Items))
	}
	return r.Items[0], r
}

func TestImpactAndLevel(t *testing.T) {
	const table, fn = "AWS::DynamoDB::Table", "AWS::Lambda::Function"
	with := func(c types.ResourceChange, change func(*types.ResourceChange)) types.ResourceChange {
		change(&c)
		return c
	}
	tags := func(c types.ResourceChange) types.ResourceChange {
		return with(c, func(c *types.ResourceChange) {
			c.Scope = []types.ResourceAttribute{types.ResourceAttributeTags}
			c.Details = []types.ResourceChangeDetail{{Evaluation: "Static", Target: &types.ResourceTargetDefinition{Attribute: "Tags", Path: aws.String("/Tags/0/Value"), BeforeValue: aws.String("a"), AfterValue: aws.String("b"), RequiresRecreation: "Never"}}}
		})
	}
	scope := func(attributes ...types.ResourceAttribute) func(*types.ResourceChange) {
		return func(c *types.ResourceChange) {
			c.Scope, c.Details = attributes, nil
			for _, a := range attributes {
				c.Details = append(c.Details, types.ResourceChangeDetail{ChangeSource: "DirectModification", Evaluation: "Static", Target: &types.ResourceTargetDefinition{Attribute: a, RequiresRecreation: "Never"}})
			}
		}
	}
	always := property("Name", "a", "b")
	always.Target.RequiresRecreation = types.RequiresRecreationAlways
	for _, c := range []struct {
		name   string
		change types.ResourceChange
		want   plan.Impact
		also   []plan.Impact
		level  plan.Level
		note   string
	}{
		{"update", modified("A", fn, "", "", property("X", "1", "2")), plan.ImpactModify, nil, plan.LevelLow, ""},
		{"replaced table", with(modified("A", table, "", "", always), func(c *types.ResourceChange) { c.Replacement, c.PolicyAction = "True", "ReplaceAndDelete" }), plan.ImpactReplaceDelete, nil, plan.LevelCritical, ""},
		{"replaced function", with(modified("A", fn, "", "", always), func(c *types.ResourceChange) { c.Replacement, c.PolicyAction = "True", "ReplaceAndDelete" }), plan.ImpactReplaceDelete, nil, plan.LevelHigh, ""},
		{"replaced without a policy action", with(modified("A", table, "", "", always), func(c *types.ResourceChange) { c.Replacement = "True" }), plan.ImpactReplaceDelete, nil, plan.LevelCritical, "counts as deleted"},
		{"not replaced, says one word; replaced, says another", modified("A", table, "", "", always), plan.ImpactMayReplace, nil, plan.LevelHigh, "forces a replacement"},
		{"may be replaced", with(modified("A", fn, "", "", always), func(c *types.ResourceChange) { c.Replacement = "Conditional" }), plan.ImpactMayReplace, nil, plan.LevelMedium, "Name forces a replacement"},
		{"tags", tags(modified("A", table, "", "")), plan.ImpactTagsOnly, nil, plan.LevelInfo, ""},
		{"tags, and a difference that no detail names", tags(modified("A", table, `{"Properties":{"X":"1"}}`, `{"Properties":{"X":"2"}}`)), plan.ImpactModify, nil, plan.LevelLow, ""},
		{"metadata", with(modified("A", fn, "", ""), scope("Metadata")), plan.ImpactMetadataOnly, nil, plan.LevelInfo, ""},
		{"tags and metadata", with(modified("A", fn, "", ""), scope("Metadata", "Tags")), plan.ImpactTagsOnly, nil, plan.LevelInfo, ""},
		{"deletion policy without values", with(modified("A", table, "", ""), scope("DeletionPolicy")), plan.ImpactProtectionLoss, []plan.Impact{plan.ImpactModify}, plan.LevelCritical, "was not reported"},
		{"deletion policy dropped", with(modified("A", table, `{"DeletionPolicy":"Retain","Properties":{}}`, `{"Properties":{}}`), scope("DeletionPolicy")), plan.ImpactProtectionLoss, []plan.Impact{plan.ImpactModify}, plan.LevelCritical, "Retain → not set"},
		{"deletion policy dropped, in no detail and no scope", modified("A", table, `{"DeletionPolicy":"Retain","Properties":{"X":"1"}}`, `{"Properties":{"X":"2"}}`, property("X", "1", "2")), plan.ImpactProtectionLoss, []plan.Impact{plan.ImpactModify}, plan.LevelCritical, "Retain → not set"},
		{"deletion policy dropped from a function", with(modified("A", fn, `{"DeletionPolicy":"Retain","Properties":{}}`, `{"Properties":{}}`), scope("DeletionPolicy")), plan.ImpactProtectionLoss, []plan.Impact{plan.ImpactModify}, plan.LevelMedium, ""},
		{"deletion policy gained", with(modified("A", table, `{"Properties":{}}`, `{"DeletionPolicy":"Retain","Properties":{}}`), scope("DeletionPolicy")), plan.ImpactModify, nil, plan.LevelLow, ""},
		{"protection dropped while replaced", with(modified("A", table, `{"Properties":{"DeletionProtectionEnabled":true}}`, `{"Properties":{}}`, always), func(c *types.ResourceChange) { c.Replacement, c.PolicyAction = "True", "ReplaceAndRetain" }), plan.ImpactProtectionLoss, []plan.Impact{plan.ImpactReplaceRetain}, plan.LevelCritical, ""},
		{"widened", modified("A", "AWS::RDS::DBInstance", `{"Properties":{"PubliclyAccessible":false}}`, `{"Properties":{"PubliclyAccessible":true}}`, property("PubliclyAccessible", "false", "true")), plan.ImpactSecurityBroadened, []plan.Impact{plan.ImpactModify}, plan.LevelHigh, ""},
		{"role made", types.ResourceChange{Action: "Add", LogicalResourceId: aws.String("A"), ResourceType: aws.String("AWS::IAM::Role"), AfterContext: aws.String(`{"Properties":{"ManagedPolicyArns":["arn:aws:iam::aws:policy/AdministratorAccess"]}}`)}, plan.ImpactSecurityBroadened, []plan.Impact{plan.ImpactAdd}, plan.LevelHigh, ""},
		{"dynamic", types.ResourceChange{Action: "Dynamic", LogicalResourceId: aws.String("A"), ResourceType: aws.String(fn)}, plan.ImpactUnknown, nil, plan.LevelCritical, "decides while it runs"},
		{"contradiction", types.ResourceChange{Action: "Remove", PolicyAction: "ReplaceAndDelete", LogicalResourceId: aws.String("A"), ResourceType: aws.String(fn)}, plan.ImpactUnknown, nil, plan.LevelCritical, "do not go together"},
		{"CDK metadata", with(modified("A", "AWS::CDK::Metadata", "", "", property("Analytics", "a", "b")), func(c *types.ResourceChange) { c.Replacement = "Conditional" }), plan.ImpactMayReplace, nil, plan.LevelInfo, ""},
		{"the service's own type", types.ResourceChange{Action: "Remove", PolicyAction: "Delete", LogicalResourceId: aws.String("A"), ResourceType: aws.String("Custom::Ledger")}, plan.ImpactDestroy, nil, plan.LevelCritical, "provider of this custom resource"},
		{"nested stack without its set", modified("A", "AWS::CloudFormation::Stack", "", "", property("TemplateURL", "a", "b")), plan.ImpactUnknown, nil, plan.LevelCritical, "nested stacks included"},
		{"nested stack removed", types.ResourceChange{Action: "Remove", PolicyAction: "Delete", LogicalResourceId: aws.String("A"), ResourceType: aws.String("AWS::CloudFormation::Stack")}, plan.ImpactDestroy, nil, plan.LevelCritical, "counts as data"},
		{"bucket removed", types.ResourceChange{Action: "Remove", PolicyAction: "Delete", LogicalResourceId: aws.String("A"), ResourceType: aws.String("AWS::S3::Bucket")}, plan.ImpactDestroy, nil, plan.LevelCritical, ""},
		{"contexts that are not JSON", modified("A", fn, "nonsense", `["a"]`, property("X", "1", "2")), plan.ImpactModify, nil, plan.LevelLow, "BeforeContext is not a JSON object"},
		{"drift record", types.ResourceChange{Action: "SyncWithActual", LogicalResourceId: aws.String("A"), ResourceType: aws.String(fn), ResourceDriftStatus: "MODIFIED"}, plan.ImpactSync, nil, plan.LevelLow, "changed outside CloudFormation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			item, r := one(t, c.change, cfn.ReviewInput{Stateful: []string{"Custom::Ledger"}})
			if item.Impact != c.want || item.Level != c.level || r.Level != c.level {
				t.Errorf("%s, level %s (review %s), want %s, %s", item.Impact, item.Level, r.Level, c.want, c.level)
			}
			if diff := cmp.Diff(append([]plan.Impact{}, c.also...), item.Also); diff != "" {
				t.Errorf("also (-want +got):\n%s", diff)
			}
			if notes := strings.Join(item.Notes, "\n"); !contains(notes, c.note) {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
			if (item.Ack > 0) != (item.Level == plan.LevelCritical) {
				t.Errorf("acknowledgement %d at level %s", item.Ack, item.Level)
			}
		})
	}
}

func TestSentences(t *testing.T) {
	for want, c := range map[string]types.ResourceChange{
		"replaced; the old table physical-A is deleted with its data; no data moves to the new table":                   {Action: "Modify", Replacement: "True", PolicyAction: "ReplaceAndDelete", PhysicalResourceId: aws.String("physical-A"), ResourceType: aws.String("AWS::DynamoDB::Table")},
		"the key is deleted, and what depends on it breaks":                                                             {Action: "Remove", PolicyAction: "Delete", PhysicalResourceId: aws.String("arn:aws:kms:x"), ResourceType: aws.String("AWS::KMS::Key")},
		"the queue q is deleted, with its address and what is under way in it":                                          {Action: "Remove", PolicyAction: "Delete", PhysicalResourceId: aws.String("q"), ResourceType: aws.String("AWS::SQS::Queue")},
		"removed from the stack; the function f stays and no stack manages it any more":                                 {Action: "Remove", PolicyAction: "Retain", PhysicalResourceId: aws.String("f"), ResourceType: aws.String("AWS::Lambda::Function")},
		"replaced; the old database instance d is deleted after a snapshot; no data moves to the new database instance": {Action: "Modify", Replacement: "True", PolicyAction: "ReplaceAndSnapshot", PhysicalResourceId: aws.String("d"), ResourceType: aws.String("AWS::RDS::DBInstance")},
		"replaced; the new table starts empty, the old table t stays and no stack manages it any more":                  {Action: "Modify", Replacement: "True", PolicyAction: "ReplaceAndRetain", PhysicalResourceId: aws.String("t"), ResourceType: aws.String("AWS::DynamoDB::Table"), AfterContext: aws.String(`{"Properties":{}}`)},
		"replaced; no data moves to the new table, the old table i stays and no stack manages it any more":              {Action: "Modify", Replacement: "True", PolicyAction: "ReplaceAndRetain", PhysicalResourceId: aws.String("i"), ResourceType: aws.String("AWS::DynamoDB::Table"), AfterContext: aws.String(`{"Properties":{"ImportSourceSpecification":{}}}`)},
		"the bucket b is deleted once its data is gone: the deletion fails unless something empties it first":           {Action: "Remove", PolicyAction: "Delete", PhysicalResourceId: aws.String("b"), ResourceType: aws.String("AWS::S3::Bucket")},
		"created": {Action: "Add", ResourceType: aws.String("AWS::SNS::Topic")},
	} {
		c.LogicalResourceId = aws.String("A")
		if item, _ := one(t, c, cfn.ReviewInput{}); item.Sentence != want {
			t.Errorf("sentence %q, want %q", item.Sentence, want)
		}
	}
}

func TestProperties(t *testing.T) {
	later := property("Arn", "arn:old", "arn:"+plan.KnownAfterApply)
	cut := property("Body", `{"a":"`+strings.Repeat("x", 100), `{"a":"`+strings.Repeat("y", 100))
	plainTags := types.ResourceChangeDetail{ChangeSource: "DirectModification", Evaluation: "Static", Target: &types.ResourceTargetDefinition{Attribute: "Tags", RequiresRecreation: "Never"}}
	inner := property("Environment", "60", "61")
	inner.Target.Path = aws.String("/Properties/Environment/Variables/T")
	outer := property("Environment", "", "")
	outer.Target.BeforeValue, outer.Target.AfterValue, outer.Target.AttributeChangeType = nil, nil, ""
	shifted := property("Tags", "gone", "new")
	shifted.Target.Attribute, shifted.Target.Name, shifted.Target.Path = "Tags", nil, aws.String("/Properties/Tags/1/Value")
	for _, c := range []struct {
		name   string
		change types.ResourceChange
		want   []string // path, before, after, each edit
	}{
		{"plain", modified("A", "T", "", "", property("X", "1", "2")), []string{`/Properties/X "1" > "2"`}},
		{"contexts are whole where details are cut off", modified("A", "T", `{"Properties":{"Body":{"a":"`+strings.Repeat("x", 120)+`"}}}`, `{"Properties":{"Body":{"a":"y"}}}`, property("Body", `{"a":"`+strings.Repeat("x", 60), `{"a":"y"}`)),
			[]string{`/Properties/Body {"a":"` + strings.Repeat("x", 120) + `"} > {"a":"y"}`, `  a "` + strings.Repeat("x", 120) + `" > "y"`}},
		{"details are right where numbers shift", modified("A", "T", `{"Properties":{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}}`, `{"Properties":{"Tags":[{"Key":"a","Value":"1"},{"Key":"c","Value":"new"}]}}`, shifted), []string{`/Properties/Tags/1/Value "gone" > "new"`}},
		{"known after apply", modified("A", "T", "", "", later), []string{`/Properties/Arn "arn:old" > "arn:` + plan.TextKnownLater + `" later`}},
		{"document", modified("A", "T", `{"Properties":{"P":"{\"a\":1}"}}`, `{"Properties":{"P":"{\"a\":2}"}}`, property("P", `{"a":1}`, `{"a":2}`)), []string{`/Properties/P "{\"a\":1}" > "{\"a\":2}"`, `  a 1 > 2`}},
		{"text", modified("A", "T", `{"Properties":{"P":"a\nb"}}`, `{"Properties":{"P":"a\nc"}}`, property("P", "a\nb", "a\nc")), []string{`/Properties/P "a\nb" > "a\nc"`, `    a -b +c`}},
		{"a difference that no detail names", modified("A", "T", `{"Properties":{"X":"1","Y":"1"}}`, `{"Properties":{"X":"2","Z":"1"}}`, property("X", "1", "2")), []string{`/Properties/X "1" > "2"`, `/Properties/Y "1" > (none)`, `/Properties/Z (none) > "1"`}},
		{"a line within another", modified("A", "T", `{"Properties":{"Environment":{"Variables":{"T":"60","U":"1"}}}}`, `{"Properties":{"Environment":{"Variables":{"T":"61","U":"2"}}}}`, inner, outer),
			[]string{`/Properties/Environment {"Variables":{"T":"60","U":"1"}} > {"Variables":{"T":"61","U":"2"}}`, `  Variables.U "1" > "2"`, `/Properties/Environment/Variables/T "60" > "61"`}},
		{"tags without values", modified("A", "T", "", "", plainTags), []string{`/Tags (not reported) > (not reported)`}},
		{"cut off without contexts", modified("A", "T", "", "", cut), []string{`/Properties/Body "{\"a\":\"` + strings.Repeat("x", 100) + `" > "{\"a\":\"` + strings.Repeat("y", 100) + `" cut`}},
		{"what is added", types.ResourceChange{Action: "Add", AfterContext: aws.String(`{"DeletionPolicy":"Retain","Properties":{"A":{"b":1},"C":"d"}}`)}, []string{`/DeletionPolicy (none) > "Retain"`, `/Properties/A (none) > {"b":1}`, `/Properties/C (none) > "d"`}},
		{"what is removed", types.ResourceChange{Action: "Remove", BeforeContext: aws.String(`{"Properties":{"C":"d"}}`)}, []string{`/Properties/C "d" > (none)`}},
		{"no target", modified("A", "T", "", "", types.ResourceChangeDetail{ChangeSource: "Automatic", Evaluation: "Dynamic"}), []string{`/ (not reported) > (not reported)`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.change.LogicalResourceId = aws.String("A")
			item, _ := one(t, c.change, cfn.ReviewInput{})
			var got []string
			for _, p := range item.Properties {
				line := p.Path + " " + p.BeforeText() + " > " + p.AfterText()
				if p.KnownAfterApply {
					line += " later"
				}
				if p.Truncated {
					line += " cut"
				}
				got = append(got, line)
				for _, e := range p.Edits {
					line := "  " + e.Label
					for _, l := range e.Lines {
						line += " " + l.Op + l.Text
					}
					if e.Lines == nil {
						line += " " + e.BeforeText() + " > " + e.AfterText()
					}
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("properties (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnchangedPropertiesAreCounted(t *testing.T) {
	item, _ := one(t, modified("A", "T", `{"Properties":{"X":"1","Y":"1","Z":"1"}}`, `{"Properties":{"X":"2","Y":"1","Z":"1"}}`, property("X", "1", "2")), cfn.ReviewInput{})
	if item.Unchanged != 2 {
		t.Errorf("%d unchanged", item.Unchanged)
	}
}

func TestCauseChains(t *testing.T) {
	because := func(source types.ChangeSource, entity string) types.ResourceChangeDetail {
		d := property("X", "1", "2")
		d.ChangeSource, d.CausingEntity = source, aws.String(entity)
		return d
	}
	const attribute, reference, parameter = types.ChangeSourceResourceAttribute, types.ChangeSourceResourceReference, types.ChangeSourceParameterReference
	nestedStack := modified("Net", "AWS::CloudFormation::Stack", "", "", because(attribute, "Table.Arn"))
	nestedStack.ChangeSetId = aws.String("child")
	d := cfn.Description{
		Set: set("root",
			resource(modified("Table", "AWS::DynamoDB::Table", "", "", because(parameter, "TableName"))),
			resource(modified("Fn", "AWS::Lambda::Function", "", "", because(reference, "Table"))),
			resource(modified("Alarm", "AWS::CloudWatch::Alarm", "", "", because(attribute, "Fn.Arn"))),
			resource(modified("Loop", "T", "", "", because(reference, "Loop2"))),
			resource(modified("Loop2", "T", "", "", because(reference, "Loop"))),
			resource(nestedStack)),
		Nested: map[string]cfn.Description{"child": {Set: set("child", resource(modified("Inner", "T", "", "", because(parameter, "TableArn"))), resource(modified("Last", "T", "", "", because(reference, "Inner"))))}},
	}
	r := review(t, d, cfn.ReviewInput{})
	got := map[string][2][]string{}
	for _, item := range r.Items {
		got[item.Path] = [2][]string{item.CausedBy, item.KnockOn}
	}
	want := map[string][2][]string{
		"Table":     {{}, {"Fn", "Net", "Alarm", "Net/Inner", "Net/Last"}},
		"Fn":        {{"Table"}, {"Alarm"}},
		"Alarm":     {{"Fn"}, {}},
		"Loop":      {{"Loop2"}, {"Loop2"}},
		"Loop2":     {{"Loop"}, {"Loop"}},
		"Net":       {{"Table"}, {"Net/Inner", "Net/Last"}},
		"Net/Inner": {{"Net"}, {"Net/Last"}},
		"Net/Last":  {{"Net/Inner"}, {}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("causes and knock-on (-want +got):\n%s", diff)
	}
}

func TestStackLevel(t *testing.T) {
	s := set("root")
	s.Parameters = []types.Parameter{
		{ParameterKey: aws.String("Memory"), ParameterValue: aws.String("2048")},
		{ParameterKey: aws.String("Same"), ParameterValue: aws.String("x")},
		{ParameterKey: aws.String("DbPassword"), ParameterValue: aws.String("****")},
		{ParameterKey: aws.String("ApiToken"), ParameterValue: aws.String("visible-by-mistake")},
		{ParameterKey: aws.String("Ami"), ParameterValue: aws.String("/ami"), ResolvedValue: aws.String("ami-2")},
		{ParameterKey: aws.String("New"), ParameterValue: aws.String("n")},
	}
	s.Tags = []types.Tag{{Key: aws.String("cost"), Value: aws.String("4711")}, {Key: aws.String("same"), Value: aws.String("x")}, {Key: aws.String("new"), Value: aws.String("n")}}
	s.Capabilities = []types.Capability{"CAPABILITY_NAMED_IAM", "CAPABILITY_IAM"}
	s.NotificationARNs = []string{"arn:topic"}
	before := &types.Stack{
		Parameters: []types.Parameter{
			{ParameterKey: aws.String("Memory"), ParameterValue: aws.String("1024")}, {ParameterKey: aws.String("Same"), ParameterValue: aws.String("x")},
			{ParameterKey: aws.String("DbPassword"), ParameterValue: aws.String("****")}, {ParameterKey: aws.String("Old"), ParameterValue: aws.String("o")},
			{ParameterKey: aws.String("Ami"), ParameterValue: aws.String("/ami"), ResolvedValue: aws.String("ami-1")},
		},
		Tags:         []types.Tag{{Key: aws.String("cost"), Value: aws.String("4710")}, {Key: aws.String("same"), Value: aws.String("x")}, {Key: aws.String("old"), Value: aws.String("o")}},
		Capabilities: []types.Capability{"CAPABILITY_IAM"}, RoleARN: aws.String("arn:role/old"),
	}
	r := review(t, cfn.Description{Set: s}, cfn.ReviewInput{Before: before, ExecutionRole: "arn:role/new", Supply: map[string]plan.Supply{"DbPassword": plan.SupplyAnew}})
	p := aws.String
	wantParameters := []plan.Parameter{
		{Name: "Ami", Change: plan.ChangeModify, Before: p("/ami"), After: p("/ami"), Resolved: "ami-2"},
		{Name: "ApiToken", Change: plan.ChangeAdd, Sensitive: true, Supply: plan.SupplyUnknown},
		{Name: "DbPassword", Change: plan.ChangeUnknown, Sensitive: true, Supply: plan.SupplyAnew},
		{Name: "Memory", Change: plan.ChangeModify, Before: p("1024"), After: p("2048")},
		{Name: "New", Change: plan.ChangeAdd, After: p("n")},
		{Name: "Old", Change: plan.ChangeRemove, Before: p("o")},
	}
	if diff := cmp.Diff(wantParameters, r.Parameters); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	wantTags := []plan.Tag{{Key: "cost", Change: plan.ChangeModify, Before: p("4710"), After: p("4711")}, {Key: "new", Change: plan.ChangeAdd, After: p("n")}, {Key: "old", Change: plan.ChangeRemove, Before: p("o")}}
	if diff := cmp.Diff(wantTags, r.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	wantCapabilities := []plan.Capability{{Name: "CAPABILITY_IAM", Change: plan.ChangeNone}, {Name: "CAPABILITY_NAMED_IAM", Change: plan.ChangeAdd}}
	if diff := cmp.Diff(wantCapabilities, r.Capabilities); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	wantSettings := []plan.Setting{{Name: "notifications", Change: plan.ChangeModify, Before: p(""), After: p("arn:topic")}, {Name: "execution role", Change: plan.ChangeModify, Before: p("arn:role/old"), After: p("arn:role/new")}}
	if diff := cmp.Diff(wantSettings, r.Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	var kinds []plan.SecurityKind
	for _, f := range r.Security {
		kinds = append(kinds, f.Kind)
	}
	if diff := cmp.Diff([]plan.SecurityKind{plan.SecurityCapability, plan.SecurityExecutionRole}, kinds); diff != "" || r.Level != plan.LevelHigh {
		t.Errorf("security, level %s:\n%s", r.Level, diff)
	}
}

func TestDrift(t *testing.T) {
	detail := property("Timeout", "60", "30")
	detail.Target.BeforeValueFrom = types.BeforeValueFromActualState
	detail.Target.Drift = &types.LiveResourceDrift{ActualValue: aws.String("60"), PreviousValue: aws.String("30")}
	live := modified("Fn", "AWS::Lambda::Function", "", "", detail)
	live.ResourceDriftStatus = types.StackResourceDriftStatusModified
	live.ResourceDriftIgnoredAttributes = []types.ResourceDriftIgnoredAttribute{{Path: aws.String("/Properties/Role"), Reason: types.DriftIgnoredReasonManagedByAws}}
	fromContexts := modified("Ctx", "AWS::Lambda::Function", `{"Properties":{"Timeout":"60","Role":"live"}}`, `{"Properties":{"Timeout":"30","Role":"template"}}`, property("Timeout", "60", "30"))
	fromContexts.ResourceDriftStatus = types.StackResourceDriftStatusModified
	fromContexts.PreviousDeploymentContext = aws.String(`{"Properties":{"Timeout":"30"}}`)
	unsupported := modified("U", "T", "", "", property("X", "1", "2"))
	unsupported.ResourceDriftStatus = types.StackResourceDriftStatusUnsupported
	s := set("root", resource(live), resource(fromContexts), resource(unsupported), resource(types.ResourceChange{Action: "SyncWithActual", LogicalResourceId: aws.String("S"), ResourceDriftStatus: "MODIFIED"}))
	s.DeploymentMode, s.StackDriftStatus = types.DeploymentModeRevertDrift, types.StackDriftStatusDrifted
	r := review(t, cfn.Description{Set: s}, cfn.ReviewInput{})
	want := plan.Drift{Checked: true, Status: "DRIFTED", Overwrites: []string{"Ctx", "Fn"}, Unsupported: []string{"U"}}
	if diff := cmp.Diff(want, r.Drift); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	for _, path := range []string{"Fn", "Ctx"} {
		item, _ := r.Item(path)
		if len(item.Properties) != 1 {
			t.Fatalf("%s: properties %+v", path, item.Properties)
		}
		p := item.Properties[0]
		if p.Drift == nil || aws.ToString(p.Drift.Live) != "60" || aws.ToString(p.Drift.LastDeployed) != "30" || p.AfterText() != `"30"` {
			t.Errorf("%s: %+v %+v", path, p, p.Drift)
		}
	}
	if item, _ := r.Item("Fn"); !slices.Equal(item.DriftIgnored, []string{"/Properties/Role (MANAGED_BY_AWS)"}) {
		t.Errorf("ignored %v", item.DriftIgnored)
	}
	if slices.ContainsFunc(r.Limits, func(l string) bool { return contains(l, "Drift was not checked") }) {
		t.Errorf("limits %q", r.Limits)
	}
}

func TestUnpinnedInputs(t *testing.T) {
	const hash = "a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0"
	for _, c := range []struct {
		resourceType, after string
		want                []plan.UnpinnedKind
	}{
		{"AWS::ECS::TaskDefinition", `{"ContainerDefinitions":[{"Image":"repo/app:stable"},{"Image":"repo/app@sha256:` + hash + `"},{"Image":"repo:` + hash + `"}]}`, []plan.UnpinnedKind{plan.UnpinnedImageTag}},
		{"AWS::Lambda::Function", `{"Code":{"S3Bucket":"b","S3Key":"code.zip"}}`, []plan.UnpinnedKind{plan.UnpinnedObject}},
		{"AWS::Lambda::Function", `{"Code":{"S3Bucket":"b","S3Key":"code.zip","S3ObjectVersion":"v"}}`, nil},
		{"AWS::Lambda::Function", `{"Code":{"S3Bucket":"b","S3Key":"` + hash + `.zip"}}`, nil},
		{"AWS::Lambda::Function", `{"Code":{"ImageUri":"repo/app:latest"}}`, []plan.UnpinnedKind{plan.UnpinnedImageTag}},
		{"AWS::X::Y", `{"P":"{{resolve:ssm:/a}}"}`, []plan.UnpinnedKind{plan.UnpinnedSSMParameter}},
		{"AWS::X::Y", `{"P":"{{resolve:ssm:/a:3}}"}`, nil},
		{"AWS::X::Y", `{"P":"{{resolve:secretsmanager:prod/db:SecretString:password}}"}`, []plan.UnpinnedKind{plan.UnpinnedSecretVersion}},
		{"AWS::X::Y", `{"P":"{{resolve:secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:db:SecretString:password::v1}}"}`, nil},
		{"AWS::CloudFormation::Stack", `{"TemplateURL":"https://b.s3.amazonaws.com/child.yaml"}`, []plan.UnpinnedKind{plan.UnpinnedNestedTemplate}},
		{"AWS::CloudFormation::Stack", `{"TemplateURL":"https://b.s3.amazonaws.com/` + hash + `.yaml"}`, nil},
		{"AWS::AutoScaling::AutoScalingGroup", `{"LaunchTemplate":{"LaunchTemplateId":"l","Version":"$Latest"}}`, []plan.UnpinnedKind{plan.UnpinnedDefaultVersion}},
		{"AWS::X::Y", `{"Image":"{{changeSet:KNOWN_AFTER_APPLY}}"}`, nil},
	} {
		_, r := one(t, types.ResourceChange{Action: "Add", LogicalResourceId: aws.String("A"), ResourceType: aws.String(c.resourceType), AfterContext: aws.String(`{"Properties":` + c.after + `}`)}, cfn.ReviewInput{})
		var got []plan.UnpinnedKind
		for _, u := range r.Unpinned {
			got = append(got, u.Kind)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.after, diff)
		}
	}
}

func TestTemplatesTellOfInputsAndSecrets(t *testing.T) {
	after := []byte("Transform: My::Macro\nParameters:\n  Pw: {Type: String}\n  Ami: {Type: AWS::SSM::Parameter::Value<String>}\nResources:\n  A:\n    Type: T\n    Properties: {Engine: '{{resolve:ssm:/engine}}'}\n")
	before := []byte("Parameters:\n  Pw: {Type: String, NoEcho: true}\nResources: {}\n")
	r := review(t, cfn.Description{Set: set("root", topic("A"))}, cfn.ReviewInput{AfterTemplate: after, BeforeTemplate: before})
	var got []string
	for _, u := range r.Unpinned {
		got = append(got, u.Path+" "+u.Property+" "+string(u.Kind))
	}
	if diff := cmp.Diff([]string{" Ami ssm-parameter", "A Engine ssm-parameter"}, got); diff != "" {
		t.Errorf("unpinned:\n%s", diff)
	}
	if len(r.Security) != 1 || r.Security[0].Kind != plan.SecuritySecretExposed {
		t.Errorf("security %+v", r.Security)
	}
	limits := strings.Join(r.Limits, "\n")
	for _, want := range []string{"My::Macro", "Secret references"} {
		if !contains(limits, want) {
			t.Errorf("no limit speaks of %s: %s", want, limits)
		}
	}
	broken := review(t, cfn.Description{Set: set("root", topic("A"))}, cfn.ReviewInput{AfterTemplate: []byte("a: [")})
	if !contains(strings.Join(broken.Limits, "\n"), "template could not be read") {
		t.Errorf("limits %q", broken.Limits)
	}
}

func TestASecretThatBecomesText(t *testing.T) {
	c := modified("A", "AWS::RDS::DBInstance", `{"Properties":{"MasterUserPassword":"{{resolve:secretsmanager:db:SecretString:pw}}"}}`, `{"Properties":{"MasterUserPassword":"hunter2-canary"}}`, property("MasterUserPassword", "{{resolve:secretsmanager:db:SecretString:pw}}", "hunter2-canary"))
	item, r := one(t, c, cfn.ReviewInput{})
	if len(r.Security) != 1 || r.Security[0].Kind != plan.SecuritySecretExposed || item.Level != plan.LevelHigh {
		t.Errorf("level %s, security %+v", item.Level, r.Security)
	}
}

func TestTagsAreListedOnce(t *testing.T) {
	c := modified("Queue", "AWS::SQS::Queue", "", "",
		types.ResourceChangeDetail{ChangeSource: types.ChangeSourceDirectModification, Evaluation: "Static", Target: &types.ResourceTargetDefinition{Attribute: "Tags", RequiresRecreation: "Never"}},
		types.ResourceChangeDetail{Evaluation: "Static", Target: &types.ResourceTargetDefinition{
			Attribute: "Tags", RequiresRecreation: "Never", Path: aws.String("/Tags/0/Value"), BeforeValue: aws.String("4710"), AfterValue: aws.String("4711"), AttributeChangeType: "Modify"}})
	item, _ := one(t, c, cfn.ReviewInput{})
	got := item.Properties
	if len(got) != 1 || got[0].Path != "/Tags/0/Value" || !slices.ContainsFunc(got[0].Causes, func(c plan.Cause) bool { return c.Source == "DirectModification" }) {
		t.Errorf("properties %+v", got)
	}
	c.Details = c.Details[:1]
	if item, _ := one(t, c, cfn.ReviewInput{}); len(item.Properties) != 1 || item.Properties[0].Path != "/Tags" {
		t.Errorf("properties %+v", item.Properties)
	}
}
