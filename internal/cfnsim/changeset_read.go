package cfnsim

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/template"
)

func (r *request) describeChangeSet(in *cloudformation.DescribeChangeSetInput) (*cloudformation.DescribeChangeSetOutput, error) {
	set, s, err := r.changeSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	valued := aws.ToBool(in.IncludePropertyValues)
	changes, reason, subject := set.Changes, set.Reason, set.ID+"/plain"
	if valued {
		changes, subject = set.Valued, set.ID+"/values"
	}
	// AWS lists the changes of a set that early validation failed (observed; chosen for hooks).
	known := set.Status == types.ChangeSetStatusCreateComplete || (set.Status == types.ChangeSetStatusFailed && set.Inspected)
	if !known {
		changes = nil
	} else if valued && set.Warning != "" {
		// AWS overwrites the reason of a successful change set with a warning about the values it could not show.
		reason = set.Warning
	}
	from, to, next, err := page(subject, in.NextToken, len(changes), r.pageSize(3))
	if err != nil {
		return nil, err
	}
	return &cloudformation.DescribeChangeSetOutput{
		ChangeSetId: &set.ID, ChangeSetName: &set.Name, StackId: &set.StackID, StackName: aws.String(s.Name),
		Status: set.Status, StatusReason: optional(reason), ExecutionStatus: set.ExecutionStatus,
		Changes: copyChanges(changes[from:to]), NextToken: next,
		CreationTime: &set.Created, Description: optional(set.Description),
		Parameters: shownParameters(set.Target.Parameters), Tags: set.Target.Tags, Capabilities: nonNil(set.Target.Capabilities),
		NotificationARNs: nonNil(set.Target.NotificationARNs), RollbackConfiguration: rollbackConfiguration(set.Target),
		IncludeNestedStacks: aws.Bool(set.IncludeNested), OnStackFailure: set.OnStackFailure,
		ParentChangeSetId: optional(set.ParentID), RootChangeSetId: optional(set.RootID),
	}, nil
}

// copyChanges gives callers changes of their own, so that what they do with them stays out of the world.
func copyChanges(changes []types.Change) []types.Change {
	copied := make([]types.Change, len(changes))
	for i, change := range changes {
		own := *change.ResourceChange
		own.Scope, own.Details = slices.Clone(own.Scope), slices.Clone(own.Details)
		for j, detail := range own.Details {
			target := *detail.Target
			own.Details[j].Target = &target
		}
		copied[i] = types.Change{Type: change.Type, ResourceChange: &own}
	}
	return copied
}

// shownParameters lists parameter values as the API shows them.
func shownParameters(values map[string]template.Value) []types.Parameter {
	var list []types.Parameter
	for _, key := range sortedIDs(values) {
		value := values[key]
		// A parameter of a nested stack may hold the value of a NoEcho parameter of its parent.
		shown := types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(template.MaskSecrets(value.Text)), ResolvedValue: value.Resolved}
		if value.NoEcho {
			shown.ParameterValue = aws.String(template.Mask)
			if value.Resolved != nil {
				shown.ResolvedValue = aws.String(template.Mask)
			}
		}
		list = append(list, shown)
	}
	return list
}

// nonNil is an empty list where AWS answers one.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func rollbackConfiguration(d deployment) *types.RollbackConfiguration {
	if d.RollbackConfiguration == nil {
		return &types.RollbackConfiguration{}
	}
	return d.RollbackConfiguration
}

func (r *request) describeChangeSetHooks(in *cloudformation.DescribeChangeSetHooksInput) (*cloudformation.DescribeChangeSetHooksOutput, error) {
	set, s, err := r.changeSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.DescribeChangeSetHooksOutput{
		ChangeSetId: &set.ID, ChangeSetName: &set.Name, StackId: &s.ID, StackName: &s.Name,
		Status: types.ChangeSetHooksStatusUnavailable, Hooks: []types.ChangeSetHook{},
	}
	switch set.Status {
	case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
		out.Status = types.ChangeSetHooksStatusPlanning
	case types.ChangeSetStatusCreateComplete:
		out.Status = types.ChangeSetHooksStatusPlanned
	default:
	}
	if out.Status != types.ChangeSetHooksStatusPlanned {
		return out, nil
	}
	hooks := set.Hooks
	if in.LogicalResourceId != nil {
		hooks = slices.DeleteFunc(slices.Clone(hooks), func(h types.ChangeSetHook) bool {
			return *h.TargetDetails.ResourceTargetDetails.LogicalResourceId != *in.LogicalResourceId
		})
	}
	from, to, next, err := page(set.ID+"/hooks/"+aws.ToString(in.LogicalResourceId), in.NextToken, len(hooks), r.pageSize(5))
	if err != nil {
		return nil, err
	}
	out.Hooks, out.NextToken = append(out.Hooks, hooks[from:to]...), next
	return out, nil
}

func (r *request) listChangeSets(in *cloudformation.ListChangeSetsInput) (*cloudformation.ListChangeSetsOutput, error) {
	s := r.w.find(r.account, r.region, *in.StackName)
	if s == nil {
		return nil, validationError("Stack [%s] does not exist", *in.StackName)
	}
	sets := r.w.stackChangeSets(s)
	slices.SortFunc(sets, func(a, b *changeSet) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	from, to, next, err := page(s.ID+"/sets", in.NextToken, len(sets), r.pageSize(5))
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ListChangeSetsOutput{NextToken: next, Summaries: []types.ChangeSetSummary{}}
	for _, set := range sets[from:to] {
		out.Summaries = append(out.Summaries, types.ChangeSetSummary{
			ChangeSetId: &set.ID, ChangeSetName: &set.Name, StackId: &s.ID, StackName: &s.Name, CreationTime: &set.Created,
			Status: set.Status, StatusReason: optional(set.Reason), ExecutionStatus: set.ExecutionStatus,
			Description: optional(set.Description), IncludeNestedStacks: aws.Bool(set.IncludeNested),
			ParentChangeSetId: optional(set.ParentID), RootChangeSetId: optional(set.RootID),
		})
	}
	return out, nil
}

func (r *request) deleteChangeSet(in *cloudformation.DeleteChangeSetInput) (*cloudformation.DeleteChangeSetOutput, error) {
	set, s, err := r.changeSet(in.ChangeSetName, in.StackName)
	if set == nil {
		// Deleting what is not there succeeds, unless it is the stack that is not there.
		if s != nil || isChangeSetNotFound(err) {
			return &cloudformation.DeleteChangeSetOutput{}, nil
		}
		return nil, err
	}
	switch set.ExecutionStatus {
	case types.ExecutionStatusExecuteInProgress, types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
		return nil, invalidChangeSetStatus(set, "deleted")
	default:
	}
	if set.Status == types.ChangeSetStatusCreateInProgress || set.Status == types.ChangeSetStatusCreatePending {
		return nil, invalidChangeSetStatus(set, "deleted")
	}
	if set.ParentID != "" {
		return nil, validationError("ChangeSet [%s] is nested and can only be deleted with its root change set [%s]", set.ID, set.RootID)
	}
	r.changed = true
	switch {
	case set.Status == types.ChangeSetStatusDeletePending || set.Status == types.ChangeSetStatusDeleteInProgress:
	case len(set.Nested) > 0:
		r.w.beginRemoval(set, r.now)
	default:
		r.w.remove(r.now, set)
	}
	return &cloudformation.DeleteChangeSetOutput{}, nil
}
