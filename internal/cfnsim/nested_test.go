package cfnsim_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim"
	"stackgate/internal/golden"
)

const bucketURL = "https://templates.s3.us-east-1.amazonaws.com/"

// A family of stacks: the root holds a topic, a queue and App, App holds Data and a function, Data holds a table.
const (
	rootBody = `
Parameters:
  Break: {Type: String, Default: never}
  Version: {Type: String, Default: "1"}
  Times: {Type: String, Default: "99"}
Resources:
  Topic: {Type: AWS::SNS::Topic}
  App:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates.s3.us-east-1.amazonaws.com/app.yaml
      Parameters: {Topic: !Ref Topic, Break: !Ref Break, Version: !Ref Version, Times: !Ref Times}
  Jobs:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates.s3.us-east-1.amazonaws.com/jobs.yaml
      Parameters: {Version: !Ref Version}
  Alarm:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !GetAtt App.Outputs.TableName}
Outputs:
  Table: {Value: !GetAtt App.Outputs.TableName}
`
	appBody = `
Parameters: {Topic: {Type: String}, Break: {Type: String}, Version: {Type: String}, Times: {Type: String}}
Resources:
  Data:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates.s3.us-east-1.amazonaws.com/data.yaml
      Parameters: {Break: !Ref Break, Version: !Ref Version, Times: !Ref Times}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Role: arn:aws:iam::111111111111:role/orders
      Code: {ZipFile: x}
      Environment: {Variables: {TOPIC: !Ref Topic, TABLE: !GetAtt Data.Outputs.TableName}}
Outputs:
  TableName: {Value: !GetAtt Data.Outputs.TableName}
`
	dataBody = `
Parameters: {Break: {Type: String}, Version: {Type: Number}, Times: {Type: String}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Metadata: {'Stackgate::Simulate': {FailOn: !Split ["+", !Ref Break], Reason: the table broke, After: 3s, Times: !Ref Times}}
    Properties:
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      ProvisionedThroughput: {ReadCapacityUnits: !Ref Version, WriteCapacityUnits: "1"}
  Slow: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref Version}}
Outputs:
  TableName: {Value: !Ref Table}
`
	jobsBody = `
Parameters: {Version: {Type: String}}
Resources:
  Cluster: {Type: AWS::RDS::DBCluster, DeletionPolicy: Delete, Properties: {Engine: aurora-postgresql, BackupRetentionPeriod: !Ref Version}}
`
)

func (b *bench) putFamily() {
	b.t.Helper()
	for name, body := range map[string]string{"app.yaml": appBody, "data.yaml": dataBody, "jobs.yaml": jobsBody} {
		b.put(name, body)
	}
}

func (b *bench) put(name, body string) {
	b.t.Helper()
	if err := b.sim.PutObject(b.ctx, bucketURL+name, body); err != nil {
		b.t.Fatal(err)
	}
}

// familySet makes a change set of the root with those of the nested stacks.
func (b *bench) familySet(body string, parameters ...types.Parameter) *cloudformation.DescribeChangeSetOutput {
	b.t.Helper()
	return b.create(cloudformation.CreateChangeSetInput{TemplateBody: &body, Parameters: parameters, IncludeNestedStacks: aws.Bool(true)})
}

func (b *bench) deployFamily(parameters ...types.Parameter) types.Stack {
	b.t.Helper()
	return b.deployWith(rootBody, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true)}, nil, parameters...)
}

