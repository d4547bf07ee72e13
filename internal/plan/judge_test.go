package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

func tree(t *testing.T, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	value, err := jsontree.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return jsontree.Expand(value)
}

func TestStatefulTier(t *testing.T) {
	for resourceType, want := range map[string]plan.Statefulness{
		"AWS::DynamoDB::Table":           plan.StatefulData,
		"AWS::S3::Bucket":                plan.StatefulData,
		"AWS::KMS::Key":                  plan.StatefulIdentity,
		"AWS::SecretsManager::Secret":    plan.StatefulIdentity,
		"AWS::Cognito::UserPool":         plan.StatefulIdentity,
		"AWS::SQS::Queue":                plan.StatefulInFlight,
		"AWS::EC2::EIP":                  plan.StatefulInFlight,
		"AWS::Lambda::Function":          plan.StatefulNone,
		"AWS::CloudFormation::Stack":     plan.StatefulNone,
		"Custom::Ledger":                 plan.StatefulData,
		"Custom::Other":                  plan.StatefulNone,
		"":                               plan.StatefulNone,
		"AWS::Timestream::Table":         plan.StatefulData,
		"AWS::OpenSearchService::Domain": plan.StatefulData,
	} {
		if got := plan.StatefulTier(resourceType, []string{"Custom::Ledger"}); got != want {
			t.Errorf("%s is %s, want %s", resourceType, got, want)
		}
	}
}

func TestProtections(t *testing.T) {
	for _, c := range []struct {
		name, resourceType, before, after string
		changed                           []string
		want                              string // part of the summary; empty: no loss
	}{
		{"deletion protection off", "AWS::DynamoDB::Table", `{"Properties":{"DeletionProtectionEnabled":"true"}}`, `{"Properties":{"DeletionProtectionEnabled":"false"}}`, nil, "deletion protection: true → false"},
		{"deletion protection gone", "AWS::RDS::DBInstance", `{"Properties":{"DeletionProtection":true}}`, `{"Properties":{}}`, nil, "deletion protection: true → not set"},
		{"deletion protection on", "AWS::RDS::DBInstance", `{"Properties":{"DeletionProtection":false}}`, `{"Properties":{"DeletionProtection":true}}`, nil, ""},
		{"user pool", "AWS::Cognito::UserPool", `{"Properties":{"DeletionProtection":"ACTIVE"}}`, `{"Properties":{"DeletionProtection":"INACTIVE"}}`, nil, "ACTIVE → INACTIVE"},
		{"recovery off", "AWS::DynamoDB::Table", `{"Properties":{"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}}`, `{"Properties":{}}`, nil, "point-in-time recovery"},
		{"one replica unprotected", "AWS::DynamoDB::GlobalTable", `{"Properties":{"Replicas":[{"DeletionProtectionEnabled":true},{"DeletionProtectionEnabled":true}]}}`, `{"Properties":{"Replicas":[{"DeletionProtectionEnabled":true},{"DeletionProtectionEnabled":false}]}}`, nil, "deletion protection"},
		{"backups shorter", "AWS::RDS::DBCluster", `{"Properties":{"BackupRetentionPeriod":"35"}}`, `{"Properties":{"BackupRetentionPeriod":"7"}}`, nil, "retention of backups: 35 → 7"},
		{"backups longer", "AWS::RDS::DBCluster", `{"Properties":{"BackupRetentionPeriod":7}}`, `{"Properties":{"BackupRetentionPeriod":35}}`, nil, ""},
		{"versioning suspended", "AWS::S3::Bucket", `{"Properties":{"VersioningConfiguration":{"Status":"Enabled"}}}`, `{"Properties":{"VersioningConfiguration":{"Status":"Suspended"}}}`, nil, "versioning: Enabled → Suspended"},
		{"logs get an end", "AWS::Logs::LogGroup", `{"Properties":{}}`, `{"Properties":{"RetentionInDays":"30"}}`, nil, "not set → 30"},
		{"logs kept longer", "AWS::Logs::LogGroup", `{"Properties":{"RetentionInDays":"30"}}`, `{"Properties":{"RetentionInDays":"90"}}`, nil, ""},
		{"logs kept for ever", "AWS::Logs::LogGroup", `{"Properties":{"RetentionInDays":"30"}}`, `{"Properties":{}}`, nil, ""},
		{"lifecycle expiry", "AWS::S3::Bucket", `{"Properties":{}}`, `{"Properties":{"LifecycleConfiguration":{"Rules":[{"ExpirationInDays":1}]}}}`, nil, "keeping objects"},
		{"time to live", "AWS::DynamoDB::Table", `{"Properties":{"TimeToLiveSpecification":{"Enabled":false}}}`, `{"Properties":{"TimeToLiveSpecification":{"Enabled":true}}}`, nil, "time to live"},
		{"encryption off", "AWS::OpenSearchService::Domain", `{"Properties":{"EncryptionAtRestOptions":{"Enabled":true}}}`, `{"Properties":{"EncryptionAtRestOptions":{"Enabled":false}}}`, nil, "encryption at rest"},
		{"load balancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", `{"Properties":{"LoadBalancerAttributes":[{"Key":"deletion_protection.enabled","Value":"true"}]}}`, `{"Properties":{"LoadBalancerAttributes":[]}}`, nil, "deletion protection: true → not set"},
		{"known later", "AWS::RDS::DBInstance", `{"Properties":{"DeletionProtection":true}}`, `{"Properties":{"DeletionProtection":"{{changeSet:KNOWN_AFTER_APPLY}}"}}`, nil, "known only after apply"},
		{"not reported", "AWS::RDS::DBInstance", "", "", []string{"DeletionProtection"}, "was not reported"},
		{"another type's property", "AWS::Lambda::Function", `{"Properties":{"RetentionInDays":90}}`, `{"Properties":{"RetentionInDays":1}}`, nil, ""},
		{"dead-letter queue", "AWS::SQS::Queue", `{"Properties":{"RedrivePolicy":{"maxReceiveCount":3}}}`, `{"Properties":{}}`, nil, "dead-letter queue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			losses := plan.Protections(c.resourceType, tree(t, c.before), tree(t, c.after), c.changed)
			var got []string
			for _, l := range losses {
				got = append(got, l.Summary)
			}
			if (c.want == "") != (len(got) == 0) || c.want != "" && !strings.Contains(strings.Join(got, "\n"), c.want) {
				t.Errorf("losses %q, want %q", got, c.want)
			}
		})
	}
}

