// Package stack looks at a stack before and after a deployment, and removes one that holds nothing. It makes and
// executes no change sets.
package stack

import (
	"context"
	"fmt"
	"time"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Store is the store as the tasks of this package need it.
type Store interface {
	store.Queues
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	Document(ctx context.Context, key string) ([]byte, error)
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

func whose(r store.Record) cfn.Whose {
	return cfn.Whose{Service: r.Service, Environment: r.Environment, StackName: r.StackName}
}

// Inspect says what a stack can take. It only reads, so repeating it is safe.
type Inspect struct {
	Store Store
	Clock Clock
	// Connect gives the client for the record's account and region.
	Connect func(ctx context.Context, r store.Record) (cfn.StackDescriber, error)
}

// InspectIn is the input of InspectStack.
type InspectIn struct {
	DeploymentID deployment.ID `json:"deploymentId"`
}

// InspectOut is the output of InspectStack.
type InspectOut struct {
	Phase deployment.Phase `json:"phase"`
	// Status is CloudFormation's own word, empty where there is no stack.
	Status string `json:"status"`
	// Advice says what leads out of a phase that takes no deployment.
	Advice string `json:"advice"`
}

// Run classifies the stack. While another operation runs it raises StackBusy, which the state machine retries.
func (i Inspect) Run(ctx context.Context, in InspectIn) (InspectOut, error) {
	record, err := i.Store.Record(ctx, in.DeploymentID)
	if err != nil {
		return InspectOut{}, err
	}
	if err := store.CheckHolder(ctx, i.Store, record); err != nil {
		return InspectOut{}, err
	}
	client, err := i.Connect(ctx, record)
	if err != nil {
		return InspectOut{}, err
	}
	found, exists, err := cfn.DescribeStack(ctx, client, record.StackName)
	if err != nil {
		return InspectOut{}, err
	}
	out := InspectOut{Phase: deployment.PhaseAbsent, Advice: "nothing stands in the way of a deployment"}
	if exists {
		out = InspectOut{
			Phase: cfn.PhaseOf(found.StackStatus), Status: string(found.StackStatus), Advice: cfn.WayOut(found.StackStatus, whose(record)),
		}
	}
	if out.Phase == deployment.PhaseBusy {
		return InspectOut{}, deployment.Faultf(deployment.StackBusy, "another operation runs on stack %s (%s)", record.StackName, out.Status).
			Advise("wait for it and deploy again")
	}
	if _, err := i.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Stage, r.StackStatus = deployment.StagePlanning, out.Status
		if r.Times.Locked.IsZero() {
			r.Times.Locked = i.Clock.Now()
		}
		return nil
	}); err != nil {
		return InspectOut{}, fmt.Errorf("record the phase of %s: %w", record.StackName, err)
	}
	return out, nil
}
