package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/internal/installed"
	"stackgate/internal/metrics"
	"stackgate/internal/store/dynamo"
)

func TestTheTableIsTheStoresOwn(t *testing.T) {
	made := example(t)
	tables := made.template(t, hub).of("AWS::DynamoDB::Table")
	if len(tables) != 1 {
		t.Fatalf("there are %d tables", len(tables))
	}
	for _, table := range tables {
		// CreateTable and CloudFormation have the same members.
		var schema map[string]any
		text, err := json.Marshal(dynamo.Schema(installation.TableName))
		if err != nil || json.Unmarshal(text, &schema) != nil {
			t.Fatal(err)
		}
		attributes := func(value any) []any {
			list := value.([]any)
			slices.SortFunc(list, func(a, b any) int {
				return strings.Compare(a.(map[string]any)["AttributeName"].(string), b.(map[string]any)["AttributeName"].(string))
			})
			return list
		}
		for _, member := range []string{"TableName", "KeySchema", "BillingMode"} {
			if !reflect.DeepEqual(table.Properties[member], schema[member]) {
				t.Errorf("%s is %v, the store's is %v", member, table.Properties[member], schema[member])
			}
		}
		if got, want := attributes(table.Properties["AttributeDefinitions"]), attributes(schema["AttributeDefinitions"]); !reflect.DeepEqual(got, want) {
			t.Errorf("attributes are %v, the store's are %v", got, want)
		}
		if got, want := indexes(table.Properties["GlobalSecondaryIndexes"]), indexes(schema["GlobalSecondaryIndexes"]); !reflect.DeepEqual(got, want) {
			t.Errorf("indexes are %v, the store's are %v", got, want)
		}
	}
	made.assert(t, hub).HasResource(jsii.String("AWS::DynamoDB::Table"), map[string]any{
		"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
		"Properties": map[string]any{
			"DeletionProtectionEnabled":        true,
			"PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": true},
			"SSESpecification":                 map[string]any{"SSEEnabled": true},
			"TimeToLiveSpecification":          map[string]any{"AttributeName": dynamo.TimeToLive, "Enabled": true},
		},
	})
}

// Nobody but the functions writes rows: a decision by hand is no decision.
func TestOnlyTheFunctionsWriteRows(t *testing.T) {
	for _, table := range example(t).template(t, hub).of("AWS::DynamoDB::Table") {
		text, err := json.Marshal(table.Properties["ResourcePolicy"])
		if err != nil {
			t.Fatal(err)
		}
		document, _ := table.Properties["ResourcePolicy"].(map[string]any)["PolicyDocument"].(map[string]any)
		statements, _ := document["Statement"].([]any)
		if len(statements) != 1 {
			t.Fatalf("the table's policy is %s", text)
		}
		only := statements[0].(map[string]any)
		if only["Effect"] != "Deny" || textOf(only["Principal"].(map[string]any)["AWS"]) != "*" || only["NotAction"] != nil {
			t.Errorf("the table's policy is %s", text)
		}
		for _, action := range []string{"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"} {
			if !slices.Contains(listOf(only["Action"]), "dynamodb:"+action) {
				t.Errorf("anybody may %s", action)
			}
		}
		excepted := listOf(only["Condition"].(map[string]any)["ArnNotEquals"].(map[string]any)["aws:PrincipalArn"])
		want := []string{}
		for _, f := range installation.AllFunctions() {
			want = append(want, "arn:aws:iam::333333333333:role/"+installation.FunctionRole(f))
		}
		if !slices.Equal(excepted, want) {
			t.Errorf("these write: %v", excepted)
		}
	}
}

// indexes drops what CreateTable's JSON has as null.
func indexes(value any) map[string]any {
	all := map[string]any{}
	for _, one := range value.([]any) {
		index := one.(map[string]any)
		projection, _ := index["Projection"].(map[string]any)
		all[index["IndexName"].(string)] = []any{index["KeySchema"], projection["ProjectionType"]}
	}
	return all
}

