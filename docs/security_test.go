package docs_test

import (
	"bytes"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every test that a document names is one: a table of proofs that are gone proves nothing.
func TestNamedTestsExist(t *testing.T) {
	content, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllSubmatch(content, -1)
	if len(named) < 20 {
		t.Fatalf("the table names %d tests", len(named))
	}
	var all bytes.Buffer
	root := os.DirFS("..")
	if err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(root, path)
		all.Write(source)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range named {
		if !bytes.Contains(all.Bytes(), []byte("\nfunc "+string(name[1])+"(")) {
			t.Errorf("security.md names %s, which is no test", name[1])
		}
	}
}

// The items that issue from the checklist of approvals are all there.
func TestEveryItemHasARow(t *testing.T) {
	content, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range []string{"1", "2", "3", "7", "8", "11", "13", "17", "18", "19", "24", "27", "30"} {
		if !bytes.Contains(content, []byte("\n| "+item+" | ")) {
			t.Errorf("item %s has no row", item)
		}
	}
}
