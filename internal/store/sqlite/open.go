package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// applicationID marks the file as stackgate's in its header ("STGA"), so that no other program's tables are written to.
const applicationID = 0x53544741

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the scripts in their order. The n-th brings the schema from version n-1 to n.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	scripts := make([]string, len(names))
	for i, name := range names {
		script, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		scripts[i] = string(script)
	}
	return scripts, nil
}

// prepareFiles makes folder and file, and takes from everybody else the right to read them: waiters hold task tokens.
func prepareFiles(folder, path string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createFile(folder, path)
	}
	if err != nil {
		return fmt.Errorf("look for the file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file; move it away or choose another folder", path)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(path+suffix, 0o600)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make the file private: %w", err)
		}
	}
	return nil
}

// createFile makes the file with mode 0600, which SQLite takes over for the files beside it. It makes it under another
// name and links it, for closing a descriptor of the file itself would drop the locks that another Store of this process
// holds by then: POSIX locks belong to the process, not to the descriptor (https://sqlite.org/howtocorrupt.html, 2.2).
func createFile(folder, path string) error {
	file, err := os.CreateTemp(folder, FileName+".new-*")
	if err != nil {
		return fmt.Errorf("make the file: %w", err)
	}
	defer os.Remove(file.Name())
	if err := file.Close(); err != nil {
		return fmt.Errorf("make the file: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the file: %w", err)
	}
	return nil
}

func dataSource(path string, pragmas ...string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // file:///C:/...
	}
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: url.Values{"_pragma": pragmas}.Encode()}).String()
}

// prepareSchema makes the file a store of this version, or says why it cannot be one.
func (s *Store) prepareSchema(ctx context.Context) error {
	scripts, err := migrations()
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	conn, err := s.connection(ctx, s.writer)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Looked at before anything is written: a foreign file stays as it is.
	var version int
	err = s.patiently(ctx, func(ctx context.Context) error {
		version, err = schemaVersion(ctx, conn, len(scripts))
		return err
	})
	if err != nil {
		return err
	}
	if err := s.useLog(ctx, conn); err != nil {
		return err
	}
	if version == len(scripts) {
		return nil
	}
	return s.transact(ctx, conn, func(ctx context.Context, conn *sql.Conn) error {
		version, err := schemaVersion(ctx, conn, len(scripts))
		if err != nil {
			return err
		}
		return migrate(ctx, conn, scripts, version)
	})
}

// schemaVersion returns the version of the file's schema, 0 for an empty file.
func schemaVersion(ctx context.Context, conn *sql.Conn, newest int) (int, error) {
	var application, version, tables int
	if _, err := queryRow(ctx, conn, `SELECT
		(SELECT application_id FROM pragma_application_id()),
		(SELECT user_version FROM pragma_user_version()),
		(SELECT count(*) FROM sqlite_schema)`, nil, &application, &version, &tables); err != nil {
		return 0, err
	}
	switch {
	case application == 0 && version == 0 && tables == 0:
		return 0, nil
	case application != applicationID:
		return 0, fmt.Errorf("%s is a database of another program; choose another folder", FileName)
	case version > newest:
		return 0, fmt.Errorf("%s has schema version %d and this stackgate knows versions up to %d; use the newer stackgate that wrote it",
			FileName, version, newest)
	}
	return version, nil
}

// useLog switches the file to the write-ahead log, in which readers and a writer do not block each other. The switch is
// kept in the file. SQLite answers with the old mode, not an error, where the file system lacks shared memory.
func (s *Store) useLog(ctx context.Context, conn *sql.Conn) error {
	var mode string
	err := s.patiently(ctx, func(ctx context.Context) error {
		_, err := queryRow(ctx, conn, "PRAGMA journal_mode=WAL", nil, &mode)
		return err
	})
	if err != nil {
		return err
	}
	if mode != "wal" {
		return errors.New("the folder's file system cannot be shared by processes (no write-ahead log); choose one on a local disk")
	}
	return nil
}

// migrate runs the scripts after version, within the caller's transaction.
func migrate(ctx context.Context, conn *sql.Conn, scripts []string, version int) error {
	for i := version; i < len(scripts); i++ {
		if _, err := exec(ctx, conn, scripts[i]); err != nil {
			return fmt.Errorf("bring the schema to version %d: %w", i+1, err)
		}
	}
	_, err := exec(ctx, conn, fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", applicationID, len(scripts)))
	return err
}
