package tail

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a stored document, and of what passes through a state of the state machine.
const (
	MaxEvents       = 200
	MaxDocumentSize = 256 << 10
	MaxSummarySize  = 8 << 10

	maxFailures  = 25
	maxLeftovers = 100
	maxNotes     = 20
	maxWarnings  = 20
	maxAdvice    = 12
	// maxReason and maxEntryReason are in bytes.
	maxReason      = 4 << 10
	maxEntryReason = 1 << 10
	maxName        = 512
)

// entries is the whole tail, before it is bounded.
func entries(t *tree) []Entry {
	var all []Entry
	for _, row := range t.rows {
		s := t.of(row)
		path := s.path(row.LogicalID)
		if row.IsStackRow() {
			path = s.path("")
		}
		all = append(all, Entry{
			Time: row.Time, Path: path, LogicalID: row.LogicalID, PhysicalID: row.PhysicalID, Type: row.Type, Status: cmp.Or(row.Status, row.Kind),
			Reason: told(row.Event), EventID: row.EventID, Phase: s.phaseAt(row.pos),
		})
	}
	return all
}

// told is what an event says in the list of events; of a hook's rows, what the hook did.
func told(event Event) string {
	if event.Reason == "" && event.Hook != nil {
		return strings.TrimSuffix(strings.TrimSpace("hook "+event.Hook.Type+" "+event.Hook.Status)+": "+hookSaid(event.Hook.Reason), ": ")
	}
	return reasonOf(event)
}

// of returns the stack whose rows hold row.
func (t *tree) of(row *placed) *stack {
	if s := t.byID[stackKey(row.Event)]; s != nil {
		return s
	}
	return t.root
}

// priorities ranks the rows for the bounded tail: causes and what failed otherwise, the stack's own rows, what happened
// around the root cause, and then the newest.
func priorities(t *tree, found findings) []int {
	rows := t.rows
	cause := -1
	for i, row := range rows {
		if row == found.root {
			cause = i
		}
	}
	ranks := make([]int, len(rows))
	for i, row := range rows {
		switch {
		case row == found.root:
			ranks[i] = 0
		case found.causes[row]:
			ranks[i] = 1
		case row.IsStackRow() && t.of(row) == t.root:
			ranks[i] = 2
		case row.Status == "DELETE_SKIPPED", row.failed() && !found.cancelledRows[row]:
			ranks[i] = 3
		case cause >= 0 && i > cause-40 && i < cause+40:
			ranks[i] = 4
		default:
			// Newest first.
			ranks[i] = 5 + len(rows) - i
		}
	}
	return ranks
}

// bound cuts the document down to its limits and says so.
func bound(doc Document, ranks []int) Document {
	cut := &doc.Truncated
	doc.Failures = atMost(doc.Failures, maxFailures, cut)
	doc.RollbackProblems = atMost(doc.RollbackProblems, maxFailures, cut)
	doc.Leftovers = atMost(doc.Leftovers, maxLeftovers, cut)
	doc.Notes = atMost(doc.Notes, maxNotes, cut)
	doc.Warnings = atMost(doc.Warnings, maxWarnings, cut)
	doc.Advice = atMost(doc.Advice, maxAdvice, cut)
	doc.Timeline = atMost(doc.Timeline, maxSpans, cut)
	all := doc.Events
	doc.Events = mostTelling(all, ranks, MaxEvents, cut)
	shorten(&doc)
	for encodedSize(doc) > MaxDocumentSize {
		*cut = true
		switch limit := len(doc.Events) / 2; {
		case limit > 0:
			doc.Events = mostTelling(all, ranks, limit, cut)
			shorten(&doc)
		case len(doc.Failures)+len(doc.RollbackProblems) > 1:
			doc.Failures = doc.Failures[:len(doc.Failures)/2]
			doc.RollbackProblems = doc.RollbackProblems[:len(doc.RollbackProblems)/2]
		case len(doc.Timeline)+len(doc.Leftovers) > 1:
			doc.Timeline = doc.Timeline[:len(doc.Timeline)/2]
			doc.Leftovers = doc.Leftovers[:len(doc.Leftovers)/2]
		case len(doc.Notes)+len(doc.Warnings)+len(doc.Advice) > 0:
			doc.Notes, doc.Warnings, doc.Advice = doc.Notes[:len(doc.Notes)/2], doc.Warnings[:len(doc.Warnings)/2], doc.Advice[:len(doc.Advice)/2]
		default:
			// What is left is one failure, of which every text is bounded: it fits.
			return doc
		}
	}
	return doc
}

