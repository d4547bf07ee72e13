package security

import (
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// rule is one rule of a security group or network ACL.
type rule struct {
	ingress, allow bool
	protocol       string // "all", "tcp", "udp", "icmp", "icmpv6" or a number
	from, to       int
	// peer is what the rule names: a CIDR, a security group or a prefix list. Prefix is valid for a CIDR.
	peer    string
	prefix  netip.Prefix
	unknown bool
}

const lastPort = 65535

// network compares the rules of security groups and network ACLs.
func network(r Resource, before, after any) []plan.SecurityFinding {
	var old, new []rule
	switch r.Type {
	case "AWS::EC2::SecurityGroup":
		old, new = groupRules(before), groupRules(after)
		if r.Created {
			old = defaultEgress()
		}
	case "AWS::EC2::SecurityGroupIngress":
		old, new = oneRule(before, true), oneRule(after, true)
	case "AWS::EC2::SecurityGroupEgress":
		old, new = oneRule(before, false), oneRule(after, false)
	case "AWS::EC2::NetworkAclEntry":
		old, new = aclRule(before), aclRule(after)
	case "AWS::RDS::DBSecurityGroup", "AWS::RDS::DBSecurityGroupIngress", "AWS::ElastiCache::SecurityGroupIngress", "AWS::Redshift::ClusterSecurityGroupIngress":
		old, new = legacyRules(before), legacyRules(after)
	default:
		return nil
	}
	return compareRules(old, new)
}

func groupRules(properties any) []rule {
	if properties == nil {
		return nil
	}
	var rules []rule
	for _, raw := range jsontree.List(jsontree.Member(properties, "SecurityGroupIngress")) {
		rules = append(rules, readRule(raw, true))
	}
	egress := jsontree.List(jsontree.Member(properties, "SecurityGroupEgress"))
	if len(egress) == 0 {
		return append(rules, defaultEgress()...)
	}
	for _, raw := range egress {
		rules = append(rules, readRule(raw, false))
	}
	return rules
}

// defaultEgress is what EC2 gives a security group that names no egress rule: everything may leave.
func defaultEgress() []rule {
	rule4 := rule{allow: true, protocol: "all", to: lastPort, peer: "0.0.0.0/0", prefix: netip.MustParsePrefix("0.0.0.0/0")}
	rule6 := rule{allow: true, protocol: "all", to: lastPort, peer: "::/0", prefix: netip.MustParsePrefix("::/0")}
	return []rule{rule4, rule6}
}

func oneRule(properties any, ingress bool) []rule {
	if properties == nil {
		return nil
	}
	return []rule{readRule(properties, ingress)}
}

func readRule(raw any, ingress bool) rule {
	r := rule{ingress: ingress, allow: true}
	r.setProtocol(jsontree.Member(raw, "IpProtocol"), jsontree.Member(raw, "FromPort"), jsontree.Member(raw, "ToPort"))
	for _, name := range []string{
		"CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourceSecurityGroupName", "SourcePrefixListId",
		"DestinationSecurityGroupId", "DestinationPrefixListId",
	} {
		if value := jsontree.Member(raw, name); value != nil {
			r.setPeer(value, strings.HasPrefix(name, "Cidr"))
			return r
		}
	}
	r.unknown = true
	return r
}

func aclRule(properties any) []rule {
	if properties == nil {
		return nil
	}
	egress, _ := jsontree.Text(jsontree.Member(properties, "Egress"))
	action, _ := jsontree.Text(jsontree.Member(properties, "RuleAction"))
	r := rule{ingress: egress != "true", allow: action != "deny"}
	ports := jsontree.Member(properties, "PortRange")
	r.setProtocol(jsontree.Member(properties, "Protocol"), jsontree.Member(ports, "From"), jsontree.Member(ports, "To"))
	for _, name := range []string{"CidrBlock", "Ipv6CidrBlock"} {
		if value := jsontree.Member(properties, name); value != nil {
			r.setPeer(value, true)
			return []rule{r}
		}
	}
	r.unknown = true
	return []rule{r}
}

func legacyRules(properties any) []rule {
	var rules []rule
	raw := jsontree.List(jsontree.Member(properties, "DBSecurityGroupIngress"))
	if len(raw) == 0 && properties != nil {
		raw = []any{properties}
	}
	for _, one := range raw {
		if cidr := jsontree.Member(one, "CIDRIP"); cidr != nil {
			r := rule{ingress: true, allow: true, protocol: "all", to: lastPort}
			r.setPeer(cidr, true)
			rules = append(rules, r)
		}
	}
	return rules
}

func (r *rule) setProtocol(protocol, from, to any) {
	text, ok := jsontree.Text(protocol)
	switch strings.ToLower(text) {
	case "-1", "all":
		r.protocol, r.to = "all", lastPort
		return
	case "6", "tcp":
		r.protocol = "tcp"
	case "17", "udp":
		r.protocol = "udp"
	case "1", "icmp":
		r.protocol = "icmp"
	case "58", "icmpv6":
		r.protocol = "icmpv6"
	default:
		r.protocol, r.unknown = text, !ok || strings.Contains(text, "{")
	}
	r.from, r.to = r.port(from, 0), r.port(to, lastPort)
}

// port reads a port; absent and -1 both mean all.
func (r *rule) port(value any, all int) int {
	text, ok := jsontree.Text(value)
	if value == nil || text == "-1" {
		return all
	}
	number, err := strconv.Atoi(text)
	if !ok || err != nil {
		r.unknown = true
		return all
	}
	return number
}

func (r *rule) setPeer(value any, cidr bool) {
	text, ok := jsontree.Text(value)
	r.peer = text
	if !ok || strings.Contains(text, plan.KnownAfterApply) {
		r.unknown = true
		return
	}
	if !cidr {
		return
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		r.unknown = true
		return
	}
	r.prefix = prefix.Masked()
}

func compareRules(before, after []rule) []plan.SecurityFinding {
	var findings []plan.SecurityFinding
	for _, r := range after {
		more, covered := r.beyond(before)
		if covered {
			continue
		}
		f := r.finding(before, after, more)
		f.Direction = plan.DirectionNarrowed
		if r.allow {
			f.Direction = plan.DirectionWidened
			if r.unknown {
				f.Direction = plan.DirectionUnclear
			}
		}
		findings = append(findings, f)
	}
	for _, r := range before {
		told := slices.ContainsFunc(findings, func(f plan.SecurityFinding) bool { return f.Kind == r.kind() && f.Before == r.text() })
		if _, covered := r.beyond(after); covered || r.allow && told {
			continue
		}
		f := plan.SecurityFinding{Kind: r.kind(), Direction: plan.DirectionNarrowed, Effect: r.effect(), Before: r.text(), Summary: "no longer lets " + r.way() + " " + r.text()}
		if !r.allow {
			f.Direction, f.Summary = plan.DirectionWidened, "no longer blocks "+r.text()
		}
		findings = append(findings, f)
	}
	return findings
}

// beyond says whether others let through all that r does; where not, how many addresses r adds for its ports.
func (r rule) beyond(others []rule) (more *big.Int, covered bool) {
	var prefixes []netip.Prefix
	for _, o := range others {
		if o.ingress != r.ingress || o.allow != r.allow || !o.coversPorts(r) {
			continue
		}
		if o.peer == r.peer && o.unknown == r.unknown {
			return nil, true
		}
		if o.prefix.IsValid() {
			prefixes = append(prefixes, o.prefix)
		}
	}
	if !r.prefix.IsValid() {
		return nil, false
	}
	more = outside(r.prefix, prefixes)
	return more, more.Sign() == 0
}

func (r rule) coversPorts(other rule) bool {
	return r.protocol == "all" || r.protocol == other.protocol && r.from <= other.from && r.to >= other.to
}

// outside counts the addresses of a prefix that lie in none of the others.
func outside(prefix netip.Prefix, others []netip.Prefix) *big.Int {
	var inside []netip.Prefix
	for _, o := range others {
		if !o.Overlaps(prefix) {
			continue
		}
		if o.Bits() <= prefix.Bits() {
			return new(big.Int)
		}
		inside = append(inside, o)
	}
	size := new(big.Int).Lsh(big.NewInt(1), uint(prefix.Addr().BitLen()-prefix.Bits()))
	if len(inside) == 0 {
		return size
	}
	low, high := halves(prefix)
	return new(big.Int).Add(outside(low, inside), outside(high, inside))
}

func halves(prefix netip.Prefix) (low, high netip.Prefix) {
	bits := prefix.Bits() + 1
	raw := prefix.Addr().AsSlice()
	raw[prefix.Bits()/8] |= 0x80 >> (prefix.Bits() % 8)
	upper, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(prefix.Addr(), bits), netip.PrefixFrom(upper, bits)
}

func (r rule) finding(before, after []rule, more *big.Int) plan.SecurityFinding {
	f := plan.SecurityFinding{Kind: r.kind(), Effect: r.effect(), After: r.text(), Before: r.counterpart(before, after)}
	f.Everyone = r.allow && r.prefix.IsValid() && r.prefix.Bits() == 0
	switch {
	case !r.allow:
		f.Summary = "blocks " + r.text()
	case f.Everyone:
		f.Summary = "lets " + r.way() + " " + r.text() + " (the whole internet)"
	default:
		f.Summary = "lets " + r.way() + " " + r.text()
	}
	if f.Before != "" {
		f.Summary += ", was " + f.Before
	}
	if more != nil && r.allow && more.IsUint64() && more.Uint64() > 1 && f.Before != "" {
		f.Summary += "; " + more.String() + " more addresses"
	}
	return f
}

// counterpart guesses which rule of others r was: one that is not there any more, for the same protocol, and for the
// same ports or the same peer.
func (r rule) counterpart(others, own []rule) string {
	for _, o := range others {
		if o.ingress != r.ingress || o.allow != r.allow || slices.Contains(own, o) {
			continue
		}
		ports := o.protocol == r.protocol && o.from == r.from && o.to == r.to
		if ports {
			return o.text()
		}
	}
	for _, o := range others {
		if o.ingress == r.ingress && o.allow == r.allow && o.peer == r.peer && !slices.Contains(own, o) {
			return o.text()
		}
	}
	return ""
}

func (r rule) kind() plan.SecurityKind {
	if r.ingress {
		return plan.SecurityNetworkIngress
	}
	return plan.SecurityNetworkEgress
}

func (r rule) effect() string {
	switch {
	case !r.allow:
		return "Deny"
	case r.ingress:
		return "In"
	}
	return "Out"
}

func (r rule) way() string {
	if r.ingress {
		return "in"
	}
	return "out"
}

func (r rule) text() string {
	what := r.protocol + " " + strconv.Itoa(r.from)
	switch {
	case r.protocol == "all":
		what = "all traffic"
	case r.from == 0 && r.to == lastPort:
		what = r.protocol + " on all ports"
	case strings.HasPrefix(r.protocol, "icmp"):
		what = r.protocol
	case r.from != r.to:
		what += "-" + strconv.Itoa(r.to)
	}
	peer := r.peer
	switch {
	case strings.Contains(peer, plan.KnownAfterApply):
		peer = plan.TextKnownLater
	case peer == "":
		peer = "a peer that cannot be read"
	}
	if r.ingress {
		return what + " from " + peer
	}
	return what + " to " + peer
}
