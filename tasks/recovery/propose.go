package recovery

import (
	"context"
	"fmt"

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/store"
)

// ProposalStore is the store as WriteRecoveryProposal needs it.
type ProposalStore interface {
	Store
	PutDocument(ctx context.Context, kind string, content []byte) (string, error)
}

// Propose stores the proposal of a recovery. Repeating it stores the same proposal again.
type Propose struct {
	Store   ProposalStore
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (cfn.RecoveryReader, error)
}

// ProposeOut is the output of WriteRecoveryProposal: never the proposal itself, which may fit no state (256 KiB).
type ProposeOut struct {
	Approval deployment.ApprovalNeed `json:"approval"`
	Digest   string                  `json:"digest"`
	Level    string                  `json:"level"`
	Verdict  string                  `json:"verdict"`
	Document string                  `json:"document"`
}

// Run reads the stack again, stores the proposal and says what the installed policy asks of it.
func (t Propose) Run(ctx context.Context, in In) (ProposeOut, error) {
	record, definition, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return ProposeOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return ProposeOut{}, err
	}
	d, err := diagnose(ctx, client, record)
	if err != nil {
		return ProposeOut{}, err
	}
	if record.Review.ExpiresAt.IsZero() {
		record.Review.ExpiresAt = t.Clock.Now().Add(record.Policy.ExpiresAfter)
	}
	made, err := propose(d, record, definition)
	if err != nil {
		return ProposeOut{}, err
	}
	content, err := plan.Encode(made)
	if err != nil {
		return ProposeOut{}, err
	}
	key, err := t.Store.PutDocument(ctx, "review", content)
	if err != nil {
		return ProposeOut{}, fmt.Errorf("store the proposal of %s: %w", record.ID, err)
	}
	if record, err = t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Recovery.Action, r.Recovery.From = d.Action, string(d.Stack.StackStatus)
		r.Review = store.Review{
			Document: key, Digest: made.Digest, ContentDigest: made.ContentDigest, Level: string(made.Level), Verdict: made.Verdict,
			Changes: made.Completeness.Reported, Approval: need(*r, made), Acknowledge: made.Acknowledgements(),
			ExpiresAt: record.Review.ExpiresAt,
		}
		if r.Times.Planned.IsZero() {
			r.Times.Planned = t.Clock.Now()
		}
		return nil
	}); err != nil {
		return ProposeOut{}, fmt.Errorf("record the proposal of %s: %w", in.DeploymentID, err)
	}
	return ProposeOut{
		Approval: record.Review.Approval, Digest: record.Review.Digest, Level: record.Review.Level, Verdict: record.Review.Verdict, Document: key,
	}, nil
}

// need: the environment's policy decides, but for what must be acknowledged by somebody, whatever it says.
func need(r store.Record, made plan.Review) deployment.ApprovalNeed {
	if r.Policy.Requires(made.Dangerous()) || len(made.Acknowledgements()) > 0 {
		return deployment.ApprovalRequired
	}
	return deployment.ApprovalNotRequired
}

// Verify makes sure that what will be performed is what was approved. It only reads CloudFormation, so repeating it is
// safe.
type Verify struct {
	Store    DecisionStore
	Policies store.Policies
	Clock    Clock
	Connect  func(ctx context.Context, r store.Record) (cfn.RecoveryReader, error)
}

// VerifyOut is the output of VerifyRecoveryProposal.
type VerifyOut struct {
	Digest string `json:"digest"`
}

// Run closes the recovery for decisions, counts those that the store holds, and proposes anew from the stack as it is
// now: the digests must be one. What the token brought is not looked at: a token only wakes.
func (t Verify) Run(ctx context.Context, in In) (VerifyOut, error) {
	record, definition, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return VerifyOut{}, err
	}
	if record, err = store.BeginVerifying(ctx, t.Store, t.Policies, record.ID); err != nil {
		return VerifyOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return VerifyOut{}, err
	}
	if _, err := unmoved(ctx, client, record, definition); err != nil {
		return VerifyOut{}, err
	}
	if _, err := t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
		r.Times.Verified = t.Clock.Now()
		return nil
	}); err != nil {
		return VerifyOut{}, fmt.Errorf("record the verification of %s: %w", record.ID, err)
	}
	return VerifyOut{Digest: record.Review.Digest}, nil
}
