package service

import (
	"maps"
	"slices"

	"stackgate/internal/approval"
	"stackgate/internal/identity"
)

// checkGroups reports groups that nobody could mean.
func (l *loader) checkGroups() {
	section := l.project.root.get("groups")
	for _, name := range slices.Sorted(maps.Keys(l.raw.Groups)) {
		at := section.get(name)
		if !groupPattern.MatchString(name) {
			l.report.at(at, "%q cannot be a group's name: use 1 to 64 lower-case letters, digits and hyphens, a letter first", shorten(name))
		}
		if at.kind == listKind && len(at.items) == 0 {
			l.report.at(at, "the group has no members; name some or remove it")
		}
		var seen []string
		for _, member := range l.raw.Groups[name] {
			if member.At == nil {
				continue
			}
			if slices.ContainsFunc(seen, func(other string) bool { return approval.SamePerson(other, member.Value) }) {
				l.report.at(member.At, "%s is in the group already; keep one", member.Value)
			}
			seen = append(seen, member.Value)
			if rule, ok := l.raw.Identities[member.Value]; ok && undeciding(identity.Kind(rule.Kind.Value)) {
				l.report.at(member.At, "%s is a role of the kind %s (identities.%s), which decides nothing; name people", member.Value, rule.Kind.Value, member.Value)
			}
		}
	}
}

func undeciding(kind identity.Kind) bool { return kind == identity.CI || kind == identity.Shared }

// approvers looks up the groups that a policy names.
func (l *loader) approvers(raw rawApproval, count int, at *node) []approval.Group {
	var groups []approval.Group
	if at != nil && at.kind == listKind && len(at.items) == 0 {
		l.report.at(at, "no group is named, so nobody could approve; name one or remove the key")
	}
	for _, name := range raw.Groups {
		if name.At == nil {
			continue
		}
		members, known := l.raw.Groups[name.Value]
		if !known {
			l.report.at(name.At, "project.yaml has no group %q%s", shorten(name.Value), didYouMean(name.Value, slices.Collect(maps.Keys(l.raw.Groups))))
			continue
		}
		if slices.ContainsFunc(groups, func(g approval.Group) bool { return g.Name == name.Value }) {
			l.report.at(name.At, "the group %s is named twice; keep one", name.Value)
			continue
		}
		groups = append(groups, approval.Group{Name: name.Value, Members: values(members)})
	}
	policy := approval.Policy{Groups: groups}
	if people := policy.People(); len(groups) == len(raw.Groups) && len(groups) > 0 && len(people) < count {
		l.report.at(at, "%d people must approve, and %s has %d members; add people or ask for fewer", count, policy.GroupNames(), len(people))
	}
	return groups
}

// identities returns the project's rules, by their names.
func (l *loader) identities() identity.Rules {
	section := l.project.root.get("identities")
	var rules identity.Rules
	for _, name := range slices.Sorted(maps.Keys(l.raw.Identities)) {
		raw, at := l.raw.Identities[name], section.get(name)
		if !namePattern.MatchString(name) {
			l.report.at(at, "%q cannot be a rule's name: use 1 to 24 lower-case letters, digits and hyphens, a letter first", shorten(name))
		}
		if raw.Kind.At == nil || !l.identityIsWhole(raw, at) {
			continue
		}
		rule := identity.Rule{
			Name: name, Kind: identity.Kind(raw.Kind.Value), PermissionSet: raw.PermissionSet.Value, Account: raw.Account.Value,
			Principal: raw.Principal.Value, Person: raw.Person.Value,
		}
		if rule.Kind != identity.SSO {
			if err := identity.CheckPrincipal(rule.Kind, rule.Principal); err != nil {
				l.report.at(raw.Principal.At, "%v", err)
				continue
			}
		}
		for session, person := range raw.Actors {
			if rule.Actors == nil {
				rule.Actors = map[string]string{}
			}
			rule.Actors[session] = person.Value
		}
		for _, other := range rules {
			if other.Same(rule) {
				l.report.at(at, "identities.%s is about the same principals; keep one", other.Name)
			}
		}
		rules = append(rules, rule)
	}
	return rules
}

// identityIsWhole reports the keys that a rule's kind lacks, and those that it does not have.
func (l *loader) identityIsWhole(raw rawIdentity, at *node) bool {
	needs := map[identity.Kind][]string{
		identity.SSO: {"permissionSet", "account"}, identity.Person: {"principal", "person"}, identity.CI: {"principal"}, identity.Shared: {"principal"},
	}[identity.Kind(raw.Kind.Value)]
	may := append([]string{"kind"}, needs...)
	if identity.Kind(raw.Kind.Value) == identity.CI {
		may = append(may, "actors")
	}
	whole := true
	for _, key := range needs {
		if at.get(key) == nil {
			l.report.at(at, "a rule of the kind %s needs the key %q; add it", raw.Kind.Value, key)
			whole = false
		}
	}
	for _, e := range at.entries {
		if _, known := structs[identityType][e.key]; known && !slices.Contains(may, e.key) {
			l.report.at(e.value, "a rule of the kind %s has no key %q; remove it", raw.Kind.Value, e.key)
			whole = false
		}
	}
	if actors := at.get("actors"); actors != nil && actors.kind == mapKind && len(actors.entries) == 0 {
		l.report.at(actors, "no actor is named, so the pipeline could request nothing; name some or remove the key")
		whole = false
	}
	return whole && l.readable(raw, needs)
}

// readable says whether the values that a rule needs could be read; those that could not were reported.
func (l *loader) readable(raw rawIdentity, needs []string) bool {
	at := map[string]*node{"permissionSet": raw.PermissionSet.At, "account": raw.Account.At, "principal": raw.Principal.At, "person": raw.Person.At}
	return !slices.ContainsFunc(needs, func(key string) bool { return at[key] == nil })
}

// Identities returns the rules that say which person stands behind a principal, by their names.
func (c *Catalog) Identities() identity.Rules { return slices.Clone(c.identities) }
