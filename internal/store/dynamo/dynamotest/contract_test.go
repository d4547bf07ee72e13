package dynamotest_test

import (
	"crypto/rand"
	"testing"

	"stackgate/internal/clock"
	"stackgate/internal/store/dynamo"
	"stackgate/internal/store/dynamo/dynamotest"
	"stackgate/internal/store/storetest"
)

// The store keeps its contract on this table and bucket as it does on a server; what the server does beyond, the contract
// on moto tells.
func TestContract(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Store {
		return dynamo.New(dynamo.Options{
			Table: &dynamotest.Table{}, TableName: "stackgate", Bucket: &dynamotest.Bucket{}, BucketName: "stackgate-documents",
			Clock: clock.System{}, Random: rand.Reader,
		})
	})
}
