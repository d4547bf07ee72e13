package controlplane

import "stackgate/infra/installation"

// guardedCalls lists what is announced. Where an API takes a name or an ARN, CloudTrail writes what the caller gave, so that
// both are matched.
func (h *hub) guardedCalls() []guarded {
	table, topics := h.arn("dynamodb", "table/"+installation.TableName), h.arn("sns", "stackgate-")
	tableNames := exactly(installation.TableName, table)
	all := []guarded{
		{"GuardFunctions", "a function, or made one with a function's role", "aws.lambda",
			[]string{"Create", "Update", "AddPermission", "RemovePermission", "DeleteFunction", "DeleteAlias", "PutFunction", "PutRuntimeManagementConfig"},
			[]parameter{{"functionName", wildcard("*stackgate-*")}, {"role", h.functionRoles()}}},
		// PutResourcePolicy and DeleteResourcePolicy have the ARN only, and restoring has the table as its source or target.
		{"GuardTable", "the table of records and decisions", "aws.dynamodb",
			[]string{"CreateTable", "UpdateTable", "DeleteTable", "UpdateContinuousBackups", "UpdateTimeToLive", "PutResourcePolicy", "DeleteResourcePolicy", "RestoreTable", "EnableKinesis", "CreateGlobalTable", "UpdateGlobalTable"},
			[]parameter{
				{"tableName", tableNames}, {"resourceArn", append(prefixes(table+"/"), table)},
				{"sourceTableName", tableNames}, {"sourceTableArn", exactly(table)}, {"targetTableName", tableNames}, {"globalTableName", tableNames},
			}},
		{"GuardBucket", "the bucket of reviews", "aws.s3",
			[]string{"PutBucket", "DeleteBucket", "PutObjectLock"}, []parameter{{"bucketName", exactly(h.Settings.Bucket())}}},
		{"GuardMachines", "a state machine", "aws.states",
			[]string{"CreateStateMachine", "UpdateStateMachine", "DeleteStateMachine"},
			[]parameter{{"stateMachineArn", prefixes(h.machinePrefix())}, {"name", prefixes(installation.MachinePrefix)}}},
		{"GuardRules", "what wakes deployments or tells of changes", "aws.events",
			[]string{"DisableRule", "DeleteRule", "PutRule", "PutTargets", "RemoveTargets", "PutPermission", "RemovePermission", "UpdateEventBus", "DeleteEventBus"},
			[]parameter{
				{"name", append(prefixes("stackgate-"), installation.BusName, h.Settings.BusARN())}, {"rule", prefixes("stackgate-")},
				{"eventBusName", exactly(installation.BusName, h.Settings.BusARN())},
			}},
		{"GuardTopics", "who is told of alarms or reviews", "aws.sns",
			[]string{"Unsubscribe", "DeleteTopic", "SetTopicAttributes", "SetSubscriptionAttributes", "AddPermission", "RemovePermission", "PutDataProtectionPolicy"},
			[]parameter{{"topicArn", prefixes(topics)}, {"subscriptionArn", prefixes(topics)}, {"resourceArn", prefixes(topics)}}},
		{"GuardAlarms", "an alarm", "aws.monitoring",
			[]string{"DeleteAlarms", "DisableAlarmActions", "PutMetricAlarm", "PutCompositeAlarm", "SetAlarmState"},
			[]parameter{{"alarmNames", prefixes("stackgate-")}, {"alarmName", prefixes("stackgate-")}}},
		{"GuardLogs", "the logs that tell who did what", "aws.logs",
			[]string{"DeleteLogGroup", "DeleteLogStream", "PutRetentionPolicy", "DeleteRetentionPolicy", "PutMetricFilter", "DeleteMetricFilter", "PutDataProtectionPolicy", "DisassociateKmsKey"},
			// The groups of functions, of state machines and of the front door.
			[]parameter{{"logGroupName", wildcard("/aws/*/stackgate*")}, {"logGroupIdentifier", wildcard("*/aws/*/stackgate*")}}},
		{"GuardVersions", "which version of a function new state machines invoke", "aws.ssm",
			[]string{"PutParameter", "DeleteParameter"},
			[]parameter{{"name", wildcard("*/stackgate/version/*")}, {"names", wildcard("*/stackgate/version/*")}}},
		{"GuardFrontDoor", "the front door", "aws.apigateway",
			[]string{"Create", "Update", "Delete", "Import", "Reimport"}, []parameter{{"apiId", exactly(*h.frontDoor.api.Ref())}}},
		{"GuardDeadLetters", "the queue of events that could not be handled", "aws.sqs",
			[]string{"DeleteQueue", "SetQueueAttributes", "AddPermission", "RemovePermission"},
			[]parameter{{"queueUrl", []any{map[string]any{"suffix": "/stackgate-dead-letters"}}}}},
		// A trail belongs to the account, and which one tells of these calls is not known here.
		{"GuardTrails", "what CloudTrail records", "aws.cloudtrail",
			[]string{"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"}, nil},
	}
	if h.key != nil {
		all = append(all, guarded{"GuardKey", "the key of the store", "aws.kms",
			[]string{"PutKeyPolicy", "DisableKey", "ScheduleKeyDeletion", "RevokeGrant"},
			[]parameter{{"keyId", exactly(*h.key.KeyId(), *h.key.KeyArn())}}})
	}
	return all
}

// functionRoles lists the functions' roles.
func (h *hub) functionRoles() []any {
	var all []any
	for _, f := range installation.AllFunctions() {
		all = append(all, h.Settings.FunctionRoleARN(f))
	}
	return all
}

// exactly matches one of the texts.
func exactly(texts ...string) []any {
	var all []any
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}

// wildcard matches what the pattern does, a star standing for anything.
func wildcard(pattern string) []any { return []any{map[string]any{"wildcard": pattern}} }
