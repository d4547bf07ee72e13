package cfnsim

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
	"stackgate/internal/cfnsim/template"
)

const (
	reasonInitiated       = "Resource creation Initiated"
	reasonReplacing       = "Requested update requires the creation of a new physical resource; hence creating one."
	reasonCreateCancelled = "Resource creation cancelled"
	reasonUpdateCancelled = "Resource update cancelled"
)

// liveResources answers references with what is deployed at this moment of an operation.
type liveResources struct {
	w *world
	s *stack
}

func (l liveResources) Reference(id string) (any, error) {
	r := l.s.Resources[id]
	if r == nil || r.PhysicalID == "" {
		return nil, &template.Error{Message: fmt.Sprintf("Unresolved resource dependencies [%s] in the Resources block of the template", id)}
	}
	return r.PhysicalID, nil
}

func (l liveResources) Attribute(id, name string) (any, error) {
	r := l.s.Resources[id]
	if r == nil || r.PhysicalID == "" {
		return nil, &template.Error{Message: fmt.Sprintf("Template error: instance of Fn::GetAtt references undefined resource %s", id)}
	}
	return l.w.attribute(l.s, r, name)
}

// boundScope returns the evaluator of what the stack is being deployed as.
func (w *world) boundScope(s *stack) (*template.Scope, error) {
	if s.scope != nil {
		return s.scope, nil
	}
	parsed, err := template.Parse(s.Deployed.Template)
	if err != nil {
		return nil, err
	}
	scope, err := parsed.Bind(s.Deployed.Parameters, w.environment(s, s.Deployed))
	if err != nil {
		return nil, err
	}
	scope.Resources = liveResources{w, s}
	s.scope = scope
	return scope, nil
}

