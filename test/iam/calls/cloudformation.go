package calls

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/test/iam/policy"
)

// idOfNew stands for the id that a stack gets when it is made.
const idOfNew = "00000000-0000-0000-0000-000000000000"

// stack is the ARN of the stack that a call names.
func (c Call) stack() string {
	name := text(c.Input, "StackName")
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case name != "":
		return c.arn("cloudformation", "stack/"+name+"/"+idOfNew)
	}
	return c.Stack
}

func (c Call) cloudformation() ([]policy.Request, error) {
	action := "cloudformation:" + c.Operation
	switch in := c.Input.(type) {
	case *cloudformation.CreateChangeSetInput:
		return c.createChangeSet(in), nil
	case *cloudformation.DescribeChangeSetInput, *cloudformation.DescribeChangeSetHooksInput,
		*cloudformation.ExecuteChangeSetInput, *cloudformation.DeleteChangeSetInput:
		if c.stack() == "" {
			return nil, fmt.Errorf("the stack of change set %s is not known", text(c.Input, "ChangeSetName"))
		}
		return c.onChangeSet(action, text(c.Input, "ChangeSetName")), nil
	case *cloudformation.GetHookResultInput:
		// No resource type.
		return []policy.Request{{Action: action, Resource: "*"}}, nil
	case *cloudformation.ListHookResultsInput:
		return c.onChangeSet(action, aws.ToString(in.TargetId)), nil
	case *cloudformation.DescribeEventsInput:
		if in.ChangeSetName != nil {
			return c.onChangeSet(action, *in.ChangeSetName), nil
		}
		return []policy.Request{{Action: action, Resource: c.stack()}}, nil
	case *cloudformation.DescribeStacksInput, *cloudformation.DescribeStackEventsInput, *cloudformation.ListStackResourcesInput,
		*cloudformation.ListChangeSetsInput, *cloudformation.DeleteStackInput, *cloudformation.ContinueUpdateRollbackInput,
		*cloudformation.RollbackStackInput, *cloudformation.GetTemplateInput:
		if c.stack() == "" {
			return nil, fmt.Errorf("it names no stack, and would read all of the account")
		}
		needs := []policy.Request{{Action: action, Resource: c.stack()}}
		if role := text(c.Input, "RoleARN"); role != "" {
			needs[0].Context = policy.Context{"cloudformation:RoleArn": {role}}
			needs = append(needs, passRole(role))
		}
		return needs, nil
	}
	return nil, fmt.Errorf("it is not known which permission it needs")
}

// onChangeSet is an action upon a change set: the reference has the stack as its resource, a call by the set's ARN was seen
// to be checked against the set, and what the key ChangeSetName then holds is written nowhere.
func (c Call) onChangeSet(action, set string) []policy.Request {
	resources := []string{}
	if stack := c.stack(); stack != "" {
		resources = append(resources, stack)
	}
	keys := []policy.Context{nil, {"cloudformation:ChangeSetName": {set}}}
	if name, byARN := nameOfSet(set); byARN {
		resources = append(resources, set)
		keys = append(keys, policy.Context{"cloudformation:ChangeSetName": {name}})
	}
	var needs []policy.Request
	for _, resource := range resources {
		for _, key := range keys {
			needs = append(needs, policy.Request{Action: action, Resource: resource, Context: key})
		}
	}
	return needs
}

var setPattern = regexp.MustCompile(`^arn:[^:]+:cloudformation:[^:]+:[^:]+:changeSet/([^/]+)/`)

func nameOfSet(arn string) (string, bool) {
	parts := setPattern.FindStringSubmatch(arn)
	if parts == nil {
		return "", false
	}
	return parts[1], true
}

func passRole(role string) policy.Request {
	return policy.Request{Action: "iam:PassRole", Resource: role, Context: policy.Context{"iam:PassedToService": {"cloudformation.amazonaws.com"}}}
}

// transformPattern finds the transforms of a template, in its head and in functions.
var transformPattern = regexp.MustCompile(`(?:AWS::(?:Serverless|LanguageExtensions|Include|SecretsManager|CodeStar|CodeDeployBlueGreen|ServiceCatalog)(?:-[0-9-]+)?)\b`)

func (c Call) createChangeSet(in *cloudformation.CreateChangeSetInput) []policy.Request {
	context := policy.Context{"cloudformation:ChangeSetName": {aws.ToString(in.ChangeSetName)}}
	if in.RoleARN != nil {
		context["cloudformation:RoleArn"] = []string{*in.RoleARN}
	}
	for _, tag := range in.Tags {
		context["aws:RequestTag/"+aws.ToString(tag.Key)] = []string{aws.ToString(tag.Value)}
		context["aws:TagKeys"] = append(context["aws:TagKeys"], aws.ToString(tag.Key))
	}
	needs := []policy.Request{{Action: "cloudformation:CreateChangeSet", Resource: c.stack(), Context: context}}
	if aws.ToBool(in.IncludeNestedStacks) && strings.Contains(aws.ToString(in.TemplateBody), "AWS::CloudFormation::Stack") {
		// CloudFormation makes the nested stacks' sets with the caller's rights, and names the stacks <parent>-<logical id>-<random>.
		nested := regexp.MustCompile(`stack/([^/]+)/.*`).ReplaceAllString(c.stack(), "stack/$1-Nested-1ABCDEFGHIJKL/"+idOfNew)
		needs = append(needs, policy.Request{Action: "cloudformation:CreateChangeSet", Resource: nested, Context: policy.Context{}})
	}
	for _, transform := range transformPattern.FindAllString(aws.ToString(in.TemplateBody), -1) {
		needs = append(needs, policy.Request{
			Action: "cloudformation:CreateChangeSet", Context: context,
			Resource: strings.Join([]string{"arn", partition, "cloudformation", c.Region, "aws", "transform/" + strings.TrimPrefix(transform, "AWS::")}, ":"),
		})
	}
	if len(in.Tags) > 0 {
		tagging := policy.Context{"cloudformation:CreateAction": {"CreateChangeSet"}}
		for key, values := range context {
			if strings.HasPrefix(key, "aws:") {
				tagging[key] = values
			}
		}
		needs = append(needs, policy.Request{Action: "cloudformation:TagResource", Resource: c.stack(), Context: tagging})
	}
	if in.RoleARN != nil {
		needs = append(needs, passRole(*in.RoleARN))
	}
	if in.TemplateURL != nil {
		// CloudFormation reads the template with the rights of whoever calls.
		needs = append(needs, policy.Request{Action: "s3:GetObject", Resource: objectAt(*in.TemplateURL), Context: policy.Context{"s3:TlsVersion": {"1.3"}}})
	}
	return needs
}

var objectURL = regexp.MustCompile(`^https://([a-z0-9-]+)\.s3\.[a-z0-9-]+\.amazonaws\.com/(.+)$`)

// objectAt is the ARN of the object at an address; what is no address in S3 is no ARN either, and allowed to nobody.
func objectAt(address string) string {
	return objectURL.ReplaceAllString(address, "arn:"+partition+":s3:::$1/$2")
}
