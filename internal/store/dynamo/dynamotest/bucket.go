package dynamotest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/store/dynamo"
)

// Bucket is the bucket of documents. It may be used from many goroutines.
type Bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
}

var _ dynamo.Bucket = (*Bucket)(nil)

// PutObject writes an object where there is none.
func (b *Bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if aws.ToString(in.IfNoneMatch) != "*" {
		return nil, fmt.Errorf("PutObject may write over an object")
	}
	content, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.objects[*in.Key]; there {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold"}
	}
	if b.objects == nil {
		b.objects = map[string][]byte{}
	}
	b.objects[*in.Key] = content
	return &s3.PutObjectOutput{}, nil
}

// GetObject reads an object.
func (b *Bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content, there := b.objects[*in.Key]
	if !there {
		return nil, &types.NoSuchKey{Message: aws.String("The specified key does not exist.")}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(content))}, nil
}
