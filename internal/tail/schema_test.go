package tail

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocumentRoundTrips shows that a stored document is read back as it was.
func TestDocumentRoundTrips(t *testing.T) {
	for name, doc := range map[string]Document{
		"an operation": explained(t, "tok", nested), "nothing": Explain(Input{}), "a change set": ExplainChangeSet(failedSet("Template error: x")),
	} {
		encoded, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var read Document
		if err := json.Unmarshal(encoded, &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(doc, read); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
	}
}
