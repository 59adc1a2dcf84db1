package tests

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestNetHTTPConnection: a handler that takes a connection over has what it has on net/http's own server, of which HTTP/2
// lets none be taken.
func TestNetHTTPConnection(t *testing.T) {
	httpdtest.Hosts(t, nethttpConfig(""), nil, func(t *testing.T, srv *httpdtest.Server) {
		if srv.Protocol().HTTP2() {
			t.Run("not supported", func(t *testing.T) { onBoth(t, srv.In(t), testHijackNotSupported) })
			return
		}
		for name, test := range map[string]func(t *testing.T, at site){
			"twice": testHijackTwice, "after write": testHijackAfterWrite, "write after": testWriteAfterHijack, "pipelined": testPipelinedData,
			"half-closed": testHalfClosed, "kept": testKeptAfterReturn, "kept, reset": testKeptUntilReset, "deadlines": testConnDeadlines,
			"headers": testHeadersAfterHijack,
		} {
			t.Run(name, func(t *testing.T) { onBoth(t, srv.In(t), test) })
		}
	})
}

// runRaw begins a run of a script on a connection of its own. More follows the request's head.
func runRaw(t *testing.T, at site, script, more string, headers ...string) (*conversation, string) {
	t.Helper()
	id := runID()
	c := connectionOf(t, at)
	lines := append([]string{"GET /connection/" + script + "/" + id + " HTTP/1.1", "Host: site.test"}, headers...)
	c.send(strings.Join(lines, "\r\n") + "\r\n\r\n" + more)
	return c, id
}

// upgrading are the headers of a request for which Apache runs the handler apart from its own thread.
var upgrading = []string{"Connection: Upgrade", "Upgrade: tests"}

// bothKinds runs a test with an ordinary request, and with one that asks for an upgrade.
func bothKinds(t *testing.T, test func(t *testing.T, headers []string)) {
	t.Helper()
	t.Run("plain", func(t *testing.T) { test(t, nil) })
	t.Run("upgrade", func(t *testing.T) { test(t, upgrading) })
}

// answersLast checks the next answer, and that nothing follows it.
func (c *conversation) answersLast(want string) {
	c.t.Helper()
	if got := c.answer("GET"); got.Text != want {
		c.t.Errorf("%s: %q; want %q", got.Status, got.Text, want)
	}
	c.ends()
}

func testHijackNotSupported(t *testing.T, at site) {
	seen, id := run(t, at, "GET", "/connection/unsupported")
	if seen.Status != http.StatusOK || seen.Body != "as if nothing had been" {
		t.Errorf("%+v; want 200 and the body", seen)
	}
	checkOutcome(t, at, id, "2 hijacker false, connection false, ErrNotSupported true", "<nil>")
}

func testHijackTwice(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		c, id := runRaw(t, at, "twice", "", headers...)
		c.answersLast("taken once")
		checkOutcome(t, at, id, "connection false, ErrHijacked true", "answered <nil>")
	})
}

func testHijackAfterWrite(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		c, id := runRaw(t, at, "after-write", "", headers...)
		c.answersLast("firstafter")
		checkOutcome(t, at, id, "<nil>", "<nil>")
	})
}

// testHeadersAfterHijack: the headers of the response stay as they are, for a handler that sends them by hand.
func testHeadersAfterHijack(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		c, id := runRaw(t, at, "headers", "", headers...)
		c.answersLast("set before")
		checkOutcome(t, at, id, `map["X-After":["set after"] "X-Before":["set before"]]`, "answered <nil>")
	})
}

func testWriteAfterHijack(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		c, id := runRaw(t, at, "write-after", "", headers...)
		c.answersLast("by hand")
		checkOutcome(t, at, id, "Write 0, ErrHijacked true", "WriteString 0, ErrHijacked true", "ReadFrom 0, ErrHijacked true", "the body ends true", "answered <nil>")
	})
}

// testPipelinedData: what the client has sent with its request comes through the bufio.Reader, however much it is.
func testPipelinedData(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		for _, line := range []string{"data\n", strings.Repeat("much data ", 2000) + "\n"} {
			c, id := runRaw(t, at, "pipelined", line, headers...)
			c.answersLast(line)
			checkOutcome(t, at, id, fmt.Sprintf("%q <nil>", line))
		}
		c, id := runRaw(t, at, "pipelined", "begin ", headers...)
		c.send("and end\n")
		c.answersLast("begin and end\n")
		checkOutcome(t, at, id, `"begin and end\n" <nil>`)
	})
}

// closeWrite ends the client's half of the connection.
func (c *conversation) closeWrite() {
	c.t.Helper()
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

func testHalfClosed(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		c, id := runRaw(t, at, "half-closed", "all that comes", headers...)
		c.closeWrite()
		c.answersLast("all that comes")
		checkOutcome(t, at, id, `"all that comes" <nil>`, "answered <nil>")
	})
	t.Run("not taken over", func(t *testing.T) {
		id := runID()
		c := connectionOf(t, at)
		c.send("POST /connection/half-closed-ok/" + id + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
		if at.Protocol() == httpdtest.HTTP1 { // net/http's own server answers nobody who has ended TLS
			c.closeWrite()
		}
		c.answersLast("body")
		checkOutcome(t, at, id, `"body" <nil>`, "4 <nil>")
	})
}

