package tests

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// generous is a GoKeepAliveWait that a client which asks one request after another never uses up.
const generous = "GoKeepAliveWait 100ms"

// startKeepAlive starts an httpd of the event MPM with one child of eight threads, which counts how often a connection is
// given to the MPM's listener.
func startKeepAlive(t *testing.T, lines ...string) *httpdtest.Server {
	t.Helper()
	module := filepath.Join(t.TempDir(), "mod_suspends.so")
	httpdtest.CompileModule(t, "testdata/modules/mod_suspends.c", module)
	usual := []string{"MaxKeepAliveRequests 0", "KeepAliveTimeout 60", "LoadModule suspends_module " + module}
	cfg := overtimeConfig(append(usual, lines...)...)
	cfg.MPM, cfg.Processes, cfg.Threads, cfg.AllProtocols = "event", 1, 8, true
	return httpdtest.Start(t, cfg)
}

// ask sends a request and returns how often the connection had been given to the listener when it came.
func (c *conversation) ask(path string) int {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
	resp := c.answer(http.MethodGet)
	n, err := strconv.Atoi(resp.Header.Get("Suspends"))
	if resp.StatusCode != 200 || err != nil {
		c.t.Fatalf("GET %s: %s, %v", path, resp.Status, resp.Header)
	}
	return n
}

// Of 20 quick requests of a connection, no more than few go through the listener where a thread waits, and at least many where
// none does. A busy machine makes a client slow, or httpd so late that it sees the next request when it ends the one before.
const few, many = 4, 10

// askOften sends quick requests, though none before httpd can be done with the one before, and returns how often the
// connection went to the listener from the first to the last.
func (c *conversation) askOften(path string, n int) int {
	c.t.Helper()
	first, last := c.ask(path), 0
	for range n {
		c.idle(httpdtest.Limit(2 * time.Millisecond))
		last = c.ask(path)
	}
	return last - first
}

// idle lets a time pass in which the server has to send nothing.
func (c *conversation) idle(d time.Duration) {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
		c.t.Fatal(err)
	}
	if b, err := c.reader.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("while the client is idle comes %q (%v)", b, err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		c.t.Fatal(err)
	}
}

// TestKeepAliveWait: while the requests of a connection come quickly it stays with its thread, without and with TLS.
func TestKeepAliveWait(t *testing.T) {
	srv := startKeepAlive(t, generous)
	for _, protocol := range []httpdtest.Protocol{httpdtest.HTTP1, httpdtest.TLS} {
		t.Run(string(protocol), func(t *testing.T) {
			c := converse(t, srv.Over(protocol))
			c.ask("/app/pid") // two short pauses show that they are
			c.ask("/app/pid")
			c.ask("/app/pid")
			if n := c.askOften("/app/pid", 20); n > few {
				t.Errorf("of 20 quick requests, %d were preceded by a change of threads", n)
			}
			c.idle(httpdtest.Limit(300 * time.Millisecond))
			before := c.ask("/app/pid")
			c.idle(httpdtest.Limit(300 * time.Millisecond))
			if n := c.ask("/app/pid") - before; n != 1 {
				t.Errorf("a client that took its time was given to the listener %d times; want once", n)
			}
		})
	}
}

// TestKeepAliveWaitPipelined: requests that come together are answered one after another, whatever comes then.
func TestKeepAliveWaitPipelined(t *testing.T) {
	c := converse(t, startKeepAlive(t, generous))
	c.askOften("/app/pid", 5)
	for range 20 {
		const one = "GET /app/pid HTTP/1.1\r\nHost: h\r\n\r\n"
		c.send(one + one + one[:10])
		c.answer(http.MethodGet)
		c.answer(http.MethodGet)
		c.send(one[10:])
		if resp := c.answer(http.MethodGet); resp.StatusCode != 200 {
			t.Fatalf("the third of the requests gets %s", resp.Status)
		}
	}
}

// TestKeepAliveWaitOff: without it, and where no request of the connection was for an application, nothing changes.
func TestKeepAliveWaitOff(t *testing.T) {
	t.Run("off", func(t *testing.T) {
		if n := converse(t, startKeepAlive(t, "GoKeepAliveWait off")).askOften("/app/pid", 20); n < many {
			t.Errorf("of 20 requests, %d were preceded by a change of threads; want most", n)
		}
	})
	t.Run("files", func(t *testing.T) {
		srv := startKeepAlive(t, generous, "Alias /files ${DIR}/release", "<Directory ${DIR}/release>", "Require all granted", "</Directory>")
		letGo(t, srv, "file")
		if n := converse(t, srv).askOften("/files/file", 20); n < many {
			t.Errorf("of 20 requests, %d were preceded by a change of threads; want most", n)
		}
	})
}

// TestKeepAliveWaitSparesThreads: no thread waits where more than half of them have something to do.
func TestKeepAliveWaitSparesThreads(t *testing.T) {
	srv := startKeepAlive(t, generous)
	c := converse(t, srv)
	c.askOften("/app/pid", 5)
	busy := make([]*conversation, 4)
	for i := range busy {
		b := converse(t, srv)
		busy[i] = b
		b.send("GET /app/headed/busy HTTP/1.1\r\nHost: h\r\n\r\n")
		b.head(http.MethodGet) // now its handler runs
	}
	if n := c.askOften("/app/pid", 20); n < many {
		t.Errorf("while four of eight threads are busy, of 20 requests %d were preceded by a change of threads; want most", n)
	}
	letGo(t, srv, "busy")
	for _, b := range busy {
		b.Close()
	}
	if err := httpdtest.Poll(httpdtest.Limit(10*time.Second), func() bool { return c.askOften("/app/pid", 20) <= few }); err != nil {
		t.Errorf("the threads are free again, and none waits: %v", err)
	}
}

// TestKeepAliveWaitEnds: KeepAliveTimeout and a graceful restart end a connection that a thread has waited for.
func TestKeepAliveWaitEnds(t *testing.T) {
	t.Run("KeepAliveTimeout", func(t *testing.T) {
		c := converse(t, startKeepAlive(t, generous, "KeepAliveTimeout 1"))
		c.askOften("/app/pid", 10)
		c.within(20 * time.Second)
		c.ends()
	})
	t.Run("restart", func(t *testing.T) {
		srv := startKeepAlive(t, generous)
		c := converse(t, srv)
		c.within(30 * time.Second)
		c.askOften("/app/pid", 10)
		srv.Graceful()
		for {
			if _, err := io.WriteString(c, "GET /app/pid HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
				break // closed between two requests
			}
			if _, err := c.reader.Peek(1); err != nil {
				break
			}
			if resp := c.answer(http.MethodGet); resp.Close {
				c.ends()
				break
			}
		}
		if n := converse(t, srv).askOften("/app/pid", 20); n > few {
			t.Errorf("in the new child, of 20 requests %d were preceded by a change of threads", n)
		}
	})
}
