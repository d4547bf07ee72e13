package tail

import (
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/deployment"
)

// Input is all that is known of an operation that is to be explained.
type Input struct {
	Operation Operation
	// Events are those of the root stack and of every nested one, in any order, with duplicates.
	Events []Event
	// Hooks are the results that ListHookResults and GetHookResult gave, if they were asked.
	Hooks   []HookResult
	Outcome deployment.Outcome
	// Service and Environment make the commands in the advice exact; both are empty for events made by other tools.
	Service, Environment string
	// NextSteps are further lines of advice, such as the way out of the stack's state.
	NextSteps []string
	// Unread names what could not be read and why, one sentence each.
	Unread []string
}

// Explain finds what broke the operation and what only followed from it. It never fails: where no cause is among the
// events, the document says so and carries the tail.
func Explain(in Input) Document {
	t := buildTree(in.Events, in.Operation)
	found := findFailures(t, in.Hooks)
	doc := Document{
		Schema: Schema, StackName: t.root.name, StackID: in.Operation.StackID, Status: statusOf(t, in.Operation),
		Outcome: string(in.Outcome), Cancelled: found.cancelled, Warnings: found.warnings,
		RollbackProblems: found.rollback, Leftovers: found.leftovers, Failures: found.forward, EventCount: len(t.rows),
	}
	if doc.StackID == "" && strings.HasPrefix(t.root.id, "arn:") {
		doc.StackID = t.root.id
	}
	if len(doc.Failures) > 0 {
		doc.RootCause, doc.Failures = &found.forward[0], found.forward[1:]
	} else if len(doc.RollbackProblems) > 0 && doc.RollbackProblems[0].Reason != "" {
		doc.RootCause, doc.RollbackProblems = &found.rollback[0], found.rollback[1:]
		doc.Notes = append(doc.Notes, "What failed before the rollback is not among these events; the cause given is the rollback's own.")
	}
	if doc.RootCause != nil && moving(doc.Status) {
		doc.Notes = append(doc.Notes, fmt.Sprintf("The stack was still in %s when these events were read.", doc.Status))
	}
	doc.Notes = append(doc.Notes, notesOn(t, in, found)...)
	doc.Timeline = timeline(t, found)
	doc.Headline = headline(doc, len(t.rows))
	doc.Events = entries(t)
	doc.Advice = advise(&doc, adviceContext{in: in, region: regionOf(doc.StackID)})
	doc.Truncated = found.omitted > 0
	return bound(doc, priorities(t, found))
}

// Explain explains saved events: those of an operation, or of a change set that was refused, where they tell of nothing
// else.
func (l Loaded) Explain() Document {
	ofChangeSet := !slices.ContainsFunc(l.Events, func(e Event) bool { return e.OperationType != changeSetOperation })
	refused := slices.ContainsFunc(l.Events, func(e Event) bool { return e.failed() })
	if ofChangeSet && refused {
		return ExplainChangeSet(ChangeSetInput{
			StackID: l.Operation.StackID, StackName: l.Operation.StackName, Events: l.Events, Unread: l.Notes,
		})
	}
	return Explain(Input{Operation: l.Operation, Events: l.Events, Unread: l.Notes})
}

func statusOf(t *tree, op Operation) string {
	if op.Status != "" {
		return op.Status
	}
	for i := len(t.root.rows) - 1; i >= 0; i-- {
		if row := t.root.rows[i]; row.IsStackRow() && row.Status != "" {
			return row.Status
		}
	}
	return ""
}

func notesOn(t *tree, in Input, found findings) []string {
	notes := slices.Clone(in.Unread)
	undated := 0
	for _, row := range t.rows {
		if row.Time.IsZero() {
			undated++
		}
	}
	if undated > 0 {
		notes = append(notes, fmt.Sprintf("%s no timestamp; the order of the list stands for it.", counted(undated, "event has", "events have")))
	}
	for _, s := range t.stacks {
		if s.parent != nil && !s.read && found.pointedAt[s.id] {
			notes = append(notes, fmt.Sprintf("The events of the nested stack %s are not among those given; its own cause may say more: %s", s.path(""),
				describeEventsCommand(s.id, regionOf(s.id))))
		}
	}
	if found.omitted > 0 {
		notes = append(notes, counted(found.omitted, "further failure is", "further failures are")+" left out.")
	}
	if len(t.root.rows) == 0 && len(in.Events) > 0 {
		notes = append(notes, fmt.Sprintf("None of the %d events given belongs to this operation.", len(in.Events)))
	}
	return notes
}

