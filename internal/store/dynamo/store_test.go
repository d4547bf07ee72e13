package dynamo_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
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

var opened atomic.Int64

// open makes a store with a table and a bucket of its own on moto.
func open(t testing.TB) *dynamo.Store {
	t.Helper()
	endpoint := motoEndpoint(t)
	configuration := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient: http.DefaultClient,
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
