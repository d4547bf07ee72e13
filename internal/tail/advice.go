package tail

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// adviceContext is what advice is filled with besides the failure.
type adviceContext struct {
	in     Input
	region string
	// changeSetID is set where a change set is explained.
	changeSetID string
}

// advise says what to do next: about the root cause, about further failures of another kind, about the state of the
// stack, about what was left behind.
func advise(doc *Document, context adviceContext) []string {
	var lines []string
	add := func(more ...string) {
		for _, line := range more {
			if line != "" && !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	if doc.RootCause != nil {
		add(adviceOn(*doc.RootCause, context)...)
	}
	for _, failure := range doc.Failures {
		if doc.RootCause == nil || failure.Family != doc.RootCause.Family {
			add(prefixed(failure.Path, adviceOn(failure, context))...)
		}
	}
	for _, problem := range doc.RollbackProblems {
		add(prefixed(problem.Path, adviceOn(problem, context))...)
	}
	if len(context.in.NextSteps) > 0 {
		add(context.in.NextSteps...)
	} else {
		add(wayOut(doc, context)...)
	}
	add(skipAdvice(doc, context))
	for _, left := range doc.Leftovers {
		add(leftoverAdvice(left))
	}
	return lines
}

func prefixed(path string, lines []string) []string {
	out := make([]string, 0, len(lines))
	for _, line := range lines {
		out = append(out, path+": "+line)
	}
	return out
}

// adviceOn fills in the advice of the failure's family.
func adviceOn(failure Failure, context adviceContext) []string {
	var lines []string
	if failure.Hook != nil {
		for _, annotation := range failure.Hook.Annotations {
			if annotation.Remediation != "" {
				line := annotation.Name + ": " + oneLine(annotation.Remediation)
				if annotation.Link != "" {
					line += " (" + annotation.Link + ")"
				}
				lines = append(lines, line)
			}
		}
	}
	family := familyByID(failure.Family)
	values := valuesOf(failure, context)
	if failure.Hook != nil && failure.Hook.ResultID != "" {
		// The verdict is here: nobody has to ask for it by the change set, which is deleted by now.
		delete(values, "changeSetId")
	}
	found, _ := family.matches(failure)
	for name, value := range found {
		values[name] = value
		switch name {
		case "requestId":
			// A filter pattern takes an id with hyphens as a term only in double quotes.
			values["requestIdTerm"] = `"` + value + `"`
		case "roleArn":
			values["roleName"] = value[strings.LastIndexByte(value, '/')+1:]
		}
	}
	for _, alternatives := range family.Advice {
		for _, template := range alternatives {
			if line, ok := fill(template, values, context.region); ok {
				lines = append(lines, line)
				break
			}
		}
	}
	return lines
}

var placeholder = regexp.MustCompile(`\{([A-Za-z0-9]+)\}`)

// fill puts the values into a line of advice. It refuses where a value is missing, or cannot stand in a command.
func fill(template string, values map[string]string, region string) (string, bool) {
	var out strings.Builder
	for i, part := range strings.Split(template, "`") {
		command := i%2 == 1
		complete := true
		part = placeholder.ReplaceAllStringFunc(part, func(name string) string {
			name = strings.Trim(name, "{}")
			if name == "atRegion" {
				if region == "" {
					return ""
				}
				return " --region " + quote(region)
			}
			value := values[name]
			if value == "" || strings.ContainsAny(value, "`\n\r\x00\x1b") {
				complete = false
			}
			if command {
				return quote(value)
			}
			return value
		})
		if !complete {
			return "", false
		}
		if i > 0 {
			out.WriteByte('`')
		}
		out.WriteString(part)
	}
	return out.String(), true
}

var bareWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quote makes a value one word of a POSIX shell's command line: reasons and names are input, and advice is pasted.
func quote(value string) string {
	if bareWord.MatchString(value) && !strings.HasPrefix(value, "-") {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// wayOut says what the state of the stack allows next, where the caller did not.
func wayOut(doc *Document, context adviceContext) []string {
	values := map[string]string{"stack": doc.StackName, "service": context.in.Service, "environment": context.in.Environment}
	templates := waysOut[doc.Status].others
	if context.in.Service != "" && context.in.Environment != "" {
		templates = waysOut[doc.Status].ours
		if moving(doc.Status) {
			templates = waysOutOfMoving(doc.Status)
		}
	}
	if doc.ChangeSet != nil {
		templates = changeSetWayOut(doc.ChangeSet.Kind, context)
	}
	var lines []string
	for _, template := range templates {
		if line, ok := fill(template, values, context.region); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// skipAdvice names what a stuck rollback could leave as it is.
func skipAdvice(doc *Document, context adviceContext) string {
	if doc.Status != "UPDATE_ROLLBACK_FAILED" || len(doc.RollbackProblems) == 0 {
		return ""
	}
	ours := context.in.Service != "" && context.in.Environment != ""
	if !ours && len(context.in.NextSteps) > 0 {
		return ""
	}
	var names []string
	for _, problem := range doc.RollbackProblems {
		name := skipName(problem)
		if ours {
			// `stackgate recover` finds the name of the nested stack by itself.
			name = strings.ReplaceAll(problem.Path, "/", ".")
		}
		names = append(names, name)
	}
	values := map[string]string{"stack": doc.StackName, "service": context.in.Service, "environment": context.in.Environment}
	template := "Only where it cannot be mended, skip what failed; the stack then no longer matches its template: "
	if ours {
		values["names"] = strings.Join(names, ",")
		template += "`stackgate recover {service} -e {environment} --skip {names}`."
	} else {
		var places []string
		for i, name := range names {
			key := fmt.Sprintf("skip%d", i)
			values[key] = name
			places = append(places, "{"+key+"}")
		}
		template += "`aws cloudformation continue-update-rollback --stack-name {stack}{atRegion} --resources-to-skip " + strings.Join(places, " ") + "`."
	}
	line, _ := fill(template, values, context.region)
	return line
}

// waysOutOfMoving says what to do about a stack that was still moving when its deployment's limit had passed.
func waysOutOfMoving(status string) []string {
	ways := []string{"CloudFormation goes on; see what it does: `aws cloudformation describe-stack-events --stack-name {stack}{atRegion}`."}
	if status == "UPDATE_IN_PROGRESS" {
		// CancelUpdateStack takes this status only (its API reference).
		ways = append(ways, "To have the update undone instead: `aws cloudformation cancel-update-stack --stack-name {stack}{atRegion}`.")
	}
	return append(ways, "The stack stays locked until it is at rest; then: `stackgate deploy {service} -e {environment}`. Where it needs so long, raise timeouts.execution of {service}.")
}

// changeSetWayOut says how to go on after a change set that could not be made.
func changeSetWayOut(kind ChangeSetKind, context adviceContext) []string {
	if context.in.Service == "" || context.in.Environment == "" {
		return nil
	}
	switch kind {
	case ChangeSetEmpty:
		return nil
	case ChangeSetPending:
		return []string{"Nothing was changed. Where this template takes long, give it longer (timeouts.changeSet of {service}), then: `stackgate deploy {service} -e {environment}`."}
	case ChangeSetTransform, ChangeSetValidation, ChangeSetHook, ChangeSetNested, ChangeSetAutoImport, ChangeSetTemplate:
	}
	return []string{"Nothing was changed; mend the cause, then: `stackgate deploy {service} -e {environment}`."}
}

// skipName is how ContinueUpdateRollback names a resource: NestedStackName.LogicalId within a nested stack.
func skipName(problem Failure) string {
	if strings.Contains(problem.Path, "/") && problem.StackID != "" {
		return stackNameOf(problem.StackID) + "." + problem.LogicalID
	}
	return problem.LogicalID
}

// waysOut are the next commands for a stack of ours and for one of other tools, by the stack's status.
var waysOut = map[string]struct{ ours, others []string }{
	"ROLLBACK_COMPLETE": {
		ours:   []string{"Nothing of the stack is left but its name, which the next deployment removes; mend the cause, then: `stackgate deploy {service} -e {environment}`."},
		others: []string{"Before stack {stack} can be created again, what is left of it must be deleted: `aws cloudformation delete-stack --stack-name {stack}{atRegion}`."},
	},
	"UPDATE_ROLLBACK_FAILED": {
		ours:   []string{"The rollback is stuck; mend what stopped it, then continue it: `stackgate recover {service} -e {environment}`."},
		others: []string{"The rollback is stuck; mend what stopped it, then continue it: `aws cloudformation continue-update-rollback --stack-name {stack}{atRegion}`."},
	},
	"ROLLBACK_FAILED": {
		ours:   []string{"The stack can only be deleted; mend what stopped the rollback, then: `stackgate recover {service} -e {environment}`."},
		others: []string{"The stack can only be deleted; mend what stopped the rollback, then: `aws cloudformation delete-stack --stack-name {stack}{atRegion}`."},
	},
	"DELETE_FAILED": {
		ours:   []string{"Mend what stopped the deletion, then delete again: `stackgate recover {service} -e {environment}`."},
		others: []string{"Mend what stopped the deletion, then delete again: `aws cloudformation delete-stack --stack-name {stack}{atRegion}`."},
	},
	"IMPORT_ROLLBACK_FAILED": {
		ours:   []string{"The rollback of the import is stuck; look at the stack: `aws cloudformation describe-stack-resources --stack-name {stack}{atRegion}`."},
		others: []string{"The rollback of the import is stuck; look at the stack: `aws cloudformation describe-stack-resources --stack-name {stack}{atRegion}`."},
	},
	"CREATE_FAILED":            {ours: []string{pausedOurs}, others: []string{pausedOthers}},
	"UPDATE_FAILED":            {ours: []string{pausedOurs}, others: []string{pausedOthers}},
	"UPDATE_ROLLBACK_COMPLETE": {ours: []string{rolledBackOurs}},
	"IMPORT_ROLLBACK_COMPLETE": {ours: []string{rolledBackOurs}},
}

const (
	pausedOurs     = "The stack stands half-way; mend the cause and go on (`stackgate deploy {service} -e {environment}`), or roll it back (`stackgate recover {service} -e {environment}`)."
	pausedOthers   = "The stack stands half-way; mend the cause and update it again, or roll it back: `aws cloudformation rollback-stack --stack-name {stack}{atRegion}`."
	rolledBackOurs = "The stack is as it was before; mend the cause, then: `stackgate deploy {service} -e {environment}`."
)

func leftoverAdvice(left Leftover) string {
	name := left.Path
	if left.PhysicalID != "" {
		name += " (" + left.PhysicalID + ")"
	}
	switch left.Kind {
	case LeftoverSkipped:
		return name + " was kept by its deletion policy and belongs to no stack any more: import it, or delete it by hand, before its name is used again."
	case LeftoverDeleteFailed:
		return name + " could not be deleted and belongs to no stack any more: delete it by hand."
	}
	return ""
}
