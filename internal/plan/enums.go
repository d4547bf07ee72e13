package plan

import "slices"

// Level ranks how much attention a change deserves.
type Level string

// The levels, worst first.
const (
	// LevelCritical needs an acknowledgement of its own.
	LevelCritical Level = "critical"
	LevelHigh     Level = "high"
	LevelMedium   Level = "medium"
	LevelLow      Level = "low"
	LevelInfo     Level = "info"
)

// Levels lists every level, worst first.
func Levels() []Level {
	return []Level{LevelCritical, LevelHigh, LevelMedium, LevelLow, LevelInfo}
}

// Rank orders levels: 0 is the worst. A level that is not known to this version ranks as critical.
func (l Level) Rank() int { return max(slices.Index(Levels(), l), 0) }

// AtLeast says whether l is as bad as other, or worse.
func (l Level) AtLeast(other Level) bool { return l.Rank() <= other.Rank() }

// Worst returns the worse of two levels.
func (l Level) Worst(other Level) Level {
	if l.AtLeast(other) {
		return l
	}
	return other
}

// Statefulness says what is lost with a physical resource.
type Statefulness string

// The tiers of statefulness.
const (
	// StatefulData: rows, objects or files are lost.
	StatefulData Statefulness = "data"
	// StatefulIdentity: keys, users or names are lost on which others depend.
	StatefulIdentity Statefulness = "identity"
	// StatefulInFlight: messages under way, or an address that others were given, are lost.
	StatefulInFlight Statefulness = "in-flight"
	// StatefulNone: nothing is lost that a deployment does not bring back.
	StatefulNone Statefulness = "none"
)

// Statefulnesses lists every tier, worst first.
func Statefulnesses() []Statefulness {
	return []Statefulness{StatefulData, StatefulIdentity, StatefulInFlight, StatefulNone}
}

// Stateful says whether anything is lost with the resource. An unknown tier counts as stateful.
func (s Statefulness) Stateful() bool { return s != StatefulNone }

// Change says what happens to a property, parameter, tag or a part of a value.
type Change string

// The changes.
const (
	ChangeAdd    Change = "add"
	ChangeRemove Change = "remove"
	ChangeModify Change = "modify"
	// ChangeSync: only CloudFormation's record of the value changes, to what the live resource has.
	ChangeSync Change = "sync"
	// ChangeNone: reported for completeness; it stays as it is.
	ChangeNone Change = "none"
	// ChangeUnknown: that something happens is reported, what is not.
	ChangeUnknown Change = "unknown"
)

// Changes lists every change.
func Changes() []Change {
	return []Change{ChangeAdd, ChangeRemove, ChangeModify, ChangeSync, ChangeNone, ChangeUnknown}
}

// Mark is the one-character sign of the change; that of an unknown one is "?".
func (c Change) Mark() string {
	switch c {
	case ChangeAdd:
		return "+"
	case ChangeRemove:
		return "-"
	case ChangeModify:
		return "~"
	case ChangeSync:
		return "="
	case ChangeNone:
		return " "
	case ChangeUnknown:
		return "?"
	}
	return "?"
}

// Recreation says whether a change of a property makes CloudFormation replace the resource.
type Recreation string

// The recreations. RecreationUnknown also stands for values that CloudFormation did not report.
const (
	RecreationAlways        Recreation = "always"
	RecreationConditionally Recreation = "conditionally"
	RecreationNever         Recreation = "never"
	RecreationUnknown       Recreation = "unknown"
)

// Recreations lists every recreation, worst first.
func Recreations() []Recreation {
	return []Recreation{RecreationAlways, RecreationUnknown, RecreationConditionally, RecreationNever}
}

// Worst returns the worse of two recreations; one that is not known to this version reads as RecreationUnknown.
func (r Recreation) Worst(other Recreation) Recreation {
	if r.rank() <= other.rank() {
		return r
	}
	return other
}

func (r Recreation) rank() int {
	if at := slices.Index(Recreations(), r); at >= 0 {
		return at
	}
	return slices.Index(Recreations(), RecreationUnknown)
}

// Sentence is the remark that a renderer puts beside the property; empty where there is nothing to say.
func (r Recreation) Sentence() string {
	switch r {
	case RecreationAlways:
		return "forces replacement"
	case RecreationConditionally:
		return "may force replacement"
	case RecreationNever:
		return ""
	case RecreationUnknown:
		return "effect on the resource unknown"
	}
	return "effect on the resource unknown"
}

