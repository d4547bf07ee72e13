package cfnsim_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

const topic = "Resources: {T: {Type: AWS::SNS::Topic}}"

func createOf(body string, parameters ...types.Parameter) func(b *bench) error {
	return func(b *bench) error {
		_, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("stack"), ChangeSetName: aws.String("set"),
			ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &body, Parameters: parameters})
		return err
	}
}

// refusals are calls with the code and the words of their answers. Those marked recorded are also looked up among the
// errors recorded on AWS.
var refusals = []struct {
	name, code, message string
	recorded            bool
	call                func(b *bench) error
}{
	{"delete set of no stack", "ValidationError", "Stack [nostack] does not exist", true, func(b *bench) error {
		_, err := b.DeleteChangeSet(b.ctx, &cloudformation.DeleteChangeSetInput{StackName: aws.String("nostack"), ChangeSetName: aws.String("x")})
		return err
	}},
	{"delete set without stack", "ValidationError", "StackName must be specified if ChangeSetName is not specified as an ARN.", true, func(b *bench) error {
		_, err := b.DeleteChangeSet(b.ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: aws.String("x")})
		return err
	}},
	{"describe unknown set", "ChangeSetNotFound", "ChangeSet [cs-1-name-869505b9] does not exist", true, func(b *bench) error {
		b.deploy(topic)
		_, err := b.DescribeChangeSet(b.ctx, &cloudformation.DescribeChangeSetInput{StackName: aws.String("orders"), ChangeSetName: aws.String("cs-1-name-869505b9")})
		return err
	}},
	{"describe unknown stack", "ValidationError", "Stack with id nested-stack-name-ea611679 does not exist", true, func(b *bench) error {
		_, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{StackName: aws.String("nested-stack-name-ea611679")})
		return err
	}},
	{"describe resource of unknown stack", "ValidationError", "Stack 'not-a-valid-stack' does not exist", true, func(b *bench) error {
		_, err := b.DescribeStackResource(b.ctx, &cloudformation.DescribeStackResourceInput{StackName: aws.String("not-a-valid-stack"), LogicalResourceId: aws.String("x")})
		return err
	}},
	{"template of nothing", "ValidationError", "StackName is required if ChangeSetName is not specified.", true, func(b *bench) error {
		_, err := b.GetTemplate(b.ctx, &cloudformation.GetTemplateInput{})
		return err
	}},
	{"template of a set without stack", "ValidationError", "StackName is a required parameter.", true, func(b *bench) error {
		_, err := b.GetTemplate(b.ctx, &cloudformation.GetTemplateInput{ChangeSetName: aws.String("x")})
		return err
	}},
	{"no template", "ValidationError", "Either Template URL or Template Body must be specified.", true, func(b *bench) error {
		_, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("stack"), ChangeSetName: aws.String("set"), ChangeSetType: types.ChangeSetTypeCreate})
		return err
	}},
	{"template from elsewhere", "ValidationError", "TemplateURL must be a supported URL.", true, func(b *bench) error {
		_, err := b.ValidateTemplate(b.ctx, &cloudformation.ValidateTemplateInput{TemplateURL: aws.String("http://example.com/x")})
		return err
	}},
	{"stack name", "ValidationError", "1 validation error detected: Value '*@da591fa3_$' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*", true, func(b *bench) error {
		body := topic
		_, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("*@da591fa3_$"), ChangeSetName: aws.String("set"), TemplateBody: &body})
		return err
	}},
	{"update of no stack", "ValidationError", "Stack [stack] does not exist", false, func(b *bench) error {
		body := topic
		_, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("stack"), ChangeSetName: aws.String("set"), TemplateBody: &body})
		return err
	}},
	{"logical id", "ValidationError", "Template format error: Resource name my-bad-resource-id is non alphanumeric.", true, createOf("Resources: {my-bad-resource-id: {Type: AWS::SNS::Topic}}")},
	{"resource is text", "ValidationError", "Template format error: Any Resources member must be an object.", true, createOf("Resources: {A: x}")},
	{"no resources", "ValidationError", "Template format error: At least one Resources member must be defined.", true, createOf("Parameters: {A: {Type: String}}")},
	{"not a template", "ValidationError", "Template format error: unsupported structure.", true, createOf("https://example.com/template.yaml")},
	{"no type", "ValidationError", "Template format error: [/Resources/A] Every Resources object must contain a Type member.", true, createOf("Resources: {A: {Properties: {}}}")},
	{"unknown key", "ValidationError", "Invalid template resource property 'Invalid'", true, createOf("Resources: {A: {Type: AWS::SNS::Topic, Invalid: {}}}")},
	{"missing parameter", "ValidationError", "Parameters: [Input] must have values", true, createOf("Parameters: {Input: {Type: String}}\n" + topic)},
	{"missing SSM parameter", "ValidationError", "Parameter InputValue should either have input value or default value", true, createOf("Parameters: {InputValue: {Type: 'AWS::SSM::Parameter::Value<String>'}}\n" + topic)},
	{"unknown parameter", "ValidationError", "Parameters: [X] do not exist in the template", false, createOf(topic, parameter("X", "1"))},
	{"not a number", "ValidationError", "Parameter 'Value' must be a number.", true, createOf("Parameters: {Value: {Type: Number}}\n"+topic, parameter("Value", "x"))},
	{"null", "ValidationError", "[/Outputs/MyOutput/Value] 'null' values are not allowed in templates", true, createOf(topic + "\nOutputs: {MyOutput: {Value: null}}")},
	{"output without value", "ValidationError", "Template format error: Every Outputs member must contain a Value object", true, createOf(topic + "\nOutputs: {MyOutput: {Description: x}}")},
	{"reference to a skipped resource", "ValidationError", "Template format error: Unresolved resource dependencies [MyTopic] in the Resources block of the template", true,
		createOf("Conditions: {No: !Equals [a, b]}\nResources: {MyTopic: {Type: AWS::SNS::Topic, Condition: No}, P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref MyTopic}}}")},
	{"output of a skipped resource", "ValidationError", "Unresolved resource dependencies [MyTopic] in the Outputs block of the template", true,
		createOf("Conditions: {No: !Equals [a, b]}\nResources: {MyTopic: {Type: AWS::SNS::Topic, Condition: No}, T: {Type: AWS::SNS::Topic}}\nOutputs: {O: {Value: !Ref MyTopic}}")},
	{"dependency on nothing", "ValidationError", "Template format error: Unresolved resource dependencies [NonExistingResource] in the Resources block of the template", true, createOf("Resources: {A: {Type: AWS::SNS::Topic, DependsOn: NonExistingResource}}")},
	{"circle", "ValidationError", "Circular dependency between resources: [A, B]", false, createOf("Resources: {A: {Type: AWS::SNS::Topic, DependsOn: B}, B: {Type: AWS::SNS::Topic, DependsOn: A}, C: {Type: AWS::SNS::Topic, DependsOn: A}}")},
	{"unknown attribute", "ValidationError", "Template error: resource Q does not support attribute type Nope in Fn::GetAtt", false, createOf("Resources: {Q: {Type: AWS::SQS::Queue}, P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Q.Nope}}}")},
	{"attribute of nothing", "ValidationError", "Template error: instance of Fn::GetAtt references undefined resource Q", false, createOf("Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Q.Arn}}}")},
	{"equals", "ValidationError", "Template error: every Fn::Equals object requires a list of 2 string parameters.", true, createOf("Conditions: {A: !Equals [a]}\n" + topic)},
	{"split", "ValidationError", "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.", true,
		createOf("Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [0, !Split [a]]}}}")},
	{"mapping of a function", "ValidationError", "Template format error: Every Mappings attribute must be a String or a List.", true, createOf("Mappings: {M: {A: {B: {Ref: x}}}}\n" + topic)},
	{"mapping too flat", "ValidationError", "Template format error: Every Mappings member A must be a map", true, createOf("Mappings: {M: {A: x}}\n" + topic)},
	{"mapping key", "ValidationError", "Template error: Unable to get mapping for TopicSuffixMap::C::Suffix", true,
		createOf("Mappings: {TopicSuffixMap: {A: {Suffix: a}}}\nResources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [TopicSuffixMap, C, Suffix]}}}")},
	{"mapping attribute", "ValidationError", "Template error: Unable to get mapping for TopicSuffixMap::A::NotValid", true,
		createOf("Mappings: {TopicSuffixMap: {A: {Suffix: a}}}\nResources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [TopicSuffixMap, A, NotValid]}}}")},
	{"IAM", "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]", false, createOf("Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}")},
	{"named IAM", "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]", false, createOf("Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}}")},
	{"import", "NotSimulated", "the simulator does not do this: change sets of type IMPORT", false, func(b *bench) error {
		body := topic
		_, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("stack"), ChangeSetName: aws.String("set"), TemplateBody: &body, ChangeSetType: types.ChangeSetTypeImport})
		return err
	}},
	{"bad script", "ValidationError", `Template error: [/Resources/A/Metadata/Stackgate::Simulate/FailOn] unknown word "creation"; known are create, update, delete, rollback and never`, false,
		createOf("Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Metadata:\n      Stackgate::Simulate: {FailOn: creation}")},
	{"page token", "ValidationError", "The specified next token is invalid. Please provide a valid token.", false, func(b *bench) error {
		b.deploy(topic)
		_, err := b.DescribeStackEvents(b.ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String("orders"), NextToken: aws.String("made-up")})
		return err
	}},
	{"events of nothing", "ValidationError", "One of ChangeSetName, OperationId or StackName must be specified.", false, func(b *bench) error {
		_, err := b.DescribeEvents(b.ctx, &cloudformation.DescribeEventsInput{})
		return err
	}},
	{"events of no stack", "ValidationError", "Stack [nostack] does not exist", false, func(b *bench) error {
		_, err := b.DescribeEvents(b.ctx, &cloudformation.DescribeEventsInput{StackName: aws.String("nostack")})
		return err
	}},
	{"events of no operation", "ValidationError", "Operation [none] does not exist", false, func(b *bench) error {
		_, err := b.DescribeEvents(b.ctx, &cloudformation.DescribeEventsInput{OperationId: aws.String("none")})
		return err
	}},
	{"hook results of a target without type", "ValidationError", "TargetType and TargetId must be specified together.", false, func(b *bench) error {
		_, err := b.ListHookResults(b.ctx, &cloudformation.ListHookResultsInput{TargetId: aws.String("arn:aws:cloudformation:us-east-1:111111111111:changeSet/x/y")})
		return err
	}},
	{"hook results of no change set", "HookResultNotFound", "No hook results found for target arn:aws:cloudformation:us-east-1:111111111111:changeSet/x/y", false, func(b *bench) error {
		_, err := b.ListHookResults(b.ctx, &cloudformation.ListHookResultsInput{TargetType: types.ListHookResultsTargetTypeChangeSet,
			TargetId: aws.String("arn:aws:cloudformation:us-east-1:111111111111:changeSet/x/y")})
		return err
	}},
	{"no hook result", "HookResultNotFound", "Hook result [none] does not exist", false, func(b *bench) error {
		_, err := b.GetHookResult(b.ctx, &cloudformation.GetHookResultInput{HookResultId: aws.String("none")})
		return err
	}},
	{"cancel at rest", "ValidationError", "CancelUpdateStack cannot be called from current stack status", false, func(b *bench) error {
		b.deploy(topic)
		_, err := b.CancelUpdateStack(b.ctx, &cloudformation.CancelUpdateStackInput{StackName: aws.String("orders")})
		return err
	}},
}

