package installed

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Configuration is how the clients of an installed function reach AWS. Lambda tells everything by environment variables, so
// that nothing is looked for in files, at metadata services or at sign-in services; config.LoadDefaultConfig would, and
// would bring the clients of those into the program, a megabyte of it. The values are those that it would have found.
func Configuration() (aws.Config, error) {
	environment, err := config.NewEnvConfig()
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS variables of the environment: %w", err)
	}
	if environment.Region == "" {
		return aws.Config{}, errors.New("AWS_REGION is not set; Lambda sets it")
	}
	if !environment.Credentials.HasKeys() {
		return aws.Config{}, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; Lambda sets them to the keys of the function's role")
	}
	c := aws.Config{
		Region: environment.Region, ConfigSources: []any{environment}, Retryer: Retryer,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return environment.Credentials, nil
		}),
		DefaultsMode:                aws.DefaultsModeLegacy,
		RequestMinCompressSizeBytes: 10240,
		AccountIDEndpointMode:       aws.AccountIDEndpointModePreferred,
		RequestChecksumCalculation:  aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation:  aws.ResponseChecksumValidationWhenSupported,
	}
	if environment.BaseEndpoint != "" && !aws.ToBool(environment.IgnoreConfiguredEndpoints) {
		c.BaseEndpoint = aws.String(environment.BaseEndpoint)
	}
	return c, nil
}
