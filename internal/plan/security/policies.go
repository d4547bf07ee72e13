package security

import (
	"slices"
	"strings"

	"stackgate/internal/plan"
)

// maxAtoms bounds the comparison of one statement: principals times actions times resources. A larger statement is
// compared as a whole, which can report a widening that is none.
const maxAtoms = 20000

// comparePolicies finds what the statements of a resource allow, or no longer deny, that those before did not. A
// statement that moved, was renamed, split or joined is no finding as long as the whole says the same.
func comparePolicies(before, after []statement, own string) []plan.SecurityFinding {
	var findings []plan.SecurityFinding
	told := map[*statement]bool{} // statements of before that stand as "was" in a finding
	for _, s := range after {
		rest, exact := uncovered(s, before)
		if rest == nil {
			continue
		}
		direction := plan.DirectionNarrowed
		if s.allow {
			direction = plan.DirectionWidened
			if !exact || rest.holdsUnknown() {
				direction = plan.DirectionUnclear
			}
		}
		was := counterpart(s, before, after)
		told[was] = true
		findings = append(findings, describe(*rest, was, direction, own, false))
	}
	for i, s := range before {
		rest, _ := uncovered(s, after)
		if rest == nil || s.allow && told[&before[i]] {
			continue
		}
		direction := plan.DirectionNarrowed
		if !s.allow {
			direction = plan.DirectionWidened
		}
		findings = append(findings, describe(*rest, counterpart(s, after, before), direction, own, true))
	}
	return findings
}

// uncovered returns the part of s that no statement in others covers; nil where they cover all of it. Exact is false
// where s was too large to be taken apart.
func uncovered(s statement, others []statement) (rest *statement, exact bool) {
	if slices.ContainsFunc(others, func(o statement) bool { return o.covers(s) }) {
		return nil, true
	}
	principals, actions, resources := s.principal.atoms(), s.action.atoms(), s.resource.atoms()
	if len(principals)*len(actions)*len(resources) > maxAtoms {
		return &s, false
	}
	var candidates []statement
	for _, o := range others {
		if o.allow == s.allow && weaker(o.conditions, s.conditions) {
			candidates = append(candidates, o)
		}
	}
	var p, a, r []string
	atom := s
	for _, atom.principal = range principals {
		for _, atom.action = range actions {
			for _, atom.resource = range resources {
				if slices.ContainsFunc(candidates, func(o statement) bool { return o.covers(atom) }) {
					continue
				}
				p = append(p, atom.principal.patterns...)
				a = append(a, atom.action.patterns...)
				r = append(r, atom.resource.patterns...)
			}
		}
	}
	if len(p)+len(a)+len(r) == 0 {
		return nil, true
	}
	left := s
	left.principal.patterns, left.action.patterns, left.resource.patterns = unique(p), unique(a), unique(r)
	return &left, true
}

