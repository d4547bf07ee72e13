package cfnsim

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackgate/internal/cfnsim/template"
)

// SimulateKey is the key in a resource's Metadata that scripts what happens to it:
//
//	Metadata:
//	  Stackgate::Simulate:
//	    FailOn: update            # create, update, delete, rollback; or a list of them
//	    Reason: Something broke   # the ResourceStatusReason
//	    After: 5s                 # when, counted from the start; the type's usual time when absent
//	    Times: 1                  # how often, per word; without end when absent
//	    Replace: true             # a change that may replace the resource does
//	    Hook:                     # a hook that looks at the resource; or a list of them
//	      Type: Acme::Guard::S3
//	      On: create              # create, update, delete, changeset; or a list; create and update when absent
//	      Mode: FAIL              # FAIL or WARN
//	      Status: failed          # failed, error (the hook itself broke) or succeeded
//	      Reason: not encrypted
//	      Times: 1                # how often it denies; afterwards it succeeds
//	      Annotations: [{Name: rule, Status: FAILED, Message: m, Remediation: r, Link: https://…, Severity: HIGH}]
//	    Validation:               # a finding of early validation, which is made with the change set; or a list of them
//	      Name: PROPERTY_VALIDATION
//	      Mode: FAIL              # FAIL fails the change set, WARN does not
//	      Path: /Properties/BucketName
//	      Reason: required key [X] not found
//
// In the Metadata of the template itself the key scripts what has no resource:
//
//	Metadata:
//	  Stackgate::Simulate:
//	    FailOn: update            # create, update: a failure of which only the row of the stack tells
//	    Reason: Something broke
//	    Times: 1
//	    Hook: {…}                 # On: changeset is implied
//	    Transform: {Name: Acme::Macro, Reason: it broke}   # the change set fails
//	    Events: {Late: 3s, Twice: true}                    # rows are seen up to so much later, and each one twice
//
// Values may be intrinsic functions, so that a parameter can switch a failure on. Within {} the key must be quoted. The key is ordinary metadata for
// everything else: a change of it is a change of the resource.
const SimulateKey = "Stackgate::Simulate"

// script is the content of SimulateKey; a nil script scripts nothing.
type script map[string]any

func simulated(metadata any) script {
	m, _ := metadata.(map[string]any)
	s, _ := m[SimulateKey].(map[string]any)
	return s
}

func (s script) failsOn(word string) bool {
	switch on := s["FailOn"].(type) {
	case string:
		return strings.EqualFold(on, word)
	case []any:
		return slices.ContainsFunc(on, func(v any) bool {
			text, _ := v.(string)
			return strings.EqualFold(text, word)
		})
	default:
		return false
	}
}

func (s script) after() (time.Duration, bool) {
	text, _ := s["After"].(string)
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

func (s script) times() (int, bool) {
	text, _ := s["Times"].(string)
	n, err := strconv.Atoi(text)
	return n, err == nil
}

func (s script) replaces() bool {
	text, _ := s["Replace"].(string)
	return strings.EqualFold(text, "true")
}

// templateScript is what the Metadata of the template itself scripts. It may refer to parameters only.
func (w *world) templateScript(s *stack, parsed *template.Template, d deployment) script {
	raw := simulated(parsed.Metadata)
	if raw == nil {
		return nil
	}
	scope, err := parsed.Bind(d.Parameters, w.environment(s, d))
	if err != nil {
		return raw
	}
	value, err := scope.Evaluate(map[string]any(raw))
	if err != nil {
		return raw
	}
	m, _ := value.(map[string]any)
	return m
}

// strikeStack returns the reason with which the script of the template lets the operation fail now although no
// resource did, and counts the failure.
func (w *world) strikeStack(s *stack) error {
	scope, err := w.boundScope(s)
	if err != nil {
		return err
	}
	word := "update"
	if s.Operation.Creates {
		word = "create"
	}
	if reason := s.strikeScript(w.templateScript(s, scope.Template, s.Deployed), "", word); reason != "" {
		return errors.New(reason)
	}
	return nil
}

// scriptEvents remembers how the template that is being deployed lets its event rows be seen.
func (w *world) scriptEvents(s *stack) {
	s.EventsLate, s.EventsTwice = 0, false
	scope, err := w.boundScope(s)
	if err != nil {
		return
	}
	for _, events := range w.templateScript(s, scope.Template, s.Deployed).maps("Events") {
		if late, err := time.ParseDuration(events.text("Late")); err == nil {
			s.EventsLate = late
		}
		s.EventsTwice = strings.EqualFold(events.text("Twice"), "true")
	}
}

// seen says how often a row is in the answers now: not yet, once, or twice. Rows become visible out of order, each up
// to EventsLate after it happened.
func (r *request) seen(s *stack, id string, happened time.Time) int {
	if s.EventsLate > 0 {
		sum := sha256.Sum256([]byte(r.w.Seed + id))
		delay := time.Duration(float64(s.EventsLate) * float64(sum[0]) / 255)
		if r.now.Before(happened.Add(r.w.paced(delay))) {
			return 0
		}
	}
	if s.EventsTwice {
		return 2
	}
	return 1
}

// strike returns the reason with which the script lets one of the words fail now, or "", and counts the failure.
func (s *stack) strike(r *resource, words ...string) string {
	return s.strikeScript(simulated(r.Metadata), r.LogicalID, words...)
}

func (s *stack) strikeScript(script script, subject string, words ...string) string {
	for _, word := range words {
		if !script.failsOn(word) {
			continue
		}
		key := subject + "/" + word
		if limit, limited := script.times(); limited && s.Struck[key] >= limit {
			continue
		}
		if s.Struck == nil {
			s.Struck = map[string]int{}
		}
		s.Struck[key]++
		if reason, _ := script["Reason"].(string); reason != "" {
			return reason
		}
		return fmt.Sprintf("Resource handler returned message: \"simulated failure on %s\" (RequestToken: %s, HandlerErrorCode: GeneralServiceException)", word, digest(key)[:8])
	}
	return ""
}
