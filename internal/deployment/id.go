// Package deployment holds the words in which a deployment is spoken of: its identity, the phase of its stack, its
// faults and its outcome. It is not where anything is done: it knows no AWS, no store and no state machine.
package deployment

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// ID names one deployment: <service>-<environment>-<UTC time>-<8 random characters>, at most 63 characters. It is used
// unchanged as execution name, change-set name, role session name and client request token, so it keeps to what the
// strictest of them allows: letters, digits and hyphens, a letter first.
type ID string

const (
	maxServiceLength     = 24
	maxEnvironmentLength = 12
	idTimeLayout         = "20060102T150405Z"
	idRandomLength       = 8
)

var (
	servicePattern     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,23}$`)
	environmentPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,11}$`)
	idPattern          = regexp.MustCompile(`^[a-z][a-z0-9-]*-[0-9]{8}T[0-9]{6}Z-[a-z2-7]{8}$`)
	suffixPattern      = regexp.MustCompile(`^[a-zA-Z0-9-]{4,63}$`)
	correlationPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)

	randomEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

// NewID makes the id of a deployment of a service to an environment that is requested at now. Random must yield at
// least five bytes; they are the unique part.
func NewID(service, environment string, now time.Time, random io.Reader) (ID, error) {
	if err := CheckServiceName(service); err != nil {
		return "", err
	}
	if err := CheckEnvironmentName(environment); err != nil {
		return "", err
	}
	unique, err := randomText(random, 5)
	if err != nil {
		return "", fmt.Errorf("make deployment id: %w", err)
	}
	return ID(service + "-" + environment + "-" + now.UTC().Format(idTimeLayout) + "-" + unique), nil
}

// ParseID checks that text is a whole deployment id.
func ParseID(text string) (ID, error) {
	if len(text) > maxServiceLength+maxEnvironmentLength+len(idTimeLayout)+idRandomLength+3 || !idPattern.MatchString(text) {
		return "", fmt.Errorf("%q is not a deployment id: it must look like orders-prod-20261122T140203Z-7q4k2mxa", text)
	}
	return ID(text), nil
}

// CheckSuffix says whether text can stand for the deployment whose id ends in it.
func CheckSuffix(text string) error {
	if !suffixPattern.MatchString(text) {
		return fmt.Errorf("%q cannot be the end of a deployment id: give at least 4 of its last characters", text)
	}
	return nil
}

// String returns the id as it stands in names.
func (id ID) String() string { return string(id) }

// Description is what a change set of the deployment is described by. It carries the correlation id where that changes
// nothing of the result: a stack tag would make every deployment a change.
func (id ID) Description(correlationID, commit string) string {
	text := id.described() + " correlation " + correlationID
	if commit != "" {
		text += ", commit " + commit
	}
	const limit = 1024
	return text[:min(len(text), limit)]
}

// Describes says whether a change set's description is one that Description has made for this deployment.
func (id ID) Describes(description string) bool {
	return strings.HasPrefix(description, id.described())
}

func (id ID) described() string { return "stackgate deployment " + string(id) + "," }

// Short returns the unique part, which people type.
func (id ID) Short() string {
	if i := strings.LastIndexByte(string(id), '-'); i >= 0 {
		return string(id)[i+1:]
	}
	return string(id)
}

// CheckServiceName says whether name can be a service's name.
func CheckServiceName(name string) error {
	if !servicePattern.MatchString(name) {
		return fmt.Errorf("service name %q: use 1 to %d lower-case letters, digits and hyphens, a letter first", name, maxServiceLength)
	}
	return nil
}

// CheckEnvironmentName says whether name can be an environment's name.
func CheckEnvironmentName(name string) error {
	if !environmentPattern.MatchString(name) {
		return fmt.Errorf("environment name %q: use 1 to %d lower-case letters, digits and hyphens, a letter first", name, maxEnvironmentLength)
	}
	return nil
}

// Of says whether this is the id of a deployment of a service to an environment.
func (id ID) Of(service, environment string) bool {
	_, err := ParseID(string(id))
	rest, ours := strings.CutPrefix(string(id), service+"-"+environment+"-")
	return err == nil && ours && len(rest) == len(idTimeLayout)+1+idRandomLength
}

// RequestedAt is when the deployment was requested, by its id; zero where the id has no such time.
func (id ID) RequestedAt() time.Time {
	parts := strings.Split(string(id), "-")
	if len(parts) < 2 {
		return time.Time{}
	}
	at, err := time.Parse(idTimeLayout, parts[len(parts)-2])
	if err != nil {
		return time.Time{}
	}
	return at
}

// Key joins service and environment for keys. The separator can stand in neither name, so that no two pairs share a key.
func Key(service, environment string) string { return service + "#" + environment }

// NewCorrelationID makes a correlation id for a request that brought none.
func NewCorrelationID(random io.Reader) (string, error) {
	text, err := randomText(random, 15)
	if err != nil {
		return "", fmt.Errorf("make correlation id: %w", err)
	}
	return "cor-" + text, nil
}

// CheckCorrelationID says whether a given correlation id can travel in payloads, log lines and descriptions.
func CheckCorrelationID(id string) error {
	if !correlationPattern.MatchString(id) {
		return errors.New("a correlation id has 1 to 128 letters, digits and . _ : / -, a letter or digit first")
	}
	return nil
}

func randomText(random io.Reader, bytes int) (string, error) {
	raw := make([]byte, bytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return randomEncoding.EncodeToString(raw), nil
}
