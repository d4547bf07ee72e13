package cfnsim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
	"stackgate/internal/cfnsim/template"
)

// mustReplace says whether the differences replace the resource. Where AWS decides by circumstances that the
// simulator cannot know, the resource is updated in place unless its Metadata says otherwise.
func (w *world) mustReplace(old, new *resource, t rules.Type) bool {
	for name := range changedProperties(old.Properties, new.Properties) {
		if t.Replaces(name) || (t.Recreation(name) == rules.Conditionally && simulated(new.Metadata).replaces()) {
			return true
		}
	}
	return false
}

func changedProperties(old, new map[string]any) map[string]bool {
	changed := map[string]bool{}
	for name, value := range new {
		if before, present := old[name]; !present || !template.EqualValues(before, value) {
			changed[name] = true
		}
	}
	for name := range old {
		if _, present := new[name]; !present {
			changed[name] = true
		}
	}
	return changed
}

// sameResource says whether nothing of a resource would change.
func sameResource(old, new *resource) bool {
	return old.Status != types.ResourceStatusUpdateFailed &&
		len(changedProperties(old.Properties, new.Properties)) == 0 &&
		sameTags(old.StackTags, new.StackTags) &&
		reflect.DeepEqual(old.Metadata, new.Metadata) &&
		reflect.DeepEqual(old.CreationPolicy, new.CreationPolicy) &&
		reflect.DeepEqual(old.UpdatePolicy, new.UpdatePolicy) &&
		reflect.DeepEqual(old.DeletionPolicy, new.DeletionPolicy) &&
		reflect.DeepEqual(old.UpdateReplacePolicy, new.UpdateReplacePolicy)
}

// foresee decides whether the step will fail. refused says that the service turns the resource down outright, before
// anything is made.
func (w *world) foresee(s *stack, st *step, t rules.Type) (refused bool) {
	if st.Fails = w.refusal(s, st, t); st.Fails != "" {
		return true
	}
	word := "update"
	if st.Action == stepCreate {
		word = "create"
	}
	st.Fails = s.strike(st.New, word)
	return false
}

// refusal is the reason for which the service would turn the resource down, or "".
func (w *world) refusal(s *stack, st *step, t rules.Type) string {
	if missing := t.Missing(st.New.Properties); len(missing) > 0 {
		var lines strings.Builder
		for _, name := range missing {
			fmt.Fprintf(&lines, "\n#: required key [%s] not found", name)
		}
		return fmt.Sprintf("Properties validation failed for resource %s with message:%s", st.LogicalID, lines.String())
	}
	if st.Replaces && s.Operation.NoRollback {
		return "Replacement type updates not supported on stack with disable-rollback."
	}
	custom, named := t.CustomName(st.New.Properties)
	if !named || (st.Action == stepUpdate && !st.Replaces) {
		return ""
	}
	if st.Replaces && st.Old.Name == custom {
		return fmt.Sprintf("CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename %s and update the stack again.", custom)
	}
	if owner := w.nameOwner(s, st.New.Type, custom, st.LogicalID); owner != nil {
		return fmt.Sprintf("%s already exists in stack %s", custom, owner.ID)
	}
	if slices.Contains(w.Orphans, orphan(s, st.New.Type, custom)) {
		return fmt.Sprintf("Resource handler returned message: \"Resource of type '%s' with identifier '%s' already exists.\" (RequestToken: %s, HandlerErrorCode: AlreadyExists)",
			st.New.Type, custom, rules.UUID(st.New.Salt))
	}
	return ""
}

// orphan names a resource that no stack owns any more.
func orphan(s *stack, typeName, name string) string {
	return s.Account + "/" + s.Region + "/" + typeName + "/" + name
}

// nameOwner returns the stack in which a resource of the type already has the name.
func (w *world) nameOwner(s *stack, typeName, name, logicalID string) *stack {
	for _, other := range w.Stacks {
		if other.Account != s.Account || other.Region != s.Region {
			continue
		}
		for id, r := range other.Resources {
			if r.Type == typeName && r.Name == name && exists(r) && (other != s || id != logicalID) {
				return other
			}
		}
	}
	return nil
}
