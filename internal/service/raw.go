package service

// The raw types are the files, key by key. The strict reader (decode.go) and the JSON Schemas (schema_test.go) are both
// made from them, so that what an editor accepts and what stackgate accepts cannot part. Their comments are the
// descriptions that editors show. A key without omitempty is required.

type rawProject struct {
	// Version of this file format.
	Version formatVersion `yaml:"version"`
	// Name of the project; ${project} in values.
	Project projectName `yaml:"project"`
	// Where services are deployed to, by name.
	Environments map[string]rawEnvironment `yaml:"environments"`
	// Settings that every service inherits.
	Defaults rawSettings `yaml:"defaults,omitempty"`
	// How the project is installed in AWS.
	Installation rawInstallation `yaml:"installation,omitempty"`
	// People by the name of their group, for policy.approval.groups. A person is named as identities names them.
	Groups map[string][]personName `yaml:"groups,omitempty"`
	// Which person stands behind a principal that IAM has verified. The names are those of the rules; those of pipelines and
	// shared roles stand in records.
	Identities map[string]rawIdentity `yaml:"identities,omitempty"`

	Artifacts     unimplemented `yaml:"artifacts,omitempty"`
	Notifications unimplemented `yaml:"notifications,omitempty"`
}

type rawIdentity struct {
	// What the principals are: sso (a permission set of IAM Identity Center, whose session names are people), person (a user or
	// role of one person), ci (the role of a pipeline) or shared (a role of several people). The last two decide nothing.
	Kind identityKind `yaml:"kind"`
	// Name of the permission set; for sso.
	PermissionSet permissionSet `yaml:"permissionSet,omitempty"`
	// Account that the permission set is used in, in quotes; for sso.
	Account accountID `yaml:"account,omitempty"`
	// ARN of the IAM user or role; for person, ci and shared.
	Principal filled `yaml:"principal,omitempty"`
	// Name of the person; for person.
	Person personName `yaml:"person,omitempty"`
	// People by the session name that the pipeline has when it runs for them; for ci. Without it the session name is the person.
	Actors map[string]personName `yaml:"actors,omitempty"`
}

type rawInstallation struct {
	// Stacks that hold the services' state machines, by name. Each service names one, for ever: moving a service to another
	// group removes its state machine and makes a new one.
	StackGroups []stackGroup `yaml:"stackGroups,omitempty"`
}

type rawEnvironment struct {
	// 12-digit AWS account id, in quotes so that leading zeros stay.
	Account accountID `yaml:"account"`
	// AWS region, as in eu-west-1.
	Region regionName `yaml:"region"`
	// Order of promotion, 1 to 100: lower ranks come first.
	Rank rank `yaml:"rank"`
	// Roles that CloudFormation may work with here, as ARNs in which * stands for any characters. A service's executionRole must
	// be one of them. Default: every role of the account.
	ExecutionRoles []filled `yaml:"executionRoles,omitempty"`
	// What every deployment to this environment asks for. A service may tighten it, never loosen it.
	Policy rawPolicy `yaml:"policy,omitempty"`
	// Settings that every service inherits in this environment.
	Defaults rawSettings `yaml:"defaults,omitempty"`

	Requires unimplemented `yaml:"requires,omitempty"`
	Freeze   unimplemented `yaml:"freeze,omitempty"`
}

type rawPolicy struct {
	// Who must agree before a change set is executed.
	Approval rawApproval `yaml:"approval,omitempty"`
	// Whether --param may change a parameter for one deployment. Default false.
	AllowParameterOverrides boolean `yaml:"allowParameterOverrides,omitempty"`

	Escalate unimplemented `yaml:"escalate,omitempty"`
}

type rawApproval struct {
	// Which reviews need an approval: always, those that are dangerous, or never. Default always.
	When approvalWhen `yaml:"when,omitempty"`
	// How many different people must approve. Default 1.
	Count approvalCount `yaml:"count,omitempty"`
	// How long a review waits for its decision, as in 24h. Default 24h.
	ExpiresAfter span `yaml:"expiresAfter,omitempty"`
	// Whether the requester's own approval counts: forbidden, or recorded (it counts, and the record says so). Default forbidden.
	SelfApproval selfApproval `yaml:"selfApproval,omitempty"`
	// Groups of the project whose members' decisions count; a member of one is enough. Default anybody who is known.
	Groups []groupName `yaml:"groups,omitempty"`
}

