// Package events brings back what happened to a stack: the tail of its events with the root cause, and the wake-up of
// whoever waits for it. It changes no stack.
package events

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/tail"
)

// Store is the store as the tasks that explain need it.
type Store interface {
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	PutDocument(ctx context.Context, kind string, content []byte) (string, error)
}

// Collect brings back the tail of a failed deployment. It only reads CloudFormation, so repeating it is safe.
type Collect struct {
	Store   Store
	Connect func(ctx context.Context, r store.Record) (Reader, error)
}

// In is the input of the tasks that explain.
type In struct {
	DeploymentID deployment.ID `json:"deploymentId"`
}

// CollectOut is the output of CollectEventTail; the tail itself is stored.
type CollectOut struct {
	Document  string `json:"document"`
	RootCause string `json:"rootCause"`
	Events    int    `json:"events"`
}

// Run reads the events of our operation and of its nested stacks, explains them and stores the explanation.
func (t Collect) Run(ctx context.Context, in In) (CollectOut, error) {
	record, err := t.Store.Record(ctx, in.DeploymentID)
	if err != nil {
		return CollectOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return CollectOut{}, err
	}
	operation := tail.Operation{
		StackName: record.StackName, StackID: record.StackID, Token: record.ClientRequestToken, Since: record.Times.Executed,
		Status: record.StackStatus,
	}
	read, err := Gather(ctx, client, operation, record.ChangeSet.ARN)
	if err != nil {
		return CollectOut{}, err
	}
	explained := tail.Explain(tail.Input{
		Operation: read.Operation, Events: read.Events, Hooks: read.Hooks, Outcome: record.Ending("").Outcome(), Service: record.Service,
		Environment: record.Environment, NextSteps: wayOut(record), Unread: read.Unread,
	})
	return keep(ctx, t.Store, record, explained)
}

func wayOut(r store.Record) []string {
	status := types.StackStatus(r.StackStatus)
	switch cfn.PhaseOf(status) {
	case deployment.PhasePaused, deployment.PhaseStuck, deployment.PhaseUnknown:
		return []string{cfn.WayOut(status, r.StackName)}
	case deployment.PhaseAbsent, deployment.PhaseReviewShell, deployment.PhaseReady, deployment.PhaseBusy, deployment.PhaseFailedCreateEmpty:
	}
	return nil
}

func keep(ctx context.Context, s Store, record store.Record, explained tail.Document) (CollectOut, error) {
	content, err := json.Marshal(explained)
	if err != nil {
		return CollectOut{}, fmt.Errorf("encode the tail of %s: %w", record.ID, err)
	}
	key, err := s.PutDocument(ctx, "tail", content)
	if err != nil {
		return CollectOut{}, fmt.Errorf("store the tail of %s: %w", record.ID, err)
	}
	if _, err := s.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Tail = store.Tail{Document: key, RootCause: explained.Headline, Advice: explained.Advice}
		// Set, not added to: a second try must not name them twice.
		r.Leftovers = make([]string, 0, len(explained.Leftovers))
		for _, left := range explained.Leftovers {
			r.Leftovers = append(r.Leftovers, left.Path)
		}
		return nil
	}); err != nil {
		return CollectOut{}, fmt.Errorf("record the tail of %s: %w", record.ID, err)
	}
	return CollectOut{Document: key, RootCause: explained.Headline, Events: len(explained.Events)}, nil
}
