package cfnsim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
	"stackgate/internal/cfnsim/template"
)

const reasonOnlyRoot = "Only executable from the root change set."

// family collects the change sets and stacks that come into the world together with a root change set: nothing of
// them is left when the root is refused.
type family struct {
	sets   []*changeSet
	shells []*stack
}

// planNested finds what a change set says of a nested stack. With the nested change sets included it makes that of the
// child; without, it can only say that any existing child may change.
func (r *request) planNested(s *stack, set *changeSet, plan *resourcePlan, validates bool) {
	address, _ := plan.after.Properties["TemplateURL"].(string)
	var trouble error
	if address != "" && !strings.Contains(address, template.Unknown) {
		trouble = r.fetchObject(address)
	}
	if !set.IncludeNested {
		if plan.action == "" {
			plan.modifyAutomatically()
		}
		return
	}
	child, kind := r.w.child(plan.before), types.ChangeSetTypeUpdate
	if child == nil {
		child, kind = r.w.newChild(s, plan.after.LogicalID, r.now), types.ChangeSetTypeCreate
		r.family.shells = append(r.family.shells, child)
	}
	nested := r.newNestedSet(child, set, plan.after.LogicalID, kind)
	made := len(r.family.sets)
	r.family.sets = append(r.family.sets, nested)
	r.planChild(s, set, child, nested, plan, trouble, validates)
	if nested.Failure == reasonNoChanges && plan.action == "" {
		r.family.sets = slices.Delete(r.family.sets, made, len(r.family.sets))
		return
	}
	if plan.action == "" {
		plan.modifyAutomatically()
	}
	plan.changeSetID = nested.ID
	if set.Nested == nil {
		set.Nested = map[string]string{}
	}
	set.Nested[plan.after.LogicalID] = nested.ID
	if nested.Failure != "" && nested.Failure != reasonNoChanges && set.Failure == "" {
		set.Failure, set.Inspected = fmt.Sprintf("Nested change set %s was not successfully created: Currently in FAILED.", nested.ID), true
	}
}

// modifyAutomatically makes an unchanged resource of a nested stack one that may change all the same.
func (plan *resourcePlan) modifyAutomatically() {
	plan.action, plan.replacement = types.ChangeActionModify, types.ReplacementFalse
	plan.details = []finding{{detail: types.ResourceChangeDetail{
		ChangeSource: types.ChangeSourceAutomatic, Evaluation: types.EvaluationTypeDynamic,
		Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, RequiresRecreation: types.RequiresRecreationNever},
	}}}
}

func (r *request) newNestedSet(child *stack, parent *changeSet, logicalID string, kind types.ChangeSetType) *changeSet {
	id := r.w.nextID()
	set := &changeSet{
		Name: childName(parent.Name, logicalID, id), StackID: child.ID, Type: kind, Created: r.now, Status: types.ChangeSetStatusCreatePending,
		ExecutionStatus: types.ExecutionStatusUnavailable, IncludeNested: true, Named: true, ParentID: parent.ID, RootID: orElse(parent.RootID, parent.ID),
	}
	set.ID = changeSetARN(child.Account, child.Region, set.Name, id)
	set.Operation = operationRecord{ID: rules.UUID(r.w.Seed + set.ID), Type: types.OperationTypeCreateChangeset, Started: r.now}
	due := r.now.Add(r.w.spread(700*time.Millisecond, set.ID+"pending"))
	set.Due = &due
	return set
}

// planChild computes what the nested change set will answer. Whatever would refuse a change set of its own fails it.
func (r *request) planChild(s *stack, parent *changeSet, child *stack, set *changeSet, plan *resourcePlan, trouble error, validates bool) {
	if trouble == nil {
		var parsed *template.Template
		if set.Target, parsed, trouble = r.w.childTarget(s, parent.Target, plan.after, nil); trouble == nil {
			trouble = r.plan(child, set, parsed, validates)
		}
	}
	if trouble != nil {
		set.Failure = trouble.Error()
		if api, isAPI := asAPIError(trouble).(interface{ ErrorMessage() string }); isAPI {
			set.Failure = api.ErrorMessage()
		}
	}
}

// enter puts the family of a change set that is accepted into the world.
func (r *request) enter(root *changeSet) {
	for _, shell := range r.family.shells {
		if slices.ContainsFunc(r.family.sets, func(set *changeSet) bool { return set.StackID == shell.ID }) {
			r.w.Stacks = append(r.w.Stacks, shell)
			r.w.setStatus(shell, r.now, types.StackStatusReviewInProgress, "User Initiated")
		}
	}
	r.w.ChangeSets = append(r.w.ChangeSets, root)
	r.w.ChangeSets = append(r.w.ChangeSets, r.family.sets...)
}

// remove takes change sets out of the world, with those nested in them and the stacks that were made for them alone.
func (w *world) remove(at time.Time, sets ...*changeSet) {
	for _, set := range sets {
		w.ChangeSets = slices.DeleteFunc(w.ChangeSets, func(c *changeSet) bool { return c == set })
		for _, id := range sortedIDs(set.Nested) {
			if nested := w.changeSetByID(set.Nested[id]); nested != nil && !nested.executed() {
				w.remove(at, nested)
			}
		}
		if set.ParentID == "" {
			continue
		}
		if shell := w.stackByID(set.StackID); shell != nil && shell.nested() && shell.Status == types.StackStatusReviewInProgress && len(w.stackChangeSets(shell)) == 0 {
			shell.Deleted = &at
			w.setStatus(shell, at, types.StackStatusDeleteComplete, "")
		}
	}
}

func (c *changeSet) executed() bool {
	switch c.ExecutionStatus {
	case types.ExecutionStatusExecuteInProgress, types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
		return true
	default:
		return false
	}
}

// descendants counts the change sets nested in this one, at any depth.
func (w *world) descendants(set *changeSet) int {
	count := 0
	for _, id := range set.Nested {
		if nested := w.changeSetByID(id); nested != nil {
			count += 1 + w.descendants(nested)
		}
	}
	return count
}

// beginRemoval deletes a change set with nested ones as AWS does: not at once.
func (w *world) beginRemoval(set *changeSet, at time.Time) {
	set.Status, set.ExecutionStatus = types.ChangeSetStatusDeletePending, types.ExecutionStatusUnavailable
	due := at.Add(w.spread(500*time.Millisecond, set.ID+"delete"))
	set.Due = &due
	for _, id := range set.Nested {
		if nested := w.changeSetByID(id); nested != nil {
			nested.Status, nested.Due = types.ChangeSetStatusDeletePending, nil
		}
	}
}

// outputOf is Fn::GetAtt of a nested stack.
func (w *world) outputOf(r *resource, name string) (any, error) {
	key, isOutput := strings.CutPrefix(name, "Outputs.")
	if child := w.child(r); child != nil && isOutput {
		for _, output := range child.Outputs {
			if aws.ToString(output.OutputKey) == key {
				return aws.ToString(output.OutputValue), nil
			}
		}
	}
	return nil, &template.Error{Message: fmt.Sprintf("Output '%s' not found in stack '%s'", key, r.PhysicalID)}
}
