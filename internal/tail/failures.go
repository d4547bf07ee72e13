package tail

import (
	"cmp"
	"slices"
	"strings"
)

// findings is what the rows of an operation say went wrong.
type findings struct {
	// forward and rollback are the failures that are causes, the most telling first, then by time.
	forward, rollback []Failure
	cancelled         int
	leftovers         []Leftover
	warnings          []string
	// causes are the rows behind forward and rollback, cancelledRows those that only followed.
	causes, cancelledRows map[*placed]bool
	cancelledResources    map[string]bool
	// omitted counts the causes beyond those that a document holds.
	omitted int
	// root is the row of the first forward failure.
	root *placed
	// pointedAt names the nested stacks that a row says the cause is in.
	pointedAt map[string]bool
}

// cancel counts a resource that was stopped because another failed, once however often it is told.
func (f *findings) cancel(row *placed) {
	f.cancelledRows[row] = true
	resource := stackKey(row.Event) + "\x00" + row.LogicalID
	if !f.cancelledResources[resource] {
		f.cancelledResources[resource] = true
		f.cancelled++
	}
}

// candidate is a row that may be a cause.
type candidate struct {
	row    *placed
	stack  *stack
	phase  Phase
	kind   reasonKind
	text   string
	nested string
	names  []string
}

// findFailures sorts the failing rows into causes, followers, problems of undoing, and leftovers.
func findFailures(t *tree, hooks []HookResult) findings {
	found := findings{
		causes: make(map[*placed]bool), cancelledRows: make(map[*placed]bool), cancelledResources: make(map[string]bool),
		pointedAt: make(map[string]bool),
	}
	candidates := collect(t, &found)
	for _, phase := range []Phase{PhaseForward, PhaseRollback} {
		causes := causesOf(candidates, phase, t, &found)
		var failures []Failure
		for _, cause := range causes {
			if len(failures) > maxFailures {
				found.omitted++
				continue
			}
			failure := cause.failure()
			attachHooks(&failure, cause, hooks)
			attachValidations(&failure, cause)
			if repeats(failures, failure) {
				continue
			}
			failure.classify()
			if phase == PhaseForward && len(failures) == 0 {
				found.root = cause.row
			}
			found.causes[cause.row] = true
			failures = append(failures, failure)
		}
		if phase == PhaseForward {
			found.forward = failures
		} else {
			found.rollback = failures
		}
	}
	found.leftovers = leftovers(t)
	found.warnings = warnings(t, hooks)
	return found
}

// collect returns every row that reports a failure, and the stack rows that carry the reason of a rollback.
func collect(t *tree, found *findings) []candidate {
	var candidates []candidate
	for _, s := range t.stacks {
		starts := make(map[string]int)
		for _, row := range s.rows {
			attempt := row.LogicalID + "\x00" + action(row.Status)
			if strings.HasSuffix(row.Status, "_IN_PROGRESS") {
				if _, open := starts[attempt]; !open {
					starts[attempt] = row.pos
				}
			}
			c := candidate{row: row, stack: s, phase: s.phaseAt(row.pos)}
			if start, open := starts[attempt]; open && !row.IsStackRow() {
				// What began before the rollback and ends after it is not a failure of the rollback.
				c.phase = s.phaseAt(start)
			}
			if !strings.HasSuffix(row.Status, "_IN_PROGRESS") {
				delete(starts, attempt)
			}
			undoing := row.IsStackRow() && (startsRollback(row.Status) || row.Status == "DELETE_IN_PROGRESS")
			if (!row.failed() && !undoing) || overcome(s, row) || toldBetter(s, row) {
				continue
			}
			if undoing {
				// The row that begins the rollback tells of what came before it.
				c.phase = s.phaseAt(row.pos - 1)
			}
			c.kind, c.text, c.nested = readReason(reasonOf(row.Event))
			switch c.kind {
			case reasonCancelled:
				found.cancel(row)
				continue
			case reasonSummary:
				c.names = resourcesIn(c.text)
			case reasonEmbedded:
				c.nested = cmp.Or(nestedID(c.nested), row.PhysicalID)
			case reasonNone:
				if undoing || row.IsStackRow() {
					continue
				}
			case reasonSpecific:
			}
			candidates = append(candidates, c)
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.row.pos - b.row.pos })
	return candidates
}

// overcome says whether a later row of the same phase tells that what failed worked after all: deletions are retried, and
// so is a rollback that is continued.
func overcome(s *stack, failed *placed) bool {
	if failed.IsStackRow() || !strings.HasSuffix(failed.Status, "_FAILED") {
		return false
	}
	done, phase := action(failed.Status)+"_COMPLETE", s.phaseAt(failed.pos)
	if phase == PhaseForward && done != "DELETE_COMPLETE" {
		return false
	}
	return slices.ContainsFunc(s.about[failed.LogicalID], func(row *placed) bool {
		return row.pos > failed.pos && row.PhysicalID == failed.PhysicalID && row.Status == done &&
			s.phaseAt(row.pos) == phase
	})
}

