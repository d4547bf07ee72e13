// Package controlplane makes the hub: the store, the functions, what wakes them, the front door, and what watches over
// them. It knows no service: the packages machines and target make what each service adds.
package controlplane

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/internal/installed"
)

// Props are what the control plane is made of.
type Props struct {
	Settings installation.Settings
	// Targets are the accounts and regions that hold stacks.
	Targets []installation.Target
	// Assets is the folder with a folder per program that holds its bootstrap.
	Assets string
}

// hub is the control plane while it is made.
type hub struct {
	stack awscdk.Stack
	Props

	// key is nil where AWS manages the keys.
	key           awskms.IKey
	table         awsdynamodb.Table
	bucket        awss3.Bucket
	announcements awssns.Topic
	alarms        awssns.Topic
	deadLetters   awssqs.Queue
	bus           awsevents.EventBus
	functions     map[installed.Function]function
	frontDoor     frontDoor
}

// function is an installed function.
type function struct {
	awslambda.Function
	role awsiam.Role
	logs awslogs.LogGroup
	// version is the one that the program in hand is published as.
	version awslambda.IVersion
}

// New makes the control plane's stack.
func New(scope constructs.Construct, props Props) awscdk.Stack {
	h := &hub{Props: props, functions: map[installed.Function]function{}}
	s := props.Settings
	h.stack = awscdk.NewStack(scope, jsii.String(installation.StackName), &awscdk.StackProps{
		StackName:             jsii.String(installation.StackName),
		Description:           jsii.String("stackgate: store, functions, front door and alarms"),
		Env:                   &awscdk.Environment{Account: &s.Account, Region: &s.Region},
		TerminationProtection: jsii.Bool(true),
		PermissionsBoundary:   Boundary(s),
		Tags:                  &map[string]*string{"managed-by": jsii.String("cdk"), "application": jsii.String("stackgate")},
	})
	if s.CustomerManagedKey {
		h.key = h.newKey()
	}
	h.table = h.newTable()
	h.bucket = h.newBucket()
	h.announcements, h.alarms = h.newAnnouncements(), h.newAlarmTopic()
	h.deadLetters = h.newDeadLetters()
	h.bus = h.newBus()
	for _, f := range installation.AllFunctions() {
		h.functions[f] = h.newFunction(f)
	}
	h.wakeOn()
	h.newRecovery(h.newMachineRole(), h.newLogGroup("MachineLog", installation.MachineLogGroup))
	url := h.newFrontDoor()
	watched := h.watch()
	h.guard()
	h.newDashboard(watched)
	awscdk.NewCfnOutput(h.stack, jsii.String("FrontDoorUrl"), &awscdk.CfnOutputProps{
		Value: url, Description: jsii.String("What stackgate config takes as the address of the front door"),
	})
	return h.stack
}

// Boundary is the permissions boundary of every role of a stack, nil for none.
func Boundary(s installation.Settings) awscdk.PermissionsBoundary {
	if s.PermissionsBoundary == "" {
		return nil
	}
	return awscdk.PermissionsBoundary_FromName(&s.PermissionsBoundary)
}

// accounts lists the target accounts, each once.
func (p Props) accounts() []string {
	var all []string
	for _, target := range p.Targets {
		all = append(all, target.Account)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// texts is a list as CDK takes it.
func texts(all ...string) *[]*string { return jsii.Strings(all...) }

// allow is a statement of an identity's policy.
func allow(sid string, actions, resources []string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Sid: &sid, Actions: texts(actions...), Resources: texts(resources...)})
}
