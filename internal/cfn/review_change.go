package cfn

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
	"stackgate/internal/plan/parallel"
	"stackgate/internal/plan/security"
)

// change is one resource change on its way to an item. Everything in it is masked.
type change struct {
	scope      scope
	changeType string
	raw        types.ResourceChange
	// missing: CloudFormation reported a change without a resource.
	missing bool
	path    string

	// before, after and previous are the contexts; nil where they were not reported or cannot be read.
	before, after, previous any
	// unreadable holds, by name, what may be told of contexts that are not JSON.
	unreadable  map[string]string
	details     []detail
	unknown     []string // words that this version does not know
	properties  []plan.Property
	security    []plan.SecurityFinding
	protections []plan.ProtectionLoss
	facts       plan.ChangeFacts
	plainOnly   bool
	opaqueStack bool
	childLoaded bool
	duplicate   bool
}

// detail is one detail of a change.
type detail struct {
	plan.DetailFacts
	place  string // JSON pointer into the resource, made up where CloudFormation gave none
	before any
	after  any
	hasOld bool
	hasNew bool
	// cutOld and cutNew: the value is the beginning of a JSON value, which CloudFormation cut off.
	cutOld, cutNew bool
	live, deployed *string
}

// key orders the details of a change by what they say.
func (d detail) key() string {
	return strings.Join([]string{
		d.place, d.Attribute, d.Name, d.Path, d.Source, d.Entity, d.Evaluation, d.Change, d.Recreation, d.BeforeFrom, d.AfterFrom,
		strconv.FormatBool(d.hasOld), jsontree.Canonical(d.before), strconv.FormatBool(d.hasNew), jsontree.Canonical(d.after),
		aws.ToString(d.live), aws.ToString(d.deployed),
	}, "\x00")
}

// scope is the set that a change belongs to.
type scope struct {
	prefix string          // path of the nested stack, with "/" behind it
	noEcho map[string]bool // hidden parameters of this stack
	tags   []types.Tag
	root   bool
	parent *change // the nested stack's own change, nil in the root set
	// plain holds the logical ids that only the answer without values lists.
	plain map[string]bool
}

// collect reads the changes of a set, and of those nested in it, in an order that does not depend on the answer's.
func (b *builder) collect(d Description, s scope) {
	s.plain = d.WithoutValues
	b.completeness.Warnings = append(b.completeness.Warnings, d.Warnings...)
	b.completeness.Partial = b.completeness.Partial || d.Partial
	b.hideParameters(d, s)
	changes := make([]*change, 0, len(d.Set.Changes))
	for _, raw := range d.Set.Changes {
		changes = append(changes, b.read(raw, s))
	}
	slices.SortFunc(changes, compareChanges)
	b.name(changes, s)
	b.changes = append(b.changes, changes...)
	for _, c := range changes {
		b.descend(d, c)
	}
}

// hideParameters learns which parameters of a set are hidden: CloudFormation prints stars for them. The values of those
// that are hidden for another reason are searched for everywhere.
func (b *builder) hideParameters(d Description, s scope) {
	for _, p := range d.Set.Parameters {
		name, value := aws.ToString(p.ParameterKey), aws.ToString(p.ParameterValue)
		if len(value) >= 4 && strings.Trim(value, "*") == "" {
			s.noEcho[name] = true
		}
		if s.noEcho[name] {
			b.masker.Hide(value)
			b.masker.Hide(aws.ToString(p.ResolvedValue))
		}
	}
}

// compareChanges orders the changes of a set by logical id, and those that share one by their content.
func compareChanges(a, b *change) int {
	if order := cmp.Or(
		strings.Compare(aws.ToString(a.raw.LogicalResourceId), aws.ToString(b.raw.LogicalResourceId)),
		strings.Compare(a.changeType, b.changeType),
		cmp.Compare(a.raw.Action, b.raw.Action),
		strings.Compare(aws.ToString(a.raw.ChangeSetId), aws.ToString(b.raw.ChangeSetId)),
	); order != 0 {
		return order
	}
	return strings.Compare(factsOf(a).Digest(), factsOf(b).Digest())
}

// name gives every change a path of its own.
func (b *builder) name(changes []*change, s scope) {
	for _, c := range changes {
		id := aws.ToString(c.raw.LogicalResourceId)
		if c.missing {
			id = "(change of type " + nameOf(c.changeType, "unknown") + ")"
		} else if id == "" {
			id = "(no logical id)"
		}
		wanted := s.prefix + id
		c.path = wanted
		for b.taken[c.path] > 0 {
			c.duplicate = true
			b.taken[wanted]++
			c.path = fmt.Sprintf("%s#%d", wanted, b.taken[wanted])
		}
		b.taken[c.path] = 1
	}
}

