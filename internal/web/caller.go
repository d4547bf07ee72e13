package web

import (
	"stackgate/internal/approval"
	"stackgate/internal/frontdoor"
	"stackgate/internal/identity"
)

// maxAgent is how much is kept of what a program calls itself, in bytes.
const maxAgent = 256

// VerifiedCaller is the caller behind a principal that IAM has verified. Address and agent are for the record only.
func VerifiedCaller(rules identity.Rules, p identity.Principal, address, agent string) frontdoor.Caller {
	who := rules.Of(p)
	return frontdoor.Caller{
		Name: who.Name, Verified: true, OnBehalfOf: who.OnBehalfOf, Undeciding: who.Undeciding,
		Source: approval.Source{Principal: p.ARN, PrincipalID: p.ID, Channel: approval.API, Address: address, Agent: agent[:min(len(agent), maxAgent)]},
	}
}

// UnverifiedCaller is a person as the command line of an embedded mode names them.
func UnverifiedCaller(name string) frontdoor.Caller {
	return frontdoor.Caller{Name: name, Source: approval.Source{Channel: approval.Terminal}}
}
