package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

func TestRecoverIsTransparent(t *testing.T) {
	checkTransparent(t, middleware.Recover(), getRequest)
}

func TestRecover(t *testing.T) {
	boom := func() { raise("out of\nluck") }
	typed := modgo.Headers{{"Content-Type", "text/plain"}, {"Content-Length", "100"}}
	for _, test := range []struct {
		name   string
		method string
		gone   bool
		app    modgo.Application
		sent   string // before the panic; the response is aborted if there is some
		abort  bool
		log    string // the first line
	}{
		{name: "before start", app: func(*modgo.Environ, modgo.StartResponse) modgo.Body { boom(); return nil }},
		{name: "after start", app: func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", typed)
			boom()
			return nil
		}},
		{name: "after a write", sent: "a", abort: true, app: func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			io.WriteString(start("200 OK", typed), "a")
			boom()
			return nil
		}},
		{name: "after a flush", abort: true, app: func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", typed)
			if err := modgo.NewController(env).Flush(); err != nil {
				t.Error(err)
			}
			boom()
			return nil
		}},
		{name: "after an interim start", app: func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", typed)
			start("404 Not Found", typed, errors.New("cause"))
			boom()
			return nil
		}},
		{name: "in the body, before a block", app: starting("200 OK", blocksThen(boom))},
		{name: "in the body, after an empty block", app: starting("200 OK", blocksThen(boom, "", ""))},
		{name: "in the body, after a block", sent: "ab", abort: true, app: starting("200 OK", blocksThen(boom, "a", "b"))},
		{name: "in the body, before start", app: func(*modgo.Environ, modgo.StartResponse) modgo.Body { return blocksThen(boom) }},
		{name: "in a clean-up", sent: "a", abort: true, app: starting("200 OK", modgo.OnClose(blocks("a"), boom))},
		{name: "in a clean-up after nothing", app: starting("200 OK", modgo.OnClose(nil, boom))},
		{name: "in a clean-up when the client has gone", gone: true, abort: true, app: starting("200 OK", modgo.OnClose(blocks("a", "b"), boom))},
		{name: "HEAD, in the call", method: "HEAD", app: func(*modgo.Environ, modgo.StartResponse) modgo.Body { boom(); return nil }},
		{name: "HEAD, after the last block that is wanted", method: "HEAD", abort: true, app: starting("200 OK", modgo.OnClose(blocks("a", "b"), boom))},
		{name: "an error", log: "the disk is full", app: func(*modgo.Environ, modgo.StartResponse) modgo.Body {
			raise(errors.New("the disk is full"))
			return nil
		}},
		{name: "nil", log: "panic called with nil argument", app: func(*modgo.Environ, modgo.StartResponse) modgo.Body {
			raise(nil)
			return nil
		}},
		{name: "a value that cannot be compared", log: "[1 2]", app: func(*modgo.Environ, modgo.StartResponse) modgo.Body {
			raise([]int{1, 2})
			return nil
		}},
		{name: "a value whose String panics", log: "PANIC=", app: func(*modgo.Environ, modgo.StartResponse) modgo.Body {
			raise(badString{})
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			method := test.method
			if method == "" {
				method = "GET"
			}
			host := &recorder{gone: test.gone}
			env := requestOf(method, "/p", "", "UNIQUE_ID", "abc@1-2")
			app := test.app
			raised, err := serve(host, env, checked(t, middleware.Recover())(app))
			if test.abort {
				if raised != http.ErrAbortHandler || host.finished || host.body() != test.sent {
					t.Errorf("raised %v, sent %q, finished %v; want an aborted response", raised, host.body(), host.finished)
				}
			} else {
				page, length := "Internal Server Error\n", "22"
				if method == "HEAD" {
					page = ""
				}
				value, times := host.header("Content-Length")
				if err != nil || raised != nil || host.status() != 500 || host.body() != page && method != "HEAD" || value != length || times != 1 {
					t.Errorf("%v, raised %v: %d %q, Content-Length %q; want 500", err, raised, host.status(), host.body(), value)
				}
			}
			checkPanicLog(t, errorsOf(env), test.log)
		})
	}
}

// checkPanicLog checks that there is one entry, with this in its first line.
func checkPanicLog(t *testing.T, entries []string, want string) {
	t.Helper()
	if want == "" {
		want = "out of luck" // in one line
	}
	if len(entries) != 1 {
		t.Fatalf("%d entries: %q; want one", len(entries), entries)
	}
	lines := strings.Split(strings.TrimSuffix(entries[0], "\n"), "\n")
	if !strings.HasPrefix(lines[0], "the application panicked: ") || !strings.Contains(lines[0], want) || !strings.HasSuffix(lines[0], " (request id abc@1-2)") {
		t.Errorf("first line %q; want %q and the request's id", lines[0], want)
	}
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, "| ") {
			t.Errorf("line %q does not begin with \"| \"", line)
		}
	}
	if len(lines) < 4 || !strings.Contains(lines[2], ".raise(") {
		t.Errorf("the stack does not begin where the panic was raised:\n%s", entries[0])
	}
}

type badString struct{}

func (badString) String() string { panic("no string either") }

