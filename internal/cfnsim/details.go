package cfnsim

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
	"stackgate/internal/cfnsim/template"
)

// changes renders the plans as DescribeChangeSet lists them, ordered by logical id.
func (c *comparison) changes(valued bool) []types.Change {
	var list []types.Change
	for _, id := range sortedIDs(c.plans) {
		if change := c.change(id, c.plans[id], valued); change != nil {
			list = append(list, types.Change{Type: types.ChangeTypeResource, ResourceChange: change})
		}
	}
	return list
}

// change renders one resource, nil when this form of the answer does not list it.
func (c *comparison) change(id string, plan *resourcePlan, valued bool) *types.ResourceChange {
	change := &types.ResourceChange{Action: plan.action, LogicalResourceId: aws.String(id), Details: []types.ResourceChangeDetail{}, Scope: []types.ResourceAttribute{}}
	switch plan.action {
	case types.ChangeActionAdd:
		change.ResourceType = aws.String(plan.after.Type)
	case types.ChangeActionRemove:
		change.ResourceType, change.PhysicalResourceId = aws.String(plan.before.Type), aws.String(plan.before.PhysicalID)
		change.PolicyAction = c.removalAction(plan.before)
	case types.ChangeActionModify:
		change.ResourceType, change.PhysicalResourceId = aws.String(plan.before.Type), aws.String(plan.before.PhysicalID)
		change.Replacement = plan.replacement
		change.Details = renderDetails(plan.details, valued)
		if len(change.Details) == 0 {
			return nil
		}
		change.Scope = scopeOf(change.Details)
		if plan.replacement != types.ReplacementFalse {
			change.PolicyAction = replacementAction(plan.after)
		}
	default:
		return nil
	}
	change.ChangeSetId = optional(plan.changeSetID)
	if valued {
		c.addContexts(change, plan)
	}
	return change
}

func renderDetails(found []finding, valued bool) []types.ResourceChangeDetail {
	details := []types.ResourceChangeDetail{}
	for _, f := range found {
		if (valued && f.plainOnly) || (!valued && f.valuedOnly) {
			continue
		}
		detail, target := f.detail, *f.detail.Target
		if !valued {
			target = types.ResourceTargetDefinition{Attribute: target.Attribute, Name: target.Name, RequiresRecreation: target.RequiresRecreation}
		}
		detail.Target = &target
		if !valued && slices.ContainsFunc(details, func(d types.ResourceChangeDetail) bool { return reflect.DeepEqual(d, detail) }) {
			continue
		}
		details = append(details, detail)
	}
	return details
}

func scopeOf(details []types.ResourceChangeDetail) []types.ResourceAttribute {
	var scope []types.ResourceAttribute
	for _, d := range details {
		if !slices.Contains(scope, d.Target.Attribute) {
			scope = append(scope, d.Target.Attribute)
		}
	}
	slices.Sort(scope)
	return scope
}

// removalAction is what happens to the physical resource that the stack lets go of.
func (c *comparison) removalAction(r *resource) types.PolicyAction {
	policy, _ := r.DeletionPolicy.(string)
	if policy == "" {
		policy = c.w.catalog.Lookup(r.Type).DeletionPolicy(r.Properties)
	}
	switch policy {
	case "Retain", "RetainExceptOnCreate":
		return types.PolicyActionRetain
	case "Snapshot":
		return types.PolicyActionSnapshot
	default:
		return types.PolicyActionDelete
	}
}

func replacementAction(after *resource) types.PolicyAction {
	switch after.UpdateReplacePolicy {
	case "Retain":
		return types.PolicyActionReplaceAndRetain
	case "Snapshot":
		return types.PolicyActionReplaceAndSnapshot
	default:
		return types.PolicyActionReplaceAndDelete
	}
}

// addContexts adds the JSON strings with the resource's whole state before and after.
func (c *comparison) addContexts(change *types.ResourceChange, plan *resourcePlan) {
	if plan.before != nil {
		before := contextOf(plan.before)
		if plan.action == types.ChangeActionRemove {
			before["Properties"] = c.removedProperties(plan.before)
		}
		change.BeforeContext = aws.String(maskedJSON(before))
	}
	if plan.after != nil {
		change.AfterContext = aws.String(maskedJSON(contextOf(plan.after)))
	}
}

func contextOf(r *resource) map[string]any {
	m := map[string]any{"Properties": r.Properties}
	if r.Properties == nil {
		m["Properties"] = map[string]any{}
	}
	for name, value := range attributesOf(r) {
		if value != nil {
			m[string(name)] = value
		}
	}
	return m
}

// removedProperties hides what a removed resource got from other resources: AWS does not resolve references of a
// resource that the new template no longer has, and shows them as unknown.
func (c *comparison) removedProperties(r *resource) map[string]any {
	scope, err := c.w.boundScope(c.stack)
	if err != nil || scope.Template.Resources[r.LogicalID].Type == "" {
		return r.Properties
	}
	shown := make(map[string]any, len(r.Properties))
	for name, value := range r.Properties {
		shown[name] = value
		for _, ref := range scope.References(scope.Template.Resources[r.LogicalID].Properties[name]) {
			if ref.Kind != template.ParameterReference {
				shown[name] = template.Unknown
			}
		}
	}
	return shown
}

