// Package target makes what an account that holds stacks gives to the control plane: roles for each service, and the rule
// that forwards stack events. It makes nothing in the hub, and its templates need no bucket and no bootstrap.
//
// Its stacks have CDK's legacy synthesizer, the only one that names no role of a bootstrap in the assembly: the command line
// then works with the credentials in hand. The bootstrapless one still names the roles that a bootstrap would have made, and
// the command line passes one of them to CloudFormation.
package target

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/controlplane"
	"stackgate/infra/installation"
	"stackgate/infra/nag"
	"stackgate/internal/deployment"
	"stackgate/internal/eventbridge"
	"stackgate/internal/installed"
	"stackgate/internal/service"
)

// BaseStackName is the name of the stack that every target has once.
const BaseStackName = installation.StackName + "-target"

// forwardRule is the name of the rule that forwards.
const forwardRule = "stackgate-forward"

// NewBase makes the stack that forwards stack events. It is the same in every account and region, so that StackSets can
// bring it to all of them.
func NewBase(scope constructs.Construct, s installation.Settings, definitions []service.Definition) awscdk.Stack {
	stack := awscdk.NewStack(scope, jsii.String(BaseStackName), &awscdk.StackProps{
		StackName:           jsii.String(BaseStackName),
		Description:         jsii.String("stackgate: forwards stack events of this account and region to the control plane"),
		Synthesizer:         awscdk.NewLegacyStackSynthesizer(),
		PermissionsBoundary: controlplane.Boundary(s),
		Tags:                &map[string]*string{"application": jsii.String("stackgate")},
	})
	send := awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("SendToHub"), Actions: jsii.Strings("events:PutEvents"), Resources: jsii.Strings(s.BusARN()),
	})
	role := awsiam.NewRole(stack, jsii.String("ForwardRole"), &awsiam.RoleProps{
		RoleName:    awscdk.Fn_Join(jsii.String("-"), jsii.Strings(installation.ForwardRole, *stack.Region())),
		Description: jsii.String("stackgate: sends stack events to the control plane"),
		AssumedBy: awsiam.NewPrincipalWithConditions(awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil), &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()},
			"ArnEquals": map[string]any{"aws:SourceArn": awscdk.Fn_Join(jsii.String(":"), jsii.Strings(
				"arn", s.Partition(), "events", *stack.Region(), *stack.Account(), "rule/"+forwardRule))},
		}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"send": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{send}}),
		},
	})
	awsevents.NewCfnRule(stack, jsii.String("Forward"), &awsevents.CfnRuleProps{
		Name:         jsii.String("stackgate-forward"),
		Description:  jsii.String("Sends the status changes of the stacks that stackgate deploys to the control plane"),
		EventPattern: forwarded(definitions),
		State:        jsii.String("ENABLED"),
		// Lost events are caught by the sweep, so that nobody needs to watch a dead-letter queue in every account.
		Targets: []any{map[string]any{
			"id": "hub", "arn": s.BusARN(), "roleArn": role.RoleArn(),
			"retryPolicy": map[string]any{"maximumRetryAttempts": 8, "maximumEventAgeInSeconds": 3600},
		}},
	})
	return stack
}

// forwarded is the pattern of the events that wake somebody in the hub.
func forwarded(definitions []service.Definition) map[string]any {
	pattern := eventbridge.StackPattern()
	detail, ok := pattern["detail"].(map[string]any)
	if !ok {
		panic("the pattern of stack events has no detail")
	}
	detail["stack-id"] = []any{map[string]any{"wildcard": "arn:*:stack/" + commonPrefix(definitions) + "*"}}
	return pattern
}

