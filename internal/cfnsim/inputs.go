package cfnsim

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/cfnsim/template"
)

// inputRule is what an operation requires and understands of its input. A member that is given and not understood is
// refused, never ignored; a test walks all members of all inputs.
type inputRule struct {
	required   []string
	understood []string
}

var inputRules = map[string]inputRule{
	"CreateChangeSet": {[]string{"ChangeSetName", "StackName"}, []string{"Capabilities", "ChangeSetType", "ClientToken", "Description",
		"IncludeNestedStacks", "NotificationARNs", "OnStackFailure", "Parameters", "RoleARN", "RollbackConfiguration", "Tags",
		"TemplateBody", "TemplateURL", "UsePreviousTemplate", "DisableValidation"}},
	"DescribeChangeSet":      {[]string{"ChangeSetName"}, []string{"IncludePropertyValues", "NextToken", "StackName"}},
	"DescribeChangeSetHooks": {[]string{"ChangeSetName"}, []string{"LogicalResourceId", "NextToken", "StackName"}},
	"ListChangeSets":         {[]string{"StackName"}, []string{"NextToken"}},
	"ExecuteChangeSet":       {[]string{"ChangeSetName"}, []string{"ClientRequestToken", "DisableRollback", "RetainExceptOnCreate", "StackName"}},
	"DeleteChangeSet":        {[]string{"ChangeSetName"}, []string{"StackName"}},
	"DescribeStacks":         {nil, []string{"NextToken", "StackName"}},
	"DescribeStackEvents":    {[]string{"StackName"}, []string{"NextToken"}},
	"DescribeStackResources": {nil, []string{"LogicalResourceId", "PhysicalResourceId", "StackName"}},
	"DescribeStackResource":  {[]string{"LogicalResourceId", "StackName"}, nil},
	"ListStackResources":     {[]string{"StackName"}, []string{"NextToken"}},
	"ListStacks":             {nil, []string{"NextToken", "StackStatusFilter"}},
	"ListExports":            {nil, []string{"NextToken"}},
	"GetTemplate":            {nil, []string{"ChangeSetName", "StackName", "TemplateStage"}},
	"GetTemplateSummary":     {nil, []string{"StackName", "TemplateBody", "TemplateURL"}},
	"ValidateTemplate":       {nil, []string{"TemplateBody", "TemplateURL"}},
	"DeleteStack":            {[]string{"StackName"}, []string{"ClientRequestToken", "DeletionMode", "RetainResources", "RoleARN"}},
	"CancelUpdateStack":      {[]string{"StackName"}, []string{"ClientRequestToken"}},
	"ContinueUpdateRollback": {[]string{"StackName"}, []string{"ClientRequestToken", "ForceRollback", "ResourcesToSkip", "RoleARN"}},
	"RollbackStack":          {[]string{"StackName"}, []string{"ClientRequestToken", "RetainExceptOnCreate", "RoleARN"}},
	"DescribeEvents":         {nil, []string{"ChangeSetName", "Filters", "NextToken", "OperationId", "StackName"}},
	"ListHookResults":        {nil, []string{"NextToken", "Status", "TargetId", "TargetType", "TypeArn"}},
	"GetHookResult":          {nil, []string{"HookResultId"}},
}

// checkRequired is the check that the SDK makes before it sends anything.
func checkRequired(operation string, in any) error {
	value := reflect.ValueOf(in).Elem()
	invalid := smithy.InvalidParamsError{Context: operation + "Input"}
	for _, name := range inputRules[operation].required {
		if value.FieldByName(name).IsNil() {
			invalid.Add(smithy.NewErrParamRequired(name))
		}
	}
	if invalid.Len() > 0 {
		return invalid
	}
	return nil
}

const (
	stackNamePattern     = `[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*`
	changeSetNamePattern = `[a-zA-Z][-a-zA-Z0-9]*`
	tokenPattern         = `[a-zA-Z0-9][-a-zA-Z0-9]*`
)

// textRule is a constraint on a member, checked in the order in which AWS lists violations.
type textRule struct {
	member, wire string
	most         int
	pattern      string
}

