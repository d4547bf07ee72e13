// Package security says what a change of a resource means for permissions and exposure: who can do or reach more than
// before. It compares what CloudFormation resolved, statement by statement, and is not a proof: what it does not
// analyse, Scope says.
package security

import (
	"slices"
	"strconv"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// Scope says in one sentence what the findings cover and what they do not.
const Scope = "Covers IAM identity, trust and resource policies, security groups, network ACLs and public-access settings as CloudFormation reports them; custom resources, service control policies, code and anything changed outside this stack are not analysed, so there may be security-related changes that are not in this list."

// Resource is one resource change as the analysis sees it.
type Resource struct {
	Type string
	// Before and After are the contexts of the resource ({"Properties": {…}}); nil where it did not or will not exist.
	Before, After any
	// Known: CloudFormation reported the contexts. Where it did not, Changed decides whether there is a finding.
	Known bool
	// Created and Removed say which of the contexts is nil because the resource is not there.
	Created, Removed bool
	// Changed lists the names of the properties that change.
	Changed []string
	// Account is the 12-digit id of the target account; empty where it is not known.
	Account string
}

// Analyze returns the findings of one resource, widened first. Their Path and Type are the caller's to fill in.
func Analyze(r Resource) []plan.SecurityFinding {
	if !r.Known {
		return opaque(r)
	}
	before, after := jsontree.Member(r.Before, "Properties"), jsontree.Member(r.After, "Properties")
	var findings []plan.SecurityFinding
	findings = append(findings, policies(r, before, after)...)
	findings = append(findings, attachments(r, before, after)...)
	findings = append(findings, network(r, before, after)...)
	findings = append(findings, exposure(r, before, after)...)
	if r.Removed {
		// A resource that goes away takes its permissions with it; only what it denied, or guarded, is worth a line.
		findings = slices.DeleteFunc(findings, func(f plan.SecurityFinding) bool { return f.Direction == plan.DirectionNarrowed })
	}
	slices.SortStableFunc(findings, func(a, b plan.SecurityFinding) int {
		return slices.Index(plan.Directions(), a.Direction) - slices.Index(plan.Directions(), b.Direction)
	})
	return findings
}

func policies(r Resource, before, after any) []plan.SecurityFinding {
	old, brokenBefore := documents(before)
	new, brokenAfter := documents(after)
	old, new = append(old, permissionStatements(r.Type, before)...), append(new, permissionStatements(r.Type, after)...)
	findings := comparePolicies(old, new, r.Account)
	if r.Created {
		findings = slices.DeleteFunc(findings, serviceTrust)
	}
	if brokenAfter > brokenBefore {
		findings = append(findings, unclear(plan.SecurityIdentityPolicy, "holds a policy statement that cannot be read"))
	}
	for _, name := range policyProperties() {
		value := jsontree.Member(after, name)
		if text, ok := value.(string); ok && strings.Contains(text, plan.KnownAfterApply) && !jsontree.Equal(value, jsontree.Member(before, name)) {
			findings = append(findings, unclear(kindOfProperty(name), name+" is known only after apply"))
		}
	}
	return findings
}

// serviceTrust recognises the trust of a new role in an AWS service. It grants nothing by itself: what the role may do
// is reported as its own findings, and the service can use it only for whom it was passed to.
func serviceTrust(f plan.SecurityFinding) bool {
	return f.Kind == plan.SecurityTrustPolicy && f.Effect == "Allow" && strings.HasSuffix(strings.SplitN(f.After, " if ", 2)[0], ".amazonaws.com")
}

func unclear(kind plan.SecurityKind, sentence string) plan.SecurityFinding {
	return plan.SecurityFinding{Kind: kind, Direction: plan.DirectionUnclear, Effect: "Unknown", After: "not known", Summary: sentence}
}

// policyProperties are the properties that hold policies, by the names that AWS gives them.
func policyProperties() []string {
	return []string{
		"PolicyDocument", "AssumeRolePolicyDocument", "Policies", "KeyPolicy", "ResourcePolicy", "AccessPolicies", "Policy",
		"RepositoryPolicyText", "FileSystemPolicy", "AccessPolicy", "InlinePolicy", "PermissionsPolicyDocument", "PolicyText",
	}
}

func kindOfProperty(name string) plan.SecurityKind {
	switch name {
	case "AssumeRolePolicyDocument":
		return plan.SecurityTrustPolicy
	case "PolicyDocument", "Policies", "InlinePolicy":
		return plan.SecurityIdentityPolicy
	case "ManagedPolicyArns", "ManagedPolicies":
		return plan.SecurityManagedPolicy
	case "PermissionsBoundary":
		return plan.SecurityBoundary
	case "SecurityGroupIngress":
		return plan.SecurityNetworkIngress
	case "SecurityGroupEgress":
		return plan.SecurityNetworkEgress
	case "PublicAccessBlockConfiguration", "PubliclyAccessible", "AuthType", "AccessControl", "AuthorizationType", "Scheme":
		return plan.SecurityPublicAccess
	}
	return plan.SecurityResourcePolicy
}

// opaque finds, where no values were reported, what would have to be looked at.
func opaque(r Resource) []plan.SecurityFinding {
	if r.Created || r.Removed {
		if !securityType(r.Type) || r.Removed && !strings.HasSuffix(r.Type, "Policy") {
			return nil
		}
		verb := "is created"
		if r.Removed {
			verb = "is removed"
		}
		return []plan.SecurityFinding{unclear(kindOfType(r.Type), verb+"; what it allows or denies was not reported")}
	}
	relevant := append(policyProperties(), "ManagedPolicyArns", "ManagedPolicies", "PermissionsBoundary", "SecurityGroupIngress",
		"SecurityGroupEgress", "PublicAccessBlockConfiguration", "PubliclyAccessible", "AuthType", "AccessControl",
		"AuthorizationType", "Scheme", "Principal")
	if securityType(r.Type) {
		relevant = append(relevant, "Roles", "Users", "Groups", "CidrIp", "CidrIpv6", "CidrBlock", "RuleAction", "FromPort", "ToPort", "SourceArn")
	}
	var findings []plan.SecurityFinding
	for _, name := range relevant {
		if slices.Contains(r.Changed, name) {
			findings = append(findings, unclear(kindOfProperty(name), name+" changes; from what to what was not reported"))
		}
	}
	return findings
}

// securityType says whether a resource is about permissions or reachability and little else.
func securityType(resourceType string) bool {
	switch resourceType {
	case "AWS::Lambda::Permission", "AWS::Lambda::Url", "AWS::Lambda::LayerVersionPermission", "AWS::EC2::SecurityGroup",
		"AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::NetworkAclEntry", "AWS::SSO::Assignment",
		"AWS::SSO::PermissionSet":
		return true
	case "AWS::IAM::InstanceProfile", "AWS::IAM::ServiceLinkedRole", "AWS::IAM::ServerCertificate", "AWS::IAM::VirtualMFADevice":
		return false
	}
	switch {
	case strings.HasPrefix(resourceType, "AWS::ApplicationAutoScaling::"), strings.HasPrefix(resourceType, "AWS::AutoScaling::"),
		strings.HasSuffix(resourceType, "CachePolicy"), strings.HasSuffix(resourceType, "LifecyclePolicy"):
		return false
	}
	return strings.HasPrefix(resourceType, "AWS::IAM::") || strings.HasSuffix(resourceType, "Policy")
}

func kindOfType(resourceType string) plan.SecurityKind {
	switch {
	case strings.Contains(resourceType, "Egress"):
		return plan.SecurityNetworkEgress
	case strings.Contains(resourceType, "SecurityGroup"), strings.Contains(resourceType, "NetworkAcl"):
		return plan.SecurityNetworkIngress
	case strings.HasPrefix(resourceType, "AWS::Lambda::"):
		return plan.SecurityInvokePermission
	case strings.HasPrefix(resourceType, "AWS::IAM::"), strings.HasPrefix(resourceType, "AWS::SSO::"):
		return plan.SecurityIdentityPolicy
	}
	return plan.SecurityResourcePolicy
}

// few lists values for one line: at most four, then how many more.
func few(values []string) string {
	// A twelfth action can be the dangerous one, so what is cut is what nobody would read to its end.
	const most = 12
	if len(values) <= most {
		return strings.Join(values, ", ")
	}
	return strings.Join(values[:most], ", ") + " (+" + strconv.Itoa(len(values)-most) + ")"
}
