package cfn

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
)

// stackLevel compares what belongs to the stack and to no resource.
func (b *builder) stackLevel(r *plan.Review, d Description) {
	known := b.in.Before != nil || b.in.ChangeSetType == string(types.ChangeSetTypeCreate)
	before := b.in.Before
	if before == nil {
		before = &types.Stack{}
	}
	b.parameters(r, d, *before, known)
	b.tags(r, d, *before, known)
	b.capabilities(r, d, *before, known)
	b.settings(r, d, *before, known)
	b.uncovered(r)
}

// uncovered finds parameters that were hidden and no longer are. Their values stay hidden here.
func (b *builder) uncovered(r *plan.Review) {
	if !b.parsed.before || !b.parsed.after {
		return
	}
	still := b.after.NoEcho()
	for _, name := range b.before.NoEcho() {
		if slices.Contains(still, name) || !b.after.HasParameter(name) {
			continue
		}
		r.Security = append(r.Security, plan.SecurityFinding{
			Kind: plan.SecuritySecretExposed, Direction: plan.DirectionWidened, Effect: "Secret", Before: "NoEcho", After: "not set",
			Summary: "the parameter " + name + " is no longer hidden (NoEcho removed): CloudFormation shows its value to everyone who can describe the stack",
		})
	}
}

// shownValue is a parameter's value as it may be shown.
type shownValue struct {
	text   string
	hidden bool
}

func (b *builder) parameterValue(name string, value *string) shownValue {
	if b.noEcho[name] {
		return shownValue{hidden: true}
	}
	if value == nil {
		return shownValue{}
	}
	text, sensitive := b.masker.Parameter(name, *value)
	if sensitive && text == plan.TextSensitive {
		return shownValue{hidden: true}
	}
	return shownValue{text: b.masker.Text(text)}
}

// supply says where the value of a hidden parameter comes from.
func (b *builder) supply(name string, p types.Parameter) plan.Supply {
	if s, ok := b.in.Supply[name]; ok {
		return s
	}
	if aws.ToBool(p.UsePreviousValue) {
		return plan.SupplyKept
	}
	return plan.SupplyUnknown
}

func (b *builder) parameters(r *plan.Review, d Description, before types.Stack, known bool) {
	old := map[string]types.Parameter{}
	for _, p := range before.Parameters {
		old[aws.ToString(p.ParameterKey)] = p
	}
	for _, p := range d.Set.Parameters {
		name := aws.ToString(p.ParameterKey)
		was, had := old[name]
		delete(old, name)
		line := b.parameter(name, &was, &p, had, true, known)
		if line.Sensitive || line.Change != plan.ChangeNone {
			r.Parameters = append(r.Parameters, line)
		}
	}
	for name, was := range old {
		r.Parameters = append(r.Parameters, b.parameter(name, &was, nil, true, false, known))
	}
	slices.SortFunc(r.Parameters, func(a, b plan.Parameter) int { return strings.Compare(a.Name, b.Name) })
}

func (b *builder) parameter(name string, was, is *types.Parameter, had, has, known bool) plan.Parameter {
	line := plan.Parameter{Name: name, Change: plan.ChangeUnknown}
	var old, new shownValue
	if had {
		old = b.parameterValue(name, was.ParameterValue)
	}
	if has {
		new = b.parameterValue(name, is.ParameterValue)
		if resolved := b.parameterValue(name, is.ResolvedValue); !resolved.hidden {
			line.Resolved = resolved.text
		}
	}
	line.Sensitive = old.hidden || new.hidden
	switch {
	case !known:
	case !had:
		line.Change = plan.ChangeAdd
	case !has:
		line.Change = plan.ChangeRemove
	case line.Sensitive:
		// Whether a hidden value changes nobody can see; where it comes from says more.
	case aws.ToString(was.ParameterValue) == aws.ToString(is.ParameterValue) && aws.ToString(was.ResolvedValue) == aws.ToString(is.ResolvedValue):
		line.Change = plan.ChangeNone
	default:
		line.Change = plan.ChangeModify
	}
	if line.Sensitive {
		line.Resolved = ""
		if has {
			line.Supply = b.supply(name, *is)
		}
		return line
	}
	if had {
		line.Before = aws.String(old.text)
	}
	if has {
		line.After = aws.String(new.text)
	}
	return line
}

