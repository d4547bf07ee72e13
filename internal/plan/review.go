// Package plan holds the review of a change set as versioned data: what changes, how bad it is, what is unknown, and the
// digests by which an approval names it. It neither asks AWS for anything nor prints anything.
package plan

import "time"

// Schema names the version of the review document.
const Schema = "stackgate.review/v1"

// Review is the document an approver decides upon, "stackgate.review/v1". Values that must not be seen are masked
// already. Items are ordered worst first; paths in it name items.
type Review struct {
	Schema string `json:"schema"`
	// Deployment is absent from the review of a file.
	Deployment *Deployment `json:"deployment,omitempty"`
	Target     Target      `json:"target"`
	// Recovery is set where no change set is reviewed but the recovery of a stack is proposed.
	Recovery *Recovery `json:"recovery,omitempty"`
	// Verdict is one sentence or two that say the worst first.
	Verdict string `json:"verdict"`
	// Level is the worst level of the items and of the review as a whole.
	Level        Level        `json:"level"`
	Counts       Counts       `json:"counts"`
	Completeness Completeness `json:"completeness"`
	Items        []Item       `json:"items"`
	Clusters     []Cluster    `json:"clusters"`
	// Security lists what the change means for permissions and exposure, widened first.
	Security []SecurityFinding `json:"security"`
	// SecurityScope says, in one sentence, what Security covers and what it does not.
	SecurityScope string       `json:"securityScope"`
	Drift         Drift        `json:"drift"`
	Parameters    []Parameter  `json:"parameters"`
	Tags          []Tag        `json:"tags"`
	Capabilities  []Capability `json:"capabilities"`
	// Settings are the stack-level settings that the change set carries: roles, notifications, rollback behaviour.
	Settings []Setting  `json:"settings"`
	Unpinned []Unpinned `json:"unpinned"`
	// Findings are those of CloudFormation's own checks: early validation and hooks.
	Findings []Finding `json:"findings"`
	// Limits say what this analysis cannot know.
	Limits []string `json:"limits"`

	PolicyVersion  string `json:"policyVersion,omitempty"`
	MaskingVersion string `json:"maskingVersion"`

	// RequestDigest identifies what was asked for, in any environment; absent from the review of a file.
	RequestDigest string `json:"requestDigest,omitempty"`
	// ContentDigest identifies the changes alone.
	ContentDigest string `json:"contentDigest"`
	// Digest is the review digest, which approvals name: "sha256:" and 64 hexadecimal digits.
	Digest string `json:"digest"`
}

// Deployment says who asked for the change set, and for what.
type Deployment struct {
	ID            string `json:"id"`
	CorrelationID string `json:"correlationId,omitempty"`
	Service       string `json:"service"`
	Environment   string `json:"environment"`
	RequestedBy   string `json:"requestedBy"`
	// RequesterVerified says whether IAM or an identity provider established RequestedBy.
	RequesterVerified bool   `json:"requesterVerified"`
	Commit            string `json:"commit,omitempty"`
	CommitSubject     string `json:"commitSubject,omitempty"`
	// Dirty: the working tree held changes that no commit has.
	Dirty       bool   `json:"dirty,omitempty"`
	Reason      string `json:"reason,omitempty"`
	CIRun       string `json:"ciRun,omitempty"`
	PullRequest string `json:"pullRequest,omitempty"`
	ReviewURL   string `json:"reviewUrl,omitempty"`
	// CreatedAt and ExpiresAt are UTC.
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	Previous  *Previous `json:"previous,omitempty"`
	// PromotedFrom names the environment in which the same request digest was deployed before, where there is one.
	PromotedFrom string `json:"promotedFrom,omitempty"`
}

