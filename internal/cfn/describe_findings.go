package cfn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"stackgate/internal/deployment"
	"stackgate/internal/plan"
)

// HookDescriber tells which hooks will look at a change set's resources.
type HookDescriber interface {
	DescribeChangeSetHooks(ctx context.Context, in *cloudformation.DescribeChangeSetHooksInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetHooksOutput, error)
}

// EventDescriber reads operation events. Early validation that only warns leaves no other trace: the set is made, its
// status reason is empty, and DescribeStackEvents does not show it.
type EventDescriber interface {
	DescribeEvents(ctx context.Context, in *cloudformation.DescribeEventsInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeEventsOutput, error)
}

// addFindings reads what is permitted. Both calls are newer than most deployment roles (DescribeEvents is of November
// 2025), so a refusal is a limit and no error.
func (d describer) addFindings(ctx context.Context, arn string, into *Description) error {
	if client, ok := d.client.(HookDescriber); ok {
		if err := hooks(ctx, client, arn, into); err != nil {
			if !refused(err) {
				return fmt.Errorf("describe the hooks of change set %s: %w", arn, err)
			}
			into.Limits = append(into.Limits, "Which hooks will run could not be read: cloudformation:DescribeChangeSetHooks is not permitted or not known here.")
		}
	}
	client, ok := d.client.(EventDescriber)
	if !ok {
		into.Limits = append(into.Limits, "Warnings of CloudFormation's early validation were not read.")
		return nil
	}
	if err := validations(ctx, client, arn, into); err != nil {
		if !refused(err) {
			return fmt.Errorf("describe the events of change set %s: %w", arn, err)
		}
		into.Limits = append(into.Limits, "Warnings of CloudFormation's early validation could not be read: cloudformation:DescribeEvents is not permitted or not known here.")
	}
	return nil
}

// refused says whether an answer means "not for you" or "not here": missing permission, an endpoint that does not know
// the call, or one that knows it and not for change sets.
func refused(err error) bool {
	if _, ok := validationMessage(err); ok {
		return true
	}
	switch codeOf(err) {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "InvalidAction", "UnknownOperation",
		"UnknownOperationException", "NotImplemented", "NotImplementedException", "UnsupportedOperation",
		"UnsupportedOperationException", "InternalFailure.NotImplemented":
		return true
	}
	// An emulator answers 500 to what it does not know, and the SDK has retried it already; what these calls add is not
	// worth failing a deployment for.
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= 500 {
		return true
	}
	fault, _ := faultOf(err)
	return fault == deployment.NotPermitted
}

// fewTries bounds how long a call may take whose answer a review can do without.
func fewTries(o *cloudformation.Options) { o.RetryMaxAttempts = 2 }

func hooks(ctx context.Context, client HookDescriber, arn string, into *Description) error {
	in := &cloudformation.DescribeChangeSetHooksInput{ChangeSetName: aws.String(arn)}
	for {
		page, err := client.DescribeChangeSetHooks(ctx, in, fewTries)
		if err != nil {
			return err
		}
		for _, hook := range page.Hooks {
			finding := plan.Finding{Source: "hook", Name: aws.ToString(hook.TypeName), Mode: string(hook.FailureMode), Summary: "will look at this resource before it is provisioned"}
			if hook.FailureMode == types.HookFailureModeFail {
				finding.Summary += ", and can stop the deployment"
			}
			if t := hook.TargetDetails; t != nil && t.ResourceTargetDetails != nil {
				finding.Path = aws.ToString(t.ResourceTargetDetails.LogicalResourceId)
			}
			into.Findings = append(into.Findings, finding)
		}
		if page.Status == types.ChangeSetHooksStatusUnavailable {
			into.Limits = append(into.Limits, "CloudFormation cannot say which hooks will run.")
		}
		token := aws.ToString(page.NextToken)
		if token == "" || token == aws.ToString(in.NextToken) {
			return nil
		}
		in = &cloudformation.DescribeChangeSetHooksInput{ChangeSetName: in.ChangeSetName, NextToken: page.NextToken}
	}
}

func validations(ctx context.Context, client EventDescriber, arn string, into *Description) error {
	in := &cloudformation.DescribeEventsInput{ChangeSetName: aws.String(arn), Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}}
	for {
		page, err := client.DescribeEvents(ctx, in, fewTries)
		if err != nil {
			return err
		}
		for _, event := range page.OperationEvents {
			if finding, ok := findingOf(event); ok {
				into.Findings = append(into.Findings, finding)
			}
		}
		token := aws.ToString(page.NextToken)
		if token == "" || token == aws.ToString(in.NextToken) {
			return nil
		}
		in = &cloudformation.DescribeEventsInput{ChangeSetName: in.ChangeSetName, Filters: in.Filters, NextToken: page.NextToken}
	}
}

func findingOf(event types.OperationEvent) (plan.Finding, bool) {
	switch event.EventType {
	case types.EventTypeValidationError:
		return plan.Finding{
			Source: "validation", Name: aws.ToString(event.ValidationName), Mode: string(event.ValidationFailureMode),
			Path: pathOfFinding(event), Summary: aws.ToString(event.ValidationStatusReason),
		}, true
	case types.EventTypeHookInvocationError:
		return plan.Finding{
			Source: "hook", Name: aws.ToString(event.HookType), Mode: string(event.HookFailureMode),
			Path: aws.ToString(event.LogicalResourceId), Summary: aws.ToString(event.HookStatusReason),
		}, true
	case types.EventTypeStackEvent, types.EventTypeProgressEvent, types.EventTypeProvisioningError:
		return plan.Finding{}, false
	}
	return plan.Finding{
		Source: string(event.EventType), Name: cmp.Or(aws.ToString(event.ValidationName), aws.ToString(event.HookType)), Path: pathOfFinding(event),
		Summary: cmp.Or(aws.ToString(event.ValidationStatusReason), aws.ToString(event.HookStatusReason), aws.ToString(event.ResourceStatusReason)),
	}, true
}

// pathOfFinding shortens the place to the resource: "/Resources/Bucket/Properties/BucketName" becomes "Bucket".
func pathOfFinding(event types.OperationEvent) string {
	if id := aws.ToString(event.LogicalResourceId); id != "" {
		return id
	}
	path := aws.ToString(event.ValidationPath)
	if rest, ok := strings.CutPrefix(path, "/Resources/"); ok {
		id, _, _ := strings.Cut(rest, "/")
		return id
	}
	return path
}
