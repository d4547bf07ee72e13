// Package feed shows a deployment's journal, one line an event, as text or as NDJSON. It neither writes the journal nor
// runs the deployment.
package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/stream"
)

// Journal gives the events of a deployment.
type Journal interface {
	Events(ctx context.Context, id deployment.ID, afterSeq int64, limit int) ([]store.JournalEvent, error)
}

// Printer shows one event.
type Printer interface {
	Print(e store.JournalEvent) error
}

// Reader reads a journal in pieces, each event once.
type Reader struct {
	Journal Journal
	ID      deployment.ID
	after   int64
}

// Next returns the events that have come since the last call.
func (r *Reader) Next(ctx context.Context) ([]store.JournalEvent, error) {
	var all []store.JournalEvent
	for {
		events, err := r.Journal.Events(ctx, r.ID, r.after, 500)
		if err != nil {
			return all, err
		}
		all = append(all, events...)
		if len(events) > 0 {
			r.after = events[len(events)-1].Seq
		}
		if len(events) < 500 {
			return all, nil
		}
	}
}

// Level says how much an event matters.
type Level string

// The levels.
const (
	Debug   Level = "debug"
	Info    Level = "info"
	Warning Level = "warn"
	Failure Level = "error"
)

// LevelOf returns an event's level. A type that is not known is shown.
func LevelOf(e store.JournalEvent) Level {
	switch stream.Type(e.Type) {
	case stream.StateEntered, stream.Heartbeat:
		return Debug
	case stream.Version, stream.PlanStarted, stream.ChangeSetStatus, stream.ChangeSummary, stream.ApprovalRecorded, stream.ExecutionStarted,
		stream.ResourceProgress, stream.ResourceComplete, stream.Outputs:
		return Info
	case stream.PlannedChange:
		if decode[stream.Change](e).Ack > 0 {
			return Warning
		}
		return Info
	case stream.Queued, stream.ApprovalRequested, stream.RollbackStarted:
		return Warning
	case stream.ResourceFailed, stream.Error:
		return Failure
	case stream.Result:
		if decode[stream.Ended](e).Failed {
			return Failure
		}
		return Info
	}
	return Warning
}

// decode reads a body; what it lacks is empty.
func decode[T any](e store.JournalEvent) T {
	var body T
	if err := json.Unmarshal(e.Body, &body); err != nil {
		var none T
		return none
	}
	return body
}

// EndedOf returns how a deployment ended, where the event says that.
func EndedOf(e store.JournalEvent) (stream.Ended, bool) {
	if e.Type != string(stream.Result) {
		return stream.Ended{}, false
	}
	return decode[stream.Ended](e), true
}

// NDJSON writes one object a line: seq, time, level, deploymentId and type, then the fields of the event's body. The first
// line names the schema.
type NDJSON struct {
	w      io.Writer
	opened bool
}

// NewNDJSON makes a printer.
func NewNDJSON(w io.Writer) *NDJSON { return &NDJSON{w: w} }

// Open writes the first line. Print does where nobody else has.
func (n *NDJSON) Open() error {
	if n.opened {
		return nil
	}
	n.opened = true
	_, err := fmt.Fprintf(n.w, "{\"type\":%q,\"schema\":%q}\n", stream.Version, stream.Schema)
	return err
}

// Print writes one event.
func (n *NDJSON) Print(e store.JournalEvent) error {
	if err := n.Open(); err != nil {
		return err
	}
	head, err := json.Marshal(struct {
		Seq          int64         `json:"seq"`
		Time         time.Time     `json:"time"`
		Level        Level         `json:"level"`
		DeploymentID deployment.ID `json:"deploymentId"`
		Type         string        `json:"type"`
	}{e.Seq, e.Time.UTC(), LevelOf(e), e.DeploymentID, e.Type})
	if err != nil {
		return fmt.Errorf("encode event %d: %w", e.Seq, err)
	}
	line := bytes.TrimSuffix(head, []byte("}"))
	// A body is an object whose fields join the line's own; outputs, whose names are the template's, stay apart.
	body := bytes.TrimSpace(e.Body)
	switch {
	case e.Type == string(stream.Outputs):
		line = append(append(line, `,"outputs":`...), body...)
	case len(body) > 2 && body[0] == '{':
		line = append(append(line, ','), bytes.TrimSuffix(body[1:], []byte("}"))...)
	}
	_, err = n.w.Write(append(line, "}\n"...))
	return err
}
