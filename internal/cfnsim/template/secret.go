package template

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

// Mask is what CloudFormation shows instead of the value of a NoEcho parameter.
const Mask = "****"

var secretPattern = regexp.MustCompile(`\{\{noecho:[0-9a-f]{32}\}\}`)

// Secret returns the stand-in that is kept instead of the value of a NoEcho parameter: equal values have equal
// stand-ins, so that changes are noticed, and the value cannot be read back. An empty value hides nothing and stays.
func Secret(key, value string) string {
	if value == "" || IsSecret(value) {
		return value
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(value))
	return "{{noecho:" + hex.EncodeToString(mac.Sum(nil))[:32] + "}}"
}

// IsSecret says whether text is such a stand-in.
func IsSecret(text string) bool { return secretPattern.FindString(text) == text && text != "" }

// MaskSecrets replaces every stand-in in text by Mask.
func MaskSecrets(text string) string { return secretPattern.ReplaceAllString(text, Mask) }
