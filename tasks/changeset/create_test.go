package changeset_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/tasks/changeset"
)

const id = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")

var target = deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "shop-orders-prod"}

type noon struct{}

func (noon) Now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// account is CloudFormation in which a stack, and a change set of the deployment's name, may be already.
type account struct {
	stack       types.StackStatus
	description string
	asked       []*cloudformation.CreateChangeSetInput
}

func (a *account) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if a.stack == "" {
		return nil, &smithy.GenericAPIError{Code: "ValidationError", Message: "Stack with id shop-orders-prod does not exist"}
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{StackId: aws.String("stack-arn"), StackStatus: a.stack}}}, nil
}

func (a *account) CreateChangeSet(_ context.Context, in *cloudformation.CreateChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	a.asked = append(a.asked, in)
	if a.description != "" {
		return nil, &types.AlreadyExistsException{Message: aws.String("it exists")}
	}
	return &cloudformation.CreateChangeSetOutput{Id: aws.String("set-arn"), StackId: aws.String("stack-arn")}, nil
}

func (a *account) DescribeChangeSet(context.Context, *cloudformation.DescribeChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	return &cloudformation.DescribeChangeSetOutput{ChangeSetId: aws.String("earlier-arn"), StackId: aws.String("stack-arn"), Description: aws.String(a.description)}, nil
}

// bucket locates every template.
type bucket struct{}

func (bucket) TemplateURL(key string) (string, bool) {
	return "https://hub.s3.eu-west-1.amazonaws.com/documents/" + key, true
}

// nowhere locates none.
type nowhere struct{}

func (nowhere) TemplateURL(string) (string, bool) { return "", false }

func TestCreate(t *testing.T) {
	const most = service.MaxInlineTemplate
	for name, c := range map[string]struct {
		account  account
		template int
		located  changeset.TemplateLocator
		fault    deployment.Fault
		says     string
		arn      string
		kind     deployment.ChangeSetType
		shell    bool
		stack    string
	}{
		"no stack":              {template: 10, arn: "set-arn", kind: deployment.ChangeSetCreate, shell: true, stack: target.StackName},
		"a shell of others":     {account: account{stack: "REVIEW_IN_PROGRESS"}, template: 10, arn: "set-arn", kind: deployment.ChangeSetCreate, stack: target.StackName},
		"a stack, by its ARN":   {account: account{stack: "CREATE_COMPLETE"}, template: 10, arn: "set-arn", kind: deployment.ChangeSetUpdate, stack: "stack-arn"},
		"the largest template":  {template: most, arn: "set-arn", kind: deployment.ChangeSetCreate, shell: true, stack: target.StackName},
		"a byte more":           {template: most + 1, fault: deployment.InvalidRequest, says: "51201 bytes"},
		"more, located nowhere": {template: most + 1, located: nowhere{}, fault: deployment.InvalidRequest, says: "at most 51200"},
		"more, from a bucket":   {template: most + 1, located: bucket{}, arn: "set-arn", kind: deployment.ChangeSetCreate, shell: true, stack: target.StackName},
		"1 MB, from a bucket":   {template: service.MaxTemplate, located: bucket{}, arn: "set-arn", kind: deployment.ChangeSetCreate, shell: true, stack: target.StackName},
		"small, with a bucket":  {template: most, located: bucket{}, arn: "set-arn", kind: deployment.ChangeSetCreate, shell: true, stack: target.StackName},
		"an earlier try's":      {account: account{stack: "REVIEW_IN_PROGRESS", description: "stackgate deployment " + string(id) + ", correlation sg-1"}, template: 10, arn: "earlier-arn", kind: deployment.ChangeSetCreate, stack: target.StackName},
		"somebody else's":       {account: account{stack: "CREATE_COMPLETE", description: "handmade"}, template: 10, fault: deployment.InvalidRequest, says: "not ours"},
		"another deployment's":  {account: account{stack: "CREATE_COMPLETE", description: "stackgate deployment " + string(id) + "x, correlation"}, template: 10, fault: deployment.InvalidRequest, says: "not ours"},
		"without a description": {account: account{stack: "CREATE_COMPLETE", description: " "}, template: 10, fault: deployment.InvalidRequest, says: "not ours"},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := sqlite.Open(t.Context(), t.TempDir(), noon{})
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close()
			definition, err := service.KeepDefinition(t.Context(), kept, service.Definition{
				Parameters: map[string]string{"B": "2", "A": "1"}, Tags: map[string]string{"project": "shop"}, ExecutionRole: "role",
			})
			if err != nil {
				t.Fatal(err)
			}
			template, err := kept.PutDocument(t.Context(), "template", []byte(strings.Repeat("x", c.template)))
			if err != nil {
				t.Fatal(err)
			}
			if err := kept.CreateRecord(t.Context(), store.Record{
				Schema: store.RecordSchema, ID: id, CorrelationID: "sg-1", Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy,
				Target: target, Stage: deployment.StagePlanning, Definition: definition, Template: template,
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := kept.Enqueue(t.Context(), target.Key(), store.Ticket{DeploymentID: id}); err != nil {
				t.Fatal(err)
			}
			at := c.account
			out, err := (changeset.Create{Store: kept, Templates: c.located, Connect: func(context.Context, store.Record) (changeset.Creator, error) { return &at, nil }}).
				Run(t.Context(), changeset.In{DeploymentID: id})
			r, readErr := kept.Record(t.Context(), id)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if c.fault != "" {
				if deployment.FaultOf(err) != c.fault || err == nil || !strings.Contains(err.Error(), c.says) || r.ChangeSet.ARN != "" || c.template > most && (len(at.asked) > 0 || r.ChangeSet.MadeShell) {
					t.Errorf("%v, recorded %+v", err, r.ChangeSet)
				}
				return
			}
			if err != nil || out.ChangeSetID != c.arn || out.Type != c.kind {
				t.Fatalf("%+v, %v", out, err)
			}
			if want := (store.ChangeSet{ARN: c.arn, Type: c.kind, MadeShell: c.shell}); r.ChangeSet != want || r.StackID != "stack-arn" {
				t.Errorf("recorded %+v of %s, want %+v", r.ChangeSet, r.StackID, want)
			}
			asked := at.asked[0]
			if inline := asked.TemplateBody != nil; inline != (c.template <= most) || inline != (asked.TemplateURL == nil) {
				t.Errorf("a template of %d bytes is passed by body %v and address %v", c.template, inline, aws.ToString(asked.TemplateURL))
			}
			if address := aws.ToString(asked.TemplateURL); address != "" && address != "https://hub.s3.eu-west-1.amazonaws.com/documents/"+template {
				t.Errorf("the template is looked for at %s", address)
			}
			if aws.ToString(asked.StackName) != c.stack || aws.ToString(asked.ChangeSetName) != string(id) || aws.ToString(asked.ClientToken) != string(id) ||
				aws.ToString(asked.RoleARN) != "role" || aws.ToString(asked.Parameters[0].ParameterKey) != "A" || len(asked.Tags) != 1 {
				t.Errorf("asked for %+v", asked)
			}
		})
	}
}
