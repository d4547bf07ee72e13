package cfnsim

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func (r *request) listStackResources(in *cloudformation.ListStackResourcesInput) (*cloudformation.ListStackResourcesOutput, error) {
	s := r.w.find(r.account, r.region, *in.StackName)
	if s == nil {
		return nil, validationError("Stack with id %s does not exist", *in.StackName)
	}
	ids := sortedIDs(s.Resources)
	from, to, next, err := page(s.ID+"/resources", in.NextToken, len(ids), r.pageSize(5))
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ListStackResourcesOutput{NextToken: next, StackResourceSummaries: []types.StackResourceSummary{}}
	for _, id := range ids[from:to] {
		res := s.Resources[id]
		changed := res.Changed
		out.StackResourceSummaries = append(out.StackResourceSummaries, types.StackResourceSummary{
			LogicalResourceId: aws.String(id), PhysicalResourceId: optional(res.PhysicalID), ResourceType: aws.String(res.Type),
			ResourceStatus: res.Status, ResourceStatusReason: optional(res.Reason), LastUpdatedTimestamp: &changed,
			DriftInformation: &types.StackResourceDriftInformationSummary{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
		})
	}
	return out, nil
}

func (r *request) describeStackResource(in *cloudformation.DescribeStackResourceInput) (*cloudformation.DescribeStackResourceOutput, error) {
	s := r.w.find(r.account, r.region, *in.StackName)
	if s == nil {
		return nil, validationError("Stack '%s' does not exist", *in.StackName)
	}
	res := s.Resources[*in.LogicalResourceId]
	// Recorded on AWS: of a living stack, a deleted resource does not exist.
	if res == nil || (res.Status == types.ResourceStatusDeleteComplete && s.Status != types.StackStatusDeleteComplete) {
		return nil, validationError("Resource %s does not exist for stack %s", *in.LogicalResourceId, s.Name)
	}
	changed := res.Changed
	detail := &types.StackResourceDetail{
		StackId: &s.ID, StackName: &s.Name, LogicalResourceId: in.LogicalResourceId, PhysicalResourceId: optional(res.PhysicalID),
		ResourceType: aws.String(res.Type), ResourceStatus: res.Status, ResourceStatusReason: optional(res.Reason), LastUpdatedTimestamp: &changed,
		DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
		Metadata:         aws.String("{}"),
	}
	if res.Metadata != nil {
		detail.Metadata = aws.String(maskedJSON(res.Metadata))
	}
	return &cloudformation.DescribeStackResourceOutput{StackResourceDetail: detail}, nil
}

func (r *request) describeStackResources(in *cloudformation.DescribeStackResourcesInput) (*cloudformation.DescribeStackResourcesOutput, error) {
	s, err := r.resourcesOwner(in)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.DescribeStackResourcesOutput{StackResources: []types.StackResource{}}
	for _, id := range sortedIDs(s.Resources) {
		res := s.Resources[id]
		if in.LogicalResourceId != nil && *in.LogicalResourceId != id {
			continue
		}
		changed := res.Changed
		out.StackResources = append(out.StackResources, types.StackResource{
			StackId: &s.ID, StackName: &s.Name, LogicalResourceId: aws.String(id), PhysicalResourceId: optional(res.PhysicalID),
			ResourceType: aws.String(res.Type), ResourceStatus: res.Status, ResourceStatusReason: optional(res.Reason), Timestamp: &changed,
			DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
		})
		// The API answers at most 100 resources and has no pages.
		if len(out.StackResources) == 100 {
			break
		}
	}
	return out, nil
}

// resourcesOwner finds the stack by name, or by a physical id of one of its resources.
func (r *request) resourcesOwner(in *cloudformation.DescribeStackResourcesInput) (*stack, error) {
	if in.StackName != nil {
		s := r.w.find(r.account, r.region, *in.StackName)
		if s == nil {
			return nil, validationError("Stack with id %s does not exist", *in.StackName)
		}
		return s, nil
	}
	if in.PhysicalResourceId == nil {
		return nil, validationError("Either StackName or PhysicalResourceId must be specified.")
	}
	for _, s := range r.w.Stacks {
		if s.Account != r.account || s.Region != r.region || s.Status == types.StackStatusDeleteComplete {
			continue
		}
		for _, res := range s.Resources {
			if res.PhysicalID == *in.PhysicalResourceId && exists(res) {
				return s, nil
			}
		}
	}
	return nil, validationError("Stack for %s does not exist", *in.PhysicalResourceId)
}
