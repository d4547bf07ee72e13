package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// AddDecision takes a decision in, and counts it in the record, in one transaction. A person decides once upon a
// deployment: where approval.SamePerson has decided already, that decision is returned with created false and nothing
// changes, however late it is. Otherwise the record must await decisions (store.ErrClosed where it does not, or was
// cancelled or superseded) and the decision must name its change set and review digest (store.ErrConflict).
func (s *Store) AddDecision(ctx context.Context, id deployment.ID, decision approval.Decision) (kept approval.Decision, created bool, err error) {
	err = s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		kept, created, err = addDecision(ctx, conn, id, decision)
		return err
	})
	if err != nil {
		return approval.Decision{}, false, fmt.Errorf("add the decision of %s upon %s: %w", decision.By, id, err)
	}
	return kept, created, nil
}

func addDecision(ctx context.Context, conn *sql.Conn, id deployment.ID, decision approval.Decision) (kept approval.Decision, created bool, err error) {
	if strings.TrimSpace(decision.By) == "" {
		return kept, false, errors.New("a decision needs the name of the person who takes it")
	}
	record, err := readRecord(ctx, conn, id)
	if err != nil {
		return kept, false, err
	}
	person := store.PersonKey(decision.By)
	kept, err = queryBody[approval.Decision](ctx, conn,
		"SELECT body FROM decisions WHERE deployment = ? AND person = ?", id, person)
	if !errors.Is(err, store.ErrNotFound) {
		return kept, false, err
	}
	if err := checkDecision(record, decision); err != nil {
		return kept, false, err
	}
	body, err := encode(decision)
	if err != nil {
		return kept, false, err
	}
	record.DecisionCount++
	record.Version++
	if _, err := exec(ctx, conn, "INSERT INTO decisions (deployment, person, number, body) VALUES (?, ?, ?, ?)",
		id, person, record.DecisionCount, body); err != nil {
		return kept, false, err
	}
	if _, err := writeRecord(ctx, conn, record); err != nil {
		return kept, false, err
	}
	err = decode(body, &kept)
	return kept, err == nil, err
}

// checkDecision says why a record does not take a decision.
func checkDecision(record store.Record, decision approval.Decision) error {
	switch {
	case record.CancelledBy != "":
		return fmt.Errorf("%s cancelled it: %w", record.CancelledBy, store.ErrClosed)
	case record.SupersededBy != "":
		return fmt.Errorf("%s superseded it: %w", record.SupersededBy, store.ErrClosed)
	case record.Stage != deployment.StageAwaiting:
		return fmt.Errorf("it is %s: %w", record.Stage, store.ErrClosed)
	case record.DecidedUpon() == "" || record.DecidedUpon() != decision.ChangeSetID:
		return fmt.Errorf("it is for the change set %q, the deployment's is %q: %w",
			decision.ChangeSetID, record.DecidedUpon(), store.ErrConflict)
	case record.Review.Digest == "" || record.Review.Digest != decision.Digest:
		return fmt.Errorf("it is for the review %q, the deployment's is %q: %w",
			decision.Digest, record.Review.Digest, store.ErrConflict)
	}
	return nil
}

// Decisions returns the decisions upon a deployment in the order in which they were taken in.
func (s *Store) Decisions(ctx context.Context, id deployment.ID) (decisions []approval.Decision, err error) {
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		decisions, err = queryBodies[approval.Decision](ctx, conn,
			"SELECT body FROM decisions WHERE deployment = ? ORDER BY number", id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list decisions upon %s: %w", id, err)
	}
	return decisions, nil
}