var textRules = []textRule{
	{"StackName", "stackName", 0, stackNamePattern},
	{"ChangeSetName", "changeSetName", 1600, `[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/]*`},
	{"ClientToken", "clientToken", 128, ""},
	{"ClientRequestToken", "clientRequestToken", 128, tokenPattern},
	{"Description", "description", 1024, ""},
	{"TemplateBody", "templateBody", template.MaxInlineBytes, ""},
	{"TemplateURL", "templateURL", 5120, ""},
	{"NextToken", "nextToken", 1024, ""},
}

var anchored = map[string]*regexp.Regexp{
	stackNamePattern:                            regexp.MustCompile(`^(?:` + stackNamePattern + `)$`),
	changeSetNamePattern:                        regexp.MustCompile(`^(?:` + changeSetNamePattern + `)$`),
	`[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/]*`: regexp.MustCompile(`^(?:[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/]*)$`),
	tokenPattern:                                regexp.MustCompile(`^(?:` + tokenPattern + `)$`),
}

// checkInput refuses what the service would refuse by its model, and what the simulator does not understand.
func checkInput(operation string, in any) error {
	rule := inputRules[operation]
	value := reflect.ValueOf(in).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() || value.Field(i).IsZero() || slices.Contains(rule.required, field.Name) || slices.Contains(rule.understood, field.Name) {
			continue
		}
		// False is what every unknown switch is anyway.
		if flag, isFlag := value.Field(i).Interface().(*bool); isFlag && !*flag {
			continue
		}
		return notSimulated("%s with %s", operation, field.Name)
	}
	for _, rule := range textRules {
		field := value.FieldByName(rule.member)
		if !field.IsValid() || field.IsNil() {
			continue
		}
		text, _ := field.Interface().(*string)
		if text == nil {
			continue
		}
		if operation == "CreateChangeSet" && rule.member == "ChangeSetName" {
			rule.most, rule.pattern = 128, changeSetNamePattern
		}
		if err := rule.check(*text); err != nil {
			return err
		}
	}
	return checkLists(value)
}

func (r textRule) check(text string) error {
	shown := text
	if len(shown) > 200 {
		shown = shown[:200] + "…"
	}
	constraint := ""
	switch {
	case text == "":
		constraint = "Member must have length greater than or equal to 1"
	case r.most > 0 && len(text) > r.most:
		constraint = fmt.Sprintf("Member must have length less than or equal to %d", r.most)
	case r.pattern != "" && !anchored[r.pattern].MatchString(text):
		constraint = "Member must satisfy regular expression pattern: " + r.pattern
	default:
		return nil
	}
	return validationError("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", shown, r.wire, constraint)
}

// checkLists checks the members whose length or content the model limits.
func checkLists(value reflect.Value) error {
	if field := value.FieldByName("Tags"); field.IsValid() {
		tags, _ := field.Interface().([]types.Tag)
		if len(tags) > 50 {
			return validationError("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
		}
		seen := map[string]bool{}
		for _, tag := range tags {
			key := aws.ToString(tag.Key)
			if key == "" || len(key) > 128 || len(aws.ToString(tag.Value)) > 256 {
				return validationError("Tag keys must have 1 to 128 characters and tag values at most 256: %s", key)
			}
			if seen[key] {
				return validationError("Tag keys must be unique: %s", key)
			}
			seen[key] = true
		}
	}
	if field := value.FieldByName("Capabilities"); field.IsValid() {
		capabilities, _ := field.Interface().([]types.Capability)
		for _, capability := range capabilities {
			if !slices.Contains(capability.Values(), capability) {
				return validationError("1 validation error detected: Value '[%s]' at 'capabilities' failed to satisfy constraint: Member must satisfy enum value set: [CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND, CAPABILITY_IAM]", capability)
			}
		}
	}
	if name := value.FieldByName("StackName"); name.IsValid() && !name.IsNil() {
		if text, _ := name.Interface().(*string); text != nil && len(*text) > 128 && (*text)[:4] != "arn:" {
			return validationError("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must have length less than or equal to 128", *text)
		}
	}
	return nil
}
