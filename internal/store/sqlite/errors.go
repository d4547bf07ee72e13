package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrLocked: another process held the store's file for longer than this one waits.
var ErrLocked = errors.New("another process holds the store's lock; let it finish, or end it, and try again")

var errClosed = errors.New("the store is closed")

// explain turns what the driver says into words for people. The driver's own text may quote statements and values, so it
// is never passed on; an error that is not the driver's is returned as it is.
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, sql.ErrConnDone) {
		return errClosed
	}
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return err
	}
	// The low byte is the class of the error, the rest its kind.
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrLocked
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s is not a SQLite database; move it away or choose another folder", FileName)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%s is damaged; restore it from a copy, or move it and the files beside it away", FileName)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return fmt.Errorf("%s cannot be opened; see that this user may read and write it and its folder", FileName)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%s cannot be written; see that this user may write it and its folder", FileName)
	case sqlite3.SQLITE_FULL:
		return errors.New("the disk is full; make room and try again")
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("the disk answered with an error (SQLite code %d); see that it is sound and has room", failure.Code())
	case sqlite3.SQLITE_TOOBIG:
		return errors.New("it is larger than a store takes (1 GB)")
	}
	return fmt.Errorf("SQLite refused it with code %d, which is a fault of stackgate", failure.Code())
}
