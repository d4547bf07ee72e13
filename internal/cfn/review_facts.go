package cfn

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
	"stackgate/internal/plan/masking"
)

// factsOf is what the digests cover of a change.
func factsOf(c *change) plan.ChangeFacts {
	f := plan.ChangeFacts{
		Path: c.path, ChangeType: c.changeType, LogicalID: aws.ToString(c.raw.LogicalResourceId), PhysicalID: aws.ToString(c.raw.PhysicalResourceId),
		Type: c.resourceType(), Action: string(c.raw.Action), Replacement: string(c.raw.Replacement), PolicyAction: string(c.raw.PolicyAction),
		Module: moduleOf(c.raw), DriftStatus: string(c.raw.ResourceDriftStatus), DriftIgnored: driftIgnored(c.raw),
		ChangeSetID: aws.ToString(c.raw.ChangeSetId),
		Before:      contextFact(c.before, c.unreadable["BeforeContext"]), After: contextFact(c.after, c.unreadable["AfterContext"]),
		Previous: contextFact(c.previous, c.unreadable["PreviousDeploymentContext"]),
	}
	for _, scope := range c.raw.Scope {
		f.Scope = append(f.Scope, string(scope))
	}
	for _, d := range c.details {
		fact := d.DetailFacts
		if d.hasOld {
			fact.Before = jsontree.Canonical(d.before)
		}
		if d.hasNew {
			fact.After = jsontree.Canonical(d.after)
		}
		fact.Live, fact.Deployed = aws.ToString(d.live), aws.ToString(d.deployed)
		f.Details = append(f.Details, fact)
	}
	return f
}

// contextFact is the masked context, or what may be told of one that cannot be read.
func contextFact(tree any, unreadable string) string {
	if tree != nil {
		return jsontree.Canonical(tree)
	}
	return unreadable
}

func moduleOf(c types.ResourceChange) string {
	if c.ModuleInfo == nil {
		return ""
	}
	ids, kinds := aws.ToString(c.ModuleInfo.LogicalIdHierarchy), aws.ToString(c.ModuleInfo.TypeHierarchy)
	if kinds == "" {
		return ids
	}
	return ids + " (" + kinds + ")"
}

func driftIgnored(c types.ResourceChange) []string {
	var all []string
	for _, attribute := range c.ResourceDriftIgnoredAttributes {
		all = append(all, aws.ToString(attribute.Path)+" ("+string(attribute.Reason)+")")
	}
	slices.Sort(all)
	return all
}

// digests makes the three digests.
func (b *builder) digests(r *plan.Review, d Description) (err error) {
	changes := make([]plan.ChangeFacts, len(b.changes))
	for i, c := range b.changes {
		changes[i] = c.facts
	}
	facts := plan.ReviewFacts{
		ChangeSetID: r.Target.ChangeSetID, StackID: r.Target.StackID, Account: r.Target.Account, Region: r.Target.Region,
		ChangeSetType: r.Target.ChangeSetType, Templates: slices.Clone(b.in.TemplateDigests), Parameters: b.parameterFacts(d),
		Settings: settingFacts(d.Set), Changes: changes, Partial: r.Completeness.Partial, Stateful: b.in.Stateful,
		PolicyVersion: b.in.PolicyVersion, MaskingVersion: masking.Version,
	}
	for _, t := range d.Set.Tags {
		facts.Tags = append(facts.Tags, plan.Named{Name: aws.ToString(t.Key), Value: b.masker.Text(aws.ToString(t.Value))})
	}
	for _, c := range d.Set.Capabilities {
		facts.Capabilities = append(facts.Capabilities, string(c))
	}
	if b.in.ExecutionRole != "" {
		facts.Roles = []string{b.in.ExecutionRole}
	}
	var original string
	if len(b.in.AfterTemplate) > 0 {
		original = textDigest(b.in.AfterTemplate)
		facts.Templates = append(facts.Templates, "original "+original)
	}
	if r.Digest, r.ContentDigest, err = facts.Digests(); err != nil {
		return err
	}
	r.RequestDigest = b.in.RequestDigest
	if r.RequestDigest == "" && original != "" {
		request := plan.RequestFacts{Template: original, Parameters: facts.Parameters, Tags: facts.Tags, Capabilities: facts.Capabilities, Roles: facts.Roles}
		r.RequestDigest, err = request.Digest()
	}
	return err
}

// parameterFacts hold values of visible parameters, and of hidden ones where the value comes from.
func (b *builder) parameterFacts(d Description) []plan.Named {
	var all []plan.Named
	for _, p := range d.Set.Parameters {
		name := aws.ToString(p.ParameterKey)
		shown := b.parameterValue(name, p.ParameterValue)
		fact := plan.Named{Name: name, Value: shown.text, Hidden: shown.hidden}
		if shown.hidden {
			fact.Value = string(b.supply(name, p))
		} else if resolved := b.parameterValue(name, p.ResolvedValue); !resolved.hidden {
			fact.Resolved = resolved.text
		}
		all = append(all, fact)
	}
	return all
}

var sensitiveKey = regexp.MustCompile(`"([^"\\]+)"\s*:`)

// holdsSensitiveName says whether a piece of JSON that was cut off has a key that promises a secret.
func holdsSensitiveName(text string) bool {
	return slices.ContainsFunc(sensitiveKey.FindAllStringSubmatch(text, -1), func(m []string) bool { return masking.SensitiveVariable(m[1]) }) ||
		strings.Contains(text, `"Value"`)
}
