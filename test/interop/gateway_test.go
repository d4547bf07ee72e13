package interop_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"stackgate/internal/clock"
	"stackgate/internal/identity"
	"stackgate/internal/installed"
	"stackgate/internal/web"
	"stackgate/internal/web/client"
	"stackgate/internal/web/sigv4test"
)

// people are those of this repository's example: whoever signs in to the engineers' permission set.
var people = identity.Rules{{Name: "engineers", Kind: identity.SSO, PermissionSet: "PlatformEngineer", Account: signedIn}}

const (
	// signedIn is the account in which people have their roles.
	signedIn = "333333333333"
	// stranger has credentials that are good, of a role that the project does not know.
	stranger = "stranger"
)

// engineer is the principal that IAM tells of somebody who is signed in.
func engineer(name string) identity.Principal {
	set := "PlatformEngineer"
	if name == stranger {
		set = "Auditor"
	}
	return identity.Principal{
		ARN: "arn:aws:sts::" + signedIn + ":assumed-role/AWSReservedSSO_" + set + "_0123456789abcdef/" + name,
		ID:  "AROAEXAMPLE" + strings.ToUpper(set) + ":" + name, Account: signedIn,
	}
}

func key(name string) sigv4test.Key {
	return sigv4test.Key{ID: "ASIA" + strings.ToUpper(name), Secret: "secret of " + name, Principal: engineer(name)}
}

// caller is the command line's client, signing as somebody.
func caller(api, name string) *client.Client {
	k := key(name)
	return client.New(client.Options{
		Base: api, Clock: clock.System{}, Random: chance{}, Agent: "stackgate/interop",
		Transport: client.Signed{
			Credentials: credentials.NewStaticCredentialsProvider(k.ID, k.Secret, ""), Region: region, Next: http.DefaultTransport, Now: time.Now,
		},
	})
}

// gateway puts a front door behind an HTTP API with an IAM authorizer, and returns the API's address: a call whose signature
// is good is invoked as a payload in JSON, which alone tells the function who calls.
func gateway(t *testing.T, door installed.Door) string {
	t.Helper()
	function := lambda.NewHandler(door.Handle)
	authorizer := sigv4test.Authorizer{Region: region, Rules: people, Now: time.Now}
	for _, name := range []string{"ana", "bo", "cy", stranger} {
		authorizer.Keys = append(authorizer.Keys, key(name))
	}
	authorizer.Next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verified, _ := web.CallerOf(r.Context())
		call, err := payload(r, &identity.Principal{ARN: verified.Source.Principal, ID: verified.Source.PrincipalID, Account: signedIn})
		if err != nil {
			t.Error(err)
			return
		}
		// The context of the function is another: the caller in that of the call must not be the one that is believed.
		out, err := function.Invoke(t.Context(), call)
		if err != nil {
			t.Errorf("%s %s: the front door fails: %v", r.Method, r.URL.Path, err)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"message":"Internal Server Error"}`)
			return
		}
		reply(t, w, out)
	})
	server := httptest.NewServer(authorizer)
	t.Cleanup(server.Close)
	return server.URL
}

// payload is a call as an HTTP API sends it to a function (payload format 2.0; API Gateway developer guide, "Create AWS Lambda
// proxy integrations for HTTP APIs"), with whom the IAM authorizer has verified; nil where there is no authorizer.
func payload(r *http.Request, verified *identity.Principal) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	call := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{"host": r.Host}, QueryStringParameters: map[string]string{},
	}
	for name, values := range r.Header {
		call.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for name, values := range r.URL.Query() {
		call.QueryStringParameters[name] = strings.Join(values, ",")
	}
	switch {
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		call.Body = string(body)
	case len(body) > 0:
		call.Body, call.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	now := time.Now().UTC()
	call.RequestContext = events.APIGatewayV2HTTPRequestContext{
		RouteKey: "$default", AccountID: hub, Stage: "$default", RequestID: "JKJaXmPLvHcESHA=", APIID: "abcdefghij",
		DomainName: r.Host, Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
			Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: r.RemoteAddr[:strings.LastIndexByte(r.RemoteAddr, ':')], UserAgent: r.UserAgent(),
		},
	}
	if verified != nil {
		call.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{
				AccessKey: "ASIAEXAMPLE", AccountID: verified.Account, CallerID: verified.ID, UserARN: verified.ARN, UserID: verified.ID,
			},
		}
	}
	return json.Marshal(call)
}

// reply answers as the function's answer says.
func reply(t *testing.T, w http.ResponseWriter, out []byte) {
	t.Helper()
	var said events.APIGatewayV2HTTPResponse
	err := json.Unmarshal(out, &said)
	content := []byte(said.Body)
	if err == nil && said.IsBase64Encoded {
		content, err = base64.StdEncoding.DecodeString(said.Body)
	}
	if err != nil {
		t.Errorf("the front door's answer is none: %v: %s", err, out)
	}
	for name, value := range said.Headers {
		w.Header().Set(name, value)
	}
	for _, cookie := range said.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.WriteHeader(said.StatusCode)
	_, _ = w.Write(content)
}
