package cfnsim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
	"stackgate/internal/cfnsim/template"
)

// comparison holds a stack as deployed against a target and finds the changes. It is the one place that decides what
// a change set says.
type comparison struct {
	w      *world
	stack  *stack
	target deployment
	scope  *template.Scope
	plans  map[string]*resourcePlan
	// nested completes what is said of a nested stack.
	nested func(plan *resourcePlan)
	// warning is what CloudFormation says when it cannot show some value.
	warning string
}

// resourcePlan is what a change set says about one resource.
type resourcePlan struct {
	action      types.ChangeAction
	before      *resource
	after       *resource
	replacement types.Replacement
	details     []finding
	// changeSetID is that of the nested stack's own change set.
	changeSetID string
}

// finding is one cause of one changed property or attribute. An answer with property values and one without list
// partly different causes, so each says where it belongs.
type finding struct {
	detail     types.ResourceChangeDetail
	plainOnly  bool
	valuedOnly bool
}

// Reference and Attribute answer what the next deployment will see of a resource, as far as that is known now.
func (c *comparison) Reference(id string) (any, error) {
	if before := c.known(id); before != nil {
		return before.PhysicalID, nil
	}
	return template.Unknown, nil
}

func (c *comparison) Attribute(id, name string) (any, error) {
	source := c.scope.Template.Resources[id]
	if !c.hasAttribute(source, name) {
		return nil, &template.Error{Message: fmt.Sprintf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", id, name)}
	}
	if before := c.known(id); before != nil {
		if source.Type == stackType {
			// The next deployment of the child may bring an output that it does not have yet.
			if value, err := c.w.outputOf(before, name); err == nil {
				return value, nil
			}
			return template.Unknown, nil
		}
		// Also of a resource that is modified in place AWS shows the present value, and knows no better one.
		return c.w.attribute(c.stack, before, name)
	}
	return template.Unknown, nil
}

// hasAttribute says whether Fn::GetAtt accepts the name; which outputs a nested stack will have is known only to it.
func (c *comparison) hasAttribute(source template.Resource, name string) bool {
	if source.Type == stackType {
		return strings.HasPrefix(name, "Outputs.")
	}
	return c.w.catalog.Lookup(source.Type).HasAttribute(name, source.Properties)
}

// known returns the resource as deployed when it will still be the same physical resource afterwards.
func (c *comparison) known(id string) *resource {
	plan := c.plans[id]
	if plan == nil || plan.before == nil || plan.replacement == types.ReplacementTrue {
		return nil
	}
	return plan.before
}

func (c *comparison) run() error {
	c.scope.Resources = c
	for _, id := range c.scope.Ordered() {
		plan, err := c.compare(id)
		if err != nil {
			return err
		}
		c.plans[id] = plan
	}
	for id, before := range c.stack.Resources {
		if exists(before) && !c.scope.IsActive(id) {
			c.plans[id] = &resourcePlan{action: types.ChangeActionRemove, before: before}
		}
	}
	return nil
}

func (c *comparison) compare(id string) (*resourcePlan, error) {
	after, err := c.evaluate(id)
	if err != nil {
		return nil, err
	}
	before := c.stack.Resources[id]
	if !exists(before) {
		plan := &resourcePlan{action: types.ChangeActionAdd, after: after}
		if after.Type == stackType {
			c.nested(plan)
		}
		return plan, nil
	}
	if before.Type != after.Type {
		return nil, &template.Error{Message: fmt.Sprintf("Update of resource type is not permitted. The new template modifies resource type of the following resources: [%s]", id)}
	}
	plan := &resourcePlan{action: types.ChangeActionModify, before: before, after: after}
	t := c.w.catalog.Lookup(after.Type)
	plan.details = append(plan.details, c.propertyFindings(plan, t)...)
	plan.details = append(plan.details, attributeFindings(before, after)...)
	plan.details = append(plan.details, c.stackTagFindings(before, t)...)
	plan.replacement = replacement(plan.details)
	if len(plan.details) == 0 {
		plan.action = ""
	}
	if after.Type == stackType {
		c.nested(plan)
	}
	return plan, nil
}

// evaluate returns the resource of the target. A value that cannot be computed yet becomes unknown with a warning
// where AWS accepts the change set all the same, and refuses it otherwise.
func (c *comparison) evaluate(id string) (*resource, error) {
	after, err := evaluateResource(c.scope, id, c.target.Tags)
	if err == nil {
		return after, nil
	}
	reason, tolerated := c.tolerated(err, c.scope.Template.Resources[id].Properties)
	if !tolerated {
		return nil, err
	}
	if c.warning == "" {
		c.warning = fmt.Sprintf("%sChangeSet creation failed for resource [%s] because: %s", warnIncomplete, id, reason)
	}
	source := c.scope.Template.Resources[id]
	after = &resource{LogicalID: id, Type: source.Type, DependsOn: c.scope.Dependencies(id), StackTags: c.target.Tags, Properties: map[string]any{}}
	for name, expression := range source.Properties {
		value, err := c.scope.Evaluate(expression)
		if err != nil {
			value = template.Unknown
		}
		if value != nil {
			after.Properties[name] = value
		}
	}
	return after, nil
}

// tolerated tells the errors with which AWS still makes the change set: exports that do not exist yet, and functions
// of values that are known only after the execution.
func (c *comparison) tolerated(err error, properties map[string]any) (reason string, tolerated bool) {
	if missing, isMissing := err.(*template.MissingExportError); isMissing {
		return "No export named " + missing.Name, true
	}
	refused, isRefused := err.(*template.Error)
	if !isRefused {
		return "", false
	}
	for _, ref := range c.scope.References(properties) {
		if ref.Kind == template.ParameterReference {
			continue
		}
		source := c.scope.Template.Resources[ref.Name]
		if ref.Kind == template.AttributeReference && !c.hasAttribute(source, ref.Attribute) {
			return "", false
		}
		tolerated = tolerated || c.known(ref.Name) == nil
	}
	return refused.Message, tolerated
}

func (c *comparison) propertyFindings(plan *resourcePlan, t rules.Type) []finding {
	var found []finding
	names := sortedIDs(plan.before.Properties)
	for _, name := range sortedIDs(plan.after.Properties) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, had := plan.before.Properties[name]
		after, has := plan.after.Properties[name]
		changed := had != has || !template.EqualValues(before, after)
		if changed && t.Tags == name {
			found = append(found, tagFindings(before, after, "/Properties/"+name, types.ChangeSourceDirectModification)...)
			continue
		}
		target := types.ResourceTargetDefinition{
			Attribute: types.ResourceAttributeProperties, Name: aws.String(name), Path: aws.String("/Properties/" + name),
			RequiresRecreation: types.RequiresRecreation(t.Recreation(name)),
		}
		if changed {
			describeValues(&target, before, had, after, has)
		}
		expression := c.scope.Template.Resources[plan.after.LogicalID].Properties[name]
		found = append(found, c.causes(expression, target, changed)...)
	}
	return found
}

