package calls_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"stackgate/test/iam/calls"
)

const (
	stack = "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop/1"
	set   = "arn:aws:cloudformation:eu-west-1:111111111111:changeSet/orders-1/2"
)

// Each row is a line of the Service Authorization Reference.
func TestNeeds(t *testing.T) {
	row := func(value string) map[string]dynamotypes.AttributeValue {
		return map[string]dynamotypes.AttributeValue{"pk": &dynamotypes.AttributeValueMemberS{Value: value}, "sk": &dynamotypes.AttributeValueMemberS{Value: "x"}}
	}
	for name, c := range map[string]struct {
		service, operation string
		input              any
		want               []string
	}{
		"a stack by its name": {"cloudformation", "DescribeStacks", &cloudformation.DescribeStacksInput{StackName: aws.String("shop")},
			[]string{"cloudformation:DescribeStacks arn:aws:cloudformation:eu-west-1:111111111111:stack/shop/00000000-0000-0000-0000-000000000000"}},
		"a stack by its ARN": {"cloudformation", "DeleteStack", &cloudformation.DeleteStackInput{StackName: aws.String(stack), RoleARN: aws.String("arn:aws:iam::111111111111:role/cfn")},
			[]string{"cloudformation:DeleteStack " + stack, "iam:PassRole arn:aws:iam::111111111111:role/cfn"}},
		"a set by its ARN": {"cloudformation", "ExecuteChangeSet", &cloudformation.ExecuteChangeSetInput{ChangeSetName: aws.String(set), StackName: aws.String(stack)},
			[]string{"cloudformation:ExecuteChangeSet " + set, "cloudformation:ExecuteChangeSet " + stack}},
		"a verdict": {"cloudformation", "GetHookResult", &cloudformation.GetHookResultInput{HookResultId: aws.String("1")},
			[]string{"cloudformation:GetHookResult *"}},
		"a set with everything": {"cloudformation", "CreateChangeSet", &cloudformation.CreateChangeSetInput{
			StackName: aws.String(stack), ChangeSetName: aws.String("orders-1"), RoleARN: aws.String("arn:aws:iam::111111111111:role/cfn"), IncludeNestedStacks: aws.Bool(true),
			TemplateBody: aws.String("Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::CloudFormation::Stack}}"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
		}, []string{
			"cloudformation:CreateChangeSet " + stack, "cloudformation:CreateChangeSet arn:aws:cloudformation:eu-west-1:111111111111:stack/shop-Nested-1ABCDEFGHIJKL/00000000-0000-0000-0000-000000000000",
			"cloudformation:CreateChangeSet arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31", "cloudformation:TagResource " + stack, "iam:PassRole arn:aws:iam::111111111111:role/cfn",
		}},
		"a row": {"dynamodb", "PutItem", &dynamodb.PutItemInput{TableName: aws.String("t"), Item: row("waiters#lock")},
			[]string{"dynamodb:PutItem arn:aws:dynamodb:eu-west-1:111111111111:table/t"}},
		"an index": {"dynamodb", "Query", &dynamodb.QueryInput{TableName: aws.String("t"), IndexName: aws.String("i")},
			[]string{"dynamodb:Query arn:aws:dynamodb:eu-west-1:111111111111:table/t/index/i"}},
		"a transaction": {"dynamodb", "TransactWriteItems", &dynamodb.TransactWriteItemsInput{TransactItems: []dynamotypes.TransactWriteItem{
			{Put: &dynamotypes.Put{TableName: aws.String("t"), Item: row("a")}}, {Put: &dynamotypes.Put{TableName: aws.String("u"), Item: row("b")}},
		}}, []string{"dynamodb:PutItem arn:aws:dynamodb:eu-west-1:111111111111:table/t", "dynamodb:PutItem arn:aws:dynamodb:eu-west-1:111111111111:table/u"}},
		"an object": {"s3", "GetObject", &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")},
			[]string{"s3:GetObject arn:aws:s3:::b/k", "s3:ListBucket arn:aws:s3:::b"}},
		"a role": {"sts", "AssumeRole", &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::222222222222:role/r")},
			[]string{"sts:AssumeRole arn:aws:iam::222222222222:role/r"}},
	} {
		t.Run(name, func(t *testing.T) {
			call := calls.Call{Caller: calls.Caller{Account: "111111111111"}, Region: "eu-west-1", Service: c.service, Operation: c.operation, Input: c.input}
			needs, err := call.Needs()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range needs {
				got = append(got, n.Action+" "+n.Resource)
			}
			slices.Sort(got)
			got = slices.Compact(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("needs\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestNeedsRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, c := range map[string]calls.Call{
		"a service":            {Service: "ec2", Operation: "RunInstances"},
		"an operation":         {Service: "cloudformation", Operation: "CreateStack", Input: &cloudformation.CreateStackInput{StackName: aws.String("a")}},
		"all stacks":           {Service: "cloudformation", Operation: "DescribeStacks", Input: &cloudformation.DescribeStacksInput{}},
		"a set without stack":  {Service: "cloudformation", Operation: "DescribeChangeSet", Input: &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(set)}},
		"an update of a row":   {Service: "dynamodb", Operation: "UpdateItem", Input: &dynamodb.UpdateItemInput{}},
		"an object's deletion": {Service: "s3", Operation: "DeleteObject", Input: &s3.DeleteObjectInput{}},
	} {
		if needs, err := c.Needs(); err == nil {
			t.Errorf("%s needs %v", name, needs)
		}
	}
}

// answers is CloudFormation with one change set.
type answers struct{ fails bool }

func (a answers) DescribeChangeSet(context.Context, *cloudformation.DescribeChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	if a.fails {
		return nil, fmt.Errorf("out of order")
	}
	return &cloudformation.DescribeChangeSetOutput{ChangeSetId: aws.String(set), StackId: aws.String(stack)}, nil
}

func TestRecorder(t *testing.T) {
	backend := &answers{}
	r := &calls.Recorder{
		Who: func(key string) calls.Caller { return calls.Caller{Function: "function of " + key} }, Answers: func(calls.Call) any { return backend },
	}
	configuration := aws.Config{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "")}
	configuration.APIOptions = append(configuration.APIOptions, r.Option)
	client := cloudformation.NewFromConfig(configuration)
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(set)}
	for range 2 {
		if out, err := client.DescribeChangeSet(t.Context(), in); err != nil || *out.StackId != stack {
			t.Fatalf("%+v %v", out, err)
		}
	}
	made := r.Calls()
	if len(made) != 2 || made[0].Function != "function of AKIA" || made[0].Service != "cloudformation" || made[0].Operation != "DescribeChangeSet" || made[0].Region != "eu-central-1" {
		t.Errorf("recorded %+v", made)
	}
	if made[0].Stack != stack || made[1].Stack != stack {
		t.Errorf("the set's stack is %q, then %q", made[0].Stack, made[1].Stack)
	}
	if _, err := client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("shop")}); err == nil || !strings.Contains(err.Error(), "not answered here") {
		t.Errorf("what nobody answers: %v", err)
	}
	if _, err := client.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{}); err == nil || !strings.Contains(err.Error(), "missing required field") {
		t.Errorf("the SDK checks no input: %v", err)
	}
	signed, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://ssm.eu-west-1.amazonaws.com/", strings.NewReader(`{"Name": "/dsn"}`))
	if err != nil {
		t.Fatal(err)
	}
	signed.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	if _, err := r.RoundTrip(signed); err == nil {
		t.Error("a call that nobody signed is answered")
	}
	signed.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261122/eu-west-1/ssm/aws4_request, SignedHeaders=host, Signature=0")
	if answer, err := r.RoundTrip(signed); err != nil || answer.StatusCode != http.StatusBadRequest {
		t.Errorf("%+v %v", answer, err)
	}
	if made = r.Calls(); made[len(made)-1].Service != "ssm" || made[len(made)-1].Operation != "GetParameter" {
		t.Errorf("recorded %+v", made[len(made)-1])
	}
	backend.fails = true
	if _, err := client.DescribeChangeSet(t.Context(), in); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("a failure: %v", err)
	}
}

