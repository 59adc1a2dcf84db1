package middleware_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

func ExampleAccessLog() {
	logged := middleware.AccessLog(os.Stdout, func(line []byte, a *middleware.Access) []byte {
		if a.Status < 400 {
			return line // only what went wrong
		}
		return fmt.Appendf(line, "%s %s: %d\n", a.Method, a.URI, a.Status)
	})
	application := logged(func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		startResponse("404 Not Found", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text("there is nothing here")
	})
	env := envOf(map[string]string{"REQUEST_METHOD": "GET", "REQUEST_URI": "/nothing"})
	body := application(env, func(string, modgo.Headers, ...error) io.Writer { return io.Discard })
	for range body {
	}
	// Output: GET /nothing: 404
}

// logged is what the line of a request said.
type logged struct {
	Time                  time.Time
	Method, URI, Protocol string
	Status                int
	Bytes                 int64
	Duration              float64
	Remote, User, Referer string
	UserAgent             string `json:"user_agent"`
	RequestID             string `json:"request_id"`
	Aborted               string
}

// lines hands each line over.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func (l lines) next(t *testing.T) logged {
	t.Helper()
	select {
	case line := <-l:
		var got logged
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return got
	case <-time.After(10 * time.Second):
		t.Fatal("no line was written")
		return logged{}
	}
}

func (l lines) none(t *testing.T) {
	t.Helper()
	select {
	case line := <-l:
		t.Errorf("a second line: %q", line)
	default:
	}
}

var text = modgo.Headers{{"Content-Type", "text/plain"}}

