package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ErrDamaged: what the store holds is not what was put there.
var ErrDamaged = errors.New("damaged in the store")

var kindPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// DocumentKey returns the key of a document: its kind, a slash and the SHA-256 of its content in hexadecimal.
func DocumentKey(kind string, content []byte) (string, error) {
	if !kindPattern.MatchString(kind) {
		return "", fmt.Errorf("document kind %q: use 1 to 32 lower-case letters, digits and hyphens, a letter first", kind)
	}
	sum := sha256.Sum256(content)
	return kind + "/" + hex.EncodeToString(sum[:]), nil
}

// CheckDocument says whether content is what key names; the error wraps ErrDamaged.
func CheckDocument(key string, content []byte) error {
	kind, _, _ := strings.Cut(key, "/")
	actual, err := DocumentKey(kind, content)
	if err != nil {
		return err
	}
	if actual != key {
		return fmt.Errorf("its content has another hash than its key (%s): %w", actual, ErrDamaged)
	}
	return nil
}
