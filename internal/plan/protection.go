package plan

import (
	"slices"
	"strconv"
	"strings"

	"stackgate/internal/plan/jsontree"
)

// protection is a property whose weakening puts data at risk without touching it.
type protection struct {
	// types that have it; empty: any type.
	types []string
	path  string // JSON pointer below /Properties; * stands for every element of a list
	// Exactly one of the following rules is set.
	on       []string // on while the value is one of these (lower case), lost when it no longer is
	shrinks  bool     // a number whose decrease loses protection; absent counts as 0
	appears  bool     // its appearance, or decrease, deletes data that was kept for ever
	vanishes bool     // lost when the property is taken away

	what string
}

// protections is never written to.
var protections = protectionTable()

func protectionTable() []protection {
	on := []string{"true", "enabled", "active"}
	s3, dynamo := []string{"AWS::S3::Bucket"}, []string{"AWS::DynamoDB::Table"}
	return []protection{
		{path: "/DeletionProtection", on: on, what: "deletion protection"},
		{path: "/DeletionProtectionEnabled", on: on, what: "deletion protection"},
		{path: "/TerminationProtectionEnabled", on: on, what: "termination protection"},
		{path: "/TerminationProtected", on: on, what: "termination protection"},
		{types: []string{"AWS::EC2::Instance"}, path: "/DisableApiTermination", on: on, what: "termination protection"},
		{types: []string{"AWS::DynamoDB::GlobalTable"}, path: "/Replicas/*/DeletionProtectionEnabled", on: on, what: "deletion protection"},
		{types: []string{"AWS::DynamoDB::GlobalTable"}, path: "/Replicas/*/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", on: on, what: "point-in-time recovery"},
		{types: dynamo, path: "/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", on: on, what: "point-in-time recovery"},
		{types: dynamo, path: "/TimeToLiveSpecification/Enabled", appears: true, what: "keeping items for ever (time to live)"},
		{path: "/SSESpecification/SSEEnabled", on: on, what: "encryption at rest"},
		{path: "/StorageEncrypted", on: on, what: "encryption at rest"},
		{path: "/Encrypted", on: on, what: "encryption at rest"},
		{path: "/AtRestEncryptionEnabled", on: on, what: "encryption at rest"},
		{path: "/EncryptionAtRestOptions/Enabled", on: on, what: "encryption at rest"},
		{path: "/SqsManagedSseEnabled", on: on, what: "encryption at rest"},
		{types: []string{"AWS::SNS::Topic", "AWS::SQS::Queue"}, path: "/KmsMasterKeyId", vanishes: true, what: "encryption with a key of one's own"},
		{types: []string{"AWS::Logs::LogGroup"}, path: "/KmsKeyId", vanishes: true, what: "encryption with a key of one's own"},
		{types: []string{"AWS::Kinesis::Stream"}, path: "/StreamEncryption", vanishes: true, what: "encryption at rest"},
		{types: s3, path: "/BucketEncryption", vanishes: true, what: "its own encryption settings"},
		{types: s3, path: "/VersioningConfiguration/Status", on: on, what: "versioning"},
		{types: s3, path: "/ObjectLockConfiguration", vanishes: true, what: "object lock"},
		{types: s3, path: "/ReplicationConfiguration", vanishes: true, what: "replication"},
		{types: s3, path: "/LifecycleConfiguration/Rules/*/ExpirationInDays", appears: true, what: "keeping objects (expiry by a lifecycle rule)"},
		{types: s3, path: "/LifecycleConfiguration/Rules/*/NoncurrentVersionExpiration/NoncurrentDays", appears: true, what: "keeping old versions (expiry by a lifecycle rule)"},
		{types: s3, path: "/LifecycleConfiguration/Rules/*/NoncurrentVersionExpirationInDays", appears: true, what: "keeping old versions (expiry by a lifecycle rule)"},
		{path: "/BackupRetentionPeriod", shrinks: true, what: "retention of backups"},
		{path: "/AutomatedSnapshotRetentionPeriod", shrinks: true, what: "retention of snapshots"},
		{path: "/SnapshotRetentionLimit", shrinks: true, what: "retention of snapshots"},
		{path: "/RetentionPeriodHours", shrinks: true, what: "retention of records"},
		{types: []string{"AWS::CloudTrail::EventDataStore"}, path: "/RetentionPeriod", shrinks: true, what: "retention of events"},
		{types: []string{"AWS::SQS::Queue"}, path: "/MessageRetentionPeriod", shrinks: true, what: "retention of messages"},
		{types: []string{"AWS::SQS::Queue"}, path: "/RedrivePolicy", vanishes: true, what: "its dead-letter queue"},
		{types: []string{"AWS::Logs::LogGroup"}, path: "/RetentionInDays", appears: true, what: "retention of log events"},
		{types: []string{"AWS::EFS::FileSystem"}, path: "/BackupPolicy/Status", on: on, what: "automatic backups"},
		{types: []string{"AWS::Backup::BackupVault"}, path: "/LockConfiguration", vanishes: true, what: "the vault lock"},
		{types: []string{"AWS::KMS::Key", "AWS::KMS::ReplicaKey"}, path: "/Enabled", on: on, what: "the enabled state"},
		{types: []string{"AWS::KMS::Key"}, path: "/EnableKeyRotation", on: on, what: "key rotation"},
		{types: []string{"AWS::KMS::Key", "AWS::KMS::ReplicaKey"}, path: "/PendingWindowInDays", shrinks: true, what: "the waiting time before deletion"},
		{types: []string{"AWS::ECR::Repository"}, path: "/ImageTagMutability", on: []string{"immutable"}, what: "immutable tags"},
		{types: []string{"AWS::ECR::Repository"}, path: "/EmptyOnDelete", appears: true, what: "the refusal to delete a repository that holds images"},
		{types: []string{"AWS::CloudTrail::Trail"}, path: "/IsLogging", on: on, what: "logging"},
		{types: []string{"AWS::CloudTrail::Trail"}, path: "/EnableLogFileValidation", on: on, what: "log file validation"},
	}
}