func TestRefusals(t *testing.T) {
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			err := test.call(newBench(t))
			var api smithy.APIError
			if !errors.As(err, &api) {
				t.Fatalf("error %v is no API error", err)
			}
			if api.ErrorCode() != test.code || api.ErrorMessage() != test.message {
				t.Errorf("got %s %q\nwant %s %q", api.ErrorCode(), api.ErrorMessage(), test.code, test.message)
			}
			var operation *smithy.OperationError
			if !errors.As(err, &operation) || operation.ServiceID != cloudformation.ServiceID {
				t.Errorf("error %v names no operation of CloudFormation", err)
			}
			want := http.StatusBadRequest
			if test.code == "ChangeSetNotFound" {
				want = http.StatusNotFound
			}
			var response *awshttp.ResponseError
			if !errors.As(err, &response) || response.HTTPStatusCode() != want {
				t.Errorf("error %v has no HTTP status %d", err, want)
			}
		})
	}
}

func TestRefusalsHaveTheWordsRecordedOnAWS(t *testing.T) {
	var recorded []struct{ Code, Message string }
	readJSON(t, filepath.Join(recordedFolder(t), "errors.json"), &recorded)
	known := map[string]bool{}
	for _, r := range recorded {
		known[r.Code+" "+r.Message] = true
	}
	for _, test := range refusals {
		if test.recorded && !known[test.code+" "+test.message] {
			t.Errorf("%s: %q is not among the recorded errors", test.name, test.message)
		}
	}
}

