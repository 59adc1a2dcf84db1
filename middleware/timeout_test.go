package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

func TestTimeoutIsTransparent(t *testing.T) {
	checkTransparent(t, middleware.Timeout(time.Hour), getRequest)
}

// awaitEnd waits until the time of the request is over.
func awaitEnd(env *modgo.Environ) { <-env.Context().Done() }

// ignoreEnd waits longer than any limit of a test, without looking at the context.
func ignoreEnd() { time.Sleep(time.Hour) }

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
				awaitEnd(env)
				start("500 Internal Server Error", typed)
				return modgo.Text("context deadline exceeded")
			}
		}},
		{name: "it ignores it", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				ignoreEnd()
				start("200 OK", typed)
				return modgo.Text("at last")
			}
		}},
		{name: "it never starts", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body { awaitEnd(env); return nil }
		}},
		{name: "it has started", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", typed)
				ignoreEnd()
				return modgo.Text("at last")
			}
		}},
		{name: "HEAD", method: "HEAD", status: 503, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				ignoreEnd()
				start("200 OK", typed)
				return modgo.Text("at last")
			}
		}},
		{name: "in the body", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return starting("200 OK", modgo.OnClose(blocksThen(ignoreEnd), func() { *cleaned++ }))
		}},
		{name: "in the body, before a block", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return starting("200 OK", modgo.OnClose(func(yield func([]byte, error) bool) {
				ignoreEnd()
				yield([]byte("late"), nil)
			}, func() { *cleaned++ }))
		}},
		{name: "in the body, after an empty block, before start", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				return modgo.OnClose(func(yield func([]byte, error) bool) {
					yield(nil, nil)
					awaitEnd(env)
					start("200 OK", typed)
					yield([]byte("late"), nil)
				}, func() { *cleaned++ })
			}
		}},
		{name: "a body that is returned late", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", typed)
				awaitEnd(env)
				return modgo.OnClose(blocks("late"), func() { *cleaned++ })
			}
		}},
		{name: "a body that fails with the context's error", status: 503, body: page, app: func(cleaned *int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", typed)
				return modgo.OnClose(func(yield func([]byte, error) bool) {
					awaitEnd(env)
					yield(nil, fmt.Errorf("query: %w", env.Context().Err()))
				}, func() { *cleaned++ })
			}
		}},
		{name: "a body that fails late with an error of its own", status: 503, body: page, logged: "the disk is full", app: func(cleaned *int) modgo.Application {
			return starting("200 OK", modgo.OnClose(func(yield func([]byte, error) bool) {
				ignoreEnd()
				yield(nil, errors.New("the disk is full"))
			}, func() { *cleaned++ }))
		}},
		{name: "it panics late", status: 503, body: page, raised: "oops", app: func(*int) modgo.Application {
			return func(*modgo.Environ, modgo.StartResponse) modgo.Body { ignoreEnd(); panic("oops") }
		}},
		{name: "its body panics late", status: 503, body: page, raised: "oops", app: func(*int) modgo.Application {
			return starting("200 OK", blocksThen(func() { ignoreEnd(); panic("oops") }))
		}},
		{name: "the body has begun", status: 200, body: "a", abort: true, app: func(cleaned *int) modgo.Application {
			return starting("200 OK", modgo.OnClose(func(yield func([]byte, error) bool) {
				if yield([]byte("a"), nil) {
					ignoreEnd()
					if yield([]byte("b"), nil) {
						t.Error("yield returned true after the time was over")
					}
				}
			}, func() { *cleaned++ }))
		}},
		{name: "the body has begun and ends late", status: 200, body: "a", abort: true, app: func(cleaned *int) modgo.Application {
			return starting("200 OK", modgo.OnClose(blocksThen(ignoreEnd, "a"), func() { *cleaned++ }))
		}},
		{name: "it has written", status: 200, body: "a", abort: true, app: func(cleaned *int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				w := start("200 OK", typed)
				io.WriteString(w, "a")
				awaitEnd(env)
				if n, err := io.WriteString(w, "b"); n != 0 || !errors.Is(err, http.ErrHandlerTimeout) {
					t.Errorf("a late write: %d, %v", n, err)
				}
				return modgo.OnClose(blocks("c"), func() { *cleaned++ })
			}
		}},
		{name: "it has written, and starts again with a cause", status: 200, body: "a", abort: true, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				io.WriteString(start("200 OK", typed), "a")
				awaitEnd(env)
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
				ignoreEnd()
				return nil
			}
		}},
		{name: "it has flushed the head", status: 200, abort: true, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", typed)
				if err := modgo.NewController(env).Flush(); err != nil {
					t.Error(err)
				}
				ignoreEnd()
				return modgo.Text("late")
			}
		}},
		{name: "a late write before anything was sent", status: 503, body: page, app: func(*int) modgo.Application {
			return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				w := start("200 OK", typed)
				ignoreEnd()
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
				ignoreEnd()
				return nil
			}
		}},
		{name: "not quite all that was promised has been sent of the body", status: 200, body: "ab", abort: true, app: func(cleaned *int) modgo.Application {
			return starting("200 OK", modgo.OnClose(func(yield func([]byte, error) bool) {
				if yield([]byte("ab"), nil) {
					ignoreEnd()
					yield([]byte("c"), nil)
				}
			}, func() { *cleaned++ }), [2]string{"Content-Length", "3"})
		}},
		{name: "in time", status: 200, body: "ab", app: func(cleaned *int) modgo.Application {
			return starting("200 OK", modgo.OnClose(blocksThen(func() { time.Sleep(999 * time.Millisecond) }, "a", "b"), func() { *cleaned++ }))
		}},
		{name: "a clean-up takes long when all was sent", method: "HEAD", status: 200, app: func(cleaned *int) modgo.Application {
			return starting("200 OK", modgo.OnClose(blocks("a", "b"), func() { ignoreEnd(); *cleaned++ }))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				method := test.method
				if method == "" {
					method = "GET"
				}
				host := new(recorder)
				env := requestOf(method, "/slow", "")
				before := env.Context()
				cleaned := 0
				app := test.app(&cleaned)
				hasBody := strings.Contains(test.name, "body") && test.raised == nil
				m := middleware.Timeout(time.Second)
				checked := checked(t, m)(app)
				if test.name == "it never starts" { // which the validator inside would report
					checked = modgo.Chain(app, validate.Testing(t), m)
				}
				raised, err := serve(host, env, checked)
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
				checkTimeoutLog(t, errorsOf(env), test.status == 503, test.logged)
			})
		})
	}
}

func checkTimeoutLog(t *testing.T, entries []string, answered bool, more string) {
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
	show(middleware.Timeout(10*time.Millisecond)(application), requestOf("GET", "/report", ""))
	// Output:
	// 503 Service Unavailable
}