func describeEventsCommand(stack, region string) string {
	command := "`aws cloudformation describe-stack-events --stack-name " + quote(stack)
	if region != "" {
		command += " --region " + quote(region)
	}
	return command + "`"
}

// headline says in one line what broke and why.
func headline(doc Document, rows int) string {
	if doc.RootCause != nil {
		return sentenceOn(*doc.RootCause, doc.StackName)
	}
	switch {
	case rows > 0 && moving(doc.Status):
		return fmt.Sprintf("No failure so far: stack %s is still in %s%s.", doc.StackName, doc.Status, running(doc.Timeline))
	case rows == 0:
		return fmt.Sprintf("No cause found: there are no events of this operation on stack %s.", doc.StackName)
	case strings.Contains(doc.Status, "ROLLBACK") || strings.HasSuffix(doc.Status, "_FAILED"):
		return fmt.Sprintf("No cause found: stack %s is in %s, and none of its %d events says why.", doc.StackName, doc.Status, rows)
	case doc.Status == "":
		return fmt.Sprintf("No failure among the %d events of stack %s.", rows, doc.StackName)
	}
	return fmt.Sprintf("No failure among the %d events of stack %s, which is in %s%s.", rows, doc.StackName, doc.Status, leftBehind(doc.Leftovers))
}

// leftBehind counts what is still in the account, and names the first.
func leftBehind(left []Leftover) string {
	switch len(left) {
	case 0:
		return ""
	case 1:
		return "; " + left[0].Path + " is left behind"
	}
	return fmt.Sprintf("; %s and %s are left behind", left[0].Path, counted(len(left)-1, "other", "others"))
}

// running names what a stack waits for: the attempt that runs for the longest time.
func running(timeline []Span) string {
	var longest *Span
	others := 0
	for i, span := range timeline {
		if span.Result != ResultInProgress {
			continue
		}
		others++
		if longest == nil || span.Start.Before(longest.Start) {
			longest = &timeline[i]
		}
	}
	if longest == nil {
		return ""
	}
	text := fmt.Sprintf("; it waits for %s (%s, %s)", longest.Path, longest.Type, longest.Action)
	if !longest.Start.IsZero() {
		text += " since " + longest.Start.UTC().Format("15:04:05 UTC")
	}
	if others > 1 {
		text += " and " + counted(others-1, "other", "others")
	}
	return text
}

// sentenceOn puts a failure in plain words: Api/Table (AWS::DynamoDB::Table) could not be created because …
func sentenceOn(failure Failure, stackName string) string {
	subject := failure.Path
	if subject == "" {
		subject = "Stack " + stackName
	} else if failure.Type != "" {
		subject += " (" + failure.Type + ")"
	}
	subject += " " + failure.Summary
	if message := oneLine(failure.Message); message != "" {
		return subject + ": " + message
	}
	return subject + "; CloudFormation gave no reason."
}

// classify gives a failure its family and says in plain words what it is.
func (f *Failure) classify() {
	f.Family = familyOf(*f)
	f.Summary = couldNot(f.Status)
	if because := familyByID(f.Family).Because; because != "" {
		f.Summary += " because " + because
	}
}

// couldNot says what a status says did not work.
func couldNot(status string) string {
	if startsRollback(status) {
		return "was rolled back"
	}
	switch action(status) {
	case "CREATE":
		return "could not be created"
	case "UPDATE":
		return "could not be updated"
	case "DELETE":
		return "could not be deleted"
	case "IMPORT":
		return "could not be imported"
	case "ROLLBACK", "UPDATE_ROLLBACK", "IMPORT_ROLLBACK":
		return "could not be rolled back"
	}
	return "failed"
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// counted writes a number with its noun in the right number.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
