package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

// stream writes without end, and says the number of each round once all of it is kept. It goes on where its predecessor
// was killed.
func stream(ctx context.Context, s *sqlite.Store) error {
	if err := createAwaiting(ctx, s, anID); err != nil && !errors.Is(err, store.ErrExists) {
		return err
	}
	record, err := s.Record(ctx, anID)
	if err != nil {
		return err
	}
	for i := record.Transitions + 1; ; i++ {
		id := streamed(i)
		if err := createAwaiting(ctx, s, id); err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
		for _, by := range []string{"ana", "max"} {
			decision := approval.Decision{By: by, Verdict: approval.Approve, ChangeSetID: "arn", Digest: "sha256:1"}
			if _, _, err := s.AddDecision(ctx, id, decision); err != nil {
				return err
			}
		}
		if _, err := s.Enqueue(ctx, "stack", store.Ticket{DeploymentID: id}); err != nil {
			return err
		}
		if _, err := s.PutDocument(ctx, "review", []byte(id)); err != nil {
			return err
		}
		if err := s.Blob("count").Update(ctx, func([]byte) ([]byte, error) { return []byte(strconv.Itoa(i)), nil }); err != nil {
			return err
		}
		if _, err := s.UpdateRecord(ctx, anID, func(r *store.Record) error {
			r.Transitions = i
			return nil
		}); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func streamed(i int) deployment.ID { return deployment.ID(fmt.Sprintf("streamed-%d", i)) }

func TestWhatWasSaidToBeKeptSurvivesAKill(t *testing.T) {
	dir, said := t.TempDir(), 0
	// 0 kills while the file is being opened, and the first time while it is being made.
	for _, after := range []int{0, 0, 0, 1, 2, 3, 1, 9, 0, 4} {
		p := start(t, "stream", dir, "")
		p.waitFor(t, "started")
		last := strconv.Itoa(said)
		if after > 0 {
			last = strconv.Itoa(said + after)
			p.waitFor(t, last)
		}
		var err error
		if said, err = strconv.Atoi(p.kill(t, last)); err != nil {
			t.Fatal(err)
		}
		said = checkStream(t, dir, said)
	}
}

// checkStream looks at what a killed process left behind, and returns the number of rounds that are kept: those that were
// said, and perhaps one more that was kept and not yet said.
func checkStream(t *testing.T, dir string, said int) int {
	t.Helper()
	s, ctx := open(t, dir), t.Context()
	defer s.Close()
	var integrity string
	db := raw(t, dir)
	defer db.Close()
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Fatalf("integrity %q, error %v", integrity, err)
	}
	record, err := s.Record(ctx, anID)
	if errors.Is(err, store.ErrNotFound) && said == 0 {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	kept := record.Transitions
	if kept < said || kept > said+1 {
		t.Errorf("%d rounds are kept, %d were said", kept, said)
	}
	if blob := readBlob(t, s.Blob("count")); kept > 0 && string(blob) != strconv.Itoa(kept) && string(blob) != strconv.Itoa(kept+1) {
		t.Errorf("the blob is at %s, the record at %d", blob, kept)
	}
	queue, err := s.Queue(ctx, "stack")
	if err != nil || len(queue) < kept || len(queue) > kept+1 {
		t.Errorf("%d tickets, error %v; want %d or one more", len(queue), err, kept)
	}
	for i := 1; i <= kept+1; i++ {
		checkRound(t, s, streamed(i), i <= kept)
	}
	return kept
}

func checkRound(t *testing.T, s *sqlite.Store, id deployment.ID, whole bool) {
	t.Helper()
	record, err := s.Record(t.Context(), id)
	if errors.Is(err, store.ErrNotFound) && !whole {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	decisions, err := s.Decisions(t.Context(), id)
	if err != nil || len(decisions) != record.DecisionCount || (whole && len(decisions) != 2) {
		t.Errorf("%s: %d decisions, counted %d, error %v", id, len(decisions), record.DecisionCount, err)
	}
	if key, err := store.DocumentKey("review", []byte(id)); err != nil {
		t.Error(err)
	} else if _, err := s.Document(t.Context(), key); err != nil && whole {
		t.Error(err)
	}
}
