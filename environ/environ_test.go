package environ_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/environ"
)

// request is what the servers of the tests know of a request.
func request() environ.Variables {
	return environ.Variables{"REQUEST_METHOD": "GET", "QUERY_STRING": "", "PATH_INFO": "/\xe9", "HTTP_ACCEPT": "*/*"}
}

func TestVariables(t *testing.T) {
	type variable struct {
		value string
		ok    bool
	}
	for _, test := range []struct {
		name   string
		change func(e *environ.Environ)
		want   map[string]variable
	}{
		{"as the request has them", func(*environ.Environ) {}, map[string]variable{
			"REQUEST_METHOD": {"GET", true},
			"QUERY_STRING":   {"", true},      // there, and empty
			"REMOTE_USER":    {"", false},     // not there (C12)
			"PATH_INFO":      {"/\xe9", true}, // the bytes of the request (C13)
			"request_method": {"", false},
			"":               {"", false},
		}},
		{"set", func(e *environ.Environ) {
			e.Set("REQUEST_METHOD", "PUT")
			e.Set("REMOTE_USER", "ada")
			e.Set("HTTP_ACCEPT", "")
		}, map[string]variable{
			"REQUEST_METHOD": {"PUT", true}, "REMOTE_USER": {"ada", true}, "HTTP_ACCEPT": {"", true}, "QUERY_STRING": {"", true},
		}},
		{"deleted", func(e *environ.Environ) {
			e.Delete("REQUEST_METHOD")
			e.Delete("REMOTE_USER")
		}, map[string]variable{"REQUEST_METHOD": {"", false}, "REMOTE_USER": {"", false}, "HTTP_ACCEPT": {"*/*", true}}},
		{"set after deleted", func(e *environ.Environ) {
			e.Delete("REQUEST_METHOD")
			e.Set("REQUEST_METHOD", "PUT")
		}, map[string]variable{"REQUEST_METHOD": {"PUT", true}}},
		{"deleted after set", func(e *environ.Environ) {
			e.Set("REMOTE_USER", "ada")
			e.Delete("REMOTE_USER")
		}, map[string]variable{"REMOTE_USER": {"", false}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := request()
			e := environ.New(environ.Config{Source: s})
			test.change(e)
			for name, want := range test.want {
				if value, ok := e.Lookup(name); value != want.value || ok != want.ok {
					t.Errorf("Lookup(%q) = %q, %v; want %q, %v", name, value, ok, want.value, want.ok)
				}
				if value := e.Get(name); value != want.value {
					t.Errorf("Get(%q) = %q; want %q", name, value, want.value)
				}
			}
			checkAll(t, e)
			// C2: a change never shows in another request.
			if other := maps.Collect(environ.New(environ.Config{Source: s}).All()); !maps.Equal(other, request()) {
				t.Errorf("the next request has %q; want %q", other, request())
			}
		})
	}
}

// checkAll checks that All, Names and Lookup tell of the same variables, each once.
func checkAll(t *testing.T, e *environ.Environ) {
	t.Helper()
	var names []string
	for name, value := range e.All() {
		names = append(names, name)
		if got, ok := e.Lookup(name); !ok || got != value {
			t.Errorf("All has %q=%q; Lookup says %q, %v", name, value, got, ok)
		}
	}
	slices.Sort(names)
	if got := e.Names(); !slices.Equal(got, names) {
		t.Errorf("Names() = %q; All has %q", got, names)
	}
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("All yields a name twice: %q", names)
	}
	for name := range request() {
		if _, ok := e.Lookup(name); ok != slices.Contains(names, name) {
			t.Errorf("Lookup(%q) is %v, which All does not say", name, ok)
		}
	}
}

func TestAllStopsWhenTold(t *testing.T) {
	e := environ.New(environ.Config{Source: request()})
	e.Set("A", "1")
	e.Set("B", "2")
	for want := 1; want <= len(e.Names()); want++ {
		got := 0
		for range e.All() {
			if got++; got == want {
				break
			}
		}
		if got != want {
			t.Errorf("a loop that breaks after %d variables saw %d", want, got)
		}
	}
}

func TestTwoRequestsOfOneSourceAreIndependent(t *testing.T) {
	s := request()
	a, b := environ.New(environ.Config{Source: s}), environ.New(environ.Config{Source: s})
	type key struct{}
	a.Set("REQUEST_METHOD", "PUT")
	b.Delete("REQUEST_METHOD")
	a.SetValue(key{}, 1)
	if got := a.Get("REQUEST_METHOD"); got != "PUT" {
		t.Errorf("the first request has REQUEST_METHOD %q; want PUT", got)
	}
	if got, ok := b.Lookup("REQUEST_METHOD"); ok {
		t.Errorf("the second request has REQUEST_METHOD %q, which it deleted", got)
	}
	if got := b.Value(key{}); got != nil {
		t.Errorf("the second request has the first's value: %v", got)
	}
}

