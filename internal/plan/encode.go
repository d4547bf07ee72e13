package plan

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Encode writes the document as JSON, without a line break at its end. Empty lists are written as [], never as null.
func Encode(r Review) ([]byte, error) {
	data, err := json.Marshal(r.Normalised())
	if err != nil {
		return nil, fmt.Errorf("encode review of %s: %w", r.Target.StackName, err)
	}
	return data, nil
}

// Decode reads a document that Encode wrote. Unknown fields are ignored, since minor versions add fields; another
// schema is an error.
func Decode(data []byte) (Review, error) {
	var r Review
	if err := json.Unmarshal(data, &r); err != nil {
		return Review{}, fmt.Errorf("read review document: %w", err)
	}
	if r.Schema != Schema {
		return Review{}, fmt.Errorf("read review document: its schema is %q, this version of stackgate reads %q", r.Schema, Schema)
	}
	return r.Normalised(), nil
}

// Normalised returns the review with empty lists in the place of nil ones, and times in UTC, as Decode would.
func (r Review) Normalised() Review {
	if r.Deployment != nil {
		d := *r.Deployment
		d.CreatedAt, d.ExpiresAt = d.CreatedAt.UTC(), d.ExpiresAt.UTC()
		r.Deployment = &d
	}
	if r.Recovery != nil {
		recovery := *r.Recovery
		recovery.Skip, recovery.Retain = filled(recovery.Skip), filled(recovery.Retain)
		r.Recovery = &recovery
	}
	r.Counts.ByImpact = filledMap(r.Counts.ByImpact)
	r.Counts.ByLevel = filledMap(r.Counts.ByLevel)
	r.Completeness.Warnings = filled(r.Completeness.Warnings)
	r.Items = slices.Clone(filled(r.Items))
	for i := range r.Items {
		r.Items[i] = r.Items[i].normalised()
	}
	r.Clusters = slices.Clone(filled(r.Clusters))
	for i := range r.Clusters {
		r.Clusters[i].Paths = filled(r.Clusters[i].Paths)
	}
	r.Security = filled(r.Security)
	r.Drift.Overwrites = filled(r.Drift.Overwrites)
	r.Drift.Unsupported = filled(r.Drift.Unsupported)
	r.Parameters = filled(r.Parameters)
	r.Tags = filled(r.Tags)
	r.Capabilities = filled(r.Capabilities)
	r.Settings = filled(r.Settings)
	r.Unpinned = filled(r.Unpinned)
	r.Findings = filled(r.Findings)
	r.Limits = filled(r.Limits)
	return r
}

func (i Item) normalised() Item {
	i.Scope = filled(i.Scope)
	i.Also = filled(i.Also)
	i.Notes = filled(i.Notes)
	i.Protections = filled(i.Protections)
	i.CausedBy = filled(i.CausedBy)
	i.KnockOn = filled(i.KnockOn)
	i.Properties = slices.Clone(filled(i.Properties))
	for p := range i.Properties {
		i.Properties[p].Causes = filled(i.Properties[p].Causes)
		i.Properties[p].Edits = filled(i.Properties[p].Edits)
	}
	if i.Children != nil {
		children := *i.Children
		children.ByImpact = filledMap(children.ByImpact)
		i.Children = &children
	}
	return i
}

func filled[S ~[]E, E any](list S) S {
	if list == nil {
		return S{}
	}
	return list
}

func filledMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}