func TestRecoverReportsContractErrors(t *testing.T) {
	for name, app := range map[string]modgo.Application{
		"in the call": starting("200 OK\r\n", nil),
		"in the body": func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			return blocksThen(func() { start("200 OK", modgo.Headers{{"Connection", "close"}}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			host := new(recorder)
			env := requestOf("GET", "/", "")
			raised, err := serve(host, env, middleware.Recover()(app))
			entries := errorsOf(env)
			if err != nil || raised != nil || host.status() != 500 || len(entries) != 1 || !strings.Contains(entries[0], "application contract C3") {
				t.Errorf("%v, %v: %d; logged %q", err, raised, host.status(), entries)
			}
		})
	}
}

func TestRecoverPassesAbortHandlerThrough(t *testing.T) {
	abort := func() { panic(http.ErrAbortHandler) }
	for name, app := range map[string]modgo.Application{
		"in the call":      func(*modgo.Environ, modgo.StartResponse) modgo.Body { abort(); return nil },
		"in the body":      starting("200 OK", blocksThen(abort)),
		"after a block":    starting("200 OK", blocksThen(abort, "a")),
		"in the clean-up":  starting("200 OK", modgo.OnClose(blocks("a"), abort)),
		"of a HEAD's body": starting("200 OK", modgo.OnClose(blocks("a"), abort)),
	} {
		t.Run(name, func(t *testing.T) {
			method := "GET"
			if strings.Contains(name, "HEAD") {
				method = "HEAD"
			}
			host := new(recorder)
			env := requestOf(method, "/", "")
			raised, _ := serve(host, env, checked(t, middleware.Recover())(app))
			if raised != http.ErrAbortHandler || host.status() == 500 || len(errorsOf(env)) != 0 {
				t.Errorf("raised %v, status %d, logged %q", raised, host.status(), errorsOf(env))
			}
		})
	}
}

// TestRecoverLeavesTheServerAlone: what panics outside is not the application's failure.
func TestRecoverLeavesTheServerAlone(t *testing.T) {
	cleaned := 0
	env := requestOf("GET", "/", "")
	host := &recorder{sent: func(string) { panic("the server is broken") }}
	app := starting("200 OK", modgo.OnClose(blocks("a"), func() { cleaned++ }))
	if raised, _ := serve(host, env, middleware.Recover()(app)); raised != "the server is broken" || len(errorsOf(env)) != 0 || cleaned != 1 {
		t.Errorf("raised %v, logged %q, cleaned up %d times", raised, errorsOf(env), cleaned)
	}
}

func TestRecoverPage(t *testing.T) {
	page := func(env *modgo.Environ, failure any) (modgo.Headers, modgo.Body) {
		text := fmt.Sprintf("%s: %v", env.Get("PATH_INFO"), failure)
		return modgo.Headers{{"Content-Type", "text/html"}}, modgo.Text(text)
	}
	broken := func(*modgo.Environ, any) (modgo.Headers, modgo.Body) { panic("the page is broken") }
	closed := 0
	closing := func(*modgo.Environ, any) (modgo.Headers, modgo.Body) {
		return modgo.Headers{{"Content-Type", "text/html"}}, modgo.OnClose(blocks("page"), func() { closed++ })
	}
	late := blocksThen(func() { raise("oops") })
	for _, test := range []struct {
		name   string
		page   middleware.ErrorPage
		app    modgo.Application
		want   string
		logged int
	}{
		{"in the call", page, func(*modgo.Environ, modgo.StartResponse) modgo.Body { raise("oops"); return nil }, "/p: oops", 1},
		{"in the body", page, starting("200 OK", late), "/p: oops", 1},
		{"it panics itself", broken, starting("200 OK", late), "Internal Server Error\n", 2},
		{"it has a clean-up", closing, starting("200 OK", late), "page", 1},
		{"it has a clean-up and is too late", closing, starting("200 OK", blocksThen(func() { raise("oops") }, "sent")), "sent", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			closed = 0
			host := new(recorder)
			env := requestOf("GET", "/p", "")
			raised, _ := serve(host, env, checked(t, middleware.Recover(middleware.RecoverPage(test.page)))(test.app))
			if host.body() != test.want || (raised != nil) != (test.want == "sent") || len(errorsOf(env)) != test.logged {
				t.Errorf("%d %q, raised %v; logged %q", host.status(), host.body(), raised, errorsOf(env))
			}
			if strings.Contains(test.name, "clean-up") && closed != 1 {
				t.Errorf("the page was cleaned up %d times", closed)
			}
		})
	}
}

func TestRecoverHandler(t *testing.T) {
	h := middleware.Recover().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "gathered, not sent")
		if r.URL.Path == "/late" {
			w.(http.Flusher).Flush()
		}
		raise("oops")
	}))
	server := httptest.NewServer(h)
	defer server.Close()
	server.Config.ErrorLog = nil
	if r := fetch(t, "GET", server.URL, ""); r.Err != nil || r.StatusCode != 500 || r.Body != "Internal Server Error\n" {
		t.Errorf("%v: %d %q", r.Err, r.StatusCode, r.Body)
	}
	if r := fetch(t, "GET", server.URL+"/late", ""); r.Err == nil {
		t.Errorf("the response came whole: %q", r.Body)
	}
}

func ExampleRecover() {
	application := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		var cart []string
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text("bought " + cart[0]) // a bug: there may be nothing in it
	}
	show(middleware.Recover()(application), requestOf("GET", "/buy", ""))
	// Output:
	// 500 Internal Server Error
}
