package cfn

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// properties makes one line of each changed property, with every cause: CloudFormation lists a property twice when it
// changes both for a reason it knows and for one that it will know.
func (b *builder) properties(c *change) []plan.Property {
	switch {
	case len(c.details) > 0:
	case c.raw.Action == types.ChangeActionAdd || c.raw.Action == types.ChangeActionImport:
		return whole(c.after, plan.ChangeAdd)
	case c.raw.Action == types.ChangeActionRemove:
		return whole(c.before, plan.ChangeRemove)
	}
	var places []string
	byPlace := map[string][]detail{}
	for _, d := range c.details {
		if _, seen := byPlace[d.place]; !seen {
			places = append(places, d.place)
		}
		byPlace[d.place] = append(byPlace[d.place], d)
	}
	list := make([]plan.Property, 0, len(places))
	for _, place := range places {
		list = append(list, c.property(place, byPlace[place]))
	}
	list = withoutBareTags(append(list, c.unlisted(places)...))
	slices.SortStableFunc(list, func(a, b plan.Property) int { return strings.Compare(a.Path, b.Path) })
	withoutInner(list)
	return list
}

// withoutBareTags takes out the line "Tags" that says nothing but that they change, where other lines say how: the answer
// without values has the one, that with values the others. Its causes go to them.
func withoutBareTags(list []plan.Property) []plan.Property {
	bare := slices.IndexFunc(list, func(p plan.Property) bool {
		return p.Path == "/Tags" && p.Change == plan.ChangeUnknown && p.Before == nil && p.After == nil && !p.Sensitive && p.Recreation == plan.RecreationNever
	})
	if bare < 0 || !slices.ContainsFunc(list, isTag) {
		return list
	}
	causes := list[bare].Causes
	list = slices.Delete(list, bare, bare+1)
	for i := range list {
		for _, cause := range causes {
			if isTag(list[i]) && !slices.Contains(list[i].Causes, cause) && cause.Source != "" {
				list[i].Causes = append(list[i].Causes, cause)
			}
		}
	}
	return list
}

func isTag(p plan.Property) bool { return strings.HasPrefix(p.Path, "/Tags/") }

// whole lists what a resource that comes or goes consists of.
func whole(tree any, kind plan.Change) []plan.Property {
	object, _ := jsontree.Object(tree)
	var list []plan.Property
	add := func(path, attribute string, value any) {
		s := sides{old: value, hasOld: kind == plan.ChangeRemove, new: value, hasNew: kind == plan.ChangeAdd}
		list = append(list, s.property(plan.Property{Path: path, Attribute: attribute, Change: kind, Recreation: plan.RecreationNever}))
	}
	for _, attribute := range jsontree.SortedKeys(object) {
		members, ok := jsontree.Object(object[attribute])
		if attribute != "Properties" || !ok {
			add(jsontree.Join("", attribute), attribute, object[attribute])
			continue
		}
		for _, name := range jsontree.SortedKeys(members) {
			add(jsontree.Join("/Properties", name), attribute, members[name])
		}
	}
	return list
}

// property makes the line of the details that name one place.
func (c *change) property(place string, details []detail) plan.Property {
	p := plan.Property{Path: place, Recreation: plan.RecreationNever, Change: plan.ChangeUnknown}
	var s sides
	for i, d := range details {
		if p.Attribute == "" {
			p.Attribute = d.Attribute
		}
		if kind := changeOf(d.Change); i == 0 || p.Change == plan.ChangeUnknown {
			p.Change = kind
		}
		p.Recreation = p.Recreation.Worst(recreationOf(d.Attribute, d.Recreation))
		cause := plan.Cause{Source: d.Source, Entity: d.Entity, Evaluation: strings.ToLower(d.Evaluation)}
		if !slices.Contains(p.Causes, cause) {
			p.Causes = append(p.Causes, cause)
		}
		s.take(d)
		if d.live != nil || d.deployed != nil {
			p.Drift = &plan.PropertyDrift{Live: d.live, LastDeployed: d.deployed}
		}
	}
	if p.Drift == nil {
		p.Drift = c.driftAt(place)
	}
	slices.SortFunc(p.Causes, func(x, y plan.Cause) int {
		return strings.Compare(x.Source+"\x00"+x.Entity+"\x00"+x.Evaluation, y.Source+"\x00"+y.Entity+"\x00"+y.Evaluation)
	})
	s.consult(c, place, p.Change)
	if p.Change == plan.ChangeUnknown && wordless(details) {
		p.Change = s.kind()
	}
	p.TagKey = c.tagKey(p, s)
	return s.property(p)
}

// driftAt compares, where CloudFormation looked at the live resource, what it found with the last deployment.
func (c *change) driftAt(place string) *plan.PropertyDrift {
	if c.previous == nil || c.before == nil {
		return nil
	}
	live, isLive := jsontree.Lookup(c.before, place)
	deployed, wasDeployed := jsontree.Lookup(c.previous, place)
	if isLive == wasDeployed && jsontree.Equal(live, deployed) {
		return nil
	}
	drift := &plan.PropertyDrift{}
	if isLive {
		drift.Live = aws.String(displayText(live))
	}
	if wasDeployed {
		drift.LastDeployed = aws.String(displayText(deployed))
	}
	return drift
}

// wordless says whether no detail tells how the property changes.
func wordless(details []detail) bool {
	return !slices.ContainsFunc(details, func(d detail) bool { return d.Change != "" })
}

