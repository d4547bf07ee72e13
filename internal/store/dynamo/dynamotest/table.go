// Package dynamotest is the store's table and bucket in memory, for tests that need no server: it answers the calls and the
// expressions that the store makes and refuses every other. It is no emulator: it neither throttles nor lags.
package dynamotest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"stackgate/internal/store/dynamo"
)

type item = map[string]types.AttributeValue

// Table is a table of dynamo.Schema. It may be used from many goroutines. Its pages are short, so that paging is tried.
type Table struct {
	mu   sync.Mutex
	rows map[string]item
}

var _ dynamo.Table = (*Table)(nil)

const page = 3

func text(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}

func keyOf(i item) string { return text(i[dynamo.PartitionKey]) + "\x00" + text(i[dynamo.SortKey]) }

// GetItem answers consistent reads.
func (t *Table) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !aws.ToBool(in.ConsistentRead) {
		return nil, fmt.Errorf("GetItem may be stale")
	}
	return &dynamodb.GetItemOutput{Item: maps.Clone(t.rows[keyOf(in.Key)])}, nil
}

// BatchGetItem answers all that is asked for, or the first rows of it.
func (t *Table) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]item{}, UnprocessedKeys: map[string]types.KeysAndAttributes{}}
	for name, wanted := range in.RequestItems {
		for i, key := range wanted.Keys {
			if i == page {
				wanted.Keys = wanted.Keys[i:]
				out.UnprocessedKeys[name] = wanted
				break
			}
			if row, found := t.rows[keyOf(key)]; found {
				out.Responses[name] = append(out.Responses[name], maps.Clone(row))
			}
		}
	}
	return out, nil
}

// holds evaluates a condition upon a row that may be nil.
func holds(condition *string, names map[string]string, values item, row item) (bool, error) {
	switch expression := aws.ToString(condition); {
	case expression == "":
		return true, nil
	case strings.HasPrefix(expression, "attribute_not_exists(") && strings.HasSuffix(expression, ")"):
		name := strings.TrimSuffix(strings.TrimPrefix(expression, "attribute_not_exists("), ")")
		_, there := row[names[name]]
		return !there && names[name] != "", nil
	default:
		name, value, found := strings.Cut(expression, " = ")
		if !found || names[name] == "" || values[value] == nil {
			return false, fmt.Errorf("condition %q is not known", expression)
		}
		there, found := row[names[name]]
		return found && text(there) == text(values[value]), nil
	}
}

// PutItem puts a row where its condition holds.
func (t *Table) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	there := t.rows[keyOf(in.Item)]
	ok, err := holds(in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, there)
	if err != nil {
		return nil, err
	}
	if !ok {
		failed := &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")}
		if in.ReturnValuesOnConditionCheckFailure == types.ReturnValuesOnConditionCheckFailureAllOld {
			failed.Item = maps.Clone(there)
		}
		return nil, failed
	}
	t.put(in.Item)
	return &dynamodb.PutItemOutput{}, nil
}

func (t *Table) put(row item) {
	if t.rows == nil {
		t.rows = map[string]item{}
	}
	t.rows[keyOf(row)] = maps.Clone(row)
}

// DeleteItem deletes a row where its condition holds.
func (t *Table) DeleteItem(_ context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ok, err := holds(in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, t.rows[keyOf(in.Key)])
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")}
	}
	delete(t.rows, keyOf(in.Key))
	return &dynamodb.DeleteItemOutput{}, nil
}

// TransactWriteItems puts all rows or none.
func (t *Table) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	reasons, failed := make([]types.CancellationReason, len(in.TransactItems)), false
	for i, part := range in.TransactItems {
		if part.Put == nil {
			return nil, fmt.Errorf("part %d of the transaction is no Put", i)
		}
		ok, err := holds(part.Put.ConditionExpression, part.Put.ExpressionAttributeNames, part.Put.ExpressionAttributeValues, t.rows[keyOf(part.Put.Item)])
		if err != nil {
			return nil, err
		}
		reasons[i].Code = aws.String("None")
		if !ok {
			reasons[i].Code, failed = aws.String("ConditionalCheckFailed"), true
		}
	}
	if failed {
		return nil, &types.TransactionCanceledException{Message: aws.String("Transaction cancelled"), CancellationReasons: reasons}
	}
	for _, part := range in.TransactItems {
		t.put(part.Put.Item)
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// Query answers for a partition of the table or of an index.
func (t *Table) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	partition, sort := dynamo.PartitionKey, dynamo.SortKey
	if in.IndexName != nil {
		at := slices.IndexFunc(dynamo.Indexes(), func(i dynamo.Index) bool { return i.Name == *in.IndexName })
		if at < 0 {
			return nil, fmt.Errorf("there is no index %s", *in.IndexName)
		}
		if aws.ToBool(in.ConsistentRead) {
			return nil, fmt.Errorf("an index cannot be read consistently")
		}
		partition, sort = dynamo.Indexes()[at].PartitionKey, dynamo.Indexes()[at].SortKey
	} else if !aws.ToBool(in.ConsistentRead) {
		return nil, fmt.Errorf("Query may be stale")
	}
	first, rest, _ := strings.Cut(aws.ToString(in.KeyConditionExpression), " AND ")
	name, value, found := strings.Cut(first, " = ")
	prefix := ""
	switch {
	case !found || in.ExpressionAttributeNames[name] != partition:
		return nil, fmt.Errorf("key condition %q is not known", aws.ToString(in.KeyConditionExpression))
	case rest == "begins_with(#sk, :prefix)" && in.ExpressionAttributeNames["#sk"] == sort:
		prefix = text(in.ExpressionAttributeValues[":prefix"])
	case rest != "":
		return nil, fmt.Errorf("key condition %q is not known", *in.KeyConditionExpression)
	}
	wanted := text(in.ExpressionAttributeValues[value])
	var rows []item
	for _, row := range t.rows {
		if p, there := row[partition]; there && text(p) == wanted && row[sort] != nil && strings.HasPrefix(text(row[sort]), prefix) {
			rows = append(rows, projected(row, in.IndexName != nil, partition, sort))
		}
	}
	order := func(i item) string { return text(i[sort]) + "\x00" + keyOf(i) }
	slices.SortFunc(rows, func(a, b item) int { return strings.Compare(order(a), order(b)) })
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		slices.Reverse(rows)
	}
	if len(in.ExclusiveStartKey) > 0 {
		at := slices.IndexFunc(rows, func(i item) bool { return keyOf(i) == keyOf(in.ExclusiveStartKey) })
		rows = rows[at+1:]
	}
	out := &dynamodb.QueryOutput{Items: rows}
	if len(rows) > page {
		out.Items, out.LastEvaluatedKey = rows[:page], projected(rows[page-1], true, partition, sort)
	}
	return out, nil
}

// projected is a row as an index holds it: its keys.
func projected(row item, keysOnly bool, names ...string) item {
	if !keysOnly {
		return maps.Clone(row)
	}
	keys := item{}
	for _, name := range append(names, dynamo.PartitionKey, dynamo.SortKey) {
		keys[name] = row[name]
	}
	return keys
}
