package dynamo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

const (
	defaultLimit = 50
	// everyRecord is the one partition of the indexes that hold every record, or every unfinished one. A partition takes
	// 1,000 writes a second; a deployment writes to these indexes twice.
	everyRecord = "records"
	// batch is how many rows BatchGetItem returns at most.
	batch = 100
	// endLength is how much of an id's end the index by-end looks at: the least that deployment.CheckSuffix takes.
	endLength = 4
)

// sortable writes a time so that text order is time order.
func sortable(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

func endOf(id string) (string, bool) {
	if len(id) < endLength {
		return "", false
	}
	return id[len(id)-endLength:], true
}

// indexFor chooses the index in which the fewest rows have to be looked at.
func indexFor(filter store.Filter) (index Index, partition string) {
	if end, ok := endOf(filter.IDSuffix); ok {
		return byEnd, end
	}
	switch {
	case filter.Unfinished, filter.Open:
		return byUnfinished, everyRecord
	case filter.Service != "":
		return byService, filter.Service
	}
	return byTime, everyRecord
}

// Records returns the records that the filter chooses, newest first: by the time of the request, then by id. Indexes lag
// behind by about a second, so that a record of that age may be missing; what is returned is never out of date.
func (s *Store) Records(ctx context.Context, filter store.Filter) ([]store.Record, error) {
	records, err := s.records(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	return records, nil
}

func (s *Store) records(ctx context.Context, filter store.Filter) ([]store.Record, error) {
	limit := filter.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	index, partition := indexFor(filter)
	in := &dynamodb.QueryInput{
		TableName: aws.String(s.options.TableName), IndexName: aws.String(index.Name),
		ScanIndexForward: aws.Bool(false), Limit: aws.Int32(batch),
		KeyConditionExpression:    aws.String("#partition = :partition"),
		ExpressionAttributeNames:  map[string]string{"#partition": index.PartitionKey},
		ExpressionAttributeValues: item{":partition": stringValue(partition)},
	}
	chosen := []store.Record{}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		page, err := s.options.Table.Query(ctx, in)
		if err != nil {
			return nil, s.explain(err)
		}
		records, err := s.recordsAt(ctx, page.Items, filter.IDSuffix)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			if chooses(filter, record) {
				chosen = append(chosen, record)
			}
			if len(chosen) == limit {
				return chosen, nil
			}
		}
		if len(page.LastEvaluatedKey) == 0 {
			return chosen, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// chooses is asked of the record itself and not of the index, which may not know of its last change.
func chooses(filter store.Filter, record store.Record) bool {
	return (filter.Service == "" || record.Service == filter.Service) &&
		(filter.Environment == "" || record.Environment == filter.Environment) &&
		(!filter.Unfinished || record.Stage != deployment.StageFinished) &&
		(!filter.Open || record.Open()) &&
		strings.HasSuffix(string(record.ID), filter.IDSuffix)
}

// recordsAt reads the records that the entries of an index stand for, in their order.
func (s *Store) recordsAt(ctx context.Context, entries []item, suffix string) ([]store.Record, error) {
	var keys []item
	for _, entry := range entries {
		if k := rowOf(entry).key; strings.HasSuffix(k.partition, suffix) {
			keys = append(keys, k.item())
		}
	}
	rows, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	records := make([]store.Record, 0, len(keys))
	for _, k := range keys {
		r, ok := rows[rowOf(k).key]
		if !ok {
			continue
		}
		record, err := decode[store.Record](r)
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", strings.TrimPrefix(r.partition, "deployment#"), err)
		}
		records = append(records, record)
	}
	return records, nil
}

// getAll reads at most batch rows as their last writes left them.
func (s *Store) getAll(ctx context.Context, keys []item) (map[key]row, error) {
	rows := make(map[key]row, len(keys))
	if len(keys) == 0 {
		return rows, nil
	}
	wanted := map[string]types.KeysAndAttributes{s.options.TableName: {Keys: keys, ConsistentRead: aws.Bool(true)}}
	for attempt := range tries {
		out, err := s.options.Table.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: wanted})
		if err != nil {
			return nil, s.explain(err)
		}
		for _, i := range out.Responses[s.options.TableName] {
			r := rowOf(i)
			rows[r.key] = r
		}
		// Beyond 16 MB or its throughput DynamoDB answers in part, and that is no error to the SDK.
		if wanted = out.UnprocessedKeys; len(wanted) == 0 {
			return rows, nil
		}
		if err := s.pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
	return nil, deployment.Faultf(deployment.Throttled, "the store is throttled: %d of %d rows were not read", len(keys)-len(rows), len(keys))
}
