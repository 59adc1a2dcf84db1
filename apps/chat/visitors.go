package chat

import (
	"context"
	"time"
)

const (
	heartbeat = 10 * time.Second // how often a process says that its visitors are there
	believed  = 3 * heartbeat    // how long it is believed
)

// present says that visitors of a process are in their rooms, and forgets those of whom that was not said for long.
func (l *chatLog) present(ctx context.Context, process string, visitors ...*visitor) error {
	tx, err := l.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	now := time.Now()
	for _, v := range visitors {
		_, err := tx.ExecContext(ctx, "INSERT INTO visitors (id, process, room, name, seen) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen",
			v.id, process, v.room, v.name, now.UnixMilli())
		if err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM visitors WHERE seen < ?", now.Add(-believed).UnixMilli()); err != nil {
		return err
	}
	return tx.Commit()
}

// leave removes a visitor.
func (l *chatLog) leave(ctx context.Context, v *visitor) error {
	_, err := l.Write.ExecContext(ctx, "DELETE FROM visitors WHERE id = ?", v.id)
	return err
}

// abandon removes all visitors of a process.
func (l *chatLog) abandon(ctx context.Context, process string) error {
	_, err := l.Write.ExecContext(ctx, "DELETE FROM visitors WHERE process = ?", process)
	return err
}

// names returns the names of the visitors of a room, sorted, each once.
func (l *chatLog) names(ctx context.Context, room string) ([]string, error) {
	rows, err := l.Read.QueryContext(ctx, "SELECT DISTINCT name FROM visitors WHERE room = ? AND seen >= ? ORDER BY name",
		room, time.Now().Add(-believed).UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := []string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
