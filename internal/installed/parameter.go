package installed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// ParameterStore reads parameters of AWS Systems Manager. The one call is made by hand, signed by the SDK: the SDK's client
// has 1.6 MB, a tenth of the program, and a cold start initializes all of it.
type ParameterStore struct {
	Configuration aws.Config
	// Client is http.DefaultClient where it is nil.
	Client *http.Client
	Clock  interface{ Now() time.Time }
}

const (
	parameterTarget = "AmazonSSM.GetParameter"
	// parameterLimit is how long the answer is waited for: a function without its tracker beats one that starts late.
	parameterLimit = 3 * time.Second
	// maxParameter is far beyond a parameter's 8 KB.
	maxParameter = 64 << 10
)

// Parameter returns a parameter's value, decrypted (API GetParameter).
func (s ParameterStore) Parameter(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, parameterLimit)
	defer cancel()
	body, err := json.Marshal(map[string]any{"Name": name, "WithDecryption": true})
	if err != nil {
		return "", err
	}
	request, err := s.request(ctx, body)
	if err != nil {
		return "", err
	}
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask Systems Manager for parameter %s: %w", name, err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxParameter))
	if err != nil {
		return "", fmt.Errorf("read Systems Manager's answer for parameter %s: %w", name, err)
	}
	return parameterValue(name, answer.StatusCode, content)
}

func (s ParameterStore) request(ctx context.Context, body []byte) (*http.Request, error) {
	endpoint, err := s.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", parameterTarget)
	credentials, err := s.Configuration.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the credentials: %w", err)
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), "ssm", s.Configuration.Region, s.Clock.Now()); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	return request, nil
}

// endpoint is what AWS_ENDPOINT_URL_SSM or AWS_ENDPOINT_URL says, else the region's own.
func (s ParameterStore) endpoint(ctx context.Context) (string, error) {
	configured, err := endpointOf(ctx, s.Configuration, "SSM")
	if err != nil || configured != "" {
		return configured, err
	}
	return "https://ssm." + s.Configuration.Region + "." + domainOf(s.Configuration.Region) + "/", nil
}

// endpointOf is what AWS_ENDPOINT_URL_<SERVICE> or AWS_ENDPOINT_URL says; empty where neither does.
func endpointOf(ctx context.Context, configuration aws.Config, service string) (string, error) {
	for _, source := range configuration.ConfigSources {
		configured, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, service string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if endpoint, found, err := configured.GetServiceBaseEndpoint(ctx, service); err != nil {
			return "", fmt.Errorf("find the endpoint of %s: %w", service, err)
		} else if found {
			return endpoint, nil
		}
	}
	return aws.ToString(configuration.BaseEndpoint), nil
}

// domainOf is what the host names of a region's services end in.
func domainOf(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// parameterValue quotes nothing of a good answer, which holds a secret.
func parameterValue(name string, status int, content []byte) (string, error) {
	var answer struct {
		Parameter struct{ Value string }
		Type      string `json:"__type"`
		// The service writes the first letter now large, now small; encoding/json takes both.
		Message string `json:"message"`
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return "", fmt.Errorf("the answer for parameter %s is not what Systems Manager writes (HTTP %d)", name, status)
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("read parameter %s: %s (HTTP %d): %s", name, answer.Type, status, answer.Message)
	}
	if answer.Parameter.Value == "" {
		return "", errors.New("the parameter " + name + " is empty")
	}
	return answer.Parameter.Value, nil
}