// unlisted makes lines of differences between the contexts that no detail names. In drift-aware sets there are
// differences that CloudFormation leaves alone, so there its own list is taken as it is.
func (c *change) unlisted(places []string) []plan.Property {
	if c.raw.Action != types.ChangeActionModify || c.before == nil || c.after == nil || c.raw.ResourceDriftStatus != "" {
		return nil
	}
	recreation := plan.RecreationUnknown
	if c.raw.Replacement == types.ReplacementFalse {
		recreation = plan.RecreationNever
	}
	listed := newPlaceSet(places)
	var list []plan.Property
	compare := func(path, attribute string, old, new any, hasOld, hasNew bool) {
		if hasOld == hasNew && jsontree.Equal(old, new) {
			return
		}
		s := sides{old: old, new: new, hasOld: hasOld, hasNew: hasNew}
		list = append(list, s.property(plan.Property{Path: path, Attribute: attribute, Change: s.kind(), Recreation: recreation}))
	}
	before, _ := jsontree.Object(c.before)
	after, _ := jsontree.Object(c.after)
	for _, attribute := range keysOfBoth(before, after) {
		path := jsontree.Join("", attribute)
		if attribute != "Properties" {
			if !listed.touches(path) {
				compare(path, attribute, before[attribute], after[attribute], has(before, attribute), has(after, attribute))
			}
			continue
		}
		old, _ := jsontree.Object(before[attribute])
		new, _ := jsontree.Object(after[attribute])
		for _, name := range keysOfBoth(old, new) {
			if at := jsontree.Join(path, name); !listed.touches(at) && (name != "Tags" || !listed.touches("/Tags")) {
				compare(at, attribute, old[name], new[name], has(old, name), has(new, name))
			}
		}
	}
	return list
}

func has(object map[string]any, name string) bool {
	_, ok := object[name]
	return ok
}

func keysOfBoth(a, b map[string]any) []string {
	keys := append(jsontree.SortedKeys(a), jsontree.SortedKeys(b)...)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// placeSet answers whether a path is at, above or below one of many places.
type placeSet struct{ at, above map[string]bool }

func newPlaceSet(places []string) placeSet {
	s := placeSet{at: map[string]bool{}, above: map[string]bool{}}
	for _, place := range places {
		s.at[place] = true
		for up := place; up != ""; up = parent(up) {
			s.above[up] = true
		}
	}
	return s
}

func parent(pointer string) string { return pointer[:max(strings.LastIndexByte(pointer, '/'), 0)] }

func (s placeSet) touches(path string) bool { return s.above[path] || s.holds(path, "") }

// holds says whether the path, or what it lies in below the limit, is one of the places.
func (s placeSet) holds(path, limit string) bool {
	for ; len(path) > len(limit); path = parent(path) {
		if s.at[path] {
			return true
		}
	}
	return false
}

// withoutInner takes from a line the differences that lines further in show already.
func withoutInner(list []plan.Property) {
	paths := make([]string, len(list))
	for i, p := range list {
		paths[i] = p.Path
	}
	places := newPlaceSet(paths)
	for i := range list {
		outer := &list[i]
		outer.Edits = slices.DeleteFunc(outer.Edits, func(e plan.Edit) bool { return places.holds(outer.Path+e.Path, outer.Path) })
	}
}

// tagKey names the tag that a path is inside of. Stack tags stand in no context; they are found by their new value.
func (c *change) tagKey(p plan.Property, s sides) string {
	tokens := jsontree.Tokens(p.Path)
	if p.Attribute != "Tags" || len(tokens) < 2 {
		return ""
	}
	list := strings.TrimSuffix(p.Path, "/"+tokens[len(tokens)-1])
	for _, tree := range []any{c.after, c.before} {
		if key, ok := jsontree.Lookup(tree, list+"/Key"); ok && tokens[len(tokens)-1] == "Value" {
			text, _ := jsontree.Text(key)
			return text
		}
	}
	if tokens[len(tokens)-1] != "Value" || !s.hasNew {
		return ""
	}
	found := ""
	for _, tag := range c.scope.tags {
		if aws.ToString(tag.Value) == displayText(s.new) {
			if found != "" {
				return ""
			}
			found = aws.ToString(tag.Key)
		}
	}
	return found
}

func recreationOf(attribute, word string) plan.Recreation {
	switch types.RequiresRecreation(word) {
	case types.RequiresRecreationAlways:
		return plan.RecreationAlways
	case types.RequiresRecreationConditionally:
		return plan.RecreationConditionally
	case types.RequiresRecreationNever:
		return plan.RecreationNever
	}
	// Attributes that are no properties, such as DeletionPolicy, come without the word at times.
	if word == "" && attribute != "" && attribute != string(types.ResourceAttributeProperties) {
		return plan.RecreationNever
	}
	return plan.RecreationUnknown
}

func changeOf(word string) plan.Change {
	switch types.AttributeChangeType(word) {
	case types.AttributeChangeTypeAdd:
		return plan.ChangeAdd
	case types.AttributeChangeTypeRemove:
		return plan.ChangeRemove
	case types.AttributeChangeTypeModify:
		return plan.ChangeModify
	case types.AttributeChangeTypeSyncWithActual:
		return plan.ChangeSync
	}
	return plan.ChangeUnknown
}
