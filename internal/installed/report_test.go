package installed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/deployment"
	"stackgate/internal/installed"
	"stackgate/internal/store"
)

// history is an execution's history in pages.
type history [][]types.HistoryEventType

func (h history) GetExecutionHistory(_ context.Context, in *sfn.GetExecutionHistoryInput, _ ...func(*sfn.Options)) (*sfn.GetExecutionHistoryOutput, error) {
	if in.IncludeExecutionData == nil || *in.IncludeExecutionData {
		return nil, errors.New("what is counted needs no data, which is large")
	}
	page := 0
	if in.NextToken != nil {
		_, _ = fmt.Sscan(*in.NextToken, &page)
	}
	out := &sfn.GetExecutionHistoryOutput{}
	for _, kind := range h[page] {
		out.Events = append(out.Events, types.HistoryEvent{Type: kind})
	}
	if page+1 < len(h) {
		out.NextToken = new(fmt.Sprint(page + 1))
	}
	return out, nil
}

func TestTransitions(t *testing.T) {
	task := func(tries int) []types.HistoryEventType {
		events := []types.HistoryEventType{types.HistoryEventTypeTaskStateEntered}
		for range tries {
			events = append(events, types.HistoryEventTypeTaskScheduled, types.HistoryEventTypeTaskStarted, types.HistoryEventTypeTaskFailed)
		}
		return append(events, types.HistoryEventTypeTaskStateExited)
	}
	started := []types.HistoryEventType{types.HistoryEventTypeExecutionStarted}
	for name, row := range map[string]struct {
		history history
		want    int
	}{
		// FinishDeployment runs; the choice and the end are to come.
		"while it runs":                {history{started, task(1), {types.HistoryEventTypeChoiceStateEntered, types.HistoryEventTypeChoiceStateExited}, task(1)}, 5},
		"retries cost":                 {history{started, task(3), task(1)}, 6},
		"a retry over the page's end":  {history{started, {types.HistoryEventTypeTaskStateEntered, types.HistoryEventTypeTaskScheduled}, {types.HistoryEventTypeTaskScheduled}}, 4},
		"when it is over":              {history{started, task(1), {types.HistoryEventTypeFailStateEntered, types.HistoryEventTypeExecutionFailed}}, 2},
		"when it was stopped":          {history{started, task(2), {types.HistoryEventTypeExecutionAborted}}, 2},
		"passes, waits, maps and such": {history{{types.HistoryEventTypePassStateEntered, types.HistoryEventTypeWaitStateEntered, types.HistoryEventTypeMapStateEntered, types.HistoryEventTypeParallelStateEntered, types.HistoryEventTypeSucceedStateEntered, types.HistoryEventTypeExecutionSucceeded}}, 5},
	} {
		if got, err := installed.Transitions(t.Context(), row.history, "arn"); err != nil || got != row.want {
			t.Errorf("%s: %d transitions (%v), want %d", name, got, err, row.want)
		}
	}
	if got, err := installed.Transitions(t.Context(), history{}, ""); got != 0 || err != nil {
		t.Errorf("without an execution: %d, %v", got, err)
	}
}

func TestOverhead(t *testing.T) {
	// m is a moment, in seconds after the request.
	m := func(seconds int) time.Time {
		return time.Unix(1_800_000_000, 0).Add(time.Duration(seconds) * time.Second)
	}
	for name, row := range map[string]struct {
		times store.Times
		want  time.Duration
	}{
		"nothing but ours": {store.Times{Requested: m(0), Finished: m(5)}, 5 * time.Second},
		"every wait": {store.Times{
			Requested: m(0), Queued: m(1), Locked: m(100), Planned: m(130), ApprovalRequested: m(131), Verified: m(1000), Executed: m(1002), Settled: m(1300), Finished: m(1303),
		}, 7 * time.Second},
		"without approval":        {store.Times{Requested: m(0), Queued: m(1), Locked: m(2), Planned: m(10), Verified: m(11), Executed: m(12), Settled: m(50), Finished: m(52)}, 5 * time.Second},
		"ended in the queue":      {store.Times{Requested: m(0), Queued: m(2), Finished: m(3600)}, 2 * time.Second},
		"no change":               {store.Times{Requested: m(0), Queued: m(1), Locked: m(2), Finished: m(20)}, time.Second},
		"rejected":                {store.Times{Requested: m(0), Queued: m(1), Locked: m(1), Planned: m(9), ApprovalRequested: m(10), Finished: m(900)}, 2 * time.Second},
		"ended while it executed": {store.Times{Requested: m(0), Queued: m(1), Locked: m(1), Planned: m(2), Verified: m(3), Executed: m(4), Finished: m(900)}, 3 * time.Second},
		"clocks that disagree":    {store.Times{Requested: m(0), Queued: m(4), Locked: m(2), Planned: m(1), Finished: m(5)}, 5 * time.Second},
		"a clock far behind":      {store.Times{Requested: m(10), Finished: m(5)}, 0},
	} {
		if got := installed.Overhead(row.times); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

func TestEndsAreMeasured(t *testing.T) {
	begin := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	r := record()
	r.CorrelationID, r.ExecutionARN = "build/42", "arn"
	r.Times = store.Times{Requested: begin, ApprovalRequested: begin.Add(10 * time.Second), Verified: begin.Add(70 * time.Second), Finished: begin.Add(100 * time.Second)}
	for _, outcome := range deployment.Outcomes() {
		r.Outcome = outcome
		var log bytes.Buffer
		transitions := installed.Reporter{
			History: history{{types.HistoryEventTypeTaskStateEntered}}, Log: slog.New(slog.NewJSONHandler(&log, nil)),
		}.Ended(t.Context(), r)
		var line map[string]any
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || transitions != 3 {
			t.Fatalf("%d transitions, %v in: %s", transitions, err, log.String())
		}
		for key, want := range map[string]any{
			"msg": "deployment ended", "level": "INFO", "deploymentId": string(r.ID), "correlationId": "build/42",
			"Service": "orders", "Environment": "prod", "Outcome": string(outcome), "Deployments": 1.0,
			"DurationSeconds": 100.0, "ApprovalWaitSeconds": 60.0, "OverheadSeconds": 40.0, "Transitions": 3.0,
		} {
			if line[key] != want {
				t.Errorf("%s: %s is %v, want %v", outcome, key, line[key], want)
			}
		}
		if (line["FailedNeedsHuman"] == 1.0) != (outcome == deployment.OutcomeFailedNeedsHuman) || line["_aws"] == nil {
			t.Errorf("%s: FailedNeedsHuman is %v", outcome, line["FailedNeedsHuman"])
		}
	}
}

// A history that cannot be read costs one metric, and nobody who was not waited for makes another.
func TestWhatIsNotKnownIsNotMeasured(t *testing.T) {
	r := record()
	r.Outcome, r.ExecutionARN, r.Times.Finished = deployment.OutcomeBlocked, "arn", time.Unix(1_800_000_000, 0)
	var log bytes.Buffer
	if got := (installed.Reporter{History: &answered{}, Log: slog.New(slog.NewJSONHandler(&log, nil))}).Ended(t.Context(), r); got != 0 {
		t.Errorf("%d transitions", got)
	}
	text := log.String()
	if !strings.Contains(text, "the history is out of reach") || !strings.Contains(text, `"Deployments":1`) ||
		strings.Contains(text, "Transitions") || strings.Contains(text, "ApprovalWaitSeconds") {
		t.Error(text)
	}
}
