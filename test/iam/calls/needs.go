package calls

import (
	"fmt"
	"maps"
	"strings"

	"stackgate/test/iam/policy"
)

// Partition of every ARN here.
const partition = "aws"

// Needs returns the permissions that a call needs, every one of them. The request's role is left to the caller. The rules
// are those of the Service Authorization Reference; where it leaves open what a condition key holds, there is a request for
// each possibility.
func (c Call) Needs() ([]policy.Request, error) {
	var needs []policy.Request
	var err error
	switch c.Service {
	case "cloudformation":
		needs, err = c.cloudformation()
	case "dynamodb":
		needs, err = c.dynamodb()
	case "s3":
		needs, err = c.s3()
	case "lambda":
		needs = []policy.Request{{Action: "lambda:" + "InvokeFunction", Resource: text(c.Input, "FunctionName")}}
	default:
		needs, err = c.other()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	for i := range needs {
		context := policy.Context{"aws:SecureTransport": {"true"}}
		maps.Copy(context, needs[i].Context)
		needs[i].Context = context
	}
	return needs, nil
}

func (c Call) arn(service, resource string) string {
	return strings.Join([]string{"arn", partition, service, c.Region, c.Account, resource}, ":")
}

// other are services of which few calls are made.
func (c Call) other() ([]policy.Request, error) {
	switch c.Service + ":" + c.Operation {
	case "states:SendTaskSuccess":
		// No resource type: whoever holds the token may use it.
		return []policy.Request{{Action: "states:SendTaskSuccess", Resource: "*"}}, nil
	case "states:StartExecution":
		return []policy.Request{{Action: "states:StartExecution", Resource: text(c.Input, "StateMachineArn")}}, nil
	case "states:DescribeExecution", "states:StopExecution", "states:GetExecutionHistory":
		return []policy.Request{{Action: "states:" + c.Operation, Resource: text(c.Input, "ExecutionArn")}}, nil
	case "sns:Publish":
		return []policy.Request{{Action: "sns:Publish", Resource: text(c.Input, "TopicArn")}}, nil
	case "ssm:GetParameter":
		return []policy.Request{{Action: "ssm:GetParameter", Resource: c.arn("ssm", "parameter"+text(c.Input, "Name"))}}, nil
	case "sts:AssumeRole":
		return []policy.Request{{Action: "sts:AssumeRole", Resource: text(c.Input, "RoleArn"), Context: policy.Context{
			"sts:ExternalId": {text(c.Input, "ExternalId")}, "sts:RoleSessionName": {text(c.Input, "RoleSessionName")},
		}}}, nil
	}
	return nil, fmt.Errorf("it is not known which permission it needs")
}
