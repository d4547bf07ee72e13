package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/internal/store/dynamo"
)

// newTable makes the table of the store's own schema, and adds what is a setting of a table that exists.
func (h *hub) newTable() awsdynamodb.Table {
	schema := dynamo.Schema(installation.TableName)
	partition, sort := keys(schema.KeySchema)
	encryption := awsdynamodb.TableEncryption_AWS_MANAGED
	if h.key != nil {
		encryption = awsdynamodb.TableEncryption_CUSTOMER_MANAGED
	}
	table := awsdynamodb.NewTable(h.stack, jsii.String("Table"), &awsdynamodb.TableProps{
		TableName:           schema.TableName,
		PartitionKey:        partition,
		SortKey:             sort,
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:          encryption,
		EncryptionKey:       h.key,
		TimeToLiveAttribute: jsii.String(dynamo.TimeToLive),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
		},
		DeletionProtection: jsii.Bool(true),
		ResourcePolicy:     h.onlyFunctionsWrite(),
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN,
	})
	for _, index := range schema.GlobalSecondaryIndexes {
		partition, sort := keys(index.KeySchema)
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: index.IndexName, PartitionKey: partition, SortKey: sort,
			ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		})
	}
	return table
}

// onlyFunctionsWrite keeps everybody else in the account from writing a decision by hand, administrators included: who must,
// changes the policy first, which is announced. Removal by time to live is DynamoDB's own and asks no policy.
func (h *hub) onlyFunctionsWrite() awsiam.PolicyDocument {
	var roles []string
	for _, f := range installation.AllFunctions() {
		roles = append(roles, h.Settings.FunctionRoleARN(f))
	}
	// The table cannot name itself in its own policy, where * is all that it could mean.
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{deny("OnlyFunctionsWrite", []string{
		"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
		"dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete",
	}, "*", map[string]any{"ArnNotEquals": map[string]any{"aws:PrincipalArn": roles}})}})
}

func keys(schema []types.KeySchemaElement) (partition, sort *awsdynamodb.Attribute) {
	for _, element := range schema {
		attribute := &awsdynamodb.Attribute{Name: aws.String(*element.AttributeName), Type: awsdynamodb.AttributeType_STRING}
		if element.KeyType == types.KeyTypeHash {
			partition = attribute
		} else {
			sort = attribute
		}
	}
	return partition, sort
}
