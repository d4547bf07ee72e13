package masking

import (
	"math"
	"regexp"
	"strings"
	"unicode"
)

// hidden stands for a secret inside a text that is otherwise shown.
const hidden = "(sensitive)"

var (
	secretReference = regexp.MustCompile(`^\{\{resolve:(secretsmanager|ssm-secure|ssm):[^{}]+\}\}$`)

	urlUserInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)([^\s"'<>@]+)@`)
	hostAndPort = regexp.MustCompile(`^[^:]*:[0-9]+(/|$)`)
	urlSecret   = regexp.MustCompile(`(?i)([?&](?:X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token|Signature|sig|access_token|auth_token|token|api_key|apikey|key|password|secret|client_secret)=)([^&\s"'()]+)`)

	knownToken = regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b` +
		`|\bgh[pousr]_[A-Za-z0-9]{20,}` +
		`|\bgithub_pat_[A-Za-z0-9_]{20,}` +
		`|\bglpat-[A-Za-z0-9_-]{16,}` +
		`|\bxox[abeprs]-[A-Za-z0-9-]{10,}` +
		`|\b[rsp]k_(?:live|test)_[A-Za-z0-9]{12,}` +
		`|\bsk-[A-Za-z0-9_-]{20,}` +
		`|\bAIza[A-Za-z0-9_-]{30,}` +
		`|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}` +
		`|\bnpm_[A-Za-z0-9]{30,}` +
		`|hooks\.slack\.com/services/[A-Za-z0-9/]+` +
		`|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)
	privateKey = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)
	bearer     = regexp.MustCompile(`(?i)\b(bearer|basic)(\s+)([A-Za-z0-9._~+/-]{16,}=*)`)

	// A name, a sign and a value: DB_PASSWORD=x, "password": "x", --password x. The colon needs quotes or a space
	// beside it, since ARNs and references are full of colons.
	assignment = regexp.MustCompile(`(["']?)([A-Za-z][A-Za-z0-9_.-]*)(["']?)(\s*=\s*|\s*:\s+|["']:\s*)("[^"\n]*"|'[^'\n]*'|[^\s;,&"'<>|)]+)`)
	flag       = regexp.MustCompile(`(--?)([A-Za-z][A-Za-z0-9-]*)(\s+|=)("[^"\n]*"|'[^'\n]*'|[^\s;,&"'<>|)-][^\s;,&"'<>|)]*)`)

	variable = regexp.MustCompile(`^\$(\{[^}]*\}?|\(.*|[A-Z_][A-Z0-9_]*)$`)

	tokenLike = regexp.MustCompile(`[A-Za-z0-9+/=_-]{20,}`)
	uuid      = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
)

// IsSecretReference says whether a value is nothing but a dynamic reference, which names a secret and does not hold it.
func IsSecretReference(text string) bool { return secretReference.MatchString(text) }

// hideFormats replaces what is a secret by its very form, wherever it stands: credentials in URLs, private keys, tokens
// of well-known services.
func hideFormats(text string) string {
	if len(text) < 8 {
		return text
	}
	if strings.Contains(text, "://") && strings.Contains(text, "@") {
		text = urlUserInfo.ReplaceAllStringFunc(text, hideUserInfo)
	}
	if strings.Contains(text, "=") && strings.ContainsAny(text, "?&") {
		text = urlSecret.ReplaceAllString(text, "${1}"+hidden)
	}
	if strings.Contains(text, "PRIVATE KEY-----") {
		text = privateKey.ReplaceAllString(text, hidden)
	}
	if mayHoldToken(text) {
		text = knownToken.ReplaceAllString(text, hidden)
	}
	if strings.Contains(text, "earer ") || strings.Contains(text, "asic ") || strings.Contains(text, "EARER ") {
		text = bearer.ReplaceAllString(text, "${1}${2}"+hidden)
	}
	return text
}

func mayHoldToken(text string) bool {
	for _, start := range []string{
		"AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "k_live_", "k_test_", "sk-",
		"AIza", "SG.", "npm_", "hooks.slack.com", "eyJ",
	} {
		if strings.Contains(text, start) {
			return true
		}
	}
	return false
}

func hideUserInfo(match string) string {
	at := strings.Index(match, "://") + 3
	info := strings.TrimSuffix(match[at:], "@")
	if strings.Contains(info, "{{resolve:") || info == hidden {
		return match
	}
	// Passwords with an unescaped slash occur; so do paths with an @ behind a host and port.
	if strings.ContainsAny(info, "/?#") && (!strings.Contains(info, ":") || hostAndPort.MatchString(info) || strings.IndexAny(info, "/?#") < strings.Index(info, ":")) {
		return match
	}
	return match[:at] + hidden + "@"
}

