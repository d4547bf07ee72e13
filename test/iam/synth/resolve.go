package synth

import (
	"fmt"
	"regexp"
	"strings"
)

// resolver computes the functions of one template.
type resolver struct {
	template Template
	body     struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
	}
}

// value returns a value with every function in it computed.
func (r resolver) value(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		all := make([]any, len(v))
		for i := range v {
			item, err := r.value(v[i])
			if err != nil {
				return nil, err
			}
			all[i] = item
		}
		return all, nil
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return r.function(name, argument)
				}
			}
		}
		all := map[string]any{}
		for key := range v {
			item, err := r.value(v[key])
			if err != nil {
				return nil, err
			}
			all[key] = item
		}
		return all, nil
	}
	return v, nil
}

func (r resolver) text(v any) (string, error) {
	resolved, err := r.value(v)
	if err != nil {
		return "", err
	}
	text, ok := resolved.(string)
	if !ok {
		return "", fmt.Errorf("%v is not text", v)
	}
	return text, nil
}

func (r resolver) function(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		return r.ref(fmt.Sprint(argument))
	case "Fn::GetAtt":
		parts, ok := argument.([]any)
		if !ok || len(parts) != 2 {
			return nil, fmt.Errorf("Fn::GetAtt of %v", argument)
		}
		id, attribute := fmt.Sprint(parts[0]), fmt.Sprint(parts[1])
		if (attribute == "Arn" || attribute == "TopicArn") && r.body.Resources[id].Type != "" {
			arn, err := r.arn(id)
			if r.body.Resources[id].Type == "AWS::Logs::LogGroup" {
				// As CloudFormation returns it: the group's streams.
				arn += ":*"
			}
			return arn, err
		}
	case "Fn::Join":
		parts, ok := argument.([]any)
		if !ok || len(parts) != 2 {
			return nil, fmt.Errorf("Fn::Join of %v", argument)
		}
		items, ok := parts[1].([]any)
		if !ok {
			return nil, fmt.Errorf("Fn::Join of %v", argument)
		}
		texts := make([]string, len(items))
		for i := range items {
			var err error
			if texts[i], err = r.text(items[i]); err != nil {
				return nil, err
			}
		}
		return strings.Join(texts, fmt.Sprint(parts[0])), nil
	case "Fn::Sub":
		if text, ok := argument.(string); ok {
			return r.substitute(text)
		}
	}
	return nil, fmt.Errorf("%s of %v is not computed here", name, argument)
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// substitute fills in ${Name}, and writes ${Name} for ${!Name}.
func (r resolver) substitute(text string) (string, error) {
	var failed error
	filled := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		if literal, escaped := strings.CutPrefix(name, "!"); escaped {
			return "${" + literal + "}"
		}
		value, err := r.ref(name)
		if err != nil {
			failed = err
		}
		return value
	})
	return filled, failed
}

func (r resolver) ref(id string) (string, error) {
	switch id {
	case "AWS::AccountId":
		return r.template.Account, nil
	case "AWS::Region":
		return r.template.Region, nil
	case "AWS::Partition":
		return "aws", nil
	}
	switch r.body.Resources[id].Type {
	case "AWS::SNS::Topic", "AWS::Lambda::Version":
		return r.arn(id)
	case "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Events::EventBus", "AWS::IAM::Role", "AWS::Lambda::Function":
		return r.name(id)
	}
	return "", fmt.Errorf("a Ref of %s is not computed here", id)
}

// nameProperties are the properties that name resources: nothing here is named by CloudFormation.
var nameProperties = map[string]string{
	"AWS::SNS::Topic": "TopicName", "AWS::S3::Bucket": "BucketName", "AWS::DynamoDB::Table": "TableName", "AWS::Events::EventBus": "Name",
	"AWS::IAM::Role": "RoleName", "AWS::Lambda::Function": "FunctionName", "AWS::Logs::LogGroup": "LogGroupName", "AWS::SQS::Queue": "QueueName",
	"AWS::Events::Rule": "Name",
}

func (r resolver) name(id string) (string, error) {
	resource := r.body.Resources[id]
	property, known := nameProperties[resource.Type]
	if !known {
		return "", fmt.Errorf("the name of a resource of type %q is not known", resource.Type)
	}
	name, err := r.text(resource.Properties[property])
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", property, id, err)
	}
	return name, nil
}

// arn of a resource, by its name.
func (r resolver) arn(id string) (string, error) {
	resource := r.body.Resources[id]
	if resource.Type == "AWS::Lambda::Version" {
		function, err := r.text(resource.Properties["FunctionName"])
		if err != nil {
			return "", err
		}
		return r.arnOf("lambda", "function:"+function+":1"), nil
	}
	if resource.Type == "AWS::KMS::Key" {
		return r.arnOf("kms", "key/"+strings.ToLower(id)), nil
	}
	name, err := r.name(id)
	if err != nil {
		return "", err
	}
	switch resource.Type {
	case "AWS::SNS::Topic":
		return r.arnOf("sns", name), nil
	case "AWS::S3::Bucket":
		return "arn:aws:s3:::" + name, nil
	case "AWS::DynamoDB::Table":
		return r.arnOf("dynamodb", "table/"+name), nil
	case "AWS::Events::EventBus":
		return r.arnOf("events", "event-bus/"+name), nil
	case "AWS::IAM::Role":
		return "arn:aws:iam::" + r.template.Account + ":role/" + name, nil
	case "AWS::Lambda::Function":
		return r.arnOf("lambda", "function:"+name), nil
	case "AWS::Logs::LogGroup":
		return r.arnOf("logs", "log-group:"+name), nil
	case "AWS::SQS::Queue":
		return r.arnOf("sqs", name), nil
	case "AWS::Events::Rule":
		return r.arnOf("events", "rule/"+name), nil
	}
	return "", fmt.Errorf("the ARN of a resource of type %q is not known", resource.Type)
}

func (r resolver) arnOf(service, resource string) string {
	return strings.Join([]string{"arn", "aws", service, r.template.Region, r.template.Account, resource}, ":")
}
