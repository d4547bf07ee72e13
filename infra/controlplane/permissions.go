package controlplane

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"stackgate/infra/installation"
	"stackgate/internal/installed"
	"stackgate/internal/store/dynamo"
)

// everyFunctionMay is what all functions do: log, trace, and read the store.
func (h *hub) everyFunctionMay(logs awslogs.LogGroup) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow("Log", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, []string{*logs.LogGroupArn()}),
		// X-Ray has no resources (service authorization reference).
		allow("Trace", []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, []string{"*"}),
		allow("ReadRows", []string{"dynamodb:GetItem", "dynamodb:Query"}, []string{*h.table.TableArn()}),
		allow("ReadDocuments", []string{"s3:GetObject"}, []string{h.documents("*")}),
		// Without it S3 says of a document that is missing that access is denied.
		allow("MissDocuments", []string{"s3:ListBucket"}, []string{*h.bucket.BucketArn()}),
	}
}

// functionMay is what one function does beyond that.
func (h *hub) functionMay(f installed.Function) []awsiam.PolicyStatement {
	may := []awsiam.PolicyStatement{
		allow("WriteRows", []string{"dynamodb:PutItem"}, []string{*h.table.TableArn()}),
		h.deleteWaiters(),
	}
	if kinds := documentsOf(f); len(kinds) > 0 {
		var resources []string
		for _, kind := range kinds {
			resources = append(resources, h.documents(kind+"/*"))
		}
		may = append(may, allow("WriteDocuments", []string{"s3:PutObject"}, resources))
	}
	if h.Settings.SentryParameter != "" {
		s := h.Settings
		may = append(may, allow("ReadDSN", []string{"ssm:GetParameter"},
			[]string{"arn:" + s.Partition() + ":ssm:" + s.Region + ":" + s.Account + ":parameter" + s.SentryParameter}))
	}
	switch f {
	case installed.Plan:
		may = append(may, h.listRecords(), h.wake(), h.announce(), h.assumeOwn(f), h.decideAndAskNothing(), h.keepDeadLetters(),
			// Whether an execution has ended is asked of Step Functions, and not believed of an event; its transitions are
			// counted.
			allow("SeeExecutions", []string{"states:DescribeExecution", "states:GetExecutionHistory"}, []string{strings.Replace(h.Settings.MachineARNs(), ":stateMachine:", ":execution:", 1)}))
	case installed.Events:
		may = append(may, h.wake(), h.assumeOwn(f), h.decideAndAskNothing(), h.keepDeadLetters())
	case installed.Execute:
		may = append(may, h.assumeOwn(f), h.decideAndAskNothing())
	case installed.Review:
		may = append(may, h.listRecords(), h.wake(), h.announce(),
			allow("Start", []string{"states:StartExecution"}, []string{h.Settings.MachineARNs()}))
	}
	return may
}

// lambdaItself is what Lambda does with a function's role outside of its code: logs, traces, what could not be handled, and the
// environment's key. Of these the documentation has only logs and PutTraceSegments with the key lambda:SourceFunctionArn, and
// X-Ray's two go together.
var lambdaItself = []string{"logs:", "xray:", "sqs:SendMessage", "kms:"}

// onlyFromItsFunction denies the role to everything but its function's code: every function that somebody makes with this
// role would otherwise have its permissions, and Lambda's is the only service that the role can trust. Lambda puts the ARN of
// the function into the credentials of its code, and where it is absent, ArnNotLike holds as well (Lambda developer guide,
// "Using source function ARN to control function access behavior"). The ARN is without a version in AWS's examples;
// both forms are taken.
func (h *hub) onlyFromItsFunction(f installed.Function, allowed []awsiam.PolicyStatement) awsiam.PolicyStatement {
	var actions []string
	for _, statement := range allowed {
		if statement.Effect() != awsiam.Effect_ALLOW {
			continue
		}
		for _, action := range *statement.Actions() {
			if !slices.ContainsFunc(lambdaItself, func(prefix string) bool { return strings.HasPrefix(*action, prefix) }) {
				actions = append(actions, *action)
			}
		}
	}
	slices.Sort(actions)
	arn := h.arn("lambda", "function:"+installation.FunctionName(f))
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: str("OnlyFromItsFunction"), Effect: awsiam.Effect_DENY, Actions: texts(slices.Compact(actions)...), Resources: texts("*"),
		Conditions: &map[string]any{"ArnNotLike": map[string]any{"lambda:SourceFunctionArn": []string{arn, arn + ":*"}}},
	})
}

