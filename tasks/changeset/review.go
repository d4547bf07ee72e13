package changeset

import (
	"context"
	"encoding/json"
	"fmt"

	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/store"
)

// ReviewStore is the store as WriteReview needs it.
type ReviewStore interface {
	Store
	PutDocument(ctx context.Context, kind string, content []byte) (string, error)
}

// WriteReview stores the review of a change set. Repeating it stores the same review again.
type WriteReview struct {
	Store   ReviewStore
	Clock   Clock
	Connect func(ctx context.Context, r store.Record) (ReviewReader, error)
}

// ReviewOut is the output of WriteReview: never the diff itself, which fits no state (256 KiB).
type ReviewOut struct {
	Approval deployment.ApprovalNeed `json:"approval"`
	Digest   string                  `json:"digest"`
	Level    string                  `json:"level"`
	Verdict  string                  `json:"verdict"`
	Changes  int                     `json:"changes"`
	Document string                  `json:"document"`
}

// Run reads the change set completely, stores the review and says what the installed policy asks of it.
func (t WriteReview) Run(ctx context.Context, in In) (ReviewOut, error) {
	record, definition, err := held(ctx, t.Store, in.DeploymentID)
	if err != nil {
		return ReviewOut{}, err
	}
	client, err := t.Connect(ctx, record)
	if err != nil {
		return ReviewOut{}, err
	}
	if record.Review.ExpiresAt.IsZero() {
		record.Review.ExpiresAt = t.Clock.Now().Add(record.Policy.ExpiresAfter)
	}
	made, err := review(ctx, client, t.Store, record, definition)
	if err != nil {
		return ReviewOut{}, err
	}
	content, err := json.Marshal(made)
	if err != nil {
		return ReviewOut{}, fmt.Errorf("encode the review of %s: %w", record.ID, err)
	}
	key, err := t.Store.PutDocument(ctx, "review", content)
	if err != nil {
		return ReviewOut{}, fmt.Errorf("store the review of %s: %w", record.ID, err)
	}
	if record, err = t.Store.UpdateRecord(ctx, record.ID, func(r *store.Record) error {
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
		return ReviewOut{}, fmt.Errorf("record the review of %s: %w", in.DeploymentID, err)
	}
	return ReviewOut{
		Approval: record.Review.Approval, Digest: record.Review.Digest, Level: record.Review.Level, Verdict: record.Review.Verdict,
		Changes: record.Review.Changes, Document: key,
	}, nil
}

func need(r store.Record, made plan.Review) deployment.ApprovalNeed {
	switch {
	case r.Intent == deployment.IntentPlan:
		return deployment.ApprovalNotAsked
	case r.Policy.Requires(made.Dangerous()):
		return deployment.ApprovalRequired
	}
	return deployment.ApprovalNotRequired
}
