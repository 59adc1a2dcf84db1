package chat

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// A process is the application on a server of its own.
type process struct {
	*handler
	server *httptest.Server
}

// startProcesses starts processes that share a new file.
func startProcesses(t *testing.T, n int) []*process {
	t.Helper()
	t.Setenv(file.Variable, filepath.Join(t.TempDir(), "chat.db"))
	var processes []*process
	for range n {
		h, err := application()
		if err != nil {
			t.Fatal(err)
		}
		p := &process{h.(*handler), httptest.NewServer(h)}
		t.Cleanup(func() {
			p.hub.end()
			p.server.Close()
			p.awaitNobody(t)
			p.hub.log.Close()
		})
		processes = append(processes, p)
	}
	return processes
}

// awaitNobody waits until all visitors have left, which ends what runs in the background.
func (p *process) awaitNobody(t *testing.T) {
	t.Helper()
	await(t, "the visitors to be gone", func() bool {
		p.hub.mu.Lock()
		defer p.hub.mu.Unlock()
		return len(p.hub.visitors) == 0 && p.hub.unwatch == nil && len(p.hub.rooms) == 0
	})
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10 seconds for %s", what)
		}
	}
}

// A client is what a page is.
type client struct {
	t       *testing.T
	conn    *websocket.Conn
	texts   []string
	last    int64
	present []string
	refused string
}

func (p *process) enter(t *testing.T, room, name string, more ...string) *client {
	t.Helper()
	query := url.Values{"room": {room}, "name": {name}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	conn, _, err := websocket.Dial(t.Context(), p.server.URL+"/connection?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { conn.CloseNow() })
	return &client{t: t, conn: conn}
}

func (c *client) say(key, text string) {
	c.t.Helper()
	if err := wsjson.Write(c.t.Context(), c.conn, utterance{key, text}); err != nil {
		c.t.Fatal(err)
	}
}

// read takes the next update in.
func (c *client) read() error {
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	var u update
	if err := wsjson.Read(ctx, c.conn, &u); err != nil {
		return err
	}
	for _, m := range u.Messages {
		if m.ID <= c.last {
			c.t.Errorf("message %d came after message %d", m.ID, c.last)
		}
		c.last = m.ID
		c.texts = append(c.texts, m.Text)
	}
	if u.Present != nil {
		c.present = u.Present
	}
	if u.Refused != nil {
		c.refused = u.Refused.Key + ": " + u.Refused.Problem
	}
	return nil
}

func (c *client) await(what string, condition func() bool) {
	c.t.Helper()
	for !condition() {
		if err := c.read(); err != nil {
			c.t.Fatalf("waiting for %s: %v; so far %q with %q present", what, err, c.texts, c.present)
		}
	}
}

// hears waits until exactly these messages have come.
func (c *client) hears(texts ...string) {
	c.t.Helper()
	c.await(fmt.Sprintf("%q", texts), func() bool { return len(c.texts) >= len(texts) })
	if !slices.Equal(c.texts, texts) {
		c.t.Errorf("heard %q, want %q", c.texts, texts)
	}
}

func (c *client) sees(names ...string) {
	c.t.Helper()
	c.await(fmt.Sprintf("%q to be present", names), func() bool { return slices.Equal(c.present, names) })
}

// closedWith waits for the end of the connection.
func (c *client) closedWith(want websocket.StatusCode) {
	c.t.Helper()
	var err error
	for err == nil {
		err = c.read()
	}
	if got := websocket.CloseStatus(err); got != want {
		c.t.Errorf("closed with %v (%v), want %v", got, err, want)
	}
}
