package dynamo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"stackgate/internal/approval"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
)

const id = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// counting gives every write another id.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	c.n++
	for i := range p {
		p[i] = c.n
	}
	return len(p), nil
}

// table is DynamoDB with one row of each key, in which calls can be made to fail. What it does not know it refuses.
type table struct {
	dynamo.Table
	rows map[string]map[string]types.AttributeValue
	// before runs before a row is put; its error is the answer.
	before func(in *dynamodb.PutItemInput) error
	// partly is how many answers to BatchGetItem leave everything out; less than zero means all.
	partly int
	batches,
	transactions int
	transact error
}

func keyOf(item map[string]types.AttributeValue) string {
	return item["pk"].(*types.AttributeValueMemberS).Value + "|" + item["sk"].(*types.AttributeValueMemberS).Value
}

func (t *table) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if !aws.ToBool(in.ConsistentRead) {
		return nil, errors.New("a read that may be stale")
	}
	return &dynamodb.GetItemOutput{Item: t.rows[keyOf(in.Key)]}, nil
}

func (t *table) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if t.before != nil {
		if err := t.before(in); err != nil {
			return nil, err
		}
	}
	there, found := t.rows[keyOf(in.Item)]
	holds := !found
	if seen, ok := in.ExpressionAttributeValues[":seen"].(*types.AttributeValueMemberS); ok {
		holds = found && there["write"].(*types.AttributeValueMemberS).Value == seen.Value
	}
	if !holds {
		return nil, &types.ConditionalCheckFailedException{Item: there}
	}
	t.rows[keyOf(in.Item)] = in.Item
	return &dynamodb.PutItemOutput{}, nil
}

func (t *table) Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	out := &dynamodb.QueryOutput{}
	for _, row := range t.rows {
		out.Items = append(out.Items, map[string]types.AttributeValue{"pk": row["pk"], "sk": row["sk"]})
	}
	return out, nil
}

func (t *table) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	t.batches++
	if t.partly != 0 {
		t.partly--
		return &dynamodb.BatchGetItemOutput{UnprocessedKeys: in.RequestItems}, nil
	}
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{}}
	for name, wanted := range in.RequestItems {
		for _, key := range wanted.Keys {
			out.Responses[name] = append(out.Responses[name], t.rows[keyOf(key)])
		}
	}
	return out, nil
}

func (t *table) TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	t.transactions++
	return &dynamodb.TransactWriteItemsOutput{}, t.transact
}

// with runs a test on a table that holds one record awaiting decisions, in a bubble in which pauses take no time.
func with(t *testing.T, run func(t *testing.T, s *dynamo.Store, rows *table)) {
	synctest.Test(t, func(t *testing.T) {
		rows := &table{rows: map[string]map[string]types.AttributeValue{}}
		s := dynamo.New(dynamo.Options{Table: rows, TableName: "stackgate", Clock: clock.System{}, Random: &counting{}})
		r := store.Record{ID: id, Stage: deployment.StageAwaiting}
		r.ChangeSet.ARN, r.Review.Digest = "arn", "digest"
		if err := s.CreateRecord(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		run(t, s, rows)
	})
}

// loseFirstAnswer keeps the first row put, and then answers as to the copy of it that the SDK sends again.
func (t *table) loseFirstAnswer() {
	lost := false
	t.before = func(in *dynamodb.PutItemInput) error {
		if !lost {
			lost = true
			t.rows[keyOf(in.Item)] = in.Item
		}
		return nil
	}
}

func TestAWriteWhoseAnswerWasLostFindsItself(t *testing.T) {
	for name, row := range map[string]struct {
		write func(ctx context.Context, s *dynamo.Store) error
		check func(ctx context.Context, s *dynamo.Store) bool
	}{
		"update": {
			func(ctx context.Context, s *dynamo.Store) error {
				_, err := s.UpdateRecord(ctx, id, func(r *store.Record) error { r.Transitions++; return nil })
				return err
			},
			func(ctx context.Context, s *dynamo.Store) bool {
				r, err := s.Record(ctx, id)
				return err == nil && r.Transitions == 1 && r.Version == 1
			},
		},
		"creation": {
			func(ctx context.Context, s *dynamo.Store) error {
				return s.CreateRecord(ctx, store.Record{ID: id + "a"})
			},
			func(ctx context.Context, s *dynamo.Store) bool {
				_, err := s.Record(ctx, id+"a")
				return err == nil
			},
		},
		"ticket": {
			func(ctx context.Context, s *dynamo.Store) error {
				_, err := s.Enqueue(ctx, "stack", store.Ticket{DeploymentID: id})
				return err
			},
			func(ctx context.Context, s *dynamo.Store) bool {
				queue, err := s.Queue(ctx, "stack")
				return err == nil && len(queue) == 1
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, s *dynamo.Store, rows *table) {
				rows.loseFirstAnswer()
				if err := row.write(t.Context(), s); err != nil || !row.check(t.Context(), s) {
					t.Errorf("error %v; it must succeed, and once", err)
				}
			})
		})
	}
}

