package cfn_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stackgate/internal/cfn"
)

// recorded finds a folder of the answers recorded on real AWS, which stand beside the checkout.
func recorded(t testing.TB, folder string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "shared", "fixtures", "recorded", folder)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("no ../shared/fixtures/recorded here: the answers recorded on AWS are not part of the repository")
	return ""
}

func readSaved(t testing.TB, path string) cfn.SavedAnswer {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return cfn.SavedAnswer{Name: filepath.Base(path), Data: data}
}

func TestRecordedSmoke(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(recorded(t, "changesets"), "*.json"))
	for _, f := range files {
		d, err := cfn.LoadDescription(readSaved(t, f))
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		r, err := cfn.Review(d, cfn.ReviewInput{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		t.Log(strings.TrimSuffix(filepath.Base(f), ".json")[max(0, len(filepath.Base(f))-70):], r.Level, r.Verdict, r.Completeness.Reported, r.Completeness.Shown, r.Completeness.Unknown, r.Completeness.Partial, len(r.Clusters))
	}
}
