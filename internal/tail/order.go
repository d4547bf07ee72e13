package tail

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// placed is an event with its place in the order of the whole operation.
type placed struct {
	Event
	// at is the event's time, or that of the dated event before it where it has none.
	at time.Time
	// pos is the place among all events, oldest first.
	pos int
}

// inOrder returns the events without duplicates, each stack's oldest first. Reasons are masked here, so that nothing
// behind this point ever sees what a reason leaked.
func inOrder(events []Event) map[string][]*placed {
	seenID, seenRow := make(map[string]bool, len(events)), make(map[Event]bool, len(events))
	stacks := make(map[string][]*placed)
	masked := make(map[string]string)
	told := rowsOfStacks(events)
	for _, event := range events {
		if told.repeats(event) || event.silent() {
			continue
		}
		if event.EventID != "" {
			key := event.StackID + "\x00" + event.EventID
			if seenID[key] {
				continue
			}
			seenID[key] = true
		}
		// The two APIs may give one row different ids, so rows are also compared by what they say.
		if row := identity(event); !event.Time.IsZero() {
			if seenRow[row] {
				continue
			}
			seenRow[row] = true
		}
		event = maskEvent(event, masked)
		stacks[stackKey(event)] = append(stacks[stackKey(event)], &placed{Event: event, at: event.Time})
	}
	var all []*placed
	for _, key := range keysInOrder(stacks) {
		rows := stacks[key]
		sortStack(rows)
		all = append(all, rows...)
	}
	slices.SortStableFunc(all, func(a, b *placed) int { return a.at.Compare(b.at) })
	for i, row := range all {
		row.pos = i
	}
	return stacks
}

// stackRows are the rows that DescribeStackEvents gave, where DescribeEvents was asked as well.
type stackRows map[rowSaying][]time.Time

type rowSaying struct{ stack, logicalID, status, reason string }

func sayingOf(event Event) rowSaying {
	return rowSaying{stackKey(event), event.LogicalID, event.Status, event.Reason}
}

func rowsOfStacks(events []Event) stackRows {
	if !slices.ContainsFunc(events, func(e Event) bool { return e.Kind != "" }) {
		return nil
	}
	rows := make(stackRows)
	for _, event := range events {
		if event.Kind == "" {
			rows[sayingOf(event)] = append(rows[sayingOf(event)], event.Time)
		}
	}
	return rows
}

// repeats says whether a row of DescribeEvents is in the other list too: whether both give it the same id and the same
// time is not documented.
func (rows stackRows) repeats(event Event) bool {
	if event.Kind == "" || event.Hook != nil || event.Validation != nil {
		return false
	}
	return slices.ContainsFunc(rows[sayingOf(event)], func(at time.Time) bool { return at.Sub(event.Time).Abs() <= clockSkew })
}

// identity is what makes two rows the same one.
func identity(event Event) Event {
	event.EventID, event.Kind, event.OperationType, event.OperationID, event.Token = "", "", "", "", ""
	event.StackName, event.DetailedStatus = "", ""
	if event.Hook != nil {
		event.EventID = event.Hook.Type + " " + event.Hook.Status
	}
	if event.Validation != nil {
		event.EventID += " " + event.Validation.Name + " " + event.Validation.Path + " " + event.Validation.Reason
	}
	event.Hook, event.Validation = nil, nil
	return event
}

// stackKey groups the rows of one stack: two stacks of the same name have different ids.
func stackKey(event Event) string {
	if event.StackID != "" {
		return event.StackID
	}
	return event.StackName
}

func keysInOrder(stacks map[string][]*placed) []string {
	keys := make([]string, 0, len(stacks))
	for key := range stacks {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// sortStack orders the rows of one stack, oldest first. AWS lists the newest first; a file may list them either way.
func sortStack(rows []*placed) {
	ascending, descending := true, true
	var last time.Time
	for _, row := range rows {
		if row.at.IsZero() {
			continue
		}
		if !last.IsZero() {
			ascending = ascending && !row.at.Before(last)
			descending = descending && !row.at.After(last)
		}
		last = row.at
	}
	if descending {
		slices.Reverse(rows)
	}
	dateUndated(rows)
	slices.SortStableFunc(rows, func(a, b *placed) int {
		if order := a.at.Compare(b.at); order != 0 || ascending || descending {
			return order
		}
		// The list was out of order, so that its order says nothing about rows of the same time.
		return cmp.Or(cmp.Compare(rankWithin(a.Event), rankWithin(b.Event)), strings.Compare(a.LogicalID, b.LogicalID),
			strings.Compare(a.EventID, b.EventID))
	})
}

// dateUndated gives a row without time the time of its neighbour.
func dateUndated(rows []*placed) {
	var last time.Time
	for _, row := range rows {
		if row.at.IsZero() {
			row.at = last
		}
		last = row.at
	}
	for i := len(rows) - 2; i >= 0; i-- {
		if rows[i].at.IsZero() {
			rows[i].at = rows[i+1].at
		}
	}
}

// rankWithin orders rows of the same time: a stack begins before its resources and ends, or rolls back, after them.
func rankWithin(event Event) int {
	inProgress := strings.HasSuffix(event.Status, "_IN_PROGRESS")
	switch {
	case event.IsStackRow() && startsOperation(event.Status):
		return 0
	case event.IsStackRow():
		return 3
	case inProgress:
		return 1
	}
	return 2
}
