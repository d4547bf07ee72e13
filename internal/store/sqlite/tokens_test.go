package sqlite_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

func issue(t *testing.T, s *sqlite.Store) string {
	t.Helper()
	token, err := s.IssueToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokensAre256BitsOfTheGivenRandomness(t *testing.T) {
	bits := append(bytes.Repeat([]byte{0xab}, 32), bytes.Repeat([]byte{0xcd}, 32)...)
	s := open(t, t.TempDir(), sqlite.WithRandom(iotest.OneByteReader(bytes.NewReader(bits))))
	for i := range 2 {
		got, err := base64.RawURLEncoding.DecodeString(issue(t, s))
		if err != nil || !bytes.Equal(got, bits[32*i:32*i+32]) {
			t.Errorf("token %d is %x (error %v)", i, got, err)
		}
	}
	if token, err := s.IssueToken(t.Context()); err == nil {
		t.Errorf("without randomness it issued %s", token)
	}
	standard := open(t, t.TempDir())
	if first, second := issue(t, standard), issue(t, standard); first == second {
		t.Error("two tokens are the same")
	}
}

func TestATokenTakesOneAnswer(t *testing.T) {
	dir := t.TempDir()
	s, other := open(t, dir), open(t, dir)
	for name, answer := range map[string]store.Answer{
		"success":           {Output: json.RawMessage(`{"decision":"é"}`)},
		"success with null": {Output: json.RawMessage(`null`)},
		"failure":           {ErrorName: "Cancelled", Cause: `by "ana"`},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, token := t.Context(), issue(t, s)
			if got, ok, err := other.TokenAnswer(ctx, token); ok || err != nil || !cmp.Equal(got, store.Answer{}) {
				t.Errorf("before: answer %+v, ok %v, error %v", got, ok, err)
			}
			if err := other.AnswerToken(ctx, token, answer); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				got, ok, err := s.TokenAnswer(ctx, token)
				if diff := cmp.Diff(answer, got); diff != "" || !ok || err != nil {
					t.Errorf("ok %v, error %v, -given +read:\n%s", ok, err, diff)
				}
			}
			for _, late := range []store.Answer{answer, {ErrorName: "Late"}} {
				if err := s.AnswerToken(ctx, token, late); !errors.Is(err, store.ErrClosed) {
					t.Errorf("second answer: error = %v, want closed", err)
				}
			}
			if got, _, err := s.TokenAnswer(ctx, token); err != nil || !cmp.Equal(got, answer) {
				t.Errorf("the second answer took the first one's place: %+v, error %v", got, err)
			}
		})
	}
}

func TestWhatIsUnknownOrRevokedIsNotFound(t *testing.T) {
	s := open(t, t.TempDir())
	ctx, answered, waiting := t.Context(), issue(t, s), issue(t, s)
	answer := store.Answer{ErrorName: "X"}
	if err := s.AnswerToken(ctx, answered, answer); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{answered, waiting, "never issued", "", waiting} {
		if err := s.RevokeToken(ctx, token); err != nil {
			t.Errorf("revoke: %v", err)
		}
		if err := s.AnswerToken(ctx, token, answer); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("answer: error = %v, want not found", err)
		}
		if _, ok, err := s.TokenAnswer(ctx, token); ok || !errors.Is(err, store.ErrNotFound) {
			t.Errorf("read: ok %v, error = %v, want not found", ok, err)
		}
	}
}

func TestAnAnswerThatIsNoneIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	token := issue(t, s)
	for _, answer := range []store.Answer{
		{}, {Cause: "no name"}, {Output: json.RawMessage("{")}, {Output: json.RawMessage{}},
		{Output: json.RawMessage("1"), ErrorName: "both"}, {Output: json.RawMessage("1"), Cause: "both"},
	} {
		if err := s.AnswerToken(t.Context(), token, answer); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%+v: error = %v, want one without the token", answer, err)
		}
	}
	if _, ok, err := s.TokenAnswer(t.Context(), token); ok || err != nil {
		t.Errorf("ok %v, error %v; want none yet", ok, err)
	}
}

func TestOfManyAnswersAtOnceOneIsTaken(t *testing.T) {
	dir := t.TempDir()
	stores := []*sqlite.Store{open(t, dir), open(t, dir)}
	token := issue(t, stores[0])
	var taken atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			err := stores[i%2].AnswerToken(t.Context(), token, store.Answer{ErrorName: "X"})
			if err == nil {
				taken.Add(1)
			} else if !errors.Is(err, store.ErrClosed) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d answers were taken, want 1", taken.Load())
	}
}

// A token whose waiter was never kept, as the one of the engine itself, cannot be read out of the file.
func TestTheFileDoesNotHoldTokens(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	token := issue(t, s)
	if err := s.AnswerToken(t.Context(), token, store.Answer{ErrorName: "X"}); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("files %v, error %v", names, err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(token)) {
			t.Errorf("%s holds the token", name)
		}
	}
}