// Direction says which way a permission or an exposure moves.
type Direction string

// The directions.
const (
	// DirectionWidened: somebody can do or reach more than before.
	DirectionWidened Direction = "widened"
	// DirectionNarrowed: somebody can do or reach less than before.
	DirectionNarrowed Direction = "narrowed"
	// DirectionUnclear: it changes, and what that means cannot be told from the change set; counted as widened.
	DirectionUnclear Direction = "unclear"
)

// Directions lists every direction, worst first.
func Directions() []Direction {
	return []Direction{DirectionWidened, DirectionUnclear, DirectionNarrowed}
}

// Mark is the sign of the direction.
func (d Direction) Mark() string {
	switch d {
	case DirectionWidened:
		return "+"
	case DirectionNarrowed:
		return "-"
	case DirectionUnclear:
		return "?"
	}
	return "?"
}

// SecurityKind names what a security finding is about.
type SecurityKind string

// The security kinds.
const (
	SecurityIdentityPolicy   SecurityKind = "identity-policy"
	SecurityResourcePolicy   SecurityKind = "resource-policy"
	SecurityTrustPolicy      SecurityKind = "trust-policy"
	SecurityManagedPolicy    SecurityKind = "managed-policy"
	SecurityBoundary         SecurityKind = "permissions-boundary"
	SecurityMembership       SecurityKind = "membership"
	SecurityNetworkIngress   SecurityKind = "network-ingress"
	SecurityNetworkEgress    SecurityKind = "network-egress"
	SecurityPublicAccess     SecurityKind = "public-access"
	SecurityInvokePermission SecurityKind = "invoke-permission"
	SecurityEncryption       SecurityKind = "encryption"
	SecurityCapability       SecurityKind = "capability"
	SecurityExecutionRole    SecurityKind = "execution-role"
	SecuritySecretExposed    SecurityKind = "secret-exposed"
)

// SecurityKinds lists every security kind.
func SecurityKinds() []SecurityKind {
	return []SecurityKind{
		SecurityIdentityPolicy, SecurityResourcePolicy, SecurityTrustPolicy, SecurityManagedPolicy, SecurityBoundary,
		SecurityMembership, SecurityNetworkIngress, SecurityNetworkEgress, SecurityPublicAccess, SecurityInvokePermission,
		SecurityEncryption, SecurityCapability, SecurityExecutionRole, SecuritySecretExposed,
	}
}

// UnpinnedKind names why the content of an input can change after the review was approved.
type UnpinnedKind string

// The unpinned kinds.
const (
	UnpinnedImageTag        UnpinnedKind = "image-tag"
	UnpinnedObject          UnpinnedKind = "s3-object"
	UnpinnedSSMParameter    UnpinnedKind = "ssm-parameter"
	UnpinnedSecretVersion   UnpinnedKind = "secret-version"
	UnpinnedNestedTemplate  UnpinnedKind = "nested-template"
	UnpinnedDefaultVersion  UnpinnedKind = "default-version"
	UnpinnedIncludedContent UnpinnedKind = "included-content"
)

// UnpinnedKinds lists every unpinned kind.
func UnpinnedKinds() []UnpinnedKind {
	return []UnpinnedKind{
		UnpinnedImageTag, UnpinnedObject, UnpinnedSSMParameter, UnpinnedSecretVersion, UnpinnedNestedTemplate,
		UnpinnedDefaultVersion, UnpinnedIncludedContent,
	}
}

// Supply says where the value of a hidden (NoEcho) parameter comes from.
type Supply string

// The supplies.
const (
	SupplyAnew    Supply = "anew"
	SupplyKept    Supply = "kept"
	SupplyUnknown Supply = "unknown"
)

// Supplies lists every supply.
func Supplies() []Supply { return []Supply{SupplyAnew, SupplyKept, SupplyUnknown} }

// Sentence says in words where the value comes from.
func (s Supply) Sentence() string {
	switch s {
	case SupplyAnew:
		return "hidden, supplied anew"
	case SupplyKept:
		return "hidden, kept"
	case SupplyUnknown:
		return "hidden"
	}
	return "hidden"
}
