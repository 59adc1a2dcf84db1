package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// mwLog is what env.Errors of a request got, one element a write.
type mwLog struct {
	mu     sync.Mutex
	writes []string
}

func (l *mwLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = append(l.writes, string(p))
	return len(p), nil
}

func (l *mwLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

// mwRequest is the environ of a request, as the reference server makes it; variables are set on top.
func mwRequest(method, target, body string, variables ...string) *modgo.Environ {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	env := environ.FromRequest(r, environ.Server{Multithread: true, Errors: new(mwLog)})
	for i := 0; i < len(variables); i += 2 {
		env.Set(variables[i], variables[i+1])
	}
	return env
}

var errMwGone = errors.New("the client has gone")

// mwHost is a Host that keeps what it is told.
type mwHost struct {
	head     *modgo.Head
	blocks   []string // as they were sent
	finished bool
	atEnd    bool // the last block came with the end
	file     bool // a part of a file was sent as such
	gone     bool // the client reads no more
	sent     func(block string)
}

func (h *mwHost) take(head *modgo.Head, block []byte) error {
	if h.gone {
		return errMwGone
	}
	if head != nil {
		if h.head != nil {
			panic("the head was sent twice")
		}
		h.head = head
	}
	if len(block) > 0 {
		h.blocks = append(h.blocks, string(block))
		if h.sent != nil {
			h.sent(string(block))
		}
	}
	return nil
}

func (h *mwHost) Send(head *modgo.Head, block []byte) error { return h.take(head, block) }

func (h *mwHost) Finish(head *modgo.Head, block []byte) error {
	h.finished, h.atEnd = true, len(block) > 0
	return h.take(head, block)
}

func (h *mwHost) SendFile(head *modgo.Head, f *os.File, offset, length int64) error {
	h.file = true
	block := make([]byte, length)
	if _, err := f.ReadAt(block, offset); err != nil {
		return err
	}
	return h.take(head, block)
}

func (h *mwHost) body() string { return strings.Join(h.blocks, "") }

func (h *mwHost) status() int {
	if h.head == nil {
		return 0
	}
	return h.head.Status
}

// header is the value of a header, and how often it was given.
func (h *mwHost) header(name string) (value string, times int) {
	if h.head == nil {
		return "", 0
	}
	for _, field := range h.head.Headers {
		if strings.EqualFold(field[0], name) {
			value = field[1]
			times++
		}
	}
	return value, times
}

// mwServe drives an application on host; raised is what it panicked with.
func mwServe(host *mwHost, env *modgo.Environ, app modgo.Application) (raised any, err error) {
	defer func() { raised = recover() }()
	return nil, modgo.Serve(app, env, host)
}

// mwCheck wraps app in m, with the validator on both sides.
func mwCheck(t *testing.T, m modgo.Middleware, app modgo.Application) modgo.Application {
	return modgo.Chain(app, validate.Testing(t), m, validate.Testing(t))
}

// mwStart is an application that starts its response and returns body.
func mwStart(status string, body modgo.Body, headers ...[2]string) modgo.Application {
	return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		if status != "204 No Content" && status != "304 Not Modified" {
			headers = append(headers[:len(headers):len(headers)], [2]string{"Content-Type", "text/plain"})
		}
		start(status, headers)
		return body
	}
}

// mwBlocks is a body of these blocks, which is not known to end before it does.
func mwBlocks(texts ...string) modgo.Body {
	return func(yield func([]byte, error) bool) {
		for _, text := range texts {
			if !yield([]byte(text), nil) {
				return
			}
		}
	}
}

// mwServer serves app on the reference server until the test ends, and returns its URL.
func mwServer(t *testing.T, app modgo.Application, log io.Writer) string {
	t.Helper()
	server := modgo.NewServer("127.0.0.1:0", app)
	server.ErrorLog = log
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.ServeForever(); err != http.ErrServerClosed {
			t.Errorf("ServeForever: %v", err)
		}
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v; a request has not ended", err)
		}
		<-done
	})
	return "http://" + server.Addr().String()
}

// mwGet sends a request and reads the response whole; err is that of either.
func mwGet(t *testing.T, method, url, body string, headers ...string) (response *http.Response, text string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err = http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return response, string(b), err
}

