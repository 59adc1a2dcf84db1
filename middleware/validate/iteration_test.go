package validate_test

import (
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// The ways in which a server can misuse a body.
func iterateTwice(body modgo.Body) {
	for range 2 {
		for range body {
			continue
		}
	}
}

func iterateAtOnce(body modgo.Body) {
	for range body {
		for range body {
			continue
		}
	}
}

func changeBlocks(body modgo.Body) {
	for block := range body {
		copy(block, "XXXX")
	}
}

func ignoreErrors(body modgo.Body) {
	for range body {
		continue
	}
}

func forget(modgo.Body) {}

func abandon(body modgo.Body) {
	next, _ := iter.Pull2(body) // stop is never called
	_, _, _ = next()
}

// TestBrokenIterations: servers that do not iterate the body as they should.
func TestBrokenIterations(t *testing.T) {
	failing := func(yield func([]byte, error) bool) { yield(nil, errCause) }
	for _, test := range []struct {
		name, clause string
		headers      modgo.Headers
		body         modgo.Body
		server       func(modgo.Body)
		function     string
		both         bool
	}{
		{"twice", "C42", plain, blocks("one"), iterateTwice, "iterateTwice", false},
		{"twice at once", "C42", plain, blocks("one"), iterateAtOnce, "iterateAtOnce", false},
		{"changes blocks", "C40", plain, blocks("one"), changeBlocks, "changeBlocks", false},
		{"goes on after an error", "C48", plain, failing, ignoreErrors, "ignoreErrors", false},
		{"goes on after Content-Length", "C44", sized("3"), blocks("one", "two"), ignoreErrors, "ignoreErrors", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCollector()
			app := validate.Reporting(c.report)(starting("200 OK", test.headers, test.body))
			start := func(string, modgo.Headers, ...error) io.Writer { return io.Discard }
			test.server(app(environment(t, complete, ""), start))
			if test.both {
				c = serverOnly(c)
			}
			c.expect(t, test.clause, validate.Server, test.function, "iteration_test.go")
		})
	}
}

// callAndForget is a server that does not iterate.
func callAndForget(t *testing.T, app modgo.Application, server func(modgo.Body)) {
	server(app(environment(t, complete, ""), func(string, modgo.Headers, ...error) io.Writer { return io.Discard }))
}

// TestForgottenBody: the clean-up of a body that was thrown away can never run, which the collector of garbage tells.
func TestForgottenBody(t *testing.T) {
	for name, body := range map[string]modgo.Body{
		"blocks": blocks("one"), "text": modgo.Text("one"), "file": modgo.File(closer{strings.NewReader("one"), new(bool)}), "none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector()
			callAndForget(t, validate.Reporting(c.report)(starting("200 OK", plain, body)), forget)
			for len(c.violations()) == 0 {
				runtime.GC()
				runtime.Gosched()
			}
			c.expect(t, "V9", validate.Server, "callAndForget", "iteration_test.go")
		})
	}
}