func TestPolicyLoss(t *testing.T) {
	order := []string{"Retain", "RetainExceptOnCreate", "Snapshot", "Delete"}
	for i, before := range order {
		for j, after := range order {
			if _, lost := plan.PolicyLoss("DeletionPolicy", "AWS::S3::Bucket", before, after, true); lost != (j > i) {
				t.Errorf("%s → %s: lost is %v", before, after, lost)
			}
		}
		if _, lost := plan.PolicyLoss("DeletionPolicy", "AWS::S3::Bucket", before, "", true); lost != (before != "Delete") {
			t.Errorf("%s → nothing: lost is %v", before, lost)
		}
	}
	if _, lost := plan.PolicyLoss("DeletionPolicy", "AWS::RDS::DBCluster", "Snapshot", "", true); lost {
		t.Error("without a DeletionPolicy, an RDS cluster leaves a snapshot")
	}
	if _, lost := plan.PolicyLoss("UpdateReplacePolicy", "AWS::RDS::DBCluster", "Snapshot", "", true); !lost {
		t.Error("without an UpdateReplacePolicy, an RDS cluster is deleted when it is replaced")
	}
	if _, lost := plan.PolicyLoss("DeletionPolicy", "AWS::S3::Bucket", "", "", false); !lost {
		t.Error("a policy whose values were not reported counts as lost")
	}
	if _, lost := plan.PolicyLoss("DeletionPolicy", "AWS::S3::Bucket", "Retain", "Invented", true); !lost {
		t.Error("an unknown policy keeps nothing for sure")
	}
}

func items(list ...plan.Item) []plan.Item { return list }

