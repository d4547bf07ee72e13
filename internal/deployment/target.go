package deployment

// Target is where a deployment goes.
type Target struct {
	// Account is a 12-digit AWS account id.
	Account string `json:"account"`
	// Region is an AWS region name.
	Region string `json:"region"`
	// StackName is the stack's name, never its ARN.
	StackName string `json:"stackName"`
}

// Key names the stack among all stacks, for locks.
func (t Target) Key() string { return t.Account + "#" + t.Region + "#" + t.StackName }

// ChangeSetType says whether a change set creates its stack or updates it. DescribeChangeSet does not return it.
type ChangeSetType string

// The change-set types that stackgate makes.
const (
	ChangeSetCreate ChangeSetType = "CREATE"
	ChangeSetUpdate ChangeSetType = "UPDATE"
)

// ChangeSetState is what became of a change set's making.
type ChangeSetState string

// The change-set states.
const (
	// ChangeSetReady: it can be executed, also when it lists no resource (outputs only).
	ChangeSetReady ChangeSetState = "ready"
	// ChangeSetEmpty: CloudFormation found nothing to change.
	ChangeSetEmpty ChangeSetState = "empty"
	// ChangeSetBroken: it could not be made.
	ChangeSetBroken ChangeSetState = "failed"
	// ChangeSetMaking: it is being made.
	ChangeSetMaking ChangeSetState = "pending"
	// ChangeSetUnknown: a status that this version does not know.
	ChangeSetUnknown ChangeSetState = "unknown"
)

// ChangeSetStates lists every change-set state.
func ChangeSetStates() []ChangeSetState {
	return []ChangeSetState{ChangeSetReady, ChangeSetEmpty, ChangeSetBroken, ChangeSetMaking, ChangeSetUnknown}
}

// ApprovalNeed is what the installed policy asks of a review.
type ApprovalNeed string

// The needs.
const (
	ApprovalRequired    ApprovalNeed = "required"
	ApprovalNotRequired ApprovalNeed = "not-required"
	// ApprovalNotAsked: the flow ends with the review.
	ApprovalNotAsked ApprovalNeed = "review-only"
)

// ApprovalNeeds lists every need.
func ApprovalNeeds() []ApprovalNeed {
	return []ApprovalNeed{ApprovalRequired, ApprovalNotRequired, ApprovalNotAsked}
}
