// Package sigv4test lets calls in as API Gateway's IAM authorizer does, for tests: it verifies signatures with credentials
// that a test knows. It is no authorizer for anything else.
package sigv4test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"stackgate/internal/identity"
	"stackgate/internal/web"
)

// Key is an access key and whose it is.
type Key struct {
	ID, Secret string
	Principal  identity.Principal
}

// Authorizer stands before a handler.
type Authorizer struct {
	Next   http.Handler
	Region string
	Rules  identity.Rules
	Keys   []Key
	Now    func() time.Time
}

// maxSkew is how far the time of a signature may be off.
const maxSkew = 5 * time.Minute

// ServeHTTP lets a call in whose signature is good, and refuses it in API Gateway's words where it is not.
func (a Authorizer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	principal, err := a.verify(r)
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "{%q:%q}", "message", err.Error())
		return
	}
	host := r.RemoteAddr[:strings.LastIndexByte(r.RemoteAddr, ':')]
	a.Next.ServeHTTP(w, r.WithContext(web.WithCaller(r.Context(), web.VerifiedCaller(a.Rules, principal, host, r.UserAgent()))))
}

// verify signs the call once more, as it arrived, and compares.
func (a Authorizer) verify(r *http.Request) (identity.Principal, error) {
	given := r.Header.Get("Authorization")
	parameters, found := strings.CutPrefix(given, "AWS4-HMAC-SHA256 ")
	if !found {
		return identity.Principal{}, fmt.Errorf("missing authentication token")
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(parameters, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	id, scope, _ := strings.Cut(fields["Credential"], "/")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || a.Now().Sub(at).Abs() > maxSkew {
		return identity.Principal{}, fmt.Errorf("signature expired or not yet current")
	}
	if want := at.Format("20060102") + "/" + a.Region + "/execute-api/aws4_request"; scope != want {
		return identity.Principal{}, fmt.Errorf("credential should be scoped to %s", want)
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return identity.Principal{}, err
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	for _, key := range a.Keys {
		if key.ID != id {
			continue
		}
		again, err := signed(r, content, fields["SignedHeaders"], key, a.Region, at)
		if err != nil {
			return identity.Principal{}, err
		}
		if subtle.ConstantTimeCompare([]byte(again), []byte(given)) == 1 {
			return key.Principal, nil
		}
		return identity.Principal{}, fmt.Errorf("the request signature we calculated does not match the signature you provided")
	}
	return identity.Principal{}, fmt.Errorf("the security token included in the request is invalid")
}

func signed(r *http.Request, content []byte, headers string, key Key, region string, at time.Time) (string, error) {
	ctx := context.WithoutCancel(r.Context())
	again, err := http.NewRequestWithContext(ctx, r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	again.ContentLength = 0
	for name := range strings.SplitSeq(headers, ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = int64(len(content))
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	sum := sha256.Sum256(content)
	err = v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, again, hex.EncodeToString(sum[:]), "execute-api", region, at)
	return again.Header.Get("Authorization"), err
}
