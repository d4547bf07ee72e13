package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/internal/installed"
)

// The stack events that target accounts forward (EventBridge events reference, AWS CloudFormation).
const (
	StackEventSource     = "aws.cloudformation"
	StackEventDetailType = "CloudFormation Stack Status Change"
)

// newBus makes the bus that the target accounts send their stack events to. Nobody can write such an event by hand:
// EventBridge refuses entries whose source begins with "aws." (API PutEventsRequestEntry), and the policy takes no other.
func (h *hub) newBus() awsevents.EventBus {
	bus := awsevents.NewEventBus(h.stack, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(installation.BusName), Description: jsii.String("Stack events of the target accounts"),
	})
	roots := []string{}
	for _, account := range h.accounts() {
		roots = append(roots, "arn:"+h.Settings.Partition()+":iam::"+account+":root")
	}
	if len(roots) == 0 {
		return bus
	}
	equals := map[string]any{"events:detail-type": StackEventDetailType}
	if id := h.Settings.OrganizationID; id != "" {
		equals["aws:PrincipalOrgID"] = id
	}
	// Not by CDK's own class for it, which warns of a deprecated property that is not used.
	awscdk.NewCfnResource(h.stack, jsii.String("BusPolicy"), &awscdk.CfnResourceProps{
		Type: jsii.String("AWS::Events::EventBusPolicy"),
		Properties: &map[string]any{"EventBusName": bus.EventBusName(), "StatementId": "StackEventsOfTargets", "Statement": map[string]any{
			"Sid": "StackEventsOfTargets", "Effect": "Allow", "Principal": map[string]any{"AWS": roots},
			"Action": "events:PutEvents", "Resource": bus.EventBusArn(),
			// As AWS's own example has it (EventBridge user guide, "Send events to a custom bus in a different account").
			"Condition": map[string]any{
				"ForAllValues:StringEquals": map[string]any{"events:source": StackEventSource},
				"StringEquals":              equals,
			},
		}},
	})
	return bus
}

const (
	// eventAge is how old an event may become: later the sweep has long seen what it told.
	eventAgeHours = 1
	eventRetries  = 8
	// sweepMinutes is how long a lost event goes unnoticed at most.
	sweepMinutes = 1
)

// wakeEvents sends the events function what wakes it.
func (h *hub) wakeEvents() {
	events := h.functions[installed.Events]
	live := awslambda.NewAlias(h.stack, jsii.String("EventsLive"), &awslambda.AliasProps{
		AliasName: jsii.String("live"), Version: events.version,
	})
	// A rule invokes asynchronously: what the function itself fails at is tried again by Lambda, then kept.
	awslambda.NewCfnEventInvokeConfig(h.stack, jsii.String("EventsInvoke"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName: events.FunctionName(), Qualifier: live.AliasName(),
		MaximumEventAgeInSeconds: jsii.Number(eventAgeHours * 3600), MaximumRetryAttempts: jsii.Number(2),
		DestinationConfig: map[string]any{"onFailure": map[string]any{"destination": h.deadLetters.QueueArn()}},
	})
	target := func(input awsevents.RuleTargetInput) *[]awsevents.IRuleTarget {
		return &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(live, &awseventstargets.LambdaFunctionProps{
			DeadLetterQueue: h.deadLetters, MaxEventAge: awscdk.Duration_Hours(jsii.Number(eventAgeHours)),
			RetryAttempts: jsii.Number(eventRetries), Event: input,
		})}
	}
	awsevents.NewRule(h.stack, jsii.String("StackEvents"), &awsevents.RuleProps{
		RuleName: jsii.String("stackgate-stack-events"), EventBus: h.bus,
		Description:  jsii.String("A stack came to rest or moved: wakes the deployment that waits for it"),
		EventPattern: &awsevents.EventPattern{Source: texts(StackEventSource), DetailType: texts(StackEventDetailType)},
		Targets:      target(nil),
	})
	awsevents.NewRule(h.stack, jsii.String("EndedExecutions"), &awsevents.RuleProps{
		RuleName:    jsii.String("stackgate-ended-executions"),
		Description: jsii.String("An execution ended without finishing its deployment: finishes it from outside"),
		EventPattern: &awsevents.EventPattern{
			Source: texts("aws.states"), DetailType: texts("Step Functions Execution Status Change"),
			Detail: &map[string]any{
				"status":          []string{"FAILED", "TIMED_OUT", "ABORTED"},
				"stateMachineArn": []any{map[string]any{"prefix": h.machinePrefix()}},
			},
		},
		Targets: target(nil),
	})
	awsevents.NewRule(h.stack, jsii.String("Sweep"), &awsevents.RuleProps{
		RuleName:    jsii.String("stackgate-sweep"),
		Description: jsii.String("Looks at every deployment that waits, in case an event was lost"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(sweepMinutes))),
		Targets:     target(awsevents.RuleTargetInput_FromObject(map[string]any{"sweep": true})),
	})
}