func TestInitForgetsTheRequestBefore(t *testing.T) {
	type key struct{}
	e := environ.New(environ.Config{Source: environ.Variables{"A": "1"}, Input: strings.NewReader("body"), Errors: new(bytes.Buffer)})
	e.Set("B", "2")
	e.SetValue(key{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.SetContext(ctx)

	e.Init(environ.Config{Source: environ.Variables{"C": "3"}})
	if got := e.Names(); !slices.Equal(got, []string{"C"}) {
		t.Errorf("Names() = %q; want C alone", got)
	}
	if got := e.Value(key{}); got != nil {
		t.Errorf("Value() = %v; want nil", got)
	}
	if err := e.Context().Err(); err != nil {
		t.Errorf("the context of the request before is left: %v", err)
	}
	if body, err := io.ReadAll(e.Input()); err != nil || len(body) > 0 {
		t.Errorf("the body is %q, %v; want none", body, err)
	}
}

func TestWhatAServerLeavesOut(t *testing.T) {
	e := environ.New(environ.Config{})
	if got, ok := e.Lookup("A"); ok || len(e.Names()) > 0 {
		t.Errorf("Lookup = %q, %v and Names = %q; want nothing", got, ok, e.Names())
	}
	for range 2 { // C22: the end again and again
		if n, err := e.Input().Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("reading the body: %d, %v; want 0, EOF", n, err)
		}
	}
	if n, err := io.WriteString(e.Errors(), "line\n"); n != 5 || err != nil {
		t.Errorf("writing to Errors: %d, %v; want 5, nil", n, err)
	}
	if err := e.Context().Err(); err != nil {
		t.Errorf("the context has ended: %v", err)
	}
	if e.Multithread() || e.Multiprocess() || e.RunOnce() || e.URLScheme() != "" {
		t.Error("variables that nobody gave have a value")
	}
	e.Set("A", "1")
	checkAll(t, e)
}

func TestValue(t *testing.T) {
	type mine struct{}
	type theirs struct{}
	e := environ.New(environ.Config{Source: request()})
	if got := e.Value(mine{}); got != nil {
		t.Errorf("before it is set: %v; want nil", got)
	}
	e.SetValue(mine{}, 7)
	e.SetValue(theirs{}, "seven")
	if got := e.Value(mine{}); got != 7 {
		t.Errorf("Value(mine) = %v; want 7", got)
	}
	if got := e.Value(theirs{}); got != "seven" {
		t.Errorf("Value(theirs) = %v; want seven", got)
	}
	checkAll(t, e) // values are no variables
}

func TestMiddlewareReplaces(t *testing.T) {
	var log bytes.Buffer
	e := environ.New(environ.Config{Source: request(), Input: strings.NewReader("a long body")})
	e.SetInput(io.LimitReader(e.Input(), 6))
	e.SetErrors(&log)
	ctx, cancel := context.WithTimeout(e.Context(), time.Hour)
	defer cancel()
	e.SetContext(ctx)

	if body, _ := io.ReadAll(e.Input()); string(body) != "a long" {
		t.Errorf("the body is %q; want what the middleware lets through", body)
	}
	if io.WriteString(e.Errors(), "oops"); log.String() != "oops" {
		t.Errorf("the log has %q; want oops", log.String())
	}
	if _, ok := e.Context().Deadline(); !ok {
		t.Error("the context lacks the middleware's deadline")
	}
	defer func() {
		if recover() == nil {
			t.Error("SetContext took a nil context")
		}
	}()
	var none context.Context
	e.SetContext(none)
}

func TestServerVariables(t *testing.T) {
	for _, b := range []bool{true, false} {
		e := environ.New(environ.Config{Source: environ.Variables{
			environ.VarURLScheme: "https", environ.VarMultithread: environ.Bool(b),
			environ.VarMultiprocess: environ.Bool(!b), environ.VarRunOnce: environ.Bool(b),
		}})
		if e.URLScheme() != "https" || e.Multithread() != b || e.Multiprocess() == b || e.RunOnce() != b {
			t.Errorf("with %v: %q, %v, %v, %v", b, e.URLScheme(), e.Multithread(), e.Multiprocess(), e.RunOnce())
		}
	}
}

func TestAVariableCostsNothingBeforeItIsRead(t *testing.T) {
	var e environ.Environ
	var s environ.Source = request()
	input, errors, ctx := strings.NewReader(""), io.Discard, t.Context()
	got := testing.AllocsPerRun(100, func() {
		e.Init(environ.Config{Source: s, Context: ctx, Input: input, Errors: errors})
		_ = e.Get("REQUEST_METHOD")
	})
	if got != 0 {
		t.Errorf("an Environ inside the server's own request allocates %v times; want 0", got)
	}
}

// contextWith is the test's context with a value.
func contextWith(t *testing.T, key, value any) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), key, value)
}

func TestExtension(t *testing.T) {
	e := environ.New(environ.Config{Source: request()})
	if got := e.Extension(); got != nil {
		t.Errorf("before it is set: %v; want nil", got)
	}
	e.SetExtension(7)
	if got := e.Extension(); got != 7 {
		t.Errorf("Extension() = %v; want 7", got)
	}
	checkAll(t, e) // no variable
	e.SetExtension(nil)
	if got := e.Extension(); got != nil {
		t.Errorf("taken away: %v; want nil", got)
	}
}
