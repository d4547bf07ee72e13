package cfn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/masking"
)

// ReviewInput is what a review holds beside the change set's own description.
type ReviewInput struct {
	// Deployment is nil for the review of a file.
	Deployment      *plan.Deployment
	Account, Region string
	// ChangeSetType is CREATE or UPDATE; DescribeChangeSet does not tell it.
	ChangeSetType string
	// AfterTemplate is the template that the change set was made of; nil where it is not known.
	AfterTemplate []byte
	ExecutionRole string
	// Before is the stack as it is, for what the change set alone does not tell: the parameters and tags it has now.
	Before *types.Stack
	// NoEcho names the parameters whose values are secret.
	NoEcho []string
	// Stateful are further resource types whose loss is a loss of data.
	Stateful []string
}

// Review makes the review of a described change set. It is pure: equal descriptions have equal digests, in whatever
// pages and order CloudFormation answered.
func Review(d Description, in ReviewInput) (plan.Review, error) {
	b := builder{in: in, noEcho: map[string]bool{}, masker: masking.New()}
	for _, name := range in.NoEcho {
		b.noEcho[name] = true
	}
	b.hideNoEcho(d)
	set := d.Set
	r := plan.Review{
		Schema: plan.Schema, Deployment: in.Deployment,
		Target: plan.Target{
			Account: in.Account, Region: in.Region, StackName: aws.ToString(set.StackName), StackID: aws.ToString(set.StackId),
			ChangeSetID: aws.ToString(set.ChangeSetId), ChangeSetName: aws.ToString(set.ChangeSetName), ChangeSetType: in.ChangeSetType,
		},
		SecurityScope:  "Permissions, network openings and public access are not analysed by this version; read the changed policies and rules yourself.",
		MaskingVersion: masking.Version,
		Drift:          plan.Drift{Checked: set.StackDriftStatus != "", Status: string(set.StackDriftStatus)},
	}
	if err := b.collect(&r, d, ""); err != nil {
		return plan.Review{}, err
	}
	link(r.Items)
	b.stackLevel(&r, d)
	finish(&r)
	digests, err := b.digests(r, d)
	if err != nil {
		return plan.Review{}, fmt.Errorf("digest change set %s: %w", r.Target.ChangeSetID, err)
	}
	r.Digest, r.ContentDigest = digests.review, digests.content
	encoded, err := plan.Encode(r)
	if err != nil {
		return plan.Review{}, err
	}
	return plan.Decode(encoded)
}

type builder struct {
	in     ReviewInput
	noEcho map[string]bool
	masker *masking.Masker
}

// hideNoEcho learns which parameters are secret. CloudFormation masks a NoEcho value with asterisks in Parameters, but
// promises nothing for the values in contexts, so what they reach is masked by name of the causing parameter as well.
func (b *builder) hideNoEcho(d Description) {
	for _, p := range d.Set.Parameters {
		if value := aws.ToString(p.ParameterValue); value != "" && strings.Trim(value, "*") == "" {
			b.noEcho[aws.ToString(p.ParameterKey)] = true
		}
	}
}

func (b *builder) collect(r *plan.Review, d Description, prefix string) error {
	for _, change := range d.Set.Changes {
		r.Completeness.Reported++
		if change.ResourceChange == nil {
			r.Items = append(r.Items, unknownItem(prefix, change))
			continue
		}
		item := b.item(prefix, *change.ResourceChange)
		if nested := aws.ToString(change.ResourceChange.ChangeSetId); nested != "" {
			if child, found := d.Nested[nested]; found {
				r.Completeness.NestedChangeSets++
				from := len(r.Items)
				if err := b.collect(r, child, item.Path+"/"); err != nil {
					return err
				}
				item.Children = children(nested, r.Items[from:])
				item.Level = worse(item.Level, item.Children.Level)
			} else {
				r.Completeness.Partial = true
				r.Completeness.Warnings = append(r.Completeness.Warnings, "the nested change set of "+item.Path+" was not read")
			}
		}
		r.Items = append(r.Items, item)
	}
	r.Completeness.Warnings = append(r.Completeness.Warnings, d.Warnings...)
	r.Completeness.Partial = r.Completeness.Partial || d.Partial
	return nil
}

func children(set string, items []plan.Item) *plan.Children {
	c := &plan.Children{ChangeSetID: set, Level: plan.LevelInfo, ByImpact: map[plan.Impact]int{}}
	for _, item := range items {
		c.Total++
		c.ByImpact[item.Impact]++
		c.Level = worse(c.Level, item.Level)
	}
	return c
}

