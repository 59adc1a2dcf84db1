package chat

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

const (
	maxFrame     = 16 << 10         // bytes, enough for a message and its key when every character is escaped
	writeTimeout = 10 * time.Second // for one frame; who reads slower is disconnected, and is told all when it is back
	pingEvery    = 30 * time.Second // so that connections whose client has vanished end
)

// A visitor is one connection of who is in a room.
type visitor struct {
	id, room, name string
	last           int64 // ID of the message that was sent last; -1 for a new visitor
	hub            *hub
	conn           *websocket.Conn
}

// utterance is what a page sends.
type utterance struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// update is what a page is sent. Each has one field at the least.
type update struct {
	Process  int       `json:"process,omitempty"` // that the page is connected to; first of all
	Messages []message `json:"messages,omitempty"`
	Present  []string  `json:"present,omitempty"` // who is in the room now
	Refused  *refusal  `json:"refused,omitempty"`
}

// refusal is the answer to an utterance that is not kept.
type refusal struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
}

// visit is the life of a visitor, until one of the two sides closes the connection.
func (v *visitor) visit() {
	defer v.hub.leave(v)
	ctx, gone := context.WithCancel(context.Background())
	defer gone()
	defer v.conn.CloseNow()
	r, err := v.hub.enter(ctx, v)
	if err == nil {
		go guard("a visitor", func() {
			defer gone()
			v.listen(ctx)
		})
		err = v.tell(ctx, r)
	}
	switch {
	case errors.Is(err, errEnded):
		_ = v.conn.Close(websocket.StatusServiceRestart, "the server restarts")
	case err != nil && ctx.Err() == nil:
		v.hub.report("reading messages", err)
		_ = v.conn.Close(websocket.StatusTryAgainLater, "the messages cannot be read at the moment")
	}
}

// tell sends what happens in the room. Its error is the database's.
func (v *visitor) tell(ctx context.Context, r *room) error {
	last, err := v.hub.log.begin(ctx, v.room, v.last)
	if err != nil {
		return err
	}
	v.last = last
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	if !v.send(ctx, update{Process: os.Getpid()}) {
		return nil
	}
	var present []string
	for {
		messages, names, from, behind, changed := v.hub.news(r, v.last)
		if behind {
			if messages, err = v.hub.log.after(ctx, v.room, v.last); err != nil {
				return err
			}
		}
		u := update{Messages: messages}
		if !slices.Equal(names, present) {
			u.Present, present = names, names
		}
		if (u.Messages != nil || u.Present != nil) && !v.send(ctx, u) {
			return nil
		}
		if len(messages) > 0 {
			v.last = messages[len(messages)-1].ID
		}
		if behind {
			if len(messages) < batch {
				v.last = max(v.last, from) // the log had no others up to there
			}
			continue
		}
		select {
		case <-changed:
		case <-ping.C:
			if !v.ping(ctx) {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// send tells whether the visitor can still be reached.
func (v *visitor) send(ctx context.Context, u update) bool {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return wsjson.Write(ctx, v.conn, u) == nil
}

func (v *visitor) ping(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return v.conn.Ping(ctx) == nil
}

// listen keeps what the visitor says, until the connection ends.
func (v *visitor) listen(ctx context.Context) {
	for {
		_, frame, err := v.conn.Read(ctx)
		if err != nil {
			return
		}
		if err := v.hear(ctx, frame); err != nil && ctx.Err() == nil {
			// Nothing of it was kept, so the page says it again when it is back.
			v.hub.report("keeping a message", err)
			_ = v.conn.Close(websocket.StatusTryAgainLater, "the message cannot be kept at the moment")
			return
		}
	}
}

// hear keeps one utterance, or tells the visitor why not. Its error is the database's.
func (v *visitor) hear(ctx context.Context, frame []byte) error {
	var u utterance
	if err := json.Unmarshal(frame, &u); err != nil || u.Key == "" || len(u.Key) > maxKey {
		_ = v.conn.Close(websocket.StatusInvalidFramePayloadData, `a message is an object with "key" and "text"`)
		return nil
	}
	text := clean(u.Text)
	if problem := checkText(text); problem != "" {
		v.send(ctx, update{Refused: &refusal{u.Key, problem}})
		return nil
	}
	if err := v.hub.log.add(ctx, v.room, v.name, text, u.Key); err != nil {
		return err
	}
	v.hub.look()
	return nil
}

// guard runs f, and keeps a panic in it from ending the process with all its visitors.
func guard(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			log.Printf("chat: %s panicked: %v\n%s", what, p, debug.Stack())
		}
	}()
	f()
}
