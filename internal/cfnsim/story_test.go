package cfnsim_test

import (
	"testing"

	"stackgate/internal/golden"
)

const service = `
Parameters:
  Break: {Type: String, Default: never}
  Visibility: {Type: Number, Default: 30}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
  Queue:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: !Ref Visibility}
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {}}
  Function:
    Type: AWS::Lambda::Function
    Metadata:
      Stackgate::Simulate: {FailOn: !Ref Break, Reason: the function broke}
    Properties:
      Role: !GetAtt Role.Arn
      Code: {ZipFile: x}
      Environment: {Variables: {TABLE: !Ref Table, QUEUE: !Ref Queue, V: !Ref Visibility}}
Outputs:
  QueueUrl: {Value: !Ref Queue}
`

func TestStories(t *testing.T) {
	tests := map[string]func(b *bench){
		"create":       func(b *bench) { b.deploy(service) },
		"create-fails": func(b *bench) { b.deploy(service, parameter("Break", "create")) },
		"update":       func(b *bench) { b.deploy(service); b.deploy(service, parameter("Visibility", "60")) },
		"update-fails": func(b *bench) {
			b.deploy(service)
			b.deploy(service, parameter("Visibility", "60"), parameter("Break", "update"))
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			run(b)
			golden.Assert(t, "story/"+name+".golden", []byte(story(b.events("orders"))))
		})
	}
}
