package cfn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/plan/masking"
)

// RecoveryInput is what a proposal holds beside the diagnosis.
type RecoveryInput struct {
	Deployment      *plan.Deployment
	Account, Region string
	// ExecutionRole is the role that CloudFormation recovers with; empty: the one that the stack has.
	ExecutionRole string
	// Stateful are further resource types whose loss is a loss of data.
	Stateful []string
}

// Proposal makes the review of a recovery: which call is made, what becomes of each resource that it concerns, and the
// digest by which that is approved. It is pure. The digest covers the stack's newest event, so that whatever is done to
// the stack after the proposal makes it another one.
func (d Diagnosis) Proposal(in RecoveryInput) (plan.Review, error) {
	p := proposer{d: d, in: in, masker: masking.New()}
	r := plan.Review{
		Schema: plan.Schema, Deployment: in.Deployment, MaskingVersion: masking.Version,
		Target: plan.Target{
			Account: in.Account, Region: in.Region, StackName: aws.ToString(d.Stack.StackName), StackID: aws.ToString(d.Stack.StackId),
		},
		Recovery: &plan.Recovery{
			Action: d.Action, Operation: d.Action.Operation(), Status: string(d.Stack.StackStatus), Reaches: string(d.reaches()),
			Skip: append([]string{}, d.Skip...), Retain: slices.Sorted(slices.Values(d.Asked.Retain)), Force: d.Asked.Force,
		},
	}
	for _, resource := range d.Held {
		if item, concerned := p.item(resource); concerned {
			r.Items = append(r.Items, item)
		}
	}
	r.Settings, r.Limits = p.settings(r.Recovery), p.limits()
	p.finish(&r)
	var err error
	if r.Digest, r.ContentDigest, err = p.digests(r); err != nil {
		return plan.Review{}, fmt.Errorf("propose the recovery of stack %s: %w", r.Target.StackName, err)
	}
	return r.Normalised(), nil
}

type proposer struct {
	d      Diagnosis
	in     RecoveryInput
	masker *masking.Masker
}

// neverStable says whether RollbackStack deletes the stack. What cannot be told counts as never: to name too much is
// better than to name too little.
func (d Diagnosis) neverStable() bool { return d.StableSince.IsZero() }

func (d Diagnosis) deletes() bool {
	switch d.Action {
	case deployment.RecoverRemoveEmpty, deployment.RecoverDelete:
		return true
	case deployment.RecoverRollBack:
		return d.neverStable()
	case deployment.RecoverNothing, deployment.RecoverContinueRollback:
		return false
	}
	return false
}

func (d Diagnosis) reaches() types.StackStatus {
	if d.deletes() {
		return types.StackStatusDeleteComplete
	}
	return types.StackStatusUpdateRollbackComplete
}

// item says what becomes of one resource, and whether the call concerns it.
func (p proposer) item(r HeldResource) (plan.Item, bool) {
	item := plan.Item{
		Path: r.Path, LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, Type: r.Type,
		Stateful: plan.StatefulTier(r.Type, p.in.Stateful), Notes: []string{"it is " + string(r.Status)},
	}
	if reason := p.masker.Script(r.Reason); reason != "" {
		item.Notes = append(item.Notes, "CloudFormation says: "+reason)
	}
	switch {
	case p.d.deletes():
		p.deleted(&item, r)
	case p.d.Action == deployment.RecoverContinueRollback:
		return p.returned(item, r)
	default:
		return p.undone(item, r)
	}
	return item, true
}

// deleted is a resource of a stack that is deleted. Every one is acknowledged by itself, whatever its type.
func (p proposer) deleted(item *plan.Item, r HeldResource) {
	item.Action, item.Level = "Remove", plan.LevelCritical
	switch {
	case r.Status == types.ResourceStatusDeleteSkipped, p.d.retained(r.Path):
		item.Impact, item.Sentence = plan.ImpactOrphan, "left behind: it stays, and no stack manages it any more"
	case p.d.Asked.Force:
		item.Impact, item.Sentence = plan.ImpactDestroy, "deleted, or left behind unmanaged where it cannot be deleted"
	default:
		item.Impact, item.Sentence = plan.ImpactDestroy, "deleted with the stack, unless its DeletionPolicy keeps it"
	}
}