func TestLongTemplateIsRefusedWithoutRepeatingIt(t *testing.T) {
	err := createOf("# " + strings.Repeat("x", 60_000))(newBench(t))
	if err == nil || !strings.Contains(err.Error(), "Member must have length less than or equal to 51200") || len(err.Error()) > 1000 {
		t.Errorf("error = %.300v", err)
	}
}

func TestMissingMembersAreRefusedAsTheSDKDoes(t *testing.T) {
	_, err := newBench(t).CreateChangeSet(t.Context(), nil)
	var invalid smithy.InvalidParamsError
	if !errors.As(err, &invalid) || invalid.Len() != 2 {
		t.Errorf("error = %v, want two missing parameters", err)
	}
}

func TestModelledErrorsAreTheSDKsTypes(t *testing.T) {
	b := newBench(t)
	body := topic
	in := &cloudformation.CreateChangeSetInput{StackName: aws.String("orders"), ChangeSetName: aws.String("set"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &body, ClientToken: aws.String("t")}
	first, err := b.CreateChangeSet(b.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.CreateChangeSet(b.ctx, in)
	if err != nil || *again.Id != *first.Id {
		t.Errorf("the same token did not adopt the change set: %v", err)
	}
	in.ClientToken = aws.String("other")
	_, err = b.CreateChangeSet(b.ctx, in)
	if exists := new(types.AlreadyExistsException); !errors.As(err, &exists) || exists.ErrorMessage() != "ChangeSet [set] already exists" {
		t.Errorf("error = %v, want AlreadyExistsException", err)
	}
	_, err = b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: first.Id})
	if status := new(types.InvalidChangeSetStatusException); !errors.As(err, &status) || status.ErrorCode() != "InvalidChangeSetStatus" {
		t.Errorf("error = %v, want InvalidChangeSetStatus", err)
	}
	_, err = b.DescribeChangeSet(b.ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String("arn:aws:cloudformation:us-east-1:111111111111:changeSet/x/y")})
	if missing := new(types.ChangeSetNotFoundException); !errors.As(err, &missing) {
		t.Errorf("error = %v, want ChangeSetNotFound", err)
	}
}

