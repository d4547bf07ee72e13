package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"stackgate/internal/eventbridge"
	"stackgate/internal/installed"
)

const (
	// eventAgeSeconds is how old an event may become: an hour later the sweep has long seen what it told.
	eventAgeSeconds = 3600
	eventRetries    = 8
	// sweepRate is how long a lost event goes unnoticed at most.
	sweepRate = "rate(1 minute)"
)

// rule is what wakes functions.
type rule struct {
	id, name, description string
	// bus is empty for the account's default bus.
	bus     string
	pattern map[string]any
	// schedule stands instead of a pattern.
	schedule string
	// input is sent instead of the event.
	input string
	wakes []installed.Function
}

// wakeOn makes the rules that wake functions. Each event goes to the function that can do what it asks for: only the plan
// function may delete the change set that an ended execution left behind.
func (h *hub) wakeOn() {
	live := map[installed.Function]awslambda.Alias{}
	for _, f := range []installed.Function{installed.Plan, installed.Events} {
		live[f] = h.newLive(f)
		// A rule invokes asynchronously: what the function itself fails at is tried again by Lambda, then kept.
		awslambda.NewCfnEventInvokeConfig(h.stack, jsii.String(identifier(f)+"Invoke"), &awslambda.CfnEventInvokeConfigProps{
			FunctionName: h.functions[f].FunctionName(), Qualifier: live[f].AliasName(),
			MaximumEventAgeInSeconds: jsii.Number(eventAgeSeconds), MaximumRetryAttempts: jsii.Number(2),
			DestinationConfig: map[string]any{"onFailure": map[string]any{"destination": h.deadLetters.QueueArn()}},
		})
	}
	for _, r := range []rule{
		{id: "StackEvents", name: "stack-events", bus: *h.bus.EventBusName(), pattern: eventbridge.StackPattern(), wakes: []installed.Function{installed.Events},
			description: "A stack came to rest: wakes the deployment that waits for it"},
		{id: "EndedExecutions", name: "ended-executions", pattern: eventbridge.ExecutionPattern(h.machinePrefix()), wakes: []installed.Function{installed.Plan},
			description: "An execution ended: finishes the deployment from outside where it did not itself"},
		{id: "Sweep", name: "sweep", schedule: sweepRate, input: `{"sweep":true}`, wakes: []installed.Function{installed.Events, installed.Plan},
			description: "Looks at every deployment that waits or was left, in case an event was lost"},
	} {
		h.newRule(r, live)
	}
}

// newLive makes the alias by which rules and the front door call a function. The state machines call versions instead.
func (h *hub) newLive(f installed.Function) awslambda.Alias {
	return awslambda.NewAlias(h.stack, jsii.String(identifier(f)+"Live"), &awslambda.AliasProps{
		AliasName: jsii.String("live"), Version: h.functions[f].version,
	})
}

func (h *hub) newRule(r rule, live map[installed.Function]awslambda.Alias) {
	props := &awsevents.CfnRuleProps{Name: jsii.String("stackgate-" + r.name), Description: &r.description, State: jsii.String("ENABLED")}
	if r.bus != "" {
		props.EventBusName = &r.bus
	}
	if r.schedule != "" {
		props.ScheduleExpression = &r.schedule
	} else {
		props.EventPattern = r.pattern
	}
	var targets []any
	for _, f := range r.wakes {
		target := map[string]any{
			"id": string(f), "arn": live[f].FunctionArn(),
			"retryPolicy":      map[string]any{"maximumRetryAttempts": eventRetries, "maximumEventAgeInSeconds": eventAgeSeconds},
			"deadLetterConfig": map[string]any{"arn": h.deadLetters.QueueArn()},
		}
		if r.input != "" {
			target["input"] = r.input
		}
		targets = append(targets, target)
	}
	props.Targets = targets
	made := awsevents.NewCfnRule(h.stack, &r.id, props)
	for _, f := range r.wakes {
		awslambda.NewCfnPermission(h.stack, jsii.String(r.id+"Wakes"+identifier(f)), &awslambda.CfnPermissionProps{
			Action: jsii.String("lambda:InvokeFunction"), FunctionName: live[f].FunctionArn(),
			Principal: jsii.String("events.amazonaws.com"), SourceArn: made.AttrArn(),
		})
	}
	takeDeadLetters(h.deadLetters, made)
}
