package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

func TestTimeoutIsTransparent(t *testing.T) {
	mwTransparent(t, middleware.Timeout(time.Hour), mwGetRequest)
}

// timeoutLate waits until the time of the request is over.
func timeoutLate(env *modgo.Environ) { <-env.Context().Done() }

// timeoutDeaf waits longer than any limit of a test, without looking at the context.
func timeoutDeaf() { time.Sleep(time.Hour) }

// TestTimeout runs in a bubble of its own time: an hour passes at once.
func TestTimeout(t *testing.T) {
	typed := modgo.Headers{{"Content-Type", "text/plain"}}
	const page = "Service Unavailable\n"
	for _, test := range []struct {
		name   string
		method string
		app    func(cleaned *int) modgo.Application
		status int
		body   string
		abort  bool
		raised any
		logged string // besides the answer
	}{
		{name: "the application waits for its context", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				timeoutLate(env)
				start("500 Internal Server Error", typed)
				return modgo.Text("context deadline exceeded")
			}
		}},
		{name: "it ignores it", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				timeoutDeaf()
				start("200 OK", typed)
				return modgo.Text("at last")
			}
		}},
		{name: "it never starts", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body { timeoutLate(env); return nil }
		}},
		{name: "it has started", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", typed)
				timeoutDeaf()
				return modgo.Text("at last")
			}
		}},
		{name: "HEAD", method: "HEAD", status: 503, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				timeoutDeaf()
				start("200 OK", typed)
				return modgo.Text("at last")
			}
		}},
		{name: "in the body", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return mwStart("200 OK", modgo.OnClose(recoverBody(timeoutDeaf), func() { *cleaned++ }))
		}},
		{name: "in the body, before a block", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return mwStart("200 OK", modgo.OnClose(func(yield func([]byte, error) bool) {
				timeoutDeaf()
				yield([]byte("late"), nil)
			}, func() { *cleaned++ }))
		}},
		{name: "in the body, after an empty block, before start", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				return modgo.OnClose(func(yield func([]byte, error) bool) {
					yield(nil, nil)
					timeoutLate(env)
					start("200 OK", typed)
					yield([]byte("late"), nil)
				}, func() { *cleaned++ })
			}
		}},
		{name: "a body that is returned late", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", typed)
				timeoutLate(env)
				return modgo.OnClose(mwBlocks("late"), func() { *cleaned++ })
			}
		}},
		{name: "a body that fails with the context's error", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", typed)
				return modgo.OnClose(func(yield func([]byte, error) bool) {
					timeoutLate(env)
					yield(nil, fmt.Errorf("query: %w", env.Context().Err()))
				}, func() { *cleaned++ })
			}
		}},
		{name: "a body that fails late with an error of its own", status: 503, body: page, logged: "the disk is full", app: func(cleaned *int) modgo.Application {
			return mwStart("200 OK", modgo.OnClose(func(yield func([]byte, error) bool) {
				timeoutDeaf()
				yield(nil, errors.New("the disk is full"))
			}, func() { *cleaned++ }))
		}},
		{name: "it panics late", status: 503, body: page, raised: "oops", app: func(*int) modgo.Application {
			return func(*modgo.Environ, modgo.StartResponse) modgo.Body { timeoutDeaf(); panic("oops") }
		}},
		{name: "its body panics late", status: 503, body: page, raised: "oops", app: func(*int) modgo.Application {
			return mwStart("200 OK", recoverBody(func() { timeoutDeaf(); panic("oops") }))
		}},
		{name: "the body has begun", status: 200, body: "a", abort: true, app: func(cleaned *int) modgo.Application {
			return mwStart("200 OK", modgo.OnClose(func(yield func([]byte, error) bool) {
				if yield([]byte("a"), nil) {
					timeoutDeaf()
					if yield([]byte("b"), nil) {
						t.Error("yield returned true after the time was over")
					}
				}
			}, func() { *cleaned++ }))
		}},
		{name: "the body has begun and ends late", status: 200, body: "a", abort: true, app: func(cleaned *int) modgo.Application {
			return mwStart("200 OK", modgo.OnClose(recoverBody(timeoutDeaf, "a"), func() { *cleaned++ }))
		}},
		{name: "it has written", status: 200, body: "a", abort: true, app: func(cleaned *int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				w := start("200 OK", typed)
				io.WriteString(w, "a")
				timeoutLate(env)
				if n, err := io.WriteString(w, "b"); n != 0 || !errors.Is(err, http.ErrHandlerTimeout) {
					t.Errorf("a late write: %d, %v", n, err)
				}
				return modgo.OnClose(mwBlocks("c"), func() { *cleaned++ })
			}
		}},
		{name: "it has written, and starts again with a cause", status: 200, body: "a", abort: true, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				io.WriteString(start("200 OK", typed), "a")
				timeoutLate(env)
				cause := errors.New("cause")
				defer func() {
					if v := recover(); v != any(cause) {
						t.Errorf("raised %v; want the cause (C36)", v)
					}
				}()
				start("500 Internal Server Error", typed, cause)
				return nil
			}
		}},
		{name: "it has written, and returns nothing", status: 200, body: "a", abort: true, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				io.WriteString(start("200 OK", typed), "a")
				timeoutDeaf()
				return nil
			}
		}},
		{name: "it has flushed the head", status: 200, abort: true, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", typed)
				if err := modgo.NewController(env).Flush(); err != nil {
					t.Error(err)
				}
				timeoutDeaf()
				return modgo.Text("late")
			}
		}},
		{name: "a late write before anything was sent", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				w := start("200 OK", typed)
				timeoutDeaf()
				if n, err := io.WriteString(w, "late"); n != 0 || !errors.Is(err, http.ErrHandlerTimeout) {
					t.Errorf("a late write: %d, %v", n, err)
				}
				return nil
			}
		}},
		{name: "all that was promised has been written", status: 200, body: "abc", app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				w := start("200 OK", append(typed[:1:1], [2]string{"content-length", "3"}))
				io.WriteString(w, "ab")
				io.WriteString(w, "c")
				timeoutDeaf()
				return nil
			}
		}},
		{name: "not quite all that was promised has been sent of the body", status: 200, body: "ab", abort: true, app: func(cleaned *int) modgo.Application {
			return mwStart("200 OK", modgo.OnClose(func(yield func([]byte, error) bool) {
				if yield([]byte("ab"), nil) {
					timeoutDeaf()
					yield([]byte("c"), nil)
				}
			}, func() { *cleaned++ }), [2]string{"Content-Length", "3"})
		}},
		{name: "in time", status: 200, body: "ab", app: func(cleaned *int) modgo.Application {
			return mwStart("200 OK", modgo.OnClose(recoverBody(func() { time.Sleep(999 * time.Millisecond) }, "a", "b"), func() { *cleaned++ }))
		}},
		{name: "a clean-up takes long when all was sent", method: "HEAD", status: 200, app: func(cleaned *int) modgo.Application {
			return mwStart("200 OK", modgo.OnClose(mwBlocks("a", "b"), func() { timeoutDeaf(); *cleaned++ }))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				method := test.method
				if method == "" {
					method = "GET"
				}
				host := new(mwHost)
				env := mwRequest(method, "/slow", "")
				before := env.Context()
				cleaned := 0
				app := test.app(&cleaned)
				hasBody := strings.Contains(test.name, "body") && test.raised == nil
				m := middleware.Timeout(time.Second)
				checked := mwCheck(t, m, app)
				if test.name == "it never starts" { // which the validator inside would report
					checked = modgo.Chain(app, validate.Testing(t), m)
				}
				raised, err := mwServe(host, env, checked)
				if host.status() != test.status || host.body() != test.body || raised != test.raised {
					t.Errorf("%d %q, raised %v; want %d %q, %v", host.status(), host.body(), raised, test.status, test.body, test.raised)
				}
				var late *middleware.TimeoutError
				if errors.As(err, &late) != test.abort || !test.abort && err != nil || host.finished == (test.abort || raised != nil) {
					t.Errorf("error %v, finished %v; want an aborted response: %v", err, host.finished, test.abort)
				}
				if hasBody && cleaned != 1 || cleaned > 1 {
					t.Errorf("cleaned up %d times", cleaned)
				}
				if env.Context() != before {
					t.Error("env has not got its own context back")
				}
				timeoutCheckLog(t, mwErrors(env), test.status == 503, test.logged)
			})
		})
	}
}

