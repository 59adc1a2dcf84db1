package chat

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mod-go/mod-go/apps/internal/sqlitefile"
)

const (
	keptMessages = 10000 // older ones go: the file cannot grow without end
	history      = 50    // messages that who enters a room is shown
	batch        = 200   // messages that are read at a time
)

var file = sqlitefile.File{
	Application: "chat",
	Variable:    "CHAT_DB",
	Version:     1,
	Schema: `
	CREATE TABLE IF NOT EXISTS messages (
		id      INTEGER PRIMARY KEY AUTOINCREMENT,
		room    TEXT    NOT NULL,
		name    TEXT    NOT NULL,
		text    TEXT    NOT NULL,
		key     TEXT    NOT NULL, -- made by who sent it
		created INTEGER NOT NULL, -- milliseconds since 1970-01-01 UTC
		UNIQUE (room, key)
	) STRICT;
	CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id);
	CREATE TABLE IF NOT EXISTS visitors (
		id      TEXT    PRIMARY KEY, -- of the connection
		process TEXT    NOT NULL,    -- that has it
		room    TEXT    NOT NULL,
		name    TEXT    NOT NULL,
		seen    INTEGER NOT NULL     -- when the process last said so, milliseconds since 1970-01-01 UTC
	) STRICT;`,
}

// A message is what one visitor said in a room.
type message struct {
	ID      int64     `json:"id"` // grows, in the order in which messages were kept
	Name    string    `json:"name"`
	Text    string    `json:"text"`
	Key     string    `json:"key"`
	Created time.Time `json:"created"` // UTC
}

// A chatLog is the database. Any number of goroutines and of processes may use it at the same time.
type chatLog struct{ *sqlitefile.Database }

func openLog() (*chatLog, error) {
	db, err := file.Open()
	if err != nil {
		return nil, err
	}
	return &chatLog{db}, nil
}

// add appends a message to a room, unless the room has one of the same key, and forgets the oldest of all rooms where
// there are too many.
func (l *chatLog) add(ctx context.Context, room, name, text, key string) error {
	tx, err := l.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	result, err := tx.ExecContext(ctx, "INSERT INTO messages (room, name, text, key, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		room, name, text, key, time.Now().UnixMilli())
	if err != nil {
		return err
	}
	if added, err := result.RowsAffected(); err != nil || added == 0 {
		return err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM messages WHERE id <= ?", id-keptMessages); err != nil {
		return err
	}
	return tx.Commit()
}

// after returns the messages of a room whose ID is above id, oldest first, batch at the most.
func (l *chatLog) after(ctx context.Context, room string, id int64) ([]message, error) {
	found, err := l.query(ctx, "room = ? AND id > ?", room, id)
	messages := make([]message, len(found))
	for i, s := range found {
		messages[i] = s.message
	}
	return messages, err
}

// A spoken message is one of any room.
type spoken struct {
	room string
	message
}

// all returns the messages of all rooms whose ID is above id, oldest first, batch at the most.
func (l *chatLog) all(ctx context.Context, id int64) ([]spoken, error) {
	return l.query(ctx, "id > ?", id)
}

func (l *chatLog) query(ctx context.Context, where string, args ...any) (found []spoken, err error) {
	rows, err := l.Read.QueryContext(ctx, "SELECT room, id, name, text, key, created FROM messages WHERE "+where+" ORDER BY id LIMIT ?", append(args, batch)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s spoken
		var created int64
		if err := rows.Scan(&s.room, &s.ID, &s.Name, &s.Text, &s.Key, &created); err != nil {
			return nil, err
		}
		s.Created = time.UnixMilli(created).UTC()
		found = append(found, s)
	}
	return found, rows.Err()
}

// newest is the ID of the message that was kept last, in any room; 0 where there is none.
func (l *chatLog) newest(ctx context.Context) (id int64, err error) {
	err = l.Read.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM messages").Scan(&id)
	return id, err
}

// begin is the ID behind which a visitor of a room is to be told what was said: last, the message that it saw last, or -1
// for a new visitor, who is shown the end of the history. So is one who saw messages of another file than this.
func (l *chatLog) begin(ctx context.Context, room string, last int64) (id int64, err error) {
	if last >= 0 {
		newest, err := l.newest(ctx)
		if err != nil || last <= newest {
			return last, err
		}
	}
	err = l.Read.QueryRowContext(ctx, "SELECT id FROM messages WHERE room = ? ORDER BY id DESC LIMIT 1 OFFSET ?", room, history).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}
