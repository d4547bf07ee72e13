package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/infra/nag"
)

// newAnnouncements makes the topic by which people are told of reviews and outcomes.
func (h *hub) newAnnouncements() awssns.Topic {
	key := h.key
	if key == nil {
		key = awskms.Alias_FromAliasName(h.stack, jsii.String("SnsKey"), jsii.String("alias/aws/sns"))
	}
	return awssns.NewTopic(h.stack, jsii.String("Announcements"), &awssns.TopicProps{
		TopicName: jsii.String(installation.AnnouncementTopic), DisplayName: jsii.String("stackgate"),
		EnforceSSL: jsii.Bool(true), MasterKey: key,
	})
}

// newAlarmTopic makes the topic of alarms and of calls that change stackgate itself.
func (h *hub) newAlarmTopic() awssns.Topic {
	topic := awssns.NewTopic(h.stack, jsii.String("Alarms"), &awssns.TopicProps{
		TopicName: jsii.String(installation.AlarmTopic), DisplayName: jsii.String("stackgate alarms"),
		EnforceSSL: jsii.Bool(true), MasterKey: h.key,
	})
	if h.key == nil {
		nag.Accept(topic, "AwsSolutions-SNS2", "CloudWatch cannot publish to a topic that is encrypted with the key that AWS manages for SNS; the setting customerManagedKey encrypts it.")
	}
	return topic
}

// newDeadLetters makes the queue of events that could not be handled. They are kept as long as SQS keeps anything.
func (h *hub) newDeadLetters() awssqs.Queue {
	props := &awssqs.QueueProps{
		QueueName: jsii.String("stackgate-dead-letters"), EnforceSSL: jsii.Bool(true),
		Encryption: awssqs.QueueEncryption_SQS_MANAGED, RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	}
	if h.key != nil {
		props.Encryption, props.EncryptionMasterKey = awssqs.QueueEncryption_KMS, h.key
	}
	queue := awssqs.NewQueue(h.stack, jsii.String("DeadLetters"), props)
	nag.Accept(queue, "AwsSolutions-SQS3", "It is the dead-letter queue of the rules and of the events function.")
	return queue
}

// takeDeadLetters lets a rule send to the queue what it could not deliver.
func takeDeadLetters(queue awssqs.Queue, from awsevents.CfnRule) {
	queue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Actions:    texts("sqs:SendMessage"), Resources: texts(*queue.QueueArn()),
		Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": from.AttrArn()}},
	}))
}