func timeoutCheckLog(t *testing.T, entries []string, answered bool, more string) {
	t.Helper()
	var want []string
	if answered {
		want = append(want, `took longer than 1s: the client got "503 Service Unavailable": `)
	}
	if more != "" {
		want = append(want, more)
	}
	if len(entries) != len(want) {
		t.Fatalf("logged %q; want %q", entries, want)
	}
	for i, entry := range entries {
		if !strings.Contains(entry, want[i]) || !strings.HasSuffix(entry, " /slow\n") {
			t.Errorf("logged %q; want %q", entry, want[i])
		}
	}
}

func TestTimeoutContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := mwGetRequest("GET")
		app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			began := time.Now()
			timeoutLate(env)
			var cause *middleware.TimeoutError
			err := context.Cause(env.Context())
			if !errors.As(err, &cause) || cause.Limit != time.Minute || time.Since(began) != time.Minute {
				t.Errorf("after %v the cause is %v", time.Since(began), err)
			}
			if env.Context().Err() != context.DeadlineExceeded || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, %v", env.Context().Err(), err)
			}
			if timeout, ok := err.(interface{ Timeout() bool }); !ok || !timeout.Timeout() {
				t.Error("the cause is no time-out for net.Error")
			}
			return nil
		}
		host := new(mwHost)
		mwServe(host, env, middleware.Timeout(time.Minute, middleware.TimeoutStatus("504 Gateway Timeout"))(app))
		if host.status() != 504 || host.body() != "Gateway Timeout\n" {
			t.Errorf("%d %q", host.status(), host.body())
		}
	})
}

