package rendertest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
)

// The lines of a large rendering that a golden file keeps.
const (
	headLines = 60
	tailLines = 30
)

// Excerpt is what a golden file keeps of a rendering that is too long to be read: its size, its hash, its first and last lines.
func Excerpt(rendering []byte) []byte {
	lines := bytes.SplitAfter(rendering, []byte("\n"))
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d bytes, %d lines, sha256 %x\n\n", len(rendering), len(lines)-1, sha256.Sum256(rendering))
	if len(lines) <= headLines+tailLines {
		out.Write(rendering)
		return out.Bytes()
	}
	out.Write(bytes.Join(lines[:headLines], nil))
	fmt.Fprintf(&out, "\n[... %d lines ...]\n\n", len(lines)-headLines-tailLines)
	out.Write(bytes.Join(lines[len(lines)-tailLines:], nil))
	return out.Bytes()
}

// OnlyGolden fails the test when testdata holds a file that no test asserts, as files of renamed cases stay behind unseen.
func OnlyGolden(t *testing.T, names []string) {
	t.Helper()
	err := filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel("testdata", path)
		if err == nil && !slices.Contains(names, filepath.ToSlash(name)) {
			t.Errorf("testdata/%s belongs to no case", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
