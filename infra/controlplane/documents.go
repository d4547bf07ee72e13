package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/nag"
	"stackgate/internal/installed"
	"stackgate/internal/store/dynamo"
)

// newBucket makes the bucket of documents: reviews, tails, templates, definitions. Each is written once, under the hash of
// its content, and nothing that people decided upon may vanish, so that no lifecycle rule removes one.
func (h *hub) newBucket() awss3.Bucket {
	encryption := awss3.BucketEncryption_S3_MANAGED
	if h.key != nil {
		encryption = awss3.BucketEncryption_KMS
	}
	props := &awss3.BucketProps{
		BucketName:        jsii.String(h.Settings.Bucket()),
		Versioned:         jsii.Bool(true),
		Encryption:        encryption,
		EncryptionKey:     h.key,
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
		// Uploads in parts that were never completed are no documents; all else stays.
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id: jsii.String("incomplete-uploads"), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		}},
	}
	if h.key != nil {
		props.BucketKeyEnabled = jsii.Bool(true)
	}
	if days := h.Settings.RetainDocumentsDays; days > 0 {
		props.ObjectLockEnabled = jsii.Bool(true)
		props.ObjectLockDefaultRetention = awss3.ObjectLockRetention_Governance(awscdk.Duration_Days(jsii.Number(float64(days))))
	}
	bucket := awss3.NewBucket(h.stack, jsii.String("Documents"), props)
	documents := *bucket.BucketArn() + "/" + dynamo.DocumentPrefix + "*"
	bucket.AddToResourcePolicy(deny("OverwriteNothing", []string{"s3:PutObject"}, documents,
		map[string]any{"Null": map[string]any{"s3:if-none-match": "true"}}))
	bucket.AddToResourcePolicy(deny("DeleteNothing", []string{"s3:DeleteObject", "s3:DeleteObjectVersion"}, documents, nil))
	if readers := h.templateReaders(); readers != nil {
		bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String("ReadTemplates"), Principals: &readers, Actions: texts("s3:GetObject"), Resources: texts(*bucket.BucketArn() + "/" + dynamo.DocumentPrefix + "template/*"),
			Conditions: h.templateConditions(nil),
		}))
	}
	// A bucket that stays without its policy would take deletions and plain HTTP.
	bucket.Policy().ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN)
	nag.Accept(bucket, "AwsSolutions-S1", "Versions and the denial of overwriting and deleting keep what was written; who reads is recorded where the account's trail has data events of the bucket, which is the account's choice, and an access-log bucket would be a second store to guard.")
	return bucket
}

// deny forbids to everybody, administrators included: who must, changes the policy first, which is announced.
func deny(sid string, actions []string, resource string, conditions map[string]any) awsiam.PolicyStatement {
	props := &awsiam.PolicyStatementProps{
		Sid: &sid, Effect: awsiam.Effect_DENY, Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions: texts(actions...), Resources: texts(resource),
	}
	if conditions != nil {
		props.Conditions = &conditions
	}
	return awsiam.NewPolicyStatement(props)
}

// templateReaders are the target accounts, whose roles that plan hand CloudFormation the templates that fit no call.
func (h *hub) templateReaders() []awsiam.IPrincipal {
	var readers []awsiam.IPrincipal
	for _, account := range h.accounts() {
		readers = append(readers, awsiam.NewArnPrincipal(jsii.String("arn:"+h.Settings.Partition()+":iam::"+account+":root")))
	}
	return readers
}

// templateConditions limit those accounts to their roles that plan, and to whatever else alike must hold.
func (h *hub) templateConditions(alike map[string][]string) *map[string]any {
	conditions := map[string]any{"ArnLike": map[string]any{"aws:PrincipalArn": h.ownRoles(installed.Plan)}}
	if len(alike) > 0 {
		conditions["StringLike"] = alike
	}
	if id := h.Settings.OrganizationID; id != "" {
		conditions["StringEquals"] = map[string]any{"aws:PrincipalOrgID": id}
	}
	return &conditions
}
