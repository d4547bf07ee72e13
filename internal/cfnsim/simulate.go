package cfnsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
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

// check refuses a script with a word that would silently do nothing.
func (s script) check(logicalID string) error {
	for key := range s {
		if !slices.Contains([]string{"FailOn", "Reason", "After", "Times", "Replace"}, key) {
			return fmt.Errorf("[/Resources/%s/Metadata/%s] unknown key %q; known are FailOn, Reason, After, Times and Replace", logicalID, SimulateKey, key)
		}
	}
	words, _ := s["FailOn"].([]any)
	if text, isText := s["FailOn"].(string); isText {
		words = []any{text}
	}
	for _, word := range words {
		text, _ := word.(string)
		if text != "" && !slices.Contains([]string{"create", "update", "delete", "rollback", "never"}, strings.ToLower(text)) {
			return fmt.Errorf("[/Resources/%s/Metadata/%s/FailOn] unknown word %q; known are create, update, delete, rollback and never", logicalID, SimulateKey, text)
		}
	}
	if text, given := s["After"].(string); given {
		if _, err := time.ParseDuration(text); err != nil {
			return fmt.Errorf("[/Resources/%s/Metadata/%s/After] %q is not a duration such as 5s", logicalID, SimulateKey, text)
		}
	}
	if text, given := s["Times"].(string); given {
		if _, err := strconv.Atoi(text); err != nil {
			return fmt.Errorf("[/Resources/%s/Metadata/%s/Times] %q is not a number", logicalID, SimulateKey, text)
		}
	}
	return nil
}

// strike returns the reason with which the script lets one of the words fail now, or "", and counts the failure.
func (s *stack) strike(r *resource, words ...string) string {
	script := simulated(r.Metadata)
	for _, word := range words {
		if !script.failsOn(word) {
			continue
		}
		key := r.LogicalID + "/" + word
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
