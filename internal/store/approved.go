package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
)

// Policies gives the policy that is installed for a service in an environment.
type Policies func(serviceName, environment string) (approval.Policy, error)

// CheckApproved says why a deployment may not touch its stack as far as decisions go: it counts those given against the
// stricter of the policy that the record keeps and the one that is installed, and only those of people who are still members
// of the groups that are installed. Every step before and at the execution asks, because a wake-up proves nothing; and
// because every function can write records, a record that says that nobody need approve is believed only where the
// installed policy leaves that to the review.
func CheckApproved(installed Policies, record Record, decisions []approval.Decision) error {
	if record.Review.Approval == deployment.ApprovalNotAsked {
		return deployment.Faultf(deployment.NotApproved, "%s was requested as a plan, which is never executed", record.ID)
	}
	now, err := installed(record.Service, record.Environment)
	if err != nil {
		return deployment.Faultf(deployment.NotApproved, "whose approval of %s counts is not known any more: %w", record.ID, err)
	}
	policy := record.Policy.Under(now)
	switch record.Review.Approval {
	case deployment.ApprovalRequired:
	case deployment.ApprovalNotRequired:
		if !policy.Requires(false) {
			return nil
		}
	default:
		return deployment.Faultf(deployment.NotApproved, "%s has no review that says whether it needs an approval (%q)", record.ID, record.Review.Approval)
	}
	tally := approval.Count(policy, record.ReviewToDecide(), decisions)
	switch tally.State {
	case approval.Approved:
		return nil
	case approval.Rejected:
		reason, what := "", "change set"
		if tally.Reason != "" {
			reason = ": " + tally.Reason
		}
		if record.Intent == deployment.IntentRecover {
			what = "recovery"
		}
		return deployment.Faultf(deployment.Rejected, "%s rejected the %s%s", tally.RejectedBy, what, reason)
	case approval.Waiting:
	}
	ignored := ""
	if len(tally.Ignored) > 0 {
		ignored = " (" + strings.Join(tally.Ignored, "; ") + ")"
	}
	return deployment.Faultf(deployment.NotApproved, "%d of %d needed approvals were given%s", tally.Given, tally.Needed, ignored)
}

// DecisionStore is the store as far as decisions are counted.
type DecisionStore interface {
	UpdateRecord(ctx context.Context, id deployment.ID, change func(*Record) error) (Record, error)
	Decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error)
}

// BeginVerifying closes a deployment or recovery for decisions, and counts those that the store holds.
func BeginVerifying(ctx context.Context, s DecisionStore, installed Policies, id deployment.ID) (Record, error) {
	record, err := s.UpdateRecord(ctx, id, func(r *Record) error {
		if err := r.Heed(); err != nil {
			return err
		}
		r.Stage = deployment.StageVerifying
		return nil
	})
	if err != nil {
		return Record{}, err
	}
	decisions, err := decisionsUpon(ctx, s, id)
	if err != nil {
		return Record{}, err
	}
	return record, CheckApproved(installed, record, decisions)
}

// BeginExecuting counts the decisions once more, closes a deployment or recovery for wishes to end it, and notes that its
// stack may be touched from here on.
func BeginExecuting(ctx context.Context, s DecisionStore, installed Policies, id deployment.ID, now time.Time) (Record, error) {
	decisions, err := decisionsUpon(ctx, s, id)
	if err != nil {
		return Record{}, err
	}
	return s.UpdateRecord(ctx, id, func(r *Record) error {
		if err := r.Heed(); err != nil {
			return err
		}
		if r.Times.Verified.IsZero() {
			what := "review"
			if r.Intent == deployment.IntentRecover {
				what = "proposal"
			}
			return deployment.Faultf(deployment.NotApproved, "the %s of %s was not verified", what, r.ID)
		}
		if err := CheckApproved(installed, *r, decisions); err != nil {
			return err
		}
		r.Stage, r.Times.Executed, r.Settlement = deployment.StageExecuting, now, ""
		r.ClientRequestToken = r.ID.String()
		return nil
	})
}

func decisionsUpon(ctx context.Context, s DecisionStore, id deployment.ID) ([]approval.Decision, error) {
	decisions, err := s.Decisions(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the decisions upon %s: %w", id, err)
	}
	return decisions, nil
}
