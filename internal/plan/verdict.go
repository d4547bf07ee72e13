package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Verdict says in a sentence or two what the change set does, the worst first: "Replaces 1 table and deletes its data;
// 4 other changes." It is made from the items and the security findings that let everyone in.
func Verdict(items []Item, findings []SecurityFinding, completeness Completeness) string {
	opened, grown, unclear := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, f := range findings {
		if f.Everyone && f.Direction == DirectionWidened {
			opened[f.Path] = true
		}
		switch f.Direction {
		case DirectionWidened:
			grown[f.Path] = true
		case DirectionNarrowed:
		case DirectionUnclear:
			unclear[f.Path] = true
		default:
			unclear[f.Path] = true
		}
	}
	for path := range grown {
		delete(unclear, path)
	}
	sentence := verdictClauses(items, opened, unclear, completeness.Whole())
	if !completeness.Whole() {
		sentence += " This review is incomplete: there may be changes that it does not show."
	}
	return sentence
}

// verdictClauses says what the items do. What does not happen is said of a review that is whole; of another, of what it shows.
func verdictClauses(items []Item, opened, unclear map[string]bool, whole bool) string {
	if len(items) == 0 {
		return choose(whole, "No resource changes.", "No resource changes in what is shown.")
	}
	byImpact := map[Impact][]Item{}
	for _, item := range items {
		byImpact[item.Impact] = append(byImpact[item.Impact], item)
	}
	var clauses []string
	also := alsoWidened(items)
	for _, impact := range Impacts() {
		clause := clauseOf(impact, byImpact[impact])
		if impact == ImpactSecurityBroadened {
			clause = widened(byImpact[impact], also, opened, unclear)
		}
		if clause != "" {
			clauses = append(clauses, clause)
		}
	}
	if _, also := split(also, opened); len(also) > 0 {
		clauses = append(clauses, "widens the permissions of "+nouns(also))
	}
	others := len(byImpact[ImpactModify]) + len(byImpact[ImpactAdd]) + len(byImpact[ImpactImport]) + len(byImpact[ImpactSync])
	quiet := len(byImpact[ImpactTagsOnly]) + len(byImpact[ImpactMetadataOnly])
	if len(clauses) == 0 {
		return harmless(byImpact, quiet, whole)
	}
	if others > 0 {
		clauses = append(clauses, amount(others, "other change", "other changes"))
	}
	if n := len(byImpact[ImpactTagsOnly]); n > 0 {
		clauses = append(clauses, strconv.Itoa(n)+" tag-only")
	}
	if n := len(byImpact[ImpactMetadataOnly]); n > 0 {
		clauses = append(clauses, strconv.Itoa(n)+" metadata-only")
	}
	return capital(strings.Join(clauses, "; ")) + "."
}

// harmless is the verdict of a change set in which nothing is lost, widened or uncertain.
func harmless(byImpact map[Impact][]Item, quiet int, whole bool) string {
	var clauses []string
	add := func(impact Impact, verb string) {
		if items := byImpact[impact]; len(items) > 0 {
			clauses = append(clauses, verb+" "+nouns(items))
		}
	}
	add(ImpactModify, "updates")
	add(ImpactAdd, "creates")
	add(ImpactImport, "imports")
	add(ImpactSync, "resets the drift record of")
	shown := choose(whole, "", " in what is shown")
	if len(clauses) == 0 {
		switch {
		case len(byImpact[ImpactMetadataOnly]) == 0:
			return "Only tags change" + shown + ", on " + amount(quiet, "resource", "resources") + "."
		case len(byImpact[ImpactTagsOnly]) == 0:
			return "Only metadata changes" + shown + ", of " + amount(quiet, "resource", "resources") + "."
		}
		return "Only tags and metadata change" + shown + ", of " + amount(quiet, "resource", "resources") + "."
	}
	sentence := capital(joinAnd(clauses))
	if n := len(byImpact[ImpactTagsOnly]); n > 0 {
		sentence += "; " + strconv.Itoa(n) + " tag-only"
	}
	if n := len(byImpact[ImpactMetadataOnly]); n > 0 {
		sentence += "; " + strconv.Itoa(n) + " metadata-only"
	}
	return sentence + "; nothing" + shown + " is deleted or replaced."
}

func clauseOf(impact Impact, items []Item) string {
	if len(items) == 0 {
		return ""
	}
	data := slices.ContainsFunc(items, func(item Item) bool { return item.Stateful == StatefulData })
	one := len(items) == 1
	switch impact {
	case ImpactDestroy:
		return "deletes " + nouns(items) + choose(data, " with "+choose(one, "its", "their")+" data", "")
	case ImpactReplaceDelete:
		return "replaces " + nouns(items) + " and deletes " + choose(data, choose(one, "its data", "their data"), choose(one, "the old one", "the old ones"))
	case ImpactUnknown:
		return "cannot tell what happens to " + nouns(items)
	case ImpactProtectionLoss:
		return "removes the protection of " + nouns(items)
	case ImpactReplaceSnapshot:
		return "replaces " + nouns(items) + " and deletes the old after a snapshot"
	case ImpactDestroySnapshot:
		return "deletes " + nouns(items) + " after a snapshot"
	case ImpactMayReplace:
		return "may replace " + nouns(items)
	case ImpactReplaceRetain:
		return "replaces " + nouns(items) + " and leaves the old" + choose(data, choose(one, " with its data", " with their data"), "") + " unmanaged"
	case ImpactOrphan:
		return "leaves " + nouns(items) + " unmanaged"
	case ImpactSecurityBroadened, ImpactModify, ImpactImport, ImpactAdd, ImpactSync, ImpactTagsOnly, ImpactMetadataOnly:
		return ""
	}
	return "cannot tell what happens to " + nouns(items)
}

