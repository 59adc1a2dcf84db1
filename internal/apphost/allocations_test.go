//go:build !race

// Under the race detector a sync.Pool forgets at random what it was given.

package apphost_test

import (
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/apphost"
	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/modgo"
)

// sink is a Transport that takes everything and keeps nothing.
type sink struct{}

func (sink) Send(_, _ []byte, _ gateway.Flags) error { return nil }
func (sink) Leave([]byte) bool                       { return false }

// served is what a server allocates for a request; everything of gateway's and environ's is inside it.
type served struct {
	host    apphost.Host
	serving modgo.Serving
	writer  gateway.ResponseWriter
	environ environ.Environ
}

const greeting = "Hello, world!\n"

// hello is the smallest application.
func hello(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	startResponse("200 OK", modgo.Headers{
		{"Content-Type", "text/plain"},
		{"Content-Length", strconv.Itoa(len(greeting))},
	})
	return modgo.Text(greeting)
}

// helloHandler is the same as an http.Handler.
func helloHandler(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(greeting)))
	io.WriteString(w, greeting)
}

var source environ.Source = environ.Variables{"REQUEST_METHOD": "GET"}

func serveApplication() {
	s := new(served)
	s.environ.Init(environ.Config{Source: source, Input: http.NoBody})
	s.host = apphost.Host{Transport: sink{}}
	if err := s.serving.Serve(hello, &s.environ, &s.host); err != nil {
		panic(err)
	}
}

var helloRequest = &http.Request{Method: http.MethodGet}

func serveHandler() {
	s := new(served)
	s.writer = gateway.ResponseWriter{Transport: sink{}}
	helloHandler(&s.writer, helloRequest)
	if _, err := s.writer.Finish(); err != nil {
		panic(err)
	}
}

// Allocations of a request, as measured. A change that needs more has to say here what for.
const (
	// The request with all that belongs to it; the StartResponse; the application's own headers and body.
	applicationAllocations = 4
	// The request; the map of the response's headers (2), the value of each. The bridge needs three more for the
	// *http.Request: itself, its strings, and its map of headers.
	handlerAllocations = 5
)

func TestAllocations(t *testing.T) {
	for _, test := range []struct {
		name   string
		serve  func()
		budget float64
	}{
		{"application", serveApplication, applicationAllocations},
		{"handler", serveHandler, handlerAllocations},
	} {
		if got := testing.AllocsPerRun(200, test.serve); got > test.budget {
			t.Errorf("hello as %s allocates %v times; the budget is %v", test.name, got, test.budget)
		}
	}
}

func BenchmarkHello(b *testing.B) {
	for name, serve := range map[string]func(){"application": serveApplication, "handler": serveHandler} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}

// BenchmarkBody: what a body costs by itself, in blocks as io.Copy makes them.
func BenchmarkBody(b *testing.B) {
	block := make([]byte, 32<<10)
	b.Run("application", func(b *testing.B) {
		b.SetBytes(int64(len(block)))
		env := environment("GET")
		app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", nil)
			return func(yield func([]byte, error) bool) {
				for b.Loop() {
					yield(block, nil)
				}
			}
		}
		if err := modgo.Serve(app, env, &apphost.Host{Transport: sink{}}); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("handler", func(b *testing.B) {
		b.SetBytes(int64(len(block)))
		w := &gateway.ResponseWriter{Transport: sink{}}
		for b.Loop() {
			w.Write(block)
		}
	})
}
