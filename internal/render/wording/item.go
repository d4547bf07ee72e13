package wording

import (
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/plan"
)

// Sentence says what happens to the resource of an item. A word that this version does not know is named.
func Sentence(item plan.Item) string {
	sentence := item.Sentence
	if sentence == "" {
		sentence = item.Impact.Sentence()
	}
	if !item.Impact.Known() {
		sentence += fmt.Sprintf(" (impact %q is not known to this version of stackgate)", item.Impact)
	}
	return sentence
}

// Also names what else holds of an item, beside its impact and beside what its sentence says already.
func Also(item plan.Item) string {
	words := make([]string, 0, len(item.Also))
	for _, impact := range item.Also {
		switch word := impact.Sentence(); {
		case !impact.Known():
			words = append(words, string(impact))
		case impact == plan.ImpactSecurityBroadened && strings.Contains(item.Sentence, mayWiden):
		case !strings.Contains(item.Sentence, word):
			words = append(words, word)
		}
	}
	return strings.Join(words, "; ")
}

// mayWiden is in the sentence of an item of whose permissions it is not clear whether they grow.
const mayWiden = "permissions may be widened"

// Word labels the impact of an item beside its mark. It says no more of permissions than the sentence, and that a
// resource is new.
func Word(item plan.Item) string {
	if item.Impact != plan.ImpactSecurityBroadened {
		return item.Impact.Word()
	}
	word := item.Impact.Sentence()
	if strings.Contains(item.Sentence, mayWiden) {
		word = mayWiden
	}
	if slices.Contains(item.Also, plan.ImpactAdd) {
		word = "created; " + word
	}
	return word
}

// Protections lists the protections that are lost, without those that the sentence or a note names already.
func Protections(item plan.Item) []string {
	var list []string
	for _, loss := range item.Protections {
		said := func(text string) bool { return strings.Contains(text, loss.Summary) }
		if !said(item.Sentence) && !slices.ContainsFunc(item.Notes, said) {
			list = append(list, loss.Summary)
		}
	}
	return list
}

// Reported repeats CloudFormation's own words about an item: "Modify, Replacement True, PolicyAction ReplaceAndDelete".
// It is empty where there is nothing but an action that everybody knows, which the impact says already.
func Reported(item plan.Item) string {
	if item.Replacement == "" && item.PolicyAction == "" && len(item.Scope) == 0 && slices.Contains([]string{"Add", "Modify", "Remove", "Import"}, item.Action) {
		return ""
	}
	words := []string{item.Action}
	if item.Action == "" {
		words[0] = "no action"
	}
	if item.Replacement != "" {
		words = append(words, "Replacement "+item.Replacement)
	}
	if item.PolicyAction != "" {
		words = append(words, "PolicyAction "+item.PolicyAction)
	}
	if len(item.Scope) > 0 {
		words = append(words, "Scope "+strings.Join(item.Scope, " "))
	}
	return strings.Join(words, ", ")
}

// Children sums up the changes inside a nested stack; empty for any other item.
func Children(item plan.Item) string {
	if item.Children == nil {
		return ""
	}
	var parts []string
	for _, impact := range ordered(item.Children.ByImpact) {
		word := impact.Word()
		if !impact.Known() {
			word = string(impact)
		}
		parts = append(parts, fmt.Sprintf("%d %s", item.Children.ByImpact[impact], word))
	}
	text := Count(item.Children.Total, "change") + " inside"
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// ordered lists the impacts that were counted, worst first, those that this version does not know at the front.
func ordered(counts map[plan.Impact]int) []plan.Impact {
	var impacts []plan.Impact
	for impact, n := range counts {
		if n > 0 {
			impacts = append(impacts, impact)
		}
	}
	slices.SortFunc(impacts, func(a, b plan.Impact) int {
		if a.Known() != b.Known() {
			if b.Known() {
				return -1
			}
			return 1
		}
		if a.Rank() != b.Rank() {
			return a.Rank() - b.Rank()
		}
		return strings.Compare(string(a), string(b))
	})
	return impacts
}

// AckRemark says how many of the items need an acknowledgement; empty where none does.
func AckRemark(items []plan.Item) string {
	n := 0
	for _, item := range items {
		if item.Ack > 0 {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case len(items):
		return "each needs an acknowledgement"
	}
	return fmt.Sprintf("%d of them need an acknowledgement", n)
}

// Fold is one change that several items have in common.
type Fold struct {
	Summary string
	Items   []plan.Item
}

// FoldClusters takes those items out that are shown once for all as a cluster. What ranks high or worse, or needs an
// acknowledgement, is never folded: the approver has to see each of them.
func FoldClusters(items []plan.Item, clusters []plan.Cluster) (alone []plan.Item, folds []Fold) {
	of := make(map[string]int)
	for c, cluster := range clusters {
		for _, path := range cluster.Paths {
			if _, taken := of[path]; !taken {
				of[path] = c
			}
		}
	}
	members := make(map[int][]plan.Item)
	for _, item := range items {
		if c, clustered := of[item.Path]; clustered && foldable(item) {
			members[c] = append(members[c], item)
		}
	}
	for _, item := range items {
		if c, clustered := of[item.Path]; !clustered || !foldable(item) || len(members[c]) < 2 {
			alone = append(alone, item)
		}
	}
	for c, cluster := range clusters {
		if len(members[c]) > 1 {
			folds = append(folds, Fold{Summary: plan.Later(cluster.Summary), Items: members[c]})
		}
	}
	return alone, folds
}

func foldable(item plan.Item) bool { return item.Ack == 0 && !item.Level.AtLeast(plan.LevelHigh) }

// Count writes a number with its noun: "1 change", "431 changes".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