func item(impact plan.Impact, resourceType string) plan.Item {
	tier := plan.StatefulTier(resourceType, nil)
	return plan.Item{Impact: impact, Type: resourceType, Stateful: tier, Level: impact.Level(tier)}
}

func times(n int, i plan.Item) []plan.Item {
	list := make([]plan.Item, n)
	for at := range list {
		list[at] = i
	}
	return list
}

func TestVerdict(t *testing.T) {
	table, bucket, role, fn := "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::IAM::Role", "AWS::Lambda::Function"
	widened := item(plan.ImpactReplaceRetain, role)
	widened.Also = []plan.Impact{plan.ImpactSecurityBroadened}
	granted := item(plan.ImpactSecurityBroadened, role)
	granted.Also = []plan.Impact{plan.ImpactAdd}
	for want, list := range map[string][]plan.Item{
		"No resource changes.":                                 nil,
		"Widens 1 role; creates 2 roles with new permissions.": items(granted, item(plan.ImpactSecurityBroadened, role), granted),
		"Replaces 1 table and deletes its data; widens 1 role and 1 security group; 4 other changes; 423 tag-only.": append(items(
			item(plan.ImpactReplaceDelete, table), item(plan.ImpactSecurityBroadened, role), item(plan.ImpactSecurityBroadened, "AWS::EC2::SecurityGroup"),
			item(plan.ImpactModify, fn), item(plan.ImpactAdd, fn), item(plan.ImpactImport, bucket), item(plan.ImpactSync, bucket)), times(423, item(plan.ImpactTagsOnly, bucket))...),
		"Deletes 2 tables and 1 bucket with their data.":                                  items(item(plan.ImpactDestroy, table), item(plan.ImpactDestroy, table), item(plan.ImpactDestroy, bucket)),
		"Deletes 1 function.":                                                             items(item(plan.ImpactDestroy, fn)),
		"Replaces 1 role and deletes the old one.":                                        items(item(plan.ImpactReplaceDelete, role)),
		"Cannot tell what happens to 1 custom resource.":                                  items(item(plan.ImpactUnknown, "Custom::X")),
		"Removes the protection of 1 bucket.":                                             items(item(plan.ImpactProtectionLoss, bucket)),
		"May replace 2 policies.":                                                         times(2, item(plan.ImpactMayReplace, "AWS::IAM::Policy")),
		"Replaces 1 role and leaves the old unmanaged; widens the permissions of 1 role.": items(widened),
		"Updates 4 functions and creates 1 topic; nothing is deleted or replaced.":        append(times(4, item(plan.ImpactModify, fn)), item(plan.ImpactAdd, "AWS::SNS::Topic")),
		"Only tags change, on 3 resources.":                                               times(3, item(plan.ImpactTagsOnly, bucket)),
		"Only metadata changes, of 1 resource.":                                           items(item(plan.ImpactMetadataOnly, bucket)),
		"Updates 1 function; 2 tag-only; nothing is deleted or replaced.":                 append(times(2, item(plan.ImpactTagsOnly, bucket)), item(plan.ImpactModify, fn)),
		"Deletes 4 resources with their data.":                                            items(item(plan.ImpactDestroy, table), item(plan.ImpactDestroy, bucket), item(plan.ImpactDestroy, fn), item(plan.ImpactDestroy, role)),
		"Deletes 1 database instance after a snapshot.":                                   items(item(plan.ImpactDestroySnapshot, "AWS::RDS::DBInstance")),
		"Leaves 1 security group unmanaged.":                                              items(item(plan.ImpactOrphan, "AWS::EC2::SecurityGroup")),
	} {
		if got := plan.Verdict(list, nil, plan.Completeness{}); got != want {
			t.Errorf("verdict %q\n   want %q", got, want)
		}
	}
	public := item(plan.ImpactSecurityBroadened, "AWS::ApiGatewayV2::Route")
	public.Path = "Route"
	lost := item(plan.ImpactReplaceDelete, table)
	lost.Path, lost.Also = "Table", []plan.Impact{plan.ImpactSecurityBroadened}
	findings := []plan.SecurityFinding{
		{Path: "Route", Direction: plan.DirectionWidened, Everyone: true}, {Path: "Table", Direction: plan.DirectionWidened, Everyone: true},
		{Path: "Role", Direction: plan.DirectionWidened}, {Path: "Other", Direction: plan.DirectionNarrowed, Everyone: true},
	}
	opened := plan.Verdict(items(lost, item(plan.ImpactSecurityBroadened, role), public), findings, plan.Completeness{})
	if want := "Replaces 1 table and deletes its data; opens 1 route and 1 table to everyone; widens 1 role."; opened != want {
		t.Errorf("verdict %q\n   want %q", opened, want)
	}
	unclear := item(plan.ImpactSecurityBroadened, role)
	unclear.Path = "Later"
	perhaps := plan.Verdict(items(unclear, item(plan.ImpactSecurityBroadened, role)), []plan.SecurityFinding{{Path: "Later", Direction: plan.DirectionUnclear}}, plan.Completeness{})
	if want := "Widens 1 role; may widen 1 role."; perhaps != want {
		t.Errorf("verdict %q\n   want %q", perhaps, want)
	}
	partial := plan.Verdict(nil, nil, plan.Completeness{Partial: true})
	if !strings.Contains(partial, "incomplete") {
		t.Errorf("the verdict of a partial review does not say so: %q", partial)
	}
}