type rawService struct {
	// Version of this file format.
	Version formatVersion `yaml:"version"`
	// Name of the service; the file has the same name.
	Service serviceName `yaml:"service"`
	// Team that answers for the service.
	Owner ownerName `yaml:"owner"`
	// Stack that the service's state machines are installed in, one of the project's installation.stackGroups. It is the same
	// in every environment and is never changed.
	StackGroup stackGroup `yaml:"stackGroup,omitempty"`
	rawSettings
	// Tightens the policy of every environment.
	Policy rawPolicy `yaml:"policy,omitempty"`
	// What differs in an environment, by its name.
	Environments map[string]rawServiceEnvironment `yaml:"environments,omitempty"`
}

type rawServiceEnvironment struct {
	// Whether the service is deployed here. Default true.
	Enabled boolean `yaml:"enabled,omitempty"`
	rawSettings
	// Tightens the environment's policy.
	Policy rawPolicy `yaml:"policy,omitempty"`
}

// rawSettings may stand in the project's defaults, in an environment's, in a service and in a service's environment.
// In each, null removes what is inherited.
type rawSettings struct {
	// What the service does; shown on the review.
	Description description `yaml:"description,omitempty"`
	// Addresses shown on the review, as runbook or dashboard.
	Links map[string]filled `yaml:"links,omitempty"`
	// CloudFormation template, relative to the folder of project.yaml.
	Template filled `yaml:"template,omitempty"`
	// Name of the stack. Default ${project}-${service}-${environment}. Another name is another stack.
	StackName filled `yaml:"stackName,omitempty"`
	// Parameters of the template. A list is joined with commas.
	Parameters map[string]scalars `yaml:"parameters,omitempty"`
	// Parameters whose values are secrets, by reference; CloudFormation looks the values up.
	Secrets map[string]rawSecret `yaml:"secrets,omitempty"`
	// Tags of the stack and, through it, of its resources; at most 50.
	Tags map[string]scalar `yaml:"tags,omitempty"`
	// What the template may do beyond ordinary resources.
	Capabilities []capability `yaml:"capabilities,omitempty"`
	// ARN of the role that CloudFormation works with.
	ExecutionRole filled `yaml:"executionRole,omitempty"`
	// Whether the review covers nested stacks. Default true.
	NestedStacks boolean `yaml:"nestedStacks,omitempty"`
	// What drift means to a deployment. Only ignore is implemented.
	Drift driftMode `yaml:"drift,omitempty"`
	// What becomes of a failed operation: rollback, or keep the stack as it stands. Default rollback.
	OnFailure onFailure `yaml:"onFailure,omitempty"`
	// What becomes of an empty stack whose first creation was rolled back: remove-empty, or stop. Default remove-empty.
	OnFailedCreate onFailedCreate `yaml:"onFailedCreate,omitempty"`
	// How long each part of a deployment may take.
	Timeouts rawTimeouts `yaml:"timeouts,omitempty"`
	// Further resource types whose loss is a loss of data, as Custom::Ledger.
	Stateful []resourceType `yaml:"stateful,omitempty"`
	// Changes that the review folds away, as Function.Code; critical ones are never hidden.
	IgnoreChanges []changePath `yaml:"ignoreChanges,omitempty"`

	DependsOn             unimplemented `yaml:"dependsOn,omitempty"`
	RollbackAlarms        unimplemented `yaml:"rollbackAlarms,omitempty"`
	TerminationProtection unimplemented `yaml:"terminationProtection,omitempty"`
	StackPolicy           unimplemented `yaml:"stackPolicy,omitempty"`
	Notifications         unimplemented `yaml:"notifications,omitempty"`
	Source                unimplemented `yaml:"source,omitempty"`
}

type rawTimeouts struct {
	// Waiting for the stack's lock. Default 2h.
	Queue span `yaml:"queue,omitempty"`
	// Making the change set. Default 15m.
	ChangeSet span `yaml:"changeSet,omitempty"`
	// Executing the change set. Default 2h.
	Execution span `yaml:"execution,omitempty"`
}

// rawSecret names where a secret is kept. It becomes a dynamic reference of CloudFormation.
type rawSecret struct {
	// Name or ARN of a secret in Secrets Manager.
	SecretsManager secretName `yaml:"secretsManager,omitempty"`
	// Key within a secret that holds a JSON object.
	JSONKey jsonKey `yaml:"jsonKey,omitempty"`
	// Version of the secret by its label. Default AWSCURRENT.
	VersionStage versionWord `yaml:"versionStage,omitempty"`
	// Version of the secret by its id, which pins it.
	VersionID versionWord `yaml:"versionId,omitempty"`
	// Name of a SecureString in Parameter Store.
	SSMSecure parameterPath `yaml:"ssmSecure,omitempty"`
	// Version of the SecureString, which pins it.
	Version versionNumber `yaml:"version,omitempty"`
}
