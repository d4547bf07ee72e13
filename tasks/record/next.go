package record

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// HolderReader tells who holds a stack's lock.
type HolderReader interface {
	Queue(ctx context.Context, stackKey string) ([]store.Ticket, error)
	Record(ctx context.Context, id deployment.ID) (store.Record, error)
}

// holder is the deployment before which r queued in vain; a record without id where it is gone meanwhile.
func holder(ctx context.Context, s HolderReader, r store.Record) (store.Record, error) {
	queue, err := s.Queue(ctx, r.Target.Key())
	if err != nil {
		return store.Record{}, fmt.Errorf("read who holds %s: %w", r.StackName, err)
	}
	if len(queue) == 0 || queue[0].DeploymentID == r.ID {
		return store.Record{}, nil
	}
	held, err := s.Record(ctx, queue[0].DeploymentID)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record{}, nil
	}
	return held, err
}

// timedOut says what a limit that passed was waiting for, in the place of the state machine's own words, which know no
// names. Queue is how long the deployment might queue; how long it did is always a little more.
func timedOut(r store.Record, fault deployment.Fault, held store.Record, queue time.Duration, cause string) string {
	switch {
	case fault == deployment.QueueExhausted && held.ID != "":
		return fmt.Sprintf("%s (%s, requested by %s) held stack %s for the %s that this deployment may queue", held.ID, held.Stage,
			held.RequestedBy, r.StackName, span(queue))
	case fault == deployment.ApprovalExpired && r.DecisionCount > 0:
		return fmt.Sprintf("%d of %d needed approvals came in time: the review waited for %s", r.DecisionCount, r.Policy.Count, span(r.Policy.ExpiresAfter))
	case fault == deployment.ApprovalExpired:
		return fmt.Sprintf("nobody decided in time: the review waited for %s", span(r.Policy.ExpiresAfter))
	}
	return cause
}

// nextSteps says what to do about an end that no tail explains; each line holds a command to type.
func nextSteps(r store.Record, held store.Record, unread string) []string {
	again := fmt.Sprintf("`stackgate %s %s -e %s`", r.Intent, r.Service, r.Environment)
	look := fmt.Sprintf("`aws cloudformation describe-stack-events --stack-name %s --region %s`", r.StackName, r.Region)
	switch r.Outcome {
	case deployment.OutcomeDeployed, deployment.OutcomeNoChange, deployment.OutcomePlanned, deployment.OutcomeRecovered:
		return nil
	case deployment.OutcomeRejected:
		return []string{"Change what was rejected, then: " + again + "."}
	case deployment.OutcomeExpired:
		return []string{"Ask anew: " + again + ". Where people need longer, raise approval.expiresAfter of " + r.Environment + "."}
	case deployment.OutcomeSuperseded:
		if r.SupersededBy != "" {
			return []string{"Follow the newer one: `stackgate watch " + r.SupersededBy.Short() + "`."}
		}
	case deployment.OutcomeStale:
		return []string{"Review what holds now: " + again + "."}
	case deployment.OutcomeCancelled:
		return []string{"Should it be wanted after all: " + again + "."}
	case deployment.OutcomeBlocked:
		return blocked(r, held, again, look)
	case deployment.OutcomeFailedBeforeChange:
		return []string{"Nothing was changed; mend the cause, then: " + again + "."}
	case deployment.OutcomeFailedRolledBack, deployment.OutcomeFailedPaused, deployment.OutcomeFailedNeedsHuman:
		if r.Times.Executed.IsZero() {
			way := cfn.WayOf(types.StackStatus(r.StackStatus))
			return []string{"Look what leads out of it: `" + way.Command(cfn.Whose{Service: r.Service, Environment: r.Environment, StackName: r.StackName}) + "`."}
		}
		line := "Read why it failed: " + look + "."
		if unread != "" {
			line = fmt.Sprintf("The tail could not be collected (%s). Read why it failed: %s.", unread, look)
		}
		return []string{line}
	}
	return nil
}

func blocked(r, held store.Record, again, look string) []string {
	var steps []string
	switch {
	case r.Fault == deployment.NothingToRecover:
		return []string{fmt.Sprintf("Deploy as ever: `stackgate deploy %s -e %s`.", r.Service, r.Environment)}
	case r.Fault == deployment.QueueExhausted && held.ID != "":
		steps = append(steps, "See what holds the stack: `stackgate status "+held.ID.Short()+"`.")
		if held.Stage.Cancellable() {
			steps = append(steps, "Should nobody want it any more: `stackgate cancel "+held.ID.Short()+"`.")
		}
	case r.Fault == deployment.StackBusy:
		steps = append(steps, "See what runs on the stack: "+look+".")
	}
	return append(steps, "Once the way is free: "+again+".")
}

// span is a duration without the units that are nothing.
func span(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
