package store

import (
	"encoding/json"
	"time"

	"stackgate/internal/deployment"
)

// JournalEvent is one line of a deployment's event stream, as `watch` and NDJSON output show it.
type JournalEvent struct {
	DeploymentID deployment.ID `json:"deploymentId"`
	// Seq counts the events of one deployment from 1, without gaps.
	Seq int64 `json:"seq"`
	// Time is when the store took the event in, UTC.
	Time time.Time `json:"time"`
	Type string    `json:"type"`
	// Body is a JSON value, or absent.
	Body json.RawMessage `json:"body,omitempty"`
}