// hideAssignments replaces the values that a script or connection string gives to sensitive names.
func hideAssignments(text string) string {
	if len(text) < 6 || !strings.ContainsAny(text, "=:-") {
		return text
	}
	if strings.ContainsAny(text, "=:") {
		text = replaceGroups(assignment, text, func(group []string) string {
			if !SensitiveVariable(group[2]) || harmlessValue(group[5]) {
				return group[0]
			}
			return group[1] + group[2] + group[3] + group[4] + requote(group[5])
		})
	}
	if strings.Contains(text, "--") || strings.Contains(text, " -") {
		text = replaceGroups(flag, text, func(group []string) string {
			if !SensitiveName(group[2]) || harmlessValue(group[4]) {
				return group[0]
			}
			return group[1] + group[2] + group[3] + requote(group[4])
		})
	}
	return text
}

func replaceGroups(pattern *regexp.Regexp, text string, replace func(group []string) string) string {
	matches := pattern.FindAllStringSubmatchIndex(text, -1)
	if matches == nil {
		return text
	}
	var out strings.Builder
	last := 0
	for _, match := range matches {
		group := make([]string, len(match)/2)
		for i := range group {
			if match[2*i] >= 0 {
				group[i] = text[match[2*i]:match[2*i+1]]
			}
		}
		out.WriteString(text[last:match[0]])
		out.WriteString(replace(group))
		last = match[1]
	}
	out.WriteString(text[last:])
	return out.String()
}

func requote(value string) string {
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') {
		return value[:1] + hidden + value[:1]
	}
	return hidden
}

// noSecret says whether a value cannot be a secret whatever its name: nothing at all, a switch, a value that is not known
// yet, or a reference to where the secret is kept.
func noSecret(value string) bool {
	switch strings.ToLower(value) {
	case "", "true", "false", "null", "none", hidden, "{{changeset:known_after_apply}}":
		return true
	}
	return IsSecretReference(value)
}

// harmlessValue says the same of what a script assigns, where a variable is no secret either.
func harmlessValue(value string) bool {
	value = strings.Trim(value, `"'`)
	return noSecret(value) || variable.MatchString(value) || strings.HasPrefix(value, "{{resolve:") || strings.HasPrefix(value, hidden)
}

// hideRandom replaces what looks like a random key. It is used only where people put keys, since names that
// CloudFormation makes, and content hashes, look random as well.
func hideRandom(text string) string {
	if len(text) < 20 {
		return text
	}
	matches := tokenLike.FindAllStringIndex(text, -1)
	if matches == nil {
		return text
	}
	var out strings.Builder
	last := 0
	for _, match := range matches {
		token := text[match[0]:match[1]]
		if !looksRandom(token) || contentHash(text[:match[0]]) {
			continue
		}
		out.WriteString(text[last:match[0]])
		out.WriteString(hidden)
		last = match[1]
	}
	out.WriteString(text[last:])
	return out.String()
}

// contentHash says whether what stands before a token names it as the digest of something public.
func contentHash(before string) bool {
	before = strings.ToLower(before)
	for _, end := range []string{"sha1:", "sha256:", "sha512:", "sha1-", "sha256-", "sha384-", "sha512-", "md5:"} {
		if strings.HasSuffix(before, end) {
			return true
		}
	}
	return false
}

// looksRandom tells random text from words joined together: it has many different characters, and its neighbours are
// often of different kinds (upper case, lower case, digit).
func looksRandom(token string) bool {
	token = strings.Trim(token, "=")
	if uuid.MatchString(token) || strings.Count(token, "/") > 3 {
		return false
	}
	var kinds [3]int
	changes, pairs, last := 0, 0, -1
	for _, r := range token {
		kind := -1
		switch {
		case unicode.IsDigit(r):
			kind = 0
		case unicode.IsUpper(r):
			kind = 1
		case unicode.IsLower(r):
			kind = 2
		}
		if kind < 0 {
			continue
		}
		kinds[kind]++
		if last >= 0 {
			pairs++
			if kind != last {
				changes++
			}
		}
		last = kind
	}
	letters := kinds[1] + kinds[2]
	if pairs < 15 || letters == 0 {
		return false
	}
	mixed := kinds[0] > 0 || kinds[1] > 0 && kinds[2] > 0
	return mixed && float64(changes) >= 0.3*float64(pairs) && entropy(token) >= 3.3
}

// entropy is the Shannon entropy of the bytes of a text, in bits a byte.
func entropy(text string) float64 {
	var counts [256]int
	for i := range len(text) {
		counts[text[i]]++
	}
	bits, total := 0.0, float64(len(text))
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / total
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