// bucket holds one object, and takes none.
type bucket struct{}

func (bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if *in.Key != "documents/a" {
		return nil, &s3types.NoSuchKey{Message: aws.String("The specified key does not exist.")}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader("text"))}, nil
}

func (bucket) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "PreconditionFailed", Message: "there is one"}
}

func TestRecorderTakesObjectsByHand(t *testing.T) {
	r := &calls.Recorder{
		Who: func(key string) calls.Caller { return calls.Caller{Function: "function of " + key} }, Answers: func(calls.Call) any { return bucket{} },
	}
	const host = "https://b.s3.eu-west-1.amazonaws.com/"
	for name, c := range map[string]struct {
		method, address, header string
		status                  int
		body                    string
		needs                   []string
	}{
		"read":                  {"GET", host + "documents/a", "", 200, "text", []string{"s3:GetObject arn:aws:s3:::b/documents/a map[]", "s3:ListBucket arn:aws:s3:::b map[]"}},
		"not there":             {"GET", host + "documents/b", "", 404, "<Code>NoSuchKey</Code>", []string{"s3:GetObject arn:aws:s3:::b/documents/b map[]", "s3:ListBucket arn:aws:s3:::b map[]"}},
		"written once":          {"PUT", host + "documents/a", "If-None-Match", 412, "<Code>PreconditionFailed</Code>", []string{"s3:PutObject arn:aws:s3:::b/documents/a map[s3:if-none-match:[*]]"}},
		"written over":          {"PUT", host + "documents/a", "", 412, "<Code>PreconditionFailed</Code>", []string{"s3:PutObject arn:aws:s3:::b/documents/a map[]"}},
		"with an ACL":           {"PUT", host + "documents/a", "X-Amz-Acl", 0, "which permission X-Amz-Acl needs", nil},
		"deleted":               {"DELETE", host + "documents/a", "", 0, "which permission it needs", nil},
		"a version":             {"GET", host + "documents/a?versionId=1", "", 0, "names no object", nil},
		"a bucket":              {"GET", host, "", 0, "names no object", nil},
		"a bucket in the path":  {"GET", "https://s3.eu-west-1.amazonaws.com/b/documents/a", "", 0, "names no object", nil},
		"a bucket of elsewhere": {"GET", "https://b.s3.eu-west-2.amazonaws.com/documents/a", "", 0, "names no object", nil},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), c.method, c.address, strings.NewReader("text"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261122/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0")
			if c.header != "" {
				request.Header.Set(c.header, "*")
			}
			before := len(r.Calls())
			answer, err := r.RoundTrip(request)
			if c.status == 0 {
				if err == nil || !strings.Contains(err.Error(), c.body) || len(r.Calls()) != before {
					t.Fatalf("%+v %v", answer, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			content, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != c.status || !strings.Contains(string(content), c.body) {
				t.Errorf("%d %s %v", answer.StatusCode, content, err)
			}
			needs, err := r.Calls()[before].Needs()
			if err != nil || len(needs) != len(c.needs) {
				t.Fatalf("%v %v", needs, err)
			}
			for i, n := range needs {
				delete(n.Context, "s3:TlsVersion")
				delete(n.Context, "aws:SecureTransport")
				if got := fmt.Sprintf("%s %s %v", n.Action, n.Resource, map[string][]string(n.Context)); got != c.needs[i] {
					t.Errorf("it needs %s, want %s", got, c.needs[i])
				}
			}
		})
	}
}
