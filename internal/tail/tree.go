package tail

import (
	"slices"
	"strings"
	"time"
)

// maxDepth bounds how deep stacks are followed; CloudFormation itself allows fewer levels, but events are input.
const maxDepth = 32

// stack is one stack of the operation: the root, or one nested in it.
type stack struct {
	id     string
	name   string
	parent *stack
	// logicalID is the nested stack's name in its parent's template.
	logicalID string
	depth     int
	rows      []*placed
	// about are the rows by the logical id that they are about.
	about map[string][]*placed
	// read says whether any event of the stack is there at all.
	read bool
	// rollback and cleanup are the places at which the stack's own rows begin them, -1 where they do not.
	rollback, cleanup int
}

// path is the way to a resource from the root: the logical ids of the nested stacks, then its own.
func (s *stack) path(logicalID string) string {
	parts := []string{}
	if logicalID != "" {
		parts = append(parts, logicalID)
	}
	for at := s; at.parent != nil; at = at.parent {
		parts = append(parts, at.logicalID)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "/")
}

// phaseAt says in which part of the operation a place in the order lies for this stack.
func (s *stack) phaseAt(pos int) Phase {
	phase := PhaseForward
	for at := s; at != nil; at = at.parent {
		if at.cleanup >= 0 && pos > at.cleanup {
			return PhaseCleanup
		}
		if at.rollback >= 0 && pos > at.rollback {
			phase = PhaseRollback
		}
	}
	return phase
}

// inSubtree says whether the stack is top or nested in it at any depth.
func (s *stack) inSubtree(top *stack) bool {
	for at := s; at != nil; at = at.parent {
		if at == top {
			return true
		}
	}
	return false
}

// tree is the root stack of an operation and the stacks nested in it, with the rows of this operation only.
type tree struct {
	root   *stack
	stacks []*stack
	byID   map[string]*stack
	// rows are those of all stacks, oldest first.
	rows []*placed
}

// buildTree scopes the events and hangs every nested stack below its parent, by physical id: a nested stack that was
// deleted meanwhile has lost its name, never its id.
func buildTree(events []Event, op Operation) *tree {
	byStack := inOrder(ofStacks(events))
	rootID := rootOf(byStack, op)
	t := &tree{byID: make(map[string]*stack)}
	rows, until := scopeRoot(byStack[rootID], op)
	t.root = &stack{id: rootID, name: nameOf(rootID, byStack[rootID], op), rows: rows, read: len(byStack[rootID]) > 0}
	t.add(t.root)
	for i := 0; i < len(t.stacks); i++ {
		t.addNested(t.stacks[i], byStack, op, until)
	}
	for _, s := range t.stacks {
		t.rows = append(t.rows, s.rows...)
	}
	slices.SortFunc(t.rows, func(a, b *placed) int { return a.pos - b.pos })
	return t
}

// changeSetOperation is the operation type of the making of a change set.
const changeSetOperation = "CREATE_CHANGESET"

// ofStacks leaves out what DescribeEvents tells of the making of change sets, which is no operation on the stack: somebody
// else's change set that was refused meanwhile broke nothing. Where nothing else is there, that is what is to be explained.
func ofStacks(events []Event) []Event {
	ofChangeSet := func(e Event) bool { return e.OperationType == changeSetOperation }
	some, all := false, true
	for _, event := range events {
		some, all = some || ofChangeSet(event), all && ofChangeSet(event)
	}
	if !some || all {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), ofChangeSet)
}

func (t *tree) add(s *stack) {
	s.rollback, s.cleanup, s.about = -1, -1, make(map[string][]*placed)
	asked := ""
	for _, row := range s.rows {
		s.about[row.LogicalID] = append(s.about[row.LogicalID], row)
		if !row.IsStackRow() {
			continue
		}
		if asked == "" && startsOperation(row.Status) && row.Status != "REVIEW_IN_PROGRESS" {
			asked = row.Status
		}
		undoes := startsRollback(row.Status) || (row.Status == "DELETE_IN_PROGRESS" && asked != "DELETE_IN_PROGRESS")
		if undoes && s.rollback < 0 {
			s.rollback = row.pos
		}
		if startsCleanup(row.Status) && s.cleanup < 0 {
			s.cleanup = row.pos
		}
	}
	t.stacks = append(t.stacks, s)
	t.byID[s.id] = s
}