// arn is the ARN of a resource in the hub's account and region.
func (h *hub) arn(service, resource string) string {
	s := h.Settings
	return "arn:" + s.Partition() + ":" + service + ":" + s.Region + ":" + s.Account + ":" + resource
}

// documentsOf is which kinds of documents a function writes.
func documentsOf(f installed.Function) []string {
	switch f {
	case installed.Plan:
		// The tail where it finishes, from outside, what ended without having written one.
		return []string{"definition", "review", "tail"}
	case installed.Events:
		return []string{"tail"}
	case installed.Review:
		return []string{"template"}
	}
	return nil
}

func (h *hub) documents(which string) string {
	return *h.bucket.BucketArn() + "/" + dynamo.DocumentPrefix + which
}

// listRecords allows to find deployments otherwise than by their ids.
func (h *hub) listRecords() awsiam.PolicyStatement {
	return allow("ListRecords", []string{"dynamodb:BatchGetItem", "dynamodb:Query"}, []string{*h.table.TableArn(), *h.table.TableArn() + "/index/*"})
}

// deleteWaiters allows the one kind of row that is ever deleted.
func (h *hub) deleteWaiters() awsiam.PolicyStatement {
	s := allow("DeleteWaiters", []string{"dynamodb:DeleteItem"}, []string{*h.table.TableArn()})
	s.AddCondition(str("ForAllValues:StringLike"), map[string]any{"dynamodb:LeadingKeys": []string{"waiters#*"}})
	s.AddCondition(str("Null"), map[string]any{"dynamodb:LeadingKeys": "false"})
	return s
}

// decideAndAskNothing keeps from whoever has got hold of the function to write approvals and requests. A decision is the row that
// has a number, a request the one that has a mark, and the store takes none for either that has not (internal/store/dynamo).
func (h *hub) decideAndAskNothing() awsiam.PolicyStatement {
	s := awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: str("DecideAndAskNothing"), Effect: awsiam.Effect_DENY,
		Actions: texts("dynamodb:PutItem", "dynamodb:UpdateItem"), Resources: texts(*h.table.TableArn()),
		Conditions: &map[string]any{"ForAnyValue:StringEquals": map[string]any{"dynamodb:Attributes": []string{dynamo.DecisionNumber, dynamo.RequestMark}}},
	})
	return s
}

// wake allows to answer task tokens. IAM knows no resource for that: whoever holds a token may use it, and tokens stay in
// the table.
func (h *hub) wake() awsiam.PolicyStatement {
	return allow("Wake", []string{"states:SendTaskSuccess"}, []string{"*"})
}

// keepDeadLetters allows Lambda, which works with the function's role, to keep what the function failed at.
func (h *hub) keepDeadLetters() awsiam.PolicyStatement {
	return allow("KeepDeadLetters", []string{"sqs:SendMessage"}, []string{*h.deadLetters.QueueArn()})
}

func (h *hub) announce() awsiam.PolicyStatement {
	return allow("Announce", []string{"sns:Publish"}, []string{*h.announcements.TopicArn()})
}

// assumeOwn allows the roles of this function's prefix in the target accounts. Which service's, the roles' trust says by the
// external id.
func (h *hub) assumeOwn(f installed.Function) awsiam.PolicyStatement {
	return allow("AssumeOwnRoles", []string{"sts:AssumeRole"}, h.ownRoles(f))
}

// ownRoles are the ARN patterns of a function's roles in the target accounts.
func (h *hub) ownRoles(f installed.Function) []string {
	var roles []string
	for _, account := range h.accounts() {
		roles = append(roles, strings.NewReplacer("${account}", account, "${function}", string(f),
			"${service}", "*", "${environment}", "*").Replace(h.Settings.RolePattern()))
	}
	return roles
}

func str(text string) *string { return &text }

// identifier is a function's name as part of logical ids.
func identifier(f installed.Function) string {
	return strings.ToUpper(string(f)[:1]) + string(f)[1:]
}
