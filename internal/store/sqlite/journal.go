package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// AppendEvent adds an event to a deployment's journal and returns its number: 1 for the first, then one more each. Body is
// a JSON value or nil.
func (s *Store) AppendEvent(ctx context.Context, id deployment.ID, kind string, body json.RawMessage) (seq int64, err error) {
	err = s.appendEvent(ctx, id, kind, body, &seq)
	if err != nil {
		return 0, fmt.Errorf("append event %s to %s: %w", kind, id, err)
	}
	return seq, nil
}

func (s *Store) appendEvent(ctx context.Context, id deployment.ID, kind string, body json.RawMessage, seq *int64) error {
	if id == "" {
		return errNoID
	}
	if body != nil && !json.Valid(body) {
		return errors.New("its body is not JSON")
	}
	return s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		// The clock is read under the lock, so that one process's events have their times in the order of their numbers.
		_, err := queryRow(ctx, conn, `INSERT INTO events (deployment, seq, time, type, body)
			SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4 FROM events WHERE deployment = ?1 RETURNING seq`,
			[]any{id, sortable(s.clock.Now()), kind, sql.NullString{String: string(body), Valid: body != nil}}, seq)
		return err
	})
}

const defaultEvents = 1000

// Events returns at most limit events of a deployment after afterSeq, in order; 0 is before the first, and a limit of 0 or
// less means 1000.
func (s *Store) Events(ctx context.Context, id deployment.ID, afterSeq int64, limit int) (events []store.JournalEvent, err error) {
	if limit <= 0 {
		limit = defaultEvents
	}
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		events, err = queryRows(ctx, conn, scanEvent,
			"SELECT deployment, seq, time, type, body FROM events WHERE deployment = ? AND seq > ? ORDER BY seq LIMIT ?",
			id, afterSeq, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the events of %s: %w", id, err)
	}
	return events, nil
}

func scanEvent(rows *sql.Rows) (event store.JournalEvent, err error) {
	var at string
	var body sql.NullString
	if err := rows.Scan(&event.DeploymentID, &event.Seq, &at, &event.Type, &body); err != nil {
		return event, err
	}
	if event.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return event, fmt.Errorf("the time of event %d: %w", event.Seq, store.ErrDamaged)
	}
	if body.Valid {
		event.Body = json.RawMessage(body.String)
	}
	return event, nil
}