func TestAnUpdateThatIsAlwaysBeatenGivesUp(t *testing.T) {
	with(t, func(t *testing.T, s *dynamo.Store, rows *table) {
		tried := 0
		rows.before = func(*dynamodb.PutItemInput) error {
			tried++
			return &smithy.GenericAPIError{Code: "TransactionConflictException"}
		}
		_, err := s.UpdateRecord(t.Context(), id, func(*store.Record) error { return nil })
		if !errors.Is(err, store.ErrConflict) || tried < 10 {
			t.Errorf("error %v after %d tries, want a conflict after many", err, tried)
		}
	})
}

func TestErrorsOfAWSSayWhatToDo(t *testing.T) {
	for name, row := range map[string]struct {
		err   error
		fault deployment.Fault
		says  string
	}{
		"throttled": {&types.ProvisionedThroughputExceededException{}, deployment.Throttled, "throttled"},
		"no table":  {&types.ResourceNotFoundException{}, deployment.InternalError, "no table stackgate"},
		"too large": {&smithy.GenericAPIError{Code: "ValidationException", Message: "Item size has exceeded the maximum allowed size"},
			deployment.InternalError, "400 KB"},
		"denied":  {&smithy.GenericAPIError{Code: "AccessDeniedException"}, deployment.InternalError, "may not use the store"},
		"another": {errors.New("the wire is cut"), deployment.InternalError, "the wire is cut"},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, s *dynamo.Store, rows *table) {
				rows.before = func(*dynamodb.PutItemInput) error { return row.err }
				_, err := s.UpdateRecord(t.Context(), id, func(*store.Record) error { return nil })
				if !errors.Is(err, row.err) || deployment.FaultOf(err) != row.fault || !strings.Contains(err.Error(), row.says) {
					t.Errorf("fault %s, error %v; want %s that says %q", deployment.FaultOf(err), err, row.fault, row.says)
				}
			})
		})
	}
}

func TestACancelledTransactionIsTriedAgainOnlyWhereItWasBeaten(t *testing.T) {
	cancelled := func(codes ...string) error {
		e := &types.TransactionCanceledException{}
		for _, code := range codes {
			e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: aws.String(code)})
		}
		return e
	}
	for name, row := range map[string]struct {
		err   error
		again bool
		is    func(error) bool
	}{
		"beaten":        {cancelled("None", "ConditionalCheckFailed"), true, isConflict},
		"in the way":    {cancelled("TransactionConflict", "None"), true, isConflict},
		"throttled":     {cancelled("ConditionalCheckFailed", "ThrottlingError"), false, isThrottled},
		"not permitted": {cancelled("ValidationError", "None"), false, func(err error) bool { return !isConflict(err) && !isThrottled(err) }},
		"no reason":     {cancelled(), false, func(err error) bool { return err != nil && !isConflict(err) }},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, s *dynamo.Store, rows *table) {
				rows.transact = row.err
				_, created, err := s.AddDecision(t.Context(), id, approval.Decision{By: "ana", ChangeSetID: "arn", Digest: "digest"})
				if created || !row.is(err) || (rows.transactions > 1) != row.again {
					t.Errorf("created %v, error %v, after %d transactions", created, err, rows.transactions)
				}
			})
		})
	}
}

func isConflict(err error) bool  { return errors.Is(err, store.ErrConflict) }
func isThrottled(err error) bool { return deployment.FaultOf(err) == deployment.Throttled }

func TestRecordsAsksAgainForWhatWasLeftOut(t *testing.T) {
	with(t, func(t *testing.T, s *dynamo.Store, rows *table) {
		rows.partly = 2
		records, err := s.Records(t.Context(), store.Filter{})
		if err != nil || len(records) != 1 || rows.batches != 3 {
			t.Errorf("%d records after %d batches, error %v; want 1 after 3", len(records), rows.batches, err)
		}
		rows.partly = -1
		if records, err := s.Records(t.Context(), store.Filter{}); !isThrottled(err) {
			t.Errorf("%d records, error %v; want throttled rather than a list with gaps", len(records), err)
		}
	})
}

