package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stackgate/internal/clock"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

func TestFoldersOfAnyNameHoldAStore(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"plain", "a b", "what?", "#1", "100%41", "semi;colon&mode=ro", "ünïcödé", "one/two/three", "./dot/../dot"} {
		s, err := sqlite.Open(t.Context(), dir, clock.System{})
		if err != nil {
			t.Errorf("%q: %v", dir, err)
			continue
		}
		if err := s.CreateRecord(t.Context(), store.Record{ID: anID}); err != nil {
			t.Errorf("%q: %v", dir, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", dir, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || entries[0].Name() != sqlite.FileName {
			t.Errorf("%q: holds %v, error %v; want %s alone", dir, entries, err, sqlite.FileName)
		}
	}
}

func TestWhatWasKeptIsThereAfterClosing(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if err := first.CreateRecord(t.Context(), store.Record{ID: anID, Cause: "kept"}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	record, err := open(t, dir).Record(t.Context(), anID)
	if err != nil || record.Cause != "kept" {
		t.Errorf("record %+v, error %v", record, err)
	}
}

func TestManyMayOpenANewFolderAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			s, err := sqlite.Open(t.Context(), dir, clock.System{})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.PutDocument(t.Context(), "review", []byte{byte(i)}); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestWhatCannotBeAStoreIsRefusedAndLeftAsItIs(t *testing.T) {
	file := func(content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, sqlite.FileName), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	database := func(statements string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { execRaw(t, dir, statements) }
	}
	for name, row := range map[string]struct {
		prepare func(*testing.T, string)
		want    string
	}{
		"a text":                      {file(strings.Repeat("no database\n", 500)), "is not a SQLite database"},
		"a database of others":        {database("CREATE TABLE bookmarks (url TEXT)"), "another program"},
		"an empty database of others": {database("PRAGMA application_id=7"), "another program"},
		"one that counts for itself":  {database("PRAGMA user_version=1"), "another program"},
		"a newer version": {
			database(fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=999", sqlite.ApplicationID)),
			"schema version 999",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			row.prepare(t, dir)
			path := filepath.Join(dir, sqlite.FileName)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, dir, row.want)
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (error %v)", err)
			}
		})
	}
}

func wantRefusal(t *testing.T, dir, want string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, clock.System{})
	if err == nil {
		_ = s.Close()
		t.Fatal("it was opened")
	}
	for _, part := range []string{want, dir} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q is more than one sentence", err)
	}
}

func TestWhatIsNoFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, filepath.Join(dir, "file"), "not a directory")
	wantRefusal(t, filepath.Join(dir, "file", "below"), "not a directory")
	if err := os.MkdirAll(filepath.Join(dir, "taken", sqlite.FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, filepath.Join(dir, "taken"), "no regular file")
}

func TestADamagedFileIsSaidToBeDamaged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 50 {
		if _, err := s.PutDocument(t.Context(), "review", fmt.Appendf(nil, "%05000d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, sqlite.FileName)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The second page onwards: the header stays that of a sound file.
	for i := 4096; i < len(content); i++ {
		content[i] = 0xff
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := open(t, dir)
	if _, err := damaged.PutDocument(t.Context(), "review", []byte("x")); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("error = %v, want that the file is damaged", err)
	}
}

func TestMigrations(t *testing.T) {
	scripts, err := sqlite.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("migrations/*")
	if err != nil || len(names) != len(scripts) {
		t.Fatalf("%d files make %d scripts (error %v)", len(names), len(scripts), err)
	}
	for i, name := range names {
		if want := fmt.Sprintf("migrations/%04d.sql", i+1); filepath.ToSlash(name) != want {
			t.Errorf("migration %s, want %s: they are counted without gaps", name, want)
		}
	}
	for version := 1; version <= len(scripts); version++ {
		t.Run(fmt.Sprintf("from version %d", version), func(t *testing.T) {
			dir := t.TempDir()
			execRaw(t, dir, strings.Join(scripts[:version], ";\n")+
				fmt.Sprintf("; PRAGMA application_id=%d; PRAGMA user_version=%d", sqlite.ApplicationID, version))
			s := open(t, dir)
			if err := calls(s)["CreateRecord"](t.Context()); err != nil {
				t.Fatal(err)
			}
			if missing := unlike(t, dir); missing != "" {
				t.Errorf("the schema is not that of a new store: %s", missing)
			}
		})
	}
}

// unlike says in what the schema of dir's store differs from that of a new one.
func unlike(t *testing.T, dir string) string {
	fresh := t.TempDir()
	open(t, fresh)
	const query = "SELECT group_concat(name || ': ' || sql, char(10)) FROM (SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name)"
	var got, want string
	if err := raw(t, dir).QueryRowContext(t.Context(), query).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if err := raw(t, fresh).QueryRowContext(t.Context(), query).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if got == want {
		return ""
	}
	return got
}
