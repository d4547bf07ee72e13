package cfn_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"stackgate/internal/cfn"
	"stackgate/internal/golden"
	"stackgate/internal/plan"
)

// Every answer in testdata/answers has its review beside it, as a document that people can read in a diff.
func TestGoldenReviews(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "answers", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d answers, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			d, err := cfn.LoadDescription(readSaved(t, file))
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := plan.Encode(review(t, d, cfn.ReviewInput{}))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(encoded, []byte("S3cr3t")) {
				t.Error("a secret is in the document")
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, encoded, "", " "); err != nil {
				t.Fatal(err)
			}
			indented.WriteByte('\n')
			golden.Assert(t, filepath.Join("answers", name+".golden"), indented.Bytes())
		})
	}
}