// Documents are written once and never removed, whoever asks.
func TestDocumentsStay(t *testing.T) {
	template := example(t).assert(t, hub)
	template.HasResource(jsii.String("AWS::S3::Bucket"), map[string]any{
		"DeletionPolicy": "Retain",
		"Properties": map[string]any{
			"VersioningConfiguration": map[string]any{"Status": "Enabled"},
			"PublicAccessBlockConfiguration": map[string]any{
				"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
			},
			"BucketEncryption": assertions.Match_AnyValue(),
			"OwnershipControls": map[string]any{
				"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}},
			},
			"LifecycleConfiguration": map[string]any{"Rules": []any{map[string]any{
				"Id": "incomplete-uploads", "Status": "Enabled", "AbortIncompleteMultipartUpload": map[string]any{"DaysAfterInitiation": 1},
				"ExpirationInDays": assertions.Match_Absent(), "NoncurrentVersionExpiration": assertions.Match_Absent(),
			}}},
		},
	})
	template.HasResource(jsii.String("AWS::S3::BucketPolicy"), map[string]any{"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"})
	everybody := map[string]any{"AWS": "*"}
	for _, statement := range []map[string]any{
		{"Effect": "Deny", "Principal": everybody, "Action": "s3:PutObject", "Condition": map[string]any{"Null": map[string]any{"s3:if-none-match": "true"}}},
		{"Effect": "Deny", "Principal": everybody, "Action": []any{"s3:DeleteObject", "s3:DeleteObjectVersion"}, "Condition": assertions.Match_Absent()},
		{"Effect": "Deny", "Principal": everybody, "Action": "s3:*", "Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}}},
		{"Effect": "Deny", "Principal": everybody, "Action": "s3:*", "Condition": map[string]any{"NumericLessThan": map[string]any{"s3:TlsVersion": 1.2}}},
	} {
		template.HasResourceProperties(jsii.String("AWS::S3::BucketPolicy"), map[string]any{
			"PolicyDocument": map[string]any{"Statement": assertions.Match_ArrayWith(&[]any{assertions.Match_ObjectLike(&statement)})},
		})
	}
}

// CloudFormation reads large templates with the rights of the target accounts' roles that plan, and nobody reads more.
func TestTargetsReadTemplatesAlone(t *testing.T) {
	for name, made := range map[string]*synthesized{"plain": example(t), "with everything": withEverything(t)} {
		t.Run(name, func(t *testing.T) {
			found := map[string]int{}
			for _, s := range statements(t, made) {
				if s.stack != hub || s.effect != "Allow" || !strings.Contains(s.principal, ":root") || s.kind != "AWS::S3::BucketPolicy" && s.kind != "AWS::KMS::Key" || strings.Contains(s.condition, "null") {
					continue
				}
				found[s.kind]++
				for _, want := range []string{`"aws:PrincipalArn":["arn:aws:iam::111111111111:role/stackgate-plan-*-*","arn:aws:iam::222222222222:role/stackgate-plan-*-*"]`} {
					if !strings.Contains(s.condition, want) {
						t.Errorf("%s lacks %s", s, want)
					}
				}
				if name != "plain" && !strings.Contains(s.condition, `"aws:PrincipalOrgID":"`+everything.OrganizationID+`"`) {
					t.Errorf("%s lets other organizations in", s)
				}
				switch s.kind {
				case "AWS::S3::BucketPolicy":
					if !slices.Equal(s.actions, []string{"s3:GetObject"}) || len(s.resources) != 1 || !strings.HasSuffix(s.resources[0], "/documents/template/*") {
						t.Errorf("%s", s)
					}
				case "AWS::KMS::Key":
					if !slices.Equal(s.actions, []string{"kms:Decrypt"}) || !strings.Contains(s.condition, `"kms:ViaService":["s3.eu-west-1.amazonaws.com*"]`) || !strings.Contains(s.condition, `"kms:EncryptionContext:aws:s3:arn":["arn:aws:s3:::`+everything.Bucket()+`"`) {
						t.Errorf("%s", s)
					}
				}
			}
			for _, f := range installation.AllFunctions() {
				key := environmentOf(t, made.template(t, hub), f)(installed.KeyVariable)
				if want := f == installed.Plan && name != "plain"; (key != "") != want {
					t.Errorf("%s is told the key %q", f, key)
				}
			}
			if want := map[string]int{"AWS::S3::BucketPolicy": 1}; name == "plain" && !maps.Equal(found, want) {
				t.Errorf("found %v, want %v", found, want)
			}
			if want := map[string]int{"AWS::S3::BucketPolicy": 1, "AWS::KMS::Key": 1}; name != "plain" && !maps.Equal(found, want) {
				t.Errorf("found %v, want %v", found, want)
			}
		})
	}
}

func TestEachFunction(t *testing.T) {
	hubTemplate := example(t).template(t, hub)
	roles := map[string]bool{}
	for _, f := range installation.AllFunctions() {
		t.Run(string(f), func(t *testing.T) {
			r := hubTemplate.one(t, "AWS::Lambda::Function", "FunctionName", installation.FunctionName(f))
			for property, want := range map[string]any{
				"Runtime": "provided.al2023", "Architectures": []any{"arm64"}, "Handler": "bootstrap",
				"TracingConfig": map[string]any{"Mode": "Active"},
			} {
				if got := r.Properties[property]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v", property, got)
				}
			}
			if n, _ := r.Properties["ReservedConcurrentExecutions"].(float64); n < 1 {
				t.Errorf("its concurrency is %v", r.Properties["ReservedConcurrentExecutions"])
			}
			role := textOf(r.Properties["Role"])
			if roles[role] {
				t.Errorf("it shares %s", role)
			}
			roles[role] = true
			hubTemplate.one(t, "AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/"+installation.FunctionName(f))
		})
	}
	for id, group := range hubTemplate.of("AWS::Logs::LogGroup") {
		if days, _ := group.Properties["RetentionInDays"].(float64); days != 365 || group.DeletionPolicy != "Retain" {
			t.Errorf("log group %s keeps %v days, policy %s", id, group.Properties["RetentionInDays"], group.DeletionPolicy)
		}
	}
}

