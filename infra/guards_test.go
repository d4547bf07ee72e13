package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// recordedCalls are what CloudTrail records of calls, as far as a rule reads them, and the rule that tells of each; none is for
// what is not ours or changes nothing.
var recordedCalls = []struct{ source, name, parameters, guard string }{
	{"lambda", "UpdateFunctionCode20150331v2", `{"functionName":"stackgate-execute","publish":false}`, "functions"},
	{"lambda", "UpdateFunctionConfiguration20150331v2", `{"functionName":"arn:aws:lambda:eu-west-1:333333333333:function:stackgate-plan"}`, "functions"},
	{"lambda", "AddPermission20150331v2", `{"functionName":"stackgate-review","principal":"apigateway.amazonaws.com"}`, "functions"},
	{"lambda", "PutFunctionConcurrency20171031", `{"functionName":"stackgate-plan","reservedConcurrentExecutions":0}`, "functions"},
	{"lambda", "CreateFunctionUrlConfig", `{"functionName":"stackgate-review","authType":"NONE"}`, "functions"},
	{"lambda", "CreateFunction20150331", `{"functionName":"mine","role":"arn:aws:iam::333333333333:role/stackgate-hub-review"}`, "functions"},
	{"lambda", "UpdateFunctionConfiguration20150331v2", `{"functionName":"mine","role":"arn:aws:iam::333333333333:role/stackgate-hub-execute"}`, "functions"},
	{"lambda", "CreateFunction20150331", `{"functionName":"mine","role":"arn:aws:iam::333333333333:role/mine"}`, ""},
	{"lambda", "GetFunction20150331v2", `{"functionName":"stackgate-plan"}`, ""},

	{"dynamodb", "PutResourcePolicy", `{"resourceArn":"arn:aws:dynamodb:eu-west-1:333333333333:table/stackgate","policy":"{}"}`, "table"},
	{"dynamodb", "DeleteResourcePolicy", `{"resourceArn":"arn:aws:dynamodb:eu-west-1:333333333333:table/stackgate"}`, "table"},
	{"dynamodb", "DeleteResourcePolicy", `{"resourceArn":"arn:aws:dynamodb:eu-west-1:333333333333:table/stackgate/stream/2026-11-26T00:00:00.000"}`, "table"},
	{"dynamodb", "DeleteResourcePolicy", `{"resourceArn":"arn:aws:dynamodb:eu-west-1:333333333333:table/stackgate-orders"}`, ""},
	{"dynamodb", "UpdateTable", `{"tableName":"stackgate","deletionProtectionEnabled":false}`, "table"},
	{"dynamodb", "UpdateTable", `{"tableName":"arn:aws:dynamodb:eu-west-1:333333333333:table/stackgate","replicaUpdates":[{"create":{"regionName":"eu-central-1"}}]}`, "table"},
	{"dynamodb", "RestoreTableFromBackup", `{"targetTableName":"stackgate","backupArn":"arn:aws:dynamodb:eu-west-1:333333333333:table/stackgate/backup/01"}`, "table"},
	{"dynamodb", "RestoreTableToPointInTime", `{"sourceTableName":"stackgate","targetTableName":"copy","useLatestRestorableTime":true}`, "table"},
	{"dynamodb", "RestoreTableToPointInTime", `{"sourceTableArn":"arn:aws:dynamodb:eu-west-1:333333333333:table/stackgate","targetTableName":"copy"}`, "table"},
	{"dynamodb", "DeleteTable", `{"tableName":"orders"}`, ""},
	{"dynamodb", "DescribeTable", `{"tableName":"stackgate"}`, ""},

	{"s3", "DeleteBucketPolicy", `{"bucketName":"stackgate-333333333333-eu-west-1","Host":"s3.eu-west-1.amazonaws.com"}`, "bucket"},
	{"s3", "DeleteBucketPublicAccessBlock", `{"bucketName":"stackgate-333333333333-eu-west-1","publicAccessBlock":""}`, "bucket"},
	{"s3", "PutBucketReplication", `{"bucketName":"stackgate-333333333333-eu-west-1","replication":""}`, "bucket"},
	{"s3", "PutBucketPolicy", `{"bucketName":"orders"}`, ""},
	{"s3", "GetBucketPolicy", `{"bucketName":"stackgate-333333333333-eu-west-1"}`, ""},

	{"states", "UpdateStateMachine", `{"stateMachineArn":"arn:aws:states:eu-west-1:333333333333:stateMachine:stackgate-carts-prod","definition":"HIDDEN"}`, "machines"},
	{"states", "CreateStateMachine", `{"name":"stackgate-carts-prod"}`, "machines"},
	{"states", "DeleteStateMachine", `{"stateMachineArn":"arn:aws:states:eu-west-1:333333333333:stateMachine:orders"}`, ""},

	{"events", "DisableRule", `{"name":"stackgate-guard-table"}`, "rules"},
	{"events", "RemoveTargets", `{"rule":"stackgate-guard-table","ids":["alarms"]}`, "rules"},
	{"events", "DeleteEventBus", `{"name":"stackgate"}`, "rules"},
	{"events", "PutPermission", `{"eventBusName":"stackgate","statementId":"all"}`, "rules"},
	{"events", "PutRule", `{"name":"orders"}`, ""},

	{"sns", "Unsubscribe", `{"subscriptionArn":"arn:aws:sns:eu-west-1:333333333333:stackgate-alarms:0b4f9c0e-6a1f-4a39-93c8-55a3b3cb0c0a"}`, "topics"},
	{"sns", "SetSubscriptionAttributes", `{"subscriptionArn":"arn:aws:sns:eu-west-1:333333333333:stackgate-alarms:0b4f9c0e-6a1f-4a39-93c8-55a3b3cb0c0a","attributeName":"FilterPolicy"}`, "topics"},
	{"sns", "DeleteTopic", `{"topicArn":"arn:aws:sns:eu-west-1:333333333333:stackgate-announcements"}`, "topics"},
	{"sns", "SetTopicAttributes", `{"topicArn":"arn:aws:sns:eu-west-1:333333333333:stackgate-alarms","attributeName":"Policy"}`, "topics"},
	{"sns", "DeleteTopic", `{"topicArn":"arn:aws:sns:eu-west-1:333333333333:orders"}`, ""},

	{"monitoring", "DeleteAlarms", `{"alarmNames":["orders","stackgate-unexpected-fault"]}`, "alarms"},
	{"monitoring", "DisableAlarmActions", `{"alarmNames":["stackgate-sweep-silent"]}`, "alarms"},
	{"monitoring", "PutMetricAlarm", `{"alarmName":"stackgate-sweep-silent","threshold":1000000}`, "alarms"},
	{"monitoring", "DeleteAlarms", `{"alarmNames":["orders"]}`, ""},

	{"logs", "DeleteLogGroup", `{"logGroupName":"/aws/lambda/stackgate-review"}`, "logs"},
	{"logs", "PutRetentionPolicy", `{"logGroupName":"/aws/vendedlogs/apigateway/stackgate","retentionInDays":1}`, "logs"},
	{"logs", "DeleteLogStream", `{"logGroupName":"/aws/vendedlogs/states/stackgate","logStreamName":"x"}`, "logs"},
	{"logs", "PutDataProtectionPolicy", `{"logGroupIdentifier":"arn:aws:logs:eu-west-1:333333333333:log-group:/aws/lambda/stackgate-review"}`, "logs"},
	{"logs", "CreateLogStream", `{"logGroupName":"/aws/lambda/stackgate-review"}`, ""},
	{"logs", "DeleteLogGroup", `{"logGroupName":"/aws/lambda/orders"}`, ""},

	{"ssm", "PutParameter", `{"name":"/stackgate/version/plan","overwrite":true}`, "versions"},
	{"ssm", "DeleteParameters", `{"names":["/orders/dsn","/stackgate/version/plan"]}`, "versions"},
	{"ssm", "PutParameter", `{"name":"/orders/dsn"}`, ""},

	{"apigateway", "UpdateRoute", `{"apiId":"<FrontDoor>","routeId":"abc1234","updateRouteInput":{"authorizationType":"NONE"}}`, "front-door"},
	{"apigateway", "DeleteApi", `{"apiId":"<FrontDoor>"}`, "front-door"},
	{"apigateway", "UpdateRoute", `{"apiId":"zyx9876543","routeId":"abc1234"}`, ""},

	{"sqs", "SetQueueAttributes", `{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/333333333333/stackgate-dead-letters","attributes":{"Policy":""}}`, "dead-letters"},
	{"sqs", "DeleteQueue", `{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/333333333333/orders"}`, ""},

	{"cloudtrail", "StopLogging", `{"name":"arn:aws:cloudtrail:eu-west-1:333333333333:trail/all"}`, "trails"},
	{"cloudtrail", "LookupEvents", `{"maxResults":50}`, ""},

	{"kms", "ScheduleKeyDeletion", `{"keyId":"<Key>","pendingWindowInDays":7}`, "key"},
	{"kms", "PutKeyPolicy", `{"keyId":"<Key.Arn>","policyName":"default","policy":"{}"}`, "key"},
	{"kms", "DisableKey", `{"keyId":"arn:aws:kms:eu-west-1:333333333333:key/4c8d3a43-2a64-4d9c-8f5b-1f2f7f1a2b3c"}`, ""},
}