// TestTimeoutOfOthers: the end of the server's own context is not the middleware's.
func TestTimeoutOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := mwGetRequest("GET")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		env.SetContext(ctx)
		host := new(mwHost)
		app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			timeoutLate(env)
			time.Sleep(time.Second)
			return mwStart("200 OK", mwBlocks("mine"))(env, start)
		}
		raised, err := mwServe(host, env, mwCheck(t, middleware.Timeout(time.Minute), app))
		if err != nil || raised != nil || host.body() != "mine" {
			t.Errorf("%v, %v: %d %q", err, raised, host.status(), host.body())
		}
	})
}

// TestTimeoutsNest: the shorter one answers.
func TestTimeoutsNest(t *testing.T) {
	for _, limits := range [][2]time.Duration{{time.Second, time.Minute}, {time.Minute, time.Second}, {time.Second, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			host := new(mwHost)
			env := mwGetRequest("GET")
			cleaned := 0
			app := mwStart("200 OK", modgo.OnClose(recoverBody(func() { time.Sleep(30 * time.Second) }), func() { cleaned++ }))
			raised, err := mwServe(host, env, modgo.Chain(app, middleware.Timeout(limits[0]), middleware.Timeout(limits[1])))
			if err != nil || raised != nil || host.status() != 503 || !host.finished || cleaned != 1 {
				t.Errorf("%v: %v, %v: %d %q, cleaned up %d times", limits, err, raised, host.status(), host.body(), cleaned)
			}
		})
	}
}

// TestTimeoutRaisesWhat: a panic of what is outside reaches the request's goroutine, where it can be recovered.
func TestTimeoutRaisesWhatTheServerRaises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outside := func(app modgo.Application) modgo.Application {
			return func(env *modgo.Environ, _ modgo.StartResponse) modgo.Body {
				return app(env, func(string, modgo.Headers, ...error) io.Writer { panic("broken outside") })
			}
		}
		app := func(*modgo.Environ, modgo.StartResponse) modgo.Body { timeoutDeaf(); return nil }
		raised, _ := mwServe(new(mwHost), mwGetRequest("GET"), modgo.Chain(app, outside, middleware.Timeout(time.Second)))
		if raised != "broken outside" {
			t.Errorf("raised %v on the request's goroutine", raised)
		}
	})
}

func TestTimeoutRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, order := range [][]modgo.Middleware{
			{middleware.Recover(), middleware.Timeout(time.Second)}, {middleware.Timeout(time.Second), middleware.Recover()},
		} {
			host := new(mwHost)
			env := mwGetRequest("GET")
			app := mwStart("200 OK", recoverBody(func() { timeoutDeaf(); recoverBoom("late") }))
			mwServe(host, env, modgo.Chain(app, order...))
			if log := strings.Join(mwErrors(env), ""); host.status() != 503 || !strings.Contains(log, "panicked: late") {
				t.Errorf("%d; logged %q", host.status(), log)
			}
		}
	})
}

