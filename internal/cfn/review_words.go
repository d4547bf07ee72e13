package cfn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// sentence says what happens to the resource, by its kind and name.
func (c *change) sentence(item plan.Item) string {
	noun := plan.Noun(item.Type)
	start, begins := "", ""
	if item.Stateful == plan.StatefulData {
		start = "no data moves to the new " + noun
		if c.startsEmpty(item) {
			start = "the new " + noun + " starts empty"
		}
		start, begins = start+", ", "; "+start
	}
	if name := item.PhysicalID; name != "" && len(name) <= 64 && !strings.HasPrefix(name, "arn:") {
		noun += " " + name
	}
	loss := ""
	switch item.Stateful {
	case plan.StatefulData:
		loss = " with its data"
	case plan.StatefulIdentity:
		loss = ", and what depends on it breaks"
	case plan.StatefulInFlight:
		loss = ", with its address and what is under way in it"
	}
	text := item.Impact.Sentence()
	switch item.Impact {
	case plan.ImpactDestroy:
		text = "the " + noun + " is deleted" + loss
		if item.Type == bucketType {
			text = "the " + noun + " is deleted once its data is gone: the deletion fails unless something empties it first"
		}
	case plan.ImpactReplaceDelete:
		text = "replaced; the old " + noun + " is deleted" + loss + begins
		if item.Type == bucketType {
			text = "replaced; the old " + noun + " is deleted once its data is gone: the deletion fails unless something empties it first" + begins
		}
	case plan.ImpactReplaceSnapshot:
		text = "replaced; the old " + noun + " is deleted after a snapshot" + begins
	case plan.ImpactDestroySnapshot:
		text = "the " + noun + " is deleted after a snapshot"
	case plan.ImpactReplaceRetain:
		text = "replaced; " + start + "the old " + noun + " stays and no stack manages it any more"
	case plan.ImpactOrphan:
		text = "removed from the stack; the " + noun + " stays and no stack manages it any more"
	case plan.ImpactProtectionLoss:
		text = "protection removed (nothing is deleted by this change)"
	}
	if slices.Contains(item.Also, plan.ImpactProtectionLoss) {
		text += "; protection removed"
	}
	if slices.Contains(item.Also, plan.ImpactSecurityBroadened) {
		text += "; permissions widened"
	}
	if slices.Contains(item.Also, plan.ImpactAdd) {
		text = "created; " + text
	}
	return text
}

const bucketType = "AWS::S3::Bucket"

// startsEmpty says whether a new resource of the type is surely without content. Others begin with what their
// properties name, such as a snapshot, an image or a value; CloudFormation itself copies nothing when it replaces.
func (c *change) startsEmpty(item plan.Item) bool {
	switch item.Type {
	case "AWS::DynamoDB::Table":
		// ImportSourceSpecification fills the table; without the contexts it is not known to be absent.
		return c.after != nil && jsontree.Member(jsontree.Member(c.after, "Properties"), "ImportSourceSpecification") == nil
	case "AWS::DynamoDB::GlobalTable", bucketType, "AWS::Logs::LogGroup", "AWS::Kinesis::Stream", "AWS::ECR::Repository", "AWS::EFS::FileSystem":
		return true
	}
	return false
}

// notes are the reasons and circumstances of a change, one sentence each.
func (b *builder) notes(c *change, item plan.Item) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	for _, word := range c.unknown {
		note("CloudFormation says %s, which this version of stackgate does not know.", word)
	}
	if c.missing {
		note("CloudFormation reports a change that is not one of a resource.")
	}
	for _, loss := range c.protections {
		note("Protection lost: %s.", loss.Summary)
	}
	notes = append(notes, c.impactNotes(item)...)
	if c.opaqueStack {
		note("The change set does not say what changes inside this nested stack; make it with nested stacks included.")
	}
	if item.Children == nil && c.resourceType() == nestedStackType && item.Stateful == plan.StatefulData {
		note("What this nested stack holds is not listed; it counts as data.")
	}
	if plan.OpaqueType(item.Type) {
		note("What the provider of this custom resource does is not visible in a change set.")
	}
	if c.plainOnly {
		note("Only the answer without property values lists this change; it may turn out to be none.")
	}
	if c.duplicate {
		note("CloudFormation lists this logical id more than once.")
	}
	for _, name := range []string{"BeforeContext", "AfterContext", "PreviousDeploymentContext"} {
		if _, ok := c.unreadable[name]; ok {
			note("%s is not a JSON object, so its values are not compared.", name)
		}
	}
	if c.only(types.ResourceAttributeMetadata) && c.hiddenCause() && item.Impact == plan.ImpactModify {
		note("A new value of a hidden parameter can show up as a change of metadata.")
	}
	return append(notes, driftNotes(item)...)
}

