package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"stackgate/internal/web/wire"
)

// readBody reads the JSON body of a call into a form, strictly: no other media type, no unknown, doubled or differently
// written names, nothing behind it.
func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return problem(http.StatusUnsupportedMediaType, wire.MediaType, "the body must be application/json")
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return problem(http.StatusBadRequest, wire.Malformed, "the body could not be read: %w", err)
	}
	if err := decodeStrictly(content, into); err != nil {
		return problem(http.StatusBadRequest, wire.Malformed, "the body is not understood: %w", err)
	}
	return nil
}

// decodeStrictly decodes one JSON value. Package json takes a name in any case and, of a name that stands there twice, the
// last; two readers of one body must not see two things in it.
func decodeStrictly(content []byte, into any) error {
	if err := checkNames(content); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return plain(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return nil
}

// checkNames refuses objects that name something twice, in whatever case.
func checkNames(content []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	// names holds those of every open object; nil stands for an array.
	var names []map[string]bool
	key := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return plain(err)
		}
		top := len(names) - 1
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				names = append(names, map[string]bool{})
			case '[':
				names = append(names, nil)
			case '}', ']':
				names = names[:top]
			}
			if len(names) > maxDepth {
				return fmt.Errorf("it is nested deeper than %d", maxDepth)
			}
			key = len(names) > 0 && names[len(names)-1] != nil
			continue
		case string:
			if key {
				folded := strings.ToLower(t)
				if names[top][folded] {
					return fmt.Errorf("%.64q stands there twice", t)
				}
				names[top][folded] = true
				key = false
				continue
			}
		}
		key = top >= 0 && names[top] != nil
	}
}

// maxDepth is far beyond every form.
const maxDepth = 16

// plain takes the Go types out of what json says.
func plain(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("%s cannot be %s", kind.Field, kind.Value)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends too early")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// query reads the parameters of an address, each once, and refuses those that nobody knows.
func query(r *http.Request, known ...string) (map[string]string, error) {
	values := map[string]string{}
	for name, given := range r.URL.Query() {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return nil, problem(http.StatusBadRequest, wire.Malformed, "there is no parameter %.64q here; there are: %s", name, strings.Join(known, ", "))
		}
		if len(given) != 1 {
			return nil, problem(http.StatusBadRequest, wire.Malformed, "the parameter %s is given %d times; give it once", name, len(given))
		}
		values[name] = given[0]
	}
	return values, nil
}

// writeJSON answers with JSON.
func writeJSON(w http.ResponseWriter, status int, value any) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	write(w, status, "application/json", out.Bytes())
	return nil
}

func write(w http.ResponseWriter, status int, media string, content []byte) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	// Who has hung up is not told.
	_, _ = w.Write(content)
}
