package tail

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stackgate/internal/deployment"
)

// ChangeSetKind says why a change set could not be made.
type ChangeSetKind string

// The kinds.
const (
	// ChangeSetEmpty: there was nothing to change, which is no failure.
	ChangeSetEmpty ChangeSetKind = "empty"
	// ChangeSetTransform: a macro, an include or SAM refused the template.
	ChangeSetTransform ChangeSetKind = "transform"
	// ChangeSetValidation: CloudFormation's checks before the deployment found a fault.
	ChangeSetValidation ChangeSetKind = "early-validation"
	// ChangeSetHook: a hook denied it.
	ChangeSetHook ChangeSetKind = "hook"
	// ChangeSetNested: the change set of a nested stack could not be made.
	ChangeSetNested ChangeSetKind = "nested"
	// ChangeSetAutoImport: resources that exist already would have been imported, and lack a deletion policy.
	ChangeSetAutoImport ChangeSetKind = "auto-import"
	// ChangeSetPending: CloudFormation was still making it when the wait for it ended.
	ChangeSetPending ChangeSetKind = "pending"
	// ChangeSetTemplate: anything else; CloudFormation's text says it.
	ChangeSetTemplate ChangeSetKind = "template"
)

// ChangeSetKinds lists every kind.
func ChangeSetKinds() []ChangeSetKind {
	return []ChangeSetKind{
		ChangeSetEmpty, ChangeSetTransform, ChangeSetValidation, ChangeSetHook, ChangeSetNested, ChangeSetAutoImport,
		ChangeSetPending, ChangeSetTemplate,
	}
}

// ChangeSetInput is all that is known of a change set whose status is FAILED, or which was not made in time.
type ChangeSetInput struct {
	ID, Name           string
	StackID, StackName string
	// LogicalID is the nested stack's name in its parent's template; empty for the root.
	LogicalID string
	Status    string
	// StatusReason is the text of the description without property values: with them, CloudFormation may put a warning
	// in its place.
	StatusReason string
	// Nested are the change sets of the stacks nested in this one, those that failed at least.
	Nested []ChangeSetInput
	// Events are what DescribeEvents says of the change set: validations, hooks.
	Events []Event
	// Hooks are the results of ListHookResults for the change set.
	Hooks []HookResult

	Outcome              deployment.Outcome
	Service, Environment string
	NextSteps            []string
	// Unread names what could not be read and why, one sentence each.
	Unread []string
}

// emptyStarts begin the reasons of a change set without changes; the second is that of templates with macros.
var emptyStarts = []string{"The submitted information didn't contain changes", "No updates are to be performed"}

const (
	earlyValidation = "AWS::EarlyValidation"
	nestedSet       = "Nested change set"
	autoImport      = "CloudFormation is attempting to import some resources because they already exist in your account"
)

// ChangeSetKindOf reads from the reason of a failed change set why it could not be made. Texts are compared by prefix
// or part, never whole: AWS rewords them.
func ChangeSetKindOf(reason string) ChangeSetKind {
	text := strings.TrimSpace(reason)
	switch {
	case slices.ContainsFunc(emptyStarts, func(start string) bool { return strings.HasPrefix(text, start) }):
		return ChangeSetEmpty
	case strings.Contains(text, earlyValidation):
		return ChangeSetValidation
	case len(hooksIn(text)) > 0:
		return ChangeSetHook
	case strings.Contains(text, nestedSet):
		return ChangeSetNested
	case strings.Contains(text, autoImport):
		return ChangeSetAutoImport
	case strings.HasPrefix(text, "Transform ") || strings.Contains(text, " transform ") && strings.Contains(text, "malformed response"):
		return ChangeSetTransform
	}
	return ChangeSetTemplate
}

// ExplainChangeSet explains a change set that could not be made. Nothing was touched, so that there is no rollback, no
// follower and no leftover.
func ExplainChangeSet(in ChangeSetInput) Document {
	kind := ChangeSetKindOf(in.StatusReason)
	switch {
	case in.Status == "CREATE_PENDING" || in.Status == "CREATE_IN_PROGRESS":
		kind = ChangeSetPending
	case kind == ChangeSetTemplate && in.StatusReason == "":
		kind = kindFromFindings(in)
	}
	doc := Document{
		Schema: Schema, StackName: cmp.Or(in.StackName, stackNameOf(in.StackID)), StackID: in.StackID,
		Status: cmp.Or(in.Status, "FAILED"), Outcome: string(in.Outcome), Notes: slices.Clone(in.Unread),
		ChangeSet: &ChangeSet{ID: in.ID, Name: in.Name, Kind: kind}, Warnings: changeSetWarnings(in),
	}
	t := &tree{byID: map[string]*stack{}}
	for _, rows := range inOrder(in.Events) {
		t.rows = append(t.rows, rows...)
	}
	slices.SortFunc(t.rows, func(a, b *placed) int { return a.pos - b.pos })
	t.root = &stack{id: in.StackID, rows: t.rows, rollback: -1, cleanup: -1}
	doc.EventCount, doc.Events = len(t.rows), entries(t)

	if kind != ChangeSetEmpty && kind != ChangeSetPending {
		doc.Failures = changeSetFailures(in, nil)
		slices.SortStableFunc(doc.Failures, func(a, b Failure) int { return cmp.Compare(vaguenessOf(a), vaguenessOf(b)) })
		first := doc.Failures[0]
		doc.RootCause, doc.Failures = &first, doc.Failures[1:]
	}
	doc.Headline = changeSetHeadline(doc, in)
	doc.Advice = advise(&doc, adviceContext{
		in:     Input{Service: in.Service, Environment: in.Environment, NextSteps: in.NextSteps},
		region: regionOf(cmp.Or(in.StackID, in.ID)), changeSetID: in.ID,
	})
	return bound(doc, priorities(t, findings{}))
}

