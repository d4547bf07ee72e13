package changeset

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// Creator makes change sets.
type Creator interface {
	cfn.StackDescriber
	CreateChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error)
	DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error)
}

// TemplateLocator says where CloudFormation finds stored templates.
type TemplateLocator interface {
	// TemplateURL is the address in S3 of the template under a document's key; false where CloudFormation cannot read it.
	TemplateURL(documentKey string) (address string, found bool)
}

// Create makes the change set under the deployment's id. Repeating it takes up its own earlier try.
type Create struct {
	Store Store
	// Templates may be nil: then templates beyond service.MaxInlineTemplate are refused.
	Templates TemplateLocator
	Connect   func(ctx context.Context, r store.Record) (Creator, error)
}

// CreateOut is the output of CreateChangeSet.
type CreateOut struct {
	ChangeSetID string                   `json:"changeSetId"`
	Type        deployment.ChangeSetType `json:"type"`
}

// Run asks CloudFormation for the change set and records its ARN.
func (t Create) Run(ctx context.Context, in In) (CreateOut, error) {
	record, definition, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return CreateOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return CreateOut{}, err
	}
	stack, exists, err := cfn.DescribeStack(ctx, client, record.StackName)
	if err != nil {
		return CreateOut{}, err
	}
	kind := deployment.ChangeSetUpdate
	if !exists || stack.StackStatus == types.StackStatusReviewInProgress {
		kind = deployment.ChangeSetCreate
	}
	// Before anything is written of a shell: a template that cannot be passed makes none.
	input, err := t.input(ctx, record, definition, kind, stack)
	if err != nil {
		return CreateOut{}, err
	}
	// Written before the call: should this task die after it, the discarding one still knows whose shell it is.
	if record, err = t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.ChangeSet.Type = kind
		r.ChangeSet.MadeShell = r.ChangeSet.MadeShell || !exists
		return nil
	}); err != nil {
		return CreateOut{}, fmt.Errorf("record the type of change set %s: %w", in.DeploymentID, err)
	}
	arn, stackID, err := create(ctx, client, input)
	if err != nil {
		return CreateOut{}, err
	}
	if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.ChangeSet.ARN, r.StackID = arn, stackID
		return nil
	}); err != nil {
		return CreateOut{}, fmt.Errorf("record change set %s: %w", arn, err)
	}
	return CreateOut{ChangeSetID: arn, Type: kind}, nil
}

func (t Create) input(ctx context.Context, r store.Record, d service.Definition, kind deployment.ChangeSetType, stack types.Stack) (*cloudformation.CreateChangeSetInput, error) {
	in := &cloudformation.CreateChangeSetInput{
		StackName:     aws.String(r.StackName),
		ChangeSetName: aws.String(r.ID.String()),
		ClientToken:   aws.String(r.ID.String()),
		ChangeSetType: types.ChangeSetType(kind),
		Description:   aws.String(r.ID.Description(r.CorrelationID, r.Commit)),
	}
	if err := t.passTemplate(ctx, in, r); err != nil {
		return nil, err
	}
	if kind == deployment.ChangeSetUpdate {
		// By ARN, so that a stack that is deleted and made again under the same name is not mistaken for this one.
		in.StackName = stack.StackId
	}
	if d.NestedStacks {
		in.IncludeNestedStacks = aws.Bool(true)
	}
	if d.ExecutionRole != "" {
		in.RoleARN = aws.String(d.ExecutionRole)
	}
	for _, capability := range d.Capabilities {
		in.Capabilities = append(in.Capabilities, types.Capability(capability))
	}
	for _, name := range sortedKeys(d.Parameters) {
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(d.Parameters[name])})
	}
	for _, key := range sortedKeys(d.Tags) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(d.Tags[key])})
	}
	return in, nil
}

// passTemplate puts a small template into the call, and the address of a larger one. Its document is read either way, which
// checks that it still is what its key says; at its address nothing else can be meanwhile, as documents are never written over.
func (t Create) passTemplate(ctx context.Context, in *cloudformation.CreateChangeSetInput, r store.Record) error {
	template, err := t.Store.Document(ctx, r.Template)
	if err != nil {
		return fmt.Errorf("read the template of %s: %w", r.ID, err)
	}
	if len(template) <= service.MaxInlineTemplate {
		in.TemplateBody = aws.String(string(template))
		return nil
	}
	if t.Templates != nil {
		if address, found := t.Templates.TemplateURL(r.Template); found {
			in.TemplateURL = aws.String(address)
			return nil
		}
	}
	return service.InlineTemplateFault(r.Service, len(template))
}

// unreadable is how CloudFormation says that it cannot read a TemplateURL: a ValidationError, like a mistake in the template.
var unreadable = regexp.MustCompile(`S3 error: |TemplateURL must reference a valid S3 object`)

// create makes the change set, or takes up the one that an earlier try made: the SDK may have lost the answer, and a
// failed set holds its name too.
func create(ctx context.Context, client Creator, in *cloudformation.CreateChangeSetInput) (arn, stackID string, err error) {
	name, stack := aws.ToString(in.ChangeSetName), aws.ToString(in.StackName)
	made, err := client.CreateChangeSet(ctx, in)
	if err == nil {
		return aws.ToString(made.Id), aws.ToString(made.StackId), nil
	}
	if in.TemplateURL != nil && unreadable.MatchString(err.Error()) {
		return "", "", deployment.Faultf(deployment.NotPermitted, "CloudFormation cannot read the template at %s: %w", *in.TemplateURL, err).
			Advise("deploy the installed templates of the hub and of the stack's account again: the role that plans, the bucket's policy and the key's must let it be read")
	}
	if !cfn.IsAlreadyExists(err) {
		return "", "", cfn.Fault(err, "create change set %s for stack %s", name, stack)
	}
	there, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: in.ChangeSetName, StackName: in.StackName})
	if err != nil {
		return "", "", cfn.Fault(err, "describe the earlier change set %s for stack %s", name, stack)
	}
	if !deployment.ID(name).Describes(aws.ToString(there.Description)) {
		return "", "", deployment.Faultf(deployment.InvalidRequest, "stack %s has a change set %s that is not ours", stack, name).
			Advise("delete it, or deploy again under a new id")
	}
	return aws.ToString(there.ChangeSetId), aws.ToString(there.StackId), nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
