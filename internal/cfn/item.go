package cfn

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
)

func (b *builder) item(prefix string, c types.ResourceChange) plan.Item {
	item := plan.Item{
		Path: prefix + aws.ToString(c.LogicalResourceId), LogicalID: aws.ToString(c.LogicalResourceId),
		PhysicalID: aws.ToString(c.PhysicalResourceId), Type: aws.ToString(c.ResourceType), Action: string(c.Action),
		Replacement: string(c.Replacement), PolicyAction: string(c.PolicyAction), DriftStatus: string(c.ResourceDriftStatus),
	}
	for _, scope := range c.Scope {
		item.Scope = append(item.Scope, string(scope))
	}
	slices.Sort(item.Scope)
	item.Stateful = StatefulnessOf(item.Type, b.in.Stateful)
	item.Impact = ImpactOf(c)
	item.Protections = protectionsLost(c)
	if len(item.Protections) > 0 && item.Impact.Rank() > plan.ImpactProtectionLoss.Rank() {
		item.Also, item.Impact = append(item.Also, item.Impact), plan.ImpactProtectionLoss
	}
	item.Level = item.Impact.Level(item.Stateful)
	item.Sentence = sentence(item)
	item.Properties = b.properties(c)
	item.Unchanged = unchanged(c, item.Properties)
	return item
}

// ImpactOf is the table of REVIEW.md 2.1 for one change, protections and permissions apart. A word that this version
// does not know, in any of the three fields, makes the impact unknown, which ranks as destructive.
func ImpactOf(c types.ResourceChange) plan.Impact {
	if c.Replacement != "" && !slices.Contains(c.Replacement.Values(), c.Replacement) ||
		c.PolicyAction != "" && !slices.Contains(c.PolicyAction.Values(), c.PolicyAction) {
		return plan.ImpactUnknown
	}
	switch c.Action {
	case types.ChangeActionAdd:
		// Add with Replacement True occurs in recorded answers; it replaces nothing.
		return plan.ImpactAdd
	case types.ChangeActionImport:
		return plan.ImpactImport
	case types.ChangeActionSyncWithActual:
		return plan.ImpactSync
	case types.ChangeActionRemove:
		return removal(c.PolicyAction)
	case types.ChangeActionModify:
		return modification(c)
	case types.ChangeActionDynamic:
		return plan.ImpactUnknown
	}
	return plan.ImpactUnknown
}

func removal(policy types.PolicyAction) plan.Impact {
	switch policy {
	case types.PolicyActionRetain:
		return plan.ImpactOrphan
	case types.PolicyActionSnapshot:
		return plan.ImpactDestroySnapshot
	case types.PolicyActionDelete, "":
		// Older answers have no policy action; what is not said to be kept is taken for deleted.
		return plan.ImpactDestroy
	case types.PolicyActionReplaceAndDelete, types.PolicyActionReplaceAndRetain, types.PolicyActionReplaceAndSnapshot:
		return plan.ImpactUnknown
	}
	return plan.ImpactUnknown
}

func modification(c types.ResourceChange) plan.Impact {
	switch c.Replacement {
	case types.ReplacementConditional:
		return plan.ImpactMayReplace
	case types.ReplacementTrue:
		switch c.PolicyAction {
		case types.PolicyActionReplaceAndRetain, types.PolicyActionRetain:
			return plan.ImpactReplaceRetain
		case types.PolicyActionReplaceAndSnapshot, types.PolicyActionSnapshot:
			return plan.ImpactReplaceSnapshot
		case types.PolicyActionReplaceAndDelete, types.PolicyActionDelete, "":
			return plan.ImpactReplaceDelete
		}
		return plan.ImpactUnknown
	case types.ReplacementFalse, "":
	default:
		return plan.ImpactUnknown
	}
	if only(c.Scope, types.ResourceAttributeTags) {
		return plan.ImpactTagsOnly
	}
	if only(c.Scope, types.ResourceAttributeMetadata) {
		return plan.ImpactMetadataOnly
	}
	return plan.ImpactModify
}

