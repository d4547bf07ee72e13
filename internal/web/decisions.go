package web

import (
	"net/http"

	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/web/wire"
)

const (
	// maxComment is how long a comment or reason may be, in bytes.
	maxComment = 4096
	// maxAcknowledgements is far beyond the critical changes of any change set.
	maxAcknowledgements = 2000
)

func (h *Handler) decide(w http.ResponseWriter, r *http.Request) error {
	caller, _ := CallerOf(r.Context())
	var body wire.Answer
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	switch {
	case len(body.Comment) > maxComment:
		return problem(http.StatusUnprocessableEntity, string(deployment.InvalidRequest), "the comment has %d bytes, and at most %d are taken", len(body.Comment), maxComment)
	case len(body.Acknowledgements) > maxAcknowledgements:
		return problem(http.StatusUnprocessableEntity, string(deployment.InvalidRequest), "%d acknowledgements are given, and at most %d are taken", len(body.Acknowledgements), maxAcknowledgements)
	}
	record, err := h.find(r)
	if err != nil {
		return err
	}
	decided, err := h.options.Door.Decide(r.Context(), caller, record.ID, frontdoor.Answer{
		Verdict: body.Verdict, Digest: body.Digest, Acknowledgements: body.Acknowledgements, Comment: body.Comment,
	})
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if decided.Repeated {
		status = http.StatusOK
	} else {
		h.audit(r, "decided", record, caller, "verdict", string(decided.Decision.Verdict), "digest", decided.Decision.Digest, "changeSet", decided.Decision.ChangeSetID)
	}
	return writeJSON(w, status, wire.Decided{
		Schema: wire.DecisionSchema, DeploymentID: record.ID, Decision: decided.Decision, Repeated: decided.Repeated,
		State: decided.Tally.State, Given: decided.Tally.Given, Needed: decided.Tally.Needed,
	})
}

func (h *Handler) cancel(w http.ResponseWriter, r *http.Request) error {
	caller, _ := CallerOf(r.Context())
	var body wire.Cancellation
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	if len(body.Reason) > maxComment {
		return problem(http.StatusUnprocessableEntity, string(deployment.InvalidRequest), "the reason has %d bytes, and at most %d are taken", len(body.Reason), maxComment)
	}
	record, err := h.find(r)
	if err != nil {
		return err
	}
	earlier := record.CancelledBy
	if record, err = h.options.Door.Cancel(r.Context(), caller, record.ID, body.Reason); err != nil {
		return err
	}
	if earlier == "" {
		h.audit(r, "cancelled", record, caller, "reason", record.CancelReason)
	}
	return writeJSON(w, http.StatusOK, record)
}
