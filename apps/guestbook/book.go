package guestbook

import (
	"context"
	"time"

	"github.com/mod-go/mod-go/apps/internal/sqlitefile"
)

const keptEntries = 10000 // older ones go: the file cannot grow without end

var file = sqlitefile.File{
	Application: "guestbook",
	Variable:    "GUESTBOOK_DB",
	Version:     1,
	Schema: `CREATE TABLE IF NOT EXISTS entries (
		id      INTEGER PRIMARY KEY AUTOINCREMENT,
		name    TEXT    NOT NULL,
		message TEXT    NOT NULL,
		created INTEGER NOT NULL -- milliseconds since 1970-01-01 UTC
	) STRICT`,
}

// An entry is what one visitor wrote.
type entry struct {
	ID      int64     `json:"id"`
	Name    string    `json:"name"`
	Message string    `json:"message"`
	Created time.Time `json:"created"` // UTC
}

// A book is the database. Any number of goroutines and of processes may use it at the same time.
type book struct{ *sqlitefile.Database }

// openBook opens the file, and makes its tables where they are not there yet.
func openBook() (*book, error) {
	db, err := file.Open()
	if err != nil {
		return nil, err
	}
	return &book{db}, nil
}

// add appends an entry, and forgets the oldest where there are too many. It returns what was kept.
func (b *book) add(ctx context.Context, name, message string) (entry, error) {
	tx, err := b.Write.BeginTx(ctx, nil) // BEGIN IMMEDIATE: waiting to write later could find the book changed, and fail
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
	rows, err := b.Read.QueryContext(ctx, "SELECT id, name, message, created FROM entries WHERE id < ? ORDER BY id DESC LIMIT ?", before, limit+1)
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
