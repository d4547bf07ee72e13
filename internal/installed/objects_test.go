package installed_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"stackgate/internal/installed"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
)

// shelf answers as S3 does to the two calls, and fails as it is told first.
type shelf struct {
	t        *testing.T
	mu       sync.Mutex
	objects  map[string][]byte
	failures []int
	calls    int
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	fail := func(status int, code string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>`+code+`</Code><Message>so it is</Message></Error>`)
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	sum := sha256.Sum256(content)
	if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/s3/aws4_request") || r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]) {
		s.t.Errorf("signed as %v", r.Header)
	}
	if len(s.failures) > 0 {
		status := s.failures[0]
		s.failures = s.failures[1:]
		fail(status, map[int]string{503: "SlowDown", 500: "InternalError", 409: "ConditionalRequestConflict", 403: "AccessDenied"}[status])
		return
	}
	kept, found := s.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(sum[:]):
		fail(400, "BadDigest")
	case r.Method == http.MethodPut && found && r.Header.Get("If-None-Match") == "*":
		fail(412, "PreconditionFailed")
	case r.Method == http.MethodPut:
		s.objects[r.URL.Path] = content
	case !found:
		fail(404, "NoSuchKey")
	default:
		_, _ = w.Write(kept)
	}
}

type patience struct{ waited time.Duration }

func (*patience) Now() time.Time { return time.Now() }
func (p *patience) Sleep(ctx context.Context, d time.Duration) error {
	p.waited += d
	return ctx.Err()
}

func shelved(t *testing.T, failures ...int) (installed.Objects, *shelf, *patience) {
	t.Helper()
	s, p := &shelf{t: t, objects: map[string][]byte{}, failures: failures}, &patience{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return installed.Objects{Clock: p, Configuration: aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "token"),
	}}, s, p
}

func TestObjectsKeepDocuments(t *testing.T) {
	objects, s, p := shelved(t)
	kept := dynamo.New(dynamo.Options{Bucket: objects, BucketName: "documents", Clock: p})
	for _, content := range []string{"a template", "", strings.Repeat("large ", 200_000)} {
		for range 2 {
			name, err := kept.PutDocument(t.Context(), "template", []byte(content))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := kept.Document(t.Context(), name); err != nil || string(got) != content {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
	}
	if len(s.objects) != 3 {
		t.Errorf("%d objects", len(s.objects))
	}
	for path := range s.objects {
		if !strings.HasPrefix(path, "/documents/documents/template/") {
			t.Errorf("kept at %s", path)
		}
	}
	none, err := store.DocumentKey("template", []byte("none"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Document(t.Context(), none); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestObjectsAreAskedForAgain(t *testing.T) {
	for name, c := range map[string]struct {
		failures []int
		code     string
		calls    int
	}{
		"busy for a while":    {[]int{503, 500, 503}, "NoSuchKey", 4},
		"busy for too long":   {[]int{503, 503, 503, 503, 503, 503}, "SlowDown", 5},
		"forbidden":           {[]int{403, 403}, "AccessDenied", 1},
		"another was quicker": {[]int{409}, "ConditionalRequestConflict", 1},
	} {
		t.Run(name, func(t *testing.T) {
			objects, s, _ := shelved(t, c.failures...)
			_, err := objects.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
			var failure smithy.APIError
			if !errors.As(err, &failure) || failure.ErrorCode() != c.code || s.calls != c.calls {
				t.Errorf("%v after %d calls", err, s.calls)
			}
		})
	}
}

func TestObjectsHaveTheAddressOfTheirRegion(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "https://b.s3.eu-west-1.amazonaws.com/documents/template/0", "cn-north-1": "https://b.s3.cn-north-1.amazonaws.com.cn/documents/template/0",
	} {
		asked := ""
		objects := installed.Objects{Clock: &patience{}, Configuration: aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")},
			Client: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				asked = r.URL.String()
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("x")), Request: r}, nil
			})}}
		out, err := objects.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("documents/template/0")})
		if err != nil || asked != want {
			t.Errorf("asked %s, %v", asked, err)
			continue
		}
		_ = out.Body.Close()
		if _, err := objects.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("a?acl")}); err == nil {
			t.Error("a key with a query in it")
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