// What decides over deployments, remembers them or tells of either cannot be changed without a word.
func TestChangesToStackgateAreTold(t *testing.T) {
	hubTemplate := withEverything(t).template(t, hub)
	numbered := regexp.MustCompile(`<(FrontDoor|Key)[0-9A-F]{8}([.>])`)
	patterns, told := map[string]map[string]any{}, map[string]bool{}
	for _, rule := range hubTemplate.of("AWS::Events::Rule") {
		name, guards := strings.CutPrefix(textOf(rule.Properties["Name"]), "stackgate-guard-")
		if !guards {
			continue
		}
		pattern := asText(rule.Properties["EventPattern"])
		text, err := json.Marshal(pattern)
		if err != nil {
			t.Fatal(err)
		}
		// EventBridge user guide, "Quotas": characters of an event pattern. The names in the template stand for longer ones.
		if len(text) > 1900 {
			t.Errorf("the pattern of %s has %d characters: %s", name, len(text), text)
		}
		short := numbered.ReplaceAllString(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text)), "<$1$2")
		var read map[string]any
		if err := json.Unmarshal([]byte(short), &read); err != nil {
			t.Fatal(err)
		}
		patterns[name] = read
	}
	for _, call := range recordedCalls {
		event := map[string]any{}
		if err := json.Unmarshal([]byte(`{"source":"aws.`+call.source+`","detail-type":"AWS API Call via CloudTrail","region":"eu-west-1",
			"detail":{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::333333333333:assumed-role/admin/ines"},
			"eventSource":"`+call.source+`.amazonaws.com","eventName":"`+call.name+`","readOnly":false,"requestParameters":`+call.parameters+`}}`), &event); err != nil {
			t.Fatalf("%s: %v", call.name, err)
		}
		var by []string
		for _, name := range slices.Sorted(maps.Keys(patterns)) {
			if matches(t, patterns[name], event) {
				by = append(by, name)
			}
		}
		if got := strings.Join(by, ", "); got != call.guard {
			t.Errorf("%s %s is told by %q, not %q", call.name, call.parameters, got, call.guard)
		}
		told[call.guard] = true
	}
	for name := range patterns {
		if !told[name] {
			t.Errorf("no call tries guard %s", name)
		}
	}
}

