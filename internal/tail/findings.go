package tail

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// leftovers are what the operation left in the account: deletions that the policy skipped, and deletions that failed
// while cleaning up, which CloudFormation gives up on without failing the stack.
func leftovers(t *tree) []Leftover {
	var left []Leftover
	for _, s := range t.stacks {
		for _, row := range s.rows {
			kind := LeftoverKind("")
			switch {
			case row.IsStackRow():
			case row.Status == "DELETE_SKIPPED":
				kind = LeftoverSkipped
			case row.Status == "DELETE_FAILED" && s.phaseAt(row.pos) == PhaseCleanup:
				kind = LeftoverDeleteFailed
			}
			if kind == "" || deletedAfter(s, row) {
				continue
			}
			if slices.ContainsFunc(s.about[row.LogicalID], func(other *placed) bool {
				return other.pos > row.pos && other.Status == row.Status && other.PhysicalID == row.PhysicalID
			}) {
				// The deletion was tried again; the last try tells.
				continue
			}
			left = append(left, Leftover{
				Kind: kind, Path: s.path(row.LogicalID), LogicalID: row.LogicalID, PhysicalID: row.PhysicalID, Type: row.Type,
				Status: row.Status, Reason: row.Reason, Time: row.Time,
			})
		}
	}
	return left
}

// deletedAfter says whether a later row tells that the deletion worked after all.
func deletedAfter(s *stack, failed *placed) bool {
	return slices.ContainsFunc(s.about[failed.LogicalID], func(row *placed) bool {
		return row.pos > failed.pos && row.PhysicalID == failed.PhysicalID && row.Status == "DELETE_COMPLETE"
	})
}

// attachHooks adds the verdicts of the hooks that a reason names. The rows that carry them come before the one that
// failed, and most often say IN_PROGRESS.
func attachHooks(failure *Failure, cause candidate, results []HookResult) {
	names := hooksIn(cause.text)
	if own := cause.row.Hook; own != nil && cause.row.hookFailed() {
		names = append(names, own.Type)
	}
	if len(names) == 0 {
		return
	}
	named := func(hookType string) bool { return slices.Contains(names, hookType) }
	for _, row := range cause.stack.rows {
		sameResource := row.LogicalID == cause.row.LogicalID || row.IsStackRow() || cause.row.IsStackRow()
		if row.hookFailed() && sameResource && named(row.Hook.Type) && row.Hook.FailureMode != "WARN" {
			failure.Hook = &HookFinding{
				Type: row.Hook.Type, Status: row.Hook.Status, Reason: row.Hook.Reason, InvocationPoint: row.Hook.InvocationPoint,
				ResultID: row.Hook.InvocationID,
			}
			if row.LogicalID == cause.row.LogicalID {
				break
			}
		}
	}
	for _, result := range results {
		if !strings.HasSuffix(result.Status, "_FAILED") || result.FailureMode == "WARN" || !named(result.Type) {
			continue
		}
		if result.LogicalID != "" && result.LogicalID != cause.row.LogicalID {
			continue
		}
		if failure.Hook != nil && failure.Hook.ResultID != "" && result.ID != "" && failure.Hook.ResultID != result.ID {
			continue
		}
		merged := fromResult(result)
		if failure.Hook != nil {
			if merged.Reason == "" {
				merged.Reason = failure.Hook.Reason
			}
			if merged.InvocationPoint == "" {
				merged.InvocationPoint = failure.Hook.InvocationPoint
			}
		}
		failure.Hook = merged
		break
	}
	if failure.Hook == nil {
		failure.Hook = &HookFinding{Type: names[0]}
	}
	if reason := hookSaid(failure.Hook.Reason); reason != "" {
		failure.Message = fmt.Sprintf("hook %s: %s", failure.Hook.Type, reason)
	}
}

// hookSaid is a hook's reason without what CloudFormation puts before it.
func hookSaid(reason string) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(reason), "Hook failed with message:"))
}

func fromResult(result HookResult) *HookFinding {
	finding := &HookFinding{
		Type: result.Type, Status: result.Status, Reason: Mask(result.Reason), InvocationPoint: result.InvocationPoint, ResultID: result.ID,
	}
	for _, annotation := range result.Annotations {
		if annotation.Status == "PASSED" {
			continue
		}
		annotation.Message, annotation.Remediation = Mask(annotation.Message), Mask(annotation.Remediation)
		finding.Annotations = append(finding.Annotations, annotation)
	}
	return finding
}

// attachValidations adds what the checks before the deployment found on the resource.
func attachValidations(failure *Failure, cause candidate) {
	for _, row := range cause.stack.rows {
		if row.Validation == nil || row.warnsOnly() || row.Validation.Status == "SKIPPED" {
			continue
		}
		about := row.LogicalID == cause.row.LogicalID || strings.HasPrefix(row.Validation.Path, "/Resources/"+cause.row.LogicalID+"/")
		if !about && !cause.row.IsStackRow() {
			continue
		}
		failure.Validations = append(failure.Validations, Validation{
			Name: row.Validation.Name, Reason: row.Validation.Reason, Path: row.Validation.Path,
		})
	}
}

// warnings are findings that stopped nothing: hooks and validations whose failure mode is WARN.
func warnings(t *tree, results []HookResult) []string {
	var lines []string
	for _, row := range t.rows {
		switch {
		case row.Hook != nil && row.hookFailed() && row.Hook.FailureMode == "WARN":
			lines = append(lines, fmt.Sprintf("%s: hook %s warns: %s", row.LogicalID, row.Hook.Type, oneLine(row.Hook.Reason)))
		case row.Validation != nil && row.Validation.FailureMode == "WARN":
			lines = append(lines, fmt.Sprintf("%s: validation %s warns: %s", cmp.Or(row.Validation.Path, row.LogicalID), row.Validation.Name, oneLine(row.Validation.Reason)))
		}
	}
	for _, result := range results {
		if result.FailureMode == "WARN" && strings.HasSuffix(result.Status, "_FAILED") {
			lines = append(lines, fmt.Sprintf("hook %s warns: %s", result.Type, oneLine(Mask(result.Reason))))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}