func TestAccessLogTellsWhatTheClientGot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	opened := func() modgo.Body {
		f, err := os.Open(file)
		if err != nil {
			t.Error(err)
		}
		return modgo.File(f)
	}
	nothing := func() modgo.Body { return nil }
	long := append(text, [2]string{"Content-Length", "9"})
	for _, test := range []struct {
		name, method string
		app          modgo.Application
		status       int
		bytes        int64
		aborted      string // what the reason has; "" for a whole response
		broken       bool   // it breaks the contract
	}{
		{"a single block", "GET", respond("200 OK", text, func() modgo.Body { return modgo.Text("hello") }), 200, 5, "", false},
		{"blocks", "GET", respond("201 Created", text, func() modgo.Body { return blocks("one", "", "two") }), 201, 6, "", false},
		{"a file", "GET", respond("200 OK", text, opened), 200, 100_000, "", false},
		{"no body", "GET", respond("204 No Content", nil, nothing), 204, 0, "", false},
		{"HEAD", "HEAD", respond("200 OK", text, func() modgo.Body { return blocks("one", "two") }), 200, 0, "", false},
		{"HEAD of a single block", "HEAD", respond("200 OK", text, func() modgo.Body { return modgo.Text("hello") }), 200, 0, "", false},
		{"HEAD of a file", "HEAD", respond("200 OK", text, opened), 200, 0, "", false},
		{"more than Content-Length", "GET", respond("200 OK", long, func() modgo.Body { return blocks("12345", "6789X", "Y") }), 200, 9, "", true},
		{"less than Content-Length", "GET", respond("200 OK", long, func() modgo.Body { return blocks("12345") }), 200, 5, "5 of the 9 bytes", false},
		{"written", "GET", func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			io.WriteString(startResponse("200 OK", text), "written")
			return nil
		}, 200, 7, "", false},
		{"written and iterated", "GET", func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			io.WriteString(startResponse("200 OK", text), "written")
			return blocks("iterated")
		}, 200, 15, "", false},
		{"started again", "GET", func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			startResponse("200 OK", long)
			startResponse("503 Service Unavailable", text, errors.New("cause"))
			return modgo.Text("busy")
		}, 503, 4, "", false},
		{"a panic", "GET", func(*modgo.Environ, modgo.StartResponse) modgo.Body { panic("oops") }, 500, 0, "panicked: oops", false},
		{"a panic after startResponse", "GET", func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			startResponse("200 OK", text)
			panic("oops")
		}, 500, 0, "panicked: oops", false},
		{"a panic between blocks", "GET", respond("200 OK", text, func() modgo.Body {
			return func(yield func([]byte, error) bool) {
				yield([]byte("one"), nil)
				panic("oops")
			}
		}), 200, 3, "panicked: oops", false},
		{"a cut connection", "GET", func(*modgo.Environ, modgo.StartResponse) modgo.Body { panic(http.ErrAbortHandler) }, 0, 0, "abort", false},
		{"a failing body", "GET", respond("200 OK", text, func() modgo.Body {
			return func(yield func([]byte, error) bool) { yield(nil, errors.New("disk on fire")) }
		}), 500, 0, "disk on fire", false},
		{"a body that fails later", "GET", respond("200 OK", text, func() modgo.Body {
			return func(yield func([]byte, error) bool) {
				_ = yield([]byte("one"), nil) && yield(nil, errors.New("disk on fire"))
			}
		}), 200, 3, "disk on fire", false},
		{"a body with a clean-up that fails later", "GET", respond("200 OK", text, func() modgo.Body {
			return modgo.OnClose(func(yield func([]byte, error) bool) {
				_ = yield([]byte("one"), nil) && yield(nil, errors.New("disk on fire"))
			}, func() {})
		}), 200, 3, "disk on fire", false},
		{"no startResponse", "GET", func(*modgo.Environ, modgo.StartResponse) modgo.Body { return blocks() }, 500, 0, "without calling startResponse", false},
		{"a handler", "GET", modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusGone) })), 410, 5, "", false},
		{"a handler that panics", "GET", modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "one")
			http.NewResponseController(w).Flush()
			panic("oops")
		})), 200, 3, "panicked: oops", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := make(lines, 2)
			m := middleware.AccessLog(log, middleware.JSONLog)
			check := func(t *testing.T, m modgo.Middleware, direct bool) {
				s := serveSite(t, "", m(test.app))
				r := s.do(t, test.method, "/a%20b?c=d", "User-Agent: me")
				got := log.next(t)
				size, aborted, reason := test.bytes, test.aborted != "", test.aborted
				if !direct && aborted { // net/http's own way to abort is between the application and the log
					reason = ""
					if got.Aborted == "" && test.status == 500 {
						size, aborted = int64(len(r.Body)), false
					}
				}
				if got.Status != test.status || got.Bytes != size || (got.Aborted != "") != aborted || !strings.Contains(got.Aborted, reason) {
					t.Errorf("logged %+v; want %d, %d bytes, aborted %q", got, test.status, test.bytes, test.aborted)
				}
				if got.Method != test.method || got.URI != "/a%20b?c=d" || got.Protocol != "HTTP/1.1" || got.UserAgent != "me" || got.Remote != "127.0.0.1" {
					t.Errorf("logged %+v", got)
				}
				if since := time.Since(got.Time); since < 0 || since > time.Minute || got.Duration < 0 || got.Duration > since.Seconds()+1 {
					t.Errorf("the request came %v ago and took %v s", since, got.Duration)
				}
				if r.StatusCode != test.status || int64(len(r.Body)) != test.bytes && test.status != 500 {
					t.Errorf("the client got %d, %d bytes (%v); want what was logged", r.StatusCode, len(r.Body), r.Err)
				}
				log.none(t)
			}
			t.Run("application", func(t *testing.T) { check(t, m, true) })
			t.Run("handler", func(t *testing.T) { check(t, asHandler(m), false) })
			if test.aborted == "" && !test.broken {
				t.Run("checked", func(t *testing.T) { check(t, checked(t, m), true) })
			}
		})
	}
}