// mwTransparent checks what every middleware must leave as it is, where it has nothing to do.
func mwTransparent(t *testing.T, m modgo.Middleware, request func(method string) *modgo.Environ) {
	t.Run("a single block goes with its length", func(t *testing.T) {
		host := new(mwHost)
		raised, err := mwServe(host, request("GET"), m(mwStart("200 OK", modgo.Text("whole"))))
		if err != nil || raised != nil || !host.atEnd || host.body() != "whole" {
			t.Errorf("%v, %v: blocks %q, at the end: %v", err, raised, host.blocks, host.atEnd)
		}
		host = new(mwHost) // the validator between hides what the body is
		raised, err = mwServe(host, request("GET"), mwCheck(t, m, mwStart("200 OK", modgo.Text("whole"))))
		if err != nil || raised != nil || host.body() != "whole" {
			t.Errorf("validated: %v, %v: blocks %q", err, raised, host.blocks)
		}
	})
	t.Run("a file is sent as one, and closed", func(t *testing.T) {
		path := t.TempDir() + "/file"
		if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		host := new(mwHost)
		raised, err := mwServe(host, request("GET"), mwCheck(t, m, mwStart("200 OK", modgo.File(f))))
		if err != nil || raised != nil || host.body() != "content" {
			t.Errorf("%v, %v: %q", err, raised, host.body())
		}
		if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Error("the file was not closed")
		}
		host = new(mwHost)
		if f, err = os.Open(path); err != nil {
			t.Fatal(err)
		}
		if _, err := mwServe(host, request("GET"), m(mwStart("200 OK", modgo.File(f)))); err != nil || !host.file {
			t.Errorf("%v; the file was sent as such: %v", err, host.file)
		}
	})
	t.Run("written and iterated blocks are sent before the next is made, and cleaned up once", func(t *testing.T) {
		host := new(mwHost)
		cleaned := 0
		app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			w := start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}, {"X-Own", "kept"}, {"X-Own", "twice"}})
			sent := func(n int) {
				if len(host.blocks) != n {
					t.Errorf("%d blocks were sent; want %d", len(host.blocks), n)
				}
			}
			if n, err := io.WriteString(w, "written"); n != 7 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			sent(1)
			return func(yield func([]byte, error) bool) {
				defer func() { cleaned++ }()
				_ = yield(nil, nil) && yield([]byte("one"), nil)
				sent(2)
				yield([]byte("two"), nil)
				sent(3)
			}
		}
		raised, err := mwServe(host, request("GET"), mwCheck(t, m, app))
		if err != nil || raised != nil || !host.finished || host.body() != "writtenonetwo" || cleaned != 1 {
			t.Errorf("%v, %v: %q, finished: %v, cleaned up %d times", err, raised, host.blocks, host.finished, cleaned)
		}
		if value, times := host.header("X-Own"); value != "twice" || times != 2 {
			t.Errorf("X-Own came %d times, %q", times, value)
		}
	})
	t.Run("start in the first step of the body", func(t *testing.T) {
		host := new(mwHost)
		app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			return func(yield func([]byte, error) bool) {
				yield(nil, nil)
				start("201 Created", modgo.Headers{{"Content-Type", "text/plain"}})
				yield([]byte("late"), nil)
			}
		}
		raised, err := mwServe(host, request("GET"), mwCheck(t, m, app))
		if err != nil || raised != nil || host.status() != 201 || host.body() != "late" {
			t.Errorf("%v, %v: %d %q", err, raised, host.status(), host.body())
		}
	})
	t.Run("start with a cause replaces the head", func(t *testing.T) {
		host := new(mwHost)
		app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
			start("502 Bad Gateway", modgo.Headers{{"Content-Type", "text/html"}}, errors.New("cause"))
			return mwBlocks("sorry")
		}
		raised, err := mwServe(host, request("GET"), mwCheck(t, m, app))
		if value, times := host.header("Content-Type"); err != nil || raised != nil || host.status() != 502 || value != "text/html" || times != 1 {
			t.Errorf("%v, %v: %d %v", err, raised, host.status(), host.head)
		}
	})
	t.Run("start with a cause, too late, raises it", func(t *testing.T) {
		host := new(mwHost)
		cause := errors.New("cause")
		var raised any
		app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			io.WriteString(start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}}), "begun")
			defer func() { raised = recover() }()
			start("502 Bad Gateway", nil, cause)
			return nil
		}
		if passed, _ := mwServe(host, request("GET"), mwCheck(t, m, app)); raised != any(cause) || passed != nil {
			t.Errorf("raised %v, passed on %v", raised, passed)
		}
	})
	for _, status := range []string{"204 No Content", "304 Not Modified"} {
		t.Run(status, func(t *testing.T) {
			host := new(mwHost)
			raised, err := mwServe(host, request("GET"), mwCheck(t, m, mwStart(status, nil)))
			if err != nil || raised != nil || host.status() != 204 && host.status() != 304 || host.body() != "" || !host.finished {
				t.Errorf("%v, %v: %d %q", err, raised, host.status(), host.body())
			}
		})
	}
	t.Run("HEAD", func(t *testing.T) {
		host := new(mwHost)
		cleaned := 0
		body := modgo.OnClose(mwBlocks("a", "b"), func() { cleaned++ })
		raised, err := mwServe(host, request("HEAD"), mwCheck(t, m, mwStart("200 OK", body)))
		if err != nil || raised != nil || host.status() != 200 || host.body() != "" || cleaned != 1 {
			t.Errorf("%v, %v: %d %q, cleaned up %d times", err, raised, host.status(), host.body(), cleaned)
		}
	})
	t.Run("client gone", func(t *testing.T) {
		host := &mwHost{gone: true}
		cleaned := 0
		body := modgo.OnClose(mwBlocks("a", "b"), func() { cleaned++ })
		raised, err := mwServe(host, request("GET"), mwCheck(t, m, mwStart("200 OK", body)))
		if !errors.Is(err, errMwGone) || raised != nil || cleaned != 1 {
			t.Errorf("%v, %v: cleaned up %d times", err, raised, cleaned)
		}
	})
	t.Run("an error of the body", func(t *testing.T) {
		host := new(mwHost)
		body := func(yield func([]byte, error) bool) { _ = yield([]byte("a"), nil) && yield(nil, io.ErrUnexpectedEOF) }
		raised, err := mwServe(host, request("GET"), mwCheck(t, m, mwStart("200 OK", body)))
		if err != io.ErrUnexpectedEOF || raised != nil || host.finished {
			t.Errorf("%v, %v: finished: %v", err, raised, host.finished)
		}
	})
	t.Run("the extensions work", func(t *testing.T) {
		host := new(mwHost)
		app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
			return func(yield func([]byte, error) bool) {
				if err := modgo.NewController(env).Flush(); err != nil || host.head == nil {
					t.Errorf("Flush: %v; the head is out: %v", err, host.head != nil)
				}
				yield([]byte("a"), nil)
			}
		}
		if raised, err := mwServe(host, request("GET"), mwCheck(t, m, app)); err != nil || raised != nil {
			t.Errorf("%v, %v", err, raised)
		}
	})
	t.Run("round an http.Handler", func(t *testing.T) {
		h := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Trailer", "X-Sum")
			for _, text := range []string{"one ", "two"} {
				io.WriteString(w, text)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Errorf("Flush: %v", err)
				}
			}
			w.Header().Set("X-Sum", "12")
		}
		server := httptest.NewServer(m.Handler(http.HandlerFunc(h)))
		defer server.Close()
		env := request("GET")
		var headers []string
		if value, ok := env.Lookup("HTTP_AUTHORIZATION"); ok {
			headers = []string{"Authorization", value}
		}
		response, text, err := mwGet(t, "GET", server.URL, "", headers...)
		if err != nil || response.StatusCode != 200 || text != "one two" || response.Trailer.Get("X-Sum") != "12" {
			t.Errorf("%v: %v %q", err, response, text)
		}
	})
}

// mwGetRequest is the request for mwTransparent of most.
func mwGetRequest(method string) *modgo.Environ { return mwRequest(method, "/path", "") }

// mwErrors is what env.Errors of the request got.
func mwErrors(env *modgo.Environ) []string { return env.Errors().(*mwLog).all() }

// mwBuffer is a buffer that any goroutine may write to.
type mwBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *mwBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *mwBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
