package security_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
	"stackgate/internal/plan/security"
)

const account = "111111111111"

func context(t testing.TB, properties string) any {
	t.Helper()
	if properties == "" {
		return nil
	}
	value, err := jsontree.Parse(`{"Properties":` + properties + `}`)
	if err != nil {
		t.Fatal(err)
	}
	return jsontree.Expand(value)
}

func analyze(t testing.TB, resourceType, before, after string) []plan.SecurityFinding {
	t.Helper()
	return security.Analyze(security.Resource{
		Type: resourceType, Before: context(t, before), After: context(t, after), Known: true, Account: account,
		Created: before == "", Removed: after == "",
	})
}

// say writes findings as direction and sentence, one a line.
func say(findings []plan.SecurityFinding) []string {
	out := []string{}
	for _, f := range findings {
		line := f.Direction.Mark() + " " + f.Summary
		if f.Everyone {
			line += " EVERYONE"
		}
		out = append(out, line)
	}
	return out
}

func policy(statements string) string { return `{"PolicyDocument":{"Statement":[` + statements + `]}}` }

const read = `{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:table/orders"}`

func TestIdentityPolicies(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                []string
	}{
		{"the same", read, read, []string{}},
		{"renamed statement", `{"Sid":"A","Effect":"Allow","Action":"a:b","Resource":"r"}`, `{"Sid":"B","Effect":"Allow","Action":["a:b"],"Resource":["r"]}`, []string{}},
		{"action in another case", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"r"}`, `{"Effect":"Allow","Action":"s3:getobject","Resource":"r"}`, []string{}},
		{"split in two", `{"Effect":"Allow","Action":["a:b","a:c"],"Resource":["r","s"]}`, `{"Effect":"Allow","Action":"a:b","Resource":["r","s"]},{"Effect":"Allow","Action":"a:c","Resource":["s","r"]}`, []string{}},
		{"covered by a wildcard", `{"Effect":"Allow","Action":"a:*","Resource":"*"}`, `{"Effect":"Allow","Action":"a:*","Resource":"*"},{"Effect":"Allow","Action":"a:b","Resource":"r"}`, []string{}},
		{"wildcards grow", read, `{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}`, []string{`+ allows dynamodb:* on *, was dynamodb:GetItem on arn:table/orders`}},
		{"only the new action is told", read, `{"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:PutItem"],"Resource":"arn:table/orders"}`, []string{`+ allows dynamodb:PutItem on arn:table/orders, was dynamodb:GetItem on arn:table/orders`}},
		{"narrowed", `{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}`, read, []string{`- no longer allows dynamodb:* on *, now dynamodb:GetItem on arn:table/orders`}},
		{"administrator", ``, `{"Effect":"Allow","Action":"*","Resource":"*"}`, []string{`+ allows * on * (administrator)`}},
		{"pass role", ``, `{"Effect":"Allow","Action":"iam:Pass*","Resource":"*"}`, []string{`+ allows iam:Pass* on * (can hand roles to services: iam:PassRole)`}},
		{"deny removed", `{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"}`, ``, []string{`+ no longer denies s3:Delete* on *`}},
		{"deny added", ``, `{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"}`, []string{`- denies s3:Delete* on *`}},
		{"condition removed", `{"Effect":"Allow","Action":"a:b","Resource":"r","Condition":{"StringEquals":{"aws:SourceVpc":"v"}}}`, `{"Effect":"Allow","Action":"a:b","Resource":"r"}`, []string{`+ allows a:b on r, was a:b on r if StringEquals aws:sourcevpc v`}},
		{"condition added", `{"Effect":"Allow","Action":"a:b","Resource":"r"}`, `{"Effect":"Allow","Action":"a:b","Resource":"r","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`, []string{`- no longer allows a:b on r, now a:b on r if Bool aws:securetransport true`}},
		{"condition loosened", `{"Effect":"Allow","Action":"a:b","Resource":"r","Condition":{"StringEquals":{"k":["x"]}}}`, `{"Effect":"Allow","Action":"a:b","Resource":"r","Condition":{"StringEquals":{"k":["x","y"]}}}`, []string{`+ allows a:b on r if StringEquals k x, y, was a:b on r if StringEquals k x`}},
		{"negated condition loosened", `{"Effect":"Allow","Action":"a:b","Resource":"r","Condition":{"StringNotEquals":{"k":["x","y"]}}}`, `{"Effect":"Allow","Action":"a:b","Resource":"r","Condition":{"StringNotEquals":{"k":["x"]}}}`, []string{`+ allows a:b on r if StringNotEquals k x, was a:b on r if StringNotEquals k x, y`}},
		{"not action", ``, `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, []string{`+ allows all actions but iam:* on * (everything but the named actions, also actions that AWS adds later)`}},
		{"not action shrinks its list", `{"Effect":"Allow","NotAction":["iam:*","s3:*"],"Resource":"*"}`, `{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}`, []string{`+ allows all actions but iam:* on *, was all actions but iam:*, s3:* on * (everything but the named actions, also actions that AWS adds later)`}},
		{"not action grows its list", `{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}`, `{"Effect":"Allow","NotAction":["iam:*","s3:*"],"Resource":"*"}`, []string{`- no longer allows all actions but iam:* on *, now all actions but iam:*, s3:* on *`}},
		{"not action covers an action", `{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}`, `{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"},{"Effect":"Allow","Action":"s3:GetObject","Resource":"r"}`, []string{}},
		{"deny with not action loosened", `{"Effect":"Deny","NotAction":["iam:Get*"],"Resource":"*"}`, `{"Effect":"Deny","NotAction":["iam:*"],"Resource":"*"}`, []string{`+ no longer denies all actions but iam:Get* on *, now all actions but iam:* on *`}},
		{"known after apply", read, `{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"{{changeSet:KNOWN_AFTER_APPLY}}"}`, []string{`? allows dynamodb:GetItem on {{changeSet:KNOWN_AFTER_APPLY}}, was dynamodb:GetItem on arn:table/orders; how far that reaches is known only after apply`}},
		{"broken statement", ``, `{"Effect":"Allow","Action":"a:b","Resource":"r"},{"Effect":"Maybe"}`, []string{`+ allows a:b on r`, `? holds a policy statement that cannot be read`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := say(analyze(t, "AWS::IAM::Policy", policy(c.before), policy(c.after)))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOtherPoliciesAndAttachments(t *testing.T) {
	lambdaTrust := `"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`
	for _, c := range []struct {
		name, resourceType, before, after string
		want                              []string
	}{
		{"trust of a new role in a service", "AWS::IAM::Role", ``, `{` + lambdaTrust + `}`, []string{}},
		{"trust in another account", "AWS::IAM::Role", `{` + lambdaTrust + `}`, `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::222222222222:root"}}]}}`,
			[]string{`+ allows sts:AssumeRole for account 222222222222, was sts:AssumeRole for lambda.amazonaws.com (another account: 222222222222)`}},
		{"trust in everyone", "AWS::IAM::Role", `{` + lambdaTrust + `}`, `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}]}}`,
			[]string{`+ allows sts:AssumeRole for everyone, was sts:AssumeRole for lambda.amazonaws.com (everyone, without a restricting condition) EVERYONE`}},
		{"role instead of account", "AWS::S3::BucketPolicy", policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"r","Principal":{"AWS":"111111111111"}}`), policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"r","Principal":{"AWS":"arn:aws:iam::111111111111:role/x"}}`),
			[]string{`- no longer allows s3:GetObject on r for account 111111111111, now s3:GetObject on r for arn:aws:iam::111111111111:role/x`}},
		{"federated without subject", "AWS::IAM::Role", ``, `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"},"Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"*"}}}]}}`,
			[]string{`+ allows sts:AssumeRoleWithWebIdentity for arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com if StringLike token.actions.githubusercontent.com:sub * (the federated subject is not pinned)`}},
		{"federated with subject", "AWS::IAM::Role", ``, `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"f"},"Condition":{"StringLike":{"x:sub":"repo:me/app:*"}}}]}}`,
			[]string{`+ allows sts:AssumeRoleWithWebIdentity for f if StringLike x:sub repo:me/app:*`}},
		{"public bucket", "AWS::S3::BucketPolicy", ``, policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:b/*","Principal":"*"}`),
			[]string{`+ allows s3:GetObject on arn:b/* for everyone (everyone, without a restricting condition) EVERYONE`}},
		{"everyone of an organisation", "AWS::SQS::QueuePolicy", ``, policy(`{"Effect":"Allow","Action":"sqs:*","Resource":"q","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`),
			[]string{`+ allows sqs:* on q for everyone if StringEquals aws:principalorgid o-1`}},
		{"everyone but one", "AWS::SNS::TopicPolicy", ``, policy(`{"Effect":"Allow","Action":"sns:Publish","Resource":"t","NotPrincipal":{"AWS":"111111111111"}}`),
			[]string{`+ allows sns:Publish on t for everyone but account 111111111111 (everyone but the named principals; everyone, without a restricting condition) EVERYONE`}},
		{"policy with a deny is removed", "AWS::S3::BucketPolicy", policy(`{"Effect":"Deny","Action":"s3:*","Resource":"r","Principal":"*"},{"Effect":"Allow","Action":"s3:Get*","Resource":"r","Principal":"*"}`), ``,
			[]string{`+ no longer denies s3:* on r for everyone`}},
		{"policy in a string", "AWS::SecretsManager::ResourcePolicy", ``, `{"ResourcePolicy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:*\",\"Resource\":\"*\",\"Principal\":{\"AWS\":\"222222222222\"}}]}"}`,
			[]string{`+ allows secretsmanager:* on * for account 222222222222 (another account: 222222222222)`}},
		{"key policy", "AWS::KMS::Key", `{"KeyPolicy":{"Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":"arn:aws:iam::111111111111:root"}}}}`, `{"KeyPolicy":{"Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::222222222222:root"]}}]}}`,
			[]string{`+ allows kms:* on * for account 222222222222, was kms:* on * for account 111111111111 (another account: 222222222222)`}},
		{"inline policies renamed and joined", "AWS::IAM::Role", `{"Policies":[{"PolicyName":"a","PolicyDocument":{"Statement":[` + read + `]}},{"PolicyName":"b","PolicyDocument":{"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}}]}`, `{"Policies":[{"PolicyName":"c","PolicyDocument":{"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"},` + read + `]}}]}`, []string{}},
		{"managed policies", "AWS::IAM::Role", `{"ManagedPolicyArns":["arn:aws:iam::aws:policy/ReadOnlyAccess"]}`, `{"ManagedPolicyArns":["arn:aws:iam::aws:policy/AdministratorAccess"]}`,
			[]string{`+ is given the managed policy arn:aws:iam::aws:policy/AdministratorAccess (administrator)`, `- loses the managed policy arn:aws:iam::aws:policy/ReadOnlyAccess`}},
		{"boundary removed", "AWS::IAM::Role", `{"PermissionsBoundary":"arn:b"}`, `{}`, []string{`+ loses its permissions boundary arn:b`}},
		{"boundary added", "AWS::IAM::Role", `{}`, `{"PermissionsBoundary":"arn:b"}`, []string{`- is given the permissions boundary arn:b`}},
		{"boundary changed", "AWS::IAM::User", `{"PermissionsBoundary":"a"}`, `{"PermissionsBoundary":"b"}`, []string{`? changes its permissions boundary from a to b`}},
		{"group membership", "AWS::IAM::User", `{"Groups":["dev"]}`, `{"Groups":["dev","admin"]}`, []string{`+ joins the group admin`}},
		{"policy gets a role", "AWS::IAM::ManagedPolicy", `{"Roles":["a"]}`, `{"Roles":["a","b"]}`, []string{`+ also applies to the role b`}},
		{"access key", "AWS::IAM::AccessKey", ``, `{"UserName":"joe"}`, []string{`+ makes a long-lived access key for the user joe`}},
		{"function opened to a service", "AWS::Lambda::Permission", ``, `{"FunctionName":"f","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com","SourceArn":"arn:b"}`, []string{`+ allows lambda:InvokeFunction on f for s3.amazonaws.com if ArnLike aws:sourcearn arn:b`}},
		{"source removed", "AWS::Lambda::Permission", `{"FunctionName":"f","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com","SourceArn":"arn:b"}`, `{"FunctionName":"f","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`,
			[]string{`+ allows lambda:InvokeFunction on f for s3.amazonaws.com, was lambda:InvokeFunction on f for s3.amazonaws.com if ArnLike aws:sourcearn arn:b`}},
		{"function opened to everyone", "AWS::Lambda::Permission", ``, `{"FunctionName":"f","Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE"}`, []string{`+ allows lambda:InvokeFunctionUrl on f for everyone if StringEquals lambda:functionurlauthtype NONE (everyone, without a restricting condition) EVERYONE`}},
		{"policy known after apply", "AWS::S3::BucketPolicy", policy(read), `{"PolicyDocument":"{{changeSet:KNOWN_AFTER_APPLY}}"}`, []string{`? PolicyDocument is known only after apply`, `- no longer allows dynamodb:GetItem on arn:table/orders`}},
		{"permission set", "AWS::SSO::PermissionSet", `{}`, `{"ManagedPolicies":["arn:aws:iam::aws:policy/PowerUserAccess"]}`, []string{`+ is given the managed policy arn:aws:iam::aws:policy/PowerUserAccess (administrator)`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, say(analyze(t, c.resourceType, c.before, c.after))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func ingress(rules ...string) string {
	return `{"SecurityGroupIngress":[` + strings.Join(rules, ",") + `]}`
}

func cidr(port, source string) string {
	return `{"IpProtocol":"tcp","FromPort":"` + port + `","ToPort":` + port + `,"CidrIp":"` + source + `"}`
}

func TestNetwork(t *testing.T) {
	for _, c := range []struct {
		name, resourceType, before, after string
		want                              []string
	}{
		{"the internet", "AWS::EC2::SecurityGroup", ingress(cidr("443", "10.0.0.0/8")), ingress(cidr("443", "0.0.0.0/0")), []string{`+ lets in tcp 443 from 0.0.0.0/0 (the whole internet), was tcp 443 from 10.0.0.0/8; 4278190080 more addresses EVERYONE`}},
		{"a wider range", "AWS::EC2::SecurityGroup", ingress(cidr("443", "10.0.0.0/16")), ingress(cidr("443", "10.0.0.0/15")), []string{`+ lets in tcp 443 from 10.0.0.0/15, was tcp 443 from 10.0.0.0/16; 65536 more addresses`}},
		{"a narrower range", "AWS::EC2::SecurityGroup", ingress(cidr("443", "10.0.0.0/8")), ingress(cidr("443", "10.1.0.0/16")), []string{`- no longer lets in tcp 443 from 10.0.0.0/8`}},
		{"two halves make the whole", "AWS::EC2::SecurityGroup", ingress(cidr("443", "10.0.0.0/9"), cidr("443", "10.128.0.0/9")), ingress(cidr("443", "10.0.0.0/8")), []string{}},
		{"reordered", "AWS::EC2::SecurityGroup", ingress(cidr("80", "10.0.0.0/8"), cidr("443", "10.0.0.0/8")), ingress(cidr("443", "10.0.0.0/8"), cidr("80", "10.0.0.0/8")), []string{}},
		{"numbers and names of protocols", "AWS::EC2::SecurityGroup", ingress(`{"IpProtocol":"6","FromPort":1,"ToPort":2,"CidrIp":"10.0.0.1/32"}`), ingress(`{"IpProtocol":"tcp","FromPort":"1","ToPort":"2","CidrIp":"10.0.0.1/32"}`), []string{}},
		{"all traffic covers one port", "AWS::EC2::SecurityGroup", ingress(`{"IpProtocol":"-1","CidrIp":"10.0.0.0/8"}`), ingress(cidr("22", "10.2.0.0/16")), []string{`- no longer lets in all traffic from 10.0.0.0/8`}},
		{"more ports", "AWS::EC2::SecurityGroup", ingress(cidr("443", "10.0.0.0/8")), ingress(`{"IpProtocol":"tcp","FromPort":0,"ToPort":65535,"CidrIp":"10.0.0.0/8"}`), []string{`+ lets in tcp on all ports from 10.0.0.0/8, was tcp 443 from 10.0.0.0/8; 16777216 more addresses`}},
		{"IPv6 internet", "AWS::EC2::SecurityGroupIngress", ``, `{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIpv6":"::/0"}`, []string{`+ lets in tcp 22 from ::/0 (the whole internet) EVERYONE`}},
		{"another group", "AWS::EC2::SecurityGroup", ingress(), ingress(`{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"SourceSecurityGroupId":"sg-1"}`), []string{`+ lets in tcp 22 from sg-1`}},
		{"known after apply", "AWS::EC2::SecurityGroup", ingress(), ingress(`{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"SourceSecurityGroupId":"{{changeSet:KNOWN_AFTER_APPLY}}"}`), []string{`? lets in tcp 22 from (known after apply)`}},
		{"default egress of a new group", "AWS::EC2::SecurityGroup", ``, `{"GroupDescription":"d"}`, []string{}},
		{"egress opened", "AWS::EC2::SecurityGroup", `{"SecurityGroupEgress":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"}]}`, `{}`,
			[]string{`+ lets out all traffic to 0.0.0.0/0 (the whole internet) EVERYONE`, `+ lets out all traffic to ::/0 (the whole internet) EVERYONE`}},
		{"acl opened", "AWS::EC2::NetworkAclEntry", ``, `{"RuleNumber":1,"Protocol":"-1","RuleAction":"allow","Egress":false,"CidrBlock":"0.0.0.0/0"}`, []string{`+ lets in all traffic from 0.0.0.0/0 (the whole internet) EVERYONE`}},
		{"acl deny removed", "AWS::EC2::NetworkAclEntry", `{"RuleNumber":1,"Protocol":"-1","RuleAction":"deny","Egress":false,"CidrBlock":"192.0.2.0/24"}`, ``, []string{`+ no longer blocks all traffic from 192.0.2.0/24`}},
		{"a rule that cannot be read", "AWS::EC2::SecurityGroup", ingress(), ingress(`{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"nonsense"}`), []string{`? lets in tcp 22 from nonsense`}},
		{"group removed", "AWS::EC2::SecurityGroup", ingress(cidr("443", "10.0.0.0/8")), ``, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, say(analyze(t, c.resourceType, c.before, c.after))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExposure(t *testing.T) {
	for _, c := range []struct {
		name, resourceType, before, after string
		want                              []string
	}{
		{"database", "AWS::RDS::DBInstance", `{"PubliclyAccessible":"false"}`, `{"PubliclyAccessible":"true"}`, []string{`+ gets a public address`}},
		{"database closed", "AWS::RDS::DBInstance", `{"PubliclyAccessible":true}`, `{"PubliclyAccessible":false}`, []string{`- loses its public address`}},
		{"new private database", "AWS::RDS::DBInstance", ``, `{"PubliclyAccessible":false}`, []string{}},
		{"known after apply", "AWS::RDS::DBInstance", `{}`, `{"PubliclyAccessible":"{{changeSet:KNOWN_AFTER_APPLY}}"}`, []string{`? gets a public address, or not: PubliclyAccessible is known only after apply`}},
		{"function URL", "AWS::Lambda::Url", `{"AuthType":"AWS_IAM"}`, `{"AuthType":"NONE"}`, []string{`+ can be called by everyone, without signing in (AuthType NONE) EVERYONE`}},
		{"new function URL", "AWS::Lambda::Url", ``, `{"AuthType":"NONE"}`, []string{`+ can be called by everyone, without signing in (AuthType NONE) EVERYONE`}},
		{"public access block off", "AWS::S3::Bucket", `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"BlockPublicPolicy":true}}`, `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"BlockPublicPolicy":false}}`, []string{`+ turns BlockPublicPolicy off, so that it can be made public`}},
		{"public access block gone", "AWS::S3::Bucket", `{"PublicAccessBlockConfiguration":{"RestrictPublicBuckets":"true"}}`, `{}`, []string{`+ turns RestrictPublicBuckets off, so that it can be made public`}},
		{"new bucket without a block", "AWS::S3::Bucket", ``, `{}`, []string{}},
		{"new bucket with the block off", "AWS::S3::Bucket", ``, `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":false}}`, []string{`+ turns BlockPublicAcls off, so that it can be made public`}},
		{"readable by everyone", "AWS::S3::Bucket", `{}`, `{"AccessControl":"PublicRead"}`, []string{`+ is readable by everyone through its access-control list EVERYONE`}},
		{"load balancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", `{"Scheme":"internal"}`, `{}`, []string{`+ faces the internet`}},
		{"cluster endpoint", "AWS::EKS::Cluster", `{"ResourcesVpcConfig":{"EndpointPublicAccess":false}}`, `{"ResourcesVpcConfig":{"EndpointPublicAccess":true,"PublicAccessCidrs":["0.0.0.0/0"]}}`, []string{`+ opens its API endpoint to the whole internet`, `+ has a public API endpoint`}},
		{"metadata", "AWS::EC2::Instance", `{"MetadataOptions":{"HttpTokens":"required"}}`, `{"MetadataOptions":{"HttpTokens":"optional"}}`, []string{`+ answers metadata requests without a session token (IMDSv1)`}},
		{"new instance with old metadata", "AWS::EC2::Instance", ``, `{}`, []string{}},
		{"identity pool", "AWS::Cognito::IdentityPool", `{"AllowUnauthenticatedIdentities":false}`, `{"AllowUnauthenticatedIdentities":true}`, []string{`+ gives credentials to callers who have not signed in EVERYONE`}},
		{"method", "AWS::ApiGateway::Method", `{"AuthorizationType":"AWS_IAM"}`, `{"AuthorizationType":"NONE"}`, []string{`+ can be called without authorization EVERYONE`}},
		{"transit", "AWS::ElastiCache::ReplicationGroup", `{"TransitEncryptionEnabled":true}`, `{"TransitEncryptionEnabled":false}`, []string{`+ turns encryption in transit off`}},
		{"origins", "AWS::S3::Bucket", `{"CorsConfiguration":{"CorsRules":[{"AllowedOrigins":["https://a"]}]}}`, `{"CorsConfiguration":{"CorsRules":[{"AllowedOrigins":["https://a","*"]}]}}`, []string{`+ accepts requests from pages of any origin`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, say(analyze(t, c.resourceType, c.before, c.after))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutValues(t *testing.T) {
	for _, c := range []struct {
		name string
		r    security.Resource
		want []string
	}{
		{"policy changes", security.Resource{Type: "AWS::IAM::Role", Changed: []string{"AssumeRolePolicyDocument", "Description"}}, []string{`? AssumeRolePolicyDocument changes; from what to what was not reported`}},
		{"role is made", security.Resource{Type: "AWS::IAM::Role", Created: true}, []string{`? is created; what it allows or denies was not reported`}},
		{"function is made", security.Resource{Type: "AWS::Lambda::Function", Created: true}, []string{}},
		{"bucket policy goes", security.Resource{Type: "AWS::S3::BucketPolicy", Removed: true}, []string{`? is removed; what it allows or denies was not reported`}},
		{"role goes", security.Resource{Type: "AWS::IAM::Role", Removed: true}, []string{}},
		{"rule changes", security.Resource{Type: "AWS::EC2::SecurityGroupIngress", Changed: []string{"CidrIp"}}, []string{`? CidrIp changes; from what to what was not reported`}},
		{"harmless change", security.Resource{Type: "AWS::Lambda::Function", Changed: []string{"Timeout"}}, []string{}},
		{"scaling policy", security.Resource{Type: "AWS::AutoScaling::ScalingPolicy", Created: true}, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, say(security.Analyze(c.r))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

type statement struct {
	Sid              string `json:",omitempty"`
	Effect           string
	Action, Resource []string
	Condition        map[string]map[string][]string `json:",omitempty"`
}

func drawStatement(t *rapid.T) statement {
	s := statement{
		Effect:   rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"),
		Action:   rapid.SliceOfN(rapid.SampledFrom([]string{"s3:GetObject", "s3:Get*", "s3:*", "*", "sqs:SendMessage"}), 1, 3).Draw(t, "actions"),
		Resource: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "a*", "*"}), 1, 3).Draw(t, "resources"),
	}
	if rapid.Bool().Draw(t, "conditional") {
		s.Condition = map[string]map[string][]string{"StringEquals": {"k": rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y"}), 1, 2, rapid.ID).Draw(t, "values")}}
	}
	return s
}

func document(t interface{ Fatal(...any) }, statements []statement) any {
	encoded, err := json.Marshal(map[string]any{"Properties": map[string]any{"PolicyDocument": map[string]any{"Statement": statements}}})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := jsontree.Parse(string(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func compare(t interface{ Fatal(...any) }, before, after []statement) []plan.SecurityFinding {
	return security.Analyze(security.Resource{Type: "AWS::IAM::Policy", Before: document(t, before), After: document(t, after), Known: true})
}

// A policy that is put differently and says the same is no change: statements reordered, renamed, taken apart by action
// or resource, or repeated.
func TestPolicySaidDifferentlyIsNoChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfN(rapid.Custom(drawStatement), 1, 4).Draw(t, "policy")
		var after []statement
		for i, s := range before {
			s.Sid = fmt.Sprintf("S%d", i)
			if rapid.Bool().Draw(t, "split") {
				for _, action := range s.Action {
					one := s
					one.Sid, one.Action = s.Sid+strings.Trim(action, "*:"), []string{action}
					after = append(after, one)
				}
				continue
			}
			after = append(after, s)
		}
		after = append(rapid.Permutation(after).Draw(t, "order"), after[0])
		if findings := compare(t, before, after); len(findings) > 0 {
			t.Fatalf("findings %q", say(findings))
		}
	})
}

// allows is the meaning of a policy for one request, without a condition context.
func allows(policy []statement, action, resource, value string) bool {
	allowed := false
	for _, s := range policy {
		if !slices.ContainsFunc(s.Action, func(p string) bool { return matches(p, action) }) || !slices.ContainsFunc(s.Resource, func(p string) bool { return matches(p, resource) }) {
			continue
		}
		if s.Condition != nil && !slices.Contains(s.Condition["StringEquals"]["k"], value) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func matches(pattern, text string) bool {
	if before, _, ok := strings.Cut(pattern, "*"); ok {
		return strings.HasPrefix(text, before)
	}
	return pattern == text
}

// Whatever a policy allows that its predecessor did not is reported as widened: the analysis may report too much, never
// too little.
func TestEveryWideningIsReported(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfN(rapid.Custom(drawStatement), 0, 3).Draw(t, "before")
		after := rapid.SliceOfN(rapid.Custom(drawStatement), 0, 3).Draw(t, "after")
		widened := slices.ContainsFunc(compare(t, before, after), func(f plan.SecurityFinding) bool { return f.Direction != plan.DirectionNarrowed })
		for _, action := range []string{"s3:GetObject", "s3:PutObject", "sqs:SendMessage", "ec2:Run"} {
			for _, resource := range []string{"a", "b", "ab", "c"} {
				for _, value := range []string{"x", "y", "z"} {
					if allows(after, action, resource, value) && !allows(before, action, resource, value) && !widened {
						t.Fatalf("%s on %s with %s is newly allowed, and nothing says so", action, resource, value)
					}
				}
			}
		}
	})
}

func TestScopeIsOneSentence(t *testing.T) {
	if strings.Count(security.Scope, ". ") > 0 || !strings.HasSuffix(security.Scope, ".") {
		t.Errorf("the scope is not one sentence: %s", security.Scope)
	}
}
