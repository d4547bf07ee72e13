package cfn

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
)

// maxKnockOn bounds the list of what one item brings about; the rest is counted.
const maxKnockOn = 200

// linkItems draws the edges between items: who changes because of whom. A reference or attribute leads to the resource
// in the same stack; a parameter of a nested stack leads to the nested stack's own change, and from there on to what the
// parent gives it.
func linkItems(items []plan.Item, changes []*change) {
	at := make(map[string]int, len(items))
	for i, item := range items {
		if _, taken := at[item.Path]; !taken {
			at[item.Path] = i
		}
	}
	brings := make([][]int, len(items))
	for i, c := range changes {
		for _, d := range c.details {
			j, found := at[causePath(c, d)]
			if !found || j == i || slices.Contains(items[i].CausedBy, items[j].Path) {
				continue
			}
			items[i].CausedBy = append(items[i].CausedBy, items[j].Path)
			brings[j] = append(brings[j], i)
		}
	}
	for i := range items {
		slices.Sort(items[i].CausedBy)
		items[i].KnockOn, items[i].KnockOnMore = reached(items, brings, i)
	}
}

func causePath(c *change, d detail) string {
	switch types.ChangeSource(d.Source) {
	case types.ChangeSourceResourceReference, types.ChangeSourceResourceAttribute:
		id, _, _ := strings.Cut(d.Entity, ".")
		if id == "" {
			return ""
		}
		return c.scope.prefix + id
	case types.ChangeSourceParameterReference:
		if c.scope.parent != nil {
			return c.scope.parent.path
		}
	}
	return ""
}

// reached lists what item i brings about, directly and in turn, the nearest first.
func reached(items []plan.Item, brings [][]int, i int) (paths []string, more int) {
	if len(brings[i]) == 0 {
		return nil, 0
	}
	seen := map[int]bool{i: true}
	for wave := brings[i]; len(wave) > 0; {
		var names []string
		var next []int
		for _, j := range wave {
			if seen[j] {
				continue
			}
			seen[j] = true
			names = append(names, items[j].Path)
			next = append(next, brings[j]...)
		}
		slices.Sort(names)
		paths = append(paths, names...)
		wave = next
	}
	if len(paths) > maxKnockOn {
		return paths[:maxKnockOn:maxKnockOn], len(paths) - maxKnockOn
	}
	return paths, 0
}

// sumUpChildren counts, for each nested stack, the changes in it at any depth.
func sumUpChildren(items []plan.Item) {
	at := map[string]*plan.Children{}
	for i := range items {
		if c := items[i].Children; c != nil {
			c.Level, c.ByImpact = plan.LevelInfo, map[plan.Impact]int{}
			at[items[i].Path] = c
		}
	}
	if len(at) == 0 {
		return
	}
	for _, item := range items {
		for path := item.Path; ; {
			cut := strings.LastIndexByte(path, '/')
			if cut < 0 {
				break
			}
			path = path[:cut]
			if c := at[path]; c != nil {
				c.Total++
				c.ByImpact[item.Impact]++
				c.Level = c.Level.Worst(item.Level)
			}
		}
	}
}
