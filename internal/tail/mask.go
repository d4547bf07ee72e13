package tail

import (
	"regexp"
	"slices"
	"strings"
)

const masked = "***"

// secrets are the shapes in which credentials turn up in reasons: handlers repeat connection strings, requests and
// property values. Each keeps what is around the secret, so that the reason still says where it leaked. A text without
// any of the hints, which are in lower case, holds no such secret.
var secrets = []struct {
	hints   []string
	pattern *regexp.Regexp
	with    string
}{
	{[]string{"://"}, regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@:'"]*:[^\s'"]+@`), "${1}" + masked + "@"},
	{[]string{"akia", "asia"}, regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`), masked},
	{[]string{"x-amz-"}, regexp.MustCompile(`(?i)\b(X-Amz-(?:Signature|Security-Token|Credential))=[^&\s"']+`), "${1}=" + masked},
	{[]string{"eyj"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`), masked},
	{[]string{"gh", "glpat", "xox", "_live"}, regexp.MustCompile(`\b(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|xoxb|xoxp|xoxa|sk_live|rk_live)[_-][A-Za-z0-9_-]{10,}`), masked},
	{[]string{"bearer", "basic"}, regexp.MustCompile(`(?i)\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{16,}`), "${1} " + masked},
	{[]string{"private key"}, regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), masked},
}

// namedHints are in every name that namedSecret knows.
var namedHints = []string{"passw", "secret", "key", "token"}

// namedSecret is a value after a name that says what it is.
var namedSecret = regexp.MustCompile(`(?i)\b([a-z0-9_.-]*(?:password|passwd|secret[_-]?access[_-]?key|client[_-]?secret|api[_-]?key|auth[_-]?token|access[_-]?token|private[_-]?key)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'{}()\[\]]+)`)

// complaint are words with which a message about a property goes on after its name: "Password: expected minLength: 8".
var complaint = map[string]bool{
	"expected": true, "failed": true, "must": true, "is": true, "required": true, "does": true, "cannot": true, "extraneous": true,
	"unknown": true, "invalid": true, "value": true, "string": true,
}

// Mask replaces what looks like a credential by asterisks.
func Mask(text string) string {
	lower := strings.ToLower(text)
	hinted := func(hints []string) bool {
		return slices.ContainsFunc(hints, func(hint string) bool { return strings.Contains(lower, hint) })
	}
	for _, secret := range secrets {
		if hinted(secret.hints) {
			text = secret.pattern.ReplaceAllString(text, secret.with)
		}
	}
	if !hinted(namedHints) {
		return text
	}
	return namedSecret.ReplaceAllStringFunc(text, func(found string) string {
		match := namedSecret.FindStringSubmatch(found)
		if complaint[match[2]] {
			return found
		}
		return match[1] + masked
	})
}

// maskLong masks a text and cuts it to what a document holds of it. A secret that the cut would halve is not recognised
// any more, so more is masked than is kept.
func maskLong(text string) string {
	if len(text) <= 2*maxReason {
		return Mask(text)
	}
	text = Mask(strings.ToValidUTF8(text[:2*maxReason], ""))
	return strings.ToValidUTF8(text[:max(0, min(maxReason, len(text)-1024))], "") + "…"
}

// maskEvent masks every free text of an event. Reasons repeat, so each is worked on once.
func maskEvent(event Event, known map[string]string) Event {
	mask := func(text string) string {
		if text == "" {
			return ""
		}
		clean, ok := known[text]
		if !ok {
			clean = maskLong(text)
			known[text] = clean
		}
		return clean
	}
	event.Reason = mask(event.Reason)
	event.PhysicalID = mask(event.PhysicalID)
	if event.Hook != nil {
		hook := *event.Hook
		hook.Reason = mask(hook.Reason)
		event.Hook = &hook
	}
	if event.Validation != nil {
		validation := *event.Validation
		validation.Reason = mask(validation.Reason)
		event.Validation = &validation
	}
	return event
}