// Protections returns the protections of a resource that a change of its properties takes away. Before and after are its
// contexts; changed lists the properties whose change was reported without values, which count as lost when they protect.
func Protections(resourceType string, before, after any, changed []string) []ProtectionLoss {
	old, new := jsontree.Member(before, "Properties"), jsontree.Member(after, "Properties")
	var losses []ProtectionLoss
	for _, p := range protections {
		if len(p.types) > 0 && !slices.Contains(p.types, resourceType) {
			continue
		}
		top := jsontree.Tokens(p.path)[0]
		switch {
		case before != nil && after != nil:
			if summary, lost := p.compare(old, new); lost {
				losses = append(losses, ProtectionLoss{Path: "/Properties" + p.path, Summary: summary})
			}
		case slices.Contains(changed, top):
			losses = append(losses, ProtectionLoss{Path: "/Properties/" + top, Summary: p.what + ": " + top + " changes, from what to what was not reported"})
		}
	}
	return append(losses, loadBalancerProtection(resourceType, old, new)...)
}

func (p protection) compare(before, after any) (string, bool) {
	old, new := leavesAt(before, p.path), leavesAt(after, p.path)
	was, now := strings.Join(old, ", "), strings.Join(new, ", ")
	if was == now {
		return "", false
	}
	if strings.Contains(now, KnownAfterApply) {
		return p.what + ": the new value is known only after apply", true
	}
	lost := false
	switch {
	case p.on != nil:
		lost = count(old, p.on) > count(new, p.on)
	case p.shrinks:
		lost = smallest(new) < smallest(old)
	case p.appears:
		lost = len(new) > 0 && !allOff(new) && (len(old) == 0 || allOff(old) || len(new) > len(old) || smallest(new) < smallest(old))
	case p.vanishes:
		lost = len(old) > 0 && len(new) == 0
	}
	return p.what + ": " + shownValue(was) + " → " + shownValue(now), lost
}

func shownValue(text string) string {
	if text == "" {
		return "not set"
	}
	if len(text) > 80 {
		return "set"
	}
	return text
}

func count(values, wanted []string) int {
	n := 0
	for _, v := range values {
		if slices.Contains(wanted, strings.ToLower(v)) {
			n++
		}
	}
	return n
}

func allOff(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return v != "false" && v != "" })
}

// smallest reads the smallest number; absent, or no number, is 0.
func smallest(values []string) float64 {
	least, found := 0.0, false
	for _, v := range values {
		number, err := strconv.ParseFloat(v, 64)
		if err != nil {
			continue
		}
		if !found || number < least {
			least, found = number, true
		}
	}
	return least
}

func leavesAt(tree any, path string) []string {
	found := []any{tree}
	for token := range jsontree.Steps(path) {
		var next []any
		for _, value := range found {
			if token == "*" {
				next = append(next, jsontree.List(value)...)
			} else if member := jsontree.Member(value, token); member != nil {
				next = append(next, member)
			}
		}
		found = next
	}
	var values []string
	for _, value := range found {
		text, ok := jsontree.Text(value)
		if !ok {
			text = jsontree.Canonical(value)
		}
		values = append(values, text)
	}
	return values
}

// loadBalancerProtection reads the attribute list of load balancers, where the name of a setting is a value.
func loadBalancerProtection(resourceType string, before, after any) []ProtectionLoss {
	if resourceType != "AWS::ElasticLoadBalancingV2::LoadBalancer" || before == nil || after == nil {
		return nil
	}
	setting := func(tree any) string {
		for _, attribute := range jsontree.List(jsontree.Member(tree, "LoadBalancerAttributes")) {
			if key, _ := jsontree.Text(jsontree.Member(attribute, "Key")); key == "deletion_protection.enabled" {
				value, _ := jsontree.Text(jsontree.Member(attribute, "Value"))
				return value
			}
		}
		return ""
	}
	if was, now := setting(before), setting(after); was == "true" && now != "true" {
		return []ProtectionLoss{{Path: "/Properties/LoadBalancerAttributes", Summary: "deletion protection: true → " + shownValue(now)}}
	}
	return nil
}

// PolicyLoss compares a DeletionPolicy or UpdateReplacePolicy. Absent values are empty; known is false where the answer
// names the attribute without its values, which counts as a loss.
func PolicyLoss(attribute, resourceType, before, after string, known bool) (ProtectionLoss, bool) {
	loss := ProtectionLoss{Path: "/" + attribute}
	if !known {
		loss.Summary = attribute + " changes; from what to what was not reported"
		return loss, true
	}
	if policyStrength(attribute, resourceType, after) >= policyStrength(attribute, resourceType, before) {
		return loss, false
	}
	loss.Summary = attribute + ": " + shownValue(before) + " → " + shownValue(after)
	return loss, true
}

// policyStrength orders what a policy keeps. Without a DeletionPolicy, RDS clusters and instances leave a snapshot
// (instances of a cluster do not); an unknown value keeps nothing for sure.
func policyStrength(attribute, resourceType, policy string) int {
	switch policy {
	case "Retain":
		return 3
	case "RetainExceptOnCreate":
		return 2
	case "Snapshot":
		return 1
	case "":
		if attribute == "DeletionPolicy" && resourceType == "AWS::RDS::DBCluster" {
			return 1
		}
	}
	return 0
}
