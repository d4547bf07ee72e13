// Package installed puts together what an installed function is made of: its store, the definitions in its binary, its
// clients and the roles that it assumes. It does nothing of a deployment itself, and the embedded modes do not use it.
package installed

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Function is which of the installed functions a process is. The word stands for ${function} in role names too.
type Function string

// The functions.
const (
	// Plan makes, describes and deletes change sets, and may not execute them.
	Plan Function = "plan"
	// Execute alone executes change sets.
	Execute Function = "execute"
	// Events only reads, and wakes.
	Events Function = "events"
	// Review is the front door: it alone starts executions and writes decisions, and assumes no role of a service.
	Review Function = "review"
)

// Functions lists every function that runs tasks: Review runs none.
func Functions() []Function { return []Function{Plan, Execute, Events} }

// The environment variables of an installed function. None of them holds a secret.
const (
	// FunctionVariable names the function; it may be left out where the program can be one only.
	FunctionVariable = "STACKGATE_FUNCTION"
	TableVariable    = "STACKGATE_TABLE"
	BucketVariable   = "STACKGATE_BUCKET"
	// RolePatternVariable is the ARN of the role to assume, with the placeholders ${account}, ${function}, ${service} and
	// ${environment}.
	RolePatternVariable = "STACKGATE_ROLE_PATTERN"
	// SentryParameterVariable names the SSM parameter, a SecureString, that holds Sentry's DSN. It may be left out.
	SentryParameterVariable = "STACKGATE_SENTRY_DSN_PARAMETER"
	// VersionVariable is told to the exception tracker. It may be left out.
	VersionVariable = "STACKGATE_VERSION"
	// MachinePatternVariable is the ARN of a service's state machine, with the placeholders ${service} and ${environment}.
	// Who starts executions or finishes them from outside needs it: the front door and the plan function.
	MachinePatternVariable = "STACKGATE_MACHINE_PATTERN"
	// TopicVariable is the ARN of the SNS topic to which reviews, decisions and results are announced. It may be left out.
	TopicVariable = "STACKGATE_TOPIC"
	// KeyVariable is the ARN of the customer's KMS key that the bucket is encrypted with. It is left out where S3 manages the
	// key, and for functions that make no change sets.
	KeyVariable = "STACKGATE_KEY"
)

// Settings are what an installed function is told by its environment.
type Settings struct {
	Function        Function
	Table, Bucket   string
	Roles           RolePattern
	SentryParameter string
	Version         string
	// Machines is the zero value where MachinePatternVariable is left out.
	Machines MachinePattern
	// Topic is empty where nothing is announced.
	Topic string
	// Key is empty where S3 manages the bucket's key.
	Key string
}

// ReadSettings reads the environment of a program that can be the given functions, and says everything that is wrong.
func ReadSettings(getenv func(string) string, can ...Function) (Settings, error) {
	s := Settings{
		Function: Function(getenv(FunctionVariable)), Table: getenv(TableVariable), Bucket: getenv(BucketVariable),
		SentryParameter: getenv(SentryParameterVariable), Version: getenv(VersionVariable), Topic: getenv(TopicVariable), Key: getenv(KeyVariable),
	}
	if s.Function == "" && len(can) == 1 {
		s.Function = can[0]
	}
	var problems []error
	if !slices.Contains(can, s.Function) {
		problems = append(problems, fmt.Errorf("%s is %q; set it to one of %v, which this program can be", FunctionVariable, s.Function, can))
	}
	for _, needed := range []struct{ variable, value string }{{TableVariable, s.Table}, {BucketVariable, s.Bucket}} {
		if needed.value == "" {
			problems = append(problems, fmt.Errorf("%s is not set; set it to the name of the store's own", needed.variable))
		}
	}
	var err error
	if s.Roles, err = ParseRolePattern(getenv(RolePatternVariable)); err != nil && s.Function != Review {
		problems = append(problems, fmt.Errorf("%s: %w", RolePatternVariable, err))
	}
	if pattern := getenv(MachinePatternVariable); pattern != "" || s.Function == Plan || s.Function == Review {
		if s.Machines, err = ParseMachinePattern(pattern); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", MachinePatternVariable, err))
		}
	}
	if s.Topic != "" && !topicPattern.MatchString(s.Topic) {
		problems = append(problems, fmt.Errorf("%s: %q is not the ARN of an SNS topic; write it like arn:aws:sns:eu-west-1:111111111111:stackgate, or unset it", TopicVariable, s.Topic))
	}
	if s.Key != "" && !keyPattern.MatchString(s.Key) {
		problems = append(problems, fmt.Errorf("%s: %q is not the ARN of a KMS key; write it like arn:aws:kms:eu-west-1:111111111111:key/0e1f2a3b-…, or unset it", KeyVariable, s.Key))
	}
	if err := errors.Join(problems...); err != nil {
		return Settings{}, fmt.Errorf("read the function's environment: %w", err)
	}
	return s, nil
}

