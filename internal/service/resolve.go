package service

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"

	"stackgate/internal/deployment"
)

// settingsOnly are the keys of a service, and of its environments, that are not settings.
var (
	notSettings            = []string{"version", "service", "owner", "stackGroup", "environments", "policy"}
	notEnvironmentSettings = []string{"enabled", "policy"}
)

// resolve makes the catalog from what was read. It goes as far as it can, so that all problems are found at once.
func (l *loader) resolve() *Catalog {
	c := &Catalog{
		project:     l.raw.Project.Value,
		stackGroups: l.stackGroups(),
		identities:  l.identities(),
		definitions: map[string]Definition{},
		disabled:    map[string]Origin{},
		written:     map[string]*node{},
		inherited:   map[string][]string{},
	}
	if l.project.root == nil {
		return c
	}
	l.checkGroups()
	environments := l.environments()
	for _, e := range environments {
		c.environments = append(c.environments, e.Environment)
		shared := merge(l.project.root.get("defaults").get("parameters"), e.defaults.get("parameters"))
		c.inherited[e.Name] = shared.keys()
	}
	for _, name := range slices.Sorted(maps.Keys(l.services)) {
		s := l.services[name]
		c.written[name] = s.root
		l.checkEnvironmentNames(s)
		l.checkStackGroup(s, c.stackGroups)
		listed := Service{
			Name: name, Owner: s.raw.Owner.Value, StackGroup: s.raw.StackGroup.Value, Description: s.raw.Description.Value, File: s.root.origin.File,
		}
		for _, e := range environments {
			enabled := s.raw.Environments[e.Name].Enabled
			if enabled.At != nil && !enabled.Value {
				c.disabled[deployment.Key(name, e.Name)] = enabled.At.origin
				continue
			}
			listed.Environments = append(listed.Environments, e.Name)
			c.definitions[deployment.Key(name, e.Name)] = l.definition(s, e)
		}
		l.reportLacks(s)
		c.services = append(c.services, listed)
	}
	checkStackNames(c, l)
	checkJoinedNames(c, l)
	return c
}

// environment is an environment with the nodes that services inherit from it.
type environment struct {
	Environment
	defaults *node
	// floor is the policy of the environment, with what is built in.
	floor *node
}

// environments returns the project's environments, in the order of their ranks.
func (l *loader) environments() []environment {
	section := l.project.root.get("environments")
	var all []environment
	for _, name := range slices.Sorted(maps.Keys(l.raw.Environments)) {
		raw, n := l.raw.Environments[name], section.get(name)
		if err := deployment.CheckEnvironmentName(name); err != nil {
			l.report.at(n, "%v", err)
			continue
		}
		e := environment{
			Environment: Environment{Name: name, Account: raw.Account.Value, Region: raw.Region.Value, Rank: raw.Rank.Value},
			defaults:    n.get("defaults"),
			floor:       merge(l.builtin.get("policy"), n.get("policy")),
		}
		e.Approval, e.AllowParameterOverrides = l.policy(e.floor)
		all = append(all, e)
	}
	if section != nil && section.kind == mapKind && len(section.entries) == 0 {
		l.report.at(section, "a project needs at least one environment")
	}
	slices.SortStableFunc(all, func(a, b environment) int { return cmp.Compare(a.Rank, b.Rank) })
	return all
}

func (l *loader) checkEnvironmentNames(s rawSource) {
	section := s.root.get("environments")
	if section == nil {
		return
	}
	for _, e := range section.entries {
		if _, ok := l.raw.Environments[e.key]; !ok {
			l.report.add(e.at, e.value.path, "project.yaml has no environment %q%s", shorten(e.key),
				didYouMean(e.key, slices.Collect(maps.Keys(l.raw.Environments))))
		}
	}
}

