package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The attributes of the table. Body is the row's content as JSON; the others are keys, or what conditions look at.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	// TimeToLive is the attribute by which DynamoDB removes rows: only waiters and claims have it.
	TimeToLive = "expires"
	// DecisionNumber is what a row must have to count as a decision, so that IAM can keep from writing decisions whoever is
	// not the front door: it knows attributes, not sort keys.
	DecisionNumber = "number"
	// RequestMark is what a row must have to count as a request, as DecisionNumber is for decisions. It holds the time.
	RequestMark = "asked"

	bodyAttribute  = "body"
	writeAttribute = "write"
	tokenAttribute = "token"

	requestedAttribute = "requested"
)

// Index is a global secondary index. All hold keys only and have the same sort key, the time of the request.
type Index struct {
	Name         string
	PartitionKey string
	SortKey      string
}

// The indexes over records.
var (
	byTime       = Index{Name: "by-time", PartitionKey: "list", SortKey: requestedAttribute}
	byService    = Index{Name: "by-service", PartitionKey: "service", SortKey: requestedAttribute}
	byUnfinished = Index{Name: "unfinished", PartitionKey: "unfinished", SortKey: requestedAttribute}
	byEnd        = Index{Name: "by-end", PartitionKey: "end", SortKey: requestedAttribute}
)

// Indexes lists every index of the table.
func Indexes() []Index { return []Index{byTime, byService, byUnfinished, byEnd} }

// Schema is the table as the store needs it. Infra makes its table alike, and adds time to live, point-in-time recovery and
// encryption, which are settings of a table that exists.
func Schema(tableName string) *dynamodb.CreateTableInput {
	schema := &dynamodb.CreateTableInput{
		TableName:            aws.String(tableName),
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{text(PartitionKey), text(SortKey), text(requestedAttribute)},
		KeySchema:            keySchema(PartitionKey, SortKey),
	}
	for _, index := range Indexes() {
		schema.AttributeDefinitions = append(schema.AttributeDefinitions, text(index.PartitionKey))
		schema.GlobalSecondaryIndexes = append(schema.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(index.Name), KeySchema: keySchema(index.PartitionKey, index.SortKey),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	return schema
}

func text(name string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS}
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}
