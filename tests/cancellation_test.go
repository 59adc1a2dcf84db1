package tests

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const cancelApp = "github.com/mod-go/mod-go/tests/testdata/apps/cancel"

// promised is how soon a request's context ends when its client has gone.
const promised = 200 * time.Millisecond

func cancelConfig() httpdtest.Config {
	return httpdtest.Config{
		Packages: []string{"./tests/testdata/apps/cancel"},
		Mounts:   []httpdconf.Mount{{Path: "/", Package: cancelApp}},
		Conf:     "GoSetEnv EVENTS ${DIR}/events.log",
	}
}

// event waits for a line of the application's, and returns what follows its words.
func event(t *testing.T, srv *httpdtest.Server, words string) (rest string) {
	t.Helper()
	return eventWhile(t, srv, words, func() {})
}

// eventWhile is event, and does something each time before it looks.
func eventWhile(t *testing.T, srv *httpdtest.Server, words string, do func()) (rest string) {
	t.Helper()
	err := httpdtest.Poll(10*time.Second, func() bool {
		do()
		content, err := os.ReadFile(srv.Path("events.log"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if after, ok := strings.CutPrefix(line, words); ok {
				rest = strings.TrimSpace(after)
				return true
			}
		}
		return false
	})
	if err != nil {
		content, _ := os.ReadFile(srv.Path("events.log"))
		t.Fatalf("the application did not note %q; it noted %q", words, content)
	}
	return rest
}

// endedAfter is how long after a time the request's context ended.
func endedAfter(t *testing.T, srv *httpdtest.Server, id string, gone time.Time) time.Duration {
	t.Helper()
	at, err := strconv.ParseInt(event(t, srv, id+" ended "), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(0, at).Sub(gone)
}

// TestContextEndsWithTheClient: also while the handler neither reads nor writes.
func TestContextEndsWithTheClient(t *testing.T) {
	httpdtest.Hosts(t, cancelConfig(), nil, func(t *testing.T, srv *httpdtest.Server) {
		for _, test := range []struct{ name, method, query string }{
			{"get", "GET", ""},
			{"polled", "GET", "?polled"},
			{"head-sent", "GET", "?headed"},
			{"body-read", "POST", "?read"},
			{"body-unread", "POST", ""},
		} {
			t.Run(test.name, func(t *testing.T) {
				srv := srv.In(t)
				id := strings.ReplaceAll(t.Name(), "/", ".")
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				var body io.Reader
				if test.method == "POST" {
					body = strings.NewReader("some content")
				}
				request, err := http.NewRequestWithContext(ctx, test.method, srv.URL("/wait/"+id+test.query), body)
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					if resp, err := srv.Client().Do(request); err == nil {
						_, _ = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				}()
				event(t, srv, id+" begun")
				gone := time.Now()
				leave()
				if after := endedAfter(t, srv, id, gone); after > httpdtest.Limit(promised) {
					t.Errorf("the context ended %v after the client had gone; want within %v", after, promised)
				}
				<-done
			})
		}
	})
}

// TestContextEndsWithTheConnection: whichever way the client's connection ends.
func TestContextEndsWithTheConnection(t *testing.T) {
	httpdtest.Hosts(t, cancelConfig(), nil, func(t *testing.T, srv *httpdtest.Server) {
		if srv.Protocol().HTTP2() {
			return // TestContextEndsWithTheClient resets streams; a connection there is the client library's
		}
		for _, test := range []struct {
			name string
			end  func(conn net.Conn) error
		}{
			{"closed", func(conn net.Conn) error { return conn.Close() }},
			{"reset", func(conn net.Conn) error {
				if err := tcpOf(conn).SetLinger(0); err != nil {
					return err
				}
				return tcpOf(conn).Close()
			}},
			{"half-closed", func(conn net.Conn) error { return conn.(interface{ CloseWrite() error }).CloseWrite() }},
		} {
			t.Run(test.name, func(t *testing.T) {
				srv := srv.In(t)
				id := strings.ReplaceAll(t.Name(), "/", ".")
				conn := srv.Dial(t)
				fmt.Fprintf(conn, "GET /wait/%s HTTP/1.1\r\nHost: x\r\n\r\n", id)
				event(t, srv, id+" begun")
				gone := time.Now()
				if err := test.end(conn); err != nil {
					t.Fatal(err)
				}
				if srv.Protocol() == httpdtest.TLS && test.name == "half-closed" {
					_ = tcpOf(conn).Close() // TLS's alert alone is no end of the connection
				}
				if after := endedAfter(t, srv, id, gone); after > httpdtest.Limit(promised) {
					t.Errorf("the context ended %v after the connection; want within %v", after, promised)
				}
			})
		}
	})
}

func tcpOf(conn net.Conn) *net.TCPConn {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return conn.(*net.TCPConn)
}

// TestContextEndsBeforeReadsAndWritesFail: a handler that gets an error because its client has gone, and asks the context
// what the error means, finds it ended.
func TestContextEndsBeforeReadsAndWritesFail(t *testing.T) {
	const runs = 5 // the context ends soon after by itself
	want := "failed true: the context context canceled, one made from it context canceled"
	httpdtest.Hosts(t, nethttpConfig(""), nil, func(t *testing.T, srv *httpdtest.Server) {
		t.Run("read", func(t *testing.T) {
			onBoth(t, srv.In(t), func(t *testing.T, at site) {
				for range runs {
					id := runID()
					ctx, leave := context.WithCancel(t.Context())
					body, writer := io.Pipe()
					go func() { _, _ = io.WriteString(writer, "begun, and then no more") }()
					req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.URL("/respond/torn-upload/"+id), body)
					if err != nil {
						t.Fatal(err)
					}
					left := make(chan struct{})
					go func() {
						defer close(left)
						if resp, err := at.Client().Do(req); err == nil {
							resp.Body.Close()
						}
					}()
					awaitSignal(t, at, id, "begun")
					leave()
					checkOutcome(t, at, id, want)
					writer.Close() // for which the client waits
					<-left
				}
			})
		})
		t.Run("write", func(t *testing.T) {
			onBoth(t, srv.In(t), func(t *testing.T, at site) {
				for range runs {
					id := runID()
					ctx, leave := context.WithCancel(t.Context())
					req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL("/respond/torn-download/"+id), nil)
					if err != nil {
						t.Fatal(err)
					}
					resp, err := at.Client().Do(req)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.CopyN(io.Discard, resp.Body, 100_000)
					leave()
					resp.Body.Close()
					checkOutcome(t, at, id, want)
				}
			})
		})
	})
}

