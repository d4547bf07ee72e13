package controlplane

import (
	"maps"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// guarded is calls that change what decides over deployments, what remembers them, or what tells of either. Upgrades make
// them too, and are announced like everything else.
type guarded struct {
	id, what, source string
	// calls are what the names of the calls begin with: CloudTrail writes some with the API's version behind them.
	calls []string
	// named is where the calls' parameters hold names of ours, of which one must match; none means any call.
	named []parameter
}

// parameter is a member of a call's parameters as CloudTrail writes it, and the patterns of EventBridge for what is ours.
type parameter struct {
	key      string
	patterns []any
}

// guard makes the rules. EventBridge is told of calls by CloudTrail, if it records management events of this region.
func (h *hub) guard() {
	var rules []string
	for _, g := range h.guardedCalls() {
		rules = append(rules, *h.newGuard(g))
	}
	conditions := map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rules}}
	h.alarms.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("GuardsPublish"), Actions: texts("sns:Publish"), Resources: texts(*h.alarms.TopicArn()),
		Principals: &[]awsiam.IPrincipal{eventBridge()}, Conditions: &conditions,
	}))
	// One statement for all: the policy of a queue may have ten conditions (SQS developer guide, "Policy quotas").
	h.deadLetters.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("GuardsKeep"), Actions: texts("sqs:SendMessage"), Resources: texts(*h.deadLetters.QueueArn()),
		Principals: &[]awsiam.IPrincipal{eventBridge()}, Conditions: &conditions,
	}))
}

func eventBridge() awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)
}

// newGuard tells the alarm topic of calls.
func (h *hub) newGuard(g guarded) *string {
	detail := map[string]any{"eventName": prefixes(g.calls...)}
	var ours []any
	for _, p := range g.named {
		ours = append(ours, map[string]any{"requestParameters": map[string]any{p.key: p.patterns}})
	}
	switch len(ours) {
	case 0:
	case 1:
		maps.Copy(detail, ours[0].(map[string]any))
	default:
		detail["$or"] = ours
	}
	made := awsevents.NewCfnRule(h.stack, &g.id, &awsevents.CfnRuleProps{
		Name: jsii.String("stackgate-" + kebab(g.id)), Description: jsii.String("Somebody changed " + g.what), State: jsii.String("ENABLED"),
		EventPattern: map[string]any{"source": []string{g.source}, "detail-type": []string{"AWS API Call via CloudTrail"}, "detail": detail},
		Targets: []any{map[string]any{
			"id": "alarms", "arn": h.alarms.TopicArn(),
			"retryPolicy":      map[string]any{"maximumRetryAttempts": eventRetries, "maximumEventAgeInSeconds": 24 * 3600},
			"deadLetterConfig": map[string]any{"arn": h.deadLetters.QueueArn()},
			"inputTransformer": map[string]any{
				"inputPathsMap": map[string]any{"call": "$.detail.eventName", "who": "$.detail.userIdentity.arn", "at": "$.detail.eventTime", "event": "$.detail.eventID"},
				"inputTemplate": `"stackgate: <call> by <who> at <at> changed ` + g.what + `; CloudTrail event <event>"`,
			},
		}},
	})
	return made.AttrArn()
}

func (h *hub) machinePrefix() string {
	arns := h.Settings.MachineARNs()
	return arns[:len(arns)-1]
}

// prefixes matches what begins with one of the names.
func prefixes(names ...string) []any {
	var all []any
	for _, name := range names {
		all = append(all, map[string]any{"prefix": name})
	}
	return all
}

// kebab writes GuardTable as guard-table.
func kebab(id string) string {
	var out []rune
	for i, r := range id {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				out = append(out, '-')
			}
			r += 'a' - 'A'
		}
		out = append(out, r)
	}
	return string(out)
}