// commonPrefix is what all names of stacks begin with, up to a hyphen, so that events of other stacks stay where they are.
func commonPrefix(definitions []service.Definition) string {
	if len(definitions) == 0 {
		return ""
	}
	prefix := definitions[0].StackName
	for _, d := range definitions {
		for !strings.HasPrefix(d.StackName, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix[:strings.LastIndexByte(prefix, '-')+1]
}

// Props are what the roles of a target are made of.
type Props struct {
	Settings installation.Settings
	Target   installation.Target
	Group    string
	// Definitions are those of the group whose stacks are in the target.
	Definitions []service.Definition
}

// RolesID is the name of the roles' stack in the app; in its account it is RolesStackName.
func RolesID(t installation.Target, group string) string {
	return BaseStackName + "-" + t.Account + "-" + t.Region + "-" + group
}

// RolesStackName is the name of the stack of a group's roles. Roles are the account's, so that two regions of one account
// need two names.
func RolesStackName(t installation.Target, group string) string {
	return BaseStackName + "-" + t.Region + "-" + group
}

// NewRoles makes the stack of the roles of a group's services: for each, one that plans, one that executes, one that reads.
func NewRoles(scope constructs.Construct, props Props) awscdk.Stack {
	s, t := props.Settings, props.Target
	stack := awscdk.NewStack(scope, jsii.String(RolesID(t, props.Group)), &awscdk.StackProps{
		StackName:   jsii.String(RolesStackName(t, props.Group)),
		Description: jsii.String("stackgate: what the control plane may do to the stacks of the services of group " + props.Group),
		Env:         &awscdk.Environment{Account: &t.Account, Region: &t.Region},
		// Without a bucket CloudFormation takes 51,200 bytes of a template.
		SuppressTemplateIndentation: jsii.Bool(true),
		Synthesizer:                 awscdk.NewLegacyStackSynthesizer(),
		PermissionsBoundary:         controlplane.Boundary(s),
		Tags:                        &map[string]*string{"application": jsii.String("stackgate")},
	})
	nag.AcceptIn(stack, "AwsSolutions-IAM5", "A stack's ARN ends in an id that is not known before the stack is, nested stacks and change sets are named after their stack and deployment, templates lie under the hashes of their contents, and transforms have no account.")
	for _, d := range props.Definitions {
		for _, f := range installed.Functions() {
			newRole(stack, s, f, d)
		}
	}
	return stack
}

func newRole(stack awscdk.Stack, s installation.Settings, f installed.Function, d service.Definition) {
	var statements []awsiam.PolicyStatement
	for _, statement := range Statements(s, f, d) {
		conditions := map[string]any{}
		for operator, keys := range statement.Conditions {
			conditions[operator] = keys
		}
		statements = append(statements, awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: &statement.Sid, Actions: jsii.Strings(statement.Actions...), Resources: jsii.Strings(statement.Resources...),
			Conditions: &conditions,
		}))
	}
	awsiam.NewRole(stack, jsii.String(string(f)+"#"+d.Service+"#"+d.Environment), &awsiam.RoleProps{
		RoleName:    jsii.String(RoleName(s, f, d)),
		Description: jsii.String("stackgate: function " + string(f) + " on stack " + d.StackName),
		AssumedBy:   trusted(s, f, d),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"stack": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements}),
		},
	})
}

// RoleName is the name of the role by which a function reaches a definition's stack.
func RoleName(s installation.Settings, f installed.Function, d service.Definition) string {
	arn := strings.NewReplacer("${account}", d.Account, "${function}", string(f), "${service}", d.Service, "${environment}", d.Environment).Replace(s.RolePattern())
	return arn[strings.LastIndexByte(arn, '/')+1:]
}

// trusted is the one function's role in the hub, for this service and environment, in a session named after one of its
// deployments. IAM turns the role's ARN into its inner id, so that a role made anew under the same name is not trusted.
func trusted(s installation.Settings, f installed.Function, d service.Definition) awsiam.IPrincipal {
	equals := map[string]any{"sts:ExternalId": deployment.Key(d.Service, d.Environment)}
	if s.OrganizationID != "" {
		equals["aws:PrincipalOrgID"] = s.OrganizationID
	}
	return awsiam.NewPrincipalWithConditions(awsiam.NewArnPrincipal(jsii.String(s.FunctionRoleARN(f))), &map[string]any{
		"StringEquals": equals,
		"StringLike":   map[string]any{"sts:RoleSessionName": sessionName(d)},
	})
}