// TestContextOutlivesPipelining: a client that has sent its next request, and sends no more, waits for both answers.
func TestContextOutlivesPipelining(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := cancelConfig()
		cfg.MPM = mpm
		srv := httpdtest.Start(t, cfg)
		conn := srv.Dial(t)
		request := "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"
		fmt.Fprint(conn, request+request+strings.Replace(request, "Host", "Connection: close\r\nHost", 1))
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		answers, err := io.ReadAll(conn)
		if err != nil || strings.Count(string(answers), "\r\n\r\nquick") != 3 {
			t.Errorf("error %v; the client got %q; want three answers", err, answers)
		}
	})
}

// TestContextEndsWithTheServer: when httpd is stopped, and after GoShutdownTimeout when it is told to stop gracefully.
func TestContextEndsWithTheServer(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		for _, test := range []struct {
			name string
			end  func(srv *httpdtest.Server)
		}{
			{"stop", (*httpdtest.Server).Stop},
			{"graceful-stop", (*httpdtest.Server).GracefulStop},
		} {
			if mpm == "prefork" && test.name == "stop" {
				continue // prefork ends its children from a signal's handler, in the midst of a request
			}
			t.Run(test.name, func(t *testing.T) {
				cfg := cancelConfig()
				cfg.MPM = mpm
				cfg.Conf += "\nGoShutdownTimeout 500ms"
				srv := httpdtest.Start(t, cfg)
				conn := srv.Dial(t)
				fmt.Fprint(conn, "GET /wait/stopped HTTP/1.1\r\nHost: x\r\n\r\n")
				event(t, srv, "stopped begun")
				begun := time.Now()
				test.end(srv)
				if after := endedAfter(t, srv, "stopped", begun); after > httpdtest.Limit(5*time.Second) {
					t.Errorf("the context ended %v after the server was told to", after)
				}
				event(t, srv, "stopped finished")
			})
		}
	})
}

// TestNothingWaitsUnderTheLock: while a write waits for a client that does not read, the body is read, and the context ends
// with the client.
func TestNothingWaitsUnderTheLock(t *testing.T) {
	httpdtest.Hosts(t, cancelConfig(), nil, func(t *testing.T, srv *httpdtest.Server) {
		id := strings.ReplaceAll(t.Name(), "/", ".")
		body, feed := io.Pipe()
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		request, err := http.NewRequestWithContext(ctx, "POST", srv.URL("/stuck/"+id), body)
		if err != nil {
			t.Fatal(err)
		}
		response := make(chan error, 1)
		go func() {
			resp, err := srv.Client().Do(request)
			if err == nil {
				defer resp.Body.Close()
				<-ctx.Done() // reads nothing
			}
			response <- err
		}()
		size := int64(300_000)
		if srv.Protocol().HTTP2() {
			size = 30_000 // what fits its window: mod_http2 opens none while a connection waits for its client to read
		}
		if _, err := io.CopyN(feed, zeros{}, size); err != nil {
			t.Fatal(err)
		}
		feed.Close()
		if n := event(t, srv, id+" read "); n != strconv.FormatInt(size, 10) {
			t.Errorf("the handler read %s bytes; want %d", n, size)
		}
		gone := time.Now()
		leave()
		if after := endedAfter(t, srv, id, gone); after > httpdtest.Limit(promised) {
			t.Errorf("the context ended %v after the client had gone; want within %v", after, promised)
		}
		event(t, srv, id+" stopped")
		if err := <-response; err != nil {
			t.Error(err)
		}
	})
}

// TestWriteEndsAtTimeout: a client that takes nothing of a response for as long as httpd's Timeout allows has gone, whatever
// else it does meanwhile.
func TestWriteEndsAtTimeout(t *testing.T) {
	cfg := cancelConfig()
	cfg.Conf += "\nTimeout 2"
	httpdtest.Hosts(t, cfg, nil, func(t *testing.T, srv *httpdtest.Server) {
		id := strings.ReplaceAll(t.Name(), "/", ".")
		resp, err := srv.Client().Get(srv.URL("/stuck/" + id))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		event(t, srv, id+" read 0")
		// Over HTTP/2 these share the connection: mod_http2 itself would end one on which nothing happens.
		eventWhile(t, srv, id+" stopped", func() {
			if answer := srv.Get("/quick"); answer.Text != "quick" {
				t.Fatalf("another request meanwhile: %s, %q", answer.Status, answer.Text)
			}
		})
		if n, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("the client took the %d bytes for all", n)
		}
	})
}

// zeros is an endless reader.
type zeros struct{}

// Read fills p.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
