package service

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"stackgate/internal/approval"
)

// MaxTotal is the most that the waits of a deployment may come to together. The state machine has one constant
// TimeoutSeconds, which must be longer.
const MaxTotal = 8 * 24 * time.Hour

// Bounds of the single waits. A change set that was not approved for a week describes a stack that has moved on.
const (
	minWait      = time.Minute
	maxQueue     = 24 * time.Hour
	maxChangeSet = 4 * time.Hour
	maxExecution = 48 * time.Hour
	maxApproval  = 7 * 24 * time.Hour
)

// builder makes the valid definition from its merged settings.
type builder struct {
	*loader
	source      rawSource
	names       names
	environment environment
	settings    rawSettings
	merged      *node
	policy      *node
}

func (b builder) build() Definition {
	s := b.settings
	d := Definition{
		Project: b.raw.Project.Value, Service: b.source.raw.Service.Value, Environment: b.environment.Name,
		Owner: b.source.raw.Owner.Value, StackGroup: b.source.raw.StackGroup.Value, Description: s.Description.Value,
		Account: b.environment.Account, Region: b.environment.Region, Rank: b.environment.Rank,
		StackName: s.StackName.Value, TemplatePath: s.Template.Value,
		ExecutionRole: s.ExecutionRole.Value, NestedStacks: s.NestedStacks.Value,
		OnFailure: FailureHandling(s.OnFailure.Value), OnFailedCreate: FailedCreateHandling(s.OnFailedCreate.Value),
		Capabilities: b.distinct(values(s.Capabilities), "capabilities"),
		Stateful:     values(s.Stateful), IgnoreChanges: values(s.IgnoreChanges),
		Links: map[string]string{}, Tags: map[string]string{}, Parameters: map[string]string{},
	}
	environmentNode := b.project.root.get("environments").get(b.environment.Name)
	d.Origins = origins(b.merged, b.policy, map[string]*node{
		"project": b.raw.Project.At, "service": b.source.raw.Service.At, "owner": b.source.raw.Owner.At,
		"stackGroup": b.source.raw.StackGroup.At,
		"account":    environmentNode.get("account"), "region": environmentNode.get("region"), "rank": environmentNode.get("rank"),
	})
	b.checkPresence(d)
	b.checkStackName(d)
	b.checkExecutionRole(d)
	b.tags(d)
	b.links(d)
	b.template(&d)
	d.Approval, d.AllowParameterOverrides = b.loader.policy(b.policy)
	b.checkTightened(d)
	d.Timeouts = b.timeouts(d.Approval)
	return d
}

// checkPresence reports settings without which nothing can be deployed. All but the template are built in, so they are
// missing only where null removed them.
func (b builder) checkPresence(d Definition) {
	if b.source.faulty || b.project.faulty {
		return
	}
	for _, key := range []string{"template", "stackName", "nestedStacks", "onFailure", "onFailedCreate", "timeouts.queue", "timeouts.changeSet", "timeouts.execution"} {
		if _, ok := d.Origins[key]; !ok {
			b.report.add(b.source.root.origin, "", "service %s has no %s in %s; give it one here or in the project's defaults", d.Service, key, d.Environment)
		}
	}
}

// stackNamePattern is that of CreateChangeSet's StackName.
var stackNamePattern = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

func (b builder) checkStackName(d Definition) {
	if d.StackName != "" && !stackNamePattern.MatchString(d.StackName) {
		b.report.add(b.placeOf(d, "stackName"), "stackName",
			"%q cannot be a stack's name: use 1 to 128 letters, digits and hyphens, a letter first", shorten(d.StackName))
	}
}

var rolePattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/[\x21-\x7e]{1,512}$`)

// checkExecutionRole reports a role that cannot be used, and one that is missing where CloudFormation would work with rights
// that are not meant for it: installed, those of a session that may touch nothing but the stack.
func (b builder) checkExecutionRole(d Definition) {
	at := b.settings.ExecutionRole.At
	allowed := b.project.root.get("environments").get(d.Environment).get("executionRoles")
	if at == nil {
		wants, why := allowed, "environment "+d.Environment+" says which roles may be used"
		if wants == nil {
			wants, why = b.project.root.get("installation"), "the project is installed in AWS, where CloudFormation would otherwise work with stackgate's own narrow session"
		}
		if wants != nil && !b.source.faulty && !b.project.faulty {
			b.report.add(b.source.root.origin, "", "service %s has no executionRole in %s, and %s (%s); give it one here or in the project's defaults",
				d.Service, d.Environment, why, wants.origin)
		}
		return
	}
	parts := rolePattern.FindStringSubmatch(d.ExecutionRole)
	switch {
	case parts == nil:
		b.report.at(at, "%q is not the ARN of an IAM role; it looks like arn:aws:iam::111111111111:role/name", shorten(d.ExecutionRole))
	case d.Account != "" && parts[1] != d.Account:
		b.report.at(at, "the role is in account %s, and %s is %s: CloudFormation takes a role of its own account only; write ${account}",
			parts[1], d.Environment, d.Account)
	case allowed != nil && !b.project.faulty && !b.roleAllowed(d.ExecutionRole, allowed):
		b.report.at(at, "%s is not one of the roles that environment %s allows (%s)", d.ExecutionRole, d.Environment, allowed.origin)
	}
}

func (b builder) roleAllowed(role string, allowed *node) bool {
	found := false
	for _, item := range allowed.items {
		pattern := b.names.interpolate(item, b.report)
		parts := strings.Split(pattern.text, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		// What is wrong with a pattern was reported, and is not the service's fault.
		found = found || pattern.broken || regexp.MustCompile("^"+strings.Join(parts, ".*")+"$").MatchString(role)
	}
	return found
}

// Bounds of CloudFormation's tags. The characters are those that every tagged service takes.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

func (b builder) tags(d Definition) {
	for key, value := range b.settings.Tags {
		if value.At == nil {
			continue
		}
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			b.report.at(value.At, "tags that begin with aws: belong to AWS; choose another key")
		case key == "" || utf8.RuneCountInString(key) > maxTagKey || !tagText.MatchString(key):
			b.report.at(value.At, "a tag's key has 1 to %d letters, digits, spaces and _ . : / = + - @", maxTagKey)
		case value.Value == "" || utf8.RuneCountInString(value.Value) > maxTagValue || !tagText.MatchString(value.Value):
			b.report.at(value.At, "%q cannot be a tag's value: use 1 to %d letters, digits, spaces and _ . : / = + - @", shorten(value.Value), maxTagValue)
		}
		d.Tags[key] = value.Value
	}
	if len(d.Tags) > maxTags {
		b.report.at(b.merged.get("tags"), "%s has %d tags, and CloudFormation takes %d", d, len(d.Tags), maxTags)
	}
}

func (b builder) links(d Definition) {
	for name, link := range b.settings.Links {
		if link.At == nil {
			continue
		}
		address, err := url.Parse(link.Value)
		if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
			b.report.at(link.At, "%q is not a web address; it begins with https://", shorten(link.Value))
		}
		d.Links[name] = link.Value
	}
}

// template reads the template and holds the parameters against what it declares.
func (b builder) template(d *Definition) {
	for name, given := range b.settings.Parameters {
		if given.At != nil {
			d.Parameters[name] = b.joined(given)
		}
	}
	b.secrets(*d)
	if b.settings.Template.At == nil {
		return
	}
	file := b.templates.at(d.TemplatePath, b.settings.Template.At)
	if file == nil {
		return
	}
	d.Template, d.declared = file.content, file.parameters
	if file.broken {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(d.Parameters)) {
		at := b.settings.Parameters[name].At
		if at == nil {
			at = b.merged.get("secrets").get(name)
		}
		checkParameter(file.parameters, d.TemplatePath, name, d.Parameters[name], at.origin, at.path, b.report)
	}
	for _, name := range slices.Sorted(maps.Keys(file.parameters)) {
		if _, given := d.Parameters[name]; !given && b.merged.get("parameters").get(name) == nil && !file.parameters[name].hasFallback {
			b.lack(name, d.TemplatePath, file.parameters[name].origin, d.Environment)
		}
	}
}

// joined writes a list as CloudFormation takes it, which has no way to write a comma inside an item.
func (b builder) joined(given scalars) string {
	items := make([]string, len(given.Values))
	for i, v := range given.Values {
		items[i] = v.Value
		if given.At.kind == listKind && strings.Contains(v.Value, ",") {
			b.report.at(v.At, "an item of a list cannot hold a comma: CloudFormation splits lists at them")
		}
	}
	return strings.Join(items, ",")
}

// policy reads a merged policy.
func (l *loader) policy(n *node) (approval.Policy, bool) {
	var raw rawPolicy
	decoder{report: l.report, merged: true}.decode(n, reflect.ValueOf(&raw).Elem(), false)
	policy := approval.Default()
	if raw.Approval.When.At != nil {
		policy.When = approval.When(raw.Approval.When.Value)
	}
	if raw.Approval.Count.At != nil {
		policy.Count = raw.Approval.Count.Value
	}
	if raw.Approval.SelfApproval.At != nil {
		policy.Self = approval.Self(raw.Approval.SelfApproval.Value)
	}
	policy.ExpiresAfter = l.span(text(raw.Approval.ExpiresAfter), policy.ExpiresAfter, maxApproval)
	policy.Groups = l.approvers(raw.Approval, policy.Count, n.get("approval").get("groups"))
	return policy, raw.AllowParameterOverrides.Value
}

// checkTightened reports where the service asks for less than its environment does.
func (b builder) checkTightened(d Definition) {
	floor := b.environment.Approval
	for _, key := range d.Approval.LooserThan(floor) {
		at := b.policy.get("approval").get(key)
		if at == nil {
			// Null took the key away, which was reported: a policy has no keys to remove.
			continue
		}
		if beyond := d.Approval.Beyond(floor); key == "groups" && len(beyond) > 0 {
			b.report.at(at, "looser than environment %s, which asks for %s: %s would count too; a service may tighten policy, never loosen it",
				d.Environment, floorText(floor, key), strings.Join(beyond, ", "))
			continue
		}
		b.report.at(at, "looser than environment %s, which asks for %s; a service may tighten policy, never loosen it", d.Environment, floorText(floor, key))
	}
	if d.AllowParameterOverrides && !b.environment.AllowParameterOverrides {
		b.report.at(b.policy.get("allowParameterOverrides"),
			"looser than environment %s, which asks for false; a service may tighten policy, never loosen it", d.Environment)
	}
}

func floorText(p approval.Policy, key string) string {
	switch key {
	case "when":
		return string(p.When)
	case "count":
		return fmt.Sprint(p.Count)
	case "expiresAfter":
		return formatSpan(p.ExpiresAfter)
	case "selfApproval":
		return string(p.Self)
	case "groups":
		return p.GroupNames()
	}
	return "more"
}

func (b builder) timeouts(policy approval.Policy) Timeouts {
	raw := b.settings.Timeouts
	t := Timeouts{
		Queue:     b.span(text(raw.Queue), 0, maxQueue),
		ChangeSet: b.span(text(raw.ChangeSet), 0, maxChangeSet),
		Execution: b.span(text(raw.Execution), 0, maxExecution),
	}
	if total := t.Queue + t.ChangeSet + policy.ExpiresAfter + t.Execution; total >= MaxTotal {
		at := b.source.root
		if own := at.get("timeouts"); own != nil {
			at = own
		}
		b.report.add(at.origin, "timeouts", "%s/%s may wait %s in all (timeouts and approval.expiresAfter), and the state machine ends after %s; shorten them",
			b.source.raw.Service.Value, b.environment.Name, formatSpan(total), formatSpan(MaxTotal))
	}
	return t
}

func (l *loader) span(t text, fallback, most time.Duration) time.Duration {
	if t.At == nil {
		return fallback
	}
	d := parseSpan(t.Value)
	if d < minWait || d > most {
		l.report.at(t.At, "%s cannot be used: use %s to %s", t.Value, formatSpan(minWait), formatSpan(most))
		return fallback
	}
	return d
}

func (b builder) distinct(list []string, key string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	if compact := slices.Compact(slices.Clone(list)); len(compact) < len(list) {
		b.report.at(b.merged.get(key), "an item is given twice; keep one")
		return compact
	}
	return list
}

func values[T ~struct {
	Value string
	At    *node
}](leaves []T) []string {
	list := make([]string, 0, len(leaves))
	for _, leaf := range leaves {
		if t := text(leaf); t.At != nil {
			list = append(list, t.Value)
		}
	}
	return list
}
