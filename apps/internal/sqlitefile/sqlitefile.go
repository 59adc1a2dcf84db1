// Package sqlitefile opens SQLite databases that all child processes of a server share. Where one cannot be used, its
// errors tell an administrator what to do.
package sqlitefile

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	patience = 10 * time.Second // for which a process waits while others hold the database
	readers  = 4                // connections a process reads with; writers wait for one another anyway
)

// A File describes a database of an application.
type File struct {
	Application string // names the file that is used by default, for example "guestbook"
	Variable    string // the environment variable that names another, for example "GUESTBOOK_DB"
	Schema      string // statements that make what is not there yet: CREATE TABLE IF NOT EXISTS
	Version     int    // of the schema, from 1; kept in the file's user_version
}

// A Database is an open file. Any number of goroutines and of processes may use one file at the same time.
type Database struct {
	Write *sql.DB // of one connection; its transactions are immediate
	Read  *sql.DB // cannot write
	file  File
}

// Open opens the file that the environment names, or the one by default, and makes it and its tables where they are not
// there yet.
func (f File) Open() (*Database, error) {
	path, err := f.location(os.Getenv(f.Variable), os.TempDir())
	if err != nil {
		return nil, err
	}
	return f.open(path)
}

func (f File) open(path string) (*Database, error) {
	d := &Database{connect(path, "_txlock=immediate"), connect(path, "_pragma=query_only(1)"), f}
	d.Write.SetMaxOpenConns(1)
	d.Read.SetMaxOpenConns(readers)
	if err := d.prepare(); err != nil {
		d.Close()
		return nil, fmt.Errorf("the database %s cannot be used: %w; %s", path, err, d.Remedy(err))
	}
	return d, nil
}

// connect describes connections; none is made before it is needed.
func connect(path, options string) *sql.DB {
	name := url.URL{Scheme: "file", Path: path}
	query := fmt.Sprintf("mode=rw&_pragma=busy_timeout(%d)&_pragma=synchronous(NORMAL)&%s", patience.Milliseconds(), options)
	db, err := sql.Open("sqlite", name.String()+"?"+query)
	if err != nil {
		panic(err) // only for a driver that is not linked in
	}
	return db
}

// prepare makes the file ready, while any number of other processes may be doing the same.
func (d *Database) prepare() error {
	deadline := time.Now().Add(patience)
	for {
		err := d.migrate()
		// Turning to write-ahead logging fails at once, whatever busy_timeout says, where waiting could be a deadlock.
		if code := errorCode(err); (code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED) && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		return err
	}
}

func (d *Database) migrate() error {
	var mode string
	if err := d.Write.QueryRow("PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("it stays in journal mode %q, and processes that share it need write-ahead logging", mode)
	}
	tx, err := d.Write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > d.file.Version {
		return fmt.Errorf("its schema has version %d and this program knows version %d: it was made by a later one", version, d.file.Version)
	}
	if _, err := tx.Exec(d.file.Schema); err != nil {
		return err
	}
	// Written even where it is the same: a file that cannot be written is found now and not by the first visitor.
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", d.file.Version)); err != nil {
		return err
	}
	return tx.Commit()
}

// Close ends all connections to the file.
func (d *Database) Close() error { return errors.Join(d.Write.Close(), d.Read.Close()) }

// errorCode is SQLite's primary result code in err, 0 where there is none.
func errorCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// Remedy tells what an administrator can do about an error of the database.
func (d *Database) Remedy(err error) string {
	switch errorCode(err) {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return "move the file away, and a new one is made in its place"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return "let the server's user write to the file and to its directory, in which SQLite keeps two more, or " + d.file.cure()
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Sprintf("another program has held it for %v: end that program", patience)
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return "look at the disk: it is full or failing"
	default:
		return "where another program has changed the file, move it away and restart the server; else " + d.file.cure()
	}
}
