package service

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// The format's description names every key of the raw types: those that work where they are explained, the others where it
// says that they are refused.
func TestReadmeNamesEveryKey(t *testing.T) {
	content, err := os.ReadFile("../../services/README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	_, rest, found := strings.Cut(text, "Keys of the format that nothing acts upon yet (")
	refused, _, closed := strings.Cut(rest, ")")
	if !found || !closed {
		t.Fatal("services/README.md lists no keys that are refused")
	}
	for raw, fields := range structs {
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			isRefused := strings.Contains(refused, "`"+key+"`")
			switch {
			case fields[key].promised && !isRefused:
				t.Errorf("services/README.md does not say that %s is refused (%s)", key, raw.Name())
			case !fields[key].promised && !strings.Contains(text, key):
				t.Errorf("services/README.md does not name %s (%s)", key, raw.Name())
			case !fields[key].promised && isRefused && !promisedElsewhere(key) && !strings.Contains(refused, "`"+key+"` other than"):
				t.Errorf("services/README.md says that %s is refused, and it works (%s)", key, raw.Name())
			}
		}
	}
}

// promisedElsewhere says whether a key that works in one place is refused in another.
func promisedElsewhere(key string) bool {
	for _, fields := range structs {
		if f, known := fields[key]; known && f.promised {
			return true
		}
	}
	return false
}
