package installed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// Objects puts and gets objects of S3. The two calls are made by hand, signed by the SDK: the front door renders pages by
// html/template, which keeps the linker from leaving out any of the hundred operations of the SDK's client, and they have
// five megabytes, a fourth of the program.
type Objects struct {
	Configuration aws.Config
	// Client is http.DefaultClient where it is nil.
	Client *http.Client
	Clock  ObjectClock
}

// ObjectClock tells the time of signatures, and waits between tries.
type ObjectClock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

const (
	objectTries = 5
	objectPause = 100 * time.Millisecond
	// maxObjectError is far beyond the error documents of S3.
	maxObjectError = 64 << 10
)

// PutObject puts an object (API PutObject). Of the input it sends bucket, key, body, content type, condition and checksum, and
// refuses an input without a body.
func (o Objects) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if in.Body == nil {
		return nil, errors.New("an object needs a body")
	}
	content, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, fmt.Errorf("read the object: %w", err)
	}
	header := http.Header{}
	for name, value := range map[string]*string{
		"Content-Type": in.ContentType, "If-None-Match": in.IfNoneMatch, "X-Amz-Checksum-Sha256": in.ChecksumSHA256,
	} {
		if value != nil {
			header.Set(name, *value)
		}
	}
	answer, err := o.call(ctx, http.MethodPut, in.Bucket, in.Key, header, content)
	if err != nil {
		return nil, err
	}
	return &s3.PutObjectOutput{}, answer.Body.Close()
}

// GetObject gets an object (API GetObject). The caller closes its body.
func (o Objects) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	answer, err := o.call(ctx, http.MethodGet, in.Bucket, in.Key, http.Header{}, nil)
	if err != nil {
		return nil, err
	}
	return &s3.GetObjectOutput{Body: answer.Body}, nil
}

// call makes a call, again where S3 is busy or the line breaks: both calls may be repeated.
func (o Objects) call(ctx context.Context, method string, bucket, key *string, header http.Header, content []byte) (*http.Response, error) {
	address, err := o.address(ctx, aws.ToString(bucket), aws.ToString(key))
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		answer, again, err := o.once(ctx, method, address, header, content)
		if err == nil {
			return answer, nil
		}
		if !again || try == objectTries || ctx.Err() != nil {
			return nil, &smithy.OperationError{ServiceID: "S3", OperationName: method + " " + aws.ToString(key), Err: err}
		}
		if waiting := o.Clock.Sleep(ctx, objectPause<<(try-1)); waiting != nil {
			return nil, waiting
		}
	}
}

// address is that of an object: in the host's name as S3 wants it, or in the path where another endpoint is configured.
func (o Objects) address(ctx context.Context, bucket, key string) (string, error) {
	if bucket == "" || key == "" || strings.ContainsAny(bucket+key, "?#% ") {
		return "", fmt.Errorf("object %q of bucket %q cannot be addressed", key, bucket)
	}
	other, err := endpointOf(ctx, o.Configuration, "S3")
	if err != nil {
		return "", err
	}
	if other != "" {
		return strings.TrimSuffix(other, "/") + "/" + bucket + "/" + key, nil
	}
	return "https://" + bucket + ".s3." + o.Configuration.Region + "." + domainOf(o.Configuration.Region) + "/" + key, nil
}

func (o Objects) once(ctx context.Context, method, address string, header http.Header, content []byte) (answer *http.Response, again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(content))
	if err != nil {
		return nil, false, err
	}
	request.Header = header.Clone()
	credentials, err := o.Configuration.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("find the credentials: %w", err)
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	// S3 wants the hash in a header too, and paths as they are.
	request.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hash, "s3", o.Configuration.Region, o.Clock.Now(), func(s *v4.SignerOptions) {
		s.DisableURIPathEscaping = true
	}); err != nil {
		return nil, false, fmt.Errorf("sign the call: %w", err)
	}
	client := o.Client
	if client == nil {
		client = http.DefaultClient
	}
	if answer, err = client.Do(request); err != nil {
		return nil, true, err
	}
	if answer.StatusCode < 300 {
		return answer, false, nil
	}
	defer answer.Body.Close()
	failure := objectError(answer)
	return nil, answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests, failure
}

// objectError gives S3's error its code, by which the store tells errors apart.
func objectError(answer *http.Response) error {
	var said struct {
		Code    string
		Message string
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxObjectError))
	if err == nil {
		err = xml.Unmarshal(content, &said)
	}
	if err != nil || said.Code == "" {
		said.Code, said.Message = http.StatusText(answer.StatusCode), answer.Status
	}
	return &smithy.GenericAPIError{Code: said.Code, Message: said.Message}
}