// The functions read what they are told, and it leads to the names that are installed.
func TestTheFunctionsUnderstandTheirEnvironment(t *testing.T) {
	made := example(t)
	hubTemplate := made.template(t, hub)
	for _, f := range installed.Functions() {
		t.Run(string(f), func(t *testing.T) {
			settings, err := installed.ReadSettings(environmentOf(t, hubTemplate, f), f)
			if err != nil {
				t.Fatal(err)
			}
			definitions, err := exampleDefinitions()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range definitions {
				role, err := settings.Roles.Role(f, recordOf(d))
				if err != nil {
					t.Fatal(err)
				}
				name := role[strings.LastIndexByte(role, '/')+1:]
				if !strings.HasPrefix(role, "arn:aws:iam::"+d.Account+":role/") {
					t.Errorf("the role of %s is %s", d, role)
				}
				made.template(t, rolesOf(d)).one(t, "AWS::IAM::Role", "RoleName", name)
				machine, err := settings.Machines.Machine(recordOf(d))
				if err != nil {
					t.Fatal(err)
				}
				made.template(t, "stackgate-services-"+d.StackGroup).one(t, "AWS::StepFunctions::StateMachine", "StateMachineName", machine[strings.LastIndexByte(machine, ':')+1:])
			}
		})
	}
}

func TestTheFrontDoorUnderstandsItsEnvironment(t *testing.T) {
	settings, err := installed.ReadSettings(environmentOf(t, example(t).template(t, hub), installed.Review), installed.Review)
	if err != nil {
		t.Fatal(err)
	}
	if settings.Table != "<"+onlyID(t, "AWS::DynamoDB::Table")+">" {
		t.Errorf("its table is %s", settings.Table)
	}
}

// onlyID is the logical id of the hub's one resource of a type.
func onlyID(t *testing.T, kind string) string {
	t.Helper()
	for id := range example(t).template(t, hub).of(kind) {
		return id
	}
	t.Fatalf("there is no %s", kind)
	return ""
}

// environmentOf is a function's environment as Lambda would show it, with references as names.
func environmentOf(t *testing.T, hubTemplate template, f installed.Function) func(string) string {
	t.Helper()
	r := hubTemplate.one(t, "AWS::Lambda::Function", "FunctionName", installation.FunctionName(f))
	variables, _ := r.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	return func(name string) string {
		if name == installed.TopicVariable {
			return "arn:aws:sns:eu-west-1:" + exampleAccount + ":" + installation.AnnouncementTopic
		}
		if variables[name] == nil {
			return ""
		}
		return textOf(variables[name])
	}
}

// Whatever a function is told, no secret is among it: they are read from parameters.
func TestEnvironmentsHoldNoSecrets(t *testing.T) {
	known := []string{
		installed.FunctionVariable, installed.TableVariable, installed.BucketVariable, installed.RolePatternVariable,
		installed.MachinePatternVariable, installed.TopicVariable, installed.SentryParameterVariable, installed.VersionVariable, installed.KeyVariable,
	}
	for id, r := range withEverything(t).template(t, hub).of("AWS::Lambda::Function") {
		variables, _ := r.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		for name := range variables {
			if !slices.Contains(known, name) {
				t.Errorf("%s is told %s", id, name)
			}
		}
	}
}

