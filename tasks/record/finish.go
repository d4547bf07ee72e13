package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"stackgate/internal/callback"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// FinishStore is the store as FinishDeployment needs it.
type FinishStore interface {
	callback.Waiters
	HolderReader
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error)
	Leave(ctx context.Context, stackKey string, id deployment.ID) ([]store.Ticket, error)
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Reporter measures and announces how a deployment ended. It answers with how many transitions the deployment's execution
// made, 0 where that is not known. What it cannot do it logs: a report never keeps a deployment from its end.
type Reporter interface {
	Ended(ctx context.Context, r store.Record) (transitions int)
}

// Finish is the way out of every path of the flow, and of executions that ended without one. Repeating it changes
// nothing: the first conclusion stands.
type Finish struct {
	Store  FinishStore
	Sender callback.Sender
	Clock  Clock
	// Reporter may be nil.
	Reporter Reporter
}

// FinishIn is the input of FinishDeployment.
type FinishIn struct {
	DeploymentID deployment.ID `json:"deploymentId"`
	Flow         Flow          `json:"flow"`
}

// Flow is what the state machine knows of the way that the deployment took.
type Flow struct {
	// Fault is the error output of the Catch that ended the way, nil where none did.
	Fault *ErrorOutput `json:"fault"`
	// DiscardFault is that of DiscardChangeSet, which must not hide the first one.
	DiscardFault *ErrorOutput `json:"discardFault"`
	// TailFault is that of the step that was to explain the failure.
	TailFault *ErrorOutput `json:"tailFault"`
	// Limits are what PrepareDeployment returned.
	Limits PrepareOut `json:"limits"`
}

// ErrorOutput is the States Language's error output.
type ErrorOutput struct {
	Error string `json:"Error"`
	// Cause is JSON with an errorMessage where a Lambda function failed, else plain text.
	Cause string `json:"Cause"`
}

// FinishOut is the output of FinishDeployment.
type FinishOut struct {
	Outcome deployment.Outcome `json:"outcome"`
	Cause   string             `json:"cause"`
}

// Run concludes the outcome, completes the record, removes the waiters, and passes the lock on.
func (f Finish) Run(ctx context.Context, in FinishIn) (FinishOut, error) {
	fault, cause := in.Flow.Fault.read()
	_, unread := in.Flow.TailFault.read()
	var held store.Record
	if fault == deployment.QueueExhausted {
		queued, err := f.Store.Record(ctx, in.DeploymentID)
		if err == nil {
			held, err = holder(ctx, f.Store, queued)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return FinishOut{}, err
		}
	}
	record, err := f.Store.UpdateRecord(ctx, in.DeploymentID, func(r *store.Record) error {
		if r.Stage == deployment.StageFinished {
			return nil
		}
		conclude(r, fault, timedOut(*r, fault, held, time.Duration(in.Flow.Limits.QueueSeconds)*time.Second, cause), f.Clock.Now())
		if len(r.Tail.Advice) == 0 {
			r.Tail.Advice = nextSteps(*r, held, unread)
		}
		r.Unreported = f.Reporter != nil
		if _, why := in.Flow.DiscardFault.read(); why != "" {
			r.Leftovers = append(r.Leftovers, fmt.Sprintf("change set %s was not deleted: %s", r.ID, why))
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		// A forged or broken start: nothing was recorded, so there is nothing to finish.
		return FinishOut{Outcome: deployment.OutcomeFailedBeforeChange, Cause: "there is no record of deployment " + in.DeploymentID.String()}, nil
	}
	if err != nil {
		return FinishOut{}, fmt.Errorf("complete the record of %s: %w", in.DeploymentID, err)
	}
	for _, purpose := range store.Purposes() {
		if err := f.Store.DeleteWaiter(ctx, record.ID, purpose, ""); err != nil {
			return FinishOut{}, fmt.Errorf("remove the %s waiter of %s: %w", purpose, record.ID, err)
		}
	}
	if !record.LockKept {
		if err := PassLock(ctx, f.Store, f.Sender, record); err != nil {
			return FinishOut{}, err
		}
	}
	return FinishOut{Outcome: record.Outcome, Cause: record.Cause}, f.report(ctx, record)
}

// report tells of the end once. A process that dies before the note that it has told tells again: an alarm that comes
// twice beats one that never comes.
func (f Finish) report(ctx context.Context, record store.Record) error {
	if f.Reporter == nil || !record.Unreported {
		return nil
	}
	transitions := f.Reporter.Ended(ctx, record)
	if _, err := f.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Unreported = false
		if transitions > 0 {
			r.Transitions = transitions
		}
		return nil
	}); err != nil {
		return fmt.Errorf("record that the end of %s is reported: %w", record.ID, err)
	}
	return nil
}

func conclude(r *store.Record, fault deployment.Fault, cause string, now time.Time) {
	r.Outcome = r.Ending(fault).Outcome()
	r.Stage, r.Fault, r.Times.Finished = deployment.StageFinished, fault, now
	r.Cause = explain(*r, cause)
	r.LockKept = r.Outcome == deployment.OutcomeFailedNeedsHuman && !r.Times.Executed.IsZero() && !r.Settlement.AtRest()
}

// explain prefers the stack's own root cause to the fault's text: people ask why the stack failed, not which task.
func explain(r store.Record, cause string) string {
	if r.Outcome.Failed() && r.Tail.RootCause != "" {
		return r.Tail.RootCause
	}
	switch r.Outcome {
	case deployment.OutcomeDeployed, deployment.OutcomeRecovered:
		// What went wrong on the way, a process that died, is no cause of a success.
		return r.Sentence()
	}
	if cause != "" {
		return cause
	}
	return r.Sentence()
}

// LockStore is the store as passing a lock on needs it.
type LockStore interface {
	callback.Waiters
	Leave(ctx context.Context, stackKey string, id deployment.ID) ([]store.Ticket, error)
}

// PassLock takes a deployment out of its stack's queue and wakes the new head. Waking a head that is awake is harmless.
func PassLock(ctx context.Context, lock LockStore, sender callback.Sender, r store.Record) error {
	queue, err := lock.Leave(ctx, r.Target.Key(), r.ID)
	if err != nil {
		return fmt.Errorf("take %s out of the queue for %s: %w", r.ID, r.StackName, err)
	}
	if len(queue) == 0 {
		return nil
	}
	// A head without a waiter holds the lock already, or is between its waiter and its ticket and then wakes itself.
	_, err = callback.Wake(ctx, sender, lock, queue[0].DeploymentID, store.AwaitLock)
	return err
}

// read splits an error output into the fault and the sentence for people. Names that are no faults, such as
// States.Timeout of a task, are internal errors.
func (o *ErrorOutput) read() (deployment.Fault, string) {
	if o == nil {
		return "", ""
	}
	cause := o.Cause
	var lambda struct {
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal([]byte(cause), &lambda); err == nil && lambda.Message != "" {
		cause = lambda.Message
	}
	for _, fault := range deployment.Faults() {
		if string(fault) == o.Error {
			return fault, cause
		}
	}
	if o.Error == "States.Timeout" {
		return deployment.InternalError, "a step of the flow did not answer in time; the logs of this deployment say which call was slow"
	}
	return deployment.InternalError, strings.TrimSuffix(o.Error+": "+cause, ": ")
}
