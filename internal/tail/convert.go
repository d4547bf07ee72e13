package tail

import (
	"cmp"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// FromStackEvents takes over what DescribeStackEvents returned, in its order, without ResourceProperties.
func FromStackEvents(rows []cfntypes.StackEvent) []Event {
	events := make([]Event, 0, len(rows))
	for _, row := range rows {
		event := Event{
			EventID: aws.ToString(row.EventId), StackID: aws.ToString(row.StackId), StackName: aws.ToString(row.StackName),
			LogicalID: aws.ToString(row.LogicalResourceId), PhysicalID: aws.ToString(row.PhysicalResourceId),
			Type: aws.ToString(row.ResourceType), Status: string(row.ResourceStatus), DetailedStatus: string(row.DetailedStatus),
			Reason: aws.ToString(row.ResourceStatusReason), Time: utc(row.Timestamp),
			Token: aws.ToString(row.ClientRequestToken), OperationID: aws.ToString(row.OperationId),
		}
		if row.HookType != nil || row.HookStatus != "" {
			event.Hook = &HookRow{
				Type: aws.ToString(row.HookType), Status: string(row.HookStatus), Reason: aws.ToString(row.HookStatusReason),
				FailureMode: string(row.HookFailureMode), InvocationID: aws.ToString(row.HookInvocationId),
				InvocationPoint: string(row.HookInvocationPoint),
			}
		}
		events = append(events, event)
	}
	return events
}

// FromOperationEvents takes over what DescribeEvents returned, in its order, without ResourceProperties. Its rows name
// the stack by id only.
func FromOperationEvents(rows []cfntypes.OperationEvent) []Event {
	events := make([]Event, 0, len(rows))
	for _, row := range rows {
		event := Event{
			EventID: aws.ToString(row.EventId), StackID: aws.ToString(row.StackId), StackName: stackNameOf(aws.ToString(row.StackId)),
			LogicalID: aws.ToString(row.LogicalResourceId), PhysicalID: aws.ToString(row.PhysicalResourceId),
			Type: aws.ToString(row.ResourceType), Status: string(row.ResourceStatus), DetailedStatus: string(row.DetailedStatus),
			Reason: aws.ToString(row.ResourceStatusReason), Time: utc(row.Timestamp),
			Token: aws.ToString(row.ClientRequestToken), OperationID: aws.ToString(row.OperationId),
			OperationType: string(row.OperationType), Kind: string(row.EventType),
		}
		if event.Time.IsZero() {
			event.Time = utc(row.StartTime)
		}
		if row.HookType != nil || row.HookStatus != "" {
			event.Hook = &HookRow{
				Type: aws.ToString(row.HookType), Status: string(row.HookStatus), Reason: aws.ToString(row.HookStatusReason),
				FailureMode: string(row.HookFailureMode), InvocationPoint: string(row.HookInvocationPoint),
			}
		}
		if row.ValidationName != nil || row.ValidationStatus != "" {
			event.Validation = &ValidationRow{
				Name: aws.ToString(row.ValidationName), Status: string(row.ValidationStatus),
				Reason: aws.ToString(row.ValidationStatusReason), Path: aws.ToString(row.ValidationPath),
				FailureMode: string(row.ValidationFailureMode),
			}
		}
		events = append(events, event)
	}
	return events
}

// FromHookResults takes over what ListHookResults returned. Annotations come from GetHookResult; see FromHookResult.
func FromHookResults(summaries []cfntypes.HookResultSummary) []HookResult {
	results := make([]HookResult, 0, len(summaries))
	for _, summary := range summaries {
		results = append(results, HookResult{
			ID: aws.ToString(summary.HookResultId), Type: aws.ToString(summary.TypeName), Status: string(summary.Status),
			Reason: aws.ToString(summary.HookStatusReason), FailureMode: string(summary.FailureMode),
			InvocationPoint: string(summary.InvocationPoint), TargetID: aws.ToString(summary.TargetId),
			Time: utc(summary.InvokedAt),
		})
	}
	return results
}

// FromHookResult takes over what GetHookResult returned. The target of a hook that looked at one resource names it.
func FromHookResult(out *cloudformation.GetHookResultOutput) HookResult {
	result := HookResult{
		ID: aws.ToString(out.HookResultId), Type: aws.ToString(out.TypeName), Status: string(out.Status), Reason: aws.ToString(out.HookStatusReason),
		FailureMode: string(out.FailureMode), InvocationPoint: string(out.InvocationPoint), Annotations: fromAnnotations(out.Annotations),
		Time: utc(out.InvokedAt),
	}
	if target := out.Target; target != nil {
		result.TargetID = aws.ToString(target.TargetId)
		// The documentation calls it the target's unique identifier and gives no example: it counts as a logical id only
		// where it can be one.
		if target.TargetType == cfntypes.HookTargetTypeResource && logicalID.MatchString(result.TargetID) {
			result.LogicalID = result.TargetID
		}
	}
	return result
}

var logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// Over returns the result with what it lacks taken from the summary of the same invocation.
func (r HookResult) Over(summary HookResult) HookResult {
	for _, field := range []struct {
		to   *string
		from string
	}{
		{&r.ID, summary.ID}, {&r.Type, summary.Type}, {&r.Status, summary.Status}, {&r.Reason, summary.Reason}, {&r.FailureMode, summary.FailureMode},
		{&r.InvocationPoint, summary.InvocationPoint}, {&r.TargetID, summary.TargetID}, {&r.StackID, summary.StackID}, {&r.LogicalID, summary.LogicalID},
	} {
		*field.to = cmp.Or(*field.to, field.from)
	}
	if r.Time.IsZero() {
		r.Time = summary.Time
	}
	return r
}

func fromAnnotations(annotations []cfntypes.Annotation) []Annotation {
	out := make([]Annotation, 0, len(annotations))
	for _, annotation := range annotations {
		out = append(out, Annotation{
			Name: aws.ToString(annotation.AnnotationName), Status: string(annotation.Status),
			Message: aws.ToString(annotation.StatusMessage), Remediation: aws.ToString(annotation.RemediationMessage),
			Link: aws.ToString(annotation.RemediationLink), Severity: string(annotation.SeverityLevel),
		})
	}
	return out
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
