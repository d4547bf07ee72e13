package service_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/identity"
	"stackgate/internal/service"
)

// withPeople is the base project with groups and identities, and with groups in the policy of prod.
func withPeople(t *testing.T, orders string) *service.Catalog {
	t.Helper()
	files := readTree(t, "testdata/base")
	base := strings.Replace(string(files["project.yaml"].Data), "count: 2 }", "count: 2, groups: [approvers, owners] }", 1)
	files["project.yaml"] = text(base + `
groups:
  approvers: [ana, bo]
  owners: [cy, Bo]
  few: [bo, cy]
identities:
  engineers: { kind: sso, permissionSet: Engineers, account: "333333333333" }
  pipeline: { kind: ci, principal: "arn:aws:iam::333333333333:role/ci", actors: { octo: ana } }
`)
	files["orders.yaml"] = text(string(files["orders.yaml"].Data) + orders)
	return mustLoad(t, files)
}

func TestGroupsOfAPolicy(t *testing.T) {
	people := func(environment, orders string) []string {
		return definitionOf(t, withPeople(t, orders), "orders", environment).Approval.People()
	}
	if got := people("staging", ""); got != nil {
		t.Errorf("staging: %v", got)
	}
	if diff := cmp.Diff([]string{"ana", "bo", "cy"}, people("prod", "")); diff != "" {
		t.Error(diff)
	}
	const narrowed = "policy: { approval: { groups: [few] } }\n"
	for _, environment := range []string{"staging", "prod"} {
		if diff := cmp.Diff([]string{"bo", "cy"}, people(environment, narrowed)); diff != "" {
			t.Errorf("%s: %s", environment, diff)
		}
	}
	d := definitionOf(t, withPeople(t, ""), "orders", "prod")
	if want := []approval.Group{{Name: "approvers", Members: []string{"ana", "bo"}}, {Name: "owners", Members: []string{"cy", "Bo"}}}; !cmp.Equal(d.Approval.Groups, want) {
		t.Errorf("%+v", d.Approval.Groups)
	}
	if rendered := string(service.Render(d, true)); !strings.Contains(rendered, "groups: [approvers, owners]") || !strings.Contains(rendered, "services/project.yaml:16") {
		t.Errorf("rendered as\n%s", rendered)
	}
}

func TestIdentities(t *testing.T) {
	want := identity.Rules{
		{Name: "engineers", Kind: identity.SSO, PermissionSet: "Engineers", Account: "333333333333"},
		{Name: "pipeline", Kind: identity.CI, Principal: "arn:aws:iam::333333333333:role/ci", Actors: map[string]string{"octo": "ana"}},
	}
	if diff := cmp.Diff(want, withPeople(t, "").Identities()); diff != "" {
		t.Error(diff)
	}
	if got := project(t, nil).Identities(); len(got) != 0 {
		t.Errorf("a project that says nothing has %v", got)
	}
}
