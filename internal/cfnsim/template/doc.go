// Package template reads CloudFormation templates and evaluates their parameters, conditions and intrinsic functions
// the way the service does, with the service's error texts.
// It is not a linter and knows no resource types: what a Ref or Fn::GetAtt of a resource means is asked of a Resolver.
package template

// Unknown stands for a value that exists only after the change set was executed. Fn::Sub leaves it inside a longer
// string (an ARN around a generated name); other functions of it are unknown as a whole.
const Unknown = "{{changeSet:KNOWN_AFTER_APPLY}}"

// MaxInlineBytes is the longest TemplateBody, MaxStoredBytes the longest body behind a TemplateURL
// (quotas page of the CloudFormation user guide).
const (
	MaxInlineBytes = 51_200
	MaxStoredBytes = 1_048_576
)

// Error is a refusal in CloudFormation's words. It becomes a ValidationError at the API, or the reason of a failed
// resource when it is found only during an operation.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }
