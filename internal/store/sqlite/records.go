package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

var errNoID = errors.New("it has no deployment id")

// PutRequest keeps a request, once: the same content again is no error, other content is store.ErrExists.
func (s *Store) PutRequest(ctx context.Context, request store.Request) error {
	err := s.putRequest(ctx, request)
	if err != nil {
		return fmt.Errorf("put request %s: %w", request.DeploymentID, err)
	}
	return nil
}

func (s *Store) putRequest(ctx context.Context, request store.Request) error {
	if request.DeploymentID == "" {
		return errNoID
	}
	// Without this the same moment in another zone would be other content.
	request.CreatedAt = request.CreatedAt.UTC()
	body, err := encode(request)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		var kept string
		found, err := queryRow(ctx, conn, "SELECT body FROM requests WHERE deployment = ?", []any{request.DeploymentID}, &kept)
		switch {
		case err != nil:
			return err
		case !found:
			_, err := exec(ctx, conn, "INSERT INTO requests (deployment, body) VALUES (?, ?)", request.DeploymentID, body)
			return err
		case kept != body:
			return store.ErrExists
		}
		return nil
	})
}

// Request returns a deployment's request.
func (s *Store) Request(ctx context.Context, id deployment.ID) (request store.Request, err error) {
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		request, err = queryBody[store.Request](ctx, conn, "SELECT body FROM requests WHERE deployment = ?", id)
		return err
	})
	if err != nil {
		return store.Request{}, fmt.Errorf("read request %s: %w", id, err)
	}
	return request, nil
}

// CreateRecord keeps a new record; store.ErrExists where the deployment has one. The store's own counters, Version and
// DecisionCount, begin at 0 whatever the record says.
func (s *Store) CreateRecord(ctx context.Context, record store.Record) error {
	record.Version, record.DecisionCount = 0, 0
	err := s.createRecord(ctx, record)
	if err != nil {
		return fmt.Errorf("create record %s: %w", record.ID, err)
	}
	return nil
}

func (s *Store) createRecord(ctx context.Context, record store.Record) error {
	if record.ID == "" {
		return errNoID
	}
	body, err := encode(record)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		created, err := exec(ctx, conn, `INSERT INTO records (deployment, service, environment, finished, requested, body)
			VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			record.ID, record.Service, record.Environment, finished(record), sortable(record.Times.Requested), body)
		if err == nil && created == 0 {
			err = store.ErrExists
		}
		return err
	})
}

func finished(record store.Record) bool { return record.Stage == deployment.StageFinished }

// Record returns a deployment's record.
func (s *Store) Record(ctx context.Context, id deployment.ID) (record store.Record, err error) {
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		record, err = readRecord(ctx, conn, id)
		return err
	})
	if err != nil {
		return store.Record{}, fmt.Errorf("read record %s: %w", id, err)
	}
	return record, nil
}

func readRecord(ctx context.Context, conn *sql.Conn, id deployment.ID) (store.Record, error) {
	return queryBody[store.Record](ctx, conn, "SELECT body FROM records WHERE deployment = ?", id)
}

// UpdateRecord reads a record, lets change alter it and keeps the result, all in one transaction, and returns what is
// kept. An error of change aborts it and is returned as it is. Change may be called more than once, must not call the
// store, and cannot alter the id nor the store's own counters.
func (s *Store) UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error) {
	var updated store.Record
	var refused error
	err := s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		record, err := readRecord(ctx, conn, id)
		if err != nil {
			return err
		}
		decisions, version := record.DecisionCount, record.Version
		if refused = change(&record); refused != nil {
			return refused
		}
		if record.ID != id {
			return fmt.Errorf("the change gave it the id %s, and an id never changes", record.ID)
		}
		record.DecisionCount, record.Version = decisions, version+1
		updated, err = writeRecord(ctx, conn, record)
		return err
	})
	if refused != nil {
		return store.Record{}, refused
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("update record %s: %w", id, err)
	}
	return updated, nil
}

// writeRecord replaces a record that is there and returns it as a reader will find it, sharing no memory with the given.
func writeRecord(ctx context.Context, conn *sql.Conn, record store.Record) (kept store.Record, err error) {
	body, err := encode(record)
	if err != nil {
		return store.Record{}, err
	}
	if _, err := exec(ctx, conn, `UPDATE records SET service = ?, environment = ?, finished = ?, requested = ?, body = ?
		WHERE deployment = ?`,
		record.Service, record.Environment, finished(record), sortable(record.Times.Requested), body, record.ID); err != nil {
		return store.Record{}, err
	}
	err = decode(body, &kept)
	return kept, err
}

const defaultLimit = 50

// Records returns the records that the filter chooses, newest first: by the time of the request, then by id.
func (s *Store) Records(ctx context.Context, filter store.Filter) (records []store.Record, err error) {
	limit := filter.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		records, err = queryBodies[store.Record](ctx, conn, `SELECT body FROM records
			WHERE (?1 = '' OR service = ?1) AND (?2 = '' OR environment = ?2) AND (NOT ?3 OR NOT finished)
			AND (NOT ?6 OR NOT finished OR coalesce(json_extract(body, '$.lockKept') OR json_extract(body, '$.unreported'), FALSE))
			AND (?4 = '' OR substr(deployment, -length(?4)) = ?4)
			ORDER BY requested DESC, deployment DESC LIMIT ?5`,
			filter.Service, filter.Environment, filter.Unfinished, filter.IDSuffix, limit, filter.Open)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	return records, nil
}
