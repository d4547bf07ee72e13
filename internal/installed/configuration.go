package installed

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Configuration is how the clients of an installed function reach AWS. Lambda tells everything by environment variables, so
// that nothing is looked for in files, at metadata services or at sign-in services; config.LoadDefaultConfig would, and
// would bring the clients of those into the program, a megabyte of it. The values are those that it would have found
// (SDKs and tools reference guide, "Environment variables support").
func Configuration() (aws.Config, error) {
	region := os.Getenv("AWS_REGION")
	keys := aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		AccountID: os.Getenv("AWS_ACCOUNT_ID"), Source: "EnvConfigCredentials",
	}
	if region == "" {
		return aws.Config{}, errors.New("AWS_REGION is not set; Lambda sets it")
	}
	if !keys.HasKeys() {
		return aws.Config{}, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; Lambda sets them to the keys of the function's role")
	}
	c := aws.Config{
		Region: region, ConfigSources: []any{variables{}}, Retryer: Retryer,
		Credentials:                 aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }),
		DefaultsMode:                aws.DefaultsModeLegacy,
		RequestMinCompressSizeBytes: 10240,
		AccountIDEndpointMode:       aws.AccountIDEndpointModePreferred,
		RequestChecksumCalculation:  aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation:  aws.ResponseChecksumValidationWhenSupported,
	}
	if endpoint, found, _ := (variables{}).endpoint("AWS_ENDPOINT_URL"); found {
		c.BaseEndpoint = aws.String(endpoint)
	}
	return c, nil
}

// variables is what the SDK's clients ask for the settings of endpoints.
type variables struct{}

// GetServiceBaseEndpoint returns what AWS_ENDPOINT_URL_<SERVICE> says.
func (v variables) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	return v.endpoint("AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(service), " ", "_"))
}

func (variables) endpoint(variable string) (string, bool, error) {
	endpoint := os.Getenv(variable)
	return endpoint, endpoint != "" && !isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), nil
}

// GetUseFIPSEndpoint returns what AWS_USE_FIPS_ENDPOINT says.
func (variables) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	if !isTrue("AWS_USE_FIPS_ENDPOINT") {
		return aws.FIPSEndpointStateUnset, false, nil
	}
	return aws.FIPSEndpointStateEnabled, true, nil
}

// GetUseDualStackEndpoint returns what AWS_USE_DUALSTACK_ENDPOINT says.
func (variables) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	if !isTrue("AWS_USE_DUALSTACK_ENDPOINT") {
		return aws.DualStackEndpointStateUnset, false, nil
	}
	return aws.DualStackEndpointStateEnabled, true, nil
}

func isTrue(variable string) bool { return strings.EqualFold(os.Getenv(variable), "true") }
