package service_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stackgate/internal/service"
)

// folder writes the base project into a directory.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "services")
	if err := os.CopyFS(dir, readTree(t, "testdata/base")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// onlyFiles fails where the folder holds something that no definition is.
func onlyFiles(t *testing.T, dir string) {
	t.Helper()
	hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(hidden) > 0 {
		t.Errorf("left behind: %v %v", hidden, err)
	}
}

func TestCreate(t *testing.T) {
	dir := folder(t)
	path, catalog, err := service.Create(dir, "returns", "orders")
	if err != nil {
		t.Fatal(err)
	}
	if path != filepath.Join(dir, "returns.yaml") {
		t.Errorf("path %s", path)
	}
	written := definitionOf(t, catalog, "returns", "prod")
	loaded, err := service.LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if read := definitionOf(t, loaded, "returns", "prod"); read.StackName != "shop-returns-prod" || read.StackName != written.StackName {
		t.Errorf("stack %s, and the returned catalog says %s", read.StackName, written.StackName)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	onlyFiles(t, dir)
}

func TestCreateTouchesNothingThatIsThere(t *testing.T) {
	dir := folder(t)
	var exists service.ErrServiceExists
	if _, _, err := service.Create(dir, "invoices", "orders"); !errors.As(err, &exists) || exists.Name != "invoices" {
		t.Errorf("got %v", err)
	}
	// A folder of the name is no definition, and is in the way all the same.
	if err := os.Mkdir(filepath.Join(dir, "returns.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := service.Create(dir, "returns", "orders"); !errors.As(err, &exists) {
		t.Errorf("got %v", err)
	}
	onlyFiles(t, dir)
}

// Of several that make the same file at once, one does.
func TestCreateAtTheSameTime(t *testing.T) {
	dir := folder(t)
	results := make([]error, 4)
	var all sync.WaitGroup
	for i, like := range []string{"orders", "invoices", "orders", "invoices"} {
		all.Go(func() { _, _, results[i] = service.Create(dir, "returns", like) })
	}
	all.Wait()
	made := 0
	for _, err := range results {
		var exists service.ErrServiceExists
		if err == nil {
			made++
		} else if !errors.As(err, &exists) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d files were made", made)
	}
	if _, err := service.LoadDir(dir); err != nil {
		t.Error(err)
	}
	onlyFiles(t, dir)
}

func TestCreateWritesNothingThatIsNotValid(t *testing.T) {
	dir := folder(t)
	var problems service.Problems
	// The name of orders' stack takes up the name that the new stack would have.
	content, err := os.ReadFile(filepath.Join(dir, "orders.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	content = append(content, "environments: { prod: { stackName: shop-returns } }\n"...)
	if err := os.WriteFile(filepath.Join(dir, "orders.yaml"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := service.Create(dir, "returns", "orders"); !errors.As(err, &problems) || !strings.Contains(err.Error(), "shop-returns-prod") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "orders.yaml"), []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := service.Create(dir, "refunds", "orders"); !errors.As(err, &problems) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"returns.yaml", "refunds.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	onlyFiles(t, dir)
}
