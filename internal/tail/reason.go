package tail

import (
	"regexp"
	"strings"
)

// reasonKind says whether a reason names a cause or only points at one.
type reasonKind string

const (
	// reasonNone: there is no text, or one that says nothing (User Initiated).
	reasonNone reasonKind = "none"
	// reasonSpecific: the text is about this very resource.
	reasonSpecific reasonKind = "specific"
	// reasonCancelled: the resource was stopped because another failed.
	reasonCancelled reasonKind = "cancelled"
	// reasonEmbedded: the cause is in a nested stack.
	reasonEmbedded reasonKind = "embedded"
	// reasonSummary: the cause is in the resources that the text lists.
	reasonSummary reasonKind = "summary"
)

// cancelledSentences are the whole texts of a follower. The bare word proves nothing: "Order was cancelled by the
// provider" is a cause (cloudformation.md, section 6).
var cancelledSentences = map[string]bool{
	"Resource creation cancelled": true, "Resource creation canceled": true,
	"Resource update cancelled": true, "Resource update canceled": true,
	"Resource deletion cancelled": true, "Resource deletion canceled": true,
	"Resource import cancelled": true, "Resource import canceled": true,
}

// emptySentences are whole texts that give no cause.
var emptySentences = map[string]bool{
	"": true, "null": true, "User Initiated": true, "Rollback requested by user": true, "Delete requested by user": true,
	"Resource creation Initiated": true, "Transformation succeeded": true,
}

// trailers are what CloudFormation appends to the reason of a stack that it rolls back, also when nobody asked for the
// rollback (recorded: engine.test_attributes…stack_events.json).
var trailers = []string{"Rollback requested by user.", "Delete requested by user."}

// summarySentence lists resources whose own rows tell why. The second form is that of property validation. A long list
// may be cut before its bracket.
const summarySentence = `(?:The following resource\(s\) failed to [a-z]+|Validation failed for following resources): \[([^\]]*)`

var (
	summaryPattern  = regexp.MustCompile(`^(?:` + summarySentence + `(?:\]\.?\s*|$))+$`)
	summaryNames    = regexp.MustCompile(summarySentence)
	embeddedPattern = regexp.MustCompile(`^Embedded stack (\S+) was not successfully [a-z]+(?::\s*|\.\s*|$)(?s:(.*))$`)
	embeddedState   = regexp.MustCompile(`^Currently in [A-Z_]+(?: with reason: (?s:(.*)))?\.?$`)
	hookNames       = regexp.MustCompile(`(?:^|\s)The following hook\(s\)(?:/validation)? failed: \[([^\]]*)\]`)
)

// readReason tells what kind of reason a text is. It returns the text without trailers, and for an embedded stack the
// ARN of the stack that the cause is in.
func readReason(text string) (kind reasonKind, rest, nested string) {
	rest = trimTrailers(text)
	sentence := strings.TrimSuffix(rest, ".")
	switch {
	case cancelledSentences[sentence]:
		return reasonCancelled, rest, ""
	case emptySentences[sentence]:
		return reasonNone, "", ""
	case summaryPattern.MatchString(rest):
		return reasonSummary, rest, ""
	}
	if match := embeddedPattern.FindStringSubmatch(rest); match != nil {
		return reasonEmbedded, embeddedRest(match[2]), match[1]
	}
	return reasonSpecific, rest, ""
}

func trimTrailers(text string) string {
	text = strings.TrimSpace(text)
	for _, trailer := range trailers {
		if head, ok := strings.CutSuffix(text, trailer); ok {
			// "Transform … failed without an error message.. Rollback requested by user." is recorded: the doubled stop
			// is CloudFormation's.
			text = strings.TrimSpace(head)
			if strings.HasSuffix(text, "..") && !strings.HasSuffix(text, "...") {
				text = strings.TrimSuffix(text, ".")
			}
		}
	}
	return text
}

// ReasonSaysMore says whether the reason holds anything that the message does not, apart from the sentence that
// CloudFormation appends to it, which people mistake for somebody's doing.
func (f Failure) ReasonSaysMore() bool {
	return f.Reason != f.Message && trimTrailers(f.Reason) != f.Message
}

// embeddedRest returns what an embedded stack's row says of the reason in the nested stack.
func embeddedRest(text string) string {
	text = strings.TrimSpace(text)
	if match := embeddedState.FindStringSubmatch(text); match != nil {
		return strings.TrimSpace(match[1])
	}
	return text
}

// resourcesIn returns the logical ids that a summary lists.
func resourcesIn(summary string) []string {
	var names []string
	for _, match := range summaryNames.FindAllStringSubmatch(summary, -1) {
		for name := range strings.SplitSeq(match[1], ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// hooksIn returns the hook types that a reason says failed.
func hooksIn(reason string) []string {
	match := hookNames.FindStringSubmatch(reason)
	if match == nil {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(match[1], ",") {
		if name = strings.TrimSpace(name); name != "" && !strings.HasPrefix(name, earlyValidation) {
			names = append(names, name)
		}
	}
	return names
}

var (
	handlerPreamble = regexp.MustCompile(`^Resource handler returned message: "(?s:(.*))"\s*\(RequestToken: [^()]*\)$`)
	handlerError    = regexp.MustCompile(`(?:HandlerErrorCode:|Error Code:) ?([A-Za-z0-9:_.-]+)`)
	serviceDetails  = regexp.MustCompile(`\s*\((?:Service|SDK Attempt Count|RequestToken|Status Code|Request ID|HandlerErrorCode): [^()]*(?:\)|$)`)
)

// Plain is a reason without what wraps its message, and without what looks like a secret.
func Plain(reason string) string { return plain(Mask(reason)) }

// plain takes off a reason what wraps its message: the handler's preamble, request ids, status codes.
func plain(reason string) string {
	text := strings.TrimSpace(reason)
	if match := handlerPreamble.FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	text = serviceDetails.ReplaceAllString(text, "")
	return strings.TrimSpace(text)
}

// errorCodeIn returns the code that a reason carries, empty where it carries none.
func errorCodeIn(reason string) string {
	if match := handlerError.FindStringSubmatch(reason); match != nil {
		return match[1]
	}
	return ""
}