// addNested adds the stacks that the rows of parent speak of. Whether the rows of a nested stack repeat the root's token
// is not documented, so that another token proves nothing there: they are scoped by time.
func (t *tree) addNested(parent *stack, byStack map[string][]*placed, op Operation, until time.Time) {
	if parent.depth >= maxDepth {
		return
	}
	for _, row := range parent.rows {
		if !row.IsNestedStack() || !strings.HasPrefix(row.PhysicalID, "arn:") || t.byID[row.PhysicalID] != nil {
			continue
		}
		nested := &stack{
			id: row.PhysicalID, name: stackNameOf(row.PhysicalID), parent: parent, logicalID: row.LogicalID,
			depth: parent.depth + 1, read: len(byStack[row.PhysicalID]) > 0,
		}
		from := row.at
		for _, own := range parent.rows {
			if own.LogicalID == row.LogicalID {
				from = own.at
				break
			}
		}
		for _, segment := range segments(byStack[row.PhysicalID]) {
			late := !until.IsZero() && !segment.start().Before(until)
			early := segment.start().Before(from.Add(-clockSkew))
			if segment.owns(op) || (!late && !early) {
				nested.rows = append(nested.rows, segment.rows...)
			}
		}
		t.add(nested)
	}
}

// rootOf finds the key of the root stack's rows: by id; else by name, and of several stacks of that name, which were
// made after one another, the latest; else the latest one that no other names as nested.
func rootOf(byStack map[string][]*placed, op Operation) string {
	if op.StackID != "" {
		return op.StackID
	}
	nested := make(map[string]bool)
	for _, rows := range byStack {
		for _, row := range rows {
			if row.IsNestedStack() {
				nested[row.PhysicalID] = true
			}
		}
	}
	best := ""
	for _, key := range keysInOrder(byStack) {
		rows := byStack[key]
		if op.StackName != "" && rows[0].StackName != op.StackName && stackNameOf(key) != op.StackName {
			continue
		}
		if op.StackName == "" && nested[key] {
			continue
		}
		owns := slices.ContainsFunc(rows, func(row *placed) bool { return isOf(row.Event, op) })
		if best == "" || owns || rows[len(rows)-1].at.After(byStack[best][len(byStack[best])-1].at) {
			best = key
			if owns {
				return best
			}
		}
	}
	if best == "" {
		return op.StackName
	}
	return best
}

func nameOf(id string, rows []*placed, op Operation) string {
	if op.StackName != "" {
		return op.StackName
	}
	if len(rows) > 0 && rows[0].StackName != "" {
		return rows[0].StackName
	}
	return stackNameOf(id)
}

// Paths returns a function that says where in the operation the resource of an event lies, as in Failure.Path: empty for
// the root stack itself, the bare logical id for an event of a stack that the operation does not know.
func Paths(events []Event, op Operation) func(Event) string {
	t := buildTree(events, op)
	return func(event Event) string {
		s := t.byID[stackKey(event)]
		switch {
		case s == nil:
			return event.LogicalID
		case event.IsStackRow():
			return s.path("")
		}
		return s.path(event.LogicalID)
	}
}

// NestedStacks returns the ids of the nested stacks that the operation's events speak of and of which no event is among
// them yet, in the order of their first mention. Whoever collects reads those and asks again until no answer is new to
// it: a stack whose events cannot be read is named every time.
func NestedStacks(events []Event, op Operation) []string {
	var missing []string
	for _, s := range buildTree(events, op).stacks {
		if !s.read && s.parent != nil {
			missing = append(missing, s.id)
		}
	}
	return missing
}
