package cfn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// drift sums up what CloudFormation found when it compared live resources with the last deployment.
func (b *builder) drift(r *plan.Review, d Description) {
	r.Drift.Status = string(d.Set.StackDriftStatus)
	r.Drift.Checked = d.Set.DeploymentMode == types.DeploymentModeRevertDrift
	for _, item := range r.Items {
		switch types.StackResourceDriftStatus(item.DriftStatus) {
		case types.StackResourceDriftStatusModified, types.StackResourceDriftStatusDeleted:
			r.Drift.Checked = true
			if item.Impact != plan.ImpactSync {
				r.Drift.Overwrites = append(r.Drift.Overwrites, item.Path)
			}
		case types.StackResourceDriftStatusUnsupported, types.StackResourceDriftStatusUnknown, types.StackResourceDriftStatusNotChecked:
			r.Drift.Unsupported = append(r.Drift.Unsupported, item.Path)
		case types.StackResourceDriftStatusInSync:
			r.Drift.Checked = true
		}
	}
	slices.Sort(r.Drift.Overwrites)
	slices.Sort(r.Drift.Unsupported)
}

// limits says what this analysis cannot know, of this change set.
func (b *builder) limits(r *plan.Review, d Description) {
	limits := []string{"A change set does not tell whether the update will succeed."}
	if !r.Drift.Checked {
		limits = append(limits, "Drift was not checked: changes that somebody made by hand may be overwritten.")
	}
	limits = append(limits, "Changes of outputs, exports and conditions are not part of a change set.")
	if b.in.Before == nil && b.in.ChangeSetType != string(types.ChangeSetTypeCreate) {
		limits = append(limits, "The stack as it is was not read: former values of parameters, tags and settings are not shown.")
	}
	limits = append(limits, valueLimits(r.Items, d.Saved)...)
	limits = append(limits, b.templateLimits()...)
	if r.Completeness.NestedChangeSets > 0 {
		limits = append(limits, "Nested change sets can list more than will change where a parameter comes from another nested stack's output.")
	}
	if b.anyReference() {
		limits = append(limits, "Secret references are compared as they are written: a secret whose value was rotated is not seen.")
	}
	r.Limits = append(append(limits, b.problems...), r.Limits...)
}

func valueLimits(items []plan.Item, saved bool) []string {
	var later, cut, silent, listed, opaque int
	for _, item := range items {
		if plan.OpaqueType(item.Type) {
			opaque++
		}
		known := false
		for _, p := range item.Properties {
			known = known || p.Before != nil || p.After != nil || p.Sensitive
			if p.KnownAfterApply {
				later++
			}
			if p.Truncated {
				cut++
			}
		}
		if len(item.Properties) > 0 {
			listed++
			if !known {
				silent++
			}
		}
	}
	var limits []string
	say := func(n int, one, many string) {
		switch {
		case n == 1:
			limits = append(limits, "1 "+one)
		case n > 1:
			limits = append(limits, fmt.Sprintf("%d %s", n, many))
		}
	}
	say(later, "value is known only after apply.", "values are known only after apply.")
	say(cut, "value is too long to be shown whole.", "values are too long to be shown whole.")
	again := "."
	if saved && silent == listed {
		// Where some have values they were asked for, and those without have none to give.
		again = "; save the answer again with --include-property-values."
	}
	say(silent, "change was reported without property values"+again, "changes were reported without property values"+again)
	say(opaque, "custom resource changes; what its provider does is not visible.", "custom resources change; what their providers do is not visible.")
	return limits
}

func (b *builder) templateLimits() []string {
	if macros := b.after.Macros(); len(macros) > 0 {
		return []string{"The template is rewritten by " + strings.Join(macros, ", ") + " when the change set is made; the code that does it is not reviewed."}
	}
	return nil
}

func (b *builder) anyReference() bool {
	found := len(b.after.References()) > 0
	for _, c := range b.changes {
		found = found || jsontree.HasText(c.after, "{{resolve:")
	}
	return found
}
