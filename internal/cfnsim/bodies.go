package cfnsim

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/template"
)

// fetchedTemplate is what a TemplateURL led to. Templates are fetched before the world is locked.
type fetchedTemplate struct {
	body string
	err  error
}

func (s *Simulator) fetchTemplates(ctx context.Context, in any) (map[string]fetchedTemplate, error) {
	field := reflect.ValueOf(in).Elem().FieldByName("TemplateURL")
	if !field.IsValid() || field.IsNil() {
		return nil, nil
	}
	url := *field.Interface().(*string)
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "s3://") && !strings.HasPrefix(url, "ssm-doc://") {
		return nil, validationError("TemplateURL must be a supported URL.")
	}
	if s.options.Templates == nil {
		return map[string]fetchedTemplate{url: {err: validationError("S3 error: Access Denied")}}, nil
	}
	body, err := s.options.Templates.Template(ctx, url)
	if err != nil {
		return map[string]fetchedTemplate{url: {err: validationError("S3 error: %v", err)}}, nil
	}
	if len(body) > template.MaxStoredBytes {
		err = validationError("Template may not exceed %d bytes in size.", template.MaxStoredBytes)
	}
	return map[string]fetchedTemplate{url: {body, err}}, nil
}

func (r *request) bodyOrURL(body, url *string) (string, error) {
	switch {
	case body != nil && url != nil:
		return "", validationError("Only one of template body or template url may be specified.")
	case body != nil:
		return *body, nil
	case url != nil:
		if object, put := r.w.Objects[*url]; put && !object.Fetched {
			return object.Body, nil
		}
		fetched := r.fetched[*url]
		return fetched.body, fetched.err
	default:
		return "", validationError("Either Template URL or Template Body must be specified.")
	}
}

func (r *request) getTemplate(in *cloudformation.GetTemplateInput) (*cloudformation.GetTemplateOutput, error) {
	out := &cloudformation.GetTemplateOutput{StagesAvailable: []types.TemplateStage{types.TemplateStageOriginal, types.TemplateStageProcessed}}
	if in.ChangeSetName != nil {
		if !strings.HasPrefix(*in.ChangeSetName, "arn:") && in.StackName == nil {
			return nil, validationError("StackName is a required parameter.")
		}
		set, _, err := r.changeSet(in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, err
		}
		out.TemplateBody = aws.String(set.Target.Template)
		return out, nil
	}
	if in.StackName == nil {
		return nil, validationError("StackName is required if ChangeSetName is not specified.")
	}
	s := r.w.find(r.account, r.region, *in.StackName)
	if s == nil {
		return nil, validationError("Stack with id %s does not exist", *in.StackName)
	}
	if s.Status == types.StackStatusReviewInProgress {
		return nil, validationError("Stack %s is in REVIEW_IN_PROGRESS state and has no template", *in.StackName)
	}
	out.TemplateBody = aws.String(s.Deployed.Template)
	return out, nil
}

// summarised reads the template that a request names by body, URL or stack.
func (r *request) summarised(body, url, stackName *string) (*template.Template, error) {
	if stackName == nil {
		text, err := r.bodyOrURL(body, url)
		if err != nil {
			return nil, err
		}
		parsed, err := template.Parse(text)
		return parsed, asAPIError(err)
	}
	s := r.w.find(r.account, r.region, *stackName)
	switch {
	case s == nil:
		return nil, validationError("Stack with id %s does not exist", *stackName)
	case s.Status == types.StackStatusReviewInProgress:
		return nil, validationError("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
	}
	parsed, err := template.Parse(s.Deployed.Template)
	return parsed, asAPIError(err)
}

func (r *request) getTemplateSummary(in *cloudformation.GetTemplateSummaryInput) (*cloudformation.GetTemplateSummaryOutput, error) {
	parsed, err := r.summarised(in.TemplateBody, in.TemplateURL, in.StackName)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.GetTemplateSummaryOutput{Description: optional(parsed.Description), Version: optional(parsed.Version), DeclaredTransforms: parsed.Transforms}
	if parsed.Metadata != nil {
		out.Metadata = aws.String(maskedJSON(parsed.Metadata))
	}
	types := map[string]bool{}
	for _, resource := range parsed.Resources {
		types[resource.Type] = true
	}
	out.ResourceTypes = sortedIDs(types)
	out.Capabilities, out.CapabilitiesReason = r.capabilities(parsed)
	for _, name := range sortedIDs(parsed.Parameters) {
		out.Parameters = append(out.Parameters, declaration(parsed.Parameters[name]))
	}
	return out, nil
}

func declaration(p template.Parameter) types.ParameterDeclaration {
	return types.ParameterDeclaration{
		ParameterKey: aws.String(p.Name), ParameterType: aws.String(p.Type), DefaultValue: p.Default, NoEcho: aws.Bool(p.NoEcho),
		Description: optional(p.Description), ParameterConstraints: &types.ParameterConstraints{AllowedValues: p.AllowedValues},
	}
}

func (r *request) validateTemplate(in *cloudformation.ValidateTemplateInput) (*cloudformation.ValidateTemplateOutput, error) {
	parsed, err := r.summarised(in.TemplateBody, in.TemplateURL, nil)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ValidateTemplateOutput{Description: optional(parsed.Description), DeclaredTransforms: parsed.Transforms}
	out.Capabilities, out.CapabilitiesReason = r.capabilities(parsed)
	for _, name := range sortedIDs(parsed.Parameters) {
		p := parsed.Parameters[name]
		out.Parameters = append(out.Parameters, types.TemplateParameter{
			ParameterKey: aws.String(name), DefaultValue: p.Default, NoEcho: aws.Bool(p.NoEcho), Description: optional(p.Description),
		})
	}
	return out, nil
}

func (r *request) capabilities(parsed *template.Template) ([]types.Capability, *string) {
	needed, because := r.w.requiredCapability(parsed)
	if needed == "" {
		return nil, nil
	}
	return []types.Capability{needed}, aws.String(fmt.Sprintf("The following resource(s) require capabilities: [%s]", strings.Join(because, ", ")))
}

// optional is nil for an empty text, as absent members are.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
