package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/infra/machines"
	"stackgate/infra/nag"
	"stackgate/internal/installed"
	"stackgate/statemachines"
)

// newMachineRole makes the one role of all state machines. It invokes published versions of the three functions and
// nothing else: which deployment may do what, the functions decide. Its policy names any version, because executions that
// wait for days go on invoking the one they began with.
func (h *hub) newMachineRole() awsiam.Role {
	s := h.Settings
	var versions []string
	for _, f := range installed.Functions() {
		versions = append(versions, *h.functions[f].FunctionArn()+":*")
	}
	statements := []awsiam.PolicyStatement{
		allow("InvokeVersions", []string{"lambda:InvokeFunction"}, versions),
		// As the Step Functions developer guide asks for, "X-Ray and Step Functions".
		allow("Trace", []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"}, []string{"*"}),
		// As the developer guide asks for, "Logging using CloudWatch Logs": log delivery has no resources.
		allow("DeliverLogs", []string{
			"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
			"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
		}, []string{"*"}),
	}
	role := awsiam.NewRole(h.stack, jsii.String("MachineRole"), &awsiam.RoleProps{
		RoleName:    jsii.String(installation.MachineRole),
		Description: jsii.String("stackgate: the role of every state machine"),
		AssumedBy: awsiam.NewPrincipalWithConditions(awsiam.NewServicePrincipal(jsii.String("states.amazonaws.com"), nil), &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": s.Account},
			"ArnLike":      map[string]any{"aws:SourceArn": s.MachineARNs()},
		}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"machine": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements}),
		},
	})
	nag.Accept(role, "AwsSolutions-IAM5", "Versions are named by number, and X-Ray and log delivery take all resources only.")
	return role
}

// newRecovery makes the state machine that leads stuck stacks out. There is one: a recovery is rare, and which stack it is
// for, its record says.
func (h *hub) newRecovery(role awsiam.Role, logs awslogs.ILogGroup) {
	machine := machines.NewMachine(h.stack, "Recovery", machines.Machine{
		Name: installation.RecoveryMachine, Definition: statemachines.Recover, Role: role.WithoutPolicyUpdates(nil), Logs: logs,
		Versions: machines.Versions(func(f installed.Function) *string { return h.functions[f].version.FunctionArn() }),
	})
	machine.Node().AddDependency(role)
}
