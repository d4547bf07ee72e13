// Package functions says which task belongs to which function of the state machine, and composes the tasks from what
// they need. It is the one place where tasks are put together; it runs none.
package functions

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	approvals "stackgate/internal/approval"
	"stackgate/internal/callback"
	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/taskrun"
	"stackgate/tasks/approval"
	"stackgate/tasks/changeset"
	"stackgate/tasks/events"
	"stackgate/tasks/lock"
	"stackgate/tasks/record"
	"stackgate/tasks/recovery"
	"stackgate/tasks/stack"
)

// Planner is CloudFormation as the planning tasks use it. It cannot execute.
type Planner interface {
	changeset.Creator
	changeset.Discarder
	stack.Remover
	cfn.ChangeSetDescriber
	cfn.RecoveryReader
}

// Reader is CloudFormation as the reading tasks use it. It changes nothing.
type Reader interface {
	cfn.ExecutionDescriber
	cfn.OperationReader
	events.Reader
	events.ChangeSetReader
}

// Store is the store as the tasks use it together.
type Store interface {
	record.PrepareStore
	record.FinishStore
	lock.Store
	stack.Store
	changeset.ReviewStore
	changeset.ExecuteStore
	approval.Store
	recovery.ProposalStore
	recovery.PerformStore
	events.Store
	events.WakeStore
}

// Clock tells the time and waits.
type Clock = changeset.Clock

// Parts are what the tasks are made of.
type Parts struct {
	Store    Store
	Registry Registry
	Sender   callback.Sender
	Clock    Clock
	// Announcer may be nil.
	Announcer approval.Announcer
	// Reporter may be nil.
	Reporter record.Reporter
	// Templates says where CloudFormation finds templates too large for a call; nil where it can read none.
	Templates changeset.TemplateLocator
	// CloudFormation gives the client for the account and region of a record.
	CloudFormation func(ctx context.Context, r store.Record) (Client, error)
}

// Registry gives the installed definitions.
type Registry interface {
	Definition(serviceName, environment string) (service.Definition, error)
}

// Client is CloudFormation as a process that runs every function uses it. *cloudformation.Client is one.
type Client interface {
	Planner
	Reader
	changeset.Executor
	recovery.Performer
}

var _ Client = (*cloudformation.Client)(nil)

// Plan are the tasks of the function that makes, describes and deletes change sets, and may not execute them.
func Plan(p Parts) []taskrun.Task {
	return []taskrun.Task{
		taskrun.Of("PrepareDeployment", record.Prepare{Store: p.Store, Registry: p.Registry, Intents: deployments}.Run),
		taskrun.Of("AcquireStackLock", lock.Acquire{Store: p.Store, Sender: p.Sender, Clock: p.Clock}.Run),
		taskrun.Of("InspectStack", stack.Inspect{Store: p.Store, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (cfn.StackDescriber, error) {
			return p.CloudFormation(ctx, r)
		}}.Run),
		taskrun.Of("RemoveEmptyStack", stack.RemoveEmpty{Store: p.Store, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (stack.Remover, error) {
			return p.CloudFormation(ctx, r)
		}}.Run),
		taskrun.Of("CreateChangeSet", changeset.Create{Store: p.Store, Templates: p.Templates, Connect: func(ctx context.Context, r store.Record) (changeset.Creator, error) {
			return p.CloudFormation(ctx, r)
		}}.Run),
		taskrun.Of("DescribeChangeSet", changeset.Describe{Store: p.Store, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (cfn.ChangeSetDescriber, error) {
			return p.CloudFormation(ctx, r)
		}}.Run),
		taskrun.Of("WriteReview", changeset.WriteReview{Store: p.Store, Clock: p.Clock, Connect: p.reviewed()}.Run),
		taskrun.Of("WaitForApproval", approval.Wait{Store: p.Store, Sender: p.Sender, Clock: p.Clock, Announcer: p.Announcer}.Run),
		taskrun.Of("VerifyReview", changeset.Verify{Store: p.Store, Policies: p.policies, Clock: p.Clock, Connect: p.reviewed()}.Run),
		taskrun.Of("DiscardChangeSet", Discard(p).Run),
		taskrun.Of("FinishDeployment", Finish(p).Run),

		taskrun.Of("PrepareRecovery", record.Prepare{Store: p.Store, Registry: p.Registry, Intents: recoveries}.Run),
		taskrun.Of("DiagnoseStack", recovery.Diagnose{Store: p.Store, Clock: p.Clock, Connect: p.diagnosed()}.Run),
		taskrun.Of("WriteRecoveryProposal", recovery.Propose{Store: p.Store, Clock: p.Clock, Connect: p.diagnosed()}.Run),
		taskrun.Of("VerifyRecoveryProposal", recovery.Verify{Store: p.Store, Policies: p.policies, Clock: p.Clock, Connect: p.diagnosed()}.Run),
		taskrun.Of("FinishRecovery", Finish(p).Run),
	}
}

