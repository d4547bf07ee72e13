package propdiff

import (
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff/lcs"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

func (c *comparison) lists(where at, before, after []any) {
	if identity := commonIdentity(before, after); identity != "" {
		c.byIdentity(where, identity, before, after)
		return
	}
	if isSet(where.name) {
		c.asSets(where, before, after)
		return
	}
	c.inOrder(where, before, after)
}

// policyElement says whether a member of a policy statement may be written as one string or as a list of strings.
func policyElement(name string) bool {
	switch name {
	case "Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "Federated", "CanonicalUser", "Statement":
		return true
	}
	return false
}

// isSet names the lists whose order means nothing to AWS.
func isSet(name string) bool {
	if policyElement(name) {
		return true
	}
	switch name {
	case "ManagedPolicyArns", "SecurityGroupIds", "SecurityGroups", "VpcSecurityGroupIds", "SubnetIds", "Subnets",
		"AvailabilityZones", "SecurityGroupIngress", "SecurityGroupEgress", "Roles", "Users", "Groups", "AllowedMethods",
		"AllowedHeaders", "AllowedOrigins", "ExposedHeaders", "AlarmActions", "OKActions", "InsufficientDataActions",
		"Aliases", "Capabilities", "NotificationARNs", "PublicAccessCidrs", "VPCSecurityGroups", "Events", "EventTypes",
		"ManagedPolicies", "Policies", "Tags", "RequiresCompatibilities", "EnableCloudwatchLogsExports":
		return true
	}
	return false
}

// identities are the members by which AWS tells the elements of a list apart, the more telling first.
func identities() []string {
	return []string{
		"Sid", "Key", "Name", "name", "Id", "ID", "PolicyName", "RuleName", "IndexName", "AttributeName", "DeviceName",
		"ParameterKey", "ParameterName", "ContainerName", "Priority", "RuleNumber", "LogicalId",
	}
}

// commonIdentity returns the member that tells all elements of both lists apart; empty where there is none.
func commonIdentity(before, after []any) string {
	if len(before)+len(after) == 0 {
		return ""
	}
	for _, member := range identities() {
		if distinct(before, member) && distinct(after, member) {
			return member
		}
	}
	return ""
}

func distinct(list []any, member string) bool {
	seen := make(map[string]bool, len(list))
	for _, element := range list {
		object, ok := element.(map[string]any)
		if !ok {
			return false
		}
		id, ok := jsontree.Text(object[member])
		if !ok || seen[id] {
			return false
		}
		seen[id] = true
	}
	return true
}

func (c *comparison) byIdentity(where at, identity string, before, after []any) {
	old := make(map[string]int, len(before))
	for i, element := range before {
		id, _ := jsontree.Text(element.(map[string]any)[identity])
		old[id] = i
	}
	kept := make(map[string]bool, len(after))
	last := -1
	for i, element := range after {
		id, _ := jsontree.Text(element.(map[string]any)[identity])
		kept[id] = true
		place := where.element(i, identity+"="+id)
		at, ok := old[id]
		if !ok {
			c.add(added(place, element))
			continue
		}
		c.reordered = c.reordered || at < last
		last = max(last, at)
		c.values(place, before[at], element)
	}
	for i, element := range before {
		if id, _ := jsontree.Text(element.(map[string]any)[identity]); !kept[id] {
			c.add(removed(where.element(i, identity+"="+id), element))
		}
	}
}

// asSets compares lists whose elements have no identity but their content. What is left on both sides is compared in
// pairs when there is as much of it on either side, as when one statement of a policy was edited.
func (c *comparison) asSets(where at, before, after []any) {
	keysBefore, keysAfter := jsontree.Keys(before, after)
	surplus := make(map[string]int, len(keysBefore))
	for _, key := range keysBefore {
		surplus[key]++
	}
	var onlyAfter, onlyBefore []int
	for i, key := range keysAfter {
		if surplus[key] == 0 {
			onlyAfter = append(onlyAfter, i)
			continue
		}
		surplus[key]--
	}
	for i, key := range slices.Backward(keysBefore) {
		if surplus[key] > 0 {
			surplus[key]--
			onlyBefore = append(onlyBefore, i)
		}
	}
	slices.Reverse(onlyBefore)
	if len(onlyBefore)+len(onlyAfter) == 0 {
		c.reordered = true
		return
	}
	c.replaced(where, before, after, onlyBefore, onlyAfter)
}

// inOrder compares lists whose order matters, by their longest common subsequence.
func (c *comparison) inOrder(where at, before, after []any) {
	keysBefore, keysAfter := jsontree.Keys(before, after)
	for _, d := range lcs.DiffLines(keysBefore, keysAfter) {
		c.replaced(where, before, after, span(d.Start, d.End), span(d.ReplStart, d.ReplEnd))
	}
}

func span(start, end int) []int {
	all := make([]int, 0, end-start)
	for i := start; i < end; i++ {
		all = append(all, i)
	}
	return all
}

func (c *comparison) replaced(where at, before, after []any, gone, come []int) {
	if len(gone) == len(come) && allObjects(before, gone) && allObjects(after, come) {
		for i := range gone {
			c.values(where.element(come[i], ""), before[gone[i]], after[come[i]])
		}
		return
	}
	pairs := 0
	if len(gone) == len(come) && !isSet(where.name) {
		pairs = len(gone)
	}
	for i := range pairs {
		c.values(where.element(come[i], ""), before[gone[i]], after[come[i]])
	}
	for _, i := range gone[pairs:] {
		c.add(removed(where.element(i, ""), before[i]))
	}
	for _, i := range come[pairs:] {
		c.add(added(where.element(i, ""), after[i]))
	}
}

func allObjects(list []any, indexes []int) bool {
	for _, i := range indexes {
		if _, ok := list[i].(map[string]any); !ok {
			return false
		}
	}
	return len(indexes) > 0
}

const (
	contextLines = 3
	maxLines     = 600
)

// Lines compares two texts, masked or not, line by line. Three unchanged lines stand around each change; gaps are
// counted, as is what lies beyond 600 lines; equal texts have no lines. A line of which only what is hidden differs says so.
func Lines(before, after any) []plan.Line {
	old, new, oldKeys, newKeys := jsontree.LineKeys(before, after)
	var lines []plan.Line
	next := 0 // the first line of old that is not yet accounted for
	diffs := lcs.DiffLines(oldKeys, newKeys)
	if len(diffs) == 0 {
		return nil
	}
	for i, d := range diffs {
		lead := max(next, d.Start-contextLines)
		lines = gap(lines, lead-next)
		lines = appendLines(lines, " ", old[lead:d.Start])
		lines = appendLines(lines, "-", old[d.Start:d.End])
		lines = appendLines(lines, "+", markHidden(old[d.Start:d.End], new[d.ReplStart:d.ReplEnd]))
		limit := len(old)
		if i+1 < len(diffs) {
			limit = diffs[i+1].Start
		}
		tail := min(limit, d.End+contextLines)
		lines = appendLines(lines, " ", old[d.End:tail])
		next = tail
	}
	lines = gap(lines, len(old)-next)
	if len(lines) > maxLines {
		rest := len(lines) - maxLines
		lines = append(lines[:maxLines:maxLines], plan.Line{Op: "@", Text: counted(rest, "more line of this comparison", "more lines of this comparison")})
	}
	return lines
}

// markHidden says of lines that look like one they replace that what is hidden in them changed.
func markHidden(gone, come []string) []string {
	marked := slices.Clone(come)
	for i, line := range marked {
		if slices.Contains(gone, line) {
			marked[i] = strings.ReplaceAll(line, plan.TextSensitive, plan.TextChanged)
		}
	}
	return marked
}

func gap(lines []plan.Line, unchanged int) []plan.Line {
	if unchanged <= 0 {
		return lines
	}
	return append(lines, plan.Line{Op: "@", Text: counted(unchanged, "unchanged line", "unchanged lines")})
}

func appendLines(lines []plan.Line, op string, texts []string) []plan.Line {
	for _, text := range texts {
		shown, _ := Shorten(text, maxPart)
		lines = append(lines, plan.Line{Op: op, Text: shown})
	}
	return lines
}