func (b *builder) descend(d Description, c *change) {
	id := aws.ToString(c.raw.ChangeSetId)
	if id == "" {
		c.opaqueStack = aws.ToString(c.raw.ResourceType) == nestedStackType && c.raw.Action == types.ChangeActionModify &&
			slices.Contains(c.raw.Scope, types.ResourceAttributeProperties)
		return
	}
	child, ok := d.Nested[id]
	if !ok {
		b.completeness.Partial = true
		b.completeness.Warnings = append(b.completeness.Warnings, "the nested change set of "+c.path+" was not read: "+id)
		return
	}
	c.childLoaded = true
	b.completeness.NestedChangeSets++
	noEcho := map[string]bool{}
	for _, pointer := range b.tainted(c) {
		if name, ok := strings.CutPrefix(pointer, "/Properties/Parameters/"); ok {
			noEcho[name] = true
		}
	}
	b.collect(child, scope{prefix: c.path + "/", noEcho: noEcho, tags: child.Set.Tags, parent: c})
}

// read masks and parses one change.
func (b *builder) read(raw types.Change, s scope) *change {
	c := &change{scope: s, changeType: string(raw.Type), missing: raw.ResourceChange == nil}
	if raw.ResourceChange != nil {
		c.raw = *raw.ResourceChange
	}
	c.plainOnly = s.plain[aws.ToString(c.raw.LogicalResourceId)]
	tainted := b.tainted(c)
	c.before = b.context(c, "BeforeContext", c.raw.BeforeContext, tainted)
	c.after = b.context(c, "AfterContext", c.raw.AfterContext, tainted)
	c.previous = b.context(c, "PreviousDeploymentContext", c.raw.PreviousDeploymentContext, tainted)
	for _, d := range c.raw.Details {
		c.details = append(c.details, b.detail(c, d, tainted))
	}
	// CloudFormation promises no order, and what is read twice must be the same document.
	slices.SortStableFunc(c.details, func(a, b detail) int { return strings.Compare(a.key(), b.key()) })
	c.unknown = unknownWords(c)
	return c
}

// tainted returns the places in a resource that the values of hidden parameters reach: those that the template tells
// exactly, else those that CloudFormation names as changed by the parameter.
func (b *builder) tainted(c *change) []string {
	hidden := c.scope.noEcho
	if len(hidden) == 0 {
		return nil
	}
	var places []string
	if c.scope.root {
		id := aws.ToString(c.raw.LogicalResourceId)
		places = append(b.after.Reaches(id, hidden), b.before.Reaches(id, hidden)...)
	}
	for _, d := range c.raw.Details {
		if d.ChangeSource != types.ChangeSourceParameterReference || !hidden[aws.ToString(d.CausingEntity)] {
			continue
		}
		place := placeOf(d.Target)
		if !slices.ContainsFunc(places, func(p string) bool { return jsontree.Within(p, place) }) {
			places = append(places, place)
		}
	}
	return places
}

func (b *builder) context(c *change, name string, text *string, tainted []string) any {
	if aws.ToString(text) == "" {
		return nil
	}
	tree, err := b.contexts.take(text)
	if _, isObject := tree.(map[string]any); err != nil || !isObject {
		if c.unreadable == nil {
			c.unreadable = map[string]string{}
		}
		c.unreadable[name] = fmt.Sprintf("%d bytes that are not a JSON object", len(*text))
		if !holdsSensitiveName(*text) {
			c.unreadable[name] += ": " + b.masker.Script(*text)
		}
		return nil
	}
	return b.masker.Resource(aws.ToString(c.raw.ResourceType), tree, tainted)
}

// placeOf is the JSON pointer of a target. The answer without values gives names only, and for tags, metadata and
// policies not even that.
func placeOf(t *types.ResourceTargetDefinition) string {
	if t == nil {
		return "/"
	}
	if path := aws.ToString(t.Path); path != "" {
		if path[0] != '/' {
			return "/" + path
		}
		return path
	}
	name := aws.ToString(t.Name)
	if t.Attribute == types.ResourceAttributeProperties || t.Attribute == "" && name != "" {
		return jsontree.Join("/Properties", name)
	}
	if name == "" {
		return "/" + string(t.Attribute)
	}
	return jsontree.Join("/"+string(t.Attribute), name)
}

func (b *builder) detail(c *change, raw types.ResourceChangeDetail, tainted []string) detail {
	d := detail{place: placeOf(raw.Target)}
	d.Source, d.Entity, d.Evaluation = string(raw.ChangeSource), aws.ToString(raw.CausingEntity), string(raw.Evaluation)
	t := raw.Target
	if t == nil {
		return d
	}
	d.Attribute, d.Name, d.Path = string(t.Attribute), aws.ToString(t.Name), aws.ToString(t.Path)
	d.Change, d.Recreation = string(t.AttributeChangeType), string(t.RequiresRecreation)
	d.BeforeFrom, d.AfterFrom = string(t.BeforeValueFrom), string(t.AfterValueFrom)
	d.before, d.hasOld, d.cutOld = b.detailValue(c, d.place, t.BeforeValue, tainted)
	d.after, d.hasNew, d.cutNew = b.detailValue(c, d.place, t.AfterValue, tainted)
	if t.Drift != nil {
		d.live = b.driftValue(c, d.place, t.Drift.ActualValue, tainted)
		d.deployed = b.driftValue(c, d.place, t.Drift.PreviousValue, tainted)
	}
	return d
}

