package cfnsim

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func (r *request) describeStacks(in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
	var found []*stack
	if in.StackName != nil {
		s := r.w.find(r.account, r.region, *in.StackName)
		if s == nil {
			return nil, validationError("Stack with id %s does not exist", *in.StackName)
		}
		found = []*stack{s}
	} else {
		for _, s := range slices.Backward(r.w.Stacks) {
			if s.Account == r.account && s.Region == r.region && s.Status != types.StackStatusDeleteComplete {
				found = append(found, s)
			}
		}
	}
	from, to, next, err := page(r.account+r.region+aws.ToString(in.StackName)+"/stacks", in.NextToken, len(found), r.pageSize(5))
	if err != nil {
		return nil, err
	}
	out := &cloudformation.DescribeStacksOutput{NextToken: next, Stacks: []types.Stack{}}
	for _, s := range found[from:to] {
		out.Stacks = append(out.Stacks, r.shownStack(s))
	}
	return out, nil
}

func (r *request) shownStack(s *stack) types.Stack {
	shown := types.Stack{
		StackId: &s.ID, StackName: &s.Name, StackStatus: s.Status, StackStatusReason: optional(s.Reason), ChangeSetId: optional(s.ChangeSetID),
		CreationTime: &s.Created, LastUpdatedTime: s.Updated, DeletionTime: s.Deleted, Description: optional(r.description(s)),
		Parameters: shownParameters(s.Deployed.Parameters), Tags: nonNil(s.Deployed.Tags), Capabilities: s.Deployed.Capabilities,
		NotificationARNs: nonNil(s.Deployed.NotificationARNs), RollbackConfiguration: rollbackConfiguration(s.Deployed),
		Outputs: s.Outputs, DisableRollback: aws.Bool(s.DisableRollback), EnableTerminationProtection: aws.Bool(false),
		DriftInformation: &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked},
		RoleARN:          optional(s.Deployed.RoleARN), LastOperations: s.LastOperations, DeletionMode: s.DeletionMode,
	}
	shown.ParentId, shown.RootId = optional(s.ParentID), optional(s.RootID)
	if s.RetainNew {
		shown.RetainExceptOnCreate = aws.Bool(true)
	}
	if s.Stale != nil && s.Stale.Left > 0 {
		shown.StackStatus, shown.StackStatusReason, shown.ChangeSetId = s.Stale.Status, optional(s.Stale.Reason), optional(s.Stale.ChangeSetID)
		s.Stale.Left--
		if s.Stale.Left == 0 {
			s.Stale = nil
		}
		r.changed = true
	}
	return shown
}

// description is that of the deployed template; a stack that only awaits its first change set has none.
func (r *request) description(s *stack) string {
	if s.Deployed.Template == "" {
		return ""
	}
	scope, err := r.w.boundScope(s)
	if err != nil {
		return ""
	}
	return scope.Template.Description
}

func (r *request) listStacks(in *cloudformation.ListStacksInput) (*cloudformation.ListStacksOutput, error) {
	var found []*stack
	subject := r.account + r.region + "/list"
	for _, s := range slices.Backward(r.w.Stacks) {
		if s.Account == r.account && s.Region == r.region && (len(in.StackStatusFilter) == 0 || slices.Contains(in.StackStatusFilter, s.Status)) {
			found = append(found, s)
		}
	}
	for _, status := range in.StackStatusFilter {
		subject += "/" + string(status)
	}
	from, to, next, err := page(subject, in.NextToken, len(found), r.pageSize(5))
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ListStacksOutput{NextToken: next, StackSummaries: []types.StackSummary{}}
	for _, s := range found[from:to] {
		out.StackSummaries = append(out.StackSummaries, types.StackSummary{
			StackId: &s.ID, StackName: &s.Name, StackStatus: s.Status, StackStatusReason: optional(s.Reason), CreationTime: &s.Created,
			LastUpdatedTime: s.Updated, DeletionTime: s.Deleted, TemplateDescription: optional(r.description(s)), LastOperations: s.LastOperations,
			ParentId: optional(s.ParentID), RootId: optional(s.RootID),
			DriftInformation: &types.StackDriftInformationSummary{StackDriftStatus: types.StackDriftStatusNotChecked},
		})
	}
	return out, nil
}

func (r *request) listExports(in *cloudformation.ListExportsInput) (*cloudformation.ListExportsOutput, error) {
	var found []types.Export
	for _, s := range r.w.Stacks {
		if s.Account != r.account || s.Region != r.region || s.Status == types.StackStatusDeleteComplete {
			continue
		}
		for _, output := range s.Outputs {
			if output.ExportName != nil {
				found = append(found, types.Export{ExportingStackId: aws.String(s.ID), Name: output.ExportName, Value: output.OutputValue})
			}
		}
	}
	from, to, next, err := page(r.account+r.region+"/exports", in.NextToken, len(found), r.pageSize(5))
	if err != nil {
		return nil, err
	}
	return &cloudformation.ListExportsOutput{NextToken: next, Exports: append([]types.Export{}, found[from:to]...)}, nil
}

// describeStackEvents lists newest first. Tokens count from the oldest event, so that rows that arrive between two
// pages move nothing.
func (r *request) describeStackEvents(in *cloudformation.DescribeStackEventsInput) (*cloudformation.DescribeStackEventsOutput, error) {
	s := r.w.find(r.account, r.region, *in.StackName)
	if s == nil {
		return nil, validationError("Stack with id %s does not exist", *in.StackName)
	}
	newest := len(s.Events)
	if in.NextToken != nil {
		left, err := readToken(s.ID+"/events", *in.NextToken)
		if err != nil || left > len(s.Events) {
			return nil, validationError("The specified next token is invalid. Please provide a valid token.")
		}
		newest = left
	}
	out, oldest := &cloudformation.DescribeStackEventsOutput{StackEvents: []types.StackEvent{}}, newest
	for oldest > 0 && len(out.StackEvents) < r.pageSize(5) {
		oldest--
		for range r.seen(s, s.Events[oldest].ID, s.Events[oldest].Time) {
			out.StackEvents = append(out.StackEvents, shownEvent(s, s.Events[oldest]))
		}
	}
	if oldest > 0 {
		out.NextToken = writeToken(s.ID+"/events", oldest)
	}
	return out, nil
}

func shownEvent(s *stack, e event) types.StackEvent {
	shown := types.StackEvent{
		EventId: &e.ID, StackId: &s.ID, StackName: &s.Name, Timestamp: &e.Time, LogicalResourceId: &e.LogicalID,
		PhysicalResourceId: aws.String(e.PhysicalID), ResourceType: &e.Type, ResourceStatus: types.ResourceStatus(e.Status),
		ResourceStatusReason: optional(e.Reason), ResourceProperties: optional(e.Properties), ClientRequestToken: optional(e.Token),
		OperationId: optional(e.OperationID), DetailedStatus: e.DetailedStatus,
	}
	if e.Hook != nil {
		shown.HookType, shown.HookStatus, shown.HookStatusReason = aws.String(e.Hook.Type), e.Hook.Status, optional(e.Hook.Reason)
		shown.HookInvocationId, shown.HookFailureMode = aws.String(e.Hook.InvocationID), e.Hook.Mode
		shown.HookInvocationPoint = types.HookInvocationPointPreProvision
	}
	return shown
}
