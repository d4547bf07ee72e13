package controlplane

import (
	"maps"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/infra/nag"
	"stackgate/internal/installed"
)

// shape is how much a function gets. A timeout is that of its longest state, so that no state outlives its function.
type shape struct {
	program string
	timeout float64
	// concurrency is the function's share of the account's concurrency: enough for many deployments at once, and a bound on
	// what a fault can cost.
	concurrency float64
}

func shapeOf(f installed.Function) shape {
	switch f {
	case installed.Plan:
		return shape{"changeset", 120, 40}
	case installed.Execute:
		return shape{"changeset", 60, 20}
	case installed.Events:
		return shape{"events", 120, 20}
	case installed.Review:
		// API Gateway waits for 30 seconds.
		return shape{"review", 29, 20}
	}
	panic("there is no function " + string(f))
}

// Programs lists the folders below the assets that hold a bootstrap each.
func Programs() []string { return []string{"changeset", "events", "review"} }

// newFunction makes a function, its role and log group, and publishes the program in hand as a version that stays: an
// execution that began with it ends with it.
func (h *hub) newFunction(f installed.Function) function {
	s, shape := h.Settings, shapeOf(f)
	name := installation.FunctionName(f)
	id := identifier(f)
	logs := h.newLogGroup(id+"Log", "/aws/lambda/"+name)
	role := h.newFunctionRole(f, logs)
	environment := map[string]*string{
		installed.FunctionVariable: jsii.String(string(f)),
		installed.TableVariable:    h.table.TableName(),
		installed.BucketVariable:   h.bucket.BucketName(),
	}
	maps.Copy(environment, h.settingsOf(f))
	props := &awslambda.FunctionProps{
		FunctionName: &name,
		Description:  jsii.String(descriptionOf(f)),
		Code:         awslambda.Code_FromAsset(jsii.String(filepath.Join(h.Assets, shape.program)), nil),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		Handler:      jsii.String("bootstrap"),
		MemorySize:   jsii.Number(512),
		Timeout:      awscdk.Duration_Seconds(&shape.timeout),
		Tracing:      awslambda.Tracing_ACTIVE,
		Environment:  &environment,
		LogGroup:     logs,
		// What the role may do stands in newFunctionRole and nowhere else.
		Role:                  role.WithoutPolicyUpdates(nil),
		CurrentVersionOptions: &awslambda.VersionOptions{RemovalPolicy: awscdk.RemovalPolicy_RETAIN},
	}
	if h.key != nil {
		props.EnvironmentEncryption = h.key
	}
	if !s.UnreservedConcurrency {
		props.ReservedConcurrentExecutions = &shape.concurrency
	}
	made := awslambda.NewFunction(h.stack, jsii.String(id), props)
	version := made.CurrentVersion()
	awsssm.NewStringParameter(h.stack, jsii.String(id+"Version"), &awsssm.StringParameterProps{
		ParameterName: jsii.String(installation.VersionParameter(f)), StringValue: version.FunctionArn(),
		Description: jsii.String("The version of the function that newly installed state machines invoke"),
	})
	return function{Function: made, role: role, logs: logs, version: version}
}

// settingsOf is what a function is told beyond what all are.
func (h *hub) settingsOf(f installed.Function) map[string]*string {
	s := h.Settings
	settings := map[string]*string{
		installed.MachinePatternVariable: literally(s.MachinePattern()),
		installed.TopicVariable:          h.announcements.TopicArn(),
	}
	if f != installed.Review {
		settings[installed.RolePatternVariable] = literally(s.RolePattern())
	}
	if f == installed.Plan && h.key != nil {
		settings[installed.KeyVariable] = h.key.KeyArn()
	}
	if s.SentryParameter != "" {
		settings[installed.SentryParameterVariable] = &s.SentryParameter
	}
	if s.Version != "" {
		settings[installed.VersionVariable] = &s.Version
	}
	return settings
}

// literally is an ARN whose placeholders are the functions' own: ${!account} is how Fn::Sub writes ${account}.
func literally(arn string) *string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(arn, "arn:"), ":")
	return awscdk.Fn_Sub(jsii.String("arn:${AWS::Partition}:"+strings.ReplaceAll(rest, "${", "${!")), nil)
}

func descriptionOf(f installed.Function) string {
	switch f {
	case installed.Plan:
		return "Makes, describes and deletes change sets; may not execute them"
	case installed.Execute:
		return "Executes approved change sets, and alone may"
	case installed.Events:
		return "Reads stacks, explains failures and wakes deployments; changes no stack"
	case installed.Review:
		return "The front door: takes requests and decisions, and alone starts executions"
	}
	panic("there is no function " + string(f))
}

// newLogGroup makes a log group that keeps a year, which is how long an approval may have to be explained.
func (h *hub) newLogGroup(id, name string) awslogs.LogGroup {
	props := &awslogs.LogGroupProps{
		LogGroupName: &name, Retention: awslogs.RetentionDays_ONE_YEAR, RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	}
	if h.key != nil {
		props.EncryptionKey = h.key
	}
	return awslogs.NewLogGroup(h.stack, &id, props)
}

// newFunctionRole makes a function's role. All its permissions stand here; none comes from a construct of CDK's.
func (h *hub) newFunctionRole(f installed.Function, logs awslogs.LogGroup) awsiam.Role {
	statements := append(h.everyFunctionMay(logs), h.functionMay(f)...)
	statements = append(statements, h.keyUse()...)
	statements = append(statements, h.onlyFromItsFunction(f, statements))
	role := awsiam.NewRole(h.stack, jsii.String(identifier(f)+"Role"), &awsiam.RoleProps{
		RoleName:    jsii.String(installation.FunctionRole(f)),
		Description: jsii.String("stackgate: the role of function " + installation.FunctionName(f)),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"function": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements}),
		},
	})
	nag.Accept(role, "AwsSolutions-IAM5", "Each star stands for rows, documents, log streams or the roles of one function's prefix, or for an action that IAM takes for all resources only (X-Ray, task tokens, KMS-less defaults); the tests list every one.")
	return role
}
