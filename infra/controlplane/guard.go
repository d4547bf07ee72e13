package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
)

// guarded is calls that change what decides over deployments: code, definitions, roles, reviews, records. Upgrades make
// them too, and are announced like everything else.
type guarded struct {
	id, what, source string
	calls            []string
	// key is where in the call's parameters the name stands, prefix what ours begin with.
	key, prefix string
}

func (h *hub) guard() {
	var rules []string
	for _, g := range []guarded{
		{"GuardFunctions", "the code, settings or permissions of a function", "aws.lambda",
			[]string{"UpdateFunctionCode", "UpdateFunctionConfiguration", "AddPermission", "RemovePermission", "UpdateAlias", "DeleteFunction", "PutFunctionConcurrency"}, "functionName", ""},
		{"GuardTable", "the table of records and decisions", "aws.dynamodb",
			[]string{"UpdateTable", "DeleteTable", "UpdateContinuousBackups", "UpdateTimeToLive", "PutResourcePolicy", "RestoreTable"}, "tableName", installation.TableName},
		{"GuardBucket", "the bucket of reviews", "aws.s3",
			[]string{"PutBucketPolicy", "DeleteBucketPolicy", "PutBucketVersioning", "PutBucketLifecycle", "PutBucketEncryption", "PutBucketPublicAccessBlock", "PutBucketObjectLock", "DeleteBucket"}, "bucketName", h.Settings.Bucket()},
		{"GuardMachines", "a state machine", "aws.states",
			[]string{"CreateStateMachine", "UpdateStateMachine", "DeleteStateMachine"}, "", ""},
		{"GuardRules", "what wakes deployments", "aws.events",
			[]string{"DisableRule", "DeleteRule", "PutRule", "PutTargets", "RemoveTargets", "PutPermission", "RemovePermission"}, "", ""},
	} {
		rules = append(rules, *h.newGuard(g))
	}
	h.alarms.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("GuardsPublish"), Actions: texts("sns:Publish"), Resources: texts(*h.alarms.TopicArn()),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rules}},
	}))
}

// newGuard tells the alarm topic of calls. It needs a trail of CloudTrail that records management events of this region.
func (h *hub) newGuard(g guarded) *string {
	detail := map[string]any{"eventName": prefixes(g.calls...)}
	switch g.source {
	case "aws.lambda":
		// Named by name or by ARN, as the caller likes.
		detail["requestParameters"] = map[string]any{"functionName": []any{map[string]any{"wildcard": "*stackgate-*"}}}
	case "aws.states":
		detail["$or"] = []any{
			map[string]any{"requestParameters": map[string]any{"stateMachineArn": []any{map[string]any{"prefix": h.machinePrefix()}}}},
			map[string]any{"requestParameters": map[string]any{"name": []any{map[string]any{"prefix": installation.MachinePrefix}}}},
		}
	case "aws.events":
		detail["$or"] = []any{
			map[string]any{"requestParameters": map[string]any{"name": []any{map[string]any{"prefix": "stackgate-"}}}},
			map[string]any{"requestParameters": map[string]any{"rule": []any{map[string]any{"prefix": "stackgate-"}}}},
			map[string]any{"requestParameters": map[string]any{"eventBusName": []any{map[string]any{"wildcard": "*" + installation.BusName}}}},
		}
	default:
		detail["requestParameters"] = map[string]any{g.key: []string{g.prefix}}
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
	takeDeadLetters(h.deadLetters, made)
	return made.AttrArn()
}

func (h *hub) machinePrefix() string {
	arns := h.Settings.MachineARNs()
	return arns[:len(arns)-1]
}

// prefixes matches calls by how their names begin: CloudTrail writes some with the API's version behind them.
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
