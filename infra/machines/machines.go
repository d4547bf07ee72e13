// Package machines makes the state machines: one for each service and environment, all from the one definition, and that
// for recoveries. It makes no function, no role and no permission.
package machines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/internal/installed"
	"stackgate/internal/service"
	"stackgate/statemachines"
)

// Props are what the state machines of a group are made of.
type Props struct {
	Settings installation.Settings
	// Group is the stack group; a service never changes its own.
	Group string
	// Definitions are those of the group.
	Definitions []service.Definition
}

// New makes the stack of a group's state machines.
func New(scope constructs.Construct, props Props) awscdk.Stack {
	s := props.Settings
	name := StackName(props.Group)
	stack := awscdk.NewStack(scope, &name, &awscdk.StackProps{
		StackName:   &name,
		Description: jsii.String("stackgate: state machines of the services of group " + props.Group),
		Env:         &awscdk.Environment{Account: &s.Account, Region: &s.Region},
		Tags:        &map[string]*string{"managed-by": jsii.String("cdk"), "application": jsii.String("stackgate")},
	})
	made := newMaker(stack, s, func(f installed.Function) *string {
		// A parameter that CloudFormation looks up at each deployment. An import would keep the control plane from
		// publishing a new version.
		return awsssm.StringParameter_ValueForStringParameter(stack, jsii.String(installation.VersionParameter(f)), nil)
	})
	for _, d := range props.Definitions {
		machine := made.machine(logicalID(d), installation.MachineName(d.Service, d.Environment), statemachines.Deploy)
		for key, value := range map[string]string{"service": d.Service, "environment": d.Environment, "owner": d.Owner} {
			awscdk.Tags_Of(machine).Add(jsii.String("stackgate:"+key), jsii.String(value), nil)
		}
	}
	return stack
}

// StackName is the name of the stack of a group's state machines.
func StackName(group string) string { return installation.StackName + "-services-" + group }

// logicalID is told from every other's by the hyphen that stands between service and environment: CDK drops it, and makes
// up for that with a hash of the path.
func logicalID(d service.Definition) string { return d.Service + "#" + d.Environment }

// maker makes state machines in one stack.
type maker struct {
	scope     constructs.Construct
	role      awsiam.IRole
	logs      awslogs.ILogGroup
	functions map[string]*string
}

func newMaker(scope constructs.Construct, s installation.Settings, version func(installed.Function) *string) maker {
	arn := "arn:" + s.Partition()
	return maker{
		scope: scope,
		role: awsiam.Role_FromRoleArn(scope, jsii.String("MachineRole"), jsii.String(arn+":iam::"+s.Account+":role/"+installation.MachineRole),
			&awsiam.FromRoleArnOptions{Mutable: jsii.Bool(false)}),
		logs: awslogs.LogGroup_FromLogGroupName(scope, jsii.String("MachineLog"), jsii.String(installation.MachineLogGroup)),
		functions: map[string]*string{
			statemachines.PlanFunction:    version(installed.Plan),
			statemachines.ExecuteFunction: version(installed.Execute),
			statemachines.EventsFunction:  version(installed.Events),
		},
	}
}

func (m maker) machine(id, name string, definition []byte) awsstepfunctions.StateMachine {
	return awsstepfunctions.NewStateMachine(m.scope, &id, &awsstepfunctions.StateMachineProps{
		StateMachineName:        &name,
		StateMachineType:        awsstepfunctions.StateMachineType_STANDARD,
		DefinitionBody:          awsstepfunctions.DefinitionBody_FromString(jsii.String(Compact(definition))),
		DefinitionSubstitutions: m.substitutions(definition),
		Role:                    m.role,
		TracingEnabled:          jsii.Bool(true),
		Logs: &awsstepfunctions.LogOptions{
			Destination: m.logs, Level: awsstepfunctions.LogLevel_ALL,
			// Inputs and outputs hold ids only, and stay out of the log all the same.
			IncludeExecutionData: jsii.Bool(false),
		},
	})
}

// substitutions are the placeholders that a definition has, and no others: CloudFormation refuses the rest.
func (m maker) substitutions(definition []byte) *map[string]*string {
	used := map[string]*string{}
	for name, arn := range m.functions {
		if strings.Contains(string(definition), "${"+name+"}") {
			used[name] = arn
		}
	}
	return &used
}

// Compact is a definition without the white space, which a template would hold once for each service.
func Compact(definition []byte) string {
	var compact bytes.Buffer
	if err := json.Compact(&compact, definition); err != nil {
		panic(fmt.Errorf("the definition in this program is no JSON: %w", err))
	}
	return compact.String()
}
