package plan

// Classify returns the impact of a change from CloudFormation's three words for it: Action, Replacement and
// PolicyAction, each empty where it was not reported. Words that are not known, that contradict one another, or of which
// a needed one is missing, give ImpactUnknown. Protection, security and tags are judged elsewhere.
//
// PolicyAction says what happens to the old physical resource, and is trusted over any default; its absence (answers
// before April 2024) counts as deletion.
func Classify(action, replacement, policyAction string) Impact {
	if !KnownWord(WordReplacement, replacement) || !KnownWord(WordPolicyAction, policyAction) {
		return ImpactUnknown
	}
	switch action {
	case "Add":
		// Answers with property values report Replacement "True" for additions (recorded in spring 2025): it means nothing.
		return unless(policyAction != "", ImpactAdd)
	case "Import":
		return unless(policyAction != "" || replacement == "True" || replacement == "Conditional", ImpactImport)
	case "SyncWithActual":
		return unless(policyAction != "" || replacement == "True" || replacement == "Conditional", ImpactSync)
	case "Remove":
		return classifyRemove(policyAction)
	case "Modify":
		return classifyModify(replacement, policyAction)
	}
	return ImpactUnknown // "Dynamic" included: CloudFormation says that it does not know
}

func unless(contradiction bool, impact Impact) Impact {
	if contradiction {
		return ImpactUnknown
	}
	return impact
}

func classifyRemove(policyAction string) Impact {
	switch policyAction {
	case "", "Delete":
		return ImpactDestroy
	case "Snapshot":
		return ImpactDestroySnapshot
	case "Retain":
		return ImpactOrphan
	}
	return ImpactUnknown
}

func classifyModify(replacement, policyAction string) Impact {
	switch policyAction {
	case "Delete", "Retain", "Snapshot": // words for a removal
		return ImpactUnknown
	}
	switch replacement {
	case "True":
		return classifyReplacement(policyAction)
	case "Conditional":
		return ImpactMayReplace
	case "False":
		return unless(policyAction != "", ImpactModify)
	case "":
		// CloudFormation reports Replacement for every modification. Where it is missing, only PolicyAction can tell.
		if policyAction != "" {
			return classifyReplacement(policyAction)
		}
	}
	return ImpactUnknown
}

func classifyReplacement(policyAction string) Impact {
	switch policyAction {
	case "", "ReplaceAndDelete":
		return ImpactReplaceDelete
	case "ReplaceAndSnapshot":
		return ImpactReplaceSnapshot
	case "ReplaceAndRetain":
		return ImpactReplaceRetain
	}
	return ImpactUnknown
}

// Word names one of CloudFormation's enumerations that a review depends on.
type Word string

// The enumerations.
const (
	WordChangeType   Word = "Type"
	WordAction       Word = "Action"
	WordReplacement  Word = "Replacement"
	WordPolicyAction Word = "PolicyAction"
	WordScope        Word = "Scope"
	WordRecreation   Word = "RequiresRecreation"
	WordEvaluation   Word = "Evaluation"
	WordChangeSource Word = "ChangeSource"
	WordAttribute    Word = "AttributeChangeType"
	WordDriftStatus  Word = "ResourceDriftStatus"
)

// Words lists the enumerations.
func Words() []Word {
	return []Word{
		WordChangeType, WordAction, WordReplacement, WordPolicyAction, WordScope, WordRecreation, WordEvaluation,
		WordChangeSource, WordAttribute, WordDriftStatus,
	}
}

// Values lists the values of an enumeration that this version understands. A test keeps the list equal to the SDK's.
func (w Word) Values() []string {
	switch w {
	case WordChangeType:
		return []string{"Resource"}
	case WordAction:
		return []string{"Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual"}
	case WordReplacement:
		return []string{"True", "False", "Conditional"}
	case WordPolicyAction:
		return []string{"Delete", "Retain", "Snapshot", "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot"}
	case WordScope:
		return []string{"Properties", "Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy", "Tags"}
	case WordRecreation:
		return []string{"Never", "Conditionally", "Always"}
	case WordEvaluation:
		return []string{"Static", "Dynamic"}
	case WordChangeSource:
		return []string{"ResourceReference", "ParameterReference", "ResourceAttribute", "DirectModification", "Automatic", "NoModification"}
	case WordAttribute:
		return []string{"Add", "Remove", "Modify", "SyncWithActual"}
	case WordDriftStatus:
		return []string{"IN_SYNC", "MODIFIED", "DELETED", "NOT_CHECKED", "UNKNOWN", "UNSUPPORTED"}
	}
	return nil
}

// KnownWord says whether this version understands a value of an enumeration. The empty value, "not reported", is known.
func KnownWord(word Word, value string) bool {
	if value == "" {
		return true
	}
	for _, known := range word.Values() {
		if value == known {
			return true
		}
	}
	return false
}
