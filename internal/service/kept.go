package service

import (
	"context"
	"encoding/json"
	"fmt"
)

// DocumentWriter keeps documents under a key made of their content.
type DocumentWriter interface {
	PutDocument(ctx context.Context, kind string, content []byte) (string, error)
}

// DocumentReader gives back what was kept.
type DocumentReader interface {
	Document(ctx context.Context, key string) ([]byte, error)
}

// KeepDefinition stores the definition, without its template, so that every step of a deployment works with the one that the
// deployment began with.
func KeepDefinition(ctx context.Context, documents DocumentWriter, d Definition) (string, error) {
	d.Template = nil
	content, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("encode the definition of %s in %s: %w", d.Service, d.Environment, err)
	}
	key, err := documents.PutDocument(ctx, "definition", content)
	if err != nil {
		return "", fmt.Errorf("keep the definition of %s in %s: %w", d.Service, d.Environment, err)
	}
	return key, nil
}

// KeptDefinition gives back the definition that KeepDefinition stored, without its template.
func KeptDefinition(ctx context.Context, documents DocumentReader, key string) (Definition, error) {
	content, err := documents.Document(ctx, key)
	if err != nil {
		return Definition{}, fmt.Errorf("read the kept definition: %w", err)
	}
	var d Definition
	if err := json.Unmarshal(content, &d); err != nil {
		return Definition{}, fmt.Errorf("decode the kept definition %s: %w", key, err)
	}
	return d, nil
}