// The intents of the two state machines: neither runs what was requested of the other.
var (
	deployments = []deployment.Intent{deployment.IntentDeploy, deployment.IntentPlan}
	recoveries  = []deployment.Intent{deployment.IntentRecover}
)

// Execute are the tasks of the one function that may execute change sets, and perform recoveries.
func Execute(p Parts) []taskrun.Task {
	return []taskrun.Task{
		taskrun.Of("ExecuteChangeSet", changeset.Execute{Store: p.Store, Policies: p.policies, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (changeset.Executor, error) {
			return p.CloudFormation(ctx, r)
		}}.Run),
		taskrun.Of("PerformRecovery", recovery.Perform{Store: p.Store, Policies: p.policies, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (recovery.Performer, error) {
			return p.CloudFormation(ctx, r)
		}}.Run),
	}
}

// Events are the tasks of the function that only reads.
func Events(p Parts) []taskrun.Task {
	return []taskrun.Task{
		taskrun.Of("ConfirmStackStatus", stack.Confirm{Store: p.Store, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (cfn.ExecutionDescriber, error) {
			return p.CloudFormation(ctx, r)
		}}.Run),
		taskrun.Of("ConfirmRecoveredStack", recovery.Confirm{Store: p.Store, Clock: p.Clock, Connect: p.settled()}.Run),
		taskrun.Of("CollectEventTail", Collect(p).Run),
		taskrun.Of("ExplainFailedChangeSet", events.Explain{Store: p.Store, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (events.ChangeSetReader, error) {
			return p.CloudFormation(ctx, r)
		}}.Run),
	}
}

// Wake is what stack events and the sweep call.
func Wake(p Parts) events.Wake {
	return events.Wake{Store: p.Store, Sender: p.Sender, Clock: p.Clock, Connect: p.settled()}
}

// Discard, Collect and Finish are also called from outside the flow, for executions that ended without finishing.
func Discard(p Parts) changeset.Discard {
	return changeset.Discard{Store: p.Store, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (changeset.Discarder, error) {
		return p.CloudFormation(ctx, r)
	}}
}

// Collect is the task CollectEventTail.
func Collect(p Parts) events.Collect {
	return events.Collect{Store: p.Store, Clock: p.Clock, Connect: func(ctx context.Context, r store.Record) (events.Reader, error) {
		return p.CloudFormation(ctx, r)
	}}
}

// Finish is the task FinishDeployment.
func Finish(p Parts) record.Finish {
	return record.Finish{Store: p.Store, Sender: p.Sender, Clock: p.Clock, Reporter: p.Reporter}
}

// policies gives the installed policies, by which decisions are counted once more before anything is executed.
func (p Parts) policies(serviceName, environment string) (approvals.Policy, error) {
	definition, err := p.Registry.Definition(serviceName, environment)
	return definition.Approval, err
}

func (p Parts) reviewed() func(context.Context, store.Record) (changeset.ReviewReader, error) {
	return func(ctx context.Context, r store.Record) (changeset.ReviewReader, error) {
		return p.CloudFormation(ctx, r)
	}
}

func (p Parts) diagnosed() func(context.Context, store.Record) (cfn.RecoveryReader, error) {
	return func(ctx context.Context, r store.Record) (cfn.RecoveryReader, error) {
		return p.CloudFormation(ctx, r)
	}
}

func (p Parts) settled() func(context.Context, store.Record) (cfn.OperationReader, error) {
	return func(ctx context.Context, r store.Record) (cfn.OperationReader, error) {
		return p.CloudFormation(ctx, r)
	}
}
