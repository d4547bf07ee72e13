package plan

import "slices"

// statefulTypes names, by tier, the resource types with whose physical resource something is lost that no deployment
// brings back. The base is the list of cfn-lint rule I3011; what it lacks was added. AWS::CloudFormation::Stack is
// missing on purpose: a nested stack is judged by what is in it. It is never written to.
var statefulTypes = tiersByType(map[Statefulness][]string{
	StatefulData: {
		"AWS::AmazonMQ::Broker", "AWS::Backup::BackupVault", "AWS::Backup::LogicallyAirGappedBackupVault",
		"AWS::Cassandra::Keyspace", "AWS::Cassandra::Table", "AWS::CloudTrail::EventDataStore",
		"AWS::DAX::Cluster", "AWS::DSQL::Cluster", "AWS::DocDB::DBCluster", "AWS::DocDB::DBInstance", "AWS::DocDBElastic::Cluster",
		"AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table", "AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::ECR::PublicRepository",
		"AWS::ECR::Repository", "AWS::EFS::FileSystem", "AWS::EKS::Cluster", "AWS::EMR::Cluster", "AWS::ElastiCache::CacheCluster",
		"AWS::ElastiCache::ReplicationGroup", "AWS::ElastiCache::ServerlessCache", "AWS::Elasticsearch::Domain", "AWS::FSx::FileSystem",
		"AWS::FSx::Volume", "AWS::Glue::Table", "AWS::Kinesis::Stream", "AWS::Logs::LogGroup", "AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster",
		"AWS::MemoryDB::Cluster", "AWS::Neptune::DBCluster", "AWS::Neptune::DBInstance", "AWS::NeptuneGraph::Graph",
		"AWS::OpenSearchServerless::Collection", "AWS::OpenSearchService::Domain", "AWS::QLDB::Ledger", "AWS::RDS::DBCluster",
		"AWS::RDS::DBInstance", "AWS::RDS::GlobalCluster", "AWS::Redshift::Cluster", "AWS::RedshiftServerless::Namespace", "AWS::S3::Bucket",
		"AWS::S3Express::DirectoryBucket", "AWS::S3Tables::Table", "AWS::S3Tables::TableBucket", "AWS::SDB::Domain", "AWS::SSM::Parameter",
		"AWS::Timestream::Database", "AWS::Timestream::InfluxDBInstance", "AWS::Timestream::Table", "AWS::WorkSpaces::Workspace",
	},
	StatefulIdentity: {
		"AWS::ACMPCA::CertificateAuthority", "AWS::CertificateManager::Certificate", "AWS::Cognito::IdentityPool", "AWS::Cognito::UserPool",
		"AWS::KMS::Key", "AWS::KMS::ReplicaKey", "AWS::Organizations::Account", "AWS::Route53::HostedZone", "AWS::SecretsManager::Secret",
	},
	StatefulInFlight: {
		"AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api", "AWS::AppSync::GraphQLApi", "AWS::CloudFront::Distribution", "AWS::EC2::EIP",
		"AWS::ElasticLoadBalancing::LoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::Lambda::Url", "AWS::SNS::Topic",
		"AWS::SQS::Queue",
	},
})

func tiersByType(types map[Statefulness][]string) map[string]Statefulness {
	tiers := map[string]Statefulness{}
	for tier, names := range types {
		for _, name := range names {
			tiers[name] = tier
		}
	}
	return tiers
}

// StatefulTier returns what is lost with a resource of the type. Extra names further types, of a service's own
// definition, that hold data: Custom::Ledger.
func StatefulTier(resourceType string, extra []string) Statefulness {
	if slices.Contains(extra, resourceType) {
		return StatefulData
	}
	if tier, ok := statefulTypes[resourceType]; ok {
		return tier
	}
	return StatefulNone
}

// HarmlessType names types that have no physical resource, or one that nothing depends on. CloudFormation reports
// AWS::CDK::Metadata as "may be replaced" in almost every deployment of a CDK app.
func HarmlessType(resourceType string) bool {
	switch resourceType {
	case "AWS::CDK::Metadata", "AWS::CloudFormation::WaitConditionHandle":
		return true
	}
	return false
}

// OpaqueType says whether the effect of a change is in code that no change set shows.
func OpaqueType(resourceType string) bool {
	return resourceType == "AWS::CloudFormation::CustomResource" || len(resourceType) > 8 && resourceType[:8] == "Custom::"
}
