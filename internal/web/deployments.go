package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/store"
	"stackgate/internal/web/wire"
)

// maxList is how many records an answer holds: they have about 3 KB each, and the answers of Lambda end at 6 MB.
const maxList = 1000

func (h *Handler) list(w http.ResponseWriter, r *http.Request) error {
	given, err := query(r, "service", "environment", "unfinished", "limit", "id")
	if err != nil {
		return err
	}
	filter := store.Filter{Service: given["service"], Environment: given["environment"], IDSuffix: given["id"], Limit: 50}
	if text, found := given["unfinished"]; found {
		if filter.Unfinished, err = strconv.ParseBool(text); err != nil {
			return problem(http.StatusBadRequest, wire.Malformed, "unfinished is true or false, not %.16q", text)
		}
	}
	if text, found := given["limit"]; found {
		if filter.Limit, err = strconv.Atoi(text); err != nil || filter.Limit < 1 || filter.Limit > maxList {
			return problem(http.StatusBadRequest, wire.Malformed, "limit is 1 to %d, not %.16q", maxList, text)
		}
	}
	if filter.IDSuffix != "" {
		if err := deployment.CheckSuffix(filter.IDSuffix); err != nil {
			return problem(http.StatusBadRequest, wire.Malformed, "%w", err)
		}
	}
	records, err := h.options.Store.Records(r.Context(), filter)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wire.List{Schema: wire.ListSchema, Deployments: append([]store.Record{}, records...)})
}

func (h *Handler) find(r *http.Request) (store.Record, error) {
	return h.options.Door.Find(r.Context(), r.PathValue("id"))
}

func (h *Handler) deployment(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	record, err := h.find(r)
	if err != nil {
		return err
	}
	decisions, err := h.options.Store.Decisions(r.Context(), record.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wire.Deployment{Record: record, Decisions: append([]approval.Decision{}, decisions...)})
}

var keyPattern = regexp.MustCompile(`^[!-+\--~]{1,128}$`)

func (h *Handler) request(w http.ResponseWriter, r *http.Request) error {
	caller, _ := CallerOf(r.Context())
	var body wire.Ask
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	ask, err := body.Wish()
	if err != nil {
		return problem(http.StatusUnprocessableEntity, string(deployment.InvalidRequest), "%w", err)
	}
	if err := checkTexts(ask); err != nil {
		return err
	}
	record, repeated, err := h.requestOnce(r, caller, ask)
	if err != nil {
		return err
	}
	if !repeated {
		h.audit(r, "requested", record, caller, "intent", string(record.Intent), "reason", record.Reason)
	}
	if h.options.Starter != nil && record.Stage == deployment.StageRequested {
		if record, err = h.start(r, record); err != nil {
			return err
		}
	}
	status := http.StatusCreated
	if repeated {
		status = http.StatusOK
	}
	w.Header().Set("Location", "/deployments/"+record.ID.String())
	return writeJSON(w, status, wire.Requested{Schema: wire.RequestSchema, Repeated: repeated, Deployment: record})
}

// requestOnce takes a wish in under the call's key. Where it has none, the same wish of the same person is one deployment as
// long as the first is not over, and within one minute.
func (h *Handler) requestOnce(r *http.Request, caller frontdoor.Caller, ask frontdoor.Ask) (store.Record, bool, error) {
	key := r.Header.Get(wire.IdempotencyKey)
	if key != "" {
		if !keyPattern.MatchString(key) || len(r.Header.Values(wire.IdempotencyKey)) > 1 {
			return store.Record{}, false, problem(http.StatusBadRequest, wire.Malformed, "%s has 1 to 128 printable ASCII characters and no comma or space", wire.IdempotencyKey)
		}
		return h.options.Door.RequestOnce(r.Context(), caller, ask, "key "+key)
	}
	fingerprint := ask.Fingerprint()
	running, err := h.options.Store.Records(r.Context(), store.Filter{Service: ask.Service, Environment: ask.Environment, Unfinished: true})
	if err != nil {
		return store.Record{}, false, err
	}
	for _, record := range running {
		if record.Fingerprint == fingerprint && approval.SamePerson(record.RequestedBy, caller.Name) {
			return record, true, nil
		}
	}
	minute := h.options.Clock.Now().UTC().Truncate(time.Minute).Format(time.RFC3339)
	sum := sha256.Sum256([]byte(fingerprint + " " + minute))
	return h.options.Door.RequestOnce(r.Context(), caller, ask, "content "+hex.EncodeToString(sum[:]))
}

// checkTexts bounds what people write: records are read in lists, and shown.
func checkTexts(ask frontdoor.Ask) error {
	for _, text := range []struct {
		name, value string
		most        int
	}{{"reason", ask.Reason, 1024}, {"commit", ask.Commit, 256}} {
		if len(text.value) > text.most {
			return problem(http.StatusUnprocessableEntity, string(deployment.InvalidRequest), "%s has %d bytes, and at most %d are taken", text.name, len(text.value), text.most)
		}
	}
	const parameters, value = 200, 4096 // CloudFormation's quotas
	if len(ask.Parameters) > parameters {
		return problem(http.StatusUnprocessableEntity, string(deployment.InvalidRequest), "%d parameters are given, and CloudFormation takes %d", len(ask.Parameters), parameters)
	}
	for name, given := range ask.Parameters {
		if len(given) > value {
			return problem(http.StatusUnprocessableEntity, string(deployment.InvalidRequest), "parameter %.64q has %d bytes, and CloudFormation takes %d", name, len(given), value)
		}
	}
	return nil
}

// start starts the state machine. Where it cannot be started at all the deployment ends here; where that is not known the
// caller repeats the call.
func (h *Handler) start(r *http.Request, record store.Record) (store.Record, error) {
	err := h.options.Starter.Start(r.Context(), record)
	if err == nil {
		return record, nil
	}
	if deployment.FaultOf(err) == deployment.InternalError {
		h.options.Log.ErrorContext(r.Context(), "start an execution", "deploymentId", record.ID.String(), "error", err.Error())
		return store.Record{}, problem(http.StatusServiceUnavailable, wire.NotStarted,
			"%s is requested, and its execution could not be started yet; repeat the call with the same %s", record.ID, wire.IdempotencyKey).about(record.ID)
	}
	ended, abandoning := h.options.Door.Abandon(r.Context(), record.ID, err.Error())
	if abandoning != nil {
		return store.Record{}, fmt.Errorf("end %s, which cannot be started (%w): %w", record.ID, err, abandoning)
	}
	return ended, nil
}

// audit logs what somebody changed. The record keeps the same; the log is where nobody who may write records can alter it.
func (h *Handler) audit(r *http.Request, what string, record store.Record, caller frontdoor.Caller, more ...any) {
	h.options.Log.InfoContext(r.Context(), "audit", append([]any{
		"event", what, "deploymentId", record.ID.String(), "correlationId", record.CorrelationID, "person", caller.Name, "verified", caller.Verified,
		"onBehalfOf", caller.OnBehalfOf, "principal", caller.Source.Principal, "principalId", caller.Source.PrincipalID,
		"channel", string(caller.Source.Channel), "address", caller.Source.Address, "agent", caller.Source.Agent,
	}, more...)...)
}
