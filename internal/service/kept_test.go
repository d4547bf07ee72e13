package service_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stackgate/internal/service"
)

// shelf keeps one document.
type shelf struct {
	content []byte
	fails   error
}

func (s *shelf) PutDocument(_ context.Context, kind string, content []byte) (string, error) {
	s.content = content
	return kind + "/1", s.fails
}

func (s *shelf) Document(context.Context, string) ([]byte, error) { return s.content, s.fails }

func TestKeptDefinitionIsTheSame(t *testing.T) {
	want := definitionOf(t, mustLoad(t, exampleProject), "orders", "prod")
	s := &shelf{}
	key, err := service.KeepDefinition(t.Context(), s, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := service.KeptDefinition(t.Context(), s, key)
	if err != nil {
		t.Fatal(err)
	}
	want.Template = nil
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(service.Definition{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("definition (-before +after):\n%s", diff)
	}
}

func TestKeepingFails(t *testing.T) {
	s := &shelf{fails: errors.New("the store is gone")}
	if _, err := service.KeepDefinition(t.Context(), s, service.Definition{}); !errors.Is(err, s.fails) {
		t.Errorf("got %v", err)
	}
	if _, err := service.KeptDefinition(t.Context(), s, "definition/1"); !errors.Is(err, s.fails) {
		t.Errorf("got %v", err)
	}
	s = &shelf{content: []byte("{")}
	if _, err := service.KeptDefinition(t.Context(), s, "definition/1"); err == nil {
		t.Error("half a definition is taken")
	}
}
