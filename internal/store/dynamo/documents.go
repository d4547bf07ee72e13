package dynamo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"stackgate/internal/store"
)

// DocumentPrefix is what the keys of documents begin with in the bucket.
const DocumentPrefix = "documents/"

// documentKeyPattern is what store.DocumentKey makes. Other keys are not asked for: they would be other objects.
var documentKeyPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}/[0-9a-f]{64}$`)

// PutDocument keeps content under the key that store.DocumentKey gives it, and returns the key. Putting it again changes
// nothing: an object is only ever made, on condition that there is none, so that a bucket policy can forbid everything else.
func (s *Store) PutDocument(ctx context.Context, kind string, content []byte) (string, error) {
	documentKey, err := store.DocumentKey(kind, content)
	if err != nil {
		return "", fmt.Errorf("put document: %w", err)
	}
	if err := s.contended(ctx, func() (bool, error) { return s.putObject(ctx, DocumentPrefix+documentKey, content) }); err != nil {
		return "", fmt.Errorf("put document %s: %w", documentKey, err)
	}
	return documentKey, nil
}

func (s *Store) putObject(ctx context.Context, objectKey string, content []byte) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	sum := sha256.Sum256(content)
	_, err = s.options.Bucket.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(s.options.BucketName), Key: aws.String(objectKey), Body: bytes.NewReader(content),
		ContentType: aws.String("application/octet-stream"), IfNoneMatch: aws.String("*"),
		// S3 refuses what does not arrive as it was sent.
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	})
	switch {
	case codeOf(err) == "PreconditionFailed":
		return true, nil
	case isContention(err):
		return false, nil
	}
	return err == nil, s.explain(err)
}

// Document returns the content under a key after checking that it is what was put there (store.ErrDamaged where not).
func (s *Store) Document(ctx context.Context, documentKey string) ([]byte, error) {
	content, err := s.document(ctx, documentKey)
	if err != nil {
		return nil, fmt.Errorf("read document %s: %w", documentKey, err)
	}
	return content, nil
}

func (s *Store) document(ctx context.Context, documentKey string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !documentKeyPattern.MatchString(documentKey) {
		return nil, store.ErrNotFound
	}
	out, err := s.options.Bucket.GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(s.options.BucketName), Key: aws.String(DocumentPrefix + documentKey),
	})
	if codeOf(err) == "NoSuchKey" {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, s.explain(err)
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, s.explain(err)
	}
	return content, store.CheckDocument(documentKey, content)
}
