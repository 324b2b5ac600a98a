// Package sqlite says how every database file of the cloud is opened: with which
// pragmas, and which files are left untouched. It knows no schema.
package sqlite

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"

	"github.com/tendril-iot/tendril/cloud/fault"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

// Driver is the name of the database/sql driver.
const Driver = "sqlite"

// Memory is the path of a database that lives in memory and dies with its connection.
const Memory = ":memory:"

// ErrNotSQLite refuses a file that is something else.
var ErrNotSQLite = fault.New(fault.Conflict, "not_a_database", "The file is not a Tendril database.", "Check the path of the data directory.")

// DSN names the database with the pragmas of every connection: commits are durable,
// and readers don't wait for the writer. The busy timeout comes first, since the
// others may have to wait already.
func DSN(path string, readOnly bool) string {
	if path == Memory {
		return "file::memory:?_pragma=foreign_keys(1)"
	}
	query := "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	if readOnly {
		query += "&mode=ro"
	} else {
		query += "&_pragma=journal_mode(wal)&_pragma=synchronous(full)"
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + query
}

// Holds tells whether there is a database in the file; one that isn't there, or is
// empty, may become one. ErrNotSQLite if it is something else.
func Holds(path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, Unavailable(err)
	}
	var magic [16]byte
	n, err := io.ReadFull(file, magic[:])
	if closeErr := file.Close(); closeErr != nil {
		return false, Unavailable(closeErr)
	}
	switch {
	case n == 0:
		return false, nil
	case err != nil || !bytes.Equal(magic[:], []byte("SQLite format 3\x00")): // sqlite.org/fileformat2.html, 1.3
		return false, ErrNotSQLite.WithMessage("%s is not a Tendril database.", path)
	}
	return true, nil
}

// Unavailable is what a caller learns of a failing database; the log has the cause.
func Unavailable(err error) error { return fault.ErrUnavailable.WithCause(err) }