// Nobody gets in whom API Gateway has not verified.
func TestTheFrontDoorVerifiesEverybody(t *testing.T) {
	hubTemplate := example(t).template(t, hub)
	routes := hubTemplate.of("AWS::ApiGatewayV2::Route")
	if len(routes) != 2 {
		t.Errorf("there are %d routes", len(routes))
	}
	for id, route := range routes {
		if route.Properties["AuthorizationType"] != "AWS_IAM" {
			t.Errorf("route %s has authorization %v", id, route.Properties["AuthorizationType"])
		}
	}
	for _, api := range hubTemplate.of("AWS::ApiGatewayV2::Api") {
		if api.Properties["CorsConfiguration"] != nil || api.Properties["ProtocolType"] != "HTTP" {
			t.Errorf("the API is %v", api.Properties)
		}
	}
	for _, stage := range hubTemplate.of("AWS::ApiGatewayV2::Stage") {
		log, _ := stage.Properties["AccessLogSettings"].(map[string]any)
		format := textOf(log["Format"])
		for _, secret := range []string{"authorization", "body", "querystring", "header"} {
			if strings.Contains(strings.ToLower(format), secret) {
				t.Errorf("the access log has %s: %s", secret, format)
			}
		}
		if !strings.Contains(format, "$context.identity.userArn") {
			t.Errorf("the access log does not say who called: %s", format)
		}
	}
	if n := len(hubTemplate.of("AWS::Lambda::Url")); n > 0 {
		t.Errorf("%d functions can be called past the front door", n)
	}
}

