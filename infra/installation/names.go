package installation

import (
	"cmp"
	"strings"

	"stackgate/internal/installed"
	"stackgate/internal/service"
	"stackgate/internal/store/dynamo"
)

// The names of what is installed. They are fixed, so that templates of different accounts and stacks agree without
// handing values from one to the other.
const (
	// StackName is the control plane's; the other stacks' names begin with it and a hyphen.
	StackName = "stackgate"
	// BusName is the hub's event bus.
	BusName = "stackgate"
	// TableName is the store's table.
	TableName = "stackgate"
	// ForwardRole is, with the region behind it, the role that sends a target account's stack events to the hub.
	ForwardRole = "stackgate-forward"
	// RecoveryMachine is the state machine that leads stuck stacks out, one for the installation.
	RecoveryMachine = "stackgate-recover"
	// MachinePrefix is what the names of all state machines begin with.
	MachinePrefix = "stackgate-"
	// MachineRole is the one role of all state machines.
	MachineRole = "stackgate-hub-machine"
	// MachineLogGroup takes the logs of all state machines. Below /aws/vendedlogs the account's one resource policy for log
	// delivery does not grow with every group (CloudWatch Logs: logs sent to it by other services).
	MachineLogGroup = "/aws/vendedlogs/states/stackgate"
	// AnnouncementTopic takes what approvers and requesters are told, AlarmTopic what operators are.
	AnnouncementTopic = "stackgate-announcements"
	AlarmTopic        = "stackgate-alarms"
)

// AllFunctions lists every function of the control plane.
func AllFunctions() []installed.Function { return append(installed.Functions(), installed.Review) }

// FunctionName is the name of a function.
func FunctionName(f installed.Function) string { return "stackgate-" + string(f) }

// FunctionRole is the name of a function's role in the hub. No role of a target account can have it, whatever a service is
// called: those have a function's name where this has "hub".
func FunctionRole(f installed.Function) string { return "stackgate-hub-" + string(f) }

// VersionParameter is the SSM parameter that holds the ARN of the function's published version. An export would not do: as
// long as a stack imports it, it cannot change.
func VersionParameter(f installed.Function) string { return "/stackgate/version/" + string(f) }

// MachineName is the name of the state machine of a service in an environment.
func MachineName(serviceName, environment string) string {
	return MachinePrefix + serviceName + "-" + environment
}

// Bucket is the name of the store's bucket; the hub's account and region make it the world's only one.
func (s Settings) Bucket() string { return "stackgate-" + s.Account + "-" + s.Region }

// Templates is the ARN pattern of the templates in the store's bucket.
func (s Settings) Templates() string {
	return s.BucketARN() + "/" + dynamo.DocumentPrefix + "template/*"
}

// BucketARN is the ARN of the store's bucket.
func (s Settings) BucketARN() string { return "arn:" + s.Partition() + ":s3:::" + s.Bucket() }

// KeyARNs is the pattern of the ARNs of the hub's KMS keys, whose ids are not known before they are made.
func (s Settings) KeyARNs() string {
	return "arn:" + s.Partition() + ":kms:" + s.Region + ":" + s.Account + ":key/*"
}

// ThroughBucket are the conditions under which KMS decrypts what S3 reads from the store's bucket, and nothing else. With a
// bucket key the encryption context is the bucket's ARN, without one the object's (S3 user guide, "Using bucket keys"); the
// service's name in China may end in .cn.
func (s Settings) ThroughBucket() map[string][]string {
	return map[string][]string{
		"kms:ViaService":                   {"s3." + s.Region + ".amazonaws.com*"},
		"kms:EncryptionContext:aws:s3:arn": {s.BucketARN(), s.Templates()},
	}
}

// BusARN is the ARN of the hub's event bus.
func (s Settings) BusARN() string {
	return "arn:" + s.Partition() + ":events:" + s.Region + ":" + s.Account + ":event-bus/" + BusName
}

// FunctionRoleARN is the ARN of a function's role in the hub.
func (s Settings) FunctionRoleARN(f installed.Function) string {
	return "arn:" + s.Partition() + ":iam::" + s.Account + ":role/" + FunctionRole(f)
}

// MachineARNs is the pattern of the ARNs of all state machines of the installation.
func (s Settings) MachineARNs() string {
	return "arn:" + s.Partition() + ":states:" + s.Region + ":" + s.Account + ":stateMachine:" + MachinePrefix + "*"
}

// RolePattern is the ARN of the roles in the target accounts, with the placeholders that the functions fill in.
func (s Settings) RolePattern() string {
	return "arn:" + s.Partition() + ":iam::${account}:role/stackgate-${function}-${service}-${environment}"
}

// MachinePattern is the ARN of the services' state machines, with the placeholders that the functions fill in.
func (s Settings) MachinePattern() string {
	return strings.TrimSuffix(s.MachineARNs(), "*") + "${service}-${environment}"
}

// DefaultGroup is the stack group of services that name none, which the definitions allow where the project has no groups.
const DefaultGroup = "main"

// Group is the stack group of a definition.
func Group(d service.Definition) string {
	if d.StackGroup == "" {
		return DefaultGroup
	}
	return d.StackGroup
}

// Target is an account and region that holds stacks.
type Target struct{ Account, Region string }

// TargetOf is where a definition's stack is.
func TargetOf(d service.Definition) Target { return Target{d.Account, d.Region} }

// CompareTargets orders targets by account and region.
func CompareTargets(a, b Target) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
}