// kindFromFindings finds the kind where CloudFormation gave no reason.
func kindFromFindings(in ChangeSetInput) ChangeSetKind {
	switch {
	case slices.ContainsFunc(in.Events, func(e Event) bool { return e.Validation != nil && !e.warnsOnly() }):
		return ChangeSetValidation
	case len(deniedBy(in)) > 0:
		return ChangeSetHook
	case slices.ContainsFunc(in.Nested, func(nested ChangeSetInput) bool { return nested.StatusReason != "" }):
		return ChangeSetNested
	}
	return ChangeSetTemplate
}

func vaguenessOf(failure Failure) int {
	if failure.Message == "" {
		return 1
	}
	return 0
}

// changeSetFailures are the findings behind the reason: one for each validation and hook, those of nested change sets
// in the place of the text that only points at them, else the text itself. There is always one.
func changeSetFailures(in ChangeSetInput, parents []string) []Failure {
	in.Events = slices.SortedStableFunc(slices.Values(in.Events), func(a, b Event) int { return a.Time.Compare(b.Time) })
	if in.LogicalID != "" {
		parents = append(slices.Clone(parents), in.LogicalID)
	}
	at := func(logicalID string) string {
		return strings.Join(append(slices.Clone(parents), logicalID), "/")
	}
	reason := maskLong(in.StatusReason)
	whole := Failure{
		Path: strings.Join(parents, "/"), LogicalID: in.LogicalID, PhysicalID: in.StackID, Type: stackType,
		Status: cmp.Or(in.Status, "FAILED"), Reason: reason, Message: plain(trimChangeSetPrefix(reason)), StackID: in.StackID,
	}
	var failures []Failure
	kind := ChangeSetKindOf(in.StatusReason)
	switch kind {
	case ChangeSetNested:
		for _, nested := range in.Nested {
			if nested.Status == "FAILED" && ChangeSetKindOf(nested.StatusReason) != ChangeSetEmpty {
				failures = append(failures, changeSetFailures(nested, parents)...)
			}
		}
	case ChangeSetHook:
		failures = hookFailures(in, whole, at)
	case ChangeSetAutoImport:
		for _, resource := range importsIn(reason) {
			failure := whole
			failure.Path, failure.LogicalID, failure.PhysicalID, failure.Type = at(resource.logicalID), resource.logicalID, "", ""
			failure.Message = fmt.Sprintf("it exists already (%s) and would be imported, but has no DeletionPolicy of Retain", resource.name)
			failures = append(failures, failure)
		}
	case ChangeSetValidation, ChangeSetTemplate, ChangeSetTransform:
		failures = validationFailures(in, whole, at)
		if len(failures) == 0 && len(deniedBy(in)) > 0 {
			failures = hookFailures(in, whole, at)
		}
	case ChangeSetEmpty, ChangeSetPending:
	}
	if len(failures) == 0 {
		failures = []Failure{whole}
	}
	for i := range failures {
		// Those of nested change sets have been told already.
		if failures[i].Summary == "" {
			failures[i].Family = changeSetFamily(failures[i])
			failures[i].Summary = changeSetVerdict(kind, failures[i].Family)
		}
	}
	return failures
}

// changeSetFamily prefers what a finding says to the reason of the whole change set, which only says that there is one.
func changeSetFamily(failure Failure) string {
	if len(failure.Validations) > 0 {
		finding := failure
		finding.Reason = ""
		if family := familyOf(finding); family != "" {
			return family
		}
	}
	return familyOf(failure)
}

func trimChangeSetPrefix(reason string) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(reason), "Change set creation failed."))
}