// toldBetter says whether a finding of a hook or a validation also made its resource fail: then the resource's own row
// is the failure, and the finding is attached to it.
func toldBetter(s *stack, finding *placed) bool {
	if finding.Kind != kindHookError && finding.Kind != kindValidationError || strings.HasSuffix(finding.Status, "_FAILED") {
		return false
	}
	return slices.ContainsFunc(s.about[finding.LogicalID], func(row *placed) bool {
		return strings.HasSuffix(row.Status, "_FAILED") && !cancelledSentences[strings.TrimSuffix(row.Reason, ".")]
	})
}

func nestedID(text string) string {
	if strings.HasPrefix(text, "arn:") {
		return text
	}
	return ""
}

// reasonOf is the reason of a row, or of the hook or the validation that it reports.
func reasonOf(event Event) string {
	if event.Reason != "" {
		return event.Reason
	}
	if event.Hook != nil && event.hookFailed() && event.Hook.Reason != "" {
		return "The following hook(s) failed: [" + event.Hook.Type + "]"
	}
	if event.Validation != nil {
		return event.Validation.Reason
	}
	return ""
}

// causesOf returns the causes among the candidates of one phase: the specific ones; failing those, ever less telling
// rows, down to the stack's own.
func causesOf(candidates []candidate, phase Phase, t *tree, found *findings) []candidate {
	var specific, silent, pointing, summaries []candidate
	for _, c := range candidates {
		if c.phase != phase {
			continue
		}
		switch c.kind {
		case reasonSpecific:
			specific = append(specific, c)
		case reasonEmbedded:
			pointing = append(pointing, c)
			found.pointedAt[c.nested] = true
		case reasonSummary:
			summaries = append(summaries, c)
		case reasonNone, reasonCancelled:
			silent = append(silent, c)
		}
	}
	causes := specific
	// A nested stack without a cause of its own still names one in the row of its parent. Where all that its rows say
	// is that they were cancelled, it was a follower itself.
	for _, c := range pointing {
		nested := t.byID[c.nested]
		if nested != nil && (holds(causes, nested) || holds(silent, nested)) {
			continue
		}
		if nested != nil && followedOnly(nested, found) && len(specific) > 0 {
			found.cancel(c.row)
			continue
		}
		if len(specific) == 0 || nested == nil || !nested.read || len(nested.rows) == 0 {
			causes = append(causes, c)
		}
	}
	told := make(map[string]bool)
	for _, cause := range causes {
		told[cause.stack.id+"\x00"+cause.row.LogicalID] = true
	}
	for _, c := range silent {
		if !told[c.stack.id+"\x00"+c.row.LogicalID] {
			causes = append(causes, c)
		}
	}
	if len(causes) == 0 && len(summaries) > 0 {
		// The deepest summary names the resources that no row is there for.
		deepest := slices.MaxFunc(summaries, func(a, b candidate) int { return a.stack.depth - b.stack.depth })
		causes = append(causes, deepest)
	}
	slices.SortStableFunc(causes, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.vagueness(), b.vagueness()), cmp.Compare(a.row.pos, b.row.pos))
	})
	return causes
}

// vagueness orders the causes: a row without reason is not named before one that has a reason.
func (c candidate) vagueness() int {
	switch c.kind {
	case reasonSpecific:
		return 0
	case reasonEmbedded:
		return 1
	case reasonSummary:
		return 2
	case reasonNone, reasonCancelled:
		return 3
	}
	return 3
}

func holds(causes []candidate, top *stack) bool {
	return slices.ContainsFunc(causes, func(c candidate) bool { return c.stack.inSubtree(top) })
}

// followedOnly says whether rows of the nested stack were cancelled.
func followedOnly(s *stack, found *findings) bool {
	return slices.ContainsFunc(s.rows, func(row *placed) bool { return found.cancelledRows[row] })
}

func (c candidate) failure() Failure {
	row := c.row
	path := c.stack.path(row.LogicalID)
	if row.IsStackRow() {
		path = c.stack.path("")
	}
	message := c.text
	if row.Reason == "" && row.Hook == nil && row.Validation == nil {
		message = ""
	}
	return Failure{
		Path: path, LogicalID: row.LogicalID, PhysicalID: row.PhysicalID, Type: row.Type, Status: row.Status,
		Reason: reasonOf(row.Event), Message: plain(message), ErrorCode: errorCodeIn(row.Reason), Time: row.Time, StackID: row.StackID,
	}
}

// repeats says whether the same resource failed with the same text before: AWS retries, and both event APIs tell it.
func repeats(failures []Failure, failure Failure) bool {
	return slices.ContainsFunc(failures, func(known Failure) bool {
		if known.Message != failure.Message || known.StackID != failure.StackID {
			return false
		}
		return known.Path == failure.Path || failure.Type == stackType && failure.PhysicalID == failure.StackID
	})
}
