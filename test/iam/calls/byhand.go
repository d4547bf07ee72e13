package calls

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// RoundTrip takes calls that were made without the SDK's clients: puts and gets of objects, which are answered as those of
// the SDK are, and calls in the JSON protocol of AWS, to which the answer is that what they ask for is not there.
func (r *Recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	signed := credential.FindStringSubmatch(request.Header.Get("Authorization"))
	if signed == nil {
		return nil, fmt.Errorf("%s %s: it is not signed; the network is cut off here", request.Method, request.URL)
	}
	call := Call{Caller: r.Who(signed[1]), Service: signed[3], Region: signed[2]}
	if call.Service == "s3" {
		return r.object(request, call)
	}
	_, operation, found := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	if !found {
		return nil, fmt.Errorf("%s %s: it names no operation; the network is cut off here", request.Method, request.URL)
	}
	var input struct{ Name *string }
	if err := json.NewDecoder(request.Body).Decode(&input); err != nil {
		return nil, fmt.Errorf("%s: read the input: %w", operation, err)
	}
	call.Operation, call.Input = operation, &input
	r.Add(call)
	return response(request, http.StatusBadRequest, "application/x-amz-json-1.1", []byte(`{"__type": "ParameterNotFound"}`)), nil
}

// object takes a call of S3's REST protocol for one object, named by the host and the path.
func (r *Recorder) object(request *http.Request, call Call) (*http.Response, error) {
	bucket, _, found := strings.Cut(request.URL.Host, ".s3."+call.Region+".")
	key := strings.TrimPrefix(request.URL.Path, "/")
	if !found || key == "" || request.URL.RawQuery != "" || request.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s %s: it names no object of a bucket", request.Method, request.URL)
	}
	switch request.Method {
	case http.MethodGet:
		call.Operation, call.Input = "GetObject", &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	case http.MethodPut:
		// The SDK's input has a reader that can be read again.
		content, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content)}
		if condition := request.Header.Get("If-None-Match"); condition != "" {
			in.IfNoneMatch = aws.String(condition)
		}
		for name := range request.Header {
			if strings.HasPrefix(strings.ToLower(name), "x-amz-") && !plainHeaders[name] {
				// ACLs, tags, locks and keys need permissions of their own.
				return nil, fmt.Errorf("PutObject of %s: it is not known which permission %s needs", key, name)
			}
		}
		call.Operation, call.Input = "PutObject", in
	default:
		return nil, fmt.Errorf("%s %s: it is not known which permission it needs", request.Method, request.URL)
	}
	return r.objectAnswer(request, call)
}

// plainHeaders are those of S3 that need no permission.
var plainHeaders = map[string]bool{"X-Amz-Content-Sha256": true, "X-Amz-Date": true, "X-Amz-Security-Token": true, "X-Amz-Checksum-Sha256": true}

func (r *Recorder) objectAnswer(request *http.Request, call Call) (*http.Response, error) {
	answer, err := r.take(request.Context(), call)
	var failure smithy.APIError
	switch {
	case errors.As(err, &failure):
		status := http.StatusBadRequest
		switch failure.ErrorCode() {
		case "NoSuchKey":
			status = http.StatusNotFound
		case "PreconditionFailed":
			status = http.StatusPreconditionFailed
		}
		content, err := xml.Marshal(struct {
			XMLName       xml.Name `xml:"Error"`
			Code, Message string
		}{Code: failure.ErrorCode(), Message: failure.ErrorMessage()})
		return response(request, status, "application/xml", content), err
	case err != nil:
		return nil, err
	}
	if got, ok := answer.(*s3.GetObjectOutput); ok {
		defer got.Body.Close()
		content, err := io.ReadAll(got.Body)
		return response(request, http.StatusOK, "application/octet-stream", content), err
	}
	return response(request, http.StatusOK, "application/xml", nil), nil
}

func response(request *http.Request, status int, media string, content []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
		Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(bytes.NewReader(content)), ContentLength: int64(len(content)),
	}
}
