package installed_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stackgate/internal/clock"
	"stackgate/internal/installed"
)

// inLambda sets the variables that Lambda sets.
func inLambda(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_SESSION_TOKEN": "session",
		"AWS_PROFILE": "", "AWS_ENDPOINT_URL": "", "AWS_CA_BUNDLE": "",
	} {
		t.Setenv(name, value)
	}
}

func TestParameter(t *testing.T) {
	for name, row := range map[string]struct {
		status int
		answer string
		want   string
		says   string
	}{
		"there":         {200, `{"Parameter": {"ARN": "arn:aws:ssm:eu-west-1:1:parameter/p", "Name": "/p", "Type": "SecureString", "Value": "the secret"}}`, "the secret", ""},
		"missing":       {400, `{"__type": "ParameterNotFound"}`, "", "ParameterNotFound (HTTP 400)"},
		"not permitted": {400, `{"__type": "AccessDeniedException", "Message": "User is not authorized to perform: ssm:GetParameter"}`, "", "ssm:GetParameter"},
		"empty":         {200, `{"Parameter": {}}`, "", "/p is empty"},
		"no answer":     {502, `<html>the secret</html>`, "", "HTTP 502"},
		"cut short":     {200, `{"Parameter": {"Value": "the secret`, "", "not what Systems Manager writes"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if string(body) != `{"Name":"/p","WithDecryption":true}` || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || r.Header.Get("X-Amz-Security-Token") != "session" {
					t.Errorf("request %s %v", body, r.Header)
				}
				if signed := r.Header.Get("Authorization"); !strings.HasPrefix(signed, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || !strings.Contains(signed, "/eu-west-1/ssm/aws4_request") ||
					!strings.Contains(signed, "x-amz-target") {
					t.Errorf("signed as %q", signed)
				}
				w.WriteHeader(row.status)
				_, _ = io.WriteString(w, row.answer)
			}))
			defer server.Close()
			inLambda(t)
			t.Setenv("AWS_ENDPOINT_URL_SSM", server.URL)
			configuration, err := installed.Configuration()
			if err != nil {
				t.Fatal(err)
			}
			got, err := installed.ParameterStore{Configuration: configuration, Clock: clock.System{}}.Parameter(t.Context(), "/p")
			if got != row.want || (err == nil) != (row.says == "") {
				t.Fatalf("%q, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "the secret")) {
				t.Errorf("error %q, want …%s…", err, row.says)
			}
		})
	}
}

// sent notes where a request would have gone.
type sent struct{ to string }

func (s *sent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.to = r.URL.String()
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"Parameter": {"Value": "x"}}`))}, nil
}

func TestParameterEndpoint(t *testing.T) {
	for name, row := range map[string]struct{ variable, value, region, want string }{
		"region":        {"AWS_UNUSED", "", "eu-west-1", "https://ssm.eu-west-1.amazonaws.com/"},
		"China":         {"AWS_UNUSED", "", "cn-north-1", "https://ssm.cn-north-1.amazonaws.com.cn/"},
		"for all":       {"AWS_ENDPOINT_URL", "http://127.0.0.1:1", "eu-west-1", "http://127.0.0.1:1"},
		"for this only": {"AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:2", "eu-west-1", "http://127.0.0.1:2"},
	} {
		inLambda(t)
		t.Setenv("AWS_REGION", row.region)
		t.Setenv(row.variable, row.value)
		configuration, err := installed.Configuration()
		if err != nil {
			t.Fatal(err)
		}
		to := &sent{}
		if _, err := (installed.ParameterStore{Configuration: configuration, Client: &http.Client{Transport: to}, Clock: clock.System{}}).Parameter(t.Context(), "/p"); err != nil {
			t.Fatal(err)
		}
		if to.to != row.want {
			t.Errorf("%s: %s, want %s", name, to.to, row.want)
		}
		t.Setenv(row.variable, "")
	}
}

// TestConfigurationIsTheSDKsOwn: what is made by hand is what the SDK would have made of the same environment.
func TestConfigurationIsTheSDKsOwn(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"as in Lambda":          nil,
		"one endpoint":          {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
		"endpoints of services": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2", "AWS_ENDPOINT_URL_SFN": "http://127.0.0.1:3"},
		"endpoints ignored":     {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
		"FIPS":                  {"AWS_USE_FIPS_ENDPOINT": "true"},
		"dual stack":            {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
		"account":               {"AWS_ACCOUNT_ID": "999999999999"},
	} {
		t.Run(name, func(t *testing.T) {
			inLambda(t)
			// Where there are no files, as in Lambda.
			t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
			for variable, value := range set {
				t.Setenv(variable, value)
			}
			ours, err := installed.Configuration()
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := config.LoadDefaultConfig(t.Context(), config.WithRetryer(installed.Retryer))
			if err != nil {
				t.Fatal(err)
			}
			if difference := cmp.Diff(theirs, ours, cmpopts.IgnoreUnexported(aws.Config{}), cmpopts.IgnoreFields(aws.Config{},
				// The same by other means, compared below, or nothing that clients of ours use: they log nothing, make their own
				// HTTP client where none is given, intercept nothing and cache no credentials in files.
				"Credentials", "ConfigSources", "Retryer", "HTTPClient", "Logger", "RuntimeEnvironment", "BearerAuthTokenProvider", "Interceptors", "RestrictFilePermissions")); difference != "" {
				t.Errorf("-SDK's +ours:\n%s", difference)
			}
			our, err := ours.Credentials.Retrieve(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			their, err := theirs.Credentials.Retrieve(t.Context())
			if difference := cmp.Diff(their, our); err != nil || difference != "" {
				t.Errorf("credentials (%v): -SDK's +ours:\n%s", err, difference)
			}
			type endpoints struct{ DynamoDB, SFN, CloudFormation any }
			of := func(c aws.Config) endpoints {
				d, s, f := dynamodb.NewFromConfig(c).Options(), sfn.NewFromConfig(c).Options(), cloudformation.NewFromConfig(c).Options()
				return endpoints{
					[]any{aws.ToString(d.BaseEndpoint), d.EndpointOptions.UseFIPSEndpoint, d.EndpointOptions.UseDualStackEndpoint},
					[]any{aws.ToString(s.BaseEndpoint), s.EndpointOptions.UseFIPSEndpoint, s.EndpointOptions.UseDualStackEndpoint},
					[]any{aws.ToString(f.BaseEndpoint), f.EndpointOptions.UseFIPSEndpoint, f.EndpointOptions.UseDualStackEndpoint},
				}
			}
			if difference := cmp.Diff(of(theirs), of(ours)); difference != "" {
				t.Errorf("endpoints: -SDK's +ours:\n%s", difference)
			}
		})
	}
}
