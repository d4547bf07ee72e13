// Package dynamo keeps the state of deployments in one DynamoDB table and their documents in an S3 bucket, for installed
// functions. It is not a queue or a scheduler, and it makes no table or bucket: infra does, of Schema.
package dynamo

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Reader is DynamoDB as far as rows are read.
type Reader interface {
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
}

// Writer is DynamoDB as far as rows are written.
type Writer interface {
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Table is DynamoDB as the store uses it. *dynamodb.Client is one.
type Table interface {
	Reader
	Writer
}

// Bucket is S3 as the store uses it. *s3.Client is one.
type Bucket interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

var (
	_ Table  = (*dynamodb.Client)(nil)
	_ Bucket = (*s3.Client)(nil)
)

// Clock waits between the tries of a contended write.
type Clock interface {
	Sleep(ctx context.Context, d time.Duration) error
}

// Options are what a store is made of; all are needed.
type Options struct {
	Table     Table
	TableName string

	Bucket     Bucket
	BucketName string

	Clock Clock
	// Random gives the ids of writes and the jitter between tries; crypto/rand.Reader in production.
	Random io.Reader
}

// Store is safe for concurrent use where its clients are.
type Store struct {
	options Options

	randomMutex sync.Mutex
}

// New makes a store. It calls nothing.
func New(options Options) *Store { return &Store{options: options} }

// tries bounds how often a write is tried that others get ahead of. At half a second each at the end, a store that is
// still beaten then is beaten by more than the few processes that ever meet on one row.
const (
	tries     = 40
	maxJitter = 500 * time.Millisecond
)

// random returns 16 random bytes.
func (s *Store) random() ([]byte, error) {
	raw := make([]byte, 16)
	s.randomMutex.Lock()
	defer s.randomMutex.Unlock()
	if _, err := io.ReadFull(s.options.Random, raw); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return raw, nil
}

// writeID returns what tells one write from every other.
func (s *Store) writeID() (string, error) {
	raw, err := s.random()
	return hex.EncodeToString(raw), err
}

// pause waits a random while, the longer the more tries there were ("full jitter"), so that writers who meet once do not
// meet again.
func (s *Store) pause(ctx context.Context, attempt int) error {
	raw, err := s.random()
	if err != nil {
		return err
	}
	limit := min(10*time.Millisecond<<min(attempt, 6), maxJitter)
	return s.options.Clock.Sleep(ctx, limit*time.Duration(raw[0])/255)
}