func TestAccessLogKeepsFilesAndSingleBlocks(t *testing.T) {
	log := make(lines, 2)
	m := middleware.AccessLog(log, middleware.JSONLog)
	s := serveSite(t, "", m(respond("200 OK", text, func() modgo.Body { return modgo.Text("hello") })))
	if r := s.do(t, "GET", "/"); r.ContentLength != 5 {
		t.Errorf("the server does not know the length of a single block any more: %d", r.ContentLength)
	}
	log.next(t)

	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	asServer := func(app modgo.Application) modgo.Application { // outside m: what a server gets to see
		return func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			body := app(env, startResponse)
			if modgo.KindOf(body) != modgo.WholeFile {
				t.Error("the server does not know the file any more")
			}
			return body
		}
	}
	s = serveSite(t, "", asServer(m(respond("200 OK", text, func() modgo.Body {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		return modgo.File(f)
	}))))
	if r := s.do(t, "GET", "/"); r.Body != "hello" || r.ContentLength != 5 {
		t.Errorf("the file came as %q, of length %d", r.Body, r.ContentLength)
	}
	if got := log.next(t); got.Bytes != 5 {
		t.Errorf("logged %d bytes; want 5", got.Bytes)
	}
}

func TestAccessLogSeesTheClientGo(t *testing.T) {
	log := make(lines, 1)
	endless := func(yield func([]byte, error) bool) {
		for block := bytes.Repeat([]byte("x"), 1<<16); yield(block, nil); {
		}
	}
	written := func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		w := startResponse("200 OK", text)
		endless(func(block []byte, _ error) bool {
			_, err := w.Write(block)
			return err == nil
		})
		return nil
	}
	for name, app := range map[string]modgo.Application{
		"iterated": respond("200 OK", text, func() modgo.Body { return endless }),
		"written":  written,
	} {
		t.Run(name, func(t *testing.T) {
			s := serveSite(t, "", middleware.AccessLog(log, middleware.JSONLog)(app))
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			conn.Close()
			if got := log.next(t); got.Status != 200 || got.Bytes == 0 || got.Aborted == "" {
				t.Errorf("logged %+v; want a response that began with 200 and was aborted", got)
			}
		})
	}
}

func TestAccessLogOfATakenOverConnection(t *testing.T) {
	log := make(lines, 1)
	s := serveSite(t, "", middleware.AccessLog(log, middleware.JSONLog)(func(env *modgo.Environ, _ modgo.StartResponse) modgo.Body {
		conn, _, err := modgo.NewController(env).Hijack()
		if err != nil {
			t.Error(err)
			return nil
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
		return nil
	}))
	s.do(t, "GET", "/")
	if got := log.next(t); got.Status != 0 || got.Aborted != "" {
		t.Errorf("logged %+v; want neither a status nor a failure", got)
	}
}

func TestAccessLogWithoutExtension(t *testing.T) {
	log := make(lines, 1)
	withhold := func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			env.SetExtension(nil)
			return app(env, startResponse)
		}
	}
	for name, body := range map[string]func() modgo.Body{
		"a single block": func() modgo.Body { return modgo.Text("hello") },
		"blocks":         func() modgo.Body { return blocks("hel", "lo") },
		"a file": func() modgo.Body {
			f, err := fstest.MapFS{"f": {Data: []byte("hello")}}.Open("f")
			if err != nil {
				t.Error(err)
			}
			return modgo.File(f)
		},
		"a closing body": func() modgo.Body { return modgo.OnClose(modgo.Text("hello"), func() {}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := serveSite(t, "", modgo.Chain(respond("200 OK", text, body), withhold, middleware.AccessLog(log, middleware.JSONLog)))
			s.do(t, "GET", "/")
			if got := log.next(t); got.Bytes != 5 {
				t.Errorf("logged %d bytes; want 5", got.Bytes)
			}
		})
	}
}

func TestAccessLogSeesTheUserAndTheRequestID(t *testing.T) {
	log := make(lines, 1)
	inner := func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		env.Set("REMOTE_USER", "ada")
		env.Set("REQUEST_METHOD", "PUT") // the line is about the request as it came
		env.Set(middleware.RequestIDVariable, "id-7")
		startResponse("200 OK", text)
		return modgo.Text("hello")
	}
	s := serveSite(t, "/shop", middleware.AccessLog(log, middleware.JSONLog)(inner))
	s.do(t, "GET", "/cart")
	if got := log.next(t); got.User != "ada" || got.RequestID != "id-7" || got.Method != "GET" || got.URI != "/shop/cart" {
		t.Errorf("logged %+v", got)
	}
}
