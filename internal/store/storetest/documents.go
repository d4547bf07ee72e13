package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"stackgate/internal/store"
)

var documentRules = []rule[Store]{
	{"a document comes back under its hash", func(t *testing.T, s Store) {
		ctx := t.Context()
		large := bytes.Repeat([]byte("every byte \x00\xff of it\n"), 100_000)
		for name, content := range map[string][]byte{
			"text": []byte(`{"schema":"stackgate.review/v1"}`), "not text": {0, 1, 0xff, 0xfe}, "large": large, "empty": {}, "nil": nil,
		} {
			t.Run(name, func(t *testing.T) {
				sum := sha256.Sum256(content)
				want := "review/" + hex.EncodeToString(sum[:])
				key := mustGet(s.PutDocument(ctx, "review", content))(t)
				if key != want {
					t.Errorf("key %s, want %s", key, want)
				}
				if again := mustGet(s.PutDocument(ctx, "review", content))(t); again != key {
					t.Errorf("put again: key %s, want %s", again, key)
				}
				if got := mustGet(s.Document(ctx, key))(t); !bytes.Equal(got, content) || got == nil {
					t.Errorf("%d bytes came back (nil: %v), want the %d that were put", len(got), got == nil, len(content))
				}
			})
		}
	}},
	{"a document of another kind is another document", func(t *testing.T, s Store) {
		ctx, content := t.Context(), []byte("the same")
		review := mustGet(s.PutDocument(ctx, "review", content))(t)
		key, err := store.DocumentKey("tail", content)
		must(t, err)
		_, err = s.Document(ctx, key)
		wantError(t, err, store.ErrNotFound, key)
		if tail := mustGet(s.PutDocument(ctx, "tail", content))(t); tail == review {
			t.Errorf("both have the key %s", tail)
		}
	}},
	{"an unknown document is not found", func(t *testing.T, s Store) {
		for _, key := range []string{"review/0123", "", "review", "../secret"} {
			_, err := s.Document(t.Context(), key)
			wantError(t, err, store.ErrNotFound, key)
		}
	}},
	{"a kind is a word", func(t *testing.T, s Store) {
		for _, kind := range []string{"", "a/b", "..", "Review", "review ", "1"} {
			if _, err := s.PutDocument(t.Context(), kind, []byte("x")); err == nil {
				t.Errorf("a document of kind %q was kept", kind)
			}
		}
	}},
	{"one document put by many at once is one", func(t *testing.T, s Store) {
		ctx, content := t.Context(), []byte("the same")
		keys := make([]string, 8)
		together(len(keys), func(i int) {
			var err error
			if keys[i], err = s.PutDocument(ctx, "review", content); err != nil {
				t.Error(err)
			}
		})
		for _, key := range keys {
			if got := mustGet(s.Document(ctx, key))(t); !bytes.Equal(got, content) {
				t.Errorf("%s: %q", key, got)
			}
		}
	}},
}