// causes says why a property changes or may change. The combinations are those of answers recorded on AWS:
// a changed parameter is a static cause beside a dynamic direct modification; a replaced resource is a static cause,
// and only the answer with values adds the dynamic direct modification; a resource that is modified in place may
// change its attributes, which only the answer without values lists.
func (c *comparison) causes(expression any, target types.ResourceTargetDefinition, changed bool) []finding {
	var parameters, resources, possible []finding
	for _, ref := range c.scope.References(expression) {
		detail := types.ResourceChangeDetail{Evaluation: types.EvaluationTypeStatic, Target: &target}
		switch ref.Kind {
		case template.ParameterReference:
			if c.parameterChanged(ref.Name) {
				detail.ChangeSource, detail.CausingEntity = types.ChangeSourceParameterReference, aws.String(ref.Name)
				parameters = append(parameters, finding{detail: detail})
			}
			continue
		case template.ResourceReference:
			detail.ChangeSource, detail.CausingEntity = types.ChangeSourceResourceReference, aws.String(ref.Name)
		case template.AttributeReference:
			detail.ChangeSource, detail.CausingEntity = types.ChangeSourceResourceAttribute, aws.String(ref.Name+"."+ref.Attribute)
		}
		switch certain, may := c.cause(ref); {
		case certain:
			resources = append(resources, finding{detail: detail})
		case may:
			detail.Evaluation = types.EvaluationTypeDynamic
			possible = append(possible, finding{detail: detail, plainOnly: true})
		}
	}
	if !changed {
		return possible
	}
	direct := types.ResourceChangeDetail{ChangeSource: types.ChangeSourceDirectModification, Evaluation: types.EvaluationTypeStatic, Target: &target}
	switch {
	case len(parameters) > 0:
		direct.Evaluation = types.EvaluationTypeDynamic
		return slices.Concat(parameters, []finding{{detail: direct}}, resources, possible)
	case len(resources) > 0:
		direct.Evaluation = types.EvaluationTypeDynamic
		return slices.Concat([]finding{{detail: direct, valuedOnly: true}}, resources, possible)
	default:
		return append([]finding{{detail: direct}}, possible...)
	}
}

