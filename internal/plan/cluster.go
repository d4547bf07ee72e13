package plan

import (
	"slices"
	"strconv"
	"strings"
)

// ClusterItems finds the changes that several items have in common, the most common first. Only items that are updated
// in place are clustered, and none of which a value is hidden: that two hidden values are the same nobody can see.
// Element numbers in tag lists make no difference.
func ClusterItems(items []Item) []Cluster {
	byChange := map[string][]Item{}
	for _, item := range items {
		if key := sameChange(item); key != "" {
			byChange[key] = append(byChange[key], item)
		}
	}
	clusters := []Cluster{}
	for _, alike := range byChange {
		if len(alike) < 2 {
			continue
		}
		c := Cluster{Summary: summarise(alike[0]), Impact: alike[0].Impact}
		for _, item := range alike {
			c.Paths = append(c.Paths, item.Path)
		}
		slices.Sort(c.Paths)
		clusters = append(clusters, c)
	}
	slices.SortFunc(clusters, func(a, b Cluster) int {
		if len(a.Paths) != len(b.Paths) {
			return len(b.Paths) - len(a.Paths)
		}
		return strings.Compare(a.Summary+a.Paths[0], b.Summary+b.Paths[0])
	})
	return clusters
}

// sameChange is equal for items that change in the same way; empty for items that are not clustered.
func sameChange(item Item) string {
	switch item.Impact {
	case ImpactModify, ImpactSync, ImpactTagsOnly, ImpactMetadataOnly:
	default:
		return ""
	}
	if item.Level.AtLeast(LevelHigh) || len(item.Properties) == 0 || item.Children != nil {
		return ""
	}
	lines := make([]string, 0, len(item.Properties))
	for _, p := range item.Properties {
		if p.Sensitive || slices.ContainsFunc(p.Edits, func(e Edit) bool { return e.Sensitive }) {
			return ""
		}
		if p.Before == nil && p.After == nil {
			return ""
		}
		lines = append(lines, strings.Join([]string{
			withoutIndex(p), string(p.Change), text(p.Before), text(p.After), string(p.Recreation),
		}, "\x00"))
	}
	slices.Sort(lines)
	return string(item.Impact) + "\x01" + strings.Join(lines, "\x01")
}

func text(value *string) string {
	if value == nil {
		return "\x02"
	}
	return *value
}

// withoutIndex is the path of a property, without the element number in a list of tags.
func withoutIndex(p Property) string {
	if p.Attribute != "Tags" {
		return p.Path
	}
	tokens := strings.Split(p.Path, "/")
	return strings.Join(slices.DeleteFunc(tokens, func(token string) bool {
		_, err := strconv.Atoi(token)
		return err == nil
	}), "/")
}

// summarise names a change by its first properties: `tag cost-centre "4710" → "4711"`.
func summarise(item Item) string {
	const most = 3
	var parts []string
	for i, p := range item.Properties {
		if i == most {
			parts = append(parts, "and "+amount(len(item.Properties)-most, "more", "more"))
			break
		}
		parts = append(parts, p.Summary())
	}
	return strings.Join(parts, ", ")
}

// Summary is the change of a property in one line: `TableName "a" → "b"`. Long values are cut.
func (p Property) Summary() string {
	name := p.Name()
	if p.Attribute == "Tags" {
		name = "tag"
		if p.TagKey != "" {
			name += " " + p.TagKey
		}
	}
	switch p.Change {
	case ChangeAdd:
		return name + " " + short(p.AfterText()) + " added"
	case ChangeRemove:
		return name + " " + short(p.BeforeText()) + " removed"
	case ChangeModify, ChangeSync, ChangeNone, ChangeUnknown:
	}
	return name + " " + short(p.BeforeText()) + " → " + short(p.AfterText())
}

func short(text string) string {
	const most = 60
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