func unique(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

// counterpart guesses which statement of others s was, for people to compare: one of the same name, else one that is
// not there any more and is about the same service.
func counterpart(s statement, others, own []statement) *statement {
	for i, o := range others {
		if o.sid != "" && o.sid == s.sid && o.allow == s.allow {
			return &others[i]
		}
	}
	for i, o := range others {
		gone := !slices.ContainsFunc(own, func(mine statement) bool { return mine.same(o) })
		if gone && o.allow == s.allow && o.kind == s.kind && related(o, s) {
			return &others[i]
		}
	}
	return nil
}

func related(a, b statement) bool {
	for _, x := range a.action.patterns {
		for _, y := range b.action.patterns {
			service, _, _ := strings.Cut(x, ":")
			other, _, _ := strings.Cut(y, ":")
			if x == "*" || y == "*" || strings.EqualFold(service, other) {
				return true
			}
		}
	}
	return false
}

// describe makes the finding of a statement that came, or of one that went. Other is its counterpart on the other side.
func describe(s statement, other *statement, direction plan.Direction, own string, removed bool) plan.SecurityFinding {
	effect := "Deny"
	if s.allow {
		effect = "Allow"
	}
	f := plan.SecurityFinding{Kind: s.kind, Direction: direction, Effect: effect}
	text := s.text()
	f.After = text
	if removed {
		f.Before, f.After = text, ""
	}
	if other != nil {
		if removed {
			f.After = other.text()
		} else {
			f.Before = other.text()
		}
	}
	f.Everyone = s.allow && !removed && s.principals && reachesEveryone(s)
	f.Summary = policySentence(s, other, direction, own, removed)
	return f
}

func policySentence(s statement, other *statement, direction plan.Direction, own string, removed bool) string {
	var sentence string
	switch {
	case removed && s.allow:
		sentence = "no longer allows " + s.text()
	case removed:
		sentence = "no longer denies " + s.text()
	case s.allow:
		sentence = "allows " + s.text()
	default:
		sentence = "denies " + s.text()
	}
	switch {
	case other != nil && removed:
		sentence += ", now " + other.text()
	case other != nil:
		sentence += ", was " + other.text()
	}
	if direction == plan.DirectionUnclear {
		sentence += "; how far that reaches is known only after apply"
	}
	if s.allow && !removed {
		if remarks := remarks(s, own); len(remarks) > 0 {
			sentence += " (" + strings.Join(remarks, "; ") + ")"
		}
	}
	return sentence
}

// remarks point out what makes an allowed statement weigh more than it looks.
func remarks(s statement, own string) []string {
	var notes []string
	if holdsPattern(s.action, "*") && s.kind == plan.SecurityIdentityPolicy && holdsPattern(s.resource, "*") && len(s.conditions) == 0 {
		notes = append(notes, "administrator")
	}
	if s.action.not {
		notes = append(notes, "everything but the named actions, also actions that AWS adds later")
	}
	if s.resource.not {
		notes = append(notes, "everything but the named resources")
	}
	if s.principal.not {
		notes = append(notes, "everyone but the named principals")
	}
	pass := statement{allow: true, principal: anything(), action: element{patterns: []string{"iam:PassRole"}}, resource: anything()}
	if s.kind == plan.SecurityIdentityPolicy && !holdsPattern(s.action, "*") && s.action.covers(pass.action, actionMatching) {
		notes = append(notes, "can hand roles to services: iam:PassRole")
	}
	if s.principals && reachesEveryone(s) {
		notes = append(notes, "everyone, without a restricting condition")
	}
	for _, p := range s.principal.patterns {
		if account := accountOf(p); account != "" && own != "" && account != own && !s.principal.not {
			notes = append(notes, "another account: "+account)
		}
		if strings.HasPrefix(p, "Federated:") && openSubject(s.conditions) {
			notes = append(notes, "the federated subject is not pinned")
		}
	}
	return slices.Compact(notes)
}

func holdsPattern(e element, pattern string) bool {
	return !e.not && slices.Contains(e.patterns, pattern)
}

// restrictingKeys are the condition keys that bind "everyone" to somebody.
func restricts(c condition) bool {
	if strings.Contains(c.operator, "Not") || slices.Contains(c.values, "*") {
		return false
	}
	switch c.key {
	case "aws:principalorgid", "aws:principalorgpaths", "aws:principalarn", "aws:principalaccount", "aws:sourcearn",
		"aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce",
		"aws:userid", "kms:calleraccount", "kms:viaservice", "sns:endpoint", "s3:dataaccesspointaccount",
		"s3:dataaccesspointarn", "elasticfilesystem:accesspointarn":
		return true
	case "aws:sourceip":
		return !slices.Contains(c.values, "0.0.0.0/0") && !slices.Contains(c.values, "::/0")
	}
	return false
}

func reachesEveryone(s statement) bool {
	if !s.principal.not && !slices.Contains(s.principal.patterns, "*") {
		return false
	}
	return !slices.ContainsFunc(s.conditions, restricts)
}

// openSubject says whether no condition on the subject of a web identity holds it to a repository, user or the like.
func openSubject(conditions []condition) bool {
	for _, c := range conditions {
		if !strings.HasSuffix(c.key, ":sub") && !strings.HasSuffix(c.key, ":aud") && !strings.HasPrefix(c.key, "saml:") {
			continue
		}
		if strings.HasSuffix(c.key, ":aud") && !strings.Contains(c.key, "cognito") {
			continue
		}
		if !slices.ContainsFunc(c.values, func(v string) bool { return v == "*" || strings.HasPrefix(v, "repo:*") || strings.HasPrefix(v, "*") }) {
			return false
		}
	}
	return true
}

// text writes a statement for one line: "dynamodb:* on * for account 123456789012 if aws:sourcevpc".
func (s statement) text() string {
	line := s.action.text("all actions but ", few)
	if s.resources {
		line += " on " + s.resource.text("everything but ", few)
	}
	if s.principals {
		line += " for " + principalText(s.principal)
	}
	if len(s.conditions) > 0 {
		keys := make([]string, 0, len(s.conditions))
		for _, c := range s.conditions {
			keys = append(keys, c.operator+" "+c.key+" "+few(c.values))
		}
		line += " if " + strings.Join(keys, " and ")
	}
	return line
}

func (e element) text(butPrefix string, list func([]string) string) string {
	if e.not {
		return butPrefix + list(e.patterns)
	}
	return list(e.patterns)
}

func principalText(e element) string {
	names := make([]string, len(e.patterns))
	for i, p := range e.patterns {
		switch {
		case p == "*":
			names[i] = "everyone"
		case accountPrincipal.MatchString(p):
			names[i] = "account " + accountOf(p)
		default:
			_, name, found := strings.Cut(p, ":")
			if !found {
				name = p
			}
			names[i] = name
		}
	}
	if e.not {
		return "everyone but " + few(names)
	}
	return few(names)
}
