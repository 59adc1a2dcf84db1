package middleware_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

func TestTimeoutContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := getRequest("GET")
		app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			began := time.Now()
			awaitEnd(env)
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
		host := new(recorder)
		serve(host, env, middleware.Timeout(time.Minute, middleware.TimeoutStatus("504 Gateway Timeout"))(app))
		if host.status() != 504 || host.body() != "Gateway Timeout\n" {
			t.Errorf("%d %q", host.status(), host.body())
		}
	})
}

// TestTimeoutOfOthers: the end of the server's own context is not the middleware's.
func TestTimeoutOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := getRequest("GET")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		env.SetContext(ctx)
		host := new(recorder)
		app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			awaitEnd(env)
			time.Sleep(time.Second)
			return starting("200 OK", blocks("mine"))(env, start)
		}
		raised, err := serve(host, env, checked(t, middleware.Timeout(time.Minute))(app))
		if err != nil || raised != nil || host.body() != "mine" {
			t.Errorf("%v, %v: %d %q", err, raised, host.status(), host.body())
		}
	})
}

// TestTimeoutsNest: the shorter one answers.
func TestTimeoutsNest(t *testing.T) {
	for _, limits := range [][2]time.Duration{{time.Second, time.Minute}, {time.Minute, time.Second}, {time.Second, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			host := new(recorder)
			env := getRequest("GET")
			cleaned := 0
			app := starting("200 OK", modgo.OnClose(blocksThen(func() { time.Sleep(30 * time.Second) }), func() { cleaned++ }))
			raised, err := serve(host, env, modgo.Chain(app, middleware.Timeout(limits[0]), middleware.Timeout(limits[1])))
			if err != nil || raised != nil || host.status() != 503 || !host.finished || cleaned != 1 {
				t.Errorf("%v: %v, %v: %d %q, cleaned up %d times", limits, err, raised, host.status(), host.body(), cleaned)
			}
		})
	}
}

// TestTimeoutRaisesWhatTheServerRaises: a panic of what is outside reaches the request's goroutine, where it can be recovered.
func TestTimeoutRaisesWhatTheServerRaises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outside := func(app modgo.Application) modgo.Application {
			return func(env *modgo.Environ, _ modgo.StartResponse) modgo.Body {
				return app(env, func(string, modgo.Headers, ...error) io.Writer { panic("broken outside") })
			}
		}
		app := func(*modgo.Environ, modgo.StartResponse) modgo.Body { ignoreEnd(); return nil }
		raised, _ := serve(new(recorder), getRequest("GET"), modgo.Chain(app, outside, middleware.Timeout(time.Second)))
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
			host := new(recorder)
			env := getRequest("GET")
			app := starting("200 OK", blocksThen(func() { ignoreEnd(); raise("late") }))
			serve(host, env, modgo.Chain(app, order...))
			if log := strings.Join(errorsOf(env), ""); host.status() != 503 || !strings.Contains(log, "panicked: late") {
				t.Errorf("%d; logged %q", host.status(), log)
			}
		}
	})
}