// impactNotes say why CloudFormation may replace, and what then becomes of the old resource.
func (c *change) impactNotes(item plan.Item) []string {
	var notes []string
	switch item.Impact {
	case plan.ImpactUnknown:
		if c.raw.Action == types.ChangeActionDynamic {
			notes = append(notes, "CloudFormation decides while it runs what to do with this resource.")
		} else if len(c.unknown) == 0 && !c.missing && !c.opaqueStack {
			notes = append(notes, fmt.Sprintf("Action %q, Replacement %q and PolicyAction %q do not go together.", c.raw.Action, c.raw.Replacement, c.raw.PolicyAction))
		}
	case plan.ImpactMayReplace:
		if reason := c.mayReplaceReason(); reason != "" {
			notes = append(notes, reason)
		}
		notes = append(notes, "If it is replaced, the old one "+afterReplacement(c.raw.PolicyAction))
	case plan.ImpactReplaceDelete:
		if c.raw.PolicyAction == "" {
			notes = append(notes, "CloudFormation did not report what happens to the old one; it counts as deleted.")
		}
		if c.after != nil && jsontree.Member(c.after, "UpdateReplacePolicy") == nil && item.Stateful.Stateful() {
			notes = append(notes, "It has no UpdateReplacePolicy that would keep the old one.")
		}
	case plan.ImpactDestroy:
		if c.raw.PolicyAction == "" {
			notes = append(notes, "CloudFormation did not report whether it is kept; it counts as deleted.")
		}
	}
	return notes
}

func (c *change) mayReplaceReason() string {
	var always, sometimes []string
	for _, p := range c.properties {
		switch p.Recreation {
		case plan.RecreationAlways:
			always = append(always, p.Name())
		case plan.RecreationConditionally, plan.RecreationUnknown:
			sometimes = append(sometimes, p.Name())
		}
	}
	switch {
	case c.raw.Replacement == types.ReplacementFalse:
		return "CloudFormation says that it is not replaced, and that " + strings.Join(always, ", ") + " forces a replacement."
	case len(always) > 0:
		return "A new value of " + strings.Join(always, ", ") + " forces a replacement; whether it is new is known only while CloudFormation runs."
	case len(sometimes) > 0:
		return "Some changes of " + strings.Join(sometimes, ", ") + " force a replacement, others do not."
	}
	return ""
}

func afterReplacement(policy types.PolicyAction) string {
	switch policy {
	case types.PolicyActionReplaceAndRetain:
		return "is kept and no longer managed."
	case types.PolicyActionReplaceAndSnapshot:
		return "is deleted after a snapshot."
	case types.PolicyActionReplaceAndDelete:
		return "is deleted."
	}
	return "counts as deleted, as CloudFormation does not say otherwise."
}

func driftNotes(item plan.Item) []string {
	switch types.StackResourceDriftStatus(item.DriftStatus) {
	case types.StackResourceDriftStatusModified:
		return []string{"The live resource was changed outside CloudFormation."}
	case types.StackResourceDriftStatusDeleted:
		return []string{"The live resource was deleted outside CloudFormation."}
	case types.StackResourceDriftStatusUnknown:
		return []string{"Whether the live resource was changed outside CloudFormation could not be determined."}
	case types.StackResourceDriftStatusUnsupported:
		return []string{"CloudFormation cannot compare live resources of this type."}
	case types.StackResourceDriftStatusNotChecked, types.StackResourceDriftStatusInSync, "":
	}
	return nil
}