// retained says whether a resource is left behind because it, or a nested stack around it, is to be retained.
func (d Diagnosis) retained(path string) bool {
	return slices.ContainsFunc(d.Asked.Retain, func(name string) bool { return path == name || strings.HasPrefix(path, name+"/") })
}

// returned is a resource of a rollback that is continued.
func (p proposer) returned(item plan.Item, r HeldResource) (plan.Item, bool) {
	if r.Status != types.ResourceStatusUpdateFailed {
		return item, false
	}
	item.Action = "Modify"
	if slices.Contains(p.d.Skip, r.CallName()) {
		// What it really is nobody can tell: the failed update may have changed it half-way.
		item.Impact, item.Level = plan.ImpactUnknown, plan.LevelCritical
		item.Sentence = "skipped: it counts as rolled back, whatever it really is, and may differ from the template"
		return item, true
	}
	item.Impact, item.Level, item.Sentence = plan.ImpactModify, plan.LevelHigh, "returned to what it was before the update"
	if r.Skippable() {
		item.Notes = append(item.Notes, "to leave it as it is, propose again with --skip "+r.Name())
	}
	return item, true
}

// undone is a resource of an operation that failed with rollback disabled and is now rolled back.
func (p proposer) undone(item plan.Item, r HeldResource) (plan.Item, bool) {
	if !r.Changed.After(p.d.StableSince) {
		return item, false
	}
	if strings.HasPrefix(string(r.Status), "CREATE_") {
		item.Action, item.Impact, item.Level = "Remove", plan.ImpactDestroy, plan.LevelCritical
		item.Sentence = "deleted: the failed update made it"
		return item, true
	}
	item.Action, item.Impact, item.Level = "Modify", plan.ImpactModify, plan.LevelHigh
	item.Sentence = "returned to what it was before the update"
	return item, true
}

func (p proposer) settings(recovery *plan.Recovery) []plan.Setting {
	added := func(name, value string) plan.Setting {
		return plan.Setting{Name: name, Change: plan.ChangeAdd, After: aws.String(value)}
	}
	settings := []plan.Setting{
		added("CloudFormation call", recovery.Operation),
		{Name: "stack status", Change: plan.ChangeModify, Before: aws.String(recovery.Status), After: aws.String(recovery.Reaches)},
	}
	if reason := strings.TrimSpace(p.masker.Script(aws.ToString(p.d.Stack.StackStatusReason))); reason != "" {
		settings = append(settings, plan.Setting{Name: "reason of the status", Change: plan.ChangeRemove, Before: aws.String(reason)})
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"resources to skip", recovery.Skip}, {"resources to retain", recovery.Retain}, {"change sets that go with it", p.d.ChangeSets}} {
		if len(list.values) > 0 {
			settings = append(settings, added(list.name, strings.Join(list.values, ", ")))
		}
	}
	if recovery.Force {
		settings = append(settings, added("deletion mode", string(types.DeletionModeForceDeleteStack)))
	}
	if p.in.ExecutionRole != "" {
		settings = append(settings, added("execution role", p.in.ExecutionRole))
	}
	return settings
}

func (p proposer) limits() []string {
	switch {
	case p.d.Action == deployment.RecoverContinueRollback && len(p.d.Skip) > 0:
		return []string{
			"CloudFormation also returns what it has not returned yet; which resources those are it does not tell before.",
			"Skipped resources must be brought in line with the template before the next update, or that fails and the stack cannot be recovered any more.",
		}
	case p.d.Action == deployment.RecoverContinueRollback:
		return []string{"CloudFormation also returns what it has not returned yet; which resources those are it does not tell before. Where what stopped the rollback is not mended, it stops again."}
	case p.d.Action == deployment.RecoverRollBack && p.d.neverStable():
		return []string{"No event says that the stack was ever complete, and CloudFormation deletes a stack that it cannot roll back to a complete state. What has DeletionPolicy Retain is left behind."}
	case p.d.Action == deployment.RecoverDelete:
		return []string{"What has DeletionPolicy Retain or Snapshot is left behind or backed up first; the list of resources does not tell which has."}
	}
	return nil
}

