package cfnsim_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/golden"
)

const service = `
Parameters:
  Break: {Type: String, Default: never}
  Times: {Type: String, Default: "99"}
  Visibility: {Type: Number, Default: 30}
  Suffix: {Type: String, Default: "one"}
Conditions:
  WithExtra: !Equals [!Ref Suffix, extra]
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
  Queue:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: !Ref Visibility}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Sub "orders-${Suffix}"}
  Extra:
    Type: AWS::SNS::Topic
    Condition: WithExtra
  Function:
    Type: AWS::Lambda::Function
    Metadata:
      Stackgate::Simulate: {FailOn: !Split ["+", !Ref Break], Reason: the function broke, Times: !Ref Times}
    Properties:
      Role: arn:aws:iam::111111111111:role/orders
      Code: {ZipFile: x}
      Environment: {Variables: {TABLE: !Ref Table, QUEUE: !Ref Queue, V: !Ref Visibility, T: !Ref Topic}}
Outputs:
  QueueUrl: {Value: !Ref Queue}
`

const guarded = `
Parameters: {On: {Type: String}}
Resources:
  A:
    Type: AWS::S3::Bucket
    Metadata: {'Stackgate::Simulate': {Hook: {Type: Acme::Guard::S3, On: !Ref On, Times: 1, Reason: bucket A is not encrypted}}}
    Properties: {BucketName: !Sub "a-${On}"}
  B: {Type: AWS::SNS::Topic, DependsOn: A}
`