// TestTimeoutAnswersAtOnce: the client has the whole answer while the application, which knows nothing of it, still runs
// on the server's goroutine.
func TestTimeoutAnswersAtOnce(t *testing.T) {
	for _, where := range []string{"call", "body", "handler"} {
		t.Run(where, func(t *testing.T) {
			release := make(chan struct{})
			ended := make(chan struct{}, 1)
			var app modgo.Application
			switch where {
			case "call":
				app = func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
					w := start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
					<-release
					io.WriteString(w, "late")
					return modgo.OnClose(mwBlocks("late"), func() { ended <- struct{}{} })
				}
			case "body":
				app = mwStart("200 OK", modgo.OnClose(recoverBody(func() { <-release }), func() { ended <- struct{}{} }))
			case "handler":
				app = modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, "gathered")
					<-release
					io.WriteString(w, "late")
					ended <- struct{}{}
				}))
			}
			var log mwBuffer
			url := mwServer(t, mwCheck(t, middleware.Timeout(20*time.Millisecond), app), &log)
			response, text, err := mwGet(t, "GET", url, "")
			if err != nil || response.StatusCode != 503 || text != "Service Unavailable\n" {
				t.Errorf("%v: %v %q", err, response, text)
			}
			select {
			case <-ended:
				t.Error("the application had ended before the client got its answer")
			default:
			}
			close(release)
			<-ended
		})
	}
}

func TestTimeoutAbortsAStream(t *testing.T) {
	var log mwBuffer
	app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return func(yield func([]byte, error) bool) {
			for yield([]byte("again "), nil) {
				select {
				case <-env.Context().Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		}
	}
	url := mwServer(t, mwCheck(t, middleware.Timeout(30*time.Millisecond), app), &log)
	response, text, err := mwGet(t, "GET", url, "")
	if err == nil || response != nil && response.StatusCode != 200 || !strings.HasPrefix(text, "again ") {
		t.Errorf("%v %q, %v; want a response that is cut", response, text, err)
	}
}

// TestTimeoutHandler: an http.Handler that returns when its context ends has not answered, though net/http says 200.
func TestTimeoutHandler(t *testing.T) {
	server := httptest.NewServer(middleware.Timeout(10 * time.Millisecond).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	})))
	defer server.Close()
	if response, text, err := mwGet(t, "GET", server.URL, ""); err != nil || response.StatusCode != 503 || text != "Service Unavailable\n" {
		t.Errorf("%v: %v %q", err, response, text)
	}
}

// TestTimeoutLeavesATakenConnectionAlone: nothing is sent on it.
func TestTimeoutLeavesATakenConnectionAlone(t *testing.T) {
	var log mwBuffer
	app := modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		<-r.Context().Done()
		io.WriteString(conn, "mine alone\n")
		conn.Close()
	}))
	url := mwServer(t, middleware.Timeout(10*time.Millisecond)(app), &log)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	text, err := io.ReadAll(bufio.NewReader(conn))
	if string(text) != "mine alone\n" || err != nil || log.String() != "" {
		t.Errorf("%q, %v; logged %q", text, err, log.String())
	}
}

// TestTimeoutAndTheController: an application that flushes while its time ends gets its own response or the page, never a
// mixture.
func TestTimeoutAndTheController(t *testing.T) {
	app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}, {"Content-Length", "1"}})
		controller := modgo.NewController(env)
		for controller.Written() == 0 && env.Context().Err() == nil {
		}
		controller.Flush()
		return modgo.Text("a")
	}
	url := mwServer(t, middleware.Timeout(5*time.Millisecond)(app), io.Discard)
	for range 20 {
		response, text, err := mwGet(t, "GET", url, "")
		if err == nil && (response.StatusCode != 503 || text != "Service Unavailable\n") {
			t.Errorf("%v %q", response.Status, text)
		}
	}
}

func TestTimeoutRefuses(t *testing.T) {
	for _, limit := range []time.Duration{0, -time.Second} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a limit of %v was taken", limit)
				}
			}()
			middleware.Timeout(limit)
		}()
	}
}

func ExampleTimeout() {
	application := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		select { // a query that honours its context, for example
		case <-time.After(time.Hour):
		case <-env.Context().Done():
		}
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text("done")
	}
	mwShow(middleware.Timeout(10*time.Millisecond)(application), mwRequest("GET", "/report", ""))
	// Output:
	// 503 Service Unavailable
}