func TestVerdictNamesEveryDangerousImpact(t *testing.T) {
	for _, impact := range plan.Impacts() {
		text := plan.Verdict(items(item(impact, "AWS::S3::Bucket"), item(plan.ImpactModify, "AWS::Lambda::Function")), nil, plan.Completeness{})
		if impact.Level(plan.StatefulData).AtLeast(plan.LevelMedium) && !strings.Contains(text, "bucket") {
			t.Errorf("%s: %q does not name the bucket", impact, text)
		}
		if impact.Level(plan.StatefulData).AtLeast(plan.LevelMedium) && strings.Contains(text, "nothing is deleted") {
			t.Errorf("%s: %q", impact, text)
		}
	}
}

func TestNoun(t *testing.T) {
	for resourceType, want := range map[string]string{
		"AWS::DynamoDB::Table": "table", "AWS::EC2::SecurityGroup": "security group", "AWS::EC2::VPC": "VPC",
		"AWS::RDS::DBInstance": "database instance", "Custom::Thing": "custom resource", "": "resource", "AWS::S3::BucketPolicy": "bucket policy",
	} {
		if got := plan.Noun(resourceType); got != want {
			t.Errorf("%s is a %q, want %q", resourceType, got, want)
		}
	}
}

func text(s string) *string { return &s }