// Each story ends with the stack as it is left.
var stories = map[string]func(b *bench){
	"created":      func(b *bench) { b.deploy(service) },
	"create fails": func(b *bench) { b.deploy(service, parameter("Break", "create")) },
	"create fails and is deleted": func(b *bench) {
		b.deployWith(service, cloudformation.CreateChangeSetInput{OnStackFailure: types.OnStackFailureDelete}, nil, parameter("Break", "create"))
	},
	"create fails and pauses": func(b *bench) {
		b.deployWith(service, cloudformation.CreateChangeSetInput{}, aws.Bool(true), parameter("Break", "create"))
	},
	"create pauses then goes on": func(b *bench) {
		b.deployWith(service, cloudformation.CreateChangeSetInput{}, aws.Bool(true), parameter("Break", "create"))
		b.deployWith(service, cloudformation.CreateChangeSetInput{}, aws.Bool(true))
	},
	"create pauses then is rolled back": func(b *bench) {
		b.deployWith(service, cloudformation.CreateChangeSetInput{}, aws.Bool(true), parameter("Break", "create"))
		id := b.stack("orders").StackId
		b.must(b.RollbackStack(b.ctx, &cloudformation.RollbackStackInput{StackName: aws.String("orders"), ClientRequestToken: aws.String("back")}))
		b.settle(*id)
	},
	"create pauses twice then is rolled back": func(b *bench) {
		b.deployWith(service, cloudformation.CreateChangeSetInput{}, aws.Bool(true), parameter("Break", "create"))
		b.deployWith(service, cloudformation.CreateChangeSetInput{}, aws.Bool(true), parameter("Break", "create"), parameter("Visibility", "60"))
		id := b.stack("orders").StackId
		b.must(b.RollbackStack(b.ctx, &cloudformation.RollbackStackInput{StackName: aws.String("orders")}))
		b.settle(*id)
	},
	"create fails and its rollback too": func(b *bench) { b.deploy(service, parameter("Break", "create+rollback")) },
	"updated":                           func(b *bench) { b.deploy(service); b.deploy(service, parameter("Visibility", "60")) },
	"replaced":                          func(b *bench) { b.deploy(service); b.deploy(service, parameter("Suffix", "two")) },
	"removed":                           func(b *bench) { b.deploy(service); b.deploy("Resources: {Queue: {Type: AWS::SQS::Queue}}") },
	"update fails": func(b *bench) {
		b.deploy(service)
		b.deploy(service, parameter("Suffix", "extra"), parameter("Break", "update"))
	},
	"update pauses": func(b *bench) {
		b.deploy(service)
		b.deployWith(service, cloudformation.CreateChangeSetInput{}, aws.Bool(true), parameter("Visibility", "60"), parameter("Break", "update"))
	},
	"update pauses then is rolled back": func(b *bench) {
		b.deploy(service)
		b.deployWith(service, cloudformation.CreateChangeSetInput{}, aws.Bool(true), parameter("Visibility", "60"), parameter("Break", "update"))
		b.must(b.RollbackStack(b.ctx, &cloudformation.RollbackStackInput{StackName: aws.String("orders")}))
		b.settle("orders")
	},
	"update fails and its rollback too": func(b *bench) {
		b.deploy(service)
		b.deploy(service, parameter("Visibility", "60"), parameter("Break", "update+rollback"))
	},
	"rollback is continued": func(b *bench) {
		b.deploy(service)
		b.deploy(service, parameter("Visibility", "60"), parameter("Break", "update+rollback"), parameter("Times", "1"))
		b.must(b.ContinueUpdateRollback(b.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String("orders"), ClientRequestToken: aws.String("again")}))
		b.settle("orders")
	},
	"rollback is continued without a resource": func(b *bench) {
		b.deploy(service)
		b.deploy(service, parameter("Visibility", "60"), parameter("Break", "update+rollback"))
		b.must(b.ContinueUpdateRollback(b.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String("orders"), ResourcesToSkip: []string{"Function"}}))
		b.settle("orders")
	},
	"update is cancelled": func(b *bench) {
		b.deploy(service)
		set := b.change(service, parameter("Visibility", "60"), parameter("Suffix", "two"))
		b.must(b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}))
		b.clock.tick(5 * time.Second)
		b.must(b.CancelUpdateStack(b.ctx, &cloudformation.CancelUpdateStackInput{StackName: aws.String("orders")}))
		b.settle("orders")
	},
	"clean-up fails": func(b *bench) {
		b.deploy(service, parameter("Break", "delete"))
		b.deploy("Resources: {Queue: {Type: AWS::SQS::Queue}}")
	},
	"clean-up fails and the name stays taken": func(b *bench) {
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: same}, Metadata: {'Stackgate::Simulate': {FailOn: delete}}}, B: {Type: AWS::SNS::Topic}}")
		b.deploy("Resources: {B: {Type: AWS::SNS::Topic}}")
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: same}}, B: {Type: AWS::SNS::Topic}}")
	},
	"rollback cannot delete what it had made": func(b *bench) {
		b.deploy("Resources: {B: {Type: AWS::SNS::Topic}}")
		b.deploy(`
Resources:
  A: {Type: AWS::SQS::Queue, Metadata: {'Stackgate::Simulate': {FailOn: rollback, Reason: the queue stays}}}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: x}, DependsOn: A, Metadata: {'Stackgate::Simulate': {FailOn: update, Reason: no}}}`)
	},
	"deleted": func(b *bench) { b.deploy(service); b.drop(cloudformation.DeleteStackInput{}) },
	"delete fails then keeps what it cannot delete": func(b *bench) {
		b.deploy(service, parameter("Break", "delete"))
		b.drop(cloudformation.DeleteStackInput{})
		b.drop(cloudformation.DeleteStackInput{RetainResources: []string{"Function"}})
	},
	"delete fails then is forced": func(b *bench) {
		b.deploy(service, parameter("Break", "delete"))
		b.drop(cloudformation.DeleteStackInput{})
		b.drop(cloudformation.DeleteStackInput{DeletionMode: types.DeletionModeForceDeleteStack})
	},
	"only the stack row tells": func(b *bench) {
		b.deploy("Resources: {P: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: !ImportValue nobody}}}")
	},
	"an output cannot be read": func(b *bench) {
		b.deploy("Resources: {P: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: v}}}\nOutputs: {InvalidOutput: {Value: !GetAtt P.Invalid}}")
	},
	"only the stack row tells of an update": func(b *bench) {
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue}}")
		b.deploy(`
Metadata: {'Stackgate::Simulate': {FailOn: update, Reason: "Validation failed for following resources: [A]"}}
Resources: {A: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 5}}}`)
	},
	"hook denies a creation": func(b *bench) {
		b.deploy(`
Resources:
  A: {Type: AWS::S3::Bucket, Metadata: {'Stackgate::Simulate': {Hook: {Type: Acme::Guard::S3, Reason: bucket A is not encrypted}}}}
  B: {Type: AWS::SNS::Topic, DependsOn: A}
  C: {Type: AWS::SQS::Queue}
`)
	},
	"hook denies an update once": func(b *bench) {
		b.deploy(guarded, parameter("On", "never"))
		b.deploy(guarded, parameter("On", "update"))
		b.deploy(guarded, parameter("On", "update"))
	},
	"hook denies a deletion": func(b *bench) {
		b.deploy(guarded, parameter("On", "delete"))
		b.drop(cloudformation.DeleteStackInput{})
	},
	"hook denies a replacement": func(b *bench) {
		b.deploy("Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: one}}}")
		b.deploy("Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: two}, Metadata: {'Stackgate::Simulate': {Hook: {Type: Acme::Names, Reason: not two}}}}}")
	},
	"hook warns": func(b *bench) {
		b.deploy("Resources: {A: {Type: AWS::S3::Bucket, Metadata: {'Stackgate::Simulate': {Hook: {Type: Acme::Guard::S3, Mode: WARN, Reason: bucket A is not encrypted.}}}}}")
	},
	"two hooks deny and one agrees": func(b *bench) {
		b.deploy(`
Resources:
  A:
    Type: AWS::S3::Bucket
    Metadata:
      Stackgate::Simulate:
        Hook:
          - {Type: Acme::One, Reason: no}
          - {Type: Acme::Two, Status: error}
          - {Type: Acme::Three, Status: succeeded}
`)
	},
	"two fail and one is cancelled": func(b *bench) {
		b.deploy(`
Resources:
  A: {Type: AWS::SQS::Queue, Metadata: {'Stackgate::Simulate': {FailOn: create, After: 3s, Reason: first}}}
  B: {Type: AWS::SQS::Queue, Metadata: {'Stackgate::Simulate': {FailOn: create, After: 6s, Reason: second}}}
  C: {Type: AWS::SNS::Topic}
  D: {Type: AWS::SNS::Topic, DependsOn: C}
`)
	},
	"two fail on their own": func(b *bench) {
		b.deploy(`
Resources:
  A: {Type: AWS::SQS::Queue, Metadata: {'Stackgate::Simulate': {FailOn: create, After: 3s, Reason: first}}}
  B: {Type: AWS::SQS::Queue, Metadata: {'Stackgate::Simulate': {FailOn: create, After: 3.5s, Reason: second}}}
  C: {Type: AWS::SNS::Topic}
`)
	},
	"name is taken": func(b *bench) {
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: same}}}")
		body := "Resources: {B: {Type: AWS::SQS::Queue, Properties: {QueueName: same}}}"
		set := b.create(cloudformation.CreateChangeSetInput{StackName: aws.String("other"), TemplateBody: &body})
		b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
		b.subject = "other"
	},
	"name is free again": func(b *bench) {
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: same}}}")
		b.drop(cloudformation.DeleteStackInput{})
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: same}}}")
	},
	"name is kept": func(b *bench) {
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, DeletionPolicy: Retain, Properties: {QueueName: same}}}")
		b.drop(cloudformation.DeleteStackInput{})
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: same}}}")
	},
	"name forbids replacement": func(b *bench) {
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: same.fifo, FifoQueue: true}}}")
		b.deploy("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: same.fifo}}}")
	},
	"property is missing": func(b *bench) { b.deploy("Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String}}}") },
}

func TestStories(t *testing.T) {
	for name, run := range stories {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			run(b)
			id := b.stackID(b.subject)
			left := b.stack(id)
			text := story(b.events(id)) + "= " + string(left.StackStatus) + " " + aws.ToString(left.StackStatusReason) + "\n"
			for _, r := range b.resources(id) {
				text += aws.ToString(r.LogicalResourceId) + " " + string(r.ResourceStatus) + "\n"
			}
			golden.Assert(t, "story/"+t.Name()[len("TestStories/"):]+".golden", []byte(text))
		})
	}
}

func TestNoStoryIsLeftOver(t *testing.T) {
	files, err := os.ReadDir("testdata/story")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.ReplaceAll(strings.TrimSuffix(file.Name(), ".golden"), "_", " ")
		if stories[name] == nil {
			t.Errorf("testdata/story/%s belongs to no story", file.Name())
		}
	}
}