// testKeptAfterReturn: a goroutine has the connection when the handler has returned.
func testKeptAfterReturn(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		c, id := runRaw(t, at, "kept", "", headers...)
		if got := c.answer("GET"); got.Text != "returned\n" {
			t.Fatalf("%s: %q", got.Status, got.Text)
		}
		for range 100 {
			c.send("a line\n")
			if line, err := c.reader.ReadString('\n'); err != nil || line != "a line\n" {
				t.Fatalf("%q (%v) comes back", line, err)
			}
		}
		c.closeWrite()
		c.ends()
		checkOutcome(t, at, id, "ended by EOF true")
	})
}

// testKeptUntilReset: the peer is gone without a word.
func testKeptUntilReset(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		c, id := runRaw(t, at, "kept", "", headers...)
		c.answer("GET")
		tcp := tcpOf(c.Conn)
		if err := tcp.SetLinger(0); err != nil {
			t.Fatal(err)
		}
		if err := tcp.Close(); err != nil {
			t.Fatal(err)
		}
		checkOutcome(t, at, id, "ended by EOF false")
	})
}

func testConnDeadlines(t *testing.T, at site) {
	bothKinds(t, func(t *testing.T, headers []string) {
		c, id := runRaw(t, at, "deadlines", "", headers...)
		checkOutcome(t, at, id, "local true, remote true", "read true, timeout true", "write true", "closed <nil>", "read true", "write true", "close true")
		// A Write that came too late leaves TLS without a proper end on net/http's own server.
		if _, err := io.Copy(io.Discard, c.reader); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection does not end")
		}
	})
}

// threads are those of the httpd of TestNetHTTPConnectionLeft: as many as connections are left there.
const threads = 4

// TestNetHTTPConnectionLeft: handlers that leave a connection without closing it, or panic, take nothing from httpd for good.
func TestNetHTTPConnectionLeft(t *testing.T) {
	cfg := nethttpConfig("")
	cfg.Threads = threads
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect("MODGO0011.*panicked: after the hijack").Times(2 * 2 * 2 * threads)
		srv.Expect("MaxRequestWorkers|MinSpareThreads").Maybe() // all threads are busy
	}, func(t *testing.T, srv *httpdtest.Server) {
		if srv.Protocol().HTTP2() {
			return // TestNetHTTPConnection: there is nothing to leave
		}
		for _, test := range []struct {
			script, text string
			closes       bool // by the handler
		}{{"panic", "before the panic", true}, {"panic-open", "before the panic", false}, {"abandoned", "abandoned", false}} {
			t.Run(test.script, func(t *testing.T) {
				bothKinds(t, func(t *testing.T, headers []string) {
					srv := srv.In(t)
					for range threads {
						c, _ := runRaw(t, srv, test.script, "", headers...)
						if got := c.answer("GET"); got.Text != test.text {
							t.Errorf("%s: %q; want %q", got.Status, got.Text, test.text)
						}
						if test.closes {
							c.ends()
						}
						c.Close()
					}
					if resp := srv.Get("/respond/defaults/" + runID()); resp.StatusCode != http.StatusOK {
						t.Errorf("%s after them", resp.Status)
					}
				})
			})
		}
	})
}

// leaks is how many requests leave goroutines behind.
const leaks = 100

// TestNetHTTPLeaks: what goroutines do with a request when its handler has returned fails, and harms nothing.
func TestNetHTTPLeaks(t *testing.T) {
	cfg := nethttpConfig("")
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect("superfluous response.WriteHeader call: status 418 after 200")
		srv.Expect("a line after the end").Maybe()
		srv.Expect("AH00161|AH00286|AH00484").Maybe() // all threads, or children, are busy at once
	}, func(t *testing.T, srv *httpdtest.Server) {
		pids := srv.ChildPIDs()
		for _, method := range []string{"GET", "POST"} {
			t.Run(method, func(t *testing.T) { testLeaks(t, srv.In(t), method) })
		}
		if after := srv.ChildPIDs(); srv.MPM() != "prefork" && !slices.Equal(slices.Sorted(slices.Values(pids)), slices.Sorted(slices.Values(after))) {
			t.Errorf("the children were %v, and are %v", pids, after)
		}
	})
}

func testLeaks(t *testing.T, srv *httpdtest.Server, method string) {
	want := []string{
		"context true", "Write true", "WriteString true", "ReadFrom true", "Body.Read true", "Body.Close <nil>", "Flush true", "Hijack true",
		"SetReadDeadline true", "SetWriteDeadline true", "wsgi.errors <nil>", "reached the end",
	}
	busy := []string{"Body.Read ended", "Context ended", "Flush ended", "Write ended"}
	var requests sync.WaitGroup
	at := make(chan struct{}, 16)
	for range leaks {
		requests.Go(func() {
			at <- struct{}{}
			defer func() { <-at }()
			for _, script := range []string{"leak", "leak-busy"} {
				id := runID()
				var body io.Reader
				if method == "POST" {
					body = strings.NewReader(strings.Repeat("body ", 50_000))
				}
				req, err := http.NewRequest(method, srv.URL("/connection/"+script+"/"+id), body)
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := srv.Client().Do(req)
				if err != nil {
					// The server may end the connection while the body, which nobody reads, is under way.
					if method == "GET" {
						t.Error(err)
					}
					continue
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if script == "leak" && (err != nil || string(text) != "returned") {
					t.Errorf("the client got %q (%v)", text, err)
				}
				got, err := findOutcome(srv, id)
				if err != nil {
					t.Error(err)
					return
				}
				wanted := want
				if script == "leak-busy" {
					slices.Sort(got)
					wanted = busy
				}
				if !slices.Equal(got, wanted) {
					t.Errorf("%s: the goroutines saw %q; want %q", script, got, wanted)
				}
			}
		})
	}
	requests.Wait()
}
