package tail

import (
	"slices"
	"time"
)

// segment is a run of one stack's rows that belong to one operation, its automatic rollback included.
type segment struct {
	rows []*placed
	// asked is the status with which the operation began, empty where its first rows are not there.
	asked string
	// ended is the last status at rest of the stack's own rows, empty while it moves.
	ended string
	// undoes says that the operation only rolls back an earlier one: RollbackStack or ContinueUpdateRollback.
	undoes bool
	failed bool
}

// segments cuts the rows of a stack where an operation begins. A rollback is an operation of its own for
// CloudFormation, but as long as the stack has not come to rest in between it belongs to the deployment that failed.
func segments(rows []*placed) []*segment {
	var cut []*segment
	current := &segment{}
	for _, row := range rows {
		if row.IsStackRow() {
			rests := current.ended != "" || len(current.rows) == 0
			begins := startsOperation(row.Status) && !current.removesItself(row.Event)
			if begins || (startsRollback(row.Status) && rests) {
				if len(current.rows) > 0 {
					cut = append(cut, current)
				}
				current = &segment{asked: row.Status, undoes: startsRollback(row.Status) && len(cut) > 0}
			} else if !atRest(row.Status) {
				current.ended = ""
			}
			if atRest(row.Status) {
				current.ended = row.Status
			}
			if startsRollback(row.Status) {
				current.failed = true
			}
		}
		current.failed = current.failed || row.failed()
		current.rows = append(current.rows, row)
	}
	if len(current.rows) > 0 {
		cut = append(cut, current)
	}
	return cut
}

// removesItself says whether a deletion belongs to the creation before it: with OnStackFailure=DELETE the failed stack
// is deleted by the very operation that made it.
func (s *segment) removesItself(row Event) bool {
	if row.Status != "DELETE_IN_PROGRESS" || s.asked != "CREATE_IN_PROGRESS" || len(s.rows) == 0 {
		return false
	}
	if s.ended != "" && s.ended != "CREATE_FAILED" {
		return false
	}
	return row.Token == s.rows[0].Token
}

func (s *segment) start() time.Time { return s.rows[0].at }

// owns says whether one of the rows carries the operation's token or one of its ids.
func (s *segment) owns(op Operation) bool {
	return slices.ContainsFunc(s.rows, func(row *placed) bool { return isOf(row.Event, op) })
}

func isOf(event Event, op Operation) bool {
	return op.Token != "" && event.Token == op.Token || event.OperationID != "" && slices.Contains(op.OperationIDs, event.OperationID)
}

// foreign says whether the rows carry another operation's token.
func (s *segment) foreign(op Operation) bool {
	return op.Token != "" && slices.ContainsFunc(s.rows, func(row *placed) bool { return row.Token != "" && row.Token != op.Token })
}

// scopeRoot returns the rows of the root stack that belong to the operation, and when the next operation began (zero
// where none did).
func scopeRoot(rows []*placed, op Operation) (scoped []*placed, until time.Time) {
	cut := segments(rows)
	chosen := chooseSegments(cut, op)
	for i, segment := range cut {
		if slices.Contains(chosen, i) {
			scoped = append(scoped, segment.rows...)
			until = time.Time{}
			if i+1 < len(cut) {
				until = cut[i+1].start()
			}
		}
	}
	return scoped, until
}

// chooseSegments picks the operation by token or id, else by time, else the last one.
func chooseSegments(cut []*segment, op Operation) []int {
	var chosen []int
	for i, segment := range cut {
		if segment.owns(op) {
			chosen = append(chosen, i)
		}
	}
	if len(chosen) > 0 {
		return chosen
	}
	if !op.Since.IsZero() {
		from := op.Since.Add(-clockSkew)
		for i, segment := range cut {
			last := segment.rows[len(segment.rows)-1].at
			if (segment.asked != "" && segment.start().Before(from)) || last.Before(from) || segment.foreign(op) {
				continue
			}
			if segment.asked == "REVIEW_IN_PROGRESS" && len(cut) > i+1 {
				continue
			}
			return []int{i}
		}
		return nil
	}
	if len(cut) > 0 && cut[len(cut)-1].foreign(op) {
		// The latest operation is somebody else's, and nothing says which of the earlier ones is ours.
		return nil
	}
	return lastOperation(cut)
}

// lastOperation picks the last thing that was attempted: where that only undid or removed what an earlier operation
// left, the earlier one as well.
func lastOperation(cut []*segment) []int {
	var chosen []int
	for i := len(cut) - 1; i >= 0; i-- {
		segment := cut[i]
		if segment.asked == "REVIEW_IN_PROGRESS" && len(cut) > 1 && i == len(cut)-1 {
			continue
		}
		chosen = append(chosen, i)
		removes := segment.asked == "DELETE_IN_PROGRESS" && !segment.failed && i > 0 && cut[i-1].failed
		if !segment.undoes && !removes {
			break
		}
	}
	slices.Sort(chosen)
	return chosen
}
