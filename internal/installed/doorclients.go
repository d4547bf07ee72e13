package installed

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// The front door renders pages by html/template, which calls methods by name, so that the linker keeps every exported method
// of every type that is reachable from an interface value: with the SDK's clients that is every operation of three services,
// many megabytes. These stand before the clients and hold the operations that are called, and nothing from which the
// client's type could be reached (go tool nm -size tells).
type operation[I, O, Options any] func(ctx context.Context, in *I, opts ...func(*Options)) (*O, error)

type (
	table struct {
		getItem            operation[dynamodb.GetItemInput, dynamodb.GetItemOutput, dynamodb.Options]
		query              operation[dynamodb.QueryInput, dynamodb.QueryOutput, dynamodb.Options]
		batchGetItem       operation[dynamodb.BatchGetItemInput, dynamodb.BatchGetItemOutput, dynamodb.Options]
		putItem            operation[dynamodb.PutItemInput, dynamodb.PutItemOutput, dynamodb.Options]
		deleteItem         operation[dynamodb.DeleteItemInput, dynamodb.DeleteItemOutput, dynamodb.Options]
		transactWriteItems operation[dynamodb.TransactWriteItemsInput, dynamodb.TransactWriteItemsOutput, dynamodb.Options]
	}
	states struct {
		sendTaskSuccess operation[sfn.SendTaskSuccessInput, sfn.SendTaskSuccessOutput, sfn.Options]
		startExecution  operation[sfn.StartExecutionInput, sfn.StartExecutionOutput, sfn.Options]
	}
	topics struct {
		publish operation[sns.PublishInput, sns.PublishOutput, sns.Options]
	}
)

func newTable(configuration aws.Config) table {
	client := dynamodb.NewFromConfig(configuration)
	return table{client.GetItem, client.Query, client.BatchGetItem, client.PutItem, client.DeleteItem, client.TransactWriteItems}
}

func newStates(configuration aws.Config) states {
	client := sfn.NewFromConfig(configuration)
	return states{client.SendTaskSuccess, client.StartExecution}
}

func newTopics(configuration aws.Config) topics {
	client := sns.NewFromConfig(configuration)
	return topics{client.Publish}
}

func (t table) GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return t.getItem(ctx, in, opts...)
}

func (t table) Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return t.query(ctx, in, opts...)
}

func (t table) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return t.batchGetItem(ctx, in, opts...)
}

func (t table) PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return t.putItem(ctx, in, opts...)
}

func (t table) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return t.deleteItem(ctx, in, opts...)
}

func (t table) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return t.transactWriteItems(ctx, in, opts...)
}

func (s states) SendTaskSuccess(ctx context.Context, in *sfn.SendTaskSuccessInput, opts ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	return s.sendTaskSuccess(ctx, in, opts...)
}

func (s states) StartExecution(ctx context.Context, in *sfn.StartExecutionInput, opts ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	return s.startExecution(ctx, in, opts...)
}

func (t topics) Publish(ctx context.Context, in *sns.PublishInput, opts ...func(*sns.Options)) (*sns.PublishOutput, error) {
	return t.publish(ctx, in, opts...)
}
