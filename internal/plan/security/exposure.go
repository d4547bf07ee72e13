package security

import (
	"slices"
	"strconv"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// exposureRow is a setting of which some values open a resource.
type exposureRow struct {
	// types are the resource types that have it; empty: any.
	types []string
	// path is a JSON pointer into the properties, in which * stands for every element of a list.
	path string
	// open and shut are the values that open or shut; exactly one of them is set.
	open, shut []string
	// absentOpen: without the setting, the resource is open.
	absentOpen bool
	// changeOnly: a new resource that is open is no finding.
	changeOnly bool
	everyone   bool
	kind       plan.SecurityKind
	effect     string
	opened     string
	closed     string
}

// exposures is never written to.
var exposures = exposureTable()

func exposureTable() []exposureRow {
	public := func(types []string, path string, open []string, opened, closed string) exposureRow {
		return exposureRow{types: types, path: path, open: open, kind: plan.SecurityPublicAccess, effect: "Public", opened: opened, closed: closed}
	}
	yes := []string{"true"}
	rows := []exposureRow{
		public(nil, "/PubliclyAccessible", yes, "gets a public address", "loses its public address"),
		public([]string{"AWS::EC2::Subnet"}, "/MapPublicIpOnLaunch", yes, "gives instances public addresses", "no longer gives instances public addresses"),
		public([]string{"AWS::EC2::Instance"}, "/NetworkInterfaces/*/AssociatePublicIpAddress", yes, "gets a public address", "loses its public address"),
		public([]string{"AWS::EC2::LaunchTemplate"}, "/LaunchTemplateData/NetworkInterfaces/*/AssociatePublicIpAddress", yes, "gives instances public addresses", "no longer gives instances public addresses"),
		public([]string{"AWS::AutoScaling::LaunchConfiguration"}, "/AssociatePublicIpAddress", yes, "gives instances public addresses", "no longer gives instances public addresses"),
		public([]string{"AWS::ECS::Service"}, "/NetworkConfiguration/AwsvpcConfiguration/AssignPublicIp", []string{"enabled"}, "gives tasks public addresses", "no longer gives tasks public addresses"),
		public([]string{"AWS::MSK::Cluster"}, "/BrokerNodeGroupInfo/ConnectivityInfo/PublicAccess/Type", []string{"service_provided_eips"}, "gets public addresses", "loses its public addresses"),
		public([]string{"AWS::S3::Bucket"}, "/OwnershipControls/Rules/*/ObjectOwnership", []string{"objectwriter", "bucketownerpreferred"}, "lets access-control lists grant access", "no longer lets access-control lists grant access"),
		public([]string{"AWS::S3::Bucket"}, "/CorsConfiguration/CorsRules/*/AllowedOrigins/*", []string{"*"}, "accepts requests from pages of any origin", "no longer accepts requests from pages of any origin"),
		public([]string{"AWS::Lambda::Url"}, "/Cors/AllowOrigins/*", []string{"*"}, "accepts requests from pages of any origin", "no longer accepts requests from pages of any origin"),
		public([]string{"AWS::EKS::Cluster"}, "/ResourcesVpcConfig/PublicAccessCidrs/*", []string{"0.0.0.0/0", "::/0"}, "opens its API endpoint to the whole internet", "no longer opens its API endpoint to the whole internet"),
		public([]string{"AWS::AppSync::GraphQLApi"}, "/AuthenticationType", []string{"api_key"}, "asks callers for an API key only", "no longer takes an API key alone"),
	}
	everyone := func(row exposureRow) exposureRow { row.everyone = true; return row }
	rows = append(rows,
		everyone(public([]string{"AWS::Lambda::Url"}, "/AuthType", []string{"none"}, "can be called by everyone, without signing in (AuthType NONE)", "can no longer be called by everyone")),
		everyone(public([]string{"AWS::S3::Bucket"}, "/AccessControl", []string{"publicread", "publicreadwrite", "authenticatedread"}, "is readable by everyone through its access-control list", "is no longer readable by everyone")),
		everyone(public([]string{"AWS::Cognito::IdentityPool"}, "/AllowUnauthenticatedIdentities", yes, "gives credentials to callers who have not signed in", "no longer gives credentials to callers who have not signed in")),
		everyone(public([]string{"AWS::ApiGateway::Method"}, "/AuthorizationType", []string{"none"}, "can be called without authorization", "can no longer be called without authorization")),
	)
	route := everyone(public([]string{"AWS::ApiGatewayV2::Route"}, "/AuthorizationType", []string{"none"}, "can be called without authorization", "can no longer be called without authorization"))
	route.absentOpen = true
	scheme := exposureRow{types: []string{"AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancing::LoadBalancer"}, path: "/Scheme", shut: []string{"internal"}, absentOpen: true, kind: plan.SecurityPublicAccess, effect: "Public", opened: "faces the internet", closed: "no longer faces the internet"}
	eks := exposureRow{types: []string{"AWS::EKS::Cluster"}, path: "/ResourcesVpcConfig/EndpointPublicAccess", shut: []string{"false"}, absentOpen: true, kind: plan.SecurityPublicAccess, effect: "Public", opened: "has a public API endpoint", closed: "no longer has a public API endpoint"}
	transfer := exposureRow{types: []string{"AWS::Transfer::Server"}, path: "/EndpointType", shut: []string{"vpc", "vpc_endpoint"}, absentOpen: true, kind: plan.SecurityPublicAccess, effect: "Public", opened: "has a public endpoint", closed: "no longer has a public endpoint"}
	rows = append(rows, route, scheme, eks, transfer)
	return append(rows, weakenedRows()...)
}

// weakenedRows are settings that count only when they change: a guard that was on and goes off.
func weakenedRows() []exposureRow {
	off := func(types []string, path string, shut []string, kind plan.SecurityKind, effect, opened, closed string) exposureRow {
		return exposureRow{types: types, path: path, shut: shut, absentOpen: true, changeOnly: true, kind: kind, effect: effect, opened: opened, closed: closed}
	}
	on, opensearch := []string{"true"}, []string{"AWS::OpenSearchService::Domain", "AWS::Elasticsearch::Domain"}
	return []exposureRow{
		off([]string{"AWS::EC2::Instance"}, "/MetadataOptions/HttpTokens", []string{"required"}, plan.SecurityPublicAccess, "Metadata", "answers metadata requests without a session token (IMDSv1)", "demands session tokens for metadata requests (IMDSv2)"),
		off([]string{"AWS::EC2::LaunchTemplate"}, "/LaunchTemplateData/MetadataOptions/HttpTokens", []string{"required"}, plan.SecurityPublicAccess, "Metadata", "lets instances answer metadata requests without a session token (IMDSv1)", "demands session tokens for metadata requests (IMDSv2)"),
		off(opensearch, "/AdvancedSecurityOptions/Enabled", on, plan.SecurityPublicAccess, "Access", "turns fine-grained access control off", "turns fine-grained access control on"),
		off(opensearch, "/DomainEndpointOptions/EnforceHTTPS", on, plan.SecurityEncryption, "Transit", "accepts connections without TLS", "accepts connections with TLS only"),
		off(opensearch, "/NodeToNodeEncryptionOptions/Enabled", on, plan.SecurityEncryption, "Transit", "turns encryption between nodes off", "turns encryption between nodes on"),
		off(nil, "/TransitEncryptionEnabled", on, plan.SecurityEncryption, "Transit", "turns encryption in transit off", "turns encryption in transit on"),
		off([]string{"AWS::ElasticLoadBalancingV2::Listener"}, "/Protocol", []string{"https", "tls"}, plan.SecurityEncryption, "Transit", "accepts connections without TLS", "accepts connections with TLS only"),
	}
}

// exposure compares settings that open a resource to others.
func exposure(r Resource, before, after any) []plan.SecurityFinding {
	var findings []plan.SecurityFinding
	if r.Type == "AWS::S3::Bucket" || r.Type == "AWS::S3::AccessPoint" {
		findings = publicAccessBlock(before, after)
	}
	for _, row := range exposures {
		if len(row.types) > 0 && !slices.Contains(row.types, r.Type) {
			continue
		}
		if f, ok := row.compare(r, before, after); ok {
			findings = append(findings, f)
		}
	}
	return findings
}

func (row exposureRow) compare(r Resource, before, after any) (plan.SecurityFinding, bool) {
	if r.Removed || r.Created && row.changeOnly {
		return plan.SecurityFinding{}, false
	}
	old, new := valuesAt(before, row.path), valuesAt(after, row.path)
	wasOpen := !r.Created && row.isOpen(old)
	f := plan.SecurityFinding{Kind: row.kind, Effect: row.effect, Before: few(old), After: few(new), Everyone: row.everyone}
	isOpen := row.isOpen(new)
	switch {
	case slices.ContainsFunc(new, func(v string) bool { return strings.Contains(v, plan.KnownAfterApply) }) && !wasOpen:
		f.Direction, f.After, f.Everyone = plan.DirectionUnclear, plan.TextKnownLater, false
		f.Summary = row.opened + ", or not: " + row.path[1:] + " is known only after apply"
	case isOpen && !wasOpen:
		f.Direction, f.Summary = plan.DirectionWidened, row.opened
	case wasOpen && !isOpen:
		f.Direction, f.Summary, f.Everyone = plan.DirectionNarrowed, row.closed, false
	default:
		return plan.SecurityFinding{}, false
	}
	if f.After == "" {
		f.After = "not set"
	}
	return f, true
}

func (row exposureRow) isOpen(values []string) bool {
	if len(values) == 0 {
		return row.absentOpen
	}
	return slices.ContainsFunc(values, func(v string) bool {
		if row.open != nil {
			return slices.Contains(row.open, strings.ToLower(v))
		}
		return !slices.Contains(row.shut, strings.ToLower(v))
	})
}

// valuesAt reads the leaves at a pointer in which * stands for every element of a list.
func valuesAt(tree any, path string) []string {
	found := []any{tree}
	for token := range jsontree.Steps(path) {
		var next []any
		for _, value := range found {
			if token == "*" {
				next = append(next, jsontree.List(value)...)
			} else if member := jsontree.Member(value, token); member != nil {
				next = append(next, member)
			}
		}
		found = next
	}
	var values []string
	for _, value := range found {
		if text, ok := jsontree.Text(value); ok {
			values = append(values, text)
		}
	}
	return values
}

// publicAccessBlock compares the four flags of S3. A flag that a new bucket does not name is on by S3's default since
// April 2023; one that an existing bucket no longer names is off.
func publicAccessBlock(before, after any) []plan.SecurityFinding {
	if after == nil {
		return nil
	}
	var findings []plan.SecurityFinding
	for _, flag := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		path := "/PublicAccessBlockConfiguration/" + flag
		old, new := strings.Join(valuesAt(before, path), ""), strings.Join(valuesAt(after, path), "")
		if strings.Contains(new, plan.KnownAfterApply) {
			if old != new {
				findings = append(findings, unclear(plan.SecurityPublicAccess, flag+" is known only after apply"))
			}
			continue
		}
		on, _ := strconv.ParseBool(new)
		was, _ := strconv.ParseBool(old)
		f := plan.SecurityFinding{Kind: plan.SecurityPublicAccess, Effect: "Public", Before: old, After: new}
		switch {
		case !on && (was || new != "" && old == ""):
			f.Direction, f.Summary = plan.DirectionWidened, "turns "+flag+" off, so that it can be made public"
			if f.After == "" {
				f.After = "not set"
			}
		case on && old != "" && !was:
			f.Direction, f.Summary = plan.DirectionNarrowed, "turns "+flag+" on"
		default:
			continue
		}
		findings = append(findings, f)
	}
	return findings
}
