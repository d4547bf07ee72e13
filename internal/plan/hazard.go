package plan

import "slices"

// Hazard names a kind of danger that a pipeline refuses without asking anybody.
type Hazard string

// The hazards.
const (
	// HazardReplace: a resource is replaced, or may be.
	HazardReplace Hazard = "replace"
	// HazardStatefulLoss: data, an identity or what is under way is lost with a resource, or may be.
	HazardStatefulLoss Hazard = "stateful-loss"
	// HazardProtectionLoss: what guards a resource against loss is taken away.
	HazardProtectionLoss Hazard = "protection-loss"
	// HazardIAMBroadened: somebody may do more than before, or that cannot be told.
	HazardIAMBroadened Hazard = "iam-broadened"
	// HazardExposed: somebody can reach more than before, or that cannot be told.
	HazardExposed Hazard = "exposed"
	// HazardCritical: anything critical.
	HazardCritical Hazard = "critical"
)

// Hazards lists every hazard.
func Hazards() []Hazard {
	return []Hazard{HazardReplace, HazardStatefulLoss, HazardProtectionLoss, HazardIAMBroadened, HazardExposed, HazardCritical}
}

// Hazardous returns the paths of the changes that bring a hazard about, in the order of the review; "(stack)" stands for
// the stack itself, and "(not shown)" for what an incomplete review may hide. What is unknown counts as every hazard.
func (r Review) Hazardous(h Hazard) []string {
	var paths []string
	add := func(path string) {
		if path == "" {
			path = "(stack)"
		}
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	for _, item := range r.Items {
		if item.hazardous(h) {
			add(item.Path)
		}
	}
	for _, f := range r.Security {
		if f.Direction != DirectionNarrowed && f.Kind.hazard() == h {
			add(f.Path)
		}
	}
	if r.Completeness.Partial || r.Completeness.Reported != r.Completeness.Shown || r.Completeness.Shown != len(r.Items) {
		add("(not shown)")
	}
	if h == HazardCritical && r.Level.Rank() == LevelCritical.Rank() && len(paths) == 0 {
		add("")
	}
	return paths
}

func (i Item) hazardous(h Hazard) bool {
	if h == HazardCritical {
		return i.Level.Rank() == LevelCritical.Rank()
	}
	for _, impact := range append([]Impact{i.Impact}, i.Also...) {
		if impact.hazardous(h, i.Stateful) {
			return true
		}
	}
	return false
}

func (i Impact) hazardous(h Hazard, s Statefulness) bool {
	switch i.row().impact {
	case ImpactUnknown:
		return true
	case ImpactDestroy:
		return h == HazardStatefulLoss && s.Stateful()
	case ImpactReplaceDelete, ImpactMayReplace:
		return h == HazardReplace || h == HazardStatefulLoss && s.Stateful()
	case ImpactReplaceSnapshot, ImpactReplaceRetain:
		return h == HazardReplace
	case ImpactProtectionLoss:
		return h == HazardProtectionLoss
	case ImpactSecurityBroadened, ImpactDestroySnapshot, ImpactOrphan, ImpactModify, ImpactImport, ImpactAdd, ImpactSync, ImpactTagsOnly, ImpactMetadataOnly:
		// What is widened is told by the security findings, which say what of.
		return false
	}
	return true
}

// hazard is the one that a finding of the kind brings about. A kind that this version does not know counts as
// permissions.
func (k SecurityKind) hazard() Hazard {
	switch k {
	case SecurityNetworkIngress, SecurityNetworkEgress, SecurityPublicAccess, SecurityEncryption, SecuritySecretExposed:
		return HazardExposed
	case SecurityIdentityPolicy, SecurityResourcePolicy, SecurityTrustPolicy, SecurityManagedPolicy, SecurityBoundary, SecurityMembership,
		SecurityInvokePermission, SecurityCapability, SecurityExecutionRole:
		return HazardIAMBroadened
	}
	return HazardIAMBroadened
}