// Previous is the deployment of the same service to the same environment that came before.
type Previous struct {
	ID     string    `json:"id"`
	Commit string    `json:"commit,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// Target says what would be changed.
type Target struct {
	Account       string `json:"account"`
	AccountAlias  string `json:"accountAlias,omitempty"`
	Region        string `json:"region"`
	StackName     string `json:"stackName"`
	StackID       string `json:"stackId"`
	ChangeSetID   string `json:"changeSetId"`
	ChangeSetName string `json:"changeSetName"`
	// ChangeSetType is CREATE, UPDATE or IMPORT; empty where it is not known, as DescribeChangeSet does not tell it.
	ChangeSetType string `json:"changeSetType"`
	Description   string `json:"description,omitempty"`
}

// Counts counts items.
type Counts struct {
	Total    int            `json:"total"`
	ByImpact map[Impact]int `json:"byImpact"`
	ByLevel  map[Level]int  `json:"byLevel"`
}

// Completeness proves that nothing is hidden.
type Completeness struct {
	// Reported counts every resource change of every page of every nested change set.
	Reported int `json:"reported"`
	// Shown counts those reachable from the items.
	Shown            int `json:"shown"`
	NestedChangeSets int `json:"nestedChangeSets"`
	// Unknown counts the items of which it cannot be told what happens to them.
	Unknown int `json:"unknown"`
	// Partial: pages or nested change sets are missing, so there may be changes that nobody saw.
	Partial  bool     `json:"partial"`
	Warnings []string `json:"warnings"`
}

// Whole says whether every change is in the review. Where it is not, what the review does not hold may be in what is missing.
func (c Completeness) Whole() bool { return !c.Partial && c.Reported == c.Shown }

// Item is one resource change.
type Item struct {
	// Path is the logical id with those of the nested stacks before it, joined with "/". It is unique.
	Path         string   `json:"path"`
	LogicalID    string   `json:"logicalId"`
	PhysicalID   string   `json:"physicalId,omitempty"`
	Type         string   `json:"type"`
	Action       string   `json:"action"`
	Replacement  string   `json:"replacement,omitempty"`
	PolicyAction string   `json:"policyAction,omitempty"`
	Scope        []string `json:"scope"`
	// Module is the chain of the modules that the resource comes from, as CloudFormation prints it.
	Module string `json:"module,omitempty"`

	Impact Impact `json:"impact"`
	// Also lists the other impacts that hold beside Impact, worst first.
	Also     []Impact     `json:"also"`
	Level    Level        `json:"level"`
	Stateful Statefulness `json:"stateful"`
	// Sentence says what happens, of this resource: "replaced; the old table shop-orders is deleted with its data".
	Sentence string `json:"sentence"`
	// Notes are reasons and circumstances, one sentence each.
	Notes []string `json:"notes"`
	// Ack numbers the acknowledgement that an approval needs, from 1; 0 where none is needed.
	Ack int `json:"ack,omitempty"`

	Properties []Property `json:"properties"`
	// Unchanged counts the top-level properties of the resource that do not change; 0 where the contexts are not known.
	Unchanged int `json:"unchanged,omitempty"`
	// Protections are the protections that the change takes away.
	Protections []ProtectionLoss `json:"protections"`
	// CausedBy and KnockOn are paths of items: those whose change brings this one about, and those that this one brings about.
	CausedBy []string `json:"causedBy"`
	KnockOn  []string `json:"knockOn"`
	// KnockOnMore counts those beyond the ones that KnockOn lists.
	KnockOnMore int `json:"knockOnMore,omitempty"`
	// DriftStatus is CloudFormation's word for the live resource against the last deployment; empty: not reported.
	DriftStatus string `json:"driftStatus,omitempty"`
	// DriftIgnored lists the live differences that this deployment leaves alone, as "path (reason)".
	DriftIgnored []string `json:"driftIgnored,omitempty"`
	// Children sums up the changes of a nested stack; absent from all other items.
	Children *Children `json:"children,omitempty"`
}

// Children sums up what happens inside a nested stack, at any depth.
type Children struct {
	ChangeSetID string         `json:"changeSetId"`
	Total       int            `json:"total"`
	Level       Level          `json:"level"`
	ByImpact    map[Impact]int `json:"byImpact"`
}

// Property is one changed property or attribute of a resource, with every cause of its change.
type Property struct {
	// Path is a JSON pointer into the resource: "/Properties/TableName", "/DeletionPolicy".
	Path string `json:"path"`
	// Attribute is the part of the resource that holds it: Properties, Metadata, Tags, DeletionPolicy, …
	Attribute string `json:"attribute"`
	// TagKey is the key of the tag that the path is inside of, where it can be told.
	TagKey string `json:"tagKey,omitempty"`
	Change Change `json:"change"`
	// Before and After are absent where there is no such value, where it was not reported and where it is sensitive.
	// Strings stand for themselves, everything else is JSON; Encoding tells which.
	Before   *string  `json:"before,omitempty"`
	After    *string  `json:"after,omitempty"`
	Encoding Encoding `json:"encoding"`
	// KnownAfterApply: the new value holds something that CloudFormation learns only while it runs.
	KnownAfterApply bool `json:"knownAfterApply"`
	// Sensitive: the value is masked as a whole.
	Sensitive bool `json:"sensitive"`
	// Truncated: CloudFormation, or the limit of this document, cut the value off.
	Truncated  bool       `json:"truncated,omitempty"`
	Recreation Recreation `json:"recreation"`
	Causes     []Cause    `json:"causes"`
	// Edits are the differences inside a value that is not a short string; empty otherwise.
	Edits []Edit `json:"edits"`
	// EditsOmitted counts the differences beyond those in Edits, of a value that has very many.
	EditsOmitted int `json:"editsOmitted,omitempty"`
	// Drift holds the other two columns of the three-way comparison where the live value differs from the last deployment.
	Drift *PropertyDrift `json:"drift,omitempty"`
}

// Encoding says how the texts Before and After are to be read.
type Encoding string

// The encodings.
const (
	// EncodingString: the text is the value.
	EncodingString Encoding = "string"
	// EncodingJSON: the text is JSON for a number, boolean, list or object.
	EncodingJSON Encoding = "json"
	// EncodingDocument: the value is a string that holds a JSON document; Edits compare the documents.
	EncodingDocument Encoding = "document"
	// EncodingText: the value is a string of several lines; Edits hold a line diff.
	EncodingText Encoding = "text"
)

// Encodings lists every encoding.
func Encodings() []Encoding {
	return []Encoding{EncodingString, EncodingJSON, EncodingDocument, EncodingText}
}

// Cause is one reason why a property changes.
type Cause struct {
	// Source is CloudFormation's ChangeSource: ParameterReference, ResourceReference, ResourceAttribute,
	// DirectModification, Automatic, NoModification; empty where it gave none.
	Source string `json:"source"`
	// Entity names the parameter, resource or attribute that the change comes from.
	Entity string `json:"entity,omitempty"`
	// Evaluation is static or dynamic; dynamic values are known only while CloudFormation runs.
	Evaluation string `json:"evaluation"`
}

// Edit is one difference inside a value.
type Edit struct {
	// Path is a JSON pointer, relative to the property, into the new value where the part is there, else into the old one.
	Path string `json:"path"`
	// Label names the part for people: "Statement[Sid=Read].Action". It is empty for the value itself.
	Label  string `json:"label"`
	Change Change `json:"change"`
	// Before and After are JSON; absent where there is no such value and where the part is sensitive.
	Before          *string `json:"before,omitempty"`
	After           *string `json:"after,omitempty"`
	Sensitive       bool    `json:"sensitive,omitempty"`
	KnownAfterApply bool    `json:"knownAfterApply,omitempty"`
	// Truncated: Before or After ends in "…" because the part is very long.
	Truncated bool `json:"truncated,omitempty"`
	// Lines is the line diff of a long text; Before and After are absent then.
	Lines []Line `json:"lines,omitempty"`
}

// Line is one line of a line diff.
type Line struct {
	// Op is "+", "-", " ", or "@" for a gap of unchanged lines, which Text counts.
	Op   string `json:"op"`
	Text string `json:"text"`
}

// PropertyDrift is what somebody changed by hand and this deployment overwrites or takes over.
type PropertyDrift struct {
	Live         *string `json:"live,omitempty"`
	LastDeployed *string `json:"lastDeployed,omitempty"`
}

// ProtectionLoss is a protection against loss that the change takes away.
type ProtectionLoss struct {
	// Path is that of the property: "/DeletionPolicy", "/Properties/DeletionProtectionEnabled".
	Path    string `json:"path"`
	Summary string `json:"summary"`
}

// Cluster is a change that several items have in common. It refers to items and never stands for them.
type Cluster struct {
	// Summary names the change: `tag cost-centre "4710" → "4711"`.
	Summary string   `json:"summary"`
	Impact  Impact   `json:"impact"`
	Paths   []string `json:"paths"`
}

// SecurityFinding is what one change means for permissions or exposure.
type SecurityFinding struct {
	// Path is that of the item; empty for a finding about the stack itself.
	Path      string       `json:"path"`
	Type      string       `json:"type,omitempty"`
	Kind      SecurityKind `json:"kind"`
	Direction Direction    `json:"direction"`
	// Effect heads the line: Allow, Deny, In, Out, or a word such as Public.
	Effect string `json:"effect"`
	// After and Before say what holds and what held: "dynamodb:* on *"; empty where there is nothing.
	After  string `json:"after,omitempty"`
	Before string `json:"before,omitempty"`
	// Everyone: it reaches anonymous callers or the whole internet.
	Everyone bool `json:"everyone,omitempty"`
	// Summary is the whole finding in one sentence.
	Summary string `json:"summary"`
}

// Drift sums up the comparison of live resources with the last deployment.
type Drift struct {
	// Checked: the change set compared with the live resources. A stack that was not checked is not in sync.
	Checked bool `json:"checked"`
	// Status is CloudFormation's word for the stack; empty: not reported.
	Status string `json:"status,omitempty"`
	// Overwrites are the paths of items in which a change made by hand is overwritten.
	Overwrites []string `json:"overwrites"`
	// Unsupported are the paths of items whose live state could not be compared.
	Unsupported []string `json:"unsupported"`
}

// Parameter is a stack parameter before and after.
type Parameter struct {
	Name   string `json:"name"`
	Change Change `json:"change"`
	// Before and After are absent where there is no such value and where it is hidden.
	Before *string `json:"before,omitempty"`
	After  *string `json:"after,omitempty"`
	// Resolved is the value that an SSM parameter type resolved to.
	Resolved  string `json:"resolved,omitempty"`
	Sensitive bool   `json:"sensitive"`
	// Supply is set for sensitive parameters only.
	Supply Supply `json:"supply,omitempty"`
}

// Tag is a stack tag before and after.
type Tag struct {
	Key    string  `json:"key"`
	Change Change  `json:"change"`
	Before *string `json:"before,omitempty"`
	After  *string `json:"after,omitempty"`
}

// Capability is one that the change set was given, or the stack had.
type Capability struct {
	Name   string `json:"name"`
	Change Change `json:"change"`
}

// Setting is a stack-level setting.
type Setting struct {
	Name   string  `json:"name"`
	Change Change  `json:"change"`
	Before *string `json:"before,omitempty"`
	After  *string `json:"after,omitempty"`
}

// Unpinned is an input whose content can change after the review was approved.
type Unpinned struct {
	// Path is that of the item, empty for a stack parameter; Property is the place in it.
	Path     string       `json:"path"`
	Property string       `json:"property"`
	Kind     UnpinnedKind `json:"kind"`
	Summary  string       `json:"summary"`
}

// Finding is one of CloudFormation's own checks.
type Finding struct {
	// Source is "validation" or "hook".
	Source string `json:"source"`
	Name   string `json:"name"`
	// Path is that of the item, or the place in the template as CloudFormation prints it.
	Path string `json:"path,omitempty"`
	// Mode is FAIL or WARN.
	Mode    string `json:"mode,omitempty"`
	Summary string `json:"summary"`
}