// RolePattern is the ARN of a role with placeholders.
type RolePattern struct {
	text string
	// partition is the ARN's second part: aws, aws-cn, aws-us-gov.
	partition string
}

var (
	rolePattern        = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::(\$\{account\}|[0-9]{12}):role/[A-Za-z0-9+=,.@_/${}-]+$`)
	placeholderPattern = regexp.MustCompile(`\$\{[^}]*\}`)
	accountPattern     = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern      = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$`)
	topicPattern       = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)
	keyPattern         = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)
	stackNamePattern   = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)
)

// maxRoleName is IAM's limit on the name of a role, in characters.
const maxRoleName = 64

// ParseRolePattern reads a pattern such as arn:aws:iam::${account}:role/stackgate-${function}-${service}-${environment}.
// It must name function, service and environment, or one role would do for several.
func ParseRolePattern(text string) (RolePattern, error) {
	const example = "arn:aws:iam::${account}:role/stackgate-${function}-${service}-${environment}"
	parts := rolePattern.FindStringSubmatch(text)
	if parts == nil {
		return RolePattern{}, fmt.Errorf("%q is not the ARN of a role; write it like %s", text, example)
	}
	var found []string
	for _, placeholder := range placeholderPattern.FindAllString(text, -1) {
		switch placeholder {
		case "${account}", "${function}", "${service}", "${environment}":
			found = append(found, placeholder)
		default:
			return RolePattern{}, fmt.Errorf("there is no placeholder %s; write it like %s", placeholder, example)
		}
	}
	for _, needed := range []string{"${function}", "${service}", "${environment}"} {
		if !slices.Contains(found, needed) {
			return RolePattern{}, fmt.Errorf("%s is missing, so that one role would do for several; write it like %s", needed, example)
		}
	}
	if strings.ContainsAny(placeholderPattern.ReplaceAllString(text, ""), "${}") {
		return RolePattern{}, fmt.Errorf("a placeholder in %q is not closed; write it like %s", text, example)
	}
	return RolePattern{text: text, partition: parts[1]}, nil
}

// Role returns the ARN of the role in which a function touches a record's stack. What goes into it comes from the
// installed definitions by way of the record, and is checked all the same: it must not name another role.
func (p RolePattern) Role(function Function, r store.Record) (string, error) {
	if err := errors.Join(deployment.CheckServiceName(r.Service), deployment.CheckEnvironmentName(r.Environment)); err != nil {
		return "", err
	}
	if !accountPattern.MatchString(r.Account) {
		return "", fmt.Errorf("account %q: an AWS account id has 12 digits", r.Account)
	}
	role := strings.NewReplacer("${account}", r.Account, "${function}", string(function),
		"${service}", r.Service, "${environment}", r.Environment).Replace(p.text)
	if name := role[strings.LastIndexByte(role, '/')+1:]; len(name) > maxRoleName {
		return "", fmt.Errorf("role name %s has %d characters, and IAM takes %d; shorten %s", name, len(name), maxRoleName, RolePatternVariable)
	}
	return role, nil
}
