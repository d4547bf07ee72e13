package tail

import "slices"

// SummarySchema names the summary and its major version.
const SummarySchema = "stackgate.tail-summary/v1"

// Summary is what of a document may pass through a state of the state machine: at most MaxSummarySize bytes as JSON.
type Summary struct {
	Schema    string `json:"schema"`
	StackName string `json:"stackName"`
	StackID   string `json:"stackId"`
	Status    string `json:"status"`
	Outcome   string `json:"outcome"`
	Headline  string `json:"headline"`
	// RootCause and Failures carry shortened reasons.
	RootCause        *Failure  `json:"rootCause,omitempty"`
	Failures         []Failure `json:"failures"`
	FailureCount     int       `json:"failureCount"`
	Cancelled        int       `json:"cancelled"`
	RollbackProblems int       `json:"rollbackProblems"`
	// Leftovers are paths.
	Leftovers     []string `json:"leftovers"`
	LeftoverCount int      `json:"leftoverCount"`
	Advice        []string `json:"advice"`
	Truncated     bool     `json:"truncated"`
}

// Summary shortens the document. What is least needed goes first: further failures, leftovers, advice.
func (d Document) Summary() Summary {
	cut := d.Truncated
	s := Summary{
		Schema: SummarySchema, StackName: clipped(d.StackName, 128, &cut), StackID: clipped(d.StackID, 300, &cut),
		Status: clipped(d.Status, 64, &cut), Outcome: clipped(d.Outcome, 64, &cut),
		Headline: clipped(d.Headline, 600, &cut), FailureCount: len(d.Failures), Cancelled: d.Cancelled,
		RollbackProblems: len(d.RollbackProblems), LeftoverCount: len(d.Leftovers), Failures: []Failure{}, Leftovers: []string{},
	}
	if d.RootCause != nil {
		cause := brief(*d.RootCause, &cut)
		s.RootCause = &cause
	}
	for _, failure := range d.Failures[:min(len(d.Failures), 4)] {
		s.Failures = append(s.Failures, brief(failure, &cut))
	}
	for _, left := range d.Leftovers[:min(len(d.Leftovers), 10)] {
		s.Leftovers = append(s.Leftovers, clipped(left.Path, 200, &cut))
	}
	s.Advice = slices.Clone(d.Advice[:min(len(d.Advice), 6)])
	for i := range s.Advice {
		s.Advice[i] = clipped(s.Advice[i], 400, &cut)
	}
	cut = cut || len(d.Failures) > len(s.Failures) || len(d.Leftovers) > len(s.Leftovers) || len(d.Advice) > len(s.Advice)
	for s.Truncated = cut; encodedSize(s) > MaxSummarySize; s.Truncated = true {
		switch {
		case len(s.Failures) > 0:
			s.Failures = s.Failures[:len(s.Failures)-1]
		case len(s.Leftovers) > 0:
			s.Leftovers = s.Leftovers[:len(s.Leftovers)/2]
		case len(s.Advice) > 0:
			s.Advice = s.Advice[:len(s.Advice)-1]
		case s.RootCause != nil:
			s.RootCause = nil
		default:
			// What is left are names, each bounded above.
			s.Headline = clipped(s.Headline, 100, &cut)
			return s
		}
	}
	if s.Advice == nil {
		s.Advice = []string{}
	}
	return s
}

// brief is a failure without what only the whole document needs.
func brief(failure Failure, cut *bool) Failure {
	failure.Reason = clipped(failure.Reason, 600, cut)
	failure.Message = clipped(failure.Message, 400, cut)
	failure.PhysicalID = clipped(failure.PhysicalID, 200, cut)
	failure.Path = clipped(failure.Path, 200, cut)
	failure.Validations = nil
	if failure.Hook != nil {
		failure.Hook = &HookFinding{Type: clipped(failure.Hook.Type, 200, cut), Status: failure.Hook.Status, Reason: clipped(failure.Hook.Reason, 400, cut)}
	}
	return failure
}
