package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/mod-go/mod-go/modgo"
)

// checkTransparent checks what every middleware must leave as it is, where it has nothing to do.
func checkTransparent(t *testing.T, m modgo.Middleware, request func(method string) *modgo.Environ) {
	t.Run("a single block goes with its length", func(t *testing.T) {
		host := new(recorder)
		raised, err := serve(host, request("GET"), m(starting("200 OK", modgo.Text("whole"))))
		if err != nil || raised != nil || !host.atEnd || host.body() != "whole" {
			t.Errorf("%v, %v: blocks %q, at the end: %v", err, raised, host.blocks, host.atEnd)
		}
		host = new(recorder) // the validator between hides what the body is
		raised, err = serve(host, request("GET"), checked(t, m)(starting("200 OK", modgo.Text("whole"))))
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
		host := new(recorder)
		raised, err := serve(host, request("GET"), checked(t, m)(starting("200 OK", modgo.File(f))))
		if err != nil || raised != nil || host.body() != "content" {
			t.Errorf("%v, %v: %q", err, raised, host.body())
		}
		if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Error("the file was not closed")
		}
		host = new(recorder)
		if f, err = os.Open(path); err != nil {
			t.Fatal(err)
		}
		if _, err := serve(host, request("GET"), m(starting("200 OK", modgo.File(f)))); err != nil || !host.file {
			t.Errorf("%v; the file was sent as such: %v", err, host.file)
		}
	})
	t.Run("written and iterated blocks are sent before the next is made, and cleaned up once", func(t *testing.T) {
		host := new(recorder)
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
		raised, err := serve(host, request("GET"), checked(t, m)(app))
		if err != nil || raised != nil || !host.finished || host.body() != "writtenonetwo" || cleaned != 1 {
			t.Errorf("%v, %v: %q, finished: %v, cleaned up %d times", err, raised, host.blocks, host.finished, cleaned)
		}
		if value, times := host.header("X-Own"); value != "twice" || times != 2 {
			t.Errorf("X-Own came %d times, %q", times, value)
		}
	})
	t.Run("start in the first step of the body", func(t *testing.T) {
		host := new(recorder)
		app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			return func(yield func([]byte, error) bool) {
				yield(nil, nil)
				start("201 Created", modgo.Headers{{"Content-Type", "text/plain"}})
				yield([]byte("late"), nil)
			}
		}
		raised, err := serve(host, request("GET"), checked(t, m)(app))
		if err != nil || raised != nil || host.status() != 201 || host.body() != "late" {
			t.Errorf("%v, %v: %d %q", err, raised, host.status(), host.body())
		}
	})
	t.Run("start with a cause replaces the head", func(t *testing.T) {
		host := new(recorder)
		app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
			start("502 Bad Gateway", modgo.Headers{{"Content-Type", "text/html"}}, errors.New("cause"))
			return blocks("sorry")
		}
		raised, err := serve(host, request("GET"), checked(t, m)(app))
		if value, times := host.header("Content-Type"); err != nil || raised != nil || host.status() != 502 || value != "text/html" || times != 1 {
			t.Errorf("%v, %v: %d %v", err, raised, host.status(), host.head)
		}
	})
	t.Run("start with a cause, too late, raises it", func(t *testing.T) {
		host := new(recorder)
		cause := errors.New("cause")
		var raised any
		app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			io.WriteString(start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}}), "begun")
			defer func() { raised = recover() }()
			start("502 Bad Gateway", nil, cause)
			return nil
		}
		if passed, _ := serve(host, request("GET"), checked(t, m)(app)); raised != any(cause) || passed != nil {
			t.Errorf("raised %v, passed on %v", raised, passed)
		}
	})
	for _, status := range []string{"204 No Content", "304 Not Modified"} {
		t.Run(status, func(t *testing.T) {
			host := new(recorder)
			raised, err := serve(host, request("GET"), checked(t, m)(starting(status, nil)))
			if err != nil || raised != nil || host.status() != 204 && host.status() != 304 || host.body() != "" || !host.finished {
				t.Errorf("%v, %v: %d %q", err, raised, host.status(), host.body())
			}
		})
	}
	t.Run("HEAD", func(t *testing.T) {
		host := new(recorder)
		cleaned := 0
		body := modgo.OnClose(blocks("a", "b"), func() { cleaned++ })
		raised, err := serve(host, request("HEAD"), checked(t, m)(starting("200 OK", body)))
		if err != nil || raised != nil || host.status() != 200 || host.body() != "" || cleaned != 1 {
			t.Errorf("%v, %v: %d %q, cleaned up %d times", err, raised, host.status(), host.body(), cleaned)
		}
	})
	t.Run("client gone", func(t *testing.T) {
		host := &recorder{gone: true}
		cleaned := 0
		body := modgo.OnClose(blocks("a", "b"), func() { cleaned++ })
		raised, err := serve(host, request("GET"), checked(t, m)(starting("200 OK", body)))
		if !errors.Is(err, errGone) || raised != nil || cleaned != 1 {
			t.Errorf("%v, %v: cleaned up %d times", err, raised, cleaned)
		}
	})
	t.Run("an error of the body", func(t *testing.T) {
		host := new(recorder)
		body := func(yield func([]byte, error) bool) { _ = yield([]byte("a"), nil) && yield(nil, io.ErrUnexpectedEOF) }
		raised, err := serve(host, request("GET"), checked(t, m)(starting("200 OK", body)))
		if err != io.ErrUnexpectedEOF || raised != nil || host.finished {
			t.Errorf("%v, %v: finished: %v", err, raised, host.finished)
		}
	})
	t.Run("the extensions work", func(t *testing.T) {
		host := new(recorder)
		app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
			return func(yield func([]byte, error) bool) {
				if err := modgo.NewController(env).Flush(); err != nil || host.head == nil {
					t.Errorf("Flush: %v; the head is out: %v", err, host.head != nil)
				}
				yield([]byte("a"), nil)
			}
		}
		if raised, err := serve(host, request("GET"), checked(t, m)(app)); err != nil || raised != nil {
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
			headers = []string{"Authorization: " + value}
		}
		r := fetch(t, "GET", server.URL, "", headers...)
		if r.Err != nil || r.StatusCode != 200 || r.Body != "one two" || r.Trailer.Get("X-Sum") != "12" {
			t.Errorf("%v: %v %q", r.Err, r.Response, r.Body)
		}
	})
}