func TestClusterItems(t *testing.T) {
	tagged := func(path, index, before, after string) plan.Item {
		i := item(plan.ImpactTagsOnly, "AWS::S3::Bucket")
		i.Path = path
		i.Properties = []plan.Property{{Path: "/Properties/Tags/" + index + "/Value", Attribute: "Tags", TagKey: "cost-centre", Change: plan.ChangeModify, Before: text(before), After: text(after)}}
		return i
	}
	hidden := tagged("H1", "0", "x", "y")
	hidden.Properties[0].Sensitive = true
	hiddenToo := hidden
	hiddenToo.Path = "H2"
	destroyed := item(plan.ImpactDestroy, "AWS::Lambda::Function")
	destroyed.Path, destroyed.Properties = "D1", hidden.Properties
	got := plan.ClusterItems(items(tagged("B", "1", "4710", "4711"), tagged("A", "3", "4710", "4711"), tagged("C", "1", "4710", "4712"), hidden, hiddenToo, destroyed, destroyed))
	want := []plan.Cluster{{Summary: `tag cost-centre "4710" → "4711"`, Impact: plan.ImpactTagsOnly, Paths: []string{"A", "B"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

func TestSections(t *testing.T) {
	var list []plan.Item
	for _, impact := range plan.Impacts() {
		list = append(list, item(impact, "AWS::Lambda::Function"), item(impact, "AWS::S3::Bucket"))
	}
	n := 0
	last := -1
	for _, section := range (plan.Review{Items: list}).Sections() {
		at := -1
		for i, kind := range plan.SectionKinds() {
			if kind == section.Kind {
				at = i
			}
		}
		if at <= last {
			t.Errorf("section %s is out of order", section.Kind)
		}
		last = at
		n += len(section.Items)
	}
	if n != len(list) {
		t.Errorf("%d of %d items are in a section", n, len(list))
	}
}

func TestDangerous(t *testing.T) {
	for name, c := range map[string]struct {
		review plan.Review
		want   bool
	}{
		"harmless":  {plan.Review{Level: plan.LevelMedium}, false},
		"high":      {plan.Review{Level: plan.LevelHigh}, true},
		"odd level": {plan.Review{Level: "odd"}, true},
		"partial":   {plan.Review{Level: plan.LevelInfo, Completeness: plan.Completeness{Partial: true}}, true},
		"unknown":   {plan.Review{Level: plan.LevelInfo, Completeness: plan.Completeness{Unknown: 1}}, true},
		"lost":      {plan.Review{Level: plan.LevelInfo, Completeness: plan.Completeness{Reported: 2, Shown: 1}}, true},
	} {
		if got := c.review.Dangerous(); got != c.want {
			t.Errorf("%s: dangerous is %v", name, got)
		}
	}
}

func TestShortDigest(t *testing.T) {
	if got := plan.ShortDigest("sha256:be071f4490aa00112233"); got != "be07-1f44-90aa" {
		t.Errorf("short digest %q", got)
	}
	if got := plan.ShortDigest("odd"); got != "odd" {
		t.Errorf("short digest %q", got)
	}
}

func TestTextsOfValues(t *testing.T) {
	later := plan.KnownAfterApply
	for _, c := range []struct {
		p             plan.Property
		before, after string
	}{
		{plan.Property{Change: plan.ChangeModify, Before: text("a"), After: text("b")}, `"a"`, `"b"`},
		{plan.Property{Change: plan.ChangeModify, Before: text(`say "hi"`), After: text("(none)")}, `"say \"hi\""`, `"(none)"`},
		{plan.Property{Change: plan.ChangeModify, Encoding: plan.EncodingJSON, Before: text("1"), After: text(`{"a":1}`)}, `1`, `{"a":1}`},
		{plan.Property{Change: plan.ChangeAdd, After: text("b")}, plan.TextAbsent, `"b"`},
		{plan.Property{Change: plan.ChangeRemove, Before: text("a")}, `"a"`, plan.TextAbsent},
		{plan.Property{Change: plan.ChangeModify, Sensitive: true}, plan.TextSensitive, plan.TextChanged},
		{plan.Property{Change: plan.ChangeNone, Sensitive: true}, plan.TextSensitive, plan.TextUnchanged},
		{plan.Property{Change: plan.ChangeUnknown}, plan.TextNotReported, plan.TextNotReported},
		{plan.Property{Change: plan.ChangeModify, Before: text("a"), After: &later, KnownAfterApply: true}, `"a"`, plan.TextKnownLater},
		{plan.Property{Change: plan.ChangeUnknown, KnownAfterApply: true}, plan.TextNotReported, plan.TextKnownLater},
	} {
		if got := c.p.BeforeText(); got != c.before {
			t.Errorf("%+v: before %s, want %s", c.p, got, c.before)
		}
		if got := c.p.AfterText(); got != c.after {
			t.Errorf("%+v: after %s, want %s", c.p, got, c.after)
		}
	}
}

func TestPointerName(t *testing.T) {
	for pointer, want := range map[string]string{
		"/A/0/B": "A[0].B", "/A": "A", "": "", "/a~1b/~0c": "a/b.~c", "/0": "0",
	} {
		if got := plan.PointerName(pointer); got != want {
			t.Errorf("%q is named %q, want %q", pointer, got, want)
		}
	}
	if got := (plan.Property{Path: "/Properties/Environment/Variables/TABLE"}).Name(); got != "Environment.Variables.TABLE" {
		t.Errorf("name %q", got)
	}
	if got := (plan.Property{Path: "/DeletionPolicy"}).Name(); got != "DeletionPolicy" {
		t.Errorf("name %q", got)
	}
}