func worse(a, b plan.Level) plan.Level {
	if a.AtLeast(b) {
		return a
	}
	return b
}

func unknownItem(prefix string, change types.Change) plan.Item {
	name := "change of type " + string(change.Type)
	return plan.Item{
		Path: prefix + name, LogicalID: name, Type: string(change.Type), Impact: plan.ImpactUnknown,
		Level: plan.ImpactUnknown.Level(plan.StatefulNone), Stateful: plan.StatefulNone, Sentence: plan.ImpactUnknown.Sentence(),
		Notes: []string{"CloudFormation reported a change that is not of a resource."},
	}
}

// link draws the edges between items of the same stack: who changes because of whom.
func link(items []plan.Item) {
	at := map[string]int{}
	for i, item := range items {
		at[item.Path] = i
	}
	for i := range items {
		prefix := items[i].Path[:len(items[i].Path)-len(items[i].LogicalID)]
		for _, property := range items[i].Properties {
			for _, cause := range property.Causes {
				if cause.Source != string(types.ChangeSourceResourceReference) && cause.Source != string(types.ChangeSourceResourceAttribute) {
					continue
				}
				entity, _, _ := strings.Cut(cause.Entity, ".")
				j, found := at[prefix+entity]
				if !found || j == i || slices.Contains(items[i].CausedBy, items[j].Path) {
					continue
				}
				items[i].CausedBy = append(items[i].CausedBy, items[j].Path)
				items[j].KnockOn = append(items[j].KnockOn, items[i].Path)
			}
		}
	}
	for i := range items {
		slices.Sort(items[i].CausedBy)
		slices.Sort(items[i].KnockOn)
	}
}

