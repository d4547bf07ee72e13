package plan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gowebpki/jcs"

	"stackgate/internal/plan/jsontree"
	"stackgate/internal/plan/parallel"
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

// tree is the change as a JSON value, without the ARN of the nested set. Its lists are in order.
func (f ChangeFacts) tree() map[string]any {
	details := sortedDetails(f.Details)
	list := make([]any, len(details))
	for i, d := range details {
		list[i] = d.tree()
	}
	return map[string]any{
		"path": f.Path, "changeType": f.ChangeType, "logicalId": f.LogicalID, "physicalId": f.PhysicalID, "type": f.Type,
		"action": f.Action, "replacement": f.Replacement, "policyAction": f.PolicyAction, "scope": anyList(sortedTexts(f.Scope)),
		"module": f.Module, "details": list, "before": f.Before, "after": f.After, "previous": f.Previous,
		"driftStatus": f.DriftStatus, "driftIgnored": anyList(sortedTexts(f.DriftIgnored)),
	}
}

func (d DetailFacts) tree() map[string]any {
	return map[string]any{
		"attribute": d.Attribute, "name": d.Name, "path": d.Path, "change": d.Change, "recreation": d.Recreation,
		"evaluation": d.Evaluation, "source": d.Source, "entity": d.Entity, "before": d.Before, "after": d.After,
		"beforeFrom": d.BeforeFrom, "afterFrom": d.AfterFrom, "live": d.Live, "deployed": d.Deployed,
	}
}

func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}

// Digest identifies the change alone. A change is all strings and lists of strings under ASCII names, of which
// jsontree.Canonical is the canonical JSON (RFC 8785; a test compares the two), without another parse of what can be
// megabytes.
func (f ChangeFacts) Digest() string {
	const others = 1 << 10 // what is beside the contexts takes about as much
	text := jsontree.AppendCanonical(make([]byte, 0, 2*(len(f.Before)+len(f.After)+len(f.Previous))+others), f.tree())
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte(string(utf8.RuneError)))
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ContentDigest returns the digest of the changes alone: over the sorted list of their digests. Their order makes no
// difference, nor do the ARNs of nested change sets, so that a change set that was made again can be recognised.
func ContentDigest(changes []ChangeFacts) (string, error) {
	return digest("content", sortedTexts(changeDigests(changes)))
}

func changeDigests(changes []ChangeFacts) []string {
	all := make([]string, len(changes))
	parallel.Each(len(changes), func(i int) { all[i] = changes[i].Digest() })
	return all
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

// Digests returns the review digest and the content digest. The order of the lists makes no difference.
func (f ReviewFacts) Digests() (review, content string, err error) {
	f.Templates, f.Capabilities, f.Roles, f.Stateful = sortedTexts(f.Templates), sortedTexts(f.Capabilities), sortedTexts(f.Roles), sortedTexts(f.Stateful)
	f.Parameters, f.Tags, f.Settings = sortedNamed(f.Parameters), sortedNamed(f.Tags), sortedNamed(f.Settings)
	digests := changeDigests(f.Changes)
	if content, err = digest("content", sortedTexts(digests)); err != nil {
		return "", "", err
	}
	changes := make([]string, len(digests))
	for i, change := range f.Changes {
		changes[i] = digests[i] + " " + change.ChangeSetID
	}
	covered := struct {
		ReviewFacts
		Changes []string `json:"changes"`
	}{f, sortedTexts(changes)}
	review, err = digest("review", covered)
	return review, content, err
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
