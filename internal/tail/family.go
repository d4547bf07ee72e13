package tail

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// Family is a known kind of error: how it is recognised, what it means, and what to do about it.
type Family struct {
	ID string `yaml:"id"`
	// Because completes the sentence "X could not be created because …".
	Because string `yaml:"because"`
	// Match are regular expressions on the message and the reason. Their named groups can be used in the advice.
	Match []string `yaml:"match"`
	// Codes are error codes of resource handlers that suffice on their own.
	Codes []string `yaml:"codes"`
	// Types restricts the family to resource types with one of these prefixes.
	Types []string `yaml:"types"`
	// Advice are lines with {placeholders}; one of which a placeholder has no value is left out. Commands stand in
	// backticks, and values are quoted for the shell there.
	Advice []Alternatives `yaml:"advice"`

	patterns []*regexp.Regexp
}

// Alternatives are ways to put one piece of advice; the first that is complete is taken.
type Alternatives []string

// UnmarshalYAML reads a list, or a text that has no alternative.
func (a *Alternatives) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if err := unmarshal(&one); err == nil {
		*a = Alternatives{one}
		return nil
	}
	var several []string
	if err := unmarshal(&several); err != nil {
		return err
	}
	*a = several
	return nil
}

//go:embed families.yaml
var familiesYAML []byte

// Families returns the known kinds of error in the order in which they are tried: the first that matches is taken. The
// caller must not change them.
var Families = sync.OnceValue(func() []Family {
	families, err := parseFamilies(familiesYAML)
	if err != nil {
		// The file is part of the program, and a test reads it: this cannot happen in a build that passed its tests.
		return nil
	}
	return families
})

func parseFamilies(data []byte) ([]Family, error) {
	var families []Family
	if err := yaml.UnmarshalWithOptions(data, &families, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read families: %w", err)
	}
	for i := range families {
		for _, pattern := range families[i].Match {
			compiled, err := regexp.Compile(pattern)
			if err != nil {
				return nil, fmt.Errorf("read family %s: %w", families[i].ID, err)
			}
			families[i].patterns = append(families[i].patterns, compiled)
		}
	}
	return families, nil
}

// matches says whether the failure is of the family, and what the pattern's named groups found.
func (f Family) matches(failure Failure) (map[string]string, bool) {
	if len(f.Types) > 0 && !slices.ContainsFunc(f.Types, func(prefix string) bool { return strings.HasPrefix(failure.Type, prefix) }) {
		return nil, false
	}
	text := failure.Message
	if failure.Reason != failure.Message {
		text += "\n" + failure.Reason
	}
	for _, pattern := range f.patterns {
		match := pattern.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		values := make(map[string]string)
		for i, name := range pattern.SubexpNames() {
			if name != "" && match[i] != "" {
				values[name] = match[i]
			}
		}
		return values, true
	}
	if failure.ErrorCode != "" && slices.Contains(f.Codes, failure.ErrorCode) {
		return nil, true
	}
	return nil, false
}

// familyOf returns the id of the family that the failure belongs to, empty where it is of none.
func familyOf(failure Failure) string {
	for _, family := range Families() {
		if _, ok := family.matches(failure); ok {
			return family.ID
		}
	}
	return ""
}

func familyByID(id string) Family {
	for _, family := range Families() {
		if id != "" && family.ID == id {
			return family
		}
	}
	return Family{}
}
