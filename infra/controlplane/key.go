package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
)

// newKey makes the key of everything that is kept. Its policy names the services that use it on their own; whoever comes
// through DynamoDB, S3, SNS or SQS needs the permission in their own policy besides.
func (h *hub) newKey() awskms.IKey {
	key := awskms.NewKey(h.stack, jsii.String("Key"), &awskms.KeyProps{
		Alias:             jsii.String("alias/stackgate"),
		Description:       jsii.String("Encrypts what stackgate keeps: records, reviews, messages and logs"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
	})
	s := h.Settings
	logs := "arn:" + s.Partition() + ":logs:" + s.Region + ":" + s.Account + ":log-group:"
	// CloudWatch Logs names the group in the encryption context (CloudWatch Logs user guide, encrypt log data).
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("LogGroups"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("logs."+s.Region+".amazonaws.com"), nil)},
		Actions:    texts("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
		Resources:  texts("*"),
		Conditions: &map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": []string{
			logs + "/aws/lambda/stackgate-*", logs + "/aws/vendedlogs/*stackgate*",
		}}},
	}), nil)
	// Alarms and rules publish to an encrypted topic themselves, and rules send to an encrypted queue.
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("AlarmsAndRules"),
		Principals: &[]awsiam.IPrincipal{
			awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil),
			awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil),
		},
		Actions:    texts("kms:Decrypt", "kms:GenerateDataKey*"),
		Resources:  texts("*"),
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": s.Account}},
	}), nil)
	// CloudFormation reads large templates with the rights of the target accounts' roles that plan.
	if readers := h.templateReaders(); readers != nil {
		key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String("ReadTemplates"), Principals: &readers, Actions: texts("kms:Decrypt"), Resources: texts("*"),
			Conditions: h.templateConditions(s.ThroughBucket()),
		}), nil)
	}
	return key
}

// keyUse is what a role needs to go through an encrypted store; nothing where AWS manages the key.
func (h *hub) keyUse() []awsiam.PolicyStatement {
	if h.key == nil {
		return nil
	}
	return []awsiam.PolicyStatement{allow("UseKey", []string{"kms:Decrypt", "kms:GenerateDataKey"}, []string{*h.key.KeyArn()})}
}
