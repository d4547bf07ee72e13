package cfn

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// item judges a change.
func (b *builder) item(c *change) plan.Item {
	item := plan.Item{
		Path: c.path, LogicalID: aws.ToString(c.raw.LogicalResourceId), PhysicalID: aws.ToString(c.raw.PhysicalResourceId),
		Type: c.resourceType(), Action: string(c.raw.Action), Replacement: string(c.raw.Replacement), PolicyAction: string(c.raw.PolicyAction),
		Module: moduleOf(c.raw), Properties: c.properties, Protections: c.protections, Scope: c.facts.Scope,
		DriftStatus: string(c.raw.ResourceDriftStatus), DriftIgnored: driftIgnored(c.raw), Unchanged: c.unchanged(),
	}
	slices.Sort(item.Scope)
	if c.missing {
		item.LogicalID = strings.TrimPrefix(c.path, c.scope.prefix)
		item.Type = nameOf(c.changeType, "unknown")
	}
	item.Stateful = b.tier(c)
	impacts := c.impacts()
	item.Impact, item.Also = impacts[0], impacts[1:]
	item.Level = plan.LevelInfo
	for _, impact := range impacts {
		item.Level = item.Level.Worst(impact.Level(item.Stateful))
	}
	if plan.HarmlessType(item.Type) && item.Impact != plan.ImpactUnknown {
		item.Level = plan.LevelInfo
	}
	if c.childLoaded {
		item.Children = &plan.Children{ChangeSetID: aws.ToString(c.raw.ChangeSetId)}
	}
	item.Sentence = c.sentence(item)
	if !slices.ContainsFunc(c.security, func(f plan.SecurityFinding) bool { return f.Direction == plan.DirectionWidened }) {
		item.Sentence = strings.Replace(item.Sentence, "permissions widened", "permissions may be widened", 1)
	}
	item.Notes = b.notes(c, item)
	return item
}

// tier says what is lost with the resource. A nested stack is judged by its children where they are known; where it goes
// away unseen, what is in it counts as data.
func (b *builder) tier(c *change) plan.Statefulness {
	if c.resourceType() != nestedStackType {
		return plan.StatefulTier(c.resourceType(), b.in.Stateful)
	}
	switch plan.Classify(string(c.raw.Action), string(c.raw.Replacement), string(c.raw.PolicyAction)) {
	case plan.ImpactAdd, plan.ImpactModify, plan.ImpactImport, plan.ImpactSync:
		return plan.StatefulNone
	}
	worst, found := plan.StatefulNone, false
	for _, other := range b.changes {
		if !strings.HasPrefix(other.path, c.path+"/") || other.resourceType() == nestedStackType {
			continue
		}
		found = true
		tier := plan.StatefulTier(other.resourceType(), b.in.Stateful)
		if slices.Index(plan.Statefulnesses(), tier) < slices.Index(plan.Statefulnesses(), worst) {
			worst = tier
		}
	}
	if !found {
		return plan.StatefulData
	}
	return worst
}

// impacts returns every impact that holds of a change, worst first.
func (c *change) impacts() []plan.Impact {
	impacts := []plan.Impact{c.baseImpact()}
	if len(c.protections) > 0 {
		impacts = append(impacts, plan.ImpactProtectionLoss)
	}
	if slices.ContainsFunc(c.security, func(f plan.SecurityFinding) bool { return f.Direction != plan.DirectionNarrowed }) {
		impacts = append(impacts, plan.ImpactSecurityBroadened)
	}
	slices.SortStableFunc(impacts, func(a, b plan.Impact) int { return a.Rank() - b.Rank() })
	return impacts
}

// baseImpact is the table of REVIEW.md 2.1 without protections and permissions.
func (c *change) baseImpact() plan.Impact {
	if c.missing || len(c.unknown) > 0 || c.opaqueStack {
		return plan.ImpactUnknown
	}
	impact := plan.Classify(string(c.raw.Action), string(c.raw.Replacement), string(c.raw.PolicyAction))
	if impact != plan.ImpactModify {
		return impact
	}
	if len(c.forcing()) > 0 {
		return plan.ImpactMayReplace // Replacement False, and a property that forces one: believe the worse
	}
	switch {
	case c.only(types.ResourceAttributeTags), c.only(types.ResourceAttributeTags, types.ResourceAttributeMetadata) && !c.only(types.ResourceAttributeMetadata):
		return plan.ImpactTagsOnly
	case c.only(types.ResourceAttributeMetadata) && !c.hiddenCause():
		return plan.ImpactMetadataOnly
	}
	return plan.ImpactModify
}

