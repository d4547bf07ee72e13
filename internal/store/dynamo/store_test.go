package dynamo_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"stackgate/internal/clock"
	"stackgate/internal/store/dynamo"
	"stackgate/internal/store/storetest"
)

// motoEndpoint returns the address of a running moto_server, or skips the test.
func motoEndpoint(t testing.TB) string {
	t.Helper()
	endpoint := os.Getenv("STACKGATE_MOTO")
	if endpoint == "" {
		t.Skip("STACKGATE_MOTO is not set: run internal/store/dynamo/moto.sh, which starts moto_server (Python) and runs this test against it")
	}
	return strings.TrimSuffix(endpoint, "/")
}

// oneByOne sends one call at a time. DynamoDB checks a condition and writes the row in one step; moto 5.2.5 does so in two
// without a lock, on a server with threads (moto/dynamodb/models/table.py put_item), and under load lost one update in 40
// that DynamoDB would have refused. Goroutines still read and write in any order between each other.
type oneByOne struct{ one sync.Mutex }

// Do implements aws.HTTPClient. The body is read before the next call may begin.
func (c *oneByOne) Do(r *http.Request) (*http.Response, error) {
	c.one.Lock()
	defer c.one.Unlock()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(content))
	return answer, nil
}

var opened atomic.Int64

// open makes a store with a table and a bucket of its own on moto.
func open(t testing.TB) *dynamo.Store {
	t.Helper()
	endpoint := motoEndpoint(t)
	configuration := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient: &oneByOne{},
	}
	table := dynamodb.NewFromConfig(configuration)
	bucket := s3.NewFromConfig(configuration, func(o *s3.Options) { o.UsePathStyle = true })
	name := fmt.Sprintf("stackgate-%d-%d", os.Getpid(), opened.Add(1))
	ctx := t.Context()
	if _, err := table.CreateTable(ctx, dynamo.Schema(name)); err != nil {
		t.Fatalf("make the table: %v", err)
	}
	if _, err := bucket.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
	}); err != nil {
		t.Fatalf("make the bucket: %v", err)
	}
	t.Cleanup(func() {
		if _, err := table.DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Errorf("delete the table: %v", err)
		}
	})
	return dynamo.New(dynamo.Options{
		Table: table, TableName: name, Bucket: bucket, BucketName: name, Clock: clock.System{}, Random: rand.Reader,
	})
}

func TestContract(t *testing.T) {
	motoEndpoint(t)
	storetest.Run(t, func(t testing.TB) storetest.Store { return open(t) })
}