var nestedStories = map[string]func(b *bench){
	"created":      func(b *bench) { b.deployFamily() },
	"create fails": func(b *bench) { b.deployFamily(parameter("Break", "create")) },
	"create fails and pauses": func(b *bench) {
		b.deployWith(rootBody, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true)}, aws.Bool(true), parameter("Break", "create"))
	},
	"create fails and is deleted": func(b *bench) {
		b.deployWith(rootBody, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true), OnStackFailure: types.OnStackFailureDelete}, nil, parameter("Break", "create"))
	},
	"updated": func(b *bench) { b.deployFamily(); b.deployFamily(parameter("Version", "2")) },
	"updated without nested change sets": func(b *bench) {
		b.deploy(rootBody)
		b.put("data.yaml", dataBody+"  Url: {Value: !Ref Slow}\n")
		b.deploy(rootBody)
	},
	"update fails": func(b *bench) {
		b.deployFamily()
		b.deployFamily(parameter("Version", "2"), parameter("Break", "update"))
	},
	"update fails and pauses then is rolled back": func(b *bench) {
		b.deployFamily()
		b.deployWith(rootBody, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true)}, aws.Bool(true), parameter("Version", "2"), parameter("Break", "update"))
		b.must(b.RollbackStack(b.ctx, &cloudformation.RollbackStackInput{StackName: aws.String("orders")}))
		b.settle("orders")
	},
	"update fails and pauses then goes on": func(b *bench) {
		b.deployFamily()
		b.deployWith(rootBody, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true)}, aws.Bool(true), parameter("Version", "2"), parameter("Break", "update"))
		b.deployWith(rootBody, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true)}, aws.Bool(true), parameter("Version", "3"))
	},
	"update fails after the nested stacks": func(b *bench) {
		b.deployFamily()
		broken := strings.Replace(rootBody, "Properties: {DisplayName", "Metadata: {'Stackgate::Simulate': {FailOn: update, Reason: the alarm broke}}\n    DependsOn: [App, Jobs]\n    Properties: {DisplayName", 1)
		b.deployWith(broken, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true)}, nil, parameter("Version", "2"))
	},
	"update fails and its rollback too": func(b *bench) {
		b.deployFamily()
		b.deployFamily(parameter("Version", "2"), parameter("Break", "update+rollback"), parameter("Times", "1"))
	},
	"rollback is continued": func(b *bench) {
		b.deployFamily()
		b.deployFamily(parameter("Version", "2"), parameter("Break", "update+rollback"), parameter("Times", "1"))
		b.must(b.ContinueUpdateRollback(b.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String("orders")}))
		b.settle("orders")
	},
	"rollback is continued without a nested resource": func(b *bench) {
		b.deployFamily()
		b.deployFamily(parameter("Version", "2"), parameter("Break", "update+rollback"))
		data := b.familyOf("orders")["orders/App/Data"]
		b.must(b.ContinueUpdateRollback(b.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String("orders"), ResourcesToSkip: []string{*b.stack(data).StackName + ".Table"}}))
		b.settle("orders")
	},
	"rollback is forced": func(b *bench) {
		b.deployFamily()
		b.deployFamily(parameter("Version", "2"), parameter("Break", "update+rollback"))
		b.must(b.ContinueUpdateRollback(b.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String("orders"), ForceRollback: aws.Bool(true)}))
		b.settle("orders")
	},
	"update is cancelled": func(b *bench) {
		b.deployFamily()
		set := b.familySet(rootBody, parameter("Version", "2"))
		b.must(b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}))
		b.clock.tick(8 * time.Second)
		b.must(b.CancelUpdateStack(b.ctx, &cloudformation.CancelUpdateStackInput{StackName: aws.String("orders")}))
		b.settle("orders")
	},
	"one is added and another removed": func(b *bench) {
		b.deployFamily()
		b.put("more.yaml", "Resources: {Queue: {Type: AWS::SQS::Queue}}")
		changed := strings.Replace(strings.Replace(rootBody, "  Jobs:", "  More:", 1), "jobs.yaml\n      Parameters: {Version: !Ref Version}", "more.yaml", 1)
		b.deployWith(changed, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true)}, nil)
	},
	"one is added and fails": func(b *bench) {
		b.deployFamily()
		b.put("more.yaml", "Resources: {Queue: {Type: AWS::SQS::Queue, Metadata: {'Stackgate::Simulate': {FailOn: create, Reason: no queue}}}, Topic: {Type: AWS::SNS::Topic, DependsOn: Queue}}")
		changed := strings.Replace(rootBody, "Outputs:\n", "  More: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "+bucketURL+"more.yaml}}\nOutputs:\n", 1)
		b.deployWith(changed, cloudformation.CreateChangeSetInput{IncludeNestedStacks: aws.Bool(true)}, nil, parameter("Version", "2"))
	},
	"deleted": func(b *bench) { b.deployFamily(); b.drop(cloudformation.DeleteStackInput{}) },
	"delete fails": func(b *bench) {
		b.deployFamily(parameter("Break", "delete"))
		b.drop(cloudformation.DeleteStackInput{})
	},
	"delete fails then is forced": func(b *bench) {
		b.deployFamily(parameter("Break", "delete"))
		b.drop(cloudformation.DeleteStackInput{})
		b.drop(cloudformation.DeleteStackInput{DeletionMode: types.DeletionModeForceDeleteStack})
	},
	"deleted while it is created": func(b *bench) {
		set := b.familySet(rootBody)
		b.must(b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}))
		b.clock.tick(8 * time.Second)
		b.drop(cloudformation.DeleteStackInput{})
	},
	"one is deleted behind its parent's back": func(b *bench) {
		set := b.familySet(rootBody)
		b.must(b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}))
		b.clock.tick(5 * time.Second)
		id := b.familyOf("orders")["orders/Jobs"]
		b.must(b.DeleteStack(b.ctx, &cloudformation.DeleteStackInput{StackName: &id}))
		b.settle("orders")
	},
	"one is updated behind its parent's back": func(b *bench) {
		b.deployFamily()
		id := b.familyOf("orders")["orders/Jobs"]
		body := strings.Replace(jobsBody, "!Ref Version", "7", 1)
		set := b.create(cloudformation.CreateChangeSetInput{StackName: &id, TemplateBody: &body, Parameters: []types.Parameter{parameter("Version", "1")}})
		b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
		for name, call := range map[string]func() error{
			"cancel": func() error {
				_, err := b.CancelUpdateStack(b.ctx, &cloudformation.CancelUpdateStackInput{StackName: &id})
				return err
			},
			"continue": func() error {
				_, err := b.ContinueUpdateRollback(b.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &id})
				return err
			},
			"roll back": func() error {
				_, err := b.RollbackStack(b.ctx, &cloudformation.RollbackStackInput{StackName: &id})
				return err
			},
		} {
			if err := call(); err == nil || !strings.Contains(err.Error(), "cannot be invoked on child stacks") {
				b.t.Errorf("to %s a child is answered %v", name, err)
			}
		}
	},
	"its template cannot be read": func(b *bench) {
		b.deploy("Resources: {App: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + bucketURL + "none.yaml}}, T: {Type: AWS::SNS::Topic}}")
	},
	"it lacks an output": func(b *bench) {
		b.put("more.yaml", "Resources: {Queue: {Type: AWS::SQS::Queue}}")
		b.deploy("Resources: {App: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + bucketURL + "more.yaml}}, T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt App.Outputs.Nothing}}}")
	},
}

