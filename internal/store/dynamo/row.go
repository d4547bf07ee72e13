package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"stackgate/internal/store"
)

type item = map[string]types.AttributeValue

type key struct{ partition, sort string }

func (k key) item() item {
	return item{PartitionKey: stringValue(k.partition), SortKey: stringValue(k.sort)}
}

func stringValue(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

// stringOf returns a string attribute, empty where the item has none.
func stringOf(i item, name string) string {
	if value, ok := i[name].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}

// row is one row of the table. Write names the write that made it so; it is empty where there is no row.
type row struct {
	key
	body  string
	write string
	// more are the attributes that indexes and conditions look at.
	more item
}

func newRow(k key, value any) (row, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return row{}, fmt.Errorf("write it as JSON: %w", err)
	}
	return row{key: k, body: string(text), more: item{}}, nil
}

func rowOf(i item) row {
	return row{
		key:  key{partition: stringOf(i, PartitionKey), sort: stringOf(i, SortKey)},
		body: stringOf(i, bodyAttribute), write: stringOf(i, writeAttribute), more: i,
	}
}

func (r row) found() bool { return r.write != "" }

func (r row) item() item {
	all := r.key.item()
	all[bodyAttribute], all[writeAttribute] = stringValue(r.body), stringValue(r.write)
	for name, value := range r.more {
		all[name] = value
	}
	return all
}

// decode does not pass on what JSON says of a body, which may quote it.
func decode[T any](r row) (value T, err error) {
	if !r.found() {
		return value, store.ErrNotFound
	}
	if err := json.Unmarshal([]byte(r.body), &value); err != nil {
		return value, fmt.Errorf("its text is not what this version writes: %w", store.ErrDamaged)
	}
	return value, nil
}

// get reads a row as the last write left it. The row returned keeps the key where there is none.
func (s *Store) get(ctx context.Context, k key) (row, error) {
	if err := ctx.Err(); err != nil {
		return row{}, err
	}
	out, err := s.options.Table.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.options.TableName), Key: k.item(), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return row{}, s.explain(err)
	}
	if len(out.Item) == 0 {
		return row{key: k}, nil
	}
	return rowOf(out.Item), nil
}

// query reads every row of a partition whose sort key begins with prefix, as the last write left it.
func (s *Store) query(ctx context.Context, partition, prefix string) ([]row, error) {
	in := &dynamodb.QueryInput{
		TableName: aws.String(s.options.TableName), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#pk = :pk"),
		ExpressionAttributeNames:  map[string]string{"#pk": PartitionKey},
		ExpressionAttributeValues: item{":pk": stringValue(partition)},
	}
	if prefix != "" {
		in.KeyConditionExpression = aws.String("#pk = :pk AND begins_with(#sk, :prefix)")
		in.ExpressionAttributeNames["#sk"] = SortKey
		in.ExpressionAttributeValues[":prefix"] = stringValue(prefix)
	}
	var rows []row
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		page, err := s.options.Table.Query(ctx, in)
		if err != nil {
			return nil, s.explain(err)
		}
		for _, i := range page.Items {
			rows = append(rows, rowOf(i))
		}
		if len(page.LastEvaluatedKey) == 0 {
			return rows, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// replace puts next in the place of the row that was seen, or where none was seen, if that is still so. Where it is not,
// won is false, and there is the row in its place as far as DynamoDB told.
//
// A write whose answer was lost is sent again by the SDK and then finds itself: that is why each has an id of its own.
func (s *Store) replace(ctx context.Context, seen, next row) (won bool, there row, err error) {
	if err := ctx.Err(); err != nil {
		return false, row{}, err
	}
	if next.write, err = s.writeID(); err != nil {
		return false, row{}, err
	}
	in := &dynamodb.PutItemInput{
		TableName: aws.String(s.options.TableName), Item: next.item(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	c := unchanged(seen)
	in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues = &c.expression, c.names, c.values
	_, err = s.options.Table.PutItem(ctx, in)
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		there = rowOf(failed.Item)
		return there.write == next.write, there, nil
	}
	if isContention(err) {
		return false, row{}, nil
	}
	return err == nil, row{}, s.explain(err)
}

type condition struct {
	expression string
	names      map[string]string
	values     item
}

// unchanged is the condition that the row is still the one seen. It compares ids of writes rather than counters, because
// a row that was removed and made again counts from the beginning.
func unchanged(seen row) condition {
	if !seen.found() {
		return condition{expression: "attribute_not_exists(#pk)", names: map[string]string{"#pk": PartitionKey}}
	}
	return condition{
		expression: "#write = :seen",
		names:      map[string]string{"#write": writeAttribute},
		values:     item{":seen": stringValue(seen.write)},
	}
}

// contended tries until try is done, with a pause where another write got ahead of it.
func (s *Store) contended(ctx context.Context, try func() (done bool, err error)) error {
	for attempt := range tries {
		if done, err := try(); done || err != nil {
			return err
		}
		if err := s.pause(ctx, attempt); err != nil {
			return err
		}
	}
	return store.ErrConflict
}