// validationFailures are one for each failed check, with the place in the template that it points at.
func validationFailures(in ChangeSetInput, whole Failure, at func(string) string) []Failure {
	var failures []Failure
	for _, event := range in.Events {
		row := event.Validation
		if row == nil || event.warnsOnly() || row.Reason == "" && row.Path == "" {
			continue
		}
		failure := whole
		failure.LogicalID, failure.PhysicalID, failure.Type = resourceInPath(row.Path), "", event.Type
		if failure.LogicalID == "" {
			failure.LogicalID = event.LogicalID
		}
		if failure.Type == stackType || failure.LogicalID == "" {
			failure.Type = ""
		}
		failure.Path = at(failure.LogicalID)
		failure.Message, failure.Time = Mask(row.Reason), event.Time
		failure.Validations = []Validation{{Name: row.Name, Reason: Mask(row.Reason), Path: row.Path}}
		if !repeats(failures, failure) {
			failures = append(failures, failure)
		}
	}
	return failures
}

// resourceInPath returns the logical id in a JSON pointer into a template: /Resources/<id>/…
func resourceInPath(pointer string) string {
	rest, ok := strings.CutPrefix(pointer, "/Resources/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}

func deniedBy(in ChangeSetInput) []HookResult {
	var denied []HookResult
	for _, result := range in.Hooks {
		if strings.HasSuffix(result.Status, "_FAILED") && result.FailureMode != "WARN" {
			denied = append(denied, result)
		}
	}
	for _, event := range in.Events {
		if event.hookFailed() && !event.warnsOnly() && !slices.ContainsFunc(denied, func(r HookResult) bool { return r.Type == event.Hook.Type }) {
			denied = append(denied, HookResult{
				Type: event.Hook.Type, Status: event.Hook.Status, Reason: event.Hook.Reason, InvocationPoint: event.Hook.InvocationPoint,
				LogicalID: event.LogicalID, Time: event.Time,
			})
		}
	}
	return denied
}

// hookFailures are one for each hook that said no. A change set denied by a hook has no event: the verdict is in the
// hook's result alone.
func hookFailures(in ChangeSetInput, whole Failure, at func(string) string) []Failure {
	var failures []Failure
	for _, result := range deniedBy(in) {
		failure := whole
		if result.LogicalID != "" && result.LogicalID != in.StackName {
			failure.LogicalID, failure.Path, failure.Type = result.LogicalID, at(result.LogicalID), ""
		}
		failure.Hook, failure.Time = fromResult(result), result.Time
		failure.Message = "hook " + result.Type
		if reason := oneLine(Mask(hookSaid(result.Reason))); reason != "" {
			failure.Message += ": " + reason
		}
		failures = append(failures, failure)
	}
	if len(failures) == 0 {
		for _, name := range hooksIn(in.StatusReason) {
			failure := whole
			failure.Hook = &HookFinding{Type: name}
			failure.Message = "hook " + name + " denied it"
			failures = append(failures, failure)
		}
	}
	return failures
}

type importCandidate struct{ logicalID, name string }

var importPattern = regexp.MustCompile(`([A-Za-z0-9]+) \(\{([^{}]*)\}\)`)

// importsIn reads the resources from the text of a refused import: Logical ({Property=Value}), …
func importsIn(reason string) []importCandidate {
	_, list, ok := strings.Cut(reason, "The affected resources are ")
	if !ok {
		return nil
	}
	var found []importCandidate
	for _, match := range importPattern.FindAllStringSubmatch(list, -1) {
		found = append(found, importCandidate{logicalID: match[1], name: match[2]})
	}
	return found
}

func changeSetWarnings(in ChangeSetInput) []string {
	t := &tree{}
	for _, rows := range inOrder(in.Events) {
		t.rows = append(t.rows, rows...)
	}
	return warnings(t, in.Hooks)
}

func changeSetHeadline(doc Document, in ChangeSetInput) string {
	if doc.ChangeSet.Kind == ChangeSetPending {
		return fmt.Sprintf("The change set of stack %s was still in %s when the wait for it ended.", doc.StackName, doc.Status)
	}
	if doc.RootCause == nil {
		return fmt.Sprintf("The change set of stack %s is empty: the stack already is what the template says.", doc.StackName)
	}
	subject := "the template of stack " + doc.StackName
	if path := doc.RootCause.Path; path != "" {
		subject = path
		if kind := doc.RootCause.Type; kind != "" && kind != stackType {
			subject += " (" + kind + ")"
		}
	}
	line := fmt.Sprintf("The change set could not be made; %s %s", subject, doc.RootCause.Summary)
	if message := oneLine(doc.RootCause.Message); message != "" {
		return line + ": " + message
	}
	return line + "; CloudFormation gave no reason."
}

// changeSetVerdict says in plain words what happened to the template or a resource in it.
func changeSetVerdict(kind ChangeSetKind, family string) string {
	because := familyByID(family).Because
	if because != "" {
		because = " because " + because
	}
	switch kind {
	case ChangeSetHook:
		return "was denied by a hook"
	case ChangeSetTransform:
		return "could not be transformed"
	case ChangeSetAutoImport:
		return "could not be imported" + because
	case ChangeSetValidation, ChangeSetNested, ChangeSetTemplate, ChangeSetEmpty, ChangeSetPending:
		return "was refused" + because
	}
	return "was refused" + because
}