func (b *builder) tags(r *plan.Review, d Description, before types.Stack, known bool) {
	old := map[string]string{}
	for _, t := range before.Tags {
		old[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	for _, t := range d.Set.Tags {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		was, had := old[key]
		delete(old, key)
		line := plan.Tag{Key: key, Change: plan.ChangeUnknown, After: aws.String(value)}
		switch {
		case !known:
		case !had:
			line.Change = plan.ChangeAdd
		case was == value:
			continue
		default:
			line.Change, line.Before = plan.ChangeModify, aws.String(was)
		}
		r.Tags = append(r.Tags, line)
	}
	if known {
		for key, was := range old {
			r.Tags = append(r.Tags, plan.Tag{Key: key, Change: plan.ChangeRemove, Before: aws.String(was)})
		}
	}
	slices.SortFunc(r.Tags, func(a, b plan.Tag) int { return strings.Compare(a.Key, b.Key) })
}

func (b *builder) capabilities(r *plan.Review, d Description, before types.Stack, known bool) {
	for _, capability := range slices.Sorted(slices.Values(d.Set.Capabilities)) {
		line := plan.Capability{Name: string(capability), Change: plan.ChangeUnknown}
		if known {
			line.Change = plan.ChangeAdd
			if slices.Contains(before.Capabilities, capability) {
				line.Change = plan.ChangeNone
			}
		}
		r.Capabilities = append(r.Capabilities, line)
		// A new stack names its capabilities for the first time; that says nothing that its resources do not.
		if line.Change == plan.ChangeAdd && b.in.Before != nil && capability != types.CapabilityCapabilityIam {
			r.Security = append(r.Security, plan.SecurityFinding{
				Kind: plan.SecurityCapability, Direction: plan.DirectionWidened, Effect: "Capability", After: line.Name,
				Summary: "the stack is given " + line.Name + ", which it did not have: " + capabilityMeaning(capability),
			})
		}
	}
	for _, capability := range slices.Sorted(slices.Values(before.Capabilities)) {
		if !slices.Contains(d.Set.Capabilities, capability) {
			r.Capabilities = append(r.Capabilities, plan.Capability{Name: string(capability), Change: plan.ChangeRemove})
		}
	}
}

func capabilityMeaning(capability types.Capability) string {
	switch capability {
	case types.CapabilityCapabilityNamedIam:
		return "it may make IAM resources with names of its choice"
	case types.CapabilityCapabilityAutoExpand:
		return "it may run macros that rewrite the template"
	case types.CapabilityCapabilityIam:
		return "it may make IAM resources"
	}
	return "what it permits is not known to this version of stackgate"
}

// settingFacts are the settings that a change set carries, beside parameters, tags, capabilities and roles.
func settingFacts(set cloudformation.DescribeChangeSetOutput) []plan.Named {
	var facts []plan.Named
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, plan.Named{Name: name, Value: value})
		}
	}
	notifications := slices.Sorted(slices.Values(set.NotificationARNs))
	add("notifications", strings.Join(notifications, ", "))
	add("on stack failure", string(set.OnStackFailure))
	add("deployment mode", string(set.DeploymentMode))
	if c := set.DeploymentConfig; c != nil {
		add("deployment config", string(c.Mode))
		if c.DisableRollback != nil {
			add("rollback disabled", fmt.Sprint(*c.DisableRollback))
		}
	}
	if aws.ToBool(set.ImportExistingResources) {
		add("import existing resources", "true")
	}
	if c := set.RollbackConfiguration; c != nil {
		var triggers []string
		for _, t := range c.RollbackTriggers {
			triggers = append(triggers, aws.ToString(t.Arn)+" ("+aws.ToString(t.Type)+")")
		}
		slices.Sort(triggers)
		add("rollback alarms", strings.Join(triggers, ", "))
		if c.MonitoringTimeInMinutes != nil {
			add("rollback monitoring", fmt.Sprintf("%d minutes", *c.MonitoringTimeInMinutes))
		}
	}
	return facts
}

func (b *builder) settings(r *plan.Review, d Description, before types.Stack, known bool) {
	for _, fact := range settingFacts(d.Set) {
		line := plan.Setting{Name: fact.Name, Change: plan.ChangeUnknown, After: aws.String(fact.Value)}
		if fact.Name == "notifications" && known {
			old := strings.Join(slices.Sorted(slices.Values(before.NotificationARNs)), ", ")
			line.Change = plan.ChangeNone
			if old != fact.Value {
				line.Change, line.Before = plan.ChangeModify, aws.String(old)
			}
		}
		r.Settings = append(r.Settings, line)
	}
	role, was := b.in.ExecutionRole, aws.ToString(before.RoleARN)
	if role == "" {
		return
	}
	line := plan.Setting{Name: "execution role", Change: plan.ChangeUnknown, After: aws.String(role)}
	if b.in.Before != nil {
		line.Change = plan.ChangeNone
		if role != was {
			line.Change, line.Before = plan.ChangeModify, aws.String(was)
			r.Security = append(r.Security, plan.SecurityFinding{
				Kind: plan.SecurityExecutionRole, Direction: plan.DirectionUnclear, Effect: "Role", After: role, Before: was,
				Summary: "CloudFormation executes with " + role + ", was " + cmp.Or(was, "the caller's own permissions") + "; the stack keeps the role for every later operation",
			})
		}
	}
	r.Settings = append(r.Settings, line)
}

func textDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// sortFindings orders what hangs on no item, so that the document does not depend on the answer's order.
func sortFindings(r *plan.Review) {
	slices.SortStableFunc(r.Security, func(a, b plan.SecurityFinding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(plan.Directions(), a.Direction), slices.Index(plan.Directions(), b.Direction)),
			compareBools(b.Everyone, a.Everyone), strings.Compare(a.Path, b.Path), strings.Compare(a.Summary, b.Summary))
	})
	slices.SortFunc(r.Findings, func(a, b plan.Finding) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Path, b.Path), strings.Compare(a.Name, b.Name), strings.Compare(a.Summary, b.Summary))
	})
	slices.SortFunc(r.Unpinned, func(a, b plan.Unpinned) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Property, b.Property), strings.Compare(a.Summary, b.Summary))
	})
	r.Unpinned = slices.Compact(r.Unpinned)
	slices.Sort(r.Completeness.Warnings)
	r.Completeness.Warnings = slices.Compact(r.Completeness.Warnings)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