// widened tells what everyone can reach, be it beside something worse, from other permissions, and new ones from those
// that grow, or may.
func widened(items, also []Item, opened, unclear map[string]bool) string {
	var grown, perhaps, created []Item
	toEveryone, items := split(items, opened)
	alsoOpened, _ := split(also, opened)
	toEveryone = append(toEveryone, alsoOpened...)
	for _, item := range items {
		switch {
		case slices.Contains(item.Also, ImpactAdd):
			created = append(created, item)
		case unclear[item.Path]:
			perhaps = append(perhaps, item)
		default:
			grown = append(grown, item)
		}
	}
	var clauses []string
	if len(toEveryone) > 0 {
		clauses = append(clauses, "opens "+nouns(toEveryone)+" to everyone")
	}
	if len(grown) > 0 {
		clauses = append(clauses, "widens "+nouns(grown))
	}
	if len(perhaps) > 0 {
		clauses = append(clauses, "may widen "+nouns(perhaps))
	}
	if len(created) > 0 {
		clauses = append(clauses, "creates "+nouns(created)+" with new permissions")
	}
	return strings.Join(clauses, "; ")
}

// split takes those items out that are opened to everyone.
func split(items []Item, opened map[string]bool) (toEveryone, others []Item) {
	for _, item := range items {
		if opened[item.Path] {
			toEveryone = append(toEveryone, item)
		} else {
			others = append(others, item)
		}
	}
	return toEveryone, others
}

// alsoWidened lists the items that are widened beside something worse.
func alsoWidened(items []Item) []Item {
	var also []Item
	for _, item := range items {
		if item.Impact != ImpactSecurityBroadened && slices.Contains(item.Also, ImpactSecurityBroadened) {
			also = append(also, item)
		}
	}
	return also
}

// nouns counts items by kind of resource: "2 tables and 1 bucket". More than three kinds are "7 resources".
func nouns(items []Item) string {
	counts := map[string]int{}
	for _, item := range items {
		counts[Noun(item.Type)]++
	}
	const mostKinds = 3
	if len(counts) > mostKinds {
		return amount(len(items), "resource", "resources")
	}
	kinds := make([]string, 0, len(counts))
	for noun := range counts {
		kinds = append(kinds, noun)
	}
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b)) })
	parts := make([]string, len(kinds))
	for i, noun := range kinds {
		parts[i] = amount(counts[noun], noun, plural(noun))
	}
	return joinAnd(parts)
}

// Noun names a kind of resource as people do: "AWS::DynamoDB::Table" is a table.
func Noun(resourceType string) string {
	switch resourceType {
	case "AWS::CloudFormation::Stack":
		return "nested stack"
	case "AWS::RDS::DBInstance", "AWS::DocDB::DBInstance", "AWS::Neptune::DBInstance":
		return "database instance"
	case "AWS::RDS::DBCluster", "AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster":
		return "database cluster"
	case "AWS::EC2::EIP":
		return "elastic IP"
	case "AWS::EC2::VPC":
		return "VPC"
	case "AWS::Lambda::Url":
		return "function URL"
	case "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api", "AWS::AppSync::GraphQLApi":
		return "API"
	case "AWS::KMS::Key":
		return "key"
	case "AWS::SSM::Parameter":
		return "SSM parameter"
	}
	if OpaqueType(resourceType) {
		return "custom resource"
	}
	name := resourceType[strings.LastIndex(resourceType, ":")+1:]
	var words strings.Builder
	var last rune
	for _, r := range name {
		if unicode.IsUpper(r) && words.Len() > 0 && (unicode.IsLower(last) || unicode.IsDigit(last)) {
			words.WriteByte(' ')
		}
		words.WriteRune(unicode.ToLower(r))
		last = r
	}
	if words.Len() == 0 {
		return "resource"
	}
	return words.String()
}

func plural(noun string) string {
	switch {
	case strings.HasSuffix(noun, "y") && len(noun) > 1 && !strings.ContainsRune("aeiou", rune(noun[len(noun)-2])):
		return noun[:len(noun)-1] + "ies"
	case strings.HasSuffix(noun, "ss"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	case strings.HasSuffix(noun, "s"):
		return noun
	}
	return noun + "s"
}

func amount(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func joinAnd(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

func capital(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func choose[T any](condition bool, yes, no T) T {
	if condition {
		return yes
	}
	return no
}

// CountsSentence lists how many items there are of each impact, in the order of the table: "1 to replace, 4 to update".
func (c Counts) CountsSentence() string {
	var parts []string
	for _, impact := range Impacts() {
		if n := c.ByImpact[impact]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+impact.Word())
		}
	}
	if len(parts) == 0 {
		return "no changes"
	}
	return strings.Join(parts, ", ")
}

// CountItems counts items by impact and level.
func CountItems(items []Item) Counts {
	c := Counts{Total: len(items), ByImpact: map[Impact]int{}, ByLevel: map[Level]int{}}
	for _, item := range items {
		c.ByImpact[item.Impact]++
		c.ByLevel[item.Level]++
	}
	return c
}
