//go:build unix

package sqlite_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"stackgate/internal/store/sqlite"
)

func wantPrivate(t *testing.T, dir string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(filepath.Join(dir, sqlite.FileName) + suffix)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s, want 0600", info.Name(), info.Mode())
		}
	}
}

func TestNobodyElseReadsTheStore(t *testing.T) {
	// The most careless umask there is.
	earlier := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(earlier) })
	dir := filepath.Join(t.TempDir(), "parent", "state")
	s := open(t, dir)
	if err := calls(s)["PutWaiter"](t.Context()); err != nil {
		t.Fatal(err)
	}
	wantPrivate(t, dir)
	for _, folder := range []string{dir, filepath.Dir(dir)} {
		info, err := os.Stat(folder)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %s (error %v), want 0700", folder, info.Mode(), err)
		}
	}
}

func TestAStoreThatOthersCouldReadIsMadePrivate(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if err := calls(first)["PutWaiter"](t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Chmod(filepath.Join(dir, sqlite.FileName)+suffix, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	wantPrivate(t, dir)
}

func TestAFolderWithoutPermissionIsRefused(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read and write every folder; run the tests as another user to see this one")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, dir, "permission denied")
	wantRefusal(t, filepath.Join(dir, "below"), "permission denied")
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, dir, "permission denied")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, sqlite.FileName)
	if err := os.WriteFile(path, nil, 0); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, dir, "may read and write it")
}
