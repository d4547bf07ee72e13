package cfn

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// StackDescriber reads stacks.
type StackDescriber interface {
	DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
}

// DescribeStack reads one stack by name or ARN. That there is none is an answer, not an error. By name, a deleted stack
// is not found; by ARN it is described for 90 days.
func DescribeStack(ctx context.Context, client StackDescriber, nameOrARN string) (stack types.Stack, found bool, err error) {
	answer, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(nameOrARN)})
	if IsStackNotFound(err) {
		return types.Stack{}, false, nil
	}
	if err != nil {
		return types.Stack{}, false, Fault(err, "describe stack %s", nameOrARN)
	}
	if len(answer.Stacks) != 1 {
		return types.Stack{}, false, fmt.Errorf("describe stack %s: CloudFormation answered with %d stacks", nameOrARN, len(answer.Stacks))
	}
	return answer.Stacks[0], true, nil
}
