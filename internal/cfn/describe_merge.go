package cfn

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
)

// mergeChanges puts two answers about the same change set together: what base has, completed from other, and then what
// only other has. It returns where the latter stand. Neither argument is changed.
func mergeChanges(base, other []types.Change) (all []types.Change, onlyOther []int) {
	all = slices.Clone(base)
	at := make(map[string]int, len(base))
	count := make(map[string]int, len(base))
	for i, change := range base {
		at[identity(change, count)] = i
	}
	clear(count)
	for _, change := range other {
		i, known := at[identity(change, count)]
		if !known {
			onlyOther = append(onlyOther, len(all))
			all = append(all, change)
			continue
		}
		if all[i].ResourceChange != nil {
			completed := complete(*all[i].ResourceChange, *change.ResourceChange)
			all[i].ResourceChange = &completed
		}
	}
	return all, onlyOther
}

// identity tells the changes of one answer apart. No resource is listed twice in recorded answers; should one be, the
// number of the occurrence keeps both.
func identity(change types.Change, count map[string]int) string {
	key := "type " + string(change.Type)
	if c := change.ResourceChange; c != nil {
		key = fmt.Sprintf("%q %q %q %q", aws.ToString(c.LogicalResourceId), c.Action, aws.ToString(c.ResourceType), aws.ToString(c.PhysicalResourceId))
	}
	count[key]++
	return fmt.Sprintf("%s %d", key, count[key])
}

// complete fills in what base lacks and adds the details that only other has. Where the two contradict each other the
// worse counts.
func complete(base, other types.ResourceChange) types.ResourceChange {
	base.Replacement, base.PolicyAction = worseWords(base, other)
	for _, field := range []struct{ into, from **string }{
		{&base.ChangeSetId, &other.ChangeSetId},
		{&base.BeforeContext, &other.BeforeContext},
		{&base.AfterContext, &other.AfterContext},
		{&base.PreviousDeploymentContext, &other.PreviousDeploymentContext},
	} {
		if *field.into == nil {
			*field.into = *field.from
		}
	}
	if base.ModuleInfo == nil {
		base.ModuleInfo = other.ModuleInfo
	}
	if base.ResourceDriftStatus == "" {
		base.ResourceDriftStatus = other.ResourceDriftStatus
	}
	if len(base.ResourceDriftIgnoredAttributes) == 0 {
		base.ResourceDriftIgnoredAttributes = other.ResourceDriftIgnoredAttributes
	}
	base.Scope = slices.Clone(base.Scope)
	for _, scope := range other.Scope {
		if !slices.Contains(base.Scope, scope) {
			base.Scope = append(base.Scope, scope)
		}
	}
	base.Details = mergeDetails(base.Details, other.Details)
	return base
}

func worseWords(a, b types.ResourceChange) (types.Replacement, types.PolicyAction) {
	if a.Action == types.ChangeActionAdd {
		// With values, additions may claim Replacement True; without, they never do.
		return a.Replacement, cmp.Or(a.PolicyAction, b.PolicyAction)
	}
	replacement, policy := cmp.Or(a.Replacement, b.Replacement), cmp.Or(a.PolicyAction, b.PolicyAction)
	other, otherPolicy := cmp.Or(b.Replacement, a.Replacement), cmp.Or(b.PolicyAction, a.PolicyAction)
	mine := plan.Classify(string(a.Action), string(replacement), string(policy))
	theirs := plan.Classify(string(a.Action), string(other), string(otherPolicy))
	if theirs.Rank() < mine.Rank() {
		return other, otherPolicy
	}
	return replacement, policy
}

func mergeDetails(base, other []types.ResourceChangeDetail) []types.ResourceChangeDetail {
	all := slices.Clone(base)
	for _, detail := range other {
		if !slices.ContainsFunc(base, func(d types.ResourceChangeDetail) bool { return sameDetail(d, detail) }) {
			all = append(all, detail)
		}
	}
	return all
}

// sameDetail says whether two details of different answers are about the same cause of the same property. The answer
// without values has names only; the one with values may take a property apart into several paths of the same name.
func sameDetail(a, b types.ResourceChangeDetail) bool {
	if a.ChangeSource != b.ChangeSource || aws.ToString(a.CausingEntity) != aws.ToString(b.CausingEntity) {
		return false
	}
	if a.Target == nil || b.Target == nil {
		return a.Target == nil && b.Target == nil
	}
	if a.Target.Attribute != b.Target.Attribute || aws.ToString(a.Target.Name) != aws.ToString(b.Target.Name) {
		return false
	}
	pathA, pathB := aws.ToString(a.Target.Path), aws.ToString(b.Target.Path)
	return pathA == "" || pathB == "" || pathA == pathB
}