// The policy of the queue stays within what SQS takes, however many rules there are (developer guide, "Policy quotas").
func TestTheQueueTakesItsPolicy(t *testing.T) {
	conditions := 0
	for _, s := range statements(t, withEverything(t)) {
		if s.kind == "AWS::SQS::QueuePolicy" && s.condition != "null" {
			conditions++
		}
	}
	if conditions == 0 || conditions > 10 {
		t.Errorf("the policy has %d conditions", conditions)
	}
}

// asText is a value with references as text.
func asText(value any) any {
	switch v := value.(type) {
	case []any:
		var all []any
		for _, one := range v {
			all = append(all, asText(one))
		}
		return all
	case map[string]any:
		all := map[string]any{}
		for key, one := range v {
			if key == "Ref" || strings.HasPrefix(key, "Fn::") {
				return textOf(v)
			}
			all[key] = asText(one)
		}
		return all
	}
	return value
}

// matches says whether EventBridge would deliver the event, for the operators that the guards use (user guide, "Comparison
// operators"). Another operator fails the test.
func matches(t *testing.T, pattern, event map[string]any) bool {
	t.Helper()
	for key, want := range pattern {
		if key == "$or" {
			if !slices.ContainsFunc(want.([]any), func(one any) bool { return matches(t, one.(map[string]any), event) }) {
				return false
			}
			continue
		}
		switch want := want.(type) {
		case map[string]any:
			inner, ok := event[key].(map[string]any)
			if !ok || !matches(t, want, inner) {
				return false
			}
		case []any:
			values, many := event[key].([]any)
			if !many {
				values = []any{event[key]}
			}
			if !slices.ContainsFunc(values, func(value any) bool {
				text, ok := value.(string)
				return ok && slices.ContainsFunc(want, func(one any) bool { return compares(t, one, text) })
			}) {
				return false
			}
		default:
			t.Fatalf("%s is no pattern: %v", key, want)
		}
	}
	return true
}

