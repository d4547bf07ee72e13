package calls

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"stackgate/internal/store/dynamo"
	"stackgate/test/iam/policy"
)

type item = map[string]types.AttributeValue

// dynamodb: DynamoDB has no action for transactions, but for their parts, and its keys tell which partitions and attributes a
// request touches (DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control").
func (c Call) dynamodb() ([]policy.Request, error) {
	table := func(name *string) string { return c.arn("dynamodb", "table/"+aws.ToString(name)) }
	request := func(action, resource string, leading []string, attributes []string) policy.Request {
		slices.Sort(attributes)
		context := policy.Context{"dynamodb:LeadingKeys": leading}
		if len(attributes) > 0 {
			context["dynamodb:Attributes"] = slices.Compact(attributes)
		}
		return policy.Request{Action: "dynamodb:" + action, Resource: resource, Context: context}
	}
	switch in := c.Input.(type) {
	case *dynamodb.GetItemInput:
		return []policy.Request{request("GetItem", table(in.TableName), partitions(in.Key), names(in.Key, nil))}, nil
	case *dynamodb.PutItemInput:
		return []policy.Request{request("PutItem", table(in.TableName), partitions(in.Item), names(in.Item, in.ExpressionAttributeNames))}, nil
	case *dynamodb.DeleteItemInput:
		return []policy.Request{request("DeleteItem", table(in.TableName), partitions(in.Key), names(in.Key, in.ExpressionAttributeNames))}, nil
	case *dynamodb.QueryInput:
		resource := table(in.TableName)
		if in.IndexName != nil {
			resource += "/index/" + *in.IndexName
		}
		var leading []string
		for placeholder, value := range in.ExpressionAttributeValues {
			if placeholder != ":prefix" {
				leading = append(leading, stringOf(value))
			}
		}
		return []policy.Request{request("Query", resource, leading, nil)}, nil
	case *dynamodb.BatchGetItemInput:
		var needs []policy.Request
		for name, wanted := range in.RequestItems {
			needs = append(needs, request("BatchGetItem", table(&name), partitions(wanted.Keys...), nil))
		}
		return needs, nil
	case *dynamodb.TransactWriteItemsInput:
		var needs []policy.Request
		for _, part := range in.TransactItems {
			if part.Put == nil {
				return nil, fmt.Errorf("a part of the transaction is no Put")
			}
			need := request("PutItem", table(part.Put.TableName), partitions(part.Put.Item), names(part.Put.Item, part.Put.ExpressionAttributeNames))
			need.Context["dynamodb:EnclosingOperation"] = []string{"TransactWriteItems"}
			needs = append(needs, need)
		}
		return needs, nil
	}
	return nil, fmt.Errorf("it is not known which permission it needs")
}

func stringOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func partitions(items ...item) []string {
	var all []string
	for _, i := range items {
		all = append(all, stringOf(i[dynamo.PartitionKey]))
	}
	return all
}

func names(i item, used map[string]string) []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(i)), maps.Values(used))
}

// s3: a document that is not there is told of only to who may list the bucket; to others access is denied.
func (c Call) s3() ([]policy.Request, error) {
	object := func(bucket, key *string) string {
		return "arn:" + partition + ":s3:::" + aws.ToString(bucket) + "/" + aws.ToString(key)
	}
	switch in := c.Input.(type) {
	case *s3.GetObjectInput:
		return []policy.Request{
			{Action: "s3:GetObject", Resource: object(in.Bucket, in.Key), Context: policy.Context{"s3:TlsVersion": {"1.3"}}},
			{Action: "s3:ListBucket", Resource: "arn:" + partition + ":s3:::" + aws.ToString(in.Bucket), Context: policy.Context{"s3:TlsVersion": {"1.3"}}},
		}, nil
	case *s3.PutObjectInput:
		context := policy.Context{"s3:TlsVersion": {"1.3"}}
		if in.IfNoneMatch != nil {
			context["s3:if-none-match"] = []string{*in.IfNoneMatch}
		}
		return []policy.Request{{Action: "s3:PutObject", Resource: object(in.Bucket, in.Key), Context: context}}, nil
	}
	return nil, fmt.Errorf("it is not known which permission it needs")
}
