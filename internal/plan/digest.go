package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"
)

// Named is a name and its value in the facts of a digest. A hidden value enters as its Supply, never by itself.
type Named struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Resolved string `json:"resolved,omitempty"`
	Hidden   bool   `json:"hidden,omitempty"`
}

// RequestFacts are what the request digest covers: what was asked for, in whatever environment.
type RequestFacts struct {
	// Template is the digest of the template body as it was given.
	Template     string   `json:"template"`
	Parameters   []Named  `json:"parameters"`
	Tags         []Named  `json:"tags"`
	Capabilities []string `json:"capabilities"`
	Roles        []string `json:"roles"`
}

// Digest returns the request digest. The order of the lists makes no difference.
func (f RequestFacts) Digest() (string, error) {
	f.Parameters, f.Tags = sortedNamed(f.Parameters), sortedNamed(f.Tags)
	f.Capabilities, f.Roles = sortedTexts(f.Capabilities), sortedTexts(f.Roles)
	return digest("request", f)
}

// ChangeFacts are what the digests cover of one resource change. Values are masked; statuses and times are left out.
type ChangeFacts struct {
	Path         string        `json:"path"`
	ChangeType   string        `json:"changeType"`
	LogicalID    string        `json:"logicalId"`
	PhysicalID   string        `json:"physicalId"`
	Type         string        `json:"type"`
	Action       string        `json:"action"`
	Replacement  string        `json:"replacement"`
	PolicyAction string        `json:"policyAction"`
	Scope        []string      `json:"scope"`
	Module       string        `json:"module"`
	Details      []DetailFacts `json:"details"`
	// Before, After and Previous are the contexts in the form of jsontree.Canonical; empty where there is none.
	Before       string   `json:"before"`
	After        string   `json:"after"`
	Previous     string   `json:"previous"`
	DriftStatus  string   `json:"driftStatus"`
	DriftIgnored []string `json:"driftIgnored"`
	// ChangeSetID is that of the nested change set; the content digest leaves it out.
	ChangeSetID string `json:"changeSetId"`
}

// DetailFacts are what the digests cover of one detail of a change.
type DetailFacts struct {
	Attribute  string `json:"attribute"`
	Name       string `json:"name"`
	Path       string `json:"path"`
	Change     string `json:"change"`
	Recreation string `json:"recreation"`
	Evaluation string `json:"evaluation"`
	Source     string `json:"source"`
	Entity     string `json:"entity"`
	Before     string `json:"before"`
	After      string `json:"after"`
	BeforeFrom string `json:"beforeFrom"`
	AfterFrom  string `json:"afterFrom"`
	Live       string `json:"live"`
	Deployed   string `json:"deployed"`
}

// Key is a text by which changes can be ordered; equal changes have equal keys.
func (f ChangeFacts) Key() (string, error) {
	f.Details, f.Scope, f.DriftIgnored = sortedDetails(f.Details), sortedTexts(f.Scope), sortedTexts(f.DriftIgnored)
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("write facts of change %s: %w", f.Path, err)
	}
	return f.Path + "\x00" + string(text), nil
}

// ContentDigest returns the digest of the changes alone. Their order makes no difference, nor do the ARNs of nested
// change sets, so that a change set that was made again can be recognised.
func ContentDigest(changes []ChangeFacts) (string, error) {
	anonymous := slices.Clone(changes)
	for i := range anonymous {
		anonymous[i].ChangeSetID = ""
	}
	sorted, err := sortedChanges(anonymous)
	if err != nil {
		return "", err
	}
	return digest("content", sorted)
}

// ReviewFacts are what the review digest covers, by which an approval names what it approves.
type ReviewFacts struct {
	ChangeSetID   string `json:"changeSetId"`
	StackID       string `json:"stackId"`
	Account       string `json:"account"`
	Region        string `json:"region"`
	ChangeSetType string `json:"changeSetType"`
	// Templates are the digests of the template in its stages, "original sha256:…".
	Templates    []string `json:"templates"`
	Parameters   []Named  `json:"parameters"`
	Tags         []Named  `json:"tags"`
	Capabilities []string `json:"capabilities"`
	Roles        []string `json:"roles"`
	// Settings are the other settings that the change set carries: notifications, rollback, deployment mode.
	Settings []Named       `json:"settings"`
	Changes  []ChangeFacts `json:"changes"`
	// Partial: the answer was incomplete.
	Partial bool `json:"partial"`
	// Stateful are the types that the service's definition declares to hold data.
	Stateful       []string `json:"stateful"`
	PolicyVersion  string   `json:"policyVersion"`
	MaskingVersion string   `json:"maskingVersion"`
}

// Digest returns the review digest. The order of the lists makes no difference.
func (f ReviewFacts) Digest() (string, error) {
	var err error
	f.Templates, f.Capabilities, f.Roles, f.Stateful = sortedTexts(f.Templates), sortedTexts(f.Capabilities), sortedTexts(f.Roles), sortedTexts(f.Stateful)
	f.Parameters, f.Tags, f.Settings = sortedNamed(f.Parameters), sortedNamed(f.Tags), sortedNamed(f.Settings)
	if f.Changes, err = sortedChanges(f.Changes); err != nil {
		return "", err
	}
	return digest("review", f)
}

// digest hashes facts. The kind goes in, so that digests of different kinds never meet.
func digest(kind string, facts any) (string, error) {
	sum, err := Digest(map[string]any{"schema": Schema, "kind": kind, "facts": facts})
	if err != nil {
		return "", fmt.Errorf("make the %s digest: %w", kind, err)
	}
	return sum, nil
}

// Digest is "sha256:" and the hexadecimal SHA-256 over the canonical JSON of a value (RFC 8785): equal values have equal
// digests whatever the order of their members.
func Digest(value any) (string, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode for a digest: %w", err)
	}
	canonical, err := jcs.Transform(encoded)
	if err != nil {
		return "", fmt.Errorf("canonicalise for a digest: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

func sortedTexts(list []string) []string {
	sorted := slices.Clone(filled(list))
	slices.Sort(sorted)
	return sorted
}

func sortedNamed(list []Named) []Named {
	sorted := slices.Clone(filled(list))
	slices.SortFunc(sorted, func(a, b Named) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value), strings.Compare(a.Resolved, b.Resolved))
	})
	return sorted
}

func sortedDetails(list []DetailFacts) []DetailFacts {
	sorted := slices.Clone(filled(list))
	slices.SortFunc(sorted, func(a, b DetailFacts) int {
		return slices.Compare(a.fields(), b.fields())
	})
	return sorted
}

func (d DetailFacts) fields() []string {
	return []string{
		d.Attribute, d.Path, d.Name, d.Source, d.Entity, d.Evaluation, d.Change, d.Recreation, d.Before, d.After,
		d.BeforeFrom, d.AfterFrom, d.Live, d.Deployed,
	}
}

func sortedChanges(changes []ChangeFacts) ([]ChangeFacts, error) {
	keys := make([]string, len(changes))
	order := make([]int, len(changes))
	for i, change := range changes {
		key, err := change.Key()
		if err != nil {
			return nil, err
		}
		keys[i], order[i] = key, i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	sorted := make([]ChangeFacts, len(changes))
	for i, at := range order {
		change := changes[at]
		change.Details, change.Scope, change.DriftIgnored = sortedDetails(change.Details), sortedTexts(change.Scope), sortedTexts(change.DriftIgnored)
		sorted[i] = change
	}
	return sorted, nil
}
