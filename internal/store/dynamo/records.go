package dynamo

import (
	"context"
	"fmt"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

func requestKey(id deployment.ID) key { return key{"deployment#" + string(id), "request"} }
func recordKey(id deployment.ID) key  { return key{"deployment#" + string(id), "record"} }

// PutRequest keeps a request, once: the same content again is no error, other content is store.ErrExists.
func (s *Store) PutRequest(ctx context.Context, request store.Request) error {
	if err := s.putRequest(ctx, request); err != nil {
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
	next, err := newRow(requestKey(request.DeploymentID), request)
	if err != nil {
		return err
	}
	next.more[RequestMark] = stringValue(sortable(request.CreatedAt))
	return s.contended(ctx, func() (bool, error) {
		won, there, err := s.replace(ctx, row{}, next)
		switch {
		case err != nil || won:
			return won, err
		case !there.found():
			return false, nil
		case there.body != next.body:
			return false, store.ErrExists
		}
		return true, nil
	})
}

// Request returns a deployment's request.
func (s *Store) Request(ctx context.Context, id deployment.ID) (store.Request, error) {
	request, seen, err := read[store.Request](ctx, s, requestKey(id))
	if err == nil && stringOf(seen.more, RequestMark) == "" {
		err = fmt.Errorf("its row has no mark, so that no front door has written it: %w", store.ErrDamaged)
	}
	if err != nil {
		return store.Request{}, fmt.Errorf("read request %s: %w", id, err)
	}
	return request, nil
}

// read reads and decodes one row.
func read[T any](ctx context.Context, s *Store, k key) (value T, seen row, err error) {
	if seen, err = s.get(ctx, k); err != nil {
		return value, seen, err
	}
	value, err = decode[T](seen)
	return value, seen, err
}

// CreateRecord keeps a new record; store.ErrExists where the deployment has one. The store's own counters, Version and
// DecisionCount, begin at 0 whatever the record says.
func (s *Store) CreateRecord(ctx context.Context, record store.Record) error {
	record.Version, record.DecisionCount = 0, 0
	if err := s.createRecord(ctx, record); err != nil {
		return fmt.Errorf("create record %s: %w", record.ID, err)
	}
	return nil
}

func (s *Store) createRecord(ctx context.Context, record store.Record) error {
	if record.ID == "" {
		return errNoID
	}
	next, err := recordRow(record)
	if err != nil {
		return err
	}
	return s.contended(ctx, func() (bool, error) {
		won, there, err := s.replace(ctx, row{}, next)
		if err == nil && there.found() && !won {
			err = store.ErrExists
		}
		return won, err
	})
}

// recordRow gives a record its row and its places in the indexes. DynamoDB refuses an empty key of an index, and leaves
// out rows without one.
func recordRow(record store.Record) (row, error) {
	next, err := newRow(recordKey(record.ID), record)
	if err != nil {
		return row{}, err
	}
	next.more[requestedAttribute] = stringValue(sortable(record.Times.Requested) + "#" + string(record.ID))
	next.more[byTime.PartitionKey] = stringValue(everyRecord)
	if record.Service != "" {
		next.more[byService.PartitionKey] = stringValue(record.Service)
	}
	if record.Open() {
		next.more[byUnfinished.PartitionKey] = stringValue(everyRecord)
	}
	if end, ok := endOf(string(record.ID)); ok {
		next.more[byEnd.PartitionKey] = stringValue(end)
	}
	return next, nil
}

// Record returns a deployment's record.
func (s *Store) Record(ctx context.Context, id deployment.ID) (store.Record, error) {
	record, _, err := read[store.Record](ctx, s, recordKey(id))
	if err != nil {
		return store.Record{}, fmt.Errorf("read record %s: %w", id, err)
	}
	return record, nil
}

// UpdateRecord reads a record, lets change alter it and keeps the result if the record did not change meanwhile; where it
// did, it begins again. It returns what is kept. An error of change aborts it and is returned as it is. Change may be
// called more than once, must not call the store, and cannot alter the id nor the store's own counters.
func (s *Store) UpdateRecord(ctx context.Context, id deployment.ID, change func(*store.Record) error) (store.Record, error) {
	var updated store.Record
	var refused error
	err := s.contended(ctx, func() (bool, error) {
		record, seen, err := read[store.Record](ctx, s, recordKey(id))
		if err != nil {
			return false, err
		}
		decisions, version := record.DecisionCount, record.Version
		if refused = change(&record); refused != nil {
			return true, nil
		}
		if record.ID != id {
			return false, fmt.Errorf("the change gave it the id %s, and an id never changes", record.ID)
		}
		record.DecisionCount, record.Version = decisions, version+1
		next, err := recordRow(record)
		if err != nil {
			return false, err
		}
		won, _, err := s.replace(ctx, seen, next)
		if err != nil || !won {
			return false, err
		}
		// As a reader will find it, sharing no memory with what change put in.
		next.write = "kept"
		updated, err = decode[store.Record](next)
		return true, err
	})
	if refused != nil {
		return store.Record{}, refused
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("update record %s: %w", id, err)
	}
	return updated, nil
}