// Every rule tries again, and keeps what it could not deliver.
func TestRulesLoseNothing(t *testing.T) {
	hubTemplate := example(t).template(t, hub)
	for id, rule := range hubTemplate.of("AWS::Events::Rule") {
		targets, _ := rule.Properties["Targets"].([]any)
		if len(targets) == 0 {
			t.Errorf("rule %s has no target", id)
		}
		for _, target := range targets {
			of := target.(map[string]any)
			if of["RetryPolicy"] == nil || of["DeadLetterConfig"] == nil {
				t.Errorf("rule %s: target %v has retry policy %v and dead letters %v", id, of["Id"], of["RetryPolicy"], of["DeadLetterConfig"])
			}
		}
	}
	wakes := map[string][]string{
		"stackgate-stack-events": {"events"}, "stackgate-ended-executions": {"plan"}, "stackgate-sweep": {"events", "plan"},
	}
	for name, want := range wakes {
		rule := hubTemplate.one(t, "AWS::Events::Rule", "Name", name)
		var got []string
		for _, target := range rule.Properties["Targets"].([]any) {
			got = append(got, target.(map[string]any)["Id"].(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s wakes %v, not %v", name, got, want)
		}
	}
	for id, invoke := range hubTemplate.of("AWS::Lambda::EventInvokeConfig") {
		if invoke.Properties["DestinationConfig"] == nil {
			t.Errorf("%s loses what the function fails at", id)
		}
	}
	// Each permission says which rule or API it is for.
	for id, permission := range hubTemplate.of("AWS::Lambda::Permission") {
		if permission.Properties["SourceArn"] == nil {
			t.Errorf("%s lets every %v invoke", id, permission.Properties["Principal"])
		}
	}
}

// The bus takes stack events of the accounts that hold stacks, and nothing else.
func TestTheBusTakesStackEventsOfTargetsOnly(t *testing.T) {
	for name, made := range map[string]*synthesized{"plain": example(t), "with everything": withEverything(t)} {
		t.Run(name, func(t *testing.T) {
			policies := made.template(t, hub).of("AWS::Events::EventBusPolicy")
			if len(policies) != 1 {
				t.Fatalf("there are %d policies", len(policies))
			}
			for _, policy := range policies {
				statement := policy.Properties["Statement"].(map[string]any)
				principals := listOf(statement["Principal"].(map[string]any)["AWS"])
				if want := []string{"arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"}; !slices.Equal(principals, want) {
					t.Errorf("it takes events of %v", principals)
				}
				condition, _ := json.Marshal(statement["Condition"])
				for _, want := range []string{`"events:source":["aws.cloudformation"]`, `"events:detail-type":["CloudFormation Stack Status Change"]`} {
					if !strings.Contains(string(condition), want) {
						t.Errorf("the condition %s lacks %s", condition, want)
					}
				}
				if name != "plain" && !strings.Contains(string(condition), everything.OrganizationID) {
					t.Errorf("the condition %s lacks the organization", condition)
				}
			}
		})
	}
}

// Alarms watch what is measured, and each tells somebody.
func TestAlarms(t *testing.T) {
	hubTemplate := example(t).template(t, hub)
	watched := map[string]resource{}
	for id, alarm := range hubTemplate.of("AWS::CloudWatch::Alarm") {
		watched[textOf(alarm.Properties["AlarmName"])] = alarm
		if actions, _ := alarm.Properties["AlarmActions"].([]any); len(actions) == 0 {
			t.Errorf("%s tells nobody", id)
		}
		if text := textOf(alarm.Properties["AlarmDescription"]); len(text) < 20 {
			t.Errorf("%s says only %q", id, text)
		}
		if alarm.Properties["Namespace"] == metrics.Namespace && !slices.Contains(metrics.Names(), metrics.Name(textOf(alarm.Properties["MetricName"]))) {
			t.Errorf("%s watches %v, which nobody measures", id, alarm.Properties["MetricName"])
		}
	}
	for _, name := range []string{"failed-needs-human", "unexpected-fault", "stuck-waiters", "sweep-silent", "dead-letters", "review-errors", "review-throttles",
		"plan-broken", "execute-broken", "events-broken", "front-door-5xx"} {
		if _, found := watched["stackgate-"+name]; !found {
			t.Errorf("there is no alarm stackgate-%s; there are %v", name, slices.Sorted(maps.Keys(watched)))
		}
	}
	if len(watched) != alarmCount {
		t.Errorf("there are %d alarms; the costs in docs/install.md count %d", len(watched), alarmCount)
	}
	// A sweep that does not run measures nothing, which must not look well.
	if silent := watched["stackgate-sweep-silent"]; silent.Properties["TreatMissingData"] != "breaching" {
		t.Errorf("a sweep that does not run is %v", silent.Properties["TreatMissingData"])
	}
}

// A topic with a policy takes only what that allows: alarms and the rules that guard must be among it.
func TestAlarmsReachTheirTopic(t *testing.T) {
	published := map[string]string{}
	for _, s := range statements(t, example(t)) {
		if s.kind == "AWS::SNS::TopicPolicy" && s.effect == "Allow" && slices.Contains(s.actions, "sns:Publish") {
			published[s.principal] = s.condition
		}
	}
	if c := published[`{"Service":"cloudwatch.amazonaws.com"}`]; !strings.Contains(c, "arn:aws:cloudwatch:eu-west-1:333333333333:alarm:stackgate-*") {
		t.Errorf("alarms publish on condition %s", c)
	}
	if c := published[`{"Service":"events.amazonaws.com"}`]; !strings.Contains(c, "Guard") || len(published) != 2 {
		t.Errorf("these publish: %v", published)
	}
}

// Every setting arrives where it is meant to.
func TestSettings(t *testing.T) {
	made := withEverything(t)
	hubTemplate := made.template(t, hub)
	for _, kind := range []struct{ kind, property string }{
		{"AWS::DynamoDB::Table", "SSESpecification"}, {"AWS::S3::Bucket", "BucketEncryption"}, {"AWS::SNS::Topic", "KmsMasterKeyId"},
		{"AWS::SQS::Queue", "KmsMasterKeyId"}, {"AWS::Logs::LogGroup", "KmsKeyId"}, {"AWS::Lambda::Function", "KmsKeyArn"},
	} {
		for id, r := range hubTemplate.of(kind.kind) {
			if text, _ := json.Marshal(r.Properties[kind.property]); !strings.Contains(string(text), "Key") {
				t.Errorf("%s %s is not encrypted with the key: %s", kind.kind, id, text)
			}
		}
	}
	made.assert(t, hub).HasResource(jsii.String("AWS::KMS::Key"), map[string]any{
		"DeletionPolicy": "Retain", "Properties": map[string]any{"EnableKeyRotation": true},
	})
	made.assert(t, hub).HasResourceProperties(jsii.String("AWS::S3::Bucket"), map[string]any{
		"ObjectLockEnabled": true, "ObjectLockConfiguration": map[string]any{"ObjectLockEnabled": "Enabled",
			"Rule": map[string]any{"DefaultRetention": map[string]any{"Days": 365, "Mode": "GOVERNANCE"}}},
	})
	for name := range made.texts {
		for id, role := range made.template(t, name).of("AWS::IAM::Role") {
			if text := textOf(role.Properties["PermissionsBoundary"]); !strings.Contains(text, "policy/developer-boundary") {
				t.Errorf("%s: role %s has the boundary %s", name, id, text)
			}
		}
	}
	for id, r := range hubTemplate.of("AWS::Lambda::Function") {
		if r.Properties["ReservedConcurrentExecutions"] != nil {
			t.Errorf("%s reserves concurrency", id)
		}
		variables := r.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if variables[installed.SentryParameterVariable] != everything.SentryParameter || variables[installed.VersionVariable] != everything.Version {
			t.Errorf("%s is told %v", id, variables)
		}
	}
}