func compares(t *testing.T, pattern any, text string) bool {
	t.Helper()
	if exact, ok := pattern.(string); ok {
		return exact == text
	}
	for operator, operand := range pattern.(map[string]any) {
		switch operator {
		case "prefix":
			return strings.HasPrefix(text, operand.(string))
		case "suffix":
			return strings.HasSuffix(text, operand.(string))
		case "wildcard":
			return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(operand.(string)), `\*`, ".*") + "$").MatchString(text)
		}
		t.Fatalf("this test does not know %s", operator)
	}
	return false
}

// What Lambda writes when it ends a function is counted, and what the function writes itself is not.
func TestBrokenInvocationsAreCounted(t *testing.T) {
	hubTemplate := example(t).template(t, hub)
	lines := map[string]bool{
		"2026-11-26T20:12:38.950Z 41a10717-e9af-41e7-892c-5bb1a4054ed6 Task timed out after 120.09 seconds\n":                                             true,
		"RequestId: 41a10717-e9af-41e7-892c-5bb1a4054ed6 Error: Task timed out after 120.00 seconds\n":                                                    true,
		"RequestId: 41a10717-e9af-41e7-892c-5bb1a4054ed6 Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n":                           true,
		"RequestId: 41a10717-e9af-41e7-892c-5bb1a4054ed6 Error: Runtime exited with error: exit status 1\n":                                               true,
		"REPORT RequestId: 41a10717-e9af-41e7-892c-5bb1a4054ed6\tDuration: 12.00 ms\tBilled Duration: 12 ms\n":                                            false,
		`{"level":"ERROR","fault":"ChangeSetRejected","message":"task ended"}`:                                                                            false,
		`{"level":"INFO","reason":"RequestId: 41a10717-e9af-41e7-892c-5bb1a4054ed6 Error: Runtime exited with error: signal: killed"}`:                    false,
		`{"reason":"2026-11-26T20:12:38.950Z 41a10717-e9af-41e7-892c-5bb1a4054ed6 Task timed out after 3.00 seconds, said the function of the resource"}`: false,
	}
	n := 0
	for id, filter := range hubTemplate.of("AWS::Logs::MetricFilter") {
		text := textOf(filter.Properties["FilterPattern"])
		if !strings.HasPrefix(text, "%") {
			continue
		}
		n++
		if strings.ContainsAny(text, "()") {
			t.Errorf("%s: CloudWatch Logs knows no parentheses: %s", id, text)
		}
		pattern := regexp.MustCompile(strings.Trim(text, "%"))
		for line, want := range lines {
			if pattern.MatchString(line) != want {
				t.Errorf("%s counts %q: %v", id, line, !want)
			}
		}
	}
	if n != 3 {
		t.Errorf("the lines of %d functions are counted", n)
	}
	// In the format JSON the same lines are objects, which the pattern does not match.
	for id, f := range hubTemplate.of("AWS::Lambda::Function") {
		if config, _ := f.Properties["LoggingConfig"].(map[string]any); config["LogFormat"] != nil {
			t.Errorf("%s logs as %v", id, config["LogFormat"])
		}
	}
}
