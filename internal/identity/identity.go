// Package identity says which person stands behind a principal that IAM has verified. It verifies nobody itself, and
// decides nothing about what a person may do.
package identity

import (
	"fmt"
	"regexp"
	"strings"
)

// Principal is a caller as API Gateway's IAM authorizer describes it (requestContext.authorizer.iam). Nothing in it is the
// caller's own choice, but for the session name of a role whose trust policy does not fix it.
type Principal struct {
	// ARN is that of an IAM user, or of an assumed role with its session.
	ARN string
	// ID is the unique id: AIDA… of a user, AROA…:session of an assumed role.
	ID string
	// Account is the account of the principal, 12 digits.
	Account string
}

// Kind is what a rule makes of its principals.
type Kind string

// The kinds.
const (
	// SSO: a permission set of IAM Identity Center, whose session name is the person's user name there.
	SSO Kind = "sso"
	// Person: one IAM user or role that one person uses.
	Person Kind = "person"
	// CI: the role of a pipeline, whose session name says on whose behalf it runs. It requests and decides nothing.
	CI Kind = "ci"
	// Shared: a role that several people use. It requests and decides nothing.
	Shared Kind = "shared"
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{SSO, Person, CI, Shared} }

// Rule maps principals to people.
type Rule struct {
	Name string
	Kind Kind
	// PermissionSet and Account are those of an SSO rule.
	PermissionSet, Account string
	// Principal is the ARN of the IAM user or role of the other kinds.
	Principal string
	// Person is the person of a Person rule.
	Person string
	// Actors are the people behind the session names of a CI rule. Where there are none a session name is the person;
	// where there are some, other sessions are refused.
	Actors map[string]string
}

// Rules are those of a project.
type Rules []Rule

// Who is what is known of a caller.
type Who struct {
	// Name is the person, or the rule's name for a pipeline or shared role; empty where no rule is about the principal.
	Name string
	// OnBehalfOf are the people behind a pipeline or shared role, as far as its session tells.
	OnBehalfOf []string
	// Undeciding says why the caller may decide nothing, and what to do; empty where a person stands behind it.
	Undeciding string
}

var (
	userPattern    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):user/[\x21-\x7e]{1,576}$`)
	rolePattern    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:[\x21-\x7e]{1,511}/)?([A-Za-z0-9+=,.@_-]{1,64})$`)
	sessionPattern = regexp.MustCompile(`^arn:aws[a-z-]*:sts::([0-9]{12}):assumed-role/([A-Za-z0-9+=,.@_-]{1,64})/([A-Za-z0-9+=,.@_-]{2,64})$`)
	// IAM reserves the prefix, so that nobody can make a role that looks like a permission set's.
	ssoPattern = regexp.MustCompile(`^AWSReservedSSO_([A-Za-z0-9+=,.@_-]{1,32})_[0-9a-f]{16}$`)
)

// session is an assumed role.
type session struct{ account, role, name string }

// Of says who stands behind a principal.
func (rules Rules) Of(p Principal) Who {
	if userPattern.MatchString(p.ARN) {
		for _, r := range rules {
			if r.Kind == Person && r.Principal == p.ARN && belongs(p, p.ARN) {
				return Who{Name: r.Person}
			}
		}
		return unknown(p, fmt.Sprintf("{ kind: person, principal: %q, person: NAME }", p.ARN))
	}
	parts := sessionPattern.FindStringSubmatch(p.ARN)
	if parts == nil || parts[1] != p.Account || (p.ID != "" && !strings.HasSuffix(p.ID, ":"+parts[3])) {
		return Who{Undeciding: fmt.Sprintf("IAM verified you as %s, which is neither an IAM user nor an assumed role; sign in as one of these", shown(p.ARN))}
	}
	s := session{parts[1], parts[2], parts[3]}
	for _, r := range rules {
		if r.about(s) {
			return r.who(s)
		}
	}
	if set := ssoPattern.FindStringSubmatch(s.role); set != nil {
		return unknown(p, fmt.Sprintf("{ kind: sso, permissionSet: %s, account: %q }", set[1], s.account))
	}
	return unknown(p, fmt.Sprintf("{ kind: person, principal: \"arn:aws:iam::%s:role/%s\", person: NAME }, or kind ci or shared", s.account, s.role))
}

// belongs says whether the account that IAM tells is that of the ARN.
func belongs(p Principal, arn string) bool { return strings.Contains(arn, "::"+p.Account+":") }

// about says whether a rule is about a session. An assumed role's ARN leaves the role's path out, and no two roles of an
// account have the same name.
func (r Rule) about(s session) bool {
	if r.Kind == SSO {
		set := ssoPattern.FindStringSubmatch(s.role)
		return set != nil && set[1] == r.PermissionSet && s.account == r.Account
	}
	role := rolePattern.FindStringSubmatch(r.Principal)
	return role != nil && role[1] == s.account && role[2] == s.role
}

func (r Rule) who(s session) Who {
	switch r.Kind {
	case SSO:
		return Who{Name: s.name}
	case Person:
		return Who{Name: r.Person}
	case CI:
		return r.pipeline(s)
	case Shared:
		return Who{Name: r.Name, OnBehalfOf: []string{s.name},
			Undeciding: r.Name + " is a role that several people share, and decides nothing; decide with a role of your own"}
	}
	return Who{Undeciding: fmt.Sprintf("the rule %s is of the kind %q, which this version does not know", r.Name, r.Kind)}
}

func (r Rule) pipeline(s session) Who {
	actor := s.name
	if len(r.Actors) > 0 {
		var known bool
		if actor, known = r.Actors[s.name]; !known {
			return Who{Undeciding: fmt.Sprintf("%s runs for %s, and project.yaml does not say which person that is; add it under identities.%s.actors", r.Name, s.name, r.Name)}
		}
	}
	return Who{Name: r.Name, OnBehalfOf: []string{actor},
		Undeciding: r.Name + " is the role of a pipeline, and decides nothing; decide with a role of your own"}
}

func unknown(p Principal, rule string) Who {
	return Who{Undeciding: fmt.Sprintf("IAM verified you as %s, and project.yaml does not say which person that is; add a rule under identities, as %s", shown(p.ARN), rule)}
}

// shown keeps a hostile text from filling the screen.
func shown(arn string) string {
	if arn == "" {
		return "nobody"
	}
	return fmt.Sprintf("%.200q", arn)
}

// CheckPrincipal says what is wrong with the ARN of a rule: only a person is an IAM user, pipelines and shared access are
// roles.
func CheckPrincipal(kind Kind, arn string) error {
	switch {
	case rolePattern.MatchString(arn), kind == Person && userPattern.MatchString(arn):
		return nil
	case kind == Person:
		return fmt.Errorf("%.200q is not the ARN of an IAM user or role; it looks like arn:aws:iam::111111111111:user/ana", arn)
	}
	return fmt.Errorf("%.200q is not the ARN of an IAM role; it looks like arn:aws:iam::111111111111:role/name", arn)
}

// Same says whether two rules are about the same principals.
func (r Rule) Same(other Rule) bool {
	if r.Kind == SSO || other.Kind == SSO {
		return r.Kind == other.Kind && r.PermissionSet == other.PermissionSet && r.Account == other.Account
	}
	a, b := rolePattern.FindStringSubmatch(r.Principal), rolePattern.FindStringSubmatch(other.Principal)
	if a == nil || b == nil {
		return r.Principal == other.Principal
	}
	return a[1] == b[1] && a[2] == b[2]
}
