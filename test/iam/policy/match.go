package policy

import "strings"

// glob says whether the text matches a pattern in which * stands for any characters and ? for one.
func glob(pattern, text string) bool {
	// Two pointers with one way back: the last * seen, and where its text began.
	var p, t, star, from int
	star = -1
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			p = star + 1
			from++
			t = from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// globARN compares ARNs part by part: an asterisk reaches no further than its part, but for the last one, which may hold
// colons (IAM user guide, "IAM JSON policy elements: Resource", wildcards).
func globARN(pattern, arn string) bool {
	if pattern == "*" {
		return true
	}
	patterns, parts := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(patterns) != 6 || len(parts) != 6 {
		return false
	}
	for i := range patterns {
		if !glob(patterns[i], parts[i]) {
			return false
		}
	}
	return true
}

func anyGlob(patterns []string, text string, match func(pattern, text string) bool) bool {
	for _, pattern := range patterns {
		if match(pattern, text) {
			return true
		}
	}
	return false
}

// MatchAction says whether an action pattern covers an action. Actions are the same in capitals and small letters.
func MatchAction(pattern, action string) bool {
	return glob(strings.ToLower(pattern), strings.ToLower(action))
}

func (s Statement) matchesAction(action string) bool {
	if len(s.NotActions) > 0 {
		return !anyGlob(s.NotActions, action, MatchAction)
	}
	return anyGlob(s.Actions, action, MatchAction)
}

// matchesResource of a trust policy, which has no resource, is true: the resource is the role that it belongs to.
func (s Statement) matchesResource(resource string) bool {
	switch {
	case len(s.NotResources) > 0:
		return !anyGlob(s.NotResources, resource, globARN)
	case len(s.Resources) > 0:
		return anyGlob(s.Resources, resource, globARN)
	}
	return true
}

// Covers says whether a statement is about a resource.
func (s Statement) Covers(resource string) bool { return s.matchesResource(resource) }
