package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"stackgate/internal/approval"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

// The test binary starts itself as other processes that use the store; these variables tell it what to be.
const (
	roleVariable   = "STACKGATE_STORE_TEST_ROLE"
	folderVariable = "STACKGATE_STORE_TEST_FOLDER"
	nameVariable   = "STACKGATE_STORE_TEST_NAME"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(context.Background(), role, os.Getenv(folderVariable), os.Getenv(nameVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(ctx context.Context, role, folder, name string) error {
	fmt.Println("started")
	s, err := sqlite.Open(ctx, folder, clock.System{})
	if err != nil {
		return err
	}
	defer s.Close()
	switch role {
	case "hammer":
		return hammer(ctx, s, name)
	case "stream":
		return stream(ctx, s)
	case "hold":
		_, err := s.UpdateRecord(ctx, anID, func(r *store.Record) error {
			r.Cause = "half done"
			fmt.Println("holding")
			_, err := io.Copy(io.Discard, os.Stdin)
			return err
		})
		return err
	}
	return fmt.Errorf("no role %q", role)
}

// process is another process that plays a role. It ends with the test.
type process struct {
	command *exec.Cmd
	lines   *bufio.Scanner
	stderr  bytes.Buffer
	stdin   io.WriteCloser
}

func start(t *testing.T, role, folder, name string) *process {
	t.Helper()
	p := &process{command: exec.CommandContext(t.Context(), os.Args[0])}
	p.command.Env = append(os.Environ(), roleVariable+"="+role, folderVariable+"="+folder, nameVariable+"="+name)
	p.command.Stderr = &p.stderr
	var err error
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(stdout)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) waitFor(t *testing.T, line string) {
	t.Helper()
	for p.lines.Scan() {
		if p.lines.Text() == line {
			return
		}
	}
	t.Fatalf("the other process never said %q: %v %s", line, p.command.Wait(), p.stderr.String())
}

func (p *process) end(t *testing.T) {
	t.Helper()
	for p.lines.Scan() {
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("the other process: %v: %s", err, p.stderr.String())
	}
}

// kill ends the process as kill -9 does, and returns the last line it had said.
func (p *process) kill(t *testing.T, last string) string {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for p.lines.Scan() {
		last = p.lines.Text()
	}
	if err := p.command.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the other process ended with %v, not by being killed: %s", err, p.stderr.String())
	}
	return last
}

const rounds = 25

// hammer does everything that two processes could get in each other's way with.
func hammer(ctx context.Context, s *sqlite.Store, name string) error {
	own := deployment.ID("own-" + name)
	for i := range rounds {
		queue, err := s.Enqueue(ctx, "stack", store.Ticket{DeploymentID: own})
		if err != nil {
			return err
		}
		if standing := countTickets(queue, own); standing != 1 {
			return fmt.Errorf("%s stands %d times in the queue", own, standing)
		}
		if _, err := s.UpdateRecord(ctx, anID, func(r *store.Record) error {
			r.Transitions++
			return nil
		}); err != nil {
			return err
		}
		if err := s.Blob("count").Update(ctx, addOne); err != nil {
			return err
		}
		if _, err := s.AppendEvent(ctx, anID, name, json.RawMessage(strconv.Itoa(i))); err != nil {
			return err
		}
		for _, by := range []string{fmt.Sprintf("person-%d", i), fmt.Sprintf("person-%d-of-%s", i, name)} {
			decision := approval.Decision{By: by, Verdict: approval.Approve, ChangeSetID: "arn", Digest: "sha256:1"}
			if _, _, err := s.AddDecision(ctx, anID, decision); err != nil {
				return err
			}
		}
		if _, err := s.PutDocument(ctx, "review", []byte(strconv.Itoa(i))); err != nil {
			return err
		}
		if queue, err = s.Leave(ctx, "stack", own); err != nil {
			return err
		}
		if countTickets(queue, own) != 0 {
			return fmt.Errorf("%s stands in the queue that it left", own)
		}
	}
	return nil
}

func countTickets(queue []store.Ticket, id deployment.ID) int {
	n := 0
	for _, ticket := range queue {
		if ticket.DeploymentID == id {
			n++
		}
	}
	return n
}

func createAwaiting(ctx context.Context, s *sqlite.Store, id deployment.ID) error {
	record := store.Record{ID: id, Stage: deployment.StageAwaiting}
	record.ChangeSet.ARN, record.Review.Digest = "arn", "sha256:1"
	return s.CreateRecord(ctx, record)
}

func TestProcessesDoNotGetInEachOthersWay(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir)
	if err := createAwaiting(ctx, s, anID); err != nil {
		t.Fatal(err)
	}
	others := []*process{start(t, "hammer", dir, "second"), start(t, "hammer", dir, "third")}
	if err := hammer(ctx, s, "first"); err != nil {
		t.Error(err)
	}
	for _, other := range others {
		other.end(t)
	}
	const processes = 3
	record, err := s.Record(ctx, anID)
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := s.Decisions(ctx, anID)
	if err != nil {
		t.Fatal(err)
	}
	// Each round, one person who decides in all processes and one in each.
	wantDecisions := rounds * (1 + processes)
	if len(decisions) != wantDecisions || record.DecisionCount != wantDecisions {
		t.Errorf("%d decisions, counted %d; want %d", len(decisions), record.DecisionCount, wantDecisions)
	}
	if record.Transitions != processes*rounds || record.Version != processes*rounds+wantDecisions {
		t.Errorf("transitions %d, version %d; want %d, %d", record.Transitions, record.Version,
			processes*rounds, processes*rounds+wantDecisions)
	}
	if got := string(readBlob(t, s.Blob("count"))); got != strconv.Itoa(processes*rounds) {
		t.Errorf("the blob counted %s, want %d", got, processes*rounds)
	}
	if queue, err := s.Queue(ctx, "stack"); err != nil || len(queue) != 0 {
		t.Errorf("queue %v, error %v; want none", queue, err)
	}
	events, err := s.Events(ctx, anID, 0, 0)
	if err != nil || len(events) != processes*rounds {
		t.Errorf("%d events, error %v; want %d", len(events), err, processes*rounds)
	}
	next := map[string]int{}
	for i, event := range events {
		if event.Seq != int64(i+1) || string(event.Body) != strconv.Itoa(next[event.Type]) {
			t.Errorf("event %d is number %d, and %s of %s; want %d", i+1, event.Seq, event.Body, event.Type, next[event.Type])
		}
		next[event.Type]++
	}
}

func TestALockedStoreIsWaitedForButNotForEver(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s, hasty := open(t, dir), open(t, dir, sqlite.WithAttempts(3))
	if err := createAwaiting(ctx, s, anID); err != nil {
		t.Fatal(err)
	}
	holder := start(t, "hold", dir, "")
	holder.waitFor(t, "holding")

	err := calls(hasty)["Enqueue"](ctx)
	if !errors.Is(err, sqlite.ErrLocked) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("error = %v, want locked by another process", err)
	}
	open(t, dir, sqlite.WithAttempts(3))
	if record, err := hasty.Record(ctx, anID); err != nil || record.Cause != "" {
		t.Errorf("a reader sees %q, error %v; want the record as it was", record.Cause, err)
	}
	waiting, cancel := context.WithCancelCause(ctx)
	called := make(chan error, 1)
	go func() { called <- calls(s)["Enqueue"](waiting) }()
	cancel(nil)
	if err := <-called; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the wait to end with its context", err)
	}
	patient := make(chan error, 1)
	go func() { patient <- calls(s)["Enqueue"](ctx) }()
	if err := holder.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-patient; err != nil {
		t.Errorf("it was not waited for: %v", err)
	}
	holder.end(t)
	if record, err := s.Record(ctx, anID); err != nil || record.Version != 1 {
		t.Errorf("version %d, error %v; want the holder's change", record.Version, err)
	}
}

func TestAProcessThatIsKilledWhileItChangesChangesNothing(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir)
	if err := createAwaiting(ctx, s, anID); err != nil {
		t.Fatal(err)
	}
	holder := start(t, "hold", dir, "")
	holder.waitFor(t, "holding")
	holder.kill(t, "holding")
	record, err := s.UpdateRecord(ctx, anID, func(*store.Record) error { return nil })
	if err != nil || record.Cause != "" || record.Version != 1 {
		t.Errorf("cause %q, version %d, error %v; want none, 1", record.Cause, record.Version, err)
	}
}
