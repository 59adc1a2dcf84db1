package chat

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	watchEvery = 50 * time.Millisecond // how often a process asks whether the database has changed
	retryEvery = time.Second           // the same after a failure
	recent     = 2 * batch             // messages of a room that are kept in memory
	patience   = 15 * time.Second      // for the database, where nobody waits for it
)

// A hub passes what is in the database on to the visitors of one process.
type hub struct {
	log     *chatLog
	process string        // what the others know this process by
	wake    chan struct{} // has the watch look at once

	mu       sync.Mutex
	rooms    map[string]*room // those with visitors of this process
	visitors map[*visitor]bool
	upTo     int64              // messages up to this ID have been passed to the rooms
	unwatch  context.CancelFunc // ends the watch; nil where there is none, because nobody is there
	ended    bool
}

// A room is what visitors of this process have to know of it. The hub's lock guards it.
type room struct {
	visitors int
	from     int64 // messages above this ID are in recent
	recent   []message
	names    []string      // who is there, nil before that is known; replaced and never changed
	changed  chan struct{} // closed, and replaced, when one of the above changes
}

var errEnded = errors.New("the process is about to end")

func newHub(log *chatLog) *hub {
	return &hub{log: log, process: rand.Text(), wake: make(chan struct{}, 1), rooms: map[string]*room{}, visitors: map[*visitor]bool{}}
}

// enter lets a visitor into a room, until leave.
func (h *hub) enter(ctx context.Context, v *visitor) (*room, error) {
	if err := h.log.present(ctx, h.process, v); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return nil, errEnded
	}
	if h.unwatch == nil {
		newest, err := h.log.newest(ctx)
		if err != nil {
			return nil, err
		}
		h.upTo = newest
		watching, cancel := context.WithCancel(context.Background())
		h.unwatch = cancel
		go guard("watching the database", func() { h.watch(watching) })
	}
	r := h.rooms[v.room]
	if r == nil {
		r = &room{from: h.upTo, changed: make(chan struct{})}
		h.rooms[v.room] = r
	}
	r.visitors++
	h.visitors[v] = true
	h.look()
	return r, nil
}

// leave lets a visitor out, whether or not enter has let it in.
func (h *hub) leave(v *visitor) {
	h.mu.Lock()
	if h.visitors[v] {
		delete(h.visitors, v)
		if r := h.rooms[v.room]; r.visitors == 1 {
			delete(h.rooms, v.room)
		} else {
			r.visitors--
		}
		if len(h.visitors) == 0 {
			h.unwatch()
			h.unwatch = nil
		}
	}
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.log.leave(ctx, v); err != nil {
		h.report("removing a visitor", err)
	}
	h.look()
}

// look has the watch look into the database now: this process has changed it.
func (h *hub) look() {
	select {
	case h.wake <- struct{}{}:
	default: // it is about to
	}
}

// news returns the messages of a room above an ID, the names of who is there, and what is closed when there is more.
// Behind tells that the messages are too old to be known here: the log has them, up to the ID from at the least.
func (h *hub) news(r *room, after int64) (messages []message, names []string, from int64, behind bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if after < r.from {
		return nil, r.names, r.from, true, r.changed
	}
	first, _ := slices.BinarySearchFunc(r.recent, after+1, func(m message, id int64) int { return int(m.ID - id) })
	return slices.Clone(r.recent[first:]), r.names, r.from, false, r.changed
}

// watch passes on what changes in the database, until ctx ends.
func (h *hub) watch(ctx context.Context) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for ctx.Err() == nil {
		err := h.watchConnection(ctx, beat.C)
		if ctx.Err() == nil {
			h.report("looking for messages", err)
			pause(ctx, retryEvery)
		}
	}
}

// watchConnection is watch with one connection to the database, until that fails: SQLite counts changes by connection.
func (h *hub) watchConnection(ctx context.Context, beat <-chan time.Time) error {
	conn, err := h.log.Read.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var seen int64
	again := true // refresh whether or not the version has changed
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		now, err := version(ctx, conn)
		if err != nil {
			return err
		}
		if now != seen || again {
			if err := h.refresh(ctx); err != nil {
				return err
			}
			seen, again = now, false
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-beat:
			if err := h.log.present(ctx, h.process, h.present()...); err != nil {
				return err
			}
			again = true // who has not been seen for long is there no more, though the file is as it was
		case <-h.wake:
			again = true // for a room that is new here nothing has been read yet
		case <-tick.C:
		}
	}
}

// version changes when any other connection, of whatever process, has changed the database.
func version(ctx context.Context, conn *sql.Conn) (n int64, err error) {
	err = conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&n)
	return n, err
}

// present are the visitors of this process.
func (h *hub) present() []*visitor {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.visitors))
}

// refresh passes what is new in the database to the rooms.
func (h *hub) refresh(ctx context.Context) error {
	h.mu.Lock()
	upTo, rooms := h.upTo, slices.Collect(maps.Keys(h.rooms))
	h.mu.Unlock()
	for {
		found, err := h.log.all(ctx, upTo)
		if err != nil {
			return err
		}
		for _, s := range found {
			upTo = s.ID
		}
		h.pass(found, upTo)
		if len(found) < batch {
			break
		}
	}
	for _, name := range rooms {
		names, err := h.log.names(ctx, name)
		if err != nil {
			return err
		}
		h.mu.Lock()
		if r := h.rooms[name]; r != nil && (r.names == nil || !slices.Equal(r.names, names)) {
			r.names = names
			r.announce()
		}
		h.mu.Unlock()
	}
	return nil
}

// pass gives messages to their rooms. They are all that there are up to the ID upTo.
func (h *hub) pass(found []spoken, upTo int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.upTo = upTo
	for _, s := range found {
		// A room may be older than what this refresh began with, and then has nothing of before.
		if r := h.rooms[s.room]; r != nil && s.ID > r.from {
			r.recent = append(r.recent, s.message)
			if len(r.recent) > recent {
				r.from = r.recent[batch-1].ID
				r.recent = slices.Clone(r.recent[batch:])
			}
			r.announce()
		}
	}
}

// announce wakes the visitors. The caller holds the hub's lock.
func (r *room) announce() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// end closes all connections in order, and lets nobody in any more.
func (h *hub) end() {
	h.mu.Lock()
	h.ended = true
	visitors := slices.Collect(maps.Keys(h.visitors))
	h.mu.Unlock()
	var closing sync.WaitGroup
	for _, v := range visitors {
		closing.Go(func() { _ = v.conn.Close(websocket.StatusServiceRestart, "the server restarts") }) // it may be gone already
	}
	// Now, for the process may end as soon as the connections have.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.log.abandon(ctx, h.process); err != nil {
		h.report("removing visitors", err)
	}
	closing.Wait()
}

// report leaves in the server's log that the database cannot be used.
func (h *hub) report(doing string, err error) {
	log.Printf("chat: %s failed: %v; %s", doing, err, h.log.Remedy(err))
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
