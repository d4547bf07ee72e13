// Package synth reads synthesized CloudFormation templates as far as permissions go: roles with their trust, and the
// policies of resources. It refuses what it cannot resolve, and it synthesizes nothing.
package synth

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stackgate/test/iam/policy"
)

// Role is a role of a template.
type Role struct {
	ARN      string
	Trust    policy.Document
	Identity []policy.Document
}

// Installation is what all templates hold together.
type Installation struct {
	// Roles by their ARNs.
	Roles map[string]Role
	// Policies are those of resources, by the ARN of a bucket, table, topic, queue, event bus or key.
	Policies map[string]policy.Document
	// Machines is the role of each state machine, by the machine's name.
	Machines map[string]string
	// Functions are the environment variables of functions, by their names.
	Functions map[string]map[string]string
}

// Template is a synthesized template and where it is deployed to.
type Template struct {
	Name            string
	Content         []byte
	Account, Region string
}

// Read reads templates that make up an installation.
func Read(templates []Template) (Installation, error) {
	in := Installation{
		Roles: map[string]Role{}, Policies: map[string]policy.Document{}, Machines: map[string]string{}, Functions: map[string]map[string]string{},
	}
	for _, t := range templates {
		r := resolver{template: t}
		if err := json.Unmarshal(t.Content, &r.body); err != nil {
			return in, fmt.Errorf("read %s: %w", t.Name, err)
		}
		for _, id := range slices.Sorted(maps.Keys(r.body.Resources)) {
			if err := in.add(r, id); err != nil {
				return in, fmt.Errorf("%s, resource %s: %w", t.Name, id, err)
			}
		}
	}
	return in, nil
}

func (in Installation) add(r resolver, id string) error {
	resource := r.body.Resources[id]
	switch resource.Type {
	case "AWS::IAM::Role":
		role, err := r.role(id)
		if err != nil {
			return err
		}
		if _, twice := in.Roles[role.ARN]; twice {
			return fmt.Errorf("role %s is made twice", role.ARN)
		}
		in.Roles[role.ARN] = role
	case "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::Events::EventBusPolicy", "AWS::KMS::Key":
		return in.policy(r, id)
	case "AWS::DynamoDB::Table":
		if resource.Properties["ResourcePolicy"] != nil {
			return in.policy(r, id)
		}
	case "AWS::StepFunctions::StateMachine":
		name, err := r.text(resource.Properties["StateMachineName"])
		if err != nil {
			return err
		}
		in.Machines[name], err = r.text(resource.Properties["RoleArn"])
		return err
	case "AWS::Lambda::Function":
		name, err := r.text(resource.Properties["FunctionName"])
		if err != nil {
			return err
		}
		in.Functions[name] = map[string]string{}
		environment, _ := resource.Properties["Environment"].(map[string]any)
		variables, _ := environment["Variables"].(map[string]any)
		for key, value := range variables {
			if in.Functions[name][key], err = r.text(value); err != nil {
				return err
			}
		}
	case "AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::SQS::QueueInlinePolicy":
		// Permissions would be missed that stand beside the roles.
		return fmt.Errorf("resources of type %s are not read here", resource.Type)
	}
	return nil
}

// policy adds the policy of a resource.
func (in Installation) policy(r resolver, id string) error {
	resource := r.body.Resources[id]
	document, targets := resource.Properties["PolicyDocument"], []any{}
	switch resource.Type {
	case "AWS::S3::BucketPolicy":
		targets = append(targets, resource.Properties["Bucket"])
	case "AWS::SNS::TopicPolicy":
		targets, _ = resource.Properties["Topics"].([]any)
	case "AWS::SQS::QueuePolicy":
		targets, _ = resource.Properties["Queues"].([]any)
	case "AWS::Events::EventBusPolicy":
		targets = append(targets, resource.Properties["EventBusName"])
		document = map[string]any{"Version": "2012-10-17", "Statement": resource.Properties["Statement"]}
	case "AWS::DynamoDB::Table":
		own, _ := resource.Properties["ResourcePolicy"].(map[string]any)
		targets, document = append(targets, map[string]any{"Ref": id}), own["PolicyDocument"]
	case "AWS::KMS::Key":
		targets, document = append(targets, map[string]any{"Ref": id}), resource.Properties["KeyPolicy"]
	}
	parsed, err := r.document(document)
	if err != nil {
		return err
	}
	for _, target := range targets {
		reference, _ := target.(map[string]any)
		of, _ := reference["Ref"].(string)
		arn, err := r.arn(of)
		if err != nil {
			return err
		}
		if _, twice := in.Policies[arn]; twice {
			return fmt.Errorf("%s has two policies", arn)
		}
		in.Policies[arn] = parsed
	}
	return nil
}

func (r resolver) role(id string) (Role, error) {
	properties := r.body.Resources[id].Properties
	for key := range properties {
		if !slices.Contains([]string{"AssumeRolePolicyDocument", "Description", "Policies", "RoleName", "Tags", "PermissionsBoundary", "MaxSessionDuration"}, key) {
			return Role{}, fmt.Errorf("its property %s is not read here", key)
		}
	}
	arn, err := r.arn(id)
	if err != nil {
		return Role{}, err
	}
	role := Role{ARN: arn}
	if role.Trust, err = r.document(properties["AssumeRolePolicyDocument"]); err != nil {
		return role, fmt.Errorf("trust: %w", err)
	}
	policies, _ := properties["Policies"].([]any)
	for _, p := range policies {
		one, _ := p.(map[string]any)
		document, err := r.document(one["PolicyDocument"])
		if err != nil {
			return role, fmt.Errorf("policy %v: %w", one["PolicyName"], err)
		}
		role.Identity = append(role.Identity, document)
	}
	return role, nil
}

func (r resolver) document(value any) (policy.Document, error) {
	resolved, err := r.value(value)
	if err != nil {
		return policy.Document{}, err
	}
	content, err := json.Marshal(resolved)
	if err != nil {
		return policy.Document{}, err
	}
	return policy.Parse(content)
}

// Name is the role's name without what all names begin with.
func (r Role) Name() string { return r.ARN[strings.LastIndexByte(r.ARN, '/')+1:] }