func (p proposer) finish(r *plan.Review) {
	slices.SortFunc(r.Items, plan.CompareItems)
	r.Level = plan.LevelHigh
	if p.d.Action == deployment.RecoverRemoveEmpty {
		r.Level = plan.LevelLow
	}
	ack := 0
	for i := range r.Items {
		if r.Items[i].Level == plan.LevelCritical {
			ack++
			r.Items[i].Ack = ack
		}
		r.Level = r.Level.Worst(r.Items[i].Level)
	}
	r.Counts = plan.CountItems(r.Items)
	r.Completeness.Reported, r.Completeness.Shown = len(r.Items), len(r.Items)
	r.Verdict = p.verdict(r.Items)
}

func (p proposer) verdict(items []plan.Item) string {
	name := aws.ToString(p.d.Stack.StackName)
	status := string(p.d.Stack.StackStatus)
	count := func(impact plan.Impact) int {
		n := 0
		for _, item := range items {
			if item.Impact == impact {
				n++
			}
		}
		return n
	}
	destroyed, orphaned, skipped := count(plan.ImpactDestroy), count(plan.ImpactOrphan), count(plan.ImpactUnknown)
	switch {
	case p.d.Action == deployment.RecoverRemoveEmpty:
		return fmt.Sprintf("Removes the stack %s, which is %s and holds nothing.", name, status)
	case p.d.deletes():
		text := fmt.Sprintf("Deletes the stack %s, which is %s, with %s in it", name, status, resources(destroyed))
		if orphaned > 0 {
			text += "; leaves " + resources(orphaned) + " behind"
		}
		return text + "."
	case p.d.Action == deployment.RecoverContinueRollback && skipped > 0:
		return fmt.Sprintf("Continues the rollback of stack %s, and skips %s, which may then differ from the template.", name,
			listed(p.d.Held, func(r HeldResource) bool { return slices.Contains(p.d.Skip, r.CallName()) }, HeldResource.Name))
	case p.d.Action == deployment.RecoverContinueRollback && len(items) > 0:
		return fmt.Sprintf("Continues the rollback of stack %s, which stopped at %s.", name, listed(p.d.Held, HeldResource.Skippable, HeldResource.Name))
	case p.d.Action == deployment.RecoverContinueRollback:
		return fmt.Sprintf("Continues the rollback of stack %s.", name)
	case destroyed > 0:
		return fmt.Sprintf("Rolls stack %s back to what it was before the failed update, and deletes %s that it had made.", name, resources(destroyed))
	}
	return fmt.Sprintf("Rolls stack %s back to what it was before the failed update.", name)
}

func resources(n int) string {
	if n == 1 {
		return "1 resource"
	}
	return fmt.Sprintf("%d resources", n)
}

// digests covers everything that the proposal says and the stack's newest event. The content digest leaves the event and
// the stack's identity out.
func (p proposer) digests(r plan.Review) (review, content string, err error) {
	type resource struct {
		Path, Type, PhysicalID, Status, Impact, Sentence string
	}
	held := map[string]types.ResourceStatus{}
	for _, h := range p.d.Held {
		held[h.Path] = h.Status
	}
	concerned := make([]resource, 0, len(r.Items))
	for _, item := range r.Items {
		concerned = append(concerned, resource{item.Path, item.Type, item.PhysicalID, string(held[item.Path]), string(item.Impact), item.Sentence})
	}
	facts := map[string]any{"kind": "recovery-content", "schema": plan.Schema, "recovery": r.Recovery, "resources": concerned, "role": p.in.ExecutionRole}
	if content, err = plan.Digest(facts); err != nil {
		return "", "", err
	}
	review, err = plan.Digest(map[string]any{
		"kind": "recovery", "schema": plan.Schema, "content": content, "stackId": r.Target.StackID, "account": r.Target.Account,
		"region": r.Target.Region, "lastEvent": p.d.LastEvent, "changeSets": append([]string{}, p.d.ChangeSets...),
		"maskingVersion": masking.Version, "allHeld": heldFacts(p.d.Held),
	})
	return review, content, err
}

// heldFacts names everything that the stack holds, also what the call does not concern.
func heldFacts(all []HeldResource) []string {
	facts := make([]string, 0, len(all))
	for _, r := range all {
		facts = append(facts, strings.Join([]string{r.Path, r.Type, r.PhysicalID, string(r.Status)}, " "))
	}
	slices.Sort(facts)
	return facts
}
