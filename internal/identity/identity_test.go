package identity_test

import (
	"slices"
	"strings"
	"testing"

	"stackgate/internal/identity"
)

const (
	account = "111111111111"
	sso     = "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Engineers_0123456789abcdef/ana@example.com"
)

var rules = identity.Rules{
	{Name: "engineers", Kind: identity.SSO, PermissionSet: "Engineers", Account: account},
	{Name: "bo", Kind: identity.Person, Principal: "arn:aws:iam::111111111111:user/people/bo", Person: "bo@example.com"},
	{Name: "cy", Kind: identity.Person, Principal: "arn:aws:iam::111111111111:role/people/cy", Person: "cy"},
	{Name: "github", Kind: identity.CI, Principal: "arn:aws:iam::111111111111:role/ci/github-deploy", Actors: map[string]string{"octo-ana": "ana@example.com"}},
	{Name: "gitlab", Kind: identity.CI, Principal: "arn:aws:iam::111111111111:role/gitlab-deploy"},
	{Name: "oncall", Kind: identity.Shared, Principal: "arn:aws:iam::111111111111:role/oncall"},
}

func assumed(role, session string) identity.Principal {
	return identity.Principal{ARN: "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + session, ID: "AROAEXAMPLE:" + session, Account: account}
}

func TestWhoStandsBehindAPrincipal(t *testing.T) {
	for name, c := range map[string]struct {
		principal identity.Principal
		who       string
		behalf    []string
		// undeciding is part of the reason; empty where the caller may decide.
		undeciding string
	}{
		"a permission set": {identity.Principal{ARN: sso, ID: "AROAEXAMPLE:ana@example.com", Account: account}, "ana@example.com", nil, ""},
		"without its id":   {identity.Principal{ARN: sso, Account: account}, "ana@example.com", nil, ""},
		"the id of another session": {identity.Principal{ARN: sso, ID: "AROAEXAMPLE:bo", Account: account}, "", nil,
			"neither an IAM user nor an assumed role"},
		"another permission set":       {assumed("AWSReservedSSO_Readers_0123456789abcdef", "ana"), "", nil, `{ kind: sso, permissionSet: Readers, account: "111111111111" }`},
		"a role that looks like one":   {assumed("AWSReservedSSO_Engineers_0123", "ana"), "", nil, "add a rule under identities"},
		"its name in another account":  {identity.Principal{ARN: strings.ReplaceAll(sso, account, "222222222222"), Account: "222222222222"}, "", nil, "add a rule under identities"},
		"an account that is not its":   {identity.Principal{ARN: sso, Account: "222222222222"}, "", nil, "neither"},
		"a user":                       {identity.Principal{ARN: "arn:aws:iam::111111111111:user/people/bo", ID: "AIDAEXAMPLE", Account: account}, "bo@example.com", nil, ""},
		"a user of another path":       {identity.Principal{ARN: "arn:aws:iam::111111111111:user/bo", Account: account}, "", nil, `{ kind: person, principal: "arn:aws:iam::111111111111:user/bo", person: NAME }`},
		"a user of another account":    {identity.Principal{ARN: "arn:aws:iam::111111111111:user/people/bo", Account: "222222222222"}, "", nil, "add a rule"},
		"a role of one person":         {assumed("cy", "laptop"), "cy", nil, ""},
		"a pipeline":                   {assumed("github-deploy", "octo-ana"), "github", []string{"ana@example.com"}, "github is the role of a pipeline"},
		"a pipeline for a stranger":    {assumed("github-deploy", "GitHubActions"), "", nil, "identities.github.actors"},
		"a pipeline without actors":    {assumed("gitlab-deploy", "di"), "gitlab", []string{"di"}, "gitlab is the role of a pipeline"},
		"a shared role":                {assumed("oncall", "ana"), "oncall", []string{"ana"}, "oncall is a role that several people share"},
		"an unknown role":              {assumed("admin", "root"), "", nil, `"arn:aws:iam::111111111111:role/admin"`},
		"the root user":                {identity.Principal{ARN: "arn:aws:iam::111111111111:root", Account: account}, "", nil, "neither"},
		"a federated user":             {identity.Principal{ARN: "arn:aws:sts::111111111111:federated-user/ana", Account: account}, "", nil, "neither"},
		"nobody":                       {identity.Principal{}, "", nil, "IAM verified you as nobody"},
		"a session with a slash in it": {assumed("cy", "laptop/x"), "", nil, "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			got := rules.Of(c.principal)
			if got.Name != c.who || !slices.Equal(got.OnBehalfOf, c.behalf) || (got.Undeciding == "") != (c.undeciding == "") || !strings.Contains(got.Undeciding, c.undeciding) {
				t.Errorf("%+v", got)
			}
			if got.Name == "" && got.Undeciding == "" {
				t.Error("somebody unknown may decide")
			}
		})
	}
}

func TestWithoutRulesNobodyIsKnown(t *testing.T) {
	if got := (identity.Rules{}).Of(identity.Principal{ARN: sso, Account: account}); got.Name != "" || got.Undeciding == "" {
		t.Errorf("%+v", got)
	}
	if got := (identity.Rules{{Name: "new", Kind: "new", Principal: "arn:aws:iam::111111111111:role/cy"}}).Of(assumed("cy", "ana")); got.Name != "" || got.Undeciding == "" {
		t.Errorf("a kind of the future: %+v", got)
	}
}

func TestEveryKindIsReached(t *testing.T) {
	for _, kind := range identity.Kinds() {
		if !slices.ContainsFunc(rules, func(r identity.Rule) bool { return r.Kind == kind }) {
			t.Errorf("no rule of kind %s is tested", kind)
		}
	}
}

func TestCheckPrincipalAndSame(t *testing.T) {
	const user, role = "arn:aws:iam::111111111111:user/bo", "arn:aws:iam::111111111111:role/x/bo"
	for _, kind := range []identity.Kind{identity.Person, identity.CI, identity.Shared} {
		if err := identity.CheckPrincipal(kind, role); err != nil {
			t.Error(err)
		}
		if err := identity.CheckPrincipal(kind, user); (err == nil) != (kind == identity.Person) {
			t.Errorf("%s: %v", kind, err)
		}
		if identity.CheckPrincipal(kind, "bo") == nil || identity.CheckPrincipal(kind, sso) == nil {
			t.Errorf("%s takes anything", kind)
		}
	}
	same := func(a, b string) bool {
		return identity.Rule{Kind: identity.Person, Principal: a}.Same(identity.Rule{Kind: identity.CI, Principal: b})
	}
	if !same(role, "arn:aws:iam::111111111111:role/bo") || same(role, user) || !same(user, user) || same(role, "arn:aws:iam::222222222222:role/bo") {
		t.Error("same roles are not told from others")
	}
	if rules[0].Same(rules[1]) || !rules[0].Same(rules[0]) {
		t.Error("permission sets")
	}
}

func FuzzOf(f *testing.F) {
	f.Add(sso, "AROA:ana@example.com", account)
	f.Add("arn:aws:iam::111111111111:user/people/bo", "AIDA", account)
	f.Fuzz(func(t *testing.T, arn, id, account string) {
		got := rules.Of(identity.Principal{ARN: arn, ID: id, Account: account})
		if got.Name == "" && got.Undeciding == "" {
			t.Error("somebody unknown may decide")
		}
		if got.Name != "" && account != "111111111111" {
			t.Errorf("%q of account %q is %q", arn, account, got.Name)
		}
	})
}
