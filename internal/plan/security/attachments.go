package security

import (
	"slices"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// permissionStatements reads the resources that are one statement of a policy, written as properties.
func permissionStatements(resourceType string, properties any) []statement {
	if properties == nil {
		return nil
	}
	get := func(name string) (string, bool) { return jsontree.Text(jsontree.Member(properties, name)) }
	s := statement{allow: true, resource: anything(), principals: true, resources: true, kind: plan.SecurityInvokePermission}
	switch resourceType {
	case "AWS::Lambda::Permission":
		function, _ := get("FunctionName")
		s.resource.patterns = []string{function}
	case "AWS::Lambda::LayerVersionPermission":
		layer, _ := get("LayerVersionArn")
		s.resource.patterns = []string{layer}
	default:
		return nil
	}
	action, _ := get("Action")
	s.action.patterns = []string{action}
	principal, _ := get("Principal")
	switch {
	case principal == "*":
		s.principal.patterns = []string{"*"}
	case strings.HasSuffix(principal, ".amazonaws.com") || strings.HasSuffix(principal, ".amazon.com"):
		s.principal.patterns = []string{"Service:" + principal}
	default:
		s.principal.patterns = principalsOf(map[string]any{"AWS": principal})
	}
	for _, c := range []struct{ property, operator, key string }{
		{"SourceArn", "ArnLike", "aws:sourcearn"},
		{"SourceAccount", "StringEquals", "aws:sourceaccount"},
		{"PrincipalOrgID", "StringEquals", "aws:principalorgid"},
		{"OrganizationId", "StringEquals", "aws:principalorgid"},
		{"FunctionUrlAuthType", "StringEquals", "lambda:functionurlauthtype"},
	} {
		if value, ok := get(c.property); ok {
			s.conditions = append(s.conditions, condition{c.operator, c.key, []string{value}})
		}
	}
	return []statement{s}
}

// attachment is a list of things that a resource is given or joined to.
type attachment struct {
	types    []string
	property string
	kind     plan.SecurityKind
	// gained and lost are sentences in which %s is the thing.
	gained, lost string
}

// attachmentRows is never written to.
var attachmentRows = attachmentTable()

func attachmentTable() []attachment {
	principals := []string{"AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"}
	policies := []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}
	return []attachment{
		{principals, "ManagedPolicyArns", plan.SecurityManagedPolicy, "is given the managed policy ", "loses the managed policy "},
		{[]string{"AWS::SSO::PermissionSet"}, "ManagedPolicies", plan.SecurityManagedPolicy, "is given the managed policy ", "loses the managed policy "},
		{[]string{"AWS::SSO::PermissionSet"}, "CustomerManagedPolicyReferences", plan.SecurityManagedPolicy, "is given the managed policy ", "loses the managed policy "},
		{policies, "Roles", plan.SecurityMembership, "also applies to the role ", "no longer applies to the role "},
		{policies, "Users", plan.SecurityMembership, "also applies to the user ", "no longer applies to the user "},
		{policies, "Groups", plan.SecurityMembership, "also applies to the group ", "no longer applies to the group "},
		{[]string{"AWS::IAM::User"}, "Groups", plan.SecurityMembership, "joins the group ", "leaves the group "},
		{[]string{"AWS::IAM::UserToGroupAddition"}, "Users", plan.SecurityMembership, "adds to its group the user ", "takes from its group the user "},
		{[]string{"AWS::IAM::InstanceProfile"}, "Roles", plan.SecurityMembership, "lets instances take the role ", "no longer lets instances take the role "},
	}
}

// attachments compares managed policies, memberships and boundaries.
func attachments(r Resource, before, after any) []plan.SecurityFinding {
	var findings []plan.SecurityFinding
	for _, row := range attachmentRows {
		if slices.Contains(row.types, r.Type) {
			findings = append(findings, row.compare(r, texts(jsontree.Member(before, row.property)), texts(jsontree.Member(after, row.property)))...)
		}
	}
	if f, ok := boundary(before, after); ok {
		findings = append(findings, f)
	}
	switch {
	case r.Type == "AWS::IAM::AccessKey" && r.Created:
		user, _ := jsontree.Text(jsontree.Member(after, "UserName"))
		findings = append(findings, plan.SecurityFinding{Kind: plan.SecurityMembership, Direction: plan.DirectionWidened, Effect: "Access key", After: user, Summary: "makes a long-lived access key for the user " + user})
	case r.Type == "AWS::SSO::Assignment" && !r.Removed && !jsontree.Equal(before, after):
		target, _ := jsontree.Text(jsontree.Member(after, "TargetId"))
		principal, _ := jsontree.Text(jsontree.Member(after, "PrincipalId"))
		findings = append(findings, plan.SecurityFinding{Kind: plan.SecurityMembership, Direction: plan.DirectionWidened, Effect: "Assign", After: principal + " in account " + target, Summary: "assigns a permission set in account " + target + " to the principal " + principal})
	}
	return findings
}

func (row attachment) compare(r Resource, before, after []string) []plan.SecurityFinding {
	// The memberships of a new policy say nothing that its statements do not.
	if r.Created && row.kind == plan.SecurityMembership && r.Type != "AWS::IAM::User" && r.Type != "AWS::IAM::UserToGroupAddition" {
		return nil
	}
	var findings []plan.SecurityFinding
	for _, name := range after {
		if slices.Contains(before, name) {
			continue
		}
		f := plan.SecurityFinding{Kind: row.kind, Direction: plan.DirectionWidened, Effect: "Attach", After: name, Summary: row.gained + name}
		if strings.HasSuffix(name, ":policy/AdministratorAccess") || strings.HasSuffix(name, ":policy/IAMFullAccess") || strings.HasSuffix(name, ":policy/PowerUserAccess") {
			f.Summary += " (administrator)"
		}
		if strings.Contains(name, plan.KnownAfterApply) {
			f.Direction, f.Summary = plan.DirectionUnclear, row.gained+"one that is known only after apply"
		}
		findings = append(findings, f)
	}
	for _, name := range before {
		if !slices.Contains(after, name) {
			findings = append(findings, plan.SecurityFinding{Kind: row.kind, Direction: plan.DirectionNarrowed, Effect: "Detach", Before: name, Summary: row.lost + name})
		}
	}
	return findings
}

func boundary(before, after any) (plan.SecurityFinding, bool) {
	old, had := jsontree.Member(before, "PermissionsBoundary"), jsontree.Member(before, "PermissionsBoundary") != nil
	new, has := jsontree.Member(after, "PermissionsBoundary"), jsontree.Member(after, "PermissionsBoundary") != nil
	if before == nil || after == nil || jsontree.Equal(old, new) {
		return plan.SecurityFinding{}, false
	}
	f := plan.SecurityFinding{Kind: plan.SecurityBoundary, Effect: "Boundary", Before: strings.Join(texts(old), ", "), After: strings.Join(texts(new), ", ")}
	switch {
	case had && !has:
		f.Direction, f.Summary = plan.DirectionWidened, "loses its permissions boundary "+f.Before
	case !had && has:
		f.Direction, f.Summary = plan.DirectionNarrowed, "is given the permissions boundary "+f.After
	default:
		f.Direction, f.Summary = plan.DirectionUnclear, "changes its permissions boundary from "+f.Before+" to "+f.After
	}
	return f, true
}
