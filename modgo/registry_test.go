package modgo_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/modgo"
)

type handler struct{}

func (*handler) ServeHTTP(http.ResponseWriter, *http.Request) {}

type handlerFunc func(http.ResponseWriter, *http.Request)

func (f handlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) { f(w, r) }

type handlerMap map[string]string

func (handlerMap) ServeHTTP(http.ResponseWriter, *http.Request) {}

func application(*modgo.Environ, modgo.StartResponse) modgo.Body { return nil }

// register registers a value for the test and returns its Callable.
func register(t *testing.T, value func() any) *modgo.Callable {
	t.Helper()
	path := "example.org/" + t.Name()
	modgo.Register(path, modgo.DefaultCallable, value)
	c := modgo.Find(path, modgo.DefaultCallable)
	if c == nil {
		t.Fatalf("Find(%q) finds nothing", path)
	}
	return c
}

func TestConstruct(t *testing.T) {
	fails := errors.New("no database")
	for _, test := range []struct {
		name    string
		value   any
		handler bool   // it is an http.Handler's, not an Application's
		problem string // part of the error; "" for none
	}{
		{"function of an application", application, false, ""},
		{"modgo.Application", modgo.Application(application), false, ""},
		{"http.Handler", new(handler), true, ""},
		{"http.HandlerFunc", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), true, ""},
		{"handler function", func(http.ResponseWriter, *http.Request) {}, true, ""},
		{"named handler function", handlerFunc(func(http.ResponseWriter, *http.Request) {}), true, ""},
		{"named map that is a handler", handlerMap{}, true, ""},
		{"constructor", func() (http.Handler, error) { return new(handler), nil }, true, ""},

		{"nil", nil, false, "is nil"},
		{"nil application", modgo.Application(nil), false, "is nil"},
		{"nil function of an application", (func(*modgo.Environ, modgo.StartResponse) modgo.Body)(nil), false, "is nil"},
		{"nil handler function", (func(http.ResponseWriter, *http.Request))(nil), true, "is nil"},
		{"nil http.HandlerFunc", http.HandlerFunc(nil), true, "is nil"},
		{"nil pointer", (*handler)(nil), true, "is nil"},
		{"nil map", handlerMap(nil), true, "is nil"},
		{"nil constructor", (func() (http.Handler, error))(nil), true, "is nil"},
		{"constructor of nothing", func() (http.Handler, error) { return nil, nil }, true, "neither a handler nor an error"},
		{"constructor of a nil pointer", func() (http.Handler, error) { return (*handler)(nil), nil }, true, "neither a handler nor an error"},
		{"constructor with an error", func() (http.Handler, error) { return new(handler), fails }, true, "no database"},
		{"constructor that panics", func() (http.Handler, error) { panic("oops") }, true, "panicked: oops"},
		{"constructor that panics with nil", func() (http.Handler, error) { panic(nil) }, true, "panicked"},
		{"string", "application", false, "is a string"},
		{"function of something else", func() http.Handler { return nil }, false, "is a func() http.Handler"},
		{"value whose pointer is a handler", handler{}, false, "is a modgo_test.handler"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := register(t, func() any { return test.value })
			err := c.Construct()
			if again := c.Construct(); again != err {
				t.Errorf("the second call returned %v, the first %v", again, err)
			}
			if test.problem != "" {
				if err == nil || !strings.Contains(err.Error(), test.problem) {
					t.Errorf("error %v; want one that says %q", err, test.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (c.Handler != nil) != test.handler || (c.Application != nil) == test.handler {
				t.Errorf("Handler %v, Application is set: %v; want exactly one", c.Handler, c.Application != nil)
			}
		})
	}
	t.Run("error of a constructor is wrapped", func(t *testing.T) {
		c := register(t, func() any { return func() (http.Handler, error) { return nil, fails } })
		if err := c.Construct(); !errors.Is(err, fails) || !strings.Contains(err.Error(), c.String()) {
			t.Errorf("error %v; want one that wraps %q and names %s", err, fails, c)
		}
	})
}

func constructorThatPanics() (http.Handler, error) { panic(errors.New("oops")) }

func TestConstructPanic(t *testing.T) {
	c := register(t, func() any { return constructorThatPanics })
	var panicked *modgo.ConstructPanic
	if err := c.Construct(); !errors.As(err, &panicked) {
		t.Fatalf("error %v; want a *ConstructPanic", err)
	}
	if err, ok := panicked.Value.(error); !ok || err.Error() != "oops" {
		t.Errorf("Value = %v; want what was raised", panicked.Value)
	}
	if !strings.Contains(string(panicked.Stack), "constructorThatPanics") {
		t.Errorf("the stack does not show the constructor:\n%s", panicked.Stack)
	}
}

func TestValueThatPanics(t *testing.T) {
	c := register(t, func() any { panic("while it is read") })
	var panicked *modgo.ConstructPanic
	if err := c.Construct(); !errors.As(err, &panicked) {
		t.Errorf("error %v; want a *ConstructPanic", err)
	}
}

func TestConstructorThatExits(t *testing.T) {
	c := register(t, func() any {
		return func() (http.Handler, error) {
			runtime.Goexit()
			return nil, nil
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Construct()
		t.Error("Construct returned")
	}()
	<-done
	if err := c.Construct(); err == nil || !strings.Contains(err.Error(), "runtime.Goexit") {
		t.Errorf("the next call returned %v; want an error that names runtime.Goexit", err)
	}
}

func TestConstructOnce(t *testing.T) {
	calls := 0
	c := register(t, func() any {
		return func() (http.Handler, error) {
			calls++ // unguarded: the race detector would tell
			return new(handler), nil
		}
	})
	if calls > 0 {
		t.Error("the constructor was called before Construct")
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := c.Construct(); err != nil || c.Handler == nil {
				t.Errorf("Construct: %v, Handler %v", err, c.Handler)
			}
		})
	}
	all.Wait()
	if calls != 1 {
		t.Errorf("the constructor was called %d times; want once", calls)
	}
}

func TestFind(t *testing.T) {
	first, second := new(handler), new(handler)
	modgo.Register("example.org/find", "application", func() any { return first })
	modgo.Register("example.org/find", "Admin", func() any { return second })
	modgo.Register("example.org/find/below", "application", func() any { return second })
	for _, test := range []struct {
		path, name, want string
	}{
		{"example.org/find", "application", "example.org/find.application"},
		{"example.org/find", "Admin", "example.org/find.Admin"},
		{"example.org/find/below", "application", "example.org/find/below.application"},
		{"example.org/find", "admin", ""},
		{"example.org/find", "", ""},
		{"example.org", "application", ""},
		{"", "", ""},
	} {
		c := modgo.Find(test.path, test.name)
		if (c != nil) != (test.want != "") || c != nil && c.String() != test.want {
			t.Errorf("Find(%q, %q) = %v; want %q", test.path, test.name, c, test.want)
		}
	}
}

func TestRetry(t *testing.T) {
	fails, calls, starts := errors.New("no database"), 0, 0
	c := register(t, func() any {
		return func() (http.Handler, error) {
			calls++
			modgo.OnStart(func(context.Context) error { starts++; return nil })
			if calls < 3 {
				return nil, fails
			}
			return new(handler), nil
		}
	})
	for _, attempt := range []struct {
		try  func() error
		want error
	}{{c.Construct, fails}, {c.Construct, fails}, {c.Retry, fails}, {c.Construct, fails}, {c.Retry, nil}, {c.Retry, nil}, {c.Construct, nil}} {
		if err := attempt.try(); !errors.Is(err, attempt.want) {
			t.Errorf("after %d calls of the constructor: %v; want %v", calls, err, attempt.want)
		}
	}
	if calls != 3 || c.Handler == nil {
		t.Errorf("the constructor was called %d times, and the handler is %v", calls, c.Handler)
	}
	for range 2 {
		if err := modgo.Start(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if starts != 1 {
		t.Errorf("%d functions of OnStart ran; want that of the attempt that succeeded, once", starts)
	}
}