// mostTelling keeps the limit best-ranked events in their order.
func mostTelling(events []Entry, ranks []int, limit int, cut *bool) []Entry {
	if len(events) <= limit {
		return atMost(events, limit, cut)
	}
	*cut = true
	order := make([]int, len(events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ranks[a], ranks[b]) })
	order = order[:limit]
	slices.Sort(order)
	kept := make([]Entry, 0, limit)
	for _, i := range order {
		kept = append(kept, events[i])
	}
	return kept
}

// atMost keeps the first limit items; an absent list becomes an empty one.
func atMost[T any](items []T, limit int, cut *bool) []T {
	if items == nil {
		return []T{}
	}
	if len(items) > limit {
		*cut = true
		return items[:limit:limit]
	}
	return items
}

// shorten bounds every free text of the document.
func shorten(doc *Document) {
	cut := &doc.Truncated
	clip := func(text *string, limit int) { *text = clipped(*text, limit, cut) }
	clip(&doc.Headline, maxEntryReason)
	clip(&doc.StackName, maxName)
	clip(&doc.StackID, maxName)
	clip(&doc.Status, maxName)
	failures := func(list []Failure) {
		for i := range list {
			shortenFailure(&list[i], clip)
		}
	}
	if doc.RootCause != nil {
		shortenFailure(doc.RootCause, clip)
	}
	failures(doc.Failures)
	failures(doc.RollbackProblems)
	for i := range doc.Leftovers {
		left := &doc.Leftovers[i]
		clip(&left.Path, maxName)
		clip(&left.LogicalID, maxName)
		clip(&left.PhysicalID, maxName)
		clip(&left.Type, maxName)
		clip(&left.Reason, maxEntryReason)
	}
	for i := range doc.Events {
		entry := &doc.Events[i]
		for _, text := range []*string{&entry.Path, &entry.LogicalID, &entry.PhysicalID, &entry.Type, &entry.Status, &entry.EventID} {
			clip(text, maxName)
		}
		clip(&entry.Reason, maxEntryReason)
	}
	for i := range doc.Timeline {
		clip(&doc.Timeline[i].Path, maxName)
		clip(&doc.Timeline[i].Type, maxName)
		clip(&doc.Timeline[i].Action, maxName)
	}
	for _, list := range [][]string{doc.Advice, doc.Notes, doc.Warnings} {
		for i := range list {
			clip(&list[i], maxEntryReason)
		}
	}
}

func shortenFailure(failure *Failure, clip func(*string, int)) {
	for _, text := range []*string{&failure.Path, &failure.LogicalID, &failure.PhysicalID, &failure.Type, &failure.Status, &failure.StackID, &failure.ErrorCode} {
		clip(text, maxName)
	}
	clip(&failure.Reason, maxReason)
	clip(&failure.Message, maxEntryReason)
	if hook := failure.Hook; hook != nil {
		clip(&hook.Type, maxName)
		clip(&hook.Reason, maxEntryReason)
		hook.Annotations = hook.Annotations[:min(len(hook.Annotations), 10)]
		for i := range hook.Annotations {
			annotation := &hook.Annotations[i]
			clip(&annotation.Name, maxName)
			clip(&annotation.Message, maxEntryReason)
			clip(&annotation.Remediation, maxEntryReason)
			clip(&annotation.Link, maxName)
		}
	}
	failure.Validations = failure.Validations[:min(len(failure.Validations), 10)]
	for i := range failure.Validations {
		clip(&failure.Validations[i].Name, maxName)
		clip(&failure.Validations[i].Path, maxName)
		clip(&failure.Validations[i].Reason, maxEntryReason)
	}
}

// clipped shortens text to at most limit bytes, never within a character.
func clipped(text string, limit int, cut *bool) string {
	if len(text) <= limit {
		return text
	}
	*cut = true
	const ellipsis = "…"
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}

// encodedSize is the size of the document as it is stored. A document holds nothing that cannot be encoded.
func encodedSize(doc any) int {
	encoded, err := json.Marshal(doc)
	if err != nil {
		return MaxDocumentSize + 1
	}
	return len(encoded)
}
