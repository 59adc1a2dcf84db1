package guestbook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	keptEntries = 10000            // older ones go: the file cannot grow without end
	patience    = 10 * time.Second // for which a process waits while others hold the database
	readers     = 4                // connections a process reads with; writers wait for one another anyway
)

// schemaVersion is kept in the file's user_version.
const schemaVersion = 1

const schema = `CREATE TABLE IF NOT EXISTS entries (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	name    TEXT    NOT NULL,
	message TEXT    NOT NULL,
	created INTEGER NOT NULL -- milliseconds since 1970-01-01 UTC
) STRICT`

// An entry is what one visitor wrote.
type entry struct {
	ID      int64     `json:"id"`
	Name    string    `json:"name"`
	Message string    `json:"message"`
	Created time.Time `json:"created"` // UTC
}

// A book is the database. Any number of goroutines and of processes may use one file at the same time.
type book struct {
	write, read *sql.DB
}

// openBook opens the file at path, and makes its tables where they are not there yet.
func openBook(path string) (*book, error) {
	b := &book{write: connect(path, "rw", "_txlock=immediate"), read: connect(path, "rw", "_pragma=query_only(1)")}
	b.write.SetMaxOpenConns(1)
	b.read.SetMaxOpenConns(readers)
	if err := b.prepare(); err != nil {
		b.Close()
		return nil, fmt.Errorf("the database %s cannot be used: %w; %s", path, err, remedy(err))
	}
	return b, nil
}

// connect describes connections; none is made before it is needed.
func connect(path, mode, options string) *sql.DB {
	name := url.URL{Scheme: "file", Path: path}
	query := fmt.Sprintf("mode=%s&_pragma=busy_timeout(%d)&_pragma=synchronous(NORMAL)&%s", mode, patience.Milliseconds(), options)
	db, err := sql.Open("sqlite", name.String()+"?"+query)
	if err != nil {
		panic(err) // only for a driver that is not linked in
	}
	return db
}

// prepare makes the file ready, while any number of other processes may be doing the same.
func (b *book) prepare() error {
	deadline := time.Now().Add(patience)
	for {
		err := b.migrate()
		// Turning to write-ahead logging fails at once, whatever busy_timeout says, where waiting could be a deadlock.
		if code := errorCode(err); (code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED) && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		return err
	}
}

func (b *book) migrate() error {
	var mode string
	if err := b.write.QueryRow("PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("it stays in journal mode %q, and processes that share it need write-ahead logging", mode)
	}
	tx, err := b.write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("its schema has version %d and this program knows version %d: it was made by a later one", version, schemaVersion)
	}
	if _, err := tx.Exec(schema); err != nil {
		return err
	}
	// Written even where it is the same: a file that cannot be written is found now and not by the first visitor.
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// Close ends all connections to the file.
func (b *book) Close() error { return errors.Join(b.write.Close(), b.read.Close()) }

// add appends an entry, and forgets the oldest where there are too many. It returns what was kept.
func (b *book) add(ctx context.Context, name, message string) (entry, error) {
	tx, err := b.write.BeginTx(ctx, nil) // BEGIN IMMEDIATE: waiting to write later could find the book changed, and fail
	if err != nil {
		return entry{}, err
	}
	defer tx.Rollback()
	e := entry{Name: name, Message: message, Created: time.Now().UTC().Truncate(time.Millisecond)}
	result, err := tx.ExecContext(ctx, "INSERT INTO entries (name, message, created) VALUES (?, ?, ?)", e.Name, e.Message, e.Created.UnixMilli())
	if err != nil {
		return entry{}, err
	}
	if e.ID, err = result.LastInsertId(); err != nil {
		return entry{}, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM entries WHERE id <= ?", e.ID-keptEntries); err != nil {
		return entry{}, err
	}
	return e, tx.Commit()
}

// list returns up to limit entries with an ID below before, newest first, and whether there are older ones.
func (b *book) list(ctx context.Context, before int64, limit int) (entries []entry, more bool, err error) {
	rows, err := b.read.QueryContext(ctx, "SELECT id, name, message, created FROM entries WHERE id < ? ORDER BY id DESC LIMIT ?", before, limit+1)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		if len(entries) == limit {
			more = true
			break
		}
		var e entry
		var created int64
		if err := rows.Scan(&e.ID, &e.Name, &e.Message, &created); err != nil {
			return nil, false, err
		}
		e.Created = time.UnixMilli(created).UTC()
		entries = append(entries, e)
	}
	return entries, more, rows.Err()
}

// errorCode is SQLite's primary result code in err, 0 where there is none.
func errorCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// remedy tells what an administrator can do about an error of SQLite.
func remedy(err error) string {
	switch errorCode(err) {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return "move the file away, and a new one is made in its place"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return "let the server's user write to the file and to its directory, in which SQLite keeps two more, or " + cure
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Sprintf("another program has held it for %v: end that program", patience)
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return "look at the disk: it is full or failing"
	default:
		return "where another program has changed the file, move it away and restart the server; else " + cure
	}
}