// familyOf names the stacks of a family, also deleted ones, by their paths. Of two with one path the later one wins.
func (b *bench) familyOf(name string) map[string]string {
	b.t.Helper()
	family := map[string]string{name: b.stackID(name)}
	for path, id := range family {
		b.collectFamily(path, id, family)
	}
	return family
}

func (b *bench) collectFamily(path, id string, into map[string]string) {
	for _, e := range b.events(id) {
		if aws.ToString(e.ResourceType) == "AWS::CloudFormation::Stack" && aws.ToString(e.PhysicalResourceId) != "" && *e.PhysicalResourceId != id {
			child := path + "/" + *e.LogicalResourceId
			if into[child] != *e.PhysicalResourceId {
				into[child] = *e.PhysicalResourceId
				b.collectFamily(child, *e.PhysicalResourceId, into)
			}
		}
	}
}

// familyStory renders the rows of all stacks of a family in the order in which they happened, each with its path.
func (b *bench) familyStory(name string) string {
	b.t.Helper()
	family := b.familyOf(name)
	type row struct {
		at   time.Time
		text string
	}
	var rows []row
	paths := slices.Sorted(maps.Keys(family))
	for _, path := range paths {
		id := family[path]
		stack := b.stack(id)
		for _, e := range b.events(id) {
			text := story([]types.StackEvent{e})
			if *e.LogicalResourceId == *stack.StackName {
				text = strings.TrimPrefix(text, *stack.StackName+" ")
				rows = append(rows, row{*e.Timestamp, path + " = " + text})
				continue
			}
			rows = append(rows, row{*e.Timestamp, path + "/" + text})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.at.Compare(b.at) })
	var text strings.Builder
	for _, r := range rows {
		text.WriteString(r.text)
	}
	out := text.String()
	for _, path := range paths {
		out = strings.ReplaceAll(out, family[path], "<"+path+">")
	}
	for _, path := range paths {
		left := b.stack(family[path])
		out += strings.TrimRight(fmt.Sprintf("left: %s %s", path, left.StackStatus), " ") + "\n"
	}
	return out
}

func TestNestedStories(t *testing.T) {
	for name, run := range nestedStories {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(o *cfnsim.Options) { o.PageSize = 100 })
			b.putFamily()
			run(b)
			b.clock.tick(time.Hour)
			golden.Assert(t, "nested/"+strings.ReplaceAll(strings.ReplaceAll(name, "'", ""), " ", "_")+".golden", []byte(b.familyStory("orders")))
			for path, id := range b.familyOf("orders") {
				if status := string(b.stack(id).StackStatus); strings.HasSuffix(status, "_IN_PROGRESS") {
					t.Errorf("%s is left in %s", path, status)
				}
			}
		})
	}
}

func TestNoNestedStoryIsLeftOver(t *testing.T) {
	files, err := os.ReadDir("testdata/nested")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for name := range nestedStories {
		known[strings.ReplaceAll(strings.ReplaceAll(name, "'", ""), " ", "_")+".golden"] = true
	}
	for _, file := range files {
		if !known[file.Name()] {
			t.Errorf("testdata/nested/%s belongs to no story", file.Name())
		}
	}
}