// evaluateResource returns the resource as the template now wants it, without identity.
func evaluateResource(scope *template.Scope, id string, tags []types.Tag) (*resource, error) {
	source := scope.Template.Resources[id]
	r := &resource{LogicalID: id, Type: source.Type, DependsOn: scope.Dependencies(id), StackTags: tags}
	properties, err := scope.Evaluate(source.Properties)
	if err != nil {
		return nil, err
	}
	r.Properties, _ = properties.(map[string]any)
	for _, part := range []struct {
		from any
		to   *any
	}{
		{source.Metadata, &r.Metadata}, {source.CreationPolicy, &r.CreationPolicy}, {source.UpdatePolicy, &r.UpdatePolicy},
		{source.DeletionPolicy, &r.DeletionPolicy}, {source.UpdateReplacePolicy, &r.UpdateReplacePolicy},
	} {
		if *part.to, err = scope.Evaluate(part.from); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// startStep begins a step whose predecessors are done. It may end at once: nothing to update, a retained resource.
func (w *world) startStep(s *stack, st *step, at time.Time) {
	switch st.Action {
	case stepCreate, stepUpdate:
		w.startProvision(s, st, at)
	case stepRestore:
		w.startRestore(s, st, at)
	case stepDelete:
		w.startDelete(s, st, at)
	case stepRelease:
		w.startRelease(st, at)
	}
}

func (w *world) startProvision(s *stack, st *step, at time.Time) {
	scope, err := w.boundScope(s)
	if err != nil {
		st.State = stepDropped
		w.fail(s, at, err.Error())
		return
	}
	st.New, err = evaluateResource(scope, st.LogicalID, s.Deployed.Tags)
	if err != nil {
		// CloudFormation cannot even begin the resource: only the stack's row tells why.
		st.State = stepDropped
		w.fail(s, at, err.Error())
		return
	}
	if st.Action == stepCreate {
		w.startCreate(s, st, at)
		return
	}
	w.startUpdate(s, st, at)
}

func (w *world) startCreate(s *stack, st *step, at time.Time) {
	w.name(s, st.New, w.catalog.Lookup(st.New.Type))
	w.mark(s, st.New, at, types.ResourceStatusCreateInProgress, "")
	if failed := s.Resources[st.LogicalID]; failed != nil && failed.Status == types.ResourceStatusCreateFailed && failed.PhysicalID != "" {
		s.Debris = append(s.Debris, failed)
	}
	s.Resources[st.LogicalID] = st.New
	if !w.invokeHooks(s, st, "create", at) {
		w.provision(s, st, at)
	}
}

// provision begins the work on a resource that nothing forbids.
func (w *world) provision(s *stack, st *step, at time.Time) {
	if st.New.Type == stackType {
		w.provisionChild(s, st, at)
		return
	}
	action := rules.Update
	if st.Action == stepCreate || st.Replaces {
		action = rules.Create
	}
	early := w.foresee(s, st, w.catalog.Lookup(st.New.Type))
	w.run(st, at, action, s, early)
}

func (w *world) startUpdate(s *stack, st *step, at time.Time) {
	if sameResource(st.Old, st.New) && !w.childChanges(s, st) {
		st.State = stepDone
		// What a deletion must wait for may have changed although the resource has not.
		kept := *st.Old
		kept.DependsOn = st.New.DependsOn
		s.Resources[st.LogicalID] = &kept
		return
	}
	t := w.catalog.Lookup(st.New.Type)
	st.Replaces = w.mustReplace(st.Old, st.New, t)
	reason := ""
	if st.Replaces {
		reason = reasonReplacing
		w.name(s, st.New, t)
	} else {
		st.New.PhysicalID, st.New.Name, st.New.Salt = st.Old.PhysicalID, st.Old.Name, st.Old.Salt
	}
	shown := *st.New
	shown.PhysicalID = st.Old.PhysicalID
	w.mark(s, &shown, at, types.ResourceStatusUpdateInProgress, reason)
	s.Resources[st.LogicalID] = &shown
	if !w.invokeHooks(s, st, "update", at) {
		w.provision(s, st, at)
	}
}

// name gives a resource that is about to be made its name; the physical id follows when creation is initiated.
func (w *world) name(s *stack, r *resource, t rules.Type) {
	r.Salt = w.nextID()
	if custom, given := t.CustomName(r.Properties); given {
		r.Name = custom
		return
	}
	r.Name = t.GenerateName(s.identity(r))
}

// run puts a step in flight: a resource that is made shows its physical id after a second, and ends after the type's
// time. A step that is to fail ends when its Metadata says, otherwise at its regular end; one that the service
// refuses outright ends early and never gets a physical id.
func (w *world) run(st *step, at time.Time, action rules.Action, s *stack, refused bool) {
	r := st.New
	if r == nil {
		r = st.Old
	}
	st.State = stepRunning
	st.Ends = at.Add(w.spread(w.catalog.Lookup(r.Type).Duration(action), s.ID+st.LogicalID+string(st.Action)))
	if after, given := simulated(r.Metadata).after(); given && st.Fails != "" && !refused {
		st.Ends = at.Add(w.paced(after))
	}
	if refused {
		st.Ends = at.Add(w.spread(time.Second, s.ID+st.LogicalID+"refused"))
	}
	st.Due = st.Ends
	if action == rules.Create && !refused {
		if shown := at.Add(w.spread(time.Second, s.ID+r.LogicalID+"shown")); shown.Before(st.Ends) {
			st.Due = shown
		}
	}
}

// tickStep moves a step that is due.
func (w *world) tickStep(s *stack, st *step, at time.Time) {
	if st.State == stepInvoking {
		w.tickHooks(s, st, at)
		return
	}
	if st.State == stepRunning && at.Before(st.Ends) {
		w.initiate(s, st, at)
		return
	}
	if st.State == stepRunning && st.New != nil && st.New.PhysicalID == "" && st.Fails == "" {
		w.initiate(s, st, at)
	}
	if st.Fails != "" {
		w.failStep(s, st, at, st.Fails, stepFailed)
		w.fail(s, at, "")
		return
	}
	w.completeStep(s, st, at)
}

// initiate shows the physical id of a resource that is being made.
func (w *world) initiate(s *stack, st *step, at time.Time) {
	st.State, st.Due = stepInitiated, st.Ends
	r := st.New
	if r.Type == stackType {
		w.createChild(s, st, at)
		w.mark(s, r, at, types.ResourceStatusCreateInProgress, reasonInitiated)
		s.Resources[st.LogicalID] = r
		return
	}
	r.PhysicalID = w.catalog.Lookup(r.Type).PhysicalID(s.identity(r))
	status := types.ResourceStatusCreateInProgress
	if st.Action == stepUpdate {
		status = types.ResourceStatusUpdateInProgress
	}
	w.mark(s, r, at, status, reasonInitiated)
	s.Resources[st.LogicalID] = r
}

func (w *world) completeStep(s *stack, st *step, at time.Time) {
	st.State = stepDone
	switch st.Action {
	case stepCreate:
		w.mark(s, st.New, at, types.ResourceStatusCreateComplete, "")
		s.Resources[st.LogicalID] = st.New
	case stepUpdate:
		w.mark(s, st.New, at, types.ResourceStatusUpdateComplete, "")
		s.Resources[st.LogicalID] = st.New
	case stepRestore:
		restored := *st.Old
		w.mark(s, &restored, at, types.ResourceStatusUpdateComplete, "")
		s.Resources[st.LogicalID] = &restored
	case stepDelete:
		w.mark(s, st.Old, at, types.ResourceStatusDeleteComplete, "")
		w.forget(s, st)
	case stepRelease:
		cleaned := *s.Resources[st.LogicalID]
		w.mark(s, &cleaned, at, types.ResourceStatusUpdateComplete, "")
		s.Resources[st.LogicalID] = &cleaned
	}
}

// failStep ends a step without success, and shows the resource as failed.
func (w *world) failStep(s *stack, st *step, at time.Time, reason string, state stepState) {
	st.State = state
	switch st.Action {
	case stepCreate:
		w.mark(s, st.New, at, types.ResourceStatusCreateFailed, reason)
		s.Resources[st.LogicalID] = st.New
	case stepUpdate, stepRestore:
		// What the service now has is unknown; the last known state stays the truth to compare with.
		shown := *st.Old
		w.mark(s, &shown, at, types.ResourceStatusUpdateFailed, reason)
		s.Resources[st.LogicalID] = &shown
	case stepDelete:
		w.mark(s, st.Old, at, types.ResourceStatusDeleteFailed, reason)
		s.showDeletion(st)
		if s.Operation.cleansUp() {
			w.letGo(s, st)
		}
	case stepRelease:
		// A clean-up does not fail; what it could not delete it has let go.
	}
}

func (w *world) cancelStep(s *stack, st *step, at time.Time) {
	reason := reasonUpdateCancelled
	if st.Action == stepCreate {
		reason = reasonCreateCancelled
	}
	w.failStep(s, st, at, reason, stepCancelled)
}

func (w *world) startRestore(s *stack, st *step, at time.Time) {
	current := s.Resources[st.LogicalID]
	st.Fails = s.strike(&resource{LogicalID: st.LogicalID, Metadata: st.Script}, "rollback")
	shown := *st.Old
	if current != nil {
		shown.PhysicalID = current.PhysicalID
	}
	w.mark(s, &shown, at, types.ResourceStatusUpdateInProgress, "")
	s.Resources[st.LogicalID] = &shown
	if st.Old.Type == stackType && st.Fails == "" {
		w.restoreChild(s, st, at)
		return
	}
	w.run(st, at, rules.Update, s, false)
}

func (w *world) startDelete(s *stack, st *step, at time.Time) {
	switch {
	case st.Retain:
		st.State = stepDone
		w.skip(s, st, at, "")
		return
	case st.Old.PhysicalID == "":
		// Nothing was made, so there is nothing to wait for: AWS shows the end without a beginning.
		w.completeStep(s, st, at)
		return
	}
	st.Fails = s.strike(st.Old, s.Operation.deleteWords()...)
	if st.Fails != "" && s.Operation.Force {
		st.State = stepDone
		w.skip(s, st, at, st.Fails)
		return
	}
	w.mark(s, st.Old, at, types.ResourceStatusDeleteInProgress, "")
	s.showDeletion(st)
	if !w.invokeHooks(s, st, "delete", at) {
		w.removeResource(s, st, at)
	}
}

// removeResource begins the deletion of a resource that nothing forbids.
func (w *world) removeResource(s *stack, st *step, at time.Time) {
	if st.Old.Type == stackType && st.Fails == "" {
		w.deleteChild(s, st, at)
		return
	}
	w.run(st, at, rules.Delete, s, false)
}

// skip lets go of a resource without deleting it.
func (w *world) skip(s *stack, st *step, at time.Time, reason string) {
	w.mark(s, st.Old, at, types.ResourceStatusDeleteSkipped, reason)
	w.letGo(s, st)
}

// letGo drops a resource from the stack that goes on to exist, with its name.
func (w *world) letGo(s *stack, st *step) {
	if custom, named := w.catalog.Lookup(st.Old.Type).CustomName(st.Old.Properties); named {
		w.Orphans = append(w.Orphans, orphan(s, st.Old.Type, custom))
	}
	w.forget(s, st)
}

// showDeletion shows what a deletion does in the list of the stack's resources. A clean-up deletes what is no longer
// in that list, or only the old half of a replacement.
func (s *stack) showDeletion(st *step) {
	if !st.Debris && (s.Operation.Phase == phaseDelete || s.Operation.Phase == phaseRollbackCreate) {
		shown := *st.Old
		s.Resources[st.LogicalID] = &shown
	}
}

// deleteWords are the FailOn words that strike a deletion in this phase.
func (op *operation) deleteWords() []string {
	if op.Phase == phaseRollbackCreate || op.Phase == phaseRollbackCleanup {
		return []string{"delete", "rollback"}
	}
	return []string{"delete"}
}

// forget drops a deleted resource from the stack. Where the stack itself is going, its rows stay to be listed.
func (w *world) forget(s *stack, st *step) {
	if st.Debris {
		s.Debris = slices.DeleteFunc(s.Debris, func(r *resource) bool { return r.PhysicalID == st.Old.PhysicalID })
		return
	}
	switch s.Operation.Phase {
	case phaseDelete, phaseRollbackCreate:
		s.Resources[st.LogicalID] = st.Old
	case phaseCleanup, phaseRollbackCleanup, phaseProvision, phaseRollback:
		if current := s.Resources[st.LogicalID]; current != nil && current.PhysicalID == st.Old.PhysicalID {
			delete(s.Resources, st.LogicalID)
		}
	}
}