func TestOrderedFaults(t *testing.T) {
	b := newBench(t)
	b.sim.InjectThrottle(2)
	b.sim.InjectError("ListStacks", 1, &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"})
	for i := range 3 {
		_, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{})
		var api smithy.APIError
		if throttled := errors.As(err, &api) && api.ErrorCode() == "Throttling" && api.ErrorMessage() == "Rate exceeded"; throttled != (i < 2) {
			t.Errorf("call %d: error = %v", i, err)
		}
	}
	if _, err := b.ListStacks(b.ctx, &cloudformation.ListStacksInput{}); err == nil {
		t.Error("the error ordered for ListStacks did not come")
	}
}

func TestOperationsThatARoleOrAnEndpointDoesNotHave(t *testing.T) {
	b := newBench(t)
	b.deploy(topic)
	b.sim.Deny("DescribeEvents")
	b.sim.Forget("ListHookResults")
	for range 3 {
		_, err := b.DescribeEvents(b.ctx, &cloudformation.DescribeEventsInput{StackName: aws.String("orders")})
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" || !strings.Contains(api.ErrorMessage(), "not authorized to perform: cloudformation:DescribeEvents") {
			t.Errorf("error = %v, want AccessDenied", err)
		}
		_, err = b.ListHookResults(b.ctx, &cloudformation.ListHookResultsInput{})
		if !errors.As(err, &api) || api.ErrorCode() != "InvalidAction" {
			t.Errorf("error = %v, want InvalidAction", err)
		}
		if _, err = b.DescribeStackEvents(b.ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String("orders")}); err != nil {
			t.Errorf("another operation is struck too: %v", err)
		}
	}
	b.sim.Recover()
	b.must(b.DescribeEvents(b.ctx, &cloudformation.DescribeEventsInput{StackName: aws.String("orders")}))
}