// forcing lists the properties whose change CloudFormation knows, and which force a replacement.
func (c *change) forcing() []string {
	var names []string
	for _, d := range c.details {
		if d.Recreation == string(types.RequiresRecreationAlways) && d.Evaluation == string(types.EvaluationTypeStatic) {
			names = append(names, d.place)
		}
	}
	return names
}

// only says whether nothing but the named attributes changes, by the scope, the details and the contexts.
func (c *change) only(attributes ...types.ResourceAttribute) bool {
	for _, s := range c.raw.Scope {
		if !slices.Contains(attributes, s) {
			return false
		}
	}
	for _, p := range c.properties {
		if !slices.Contains(attributes, types.ResourceAttribute(p.Attribute)) {
			return false
		}
	}
	return len(c.raw.Scope)+len(c.properties) > 0
}

// hiddenCause says whether a hidden parameter may be behind a change of metadata. CloudFormation reports the change of
// a NoEcho parameter's value as a change of metadata (REVIEW.md section 4, 4).
func (c *change) hiddenCause() bool {
	if len(c.scope.noEcho) == 0 {
		return false
	}
	return !slices.ContainsFunc(c.details, func(d detail) bool {
		return d.Source == string(types.ChangeSourceDirectModification)
	})
}

// unchanged counts the top-level properties that stay as they are.
func (c *change) unchanged() int {
	if c.raw.Action != types.ChangeActionModify {
		return 0
	}
	properties, _ := jsontree.Object(jsontree.Member(c.after, "Properties"))
	changed := 0
	for _, name := range c.changedNames() {
		if has(properties, name) {
			changed++
		}
	}
	return len(properties) - changed
}

// protectionsOf finds the guards against loss that a change takes away.
func protectionsOf(c *change) []plan.ProtectionLoss {
	if c.raw.Action != types.ChangeActionModify {
		return nil
	}
	losses := plan.Protections(c.resourceType(), c.before, c.after, c.changedNames())
	for _, attribute := range []types.ResourceAttribute{types.ResourceAttributeDeletionPolicy, types.ResourceAttributeUpdateReplacePolicy} {
		before, after, known := c.policy(string(attribute))
		if known && before == after || !known && !slices.Contains(c.raw.Scope, attribute) {
			continue
		}
		if loss, lost := plan.PolicyLoss(string(attribute), c.resourceType(), before, after, known); lost {
			losses = append(losses, loss)
		}
	}
	return losses
}

// policy reads a policy attribute from the contexts, or from the details where those have its values.
func (c *change) policy(attribute string) (before, after string, known bool) {
	for _, d := range c.details {
		if d.Attribute != attribute {
			continue
		}
		if d.hasOld || d.hasNew {
			return displayOr(d.before, d.hasOld), displayOr(d.after, d.hasNew), true
		}
	}
	old, _ := jsontree.Text(jsontree.Member(c.before, attribute))
	new, _ := jsontree.Text(jsontree.Member(c.after, attribute))
	if old == "" && new == "" && slices.Contains(c.raw.Scope, types.ResourceAttribute(attribute)) {
		return "", "", false // it changes, and the contexts do not tell how
	}
	return old, new, c.before != nil && c.after != nil
}

func displayOr(value any, has bool) string {
	if !has {
		return ""
	}
	return displayText(value)
}

// secretsExposed finds values that were a reference to a secret and become the text itself.
func secretsExposed(c *change) []plan.SecurityFinding {
	var findings []plan.SecurityFinding
	for _, p := range c.properties {
		old, hasOld := jsontree.Lookup(c.before, p.Path)
		new, hasNew := jsontree.Lookup(c.after, p.Path)
		if !hasOld || !hasNew {
			continue
		}
		for _, place := range exposedPlaces(p.Path, old, new) {
			findings = append(findings, plan.SecurityFinding{
				Kind: plan.SecuritySecretExposed, Direction: plan.DirectionWidened, Effect: "Secret",
				Before: "a reference to a secret", After: "a value written into the template",
				Summary: plan.PointerName(strings.TrimPrefix(place, "/Properties")) + " was a reference to a secret and becomes a value that the template and this change set hold",
			})
		}
	}
	return findings
}

func exposedPlaces(path string, old, new any) []string {
	var places []string
	jsontree.Walk(old, func(pointer string, value any) bool {
		text, ok := value.(string)
		if !ok || !strings.HasPrefix(text, "{{resolve:secretsmanager:") && !strings.HasPrefix(text, "{{resolve:ssm-secure:") {
			return true
		}
		now, there := jsontree.Lookup(new, pointer)
		shown, isText := jsontree.Text(now)
		if there && isText && !strings.Contains(shown, "{{resolve:") && shown != plan.KnownAfterApply {
			places = append(places, path+pointer)
		}
		return true
	})
	return places
}
