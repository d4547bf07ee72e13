package cfnsim

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
	"stackgate/internal/cfnsim/template"
)

// A nested stack is a stack like any other, with events and operations of its own. The resource of the parent starts
// its operations and waits for what the child reports; updates and rollbacks of a child stop before their clean-up
// until the parent, and so the root, has come through.

// nested says whether the stack is a resource of another one.
func (s *stack) nested() bool { return s.ParentID != "" }

// child is the stack behind a resource, nil for any other resource and for a stack that is not there any more.
func (w *world) child(r *resource) *stack {
	if r == nil || r.Type != stackType {
		return nil
	}
	return w.stackByID(r.PhysicalID)
}

// held says whether an operation of the nested stack waits before its clean-up.
func (s *stack) held() bool { return s.Operation != nil && s.Operation.Held }

// root is the stack that a family of nested stacks belongs to.
func (w *world) root(s *stack) *stack {
	for s.nested() {
		parent := w.stackByID(s.ParentID)
		if parent == nil {
			return s
		}
		s = parent
	}
	return s
}

// childName is the name of a nested stack or change set, cut so that it stays a name.
func childName(of, logicalID, salt string) string {
	random := rules.Code(salt, 12)
	name := of + "-" + logicalID
	if room := 128 - len(random) - 1; len(name) > room {
		name = strings.TrimRight(name[:room], "-")
	}
	return name + "-" + random
}

// newChild makes a stack for a resource of the parent, without putting it into the world.
func (w *world) newChild(parent *stack, logicalID string, at time.Time) *stack {
	id := w.nextID()
	child := &stack{
		Name: childName(parent.Name, logicalID, id), Account: parent.Account, Region: parent.Region, Created: at,
		ParentID: parent.ID, RootID: w.root(parent).ID, Resources: map[string]*resource{},
	}
	child.ID = stackARN(child.Account, child.Region, child.Name, id)
	return child
}

// childTarget is what the parent's resource tells the child to be. pinned is the template that a reviewed change set
// holds; without one the template is read anew.
func (w *world) childTarget(parent *stack, d deployment, r *resource, pinned *string) (deployment, *template.Template, error) {
	body := ""
	if pinned != nil {
		body = *pinned
	} else {
		url, _ := r.Properties["TemplateURL"].(string)
		object, found := w.Objects[url]
		if !found {
			return deployment{}, nil, &template.Error{Message: "S3 error: Access Denied"}
		}
		body = object.Body
	}
	parsed, err := template.Parse(body)
	if err != nil {
		return deployment{}, nil, err
	}
	if err := checkScripts(parsed); err != nil {
		return deployment{}, nil, err
	}
	given := []template.Given{}
	parameters, _ := r.Properties["Parameters"].(map[string]any)
	for _, key := range sortedIDs(parameters) {
		text := parameterText(parameters[key])
		given = append(given, template.Given{Key: key, Value: &text})
	}
	values, err := w.resolve(parsed, given, nil, parent.Account, parent.Region)
	if err != nil {
		return deployment{}, nil, err
	}
	target := deployment{Template: body, Parameters: values, Tags: childTags(d.Tags, r.Properties["Tags"]), Capabilities: d.Capabilities, RoleARN: d.RoleARN}
	topics, _ := r.Properties["NotificationARNs"].([]any)
	for _, topic := range topics {
		if text, isText := topic.(string); isText {
			target.NotificationARNs = append(target.NotificationARNs, text)
		}
	}
	return target, parsed, w.checkCapabilities(parsed, d.Capabilities)
}

// parameterText is the one text that a parameter of a nested stack must be; a list is joined, as AWS demands of its
// author.
func parameterText(value any) string {
	list, isList := value.([]any)
	if !isList {
		return valueText(value)
	}
	items := make([]string, 0, len(list))
	for _, item := range list {
		items = append(items, valueText(item))
	}
	return strings.Join(items, ",")
}

// childTags are the parent's tags with those of the resource over them.
func childTags(parents []types.Tag, own any) []types.Tag {
	tags := slices.Clone(parents)
	list, _ := own.([]any)
	for _, item := range list {
		m, _ := item.(map[string]any)
		key, _ := m["Key"].(string)
		value, _ := m["Value"].(string)
		tags = slices.DeleteFunc(tags, func(t types.Tag) bool { return aws.ToString(t.Key) == key })
		tags = append(tags, types.Tag{Key: &key, Value: &value})
	}
	return tags
}

func sameDeployment(a, b deployment) bool {
	return a.Template == b.Template && sameTags(a.Tags, b.Tags) && slices.Equal(a.NotificationARNs, b.NotificationARNs) &&
		reflect.DeepEqual(a.Parameters, b.Parameters)
}

// nestedSet is the change set that was reviewed for a resource of the stack, nil where there is none.
func (w *world) nestedSet(s *stack, logicalID string) *changeSet {
	if set := w.changeSetByID(s.Operation.ChangeSetID); set != nil {
		return w.changeSetByID(set.Nested[logicalID])
	}
	return nil
}

// operationTarget is the childTarget of a step.
func (w *world) operationTarget(s *stack, st *step) (deployment, error) {
	var pinned *string
	if set := w.nestedSet(s, st.LogicalID); set != nil {
		pinned = &set.Target.Template
	}
	target, _, err := w.childTarget(s, s.Deployed, st.New, pinned)
	return target, err
}

// childChanges says whether a nested stack must be updated although nothing of its resource changes: its template, or
// that of a stack nested in it, may have. What was reviewed together with its nested change sets and found unchanged
// stays as it is.
func (w *world) childChanges(s *stack, st *step) bool {
	set := w.changeSetByID(s.Operation.ChangeSetID)
	nested := w.nestedSet(s, st.LogicalID)
	if nested == nil && set != nil && set.IncludeNested {
		return false
	}
	return w.differs(s, w.child(st.Old), st.New, nested)
}

// differs says whether the child, or a stack nested in it, is another one than its resource now demands.
func (w *world) differs(s, child *stack, r *resource, set *changeSet) bool {
	if set != nil {
		return set.Failure != reasonNoChanges
	}
	if child == nil {
		return false
	}
	target, _, err := w.childTarget(s, s.Deployed, r, nil)
	if err != nil {
		return false
	}
	if !sameDeployment(target, child.Deployed) {
		return true
	}
	for _, id := range sortedIDs(child.Resources) {
		if own := child.Resources[id]; own.Type == stackType && exists(own) && w.differs(child, w.child(own), own, nil) {
			return true
		}
	}
	return false
}