// detailValue reads a value that stands outside the contexts: a plain string, or JSON for an object or list, which may
// have been cut off.
func (b *builder) detailValue(c *change, place string, text *string, tainted []string) (value any, has, cut bool) {
	if text == nil {
		return nil, false, false
	}
	value = *text
	if trimmed := strings.TrimSpace(*text); trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') && !strings.HasPrefix(trimmed, "{{") {
		tree, err := jsontree.Parse(trimmed)
		if err != nil {
			shown := b.masker.Script(*text)
			if holdsSensitiveName(*text) {
				shown = plan.TextSensitive
			}
			return jsontree.Mask(shown, *text), true, true
		}
		value = tree
	}
	tokens := jsontree.Tokens(place)
	name := ""
	if len(tokens) > 0 {
		name = tokens[len(tokens)-1]
	}
	return b.masker.Value(aws.ToString(c.raw.ResourceType), place, jsontree.ExpandMember(name, value), tainted), true, false
}

func (b *builder) driftValue(c *change, place string, text *string, tainted []string) *string {
	value, has, _ := b.detailValue(c, place, text, tainted)
	if !has {
		return nil
	}
	shown := displayText(value)
	return &shown
}

// unknownWords lists the words of CloudFormation in a change that this version does not understand.
func unknownWords(c *change) []string {
	var unknown []string
	check := func(word plan.Word, value string) {
		if plan.KnownWord(word, value) {
			return
		}
		if note := fmt.Sprintf("%s %q", word, value); !slices.Contains(unknown, note) {
			unknown = append(unknown, note)
		}
	}
	check(plan.WordChangeType, c.changeType)
	check(plan.WordAction, string(c.raw.Action))
	check(plan.WordReplacement, string(c.raw.Replacement))
	check(plan.WordPolicyAction, string(c.raw.PolicyAction))
	check(plan.WordDriftStatus, string(c.raw.ResourceDriftStatus))
	for _, scope := range c.raw.Scope {
		check(plan.WordScope, string(scope))
	}
	for _, d := range c.details {
		check(plan.WordScope, d.Attribute)
		check(plan.WordRecreation, d.Recreation)
		check(plan.WordEvaluation, d.Evaluation)
		check(plan.WordChangeSource, d.Source)
		check(plan.WordAttribute, d.Change)
	}
	slices.Sort(unknown)
	return unknown
}

// settle hides what was found to be a secret after its first occurrence was read, and then judges every change.
func (b *builder) settle() {
	for _, c := range b.changes {
		c.before, c.after, c.previous = b.masker.Again(c.before), b.masker.Again(c.after), b.masker.Again(c.previous)
		for i := range c.details {
			d := &c.details[i]
			d.before, d.after = b.masker.Again(d.before), b.masker.Again(d.after)
			for _, text := range []*string{d.live, d.deployed} {
				if text != nil {
					*text = b.masker.Text(*text)
				}
			}
		}
	}
	parallel.Each(len(b.changes), func(i int) {
		// From here on the builder is only read.
		c := b.changes[i]
		c.properties = b.properties(c)
		c.protections = protectionsOf(c)
		c.security = b.securityOf(c)
		c.facts = factsOf(c)
	})
}

func (c *change) resourceType() string { return aws.ToString(c.raw.ResourceType) }

// changedNames lists the top-level properties that a change reports.
func (c *change) changedNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, p := range c.properties {
		if tokens := jsontree.Tokens(p.Path); len(tokens) > 1 && tokens[0] == "Properties" && !seen[tokens[1]] {
			seen[tokens[1]] = true
			names = append(names, tokens[1])
		}
	}
	return names
}

// valuesKnown says whether the contexts that the action calls for were reported and can be read.
func (c *change) valuesKnown() bool {
	switch c.raw.Action {
	case types.ChangeActionAdd, types.ChangeActionImport:
		return c.after != nil
	case types.ChangeActionRemove:
		return c.before != nil
	}
	return c.before != nil && c.after != nil
}

func (b *builder) securityOf(c *change) []plan.SecurityFinding {
	if c.missing || c.raw.Action == types.ChangeActionImport || c.raw.Action == types.ChangeActionSyncWithActual {
		return secretsExposed(c)
	}
	r := security.Resource{
		Type: c.resourceType(), Before: c.before, After: c.after, Known: c.valuesKnown(), Account: b.account,
		Created: c.raw.Action == types.ChangeActionAdd, Removed: c.raw.Action == types.ChangeActionRemove, Changed: c.changedNames(),
	}
	findings := append(security.Analyze(r), secretsExposed(c)...)
	for i := range findings {
		findings[i].Path, findings[i].Type = c.path, c.resourceType()
	}
	return findings
}
