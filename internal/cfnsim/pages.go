package cfnsim

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// page cuts one page out of count items. The token is opaque to callers: it names what is listed and where the next
// page begins, so that a token of another list is refused.
func page(subject string, token *string, count, size int) (from, to int, next *string, err error) {
	if token != nil {
		if from, err = readToken(subject, *token); err != nil || from > count {
			return 0, 0, nil, validationError("The specified next token is invalid. Please provide a valid token.")
		}
	}
	to = min(from+size, count)
	if to < count {
		next = writeToken(subject, to)
	}
	return from, to, next, nil
}

func writeToken(subject string, position int) *string {
	token := base64.RawURLEncoding.EncodeToString([]byte(digest(subject)[:12] + ":" + strconv.Itoa(position)))
	return &token
}

func readToken(subject, token string) (int, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	mark, position, _ := strings.Cut(string(raw), ":")
	if mark != digest(subject)[:12] {
		return 0, fmt.Errorf("token of another list")
	}
	from, err := strconv.Atoi(position)
	if err != nil || from < 0 {
		return 0, fmt.Errorf("token without position")
	}
	return from, nil
}