// attributesOf are the parts of a resource beside its properties.
func attributesOf(r *resource) map[types.ResourceAttribute]any {
	return map[types.ResourceAttribute]any{
		types.ResourceAttributeMetadata: r.Metadata, types.ResourceAttributeCreationPolicy: r.CreationPolicy,
		types.ResourceAttributeUpdatePolicy: r.UpdatePolicy, types.ResourceAttributeDeletionPolicy: r.DeletionPolicy,
		types.ResourceAttributeUpdateReplacePolicy: r.UpdateReplacePolicy,
	}
}

// attributeFindings lists changed metadata and policies. They carry no name, and never replace anything.
func attributeFindings(before, after *resource) []finding {
	var found []finding
	old, new := attributesOf(before), attributesOf(after)
	for _, attribute := range slices.Sorted(maps.Keys(new)) {
		b, a := old[attribute], new[attribute]
		if reflect.DeepEqual(b, a) && !template.ContainsUnknown(a) {
			continue
		}
		target := types.ResourceTargetDefinition{Attribute: attribute, RequiresRecreation: types.RequiresRecreationNever, Path: aws.String("/" + string(attribute))}
		describeValues(&target, b, b != nil, a, a != nil)
		found = append(found, finding{detail: types.ResourceChangeDetail{
			ChangeSource: types.ChangeSourceDirectModification, Evaluation: types.EvaluationTypeStatic, Target: &target,
		}})
	}
	return found
}

// describeValues fills in what a target was and will be; objects and lists appear as JSON text.
func describeValues(target *types.ResourceTargetDefinition, before any, had bool, after any, has bool) {
	switch {
	case !had:
		target.AttributeChangeType = types.AttributeChangeTypeAdd
	case !has:
		target.AttributeChangeType = types.AttributeChangeTypeRemove
	default:
		target.AttributeChangeType = types.AttributeChangeTypeModify
	}
	if had {
		target.BeforeValue = aws.String(valueText(before))
	}
	if has {
		target.AfterValue = aws.String(valueText(after))
	}
}

func valueText(v any) string {
	if text, ok := v.(string); ok {
		return template.MaskSecrets(text)
	}
	return maskedJSON(v)
}

// tagFindings lists the changed tags, one finding per changed Key or Value. Tags are compared by position, as
// recorded answers show: a tag that takes the place of another one is a changed key and a changed value.
func tagFindings(before, after any, path string, source types.ChangeSource) []finding {
	old, _ := before.([]any)
	new, _ := after.([]any)
	var found []finding
	add := func(path string, b any, had bool, a any, has bool) {
		target := types.ResourceTargetDefinition{Attribute: types.ResourceAttributeTags, RequiresRecreation: types.RequiresRecreationNever, Path: aws.String(path)}
		describeValues(&target, b, had, a, has)
		found = append(found, finding{detail: types.ResourceChangeDetail{ChangeSource: source, Evaluation: types.EvaluationTypeStatic, Target: &target}})
	}
	for i := range max(len(old), len(new)) {
		place := fmt.Sprintf("%s/%d", path, i)
		switch {
		case i >= len(old):
			add(place, nil, false, new[i], true)
		case i >= len(new):
			add(place, old[i], true, nil, false)
		default:
			b, bothMaps := old[i].(map[string]any)
			a, ok := new[i].(map[string]any)
			if !ok || !bothMaps {
				if !template.EqualValues(old[i], new[i]) {
					add(place, old[i], true, new[i], true)
				}
				continue
			}
			for _, key := range sortedIDs(a) {
				if value, had := b[key]; !had || !template.EqualValues(value, a[key]) {
					add(place+"/"+key, value, had, a[key], true)
				}
			}
		}
	}
	if len(found) == 0 {
		add(path, before, before != nil, after, after != nil)
	}
	return found
}

// stackTagFindings lists what changed tags of the stack do to a resource that carries them.
func (c *comparison) stackTagFindings(before *resource, t rules.Type) []finding {
	if (t.Tags == "" && !t.TagsMap) || sameTags(before.StackTags, c.target.Tags) {
		return nil
	}
	found := tagFindings(tagList(before.StackTags), tagList(c.target.Tags), "/Tags", "")
	// Without values AWS names the source like any other; with values it leaves it out.
	plain := found[0]
	plain.detail.ChangeSource, plain.plainOnly = types.ChangeSourceDirectModification, true
	for i := range found {
		found[i].valuedOnly = true
	}
	return append([]finding{plain}, found...)
}

func tagList(tags []types.Tag) []any {
	list := make([]any, 0, len(tags))
	for _, tag := range tags {
		list = append(list, map[string]any{"Key": aws.ToString(tag.Key), "Value": aws.ToString(tag.Value)})
	}
	return list
}
