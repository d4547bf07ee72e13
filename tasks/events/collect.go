// Package events brings back what happened to a stack: the tail of its events with the root cause, and the wake-up of
// whoever waits for it. It changes no stack.
package events

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

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

// Clock waits.
type Clock interface {
	Sleep(ctx context.Context, d time.Duration) error
}

// Collect brings back the tail of a deployment: why it failed, and what it left behind, which a success may as well. It
// only reads CloudFormation, so repeating it is safe.
type Collect struct {
	Store   Store
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (Reader, error)
}

// In is the input of the tasks that explain.
type In struct {
	DeploymentID deployment.ID `json:"deploymentId"`
}

// CollectOut is the output of the tasks that explain: the key of the stored tail, and of what it says as much as may pass
// through a state. The state machine reads neither; its history shows both to whoever looks there first.
type CollectOut struct {
	// Document is empty where a success left nothing behind: there is nothing to explain.
	Document string       `json:"document"`
	Summary  tail.Summary `json:"summary,omitzero"`
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
	read, err := t.gather(ctx, client, operation, record.ChangeSet.ARN)
	if err != nil {
		return CollectOut{}, err
	}
	explained := tail.Explain(tail.Input{
		Operation: read.Operation, Events: read.Events, Hooks: read.Hooks, Outcome: record.Ending("").Outcome(), Service: record.Service,
		Environment: record.Environment, NextSteps: wayOut(record), Unread: read.Unread,
	})
	if advice := leaving(record, explained); advice != "" {
		explained.Advice = append(explained.Advice, advice)
	}
	// A tail from before, of a stack that outlasted its limit and succeeded later, must not stand.
	if record.Settlement == deployment.SettlementSucceeded && len(explained.Leftovers) == 0 && record.Tail.Document == "" {
		return CollectOut{}, nil
	}
	return keep(ctx, t.Store, record, explained)
}

// An event may be readable later than the status that it brought about. How much later is not documented.
const (
	lateTries = 3
	lateWait  = 3 * time.Second
)

// gather reads until the event is there with which the stack came to where it is, a few times at most.
func (t Collect) gather(ctx context.Context, client Reader, op tail.Operation, changeSetID string) (Gathered, error) {
	for try := 1; ; try++ {
		read, err := Gather(ctx, client, op, changeSetID)
		if err != nil || arrived(read.Events, op) {
			return read, err
		}
		if try == lateTries {
			read.Unread = append(read.Unread, fmt.Sprintf("The event with which stack %s came to %s was not there yet; the newest events may be missing.", op.StackName, op.Status))
			return read, nil
		}
		if err := t.Clock.Sleep(ctx, lateWait); err != nil {
			return Gathered{}, err
		}
	}
}

// arrived says whether the newest of the events is there: the one that gave the stack the status that was read.
func arrived(events []tail.Event, op tail.Operation) bool {
	return op.Status == "" || slices.ContainsFunc(events, func(e tail.Event) bool {
		return e.StackID == op.StackID && e.IsStackRow() && e.Status == op.Status && (e.Token == op.Token || !e.Time.Before(op.Since))
	})
}

func wayOut(r store.Record) []string {
	status := types.StackStatus(r.StackStatus)
	switch cfn.PhaseOf(status) {
	case deployment.PhasePaused, deployment.PhaseStuck, deployment.PhaseUnknown:
		way := cfn.WayOf(status)
		command := way.Command(cfn.Whose{Service: r.Service, Environment: r.Environment, StackName: r.StackName})
		return []string{strings.ToUpper(way.Means[:1]) + way.Means[1:] + ": `" + command + "`."}
	case deployment.PhaseAbsent, deployment.PhaseReviewShell, deployment.PhaseReady, deployment.PhaseBusy, deployment.PhaseFailedCreateEmpty:
	}
	return nil
}

// leaving names what the next recovery can leave as it is, or leave behind: what could not go back or be deleted.
func leaving(r store.Record, explained tail.Document) string {
	failed := slices.Clone(explained.RollbackProblems)
	if explained.RootCause != nil && r.Intent == deployment.IntentRecover {
		failed = append(append(failed, *explained.RootCause), explained.Failures...)
	}
	command := fmt.Sprintf("`stackgate recover %s -e %s ", r.Service, r.Environment)
	switch types.StackStatus(r.StackStatus) {
	case types.StackStatusUpdateRollbackFailed:
		if names := failedAs(failed, types.ResourceStatusUpdateFailed); len(names) > 0 {
			return "Or leave what could not go back as it is, and bring it in line with the template afterwards: " + command + "--skip " + strings.Join(names, ",") + "`."
		}
	case types.StackStatusDeleteFailed:
		// RetainResources takes logical ids of the stack itself.
		names := slices.DeleteFunc(failedAs(failed, types.ResourceStatusDeleteFailed), func(name string) bool { return strings.Contains(name, ".") })
		if len(names) > 0 {
			return "Or leave behind what could not be deleted: " + command + "--retain " + strings.Join(names, ",") + "`."
		}
	default:
	}
	return ""
}

// failedAs lists the resources that failed with a status, nested stacks as such left out, as a recovery names them.
func failedAs(failures []tail.Failure, status types.ResourceStatus) []string {
	var names []string
	for _, f := range failures {
		name := strings.ReplaceAll(f.Path, "/", ".")
		if f.Status == string(status) && f.Type != "AWS::CloudFormation::Stack" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
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
		r.Tail = store.Tail{Document: key, Advice: explained.Advice}
		if explained.RootCause != nil || r.Settlement != deployment.SettlementSucceeded {
			r.Tail.RootCause = explained.Headline
		}
		// Set, not added to: a second try must not name them twice.
		r.Leftovers = make([]string, 0, len(explained.Leftovers))
		for _, left := range explained.Leftovers {
			r.Leftovers = append(r.Leftovers, left.Path)
		}
		return nil
	}); err != nil {
		return CollectOut{}, fmt.Errorf("record the tail of %s: %w", record.ID, err)
	}
	return CollectOut{Document: key, Summary: explained.Summary()}, nil
}