func only(scope []types.ResourceAttribute, attribute types.ResourceAttribute) bool {
	for _, s := range scope {
		if s != attribute {
			return false
		}
	}
	return len(scope) > 0
}

// protectionsLost finds deletion policies that are weakened: such a change deletes nothing now, and CloudFormation
// reports it as a harmless modification.
func protectionsLost(c types.ResourceChange) []plan.ProtectionLoss {
	if c.Action != types.ChangeActionModify {
		return nil
	}
	before, after := decodeContext(c.BeforeContext), decodeContext(c.AfterContext)
	if before == nil || after == nil {
		return nil
	}
	var lost []plan.ProtectionLoss
	for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
		was, is := text(before[policy]), text(after[policy])
		if keeps(was) && !keeps(is) {
			if is == "" {
				is = "none"
			}
			lost = append(lost, plan.ProtectionLoss{Path: "/" + policy, Summary: policy + " " + was + " → " + is})
		}
	}
	was, _ := before["Properties"].(map[string]any)
	is, _ := after["Properties"].(map[string]any)
	for _, name := range []string{"DeletionProtectionEnabled", "DeletionProtection", "EnableTerminationProtection"} {
		if truthy(was[name]) && !truthy(is[name]) {
			lost = append(lost, plan.ProtectionLoss{Path: "/Properties/" + name, Summary: name + " is switched off"})
		}
	}
	return lost
}

