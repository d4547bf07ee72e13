package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"stackgate/internal/store"
)

// IssueToken makes a task token of 256 random bits that AnswerToken takes one answer for. The store keeps only its hash.
func (s *Store) IssueToken(ctx context.Context) (string, error) {
	raw := make([]byte, 32)
	s.randomMutex.Lock()
	_, err := io.ReadFull(s.random, raw)
	s.randomMutex.Unlock()
	if err != nil {
		return "", fmt.Errorf("issue a task token: read randomness: %w", err)
	}
	token := base64.RawURLEncoding.EncodeToString(raw)
	err = s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := exec(ctx, conn, "INSERT INTO tokens (hash, issued) VALUES (?, ?)", tokenHash(token), sortable(s.clock.Now()))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("issue a task token: %w", err)
	}
	return token, nil
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// AnswerToken keeps the answer to a token: store.ErrNotFound where the token is unknown or revoked, store.ErrClosed where
// it has been answered already. As with SendTaskSuccess, the same answer again is refused too.
func (s *Store) AnswerToken(ctx context.Context, token string, answer store.Answer) error {
	if err := s.answerToken(ctx, token, answer); err != nil {
		return fmt.Errorf("answer a task token: %w", err)
	}
	return nil
}

func (s *Store) answerToken(ctx context.Context, token string, answer store.Answer) error {
	if err := answer.Validate(); err != nil {
		return err
	}
	body, err := encode(answer)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		answered, err := exec(ctx, conn, "UPDATE tokens SET answer = ? WHERE hash = ? AND answer IS NULL", body, tokenHash(token))
		if err != nil || answered > 0 {
			return err
		}
		_, known, err := readAnswer(ctx, conn, token)
		switch {
		case err != nil:
			return err
		case !known:
			return store.ErrNotFound
		}
		return errAnswered
	})
}

// errAnswered is store.ErrClosed in the words of tokens.
var errAnswered = answeredError{}

type answeredError struct{}

func (answeredError) Error() string        { return "it has been answered already" }
func (answeredError) Is(target error) bool { return target == store.ErrClosed }

// TokenAnswer returns the answer to a token, with ok false while there is none; store.ErrNotFound where the token is
// unknown or revoked.
func (s *Store) TokenAnswer(ctx context.Context, token string) (answer store.Answer, ok bool, err error) {
	err = s.read(ctx, func(ctx context.Context, conn *sql.Conn) error {
		body, known, err := readAnswer(ctx, conn, token)
		switch {
		case err != nil:
			return err
		case !known:
			return store.ErrNotFound
		case !body.Valid:
			return nil
		}
		ok = true
		return decode(body.String, &answer)
	})
	if err != nil {
		return store.Answer{}, false, fmt.Errorf("read the answer to a task token: %w", err)
	}
	return answer, ok, nil
}

func readAnswer(ctx context.Context, conn *sql.Conn, token string) (body sql.NullString, known bool, err error) {
	known, err = queryRow(ctx, conn, "SELECT answer FROM tokens WHERE hash = ?", []any{tokenHash(token)}, &body)
	return body, known, err
}

// RevokeToken forgets a token and its answer. An unknown token is no error.
func (s *Store) RevokeToken(ctx context.Context, token string) error {
	err := s.write(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := exec(ctx, conn, "DELETE FROM tokens WHERE hash = ?", tokenHash(token))
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke a task token: %w", err)
	}
	return nil
}
