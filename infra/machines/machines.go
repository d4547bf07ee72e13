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
	role := awsiam.Role_FromRoleArn(stack, jsii.String("MachineRole"), jsii.String("arn:"+s.Partition()+":iam::"+s.Account+":role/"+installation.MachineRole),
		&awsiam.FromRoleArnOptions{Mutable: jsii.Bool(false)})
	logs := awslogs.LogGroup_FromLogGroupName(stack, jsii.String("MachineLog"), jsii.String(installation.MachineLogGroup))
	// Parameters that CloudFormation looks up at each deployment. An import would keep the control plane from publishing a
	// new version.
	versions := Versions(func(f installed.Function) *string {
		return awsssm.StringParameter_ValueForStringParameter(stack, jsii.String(installation.VersionParameter(f)), nil)
	})
	for _, d := range props.Definitions {
		machine := NewMachine(stack, d.Service+"#"+d.Environment, Machine{
			Name: installation.MachineName(d.Service, d.Environment), Definition: statemachines.Deploy, Role: role, Logs: logs, Versions: versions,
		})
		for key, value := range map[string]string{"service": d.Service, "environment": d.Environment, "owner": d.Owner} {
			awscdk.Tags_Of(machine).Add(jsii.String("stackgate:"+key), jsii.String(value), nil)
		}
	}
	return stack
}

// StackName is the name of the stack of a group's state machines.
func StackName(group string) string { return installation.StackName + "-services-" + group }

// Versions is what stands for the placeholders of the definitions: the ARN of a published version of each function.
func Versions(of func(installed.Function) *string) map[string]*string {
	return map[string]*string{
		statemachines.PlanFunction:    of(installed.Plan),
		statemachines.ExecuteFunction: of(installed.Execute),
		statemachines.EventsFunction:  of(installed.Events),
	}
}

// Machine is what a state machine is made of.
type Machine struct {
	Name string
	// Definition is a file of statemachines, with its placeholders.
	Definition []byte
	Role       awsiam.IRole
	Logs       awslogs.ILogGroup
	Versions   map[string]*string
}

// NewMachine makes a state machine.
func NewMachine(scope constructs.Construct, id string, m Machine) awsstepfunctions.StateMachine {
	return awsstepfunctions.NewStateMachine(scope, &id, &awsstepfunctions.StateMachineProps{
		StateMachineName:        &m.Name,
		StateMachineType:        awsstepfunctions.StateMachineType_STANDARD,
		DefinitionBody:          awsstepfunctions.DefinitionBody_FromString(jsii.String(Compact(m.Definition))),
		DefinitionSubstitutions: m.substitutions(),
		Role:                    m.Role,
		TracingEnabled:          jsii.Bool(true),
		Logs: &awsstepfunctions.LogOptions{
			Destination: m.Logs, Level: awsstepfunctions.LogLevel_ALL,
			// Inputs and outputs hold ids only, and stay out of the log all the same.
			IncludeExecutionData: jsii.Bool(false),
		},
	})
}

// substitutions are the placeholders that a definition has, and no others: CloudFormation refuses the rest.
func (m Machine) substitutions() *map[string]*string {
	used := map[string]*string{}
	for name, arn := range m.Versions {
		if strings.Contains(string(m.Definition), "${"+name+"}") {
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