// TestRecordsTrustsTheTableAndNotTheIndex: an index that lags still lists as unfinished what is finished.
func TestRecordsTrustsTheTableAndNotTheIndex(t *testing.T) {
	with(t, func(t *testing.T, s *dynamo.Store, _ *table) {
		if _, err := s.UpdateRecord(t.Context(), id, func(r *store.Record) error {
			r.Stage = deployment.StageFinished
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if records, err := s.Records(t.Context(), store.Filter{Unfinished: true}); err != nil || len(records) != 0 {
			t.Errorf("%d records, error %v; want none", len(records), err)
		}
	})
}

// TestOnlyWaitersVanish: what a deployment was and who decided is never given a time to live.
func TestOnlyWaitersVanish(t *testing.T) {
	with(t, func(t *testing.T, s *dynamo.Store, rows *table) {
		ctx := t.Context()
		_, queue := s.Enqueue(ctx, "stack", store.Ticket{DeploymentID: id})
		if err := errors.Join(queue, s.PutRequest(ctx, store.Request{DeploymentID: id}), s.PutWaiter(ctx, store.Waiter{
			DeploymentID: id, Purpose: store.AwaitLock, Token: "t", Since: clock.System{}.Now(),
		})); err != nil {
			t.Fatal(err)
		}
		for key, row := range rows.rows {
			if _, vanishes := row[dynamo.TimeToLive]; vanishes != strings.HasPrefix(key, "waiters#") {
				t.Errorf("%s vanishes: %v", key, vanishes)
			}
		}
	})
}

// bucket is S3 with one object, whose errors are given.
type bucket struct {
	content    []byte
	puts       []error
	conditions []string
	get        error
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	b.conditions = append(b.conditions, aws.ToString(in.IfNoneMatch))
	err := b.puts[0]
	b.puts = b.puts[1:]
	return &s3.PutObjectOutput{}, err
}

func (b *bucket) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(b.content))}, b.get
}

func TestDocuments(t *testing.T) {
	code := func(code string) error { return &smithy.GenericAPIError{Code: code} }
	key, err := store.DocumentKey("review", []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for name, row := range map[string]struct {
			bucket bucket
			put    bool
			is     error
			says   string
		}{
			"there already":     {bucket{puts: []error{code("PreconditionFailed")}}, true, nil, ""},
			"another puts it":   {bucket{puts: []error{code("ConditionalRequestConflict"), code("PreconditionFailed")}}, true, nil, ""},
			"no bucket":         {bucket{puts: []error{code("NoSuchBucket")}}, true, code("NoSuchBucket"), "no bucket documents"},
			"damaged":           {bucket{content: []byte("contend")}, false, store.ErrDamaged, key},
			"not there":         {bucket{get: code("NoSuchKey")}, false, store.ErrNotFound, key},
			"not to be read":    {bucket{get: code("AccessDenied")}, false, code("AccessDenied"), "may not use the store"},
			"throttled reading": {bucket{get: code("SlowDown")}, false, code("SlowDown"), "throttled"},
		} {
			s := dynamo.New(dynamo.Options{Bucket: &row.bucket, BucketName: "documents", Clock: clock.System{}, Random: zeros{}})
			var err error
			if row.put {
				_, err = s.PutDocument(t.Context(), "review", []byte("content"))
			} else {
				_, err = s.Document(t.Context(), key)
			}
			if (err == nil) != (row.is == nil) || (err != nil && !strings.Contains(err.Error(), row.says)) {
				t.Errorf("%s: error %v, want %v that says %q", name, err, row.is, row.says)
			}
			if sentinel := row.is == store.ErrDamaged || row.is == store.ErrNotFound; sentinel && !errors.Is(err, row.is) {
				t.Errorf("%s: error %v, want %v", name, err, row.is)
			}
			for _, condition := range row.bucket.conditions {
				if condition != "*" {
					t.Errorf("%s: a document was put over another", name)
				}
			}
		}
	})
}

// Whoever may write rows but no numbers, as every function but the front door, approves nothing.
func TestARowWithoutANumberIsNoDecision(t *testing.T) {
	with(t, func(t *testing.T, s *dynamo.Store, rows *table) {
		clear(rows.rows)
		rows.rows["forged"] = map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "deployment#" + string(id)}, "sk": &types.AttributeValueMemberS{Value: "decision#forged"},
		}
		if decisions, err := s.Decisions(t.Context(), id); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("a row that no front door wrote is read as %v, %v", decisions, err)
		}
	})
}

// Whoever may write rows but no marks, as every function but the front door, asks for nothing.
func TestARowWithoutAMarkIsNoRequest(t *testing.T) {
	with(t, func(t *testing.T, s *dynamo.Store, rows *table) {
		request := store.Request{DeploymentID: "orders-prod-20261122T140203Z-7q4k2mxb", Service: "orders"}
		if err := s.PutRequest(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows.rows {
			delete(row, dynamo.RequestMark)
		}
		if forged, err := s.Request(t.Context(), request.DeploymentID); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("a row that no front door wrote is read as %+v, %v", forged, err)
		}
	})
}
