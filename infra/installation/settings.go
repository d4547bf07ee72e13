// Package installation says what an installation is told, how its parts are named, and what the definitions must fulfil to
// be installed. It makes no resources: the packages beside it do.
package installation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Settings are what cdk.json says of the installation, under the context key "stackgate".
type Settings struct {
	// Account and Region are where the control plane is: the hub. Stacks may be in other accounts and regions.
	Account string `json:"account"`
	Region  string `json:"region"`
	// OrganizationID limits the trust of the target accounts' roles to principals of one organization, as o-a1b2c3d4e5.
	OrganizationID string `json:"organizationId,omitempty"`
	// PermissionsBoundary is the name of a managed policy that must exist in every account and becomes the boundary of every role.
	PermissionsBoundary string `json:"permissionsBoundary,omitempty"`
	// CustomerManagedKey encrypts what is kept with a key of the account instead of keys that AWS manages.
	CustomerManagedKey bool `json:"customerManagedKey,omitempty"`
	// RetainDocumentsDays makes S3 refuse, in governance mode, to let go of a document for as long; 0 leaves that to the
	// bucket's policy alone.
	RetainDocumentsDays int `json:"retainDocumentsDays,omitempty"`
	// UnreservedConcurrency leaves the functions without a share of the account's concurrency of their own. New accounts have
	// too little to reserve any.
	UnreservedConcurrency bool `json:"unreservedConcurrency,omitempty"`
	// SentryParameter is the name of the SecureString that holds Sentry's DSN, as /stackgate/sentry-dsn; empty for none.
	SentryParameter string `json:"sentryParameter,omitempty"`
	// Version is told to the exception tracker, as a commit.
	Version string `json:"version,omitempty"`
}

var (
	accountPattern      = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern       = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$`)
	organizationPattern = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	policyNamePattern   = regexp.MustCompile(`^[\w+=,.@/-]{1,128}$`)
	parameterPattern    = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+$`)
)

// ReadSettings reads the settings from the value of the context key, and says everything that is wrong with them.
func ReadSettings(context any) (Settings, error) {
	const place = `cdk.json, context.stackgate`
	text, err := json.Marshal(context)
	if err != nil {
		return Settings{}, fmt.Errorf("%s: %w", place, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var s Settings
	if context == nil {
		return s, fmt.Errorf(`%s: it is missing; write {"account": "333333333333", "region": "eu-west-1"} with the account and region of the control plane`, place)
	}
	if err := decoder.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %s", place, strings.TrimPrefix(err.Error(), "json: "))
	}
	var problems []error
	for _, c := range []struct {
		key, value, want string
		pattern          *regexp.Regexp
		optional         bool
	}{
		{"account", s.Account, "an AWS account id of 12 digits, in quotes", accountPattern, false},
		{"region", s.Region, "a region, as eu-west-1", regionPattern, false},
		{"organizationId", s.OrganizationID, "the id of an organization, as o-a1b2c3d4e5", organizationPattern, true},
		{"permissionsBoundary", s.PermissionsBoundary, "the name of a managed policy, not its ARN", policyNamePattern, true},
		{"sentryParameter", s.SentryParameter, "the full name of a parameter, as /stackgate/sentry-dsn", parameterPattern, true},
	} {
		if (c.value != "" || !c.optional) && !c.pattern.MatchString(c.value) {
			problems = append(problems, fmt.Errorf("%s.%s: %q is not %s", place, c.key, c.value, c.want))
		}
	}
	if s.RetainDocumentsDays < 0 {
		problems = append(problems, fmt.Errorf("%s.retainDocumentsDays: %d days is no span", place, s.RetainDocumentsDays))
	}
	return s, errors.Join(problems...)
}

// Partition is the part of AWS that the hub is in, the second part of its ARNs.
func (s Settings) Partition() string {
	switch {
	case strings.HasPrefix(s.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(s.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