// cause says whether a reference certainly or possibly yields something else after the execution.
func (c *comparison) cause(ref template.Reference) (certain, may bool) {
	plan := c.plans[ref.Name]
	if plan == nil {
		return false, false
	}
	switch {
	case plan.action == types.ChangeActionAdd, plan.replacement == types.ReplacementTrue:
		return true, false
	case plan.replacement == types.ReplacementConditional:
		return false, true
	case plan.action == types.ChangeActionModify:
		return false, ref.Kind == template.AttributeReference
	default:
		return false, false
	}
}

// parameterChanged compares what was given, not what an SSM name resolves to: recorded answers show a changed
// Parameter Store value as a direct modification.
func (c *comparison) parameterChanged(name string) bool {
	before, had := c.stack.Deployed.Parameters[name]
	return !had || before.Text != c.target.Parameters[name].Text
}

// replacement is the worst that the details say. A dynamic cause alone makes no replacement certain.
func replacement(details []finding) types.Replacement {
	result := types.ReplacementFalse
	for _, f := range details {
		if f.detail.Target.RequiresRecreation == types.RequiresRecreationNever {
			continue
		}
		if f.detail.Target.RequiresRecreation == types.RequiresRecreationAlways && f.detail.Evaluation == types.EvaluationTypeStatic {
			return types.ReplacementTrue
		}
		result = types.ReplacementConditional
	}
	return result
}

// empty says whether the target is what is deployed already. Outputs, tags and notification topics count as changes
// although no resource shows them.
func (c *comparison) empty() bool {
	for _, plan := range c.plans {
		if plan.action != "" {
			return false
		}
	}
	if !sameTags(c.stack.Deployed.Tags, c.target.Tags) || !slices.Equal(c.stack.Deployed.NotificationARNs, c.target.NotificationARNs) {
		return false
	}
	if c.stack.Status == types.StackStatusCreateFailed || c.stack.Status == types.StackStatusUpdateFailed {
		return false
	}
	outputs, err := scopeOutputs(c.scope)
	return err == nil && reflect.DeepEqual(outputsByKey(outputs), outputsByKey(c.stack.Outputs))
}

func outputsByKey(outputs []types.Output) map[string][3]string {
	m := map[string][3]string{}
	for _, o := range outputs {
		m[aws.ToString(o.OutputKey)] = [3]string{aws.ToString(o.OutputValue), aws.ToString(o.Description), aws.ToString(o.ExportName)}
	}
	return m
}

func sameTags(a, b []types.Tag) bool {
	return reflect.DeepEqual(tagMap(a), tagMap(b))
}

func tagMap(tags []types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}
