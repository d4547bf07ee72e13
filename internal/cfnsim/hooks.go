package cfnsim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// hookRow is what an event row says of the hook that was invoked on the row's resource.
type hookRow struct {
	InvocationID, Type string
	Status             types.HookStatus
	Reason             string `json:",omitempty"`
	Mode               types.HookFailureMode
}

func (h *hookRow) failed() bool {
	return h.Status == types.HookStatusHookCompleteFailed || h.Status == types.HookStatusHookFailed
}

// hookResult is one invocation of a hook, as ListHookResults and GetHookResult tell it.
type hookResult struct {
	ID, Type        string
	Account, Region string
	Status          types.HookStatus
	Reason          string `json:",omitempty"`
	Mode            types.HookFailureMode
	InvokedAt       time.Time
	// TargetType and Target are what the hook looked at: a change set by its ARN, or a resource of a stack.
	TargetType types.ListHookResultsTargetType
	Target     string
	// StackID, LogicalID, ResourceType and Action tell the resource.
	StackID      string                 `json:",omitempty"`
	LogicalID    string                 `json:",omitempty"`
	ResourceType string                 `json:",omitempty"`
	Action       types.HookTargetAction `json:",omitempty"`
	Annotations  []types.Annotation     `json:",omitempty"`
}

func (h *hookResult) typeARN() string {
	part, _ := partition(h.Region)
	return "arn:" + part + ":cloudformation:" + h.Region + ":" + h.Account + ":type/hook/" + strings.ReplaceAll(h.Type, "::", "-")
}

const hookVersion = "00000001"

func (r *request) listHookResults(in *cloudformation.ListHookResultsInput) (*cloudformation.ListHookResultsOutput, error) {
	switch {
	case (in.TargetType == "") != (in.TargetId == nil):
		return nil, validationError("TargetType and TargetId must be specified together.")
	case in.Status != "" && in.TypeArn == nil:
		return nil, validationError("Status can only be specified together with TypeArn.")
	case in.TargetId != nil && in.TypeArn != nil:
		return nil, validationError("TargetId and TypeArn cannot be specified together.")
	}
	var found []*hookResult
	for _, h := range slices.Backward(r.w.HookResults) {
		if h.Account == r.account && h.Region == r.region &&
			(in.TargetId == nil || (h.TargetType == in.TargetType && h.Target == *in.TargetId)) &&
			(in.TypeArn == nil || h.typeARN() == *in.TypeArn) && (in.Status == "" || h.Status == in.Status) {
			found = append(found, h)
		}
	}
	if in.TargetId != nil && len(found) == 0 && (in.TargetType != types.ListHookResultsTargetTypeChangeSet || r.w.changeSetByID(*in.TargetId) == nil) {
		return nil, &types.HookResultNotFoundException{Message: aws.String("No hook results found for target " + *in.TargetId)}
	}
	subject := r.account + r.region + "/hooks/" + string(in.TargetType) + aws.ToString(in.TargetId) + aws.ToString(in.TypeArn) + string(in.Status)
	from, to, next, err := page(subject, in.NextToken, len(found), r.pageSize(5))
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ListHookResultsOutput{HookResults: []types.HookResultSummary{}, NextToken: next, TargetId: in.TargetId, TargetType: in.TargetType}
	for _, h := range found[from:to] {
		out.HookResults = append(out.HookResults, summary(h, in.TargetId == nil))
	}
	return out, nil
}

// summary leaves out what AWS leaves out of a list that was asked for by target.
func summary(h *hookResult, whole bool) types.HookResultSummary {
	shown := types.HookResultSummary{
		HookResultId: &h.ID, TypeName: &h.Type, TypeArn: aws.String(h.typeARN()), TypeVersionId: aws.String(hookVersion), Status: h.Status,
		HookStatusReason: optional(h.Reason), FailureMode: h.Mode, InvocationPoint: types.HookInvocationPointPreProvision,
		TargetType: h.TargetType, TargetId: &h.Target,
	}
	if whole {
		shown.HookExecutionTarget, shown.InvokedAt = optional(h.StackID), &h.InvokedAt
	}
	return shown
}

func (r *request) getHookResult(in *cloudformation.GetHookResultInput) (*cloudformation.GetHookResultOutput, error) {
	if in.HookResultId == nil {
		return nil, validationError("HookResultId must be specified.")
	}
	for _, h := range r.w.HookResults {
		if h.ID != *in.HookResultId || h.Account != r.account || h.Region != r.region {
			continue
		}
		invoked := h.InvokedAt
		return &cloudformation.GetHookResultOutput{
			HookResultId: &h.ID, TypeName: &h.Type, OriginalTypeName: &h.Type, TypeArn: aws.String(h.typeARN()), TypeVersionId: aws.String(hookVersion),
			Status: h.Status, HookStatusReason: optional(h.Reason), FailureMode: h.Mode, InvocationPoint: types.HookInvocationPointPreProvision,
			InvokedAt: &invoked, Annotations: slices.Clone(h.Annotations),
			Target: &types.HookTarget{TargetType: hookTargetType(h), TargetTypeName: aws.String(h.ResourceType), TargetId: &h.Target, Action: h.Action},
		}, nil
	}
	return nil, &types.HookResultNotFoundException{Message: aws.String("Hook result [" + *in.HookResultId + "] does not exist")}
}

func hookTargetType(h *hookResult) types.HookTargetType {
	if h.LogicalID != "" {
		return types.HookTargetTypeResource
	}
	return "CHANGE_SET"
}