func keeps(policy string) bool {
	return policy == "Retain" || policy == "Snapshot" || policy == "RetainExceptOnCreate"
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func truthy(value any) bool { return fmt.Sprint(value) == "true" }

func sentence(item plan.Item) string {
	s := item.Impact.Sentence()
	if item.Stateful == plan.StatefulData {
		switch item.Impact {
		case plan.ImpactReplaceDelete:
			return "replaced, OLD ONE DELETED WITH ITS DATA"
		case plan.ImpactDestroy:
			return "will be DELETED WITH ITS DATA"
		}
	}
	if item.Impact == plan.ImpactProtectionLoss {
		var summaries []string
		for _, p := range item.Protections {
			summaries = append(summaries, p.Summary)
		}
		return s + ": " + strings.Join(summaries, ", ") + " (nothing is deleted by this deployment)"
	}
	return s
}

// properties makes one line of each changed property, with every cause: CloudFormation lists a property twice when it
// changes both for a reason it knows and for one it will know (recorded answers).
func (b *builder) properties(c types.ResourceChange) []plan.Property {
	var list []plan.Property
	for _, detail := range c.Details {
		property := b.property(aws.ToString(c.ResourceType), detail)
		i := slices.IndexFunc(list, func(p plan.Property) bool { return p.Path == property.Path })
		if i < 0 {
			list = append(list, property)
			continue
		}
		list[i] = merged(list[i], property)
	}
	slices.SortFunc(list, func(a, b plan.Property) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func merged(a, b plan.Property) plan.Property {
	for _, cause := range b.Causes {
		if !slices.Contains(a.Causes, cause) {
			a.Causes = append(a.Causes, cause)
		}
	}
	slices.SortFunc(a.Causes, func(x, y plan.Cause) int {
		return strings.Compare(x.Source+x.Entity+x.Evaluation, y.Source+y.Entity+y.Evaluation)
	})
	if a.Before == nil {
		a.Before = b.Before
	}
	if a.After == nil {
		a.After = b.After
	}
	a.Sensitive = a.Sensitive || b.Sensitive
	a.KnownAfterApply = a.KnownAfterApply || b.KnownAfterApply
	a.Recreation = a.Recreation.Worst(b.Recreation)
	if a.Sensitive {
		a.Before, a.After = nil, nil
	}
	return a
}

func (b *builder) property(resourceType string, detail types.ResourceChangeDetail) plan.Property {
	p := plan.Property{Change: plan.ChangeUnknown, Encoding: plan.EncodingString, Recreation: plan.RecreationUnknown}
	cause := plan.Cause{Source: string(detail.ChangeSource), Entity: aws.ToString(detail.CausingEntity), Evaluation: strings.ToLower(string(detail.Evaluation))}
	p.Causes = []plan.Cause{cause}
	target := detail.Target
	if target == nil {
		p.Path = "/"
		return p
	}
	p.Attribute = string(target.Attribute)
	p.Path = pathOf(target)
	p.Recreation = recreation(target.RequiresRecreation)
	p.Change = changeOf(target)
	p.KnownAfterApply = strings.Contains(aws.ToString(target.AfterValue), plan.KnownAfterApply)
	p.Sensitive = detail.ChangeSource == types.ChangeSourceParameterReference && b.noEcho[cause.Entity]
	p.Before, p.Encoding = b.value(resourceType, p.Path, target.BeforeValue, &p.Sensitive)
	after, encoding := b.value(resourceType, p.Path, target.AfterValue, &p.Sensitive)
	p.After = after
	if after != nil {
		p.Encoding = encoding
	}
	if p.Sensitive {
		p.Before, p.After = nil, nil
	}
	return p
}

// pathOf prefers CloudFormation's own path; answers without values have a name only, and tags and policies not even that.
func pathOf(t *types.ResourceTargetDefinition) string {
	if path := aws.ToString(t.Path); path != "" {
		return path
	}
	if t.Attribute == types.ResourceAttributeProperties {
		return "/Properties/" + aws.ToString(t.Name)
	}
	path := "/" + string(t.Attribute)
	if name := aws.ToString(t.Name); name != "" {
		path += "/" + name
	}
	return path
}

func recreation(r types.RequiresRecreation) plan.Recreation {
	switch r {
	case types.RequiresRecreationAlways:
		return plan.RecreationAlways
	case types.RequiresRecreationConditionally:
		return plan.RecreationConditionally
	case types.RequiresRecreationNever:
		return plan.RecreationNever
	}
	return plan.RecreationUnknown
}

func changeOf(t *types.ResourceTargetDefinition) plan.Change {
	switch t.AttributeChangeType {
	case types.AttributeChangeTypeAdd:
		return plan.ChangeAdd
	case types.AttributeChangeTypeRemove:
		return plan.ChangeRemove
	case types.AttributeChangeTypeModify:
		return plan.ChangeModify
	case types.AttributeChangeTypeSyncWithActual:
		return plan.ChangeSync
	case "":
		// Without property values CloudFormation does not say.
		return plan.ChangeModify
	}
	return plan.ChangeUnknown
}

func (b *builder) value(resourceType, path string, raw *string, sensitive *bool) (*string, plan.Encoding) {
	if raw == nil {
		return nil, plan.EncodingString
	}
	var tree any = *raw
	encoding := plan.EncodingString
	if trimmed := strings.TrimSpace(*raw); strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "{{") || strings.HasPrefix(trimmed, "[") {
		var parsed any
		if err := json.Unmarshal([]byte(trimmed), &parsed); err == nil {
			tree, encoding = parsed, plan.EncodingJSON
		}
	}
	masked := b.masker.Value(resourceType, path, tree, nil)
	if s, isString := masked.(string); isString {
		return &s, encoding
	}
	encoded, err := json.Marshal(masked)
	if err != nil {
		*sensitive = true
		return nil, encoding
	}
	if encoding == plan.EncodingString {
		// The masker hid the whole value.
		*sensitive = true
		return nil, encoding
	}
	return aws.String(string(encoded)), encoding
}

func unchanged(c types.ResourceChange, changed []plan.Property) int {
	after, _ := decodeContext(c.AfterContext)["Properties"].(map[string]any)
	if c.Action != types.ChangeActionModify || len(after) == 0 {
		return 0
	}
	n := len(after)
	for name := range after {
		if slices.ContainsFunc(changed, func(p plan.Property) bool {
			return p.Path == "/Properties/"+name || strings.HasPrefix(p.Path, "/Properties/"+name+"/")
		}) {
			n--
		}
	}
	return n
}
