package local

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/stream"
)

// mortal is the store of a process that can die: its flow then stops where it waits, and nothing of it is finished.
type mortal struct {
	Store
	dead atomic.Bool
}

func (m *mortal) TokenAnswer(ctx context.Context, token string) (store.Answer, bool, error) {
	if m.dead.Load() {
		return store.Answer{}, false, errors.New("the process is dead")
	}
	return m.Store.TokenAnswer(ctx, token)
}

// dies runs a deployment in a process that dies once it has reached a stage.
func (w *world) dies(id deployment.ID, stage deployment.Stage, approve bool) {
	w.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := w.host.Run(w.t.Context(), id); err == nil {
			w.t.Error("the process outlived its death")
		}
	}()
	if approve {
		if err := w.decide("bo", approval.Approve, w.reach(id, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.reach(id, stage)
	w.mortal.dead.Store(true)
	<-done
	w.mortal.dead.Store(false)
}

func TestAdoptedAfterDeathWhileWaiting(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		w.dies(record.ID, deployment.StageAwaiting, false)
		if adopted, err := w.host.Adopt(w.t.Context()); err != nil || len(adopted) != 0 {
			w.t.Fatalf("adopted %v while the process may still live (%v)", adopted, err)
		}
		time.Sleep(time.Minute)
		adopted, err := w.host.Adopt(w.t.Context())
		if err != nil || len(adopted) != 1 {
			w.t.Fatalf("adopted %d, error %v", len(adopted), err)
		}
		w.ended(adopted[0], deployment.OutcomeFailedBeforeChange, "the process that ran the flow ended")
		if got := w.stackStatus(); got != "absent" {
			w.t.Errorf("the stack %s is left", got)
		}
		w.ended(w.deployed(), deployment.OutcomeDeployed, "")
	})
}

func TestAdoptedAfterDeathWhileExecuting(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		w.dies(record.ID, deployment.StageExecuting, true)
		time.Sleep(time.Hour)
		w.ended(w.adoptedExecution(), deployment.OutcomeDeployed, "")
	})
}

// TestLetGoWhileExecuting: Ctrl-C stops the process in an orderly way. The next one tells of the stack where the first left
// off, each event once, and finishes the deployment.
func TestLetGoWhileExecuting(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		ctx, stop := context.WithCancel(w.t.Context())
		done := make(chan error)
		go func() {
			_, err := w.host.Run(ctx, record.ID)
			done <- err
		}()
		if err := w.decide("bo", approval.Approve, w.reach(record.ID, deployment.StageAwaiting)); err != nil {
			w.t.Fatal(err)
		}
		w.reach(record.ID, deployment.StageExecuting)
		time.Sleep(2 * time.Second)
		stop()
		if err := <-done; err != nil {
			w.t.Logf("the flow ended with: %v", err)
		}
		if adopted, err := w.host.Adopt(w.t.Context()); err != nil || len(adopted) != 0 {
			w.t.Fatalf("adopted %v while the stack moves (%v)", adopted, err)
		}
		time.Sleep(time.Hour)
		w.ended(w.adoptedExecution(), deployment.OutcomeDeployed, "")
		told, err := w.store.Events(w.t.Context(), record.ID, 0, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		times := map[string]int{}
		for _, e := range told {
			switch stream.Type(e.Type) {
			case stream.ResourceProgress, stream.ResourceComplete, stream.ExecutionStarted, stream.Result:
				times[e.Type+string(e.Body)]++
			}
		}
		complete := false
		for what, n := range times {
			complete = complete || strings.Contains(what, "AWS::CloudFormation::Stack") && strings.Contains(what, "CREATE_COMPLETE")
			if n != 1 {
				w.t.Errorf("told %d times: %s", n, what)
			}
		}
		if !complete {
			w.t.Error("nobody told that the stack is complete")
		}
	})
}

// adoptedExecution finishes the one deployment whose process died while its stack was being changed.
func (w *world) adoptedExecution() store.Record {
	w.t.Helper()
	adopted, err := w.host.Adopt(w.t.Context())
	if err == nil && len(adopted) == 0 {
		// The first look may be a stale read of the stack, which is not believed.
		adopted, err = w.host.Adopt(w.t.Context())
	}
	if err != nil || len(adopted) != 1 {
		w.t.Fatalf("adopted %d, error %v", len(adopted), err)
	}
	return adopted[0]
}

func TestAdoptedAfterDeathWithAFailedStack(t *testing.T) {
	story(t, func(w *world) {
		w.template(table("orders", "create"))
		record := w.request(deployment.IntentDeploy)
		w.dies(record.ID, deployment.StageExecuting, true)
		time.Sleep(time.Hour)
		w.ended(w.adoptedExecution(), deployment.OutcomeFailedRolledBack, "the queue is out of order")
	})
}

// What people wanted before the process died is what the deployment ends as.
func TestAdoptedAsWhatPeopleWanted(t *testing.T) {
	for outcome, change := range map[deployment.Outcome]func(*store.Record){
		deployment.OutcomeCancelled:  func(r *store.Record) { r.CancelledBy = "ana" },
		deployment.OutcomeSuperseded: func(r *store.Record) { r.SupersededBy = "orders-prod-20991122T140203Z-7q4k2mxa" },
	} {
		t.Run(string(outcome), func(t *testing.T) {
			story(t, func(w *world) {
				record := w.request(deployment.IntentDeploy)
				w.dies(record.ID, deployment.StageAwaiting, false)
				w.adoptedAs(record.ID, outcome, change)
			})
		})
	}
}

// A process that died between the note that it would execute and the call leaves a change set that nobody executed.
func TestAdoptedBeforeTheExecutionBegan(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		w.dies(record.ID, deployment.StageAwaiting, false)
		w.adoptedAs(record.ID, deployment.OutcomeFailedBeforeChange, func(r *store.Record) {
			r.Stage, r.Times.Executed = deployment.StageExecuting, time.Now()
		})
		if got := w.stackStatus(); got != "absent" {
			w.t.Errorf("the stack %s is left", got)
		}
	})
}

func (w *world) adoptedAs(id deployment.ID, outcome deployment.Outcome, change func(*store.Record)) {
	w.t.Helper()
	if _, err := w.store.UpdateRecord(w.t.Context(), id, func(r *store.Record) error {
		change(r)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Minute)
	adopted, err := w.host.Adopt(w.t.Context())
	if err != nil || len(adopted) != 1 {
		w.t.Fatalf("adopted %d, error %v", len(adopted), err)
	}
	w.ended(adopted[0], outcome, "")
}

func TestAMovingStackIsNotAdopted(t *testing.T) {
	story(t, func(w *world) {
		record := w.request(deployment.IntentDeploy)
		w.dies(record.ID, deployment.StageExecuting, true)
		if _, err := w.store.UpdateRecord(w.t.Context(), record.ID, func(r *store.Record) error {
			r.Runner.AliveUntil = time.Time{}
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
		adopted, err := w.host.Adopt(w.t.Context())
		if err != nil || len(adopted) != 0 {
			w.t.Errorf("adopted %v while the stack moves (%v)", adopted, err)
		}
	})
}
