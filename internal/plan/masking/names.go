package masking

import (
	"slices"
	"strings"
	"unicode"
)

// SensitiveName says whether a property, parameter or variable of this name holds a secret. Names that only speak about
// a secret (SecretArn, PasswordPolicy, TokenValidity) do not.
func SensitiveName(name string) bool {
	words := nameWords(name)
	if len(words) == 0 || aboutSecret(words) {
		return false
	}
	for i, word := range words {
		if sensitiveWord(word) {
			return true
		}
		if word == "pass" && i == len(words)-1 {
			return true
		}
		if i > 0 && sensitivePair(words[i-1], word) {
			return true
		}
	}
	return false
}

// SensitiveVariable says the same of an environment variable, for which any KEY, AUTH, SALT or DSN that is not known to
// be harmless counts as well.
func SensitiveVariable(name string) bool {
	if SensitiveName(name) {
		return true
	}
	words := nameWords(name)
	if len(words) == 0 {
		return false
	}
	switch words[len(words)-1] {
	case "auth", "salt", "pepper", "dsn", "pem", "cookie", "webhook":
		return true
	case "key":
		return len(words) > 1 && !slices.Contains([]string{
			"partition", "sort", "hash", "range", "object", "s3", "public", "cache", "idempotency", "routing", "bucket",
			"primary", "foreign", "state", "lock", "group", "metric", "tag",
		}, words[len(words)-2])
	}
	return false
}

// aboutSecret says whether the last word makes the name one about a secret and not the secret itself.
func aboutSecret(words []string) bool {
	if slices.Contains(words, "public") {
		return true
	}
	switch words[len(words)-1] {
	case "arn", "arns", "id", "ids", "name", "names", "policy", "policies", "enabled", "version", "versions", "length", "ttl",
		"type", "types", "days", "hours", "minutes", "seconds", "expiration", "expiry", "validity", "period", "rotation",
		"count", "uri", "endpoint", "prefix", "path", "file", "location", "required", "requirements", "status",
		"management", "manager", "provider", "algorithm", "format", "usage", "mode", "ref", "reference", "stage", "field",
		"header", "source", "config", "configuration", "lifetime", "limit", "size", "units", "interval", "characters",
		"lowercase", "uppercase", "numbers", "punctuation", "space", "attachment", "target", "description", "region",
		"schema", "table", "duration", "attempts", "history", "alias", "scope", "scopes":
		return true
	}
	return false
}

func sensitiveWord(word string) bool {
	switch word {
	case "password", "passwords", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets", "token", "credential",
		"credentials", "apikey", "accesskey", "secretkey", "privatekey", "authkey", "connectionstring", "authtoken",
		"accesstoken", "clientsecret", "jwt", "bearer", "keymaterial", "psk", "oauthtoken":
		return true
	}
	return false
}

func sensitivePair(first, second string) bool {
	switch second {
	case "key", "keys":
		switch first {
		case "api", "access", "private", "secret", "signing", "encryption", "auth", "shared", "account", "license", "ssh",
			"session", "storage", "webhook", "deploy", "host":
			return true
		}
	case "string":
		return first == "connection"
	case "auth":
		return first == "basic"
	case "code":
		return first == "recovery"
	case "material":
		return first == "key"
	}
	return false
}

// nameWords splits a name at case changes and separators into lower-case words: "DB_MasterPassword2" becomes
// db, master, password.
func nameWords(name string) []string {
	var words []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			text := strings.ToLower(word.String())
			if trimmed := strings.TrimRight(text, "0123456789"); len(trimmed) > 2 {
				text = trimmed // "password2", but "s3"
			}
			words = append(words, text)
			word.Reset()
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case unicode.IsUpper(r):
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsUpper(runes[i-1]) && next) {
				flush()
			}
			word.WriteRune(r)
		case unicode.IsLetter(r):
			word.WriteRune(r)
		case unicode.IsDigit(r) && word.Len() > 0:
			word.WriteRune(r)
		default:
			flush()
		}
	}
	flush()
	return words
}
