package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"stackgate/internal/frontdoor"
	"stackgate/internal/web"
)

// InProcess carries calls to a handler in this process. The caller is a value that only this process can set: the one in
// the context of a call, or else its own.
type InProcess struct {
	Handler http.Handler
	Caller  frontdoor.Caller
}

// RoundTrip hands a call over.
func (t InProcess) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	if _, set := web.CallerOf(ctx); !set {
		ctx = web.WithCaller(ctx, t.Caller)
	}
	served := request.Clone(ctx)
	if served.Body == nil {
		served.Body = http.NoBody
	}
	w := &buffer{header: http.Header{}, status: http.StatusOK}
	t.Handler.ServeHTTP(w, served)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Header: w.header, Body: io.NopCloser(&w.body),
		ContentLength: int64(w.body.Len()), Request: request, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// buffer keeps an answer.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }

// CredentialsError says that there are no credentials to sign with; trying again does not help.
type CredentialsError struct{ Err error }

// Error says what to do.
func (e *CredentialsError) Error() string {
	return fmt.Sprintf("there are no AWS credentials to sign the call with: %v; sign in (aws sso login) or choose another profile with --profile", e.Err)
}

// Unwrap returns the cause.
func (e *CredentialsError) Unwrap() error { return e.Err }

// Signed carries calls over the network, signed by AWS credentials (Signature Version 4).
type Signed struct {
	Credentials aws.CredentialsProvider
	// Region is that of the API.
	Region string
	Next   http.RoundTripper
	// Now gives the time of signatures, which are good for five minutes.
	Now func() time.Time
}

// signingName is API Gateway's in signatures.
const signingName = "execute-api"

// RoundTrip signs a call and sends it.
func (t Signed) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	credentials, err := t.Credentials.Retrieve(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &CredentialsError{err}
	}
	signed := request.Clone(ctx)
	sum := sha256.New()
	if request.Body != nil {
		content, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, fmt.Errorf("read the call to be signed: %w", err)
		}
		if err := request.Body.Close(); err != nil {
			return nil, fmt.Errorf("read the call to be signed: %w", err)
		}
		sum.Write(content)
		signed.Body = io.NopCloser(bytes.NewReader(content))
	}
	if err := v4.NewSigner().SignHTTP(context.WithoutCancel(ctx), credentials, signed, hex.EncodeToString(sum.Sum(nil)), signingName, t.Region, t.Now()); err != nil {
		return nil, fmt.Errorf("sign the call: %w", err)
	}
	return t.Next.RoundTrip(signed)
}

var apiHost = regexp.MustCompile(`^[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$`)

// RegionOf returns the region in the host name of an API; empty where it has none, as with names of one's own.
func RegionOf(host string) string {
	if parts := apiHost.FindStringSubmatch(host); parts != nil {
		return parts[1]
	}
	return ""
}
