package tail

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// maxSpans bounds the timeline; what is left out is the least telling.
const maxSpans = 60

// timeline says what ran around the root cause and how long each attempt took. It keeps first what failed, then what
// was running when it did, then what took longest.
func timeline(t *tree, found findings) []Span {
	spans := attempts(t, found)
	cause := slices.IndexFunc(spans, func(a attempt) bool { return a.span.RootCause })
	if cause >= 0 {
		at := spans[cause].endPos
		for i := range spans {
			spans[i].span.InProgress = i != cause && spans[i].startPos < at && spans[i].endPos > at
		}
	}
	if len(spans) > maxSpans {
		slices.SortStableFunc(spans, func(a, b attempt) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.seconds(), a.seconds()))
		})
		spans = spans[:maxSpans]
	}
	slices.SortStableFunc(spans, func(a, b attempt) int { return cmp.Compare(a.startPos, b.startPos) })
	out := make([]Span, 0, len(spans))
	for _, a := range spans {
		out = append(out, a.span)
	}
	return out
}

// attempt is a span with its places in the order.
type attempt struct {
	span             Span
	startPos, endPos int
}

func (a attempt) rank() int {
	switch {
	case a.span.RootCause:
		return 0
	case a.span.Result == ResultFailed, a.span.Result == ResultSkipped:
		return 1
	case a.span.Result == ResultCancelled:
		return 2
	case a.span.InProgress, a.span.Result == ResultInProgress:
		return 3
	}
	return 4
}

func (a attempt) seconds() float64 {
	if a.span.Seconds == nil {
		return 0
	}
	return *a.span.Seconds
}

// attempts pairs the rows in progress with those that end them. Rows of the stacks themselves are left out: their span
// is that of all they hold.
func attempts(t *tree, found findings) []attempt {
	var all []attempt
	rows := t.rows
	if len(rows) == 0 {
		return nil
	}
	last := rows[len(rows)-1]
	for _, s := range t.stacks {
		open := make(map[string]int)
		for _, row := range s.rows {
			if row.IsStackRow() || row.Status == "" {
				continue
			}
			// What a replacement deletes has the logical id of what it made, and another physical id.
			key := row.LogicalID + "\x00" + action(row.Status)
			if action(row.Status) == "DELETE" {
				key += "\x00" + row.PhysicalID
			}
			if strings.HasSuffix(row.Status, "_IN_PROGRESS") {
				if _, running := open[key]; !running {
					open[key] = len(all)
					all = append(all, begun(s, row, last))
				}
				continue
			}
			i, running := open[key]
			if !running {
				i = len(all)
				all = append(all, begun(s, row, last))
				all[i].span.Start = time.Time{}
			}
			delete(open, key)
			all[i].end(row, found)
		}
	}
	for i := range all {
		all[i].measure()
	}
	return all
}

func begun(s *stack, row, last *placed) attempt {
	return attempt{
		span: Span{
			Path: s.path(row.LogicalID), Type: row.Type, Action: action(row.Status), Phase: s.phaseAt(row.pos),
			Result: ResultInProgress, Start: row.Time, End: last.Time,
		},
		startPos: row.pos, endPos: last.pos + 1,
	}
}

func (a *attempt) end(row *placed, found findings) {
	a.span.End, a.endPos = row.Time, row.pos
	a.span.RootCause = row == found.root
	switch {
	case found.cancelledRows[row]:
		a.span.Result = ResultCancelled
	case strings.HasSuffix(row.Status, "_COMPLETE"):
		a.span.Result = ResultComplete
	case strings.HasSuffix(row.Status, "_SKIPPED"):
		a.span.Result = ResultSkipped
	default:
		a.span.Result = ResultFailed
	}
}

func (a *attempt) measure() {
	if a.span.Start.IsZero() || a.span.End.IsZero() || a.span.End.Before(a.span.Start) {
		return
	}
	seconds := a.span.End.Sub(a.span.Start).Seconds()
	a.span.Seconds = &seconds
}
