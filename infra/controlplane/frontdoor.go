package controlplane

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/nag"
	"stackgate/internal/installed"
)

// accessLog is what a call leaves in the log: who, what, and how it ended; no body and no token.
var accessLog = map[string]string{
	"requestId": "$context.requestId", "time": "$context.requestTime", "method": "$context.httpMethod", "path": "$context.path",
	"status": "$context.status", "sourceIp": "$context.identity.sourceIp", "caller": "$context.identity.caller",
	"userArn": "$context.identity.userArn", "error": "$context.error.message", "integrationError": "$context.integrationErrorMessage",
}

const frontDoorLogGroup = "/aws/vendedlogs/apigateway/stackgate"

// frontDoor is the HTTP API and its access log.
type frontDoor struct {
	api  awsapigatewayv2.CfnApi
	logs awslogs.LogGroup
}

// newFrontDoor makes the HTTP API before the review function. API Gateway verifies every caller's signature (SigV4), and
// the function takes who it was from there. It returns the address.
func (h *hub) newFrontDoor() *string {
	live := h.newLive(installed.Review)
	api := awsapigatewayv2.NewCfnApi(h.stack, jsii.String("FrontDoor"), &awsapigatewayv2.CfnApiProps{
		Name: jsii.String("stackgate"), ProtocolType: jsii.String("HTTP"), Description: jsii.String("The front door of stackgate"),
	})
	integration := awsapigatewayv2.NewCfnIntegration(h.stack, jsii.String("FrontDoorIntegration"), &awsapigatewayv2.CfnIntegrationProps{
		ApiId: api.Ref(), IntegrationType: jsii.String("AWS_PROXY"), IntegrationUri: live.FunctionArn(),
		PayloadFormatVersion: jsii.String("2.0"), TimeoutInMillis: jsii.Number(30_000),
	})
	// Two routes and not $default, whose calls IAM policies cannot tell apart by path.
	for id, key := range map[string]string{"FrontDoorRoot": "ANY /", "FrontDoorPaths": "ANY /{proxy+}"} {
		awsapigatewayv2.NewCfnRoute(h.stack, &id, &awsapigatewayv2.CfnRouteProps{
			ApiId: api.Ref(), RouteKey: &key, AuthorizationType: jsii.String("AWS_IAM"),
			Target: awscdk.Fn_Join(jsii.String("/"), texts("integrations", *integration.Ref())),
		})
	}
	logs := h.newLogGroup("FrontDoorLog", frontDoorLogGroup)
	h.frontDoor = frontDoor{api: api, logs: logs}
	format, err := json.Marshal(accessLog)
	if err != nil {
		panic(err)
	}
	awsapigatewayv2.NewCfnStage(h.stack, jsii.String("FrontDoorStage"), &awsapigatewayv2.CfnStageProps{
		ApiId: api.Ref(), StageName: jsii.String("$default"), AutoDeploy: jsii.Bool(true),
		AccessLogSettings: &awsapigatewayv2.CfnStage_AccessLogSettingsProperty{DestinationArn: logs.LogGroupArn(), Format: jsii.String(string(format))},
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{
			ThrottlingBurstLimit: jsii.Number(40), ThrottlingRateLimit: jsii.Number(20),
		},
	})
	s := h.Settings
	arn := "arn:" + s.Partition() + ":execute-api:" + s.Region + ":" + s.Account + ":" + *api.Ref()
	awslambda.NewCfnPermission(h.stack, jsii.String("FrontDoorInvokes"), &awslambda.CfnPermissionProps{
		Action: jsii.String("lambda:InvokeFunction"), FunctionName: live.FunctionArn(),
		Principal: jsii.String("apigateway.amazonaws.com"), SourceArn: jsii.String(arn + "/*/*"), SourceAccount: &s.Account,
	})
	statements := []awsiam.PolicyStatement{allow("CallFrontDoor", []string{"execute-api:Invoke"}, []string{arn + "/$default/*"})}
	caller := awsiam.NewManagedPolicy(h.stack, jsii.String("Caller"), &awsiam.ManagedPolicyProps{
		ManagedPolicyName: jsii.String("stackgate-caller"), Statements: &statements,
		Description: jsii.String("Lets people and CI call the front door, which decides for itself who may do what"),
	})
	nag.Accept(caller, "AwsSolutions-IAM5", "Who may do what is decided by the front door, by person and by the installed policy; IAM only says who may knock.")
	return awscdk.Fn_Join(jsii.String(""), texts("https://", *api.Ref(), ".execute-api.", s.Region, ".", *h.stack.UrlSuffix()))
}
