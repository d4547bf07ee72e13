package cfnsim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
)

// inspect lets the scripted hooks and early validation look at a change set that is being made. What they find is
// shown when it is ready.
func (r *request) inspect(s *stack, set *changeSet, whole script, c *comparison, validates bool) {
	var failed, denied []string
	for _, id := range sortedIDs(c.plans) {
		plan := c.plans[id]
		if plan.action == "" || plan.after == nil {
			continue
		}
		if validates {
			failed = set.validate(plan.after, failed)
		}
		denied = append(denied, r.hooksOnChangeSet(s, set, simulated(plan.after.Metadata).hooks("create", "update"), plan.after)...)
	}
	for _, id := range sortedIDs(c.plans) {
		set.planHooks(id, c.plans[id])
	}
	denied = append(denied, r.hooksOnChangeSet(s, set, whole.hooks("changeset"), nil)...)
	switch {
	case set.Failure != "":
		// A nested change set has failed already.
	case len(failed) > 0:
		set.Failure, set.Inspected = fmt.Sprintf("The following hook(s)/validation failed: [%s]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.",
			strings.Join(failed, ", ")), true
	case len(denied) > 0:
		set.Failure, set.Inspected = "Change set creation failed. "+hooksFailed(denied), true
	}
}

// validate adds the scripted findings of a resource, and to failed the names of the checks that fail the change set.
func (set *changeSet) validate(r *resource, failed []string) []string {
	for _, m := range simulated(r.Metadata).maps("Validation") {
		if slices.Contains(m.words("On"), "never") {
			continue
		}
		f := validationFinding{Name: orElse(m.text("Name"), "PROPERTY_VALIDATION"), LogicalID: r.LogicalID, Type: r.Type,
			Path: "/Resources/" + r.LogicalID + m.text("Path"), Reason: orElse(m.text("Reason"), "the simulated check does not agree"), Mode: m.mode()}
		set.Findings = append(set.Findings, f)
		if name := checkName(f.Name); f.Mode == types.HookFailureModeFail && !slices.Contains(failed, name) {
			failed = append(failed, name)
		}
	}
	return failed
}

// checkName is how the reason of a change set spells the check that DescribeEvents names by a constant.
func checkName(name string) string {
	switch {
	case strings.HasPrefix(name, "AWS::EarlyValidation::"):
		return name
	case name == "PROPERTY_VALIDATION":
		return "AWS::EarlyValidation::PropertyValidation"
	case name == "NAME_CONFLICT_VALIDATION":
		return "AWS::EarlyValidation::ResourceExistenceCheck"
	default:
		return "AWS::EarlyValidation::" + name
	}
}

// hooksOnChangeSet gives the verdicts of hooks that look at change sets, and returns the names of those that deny.
func (r *request) hooksOnChangeSet(s *stack, set *changeSet, hooks []scriptedHook, target *resource) (denied []string) {
	for _, h := range hooks {
		if !h.sees("changeset") {
			continue
		}
		result := &hookResult{Type: h.Type, Account: s.Account, Region: s.Region, Mode: h.Mode, InvokedAt: r.now,
			TargetType: types.ListHookResultsTargetTypeChangeSet, Target: set.ID, StackID: s.ID, Annotations: h.Annotations}
		subject := "changeset"
		if target != nil {
			subject, result.LogicalID, result.ResourceType = target.LogicalID+"/changeset", target.LogicalID, target.Type
		}
		h = s.strikeHook(h, subject)
		result.ID = rules.UUID(fmt.Sprint(set.ID, subject, h.Type, len(set.HookResults)))
		result.Status, result.Reason, result.Annotations = h.Status, h.verdict(), h.Annotations
		set.HookResults = append(set.HookResults, result)
		if h.denies() && !slices.Contains(denied, h.Type) {
			denied = append(denied, h.Type)
		}
	}
	return denied
}

// planHooks adds the hooks that will look at a resource when the change set is executed.
func (set *changeSet) planHooks(id string, plan *resourcePlan) {
	words := map[types.ChangeAction]string{types.ChangeActionAdd: "create", types.ChangeActionModify: "update", types.ChangeActionRemove: "delete"}
	shown := plan.after
	if shown == nil {
		shown = plan.before
	}
	for _, h := range simulated(shown.Metadata).hooks("create", "update") {
		if word := words[plan.action]; word == "" || !h.sees(word) {
			continue
		}
		set.Hooks = append(set.Hooks, types.ChangeSetHook{
			TypeName: aws.String(h.Type), TypeVersionId: aws.String(hookVersion), FailureMode: h.Mode, InvocationPoint: types.HookInvocationPointPreProvision,
			TargetDetails: &types.ChangeSetHookTargetDetails{TargetType: types.HookTargetTypeResource, ResourceTargetDetails: &types.ChangeSetHookResourceTargetDetails{
				LogicalResourceId: aws.String(id), ResourceType: aws.String(shown.Type), ResourceAction: plan.action}},
		})
	}
}