// stackGroups returns the groups that the project declares, in its order.
func (l *loader) stackGroups() []string {
	var names []string
	for _, group := range l.raw.Installation.StackGroups {
		switch {
		case group.At == nil:
			// Its name was refused.
		case slices.Contains(names, group.Value):
			l.report.at(group.At, "the stack group %q is given twice; keep one", group.Value)
		default:
			names = append(names, group.Value)
		}
	}
	return names
}

// checkStackGroup reports a service whose group is not one of the project's. Where the project declares groups, there is no
// group that could be meant by saying nothing: the service would move once it says something.
func (l *loader) checkStackGroup(s rawSource, groups []string) {
	declared := l.project.root.get("installation").get("stackGroups")
	group := s.root.get("stackGroup")
	switch {
	case group == nil && len(groups) > 0 && !s.faulty:
		l.report.add(s.root.origin, "", "service %s names no stackGroup, and the project installs services in groups (%s)%s",
			s.raw.Service.Value, declared.origin, didYouMean("", groups))
	case s.raw.StackGroup.At == nil || l.project.faulty && !slices.Contains(groups, group.text):
		// It was refused, or may be one of those that could not be read.
	case len(groups) == 0:
		l.report.at(group, "project.yaml declares no stack groups; declare %q under installation.stackGroups, or remove the key", group.text)
	case !slices.Contains(groups, group.text):
		l.report.at(group, "project.yaml has no stack group %q%s", group.text, didYouMean(group.text, groups))
	}
}

// definition resolves one service in one environment.
func (l *loader) definition(s rawSource, e environment) Definition {
	override := s.root.get("environments").get(e.Name)
	merged := merge(
		l.builtin.without("policy"),
		l.project.root.get("defaults"),
		e.defaults,
		s.root.without(notSettings...),
		override.without(notEnvironmentSettings...),
	)
	known := names{
		"project": l.raw.Project.Value, "service": s.raw.Service.Value, "environment": e.Name,
		"account": e.Account, "region": e.Region,
	}
	merged = known.interpolate(merged, l.report)
	var settings rawSettings
	decoder{report: l.report, merged: true}.decode(merged, reflect.ValueOf(&settings).Elem(), true)

	policy := merge(e.floor, s.root.get("policy"), override.get("policy"))
	b := builder{loader: l, source: s, names: known, environment: e, settings: settings, merged: merged, policy: policy}
	return b.build()
}

// origins lists where each value was written.
func origins(merged, policy *node, more map[string]*node) map[string]Origin {
	all := map[string]Origin{}
	note := func(path string, leaf *node) { all[path] = leaf.origin }
	merged.leaves("", note)
	policy.leaves("policy", note)
	for path, leaf := range more {
		if leaf != nil {
			all[path] = leaf.origin
		}
	}
	return all
}

// placeOf returns where a person can mend a value: its own place, or the service's file where nobody wrote it down.
func (l *loader) placeOf(d Definition, key string) Origin {
	if at := d.Origins[key]; at.File != Builtin && at.File != "" {
		return at
	}
	return l.services[d.Service].root.origin
}

// lack is a parameter that a service gives no value and its template no default.
type lack struct {
	parameter string
	template  string
	declared  Origin
}

// lack notes a lack, which is reported once for all environments.
func (b builder) lack(parameter, template string, declared Origin, environment string) {
	key := lack{parameter, template, declared}
	b.lacks[key] = append(b.lacks[key], environment)
}

// reportLacks reports what the service lacks, unless it may stand under a key that could not be read.
func (l *loader) reportLacks(s rawSource) {
	place := s.root
	if section := place.get("parameters"); section != nil {
		place = section
	}
	for missing, environments := range l.lacks {
		if s.faulty || l.project.faulty {
			break
		}
		l.report.add(place.origin, "parameters", "service %s gives no %s in %s, and template %s has no default for it (%s); add it",
			s.raw.Service.Value, missing.parameter, strings.Join(environments, ", "), missing.template, missing.declared)
	}
	clear(l.lacks)
}
