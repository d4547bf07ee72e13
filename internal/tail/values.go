package tail

import (
	"regexp"
	"strings"
)

// serviceCodes are the service codes of AWS where they are not the service part of a resource type in lower case.
var serviceCodes = map[string]string{
	"CertificateManager": "acm", "CloudWatch": "monitoring", "Cognito": "cognito-idp", "ElasticLoadBalancingV2": "elasticloadbalancing",
	"OpenSearchService": "es", "StepFunctions": "states",
}

// vpcTypes have their quotas under the service code vpc, although their API is that of ec2.
var vpcTypes = []string{
	"AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::RouteTable", "AWS::EC2::InternetGateway", "AWS::EC2::EgressOnlyInternetGateway",
	"AWS::EC2::NatGateway", "AWS::EC2::SecurityGroup", "AWS::EC2::NetworkAcl", "AWS::EC2::NetworkInterface",
}

var (
	principalPattern   = regexp.MustCompile(`(?:User|Role|principal): (arn:[^\s"]+)`)
	assumedRolePattern = regexp.MustCompile(`:assumed-role/([^/\s"]+)`)
	ecsServicePattern  = regexp.MustCompile(`^arn:[^:]+:ecs:[^:]*:[^:]*:service/([^/]+)/([^/]+)$`)
)

// valuesOf are the values that advice on a failure can be filled with, besides what its family's pattern found.
func valuesOf(failure Failure, context adviceContext) map[string]string {
	values := map[string]string{
		"logicalId": failure.LogicalID, "physicalId": failure.PhysicalID, "path": failure.Path, "type": failure.Type,
		"stackId": failure.StackID, "stackName": stackNameOf(failure.StackID), "changeSetId": context.changeSetID,
		"service": context.in.Service, "environment": context.in.Environment,
	}
	if parts := strings.Split(failure.Type, "::"); len(parts) == 3 && parts[0] == "AWS" {
		code, ok := serviceCodes[parts[1]]
		if !ok {
			code = strings.ToLower(parts[1])
		}
		values["serviceCode"], values["eventSource"] = code, code+".amazonaws.com"
		for _, prefix := range vpcTypes {
			if strings.HasPrefix(failure.Type, prefix) {
				values["serviceCode"] = "vpc"
			}
		}
	}
	if match := principalPattern.FindStringSubmatch(failure.Reason); match != nil {
		values["principal"] = match[1]
	}
	if match := assumedRolePattern.FindStringSubmatch(failure.Reason); match != nil {
		values["role"] = match[1]
	}
	if match := ecsServicePattern.FindStringSubmatch(failure.PhysicalID); match != nil {
		values["ecsCluster"], values["ecsService"] = match[1], match[2]
	}
	return values
}