func (b *builder) stackLevel(r *plan.Review, d Description) {
	before := map[string]string{}
	known := b.in.ChangeSetType == string(types.ChangeSetTypeCreate)
	if b.in.Before != nil {
		known = true
		for _, p := range b.in.Before.Parameters {
			before[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
		}
	}
	for _, p := range d.Set.Parameters {
		name, value := aws.ToString(p.ParameterKey), aws.ToString(p.ParameterValue)
		old, had := before[name]
		parameter := plan.Parameter{Name: name, Change: plan.ChangeUnknown, Resolved: aws.ToString(p.ResolvedValue)}
		if b.noEcho[name] {
			parameter.Sensitive, parameter.Supply = true, plan.SupplyUnknown
			r.Parameters = append(r.Parameters, parameter)
			continue
		}
		text, sensitive := b.masker.Parameter(name, value)
		parameter.Sensitive = sensitive
		if sensitive {
			parameter.Supply = plan.SupplyUnknown
		} else {
			parameter.After = aws.String(text)
		}
		switch {
		case !known:
		case !had:
			parameter.Change = plan.ChangeAdd
		case old == value:
			parameter.Change = plan.ChangeNone
		default:
			parameter.Change = plan.ChangeModify
		}
		if masked, hidden := b.masker.Parameter(name, old); had && !hidden && !sensitive {
			parameter.Before = aws.String(masked)
		}
		if parameter.Change != plan.ChangeNone {
			r.Parameters = append(r.Parameters, parameter)
		}
	}
	slices.SortFunc(r.Parameters, func(a, b plan.Parameter) int { return strings.Compare(a.Name, b.Name) })
	for _, capability := range d.Set.Capabilities {
		r.Capabilities = append(r.Capabilities, plan.Capability{Name: string(capability), Change: plan.ChangeUnknown})
	}
	if b.in.ExecutionRole != "" {
		r.Settings = append(r.Settings, plan.Setting{Name: "execution role", Change: plan.ChangeUnknown, After: aws.String(b.in.ExecutionRole)})
	}
	r.Limits = append(r.Limits,
		"A change set does not tell whether the update will succeed.",
		"Changes of outputs, exports and stack-level settings are not listed by CloudFormation.")
	if !r.Drift.Checked {
		r.Limits = append(r.Limits, "Drift was not checked: changes made by hand may be overwritten.")
	}
}

// finish orders, counts and sums up.
func finish(r *plan.Review) {
	slices.SortFunc(r.Items, plan.CompareItems)
	r.Level = plan.LevelInfo
	r.Counts = plan.Counts{ByImpact: map[plan.Impact]int{}, ByLevel: map[plan.Level]int{}}
	paths, ack := map[string]bool{}, 0
	for i := range r.Items {
		item := &r.Items[i]
		if item.Level == plan.LevelCritical {
			ack++
			item.Ack = ack
		}
		if item.Impact == plan.ImpactUnknown {
			r.Completeness.Unknown++
		}
		r.Counts.Total++
		r.Counts.ByImpact[item.Impact]++
		r.Counts.ByLevel[item.Level]++
		r.Level = worse(r.Level, item.Level)
		paths[item.Path] = true
	}
	r.Completeness.Shown = len(paths)
	if r.Completeness.Partial || r.Completeness.Reported != r.Completeness.Shown {
		r.Level = plan.LevelCritical
	}
	r.Verdict = verdict(*r)
}

func verdict(r plan.Review) string {
	if len(r.Items) == 0 {
		return "Changes no resource; outputs, parameters or tags of the stack may change."
	}
	var parts []string
	rest := 0
	for _, impact := range plan.Impacts() {
		n := r.Counts.ByImpact[impact]
		if n == 0 {
			continue
		}
		if impact == plan.ImpactModify || impact == plan.ImpactTagsOnly || impact == plan.ImpactMetadataOnly || impact == plan.ImpactAdd {
			rest += n
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, impact.Word()))
	}
	lost := 0
	for _, item := range r.Items {
		if item.Stateful == plan.StatefulData && (item.Impact == plan.ImpactDestroy || item.Impact == plan.ImpactReplaceDelete) {
			lost++
		}
	}
	var sentence string
	switch {
	case len(parts) > 0 && rest > 0:
		sentence = strings.Join(parts, ", ") + "; " + counted(rest, "other change", "other changes") + "."
	case len(parts) > 0:
		sentence = strings.Join(parts, ", ") + "."
	default:
		var plainParts []string
		for _, impact := range []plan.Impact{plan.ImpactAdd, plan.ImpactModify, plan.ImpactTagsOnly, plan.ImpactMetadataOnly} {
			if n := r.Counts.ByImpact[impact]; n > 0 {
				plainParts = append(plainParts, fmt.Sprintf("%d %s", n, impact.Word()))
			}
		}
		sentence = strings.Join(plainParts, ", ") + "; nothing is replaced or removed."
	}
	if lost > 0 {
		sentence = counted(lost, "resource LOSES ITS DATA", "resources LOSE THEIR DATA") + ": " + sentence
	}
	return sentence
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

type digests struct{ review, content string }

// digests leave out statuses, times, ages and approvals. Secrets enter by name only: the change set's ARN, which is part
// of the review digest, stands for one immutable set of values.
func (b *builder) digests(r plan.Review, d Description) (digests, error) {
	items := slices.Clone(r.Items)
	slices.SortFunc(items, func(a, b plan.Item) int { return strings.Compare(a.Path, b.Path) })
	content := map[string]any{"items": items, "parameters": r.Parameters, "tags": tagsOf(d)}
	contentDigest, err := plan.Digest(content)
	if err != nil {
		return digests{}, err
	}
	capabilities := slices.Sorted(slices.Values(d.Set.Capabilities))
	notifications := slices.Sorted(slices.Values(d.Set.NotificationARNs))
	reviewDigest, err := plan.Digest(map[string]any{
		"content": contentDigest, "changeSet": r.Target.ChangeSetID, "stack": r.Target.StackID, "account": r.Target.Account,
		"region": r.Target.Region, "type": r.Target.ChangeSetType, "template": string(bytes.TrimSpace(b.in.AfterTemplate)),
		"capabilities": capabilities, "notifications": notifications, "role": b.in.ExecutionRole,
		"onStackFailure": d.Set.OnStackFailure, "deploymentMode": d.Set.DeploymentMode, "rollback": d.Set.RollbackConfiguration,
		"nested":  slices.Sorted(maps.Keys(d.Nested)),
		"partial": r.Completeness.Partial, "reported": r.Completeness.Reported, "masking": r.MaskingVersion, "policy": r.PolicyVersion,
	})
	return digests{review: reviewDigest, content: contentDigest}, err
}

func tagsOf(d Description) map[string]string {
	tags := map[string]string{}
	for _, tag := range d.Set.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

func decodeContext(context *string) map[string]any {
	var tree map[string]any
	if err := json.Unmarshal([]byte(aws.ToString(context)), &tree); err != nil {
		return nil
	}
	return tree
}
