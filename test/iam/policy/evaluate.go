package policy

import (
	"fmt"
	"strings"
)

// Request is one call as IAM sees it.
type Request struct {
	// Role is the ARN of the role that calls; empty where an AWS service does.
	Role string
	// Service is the name of the AWS service that calls, as events.amazonaws.com.
	Service string
	Action  string
	// Resource is the ARN of what is called; * where the action knows no resource.
	Resource string
	Context  Context
}

// Decision is what IAM answers.
type Decision string

// The decisions.
const (
	Allowed Decision = "allowed"
	// Denied: a statement denies it.
	Denied Decision = "denied"
	// NotAllowed: no statement allows it, or one of the policies that all must.
	NotAllowed Decision = "not allowed"
)

// Policies are all that bear upon a request.
type Policies struct {
	// Identity are those of the role.
	Identity []Document
	// Boundary and Session limit what identity policies give, where there are any.
	Boundary, Session []Document
	// Resource is that of the resource, of which there may be none, in ResourceAccount.
	Resource        *Document
	ResourceAccount string
	// Demanded says that the resource's own policy must allow the request also within an account: so it is with roles,
	// whose policy is their trust, and with KMS keys.
	Demanded bool
}

// Decide evaluates a request (IAM user guide, "Policy evaluation logic"): what is denied anywhere is denied; within an
// account either the role's policies or the resource's must allow it, across accounts both; boundary and session must
// allow it besides. The error is a policy that cannot be evaluated for the request.
func (p Policies) Decide(r Request) (Decision, error) {
	groups := [][]Document{p.Identity, p.Boundary, p.Session}
	granted := make([]bool, len(groups))
	for i, group := range groups {
		for _, document := range group {
			allowed, denied, err := document.decide(r, false)
			if err != nil || denied {
				return Denied, err
			}
			granted[i] = granted[i] || allowed != notGranted
		}
	}
	var ofResource grant
	if p.Resource != nil {
		allowed, denied, err := p.Resource.decide(r, true)
		if err != nil || denied {
			return Denied, err
		}
		ofResource = allowed
	}
	limited := (len(p.Boundary) == 0 || granted[1]) && (len(p.Session) == 0 || granted[2])
	ofIdentity := granted[0] && limited
	var allowed bool
	switch {
	case r.Service != "":
		allowed = ofResource == direct
	case accountOf(r.Role) != p.ResourceAccount && p.ResourceAccount != "":
		allowed = ofIdentity && ofResource != notGranted
	case p.Demanded:
		allowed = ofResource == direct && limited || ofResource == delegated && ofIdentity
	default:
		// A resource's policy that names the role gives it the right, still within boundary and session.
		allowed = ofIdentity || ofResource == direct && limited
	}
	if allowed {
		return Allowed, nil
	}
	return NotAllowed, nil
}

// grant is how a policy allows.
type grant int

const (
	notGranted grant = iota
	// delegated: to an account, which gives it on by identity policies.
	delegated
	direct
)

// decide says how a policy allows a request and whether it denies it.
func (d Document) decide(r Request, ofResource bool) (allowed grant, denied bool, err error) {
	for _, s := range d.Statements {
		how := direct
		if ofResource {
			if how = s.concerns(r); how == notGranted {
				continue
			}
		} else if len(s.Principals) > 0 {
			return notGranted, false, fmt.Errorf("statement %s of a role's policy has a principal", s.Sid)
		}
		if !s.matchesAction(r.Action) || !s.matchesResource(r.Resource) {
			continue
		}
		holds := true
		for _, c := range s.Conditions {
			ok, err := c.holds(r.Context)
			if err != nil {
				return notGranted, false, fmt.Errorf("statement %s: %w", s.Sid, err)
			}
			holds = holds && ok
		}
		switch {
		case !holds:
		case s.Effect == Deny:
			return notGranted, true, nil
		default:
			allowed = max(allowed, how)
		}
	}
	return allowed, false, nil
}

// concerns says whether a statement of a resource's policy is about whoever makes the request.
func (s Statement) concerns(r Request) grant {
	found := notGranted
	for _, p := range s.Principals {
		switch {
		case p.Kind == "Service":
			if r.Service == p.Name {
				return direct
			}
		case r.Role == "":
			// "*" is every principal, services among them; the conditions say which.
			if p.Name == "*" {
				return direct
			}
		case p.Name == "*", p.Name == r.Role:
			return direct
		case p.Name == accountOf(r.Role), strings.HasPrefix(p.Name, "arn:") && strings.HasSuffix(p.Name, ":root") && accountOf(p.Name) == accountOf(r.Role):
			found = delegated
		}
	}
	return found
}

// accountOf is the fifth part of an ARN.
func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}
